"""Where a cell's time goes: CPU seconds of one level by phase. Run by `python -m harness profile` (`make profile`).

A page fault per update or more says that the allocator gives memory back (see `machine.keep_memory`). Phases are
functions of the engine, timed from outside by wrapping them: what one phase calls of another is counted
where it is called, so the shares add up to the whole.
"""

import importlib
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.prunable import densities

PROFILING_BLOCK = 97
"""Of seeds: neither tuned nor judged on."""
PHASES = {
    "rollout": ("harness.learners.ppo:play", "harness.learners.bc:play", "harness.learners.dqn:play"),
    "lessons": (
        "harness.learners.ppo:PPOPopulation._samples",
        "harness.learners.bc:Students._data_set",
        "harness.learners.replay:Replay.add",
    ),
    "updates": (
        "harness.learners.ppo:_improve",
        "harness.learners.bc:Students.advance",
        "harness.learners.dqn:_improve",
    ),
    "evaluation": ("harness.learners.training:rollout_returns", "harness.pruning.imp:rollout_returns"),
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
            faults = page_faults()
            with clocked() as clock:  # sparse levels are pruned from level 0 in one go: as dear as any
                run_level(ticket if level else dense, level, first if level else None)
            total = sum(clock.seconds.values())
            shares = "".join(f"{clock.seconds[phase] / total:>12.0%}" for phase in [*PHASES, REST])
            per_update = (page_faults() - faults) / full.learner.updates
            yield f"{system!s:18}{densities(full)[level]:>9.2%}{total:>8.2f}{per_update:>8.2f}  {shares}"


@dataclass
class Clock:
    """CPU seconds by phase, and how often each was entered."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)
    _inside: list[str] = field(default_factory=lambda: [REST])
    _since: float = 0.0

    def switch(self) -> None:
        """Book the time since the last switch on the phase that was running."""
        now = time.process_time()
        self.seconds[self._inside[-1]] += now - self._since
        self._since = now

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, booked on `phase`."""

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            self.switch()
            self._inside.append(phase)
            self.calls[phase] += 1
            try:
                return function(*args, **kwargs)
            finally:
                self.switch()
                self._inside.pop()

        return run


@contextmanager
def clocked() -> Iterator[Clock]:
    """A clock that runs while the context is open."""
    clock = Clock()
    undo = []
    for phase, places in PHASES.items():
        for place in places:
            owner, name = _owner(place)
            function = getattr(owner, name)
            undo.append((owner, name, function))
            setattr(owner, name, clock.timed(phase, function))
    clock._since = time.process_time()
    try:
        yield clock
    finally:
        clock.switch()
        for owner, name, function in undo:
            setattr(owner, name, function)


def _owner(place: str) -> tuple[Any, str]:
    module, path = place.split(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for part in classes:
        owner = getattr(owner, part)
    return owner, name


def page_faults() -> int:
    """Of this process so far, without those that read a disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
