"""Rollouts of a population's stochastic policies, with all random numbers drawn beforehand."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.networks.network import BaseNetwork
from harness.tasks.rollout import Acting, Policy, final_inputs_of, inputs_of
from harness.tasks.spec import Batch, Task


class Rollout(NamedTuple):
    """`time` steps of `members x envs` environments, time first.

    observations: [time, members, envs, *shape], before each action, in the task's own dtype; or their active features,
    int16[time, members, envs, most], where the network takes these. final_observations: the same of what each action
    led to, before any restart. All others are [time, members, envs]: actions as the task's action says (behind these
    axes the numbers of a box), log_probabilities float64 (the policy's, of these actions), rewards float64, terminated
    and truncated bool.
    """

    observations: np.ndarray
    actions: np.ndarray
    log_probabilities: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observations: np.ndarray


def play(
    actor: BaseNetwork,
    batch: Batch,
    task: Task,
    steps: int,
    envs: int,
    streams: Sequence[np.random.Generator],
    epsilons: Sequence[float] | None = None,
) -> Rollout:
    """Play `steps` env_steps in each environment with actions drawn from the actor's policy.

    Where `epsilons` are given, one for each step, an action is drawn uniformly with this probability, and otherwise is
    the best one.
    """
    members, head = len(streams), actor.head
    shape = (steps, members, envs)
    noises, restarts = [], []
    for rng in streams:
        noises.append(head.noise(rng, (steps, envs)))
        restarts.append(task.draw_starts(rng, (steps, envs)))
    noise, starts = np.stack(noises, axis=1), np.stack(restarts, axis=1)

    first = inputs_of(actor, batch)
    observations = np.empty((*shape, *first.shape[2:]), dtype=first.dtype)
    final_observations = np.empty_like(observations)
    actions, log_probabilities, rewards = head.actions(shape), np.empty(shape), np.empty(shape)
    terminated = np.empty(shape, dtype=bool)
    truncated = np.empty(shape, dtype=bool)
    policy = Policy(actor, envs, Acting(sampled=epsilons is None))
    for time in range(steps):
        observations[time] = inputs_of(actor, batch)
        actions[time] = policy(observations[time], noise[time], None if epsilons is None else epsilons[time])
        log_probabilities[time] = policy.log_probabilities
        transition = batch.step(actions[time], starts[time])
        rewards[time] = transition.rewards
        terminated[time] = transition.terminated
        truncated[time] = transition.truncated
        final_observations[time] = final_inputs_of(actor, transition)
    return Rollout(observations, actions, log_probabilities, rewards, terminated, truncated, final_observations)


def rows(values: np.ndarray, axes: int) -> np.ndarray:
    """The array with all axes behind the first `axes` ones in one: an observation as the row that passes take."""
    return values.reshape(*values.shape[:axes], -1)
