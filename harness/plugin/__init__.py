"""The pytest plugin of the claims.

It is loaded by a conftest.py, or with `-p harness.plugin`. Until a claim is collected, or one of its options is given,
it costs nothing and prints nothing.

Every process that runs claims (pytest itself under -n 0, each worker under -n N) first computes what is pending and
then judges its items. The controlling process collects as well, so that it knows what must come back; it alone writes.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.machine import engine_unusable, usable_cpus
from harness.plugin import options

if TYPE_CHECKING:
    from harness.judging.judge import Judge
    from harness.plugin.session import ClaimsSession

_CLAIMS = pytest.StashKey["ClaimsSession"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer `hooks`."""
    from harness.plugin import hooks

    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Start no workers for a session that judges nothing."""
    if any(config.getoption(name) for name in options.ALONE) and hasattr(config.option, "numprocesses"):
        config.option.numprocesses, config.option.dist, config.option.tx = None, "no", []


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start a worker for each CPU that this process may use, where the environment does not tell xdist another number.

    Xdist itself knows no quotas, and counts physical cores where psutil is installed.
    """
    return None if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") else usable_cpus()


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings where an option is given: a bad one ends the run here."""
    config.addinivalue_line("markers", "claim(claim): the test judges a claim of the paper")
    config.addinivalue_line("markers", "at_least(profile): the test is judged only at this profile and larger ones")
    os.environ.setdefault("CLAIMS_COMPILED", str(Path(config.rootpath, ".claims", "compiled")))
    if options.given(config):
        _claims(config)


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """The controlling process collects as well, before any worker starts: it must know what to expect.

    Where a file can't be collected, no worker starts, and the run ends as it does without workers.
    """
    session: Any = config.pluginmanager.get_plugin("session")
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if getattr(reporter, "_session", session) is None:
        reporter._session = session  # a reporter that replaces pytest's, as pytest-instafail's, starts after xdist
    failed: BaseException | None = None
    try:
        session.perform_collect()
    except session.Failed as error:  # by -x; raised here it would end the run without a word
        failed = error
    if session.testsfailed and not config.option.continue_on_collection_errors:
        count = session.testsfailed
        _claims(config).uncollected = failed or session.Interrupted(
            f"{count} error{'s' if count > 1 else ''} during collection"
        )
        specs.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bind the claims' runs to this session's scale, and keep the selected claims."""
    if _CLAIMS in config.stash or any(item.get_closest_marker("claim") for item in items):
        selected = _claims(config).suite.select(session, items)
        if len(selected) < len(items):
            config.hook.pytest_deselected(items=[item for item in items if item not in selected])
            items[:] = selected


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a run by its label or system."""
    runs = sys.modules.get("harness.judging.run")  # where it was not imported, nothing is a run
    is_run = runs is not None and isinstance(val, runs.Run)
    return str(val).replace(" / ", " ").replace(",", "").replace(" ", "-").lower() if is_run else None


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> "Judge":
    """The judge of this item; see `harness.Judge`."""
    made = request.config.stash[_CLAIMS].judge_of(request.node) if _CLAIMS in request.config.stash else None
    if made is None:
        pytest.fail("only a test marked by harness.claim(...) can use the fixture `judge`", pytrace=False)
    return made


def _claims(config: pytest.Config) -> "ClaimsSession":
    """What this plugin does in a session that has claims, from the first of them on."""
    if _CLAIMS not in config.stash:
        if problem := engine_unusable():
            raise pytest.UsageError(problem)
        if sys.flags.optimize > 1:
            raise pytest.UsageError("python -OO drops the docstrings, which say what is claimed: leave it out")
        from harness.plugin.session import ClaimsSession

        config.stash[_CLAIMS] = ClaimsSession(config)
        config.pluginmanager.register(config.stash[_CLAIMS], "claims-session")
        try:
            config.pluginmanager.import_plugin("reports.pytest_report")  # which writes the report
        except pytest.UsageError as error:  # pytest's for an ImportError: a project may have a package of that name
            raise pytest.UsageError(
                f"{error}; it writes the report: rename your own package, or do without by -p no:reports.pytest_report"
            ) from None
    return config.stash[_CLAIMS]
