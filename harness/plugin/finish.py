"""The end of a session: the controlling process merges what came back, misses what did not, writes and tells."""

import shlex
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from harness.plugin import gate, interrupt, later, outcome
from harness.plugin.loop import is_controller, is_worker
from harness.plugin.reported import Reported
from harness.plugin.suite import Suite, not_run
from harness.results import history, schema
from harness.results.history import HistoryError
from harness.results.schema import Finding, RunResult

DAMAGED, UNUSABLE = "claims_damaged", "claims_unusable"
"""What a worker tells of its store at its end."""


class Finish:
    """The plugin, in every process.

    workers: process ids, in the controlling one, of those on this machine.
    """

    def __init__(self, suite: Suite, reported: Reported):
        self._suite, self._reported = suite, reported
        self._started = time.monotonic()
        self.workers: list[int] = []
        self._summary: dict[str, Any] | None = None
        self._updated = ""
        self._remembered = ("", True)
        self._complaints: list[str] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Finish, and when interrupted, everywhere."""
        begun = bool(self._reported.findings)  # else it ended at the collection
        if session.exitstatus == pytest.ExitCode.INTERRUPTED and begun and _by_maxfail(session):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED  # as without workers
        if session.exitstatus == pytest.ExitCode.INTERRUPTED:
            # a Ctrl-C reaches all processes of a terminal, but what a program sends reaches this one alone
            interrupt.end(self.workers)
        try:
            self._finish(session)
        except KeyboardInterrupt:  # between judging and the last file written
            self._complaints.append("interrupted before everything was written; the same command writes it")
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Verdicts, findings, and what would decide the undecided."""
        suite, summary, write = self._suite, self._summary, terminalreporter.write_line
        if summary is None:
            if suite.unusable:
                for line in dict.fromkeys(suite.store.damaged):
                    write(f"damaged: {line}", yellow=True)
                write(f"claims: {suite.unusable}", red=True)
            if exitstatus == pytest.ExitCode.INTERRUPTED and suite.judges:
                write(
                    "claims: the same command goes on from the last finished level; --claims-finished judges what is there"
                )
            return
        terminalreporter.section("claims")
        told = (outcome.table, outcome.bars, outcome.more_seeds, gate.lines, later.sentences, outcome.unfinished)
        for line in (line for tell in told for line in tell(summary)):
            write(line)
        for line in dict.fromkeys(suite.store.damaged):
            write(f"damaged: {line}", yellow=True)
        if self._updated:
            write(f"baseline: {self._updated}")
        for line in self._complaints:
            write(f"claims: {line}", red=True)
        if not self._complaints:
            for what, path in suite.settings.outputs.items():
                write(f"{what}: {path}")
        line, well = self._remembered
        if line:
            write(line, yellow=not well)

    def _finish(self, session: pytest.Session) -> None:
        config, suite = session.config, self._suite
        settings = suite.settings
        if is_worker(config):
            # xdist gives its workers this dict
            config.workeroutput |= {DAMAGED: suite.store.damaged, UNUSABLE: suite.unusable}  # type: ignore[attr-defined]
            return
        if suite.unusable:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            return
        if not settings.judges or not suite.judges or config.option.collectonly:
            return
        if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return  # interrupted, or never begun: the last report stays
        found = self._reported.findings
        judged = [found.get(nodeid) or not_run(held) for nodeid, held in suite.judges.items()]
        command = "pytest " + shlex.join(map(str, config.invocation_params.args))
        run = outcome.summarise(suite, judged, command, time.monotonic() - self._started)
        self._summary = summary = run.plain()
        expected = [finding for finding in judged if finding.nodeid not in suite.unfinished]
        code = gate.exit_code(expected, bool(self._reported.others), settings, summary["baseline"])
        session.exitstatus = self._update_baseline(code, run, judged) if settings.update_baseline else code
        config.hook.pytest_claims_finished(config=config, run=run)
        if settings.findings:
            self._write(session, "findings", settings.findings, lambda path: schema.write(run, path))
        self._remember(run)  # before the report, which draws it
        if settings.report:
            draw = config.hook.pytest_claims_report
            self._write(
                session,
                "report",
                settings.report,
                lambda path: draw(run=run, path=path, history=settings.history),
            )

    def _write(self, session: pytest.Session, what: str, path: Path, write: Callable[[Path], object]) -> None:
        try:
            write(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._complaints.append(
                f"the {what} {path} can't be written: {reason}; the evidence is complete, and the same command"
                " writes it without training"
            )
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _update_baseline(self, code: int, run: RunResult, judged: list[Finding]) -> int:
        """Write the baseline, or say why not; returns the exit code."""
        file = self._suite.settings.baseline
        assert file is not None
        if code:
            why = "a test failed" if code == pytest.ExitCode.TESTS_FAILED else "not every finding has a result"
            self._complaints.append(f"the baseline {file} was not written: {why}")
            return code
        try:
            self._updated, first = gate.update(file, run, judged, self._suite.house, self._suite.settings)
        except OSError as error:
            self._complaints.append(f"the baseline {file} can't be written: {error.strerror or error}")
            return pytest.ExitCode.INTERNAL_ERROR
        return gate.BASELINE if first else code

    def _remember(self, run: RunResult) -> None:
        """Add the run to the history.

        Where that fails, a line says so and the exit code stays: verdicts and report are whole, and the same command
        adds the run from the evidence once the file can be written.
        """
        path = self._suite.settings.history
        if path is None:
            return
        try:
            history.append(path, run)
            self._remembered = f"history: {path}", True
        except (HistoryError, ValueError) as error:  # the latter: text that SQLite can't hold
            self._remembered = f"claims: {error}; this run is not in it", False


def _by_maxfail(session: pytest.Session) -> bool:
    """Whether -x, or --maxfail, ended the session: under xdist that looks like an interrupt."""
    most = session.config.getoption("maxfail")
    return bool(most) and session.testsfailed >= most and is_controller(session.config)
