"""What happens where pytest would run its items: drain the plan first, or tell something instead."""

import gc
from collections.abc import Generator

import pytest

from harness.plugin import interrupt, tell
from harness.plugin.crashed import given_up
from harness.plugin.partial import PartialReports
from harness.plugin.preregistered import register_all
from harness.plugin.progress import Progress
from harness.plugin.suite import Suite


class DrainFirst:
    """Every process that runs items first computes what is pending."""

    def __init__(self, suite: Suite):
        self._suite = suite

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Drain, then let pytest judge; where the evidence can't be written, there is nothing to judge.

        Raises what kept the controller from collecting.
        """
        config = session.config
        if self._suite.uncollected is not None:
            raise self._suite.uncollected
        if not computes(self._suite, session) or is_controller(config):
            return None  # the workers drain, and then judge
        if self._suite.drain(given_up(config)):
            return None
        gc.freeze()  # as after a Ctrl-C: taking torch apart takes seconds
        if is_worker(config):
            session.shouldstop = self._suite.unusable or True
        return True


class ShowProgress:
    """The process with the terminal shows how far all of them are, and ends all of them."""

    def __init__(self, suite: Suite):
        self._suite = suite
        self._progress: Progress | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """No block among results; lines may go on, but from here on what this process itself writes is captured."""
        if self._progress is not None and (self._progress.is_live or not self._progress.has_workers):
            self._progress.stop()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the loop with progress beside it."""
        interrupt.once()
        if not computes(self._suite, session) or is_worker(session.config):
            return (yield)
        teller = reporter(session.config)
        with Progress(self._suite, teller) as self._progress, PartialReports(self._suite, session.config, teller):
            self._progress.has_workers = is_controller(session.config)
            try:
                return (yield)
            except KeyboardInterrupt:  # as xdist's own Interrupted is
                if self._suite.unusable is None:
                    raise
                return True  # the workers were told to stop


class TellInstead:
    """--claims-plan, --claims-list and --claims-cell judge nothing."""

    def __init__(self, suite: Suite):
        self._suite = suite

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Print what was asked for; for --claims-cell, compute it before."""
        settings = self._suite.settings
        interrupt.once()
        if session.testsfailed:
            raise session.Interrupted("the claims could not be collected")
        if not self._suite.judges:
            reporter(session.config).write_line("no claim is selected")
            return True
        if settings.plan:
            lines = tell.plan(self._suite)
        elif settings.list_claims:
            lines = tell.list_claims(self._suite)
        elif settings.preregister:
            lines = register_all(self._suite.house, self._suite.claims, settings)
        else:
            with Progress(self._suite, reporter(session.config)):
                self._suite.drain()
            lines = tell.computed(self._suite)
        for line in lines:
            reporter(session.config).write_line(line)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """That no test ran was asked for."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if self._suite.failures else pytest.ExitCode.OK


def computes(suite: Suite, session: pytest.Session) -> bool:
    """Whether this session computes evidence, in this process or in its workers."""
    if suite.settings.finished:
        return False
    return bool(suite.judges) and not session.testsfailed and not session.config.option.collectonly


def is_worker(config: pytest.Config) -> bool:
    """Whether this is a process of xdist's that runs items for another."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether workers run the items for this process."""
    return not is_worker(config) and getattr(config.option, "dist", "no") != "no"


def reporter(config: pytest.Config) -> pytest.TerminalReporter:
    """What writes to the terminal."""
    found = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(found, pytest.TerminalReporter)
    return found
