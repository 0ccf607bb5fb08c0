"""Acrobot: gymnasium's Acrobot-v1 (Sutton 1996) for a whole population in one compiled step.

The equations, constants and their order are those of gymnasium's `AcrobotEnv` with the dynamics of Sutton & Barto's
book, integrated by one fourth-order Runge-Kutta step, so that both go through the same states; a test walks them side
by side.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numba
import numpy as np

GRAVITY = 9.8
MASS = 1.0
LENGTH = 1.0
CENTRE = 0.5
"""Of mass of either link, from its joint."""
INERTIA = 1.0
SECONDS_PER_STEP = 0.2
VELOCITY_LIMIT_1 = 4 * math.pi
VELOCITY_LIMIT_2 = 9 * math.pi
GOAL_HEIGHT = 1.0
"""Of the free end above the fixed joint."""
START_LIMIT = 0.1


@dataclass(frozen=True)
class Acrobot:
    """Swing the free end of two hanging links above a height, by a torque of -1, 0 or 1 on the joint between them.

    Each env_step costs one but the one that gets there. `horizon` 500 is Acrobot-v1.
    """

    name: ClassVar[str] = "acrobot"
    inputs: ClassVar[tuple[str, ...]] = (
        "cosine of angle 1",
        "sine of angle 1",
        "cosine of angle 2",
        "sine of angle 2",
        "angular velocity 1",
        "angular velocity 2",
    )
    actions: ClassVar[int] = 3

    horizon: int = 500

    @property
    def minimum_return(self) -> float:
        """Every env_step up to the horizon costs one."""
        return -float(self.horizon)

    @property
    def maximum_return(self) -> float:
        """No env_step pays. How few it can be done in is not known, so that no episode is taken for a perfect one."""
        return 0.0

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform in +-0.1 in every coordinate (angles 1 and 2, their velocities): float64[*shape, 4]."""
        return rng.uniform(-START_LIMIT, START_LIMIT, (*shape, 4))

    def batch(self, starts: np.ndarray) -> "Acrobots":
        """Environments standing in `starts`, float64[members, envs, 4]."""
        return Acrobots(starts, self.horizon)


class Acrobots:
    """`members x envs` Acrobots in motion; a `Batch` and its own `Transition`."""

    def __init__(self, starts: np.ndarray, horizon: int):
        self.horizon = horizon
        self.states = np.array(starts, dtype=np.float64, order="C")
        self._allocate(elapsed=np.zeros(starts.shape[:2], dtype=np.int64))

    def _allocate(self, elapsed: np.ndarray) -> None:
        self.elapsed = elapsed
        self.observations = np.empty((*elapsed.shape, 6), dtype=np.float32)
        _observe_all(self.states.reshape(-1, 4), self.observations.reshape(-1, 6))
        self.final_observations = self.observations.copy()
        self.rewards = np.empty(elapsed.shape)
        self.terminated = np.zeros(elapsed.shape, dtype=np.bool_)
        self.truncated = np.zeros(elapsed.shape, dtype=np.bool_)

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Acrobots":
        """See `Batch.step`."""
        _step(
            self.states.reshape(-1, 4),
            self.elapsed.reshape(-1),
            actions.reshape(-1),
            restarts.reshape(-1, 4),
            self.horizon,
            self.observations.reshape(-1, 6),
            self.final_observations.reshape(-1, 6),
            self.rewards.reshape(-1),
            self.terminated.reshape(-1),
            self.truncated.reshape(-1),
        )
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        self.states = self.states[members]
        self._allocate(elapsed=self.elapsed[members])


@numba.njit(error_model="numpy")
def _step(
    states: np.ndarray,
    elapsed: np.ndarray,
    actions: np.ndarray,
    restarts: np.ndarray,
    horizon: int,
    observations: np.ndarray,
    final_observations: np.ndarray,
    rewards: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
) -> None:
    for i in range(len(states)):
        _integrate(states[i], actions[i] - 1.0)
        _observe(states[i], final_observations[i])
        elapsed[i] += 1
        terminated[i] = -math.cos(states[i, 0]) - math.cos(states[i, 1] + states[i, 0]) > GOAL_HEIGHT
        truncated[i] = elapsed[i] >= horizon and not terminated[i]
        rewards[i] = 0.0 if terminated[i] else -1.0
        if terminated[i] or truncated[i]:
            elapsed[i] = 0
            for j in range(4):
                states[i, j] = restarts[i, j]
            _observe(states[i], observations[i])
        else:
            for j in range(6):
                observations[i, j] = final_observations[i, j]


@numba.njit(error_model="numpy")
def _integrate(state: np.ndarray, torque: float) -> None:
    """One Runge-Kutta step of `state` (angles 1 and 2, their velocities), in place."""
    angle_1, angle_2, velocity_1, velocity_2 = state
    half = SECONDS_PER_STEP / 2.0
    # k2 to k4 are (v, w, a, b): rates of the angles, which are the velocities reached, and of the velocities
    a1, b1 = _accelerations(angle_1, angle_2, velocity_1, velocity_2, torque)
    v2, w2 = velocity_1 + half * a1, velocity_2 + half * b1
    a2, b2 = _accelerations(angle_1 + half * velocity_1, angle_2 + half * velocity_2, v2, w2, torque)
    v3, w3 = velocity_1 + half * a2, velocity_2 + half * b2
    a3, b3 = _accelerations(angle_1 + half * v2, angle_2 + half * w2, v3, w3, torque)
    v4, w4 = velocity_1 + SECONDS_PER_STEP * a3, velocity_2 + SECONDS_PER_STEP * b3
    a4, b4 = _accelerations(angle_1 + SECONDS_PER_STEP * v3, angle_2 + SECONDS_PER_STEP * w3, v4, w4, torque)
    sixth = SECONDS_PER_STEP / 6.0
    state[0] = _wrapped(angle_1 + sixth * (velocity_1 + 2 * v2 + 2 * v3 + v4))
    state[1] = _wrapped(angle_2 + sixth * (velocity_2 + 2 * w2 + 2 * w3 + w4))
    state[2] = _bounded(velocity_1 + sixth * (a1 + 2 * a2 + 2 * a3 + a4), VELOCITY_LIMIT_1)
    state[3] = _bounded(velocity_2 + sixth * (b1 + 2 * b2 + 2 * b3 + b4), VELOCITY_LIMIT_2)


@numba.njit(error_model="numpy")
def _accelerations(
    angle_1: float, angle_2: float, velocity_1: float, velocity_2: float, torque: float
) -> tuple[float, float]:
    """Of angles 1 and 2."""
    cosine, sine = math.cos(angle_2), math.sin(angle_2)
    d1 = MASS * CENTRE**2 + MASS * (LENGTH**2 + CENTRE**2 + 2 * LENGTH * CENTRE * cosine) + INERTIA + INERTIA
    d2 = MASS * (CENTRE**2 + LENGTH * CENTRE * cosine) + INERTIA
    phi2 = MASS * CENTRE * GRAVITY * math.cos(angle_1 + angle_2 - math.pi / 2.0)
    phi1 = (
        -MASS * LENGTH * CENTRE * velocity_2**2 * sine
        - 2 * MASS * LENGTH * CENTRE * velocity_2 * velocity_1 * sine
        + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * math.cos(angle_1 - math.pi / 2)
        + phi2
    )
    second = (torque + d2 / d1 * phi1 - MASS * LENGTH * CENTRE * velocity_1**2 * sine - phi2) / (
        MASS * CENTRE**2 + INERTIA - d2**2 / d1
    )
    return -(d2 * second + phi1) / d1, second


@numba.njit(error_model="numpy")
def _wrapped(angle: float) -> float:
    """Within +-pi, by whole turns."""
    while angle > math.pi:
        angle = angle - 2 * math.pi
    while angle < -math.pi:
        angle = angle + 2 * math.pi
    return angle


@numba.njit(error_model="numpy")
def _bounded(velocity: float, limit: float) -> float:
    return min(max(velocity, -limit), limit)


@numba.njit(error_model="numpy")
def _observe(state: np.ndarray, observation: np.ndarray) -> None:
    for angle in range(2):
        observation[2 * angle] = math.cos(state[angle])
        observation[2 * angle + 1] = math.sin(state[angle])
    observation[4] = state[2]
    observation[5] = state[3]


@numba.njit(error_model="numpy")
def _observe_all(states: np.ndarray, observations: np.ndarray) -> None:
    for i in range(len(states)):
        _observe(states[i], observations[i])
