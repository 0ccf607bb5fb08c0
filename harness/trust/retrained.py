"""A learner trained again: from the same weights, on other rollouts in another order.

It stands apart from what is judged, so that evidence of it hangs on the engine alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.learners.bc import BC, Students
from harness.networks.network import Networks
from harness.networks.params import Masks
from harness.tasks.spec import Task

ARM = 10_000
"""Streams of arm a at level k are those of level k + a times this: more than any chain's levels."""


@dataclass(frozen=True)
class Retrained(BC):
    """Behavioural cloning from the same start on other streams: `arm` tells which. The first arm is plain BC."""

    name: ClassVar[str] = "retrained"

    arm: int = 0

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> Students:
        """See `Learner.start`."""
        return super().start(task, networks, masks, seeds, level + ARM * self.arm)
