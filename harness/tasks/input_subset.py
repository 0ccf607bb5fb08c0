"""A task of which only some inputs are shown: what is asked of surviving inputs, and how inputs that never change are
left out of the arithmetic. The task itself is the same, and draws the same starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from harness.tasks.spec import Batch, SparseBatch, SparseTask, SparseTransition, Task, zero_inputs


@dataclass(frozen=True)
class InputSubset:
    """`task` showing `inputs` alone, in this order. Raises ValueError for one that the task does not have."""

    task: Task
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        known = set(self.task.inputs)
        unknown = [name for name in self.inputs if name not in known]
        if unknown or not self.inputs:
            problem = f"has no input {unknown[0]!r}: it has" if unknown else "needs at least one of its inputs:"
            raise ValueError(f"{self.task.name} {problem} {', '.join(self.task.inputs)}")

    @property
    def name(self) -> str:
        """That of the task: experts and reference returns are its own."""
        return self.task.name

    @property
    def zero_inputs(self) -> tuple[str, ...]:
        """Of those that are shown."""
        own = set(self.inputs)
        return tuple(name for name in zero_inputs(self.task) if name in own)

    @property
    def actions(self) -> int:
        """See `Task.actions`."""
        return self.task.actions

    @property
    def horizon(self) -> int:
        """See `Task.horizon`."""
        return self.task.horizon

    @property
    def minimum_return(self) -> float:
        """See `Task.minimum_return`."""
        return self.task.minimum_return

    @property
    def maximum_return(self) -> float:
        """See `Task.maximum_return`."""
        return self.task.maximum_return

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """See `Task.draw_starts`."""
        return self.task.draw_starts(rng, shape)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "InputSubsetBatch":
        """See `Task.batch`."""
        return InputSubsetBatch(self.task.batch(starts, seeds), self.columns)

    def table(self, seeds: Sequence[int]) -> np.ndarray | None:
        """See `SparseTask.table`: a feature adds to the inputs that are shown."""
        rows = cast(SparseTask, self.task).table(seeds) if hasattr(self.task, "table") else None
        return None if rows is None else rows[..., self.columns]

    @property
    def columns(self) -> np.ndarray:
        """int64[inputs]: where in the task's own observations they stand."""
        places = {name: place for place, name in enumerate(self.task.inputs)}
        return np.array([places[name] for name in self.inputs])


class InputSubsetBatch:
    """A `Batch`, and its own `Transition`, of which some columns are shown."""

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
        transition = self._batch.step(actions, restarts)
        self.rewards, self.terminated, self.truncated = transition.rewards, transition.terminated, transition.truncated
        self._transition = transition
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        self._batch.keep(members)


def full_task(task: Task) -> Task:
    """The task with all of its inputs."""
    return full_task(task.task) if isinstance(task, InputSubset) else task


def select_inputs(task: Task, observations: np.ndarray) -> np.ndarray:
    """What `task` shows of observations of the whole task, float[..., inputs]."""
    if not isinstance(task, InputSubset):
        return observations
    return np.take(select_inputs(task.task, observations), task.columns, axis=-1)
