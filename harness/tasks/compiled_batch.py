"""What all batches have that one compiled function steps."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np


class CompiledBatch:
    """`members x envs` environments in motion; a `Batch` and its own `Transition`.

    A subclass sets the arrays of `state` and calls `allocate`. Its `advance` is a compiled function of actions,
    restarts, horizon, `constants`, and the arrays of `state` and of `results`, which it changes. All but horizon and
    constants have one row per environment.
    """

    state: ClassVar[tuple[str, ...]]
    """The attributes that say where each environment stands: arrays [members, envs, ...]."""
    results: ClassVar[tuple[str, ...]]
    """The attributes that a step fills: arrays [members, envs, ...]."""
    advance: ClassVar[Callable[..., None]]

    constants: tuple[Any, ...] = ()

    horizon: int
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
        """See `Batch.step`. Restarts are taken to be states that `Task.batch` would accept."""
        restarts = restarts.reshape(-1, restarts.shape[-1])
        self.advance(actions.reshape(-1), restarts, self.horizon, *self.constants, *self._rows)
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        for name in self.state:
            setattr(self, name, getattr(self, name)[members])
        self.allocate()
