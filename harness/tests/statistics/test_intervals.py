"""What is shown beside a verdict: intervals, and q values."""

from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics import bca, benjamini_hochberg


class TestBca:
    def test_it_covers_and_is_the_same_every_time(self) -> None:
        values = np.random.default_rng(0).normal(0, 1, (300, 20))
        low, high = bca(values, resamples=500)
        assert 0.88 < ((low < 0) & (high > 0)).mean() < 0.98
        assert np.array_equal(low, bca(values, resamples=500)[0])

    def test_equal_seeds_or_one_give_the_mean_itself(self) -> None:
        low, high = bca([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
        assert low[0] == high[0] == 1.0
        assert low[1] < 1.0 < high[1]
        assert bca([0.7])[0] == bca([0.7])[1] == 0.7

    def test_where_it_is_undefined_it_is_the_percentile_interval(self) -> None:
        low, high = bca([0.0] * 11 + [1.0], np.median)  # leaving out any one seed leaves the same median
        assert low <= high < np.inf

    @pytest.mark.parametrize("bad", [[], [nan, 1.0], 3.0])
    def test_nothing_finite_to_show_is_an_error(self, bad: Any) -> None:
        with pytest.raises(ValueError, match="finite"):
            bca(bad)


class TestBenjaminiHochberg:
    def test_by_hand(self) -> None:
        np.testing.assert_allclose(benjamini_hochberg([0.01, nan, 0.04, 0.03]), [0.03, nan, 0.04, 0.04])

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_it_is_scipys(self, p: list[float]) -> None:
        np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p, method="bh"))

    def test_what_is_no_probability_is_an_error_and_nothing_is_nothing(self) -> None:
        with pytest.raises(ValueError, match="0 to 1"):
            benjamini_hochberg([0.5, 1.5])
        assert benjamini_hochberg([]).size == 0
        assert np.isnan(benjamini_hochberg([nan])).all()
