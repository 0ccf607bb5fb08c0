"""Rollouts of a population's stochastic policies, with all random numbers drawn beforehand."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.compiled import njit
from harness.networks.mlp import ForwardPass, Mlp
from harness.networks.sparse_input import FeatureTable, projected
from harness.tasks.rollout import final_network_input, network_input
from harness.tasks.spec import Batch, Task


class Rollout(NamedTuple):
    """`time` steps of `members x envs` environments, time first.

    observations: float32[time, members, envs, inputs], before each action, or their active features, int16[time,
    members, envs, most]. final_observations: the same of what each action led to, before any restart. All others are
    [time, members, envs]: actions int64, log_probabilities float64 (the policy's, of these actions), rewards float64,
    terminated and truncated bool.
    """

    observations: np.ndarray
    actions: np.ndarray
    log_probabilities: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observations: np.ndarray


def play(
    actor: Mlp,
    batch: Batch,
    task: Task,
    steps: int,
    envs: int,
    streams: Sequence[np.random.Generator],
    epsilons: Sequence[float] | None = None,
    table: FeatureTable | None = None,
) -> Rollout:
    """Play `steps` env_steps in each environment with actions drawn from the softmax of the actor's outputs.

    Where `epsilons` are given, one for each step, an action is drawn uniformly with this probability, and otherwise is
    that of the largest output. table: the task's, where the rollout is to hold active features for observations.
    """
    if table is not None:
        actor = projected(actor, table)
    members = len(streams)
    shape = (steps, members, envs)
    uniforms = np.empty(shape)
    restarts = []
    for member, rng in enumerate(streams):
        uniforms[:, member] = rng.random((steps, envs))
        restarts.append(task.draw_starts(rng, (steps, envs)))
    starts = np.stack(restarts, axis=1)

    first = network_input(batch, table)
    observations = np.empty((*shape, first.shape[-1]), dtype=first.dtype)
    final_observations = np.empty_like(observations)
    actions = np.empty(shape, dtype=np.int64)
    log_probabilities, rewards = np.empty(shape), np.empty(shape)
    terminated = np.empty(shape, dtype=bool)
    truncated = np.empty(shape, dtype=bool)
    outputs_of = ForwardPass(actor, envs)
    for time in range(steps):
        observations[time] = network_input(batch, table)
        outputs = outputs_of(observations[time])
        if epsilons is None:
            _sample(outputs, uniforms[time], actions[time], log_probabilities[time])
        else:
            _explore(outputs, epsilons[time], uniforms[time], actions[time], log_probabilities[time])
        transition = batch.step(actions[time], starts[time])
        rewards[time] = transition.rewards
        terminated[time] = transition.terminated
        truncated[time] = transition.truncated
        final_observations[time] = final_network_input(transition, table)
    return Rollout(observations, actions, log_probabilities, rewards, terminated, truncated, final_observations)


@njit
def _sample(logits: np.ndarray, uniforms: np.ndarray, actions: np.ndarray, log_probabilities: np.ndarray) -> None:
    """Invert the cumulative softmax of logits[members, envs, actions] at each uniform number."""
    for i in range(logits.shape[0]):
        for j in range(logits.shape[1]):
            top = logits[i, j, 0]
            for a in range(1, logits.shape[2]):
                top = max(top, logits[i, j, a])
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
            log_probabilities[i, j] = logits[i, j, action] - top - np.log(total)


@njit
def _explore(
    outputs: np.ndarray, epsilon: float, uniforms: np.ndarray, actions: np.ndarray, log_probabilities: np.ndarray
) -> None:
    """Act epsilon-greedily on outputs[members, envs, actions]. A uniform number below epsilon is uniform in that range,
    so it picks the action as well."""
    count = outputs.shape[2]
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            greedy = 0
            for a in range(1, count):
                if outputs[i, j, a] > outputs[i, j, greedy]:
                    greedy = a
            action = greedy
            if uniforms[i, j] < epsilon:
                action = min(int(uniforms[i, j] / epsilon * count), count - 1)
            actions[i, j] = action
            log_probabilities[i, j] = np.log(epsilon / count + (1 - epsilon if action == greedy else 0.0))
