"""Pytest's report of an item: its finding decides whether the item passed, and gives its letter and word."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin import ci, failure, gate
from harness.plugin.collection import JUDGE, not_run
from harness.plugin.seeds import on_fresh_seeds
from harness.results.schema import Finding
from harness.statistics import NotFiniteError

if TYPE_CHECKING:
    from harness.plugin.session import ClaimsSession

_LETTERS = {
    "supported": ("passed", ".", "SUPPORTED"),
    "contradicted": ("contradicted", "c", ("CONTRADICTED", {"yellow": True})),
    "equivalent": ("equivalent", "e", ("EQUIVALENT", {"yellow": True})),
    "underpowered": ("underpowered", "u", ("UNDERPOWERED", {"yellow": True})),
    "smoke": ("smoke", "~", ("SMOKE", {"cyan": True})),
}
"""Outcome, letter and word of each conclusion that does not fail."""
_OUTCOMES = ("passed", "failed", "skipped")
"""Pytest's own. Plugins that run a test again give its earlier reports another one."""
_PROPERTIES = pytest.StashKey[list[tuple[str, object]]]()
_RECORDED = ("contradicted as recorded", "x", ("CONTRADICTED, AS RECORDED", {"yellow": True}))


class Reported:
    """The findings of all items, in the process that has their reports.

    findings: by nodeid. others: the nodeids of what failed and is no finding.
    """

    def __init__(self, claims: "ClaimsSession"):
        self._claims = claims
        self.findings: dict[str, Finding] = {}
        self.others: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the finding, and let it decide whether the test passed."""
        report = yield
        if JUDGE in item.stash and (report.when == "call" or (report.when == "setup" and not report.passed)):
            finding = self._finding(item, report, call)
            before = item.stash.get(_PROPERTIES, [])  # of an earlier try
            item.stash[_PROPERTIES] = told = ci.properties(finding)
            # JUnit's file, and other reporters', take them from here
            item.user_properties[:] = [*(each for each in item.user_properties if each not in before), *told]
            _attach(report, finding)
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """Record an error for the item that a worker ran when it died."""
        judges = self._claims.suite.judges
        judge = judges.get(crashitem) or judges.get(crashitem.rpartition("@")[0])  # xdist appends the name of a group
        if judge is not None:
            message = f"worker {report.node.gateway.id} died during this test: it was killed, or a library crashed"
            finding = judge.blank("error").replace(reason="The worker died.", message=message)
            report.longrepr = failure.text(finding)
            _attach(report, finding)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """Give each conclusion its own letter and word."""
        finding = _finding_of(report)
        if finding is None or report.outcome not in _OUTCOMES:  # one that is run again is counted at its last run
            return None
        if finding.conclusion == "not run" and report.skipped:
            return "not run", "-", "NOT RUN"
        if finding.conclusion not in _LETTERS or report.when != "call":
            return None
        if report.failed:
            return "failed", "F", ("regressed" if finding.standing == "regressed" else finding.conclusion).upper()
        return _RECORDED if report.skipped else _LETTERS[finding.conclusion]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the finding that a report carries."""
        if finding := _finding_of(report):
            if report.outcome in _OUTCOMES:
                self.findings[finding.nodeid] = finding
        elif report.failed:
            self.others.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a file that could not be collected: it is no finding, but it fails the run."""
        if report.failed:
            self.others.append(report.nodeid)

    def _finding(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[None]) -> Finding:
        """An item's finding; the report says what follows from it."""
        judge, suite = item.stash[JUDGE], self._claims.suite
        left = suite.unfinished.get(judge.nodeid)
        if report.skipped and left is not None:
            return judge.blank("not run").replace(reason=left)
        if report.skipped:
            report.outcome = "failed"  # a claim that nobody looked at is not a claim that holds
            finding = not_run(judge).replace(message=f"{item.nodeid} was skipped, so its claim was not judged")
        elif not report.passed:
            text = call.excinfo.exconly() if call.excinfo else "no reason given"
            finding = judge.blank("error").replace(reason="The test ended without a result.", message=text)
            if not (call.excinfo and call.excinfo.errisinstance((NotFiniteError, pytest.fail.Exception))):
                report.sections.append(("claim", failure.text(finding)))  # below the traceback
                return finding
            # the fault of its numbers or of its evidence, not of its code
            finding = finding.replace(message=f"{item.nodeid}: {call.excinfo.value}")
        elif judge.finding is None:
            report.outcome = "failed"
            message = f"{item.nodeid} judged nothing: a claim's test must call one method of `judge`"
            finding = judge.blank("error").replace(reason="The test judged nothing.", message=message)
        else:
            finding = self._claims.gate.hold(judge.finding) if self._claims.gate else judge.finding
            if gate.is_expected(finding) and not gate.fails(finding, suite.settings):
                report.outcome = "skipped"
                report.wasxfail = "the baseline records it"
                return finding
            if not gate.fails(finding, suite.settings):
                return finding
            report.outcome = "failed"
        report.longrepr = failure.text(finding, on_fresh_seeds(finding, suite.settings))
        return finding


def _attach(report: pytest.TestReport, finding: Finding) -> None:
    """A report carries any plain attribute, from a worker to the controlling process too."""
    report.claims_finding = finding.to_json()  # type: ignore[attr-defined]


def _finding_of(report: pytest.TestReport) -> Finding | None:
    content = getattr(report, "claims_finding", None)
    return None if content is None else Finding.from_json(content)
