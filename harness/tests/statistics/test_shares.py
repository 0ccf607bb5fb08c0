"""Paired shares: against scipy, and their levels by enumeration of every table."""

import numpy as np
import pytest
from scipy import stats

from harness.judging.verdict import conclude
from harness.statistics import paired_shares
from harness.statistics.shares import Pairs


def flags(count: int, n: int) -> np.ndarray:
    return np.arange(n) < count


def test_pairs_that_agree_tell_of_the_size_alone() -> None:
    assert paired_shares(flags(6, 6), np.zeros(6)).p == pytest.approx(2 / 2**6)
    assert paired_shares(flags(6, 30), np.zeros(30)).effect == 0.2


@pytest.mark.parametrize("table", [(12, 3), (5, 5), (0, 7), (9, 1)])
def test_p_is_near_mcnemars_and_the_conditions_are_treated_alike(table: tuple[int, int]) -> None:
    """The unconditional test is a little more powerful, never by much."""
    x, y = table
    a, b = flags(x, 24).astype(float), flags(y, 24)[::-1].astype(float)
    ours, swapped = paired_shares(a, b), paired_shares(b, a)
    assert ours.p == pytest.approx(stats.binomtest(x, x + y).pvalue, rel=0.6, abs=0.004)
    assert (ours.lower, ours.upper, ours.p) == pytest.approx((-swapped.upper, -swapped.lower, swapped.p))


def test_no_failure_in_20_of_either_still_leaves_18_percent() -> None:
    outcome = paired_shares(np.zeros(20), np.zeros(20))
    assert outcome.lower == pytest.approx(-outcome.upper)
    assert outcome.upper == pytest.approx(0.184, abs=0.001)
    assert conclude("equivalent", 0.1, outcome)[0] == "underpowered"
    assert conclude("equivalent", 0.2, outcome)[0] == "supported"


def test_what_is_no_share_of_the_same_seeds_is_an_error() -> None:
    for a, b in ((flags(1, 3), flags(1, 4)), ([0.0, 0.5], [0.0, 1.0]), (np.zeros(151), np.zeros(151))):
        with pytest.raises(ValueError, match=r"same seeds|0\.5|150"):
            paired_shares(a, b)


class TestLevels:
    """Over every table of 9 pairs, of 21 differences and 15 values of what they leave open."""

    pairs = Pairs(9)

    def test_bounds_miss_in_at_most_2_5_percent(self) -> None:
        low = np.array([self.pairs.lower_bound(table) for table in range(len(self.pairs.tables[0]))])
        for difference in np.linspace(-0.95, 0.95, 21):
            chances = self.pairs.chances(difference, np.linspace(abs(difference), 1, 15))
            np.testing.assert_allclose(chances.sum(axis=1), 1)
            assert chances[:, low > difference + 1e-5].sum(axis=1).max() <= 0.0251

    def test_the_other_side_is_the_mirrored_table(self) -> None:
        x, y = self.pairs.tables
        mirrored = [self.pairs.index(int(b), int(a)) for a, b in zip(x, y, strict=True)]
        below = self.pairs.rejected(-0.1, 0.05)[mirrored]
        assert self.pairs.rejected(0.1, 0.05, side=-1).tolist() == below.tolist()
