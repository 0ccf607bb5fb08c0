"""What a test could have seen: the textbooks' numbers, and each formula against simulation of its own test."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import nan
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import (
    Kind,
    Outcome,
    PerSeed,
    Test,
    contrast_test,
    detectable_effect,
    guarded_bounds,
    guarded_unpaired,
    improvement,
    label_permutation,
    ordering,
    paired_shares,
    rank_correlation,
    rarer_than,
    seeds_needed,
    sign_flip,
    studentised_paired,
    studentised_unpaired,
    swapped_spreads,
    unpaired_shares,
    variance_ratio,
)

Array = npt.NDArray[np.float64]
REPLICATES = 6_000
FAMILIES = get_args(Test)
KINDS: list[Kind] = ["greater", "equivalent"]


class TestPower:
    def test_t_is_the_textbooks(self) -> None:
        assert seeds_needed(1.0, 0.5, "t", power=0.8) == 34  # Cohen 1988: d = 0.5, one sample
        assert seeds_needed(1.0, 0.5, "Welch", power=0.8) == 64  # the same, two groups
        assert detectable_effect(1.0, 34, "t", power=0.8) == pytest.approx(0.5, abs=0.01)

    def test_ranks_are_noethers(self) -> None:
        assert seeds_needed(nan, 0.2, "censored ranks") == 44  # (1.96 + 1.2816)^2 / (6 * 0.2^2) = 43.8

    @given(st.sampled_from(FAMILIES), st.floats(0.05, 0.5), st.floats(0, 1), st.sampled_from(KINDS))
    @settings(max_examples=40, deadline=None)
    def test_seeds_needed_are_the_fewest(self, test: Test, effect: float, reach: float, kind: Kind) -> None:
        n = seeds_needed(0.3, effect, test, reach=reach, kind=kind)
        assert n is not None
        seen = detectable_effect(0.3, n, test, reach=reach, kind=kind)
        fewer = detectable_effect(0.3, n - 1, test, reach=reach, kind=kind)
        assert seen is not None
        assert seen <= effect
        assert fewer is None or fewer > effect

    @pytest.mark.parametrize(("reach", "n"), [(0.0, 20), (1.0, 20), (2.0, 50)])
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_guard_finds_what_it_sees_nine_times_in_ten(self, reach: float, n: int, kind: Kind) -> None:
        effect = detectable_effect(0.25, n, "guarded t", reach=reach, kind=kind)
        assert effect is not None
        truth = effect if kind == "greater" else 0.0
        values = np.random.default_rng(0).normal(truth, 0.25, (REPLICATES, n))
        low, high = guarded_bounds(values, reach, reach)
        found = low > 0 if kind == "greater" else (low > -effect) & (high < effect)
        assert found.mean() == pytest.approx(0.9, abs=0.05)

    def test_what_can_not_be_found_is_none(self) -> None:
        assert detectable_effect(1.0, 5, "sign-flip") is None  # it can't reject
        assert detectable_effect(1.0, 14, "guarded t") is None  # it is refused
        assert detectable_effect(nan, 20, "t") is None
        assert seeds_needed(1.0, 0.001) is None  # over 10,000
        assert seeds_needed(1.0, 0.0) is None
        assert seeds_needed(0.0, 0.1) == 6  # no noise: as few as can reject

    def test_powers_that_make_no_sense_are_refused(self) -> None:
        with pytest.raises(ValueError, match="alpha < power"):
            detectable_effect(1.0, 20, power=0.01)


@dataclass(frozen=True)
class Scene:
    """Samples of `n` seeds on which a test is made, with a true effect of the size asked for. sd: what the formula is
    told of their noise, as it is where the effect is that large."""

    n: int
    sd: float
    draw: Callable[[np.random.Generator, float], Outcome]
    times: int = 500
    near: float = 0.05
    """How far from what it promises a formula may be, for normal or other approximations."""


@cache
def shares_of_pairs(n: int, only_a: int, only_b: int) -> Outcome:
    """Drawn often, judged once."""
    at = np.arange(n)
    return paired_shares(at < only_a, (at >= only_a) & (at < only_a + only_b))


@cache
def shares_of_groups(n: int, x: int, y: int) -> Outcome:
    return unpaired_shares(np.arange(n) < x, np.arange(n) < y)


def pairs(rng: np.random.Generator, n: int, sd: float, effect: float) -> Outcome:
    differ = max(effect, sd**2 + effect**2)
    only_a, only_b, _ = rng.multinomial(n, [(differ + effect) / 2, (differ - effect) / 2, 1 - differ])
    return shares_of_pairs(n, int(only_a), int(only_b))


def groups(rng: np.random.Generator, n: int, effect: float) -> Outcome:
    x, y = rng.binomial(n, [0.5 + effect / 2, 0.5 - effect / 2])
    return shares_of_groups(n, int(x), int(y))


def wider(rng: np.random.Generator, n: int, effect: float) -> Outcome:
    x, y = rng.normal(size=(2, n, 2))
    return swapped_spreads((1 + effect * np.sqrt(np.pi / 2)) * x, y, 1000)


def risen(rng: np.random.Generator, n: int, rho: float) -> Outcome:
    x = rng.normal(size=n)
    r = 2 * np.sin(np.pi * rho / 6)  # Pearson's r of normal values of which Spearman's is rho
    return rank_correlation(x, r * x + np.sqrt(1 - r**2) * rng.normal(size=n))


def ordered(rng: np.random.Generator, n: int, effect: float) -> Outcome:
    """Each seed of three conditions rises throughout with probability `effect`, else is in any order."""
    table = rng.random((n, 3))
    return ordering(np.where(rng.random((n, 1)) < effect, np.sort(table, axis=1), table))


def scaled(rng: np.random.Generator, n: int, effect: float) -> Outcome:
    x, y = rng.normal(size=(2, n))
    return variance_ratio(np.exp(effect) * x, 0.6 * x + 0.8 * y)


def ahead(rng: np.random.Generator, n: int, effect: float) -> Array:
    return rng.normal(np.sqrt(2) * stats.norm.ppf(0.5 + effect), 1, n)


SCENES: dict[Test, Scene] = {
    "sign-flip": Scene(12, 1, lambda rng, e: sign_flip(rng.normal(e, 1, 12))),
    "t": Scene(10, 1, lambda rng, e: studentised_paired(rng.normal(e, 1, 10))),
    "Welch": Scene(10, 1, lambda rng, e: studentised_unpaired(rng.normal(e, 1, 10), rng.normal(0, 1, 10))),
    "label permutation": Scene(
        10, 1, lambda rng, e: label_permutation(rng.normal(e, 1, 10), rng.normal(0, 1, 10), 499), 200, 0.06
    ),
    "guarded Welch": Scene(20, 1, lambda rng, e: guarded_unpaired(rng.normal(e, 1, 20), rng.normal(0, 1, 20)), 200),
    # Noether takes the variance of no effect, which is larger: what it promises is exceeded
    "censored ranks": Scene(
        15, nan, lambda rng, e: improvement(ahead(rng, 15, e), rng.normal(0, 1, 15), 499), 200, 0.1
    ),
    "Pitman-Morgan": Scene(20, 0.8, lambda rng, e: scaled(rng, 20, e)),
    "ordering": Scene(12, 0.5**0.5, lambda rng, e: ordered(rng, 12, e), near=0.1),
    "Spearman": Scene(20, nan, lambda rng, e: risen(rng, 20, e), 200, 0.08),
    "swapped spreads": Scene(20, 0.88, lambda rng, e: wider(rng, 20, e), 300, 0.08),
    "paired shares": Scene(15, 0.4, lambda rng, e: pairs(rng, 15, 0.4, e), 1000, 0.03),
    "unpaired shares": Scene(10, 0.5, lambda rng, e: groups(rng, 10, e), 1000, 0.03),
    "failure rate": Scene(30, 0.21**0.5, lambda rng, e: rarer_than(rng.random(30) < 0.3 - e, 0.3), 400, 0.04),
}


@pytest.mark.parametrize("test", SCENES)
class TestAgainstSimulation:
    """Where a formula says 90 %, its test rejects about so often; and where there is no effect, in at most 5 %."""

    def test_what_is_said_to_be_seen_nine_times_in_ten_is(self, test: Test) -> None:
        scene, rng = SCENES[test], np.random.default_rng(0)
        effect = detectable_effect(scene.sd, scene.n, test)
        assert effect is not None
        outcomes = [scene.draw(rng, effect) for _ in range(scene.times)]
        assert {outcome.test for outcome in outcomes} == {test}
        assert np.mean([outcome.lower > 0 for outcome in outcomes]) == pytest.approx(0.9, abs=scene.near)

    def test_no_effect_is_rejected_in_at_most_5_percent(self, test: Test) -> None:
        scene, rng = SCENES[test], np.random.default_rng(1)
        alarms = [scene.draw(rng, 0.0).p <= 0.05 for _ in range(scene.times)]
        low = stats.binomtest(sum(alarms), len(alarms)).proportion_ci(0.998).low
        assert low <= 0.05, f"{np.mean(alarms):.3f}"


@pytest.mark.parametrize("weights", [(2, -1, -1), (1, -1, -1, 1)], ids=["three", "four"])
@pytest.mark.parametrize("shift", ["none", "as large as is said to be seen"])
def test_contrasts_of_three_and_four_conditions(weights: tuple[int, ...], shift: str) -> None:
    """mask part - weights part; a difference of differences. Conditions of sd 0.1 in the middle of a span of 0.2."""
    n, rng = 20, np.random.default_rng(0)

    def judge(effect: float) -> Outcome:
        parts = rng.normal(0, 0.1, (len(weights), n))
        parts[0] += effect / weights[0]
        sides = [w * PerSeed.of(f"{i}", part, range(n)) for i, (w, part) in enumerate(zip(weights, parts, strict=True))]
        return contrast_test(sum(sides[1:], sides[0]), span=(-0.1, 0.1))

    sd, reach = 0.1 * float(np.linalg.norm(weights)), 0.1 * max(weights)
    effect = detectable_effect(sd, n, "guarded t", reach=reach)
    assert effect is not None
    outcomes = [judge(effect if shift != "none" else 0.0) for _ in range(300)]
    assert {outcome.test for outcome in outcomes} == {"guarded t"}
    if shift == "none":
        assert np.mean([outcome.p <= 0.05 for outcome in outcomes]) <= 0.05
    else:
        assert np.mean([outcome.lower > 0 for outcome in outcomes]) == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize("test", ["paired shares", "unpaired shares"])
@pytest.mark.parametrize("kind", ["equivalent", "non-inferior"])
def test_a_margin_said_to_be_kept_nine_times_in_ten_is(test: Test, kind: Kind) -> None:
    scene, rng = SCENES[test], np.random.default_rng(0)
    margin = detectable_effect(scene.sd, scene.n, test, kind=kind)
    assert margin is not None
    outcomes = [scene.draw(rng, 0.0) for _ in range(scene.times)]
    kept = [o.lower > -margin and (o.upper < margin or kind == "non-inferior") for o in outcomes]
    assert np.mean(kept) >= 0.87  # tables are few: a margin can keep more than was asked for


@pytest.mark.parametrize("test", ["paired shares", "unpaired shares"])
def test_beyond_enumeration_the_normal_formula_goes_on_where_the_exact_one_ends(test: Test) -> None:
    exact, normal = (detectable_effect(0.45, n, test) for n in (40, 41))
    assert exact is not None
    assert normal == pytest.approx(exact, rel=0.15)


def test_effects_larger_than_can_be_are_none() -> None:
    assert detectable_effect(nan, 4, "censored ranks") is None
    assert detectable_effect(0.3, 10, "failure rate") is None  # 10 seeds without a failure leave 31 %
    assert detectable_effect(2.0, 6, "ordering") is None
    assert detectable_effect(0.5, 2, "unpaired shares") is None
