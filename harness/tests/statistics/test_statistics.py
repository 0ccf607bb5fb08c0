"""Hypothesis tests of differences: against scipy, against each other, and calibrated by simulation."""

from collections.abc import Callable
from math import inf, isnan, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import (
    Censored,
    Outcome,
    PerSeed,
    censored_ranks,
    contrast_test,
    guarded_bounds,
    guarded_bounds_unpaired,
    guarded_paired,
    guarded_unpaired,
    label_permutation,
    sign_flip,
    studentised_paired,
    studentised_unpaired,
    swapped_spreads,
    unpaired_contrast_test,
)

Array = npt.NDArray[np.float64]

# A tenth is not a float: sums that should tie do so only but for rounding, as measured returns do.
tenths = st.integers(-20, 20).map(lambda k: k / 10)


def seeds(smallest: int, largest: int) -> st.SearchStrategy[list[float]]:
    return st.lists(tenths, min_size=smallest, max_size=largest)


def exactly(values: npt.ArrayLike) -> Censored:
    held = np.asarray(values, dtype=np.float64)
    return Censored(held, np.zeros(held.size, bool), np.zeros(held.size, bool))


def agree(outcome: Outcome) -> bool:
    """p <= 0.05 and "0 is outside the bounds" are one statement; at p = 0.05 rounding may part them."""
    if isnan(outcome.p) or abs(outcome.p - 0.05) < 1e-9:
        return True
    return (outcome.p < 0.05) == (outcome.lower > 0 or outcome.upper < 0)


class TestSignFlip:
    @given(st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=9))
    def test_p_is_scipys(self, differences: list[float]) -> None:
        """On whole numbers, whose sums tie exactly: scipy tells near ties apart that are equal but for rounding."""
        theirs = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=np.inf
        )
        assert sign_flip(differences).p == pytest.approx(theirs.pvalue)

    @given(seeds(1, 12))
    def test_p_and_bounds_agree(self, differences: list[float]) -> None:
        assert agree(sign_flip(differences))

    @given(seeds(6, 9))
    def test_bounds_are_where_a_shifted_test_starts_to_reject(self, differences: list[float]) -> None:
        outcome = sign_flip(differences)

        def p(mean: float, alternative: str) -> float:
            shifted = np.array(differences) - mean
            family = {"permutation_type": "samples", "vectorized": True, "n_resamples": np.inf}
            result = stats.permutation_test((shifted,), np.mean, alternative=alternative, **family)
            return float(result.pvalue)

        assert p(outcome.lower - 1e-6, "greater") <= 0.025 < p(outcome.lower + 1e-6, "greater")
        assert p(outcome.upper + 1e-6, "less") <= 0.025 < p(outcome.upper - 1e-6, "less")

    def test_hand_made(self) -> None:
        outcome = sign_flip([1, 2, 3, 4, 5, 6])
        assert outcome.p == 2 / 64
        assert (outcome.lower, outcome.upper) == (1, 6)
        assert outcome.effect == 3.5

    def test_five_seeds_can_not_reject(self) -> None:
        outcome = sign_flip([1.0] * 5)
        assert outcome.p == 2 / 32
        assert (outcome.lower, outcome.upper) == (-inf, inf)

    def test_equal_differences_are_judged_exactly(self) -> None:
        assert sign_flip([0.3] * 6).lower == pytest.approx(0.3)
        zeros = sign_flip([0.0] * 10)
        assert zeros.p == 1
        assert (zeros.lower, zeros.upper) == (0, 0)

    def test_many_seeds_are_sampled_and_come_out_nearly_the_same(self) -> None:
        values = np.random.default_rng(1).normal(0.4, 1, 60)
        outcome, t = sign_flip(values), studentised_paired(values)
        assert outcome == sign_flip(values)
        assert outcome.p == pytest.approx(t.p, abs=0.002)
        assert (outcome.lower, outcome.upper) == pytest.approx((t.lower, t.upper), abs=0.02)

    def test_false_alarms_stay_at_alpha_for_exchangeable_conditions(self) -> None:
        rng = np.random.default_rng(0)
        a, b = failing(rng, (2, 3000, 10), 0.1)
        assert_at_most(sum(sign_flip(row).p <= 0.05 for row in a - b), 3000, 0.05)


class TestStudentised:
    def test_are_scipys(self) -> None:
        a, b = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.5, 0.0, 1.0])
        assert studentised_paired(a).p == pytest.approx(stats.ttest_1samp(a, 0).pvalue)
        assert studentised_unpaired(a, b).p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)

    @given(seeds(2, 12), seeds(2, 12))
    def test_p_and_bounds_agree(self, a: list[float], b: list[float]) -> None:
        assert agree(studentised_paired(a))
        assert agree(studentised_unpaired(a, b))

    @given(seeds(15, 20), seeds(15, 20), st.sampled_from([0.0, 0.5, 2.0]))
    def test_p_and_bounds_agree_under_the_guard(self, a: list[float], b: list[float], reach: float) -> None:
        assert agree(guarded_paired(a, reach, reach / 2))
        assert agree(guarded_unpaired(a, b, (reach, 0.0), (0.0, reach)))

    @given(seeds(15, 20), st.floats(0, 3))
    def test_the_guard_only_widens(self, values: list[float], reach: float) -> None:
        t, guarded = studentised_paired(values), guarded_paired(values, reach, reach)
        if not t.refused:
            assert guarded.lower <= t.lower + 1e-9
            assert guarded.upper >= t.upper - 1e-9

    def test_no_spread_is_refused_unless_a_failure_is_reckoned_with(self) -> None:
        same = [0.4] * 20
        for outcome in (studentised_paired(same), studentised_unpaired(same, same), guarded_paired(same)):
            assert "same value" in outcome.refused
            assert (outcome.lower, outcome.upper) == (-inf, inf)
            assert isnan(outcome.p)
        guarded = guarded_paired(same, 1.0, 1.0)
        assert not guarded.refused
        assert guarded.lower < 0.4 - 2.9 / 20
        assert guarded_paired(same, 1.0, 0.0).refused  # nothing is known of the upper bound
        unpaired = guarded_unpaired(same, same, (1.0, 0.0), (1.0, 0.0))
        assert unpaired.lower == pytest.approx(-unpaired.upper)
        assert unpaired.lower < -2.9 / 20
        assert unpaired.p == 1


class TestLabelPermutation:
    @given(seeds(2, 5), seeds(2, 5))
    @settings(max_examples=60)
    def test_p_and_bounds_agree(self, a: list[float], b: list[float]) -> None:
        assert agree(label_permutation(a, b))

    def test_sampled_p_and_bounds_agree(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(50):
            assert agree(label_permutation(rng.normal(1, 1, 9), rng.normal(0, 2, 9), relabellings=999))

    def test_p_is_that_of_the_enumerated_welch_statistic(self) -> None:
        outcome = label_permutation([5.0, 6.0, 7.5, 9.0], [1.0, 2.0, 3.5, 4.0])
        assert outcome.p == pytest.approx(2 / 70)
        assert outcome.lower > 0
        assert outcome.n == (4, 4)
        assert outcome.effect == 4.25

    def test_three_against_three_can_not_reject(self) -> None:
        outcome = label_permutation([5.0, 6.0, 7.5], [1.0, 2.0, 3.5])
        assert outcome.p == pytest.approx(0.1)
        assert (outcome.lower, outcome.upper) == (-inf, inf)

    def test_false_alarms_stay_at_alpha_where_only_the_means_agree(self) -> None:
        rng = np.random.default_rng(0)
        p = [label_permutation(rng.normal(0, 1, 18), rng.normal(0, 4, 9), 399).p for _ in range(500)]
        assert_at_most(sum(value <= 0.05 for value in p), 500, 0.05)


SIDES = ["", "left", "right"]


class TestCensoredRanks:
    def test_without_censoring_the_statistic_is_brunner_munzels(self) -> None:
        rng = np.random.default_rng(0)
        a, b = rng.normal(0.8, 1, 25), rng.normal(0, 2, 20)
        ours, theirs = censored_ranks(exactly(a), exactly(b)), stats.brunnermunzel(b, a)
        assert ours.effect == pytest.approx(stats.mannwhitneyu(a, b).statistic / 500 - 0.5)
        assert ours.p == pytest.approx(theirs.pvalue, abs=0.01)

    def test_later_is_a_smaller_density(self) -> None:
        none = np.zeros(5, bool)
        sparse = Censored(np.full(5, 0.1), none, none, falling=True)
        dense = Censored(np.full(5, 0.5), none, none, falling=True)
        outcome = censored_ranks(sparse, dense)
        assert outcome.effect == 0.5
        assert outcome.p == pytest.approx(2 / 252)
        assert 0 < outcome.lower < outcome.upper
        assert censored_ranks(dense, sparse).effect == -0.5

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
            assert outcome.effect == 0
            assert "no pair" in outcome.refused

    @given(seeds(2, 5), seeds(2, 5), st.lists(st.sampled_from(SIDES), min_size=10, max_size=10))
    @settings(max_examples=60)
    def test_p_and_bounds_agree_and_groups_are_treated_alike(
        self, a: list[float], b: list[float], sides: list[str]
    ) -> None:
        def censored(values: list[float], side: list[str]) -> Censored:
            flags = np.array(side[: len(values)])
            return Censored(np.array(values), flags == "left", flags == "right")

        one, other = censored(a, sides[:5]), censored(b, sides[5:])
        outcome, swapped = censored_ranks(one, other), censored_ranks(other, one)
        assert agree(outcome)
        assert outcome.refused or -0.5 <= outcome.lower <= outcome.effect <= outcome.upper <= 0.5
        assert (swapped.effect, swapped.lower) == pytest.approx((-outcome.effect, -outcome.upper))

    def test_equivalence_is_not_shown_by_ties_that_censoring_made(self) -> None:
        rng = np.random.default_rng(0)
        values, no = rng.integers(1, 4, 40).astype(float), np.zeros(40, bool)
        same = censored_ranks(exactly(values), exactly(values))
        assert same.guarded is not None
        assert -0.2 < same.guarded[0] < 0 < same.guarded[1] < 0.2
        late = Censored(values, no, np.arange(40) % 4 > 0)
        hidden = censored_ranks(late, late)
        assert hidden.guarded is not None
        assert hidden.guarded[0] < -0.25
        assert hidden.guarded[1] > 0.25

    def test_few_seeds_have_no_bounds_for_equivalence(self) -> None:
        assert censored_ranks(exactly([1, 2, 3, 4]), exactly([1, 2, 3, 4])).guarded == (-0.5, 0.5)

    @pytest.mark.parametrize("spread", [1.0, 3.0])
    def test_false_alarms_stay_at_alpha_also_with_unequal_spread(self, spread: float) -> None:
        rng = np.random.default_rng(0)

        def group(sd: float, n: int) -> Censored:
            level = np.round(rng.normal(0, sd, n))
            return Censored(np.clip(level, -2, 2), level < -2, level > 2)

        p = [censored_ranks(group(1.0, 12), group(spread, 12), 399).p for _ in range(500)]
        assert_at_most(sum(value <= 0.05 for value in p), 500, 0.05)


class TestChoice:
    a, b, c = (PerSeed.of(name, np.linspace(k, 1, 16) ** 2, range(16)) for k, name in enumerate("abc"))

    def test_a_pair_gets_the_sign_flip_and_guarded_bounds_for_equivalence(self) -> None:
        outcome = contrast_test(self.a - self.b)
        assert outcome.test == "sign-flip"
        assert outcome.guarded is not None
        high, low = np.median(self.a.values), np.median(self.b.values)  # a may fall to 0, b rise to 1, or reverse
        guarded = guarded_paired((self.a - self.b).values, max(high, 1 - low), max(1 - high, low))
        assert outcome.guarded == (guarded.lower, guarded.upper)

    @pytest.mark.parametrize("kind", ["equivalent", "non-inferior"])
    def test_other_kinds_get_the_guarded_t(self, kind: Any) -> None:
        assert contrast_test(self.a - self.b, kind).test == "guarded t"
        assert unpaired_contrast_test(self.a, self.b, kind).test == "guarded Welch"

    def test_contrasts_of_three_never_get_a_sign_flip(self) -> None:
        contrast = 2 * self.b - self.c - self.a
        medians = [np.median(part.values) for part in (self.a, self.b, self.c)]
        fall, rise = max(2 * medians[1], 0.0), max(medians[0], medians[2])
        assert contrast_test(contrast, span=(0.0, 0.0)) == guarded_paired(contrast.values, fall, rise)

    def test_unpaired_single_conditions_get_label_permutation_differences_do_not(self) -> None:
        assert unpaired_contrast_test(self.a, self.b).test == "label permutation"
        assert unpaired_contrast_test(self.a - self.c, self.b - self.c).test == "guarded Welch"

    def test_under_15_seeds_studentised_tests_are_refused(self) -> None:
        a, b = (PerSeed.of(name, np.arange(14.0) ** k, range(14)) for k, name in enumerate("ab"))
        refused = contrast_test(a - b, "equivalent")
        assert "14 seeds" in refused.refused
        assert refused.sd > 0
        assert contrast_test(a - b).guarded == (-inf, inf)
        assert not contrast_test(a - b).refused

    def test_nothing_to_compare_is_refused(self) -> None:
        with pytest.raises(ValueError, match="cancelled"):
            contrast_test(self.a - self.a)
        with pytest.raises(ValueError, match="span"):
            contrast_test(self.a - self.b, span=(1.0, 0.0))

    @pytest.mark.parametrize("bad", [[1.0, nan], [1.0, inf], [], [[1.0]]])
    def test_nan_infinite_or_no_values_raise(self, bad: Any) -> None:
        for test in (sign_flip, studentised_paired, guarded_paired):
            with pytest.raises(ValueError, match=r"NaN or infinite|at least one seed"):
                test(bad)
        for unpaired in (studentised_unpaired, label_permutation, guarded_unpaired):
            with pytest.raises(ValueError, match=r"NaN or infinite|at least one seed"):
                unpaired([1.0, 2.0], bad)

    def test_one_seed_is_an_outcome_that_decides_nothing(self) -> None:
        one = PerSeed.of("a", [1.0], [0]) - PerSeed.of("b", [0.5], [0])
        assert contrast_test(one).lower == -inf
        assert studentised_paired([1.0]).refused
        assert label_permutation([1.0], [2.0, 3.0]).refused
        assert contrast_test(one, "equivalent").refused


# ------------------------------------------------------------------ calibration


def normal(rng: np.random.Generator, shape: tuple[int, ...], rate: float = 0.0) -> Array:
    return rng.normal(0.8, 0.1, shape)


def lognormal(rng: np.random.Generator, shape: tuple[int, ...], rate: float = 0.0) -> Array:
    return 0.1 * rng.lognormal(0, 1, shape)


def failing(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> Array:
    """At a ceiling of 1, half of the chains on it; a share `rate` collapses to between 0 and 0.3."""
    value = np.minimum(1, rng.normal(1, 0.1, shape))
    return np.where(rng.random(shape) < rate, rng.uniform(0, 0.3, shape), value)


def tight(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> Array:
    """The same with next to no other noise: the worst case."""
    value = np.minimum(1, rng.normal(1, 0.01, shape))
    return np.where(rng.random(shape) < rate, rng.uniform(0, 0.3, shape), value)


REPLICATES = 6_000
ALIKE: list[tuple[Callable[..., Array], float]] = [
    (normal, 0.0),
    (lognormal, 0.0),
    (failing, 0.0),
    *((draw, rate) for draw in (failing, tight) for rate in (0.02, 0.05, 0.1, 0.2)),
]
HIDDEN = [(rate, depth) for rate in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3) for depth in (1.0, 0.5)]


def assert_at_most(alarms: int, replicates: int, alpha: float) -> None:
    """Fails where the Clopper-Pearson bound (99.9 %) says that the rate of false alarms is above alpha."""
    low = stats.binomtest(alarms, replicates).proportion_ci(0.998).low
    assert low <= alpha, f"{alarms / replicates:.3f} false alarms, at least {low:.3f}, over {alpha}"


def assert_below(alarms: npt.NDArray[np.bool_], alpha: float) -> None:
    """Fails unless the Clopper-Pearson bound (99 %) says that the rate of false alarms is at or under
    alpha."""
    high = stats.binomtest(int(alarms.sum()), alarms.size).proportion_ci(0.98).high
    assert high <= alpha, f"{alarms.mean():.4f} false alarms, at most {high:.4f}, over {alpha}"


def outside(bounds: tuple[Array, Array], truth: float = 0.0) -> npt.NDArray[np.bool_]:
    return (bounds[0] > truth) | (bounds[1] < truth)


@pytest.mark.parametrize("n", [15, 20])
class TestCalibration:
    """Supported or contradicted (before the effect must also reach d) although the mean contrast is 0, and
    equivalent although it is at the margin: both in at most 5 % of samples."""

    @pytest.mark.parametrize(("draw", "rate"), ALIKE)
    def test_conditions_alike(self, draw: Callable[..., Array], rate: float, n: int) -> None:
        a, b, c = draw(np.random.default_rng(0), (3, REPLICATES, n), rate)
        for depth in (0.0, 1.0):
            assert_below(outside(guarded_bounds(2 * b - a - c, 2 * depth, depth)), 0.05)
            assert_below(outside(guarded_bounds(a - b, depth, depth)), 0.05)
            assert_below(outside(guarded_bounds_unpaired(a, b, (depth, 0.0), (depth, 0.0))), 0.05)

    @pytest.mark.parametrize("draw", [failing, tight])
    @pytest.mark.parametrize(("rate", "depth"), HIDDEN)
    def test_equal_means_though_one_condition_fails_rarely(
        self, draw: Callable[..., Array], rate: float, depth: float, n: int
    ) -> None:
        """mask/permuted fails, permuted/permuted is a little lower always, the ticket is at the ceiling."""
        rng = np.random.default_rng(0)
        a, b, c = draw(rng, (3, REPLICATES, n), 0.0)
        fails = depth * (rng.random((REPLICATES, n)) < rate)
        three = 2 * (b - fails) - a - (c - 2 * rate * depth)
        two = (b - fails) - (a - rate * depth)
        assert_below(outside(guarded_bounds(three, 2 * depth, depth)), 0.05)
        assert_below(outside(guarded_bounds(two, depth, depth)), 0.05)
        unpaired = guarded_bounds_unpaired(b - fails, a - rate * depth, (depth, 0.0), (depth, 0.0))
        assert_below(outside(unpaired), 0.05)

    @pytest.mark.parametrize("draw", [failing, tight])
    @pytest.mark.parametrize(("rate", "depth"), HIDDEN)
    def test_equivalence_at_the_edge_of_the_margin(
        self, draw: Callable[..., Array], rate: float, depth: float, n: int
    ) -> None:
        """The whole difference is rare failures: those samples that show none look equal."""
        rng = np.random.default_rng(0)
        a, b = draw(rng, (2, REPLICATES, n), 0.0)
        margin = rate * depth
        low, high = guarded_bounds(a - depth * (rng.random((REPLICATES, n)) < rate) - b, depth, depth)
        assert_below((low > -margin) & (high < margin), 0.05)

    @pytest.mark.parametrize(("draw", "rate"), ALIKE)
    def test_equivalence_at_the_edge_by_shift(self, draw: Callable[..., Array], rate: float, n: int) -> None:
        a, b = draw(np.random.default_rng(0), (2, REPLICATES, n), rate)
        low, high = guarded_bounds(a + 0.2 - b)
        assert_below((low > -0.2) & (high < 0.2), 0.05)

    def test_the_guard_is_needed(self, n: int) -> None:
        """What a plain t test would do: the reason for the guard. If this fails, the guard can go."""
        rng = np.random.default_rng(0)
        a, b, c = tight(rng, (3, REPLICATES, n), 0.0)
        contrast = 2 * (b - (rng.random((REPLICATES, n)) < 0.05)) - a - (c - 0.1)
        plain = stats.ttest_1samp(contrast, 0, axis=-1).pvalue
        assert (plain < 0.05).mean() > 0.3


class TestSwappedSpreads:
    """20 seeds, pairs exchangeable, rejected at 5 % two-sided, 4,000 samples and 1,000 swaps:
      normal, half of the variance shared by a pair, 2 levels      4.9 %
      a ceiling, 10 % of chains fail at all of 11 levels           5.4 %
    A sign-flip of |return - median| gave 3.8 % and 6.6 %: swapping a pair moves the medians of all others.
    """

    @pytest.mark.parametrize("fails", [False, True])
    def test_false_alarms_stay_at_alpha(self, fails: bool) -> None:
        replicates, rng = 400, np.random.default_rng(0)
        alarms = sum(swapped_spreads(*exchangeable(rng, fails), 1_000).p <= 0.05 for _ in range(replicates))
        assert alarms / replicates <= 0.05 + 3 * (0.05 * 0.95 / replicates) ** 0.5

    def test_a_difference_is_found(self) -> None:
        rng = np.random.default_rng(0)
        narrow = rng.normal(0.5, 0.05, (20, 11))
        outcome = swapped_spreads(rng.normal(0.5, 0.1, (20, 11)), narrow)
        assert outcome.p < 0.001
        assert 0.02 < outcome.lower < outcome.effect < outcome.upper < 0.07
        assert outcome.effect == pytest.approx(0.04, abs=0.01)  # 0.8 standard deviations

    def test_where_all_stand_is_no_spread(self) -> None:
        """The same values, 0.3 higher."""
        values = np.random.default_rng(0).normal(0.5, 0.1, (20, 3))
        outcome = swapped_spreads(values, values[::-1] + 0.3)
        assert outcome.effect == pytest.approx(0)
        assert outcome.lower < 0 < outcome.upper

    @given(st.integers(0, 99))
    @settings(max_examples=15, deadline=None)
    def test_bounds_exclude_0_when_it_is_rejected(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        outcome = swapped_spreads(rng.normal(0, 1.6, (12, 2)), rng.normal(0, 1, (12, 2)), 1_000)
        assert (outcome.lower > 0 or outcome.upper < 0) == (outcome.p <= 0.05)

    def test_what_can_not_be_tested_is_refused(self) -> None:
        few = np.arange(10.0).reshape(5, 2)
        assert "5 seeds" in swapped_spreads(few, few[::-1]).refused
        assert "neither condition varies" in swapped_spreads(np.ones((9, 2)), np.ones((9, 2))).refused
        with pytest.raises(ValueError, match="two arrays"):
            swapped_spreads(few, few[:4])


def exchangeable(rng: np.random.Generator, fails: bool) -> Array:
    """float[2 conditions, seeds, levels]: normal, or below a ceiling with failures that last over all levels."""
    if not fails:
        return np.asarray(rng.normal(size=(20, 2)) + rng.normal(size=(2, 20, 2)))
    value = np.minimum(1, rng.normal(1, 0.1, (2, 20, 11)))
    return np.where(rng.random((2, 20, 1)) < 0.1, rng.uniform(0, 0.3, value.shape), value)
