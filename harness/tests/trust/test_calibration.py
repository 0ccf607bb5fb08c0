"""The calibration: its samples hold what they say, the tests decide them as they decide one alone, its table stands."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.errors import OneLineError
from harness.judging import calibrated
from harness.judging.calibrated import CalibrationTable
from harness.results import records
from harness.source_hash import modules_behind
from harness.statistics import PerSeed, contrast_test
from harness.statistics.guard import guarded_bounds
from harness.trust import calibration, simulation
from harness.trust.calibration import Measured, from_data, record, to_data
from harness.trust.sample_shapes import ALIKE, ONE_FAILS, SHAPES, UNEQUAL, Shape, at_the_edge, levels, sample, spreading
from harness.trust.simulation import WEIGHTS, plan, simulate

COMMITTED = records.read("calibration", records.COMMITTED, records.COMMITTED)
SIZE = (200, 2_000)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
def test_samples_are_what_their_shape_says(shape: Shape) -> None:
    """Means, contrasts of any number of conditions, ranks and spreads: in each the true effect is known."""
    values = shape.draw(rng(), 1, SIZE)[0]
    assert values.mean() == pytest.approx(shape.mean, abs=0.002)
    if shape.needs:
        assert (values < 0.31).mean() == pytest.approx(shape.failures, abs=0.005)
    for weights in (WEIGHTS[conditions] for conditions in (2, 3, 4)):
        for effect in (0.0, 0.3, -0.2):
            values = sample(shape, weights, effect, rng(), SIZE)
            assert np.einsum("c,crn->rn", weights, values).mean() == pytest.approx(effect, abs=0.005)
        values, margin = at_the_edge(shape, weights, 0.2, rng(), SIZE)
        assert np.einsum("c,crn->rn", weights, values).mean() == pytest.approx(-margin, abs=0.005)
    if shape in simulation.FAMILIES["ranks"][1]:
        a, b = levels(shape, rng(), (1, 400_000))
        first, second = (np.bincount(group[0].astype(int), minlength=12) / group.size for group in (a, b))
        assert first @ (np.cumsum(second) - second / 2) == pytest.approx(0.5, abs=0.003)
    if shape in simulation.FAMILIES["spreads"][1]:
        for values in spreading(shape, rng(), (1, 400_000)):
            distance = np.abs(values - np.median(values, axis=1, keepdims=True)).mean()
            assert distance == pytest.approx(shape.distance, rel=0.02)


def per_seed(parts: np.ndarray, weights: tuple[float, ...]) -> PerSeed:
    terms = [w * PerSeed.of(str(i), p, range(len(p))) for i, (p, w) in enumerate(zip(parts, weights, strict=True))]
    return sum(terms[1:], terms[0])


class TestSimulation:
    @pytest.mark.parametrize("shape", SHAPES.values(), ids=lambda shape: shape.name)
    @pytest.mark.parametrize("n", [6, 15])
    def test_the_judges_choice_is_that_of_the_judge(self, shape: Shape, n: int) -> None:
        """With the committed table, also where values tie and sums cancel."""
        for effect, digits in ((0.0, 9), (0.05, 9), (0.05, 1), (0.4, 9)):
            values = np.round(sample(shape, WEIGHTS[2], effect, rng(), (3, n)), digits)
            contrast, reach = simulation.combined(values, WEIGHTS[2])
            guarded = guarded_bounds(contrast, *reach)
            low, high = simulation.judged(values, contrast, simulation.sign_flip(contrast, rng()), guarded)
            for r in range(3):
                pair = per_seed(values[:, r], WEIGHTS[2])
                outcome = calibrated.checked(contrast_test(pair), pair, "greater", (0.0, 1.0))
                decided = (False, False) if outcome.refused else (outcome.lower > 0, outcome.upper < 0)
                assert (low[r] > 0, high[r] < 0) == decided

    @pytest.mark.parametrize("conditions", [2, 3, 4])
    def test_the_guard_has_the_judges_reach(self, conditions: int) -> None:
        weights = WEIGHTS[conditions]
        values = sample(ALIKE[5], weights, 0.05, rng(), (3, 15))
        contrast, reach = simulation.combined(values, weights)
        low, high = guarded_bounds(contrast, *reach)
        for r in range(3):
            alone = contrast_test(per_seed(values[:, r], weights), "equivalent")
            assert (low[r], high[r]) == pytest.approx((alone.lower, alone.upper), abs=1e-12)

    def test_a_part_comes_out_the_same_every_time_and_alone(self) -> None:
        parts = plan((6,), ALIKE[:2])
        alone = [simulate(part, 100) for part in parts]
        assert [simulate(part, 100) for part in reversed(parts)] == alone[::-1]

    def test_bounds_are_clopper_and_pearsons_shared_among_all_entries(self) -> None:
        for count in (0, 3, 987, 1_000):
            low, high = calibrated.clopper_pearson([count], 1_000, 10)
            theirs = stats.binomtest(count, 1_000).proportion_ci(1 - 0.05 / 10)
            assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high))

    def test_a_test_that_is_wrong_too_often_is_told(self) -> None:
        wrong = Measured("judge", "greater", 2, "normal", 20, "false alarms", 0.0, 1_000, 200, 0.15, 0.25)
        made = record([wrong], 1_000, 0.0)
        assert not made.ok and "judge" in made.verdict and "normal" in made.verdict


@pytest.fixture(scope="module")
def entries() -> list[Measured]:
    assert COMMITTED is not None, "no table of the calibration is committed: run make calibrate"
    return from_data(COMMITTED.data)


class TestCommittedTable:
    """What fixtures/trust/calibration.json says of the tests in use."""

    def test_it_is_of_the_statistics_and_shapes_as_they_are(self) -> None:
        assert COMMITTED is not None
        now = to_data([], 1)
        stale = [name for name in ("statistics", "shapes") if COMMITTED.data[name] != now[name]]
        assert not stale, "the tests have changed since they were calibrated: run make calibrate"

    def test_nothing_a_verdict_may_rest_on_exceeds_alpha(self, entries: list[Measured]) -> None:
        used = [m for m in entries if m.used and m.quantity == "false alarms"]
        assert len(used) > 300 and not [m for m in used if m.exceeds]
        assert COMMITTED is not None and COMMITTED.ok
        assert min(m.replicates for m in entries) >= 20_000

    def test_it_covers_what_the_judge_chooses_between_and_the_guard_reads_the_same(
        self, entries: list[Measured]
    ) -> None:
        asked = [
            *(("guarded t", kind, k) for kind in ("greater", "equivalent", "non-inferior") for k in (1, 2, 3, 4)),
            *((test, "greater", 2) for test in ("sign-flip", "judge", "censored ranks", "swapped spreads")),
            *((test, "equivalent", 2) for test in ("censored ranks", "swapped spreads")),
        ]
        alarms = [m for m in entries if m.quantity == "false alarms"]
        held = {(m.test, m.kind, m.conditions, m.n) for m in alarms}
        assert {(*test, n) for test in asked for n in simulation.SEEDS} <= held
        table = CalibrationTable.of(to_data(entries, entries[0].replicates))
        for m in alarms:
            assert table.false_alarms[m.test, m.kind, m.conditions, m.n][m.shape] == (m.rate, pytest.approx(m.lower))

    def test_what_is_not_used_is_measured_to_be_wrong(self, entries: list[Measured]) -> None:
        """The reasons of DESIGN.md for using none of these, and why an interval that is drawn decides nothing."""
        alarms = {(m.test, m.kind, m.shape, m.n): m for m in entries if m.quantity == "false alarms"}
        fails = ONE_FAILS[2].name
        for wrong, rate in (
            (("percentile bootstrap", "greater", "normal", 5), 0.13),
            (("sign-flip on a contrast", "greater", fails, 10), 0.3),
            (("unguarded t", "equivalent", fails, 10), 0.3),
            (("sign-flip", "greater", fails, 8), 0.1),
        ):
            assert alarms[wrong].rate > rate and not alarms[wrong].used
        assert not any(alarms["judge", "greater", fails, n].exceeds for n in simulation.SEEDS)
        drawn = {(m.shape, m.n): m.rate for m in entries if m.test == "BCa" and m.quantity == "coverage"}
        assert drawn["normal", 40] > 0.92 > 0.9 > drawn["normal", 5]

    def test_a_part_simulated_anew_agrees_with_it(self, entries: list[Measured]) -> None:
        held = {(m.test, m.kind, m.conditions, m.shape, m.n, m.quantity, m.effect): m for m in entries}
        compared = 0
        for part in plan((6, 15), (ALIKE[0], ALIKE[5], UNEQUAL[0], ONE_FAILS[1])):
            for key, count in simulate(part, 200).items():
                error = np.sqrt(max(held[key].rate * (1 - held[key].rate), 1e-3) / 200)
                assert abs(count / 200 - held[key].rate) <= 5 * error, key
                compared += 1
        assert compared > 280


def test_no_bootstrap_is_within_reach_of_what_makes_verdicts() -> None:
    decide = ["harness.judging.judge", "harness.judging.verdict", "harness.judging.calibrated"]
    behind = modules_behind(decide)
    assert "harness.statistics.guard" in behind and "harness.statistics.intervals" not in behind


def test_the_command_writes_its_record_and_says_what_came_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    whole, run = calibration.plan, calibration.calibrate
    monkeypatch.setattr(records, "HERE", tmp_path)
    monkeypatch.setattr(calibration, "plan", lambda: whole((15,), ALIKE[:3]))
    monkeypatch.setattr(calibration, "calibrate", lambda parts, replicates, processes: run(parts, replicates, 1))
    assert calibration.main(100, fixture=False) == 0
    found = records.read("calibration", tmp_path, tmp_path / "none")
    assert found is not None and found.ok and found.commit
    assert found.verdict in capsys.readouterr().out
    titles = [table.title for table in found.tables]
    assert "False alarms: guarded t, equivalent" in titles and titles[-1] == "Not used: false alarms"
    for replicates, fixture in ((0, False), (19_999, True)):
        with pytest.raises(OneLineError, match="replicates"):
            calibration.main(replicates, fixture)
