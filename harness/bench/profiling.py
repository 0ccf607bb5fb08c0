"""Where a cell's time goes: CPU seconds of one level by phase. Run by `python -m harness profile` (`make profile`).

A page fault per update or more says that the allocator gives memory back (see `machine.keep_memory`).
"""

import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.prunable import densities

PROFILING_BLOCK = 97
"""Of seeds: neither tuned nor judged on."""
PHASES = {
    "rollout": ("harness.learners.ppo.play", "harness.learners.bc.play", "harness.learners.dqn.play"),
    "lessons": (
        "harness.learners.ppo.PPOPopulation._samples",
        "harness.learners.bc.Students.data_set",
        "harness.learners.replay.Replay.add",
    ),
    "updates": (
        "harness.learners.ppo._improve",
        "harness.learners.supervised._improve",
        "harness.learners.dqn._improve",
    ),
    "evaluation": ("harness.learners.training.scores", "harness.pruning.imp.scores"),
}
"""Phase -> where its functions are looked up by those who call them."""
REST = "rest"
LEVELS = (0, 3, 8)
"""Dense, 13 % and 0.5 % density, in the scaled profile."""


def main() -> Iterator[str]:
    """A table of the scaled profile's systems, full trainings of one chunk of seeds; lines as they are measured."""
    profile = PROFILES["scaled"]
    yield f"{'system':18}{'density':>9}{'CPU s':>8}{'faults':>8}  share of " + ", ".join([*PHASES, REST])
    for task, learner in profile.systems:
        system = System(task, learner)
        (dense, *_), (ticket, *_) = (profile.cells(system, condition, PROFILING_BLOCK) for condition in (DENSE, TICKET))
        full = replace(dense.experiment, savings=replace(dense.experiment.savings, stop_at_maximum=False))
        dense, ticket = (replace(cell, experiment=full) for cell in (dense, ticket))
        first = run_level(dense, 0, None)  # compiles as well
        for level in LEVELS:
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            with clocked() as seconds:  # sparse levels are pruned from level 0 in one go: as dear as any
                run_level(ticket if level else dense, level, first if level else None)
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
            total = sum(seconds.values())
            shares = "".join(f"{seconds[phase] / total:>12.0%}" for phase in [*PHASES, REST])
            per_update = faults / full.learner.updates
            yield f"{system!s:18}{densities(full)[level]:>9.2%}{total:>8.2f}{per_update:>8.2f}  {shares}"


@contextmanager
def clocked() -> Iterator[dict[str, float]]:
    """CPU seconds by phase, complete when the context is left. What one phase calls of another is booked on the latter,
    so the phases add up to the whole."""
    seconds: dict[str, float] = defaultdict(float)
    running, since = [REST], time.process_time()

    def book() -> None:
        nonlocal since
        now = time.process_time()
        seconds[running[-1]] += now - since
        since = now

    def timed(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            book()
            running.append(phase)
            try:
                return function(*args, **kwargs)
            finally:
                book()
                running.pop()

        return run

    with ExitStack() as patches:
        for phase, places in PHASES.items():
            for owner, _, name in (place.rpartition(".") for place in places):
                function = getattr(resolve_name(owner), name)
                patches.enter_context(patch.object(resolve_name(owner), name, timed(phase, function)))
        since = time.process_time()
        yield seconds
        book()
