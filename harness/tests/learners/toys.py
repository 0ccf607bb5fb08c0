"""Small tasks that anything that works learns in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from harness.networks.features import BinaryInputs
from harness.tasks.spec import Box, Discrete, Labelled, Normalisation, Observation

PLAIN = Normalisation(False, False)
STEPS = 8
"""env_steps of an episode."""


class Shown:
    """Episodes of STEPS env_steps, each with a secret of its own, of numbers drawn beforehand: [members, envs, STEPS].

    A toy says what is seen of a secret, and what an action is worth. The horizon ends them.
    """

    def __init__(self, toy: Any, starts: np.ndarray):
        self.toy, self.secrets = toy, starts.copy()
        self.elapsed = np.zeros(starts.shape[:2], dtype=np.int64)
        self.terminated = np.zeros(starts.shape[:2], dtype=bool)

    @property
    def now(self) -> np.ndarray:
        return np.take_along_axis(self.secrets, self.elapsed[:, :, None], axis=2)[:, :, 0]

    @property
    def observations(self) -> np.ndarray:
        return self.toy.seen(self.now)

    @property
    def features(self) -> np.ndarray:
        return self.toy.lit(self.now)

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Shown":
        self.rewards = self.toy.reward(self.now, actions)
        self.final_observations, self.final_features = self.observations, self.toy.lit(self.now)  # it stays to the end
        self.elapsed += 1
        self.truncated = self.elapsed == STEPS
        self.elapsed[self.truncated] = 0
        self.secrets[self.truncated] = restarts[self.truncated]
        return self

    def keep(self, members: np.ndarray) -> None:
        for name in ("secrets", "elapsed", "terminated"):
            setattr(self, name, getattr(self, name)[members])


@dataclass(frozen=True)
class LitCell:
    """A picture with a lit cell, which says what to do: 0 where it is in the upper half of the first channel, 1 in its
    lower half, 2 anywhere in the second channel. sparse: whether networks may see the number of the cell alone."""

    sparse: bool = False
    name: ClassVar[str] = "lit-cell"
    observation: ClassVar[Observation] = Observation((2, 6, 6), ("red", "green"))
    action: ClassVar[Discrete] = Discrete(3)
    horizon: ClassVar[int] = STEPS
    minimum_return: ClassVar[float] = 0.0
    maximum_return: ClassVar[float] = float(STEPS)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """As often in each of the three places."""
        half = rng.integers(3, size=(*shape, STEPS))
        return np.where(half == 2, rng.integers(36, 72, size=half.shape), 18 * half + rng.integers(18, size=half.shape))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Shown:
        return Shown(self, starts)

    def features(self, seeds: Sequence[int]) -> BinaryInputs | None:
        return BinaryInputs(72) if self.sparse else None

    def seen(self, cells: np.ndarray) -> np.ndarray:
        return np.eye(72, dtype=np.float32)[cells].reshape(*cells.shape, 2, 6, 6)

    def lit(self, cells: np.ndarray) -> np.ndarray:
        return np.stack([cells, np.full_like(cells, -1)], axis=-1).astype(np.int16)

    def reward(self, cells: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return (actions == np.minimum(cells // 18, 2)).astype(np.float64)


@dataclass(frozen=True)
class Target:
    """A target on the line from -1 to 1, which an action is to name; it costs the squared distance. far: whether it is
    seen far away, where it hardly varies."""

    normalisation: Normalisation = PLAIN
    far: bool = False
    name: ClassVar[str] = "target"
    observation: ClassVar[Observation] = Observation((2,), ("target", "one"))
    action: ClassVar[Box] = Box(1)
    horizon: ClassVar[int] = STEPS
    minimum_return: ClassVar[float] = -9.0 * STEPS
    maximum_return: ClassVar[float] = 0.0

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.uniform(-1, 1, size=(*shape, STEPS))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Shown:
        return Shown(self, starts)

    def seen(self, targets: np.ndarray) -> np.ndarray:
        shown = 50 + 0.5 * targets if self.far else targets
        return np.stack([shown, np.ones_like(shown)], axis=-1).astype(np.float32)

    def lit(self, targets: np.ndarray) -> None:
        return None

    def reward(self, targets: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return np.asarray(-((np.clip(actions[..., 0], -2, 2) - targets) ** 2), dtype=np.float64)


@dataclass(frozen=True)
class Clouds(Labelled):
    """Points of two clouds, 3 deviations apart; which one? By the middle between them 93.3 % are told right. The last
    of the inputs is always zero."""

    name: ClassVar[str] = "clouds"
    observation: ClassVar[Observation] = Observation((3,), ("x", "y", "nothing"))
    action: ClassVar[Discrete] = Discrete(2)
    zero_inputs: ClassVar[tuple[str, ...]] = ("nothing",)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(2, size=count)
        points = rng.standard_normal((count, 3))
        points[:, 0] += 3 * labels
        points[:, 2] = 0
        return points.astype(np.float32), labels
