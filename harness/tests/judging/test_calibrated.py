"""Which verdicts are refused for what the calibration found: by the table, and by a look at the data."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
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


def pair(a: Any, b: Any) -> PerSeed:
    return PerSeed.of("a", a, range(len(a))) - PerSeed.of("b", b, range(len(b)))


def near(value: float, n: int, spread: float = 0.005) -> np.ndarray:
    return np.minimum(1, np.random.default_rng(0).normal(value, spread, n))


def judged(contrast: PerSeed, kind: Kind = "greater", table: CalibrationTable | None = None) -> Outcome:
    return calibrated.checked(contrast_test(contrast, kind, SPAN), contrast, kind, SPAN, table)


def table(rates: dict[int, dict[str, Rate]], test: str = "guarded t", kind: str = "greater") -> CalibrationTable:
    """Of one test of two conditions, by seeds and shape."""
    return CalibrationTable({(test, kind, 2, n): by_shape for n, by_shape in rates.items()}, TABLE.shapes)


class TestTable:
    held = table({15: {"normal": OFTEN}, 20: {"normal": SELDOM, "capped": OFTEN}})

    @pytest.mark.parametrize(
        ("test", "kind", "conditions", "n", "shape", "refusal"),
        [
            ("guarded t", "greater", 2, 20, "normal", ""),
            ("guarded t", "greater", 2, 20, "capped", "false alarms"),
            ("guarded t", "greater", 2, 19, "normal", "false alarms"),  # the nearest smaller number stands for it
            ("guarded t", "greater", 2, 33, "normal", ""),
            ("guarded t", "greater", 2, 14, "normal", "few seeds"),
            ("guarded t", "greater", 5, 20, "normal", "uncalibrated"),
            ("guarded t", "equivalent", 2, 20, "normal", "uncalibrated"),
            ("t", "greater", 2, 20, "normal", "uncalibrated"),
        ],
    )
    def test_it_refuses_what_alarms_on_a_shape_that_the_data_may_have_and_what_it_lacks(
        self, test: str, kind: str, conditions: int, n: int, shape: str, refusal: str
    ) -> None:
        why = self.held.refusal(test, kind, conditions, n, [SHAPES[shape]])
        assert (why[0] if why else "") == refusal
        if why and refusal == "false alarms":
            assert shape in why[1] and "15%" in why[1]

    @pytest.mark.parametrize("damage", [{"series": 3}, {}, {"replicates": 5, "series": [{"test": "t"}]}])
    def test_damaged_data_are_one_line_with_the_way_out(self, damage: dict[str, Any]) -> None:
        with pytest.raises(records.RecordError, match="make calibrate"):
            CalibrationTable.of(damage)


FAILING = np.concatenate([[0.1, 0.1], near(1, 20)[2:]])


@pytest.mark.parametrize(
    ("a", "b", "test", "refusal"),
    [
        (near(0.6, 10, 0.1), near(0.4, 10, 0.1), "sign-flip", ""),  # far from the ends
        (near(1, 20), near(0.95, 20), "guarded t", ""),  # a small lead, which failures may make up
        (near(0.95, 20), near(1, 20), "guarded t", ""),
        (near(0.06, 20), near(0.0, 20), "guarded t", ""),  # a floor is an end as well
        (near(1, 10), near(0.95, 10), "guarded t", "few seeds"),  # so more seeds are known to lift it
        (near(1, 10), near(0.5, 10), "sign-flip", ""),  # a lead that no rate of failures makes up
        (near(1, 20), near(0.88, 20), "guarded t", ""),
        (near(1, 40), near(0.88, 40), "sign-flip", ""),  # none of 40 fail: at most 9 %
        (FAILING, near(0.7, 20), "guarded t", ""),  # 2 of 20 fail: at most 32 %
        ([1.0] * 3 + [0.0] * 17, [0.0] * 20, "sign-flip", ""),  # yes or no hides nothing
    ],
)
def test_a_pair_is_judged_by_the_test_that_its_data_allow(a: Any, b: Any, test: str, refusal: str) -> None:
    outcome = judged(pair(a, b))
    assert (outcome.test, outcome.refusal) == (test, refusal)
    if not refusal:
        assert outcome == contrast_test(pair(a, b), "greater" if test == "sign-flip" else "equivalent", SPAN)


def test_equivalence_is_not_concluded_by_a_guard_that_errs_on_such_data() -> None:
    wrong = {**TABLE.false_alarms, ("guarded t", "equivalent", 2, 20): {"normal": OFTEN}}
    outcome = judged(pair(near(0.6, 20), near(0.6, 20)), table=CalibrationTable(wrong, TABLE.shapes))
    assert outcome.guarded == (-inf, inf)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=12, max_size=40), st.sampled_from(["greater", "equivalent", "non-inferior"]))
def test_a_refused_outcome_stays_so_and_no_other_bounds_than_a_tests_own_come_out(
    values: list[float], kind: Kind
) -> None:
    half = len(values) // 2
    contrast = pair(values[:half], values[half : 2 * half])
    outcome, plain = judged(contrast, kind), contrast_test(contrast, kind, SPAN)
    if plain.refused:
        assert outcome == plain
    elif not outcome.refused:
        guarded = contrast_test(contrast, "equivalent", SPAN)
        assert (outcome.lower, outcome.upper) in [(plain.lower, plain.upper), (guarded.lower, guarded.upper)]


def test_the_highest_rate_of_failures_is_clopper_and_pearsons_and_allows_the_shapes() -> None:
    """None of 40 fail: at most 9 %."""
    failed = np.zeros((2, 20), bool)
    failed[1, :3] = True
    assert calibrated.most_failing(failed) == pytest.approx([0.1684, 0.3789], abs=1e-4)
    assert calibrated.most_failing(np.ones(5, bool)) == 1
    seen = calibrated.exposure(np.stack([near(1, 40), near(0.95, 40)]), (1, -1), np.array(0.05), SPAN)
    possible = TABLE.possible(seen)
    assert {shape.failures for shape in possible if shape.needs == "near"} == {0.0, 0.02, 0.05}
    assert {shape.failures for shape in possible if shape.needs == "hidden"} == {0.02, 0.05}
    assert SHAPES["normal"] in possible
    assert calibrated.exposure(np.zeros((2, 6)), (1, -1), np.array(0.0), (0.0, 0.0)).near, "a span without width"


class TestGroups:
    none = np.zeros(6, bool)
    ranks = censored_ranks(Censored(np.arange(6) + 6, none, none), Censored(np.arange(6), none, none))

    @pytest.mark.parametrize("shape", SHAPES)
    def test_ranks_are_refused_where_the_table_says_they_err_on_any_shape(self, shape: str) -> None:
        """No look at censored levels tells which shape they have."""
        assert calibrated.checked_ranks(self.ranks) == self.ranks
        outcome = calibrated.checked_ranks(self.ranks, table({6: {shape: OFTEN}}, "censored ranks"))
        assert outcome.refusal == "false alarms" and shape in outcome.refused

    def test_ranks_keep_their_bounds_but_not_equivalence_where_that_alone_errs(self) -> None:
        held = table({6: {"normal": SELDOM}}, "censored ranks").false_alarms
        errs = table({6: {"normal": OFTEN}}, "censored ranks", "equivalent").false_alarms
        outcome = calibrated.checked_ranks(self.ranks, CalibrationTable({**held, **errs}, TABLE.shapes))
        assert (outcome.refused, outcome.lower, outcome.guarded) == ("", self.ranks.lower, (-inf, inf))

    def test_ranks_of_fewer_seeds_than_were_measured_are_refused(self) -> None:
        few = censored_ranks(*(Censored(np.arange(4.0) + at, self.none[:4], self.none[:4]) for at in (4, 0)))
        assert calibrated.checked_ranks(few).refusal == "few seeds"

    def test_a_narrow_condition_at_the_ceiling_may_hide_failures_and_failures_are_no_spread(self) -> None:
        rng = np.random.default_rng(0)
        wide, narrow = rng.normal(0.6, 0.1, (20, 3)), np.minimum(1, rng.normal(1, 0.005, (20, 3)))
        fails = narrow.copy()
        fails[:4] = 0  # 4 of 20 fail, at least 6 %: the rest of the difference may be chance
        for one, other, refusal in (
            (wide, narrow, "false alarms"),
            (wide, narrow - 0.3, ""),
            (fails, wide - 0.1, "false alarms"),
        ):
            outcome = swapped_spreads(one, other)
            assert outcome.lower > 0
            assert calibrated.checked_spreads(outcome, one, other, SPAN).refusal == refusal


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
