"""Playing a population's stochastic policies, with all random numbers drawn beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from harness.networks import Mlp, outputs_of
from harness.tasks import Batch, Task


@dataclass(frozen=True)
class Rollout:
    """`time` steps of `members x envs` environments, time first.

    observations: float32[time, members, envs, inputs], before each action. actions: int64[time, members, envs].
    rewards: float64; terminated, truncated: bool, all [time, members, envs]. final_observations:
    float32[time, members, envs, inputs], what each action led to, before any restart.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observations: np.ndarray


def play(
    actor: Mlp, batch: Batch, task: Task, steps: int, envs: int, streams: Sequence[np.random.Generator]
) -> Rollout:
    """Play `steps` env_steps in each environment with actions drawn from the softmax of the actor's outputs."""
    members = len(streams)
    shape = (steps, members, envs)
    uniforms = np.empty(shape)
    restarts = []
    for member, rng in enumerate(streams):
        uniforms[:, member] = rng.random((steps, envs))
        restarts.append(task.draw_starts(rng, (steps, envs)))
    starts = np.stack(restarts, axis=1)

    inputs = batch.observations.shape[-1]
    observations = np.empty((*shape, inputs), dtype=np.float32)
    final_observations = np.empty_like(observations)
    actions = np.empty(shape, dtype=np.int64)
    rewards = np.empty(shape)
    terminated = np.empty(shape, dtype=bool)
    truncated = np.empty(shape, dtype=bool)
    for time in range(steps):
        observations[time] = batch.observations
        _sample(outputs_of(actor, batch.observations), uniforms[time], actions[time])
        transition = batch.step(actions[time], starts[time])
        rewards[time] = transition.rewards
        terminated[time] = transition.terminated
        truncated[time] = transition.truncated
        final_observations[time] = transition.final_observations
    return Rollout(observations, actions, rewards, terminated, truncated, final_observations)


@numba.njit(error_model="numpy")
def _sample(logits: np.ndarray, uniforms: np.ndarray, actions: np.ndarray) -> None:
    """Invert the cumulative softmax of logits[members, envs, actions] at each uniform number."""
    for i in range(logits.shape[0]):
        for j in range(logits.shape[1]):
            top = logits[i, j].max()
            total = 0.0
            for a in range(logits.shape[2]):
                total += np.exp(logits[i, j, a] - top)
            threshold = uniforms[i, j] * total
            action = 0
            reached = np.exp(logits[i, j, 0] - top)
            while reached < threshold and action < logits.shape[2] - 1:
                action += 1
                reached += np.exp(logits[i, j, action] - top)
            actions[i, j] = action
