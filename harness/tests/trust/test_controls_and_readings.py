"""Controls and readings, which run pytest over the claims: what they come to is told rightly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.judging.untrained import FOLLOWS, IN_PART
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


A, B = found("a", "supported"), found("b", "supported", effect=0.3)
GONE = found("b", "underpowered", effect=0.01)
INITIAL = A.replace(note=f"{FOLLOWS}: so it does.")
PARTLY = A.replace(note=f"{IN_PART}: so it does.")
KEPT = found("c", "supported", 0.001, 0.04, kind="equivalent")


@pytest.mark.parametrize(
    ("twin", "broken", "fate"),
    [
        ([A, B], [A, found("b", "contradicted", -0.3)], "killed"),
        ([A, B], [A, found("b", "equivalent", 0.01)], "killed"),
        ([A, B], [A, GONE], "killed"),
        ([A, B], [A, B], "survived"),
        ([A, B], [found("a", "supported", 0.2), B], "survived"),
        # nothing shows that the control is the reason
        ([B.replace(detectable=None)], [GONE], "unclear"),
        ([B.replace(detectable=0.4)], [GONE], "unclear"),
        ([B.replace(detectable=0.4)], [found("b", "contradicted", -0.3)], "killed"),
        ([KEPT], [found("c", "underpowered", 0.01)], "killed"),
        ([KEPT.replace(detectable=0.06)], [found("c", "underpowered", 0.01)], "unclear"),
        ([A, B], [A, GONE.replace(refusal="few seeds", refused="so it is")], "unclear"),
        # where nothing is learned any more, or all are alike, what the finding rests on is gone
        ([A, KEPT], [A, found("c", "underpowered").replace(refusal="insensitive", refused="so it is")], "killed"),
        ([A, B], [A, GONE.replace(refusal="censored", refused="so it is")], "killed"),
        ([A, GONE], [A, GONE.replace(refusal="insensitive", refused="so it is")], "survived"),
        ([A, B], [A], "unclear"),
        ([A, B], [found("a", "error"), found("b", "not run")], "unclear"),
        # only what the twin supports can be lost, and what it contradicts may stay so
        ([GONE], [found("b", "contradicted")], "unclear"),
        ([A, GONE], [A, GONE], "survived"),
        ([A, found("c", "contradicted", -0.3)], [A, found("c", "contradicted", -0.3)], "survived"),
        ([A, GONE], [A, found("b", "contradicted", -0.3)], "killed"),
        # what says of itself that it needs no learning
        ([INITIAL, GONE], [INITIAL, GONE], "said"),
        ([INITIAL, B], [INITIAL, B], "survived"),
        ([PARTLY], [INITIAL], "survived"),
        ([INITIAL, B], [INITIAL, found("b", "equivalent", 0.0)], "killed"),
    ],
)
def test_what_became_of_a_claim_under_a_control(twin: list[Finding], broken: list[Finding], fate: str) -> None:
    came, why = outcome(judged("INCONCLUSIVE", *twin), judged("INCONCLUSIVE", *broken))
    assert came == fate
    if fate == "killed":
        assert twin[-1].name in why and f"{twin[-1].effect:+.3g}" in why and broken[-1].conclusion in why


def test_of_each_hypothesis_the_first_is_told_and_how_many_more() -> None:
    names = ("test_x[1]", "test_x[2]", "test_y[1]")
    twin = judged("REPRODUCED", *(found(name, "supported") for name in names))
    broken = judged("INCONCLUSIVE", *(found(name, "equivalent", effect=0.01) for name in names))
    first, second = outcome(twin, broken)[1].split("; ")
    assert "test_x[1]" in first and "1 more" in first
    assert "test_y[1]" in second and "more" not in second


class Sessions:
    """In place of runs of pytest: what each control leaves of the claims."""

    def __init__(self, *claims: ClaimResult, broken: dict[str, str]):
        self.claims = {claim.id: claim for claim in claims}
        self.broken, self.waiting = broken, list[str]()
        self.scaled: dict[str, ClaimResult] = {}
        self.ran: list[tuple[str, tuple[str, ...], Path, tuple[str, ...]]] = []

    def __call__(self, name: str, options: Sequence[str], evidence: Path, claims: Sequence[str] = ()) -> RunResult:
        self.ran.append((name, tuple(options), evidence, tuple(claims)))
        if options == ["--claims-profile=scaled"]:
            return run_result(*(self.scaled.get(claim, self.claims[claim]) for claim in claims))
        if options:
            word = self.broken.get(name.removesuffix("-scaled"), "supported")
            verdict = "REPRODUCED" if word == "supported" else "INCONCLUSIVE"
            return run_result(*(judged(verdict, found("a", word, effect=0.01), id=claim) for claim in claims))
        chosen = [c for c in self.claims.values() if c.id in (claims or self.claims.keys() - set(self.waiting))]
        later = [LaterClaim(id=name, says="", source="", profile="extended", controls=("x",)) for name in self.waiting]
        return run_result(*chosen, later=() if claims else tuple(later))


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setattr(records, "HERE", tmp_path)
    stand_in = Sessions(
        judged("REPRODUCED", A, id="one", declared=["unmasked", "random-mask"]),
        judged("INCONCLUSIVE", A, GONE, id="two", declared=["unmasked"]),
        judged("REFUTED", found("a", "contradicted"), id="third"),
        broken={"unmasked": "underpowered", "random-mask": "equivalent"},
    )
    monkeypatch.setattr(sessions, "judge", stand_in)
    return stand_in


def left(name: str, folder: Path) -> Record:
    record = records.read(name, folder, folder / "none")
    assert record is not None
    return record


def test_all_killed_is_0_and_only_declared_pairs_are_run(ran: Sessions, tmp_path: Path) -> None:
    ran.waiting = ["two"]  # for a larger profile: it is asked by name
    assert negative_controls.main() == 0
    assert [(name, claims) for name, _, _, claims in ran.ran] == [
        ("twin", ()),
        ("twin-later", ("two",)),
        ("unmasked", ("one", "two")),
        ("random-mask", ("one",)),
    ]
    assert ran.ran[0][2] not in {evidence for _, options, evidence, _ in ran.ran if options}
    record = left("controls", tmp_path)
    assert record.ok and record.data["claims"]["one"]["random-mask"]["outcome"] == "killed"
    assert record.data["twin"]["one"] == "REPRODUCED" and "1 of 2" in record.data["twin"]["two"]
    row = next(row for row in record.tables[0].rows if row[0] == "third")
    assert {getattr(entry, "text", entry) for entry in row[2:]} == {"not applicable"}


def test_a_survivor_is_1_and_named(ran: Sessions, tmp_path: Path) -> None:
    del ran.broken["random-mask"]
    assert negative_controls.main() == 1
    record = left("controls", tmp_path)
    assert not record.ok and "one x random-mask" in record.verdict and "unmasked" not in record.verdict


@pytest.mark.parametrize(("findings", "lame"), [([GONE], ["two"]), ([A, found("b", "contradicted")], [])])
def test_a_twin_that_supports_nothing_is_1_and_named(
    findings: list[Finding], lame: list[str], ran: Sessions, tmp_path: Path
) -> None:
    ran.claims["two"] = judged("MIXED", *findings, id="two", declared=["unmasked"])
    assert negative_controls.main() == (1 if lame else 0)
    record = left("controls", tmp_path)
    assert (record.ok, record.data["nothing to lose"]) == (not lame, lame)


def test_what_supports_nothing_when_reduced_is_tried_at_scaled(ran: Sessions) -> None:
    ran.claims["two"] = judged("INCONCLUSIVE", GONE, id="two", declared=["unmasked"])
    ran.scaled["two"] = judged("REPRODUCED", A, id="two", declared=["unmasked"])
    assert negative_controls.main(only=["unmasked"]) == 0
    assert [(name, claims) for name, _, _, claims in ran.ran] == [
        ("twin", ()),
        ("twin-scaled", ("two",)),
        ("unmasked", ("one",)),
        ("unmasked-scaled", ("two",)),
    ]


@pytest.mark.parametrize(("control", "code"), [("no-learning", 0), ("random-mask", 1)])
def test_what_follows_from_initialisation_may_survive_the_lack_of_learning_alone(
    control: str, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    claim = judged("REPRODUCED", INITIAL, id="one", declared=[control])
    monkeypatch.setattr(records, "HERE", tmp_path)
    monkeypatch.setattr(sessions, "judge", lambda *_: run_result(claim))
    assert negative_controls.main() == code
    assert f"one x {control}" in left("controls", tmp_path).verdict


def test_one_control_alone_or_disabled_leaves_no_record_and_a_disabled_one_is_found_out(
    ran: Sessions, tmp_path: Path, capsys: Any
) -> None:
    assert negative_controls.main(only=["random-mask"]) == 0
    assert negative_controls.main(idle="unmasked") == 1
    assert ran.ran[-1][:2] == (IDLE, (f"--claims-control={IDLE}",))
    assert "one x unmasked, two x unmasked" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnknownNameError, match="nonsense"):
        negative_controls.main(only=["nonsense"])


def test_each_reading_is_judged_and_what_moves_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = judged("REPRODUCED", A, id="one")
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
    assert readings["lineage=branch"]["same_numbers"] and "decay=decoupled" not in readings
    assert "one under shuffle=rows" in record.verdict and "outputs" not in record.verdict
    assert [row[:3] for row in record.tables[1].rows] == [("one", "a", "shuffle=rows")]


def test_options_that_pytest_refuses_are_an_error_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match="nonsense"):
        sessions.judge("bad", ["--claims-profile=nonsense"], Path("nowhere"))
