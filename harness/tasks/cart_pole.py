"""Cart-Pole: gymnasium's CartPole-v1 (Barto, Sutton & Anderson 1983) for a whole population in one compiled step.

The equations, constants and their order are those of gymnasium's `CartPoleEnv` with Euler integration, so that
both go through the same states; a test walks them side by side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from harness.compiled import njit

GRAVITY = 9.8
POLE_MASS = 0.1
TOTAL_MASS = POLE_MASS + 1.0
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
FORCE = 10.0
SECONDS_PER_STEP = 0.02
ANGLE_LIMIT = 12 * 2 * math.pi / 360
POSITION_LIMIT = 2.4
START_LIMIT = 0.05


@dataclass(frozen=True)
class CartPole:
    """Balance a pole on a cart; one reward per env_step until it falls, leaves the track or meets the horizon.

    `horizon` 500 is CartPole-v1, 200 is v0 (the paper does not say which it used).
    """

    name: ClassVar[str] = "cart-pole"
    inputs: ClassVar[tuple[str, ...]] = (
        "cart position",
        "cart velocity",
        "pole angle",
        "pole angular velocity",
    )
    actions: ClassVar[int] = 2

    horizon: int = 500

    @property
    def minimum_return(self) -> float:
        """The first env_step pays, whatever it does."""
        return 1.0

    @property
    def maximum_return(self) -> float:
        """Every env_step up to the horizon pays one."""
        return float(self.horizon)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform in +-0.05 in every coordinate: float64[*shape, 4]."""
        return rng.uniform(-START_LIMIT, START_LIMIT, (*shape, 4))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "CartPoles":
        """Environments standing in `starts`, float64[members, envs, 4]."""
        return CartPoles(starts, self.horizon)


class CartPoles:
    """`members x envs` Cart-Poles in motion; a `Batch` and its own `Transition`."""

    def __init__(self, starts: np.ndarray, horizon: int):
        self.horizon = horizon
        self.states = np.array(starts, dtype=np.float64, order="C")
        self._allocate(elapsed=np.zeros(starts.shape[:2], dtype=np.int64))

    def _allocate(self, elapsed: np.ndarray) -> None:
        self.elapsed = elapsed
        self.observations = self.states.astype(np.float32)
        self.final_observations = self.observations.copy()
        self.rewards = np.ones(elapsed.shape)  # every step pays one, the last one too
        self.terminated = np.zeros(elapsed.shape, dtype=np.bool_)
        self.truncated = np.zeros(elapsed.shape, dtype=np.bool_)

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "CartPoles":
        """See `Batch.step`."""
        _step(
            self.states.reshape(-1, 4),
            self.elapsed.reshape(-1),
            actions.reshape(-1),
            restarts.reshape(-1, 4),
            self.horizon,
            self.observations.reshape(-1, 4),
            self.final_observations.reshape(-1, 4),
            self.terminated.reshape(-1),
            self.truncated.reshape(-1),
        )
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        self.states = self.states[members]
        self._allocate(elapsed=self.elapsed[members])


@njit
def _step(
    states: np.ndarray,
    elapsed: np.ndarray,
    actions: np.ndarray,
    restarts: np.ndarray,
    horizon: int,
    observations: np.ndarray,
    final_observations: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
) -> None:
    for i in range(len(states)):
        position, velocity, angle, spin = states[i]
        force = FORCE if actions[i] == 1 else -FORCE
        cosine, sine = math.cos(angle), math.sin(angle)
        push = (force + POLE_MOMENT * (spin * spin) * sine) / TOTAL_MASS
        spin_rate = (GRAVITY * sine - cosine * push) / (
            HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cosine * cosine) / TOTAL_MASS)
        )
        acceleration = push - POLE_MOMENT * spin_rate * cosine / TOTAL_MASS
        states[i, 0] = position + SECONDS_PER_STEP * velocity
        states[i, 1] = velocity + SECONDS_PER_STEP * acceleration
        states[i, 2] = angle + SECONDS_PER_STEP * spin
        states[i, 3] = spin + SECONDS_PER_STEP * spin_rate
        elapsed[i] += 1
        terminated[i] = abs(states[i, 0]) > POSITION_LIMIT or abs(states[i, 2]) > ANGLE_LIMIT
        truncated[i] = elapsed[i] >= horizon and not terminated[i]
        for j in range(4):
            final_observations[i, j] = states[i, j]
        if terminated[i] or truncated[i]:
            elapsed[i] = 0
            for j in range(4):
                states[i, j] = restarts[i, j]
        for j in range(4):
            observations[i, j] = states[i, j]
