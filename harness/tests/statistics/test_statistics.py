"""Tests of differences: against scipy, against each other, and many samples at once against one at a time."""

from math import inf, isnan, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import Censored, PerSeed, benjamini_hochberg, censored_ranks, contrast_test, swapped_spreads
from harness.statistics.guard import guarded_bounds, guarded_paired, t_test
from harness.statistics.intervals import bca
from harness.statistics.paired import sign_flip, sign_flip_tails
from harness.statistics.ranks import guarded_rank_bounds, rank_bounds
from harness.statistics.spreads import swapped_bounds

Array = npt.NDArray[np.float64]

# A tenth is not a float: sums that should tie do so only but for rounding, as measured returns do.
tenths = st.integers(-20, 20).map(lambda k: k / 10)


def seeds(fewest: int, most: int) -> st.SearchStrategy[list[float]]:
    return st.lists(tenths, min_size=fewest, max_size=most)


def exactly(values: npt.ArrayLike) -> Censored:
    held = np.asarray(values, dtype=np.float64)
    return Censored(held, np.zeros(held.shape, bool), np.zeros(held.shape, bool))


class TestSignFlip:
    @given(st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=9))
    def test_p_is_scipys(self, differences: list[float]) -> None:
        """On whole numbers, whose sums tie exactly: scipy tells near ties apart that are equal but for rounding."""
        theirs = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf
        )
        assert sign_flip(differences).p == pytest.approx(theirs.pvalue)

    @given(seeds(6, 9))
    def test_bounds_are_where_a_shifted_test_starts_to_reject(self, differences: list[float]) -> None:
        outcome = sign_flip(differences)

        def p(mean: float, side: int) -> float:
            return float(sign_flip_tails(np.array(differences) - mean)[side])

        assert p(outcome.lower - 1e-6, 0) <= 0.025 < p(outcome.lower + 1e-6, 0)
        assert p(outcome.upper + 1e-6, 1) <= 0.025 < p(outcome.upper - 1e-6, 1)

    def test_hand_made(self) -> None:
        outcome = sign_flip([1, 2, 3, 4, 5, 6])
        assert (outcome.p, outcome.lower, outcome.upper, outcome.effect) == (2 / 64, 1, 6, 3.5)
        five = sign_flip([1.0] * 5)
        assert (five.p, five.lower, five.upper, five.refusal) == (2 / 32, -inf, inf, "few seeds")
        zeros = sign_flip([0.0] * 10)
        assert (zeros.p, zeros.lower, zeros.upper) == (1, 0, 0)

    @pytest.mark.parametrize("n", [6, 20, 21])
    def test_golden(self, n: int) -> None:
        """On either side of where subsets are drawn; worked out by the first version, to the last digit."""
        outcome = sign_flip(np.sin(np.arange(n)) + 0.3)
        assert (outcome.p, outcome.lower, outcome.upper) == GOLDEN_FLIPS[n]


GOLDEN_FLIPS = {
    6: (0.34375, -0.6589242746631385, 1.2092974268256818),
    20: (0.0696563720703125, -0.02807502160613864, 0.6365111205728898),
    21: (0.03982528753170955, 0.01854488143101104, 0.6761852922342115),
}


class TestGuard:
    def test_the_t_test_is_scipys(self) -> None:
        a = np.array([1.0, 2.0, 4.0, 3.0])
        theirs = stats.ttest_1samp(a, 0, alternative="greater")
        assert t_test(a).above == theirs.pvalue
        assert t_test(a).lower == theirs.confidence_interval(0.975).low

    @given(seeds(15, 20), st.floats(0, 3))
    def test_the_guard_only_widens(self, values: list[float], reach: float) -> None:
        t, guarded = t_test(np.array(values)), guarded_paired(values, reach, reach)
        assert guarded.refused or (guarded.lower <= t.lower + 1e-9 and guarded.upper >= t.upper - 1e-9)

    def test_no_spread_is_refused_unless_a_failure_is_allowed_for(self) -> None:
        same = [0.4] * 20
        for outcome in (guarded_paired(same), guarded_paired(same, 1.0, 0.0)):
            assert (outcome.refusal, outcome.lower, outcome.upper) == ("no spread", -inf, inf)
            assert isnan(outcome.p)
        guarded = guarded_paired(same, 1.0, 1.0)
        assert not guarded.refused and guarded.lower < 0.4 - 2.9 / 20


class TestCensoredRanks:
    def test_without_censoring_the_statistic_is_brunner_munzels(self) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.normal(0.8, 1, 25), rng.normal(0, 2, 20)
        ours, theirs = censored_ranks(exactly(a), exactly(b)), stats.brunnermunzel(b, a)
        assert ours.effect == pytest.approx(stats.mannwhitneyu(a, b).statistic / 500 - 0.5)
        assert ours.p == pytest.approx(theirs.pvalue, abs=0.01)

    def test_p_is_scipys_permutation(self) -> None:
        a, b = np.array([5.0, 6.0, 7.5, 9.0]), np.array([1.0, 6.5, 2.0, 4.0, 3.5])

        def statistic(x: Array, y: Array, axis: int) -> Array:
            score = (np.sign(x[..., :, None] - y[..., None, :])) / 2
            rows, columns = score.mean(axis=-1), score.mean(axis=-2)
            error = np.sqrt(rows.var(axis=-1, ddof=1) / 4 + columns.var(axis=-1, ddof=1) / 5)
            return np.asarray(rows.mean(axis=-1) / np.maximum(error, 1 / (np.sqrt(2) * 20)))

        theirs = stats.permutation_test((a, b), statistic, vectorized=True, n_resamples=np.inf)
        assert censored_ranks(exactly(a), exactly(b)).p == pytest.approx(theirs.pvalue)

    def test_later_is_a_smaller_density(self) -> None:
        none = np.zeros(5, bool)
        sparse, dense = (Censored(np.full(5, density), none, none, falling=True) for density in (0.1, 0.5))
        outcome = censored_ranks(sparse, dense)
        assert (outcome.effect, outcome.p) == (0.5, pytest.approx(2 / 252))
        assert 0 < outcome.lower < outcome.upper

    def test_pairs_that_can_not_be_ordered_are_ties(self) -> None:
        no, yes = np.array([False, False]), np.array([True, True])
        at = np.array([3.0, 3.0])
        held_out, broke, at_once = Censored(at, no, yes), Censored(at, no, no), Censored(at, yes, no)
        assert censored_ranks(held_out, Censored(at + 1, no, no)).effect == 0  # its end lies somewhere past 3
        assert censored_ranks(held_out, Censored(at - 1, no, no)).effect == 0.5
        assert censored_ranks(at_once, Censored(at + 1, no, no)).effect == -0.5
        assert censored_ranks(at_once, Censored(at - 1, no, no)).effect == 0
        for one, other in ((held_out, held_out), (held_out, broke), (at_once, broke)):
            outcome = censored_ranks(one, other)
            assert (outcome.effect, outcome.refusal) == (0, "censored")

    @given(seeds(2, 5), seeds(2, 5), st.lists(st.sampled_from(["", "left", "right"]), min_size=10, max_size=10))
    @settings(max_examples=60)
    def test_groups_are_treated_alike(self, a: list[float], b: list[float], sides: list[str]) -> None:
        flags = (np.array(sides[: len(a)]), np.array(sides[5 : 5 + len(b)]))
        one, other = (
            Censored(np.array(v), side == "left", side == "right") for v, side in zip((a, b), flags, strict=True)
        )
        outcome, swapped = censored_ranks(one, other), censored_ranks(other, one)
        assert outcome.refused or -0.5 <= outcome.lower <= outcome.effect <= outcome.upper <= 0.5
        assert (swapped.effect, swapped.lower) == pytest.approx((-outcome.effect, -outcome.upper))

    def test_equivalence_is_not_shown_by_ties_that_censoring_made(self) -> None:
        rng = np.random.default_rng(0)
        values, no = rng.integers(1, 4, 40).astype(float), np.zeros(40, bool)
        low, high = guarded_rank_bounds(exactly(values), exactly(values))
        assert -0.2 < low < 0 < high < 0.2
        late = Censored(values, no, np.arange(40) % 4 > 0)
        low, high = guarded_rank_bounds(late, late)
        assert low < -0.25 < 0.25 < high
        assert censored_ranks(exactly([1, 2, 3, 4]), exactly([1, 2, 3, 4])).guarded == (-0.5, 0.5)


class TestSwappedSpreads:
    def test_a_difference_is_found_and_where_all_stand_is_none(self) -> None:
        rng = np.random.default_rng(0)
        narrow = rng.normal(0.5, 0.05, (20, 11))
        outcome = swapped_spreads(rng.normal(0.5, 0.1, (20, 11)), narrow)
        assert outcome.p < 0.001
        assert 0.02 < outcome.lower < outcome.effect < outcome.upper < 0.07
        assert outcome.effect == pytest.approx(0.04, abs=0.01)  # 0.8 standard deviations
        moved = swapped_spreads(narrow, narrow[::-1] + 0.3)
        assert moved.effect == pytest.approx(0) and moved.lower < 0 < moved.upper


def drawn(*shape: int) -> Array:
    """Values of which some tie."""
    return np.round(np.random.default_rng(0).normal(0.3, 1, shape), 1)


class TestManySamplesAtOnce:
    """The leading axes are samples, each of which comes out as it does alone."""

    @pytest.mark.parametrize("n", [5, 6, 13, 21])
    def test_sign_flip(self, n: int) -> None:
        values = drawn(3, 4, n)
        tails = np.minimum(*sign_flip_tails(values))
        assert np.minimum(1, 2 * tails).tolist() == [[sign_flip(row).p for row in rows] for rows in values]

    def test_guarded_bounds(self) -> None:
        values, fall, rise = drawn(5, 15), np.linspace(0, 2, 5), np.linspace(1, 0.5, 5)
        low, high = guarded_bounds(values, fall, rise)
        alone = [guarded_paired(row, f, r) for row, f, r in zip(values, fall, rise, strict=True)]
        assert [(o.lower, o.upper) for o in alone] == list(zip(low, high, strict=True))

    @pytest.mark.parametrize("n", [6, 16])
    def test_ranks(self, n: int) -> None:
        a, b = np.clip(np.rint(2 * drawn(2, 4, n)), -2, 3)
        one, other = (Censored(v, v == -2, v == 3) for v in (a, b))
        found = np.stack([*rank_bounds(one, other), *guarded_rank_bounds(one, other)], axis=1)
        for i in range(4):
            alone = censored_ranks(*(Censored(v[i], v[i] == -2, v[i] == 3) for v in (a, b)))
            guarded = alone.guarded if n >= 15 else tuple(found[i, 3:])
            assert (alone.lower, alone.upper, alone.p, *(guarded or ())) == tuple(found[i])

    def test_swapped_spreads(self) -> None:
        a, b = drawn(2, 3, 7, 2)
        alone = [swapped_spreads(x, y, 500) for x, y in zip(a, b, strict=True)]
        assert [(o.lower, o.upper, o.p) for o in alone] == list(zip(*swapped_bounds(a, b, 500), strict=True))


class TestChoice:
    a, b, c = (PerSeed.of(name, np.linspace(k, 1, 16) ** 2, range(16)) for k, name in enumerate("abc"))

    def test_a_pair_gets_the_sign_flip_and_guarded_bounds_for_equivalence(self) -> None:
        outcome = contrast_test(self.a - self.b)
        assert outcome.test == "sign-flip"
        high, low = np.median(self.a.values), np.median(self.b.values)  # a may fall to 0, b rise to 1, or reverse
        guarded = guarded_paired((self.a - self.b).values, max(high, 1 - low), max(1 - high, low))
        assert outcome.guarded == (guarded.lower, guarded.upper)
        for kind in ("equivalent", "non-inferior"):
            assert contrast_test(self.a - self.b, kind).test == "guarded t"  # type: ignore[arg-type]

    def test_contrasts_of_three_never_get_a_sign_flip(self) -> None:
        contrast = 2 * self.b - self.c - self.a
        a, b, c = medians = [float(np.median(part.values)) for part in (self.a, self.b, self.c)]
        low, high = -9.0, 9.0  # beyond all that they have
        assert low < min(medians) and max(medians) < high
        fall, rise = max(2 * (b - low), high - a, high - c), max(2 * (high - b), a - low, c - low)
        assert contrast_test(contrast, span=(low, high)) == guarded_paired(contrast.values, fall, rise)

    def test_under_15_seeds_studentised_tests_are_refused(self) -> None:
        a, b = (PerSeed.of(name, np.arange(14.0) ** k, range(14)) for k, name in enumerate("ab"))
        assert contrast_test(a - b, "equivalent").refusal == "few seeds"
        assert contrast_test(a - b).guarded == (-inf, inf) and not contrast_test(a - b).refused

    def test_nothing_to_compare_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="cancelled"):
            contrast_test(self.a - self.a)


class TestShownBesideAVerdict:
    def test_bca_is_scipys(self) -> None:
        values = np.random.default_rng(3).lognormal(size=12)
        theirs = stats.bootstrap((values,), np.mean, n_resamples=2000, rng=np.random.default_rng(0)).confidence_interval
        assert tuple(map(float, bca(values))) == pytest.approx((theirs.low, theirs.high), rel=1e-12)

    @pytest.mark.parametrize("bad", [[], [nan, 1.0], 3.0])
    def test_bca_of_equal_seeds_is_their_mean_and_of_nothing_an_error(self, bad: Any) -> None:
        low, high = bca([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
        assert low[0] == high[0] == 1.0 and low[1] < 1.0 < high[1]
        with pytest.raises(ValueError, match="finite"):
            bca(bad)

    @given(st.lists(st.floats(0, 1), max_size=8), st.integers(0, 8))
    def test_q_is_scipys_and_what_was_not_tested_counts_for_nothing(self, p: list[float], place: int) -> None:
        q = benjamini_hochberg([*p[:place], nan, *p[place:]])
        place = min(place, len(p))
        assert isnan(q[place])
        theirs = stats.false_discovery_control(p, method="bh") if p else []
        np.testing.assert_allclose(np.delete(q, place), theirs)
