"""What all batches have that one compiled function steps."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from harness.arguments import check_array
from harness.compiled import njit
from harness.tasks.spec import Task


@njit
def _outside(actions: np.ndarray, count: int) -> int:
    """The place of the first action that is not from 0 to below `count`; -1 where there is none."""
    for i in range(len(actions)):
        if not 0 <= actions[i] < count:
            return i
    return -1


@njit
def _beyond(starts: np.ndarray, limits: np.ndarray) -> int:
    """The first row that has NaN or a number beyond its limit, to either side; -1 where there is none."""
    for i in range(len(starts)):
        for j in range(len(limits)):
            if not abs(starts[i, j]) <= limits[j]:
                return i
    return -1


class CompiledBatch:
    """`members x envs` environments in motion; a `Batch` and its own `Transition`.

    A subclass sets the arrays of `state` and calls `allocate`. Its `_step` is a compiled function of actions,
    restarts, horizon, `constants`, and the arrays of `state` and of `results`, which it changes. All but horizon and
    constants have one row per environment.
    """

    state: ClassVar[tuple[str, ...]]
    """The attributes that say where each environment stands: arrays [members, envs, ...]."""
    results: ClassVar[tuple[str, ...]]
    """The attributes that a step fills: arrays [members, envs, ...]."""
    _step: ClassVar[Callable[..., None]]
    limits: ClassVar[np.ndarray]
    """float64[state]: how large each number of a start may be, to either side."""
    rule: ClassVar[str]
    """What a start must be, in words."""

    constants: tuple[Any, ...] = ()

    task: Task
    elapsed: np.ndarray
    """int64[members, envs]: env_steps since each episode began."""
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray

    def allocate(self) -> None:
        """Make the arrays of `results`, for the members that `state` holds."""
        shape = self.elapsed.shape
        self.rewards = np.ones(shape)
        self.terminated, self.truncated = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        self.allocate_observations()
        arrays = [getattr(self, name) for name in (*self.state, *self.results)]
        self._rows = tuple(array.reshape(-1, *array.shape[2:]) for array in arrays)

    def allocate_observations(self) -> None:
        """Make what this batch's environments show."""
        raise NotImplementedError

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> Self:
        """See `Batch.step`. Raises ValueError for an action or a restart that the task does not have,
        TypeError where they are no arrays of numbers."""
        check_array("actions", actions, self.elapsed.shape, whole=True)
        taken = np.ascontiguousarray(actions, dtype=np.int64).reshape(-1)
        wrong = _outside(taken, self.task.action.count)
        if wrong >= 0:
            raise ValueError(
                f"an action must be from 0 to {self.task.action.count - 1}, not {actions.reshape(-1)[wrong]}"
            )
        rows = self.rows_of(restarts, self.elapsed.shape)
        self._step(taken, rows, self.task.horizon, *self.constants, *self._rows)
        return self

    def rows_of(self, starts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Starts [*shape, state] as float64[rows, state]. Raises ValueError where an environment cannot start,
        TypeError where they are no array of numbers."""
        check_array("starts", starts, (*shape, len(self.limits)))
        rows = np.ascontiguousarray(starts, dtype=np.float64).reshape(-1, len(self.limits))
        wrong = self.first_refused(rows)
        if wrong >= 0:
            raise ValueError(f"{self.rule}, not {rows[wrong].tolist()}")
        return rows

    def first_refused(self, rows: np.ndarray) -> int:
        """The first row in which no environment can start; -1 where there is none."""
        return _beyond(rows, self.limits)

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        check_array("members", members, (-1,), whole=True)
        for name in self.state:
            setattr(self, name, getattr(self, name)[members])
        self.allocate()
