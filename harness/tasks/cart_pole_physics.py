"""Cart-Poles in motion: a whole population in one compiled step.

The equations, constants and their order are those of gymnasium's `CartPoleEnv` with Euler integration, so that
both go through the same states; a test walks them side by side.
"""

import math

import numpy as np

from harness.compiled import njit
from harness.tasks.compiled_batch import CompiledBatch
from harness.tasks.spec import Task

GRAVITY = 9.8
POLE_MASS = 0.1
TOTAL_MASS = POLE_MASS + 1.0
HALF_LENGTH = 0.5
POLE_MOMENT = POLE_MASS * HALF_LENGTH
FORCE = 10.0
SECONDS_PER_STEP = 0.02
ANGLE_LIMIT = 12 * 2 * math.pi / 360
POSITION_LIMIT = 2.4


@njit
def _advance(
    actions: np.ndarray,
    restarts: np.ndarray,
    horizon: int,
    states: np.ndarray,
    elapsed: np.ndarray,
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


class CartPoles(CompiledBatch):
    """See `CompiledBatch`. Every env_step pays one, the last one too."""

    state = ("states", "elapsed")
    results = ("observations", "final_observations", "terminated", "truncated")
    _step = staticmethod(_advance)
    limits = np.full(4, np.finfo(np.float64).max)
    rule = "a cart-pole must start in finite numbers"

    def __init__(self, task: Task, starts: np.ndarray):
        self.task = task
        self.states = self.rows_of(starts, (-1, -1)).reshape(starts.shape).copy()
        self.elapsed = np.zeros(starts.shape[:2], dtype=np.int64)
        self.allocate()

    def allocate_observations(self) -> None:
        """The state, as float32."""
        self.observations = self.states.astype(np.float32)
        self.final_observations = self.observations.copy()
