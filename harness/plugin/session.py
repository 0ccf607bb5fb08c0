"""A pytest session that has claims: compute pending cells, judge, and report."""

import contextlib
import gc
import os
import shlex
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from harness.files import FixtureError
from harness.judging.judge import Judge
from harness.machine import peak_memory
from harness.plugin import gate, listing, options, outcome
from harness.plugin.checks import refuse_unsound
from harness.plugin.collection import JUDGE, Suite, collects_all, not_run
from harness.plugin.gate import Gate
from harness.plugin.outputs import Outputs
from harness.plugin.preregistered import register_all
from harness.plugin.progress import Progress
from harness.plugin.reported import Reported
from harness.plugin.seeds import added_seeds
from harness.results import preregistration
from harness.results.exit_codes import FAILED, INTERNAL_ERROR, INTERRUPTED, NO_RESULT, NO_TESTS, OK
from harness.results.history import HistoryError
from harness.results.preregistration import EMPTY, Register

_UNFINISHED = "claims_unfinished"
"""What a worker is told at its start."""
_DAMAGED, _UNUSABLE, _PEAK = "claims_damaged", "claims_unusable", "claims_peak_bytes"
"""What it tells at its end."""


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
        self._peaks: list[int] = []
        self._reported = Reported(self)
        self._outputs = Outputs(self.suite, config)
        config.pluginmanager.register(self._reported, "claims-reported")
        config.pluginmanager.register(self._outputs, "claims-outputs")
        if is_worker(config):
            _die_by_interrupt()

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Check all inputs of the plan, which is now known, before anything is trained."""
        suite, settings = self.suite, self.suite.settings
        worker = is_worker(self._config)  # whose controller has checked everything
        trains = not (settings.only_shows or _calls_no_test(self._config) or worker)
        suite.whole = suite.whole and collects_all(self._config)
        judges = [item.stash[JUDGE] for item in session.items if JUDGE in item.stash]
        suite.judges = {judge.nodeid: judge for judge in judges}
        suite.items = {item.stash[JUDGE].nodeid: item for item in session.items if JUDGE in item.stash}
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
                self._outputs.say(f"{error}; this run is not added to it", yellow=True)

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
        if not suite.judges or settings.finished or session.testsfailed or _calls_no_test(config):
            return None
        if not is_worker(config) and (reporter := _reporter(config)):
            self._progress = Progress(suite.store, suite.addresses, reporter)
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
        if judge:
            judge.finding = None  # of an earlier try, where a plugin runs failed tests again
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
        self._peaks += [output[_PEAK]] if _PEAK in output else []

    # The end

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Sum up what was found, note what is missing, and write it before anything else is written."""
        self._stop_progress()
        begun = bool(self._reported.findings)  # else the session ended at the collection
        if session.exitstatus == INTERRUPTED and begun and self._by_maxfail(session):
            session.exitstatus = FAILED  # as without workers
        if session.exitstatus == INTERRUPTED or self.suite.unusable:
            for pid in self._workers:  # a level is whole or not there, and a dead process holds no lock
                with contextlib.suppress(OSError):  # it has ended already
                    os.kill(pid, signal.SIGKILL)
        self._outputs.attempt(session, "findings", lambda: self._finish(session))
        gc.freeze()  # pytest collects garbage at its end: half a second for all that claims have imported
        try:
            yield
        except Exception as error:
            if self._outputs.run is None:
                raise
            self._outputs.failed(session, "output of another plugin", error)
            self._outputs.pytest_sessionfinish(session)
            if reporter := _reporter(self._config):  # it was kept from its own summary
                self.pytest_terminal_summary(reporter, session.exitstatus)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print verdicts, findings, what would decide open ones, and the files written."""
        suite, write = self.suite, terminalreporter.write_line
        if self._outputs.run is not None:
            terminalreporter.section("claims")
            for line in outcome.lines(self._outputs.run):
                write(line)
        for line in dict.fromkeys(suite.store.damaged):
            write(f"damaged: {line}", yellow=True)
        if suite.unusable:
            write(f"claims: {suite.unusable}", red=True)
        if self._outputs.run is None and exitstatus == INTERRUPTED and suite.judges and suite.settings.judges:
            write("claims: run the same command again to continue; --claims-finished judges what is already computed")
        for line, markup in self._outputs.said:
            write(line, **markup)

    def _finish(self, session: pytest.Session) -> None:
        suite, settings, config = self.suite, self.suite.settings, self._config
        if is_worker(config):
            told = {_DAMAGED: suite.store.damaged, _UNUSABLE: suite.unusable, _PEAK: peak_memory()}
            config.workeroutput |= told  # type: ignore[attr-defined]  # xdist gives its workers this dict
            return
        if suite.unusable:
            session.exitstatus = INTERNAL_ERROR
            return
        if not settings.judges:
            if session.exitstatus == NO_TESTS:  # as was asked for
                session.exitstatus = FAILED if suite.failures else OK
            return
        if not suite.judges or _calls_no_test(config) or session.exitstatus not in (OK, FAILED):
            return  # interrupted, or never begun: the last report stays
        found = self._reported.findings
        if not found:
            self._outputs.say("no result came back for any claim, so the last report stays as it is", red=True)
            session.exitstatus = FAILED if self._reported.others else NO_RESULT
            return
        findings = [found.get(nodeid) or not_run(judge) for nodeid, judge in suite.judges.items()]
        run = outcome.result_of(
            suite,
            self.gate,
            findings,
            self._registered,
            self._notes,
            command="pytest " + shlex.join(map(str, config.invocation_params.args)),
            wall_seconds=time.monotonic() - self._started,
            peaks=self._peaks or [peak_memory()],
        )
        expected = [finding for finding in findings if finding.nodeid not in suite.unfinished]
        code = gate.exit_code(expected, bool(self._reported.others), settings, run.baseline)
        self._outputs.keep(session, run, self.gate, code)

    def _show(self) -> None:
        """Print what --claims-plan and the like ask for."""
        suite, settings, reporter = self.suite, self.suite.settings, _reporter(self._config)
        write = reporter.write_line if reporter else print
        if not suite.judges:
            write("no claim is selected")
            return
        if settings.plan:
            lines = listing.plan(suite)
        elif settings.list_claims:
            lines = listing.list_claims(suite)
        elif settings.preregister:
            lines = register_all(suite.own_claims, suite.claims, settings, self._config.getoption("claims_reason"))
        else:
            self._progress = Progress(suite.store, suite.addresses, reporter) if reporter else None
            suite.drain()
            self._stop_progress()
            lines = listing.computed(suite)
        for line in lines:
            write(line)

    def _by_maxfail(self, session: pytest.Session) -> bool:
        """Whether -x, or --maxfail, ended the session: under xdist that looks like an interrupt."""
        most = self._config.getoption("maxfail")
        return bool(most) and session.testsfailed >= most and is_controller(self._config)

    def _stop_progress(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def is_worker(config: pytest.Config) -> bool:
    """Whether this is a process of xdist's that runs items for another."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether workers run the items for this process."""
    return not is_worker(config) and getattr(config.option, "dist", "no") != "no"


def _calls_no_test(config: pytest.Config) -> bool:
    """Whether an option of pytest's asks only what would be run, so that nothing is to be trained or judged."""
    asks = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
    return any(config.getoption(name, False) for name in asks)


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    """Pytest's terminal; None under -p no:terminal."""
    found = config.pluginmanager.get_plugin("terminalreporter")
    return found if isinstance(found, pytest.TerminalReporter) else None


def _die_by_interrupt() -> None:
    """A Ctrl-C reaches the processes of a terminal all at once: a worker ends by it without a word."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
