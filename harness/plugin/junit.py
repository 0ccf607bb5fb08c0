"""What JUnit's XML says of the claims, where `--junitxml` asks for one.

Each item carries its finding as properties. They travel with its reports (`user_properties`), so that they are the same
from workers and from one process, and reporters of other formats have them too. What only the whole run knows is added
by the controlling process: items that no result came back for, and the properties of the test suite, the verdicts among
them.
"""

import json
import os
import re
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from harness.files import prove_writable
from harness.plugin.loop import is_worker
from harness.results.schema import RunResult

PROPERTIES = (
    *("claim", "name", "nodeid", "system", "hypothesis", "kind", "min_effect", "unit", "conclusion", "reason"),
    *("test", "n", "effect", "lower", "upper", "p", "detectable", "seeds_needed", "refused", "note", "message"),
    "rerun",
)
"""Fields of a finding that are properties of its item, under the same names; an empty one is left out. Beside them are
`baseline`, where the finding stands to one, and `baseline_says`."""
RUN = ("profile", "changes", "seed_block", "command", "commit", "created")
"""What of a run is a property of the test suite, beside `seeds`, `baseline` and each verdict, as `verdict.CLAIM`."""


class JUnit:
    """The plugin, in every process."""

    def __init__(self) -> None:
        self._last: dict[str, pytest.TestReport] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Refuse a file that can't be written before anything is trained."""
        named = config.getoption("xmlpath", None)
        if not named or is_worker(config):
            return
        path = Path(os.path.abspath(os.path.expanduser(os.path.expandvars(named))))  # as JUnit's plugin takes it
        try:
            prove_writable(path)
        except OSError as error:
            raise pytest.UsageError(
                f"{path} can't be written: {error.strerror}; name another with --junitxml"
            ) from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give the finding that a report has to the item too: JUnit reads the last report, that of its teardown."""
        report = yield
        content = getattr(report, "finding", None)
        if content is not None:
            told = list(properties(json.loads(content)))
            item.user_properties += told
            report.user_properties += told
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how far each item came."""
        self._last[report.nodeid] = report

    def pytest_claims_finished(self, config: pytest.Config, run: RunResult) -> None:
        """Tell JUnit's plugin of the run, and of items that did not come to their end."""
        log = _log(config)
        if log is None:
            return
        summary = run.plain()
        for name, value in suite_properties(summary):
            log.add_global_property(name, value)
        for finding in _findings(summary):
            self._end(log, finding)

    def _end(self, log: "_Log", finding: Mapping[str, Any]) -> None:
        last = self._last.get(finding["nodeid"])
        if last is not None and last.when == "teardown":
            return
        node = getattr(last, "node", None)  # the worker, by which JUnit's plugin knows the item again
        if last is None or (last.passed and last.when == "setup"):
            log.pytest_runtest_logreport(_report(finding, "setup", "failed", node))
        log.pytest_runtest_logreport(_report(finding, "teardown", "passed", node))


class _Log(Protocol):
    """What is used of JUnit's plugin, which pytest registers without a name."""

    def add_global_property(self, name: str, value: object) -> None: ...

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None: ...


def properties(finding: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of a finding as plain JSON: the seeds per group as in "20+20", numbers in full, and text as XML can hold it, and
    xdist carry it."""
    for name in PROPERTIES:
        value = finding[name]
        if value not in (None, "", []):
            yield name, "+".join(map(str, value)) if isinstance(value, list) else _printable(str(value))
    if finding["drift"]:
        yield "baseline", str(finding["drift"]["standing"])
        yield "baseline_says", _printable(finding["drift"]["says"])


def suite_properties(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of a run. A claim's id is part of a name, where XML takes no more than printable characters."""
    for name in RUN:
        value = summary[name]
        if value not in (None, []):
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    yield "seeds", f"{summary['seeds'][0]} to {summary['seeds'][-1]}"
    if summary["baseline"]:
        yield "baseline", str(summary["baseline"]["says"])
    for claim in summary["claims"]:
        yield f"verdict.{_printable(claim['id'])}", str(claim["verdict"])


def _findings(summary: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for claim in summary["claims"]:
        yield from claim["findings"]


def _report(finding: Mapping[str, Any], when: Any, outcome: Any, node: object) -> pytest.TestReport:
    nodeid = finding["nodeid"]
    said = None if outcome == "passed" else finding["message"] or finding["reason"]
    location = (nodeid.partition("::")[0], None, finding["name"])
    report = pytest.TestReport(nodeid, location, {}, outcome, said, when, user_properties=properties(finding))
    report.node = node  # type: ignore[attr-defined]
    return report


def _log(config: pytest.Config) -> _Log | None:
    """JUnit's plugin, where this process has one: known by what it can do."""
    return next((held for held in config.pluginmanager.get_plugins() if hasattr(held, "add_global_property")), None)


def _printable(text: str) -> str:
    """As JUnit's plugin writes a value: what XML can't hold as `#xNN`."""
    return re.sub(r"[^\t\n\r -~\x80-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", lambda m: f"#x{ord(m[0]):02X}", text)
