"""Controls and readings, which run pytest over the claims: what they come to is told rightly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.registry import UnknownNameError
from harness.results import records
from harness.results.records import Record
from harness.results.schema import ClaimResult, Finding, LaterClaim, RunResult
from harness.tests.factory import claim_result, finding, run_result
from harness.trust import multiverse, negative_controls, sessions
from harness.trust.negative_controls import IDLE, outcome
from harness.trust.sessions import RefusedError


def found(name: str, conclusion: str, effect: float = 0.5, detectable: float | None = 0.1, **changes: Any) -> Finding:
    bounds = {"effect": effect, "lower": effect - 0.1, "upper": effect + 0.1}
    return finding(name=name, conclusion=conclusion, detectable=detectable, **bounds | changes)


def judged(verdict: str, *findings: Finding, id: str = "a-claim", declared: Sequence[str] = ()) -> ClaimResult:
    return claim_result(*findings, id=id, verdict=verdict, controls=tuple(declared))


TWIN = judged("REPRODUCED", found("a", "supported"), found("b", "supported", effect=0.3))


class TestOutcome:
    @pytest.mark.parametrize("conclusion", ["contradicted", "equivalent", "underpowered"])
    def test_a_finding_that_lost_its_support_is_a_kill_and_told(self, conclusion: str) -> None:
        broken = judged("INCONCLUSIVE", found("a", "supported"), found("b", conclusion, effect=0.01))
        fate, why = outcome(TWIN, broken)
        assert fate == "killed"
        assert why.startswith("b: +0.3 supported")

    def test_of_each_hypothesis_the_first_is_told_and_how_many_more(self) -> None:
        names = ("test_x[1]", "test_x[2]", "test_y[1]")
        twin = judged("REPRODUCED", *(found(name, "supported") for name in names))
        broken = judged("INCONCLUSIVE", *(found(name, "equivalent", effect=0.01) for name in names))
        first, second = outcome(twin, broken)[1].split("; ")
        assert "test_x[1]" in first
        assert "1 more" in first
        assert "test_y[1]" in second
        assert "more" not in second

    def test_underpowered_is_no_kill_where_the_twin_could_not_have_seen_it_either(self) -> None:
        for detectable in (None, 0.4):
            twin = judged("REPRODUCED", found("b", "supported", effect=0.3, detectable=detectable))
            broken = judged("INCONCLUSIVE", found("b", "underpowered", effect=0.01))
            assert outcome(twin, broken)[0] == "unclear"
            assert outcome(twin, judged("REFUTED", found("b", "contradicted", effect=-0.3)))[0] == "killed"

    def test_no_difference_is_lost_where_the_twin_could_place_one_within_its_margin(self) -> None:
        broken = judged("INCONCLUSIVE", found("b", "underpowered", effect=0.01))
        for detectable, word in ((0.04, "killed"), (0.06, "unclear")):
            twin = judged("REPRODUCED", found("b", "supported", 0.001, detectable, kind="equivalent"))
            assert outcome(twin, broken)[0] == word

    def test_what_is_supported_still_has_survived(self) -> None:
        as_well = judged("REPRODUCED", found("a", "supported", effect=0.2), found("b", "supported"))
        assert outcome(TWIN, as_well)[0] == outcome(TWIN, TWIN)[0] == "survived"
        assert outcome(TWIN, as_well)[1] != outcome(TWIN, TWIN)[1]  # whether it changes any number

    @pytest.mark.parametrize(
        "broken",
        [
            judged("INCONCLUSIVE", found("a", "underpowered", effect=0.01, refusal="few seeds", refused="so it is")),
            judged("ERROR", found("a", "supported")),
            judged("ERROR", found("a", "error"), found("b", "error")),
            judged("ERROR", found("a", "not run"), found("b", "not run")),
        ],
        ids=["refused", "missing", "error", "not run"],
    )
    def test_what_could_not_be_judged_is_no_kill(self, broken: ClaimResult) -> None:
        assert outcome(TWIN, broken)[0] == "unclear"

    def test_only_what_the_twin_supports_can_be_lost_or_survive(self) -> None:
        weak = found("c", "underpowered", effect=0.0)
        twin = judged("INCONCLUSIVE", *TWIN.findings, found("c", "underpowered", effect=0.02))
        for b, word in ((found("b", "supported"), "survived"), (found("b", "contradicted"), "killed")):
            assert outcome(twin, judged("INCONCLUSIVE", found("a", "supported"), b, weak))[0] == word
        against = judged("MIXED", *TWIN.findings, found("c", "contradicted", effect=-0.3))
        assert outcome(twin, against)[0] == "killed"
        assert outcome(against, against)[0] == "survived"
        assert outcome(judged("INCONCLUSIVE", weak), judged("REFUTED", found("c", "contradicted")))[0] == "unclear"


class Sessions:
    """In place of runs of pytest: what each control leaves of the claims."""

    def __init__(self, *claims: ClaimResult, broken: dict[str, str]):
        self.claims = {claim.id: claim for claim in claims}
        self.broken, self.waiting = broken, list[str]()
        self.ran: list[tuple[str, tuple[str, ...], Path, tuple[str, ...]]] = []

    def __call__(self, name: str, options: Sequence[str], evidence: Path, claims: Sequence[str] = ()) -> RunResult:
        self.ran.append((name, tuple(options), evidence, tuple(claims)))
        if options:
            word = self.broken.get(name, "supported")
            verdict = "REPRODUCED" if word == "supported" else "INCONCLUSIVE"
            return run_result(*(judged(verdict, found("a", word, effect=0.01), id=claim) for claim in claims))
        chosen = [c for c in self.claims.values() if c.id in (claims or self.claims.keys() - set(self.waiting))]
        later = [LaterClaim(id=name, says="", source="", profile="extended", controls=("x",)) for name in self.waiting]
        return run_result(*chosen, later=() if claims else tuple(later))


KILLED = {"unmasked": "underpowered", "random-mask": "equivalent"}


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setattr(records, "HERE", tmp_path)
    stand_in = Sessions(
        judged("REPRODUCED", found("a", "supported"), id="one", declared=["unmasked", "random-mask"]),
        judged("INCONCLUSIVE", found("a", "supported"), found("b", "underpowered"), id="two", declared=["unmasked"]),
        judged("REFUTED", found("a", "contradicted"), id="third"),
        broken=dict(KILLED),
    )
    monkeypatch.setattr(sessions, "judge", stand_in)
    return stand_in


def left(name: str, folder: Path) -> Record:
    record = records.read(name, folder, folder / "none")
    assert record is not None
    return record


class TestControls:
    def test_all_killed_is_0_and_only_declared_pairs_are_run(self, ran: Sessions, tmp_path: Path) -> None:
        assert negative_controls.main() == 0
        assert [(name, claims) for name, _, _, claims in ran.ran] == [
            ("twin", ()),
            ("unmasked", ("one", "two")),
            ("random-mask", ("one",)),
        ]
        real, broken = ran.ran[0][2], {evidence for _, options, evidence, _ in ran.ran if options}
        assert real not in broken
        record = left("controls", tmp_path)
        assert record.ok
        assert record.data["claims"]["one"]["random-mask"]["outcome"] == "killed"
        assert record.data["twin"] == {
            "one": "REPRODUCED",
            "two": "INCONCLUSIVE, 1 of 2 supported",
            "third": "REFUTED",
        }
        row = next(row for row in record.tables[0].rows if row[0] == "third")
        assert {getattr(entry, "text", entry) for entry in row[2:]} == {"not applicable"}

    def test_a_claim_that_waits_for_a_larger_profile_is_asked_by_name(self, ran: Sessions) -> None:
        ran.waiting = ["two"]
        assert negative_controls.main() == 0
        asked = [("twin", ()), ("twin-later", ("two",)), ("unmasked", ("one", "two"))]
        assert [(name, claims) for name, _, _, claims in ran.ran][:3] == asked

    def test_a_survivor_is_1_and_named(self, ran: Sessions, tmp_path: Path) -> None:
        del ran.broken["random-mask"]
        assert negative_controls.main() == 1
        record = left("controls", tmp_path)
        assert not record.ok
        assert "one x random-mask" in record.verdict
        assert "unmasked" not in record.verdict

    @pytest.mark.parametrize("other", ["underpowered", "contradicted"])
    def test_a_twin_that_supports_nothing_or_speaks_against_a_claim_is_1_and_named(
        self, other: str, ran: Sessions, tmp_path: Path
    ) -> None:
        findings = [found("b", other), *([found("a", "supported")] if other == "contradicted" else [])]
        ran.claims["two"] = judged("MIXED", *findings, id="two", declared=["unmasked"])
        assert negative_controls.main() == 1
        record = left("controls", tmp_path)
        assert (record.ok, record.data["nothing to lose"]) == (False, ["two"])
        assert "two" in record.verdict

    def test_a_control_whose_mutation_is_disabled_is_found_out(
        self, ran: Sessions, tmp_path: Path, capsys: Any
    ) -> None:
        assert negative_controls.main(idle="unmasked") == 1
        assert ran.ran[1][0] == IDLE
        assert ran.ran[1][1] == (f"--claims-control={IDLE}",)
        assert "one x unmasked, two x unmasked" in capsys.readouterr().out
        assert not list(tmp_path.iterdir())  # it is no record of the controls

    def test_one_control_alone_leaves_no_record_and_an_unknown_one_is_refused(
        self, ran: Sessions, tmp_path: Path
    ) -> None:
        assert negative_controls.main(only=["random-mask"]) == 0
        assert not list(tmp_path.iterdir())
        with pytest.raises(UnknownNameError, match="nonsense"):
            negative_controls.main(only=["nonsense"])


def test_each_reading_is_judged_and_what_moves_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = judged("REPRODUCED", found("a", "supported"), id="one")
    two = judged("REFUTED", found("b", "contradicted"), id="two")
    moved = {
        "shuffle=rows": judged("INCONCLUSIVE", found("a", "underpowered", effect=0.02), id="one"),
        "outputs=kept": judged("REPRODUCED", found("a", "supported", effect=0.4), id="one"),
    }
    asked = {}

    def judge(name: str, options: Sequence[str], *_: Any) -> RunResult:
        asked[name] = tuple(options)
        if name == "decay=decoupled":
            raise RefusedError("it changes nothing here")
        return run_result(moved.get(name, one), two)

    monkeypatch.setattr(sessions, "judge", judge)
    monkeypatch.setattr(records, "HERE", tmp_path)
    assert multiverse.main() == 0
    assert asked["shuffle=rows"] == ("--claims-set=pruning.shuffle=rows",)
    record = left("multiverse", tmp_path)
    readings = record.data["claims"]["one"]
    assert readings["shuffle=rows"] == {"verdict": "INCONCLUSIVE", "same_numbers": False, "changed_findings": ["a"]}
    assert readings["outputs=kept"] == {"verdict": "REPRODUCED", "same_numbers": False, "changed_findings": []}
    assert readings["lineage=branch"]["same_numbers"]
    assert "decay=decoupled" not in readings
    assert "one under shuffle=rows" in record.verdict
    assert "outputs" not in record.verdict
    assert [row[:3] for row in record.tables[1].rows] == [("one", "a", "shuffle=rows")]


def test_options_that_pytest_refuses_are_an_error_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match="nonsense"):
        sessions.judge("bad", ["--claims-profile=nonsense"], Path("nowhere"))
