"""What is shown beside a verdict: intervals, averages, and the probability of improvement."""

from math import nan
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from harness.statistics import bca, improvement, iqm, probability_of_improvement


class TestIntervals:
    def test_bca_covers_and_is_the_same_every_time(self) -> None:
        values = np.random.default_rng(0).normal(0, 1, (300, 20))
        low, high = bca(values, resamples=500)
        assert 0.88 < ((low < 0) & (high > 0)).mean() < 0.98
        assert np.array_equal(low, bca(values, resamples=500)[0])

    def test_equal_seeds_or_one_give_the_mean_itself(self) -> None:
        low, high = bca([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
        assert low[0] == high[0] == 1.0
        assert low[1] < 1.0 < high[1]
        assert bca([0.7])[0] == bca([0.7])[1] == 0.7

    def test_undefined_bca_falls_back_to_percentiles(self) -> None:
        low, high = bca([0.0] * 11 + [1.0], iqm)  # leaving out any one seed leaves the same iqm
        assert np.isfinite(low)
        assert np.isfinite(high)
        assert low <= high

    @pytest.mark.parametrize("bad", [[], [nan, 1.0], 3.0])
    def test_nothing_finite_to_show_is_refused(self, bad: Any) -> None:
        with pytest.raises(ValueError, match="finite"):
            bca(bad)

    def test_iqm_leaves_out_the_outer_quarters(self) -> None:
        assert iqm([0.0, 1.0, 3.0, 100.0]) == 2.0
        np.testing.assert_allclose(iqm([[0, 1, 3, 100], [1, 1, 1, 1]]), [2, 1])


class TestProbabilityOfImprovement:
    def test_is_the_share_of_pairs_a_tie_counting_half(self) -> None:
        assert probability_of_improvement([1.0, 2.0, 3.0], [0.0, 0.0, 1.0])[0] == pytest.approx(8.5 / 9)
        assert improvement([1.0, 2.0, 3.0], [0.0, 0.0, 1.0]).effect == pytest.approx(8.5 / 9 - 0.5)

    def test_tasks_count_alike_whatever_their_scale(self) -> None:
        """rliable: the mean over tasks. One task is won everywhere, the other lost everywhere."""
        assert probability_of_improvement([[1.0, 2.0], [10.0, 20.0]], [[0.0, 0.0], [90.0, 95.0]])[0] == 0.5

    def test_the_groups_are_treated_alike(self) -> None:
        a, b = np.random.default_rng(0).normal(size=(2, 9))
        p, low, high = probability_of_improvement(a, b)
        assert probability_of_improvement(b, a) == pytest.approx((1 - p, 1 - high, 1 - low))

    def test_an_interval_has_width_also_where_one_group_is_always_ahead(self) -> None:
        p, low, high = probability_of_improvement(np.arange(20.0) + 50, np.arange(20.0))
        assert (p, high) == (1, 1)
        assert 0.5 < low < 0.99

    @pytest.mark.parametrize("shift", [0.0, 0.8, 1.8])
    def test_the_interval_covers(self, shift: float) -> None:
        rng, truth = np.random.default_rng(0), float(norm.cdf(shift / 2**0.5))
        held = 0
        for _ in range(1000):
            _, low, high = probability_of_improvement(rng.normal(shift, 1, 15), rng.normal(0, 1, 15))
            held += low <= truth <= high
        assert 0.925 <= held / 1000 <= 0.99

    def test_what_has_no_interval_is_refused(self) -> None:
        with pytest.raises(ValueError, match="one seed"):
            probability_of_improvement([1.0], [1.0, 2.0])
        with pytest.raises(ValueError, match="tasks"):
            probability_of_improvement([[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]])
