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

from harness.judging.calibrated import exposure_of_spreads
from harness.judging.verdict import conclude
from harness.statistics import Censored, Kind, contrast_test, detectable, paired_shares, seeds_to_decide
from harness.statistics.guard import guarded_bounds
from harness.statistics.inference import Test
from harness.statistics.paired import sign_flip_tails
from harness.statistics.power import FEWEST, detectable_effect, floor, guard_floor, seeds_for, seeds_needed
from harness.statistics.ranks import rank_bounds
from harness.statistics.shares import LARGEST, Pairs
from harness.statistics.spreads import swapped_bounds
from harness.tests.statistics.test_defined_findings import difference

KINDS: list[Kind] = ["greater", "equivalent"]
Supports = npt.NDArray[np.bool_]


def test_numbers_are_the_textbooks() -> None:
    assert seeds_needed(1.0, 0.5, "sign-flip") == 44  # Cohen 1988: d = 0.5, one sample, power 0.9
    assert seeds_needed(nan, 0.2, "censored ranks") == 44  # Noether 1987: (1.96 + 1.2816)^2 / (6 * 0.2^2) = 43.8


@given(st.sampled_from(sorted(FEWEST)), st.floats(0.05, 0.5), st.floats(0, 1), st.sampled_from(KINDS))
@settings(max_examples=40, deadline=None)
def test_seeds_needed_are_the_fewest(test: Test, effect: float, reach: float, kind: Kind) -> None:
    n = seeds_needed(0.3, effect, test, reach, kind)
    assert n is not None
    seen, fewer = (detectable_effect(0.3, count, test, reach, kind) for count in (n, n - 1))
    assert seen is not None and seen <= effect
    assert fewer is None or fewer > effect


def test_what_can_not_be_found_is_none() -> None:
    assert detectable_effect(1.0, 5, "sign-flip") is None  # it can't reject
    assert detectable_effect(1.0, 14, "guarded t") is None  # it is refused
    assert detectable_effect(nan, 20, "guarded t") is None
    assert detectable_effect(nan, 4, "censored ranks") is None  # P > 1
    assert seeds_needed(1.0, 0.001, "sign-flip") is None  # over 10,000
    assert seeds_needed(1.0, 0.0, "sign-flip") is None
    assert seeds_needed(0.0, 0.1, "sign-flip") == 6  # no noise: as few as can reject


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
    rejects = pairs.rejected(0.0)
    return np.array([rejects[pairs.index(x, y)] for x, y, _ in rng.multinomial(15, chances, 1000)])


SCENES: dict[Test, Scene] = {
    "sign-flip": Scene(12, 1, flipped),
    "guarded t": Scene(20, 1, guarded),
    # Noether takes the variance of no effect, which is larger: what it promises is exceeded
    "censored ranks": Scene(15, nan, ranked, 0.1),
    "swapped spreads": Scene(20, 0.88, wider, 0.08),
    "paired shares": Scene(15, 0.4, shares, 0.03),
}


@pytest.mark.parametrize("test", FEWEST)
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
    effect = detectable_effect(0.25, n, "guarded t", reach, kind)
    assert effect is not None
    values = np.random.default_rng(0).normal(effect if kind == "greater" else 0.0, 0.25, (6000, n))
    low, high = guarded_bounds(values, reach, reach)
    found = low > 0 if kind == "greater" else (low > -effect) & (high < effect)
    assert found.mean() == pytest.approx(0.9, abs=0.05)


def test_spreads_that_are_seen_nine_times_in_ten_lie_above_their_floor() -> None:
    effect = detectable_effect(0.07, 100, "swapped spreads", reach=1.0)
    assert effect is not None
    estimates = np.random.default_rng(0).normal(effect, 0.07 / 10, 100_000)
    assert (estimates > floor("swapped spreads", "greater", 100, reach=1.0)).mean() == pytest.approx(0.9, abs=0.01)


class TestFloor:
    """What no sample can show, however little varies."""

    @pytest.mark.parametrize(("reach", "n"), [(1.0, 15), (1.0, 20), (2.0, 40)])
    def test_the_guard_lets_equal_seeds_pass_just_above_it(self, reach: float, n: int) -> None:
        least = guard_floor(reach, n)
        for effect, passes in ((1.001 * least, True), (0.999 * least, False)):
            low, high = guarded_bounds(np.full((1, n), effect), reach, reach)
            assert (low[0] > 0) == passes
            low, high = guarded_bounds(np.zeros((1, n)), reach, reach)
            assert (low[0] > -effect) == (high[0] < effect) == passes

    def test_three_conditions_of_20_seeds_and_two_of_15_show_nothing_small(self) -> None:
        assert guard_floor(2.0, 20) == pytest.approx(0.294, abs=0.001)
        assert guard_floor(1.0, 15) == pytest.approx(0.196, abs=0.001)

    @pytest.mark.parametrize("n", [6, 20, 40])
    @pytest.mark.parametrize("kind", KINDS)
    def test_shares_show_what_lies_at_their_floor_and_nothing_below(self, kind: Kind, n: int) -> None:
        least = floor("paired shares", kind, n)
        if kind == "greater":
            shown = [paired_shares(np.arange(n) < x, np.zeros(n)).lower > 0 for x in range(n + 1)]
            assert shown.index(True) == pytest.approx(least * n)
        else:
            alike = paired_shares(np.zeros(n), np.zeros(n))
            assert (-alike.lower, alike.upper) == pytest.approx((least, least), abs=1e-5)

    def test_the_other_tests_have_none_and_too_few_seeds_show_nothing(self) -> None:
        for test, fewest in FEWEST.items():
            assert floor(test, "greater", fewest - 1) == np.inf
        assert floor("paired shares", "greater", LARGEST) < 0.1
        assert floor("paired shares", "greater", LARGEST + 1) == np.inf  # the tables would take gigabytes
        others: list[Test] = ["sign-flip", "censored ranks"]
        assert [floor(test, "greater", FEWEST[test], reach=1.0) for test in others] == [0, 0]

    @pytest.mark.parametrize("n", [20, 100])
    def test_spreads_below_their_floor_may_be_failures_that_were_not_seen(self, n: int) -> None:
        """Two conditions at the ceiling, of which none fails: the narrower one varies not at all."""
        least, alternating = floor("swapped spreads", "greater", n, reach=1.0), np.tile([[0.0], [1.0]], (n // 2, 3))
        for factor, hides in ((0.99, True), (1.01, False)):
            wide = 1.0 - 2 * factor * least * alternating  # half of the seeds at 1, half lower: the median lies between
            seen = exposure_of_spreads(wide, np.ones((n, 3)), (0.0, 1.0))
            assert seen.near and seen.hidden == hides

    def test_what_no_number_of_seeds_shows_is_none(self) -> None:
        assert seeds_for("guarded t", "greater", 1e-6, reach=1.0) is None
        assert seeds_for("paired shares", "equivalent", 0.001) is None


class TestOfAnOutcome:
    rng = np.random.default_rng(0)
    pair = difference(rng.normal(0.5, 0.1, 20), rng.normal(0.5, 0.1, 20))

    def test_a_difference_must_be_seen_and_be_large_enough(self) -> None:
        outcome = contrast_test(self.pair)
        assert detectable(outcome, "greater", 0.0) == detectable_effect(outcome.sd, 20, "sign-flip")
        assert detectable(outcome, "greater", 1.0) == pytest.approx(1 + 1.2816 * outcome.sd / 20**0.5)

    def test_too_few_seeds_are_told_how_many_would_do_and_other_refusals_are_not(self) -> None:
        few = contrast_test(difference(np.arange(8) / 10, np.zeros(8)), "equivalent")
        needed = seeds_to_decide(few, "equivalent", 0.3)
        assert few.refusal == "few seeds" and needed is not None and needed >= 15
        still = contrast_test(difference(np.zeros(20), np.zeros(20)), "equivalent", (0.0, 0.0))
        assert still.refusal == "no spread" and seeds_to_decide(still, "equivalent", 0.3) is None

    def test_a_difference_takes_as_many_as_the_guard_needs_to_place_a_true_0(self) -> None:
        outcome = contrast_test(self.pair)
        alone = seeds_needed(outcome.sd, 0.1, "sign-flip")
        of_guard = seeds_needed(outcome.sd, 0.05, "guarded t", outcome.reach, "equivalent")
        assert alone is not None and of_guard is not None
        assert seeds_to_decide(outcome, "greater", 0.05) == of_guard > alone


class TestShares:
    """Paired shares: against scipy, and their levels by enumeration of every table of 9 pairs."""

    pairs = Pairs(9)

    @pytest.mark.parametrize("table", [(12, 3), (5, 5), (0, 7), (9, 1)])
    def test_p_is_near_mcnemars_and_the_conditions_are_treated_alike(self, table: tuple[int, int]) -> None:
        """The unconditional test is a little more powerful, never by much."""
        x, y = table
        a, b = np.arange(24) < x, (np.arange(24) < y)[::-1]
        ours, swapped = paired_shares(a, b), paired_shares(b, a)
        assert ours.p == pytest.approx(stats.binomtest(x, x + y).pvalue, rel=0.6, abs=0.004)
        assert (ours.lower, ours.upper, ours.p) == pytest.approx((-swapped.upper, -swapped.lower, swapped.p))
        assert paired_shares(np.ones(6), np.zeros(6)).p == pytest.approx(2 / 2**6)

    def test_no_failure_in_20_of_either_still_leaves_18_percent(self) -> None:
        outcome = paired_shares(np.zeros(20), np.zeros(20))
        assert (outcome.lower, outcome.upper) == pytest.approx((-0.184, 0.184), abs=0.001)
        assert conclude("equivalent", 0.1, outcome)[0] == "underpowered"
        assert conclude("equivalent", 0.2, outcome)[0] == "supported"

    def test_bounds_miss_in_at_most_2_5_percent_and_the_other_side_is_the_mirrored_table(self) -> None:
        """Of 21 differences and 15 values of what they leave open."""
        low = np.array([self.pairs.lower_bound(table) for table in range(len(self.pairs.tables[0]))])
        for truth in np.linspace(-0.95, 0.95, 21):
            chances = self.pairs.chances(truth, np.linspace(abs(truth), 1, 15))
            np.testing.assert_allclose(chances.sum(axis=1), 1)
            assert chances[:, low > truth + 1e-5].sum(axis=1).max() <= 0.0251
        mirrored = [self.pairs.index(int(y), int(x)) for x, y in zip(*self.pairs.tables, strict=True)]
        assert self.pairs.rejected(0.1, side=-1).tolist() == self.pairs.rejected(-0.1)[mirrored].tolist()

    def test_what_is_no_share_of_the_same_seeds_is_an_error(self) -> None:
        for a, b in ((np.ones(3), np.ones(4)), ([0.0, 0.5], [0.0, 1.0]), (np.zeros(151), np.zeros(151))):
            with pytest.raises(ValueError, match=r"same seeds|0\.5|150"):
                paired_shares(a, b)
