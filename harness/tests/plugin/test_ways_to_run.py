"""Less common ways to run, each the subject of a public report about a tool of this kind."""

import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.results import history
from harness.tests.plugin.projects import (
    BASELINE,
    FAILED,
    INTERRUPTED,
    NOT_WRITTEN,
    OK,
    TINY,
    TREE,
    USAGE,
    Project,
    made_of_numbers,
    project,
)


def add_to_conftest(made: Project, lines: str) -> None:
    conftest = made.folder / "conftest.py"
    conftest.write_text(f"{conftest.read_text()}\n{lines}", encoding="utf-8")


# Workers


@pytest.mark.parametrize("loaded", ["by its conftest", "by -p"])
def test_auto_starts_a_worker_for_each_cpu_that_the_quota_grants(tmp_path: Path, loaded: str) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    (made.folder / "one_cpu.py").write_text("import harness.machine\n\nharness.machine._quota = lambda proc: 0.5\n")
    args = ["-n", "auto", "-p", "one_cpu"]
    if loaded == "by -p":
        (made.folder / "conftest.py").unlink()
        args += ["-p", "harness.plugin", "--claims-profile=smoke"]
    ran = made.run(*args)
    assert ran.code == OK, ran.text
    assert "1 worker [1 item]" in ran.text
    assert "3 workers [1 item]" in made.run(*args, PYTEST_XDIST_AUTO_NUM_WORKERS="3").text
    assert made.summary().processes == 3
    assert 10e6 < made.summary().peak_bytes < 10e9


def test_claims_in_a_group_of_xdists_lose_no_finding(tmp_path: Path) -> None:
    """Older releases append the name of the group to the ids of a worker's items."""
    made = made_of_numbers(tmp_path / "project", "supported", "contradicted")
    group = "import pytest\n\ndef pytest_itemcollected(item):\n    item.add_marker(pytest.mark.xdist_group('g'))\n"
    add_to_conftest(made, group)
    ran = made.run("-n", "2", "--dist", "loadgroup")
    assert ran.code == FAILED, ran.text
    assert made.conclusions() == {"supported": "supported", "contradicted": "contradicted"}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_that_a_plugin_runs_again_is_judged_again_and_stands_once(tmp_path: Path, workers: str) -> None:
    """In the way of pytest-rerunfailures."""
    made = made_of_numbers(tmp_path / "project", "supported", "contradicted", "raising")
    add_to_conftest(
        made,
        "from _pytest.runner import runtestprotocol\n\ndef pytest_runtest_protocol(item, nextitem):\n"
        "    for last in (False, True):\n        item._initrequest()\n"
        "        for report in runtestprotocol(item, log=False, nextitem=nextitem):\n"
        "            if report.failed and not last:\n                report.outcome = 'rerun'\n"
        "            item.ihook.pytest_runtest_logreport(report=report)\n    return True\n",
    )
    ran = made.run("-n", workers, "--junitxml=junit.xml")
    assert "JudgedTwiceError" not in ran.text
    assert made.conclusions() == {"supported": "supported", "contradicted": "contradicted", "raising": "error"}
    assert {round(finding.effect, 3) for finding in made.summary().findings if finding.judged} == {0.2, -0.2}
    for case in ET.parse(made.folder / "junit.xml").iter("testcase"):
        assert len([each for each in case.iter("property") if each.get("name") == "conclusion"]) == 1


def test_without_docstrings_nothing_is_claimed(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    command = [sys.executable, "-OO", "-m", "pytest"]
    ran = subprocess.run(command, cwd=made.folder, env={**os.environ, "PYTHONPATH": str(TREE)}, capture_output=True)
    assert ran.returncode == USAGE and b"-OO" in ran.stderr


# The end of a run


@pytest.mark.parametrize(
    ("fails", "raises", "names", "code"),
    [
        ("pytest_claims_report", "OSError(28, 'No space left on device')", "report.html", NOT_WRITTEN),
        ("pytest_claims_report", "KeyboardInterrupt", "interrupted", INTERRUPTED),
        ("outcome.with_charts", "LookupError('why')", "charts", NOT_WRITTEN),
    ],
)
def test_what_fails_at_the_end_is_one_line_and_costs_nothing_that_was_found(
    tmp_path: Path, fails: str, raises: str, names: str, code: int
) -> None:
    made = made_of_numbers(tmp_path / "project", "supported", "underpowered")
    function = fails.rpartition(".")[2]
    arguments = "run, path, history" if function == "pytest_claims_report" else "*args"
    patch = f"def {function}({arguments}):\n    raise {raises}\n"
    if "." in fails:
        patch += f"\nfrom harness.plugin import outputs\noutputs.{fails} = {function}\n"
    add_to_conftest(made, patch)
    ran = made.run("--junitxml=junit.xml")
    assert ran.code == code, ran.text
    assert "Traceback" not in ran.text and "INTERNALERROR" not in ran.text
    assert [line for line in ran.text.splitlines()[-6:] if line.startswith("claims: ") and names in line]
    assert made.verdicts() == {"supported": "REPRODUCED", "underpowered": "INCONCLUSIVE"}
    assert "supported" in (made.folder / "junit.xml").read_text("utf-8")


@pytest.mark.parametrize(("name", "code"), [("supported", NOT_WRITTEN), ("contradicted", FAILED)])
def test_what_another_plugin_can_not_write_costs_neither_report_nor_verdict(
    tmp_path: Path, name: str, code: int
) -> None:
    made = made_of_numbers(tmp_path / "project", name)
    add_to_conftest(made, "def pytest_claims_report(run, path, history):\n    path.write_text('a report')\n")
    ran = made.run("--junitxml=/proc/nowhere/junit.xml")
    assert ran.code == code, ran.text
    assert "Traceback" not in ran.text and "at tiny, judged" in ran.text
    assert (made.folder / ".claims" / "report.html").exists()
    assert history.judged_blocks(made.folder / ".claims" / "history.sqlite", name)


def test_no_baseline_is_written_of_findings_that_can_not_be_written(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    add_to_conftest(
        made,
        "def write(run, path):\n    raise OSError(28, 'No space left')\n\n"
        "from harness.plugin import outputs\noutputs.schema.write = write\n",
    )
    assert made.run("--claims-update-baseline").code == NOT_WRITTEN
    assert not list(made.folder.rglob("tiny.json"))


# What is asked for


@pytest.mark.parametrize(("option", "workers"), [("--setup-plan", "0"), ("--collect-only", "2")])
def test_options_that_run_no_test_train_nothing_and_leave_the_last_report(
    tmp_path: Path, option: str, workers: str
) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    made.add("other", "judge.greater(difference(0.2), min_effect=0.05)")
    assert made.run("-k", "supported").code == OK
    ran = made.run(option, "-n", workers)
    assert ran.code in (OK, 5), ran.text
    assert not made.npz
    assert made.verdicts() == {"supported": "REPRODUCED"}


NARROWED = {
    "by an override": (["-o", "python_files=test_supported.py"], ""),
    "by a plugin": ([], "def pytest_collection_modifyitems(items):\n    del items[1:]\n"),
}


@pytest.mark.parametrize("how", NARROWED)
def test_a_run_that_was_kept_from_some_claims_is_not_complete(tmp_path: Path, how: str) -> None:
    args, conftest = NARROWED[how]
    made = made_of_numbers(tmp_path / "project", "supported", "underpowered")
    assert made.run("--claims-update-baseline").code == BASELINE
    (baseline,) = made.folder.rglob("tiny.json")
    before = baseline.read_bytes()
    add_to_conftest(made, conftest)
    ran = made.run(*args, "--claims-update-baseline")
    assert ran.code == USAGE, ran.text
    assert baseline.read_bytes() == before
    made.run(*args)
    assert len(history.read(made.folder / ".claims" / "history.sqlite", "tiny")) == 1


def test_without_pytests_terminal_there_are_verdicts_plans_and_exit_codes(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "contradicted")
    assert made.run("-p", "no:terminal").code == FAILED
    assert made.verdicts() == {"contradicted": "REFUTED"}
    plan = made.run("-p", "no:terminal", "--claims-plan")
    assert plan.code == OK and "contradicted" in plan.text


def test_a_shell_takes_the_command_that_repeats_a_finding(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    claim = made.folder / "claims" / "test_supported.py"
    name = r"a`b` $HOME 'c' \"d\" e"
    test = f'@pytest.mark.parametrize("case", ["{name}"], ids=str)\ndef test_it(case, judge):'
    claim.write_text(claim.read_text("utf-8").replace("def test_it(judge):", test), encoding="utf-8")
    assert made.run().code == OK
    (finding,) = made.summary().findings
    said = subprocess.run(["bash", "-c", f"printf '%s\\n' {finding.rerun}"], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == finding.nodeid
    assert shlex.split(finding.rerun)[-1] == finding.nodeid


def test_a_package_of_the_projects_may_be_named_reports(tmp_path: Path) -> None:
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'})
    made.add("supported", runs="")
    (made.folder / "reports").mkdir()
    (made.folder / "reports" / "__init__.py").write_text("")
    command = [sys.executable, "-m", "pytest"]
    env = {**os.environ, "PYTHONPATH": str(TREE)}
    refused = subprocess.run(command, cwd=made.folder, env=env, capture_output=True, text=True)
    if refused.returncode != OK:  # ours may come first, by how it is installed
        assert refused.returncode == USAGE, refused.stdout
        assert "-p no:reports.pytest_report" in refused.stderr
    command += ["-p", "no:reports.pytest_report"]
    assert subprocess.run(command, cwd=made.folder, env=env, capture_output=True).returncode == OK
