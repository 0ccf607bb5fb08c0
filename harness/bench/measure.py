"""What a row of the benchmark is, how it is timed, and how the parts are run."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.files import prove_writable, replace_file
from harness.machine import cpu_name, usable_cpus
from harness.registry import UnknownNameError

HEADER = f"{'name':58}{'unit':28}{'ours':>10}{'peer':>10}{'ratio':>8}{'runs':>6}  target"
LIBRARIES = ("torch", "numpy", "numba", "stable-baselines3", "gymnasium")


Part = Callable[[], Iterator["Row"]]


@dataclass(frozen=True)
class Target:
    """What a row must show: `figure`, which was measured, is at least or at most `bound`. `what` names the figure."""

    what: str
    figure: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is met. A figure that is NaN misses every target."""
        return self.figure <= self.bound if self.at_most else self.figure >= self.bound

    def __str__(self) -> str:
        met = "met" if self.met else "MISSED"
        return f"{self.what} at {'most' if self.at_most else 'least'} {self.bound:.4g}: {met} ({self.figure:.4g})"


@dataclass(frozen=True)
class Row:
    """One line of the benchmark.

    peer: what `ours` is compared with, in the same unit; None where there is nothing. runs: of how many measurements
    each of the two is the median, or of how many seeds it is the mean.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    runs: int = 1
    target: Target | None = None
    note: str = ""

    def __str__(self) -> str:
        """The row aligned under `HEADER`; a note is a second line."""
        figures = (self.ours, self.peer, self.peer and self.ours / self.peer)
        numbers = "".join(f"{_number(figure):>{width}}" for figure, width in zip(figures, (10, 10, 8), strict=True))
        line = f"{self.name:58}{self.unit:28}{numbers}{self.runs:>6}  {self.target or ''}".rstrip()
        return f"{line}\n  {self.note}" if self.note else line


def main(parts: Mapping[str, Part], folder: Path, only: Sequence[str] = ()) -> int:
    """Measure the parts named by `only` (all if it is empty); print their rows as they come and write them to `folder`.

    A run of some parts writes a file of its own. Returns 1 where a target is missed, else 0. Raises UnknownNameError,
    and OSError where the file can't be written, before anything is measured.
    """
    if unknown := [name for name in only if name not in parts]:
        raise UnknownNameError(f"the benchmark has no part {unknown[0]!r}; it has {', '.join(parts)}")
    chosen = [name for name in parts if name in only or not only]
    path = folder / (f"bench-{'-'.join(chosen)}.json" if only else "bench.json")
    prove_writable(path)
    machine: dict[str, Any] = {"CPU": cpu_name(), "CPUs": usable_cpus(), "load": os.getloadavg()[0]}
    machine |= {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
    print(", ".join(f"{key} {value}" for key, value in machine.items()), HEADER, sep="\n", flush=True)
    rows = []
    for name in chosen:
        for row in parts[name]():
            print(row, flush=True)
            rows.append(row)
    targets = [(row, row.target) for row in rows if row.target]
    missed = [f"MISSED: {row.name}: {target}" for row, target in targets if not target.met]
    print(f"{len(targets) - len(missed)} of {len(targets)} targets met", *missed, sep="\n", flush=True)
    content = {"machine": machine, "parts": chosen, "rows": [asdict(row) for row in rows]}
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode())
    print(f"{sum(os.times()[:4]):.0f} CPU seconds, load {os.getloadavg()[0]:.2f}; written to {path}", flush=True)
    return 1 if missed else 0


def medians(works: Sequence[Callable[[], float]], runs: int) -> list[float]:
    """The median figure of each work over `runs` turns.

    The works take turns, so that a ratio holds where the clock drifts. A first turn compiles and is not counted.
    """
    turns = [[work() for work in works] for _ in range(runs + 1)]
    return [statistics.median(figures) for figures in zip(*turns[1:], strict=True)]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process, with all its threads and what the kernel does for it."""
    started = time.process_time()
    work()
    return time.process_time() - started


def rate(amount: float, work: Callable[[], object]) -> Callable[[], float]:
    """A work whose figure is `amount` per CPU second."""
    return lambda: amount / cpu_seconds(work)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"
