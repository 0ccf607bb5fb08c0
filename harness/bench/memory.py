"""Peak resident memory against the size of the population: a fresh process each, which trains a few rounds.

`python -m harness.bench.memory cart-pole UNITS MEMBERS` is such a process; it prints its peak in bytes. So is
`… gridmaze UNITS MEMBERS`, which trains until a replay memory is full.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.bench.rows import Row, Target

SIZES = (1, 10, 40, 160)
UNITS = (64, 128)
ROUNDS = 3
LIMIT = 2_000.0
"""MB, at the largest size."""
FIT = 0.99
"""R², the share of the variance of the peaks that a straight line in members explains."""


def rows() -> Iterator[Row]:
    """MB of PPO (Table 3) by members, and per member by a straight line through them."""
    for units in UNITS:
        peaks = [peak_of_process("cart-pole", units, size) / 1e6 for size in SIZES]
        for size, peak in zip(SIZES, peaks, strict=True):
            target = Target("MB", peak, "at most", LIMIT) if size == max(SIZES) else None
            name = f"PPO {units}-{units}, {size} member{'s' if size > 1 else ''}, peak memory"
            yield Row(name, "MB resident", peak, None, 1, target)
        per_member, fixed, fit = line(SIZES, peaks)
        note = f"a line: {fixed:.0f} MB and {per_member:.2f} MB per member; R² {fit:.4f}"
        yield Row(
            f"PPO {units}-{units}, memory per member",
            "MB resident",
            per_member,
            None,
            1,
            Target("R²", fit, "at least", FIT),
            note,
        )


def line(members: tuple[int, ...], peaks: list[float]) -> tuple[float, float, float]:
    """Least squares: slope, what no member needs, and R²."""
    slope, fixed = np.polyfit(members, peaks, 1)
    residuals = np.array(peaks) - (fixed + slope * np.array(members))
    return float(slope), float(fixed), float(1 - residuals.var() / np.var(peaks))


def peak_bytes() -> int:
    """Of this process so far."""
    try:  # getrusage's peak outlives exec: a child starts with its parent's
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def peak_of_process(task: str, units: int, members: int) -> float:
    """Bytes, of a fresh process that does the training of `TRAININGS` by this name."""
    command = [sys.executable, "-m", __name__, task, str(units), str(members)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _cart_pole(units: int, members: int) -> None:
    from harness.bench.population import TABLE_3, population

    trained = population(TABLE_3, (units, units), members)
    for _ in range(ROUNDS):
        trained.advance()


def _gridmaze(units: int, members: int) -> None:
    """A whole dense level, evaluations and scores included, as a worker trains it."""
    from harness.bench.population import FULL_BUFFER, seeds
    from harness.experiment import Cell, Network
    from harness.pruning.conditions import DENSE
    from harness.pruning.imp import run_level

    experiment = replace(FULL_BUFFER, network=Network(hidden=(units, units)))
    run_level(Cell(experiment, DENSE, seeds(members)), 0, None)


TRAININGS = {"cart-pole": _cart_pole, "gridmaze": _gridmaze}


if __name__ == "__main__":
    TRAININGS[sys.argv[1]](*map(int, sys.argv[2:]))
    print(peak_bytes())
