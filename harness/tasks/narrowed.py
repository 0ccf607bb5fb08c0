"""A task of which only some inputs are shown: what is asked of surviving inputs, and how inputs that never change are
left out of the arithmetic. The task itself is the same, and draws the same starts."""

from dataclasses import dataclass

import numpy as np

from harness.tasks import Batch, Task, zero_inputs


@dataclass(frozen=True)
class Narrowed:
    """`task` showing `inputs` alone, in this order. Raises ValueError for one that the task does not have."""

    task: Task
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        unknown = [name for name in self.inputs if name not in self.task.inputs]
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
        return tuple(name for name in zero_inputs(self.task) if name in self.inputs)

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

    def batch(self, starts: np.ndarray) -> "NarrowedBatch":
        """See `Task.batch`."""
        return NarrowedBatch(self.task.batch(starts), self.columns)

    @property
    def columns(self) -> np.ndarray:
        """int64[inputs]: where in the task's own observations they stand."""
        return np.array([self.task.inputs.index(name) for name in self.inputs])


class NarrowedBatch:
    """A `Batch`, and its own `Transition`, of which some columns are shown."""

    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observations: np.ndarray

    def __init__(self, batch: Batch, columns: np.ndarray):
        self._batch, self._columns = batch, columns
        self._show()

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "NarrowedBatch":
        """See `Batch.step`."""
        transition = self._batch.step(actions, restarts)
        self.rewards, self.terminated, self.truncated = transition.rewards, transition.terminated, transition.truncated
        self.final_observations = np.take(transition.final_observations, self._columns, axis=-1)
        self._show()
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        self._batch.keep(members)
        self._show()

    def _show(self) -> None:
        self.observations = np.take(self._batch.observations, self._columns, axis=-1)


def whole(task: Task) -> Task:
    """The task with all of its inputs."""
    return whole(task.task) if isinstance(task, Narrowed) else task


def shown(task: Task, observations: np.ndarray) -> np.ndarray:
    """What `task` shows of observations of the whole task, float[..., inputs]."""
    if not isinstance(task, Narrowed):
        return observations
    return np.take(shown(task.task, observations), task.columns, axis=-1)
