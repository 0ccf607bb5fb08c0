"""Where a cell's time goes: CPU seconds of one level by phase. Run by `python -m harness profile` (`make profile`).

Phases are functions of the engine, timed from outside by wrapping them: what one phase calls of another is counted
where it is called, so the shares add up to the whole.
"""

import importlib
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

PHASES = {
    "rollout": ("harness.learners.ppo:play", "harness.learners.bc:play"),
    "samples": ("harness.learners.ppo:PPOPopulation._samples", "harness.learners.bc:Students._lessons"),
    "loss": ("harness.learners.ppo:PPOPopulation._loss", "harness.learners.bc:Students._loss"),
    "gradient": ("torch.autograd:grad",),
    "optimiser": ("harness.learners.optimiser:MaskedAdam.step",),
    "evaluation": ("harness.learners.training:rollout_returns", "harness.imp:rollout_returns"),
}
"""Phase -> where its functions are looked up by those who call them."""
REST = "rest of the learner"


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
