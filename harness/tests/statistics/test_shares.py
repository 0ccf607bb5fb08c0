"""Shares of seeds and failure rates: against scipy, and their levels by enumeration of every table."""

import numpy as np
import pytest
from harness.statistics.exact import Design, Groups, Pairs, lower_bound, rejected, tail, tails
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.judging.verdict import conclude
from harness.statistics import failure_rate, paired_shares, rarer_than, sign_flip, unpaired_shares


def flags(count: int, n: int) -> np.ndarray:
    return np.arange(n) < count


class TestUnpairedShares:
    @pytest.mark.parametrize("table", [(15, 8, 20, 20), (3, 0, 20, 20), (7, 1, 9, 12), (0, 6, 8, 6), (2, 2, 5, 9)])
    def test_p_is_barnards_of_scipy(self, table: tuple[int, int, int, int]) -> None:
        x, y, n, m = table
        one_sided = [
            stats.barnard_exact([[x, y], [n - x, m - y]], alternative=side, pooled=True).pvalue
            for side in ("less", "greater")
        ]
        ours = unpaired_shares(flags(x, n), flags(y, m))
        assert ours.p == pytest.approx(min(1, 2 * min(one_sided)), abs=1e-3)
        assert ours.effect == x / n - y / m

    def test_groups_are_treated_alike(self) -> None:
        one, other = unpaired_shares(flags(7, 9), flags(3, 12)), unpaired_shares(flags(3, 12), flags(7, 9))
        assert (one.lower, one.upper, one.p) == pytest.approx((-other.upper, -other.lower, other.p), abs=1e-5)

    def test_no_failure_in_20_against_20_still_leaves_18_percent(self) -> None:
        outcome = unpaired_shares(np.zeros(20), np.zeros(20))
        assert (outcome.lower, outcome.upper) == pytest.approx((-0.18, 0.18), abs=0.005)
        assert conclude("equivalent", 0.1, outcome)[0] == "underpowered"
        assert conclude("equivalent", 0.2, outcome)[0] == "supported"


class TestPairedShares:
    def test_pairs_that_agree_tell_of_the_size_alone(self) -> None:
        assert paired_shares(flags(6, 6), np.zeros(6)).p == pytest.approx(2 / 2**6)
        assert paired_shares(flags(6, 30), np.zeros(30)).effect == 0.2

    @given(st.integers(0, 12), st.integers(0, 12))
    @settings(max_examples=20, deadline=None)
    def test_a_sign_flip_of_zeros_and_ones_is_mcnemars_exact_test(self, x: int, y: int) -> None:
        a, b = flags(x, 24).astype(float), flags(y, 24)[::-1].astype(float)
        conditional = stats.binomtest(x, x + y).pvalue if x + y else 1.0
        assert sign_flip((a - b)[:20] if x + y == 0 else a - b).p == pytest.approx(conditional, rel=0.1, abs=0.004)

    def test_different_numbers_of_seeds_are_refused(self) -> None:
        with pytest.raises(ValueError, match="same seeds, got 3 and 4"):
            paired_shares(flags(1, 3), flags(1, 4))


@pytest.mark.parametrize("design", [Pairs(9), Groups(7, 7), Groups(5, 9)], ids=str)
class TestLevels:
    """Over every table, of 21 differences and 15 values of what they leave open."""

    def test_bounds_miss_in_at_most_2_5_percent(self, design: Design) -> None:
        low = np.array([lower_bound(design, table) for table in range(len(design.mirror))])
        for difference in np.linspace(-0.95, 0.95, 21):
            chances = design.chances(difference, np.linspace(*design.range(difference), 15))
            np.testing.assert_allclose(chances.sum(axis=1), 1)
            assert chances[:, low > difference + 1e-5].sum(axis=1).max() <= 0.0251

    def test_all_tables_at_once_are_each_table_by_itself(self, design: Design) -> None:
        every = tails(design, 0.1)
        assert every == pytest.approx([tail(design, table, 0.1) for table in range(len(every))])
        other, mirror = design.swapped(), design.mirror
        below = [tail(other, int(mirror[table]), -0.1) <= 0.025 for table in range(len(every))]
        assert rejected(design, 0.1, 0.05, side=-1).tolist() == below


class TestFailureRates:
    def test_the_interval_is_clopper_and_pearsons(self) -> None:
        rate, low, high = failure_rate(flags(3, 20))
        assert rate == 0.15
        assert low == pytest.approx(stats.beta.ppf(0.025, 3, 18))
        assert high == pytest.approx(stats.beta.ppf(0.975, 4, 17))
        assert failure_rate(np.zeros(20))[2] == pytest.approx(1 - 0.025 ** (1 / 20))

    def test_p_and_bounds_agree(self) -> None:
        for count in range(21):
            outcome = rarer_than(flags(count, 20), 0.3)
            assert (outcome.p <= 0.05) == (outcome.lower > 0 or outcome.upper < 0)
            assert outcome.effect == pytest.approx(0.3 - count / 20)

    def test_rare_is_shown_by_enough_seeds_without_a_failure(self) -> None:
        assert conclude("greater", 0.05, rarer_than(np.zeros(20), 0.2))[0] == "supported"
        assert conclude("greater", 0.05, rarer_than(np.zeros(20), 0.15))[0] == "underpowered"

    def test_bars_and_values_that_make_no_sense_are_refused(self) -> None:
        for bar in (0.0, 0.6, float("nan")):
            with pytest.raises(ValueError, match="bar"):
                rarer_than(np.zeros(9), bar)
        with pytest.raises(ValueError, match=r"values 0 and 1, got 0\.5"):
            failure_rate([0.0, 0.5])
        with pytest.raises(ValueError, match="exact up to 150"):
            paired_shares(np.zeros(151), np.zeros(151))
