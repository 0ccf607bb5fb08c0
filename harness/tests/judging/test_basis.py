"""Which verdicts are refused for what the calibration found: by the table, and by a look at the data."""

import json
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging import calibrated as basis
from harness.judging.calibrated import Measured, NotCalibratedError, Table
from harness.judging.sample_shapes import ALIKE, ONE_FAILS
from harness.results import records
from harness.statistics import Censored, Kind, Outcome, PerSeed, censored_ranks, contrast_test, swapped_spreads

SPAN = (0.0, 1.0)


def pair(a: Any, b: Any) -> PerSeed:
    return PerSeed.of("a", a, range(len(a))) - PerSeed.of("b", b, range(len(b)))


def near(value: float, n: int, spread: float = 0.005) -> np.ndarray:
    return np.minimum(1, np.random.default_rng(0).normal(value, spread, n))


def judged(contrast: PerSeed, kind: Kind = "greater", table: Table | None = None) -> Outcome:
    return basis.checked(contrast_test(contrast, kind, SPAN), contrast, kind, SPAN, table)


def entry(count: int, n: int = 20, test: str = "guarded t", kind: str = "greater", shape: str = "normal") -> Measured:
    low, high = basis.clopper_pearson([count], 20_000, 1)
    return Measured(test, kind, 2, shape, n, "false alarms", 0.0, 20_000, count, low[0], high[0], True)


class TestTable:
    def test_above_alpha_beyond_its_bound_is_refused_with_the_rate(self) -> None:
        assert Table([entry(3_000)]).refusal("guarded t", "greater", 2, 20, ["normal"]) == (
            "the data may be 'normal', where the guarded t test (greater) of 20 seeds alarms falsely in 15% of samples"
        )
        assert Table([entry(1_030)]).refusal("guarded t", "greater", 2, 20, ["normal"]) == ""

    def test_only_shapes_that_the_data_may_have_count(self) -> None:
        assert (
            Table([entry(3_000), entry(900, shape="capped")]).refusal("guarded t", "greater", 2, 20, ["capped"]) == ""
        )

    def test_the_nearest_smaller_number_of_seeds_stands_for_one_between(self) -> None:
        table = Table([entry(3_000, 15), entry(900, 20)])
        assert "15 seeds" in table.refusal("guarded t", "greater", 2, 19, ["normal"])
        assert table.refusal("guarded t", "greater", 2, 33, ["normal"]) == ""

    @pytest.mark.parametrize(
        ("test", "kind", "conditions", "n"),
        [
            ("guarded t", "greater", 5, 20),
            ("guarded t", "greater", 2, 19),
            ("t", "greater", 2, 20),
            ("guarded t", "equivalent", 2, 20),
        ],
    )
    def test_what_it_does_not_hold_is_refused(self, test: str, kind: str, conditions: int, n: int) -> None:
        table = Table([entry(900)])
        with pytest.raises(NotCalibratedError):
            table.excess(test, kind, conditions, n, ["normal"])
        assert table.refusal(test, kind, conditions, n, ["normal"]).endswith("is not calibrated")

    def test_without_a_table_nothing_is_judged(self) -> None:
        outcome = judged(pair(near(0.6, 20), near(0.3, 20)), table=Table([]))
        assert "not calibrated" in outcome.refused

    @pytest.mark.parametrize("damage", [{"series": 3}, {}, {"replicates": 5, "series": [{"test": "t"}]}])
    def test_damaged_data_are_said_in_one_line(self, damage: dict[str, Any]) -> None:
        with pytest.raises(records.RecordError, match="make calibrate"):
            basis.measured(damage)


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
        assert "one condition fails" in outcome.refused
        assert "the guarded test is refused: 10 seeds" in outcome.refused
        assert outcome.test == "guarded t"  # so that more seeds are known to lift it

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

    def test_a_floor_is_an_end_as_well(self) -> None:
        assert judged(pair(near(0.06, 20), near(0.0, 20))).test == "guarded t"

    def test_who_lies_below_one_at_the_ceiling_is_judged_by_what_may_fail_there(self) -> None:
        """That the upper one fails would make up this difference, whichever is named first."""
        assert judged(pair(near(0.95, 20), near(1, 20))).test == "guarded t"

    def test_yes_or_no_hides_nothing(self) -> None:
        contrast = pair([1.0] * 7 + [0.0] * 13, [0.0] * 20)
        assert judged(contrast).test == "sign-flip"

    def test_where_failing_chains_can_not_be_excluded_equivalence_is_not_concluded_by_a_test_that_errs_there(
        self,
    ) -> None:
        held = basis.committed()
        wrong = Table([*held._entries.values(), entry(3_000, 20, kind="equivalent")])
        assert judged(pair(near(0.6, 20), near(0.6, 20)), table=wrong).guarded == (-inf, inf)

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


class TestLook:
    def test_the_highest_rate_that_is_not_excluded_is_clopper_and_pearsons(self) -> None:
        failed = np.zeros((2, 20), bool)
        failed[1, :3] = True
        assert basis.failing(failed) == pytest.approx([0.1684, 0.3789], abs=1e-4)
        assert basis.failing(np.ones(5, bool)) == 1

    def test_shapes_are_those_that_the_rate_allows(self) -> None:
        look = basis.look(np.stack([near(1, 40), near(0.95, 40)]), (1, -1), np.array(0.05), SPAN)
        names = look.shapes()
        assert {s.name for s in (*ALIKE[:5], *ONE_FAILS[:2])} <= set(names)
        assert not {ALIKE[5].name, ONE_FAILS[2].name} & set(names)

    def test_a_span_without_width_is_no_error(self) -> None:
        look = basis.look(np.zeros((2, 6)), (1, -1), np.array(0.0), (0.0, 0.0))
        assert look.near


class TestGroups:
    def test_ranks_are_judged_from_six_seeds_on(self) -> None:
        none = np.zeros(6, bool)
        outcome = censored_ranks(Censored(np.arange(6) + 6, none, none), Censored(np.arange(6), none, none))
        assert basis.checked_ranks(outcome) == outcome
        few = censored_ranks(*(Censored(np.arange(4.0) + at, none[:4], none[:4]) for at in (4, 0)))
        assert "not calibrated" in basis.checked_ranks(few).refused

    def test_a_narrow_condition_at_the_ceiling_may_hide_failures(self) -> None:
        rng = np.random.default_rng(0)
        wide, narrow = rng.normal(0.6, 0.1, (20, 3)), np.minimum(1, rng.normal(1, 0.005, (20, 3)))
        outcome = swapped_spreads(wide, narrow)
        assert outcome.lower > 0
        assert "one condition fails" in basis.checked_spreads(outcome, wide, narrow, SPAN).refused
        assert basis.checked_spreads(swapped_spreads(wide, narrow - 0.3), wide, narrow - 0.3, SPAN).refused == ""

    def test_nor_may_failures_be_taken_for_spread(self) -> None:
        """4 of 20 fail, at least 6 %: the rest of the difference may be chance."""
        rng = np.random.default_rng(0)
        fails, other = np.minimum(1, rng.normal(1, 0.005, (20, 3))), rng.normal(0.5, 0.1, (20, 3))
        fails[:4] = 0
        outcome = swapped_spreads(fails, other)
        assert "one condition fails" in basis.checked_spreads(outcome, fails, other, SPAN).refused


def test_the_committed_table_is_read_once_and_a_missing_one_refuses_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "COMMITTED", tmp_path)
    basis.committed.cache_clear()
    try:
        assert "not calibrated" in judged(pair(near(0.6, 20), near(0.3, 20))).refused
        basis.committed.cache_clear()
        (tmp_path / "calibration.json").write_text(json.dumps({"schema": 1, "name": "calibration", "data": {}}))
        with pytest.raises(records.RecordError, match="make calibrate"):
            basis.committed()
    finally:
        monkeypatch.undo()
        basis.committed.cache_clear()
