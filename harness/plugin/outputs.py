"""What a run leaves behind: first what was found, then all that follows from it.

The findings are written as soon as they are known. Then other plugins write theirs, such as JUnit's file, and only then
come charts, baseline, history and report. What fails there costs nothing that came before it.
"""

import sys
import traceback
from collections.abc import Callable

import pytest

from harness.plugin import ci, gate, outcome
from harness.plugin.collection import Suite
from harness.plugin.gate import Gate
from harness.results import history, schema
from harness.results.exit_codes import BASELINE, FAILED, INTERRUPTED, NOT_WRITTEN, OK
from harness.results.history import HistoryError
from harness.results.model import in_a_line
from harness.results.schema import RunResult


class Outputs:
    """Writes what one session found, in the controlling process.

    run    what it found; None until that is known
    said   lines for the end of the terminal's summary, with their markup
    """

    def __init__(self, suite: Suite, config: pytest.Config):
        self.run: RunResult | None = None
        self.said: list[tuple[str, dict[str, bool]]] = []
        self._suite = suite
        self._config = config
        self._gate: Gate | None = None
        self._written = False

    def keep(self, session: pytest.Session, run: RunResult, held: Gate | None, code: int) -> None:
        """Write what was found, before anything else. held: what it was compared with. code: what follows from it."""
        self.run, self._gate = run, held
        session.exitstatus = code
        path = self._suite.settings.findings
        if self.attempt(session, f"findings {path}", self._write_findings) and path:
            self.said.append((f"findings: {path}", {}))
        ci.add_properties(self._config, run)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what follows from the findings, after other plugins have written what they make of them."""
        settings = self._suite.settings
        if self.run is None or self._written or session.exitstatus == INTERRUPTED:
            return
        self._written = True
        steps: dict[str, Callable[[], object]] = {"charts": self._draw}
        if settings.update_baseline:
            steps[f"baseline {settings.baseline}"] = lambda: self._update_baseline(session)
        steps["step summary"] = self._summarise
        steps[f"history {settings.history}"] = self._remember  # before the report, which draws it
        steps[f"report {settings.report}"] = self._report
        for what, do in steps.items():
            if not self.attempt(session, what, do) and session.exitstatus == INTERRUPTED:
                return

    def say(self, line: str, **markup: bool) -> None:
        """Say a line at the end: on the terminal, or, where pytest has none and it is red, on stderr."""
        self.said.append((f"claims: {line}", markup))
        if markup.get("red") and not self._config.pluginmanager.has_plugin("terminalreporter"):
            print(f"claims: {line}", file=sys.stderr)

    def attempt(self, session: pytest.Session, what: str, do: Callable[[], object]) -> bool:
        """Do one thing of the end; False where it fails."""
        try:
            do()
        except KeyboardInterrupt:
            self.say("interrupted before everything was written; run the same command again to write it", red=True)
            session.exitstatus = INTERRUPTED
            return False
        except BaseException as error:  # pytest's own outcomes are no Exceptions
            self.failed(session, what, error)
            return False
        return True

    def failed(self, session: pytest.Session, what: str, error: BaseException) -> None:
        """Say in a line what failed. The exit code is `NOT_WRITTEN`, unless the findings have one of theirs."""
        again = "the evidence is complete, so the same command writes it without training"
        self.say(f"the {what} can't be written: {_why(error)}; {again}", red=True)
        if session.exitstatus == OK:
            session.exitstatus = NOT_WRITTEN

    def _write_findings(self) -> None:
        if self.run and (path := self._suite.settings.findings):
            schema.write(self.run, path)

    def _draw(self) -> None:
        """Add the charts, to the findings' file as well: a report can be built from it."""
        if self.run:
            self.run = outcome.with_charts(self.run, self._suite)
            self._write_findings()

    def _update_baseline(self, session: pytest.Session) -> None:
        """Write the baseline, or say why not."""
        file = self._suite.settings.baseline
        if session.exitstatus != OK or self.run is None:
            reasons = {FAILED: "a test failed", NOT_WRITTEN: "what was found can't be written"}
            why = reasons.get(session.exitstatus, "some findings have no result")
            self.say(f"the baseline {file} was not written: {why}", red=True)
            return
        said = gate.update(self.run, self._gate, self._suite.own_claims, self._suite.settings)
        self.said.append((f"baseline: {said}", {}))
        if self._gate is None:
            session.exitstatus = BASELINE  # somebody has to read the first one

    def _summarise(self) -> None:
        if self.run and (problem := ci.write_summary(self.run)):
            self.say(problem, yellow=True)

    def _remember(self) -> None:
        """Add the run to the history. Where that fails a line says so: verdicts and report are whole all the same."""
        path = self._suite.settings.history
        if path is None or self.run is None or self._suite.settings.finished:
            return
        try:
            history.append(path, self.run)
        except (HistoryError, ValueError) as error:  # the latter: text that SQLite can't hold
            self.say(f"{in_a_line(error)}; this run was not added", yellow=True)
        else:
            part = f" (incomplete: {self.run.lacking})" if self.run.lacking else ""
            self.said.append((f"history: {path}{part}", {}))

    def _report(self) -> None:
        settings = self._suite.settings
        if settings.report:
            self._config.hook.pytest_claims_report(run=self.run, path=settings.report, history=settings.history)
            self.said.append((f"report: {settings.report}", {}))


def _why(error: BaseException) -> str:
    """An error in one line: of the system in its words, of any other its type, and where it was raised."""
    if isinstance(error, OSError) and error.strerror:
        return in_a_line(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {in_a_line(error)} ({frame.filename}, line {frame.lineno})"
