"""Progress of a plan: one line that is rewritten on a terminal, and a line a minute elsewhere.

The process with the terminal reads it from the store, where any process may have put levels.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from harness.evidence.costs import Costs
from harness.evidence.store import Address, Store

LIVE_SECONDS, LINE_SECONDS = 1.0, 60.0
ENOUGH = 0.03
"""The share of the work that must be finished before the time left is shown."""


@dataclass(frozen=True)
class Standing:
    """The progress of a plan.

    share: of the estimated CPU seconds, 0 to 1. elapsed, left: seconds; left is None where it is not known yet.
    """

    share: float
    levels: int
    of_levels: int
    elapsed: float
    left: float | None = None

    def __str__(self) -> str:
        left = "" if self.left is None else f", about {_clock(self.left)} left"
        done = f"{int(100 * self.share)} % of the work, {self.levels} of {self.of_levels} levels"
        return f"claims: {done}, after {_clock(self.elapsed)}{left}"


class Meter:
    """Counts the finished levels of a plan. now: the clock, in seconds."""

    def __init__(self, store: Store, addresses: Iterable[Address], now: Callable[[], float] = time.monotonic):
        self._store, self._now, self._started = store, now, now()
        self._done = {where: store.finished_levels(where) for where in addresses}
        pends = any(done < len(where.cell.levels) for where, done in self._done.items())
        costs = Costs.of(store.folder) if pends else Costs()
        self._seconds = {where: costs.seconds(where.cell) for where in self._done}
        self.first = self._standing(0.0)

    def look(self) -> Standing:
        """The progress of the plan now."""
        for where, done in self._done.items():
            if done < len(where.cell.levels):  # a finished cell stays finished, and need not be looked at again
                self._done[where] = self._store.finished_levels(where)
        return self._standing(self.first.share)

    def _standing(self, before: float) -> Standing:
        """before: the share that was there when this run began."""
        cost = sum(self._seconds.values())
        seconds = sum(self._seconds[where] * done / len(where.cell.levels) for where, done in self._done.items())
        done, of = sum(self._done.values()), sum(len(where.cell.levels) for where in self._done)
        share = seconds / cost if cost and done < of else 1.0  # of all, not 0.999 by rounding
        elapsed, spent = self._now() - self._started, share - before
        left = (1 - share) * elapsed / spent if elapsed > 0 and spent > ENOUGH and done < of else None
        return Standing(share, done, of, elapsed, left)


class Progress:
    """A thread that shows the plan's progress until `stop`, which leaves one line.

    It prints nothing where there is nothing to compute, or at verbosity -2.
    """

    def __init__(self, store: Store, addresses: Iterable[Address], reporter: pytest.TerminalReporter):
        self._reporter = reporter
        self._live = bool(reporter.isatty) and reporter.verbosity >= 0 and os.environ.get("TERM") != "dumb"
        self._meter = Meter(store, addresses)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        if self._meter.first.levels < self._meter.first.of_levels and reporter.verbosity > -2:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it, if it has not ended."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopped.set()
        thread.join()
        last = self._meter.look()
        if last.levels > self._meter.first.levels:
            self._say(last)
        if self._live:
            self._reporter.write_line("")

    def _watch(self) -> None:
        while not self._stopped.wait(LIVE_SECONDS if self._live else LINE_SECONDS):
            standing = self._meter.look()
            if standing.levels == standing.of_levels:
                return
            self._say(standing)

    def _say(self, standing: Standing) -> None:
        writer = self._reporter.config.get_terminal_writer()
        if self._live:
            self._reporter.rewrite(str(standing)[: writer.fullwidth - 1], erase=True, flush=True)
            return
        if writer.width_of_current_line:  # the workers' results stand in a line that ends with the last of them
            self._reporter.write_line("")
        self._reporter.write_line(str(standing))


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
