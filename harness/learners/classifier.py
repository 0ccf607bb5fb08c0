"""A classifier: it learns the labels of samples (`harness.tasks.spec.Labelled`) by cross-entropy.

Each level of a chain draws samples of its own, as cloning does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.arguments import check_ranges
from harness.learners.adam import Decay
from harness.learners.protocol import ACTOR
from harness.learners.supervised import SupervisedPopulation
from harness.networks.heads import Categorical, Head
from harness.networks.network import Networks
from harness.networks.params import Masks
from harness.streams import streams
from harness.tasks.input_subset import full_task, select_inputs
from harness.tasks.spec import Labelled, Task, refuse_normalised


@dataclass(frozen=True)
class Classifier:
    """Settings of a classifier."""

    name: ClassVar[str] = "classifier"
    offers_gradients: ClassVar[bool] = True
    offers_rewinding: ClassVar[bool] = True
    offers_dropout: ClassVar[bool] = True
    env_steps: ClassVar[int] = 0

    learning_rate: float = 0.001
    """Of Adam."""
    samples: int = 4_096
    """Drawn once, to learn from."""
    batch: int = 64
    """Samples per update."""
    passes: int = 4
    """Passes over the samples, each in a new order."""
    epsilon: float = 1e-8
    """Of Adam."""
    weight_decay: float = 0.0
    """Of all weights and biases."""
    decay: Decay = "coupled"
    """Coupled is Adam's own L2."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("learning_rate", "epsilon"),
            non_negative=("weight_decay",),
            counts=("samples", "batch", "passes"),
        )
        if self.samples < self.batch:
            raise ValueError(f"samples {self.samples} must not be less than batch {self.batch}")

    @property
    def updates_per_pass(self) -> int:
        """Gradient steps of one pass. A last incomplete batch is left out; its samples differ from pass to pass."""
        return self.samples // self.batch

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.passes * self.updates_per_pass

    @property
    def rounds(self) -> int:
        """As `updates`."""
        return self.updates

    @property
    def samples_per_update(self) -> int:
        """See `Learner.samples_per_update`."""
        return self.batch

    def heads(self, task: Task) -> dict[str, Head]:
        """See `Learner.heads`."""
        if not isinstance(full_task(task), Labelled):
            raise ValueError(f"a classifier learns labels, and {task.name} has none")
        refuse_normalised(task, "a classifier")
        return {ACTOR: Categorical(task.action.count)}

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """None."""
        return []

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> "Classifiers":
        """See `Learner.start`."""
        return Classifiers(self, task, networks, masks, seeds, level)


class Classifiers(SupervisedPopulation):
    """Classifiers in training."""

    def data_set(self, seeds: Sequence[int], level: int) -> tuple[np.ndarray, np.ndarray]:
        """See `SupervisedPopulation.data_set`."""
        full = full_task(self.task)
        assert isinstance(full, Labelled), "refused by `Classifier.heads`"
        drawn = [full.draw(rng, self.settings.samples) for rng in streams(seeds, "samples", level)]
        observations, labels = (np.stack(each) for each in zip(*drawn, strict=True))
        return select_inputs(self.task, observations), np.eye(self.task.action.count)[labels]
