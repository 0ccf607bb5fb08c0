"""What becomes of the work of a worker that died: killed, out of memory, or by a fault of a library's.

The item that it judged, or that xdist had given it next, is an error: somebody has to know that a worker died. All else
goes on: xdist starts another worker, leases end with their holder, and others go on with the cell that it had. A cell
that was the end of `MOST_DEATHS` workers is left alone, so that it can't take them all.
"""

import socket
from collections import Counter
from typing import Any

import pytest

from harness.evidence.lease import holder_of
from harness.plugin import failure
from harness.plugin.suite import Suite

MOST_DEATHS = 2
GIVEN_UP = "claims_given_up"
"""What a worker is told at its start: ids of cells."""


class Crashes:
    """In the controlling process: who died, doing what."""

    def __init__(self, suite: Suite):
        self._suite = suite
        self._begun: set[str] = set()
        self._deaths: Counter[str] = Counter()
        self._lines: list[str] = []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A worker begins to judge."""
        self._begun.add(nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """A worker that starts in the place of another learns what to leave alone."""
        node.workerinput[GIVEN_UP] = self._given_up()

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """See what it was computing, before another process takes its lease."""
        if not error or self._suite.unusable or not node.gateway.spec.popen:
            return
        held = _held_by(node.gateway._rinfo().pid, self._suite)
        self._deaths.update(list(held))
        doing = f"while it computed {' and '.join(held.values())}: others go on with it" if held else "and is replaced"
        self._lines.append(f"worker {node.gateway.id} died {doing}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """Its finding is an error."""
        judge = self._suite.judges.get(crashitem)
        if judge is None:
            return
        worker = report.node.gateway.id
        did = "judged this item" if crashitem in self._begun else "computed evidence, before it judged this item"
        message = f"worker {worker} crashed while it {did}: it was killed, or a library took it down"
        finding = judge.blank("error").replace(reason="The worker crashed.", message=message)
        report.longrepr = failure.text(finding)
        # a report carries any plain attribute, as in `reported`
        report.finding = finding.to_json()  # type: ignore[attr-defined]
        report.conclusion = finding.conclusion  # type: ignore[attr-defined]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say who died, also where nothing was lost."""
        for line in self._lines:
            terminalreporter.write_line(f"claims: {line}", yellow=True)

    def _given_up(self) -> list[str]:
        keys = {key for key, deaths in self._deaths.items() if deaths >= MOST_DEATHS}
        return [where.cell.id for where in self._suite.addresses if where.key in keys]


def given_up(config: pytest.Config) -> list[str]:
    """In a worker: the cells that it is to leave alone."""
    return list(getattr(config, "workerinput", {}).get(GIVEN_UP, []))


def _held_by(pid: int, suite: Suite) -> dict[str, str]:
    """Key -> name of those of the plan's cells whose lease names this process of this machine."""
    folder, here = suite.store.folder / "leases", socket.gethostname()
    found = {}
    for where in suite.addresses:
        holder = holder_of(folder / f"{where.key}.json")
        if holder is not None and (holder.host, holder.pid) == (here, pid):
            found[where.key] = f"cell {where.cell.id[:12]}"
    return found
