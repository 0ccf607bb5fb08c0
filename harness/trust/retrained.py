"""A learner trained again: from the same weights, on other rollouts in another order.

Apart from what is judged, so that evidence of it hangs on the engine alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.learners.bc import BC
from harness.learners.protocol import Population
from harness.networks.mlp import Mlp
from harness.tasks.spec import Task

ARM = 10_000
"""Streams of arm a at level k are those of level k + a times this: more than any chain's levels."""


@dataclass(frozen=True)
class Retrained:
    """A learner that trains from the same start on other streams: `arm` tells which. All else is the learner's own."""

    name: ClassVar[str] = "retrained"

    learner: BC
    arm: int

    @property
    def envs(self) -> int:
        """See `Learner.envs`."""
        return self.learner.envs

    @property
    def env_steps(self) -> int:
        """See `Learner.env_steps`."""
        return self.learner.env_steps

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.learner.updates

    @property
    def weight_decay(self) -> float:
        """See `Learner.weight_decay`."""
        return self.learner.weight_decay

    @property
    def samples_per_update(self) -> int:
        """See `Learner.samples_per_update`."""
        return self.learner.samples_per_update

    def outputs(self, task: Task) -> dict[str, int]:
        """See `Learner.outputs`."""
        return self.learner.outputs(task)

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """See `Learner.files`."""
        return self.learner.files(task, seeds)

    def start(
        self,
        task: Task,
        networks: dict[str, Mlp],
        masks: dict[str, list[np.ndarray]],
        seeds: Sequence[int],
        level: int,
    ) -> Population:
        """See `Learner.start`."""
        return self.learner.start(task, networks, masks, seeds, level + ARM * self.arm)
