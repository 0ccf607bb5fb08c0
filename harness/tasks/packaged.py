"""Environments of gymnasium packages, which restart by a seed and not by a state.

They stay on their package and are stepped one after another, in Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np

from harness.arguments import check_array
from harness.tasks.spec import Action, Box, Discrete, Observation


@dataclass(frozen=True)
class PackagedTask:
    """A `Task` whose environments `make` gives. A subclass sets what is named below, and may have fields of its own."""

    environment: ClassVar[str]
    """Its id in gymnasium."""
    packages: ClassVar[tuple[str, ...]] = ("gymnasium",)
    """Whose versions count for the evidence."""
    name: ClassVar[str]
    observation: ClassVar[Observation]
    action: ClassVar[Action]
    minimum_return: ClassVar[float]
    maximum_return: ClassVar[float]

    horizon: int

    def make(self) -> Any:
        """One environment, without a horizon of its own; here is the place for wrappers."""
        return gymnasium.make(self.environment, max_episode_steps=-1, disable_env_checker=True)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """A seed per episode, int64[*shape]."""
        return rng.integers(2**31, size=shape)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "PackagedBatch":
        """See `Task.batch`. Raises ValueError where the environments show or take something else than said here."""
        return PackagedBatch(self, starts)


class PackagedBatch:
    """A `Batch`, and its own `Transition`: `observations`, `final_observations`, `rewards` and so on are its arrays."""

    def __init__(self, task: PackagedTask, starts: np.ndarray):
        check_array("starts", starts, (-1, -1), whole=True)
        self.task = task
        self.environments = [[task.make() for _ in row] for row in starts]
        self._check_spaces(self.environments[0][0])
        self.observations = np.empty((*starts.shape, *task.observation.shape), task.observation.dtype)
        self.final_observations = np.empty_like(self.observations)
        self.rewards, self.elapsed = np.zeros(starts.shape), np.zeros(starts.shape, dtype=np.int64)
        self.terminated, self.truncated = np.zeros(starts.shape, dtype=bool), np.zeros(starts.shape, dtype=bool)
        for place in np.ndindex(starts.shape):
            self._environment(place).reset(seed=0)  # PyBullet's first reset differs from later ones
            self._restart(place, starts[place])

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "PackagedBatch":
        """See `Batch.step`."""
        taken = self._of_package(actions)
        self.elapsed += 1
        for place in np.ndindex(self.elapsed.shape):
            shown, reward, terminated, truncated, _ = self._environment(place).step(taken[place])
            self.final_observations[place], self.rewards[place] = shown, reward
            self.terminated[place] = terminated
            self.truncated[place] = not terminated and (truncated or self.elapsed[place] >= self.task.horizon)
        self.observations[:] = self.final_observations
        for place in zip(*np.nonzero(self.terminated | self.truncated), strict=True):
            self._restart(place, restarts[place])
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`. The environments of the others are closed."""
        for member in set(range(len(self.environments))) - set(members.tolist()):
            for environment in self.environments[member]:
                environment.close()
        self.environments = [self.environments[member] for member in members]
        for name in ("observations", "final_observations", "rewards", "elapsed", "terminated", "truncated"):
            setattr(self, name, getattr(self, name)[members])

    def _environment(self, place: tuple[int, ...]) -> Any:
        return self.environments[place[0]][place[1]]

    def _restart(self, place: tuple[int, ...], seed: Any) -> None:
        self.observations[place], _ = self._environment(place).reset(seed=int(seed))
        self.elapsed[place] = 0

    def _check_spaces(self, environment: Any) -> None:
        shown, self._space, task = environment.observation_space, environment.action_space, self.task
        action = Discrete(int(self._space.n)) if hasattr(self._space, "n") else Box(*self._space.shape)
        if (shown.shape, str(shown.dtype), action) != (task.observation.shape, task.observation.dtype, task.action):
            raise ValueError(
                f"{task.environment} shows {shown} and takes {self._space}, but its task says"
                f" {task.observation.dtype} {task.observation.shape} and {task.action}"
            )

    def _of_package(self, actions: np.ndarray) -> np.ndarray:
        """The package's own actions: from its first number on, or within its bounds."""
        if isinstance(self.task.action, Discrete):
            return np.asarray(actions + self._space.start)
        low, high = self._space.low, self._space.high
        return np.asarray((high + low) / 2 + np.clip(actions, -1, 1) * ((high - low) / 2), dtype=self._space.dtype)
