"""A task observed through some of its inputs: those that survive pruning, or all but those that are always zero.

The task itself is the same, and draws the same starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from harness.tasks.spec import (
    Batch,
    Normalisation,
    Observation,
    SparseBatch,
    SparseTransition,
    Task,
    normalisation_of,
    starts_alike,
    task_features,
    zero_inputs,
)

if TYPE_CHECKING:  # it is compiled
    from harness.networks.features import Features


def _of_task(name: str) -> Any:
    return property(lambda self: getattr(self.task, name), doc=f"See `Task.{name}`.")


@dataclass(frozen=True)
class InputSubset:
    """`task` observed through `inputs` alone, in this order. Raises ValueError for an input that the task lacks.

    Its name is the task's, whose experts and reference returns it has.
    """

    task: Task
    inputs: tuple[str, ...]

    name = _of_task("name")
    action = _of_task("action")
    horizon = _of_task("horizon")
    minimum_return = _of_task("minimum_return")
    maximum_return = _of_task("maximum_return")
    draw_starts = _of_task("draw_starts")

    def __post_init__(self) -> None:
        if len(self.task.observation.shape) > 1:
            raise ValueError(f"{self.task.name} shows a picture, of which no inputs can be left out")
        known = set(self.task.observation.inputs)
        unknown = [name for name in self.inputs if name not in known]
        if unknown or not self.inputs:
            problem = f"has no input {unknown[0]!r}: its inputs are" if unknown else "needs at least one of its inputs:"
            raise ValueError(f"{self.task.name} {problem} {', '.join(self.task.observation.inputs)}")

    @property
    def always_starts_alike(self) -> bool:
        """As the task itself."""
        return starts_alike(self.task)

    @property
    def normalisation(self) -> Normalisation:
        """As of the task itself."""
        return normalisation_of(self.task)

    @property
    def zero_inputs(self) -> tuple[str, ...]:
        """Those of the observed inputs that are always zero."""
        own = set(self.inputs)
        return tuple(name for name in zero_inputs(self.task) if name in own)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "InputSubsetBatch":
        """See `Task.batch`."""
        return InputSubsetBatch(self.task.batch(starts, seeds), self.columns)

    @property
    def observation(self) -> Observation:
        """The inputs that are observed."""
        return replace(self.task.observation, shape=(len(self.inputs),), names=self.inputs)

    def features(self, seeds: Sequence[int]) -> "Features | None":
        """See `SparseTask.features`: a feature adds to the inputs that are observed."""
        features = task_features(self.task, seeds)
        return features and features.only(self.columns, len(seeds))

    @property
    def columns(self) -> np.ndarray:
        """int64[inputs]: the places of the inputs in the task's own observations."""
        places = {name: place for place, name in enumerate(self.task.observation.inputs)}
        return np.array([places[name] for name in self.inputs])


class InputSubsetBatch:
    """A `Batch`, and its own `Transition`, of which some columns are observed."""

    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray

    def __init__(self, batch: Batch, columns: np.ndarray):
        self._batch, self._columns = batch, columns

    @property
    def observations(self) -> np.ndarray:
        """See `Batch.observations`."""
        return np.take(self._batch.observations, self._columns, axis=-1)

    @property
    def final_observations(self) -> np.ndarray:
        """See `Transition.final_observations`."""
        return np.take(self._transition.final_observations, self._columns, axis=-1)

    @property
    def features(self) -> np.ndarray:
        """See `SparseBatch.features`: the same, each with fewer columns."""
        return cast(SparseBatch, self._batch).features

    @property
    def final_features(self) -> np.ndarray:
        """See `SparseTransition.final_features`."""
        return cast(SparseTransition, self._transition).final_features

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "InputSubsetBatch":
        """See `Batch.step`."""
        self._transition = transition = self._batch.step(actions, restarts)
        self.rewards, self.terminated, self.truncated = transition.rewards, transition.terminated, transition.truncated
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        self._batch.keep(members)


def full_task(task: Task) -> Task:
    """The task with all of its inputs."""
    return full_task(task.task) if isinstance(task, InputSubset) else task


def select_inputs(task: Task, observations: np.ndarray) -> np.ndarray:
    """What `task` observes, float32[..., inputs], of observations of the task with all of its inputs."""
    if not isinstance(task, InputSubset):
        return observations
    return np.take(select_inputs(task.task, observations), task.columns, axis=-1)
