"""Acrobots in motion: a whole population in one compiled step.

The equations, constants and their order are those of gymnasium's `AcrobotEnv` with the dynamics of Sutton & Barto's
book, integrated by one fourth-order Runge-Kutta step, so that both go through the same states; a test walks them side
by side.
"""

import math

import numpy as np

from harness.compiled import njit
from harness.tasks.compiled_batch import CompiledBatch
from harness.tasks.spec import Task

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


@njit
def _advance(
    actions: np.ndarray,
    restarts: np.ndarray,
    horizon: int,
    states: np.ndarray,
    elapsed: np.ndarray,
    observations: np.ndarray,
    final_observations: np.ndarray,
    rewards: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
) -> None:
    reached = _integrated(states, actions)
    for i in range(len(states)):
        for j in range(2):
            states[i, j] = _wrapped(reached[j, i])
        states[i, 2] = min(max(reached[2, i], -VELOCITY_LIMIT_1), VELOCITY_LIMIT_1)
        states[i, 3] = min(max(reached[3, i], -VELOCITY_LIMIT_2), VELOCITY_LIMIT_2)
    heights = _observe(states, final_observations)
    for i in range(len(states)):
        elapsed[i] += 1
        terminated[i] = heights[i] > GOAL_HEIGHT
        truncated[i] = elapsed[i] >= horizon and not terminated[i]
        rewards[i] = 0.0 if terminated[i] else -1.0
        for j in range(6):
            observations[i, j] = final_observations[i, j]
        if terminated[i] or truncated[i]:
            elapsed[i] = 0
            for j in range(4):
                states[i, j] = restarts[i, j]
            _observe(states[i : i + 1], observations[i : i + 1])


@njit
def _integrated(states: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """After one Runge-Kutta step, float64[4, envs], neither wrapped nor bounded.

    Each quantity of all environments lies side by side, so that one instruction serves several of them.
    """
    start = np.empty((4, len(states)))
    for i in range(len(states)):
        for j in range(4):
            start[j, i] = states[i, j]
    rates = np.empty((4, *start.shape))
    between = start
    for stage in range(4):
        _differentiate(between, actions, rates[stage])
        if stage < 3:
            between = _moved(start, SECONDS_PER_STEP if stage == 2 else SECONDS_PER_STEP / 2.0, rates[stage])
    for j in range(4):
        for i in range(len(states)):
            rates[0, j, i] = rates[0, j, i] + 2 * rates[1, j, i] + 2 * rates[2, j, i] + rates[3, j, i]
    moved: np.ndarray = _moved(start, SECONDS_PER_STEP / 6.0, rates[0])
    return moved


@njit
def _moved(states: np.ndarray, seconds: float, rates: np.ndarray) -> np.ndarray:
    """states + seconds * rates, float64[4, envs]."""
    moved = np.empty_like(states)
    for j in range(4):
        for i in range(states.shape[1]):
            moved[j, i] = states[j, i] + seconds * rates[j, i]
    return moved


@njit
def _differentiate(states: np.ndarray, actions: np.ndarray, rates: np.ndarray) -> None:
    """Fill `rates` with the rates of change of `states`, float64[4, envs] both."""
    envs = len(actions)
    angles = np.empty((3, envs))
    for i in range(envs):
        angles[0, i] = states[1, i]
        angles[1, i] = states[0, i] + states[1, i] - math.pi / 2.0
        angles[2, i] = states[0, i] - math.pi / 2
    cosines, sines = _cosines_and_sines(angles.ravel())
    for i in range(envs):
        velocity_1, velocity_2, torque = states[2, i], states[3, i], actions[i] - 1.0
        cosine, sine = cosines[i], sines[i]
        d1 = MASS * CENTRE**2 + MASS * (LENGTH**2 + CENTRE**2 + 2 * LENGTH * CENTRE * cosine) + INERTIA + INERTIA
        d2 = MASS * (CENTRE**2 + LENGTH * CENTRE * cosine) + INERTIA
        phi2 = MASS * CENTRE * GRAVITY * cosines[envs + i]
        phi1 = (
            -MASS * LENGTH * CENTRE * velocity_2**2 * sine
            - 2 * MASS * LENGTH * CENTRE * velocity_2 * velocity_1 * sine
            + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * cosines[2 * envs + i]
            + phi2
        )
        acceleration_2 = (torque + d2 / d1 * phi1 - MASS * LENGTH * CENTRE * velocity_1**2 * sine - phi2) / (
            MASS * CENTRE**2 + INERTIA - d2**2 / d1
        )
        rates[0, i], rates[1, i] = velocity_1, velocity_2
        rates[2, i], rates[3, i] = -(d2 * acceleration_2 + phi1) / d1, acceleration_2


@njit
def _wrapped(angle: float) -> float:
    """Within +-pi, by whole turns."""
    while angle > math.pi:
        angle = angle - 2 * math.pi
    while angle < -math.pi:
        angle = angle + 2 * math.pi
    return angle


@njit
def _observe(states: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """Fill `observations`, float32[envs, 6], of `states`, float64[envs, 4]; how high the free end is, float64[envs]."""
    envs = len(states)
    angles = np.empty((3, envs))
    for i in range(envs):
        angles[0, i] = states[i, 0]
        angles[1, i] = states[i, 1]
        angles[2, i] = states[i, 1] + states[i, 0]
    cosines, sines = _cosines_and_sines(angles.ravel())
    for i in range(envs):
        for j in range(2):
            observations[i, 2 * j] = cosines[j * envs + i]
            observations[i, 2 * j + 1] = sines[j * envs + i]
            observations[i, 4 + j] = states[i, 2 + j]
    heights: np.ndarray = -cosines[:envs] - cosines[2 * envs :]
    return heights


HALF_PI = 1.57079632673412561417
HALF_PI_REST = 6.07710050650619224932e-11
"""Half of pi in two parts (Cody & Waite): the first has 33 bits, so that small multiples of it are exact."""
TO_NEAREST = 1.5 * 2.0**52
"""A sum this large has no room for a fraction."""


@njit
def _cosines_and_sines(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """To 1.2e-16, for angles up to a hundred.

    The library's functions take one number at a time, and three quarters of an env_step. Here is none but sums and
    products, which the compiler does on several numbers at a time. The polynomials, good for an eighth of a turn to
    either side, are those of fdlibm (Sun Microsystems 1993).
    """
    cosines, sines = np.empty_like(angles), np.empty_like(angles)
    for i in range(len(angles)):
        quarters = (angles[i] * (2 / math.pi) + TO_NEAREST) - TO_NEAREST
        place = quarters - 4 * ((quarters * 0.25 + TO_NEAREST) - TO_NEAREST)  # of the last turn's: -2 to 2
        x = (angles[i] - quarters * HALF_PI) - quarters * HALF_PI_REST
        z = x * x
        s = 2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)
        s = -1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * s))
        sine = x + x * z * s
        c = -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)
        c = 4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 + z * c))
        cosine = 1 - 0.5 * z + z * z * c
        if abs(place) == 1:
            sine, cosine = cosine, sine
        sines[i] = -sine if abs(place) == 2 or place == -1 else sine
        cosines[i] = -cosine if abs(place) == 2 or place == 1 else cosine
    return cosines, sines


class Acrobots(CompiledBatch):
    """See `CompiledBatch`."""

    state = ("states", "elapsed")
    results = ("observations", "final_observations", "rewards", "terminated", "truncated")
    _step = staticmethod(_advance)
    limits = np.array([math.pi, math.pi, VELOCITY_LIMIT_1, VELOCITY_LIMIT_2])
    rule = "an acrobot must start with angles in +-pi and velocities in +-4 pi and +-9 pi"

    def __init__(self, task: Task, starts: np.ndarray):
        self.task = task
        self.states = self.rows_of(starts, (-1, -1)).reshape(starts.shape).copy()
        self.elapsed = np.zeros(starts.shape[:2], dtype=np.int64)
        self.allocate()

    def allocate_observations(self) -> None:
        """Cosines and sines of both angles, and their velocities."""
        self.observations = np.empty((*self.elapsed.shape, 6), dtype=np.float32)
        _observe(self.states.reshape(-1, 4), self.observations.reshape(-1, 6))
        self.final_observations = self.observations.copy()
