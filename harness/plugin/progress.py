"""How far a plan is: one line that is rewritten on a terminal, and a line a minute elsewhere.

The process with the terminal reads it off the store, as any process may have put levels there.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from harness.evidence.costs import Costs, env_steps
from harness.evidence.store import Address, Store

LIVE_SECONDS, LINE_SECONDS = 1.0, 60.0
LOOKING_SHARE = 0.01
"""The share of the time that is spent on looking, at most: the larger a plan, the rarer the looks."""
ENOUGH = 0.03
"""The share of the work that has to be finished before a time left is shown."""


@dataclass(frozen=True)
class Standing:
    """How far a plan is.

    share: of the estimated CPU seconds, 0 to 1. elapsed: seconds since this run began to compute. rate: env_steps per
    second of this run, if no member stopped early. left: seconds. The last two are None where they are not known yet.
    """

    share: float
    levels: int
    of_levels: int
    elapsed: float
    rate: float | None = None
    left: float | None = None

    def __str__(self) -> str:
        said = [f"{int(100 * self.share)} % of the work", f"{self.levels} of {self.of_levels} levels"]
        said += [f"after {_clock(self.elapsed)}"]
        said += [f"about {_clock(self.left)} left"] if self.left is not None else []
        said += [f"up to {float(f'{self.rate:.2g}'):,.0f} env_steps/s"] if self.rate is not None else []
        return f"claims: {', '.join(said)}"


class Meter:
    """Counts the finished levels of a plan. now: the clock, in seconds."""

    def __init__(self, store: Store, addresses: Iterable[Address], now: Callable[[], float] = time.monotonic):
        self._store, self._now, self._started = store, now, now()
        self._done = dict.fromkeys(addresses, 0)
        pends = any(store.finished_levels(where) < len(where.cell.levels) for where in self._done)
        costs = Costs.of(store.folder) if pends else Costs()
        self._seconds = {where: costs.seconds(where.cell) for where in self._done}
        self._steps = {where: env_steps(where.cell) for where in self._done}
        self._first = (0.0, 0.0)
        self._first = self._count()
        self.first = self.look()

    def look(self) -> Standing:
        """How far the plan is now."""
        seconds, steps = self._count()
        elapsed, cost = self._now() - self._started, sum(self._seconds.values())
        spent, played = seconds - self._first[0], steps - self._first[1]
        done, of = sum(self._done.values()), sum(len(where.cell.levels) for where in self._done)
        known = elapsed > 0 and spent > ENOUGH * cost and done < of
        return Standing(
            share=seconds / cost if cost else 1.0,
            levels=done,
            of_levels=of,
            elapsed=elapsed,
            rate=played / elapsed if elapsed > 0 and played else None,
            left=(cost - seconds) * elapsed / spent if known else None,
        )

    def _count(self) -> tuple[float, float]:
        """Estimated CPU seconds and env_steps of the levels that are there."""
        seconds = steps = 0.0
        for where, done in self._done.items():
            of = len(where.cell.levels)
            if done < of:  # a finished cell stays finished, and need not be looked at again
                done = self._done[where] = self._store.finished_levels(where)
            seconds, steps = seconds + self._seconds[where] * done / of, steps + self._steps[where] * done / of
        return seconds, steps


class Progress:
    """A thread that shows how far the plan is, until `stop`, which leaves one line.

    It says nothing where there is nothing to compute, or at verbosity -2.
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
        least = wait = LIVE_SECONDS if self._live else LINE_SECONDS
        while not self._stopped.wait(wait):
            started = time.thread_time()
            standing = self._meter.look()
            wait = max(least, (time.thread_time() - started) / LOOKING_SHARE)
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
