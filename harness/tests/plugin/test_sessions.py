"""Controls and readings, which run pytest over the claims: what they come to is told rightly."""

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

import harness.__main__
import harness.trust.controls
from harness.results import records
from harness.results.schema import Finding
from harness.trust import multiverse
from harness.trust.controls import IDLE, main, outcome
from harness.trust.sessions import Judged, SessionError


def finding(name: str, conclusion: Any, effect: float = 0.5, detectable: float | None = 0.1) -> Finding:
    return Finding(
        *("c", name, name, "s", "h", "greater", 0.05, "u", conclusion),
        effect=effect,
        lower=effect - 0.1,
        upper=effect + 0.1,
        detectable=detectable,
    )


def judged(verdict: str, *findings: Finding, controls: Sequence[str] = ()) -> Judged:
    return Judged(verdict, {found.name: found for found in findings}, tuple(controls))


TWIN = judged("REPRODUCED", finding("a", "supported"), finding("b", "supported", effect=0.3))


class TestOutcome:
    @pytest.mark.parametrize("conclusion", ["contradicted", "equivalent", "underpowered"])
    def test_a_finding_that_lost_its_support_is_a_kill(self, conclusion: str) -> None:
        mutated = judged("INCONCLUSIVE", finding("a", "supported"), finding("b", conclusion, effect=0.01))
        assert outcome(TWIN, mutated) == ("killed", f"b: +0.3 supported, now +0.01 {conclusion}")
        both = judged("INCONCLUSIVE", *(finding(name, conclusion, effect=0.01) for name in "ab"))
        first = f"a: +0.5 supported, now +0.01 {conclusion}"
        assert outcome(TWIN, both)[1] == f"{first}; b: +0.3 supported, now +0.01 {conclusion}"
        names = ("test_x[1]", "test_x[2]", "test_y[1]")
        twin = judged("REPRODUCED", *(finding(name, "supported") for name in names))
        all_three = judged("INCONCLUSIVE", *(finding(name, conclusion, effect=0.01) for name in names))
        said = [f"{name}: +0.5 supported, now +0.01 {conclusion}" for name in names]
        assert outcome(twin, all_three)[1] == f"{said[0]}, and 1 more of it; {said[2]}"

    def test_underpowered_is_no_kill_where_the_twin_could_not_have_seen_it_either(self) -> None:
        for detectable in (None, 0.4):
            twin = judged("REPRODUCED", finding("b", "supported", effect=0.3, detectable=detectable))
            mutated = judged("INCONCLUSIVE", finding("b", "underpowered", effect=0.01))
            assert outcome(twin, mutated)[0] == "unclear"
            assert outcome(twin, judged("REFUTED", finding("b", "contradicted", effect=-0.3)))[0] == "killed"

    def test_no_difference_is_lost_where_the_twin_could_place_one_within_its_margin(self) -> None:
        mutated = judged("INCONCLUSIVE", finding("b", "underpowered", effect=0.01))
        for detectable, word in ((0.04, "killed"), (0.06, "unclear")):
            found = finding("b", "supported", effect=0.001, detectable=detectable)
            twin = judged("REPRODUCED", dataclasses.replace(found, kind="equivalent"))
            assert outcome(twin, mutated)[0] == word

    def test_what_is_supported_still_has_survived(self) -> None:
        as_well = judged("REPRODUCED", finding("a", "supported", effect=0.2), finding("b", "supported"))
        assert outcome(TWIN, as_well) == ("survived", "still supported")
        assert outcome(TWIN, TWIN) == ("survived", "it changes no number")

    def test_what_could_not_be_judged_is_no_kill(self) -> None:
        refused = dataclasses.replace(finding("a", "underpowered", effect=0.01), refused="the table says so")
        assert outcome(TWIN, judged("INCONCLUSIVE", refused))[0] == "unclear"

    def test_only_what_the_twin_supports_can_be_lost_or_survive(self) -> None:
        twin = judged("INCONCLUSIVE", *TWIN.findings.values(), finding("c", "underpowered", effect=0.02))
        weak = finding("c", "underpowered", effect=0.0)
        for mutated, word in ((finding("b", "supported"), "survived"), (finding("b", "contradicted"), "killed")):
            now = judged("INCONCLUSIVE", finding("a", "supported"), mutated, weak)
            assert outcome(twin, now)[0] == word
        against = judged("MIXED", *TWIN.findings.values(), finding("c", "contradicted", effect=-0.3))
        assert outcome(twin, against) == ("killed", "c: +0.02 underpowered, now -0.3 contradicted")
        assert outcome(against, against)[0] == "survived"
        even = judged("INCONCLUSIVE", *TWIN.findings.values(), finding("c", "equivalent", effect=0.0))
        assert outcome(twin, even)[0] == "survived"
        nothing = judged("INCONCLUSIVE", weak)
        assert outcome(nothing, judged("REFUTED", finding("c", "contradicted")))[0] == "unclear"

    def test_a_finding_that_is_not_there_any_more_is_no_kill(self) -> None:
        assert outcome(TWIN, judged("ERROR", finding("a", "supported")))[0] == "unclear"

    @pytest.mark.parametrize("conclusion", ["error", "not run"])
    def test_what_broke_down_is_no_kill(self, conclusion: str) -> None:
        mutated = judged("ERROR", finding("a", conclusion), finding("b", conclusion))
        assert outcome(TWIN, mutated)[0] == "unclear"


class Sessions:
    """In place of runs of pytest: what each control leaves of two claims."""

    def __init__(self, twin: dict[str, Judged], mutated: dict[str, str]):
        self.twin, self.mutated, self.ran = twin, mutated, []
        self.default = list(twin)

    def wait(self, *names: str) -> None:
        """These are judged where they are named alone."""
        self.default = [name for name in self.twin if name not in names]

    def waiting(self, name: str) -> list[str]:
        return [name for name in self.twin if name not in self.default]

    def __call__(self, name: str, options: Sequence[str], evidence: Path, claims: Sequence[str] = ()) -> Any:
        self.ran.append((name, tuple(options), str(evidence), tuple(claims)))
        if not options:
            return {claim: one for claim, one in self.twin.items() if claim in (claims or self.default)}
        word: Any = self.mutated.get(name, "supported")
        verdict = "REPRODUCED" if word == "supported" else "INCONCLUSIVE"
        return {claim: judged(verdict, finding("a", word, effect=0.01)) for claim in claims}


def told(lines: Generator[str, None, int]) -> tuple[list[str], int]:
    kept = []
    while True:
        try:
            kept.append(next(lines))
        except StopIteration as end:
            return kept, end.value


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(records, "HERE", tmp_path)
    return tmp_path


def with_sessions(monkeypatch: pytest.MonkeyPatch, mutated: dict[str, str], second: str = "supported") -> Sessions:
    one = judged("REPRODUCED", finding("a", "supported"), controls=["unmasked", "random-mask"])
    weak = finding("b", "underpowered")
    two = judged("INCONCLUSIVE", finding("a", second), weak, controls=["unmasked"])
    third = judged("REFUTED", finding("a", "contradicted"))
    ran = Sessions({"one": one, "two": two, "third": third}, mutated)
    monkeypatch.setattr(harness.trust.controls.sessions, "judge", ran)
    monkeypatch.setattr(harness.trust.controls.sessions, "waiting", ran.waiting)
    return ran


KILLED = {"unmasked": "underpowered", "random-mask": "equivalent"}


class TestCommand:
    def test_all_killed_is_0_and_only_declared_pairs_are_run(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        lines, code = told(main())
        assert code == 0
        assert [(name, claims) for name, _, _, claims in ran.ran] == [
            ("twin", ()),
            ("unmasked", ("one", "two")),
            ("random-mask", ("one",)),
        ]
        assert {evidence for _, _, evidence, _ in ran.ran} == {".claims/trust/evidence", ".claims/controls/evidence"}
        assert "3 of 3 declared controls kill" in lines[-2]
        record = records.read("controls", here, here)
        assert record is not None
        assert record["ok"]
        assert record["data"]["claims"]["one"]["random-mask"]["outcome"] == "killed"
        assert record["data"]["twin"] == {
            "one": "REPRODUCED",
            "two": "INCONCLUSIVE, 1 of 2 supported",
            "third": "REFUTED",
        }
        assert record["data"]["nothing to lose"] == []
        row = next(row for row in record["tables"][0]["rows"] if row[0] == "third")
        assert {entry["text"] for entry in row[2:]} == {"not applicable"}

    def test_a_claim_that_waits_for_a_larger_profile_is_asked_by_name(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        ran.wait("two")
        lines, code = told(main())
        assert code == 0
        assert [(name, claims) for name, _, _, claims in ran.ran][:3] == [
            ("twin", ()),
            ("twin-later", ("two",)),
            ("unmasked", ("one", "two")),
        ]
        assert "3 of 3 declared controls kill" in lines[-2]

    def test_a_survivor_is_1_and_named(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, {"unmasked": "underpowered"})
        lines, code = told(main())
        assert code == 1
        assert "2 of 3 declared controls kill; these do not: one x random-mask" in lines[-2]
        record = records.read("controls", here, here)
        assert record is not None
        assert not record["ok"]

    def test_a_twin_that_supports_nothing_is_1_and_named(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, KILLED, second="underpowered")
        lines, code = told(main())
        assert code == 1
        assert "these do not: two x unmasked; the twin supports nothing of, or speaks against, two" in lines[-2]

    def test_a_twin_that_speaks_against_a_claim_is_1_and_named(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        against = judged("MIXED", finding("a", "supported"), finding("b", "contradicted"), controls=["unmasked"])
        ran.twin["two"] = against
        lines, code = told(main())
        assert code == 1
        assert "3 of 3 declared controls kill; the twin supports nothing of, or speaks against, two" in lines[-2]
        record = records.read("controls", here, here)
        assert record is not None
        assert (record["ok"], record["data"]["nothing to lose"]) == (False, ["two"])

    def test_a_twin_that_supports_a_part_is_told_so(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, KILLED)
        lines, code = told(main())
        assert code == 0
        assert lines[0] == "twin: one REPRODUCED, two INCONCLUSIVE, 1 of 2 supported, third REFUTED"
        record = records.read("controls", here, here)
        assert record is not None
        assert record["tables"][0]["rows"][1][1]["text"] == "INCONCLUSIVE, 1 of 2 supported"

    def test_a_control_whose_mutation_is_disabled_is_found_out(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ran = with_sessions(monkeypatch, KILLED)
        lines, code = told(main(idle="unmasked"))
        assert code == 1
        assert ran.ran[1] == (IDLE, ("--claims-control", IDLE), ".claims/controls/evidence", ("one", "two"))
        assert "these do not: one x unmasked, two x unmasked" in lines[-1]
        assert not list(here.iterdir())  # it is no record of the controls

    def test_a_disk_that_takes_nothing_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / ".claims").touch()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["harness", "controls"])
        assert harness.__main__.main() == 3
        assert capsys.readouterr().err.startswith("error: ")

    def test_one_control_alone_leaves_no_record(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with_sessions(monkeypatch, KILLED)
        assert told(main(only=["random-mask"]))[1] == 0
        assert not list(here.iterdir())


class TestMultiverse:
    def test_each_reading_is_judged_and_what_moves_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base = {"one": judged("REPRODUCED", finding("a", "supported")), "two": judged("REFUTED", finding("b", "error"))}

        def judge(name: str, options: Sequence[str], *_: Any) -> Any:
            if name == "decay=decoupled":
                raise multiverse.RefusedError("decay=decoupled changes nothing here")
            if name == "shuffle=rows":
                return base | {"one": judged("INCONCLUSIVE", finding("a", "underpowered", effect=0.02))}
            if name == "outputs=kept":
                return base | {"one": judged("REPRODUCED", finding("a", "supported", effect=0.4))}
            return base

        monkeypatch.setattr(multiverse.sessions, "judge", judge)
        monkeypatch.setattr(records, "HERE", tmp_path)
        lines, code = told(multiverse.main())
        assert code == 0
        assert "shuffle=rows: one REPRODUCED -> INCONCLUSIVE" in lines
        assert "outputs=kept: every verdict stays" in lines
        assert "decay=decoupled: not applicable (decay=decoupled changes nothing here)" in lines
        record = records.read("multiverse", tmp_path, tmp_path)
        assert record is not None
        found = record["data"]["claims"]["one"]
        assert found["shuffle=rows"] == {"verdict": "INCONCLUSIVE", "same_numbers": False, "changed_findings": ["a"]}
        assert found["outputs=kept"] == {"verdict": "REPRODUCED", "same_numbers": False, "changed_findings": []}
        assert found["lineage=branch"]["same_numbers"]
        assert "decay=decoupled" not in found
        assert record["verdict"] == "Verdicts that change: one under shuffle=rows."
        moved = record["tables"][1]["rows"]
        assert [row[:3] for row in moved] == [["one", "a", "shuffle=rows"]]

    def test_options_that_pytest_refuses_are_an_error_in_its_words(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SessionError, match="unknown profile 'nonsense'"):
            harness.trust.sessions.judge("bad", ["--claims-profile", "nonsense"], Path("nowhere"))
