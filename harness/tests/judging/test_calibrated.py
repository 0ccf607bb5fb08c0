"""Which verdicts are refused for what the calibration found: by the table, and by a look at the data."""

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging import calibrated
from harness.judging.calibrated import CalibrationTable, Rate
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.results import records
from harness.results.schema import Finding
from harness.statistics import Censored, Kind, Outcome, PerSeed, censored_ranks, contrast_test, swapped_spreads

SPAN = (0.0, 1.0)
TABLE = calibrated.committed()
SHAPES = {shape.name: shape for shape in TABLE.shapes}
OFTEN: Rate = (0.15, 0.13)
SELDOM: Rate = (0.052, 0.047)  # beyond alpha, but not beyond its bound
NORMAL = [SHAPES["normal"]]


def pair(a: Any, b: Any) -> PerSeed:
    return PerSeed.of("a", a, range(len(a))) - PerSeed.of("b", b, range(len(b)))


def near(value: float, n: int, spread: float = 0.005) -> np.ndarray:
    return np.minimum(1, np.random.default_rng(0).normal(value, spread, n))


def judged(contrast: PerSeed, kind: Kind = "greater", table: CalibrationTable | None = None) -> Outcome:
    return calibrated.checked(contrast_test(contrast, kind, SPAN), contrast, kind, SPAN, table)


def table(rates: dict[int, dict[str, Rate]], test: str = "guarded t") -> CalibrationTable:
    """Of one test of two conditions, by seeds and shape."""
    return CalibrationTable({(test, "greater", 2, n): by_shape for n, by_shape in rates.items()}, TABLE.shapes)


class TestTable:
    def test_above_alpha_beyond_its_bound_is_refused_with_shape_and_rate(self) -> None:
        why = table({20: {"normal": OFTEN}}).refusal("guarded t", "greater", 2, 20, NORMAL)
        assert why is not None
        assert why[0] == "false alarms"
        assert "'normal'" in why[1]
        assert "15%" in why[1]
        assert table({20: {"normal": SELDOM}}).refusal("guarded t", "greater", 2, 20, NORMAL) is None

    def test_only_shapes_that_the_data_may_have_count(self) -> None:
        held = table({20: {"normal": OFTEN, "capped": SELDOM}})
        assert held.refusal("guarded t", "greater", 2, 20, [SHAPES["capped"]]) is None

    def test_the_nearest_smaller_number_of_seeds_stands_for_one_between(self) -> None:
        held = table({15: {"normal": OFTEN}, 20: {"normal": SELDOM}})
        assert held.refusal("guarded t", "greater", 2, 19, NORMAL) is not None
        assert held.refusal("guarded t", "greater", 2, 33, NORMAL) is None

    @pytest.mark.parametrize(
        ("asked", "refusal"),
        [
            (("guarded t", "greater", 5, 20), "uncalibrated"),
            (("guarded t", "greater", 2, 19), "few seeds"),
            (("t", "greater", 2, 20), "uncalibrated"),
            (("guarded t", "equivalent", 2, 20), "uncalibrated"),
        ],
    )
    def test_what_it_does_not_hold_is_refused(self, asked: tuple[str, str, int, int], refusal: str) -> None:
        why = table({20: {"normal": SELDOM}}).refusal(*asked, NORMAL)
        assert why is not None
        assert why[0] == refusal

    def test_without_a_table_nothing_is_judged(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(records, "COMMITTED", tmp_path)
        calibrated.committed.cache_clear()
        try:
            assert judged(pair(near(0.6, 20), near(0.3, 20))).refusal == "uncalibrated"
        finally:
            calibrated.committed.cache_clear()

    @pytest.mark.parametrize("damage", [{"series": 3}, {}, {"replicates": 5, "series": [{"test": "t"}]}])
    def test_damaged_data_are_one_line_with_the_way_out(self, damage: dict[str, Any]) -> None:
        with pytest.raises(records.RecordError, match="make calibrate"):
            CalibrationTable.of(damage)


class TestPairs:
    def test_far_from_the_ends_the_sign_flip_decides(self) -> None:
        contrast = pair(near(0.6, 10, 0.1), near(0.4, 10, 0.1))
        assert judged(contrast) == contrast_test(contrast, "greater", SPAN)

    def test_a_small_lead_at_the_ceiling_may_be_made_up_by_failures_and_is_left_to_the_guarded_test(self) -> None:
        contrast = pair(near(1, 20), near(0.95, 20))
        assert contrast_test(contrast).lower > 0
        outcome = judged(contrast)
        assert outcome == contrast_test(contrast, "equivalent", SPAN)
        assert outcome.lower < 0

    def test_with_too_few_seeds_for_that_it_is_refused(self) -> None:
        outcome = judged(pair(near(1, 10), near(0.95, 10)))
        assert (outcome.refusal, outcome.test) == ("few seeds", "guarded t")  # so more seeds are known to lift it
        assert "one condition fails" in outcome.refused

    @pytest.mark.parametrize("n", [10, 20])
    def test_a_lead_that_no_rate_of_failures_makes_up_is_judged(self, n: int) -> None:
        contrast = pair(near(1, n), near(0.5, n))
        assert judged(contrast) == contrast_test(contrast, "greater", SPAN)

    def test_more_seeds_exclude_more(self) -> None:
        """None of 40 fail: at most 9 %."""
        assert judged(pair(near(1, 20), near(0.88, 20))).test == "guarded t"
        assert judged(pair(near(1, 40), near(0.88, 40))).test == "sign-flip"

    def test_failures_that_were_seen_count(self) -> None:
        """2 of 20 fail: at most 32 %."""
        fails = near(1, 20)
        fails[:2] = 0.1
        assert judged(pair(fails, near(0.7, 20))).test == "guarded t"

    def test_a_floor_is_an_end_as_well_whichever_is_named_first(self) -> None:
        assert judged(pair(near(0.06, 20), near(0.0, 20))).test == "guarded t"
        assert judged(pair(near(0.95, 20), near(1, 20))).test == "guarded t"

    def test_yes_or_no_hides_nothing(self) -> None:
        assert judged(pair([1.0] * 7 + [0.0] * 13, [0.0] * 20)).test == "sign-flip"

    def test_equivalence_is_not_concluded_by_a_guard_that_errs_on_such_data(self) -> None:
        wrong = {**TABLE.false_alarms, ("guarded t", "equivalent", 2, 20): {"normal": OFTEN}}
        outcome = judged(pair(near(0.6, 20), near(0.6, 20)), table=CalibrationTable(wrong, TABLE.shapes))
        assert outcome.guarded == (-inf, inf)

    @given(
        st.lists(st.floats(0, 1), min_size=12, max_size=40), st.sampled_from(["greater", "equivalent", "non-inferior"])
    )
    def test_a_refused_outcome_stays_so_and_no_other_bounds_than_a_tests_own_come_out(
        self, values: list[float], kind: Kind
    ) -> None:
        half = len(values) // 2
        contrast = pair(values[:half], values[half : 2 * half])
        outcome, plain = judged(contrast, kind), contrast_test(contrast, kind, SPAN)
        if plain.refused:
            assert outcome == plain
        elif not outcome.refused:
            guarded = contrast_test(contrast, "equivalent", SPAN)
            assert (outcome.lower, outcome.upper) in [(plain.lower, plain.upper), (guarded.lower, guarded.upper)]


class TestExposure:
    def test_the_highest_rate_that_is_not_excluded_is_clopper_and_pearsons(self) -> None:
        failed = np.zeros((2, 20), bool)
        failed[1, :3] = True
        assert calibrated.most_failing(failed) == pytest.approx([0.1684, 0.3789], abs=1e-4)
        assert calibrated.most_failing(np.ones(5, bool)) == 1

    def test_possible_shapes_are_those_that_the_rate_allows(self) -> None:
        """None of 40 fail: at most 9 %."""
        seen = calibrated.exposure(np.stack([near(1, 40), near(0.95, 40)]), (1, -1), np.array(0.05), SPAN)
        possible = TABLE.possible(seen)
        assert {shape.failures for shape in possible if shape.needs == "near"} == {0.0, 0.02, 0.05}
        assert {shape.failures for shape in possible if shape.needs == "hidden"} == {0.02, 0.05}
        assert NORMAL[0] in possible

    def test_a_span_without_width_is_no_error(self) -> None:
        assert calibrated.exposure(np.zeros((2, 6)), (1, -1), np.array(0.0), (0.0, 0.0)).near


class TestGroups:
    none = np.zeros(6, bool)
    ranks = censored_ranks(Censored(np.arange(6) + 6, none, none), Censored(np.arange(6), none, none))

    def test_ranks_are_judged_as_they_are_where_the_table_allows_it(self) -> None:
        assert calibrated.checked_ranks(self.ranks) == self.ranks

    @pytest.mark.parametrize("shape", SHAPES)
    def test_ranks_are_refused_where_the_table_says_they_err_on_any_shape(self, shape: str) -> None:
        """No look at censored levels tells which shape they have."""
        outcome = calibrated.checked_ranks(self.ranks, table({6: {shape: OFTEN}}, "censored ranks"))
        assert outcome.refusal == "false alarms"
        assert shape in outcome.refused

    def test_ranks_keep_their_bounds_but_not_equivalence_where_that_alone_errs(self) -> None:
        rates = {
            ("censored ranks", kind, 2, 6): {"normal": rate}
            for kind, rate in (("greater", SELDOM), ("equivalent", OFTEN))
        }
        outcome = calibrated.checked_ranks(self.ranks, CalibrationTable(rates, TABLE.shapes))
        assert (outcome.refused, outcome.lower, outcome.guarded) == ("", self.ranks.lower, (-inf, inf))

    def test_ranks_of_fewer_seeds_than_were_measured_are_refused(self) -> None:
        few = censored_ranks(*(Censored(np.arange(4.0) + at, self.none[:4], self.none[:4]) for at in (4, 0)))
        assert calibrated.checked_ranks(few).refusal == "few seeds"

    def test_a_narrow_condition_at_the_ceiling_may_hide_failures(self) -> None:
        rng = np.random.default_rng(0)
        wide, narrow = rng.normal(0.6, 0.1, (20, 3)), np.minimum(1, rng.normal(1, 0.005, (20, 3)))
        outcome = swapped_spreads(wide, narrow)
        assert outcome.lower > 0
        assert calibrated.checked_spreads(outcome, wide, narrow, SPAN).refusal == "false alarms"
        assert calibrated.checked_spreads(swapped_spreads(wide, narrow - 0.3), wide, narrow - 0.3, SPAN).refusal == ""

    def test_nor_may_failures_be_taken_for_spread(self) -> None:
        """4 of 20 fail, at least 6 %: the rest of the difference may be chance."""
        rng = np.random.default_rng(0)
        fails, other = np.minimum(1, rng.normal(1, 0.005, (20, 3))), rng.normal(0.5, 0.1, (20, 3))
        fails[:4] = 0
        outcome = swapped_spreads(fails, other)
        assert calibrated.checked_spreads(outcome, fails, other, SPAN).refusal == "false alarms"


NONE = np.zeros(20, bool)
HIGH, LOW = near(0.6, 20, 0.1), near(0.2, 20, 0.1)
WIDE, NARROW = np.random.default_rng(0).normal(0.5, [[[0.2]], [[0.05]]], (2, 20, 3))
ASKED: dict[str, Callable[[Judge, dict[str, Any]], None]] = {
    "greater": lambda judge, readings: judge.greater(pair(HIGH, LOW), min_effect=0.1, unit="u", **readings),
    "equivalent": lambda judge, readings: judge.equivalent(pair(HIGH, HIGH), margin=0.9, unit="u", **readings),
    "non-inferior": lambda judge, readings: judge.non_inferior(pair(HIGH, LOW), margin=0.1, unit="u", **readings),
    "holds out longer": lambda judge, readings: judge.holds_out_longer(*RANKED, min_effect=0.1, **readings),
    "spreads wider": lambda judge, readings: judge.spreads_wider(WIDE, NARROW, min_effect=0.1, unit="u", **readings),
}
RANKED = (Censored(HIGH, NONE, NONE), Censored(LOW, NONE, NONE))
READ: dict[str, Any] = {"holds out longer": RANKED, "spreads wider": (WIDE, NARROW)}


@pytest.mark.parametrize("method", ASKED)
def test_no_method_of_the_judge_rests_on_a_test_that_the_table_refuses(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for its finding nor for the readings beside it."""
    readings = {"sensitivity": {"other": READ.get(method, pair(HIGH, LOW))}}

    def judged_by(table: CalibrationTable) -> Finding:
        monkeypatch.setattr(calibrated, "committed", lambda: table)
        judge = Judge(Claim("made", "0", "none", 1, "returns"), "it", "made::it", "It is so.", [], "pytest", True)
        ASKED[method](judge, readings)
        assert judge.finding is not None
        return judge.finding

    allowed = judged_by(TABLE)
    assert (allowed.refusal, allowed.conclusion) == ("", "supported")
    refused = judged_by(CalibrationTable({}))
    assert (refused.refusal, refused.conclusion) == ("uncalibrated", "underpowered")
    assert refused.sensitivity[0].conclusion == "underpowered"
    worst = {key: dict.fromkeys(SHAPES, OFTEN) for key in TABLE.false_alarms}
    assert judged_by(CalibrationTable(worst, TABLE.shapes)).refusal == "false alarms"
