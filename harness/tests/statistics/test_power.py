"""What a test could have seen: the textbooks' numbers, and each formula against simulation of its own test."""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import (
    Censored,
    Kind,
    Test,
    contrast_test,
    detectable,
    detectable_effect,
    guarded_bounds,
    guarded_bounds_unpaired,
    paired_shares,
    seeds_needed,
    seeds_to_decide,
)
from harness.statistics.paired import sign_flip_tails
from harness.statistics.power import FEWEST
from harness.statistics.ranks import rank_bounds
from harness.statistics.shares import Pairs
from harness.statistics.spreads import swapped_bounds
from harness.tests.statistics.test_defined_findings import difference

KINDS: list[Kind] = ["greater", "equivalent"]
Supports = npt.NDArray[np.bool_]


def test_a_paired_t_test_is_the_textbooks() -> None:
    assert seeds_needed(1.0, 0.5, power=0.8) == 34  # Cohen 1988: d = 0.5, one sample
    assert detectable_effect(1.0, 34, power=0.8) == pytest.approx(0.5, abs=0.01)


def test_ranks_are_noethers() -> None:
    assert seeds_needed(nan, 0.2, "censored ranks") == 44  # (1.96 + 1.2816)^2 / (6 * 0.2^2) = 43.8


@given(st.sampled_from(sorted(FEWEST)), st.floats(0.05, 0.5), st.floats(0, 1), st.sampled_from(KINDS))
@settings(max_examples=40, deadline=None)
def test_seeds_needed_are_the_fewest(test: Test, effect: float, reach: float, kind: Kind) -> None:
    n = seeds_needed(0.3, effect, test, reach=reach, kind=kind)
    assert n is not None
    seen = detectable_effect(0.3, n, test, reach=reach, kind=kind)
    fewer = detectable_effect(0.3, n - 1, test, reach=reach, kind=kind)
    assert seen is not None
    assert seen <= effect
    assert fewer is None or fewer > effect


def test_what_can_not_be_found_is_none() -> None:
    assert detectable_effect(1.0, 5, "sign-flip") is None  # it can't reject
    assert detectable_effect(1.0, 14, "guarded t") is None  # it is refused
    assert detectable_effect(nan, 20, "guarded t") is None
    assert detectable_effect(nan, 4, "censored ranks") is None  # P > 1
    assert seeds_needed(1.0, 0.001) is None  # over 10,000
    assert seeds_needed(1.0, 0.0) is None
    assert seeds_needed(0.0, 0.1) == 6  # no noise: as few as can reject


def test_powers_and_tests_that_make_no_sense_are_an_error() -> None:
    with pytest.raises(ValueError, match="alpha < power"):
        detectable_effect(1.0, 20, power=0.01)
    with pytest.raises(ValueError, match="Welch"):
        detectable_effect(1.0, 20, "Welch")


@dataclass(frozen=True)
class Scene:
    """Samples of `n` seeds and a true effect: in which of 1,000 samples a test supports it. sd: what the formula is
    told of their noise. near: how far from what it promises a formula may be, for normal or other approximations."""

    n: int
    sd: float
    supports: Callable[[np.random.Generator, float], Supports]
    near: float = 0.05


def flipped(rng: np.random.Generator, effect: float) -> Supports:
    return np.asarray(sign_flip_tails(rng.normal(effect, 1, (1000, 12)))[0] <= 0.025)


def guarded(rng: np.random.Generator, effect: float) -> Supports:
    return np.asarray(guarded_bounds(rng.normal(effect, 1, (1000, 20)))[0] > 0)


def guarded_groups(rng: np.random.Generator, effect: float) -> Supports:
    a, b = rng.normal([[[effect]], [[0.0]]], 1, (2, 1000, 20))
    return np.asarray(guarded_bounds_unpaired(a, b)[0] > 0)


def ranked(rng: np.random.Generator, effect: float) -> Supports:
    ahead = np.sqrt(2) * stats.norm.ppf(0.5 + effect)
    none = np.zeros((1000, 15), bool)
    a, b = (Censored(rng.normal(mean, 1, (1000, 15)), none, none) for mean in (ahead, 0.0))
    return np.asarray(rank_bounds(a, b, 499, rng)[0] > 0)


def wider(rng: np.random.Generator, effect: float) -> Supports:
    x, y = rng.normal(size=(2, 1000, 20, 2))
    return np.asarray(swapped_bounds((1 + effect * np.sqrt(np.pi / 2)) * x, y, 399, rng)[0] > 0)


def shares(rng: np.random.Generator, effect: float) -> Supports:
    differ = max(effect, 0.4**2 + effect**2)
    pairs, chances = Pairs(15), [(differ + effect) / 2, (differ - effect) / 2, 1 - differ]
    rejects = pairs.rejected(0.0, 0.05)
    return np.array([rejects[pairs.index(x, y)] for x, y, _ in rng.multinomial(15, chances, 1000)])


SCENES: dict[Test, Scene] = {
    "sign-flip": Scene(12, 1, flipped),
    "guarded t": Scene(20, 1, guarded),
    "guarded Welch": Scene(20, 1, guarded_groups),
    # Noether takes the variance of no effect, which is larger: what it promises is exceeded
    "censored ranks": Scene(15, nan, ranked, 0.1),
    "swapped spreads": Scene(20, 0.88, wider, 0.08),
    "paired shares": Scene(15, 0.4, shares, 0.03),
}


def test_every_formula_has_its_scene() -> None:
    assert SCENES.keys() == FEWEST.keys()


@pytest.mark.parametrize("test", SCENES)
def test_what_is_said_to_be_seen_nine_times_in_ten_is_and_no_effect_is_seldom(test: Test) -> None:
    scene, rng = SCENES[test], np.random.default_rng(0)
    effect = detectable_effect(scene.sd, scene.n, test)
    assert effect is not None
    assert scene.supports(rng, effect).mean() == pytest.approx(0.9, abs=scene.near)
    alarms = int(scene.supports(rng, 0.0).sum())
    assert stats.binomtest(alarms, 1000).proportion_ci(0.998).low <= 0.025


@pytest.mark.parametrize(("reach", "n"), [(1.0, 20), (2.0, 50)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_guard_finds_what_it_sees_nine_times_in_ten(reach: float, n: int, kind: Kind) -> None:
    effect = detectable_effect(0.25, n, "guarded t", reach=reach, kind=kind)
    assert effect is not None
    values = np.random.default_rng(0).normal(effect if kind == "greater" else 0.0, 0.25, (6000, n))
    low, high = guarded_bounds(values, reach, reach)
    found = low > 0 if kind == "greater" else (low > -effect) & (high < effect)
    assert found.mean() == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("kind", ["equivalent", "non-inferior"])
def test_a_margin_of_shares_said_to_be_kept_nine_times_in_ten_is(kind: Kind) -> None:
    margin, rng = detectable_effect(0.4, 15, "paired shares", kind=kind), np.random.default_rng(0)
    assert margin is not None
    kept = []
    for only_a, only_b, _ in rng.multinomial(15, [0.08, 0.08, 0.84], 200):
        at = np.arange(15)
        o = paired_shares(at < only_a, (at >= only_a) & (at < only_a + only_b))
        kept.append(o.lower > -margin and (o.upper < margin or kind == "non-inferior"))
    assert np.mean(kept) >= 0.85  # tables are few: a margin can keep more than was asked for


def test_beyond_enumeration_the_normal_formula_goes_on_where_the_exact_one_ends() -> None:
    exact, normal = (detectable_effect(0.45, n, "paired shares") for n in (40, 41))
    assert exact is not None
    assert normal == pytest.approx(exact, rel=0.15)


class TestOfAnOutcome:
    rng = np.random.default_rng(0)
    pair = difference(rng.normal(0.5, 0.1, 20), rng.normal(0.5, 0.1, 20))

    def test_a_difference_must_be_seen_and_be_large_enough(self) -> None:
        outcome = contrast_test(self.pair)
        seen = detectable_effect(outcome.sd, 20)
        assert detectable(outcome, "greater", 0.0) == seen
        assert detectable(outcome, "greater", 1.0) == pytest.approx(1 + 1.2816 * outcome.sd / 20**0.5)
        assert detectable(contrast_test(self.pair, "equivalent"), "equivalent", 1.0) != seen

    def test_too_few_seeds_are_told_how_many_would_do_and_other_refusals_are_not(self) -> None:
        few = contrast_test(difference(np.arange(8) / 10, np.zeros(8)), "equivalent")
        assert few.refusal == "few seeds"
        needed = seeds_to_decide(few, "equivalent", 0.3)
        assert needed is not None
        assert needed >= 15
        still = contrast_test(difference(np.zeros(20), np.zeros(20)), "equivalent", (0.0, 0.0))
        assert still.refusal == "no spread"
        assert seeds_to_decide(still, "equivalent", 0.3) is None

    def test_a_difference_takes_as_many_as_the_guard_needs_to_place_a_true_0(self) -> None:
        outcome = contrast_test(self.pair)
        alone = seeds_needed(outcome.sd, 0.1)
        of_guard = seeds_needed(outcome.sd, 0.05, "guarded t", reach=outcome.reach, kind="equivalent")
        assert alone is not None
        assert of_guard is not None
        assert seeds_to_decide(outcome, "greater", 0.05) == of_guard > alone
