"""What a row of the benchmark is, how it is timed, and how the parts are run."""

import json
import operator
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from harness.files import prove_writable, replace_file
from harness.machine import cpu_name, usable_cpus

HEADER = f"{'name':58}{'unit':28}{'ours':>10}{'peer':>10}{'ratio':>8}{'runs':>6}  target"
LIBRARIES = ("torch", "numpy", "numba", "stable-baselines3", "gymnasium")
SENSES = {"at least": operator.ge, "at most": operator.le}


class UnknownPartError(Exception):
    """The benchmark has no such part; the message is one line."""


@dataclass(frozen=True)
class Target:
    """What a row must show: `figure`, which was measured, is `sense` `bound`. `what` names the figure."""

    what: str
    figure: float
    sense: Literal["at least", "at most"]
    bound: float

    @property
    def met(self) -> bool:
        """Whether it is met. A figure that is NaN misses every target."""
        return bool(SENSES[self.sense](self.figure, self.bound))

    def __str__(self) -> str:
        return f"{self.what} {self.sense} {self.bound:.4g}: {'met' if self.met else 'MISSED'} ({self.figure:.4g})"


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

    @property
    def ratio(self) -> float | None:
        """ours / peer."""
        return None if self.peer is None else self.ours / self.peer

    @property
    def plain(self) -> dict[str, Any]:
        """The row for JSON."""
        target = None if self.target is None else asdict(self.target) | {"met": self.target.met}
        return asdict(self) | {"ratio": self.ratio, "target": target}

    def __str__(self) -> str:
        """The row aligned under `HEADER`; a note is a second line."""
        line = f"{self.name:58}{self.unit:28}{_number(self.ours):>10}{_number(self.peer):>10}{_number(self.ratio):>8}"
        line += f"{self.runs:>6}  {self.target or ''}".rstrip()
        return f"{line}\n  {self.note}" if self.note else line


Part = Callable[[], Iterator[Row]]


def main(parts: Mapping[str, Part], folder: Path, only: Sequence[str] = ()) -> int:
    """Measure the parts named by `only` (all of them if it is empty), and print their rows as they come.

    All rows are written to bench.json in `folder`; a run of some parts writes a file of its own. Returns 1 where a
    target is missed, else 0. Raises UnknownPartError, and OSError where the file can't be written, before anything is
    measured.
    """
    for name in only:
        if name not in parts:
            raise UnknownPartError(f"the benchmark has no part {name!r}; it has {', '.join(parts)}")
    chosen = [name for name in parts if name in only or not only]
    path = folder / (f"bench-{'-'.join(chosen)}.json" if only else "bench.json")
    prove_writable(path)
    machine: dict[str, Any] = {"CPU": cpu_name(), "CPUs": usable_cpus(), "load": _load()}
    machine |= {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
    print(", ".join(f"{key} {value}" for key, value in machine.items()), HEADER, sep="\n", flush=True)
    rows = []
    for name in chosen:
        for row in parts[name]():
            print(row, flush=True)
            rows.append(row)
    targets = [row for row in rows if row.target]
    missed = [row for row in targets if row.target and not row.target.met]
    print(f"{len(targets) - len(missed)} of {len(targets)} targets met", flush=True)
    for row in missed:
        print(f"MISSED: {row.name}: {row.target}", flush=True)
    machine |= {"load after": _load(), "CPU seconds": round(sum(os.times()[:4]))}
    content = {"machine": machine, "parts": chosen, "rows": [row.plain for row in rows]}
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode())
    print(f"{machine['CPU seconds']} CPU seconds, load {machine['load after']}; written to {path}", flush=True)
    return 1 if missed else 0


def medians(works: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """The median figure of each work over `runs` turns.

    The works take turns, so that a ratio holds where the clock drifts. A first turn compiles and is not counted.
    """
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(runs + 1):
        for name, work in works.items():
            figure = work()
            if turn > 0:
                found[name].append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}


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


def _load() -> float | None:
    """Processes that ran or waited over the last minute: another one on the same core slows both sides."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
