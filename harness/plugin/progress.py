"""Live progress: what the store holds of the plan, as any process may have put it there, and who computes the rest."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from harness.evidence.costs import env_steps, estimated_seconds
from harness.evidence.lease import Holder, live_holder
from harness.evidence.store import Address
from harness.plugin.block import Block
from harness.plugin.suite import Suite

LIVE_SECONDS, LINE_SECONDS = 1.0, 60.0
LATELY_SECONDS, LATELY_LEVELS = 60.0, 3
"""A rate is of what was finished within the last minute, and of no fewer than so many looks that found something."""
ENOUGH = 0.03
"""Of the work: what has to be finished before a time left is told."""
SHARE = 0.01
"""Of the time, at most, is spent looking: the larger the plan, the rarer."""
MOST_NAMED = 4
"""Cells in work that a line names; the block has a line for each."""


@dataclass(frozen=True)
class InWork:
    """A cell that a process computes now. level: the one in work, from 1 on; of_levels: how many the cell has."""

    cell: str
    level: int
    of_levels: int
    holder: Holder

    @property
    def where(self) -> str:
        """Its process, and the machine if it is another."""
        elsewhere = f" on {self.holder.host}" if self.holder.host != socket.gethostname() else ""
        return f"process {self.holder.pid}{elsewhere}"


@dataclass(frozen=True)
class Standing:
    """How far a plan is.

    share: of the estimated CPU seconds, 0 to 1. elapsed: seconds since this run began to compute. rate: env_steps per
    second of what was finished lately, if no member stopped early; left: seconds; None where not known yet.
    """

    share: float
    cells: int
    of_cells: int
    levels: int
    of_levels: int
    elapsed: float
    rate: float | None
    left: float | None
    in_work: tuple[InWork, ...]

    @property
    def line(self) -> str:
        """All of it in one line."""
        named = [f"{one.cell}, level {one.level} of {one.of_levels} ({one.where})" for one in self.in_work[:MOST_NAMED]]
        more = [f"{len(self.in_work) - MOST_NAMED} more"] if len(self.in_work) > MOST_NAMED else []
        work = f"; in work: {'; '.join(named + more)}" if named else ""
        return f"claims: {self._percent} of the work, {self._counted}, {', '.join(self._timed)}{work}"

    def lines(self, columns: int, rows: int, blocks: bool) -> list[str]:
        """The same for a terminal of this size, what matters most to the left.

        blocks: whether it can show block characters.
        """
        full, empty = "█░" if blocks else "#."
        width = max(0, min(30, columns - 45))
        done = int(width * self.share)
        bar = f"{full * done}{empty * (width - done)} " if width >= 5 else ""
        head = [f"claims  {bar}{self._percent}, {self._counted}", f"        {', '.join(self._timed)}"]
        rows = max(0, rows - len(head) - 1)
        shown = self.in_work if len(self.in_work) <= rows else self.in_work[: max(0, rows - 1)]
        names = max((len(one.cell) for one in shown), default=0)
        listed = [f"  level {one.level:>2} of {one.of_levels:>2}  {one.cell:{names}}  {one.where}" for one in shown]
        more = [f"  … {len(self.in_work) - len(shown)} more"] if len(shown) < len(self.in_work) and rows else []
        return head + listed + more

    @property
    def _percent(self) -> str:
        return f"{int(100 * self.share)} %"

    @property
    def _counted(self) -> str:
        return f"{self.cells} of {self.of_cells} cells, {self.levels} of {self.of_levels} levels"

    @property
    def _timed(self) -> Iterator[str]:
        yield f"after {_clock(self.elapsed)}"
        if self.left is not None and self.levels < self.of_levels:
            yield _about(self.left)
        if self.rate is not None:
            yield f"up to {_rounded(self.rate):,} env_steps/s"


class Meter:
    """Looks at the store, and keeps what a rate needs. now: the clock, in seconds."""

    def __init__(self, suite: Suite, now: Callable[[], float] = time.monotonic):
        self._store = suite.store
        self._now = now
        self._cells = [(where, *_per_level(where)) for where in suite.addresses]
        self._cost = sum(len(where.cell.levels) * seconds for where, _, seconds in self._cells)
        self._names: dict[str, str] = {}
        self._started = now()
        self._finished: list[tuple[float, int, float]] = []
        """Of each look that found more than the one before: when, and all env_steps and estimated seconds till then."""
        self.first = self.look()

    def look(self) -> Standing:
        """How far the plan is now."""
        now, played, spent, cells, levels = self._now(), 0, 0.0, 0, 0
        done = self._done()
        for (where, steps, seconds), count in zip(self._cells, done, strict=True):
            played, spent, levels = played + count * steps, spent + count * seconds, levels + count
            cells += count == len(where.cell.levels)
        if not self._finished or spent > self._finished[-1][2]:
            self._finished.append((now, played, spent))
        return Standing(
            share=spent / self._cost if self._cost else 1.0,
            cells=cells,
            of_cells=len(self._cells),
            levels=levels,
            of_levels=sum(len(where.cell.levels) for where, _, _ in self._cells),
            elapsed=now - self._started,
            rate=self._rate(now),
            left=self._left(now),
            in_work=tuple(self._in_work(done)),
        )

    def _done(self) -> list[int]:
        """Finished levels of each cell; one look into the folder tells which cells have a folder at all."""
        names = _names_in(self._store.folder / "cells")
        return [
            len(where.cell.levels)
            if where.key in names
            else self._store.finished_levels(where)
            if f"{where.key}.partial" in names
            else 0
            for where, _, _ in self._cells
        ]

    def _in_work(self, done: list[int]) -> list[InWork]:
        folder = self._store.folder / "leases"
        names = _names_in(folder)
        found = []
        for (where, _, _), count in zip(self._cells, done, strict=True):
            levels = where.cell.levels
            if f"{where.key}.json" not in names or count == len(levels):
                continue
            holder = live_holder(folder / f"{where.key}.json")
            if holder is not None:
                name = self._names.setdefault(where.key, _name(where))
                found.append(InWork(name, count + 1, len(levels), holder))
        return sorted(found, key=lambda one: (one.holder.host, one.holder.pid))

    def _rate(self, now: float) -> float | None:
        looks = self._finished
        if len(looks) < 2:
            return None
        long_ago = max((i for i, (when, _, _) in enumerate(looks) if now - when >= LATELY_SECONDS), default=0)
        when, before, _ = looks[max(0, min(long_ago, len(looks) - 1 - LATELY_LEVELS))]
        return (looks[-1][1] - before) / (now - when) if now > when else None

    def _left(self, now: float) -> float | None:
        """From the pace since the first level was finished, where enough was since then: processes start slowly."""
        when, _, spent = self._finished[-1]
        for begun, _, before in self._finished[1::-1]:
            if spent - before > ENOUGH * self._cost:
                return max(0.0, (self._cost - spent) * (when - begun) / (spent - before) - (now - when))
        return None


class Progress:
    """A thread that tells how far the plan is: a block kept up to date on a terminal, a line a minute elsewhere.

    `stop` ends it, and leaves one line; a context manager that stops on the way out. Says nothing where there is
    nothing to compute, or at verbosity -2.
    """

    def __init__(self, suite: Suite, reporter: pytest.TerminalReporter):
        self._suite = suite
        self._reporter = reporter
        dumb = os.environ.get("TERM") == "dumb"
        self.is_live = bool(reporter.isatty) and reporter.verbosity >= 0 and not dumb
        self.has_workers = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._block: Block | None = None

    def __enter__(self) -> "Progress":
        self._meter = Meter(self._suite)
        first = self._meter.first
        if first.levels < first.of_levels and self._reporter.verbosity > -2:
            self._block = Block(self._reporter) if self.is_live else None
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, if it has not ended; in the thread that writes the results."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        thread.join()
        if self._block is not None:
            self._block.end()
        last = self._meter.look()
        if last.levels > self._meter.first.levels:
            self._say(last.line)

    def _watch(self) -> None:
        least = wait = LIVE_SECONDS if self.is_live else LINE_SECONDS
        while not self._stop.wait(wait):
            started = time.thread_time()
            standing = self._meter.look()
            wait = max(least, (time.thread_time() - started) / SHARE)
            if standing.levels == standing.of_levels:
                return
            if self._block is None:
                self._say(standing.line)
            else:
                self._block.show(standing.lines(*self._block.size, self._block.fits("█░")))

    def _say(self, line: str) -> None:
        """On a line of its own: workers' results stand in one that only ends with the last."""
        if self._reporter._tw.width_of_current_line:
            self._reporter.write_line("")
        self._reporter.write_line(line)


def _per_level(where: Address) -> tuple[int, float]:
    """env_steps and estimated CPU seconds."""
    count = len(where.cell.levels)
    return env_steps(where.cell) // count, estimated_seconds(where.cell) / count


def _name(where: Address) -> str:
    """A cell among others that are computed at the same time; --claims-plan says more of it, under the same id."""
    cell, e = where.cell, where.cell.experiment
    seeds = f"seeds {cell.seeds[0]} to {cell.seeds[-1]}" if len(cell.seeds) > 1 else f"seed {cell.seeds[0]}"
    return f"{cell.id[:12]} {e.task.name} {e.learner.name} {cell.condition}, {seeds}"


def _names_in(folder: os.PathLike[str]) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _about(seconds: float) -> str:
    """Rounded as far as it can be trusted, so that it does not flicker."""
    minutes = seconds / 60
    if minutes < 0.75:
        return "under a minute left"
    if minutes < 1.5:
        return "about a minute left"
    if minutes < 10:
        return f"about {round(minutes)} min left"
    if minutes < 55:
        return f"about {5 * round(minutes / 5)} min left"
    return f"about {round(2 * minutes / 60) / 2:g} h left"


def _rounded(rate: float) -> int:
    """To two digits."""
    return int(float(f"{rate:.2g}"))
