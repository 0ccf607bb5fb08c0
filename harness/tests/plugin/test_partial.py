"""The report of a long run while it is going."""

import json
import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.plugin import partial
from harness.plugin.partial import PartialReports
from harness.plugin.suite import Suite
from harness.tests.plugin.test_finished import with_two_claims
from harness.tests.plugin.projects import OK

# A run that stands still in its second half until its report shows the first; the seconds count as minutes.
WATCHED = """
import shutil
import sys
import time
from pathlib import Path

import harness.evidence.drain as draining
import harness.plugin.partial as partial

HERE = Path(__file__).parent
partial.FIRST_SECONDS, partial.LOOK_SECONDS, partial.LEAST_SECONDS = 1.0, 0.5, 1.0
real = draining.run_level

if "--claims-finished" in sys.argv:
    (HERE / "argv").write_text(chr(10).join(sys.argv))
    (HERE / "niceness").write_text(str(__import__("os").nice(0)))


def run_level(cell, level, *rest):
    findings, seen = HERE / ".claims" / "findings.json", HERE / "seen.json"
    if cell.condition == "mask/permuted" and level == 1:
        for _ in range(1000):
            if (HERE / ".claims" / "report.html").exists():
                shutil.copy(findings, seen)
                break
            time.sleep(0.1)
    return real(cell, level, *rest)


draining.run_level = run_level
"""


def test_a_long_runs_report_shows_the_part_that_is_finished_and_in_the_end_the_whole(
    tmp_path: Path, replay: str
) -> None:
    made = with_two_claims(tmp_path / "project")
    with (made.folder / "conftest.py").open("a") as conftest:
        conftest.write(replay + WATCHED)
    ran = made.run("--junitxml=junit.xml", "-k", "tickets or conditions", "-n", "0", "-x")
    assert ran.code == OK, ran.text
    seen = json.loads((made.folder / "seen.json").read_text())
    conclusions = {f["claim"]: f["conclusion"] for claim in seen["claims"] for f in claim["findings"]}
    assert conclusions == {"conditions": "not run", "tickets": "supported"}
    assert 4 <= seen["partial"]["levels"] < seen["partial"]["of_levels"] == 13
    assert made.conclusions() == {"conditions": "supported", "tickets": "supported"}
    assert made.summary()["partial"] is None
    argv = (made.folder / "argv").read_text().split("\n")
    assert "-k=tickets or conditions" in argv
    assert f"--claims-evidence={made.evidence}" in argv
    assert not [arg for arg in argv if "junit" in arg or arg.startswith(("-n", "-x"))]
    assert (made.folder / "niceness").read_text() == "19"


# What starts it and ends it


class Reporter:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_line(self, line: str) -> None:
        self.lines.append(line)


class Plan:
    """Three items, of which so many are complete."""

    def __init__(self, report: Path | None, complete: int = 0):
        self.settings = SimpleNamespace(report=report)
        self.judges = {str(i): str(i) for i in range(3)}
        self.complete = complete

    def needed(self, judge: str) -> list[Any]:
        return [SimpleNamespace(id=judge)]

    def pending(self) -> list[Any]:
        return [SimpleNamespace(cell=cell) for i in range(self.complete, 3) for cell in self.needed(str(i))]


@pytest.fixture
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts the reports of a plan, every tenth of a second, by a Python script in the place of pytest."""
    for name in ("FIRST_SECONDS", "LEAST_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(partial, name, 0.1)

    def start(plan: Plan, script: str, **options: Any) -> tuple[PartialReports, Reporter]:
        monkeypatch.setattr(partial, "command", lambda config, suite: [sys.executable, "-c", script])
        config = SimpleNamespace(option=SimpleNamespace(**options), invocation_params=SimpleNamespace(dir=tmp_path))
        reporter = Reporter()
        return PartialReports(cast(Suite, plan), cast(Any, config), cast(Any, reporter)), reporter

    return start


def wait_for(condition: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


APPEND = "open('runs', 'a').write('x'); import pathlib; pathlib.Path('report.html').write_text('done')"


def test_it_is_made_again_only_when_another_finding_can_be_judged(tmp_path: Path, watching: Any) -> None:
    plan, runs = Plan(tmp_path / "report.html"), tmp_path / "runs"
    reports, reporter = watching(plan, APPEND)
    with reports:
        time.sleep(0.5)
        assert not runs.exists(), "nothing is finished yet"
        for complete in (1, 2):
            plan.complete = complete
            wait_for(lambda: runs.exists() and len(runs.read_text()) == plan.complete)
        time.sleep(0.5)
        assert runs.read_text() == "xx", "nothing more is finished"
        plan.complete = 3
        time.sleep(0.5)
        assert runs.read_text() == "xx", "the run's own report is next"
    assert reporter.lines == []


def test_the_longer_a_report_takes_the_longer_is_the_wait_for_the_next(
    tmp_path: Path, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, runs = Plan(tmp_path / "report.html", complete=1), tmp_path / "runs"
    monkeypatch.setattr(partial, "SHARE", 0.001)
    reports, _ = watching(plan, APPEND)
    with reports:
        wait_for(runs.exists)
        plan.complete = 2
        time.sleep(1)
    assert runs.read_text() == "x"


def test_a_failure_is_one_line_and_it_is_not_tried_again(tmp_path: Path, watching: Any) -> None:
    plan = Plan(tmp_path / "report.html", complete=1)
    reports, reporter = watching(plan, "open('runs', 'a').write('x'); raise SystemExit(3)")
    with reports:
        wait_for(lambda: reporter.lines)
        plan.complete = 2
        time.sleep(0.5)
    assert reporter.lines == ["claims: the report of the finished part was not written; the run goes on"]
    assert (tmp_path / "runs").read_text() == "x"


def test_it_ends_with_the_run_and_leaves_nothing(tmp_path: Path, watching: Any) -> None:
    script = "import os, time; open(f'.report.html.{os.getpid()}.tmp', 'w'); open('pid', 'w').write(str(os.getpid()))"
    reports, reporter = watching(Plan(tmp_path / "report.html", complete=1), f"{script}; time.sleep(100)")
    with reports:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        started = time.monotonic()
    assert time.monotonic() - started < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert {path.name for path in tmp_path.iterdir()} == {"pid"}
    assert reporter.lines == []


@pytest.mark.parametrize(("report", "options"), [(None, {}), ("report.html", {"lf": True})])
def test_none_is_made_without_a_report_or_of_a_selection_that_can_not_be_repeated(
    tmp_path: Path, watching: Any, report: str | None, options: dict[str, bool]
) -> None:
    plan = Plan(tmp_path / report if report else None, complete=1)
    before = threading.active_count()
    reports, _ = watching(plan, APPEND, **options)
    with reports:
        assert threading.active_count() == before
    assert not (tmp_path / "runs").exists()
