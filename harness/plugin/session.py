"""A pytest session that has claims: compute pending cells, judge, and report."""

import gc
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.files import FixtureError
from harness.judging.judge import Judge
from harness.plugin import ci, gate, listing, options, outcome
from harness.plugin.checks import refuse_unsound
from harness.plugin.collection import JUDGE, Suite, collects_all, not_run
from harness.plugin.gate import Gate
from harness.plugin.preregistered import register_all
from harness.plugin.progress import Progress
from harness.plugin.reported import Reported
from harness.plugin.seeds import added_seeds
from harness.results import history, preregistration, schema
from harness.results.exit_codes import BASELINE, FAILED, INTERNAL_ERROR, INTERRUPTED, NO_TESTS, OK
from harness.results.history import HistoryError
from harness.results.preregistration import EMPTY, Register
from harness.results.schema import RunResult

_UNFINISHED, _DAMAGED, _UNUSABLE = "claims_unfinished", "claims_damaged", "claims_unusable"
"""What a worker is told at its start, and what it tells at its end."""


class ClaimsSession:
    """The plugin in every process of such a session.

    suite         its claims
    gate          what findings are compared with; None without a baseline
    uncollected   in the controlling process: what ends the run before any worker starts, as a file can't be collected
    """

    def __init__(self, config: pytest.Config):
        self.suite = Suite(options.read(config))
        self.gate: Gate | None = None
        self.uncollected: BaseException | None = None
        self._config = config
        self._started = time.monotonic()
        self._workers: list[int] = []
        self._progress: Progress | None = None
        self._registered: Register = EMPTY
        self._notes: dict[str, str] = {}
        self._run: RunResult | None = None
        self._said: list[tuple[str, dict[str, bool]]] = []
        self._reported = Reported(self)
        config.pluginmanager.register(self._reported, "claims-reported")
        if is_worker(config):
            _die_by_interrupt()

    # Collection

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Remember that claims were left out, by -k, -m, --claim, --last-failed or another option."""
        suite = self.suite
        suite.deselected |= any(JUDGE in item.stash and item.nodeid not in suite.waiting for item in items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Check all inputs of the plan, which is now known, before anything is trained."""
        suite, settings = self.suite, self.suite.settings
        worker = is_worker(self._config)  # whose controller has checked everything
        trains = not (settings.only_shows or self._config.option.collectonly or worker)
        suite.whole = suite.whole and collects_all(self._config)
        suite.judges = {item.nodeid: item.stash[JUDGE] for item in session.items if JUDGE in item.stash}
        self.gate = refuse_unsound(suite, trains)
        if worker and settings.finished:
            suite.unfinished = self._config.workerinput[_UNFINISHED]  # type: ignore[attr-defined]  # xdist gives it
        if trains and suite.judges and settings.judges and settings.profile.gives_findings:
            judged = {name: judge for name, judge in suite.judges.items() if name not in suite.unfinished}
            try:
                self._registered = preregistration.read()
                self._notes = added_seeds(judged, settings)
            except FixtureError as error:
                raise options.usage_error(error) from None
            except HistoryError as error:
                if settings.history_given:
                    raise options.usage_error(error) from None
                suite.settings = replace(settings, history=None)
                self._say(f"{error}; this run is not added to it", yellow=True)

    def pytest_report_collectionfinish(self) -> str | list[str]:
        """Print the settings in effect."""
        settings = self.suite.settings
        if self._config.get_verbosity() < 0 or not self.suite.judges:
            return []
        seeds = settings.profile.seeds_of(settings.block)
        return (
            f"claims: profile {settings.profile}, seeds {seeds[0]} to {seeds[-1]}, evidence {settings.evidence}, report"
            f" {settings.report or options.NONE}{', strict' if settings.strict else ''}"
            f"{', judging finished evidence only' if settings.finished else ''}"
        )

    # Computing and judging

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Compute what is pending and let pytest judge; or print the plan or list.

        Raises what kept the controlling process from collecting.
        """
        suite, settings, config = self.suite, self.suite.settings, self._config
        if self.uncollected is not None:
            raise self.uncollected
        if not settings.judges:
            if session.testsfailed:
                raise session.Interrupted("the claims could not be collected")
            self._show()
            return True
        if not suite.judges or settings.finished or session.testsfailed or config.option.collectonly:
            return None
        if not is_worker(config):
            self._progress = Progress(suite.store, suite.addresses, _reporter(config))
        if is_controller(config) or suite.drain():
            return None
        session.shouldstop = suite.unusable or True
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Stop the progress line before results appear."""
        self._stop_progress()

    def judge_of(self, item: pytest.Item) -> Judge | None:
        """An item's judge; None if it judges no claim. Skips or fails the item if its evidence is missing."""
        judge = item.stash.get(JUDGE, None)
        if judge and judge.nodeid in self.suite.unfinished:
            pytest.skip(self.suite.unfinished[judge.nodeid])
        if judge and (problem := self.suite.failure_of(judge)):
            pytest.fail(f"its evidence could not be computed: {problem}", pytrace=False)
        return judge

    # Workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker what is unfinished; remember its process id if it runs on this machine."""
        node.workerinput[_UNFINISHED] = self.suite.unfinished
        if node.gateway.spec.popen:
            self._workers.append(node.gateway._rinfo().pid)  # xdist has fetched it already

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Collect the damage that a worker found, and whether it could not write."""
        output = getattr(node, "workeroutput", {})
        self.suite.store.damaged += output.get(_DAMAGED, [])
        self.suite.unusable = self.suite.unusable or output.get(_UNUSABLE)

    # The end

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Merge the results, note missing ones, and write the outputs."""
        self._stop_progress()
        begun = bool(self._reported.findings)  # else the session ended at the collection
        if session.exitstatus == INTERRUPTED and begun and self._by_maxfail(session):
            session.exitstatus = FAILED  # as without workers
        if session.exitstatus == INTERRUPTED or self.suite.unusable:
            for pid in self._workers:  # a level is whole or not there, and a dead process holds no lock
                _kill(pid)
        try:
            self._finish(session)
        except KeyboardInterrupt:  # between judging and the last file written
            self._say("interrupted before everything was written; run the same command again to write it", red=True)
            session.exitstatus = INTERRUPTED
        gc.freeze()  # pytest collects garbage at its end: half a second for all that claims have imported
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print verdicts, findings, what would decide open ones, and the files written."""
        suite, write = self.suite, terminalreporter.write_line
        if self._run is not None:
            terminalreporter.section("claims")
            for line in outcome.lines(self._run):
                write(line)
        for line in dict.fromkeys(suite.store.damaged):
            write(f"damaged: {line}", yellow=True)
        if suite.unusable:
            write(f"claims: {suite.unusable}", red=True)
        if self._run is None and exitstatus == INTERRUPTED and suite.judges and suite.settings.judges:
            write("claims: run the same command again to continue; --claims-finished judges what is already computed")
        for line, markup in self._said:
            write(line, **markup)

    def _finish(self, session: pytest.Session) -> None:
        suite, settings, config = self.suite, self.suite.settings, self._config
        if is_worker(config):
            # xdist gives its workers this dict
            config.workeroutput |= {_DAMAGED: suite.store.damaged, _UNUSABLE: suite.unusable}  # type: ignore[attr-defined]
            return
        if suite.unusable:
            session.exitstatus = INTERNAL_ERROR
            return
        if not settings.judges:
            if session.exitstatus == NO_TESTS:  # as was asked for
                session.exitstatus = FAILED if suite.failures else OK
            return
        if not suite.judges or config.option.collectonly or session.exitstatus not in (OK, FAILED):
            return  # interrupted, or never begun: the last report stays
        found = self._reported.findings
        findings = [found.get(nodeid) or not_run(judge) for nodeid, judge in suite.judges.items()]
        command = "pytest " + shlex.join(map(str, config.invocation_params.args))
        seconds = time.monotonic() - self._started
        run = outcome.result_of(suite, self.gate, findings, self._registered, self._notes, command, seconds)
        self._run = run
        expected = [finding for finding in findings if finding.nodeid not in suite.unfinished]
        code = gate.exit_code(expected, bool(self._reported.others), settings, run.baseline)
        session.exitstatus = self._update_baseline(code, run) if settings.update_baseline else code
        if problem := ci.write_outputs(config, run):
            self._say(problem, yellow=True)
        self._remember(run)  # before the report, which draws it
        report = config.hook.pytest_claims_report
        writers: dict[str, Callable[[Path], object]] = {
            "report": lambda path: report(run=run, path=path, history=settings.history),
            "findings": lambda path: schema.write(run, path),
        }
        for what, path in settings.outputs.items():
            try:
                writers[what](path)
                self._said.append((f"{what}: {path}", {}))
            except OSError as error:
                self._say(
                    f"the {what} {path} can't be written: {options.reason(error)}; the evidence is complete, so the"
                    " same command will write it without training",
                    red=True,
                )
                session.exitstatus = INTERNAL_ERROR

    def _update_baseline(self, code: int, run: RunResult) -> int:
        """Write the baseline, or say why not; returns the exit code."""
        file = self.suite.settings.baseline
        if code:
            why = "a test failed" if code == FAILED else "some findings have no result"
            self._say(f"the baseline {file} was not written: {why}", red=True)
            return code
        try:
            said = gate.update(run, self.gate, self.suite.own_claims, self.suite.settings)
        except OSError as error:
            self._say(f"the baseline {file} can't be written: {options.reason(error)}", red=True)
            return INTERNAL_ERROR
        self._said.append((f"baseline: {said}", {}))
        return code if self.gate else BASELINE  # somebody has to read the first one

    def _remember(self, run: RunResult) -> None:
        """Add a run to the history. Where that fails a line says so: verdicts and report are whole all the same."""
        path = self.suite.settings.history
        if path is None or self.suite.settings.finished:
            return
        try:
            history.append(path, run)
            part = f" (incomplete: {run.lacking})" if run.lacking else ""
            self._said.append((f"history: {path}{part}", {}))
        except (HistoryError, ValueError) as error:  # the latter: text that SQLite can't hold
            self._say(f"{error}; this run was not added", yellow=True)

    def _show(self) -> None:
        """Print what --claims-plan and the like ask for."""
        suite, settings, reporter = self.suite, self.suite.settings, _reporter(self._config)
        if not suite.judges:
            reporter.write_line("no claim is selected")
            return
        if settings.plan:
            lines = listing.plan(suite)
        elif settings.list_claims:
            lines = listing.list_claims(suite)
        elif settings.preregister:
            lines = register_all(suite.own_claims, suite.claims, settings, self._config.getoption("claims_reason"))
        else:
            self._progress = Progress(suite.store, suite.addresses, reporter)
            suite.drain()
            self._stop_progress()
            lines = listing.computed(suite)
        for line in lines:
            reporter.write_line(line)

    def _by_maxfail(self, session: pytest.Session) -> bool:
        """Whether -x, or --maxfail, ended the session: under xdist that looks like an interrupt."""
        most = self._config.getoption("maxfail")
        return bool(most) and session.testsfailed >= most and is_controller(self._config)

    def _say(self, line: str, **markup: bool) -> None:
        self._said.append((f"claims: {line}", markup))

    def _stop_progress(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def is_worker(config: pytest.Config) -> bool:
    """Whether this is a process of xdist's that runs items for another."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether workers run the items for this process."""
    return not is_worker(config) and getattr(config.option, "dist", "no") != "no"


def _reporter(config: pytest.Config) -> pytest.TerminalReporter:
    found = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(found, pytest.TerminalReporter)
    return found


def _die_by_interrupt() -> None:
    """A Ctrl-C reaches the processes of a terminal all at once: a worker ends by it without a word."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return  # it has ended already
