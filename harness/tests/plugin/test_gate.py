"""The gate from the shell: what turns a run red, what does not, and how a baseline comes to be."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.plugin.gate import Gate
from harness.profiles.profile import PROFILES
from harness.results.baseline import of_run
from harness.tests.evidence.processes import Ran, run_pytest
from harness.tests.plugin.projects import BODIES, TINY, Project, project
from harness.tests.results.test_baseline import finding, summary

OK, FAILED, USAGE, NO_RESULT, BASELINE = 0, 1, 4, 6, 7
STEADY = "judge.greater(difference({mean}, spread=0.2), min_effect=0.05)"


@dataclass(frozen=True)
class Gated:
    """A project, with the evidence that all of them share."""

    project: Project
    evidence: str

    @property
    def file(self) -> Path:
        return self.project.folder / "fixtures" / "baselines" / "tiny.json"

    def add(self, name: str, body: str = "") -> None:
        self.project.add(name, body or BODIES[name])

    def run(self, *args: str) -> Ran:
        return self.project.run(self.evidence, "--claims-report=none", *args)


Make = Callable[..., Gated]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"--claims-evidence={tmp_path_factory.mktemp('tiny') / 'evidence'}"


@pytest.fixture
def make(tmp_path: Path, evidence: str) -> Make:
    """Makes a project of claims from `BODIES`, at the profile tiny, with a baseline of what they come to."""

    def make(*names: str, baseline: bool = True) -> Gated:
        made = Gated(project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'}), evidence)
        for name in names:
            made.add(name)
        if baseline:
            assert made.run("--claims-update-baseline").code == BASELINE
        return made

    return make


def standings(ran: Ran) -> str:
    return next(line for line in ran.text.splitlines() if line.startswith("baseline: against"))


def test_the_first_baseline_fails_the_run_so_that_somebody_reads_it(make: Make) -> None:
    made = make("supported", "contradicted", baseline=False)
    first = made.run("--claims-update-baseline")
    assert first.code == BASELINE, first.text
    assert "written for the first time" in first.text and str(made.file) in first.text
    second = made.run("--claims-update-baseline")
    assert second.code == OK, second.text
    assert "0 of 2 conclusions changed, 0 entries dropped" in second.text


def test_a_contradiction_that_the_baseline_records_is_expected(make: Make) -> None:
    made = make("supported", "contradicted")
    assert made.run().code == OK
    ran = made.run("-v", "--claims-gate")
    assert ran.code == OK, ran.text
    assert "CONTRADICTED, AS RECORDED" in ran.text
    assert "1 holds, 1 as recorded" in standings(ran)
    assert made.run("--claims-baseline=none").code == FAILED


def test_what_was_supported_and_has_drifted_away_turns_the_gate_red_and_is_named(make: Make) -> None:
    made = make("supported", "underpowered")
    made.add("supported", "judge.greater(difference(0.0), min_effect=0.05)")
    ran = made.run("--claims-gate", "-v")
    assert ran.code == FAILED, ran.text
    assert "REGRESSED" in ran.text
    assert "1 regressed, 1 as recorded" in standings(ran)
    assert (
        "  regressed      supported test_it[cart-pole-bc]: supported (+0.2) in the baseline, underpowered" in ran.text
    )
    without = made.run()
    assert without.code == OK, "only --claims-gate asks for more than that nothing is contradicted"


def test_leaving_supported_alone_is_reported_and_does_not_fail(make: Make) -> None:
    made = make(baseline=False)
    made.add("steady", STEADY.format(mean=0.2))
    assert made.run("--claims-update-baseline").code == BASELINE
    made.add("steady", STEADY.format(mean=0.1))
    ran = made.run("--claims-gate")
    assert ran.code == OK, ran.text
    assert "1 left" in standings(ran)
    assert "supported (+0.2) in the baseline, underpowered (+0.1) now: drift -0.1" in ran.text


def test_the_smallest_drift_that_can_be_seen_is_told(make: Make) -> None:
    made = make("supported", "underpowered")
    gated, plain = made.run("--claims-gate"), made.run()
    assert "the smallest drift that the gate sees 9 times in 10" in gated.text
    assert gated.text.count("normalised return, of +") == 1, "only what was supported is watched"
    assert re.search(r"0.0\d+ +normalised return, of \+0.2: supported test_it", gated.text)
    assert "the smallest drift" not in plain.text


@pytest.mark.parametrize("body", ['raise LookupError("gone")', "pass"])
def test_a_finding_turned_error_fails_with_a_code_of_its_own(make: Make, body: str) -> None:
    made = make("supported", "equivalent")
    made.add("equivalent", body)
    assert made.run("--claims-gate").code == NO_RESULT
    assert made.run().code == NO_RESULT


def test_an_error_outweighs_a_contradiction_that_somebody_may_take_for_granted(make: Make) -> None:
    made = make("supported", "raising", baseline=False)
    made.add("contradicted")
    assert made.run().code == NO_RESULT


def test_an_entry_that_no_claim_uses_any_more_fails_the_run(make: Make) -> None:
    made = make("supported", "equivalent")
    (made.project.folder / "claims" / "test_equivalent.py").unlink()
    ran = made.run()
    assert ran.code == BASELINE, ran.text
    assert "unused         equivalent test_it[cart-pole-bc]" in ran.text
    assert made.run("claims/test_supported.py").code == OK, "who names one file asks for no other"
    updated = made.run("--claims-update-baseline")
    assert updated.code == OK
    assert "1 entries dropped" in updated.text
    assert made.run().code == OK


def test_a_new_finding_is_judged_as_without_a_baseline(make: Make) -> None:
    made = make("supported")
    made.add("equivalent")
    ran = made.run("--claims-gate")
    assert ran.code == OK
    assert "1 new, 1 holds" in standings(ran)
    made.add("contradicted")
    assert made.run("--claims-gate").code == FAILED


def test_what_comes_to_be_contradicted_by_a_drift_is_red_though_it_was_not_supported(make: Make) -> None:
    made = make("equivalent")
    made.add("equivalent", "judge.greater(difference(-0.9), min_effect=0.5)")
    ran = made.run("--claims-gate")
    assert ran.code == FAILED, ran.text
    assert "1 regressed" in standings(ran)


@pytest.mark.parametrize("option", ["--claims-gate", "--claims-update-baseline"])
def test_a_gate_without_any_claim_is_no_green(make: Make, option: str) -> None:
    made = make(baseline=False)
    (made.project.folder / "claims" / "test_plain.py").write_text("def test_plain(): pass\n")
    (made.file.parent).mkdir(parents=True)
    refused(made.run(option), "there is no")


def test_what_ends_by_the_first_failure_fails_alike_with_workers_and_without(make: Make) -> None:
    made = make("supported", "underpowered")
    made.add("supported", "judge.greater(difference(0.0), min_effect=0.05)")
    for workers in ("0", "2"):
        ran = made.run("--claims-gate", "-x", "-n", workers)
        assert ran.code in (FAILED, NO_RESULT), ran.text
        assert "1 regressed" in standings(ran)


# What can't be compared


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([], BASELINE),
        (["--claims-not-comparable=fail"], BASELINE),
        (["--claims-not-comparable=skip"], OK),
        (["--claims-not-comparable=compare"], FAILED),
    ],
)
def test_what_becomes_of_another_experiment_is_an_option(make: Make, args: list[str], code: int) -> None:
    made = make("supported")
    made.add("supported", "judge.greater(difference(0.0), min_effect=0.05)")
    ran = made.run("--claims-gate", "--claims-set", "pruning.criterion=random", *args)
    assert ran.code == code, ran.text
    if code == BASELINE:
        assert (
            "not comparable" in ran.text and "changed by nothing there and by pruning.criterion=random here" in ran.text
        )
        assert "claims: " not in ran.text.partition("collected")[2], "nothing was trained"


def test_another_margin_is_another_question(make: Make) -> None:
    made = make("supported")
    made.add("supported", "judge.greater(difference(0.0), min_effect=0.01)")
    assert made.run("--claims-gate", "--claims-not-comparable=skip").code == OK
    ran = made.run("--claims-gate")
    assert ran.code == BASELINE
    assert "smallest 0.05 -> 0.01" in ran.text


def test_a_claim_that_commits_itself_to_something_else_is_not_compared_by_its_hash() -> None:
    class Committed:
        """The house's claims, of which there is one."""

        partial = False

        def __contains__(self, claim: str) -> bool:
            return claim == "a-claim"

        def document(self, claim: str) -> dict[str, str]:
            return {"says": "something else"}

    settings = SimpleNamespace(profile=PROFILES["scaled"], not_comparable="fail", drift_margin=0.5)
    held = Gate(Path("b.json"), of_run(summary(), [finding()]), settings, Committed())  # type: ignore[arg-type]
    standing = held.hold(finding()).baseline
    assert standing is not None and standing["standing"] == "not comparable"
    assert "preregistration 000000000000 -> " in standing["says"]
    settings.not_comparable = "compare"
    assert held.hold(finding()).baseline["standing"] == "holds"  # type: ignore[index]
    settings.not_comparable = "skip"
    held.claims.partial = True  # some of its findings were not collected, so that nothing can be told
    assert held.hold(finding()).baseline["standing"] == "holds"  # type: ignore[index]


def test_without_a_gate_another_experiment_is_judged_for_itself(make: Make) -> None:
    made = make("contradicted")
    assert made.run("--claims-set", "pruning.criterion=random").code == FAILED


def test_fresh_seeds_are_compared(make: Make) -> None:
    ran = make("supported").run("--claims-gate", "--claims-seed-block=1")
    assert ran.code == OK
    assert "1 holds" in standings(ran)


def test_a_baseline_of_another_machine_is_compared_and_told(make: Make) -> None:
    made = make("supported")
    content = json.loads(made.file.read_text())
    content["versions"]["torch"] = "1.0"
    made.file.write_text(json.dumps(content))
    ran = made.run("--claims-gate")
    assert ran.code == OK
    assert re.search(r"seed block 0, torch 1.0 there and 2\S+ here: 1 holds", standings(ran))


# Writing one


@pytest.mark.parametrize("args", [["--claims-control=random-mask"], ["--claims-seeds=2"]])
def test_something_else_than_the_profile_is_no_baseline(make: Make, args: list[str]) -> None:
    made = make("supported")
    before = made.file.read_bytes()
    assert made.run("--claims-update-baseline", *args).code == USAGE
    assert made.file.read_bytes() == before


def test_a_run_from_a_subfolder_is_no_baseline(make: Make, evidence: str) -> None:
    made = make("supported", "equivalent")
    before = made.file.read_bytes()
    below = made.project.folder / "claims" / "below"
    below.mkdir()
    (made.project.folder / "claims" / "test_equivalent.py").rename(below / "test_equivalent.py")
    ran = run_pytest(below, "--claims-update-baseline", "--claims-report=none", evidence)
    assert ran.code == USAGE, ran.text
    assert made.file.read_bytes() == before


@pytest.mark.parametrize("args", [["-k", "supported"], ["--claim=supported"], ["claims/test_supported.py"], ["--lf"]])
def test_a_part_of_a_run_is_no_baseline(make: Make, args: list[str]) -> None:
    made = make("supported", "equivalent")
    if args == ["--lf"]:  # of two, one failed
        made.add("equivalent", "pass")
        made.run()
    before = made.file.read_bytes()
    ran = made.run("--claims-update-baseline", *args)
    assert ran.code == USAGE, ran.text
    assert "--claims-update-baseline writes what a run of all claims found" in ran.text
    assert made.file.read_bytes() == before


@pytest.mark.parametrize("body", ['raise LookupError("gone")', "os._exit(7)"])
@pytest.mark.parametrize("workers", ["2"])
def test_a_run_without_all_its_results_is_no_baseline(make: Make, body: str, workers: str) -> None:
    made = make("supported", "equivalent")
    before = made.file.read_bytes()
    made.add("equivalent", body)
    ran = made.run("--claims-update-baseline", "-n", workers)
    assert ran.code == NO_RESULT, ran.text
    assert "was not written: not every finding has a result" in ran.text
    assert made.file.read_bytes() == before


MEASURED = """
    share = run.input_magnitude_at(0.5)
    judge.greater(share["pole angle"] - share["cart position"], min_effect=0.05, unit="share", span=(0, 1))
"""
CUT_SHORT = """
import os
from pathlib import Path

import harness.evidence.drain as draining

real = draining.run_level
cut = Path(__file__).with_name("cut")


def run_level(cell, level, *rest):
    if level == 2 and cut.exists():
        cut.unlink()
        os._exit(9)
    return real(cell, level, *rest)


draining.run_level = run_level
"""


def test_serial_parallel_and_resumed_runs_write_the_same_bytes(tmp_path: Path) -> None:
    """Each trains for itself."""
    written = {}
    for name, args in (("serial", ["-n", "0"]), ("parallel", ["-n", "2"]), ("resumed", ["-n", "0"])):
        made = project(tmp_path / name, conftest=TINY + CUT_SHORT, ini={"profile": '"tiny"'})
        made.add("measured", MEASURED.strip())
        made.add("contradicted", BODIES["contradicted"])
        if name == "resumed":
            (made.folder / "cut").touch()
            assert made.run("--claims-update-baseline", *args).code == 9
            assert list(made.evidence.rglob("level_01.npz")) and not list(made.evidence.rglob("level_02.npz"))
        assert made.run("--claims-update-baseline", *args).code == BASELINE
        content = (made.folder / "fixtures" / "baselines" / "tiny.json").read_bytes()
        written[name] = re.sub(rb'"created": "[^"]*"', b"", content)
    assert written["serial"] == written["parallel"] == written["resumed"]
    assert b'"measured"' in written["serial"]


# Bad input


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--claims-gate"], "there is no baseline"),
        (["--claims-baseline=elsewhere.json"], "there is no baseline"),
        (["--claims-gate", "--claims-update-baseline"], "give one"),
        (["--claims-gate", "--claims-baseline=none"], "nothing to hold findings against"),
        (["--claims-gate", "--claims-profile=smoke"], "profile smoke judges nothing"),
        (["--claims-drift-margin=-1"], "the drift margin is a number from 0 on, not '-1'"),
        (["--claims-drift-margin=nan"], "the drift margin is a number from 0 on, not 'nan'"),
        (["--claims-update-baseline", "--claims-baseline=claims"], "is a directory"),
    ],
)
def test_a_bad_option_is_one_line(make: Make, args: list[str], words: str) -> None:
    refused(make("supported", baseline=False).run(*args), words)


def test_a_choice_that_there_is_not_is_told_by_pytest(make: Make) -> None:
    assert make("supported", baseline=False).run("--claims-not-comparable=pass").code == USAGE


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"format": 1', "it is no JSON"),
        ('{"format": 9}', "it is of format 9"),
        ('{"format": 1, "format": 1}', "twice"),
        (" " * 10_000_000, "10.0 MB"),
    ],
    ids=["truncated", "future", "duplicate", "large"],
)
def test_a_malformed_baseline_is_one_line(make: Make, workers: str, content: str, words: str) -> None:
    made = make("supported", baseline=False)
    made.file.parent.mkdir(parents=True)
    made.file.write_text(content)
    for args in ([], ["--claims-gate"]):
        refused(made.run("-n", workers, *args), words)


@pytest.mark.parametrize("name", ["<script>", "../../x"])
def test_a_hostile_name_is_one_line(make: Make, name: str) -> None:
    made = make("supported")
    content = json.loads(made.file.read_text())
    content["claims"][name] = content["claims"]["supported"]
    made.file.write_text(json.dumps(content))
    refused(made.run("--claims-gate"), f"has a name that can't be '{name}'")


def refused(ran: Ran, words: str) -> None:
    assert ran.code == USAGE, ran.text
    (line,) = [line for line in ran.text.splitlines() if "ERROR" in line or "can't be used" in line]
    assert words in line
    assert "Traceback" not in ran.text
