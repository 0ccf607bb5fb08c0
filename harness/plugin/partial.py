"""While a long run is going, its report shows the part that is finished: judged beside it, by a run of `--claims-finished`."""

import contextlib
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.plugin import options
from harness.plugin.suite import Suite
from harness.results import schema as findings

FIRST_SECONDS = 300.0
"""A run that ends sooner has one report, its own."""
LEAST_SECONDS = 300.0
SHARE = 0.05
"""Of the time; the longer a report takes, the rarer it is made."""
LOOK_SECONDS = 5.0
NICE = 19

_OWN = ("GITHUB_", "PYTEST_ADDOPTS")
"""Environment that is the run's own: what it tells a CI service, and more options."""


class PartialReports:
    """Has the finished part judged and reported from time to time, in a process of its own and at the lowest priority.

    Only if another finding can be judged since the last time. A context manager that ends it, and its process.
    """

    def __init__(self, suite: Suite, config: pytest.Config, reporter: pytest.TerminalReporter):
        self._suite = suite
        self._config = config
        self._reporter = reporter
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "PartialReports":
        if self._suite.settings.report is not None and _selects_alike(self._config):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        wait, known = FIRST_SECONDS, 0
        needed = [{cell.id for cell in self._suite.needed(judge)} for judge in self._suite.judges.values()]
        while not self._stop.wait(wait):
            pending = {where.cell.id for where in self._suite.pending()}
            complete = sum(not cells & pending for cells in needed)
            if complete == len(needed):
                return  # the run's own report is next
            wait = LOOK_SECONDS
            if complete == known:
                continue
            started = time.monotonic()
            written = self._write()
            if written is None:
                return
            if not written:
                self._reporter.write_line("claims: the report of the finished part was not written; the run goes on")
                return
            known, wait = complete, max(LEAST_SECONDS, (time.monotonic() - started) / SHARE)

    def _write(self) -> bool | None:
        """Whether the report was written; None where the run ended before it was."""
        report = self._suite.settings.report
        assert report is not None
        before = _version(report)
        try:
            child = subprocess.Popen(
                command(self._config, self._suite),
                cwd=self._config.invocation_params.dir,
                env={name: value for name, value in os.environ.items() if not name.startswith(_OWN)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is told to it by this process alone
            )
        except OSError:
            return False
        with contextlib.suppress(OSError, AttributeError):  # on a system without priorities it runs at the usual one
            os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        while child.poll() is None:
            if self._stop.wait(0.1):
                child.kill()
                child.wait()
                _remove_left_over(report, child.pid)
                return None
        return _version(report) != before


def command(config: pytest.Config, suite: Suite) -> list[str]:
    """What judges the same selection at the same settings, and writes the same report; nothing else of this run."""
    settings, option = suite.settings, config.option
    written = {**dict.fromkeys(("report", "findings"), options.NO_REPORT), **settings.outputs}
    chosen = ["--claims-finished", "--claims-history=none", f"--claims-evidence={settings.evidence}"]
    chosen += [f"--{what}={path}" for what, path in written.items()]
    chosen += [f"--claims-baseline={settings.baseline if suite.gate else options.NO_BASELINE}"]
    chosen += [f"--claims-not-comparable={settings.not_comparable}", f"--claims-drift-margin={settings.drift_margin}"]
    chosen += [f"--claim={name}" for name in settings.claims]
    chosen += [f"-k={option.keyword}"] if option.keyword else []
    chosen += [f"-m={option.markexpr}"] if option.markexpr else []
    for name in ("deselect", "ignore", "ignore_glob"):
        chosen += [f"--{name.replace('_', '-')}={value}" for value in getattr(option, name, None) or ()]
    found = [f"--rootdir={config.rootpath}", *([f"--config-file={config.inipath}"] if config.inipath else [])]
    found += [f"--override-ini={each}" for each in option.override_ini or () if not each.startswith("addopts=")]
    # options that stand in the configuration are the run's too: a JUnit file, coverage, workers
    bare = ["--override-ini=addopts=", f"--import-mode={option.importmode}", "-p", "no:cacheprovider", "-q"]
    return [sys.executable, "-m", "pytest", *bare, *found, *shlex.split(settings.arguments), *chosen, *config.args]


def _selects_alike(config: pytest.Config) -> bool:
    """Whether the selection can be repeated: what pytest remembers of the last run can't."""
    return not any(getattr(config.option, name, False) for name in ("lf", "failedfirst", "stepwise", "newfirst"))


def _version(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _remove_left_over(report: Path, pid: int) -> None:
    """What a process that was killed in the middle left beside the files that it writes."""
    files = [path.with_name(f".{path.name}.{pid}.tmp") for path in (report, report.with_name(findings.NAME))]
    for path in files:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
