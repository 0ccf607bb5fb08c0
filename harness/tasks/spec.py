"""What a task is: its settings, a frozen dataclass that follows `Task`, and its environments in motion, a `Batch`.

Environments are stepped as arrays, all members at once. To add a task is to add a file here (or anywhere else) with two
such classes.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Batch(Protocol):
    """`members x envs` environments in motion. Members never share an environment."""

    @property
    def observations(self) -> np.ndarray:
        """float32[members, envs, inputs]: what each environment shows now, after a restart if it just ended."""

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Transition":
        """Take `actions` (int64[members, envs]); an episode that ends restarts from its row of `restarts`.

        `restarts` is float64[members, envs, state], drawn beforehand by `Task.draw_starts`.
        """

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept])."""


class Transition(Protocol):
    """What one step of a `Batch` gave. The arrays are overwritten by the next step."""

    rewards: np.ndarray
    """float64[members, envs]"""
    terminated: np.ndarray
    """bool[members, envs]: the episode ended in a terminal state."""
    truncated: np.ndarray
    """bool[members, envs]: the horizon cut the episode off; its last state still has a value. Never with
    terminated."""

    @property
    def final_observations(self) -> np.ndarray:
        """float32[members, envs, inputs]: what was reached, before any restart."""


class SparseBatch(Batch, Protocol):
    """A `Batch` of a task whose observations are sums of features, and that has a `table` of them."""

    @property
    def features(self) -> np.ndarray:
        """int16[members, envs, most]: the numbers of the features of each of `observations`, -1 after the last one."""


class SparseTransition(Transition, Protocol):
    """The `Transition` of such a batch."""

    @property
    def final_features(self) -> np.ndarray:
        """int16[members, envs, most]: as `features`, of `final_observations`."""


class Task(Protocol):
    """The settings of a task, as a frozen dataclass; its fields enter every cell's id."""

    @property
    def name(self) -> str:
        """Names its experts and reference returns."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the observation's entries."""

    @property
    def actions(self) -> int:
        """Number of discrete actions."""

    @property
    def horizon(self) -> int:
        """env_steps after which an episode is cut off."""

    @property
    def minimum_return(self) -> float:
        """The lowest return an episode can have."""

    @property
    def maximum_return(self) -> float:
        """The highest return an episode can have; infinity where there is none."""

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Initial states, float64[*shape, state], from the task's own distribution."""

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        """Environments standing in `starts`, float64[members, envs, state].

        seeds: the members', for a task that shows each seed something of its own; ValueError where it needs them.
        """


class SparseTask(Task, Protocol):
    """A task whose observations are sums of a few features out of many (see `harness.networks.sparse_input`)."""

    def table(self, seeds: Sequence[int]) -> np.ndarray | None:
        """What each feature adds, float32[1 or members, features, inputs]: one for all, or each its own. None
        where there are none after all, and its batches are no `SparseBatch`."""


def starts_alike(task: Task) -> bool:
    """Whether every episode has the same start, as the task says in `always_starts_alike`."""
    alike: bool = getattr(task, "always_starts_alike", False)
    return alike


def zero_inputs(task: Task) -> tuple[str, ...]:
    """The inputs that are zero in every state, as the task names them in `zero_inputs`; none where it does not."""
    named: tuple[str, ...] = getattr(task, "zero_inputs", ())
    return named
