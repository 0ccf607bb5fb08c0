"""The gate: what turns a run red, what does not, and how a baseline comes to be."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.files import FIXTURES
from harness.plugin.gate import Gate, exit_code, fails, lines, open_gate, refuse_altered, refuse_incomparable, result_of
from harness.results.baseline import of_run
from harness.results.schema import Finding
from harness.tests.evidence.processes import run_pytest
from harness.tests.factory import claim_result, drift, finding, run_result
from harness.tests.plugin.projects import (
    BASELINE,
    FAILED,
    NO_RESULT,
    OK,
    USAGE,
    Project,
    assert_refused,
    made_of_numbers,
)

# What fails


def settings(**others: Any) -> Any:
    """What the gate asks of them."""
    profile = SimpleNamespace(name="scaled", altered=[])
    given = {"strict": False, "gate": False, "update_baseline": False, "not_comparable": "skip", "drift_margin": 0.5}
    return SimpleNamespace(**given | {"profile": profile} | others)


def stood(conclusion: Any, standing: Any = None) -> Finding:
    return finding(conclusion=conclusion, drift=drift(standing) if standing else None)


@pytest.mark.parametrize(
    ("conclusion", "standing", "given", "failing"),
    [
        ("supported", None, {}, False),
        ("underpowered", None, {}, False),
        ("equivalent", None, {}, False),
        ("contradicted", None, {}, True),
        ("contradicted", "as recorded", {}, False),
        ("contradicted", "as recorded", {"gate": True}, False),
        ("contradicted", "changed", {}, True),
        ("contradicted", "changed", {"gate": True}, False),  # it was not supported, and has not drifted
        ("contradicted", "new", {"gate": True}, True),
        ("contradicted", None, {"gate": True}, True),
        ("contradicted", "not comparable", {"gate": True}, True),
        ("contradicted", "new", {"update_baseline": True}, False),
        ("underpowered", "regressed", {}, False),
        ("underpowered", "regressed", {"gate": True}, True),
        ("contradicted", "regressed", {"gate": True}, True),
        ("underpowered", "left", {"gate": True}, False),
        ("underpowered", "new", {"gate": True}, False),
        ("supported", "recovered", {"gate": True}, False),
        ("supported", "not comparable", {"gate": True}, False),
        ("supported", "not comparable", {"gate": True, "not_comparable": "fail"}, True),
        ("underpowered", None, {"strict": True}, True),
        ("contradicted", "as recorded", {"strict": True}, True),
        ("supported", None, {"strict": True}, False),
        ("smoke", None, {"strict": True}, False),
    ],
    ids=str,
)
def test_a_finding_fails_by_its_conclusion_or_by_its_drift(
    conclusion: str, standing: str | None, given: dict[str, Any], failing: bool
) -> None:
    found = stood(conclusion, standing)
    assert fails(found, settings(**given)) == failing
    code = FAILED if failing and standing != "not comparable" else OK
    if standing != "not comparable":
        assert exit_code([found], False, settings(**given), None) == code


def test_of_several_reasons_to_fail_the_first_counts() -> None:
    error, missing, contradicted = stood("error"), stood("not run"), stood("contradicted")
    failed = SimpleNamespace(failed=True)
    given: Any = settings()
    for findings, others, baseline, code in (
        ([error, contradicted], True, failed, NO_RESULT),  # who takes a contradiction for granted must hear of an error
        ([contradicted, missing], False, failed, FAILED),
        ([stood("supported")], True, None, FAILED),
        ([stood("supported"), missing], False, failed, NO_RESULT),
        ([stood("supported")], False, failed, BASELINE),
        ([stood("supported")], False, None, OK),
    ):
        assert exit_code(findings, others, given, baseline) == code  # type: ignore[arg-type]


# What is compared


class Committed:
    """This suite's claims, of which there is one."""

    partial = False

    def commitments(self, names: Any, settings: Any) -> None:
        return None

    def __contains__(self, claim: str) -> bool:
        return claim == "a-claim"


def gate(**given: Any) -> Gate:
    """A gate over a baseline of one supported finding of "a-claim"."""
    return Gate(Path("scaled.json"), of_run(run_result()), settings(gate=True, **given), Committed())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "altered", "word"),
    [("extended", [], "profile scaled"), ("scaled", ["pruning.rate=0.3"], "pruning.rate=0.3")],
)
def test_another_experiment_is_not_compared_unless_it_is_asked_for(name: str, altered: list[str], word: str) -> None:
    profile = SimpleNamespace(name=name, altered=altered)
    held = gate(profile=profile).hold(finding())
    assert held.standing == "not comparable"
    assert held.drift is not None and word in held.drift.says
    assert gate(profile=profile, not_comparable="compare").hold(finding()).standing == "holds"
    assert gate().hold(finding()).standing == "holds"
    with pytest.raises(pytest.exit.Exception) as ended:
        refuse_incomparable(gate(profile=profile, not_comparable="fail"), {"a-claim": ["test_it[cart-pole-ppo]"]})
    assert ended.value.returncode == BASELINE
    assert "a-claim" in str(ended.value) and word in str(ended.value) and "--claims-not-comparable" in str(ended.value)
    refuse_incomparable(gate(profile=profile), {"a-claim": ["test_it[cart-pole-ppo]"]})


def test_a_run_says_how_each_finding_stands_and_from_where_the_baseline_is() -> None:
    kinds = [stood("underpowered", standing) for standing in ("regressed", "left", "holds")]
    kinds = [kind.replace(name=f"test_{number}", nodeid=str(number)) for number, kind in enumerate(kinds)]
    there = {"machine": {"cpu": "A CPU", "cpus": 2}, "versions": {"python": "3.11.1", "numpy": "9.9"}}
    found = result_of(gate(), kinds, there)
    assert found is not None
    assert found.standings == {"regressed": 1, "left": 1, "holds": 1}
    assert list(found.standings) == ["regressed", "left", "holds"], "the worst first"
    assert found.failed
    assert "numpy 2.4.6" in found.says and "9.9" in found.says and "cpu" not in found.says
    told = "\n".join(lines(run_result(claim_result(*kinds), baseline=found)))
    for kind in kinds[:2]:
        assert re.search(rf"{kind.standing} +{kind.claim} {kind.name}: ", told)
    assert told.count("0.1 ") >= 3, "the smallest drift that is seen, of each finding that was supported"


# From the shell


def standing_of(made: Project, claim: str) -> str | None:
    return next(finding.standing for finding in made.findings().values() if finding.claim == claim)


@pytest.fixture(scope="module")
def based(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose baseline holds what its claims come to. Tests leave both as they were."""
    made = made_of_numbers(tmp_path_factory.mktemp("based") / "project", "supported", "contradicted")
    first = made.run("--claims-update-baseline")
    assert first.code == BASELINE, "the first one fails the run, so that somebody reads it"
    assert str(file_of(made)) in first.text
    second = made.run("--claims-update-baseline")
    assert second.code == OK, second.text
    assert re.search(r"0 of 2 .*changed, 0 .*dropped", second.text)
    return made


def file_of(made: Project) -> Path:
    return made.folder / "fixtures" / "baselines" / "tiny.json"


def test_what_the_baseline_records_is_expected(based: Project) -> None:
    ran = based.run("-v", "--claims-gate")
    assert ran.code == OK, ran.text
    assert "CONTRADICTED, AS RECORDED" in ran.text
    assert (standing_of(based, "supported"), standing_of(based, "contradicted")) == ("holds", "as recorded")
    assert based.run().code == OK
    assert based.run("--claims-baseline=none").code == FAILED


def test_what_was_supported_and_has_drifted_away_turns_the_gate_red(based: Project) -> None:
    based.add("supported", "judge.greater(difference(0.0), min_effect=0.05)", runs="")
    try:
        ran = based.run("--claims-gate")
        assert ran.code == FAILED, ran.text
        assert standing_of(based, "supported") == "regressed"
        assert based.run().code == OK, "only --claims-gate asks for more than that nothing is contradicted"
    finally:
        based.add("supported", runs="")


@pytest.mark.parametrize(("what", "code"), [("fail", BASELINE), ("skip", FAILED), ("compare", OK)])
def test_what_becomes_of_another_experiment_is_an_option(based: Project, what: str, code: int) -> None:
    """One of the two claims is contradicted, which only the baseline excuses."""
    other = json.loads(file_of(based).read_text()) | {"changes": ["pruning.rate=0.3"]}
    file = based.folder / "other.json"
    file.write_text(json.dumps(other))
    ran = based.run("--claims-gate", f"--claims-baseline={file}", f"--claims-not-comparable={what}")
    assert ran.code == code, ran.text
    assert ("pruning.rate=0.3" in ran.text) == (what != "compare")


def test_a_finding_turned_error_fails_with_a_code_of_its_own(based: Project) -> None:
    based.add("supported", "pass", runs="")
    try:
        assert based.run("--claims-gate").code == NO_RESULT
        before = file_of(based).read_bytes()
        ran = based.run("--claims-update-baseline")
        assert ran.code == NO_RESULT, ran.text
        assert file_of(based).read_bytes() == before, "a run without all its results is no baseline"
    finally:
        based.add("supported", runs="")


def test_an_entry_that_no_claim_uses_any_more_fails_the_run_until_it_is_dropped(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported", "equivalent")
    made.run("--claims-update-baseline")
    (made.folder / "claims" / "test_equivalent.py").unlink()
    ran = made.run()
    assert ran.code == BASELINE, ran.text
    assert re.search(r"unused +equivalent test_it", ran.text)
    assert made.run("claims/test_supported.py").code == OK, "who names one file asks for no other"
    refused = made.run("--claims-update-baseline")
    assert refused.code == USAGE and "equivalent" in refused.text, "a whole claim goes only where somebody says so"
    file_of(made).unlink()
    assert made.run("--claims-update-baseline").code == BASELINE
    assert made.run().code == OK


def test_an_entry_of_a_claim_that_stays_is_dropped_by_the_next_baseline(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    made.run("--claims-update-baseline")
    claim = made.folder / "claims" / "test_supported.py"
    claim.write_text(claim.read_text().replace("def test_it", "def test_that"))
    assert made.run().code == BASELINE
    assert made.run("--claims-update-baseline").code == OK
    assert made.run().code == OK


def test_fresh_seeds_are_compared(based: Project) -> None:
    assert based.run("--claims-gate", "--claims-seed-block=1").code == OK
    assert standing_of(based, "supported") == "holds"


@pytest.mark.parametrize("args", [["--claims-finished"], ["-k", "supported"], ["claims/test_supported.py"], ["--lf"]])
def test_a_part_of_a_run_is_no_baseline(based: Project, args: list[str]) -> None:
    before = file_of(based).read_bytes()
    if args == ["--lf"]:
        based.run("--claims-baseline=none")  # of two, one fails
    ran = based.run("--claims-update-baseline", *args)
    assert ran.code == USAGE, ran.text
    assert run_pytest(based.folder / "claims", "--claims-update-baseline").code == USAGE, "a subfolder is a part"
    assert file_of(based).read_bytes() == before


SCALED = {"name": "scaled", "gives_findings": True, "control": "", "seeds": 20, "altered": []}


@pytest.mark.parametrize("wanted", ["gate", "update_baseline"])
@pytest.mark.parametrize(
    "given", [{"baseline": None}, {"gate": True, "update_baseline": True}, {"judges": False}], ids=str
)
def test_a_baseline_is_of_a_profile_that_judges_and_is_compared_or_replaced(wanted: str, given: dict[str, Any]) -> None:
    profile = SimpleNamespace(**SCALED | {"gives_findings": given.get("judges", True)})
    held = settings(**{wanted: True, "baseline": Path("b.json"), "profile": profile} | given)
    with pytest.raises(pytest.UsageError):
        open_gate(held, None, {}, True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "others", [{"control": "random-mask"}, {"seeds": 2}, {"altered": ["pruning.rate=0.3"]}], ids=str
)
def test_another_experiment_is_no_baseline_of_the_profile(others: dict[str, Any]) -> None:
    profile = SimpleNamespace(**SCALED | others)
    with pytest.raises(pytest.UsageError):
        refuse_altered(settings(profile=profile, own_seeds=20, baseline=FIXTURES / "baselines" / "scaled.json"))


@pytest.mark.parametrize("args", [["--claims-gate"], ["--claims-baseline=elsewhere.json"]], ids=str)
def test_a_baseline_that_is_asked_for_must_be_there(tmp_path: Path, args: list[str]) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    assert_refused(made, made.run(*args), ".json", "--claims-update-baseline")


def test_a_baseline_without_a_claim_is_refused(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project")
    (made.folder / "claims" / "test_plain.py").write_text("def test_plain(): pass\n")
    assert_refused(made, made.run("--claims-update-baseline"), "--claim all")


def test_a_malformed_baseline_is_one_line_before_anything_is_judged(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    file_of(made).parent.mkdir(parents=True)
    file_of(made).write_text('{"format": 9}')
    for args in ([], ["-n", "2", "--claims-gate"]):
        assert_refused(made, made.run(*args), "tiny.json")


MEASURED = """
    share = run.input_magnitude_at(0.5)
    judge.greater(share["pole angle"] - share["cart position"], min_effect=0.05, unit="share", span=(0, 1))
"""


def test_serial_and_parallel_runs_write_the_same_baseline(tmp_path: Path) -> None:
    """Each trains for itself."""
    written = []
    for workers in ("0", "2"):
        made = made_of_numbers(tmp_path / workers, "contradicted")
        made.add("measured", MEASURED.strip(), runs='ticket_run("cart-pole", "bc", times=2)')
        ran = made.run("--claims-update-baseline", "-n", workers)
        assert ran.code == BASELINE, ran.text
        written.append(json.loads(file_of(made).read_text()) | {"created": ""})
    assert written[0] == written[1]
    assert set(written[0]["claims"]) == {"contradicted", "measured"}
