"""What pytest reports of an item: its finding, which decides whether the item passed, and its letter and word."""

from collections.abc import Generator
from typing import Any

import pytest

from harness.plugin import failure, gate
from harness.plugin.suite import JUDGE, Suite, not_run
from harness.results.schema import Finding
from harness.statistics import NotFiniteError

_LETTERS = {
    "supported": ("passed", ".", "SUPPORTED"),
    "contradicted": ("contradicted", "c", ("CONTRADICTED", {"yellow": True})),
    "equivalent": ("equivalent", "e", ("EQUIVALENT", {"yellow": True})),
    "underpowered": ("underpowered", "u", ("UNDERPOWERED", {"yellow": True})),
    "smoke": ("smoke", "~", ("SMOKE", {"cyan": True})),
}
"""Of what does not fail."""
_RECORDED = ("contradicted as recorded", "x", ("CONTRADICTED, AS RECORDED", {"yellow": True}))


class Reported:
    """The plugin, in every process; where items run elsewhere, the controlling one has what they reported.

    findings: by nodeid. others: what failed and is no finding, by nodeid.
    """

    def __init__(self, suite: Suite):
        self._suite = suite
        self.findings: dict[str, Finding] = {}
        self.others: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the finding, and let it decide whether the test passed."""
        report = yield
        held = item.stash.get(JUDGE, None)
        if held is None or not (report.when == "call" or (report.when == "setup" and not report.passed)):
            return report
        finding = held.finding
        suite = self._suite
        left = suite.unfinished.get(item.nodeid)
        if report.skipped and left is not None:
            finding = held.blank("not run").replace(reason=left)
        elif report.skipped:
            report.outcome = "failed"  # a claim that nobody looked at is not a claim that holds
            finding = not_run(held).replace(message=f"{item.nodeid} was skipped, so its claim was not judged")
            report.longrepr = failure.text(finding)
        elif not report.passed:
            text = call.excinfo.exconly() if call.excinfo else "no reason given"
            if call.excinfo and call.excinfo.errisinstance(NotFiniteError):
                text = f"{item.nodeid}: {call.excinfo.value}"
            finding = held.blank("error").replace(reason="The test did not get to a result.", message=text)
            if call.excinfo and call.excinfo.errisinstance((NotFiniteError, pytest.fail.Exception)):
                report.longrepr = failure.text(finding)  # its numbers' or its evidence's fault, not its code's
            else:
                report.sections.append(("claim", failure.text(finding)))  # below the traceback
        elif finding is None:
            report.outcome = "failed"
            message = f"{item.nodeid} judged nothing: a claim's test calls one method of `judge`"
            finding = held.blank("error").replace(reason="The test judged nothing.", message=message)
            report.longrepr = failure.text(finding)
        else:
            finding = suite.gate.hold(finding) if suite.gate else finding
            if gate.fails(finding, suite.settings):
                report.outcome = "failed"
                report.longrepr = failure.text(finding)
            elif gate.is_expected(finding):
                report.outcome = "skipped"
                report.wasxfail = "the baseline records it"
        # a report carries any plain attribute, from a worker to the controller too
        report.finding = finding.to_json()  # type: ignore[attr-defined]
        report.conclusion = finding.conclusion  # type: ignore[attr-defined]
        report.standing = finding.standing  # type: ignore[attr-defined]
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """A conclusion has its own letter and word."""
        conclusion, standing = getattr(report, "conclusion", None), getattr(report, "standing", None)
        if conclusion == "not run" and report.skipped:
            return "not run", "-", "NOT RUN"
        if conclusion not in _LETTERS or report.when != "call":
            return None
        if report.failed:
            return "failed", "F", (standing if standing == "regressed" else conclusion).upper()
        return _RECORDED if report.skipped else _LETTERS[conclusion]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the finding out of a report."""
        content = getattr(report, "finding", None)
        if content is not None:
            self.findings[report.nodeid] = Finding.from_json(content)
        elif report.failed:
            self.others.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What could not be collected is no finding, and not forgotten where the others are judged all the same."""
        if report.failed:
            self.others.append(report.nodeid)
