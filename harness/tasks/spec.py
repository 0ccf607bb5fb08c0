"""What a task is: its settings, a frozen dataclass that follows `Task`, and its environments in motion, a `Batch`.

Environments are stepped as arrays, all members at once. To add a task is to add a file here (or anywhere else) with two
such classes; for an environment of a gymnasium package one is enough (`harness.tasks.packaged`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:  # it is compiled
    from harness.networks.features import Features


@dataclass(frozen=True)
class Observation:
    """What an environment shows: an array of this shape and dtype.

    names: of its entries; or, where it is a picture [channels, rows, columns], of its channels.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if len(self.names) != self.shape[0]:
            raise ValueError(f"an observation of shape {self.shape} needs {self.shape[0]} names, not {len(self.names)}")

    @property
    def size(self) -> int:
        """The number of its entries."""
        return prod(self.shape)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """A name for each entry, in the order in which they lie in memory."""
        if len(self.shape) == 1:
            return self.names
        places = [",".join(map(str, place)) for place in np.ndindex(self.shape[1:])]
        return tuple(f"{name} at {place}" for name in self.names for place in places)


@dataclass(frozen=True)
class Discrete:
    """An action is one of `count`, or the answer one of so many classes: int64[members, envs]."""

    count: int


@dataclass(frozen=True)
class Box:
    """An action is `count` numbers, cut off at -1 and 1, which stand for the task's own bounds: float32[members, envs,
    count]."""

    count: int


Action = Discrete | Box


@dataclass(frozen=True)
class Normalisation:
    """What learners normalise (`harness.networks.normalisation`), as a task says in its field `normalisation`: each
    entry of an observation, by its running mean and deviation; rewards, by that of their discounted sum."""

    observations: bool = True
    rewards: bool = True


class Batch(Protocol):
    """`members x envs` environments in motion. Members never share an environment."""

    @property
    def observations(self) -> np.ndarray:
        """[members, envs, *shape] as `Task.observation` says: what each environment shows now, after a restart if it
        just ended."""

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Transition":
        """Take `actions` (see `Discrete` and `Box`); an episode that ends restarts from its row of `restarts`,
        [members, envs, ...], drawn beforehand by `Task.draw_starts`."""

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
        """[members, envs, *shape]: what was reached, before any restart."""


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
    def observation(self) -> Observation:
        """What its environments show."""

    @property
    def action(self) -> Action:
        """What may be done in them."""

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
        """How episodes begin, [*shape, ...], from the task's own distribution. What an entry holds is the task's own
        affair: a state where this suite steps the environment, a seed where a package does."""

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        """Environments at their starts, [members, envs, ...] as `draw_starts` gives them.

        seeds: the members', for a task that shows each seed something of its own; ValueError where it needs them.
        """


class SparseTask(Task, Protocol):
    """A task whose observations are sums of a few features out of many (see `harness.networks.sparse_input`)."""

    def features(self, seeds: Sequence[int]) -> "Features | None":
        """What the features of these members are. None where there are none after all, and its batches are no
        `SparseBatch`."""


@runtime_checkable
class Scored(Protocol):
    """A task with a score of its own in place of the return of an episode: a classifier's is its accuracy."""

    def score(self, policy: Any, streams: Sequence[np.random.Generator], samples: int) -> np.ndarray:
        """float64[members, samples] on fresh samples: 1 where `policy`, called with observations [members, samples,
        *shape], answers right, else 0."""


class Labelled:
    """A task without an environment: observations with labels, and an answer scores 1 where it is right.

    To add one is to inherit from this, with `name`, `observation`, `action` (the classes) and `draw`.
    """

    action: Discrete
    horizon = 1
    minimum_return, maximum_return = 0.0, 1.0

    def draw(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Samples to learn from: observations [count, *shape], and their labels, int64[count]."""
        raise NotImplementedError

    def draw_fresh(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Samples to be scored on; where there are only so many, others than those to learn from."""
        return self.draw(rng, count)

    def score(self, policy: Any, streams: Sequence[np.random.Generator], samples: int) -> np.ndarray:
        """See `Scored.score`."""
        drawn = [self.draw_fresh(rng, samples) for rng in streams]
        answers = policy(np.stack([observations for observations, _ in drawn]))
        return np.asarray(answers == np.stack([labels for _, labels in drawn]), dtype=np.float64)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """See `Task`; raises ValueError, as `batch` does."""
        raise ValueError(f"{type(self).__name__} has samples with labels, and no environment to act in")

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        """See `Task`."""
        raise ValueError(f"{type(self).__name__} has samples with labels, and no environment to act in")


def starts_alike(task: Task) -> bool:
    """Whether every episode has the same start, as the task says in `always_starts_alike`."""
    alike: bool = getattr(task, "always_starts_alike", False)
    return alike


def normalisation_of(task: Task) -> Normalisation:
    """What is normalised of the task; nothing where it does not say."""
    found: Normalisation = getattr(task, "normalisation", Normalisation(False, False))
    return found


def refuse_normalised(task: Task, learner: str) -> None:
    """Raise ValueError, in one line, for a task that says that something is normalised."""
    if normalisation_of(task) != Normalisation(False, False):
        raise ValueError(f"{learner} normalises neither observations nor rewards, as {task.name} asks for")


def task_features(task: Task, seeds: Sequence[int]) -> "Features | None":
    """What its features are, for these members; None where it has none, or where observations are normalised."""
    if normalisation_of(task).observations:
        return None
    found: Features | None = task.features(seeds) if hasattr(task, "features") else None
    return found


def title_of(task: Task) -> str:
    """Its name for people: `title` where the task has one."""
    title: str = getattr(task, "title", task.name.replace("-", " ").title().replace(" ", "-"))
    return title


def zero_inputs(task: Task) -> tuple[str, ...]:
    """The inputs that are zero in every state, as the task names them in `zero_inputs`; none where it does not."""
    named: tuple[str, ...] = getattr(task, "zero_inputs", ())
    return named
