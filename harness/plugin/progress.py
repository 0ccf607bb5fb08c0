"""Live progress: what the store holds of the plan, as any process may have put it there."""

import threading
import time
from collections.abc import Callable

import pytest

from harness.evidence.plan import estimated_seconds
from harness.plugin.suite import Suite

LIVE_SECONDS, LINE_SECONDS = 1.0, 60.0


class Progress:
    """A thread that tells how far the plan is: one line kept up to date on a terminal, a line a minute elsewhere."""

    def __init__(self, suite: Suite, reporter: pytest.TerminalReporter):
        self._suite = suite
        self._live = bool(reporter.isatty) and reporter.verbosity >= 0
        self._reporter = reporter
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        write: Callable[[str], None] = self._rewrite if self._live else self._reporter.write_line
        if not self._live:
            write("")
        while not self._stop.wait(LIVE_SECONDS if self._live else LINE_SECONDS):
            pending = self._suite.pending()
            write(self._text(len(pending)))
            if not pending:
                break
        if self._live:
            self._reporter.write_line("")

    def _rewrite(self, text: str) -> None:
        self._reporter.rewrite(text, erase=True)

    def _text(self, pending: int) -> str:
        suite = self._suite
        done, levels, spent, cost = 0, 0, 0.0, 0.0
        for where in suite.addresses:
            total, finished = len(where.cell.levels), suite.store.finished_levels(where)
            seconds = estimated_seconds(where.cell)
            done, levels = done + finished, levels + total
            spent, cost = spent + seconds * finished / total, cost + seconds
        cells = len(suite.addresses)
        minutes = (time.monotonic() - self._started) / 60
        return (
            f"claims: {done} of {levels} levels, {cells - pending} of {cells} cells,"
            f" {100 * spent / cost:.0f} % of the work after {minutes:.1f} min"
        )
