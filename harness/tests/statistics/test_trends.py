"""Orders, correlations, ratios of variances and corrections for many hypotheses: against scipy and by hand."""

from math import log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import benjamini_hochberg, holm, ordering, rank_correlation, variance_ratio


class TestOrdering:
    def test_is_pages_where_all_seeds_go_one_way(self) -> None:
        """Page's L rejects by far; the sign-flip of 6 correlations of 1 has a p of 2 / 2^6."""
        values = np.arange(4) + np.zeros((6, 1))
        outcome = ordering(values)
        assert (outcome.effect, outcome.lower) == (1, 1)
        assert outcome.p == 2 / 2**6 > stats.page_trend_test(values).pvalue
        assert ordering(values[:, ::-1]).effect == -1

    def test_the_effect_is_pages_l_rescaled(self) -> None:
        values = np.random.default_rng(0).random((10, 5)) + 0.1 * np.arange(5)
        mean, top = 10 * 5 * 6**2 / 4, 10 * 55  # L where nothing and where all is in order
        l_statistic = stats.page_trend_test(values).statistic
        assert ordering(values).effect == pytest.approx((l_statistic - mean) / (top - mean))

    def test_seeds_that_go_both_ways_are_no_order_though_ranks_alone_would_reject(self) -> None:
        """12 rise, 4 fall, of 11 conditions: Page's L takes their conditions for exchangeable."""
        values = np.arange(11) * np.repeat([1, -1], [11, 5])[:, None]
        assert stats.page_trend_test(values).pvalue < 1e-4
        assert ordering(values).p > 0.05

    def test_false_alarms_stay_at_alpha(self) -> None:
        rng = np.random.default_rng(0)
        alarms = sum(ordering(rng.random((8, 4))).p <= 0.05 for _ in range(1000))
        assert stats.binomtest(alarms, 1000).proportion_ci(0.998).low <= 0.05

    def test_what_has_no_order_is_refused(self) -> None:
        assert "differ" in ordering(np.ones((8, 3))).refused
        assert "5 seeds" in ordering(np.arange(15.0).reshape(5, 3)).refused
        with pytest.raises(ValueError, match="3 conditions or more"):
            ordering(np.ones((8, 2)))


class TestRankCorrelation:
    def test_is_spearmans(self) -> None:
        x, y = np.random.default_rng(0).normal(size=(2, 15))
        outcome, theirs = rank_correlation(x, y + x), stats.spearmanr(x, y + x)
        assert outcome.effect == pytest.approx(theirs.statistic)
        assert outcome.p == pytest.approx(theirs.pvalue, abs=0.01)
        assert 0 < outcome.lower < outcome.effect < outcome.upper < 1

    def test_six_seeds_can_reject_though_by_fishers_p_which_is_larger_than_that_of_all_permutations(self) -> None:
        assert 2 / 720 < rank_correlation(np.arange(6), np.arange(6) ** 2).p < 0.05

    def test_the_guard_only_widens(self) -> None:
        x, y = np.random.default_rng(0).normal(size=(2, 20))
        outcome = rank_correlation(x, x + y)
        assert outcome.guarded is not None
        assert outcome.guarded[0] < outcome.lower
        assert outcome.guarded[1] > outcome.effect
        assert rank_correlation(x[:14], y[:14]).guarded == (-1, 1)

    def test_what_does_not_vary_is_refused(self) -> None:
        assert "does not vary" in rank_correlation(np.ones(9), np.arange(9)).refused
        assert "5 seeds" in rank_correlation(np.arange(5), np.arange(5)).refused
        with pytest.raises(ValueError, match="pairs"):
            rank_correlation(np.arange(6), np.arange(7))


class TestVarianceRatio:
    @given(st.integers(0, 99))
    def test_bounds_are_where_a_scaled_test_starts_to_reject(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, 12))
        y += x
        outcome = variance_ratio(x, y)
        assert outcome.effect == pytest.approx(log(x.std() / y.std()))
        for bound in (outcome.lower, outcome.upper):
            assert variance_ratio(x * np.exp(-bound), y).p == pytest.approx(0.05)

    def test_it_is_for_normal_values_alone(self) -> None:
        """The reason why no verdict rests on it: with rare failures it rejects a quarter of true nulls."""
        rng, alarms = np.random.default_rng(0), 0
        for _ in range(300):
            x, y = rng.normal(1, 0.05, (2, 20)) - (rng.random((2, 20)) < 0.1)
            alarms += variance_ratio(x, y).p <= 0.05
        assert alarms / 300 > 0.2
        assert variance_ratio(x, y).guarded == (-np.inf, np.inf)

    def test_what_has_no_ratio_is_refused(self) -> None:
        assert "does not vary" in variance_ratio(np.ones(9), np.arange(9)).refused
        assert "exactly together" in variance_ratio(np.arange(9), 2 * np.arange(9)).refused
        assert "2 seeds" in variance_ratio([1.0, 2.0], [3.0, 1.0]).refused


class TestMultiplicity:
    def test_by_hand(self) -> None:
        p = [0.01, nan, 0.04, 0.03]
        np.testing.assert_allclose(holm(p), [0.03, nan, 0.06, 0.06])
        np.testing.assert_allclose(benjamini_hochberg(p), [0.03, nan, 0.04, 0.04])

    @given(st.lists(st.floats(0, 1), max_size=8))
    def test_a_correction_never_helps_and_keeps_the_order(self, p: list[float]) -> None:
        for adjusted in (holm(p), benjamini_hochberg(p)):
            assert (adjusted >= np.array(p)).all()
            assert (adjusted <= 1).all()
            assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
        assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()

    def test_at_least_one_is_wrongly_said_in_at_most_5_percent(self) -> None:
        p = np.random.default_rng(0).random((4000, 6))
        alarms = sum(holm(row).min() <= 0.05 for row in p)
        assert 0.04 < alarms / 4000 < 0.06

    def test_what_is_no_probability_is_refused(self) -> None:
        for correct in (holm, benjamini_hochberg):
            with pytest.raises(ValueError, match="0 to 1"):
                correct([0.5, 1.5])
            assert correct([]).size == 0
            assert np.isnan(correct([nan])).all()
