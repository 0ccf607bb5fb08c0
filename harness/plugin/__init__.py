"""The pytest plugin: options, the plan, drain-then-judge, and the table at the end.

Every process that runs claims (pytest itself under -n 0, each worker under -n N) first drains the plan and then
judges its items. The controlling process collects too, so that it knows what must come back; it alone writes.
"""

import json
import shlex
import time
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from harness import findings, history
from harness.history import HistoryError
from harness.judge import Judge
from harness.machine import usable_cpus
from harness.plugin import complete, failure, gate, github, hooks, house, interrupt, options, outcome
from harness.plugin.crashed import Crashes
from harness.plugin.junit import JUnit
from harness.plugin.loop import DrainFirst, ShowProgress, TellInstead, is_worker
from harness.plugin.suite import JUDGE, Suite, not_run
from harness.run import Run
from harness.statistics import NotFiniteError
from harness.verdict import Finding

SUITE = pytest.StashKey[Suite]()
SESSION = pytest.StashKey[pytest.Session]()
FINDINGS = pytest.StashKey[dict[str, Finding]]()
OTHERS = pytest.StashKey[list[str]]()
"""What failed and is no finding, by nodeid."""
SUMMARY = pytest.StashKey[dict[str, Any]]()
STARTED = pytest.StashKey[float]()
WORKERS, READY = pytest.StashKey[list[int]](), pytest.StashKey[list[int]]()
"""Process ids, in the controller: of all workers, and of those that have started."""
UPDATED = pytest.StashKey[str]()
"""What became of the baseline."""
COMPLAINTS = pytest.StashKey[list[str]]()
"""What could not be written at the end, a line each."""
REMEMBERED = pytest.StashKey[tuple[str, bool]]()
"""A line on what became of this run in the history, and whether that is as it should be."""

_DAMAGED, _UNUSABLE = "claims_damaged", "claims_unusable"
_UNFINISHED = "claims_unfinished"
_LETTERS = {
    "supported": ("passed", ".", "SUPPORTED"),
    "contradicted": ("contradicted", "c", ("CONTRADICTED", {"yellow": True})),
    "equivalent": ("equivalent", "e", ("EQUIVALENT", {"yellow": True})),
    "underpowered": ("underpowered", "u", ("UNDERPOWERED", {"yellow": True})),
    "smoke": ("smoke", "~", ("SMOKE", {"cyan": True})),
}
"""Of what does not fail."""
_RECORDED = ("contradicted as recorded", "x", ("CONTRADICTED, AS RECORDED", {"yellow": True}))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.restart_tied()
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer `hooks`."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """What judges nothing needs no workers."""
    judges_nothing = any(config.getoption(name) for name in ("plan", "list_claims", "preregister", "cell"))
    if judges_nothing and hasattr(config.option, "numprocesses"):
        config.option.numprocesses, config.option.dist, config.option.tx = None, "no", []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """CPUs this process may use, not sockets or physical cores."""
    return usable_cpus()


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; a bad one ends the run here."""
    config.addinivalue_line("markers", "claim(claim): the test judges a claim of the paper")
    suite = config.stash[SUITE] = Suite(options.read(config))
    config.invocation_params = options.for_workers(config)
    config.stash[FINDINGS] = {}
    config.stash[OTHERS] = []
    config.pluginmanager.register(_Collector(config.stash[FINDINGS], config.stash[OTHERS]), "claims-collector")
    config.stash[COMPLAINTS], config.stash[WORKERS], config.stash[READY] = [], [], []
    config.pluginmanager.register(DrainFirst(suite) if suite.settings.judges else TellInstead(suite), "claims-loop")
    if suite.settings.judges:
        config.pluginmanager.register(ShowProgress(suite), "claims-progress")
        config.pluginmanager.register(JUnit(), "claims-junit")
        github.register(config, suite)
        if not is_worker(config) and config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(Crashes(suite), "claims-crashes")
    if is_worker(config):
        interrupt.once()
        interrupt.hear_controller()
    config.stash[STARTED] = time.monotonic()


def pytest_report_header(config: pytest.Config) -> str:
    """The settings in effect."""
    settings = config.stash[SUITE].settings
    seeds = settings.profile.seeds_of(settings.block)
    return (
        f"claims: profile {settings.profile}, seeds {seeds[0]} to {seeds[-1]}, evidence {settings.evidence},"
        f" report {settings.report or options.NO_REPORT}{', strict' if settings.strict else ''}"
        f"{', judging what is finished' if settings.finished else ''}"
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep the session for `pytest_xdist_setupnodes`."""
    session.config.stash[SESSION] = session


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """The controller collects as well, before any worker starts: it must know what to expect.

    Where a file can't be collected, none starts: the loop ends the run as it does without workers.
    """
    session, suite = config.stash[SESSION], config.stash[SUITE]
    try:
        session.perform_collect()
    except session.Failed as error:  # by -x; raised here it would end the run without a word
        suite.uncollected = error
    if session.testsfailed and not config.option.continue_on_collection_errors:
        count = session.testsfailed
        found = f"{count} error{'s' if count > 1 else ''} during collection"
        suite.uncollected = suite.uncollected or session.Interrupted(found)
        specs.clear()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """A run is named by its label or system."""
    return str(val).replace(" / ", " ").replace(",", "").replace(" ", "-").lower() if isinstance(val, Run) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bind runs to this session's scale, and keep the claims asked for."""
    suite = config.stash[SUITE]
    house.join(session, items, suite.settings)
    suite.bind(items)
    selected = suite.select(items)
    if len(selected) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in selected])
        items[:] = selected


def pytest_collection_finish(session: pytest.Session) -> None:
    """The plan is known: check all its inputs before anything is trained."""
    suite = session.config.stash[SUITE]
    told_by_controller = is_worker(session.config)  # which checked everything before it started any worker
    trains = not (suite.settings.only_tells or session.config.option.collectonly or told_by_controller)
    suite.take(session.items, trains, whole=_collects_all(session.config))
    if told_by_controller and suite.settings.finished:
        suite.unfinished = session.config.workerinput[_UNFINISHED]  # type: ignore[attr-defined]  # xdist gives it
    if suite.judges:
        leaving = interrupt.LeaveQuickly(session.config, worker=told_by_controller)
        session.config.pluginmanager.register(leaving, "claims-interrupt")


def _collects_all(config: pytest.Config) -> bool:
    """Whether nothing on the command line leaves claims uncollected."""
    narrow = ("lf", "stepwise", "ignore", "ignore_glob", "deselect")
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    return not named and not any(config.getoption(name, None) for name in narrow)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """By -k, -m, --claim, --last-failed or whatever else."""
    for item in items:
        if JUDGE in item.stash:
            item.config.stash[SUITE].deselected = True


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """The judge of this item; see `harness.Judge`."""
    held: Judge | None = request.node.stash.get(JUDGE, None)
    if held is None:
        pytest.fail("only a test marked by harness.claim(...) has a judge", pytrace=False)
    suite = request.config.stash[SUITE]
    if held.nodeid in suite.unfinished:
        pytest.skip(suite.unfinished[held.nodeid])
    problem = suite.failure_of(held)
    if problem is not None:
        pytest.fail(f"its evidence could not be computed: {problem}", pytrace=False)
    return held


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the finding, and let it decide whether the test passed."""
    report = yield
    held = item.stash.get(JUDGE, None)
    if held is None or not (report.when == "call" or (report.when == "setup" and not report.passed)):
        return report
    finding = held.finding
    left = item.config.stash[SUITE].unfinished.get(item.nodeid)
    if report.skipped and left is not None:
        finding = replace(held.blank("not run"), reason=left)
    elif report.skipped:
        report.outcome = "failed"  # a claim that nobody looked at is not a claim that holds
        finding = replace(not_run(held), message=f"{item.nodeid} was skipped, so its claim was not judged")
        report.longrepr = failure.text(finding)
    elif not report.passed:
        text = call.excinfo.exconly() if call.excinfo else "no reason given"
        if call.excinfo and call.excinfo.errisinstance(NotFiniteError):
            text = f"{item.nodeid}: {call.excinfo.value}"
        finding = replace(held.blank("error"), reason="The test did not get to a result.", message=text)
        if call.excinfo and call.excinfo.errisinstance((NotFiniteError, pytest.fail.Exception)):
            report.longrepr = failure.text(finding)  # its numbers' or its evidence's fault, not its code's
        else:
            report.sections.append(("claim", failure.text(finding)))  # below the traceback
    elif finding is None:
        report.outcome = "failed"
        message = f"{item.nodeid} judged nothing: a claim's test calls one method of `judge`"
        finding = replace(held.blank("error"), reason="The test judged nothing.", message=message)
        report.longrepr = failure.text(finding)
    else:
        suite = item.config.stash[SUITE]
        finding = suite.gate.hold(finding) if suite.gate else finding
        if gate.fails(finding, suite.settings):
            report.outcome = "failed"
            report.longrepr = failure.text(finding)
        elif gate.is_expected(finding):
            report.outcome = "skipped"
            report.wasxfail = "the baseline records it"
    # a report carries any plain attribute, from a worker to the controller too
    report.finding = json.dumps(finding.to_json(), allow_nan=False)  # type: ignore[attr-defined]
    report.conclusion = finding.conclusion  # type: ignore[attr-defined]
    report.standing = finding.baseline and finding.baseline["standing"]  # type: ignore[attr-defined]
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> Any:
    """A conclusion has its own letter and word."""
    conclusion, standing = getattr(report, "conclusion", None), getattr(report, "standing", None)
    if conclusion == "not run" and report.skipped:
        return "not run", "-", "NOT RUN"
    if conclusion not in _LETTERS or report.when != "call":
        return None
    if report.failed:
        return "failed", "F", (standing if standing == "regressed" else conclusion).upper()
    return _RECORDED if report.skipped else _LETTERS[conclusion]


class _Collector:
    """Takes the findings out of the reports, in whichever process prints them."""

    def __init__(self, findings: dict[str, Finding], others: list[str]):
        self._findings, self._others = findings, others

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        content = getattr(report, "finding", None)
        if content is not None:
            self._findings[report.nodeid] = Finding.from_json(json.loads(content))
        elif report.failed:
            self._others.append(report.nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Remember where the worker runs, if it is on this machine; what it is to judge is seen here, once."""
    node.workerinput[_UNFINISHED] = node.config.stash[SUITE].unfinished
    if node.gateway.spec.popen:
        node.config.stash[WORKERS].append(node.gateway._rinfo().pid)  # xdist has fetched it already


@pytest.hookimpl(optionalhook=True)
def pytest_testnodeready(node: Any) -> None:
    """From now on it hears the controller."""
    if node.gateway.spec.popen:
        pid = node.gateway._rinfo().pid
        node.config.stash[READY].append(pid)
        if node.config.stash[SUITE].unusable:  # since before this one was ready
            interrupt.tell([pid], interrupt.STOP)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """What a worker found damaged is told by the controller; what it can't write ends the others too."""
    suite, output = node.config.stash[SUITE], getattr(node, "workeroutput", {})
    suite.store.damaged += output.get(_DAMAGED, [])
    if output.get(_UNUSABLE) and suite.unusable is None:
        suite.unusable = output[_UNUSABLE]
        interrupt.tell(node.config.stash[READY], interrupt.STOP)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Finish, and when interrupted, everywhere."""
    if session.exitstatus == pytest.ExitCode.INTERRUPTED:
        # a Ctrl-C reaches all processes of a terminal, but what a program sends reaches this one alone
        interrupt.end(session.config.stash[WORKERS])
    _finish(session)
    return (yield)


def _finish(session: pytest.Session) -> None:
    """The controller merges what came back, writes the report, and misses what did not come back."""
    config = session.config
    suite = config.stash[SUITE]
    settings = suite.settings
    if is_worker(config):
        # xdist gives its workers this dict
        config.workeroutput |= {_DAMAGED: suite.store.damaged, _UNUSABLE: suite.unusable}  # type: ignore[attr-defined]
        return
    if suite.unusable:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        return
    if not settings.judges or not suite.judges or config.option.collectonly:
        return
    if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return  # interrupted, or never begun: the last report stays
    found = config.stash[FINDINGS]
    for nodeid, held in suite.judges.items():
        if nodeid not in found:
            found[nodeid] = not_run(held)
    judged = [found[nodeid] for nodeid in suite.judges]
    command = "pytest " + shlex.join(map(str, config.invocation_params.args))
    wall = time.monotonic() - config.stash[STARTED]
    summary = outcome.summarise(suite, judged, command, wall)
    config.stash[SUMMARY] = summary
    _remember(config, summary, judged)
    others = [nodeid for nodeid in config.stash[OTHERS] if nodeid not in suite.judges]
    expected = [finding for finding in judged if finding.nodeid not in suite.unfinished]
    session.exitstatus = gate.exit_code(expected, bool(others), settings, summary["baseline"])
    if settings.update_baseline:
        session.exitstatus = _update_baseline(config, session.exitstatus, summary, judged)
    config.hook.pytest_claims_finished(config=config, summary=summary)
    for what, path in reversed(settings.outputs.items()):  # the findings first: a report is made of them
        try:
            if what == "report":
                config.hook.pytest_claims_report(summary=summary, path=path, history=settings.history)
            else:
                findings.write(summary, path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            config.stash[COMPLAINTS].append(
                f"the {what} {path} can't be written: {reason}; the evidence is complete, and the same"
                " command writes it without training"
            )
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def _update_baseline(config: pytest.Config, code: int, summary: dict[str, Any], judged: list[Finding]) -> int:
    """Write the baseline, or say why not; returns the exit code."""
    file = config.stash[SUITE].settings.baseline
    assert file is not None
    if code:
        config.stash[COMPLAINTS].append(f"the baseline {file} was not written: not every finding has a result")
        return code
    try:
        said, first = gate.update(file, summary, judged)
    except OSError as error:
        config.stash[COMPLAINTS].append(f"the baseline {file} can't be written: {error.strerror or error}")
        return pytest.ExitCode.INTERNAL_ERROR
    config.stash[UPDATED] = said
    return gate.BASELINE if first else code


def _remember(config: pytest.Config, summary: dict[str, Any], judged: list[Finding]) -> None:
    """Add a complete run to the history.

    Where that fails, a line says so and the exit code stays: verdicts and report are whole, and the same command adds
    the run from the evidence once the file can be written.
    """
    suite = config.stash[SUITE]
    path = suite.settings.history
    if path is None:
        return
    if why := complete.lacking(suite, _collects_all(config), judged):
        config.stash[REMEMBERED] = f"history: this run is not added, for it is not complete: {why}", True
        return
    try:
        history.append(path, summary)
        config.stash[REMEMBERED] = f"history: {path}", True
    except HistoryError as error:
        config.stash[REMEMBERED] = f"claims: {error}; this run is not in it", False


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Verdicts, findings, and what would decide the undecided."""
    suite = config.stash[SUITE]
    summary = config.stash.get(SUMMARY, None)
    if summary is None:
        if suite.unusable:
            for line in dict.fromkeys(suite.store.damaged):
                terminalreporter.write_line(f"damaged: {line}", yellow=True)
            terminalreporter.write_line(f"claims: {suite.unusable}", red=True)
        if exitstatus == pytest.ExitCode.INTERRUPTED and suite.judges:
            terminalreporter.write_line("claims: the same command goes on from the last finished level")
        return
    terminalreporter.section("claims")
    for line in outcome.table(summary):
        terminalreporter.write_line(line)
    for line in (*outcome.bars(summary), *outcome.more_seeds(summary), *gate.lines(summary)):
        terminalreporter.write_line(line)
    for line in outcome.unfinished(summary):
        terminalreporter.write_line(line)
    for line in dict.fromkeys(suite.store.damaged):
        terminalreporter.write_line(f"damaged: {line}", yellow=True)
    if UPDATED in config.stash:
        terminalreporter.write_line(f"baseline: {config.stash[UPDATED]}")
    complaints = config.stash[COMPLAINTS]
    for line in complaints:
        terminalreporter.write_line(f"claims: {line}", red=True)
    if not complaints:
        for what, path in suite.settings.outputs.items():
            terminalreporter.write_line(f"{what}: {path}")
    if REMEMBERED in config.stash:
        line, well = config.stash[REMEMBERED]
        terminalreporter.write_line(line, yellow=not well)
