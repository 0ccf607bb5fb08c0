"""The pytest plugin: options, collection, workers; `loop` drains and judges, `reported` and `finish` tell of it.

Every process that runs claims (pytest itself under -n 0, each worker under -n N) first drains the plan and then
judges its items. The controlling process collects too, so that it knows what must come back; it alone writes.
"""

from typing import Any

import pytest

from harness.judging.judge import Judge
from harness.judging.run import Run
from harness.machine import usable_cpus
from harness.plugin import github, hooks, house, interrupt, options
from harness.plugin.crashed import Crashes
from harness.plugin.finish import DAMAGED, UNUSABLE, Finish
from harness.plugin.junit import JUnit
from harness.plugin.later import LEFT
from harness.plugin.loop import DrainFirst, ShowProgress, TellInstead, is_worker
from harness.plugin.reported import Reported
from harness.plugin.suite import JUDGE, Suite

pytest_plugins = ["reports.plugin"]
"""Loaded with this one: it writes the report."""

SUITE = pytest.StashKey[Suite]()
SESSION = pytest.StashKey[pytest.Session]()
FINISH = pytest.StashKey[Finish]()
READY = pytest.StashKey[list[int]]()
"""Process ids, in the controller, of the workers that have started."""

_UNFINISHED = "claims_unfinished"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer `hooks`."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """What judges nothing needs no workers."""
    judges_nothing = any(
        config.getoption(name) for name in ("claims_plan", "claims_list", "claims_preregister", "claims_cell")
    )
    if judges_nothing and hasattr(config.option, "numprocesses"):
        config.option.numprocesses, config.option.dist, config.option.tx = None, "no", []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """CPUs this process may use, not sockets or physical cores."""
    return usable_cpus()


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; a bad one ends the run here."""
    config.addinivalue_line("markers", "claim(claim): the test judges a claim of the paper")
    config.addinivalue_line("markers", "at_least(profile): it is judged from this profile on")
    suite = config.stash[SUITE] = Suite(options.read(config))
    reported = Reported(suite)
    config.stash[FINISH], config.stash[READY] = Finish(suite, reported), []
    config.pluginmanager.register(reported, "claims-reported")
    config.pluginmanager.register(config.stash[FINISH], "claims-finish")
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
    selected = suite.select(suite.of_profile(items))
    if len(selected) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in selected])
        items[:] = selected


def pytest_collection_finish(session: pytest.Session) -> None:
    """The plan is known: check all its inputs before anything is trained."""
    suite = session.config.stash[SUITE]
    told_by_controller = is_worker(session.config)  # which checked everything before it started any worker
    trains = not (suite.settings.only_tells or session.config.option.collectonly or told_by_controller)
    suite.whole = suite.whole and _collects_all(session.config)
    suite.take(session.items, trains)
    if told_by_controller and suite.settings.finished:
        suite.unfinished = session.config.workerinput[_UNFINISHED]  # type: ignore[attr-defined]  # xdist gives it
    if suite.judges:
        leaving = interrupt.LeaveQuickly(session.config, worker=told_by_controller)
        session.config.pluginmanager.register(leaving, "claims-interrupt")


def _collects_all(config: pytest.Config) -> bool:
    """Whether nothing on the command line leaves claims uncollected."""
    narrow = ("lf", "stepwise", "ignore", "ignore_glob", "deselect")
    stands = config.invocation_params.dir == config.rootpath
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    elsewhere = config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR and not stands
    return not (named or elsewhere) and not any(config.getoption(name, None) for name in narrow)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """By -k, -m, --claim, --last-failed or whatever else."""
    for item in items:
        if JUDGE in item.stash and LEFT not in item.stash:
            item.config.stash[SUITE].deselected = True


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """The judge of this item; see `harness.Judge`."""
    held: Judge | None = request.node.stash.get(JUDGE, None)
    if held is None:
        pytest.fail("only a test marked by harness.judging.claim(...) has a judge", pytrace=False)
    suite = request.config.stash[SUITE]
    if held.nodeid in suite.unfinished:
        pytest.skip(suite.unfinished[held.nodeid])
    problem = suite.failure_of(held)
    if problem is not None:
        pytest.fail(f"its evidence could not be computed: {problem}", pytrace=False)
    return held


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Remember where the worker runs, if it is on this machine; what it is to judge is seen here, once."""
    node.workerinput[_UNFINISHED] = node.config.stash[SUITE].unfinished
    if node.gateway.spec.popen:
        node.config.stash[FINISH].workers.append(node.gateway._rinfo().pid)  # xdist has fetched it already


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
    suite.store.damaged += output.get(DAMAGED, [])
    if output.get(UNUSABLE) and suite.unusable is None:
        suite.unusable = output[UNUSABLE]
        interrupt.tell(node.config.stash[READY], interrupt.STOP)
