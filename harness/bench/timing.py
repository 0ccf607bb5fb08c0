"""Timing: CPU seconds, the things compared taking turns, medians. So a ratio holds where wall times drift."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Protocol


class Trains(Protocol):
    """A population, or a student of the peer's."""

    def advance(self) -> None:
        """Train one round further."""


def medians(works: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """The median figure of each, over `runs` turns. A first turn, which compiles and warms up, is not counted."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(runs + 1):
        for name, work in works.items():
            figure = work()
            if turn > 0:
                found[name].append(figure)
    return {name: statistics.median(figures) for name, figures in found.items()}


def cpu_seconds(work: Callable[[], object]) -> float:
    """Of this process, all threads and the kernel's work for it included."""
    started = time.process_time()
    work()
    return time.process_time() - started


def rate(amount: float, work: Callable[[], object]) -> Callable[[], float]:
    """A work whose figure is `amount` per CPU second."""
    return lambda: amount / cpu_seconds(work)


def advance(trained: Trains, rounds: int) -> None:
    """Train as many rounds further."""
    for _ in range(rounds):
        trained.advance()
