"""Playing episodes: how networks act in a batch of environments, and what that returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from harness.compiled import njit
from harness.networks.heads import Draws, _act
from harness.networks.network import BaseNetwork, ForwardPass
from harness.networks.normalisation import normaliser
from harness.networks.sparse_input import on_features
from harness.tasks.input_subset import full_task, select_inputs
from harness.tasks.spec import (
    Batch,
    Scored,
    SparseBatch,
    SparseTransition,
    Task,
    Transition,
    starts_alike,
    task_features,
)


@dataclass(frozen=True)
class Acting:
    """How an actor's outputs become actions: the best one, unless something here says otherwise."""

    sampled: bool = False
    """Drawn from the policy."""
    epsilon: float = 0.0
    """The probability with which an action is drawn uniformly instead."""

    @property
    def draws(self) -> bool:
        """Whether anything is drawn."""
        return self.sampled or self.epsilon > 0


GREEDY = Acting()


class Policy:
    """An actor that acts: observations in, actions out, as many at once as it is made for.

    own: float[members, parameters of the actor's head].
    """

    def __init__(self, actor: BaseNetwork, batch: int, acting: Acting = GREEDY):
        self._pass, self.head, self.own, self.acting = ForwardPass(actor, batch), actor.head, actor.own.copy(), acting
        self.log_probabilities = np.empty((actor.members, batch))
        """float64[members, batch]: of the actions chosen last."""
        self.actions = self.head.actions((actor.members, batch))
        self._nothing, self._normalised = np.zeros(self.actions.shape), normaliser(actor.params)

    def __call__(self, inputs: np.ndarray, noise: np.ndarray | None = None, epsilon: float | None = None) -> np.ndarray:
        """The actions for raw inputs (`inputs_of`), normalised by the actor's statistics where it has some. noise: what
        they are drawn by, as its head's `noise` gives it; none where nothing is drawn. epsilon: in place of that of
        `acting`. The next call overwrites them."""
        drawn = self._nothing if noise is None else noise
        draws = Draws(drawn, self.acting.sampled, self.acting.epsilon if epsilon is None else epsilon)
        _act_all(self.head, self.own, self._pass(self._normalised(inputs)), draws, self.actions, self.log_probabilities)
        return self.actions


@njit
def _act_all(
    head: Any, own: np.ndarray, outputs: np.ndarray, draws: Draws, actions: np.ndarray, log_p: np.ndarray
) -> None:
    _act(head, own, outputs, draws, actions, log_p)


def distinct_episodes(task: Task, acting: Acting, episodes: int) -> int:
    """How many of `episodes` can differ: one where the task always starts alike and no action is drawn."""
    return 1 if starts_alike(task) and not acting.draws else episodes


def scores(
    task: Task,
    actor: BaseNetwork,
    streams: Sequence[np.random.Generator],
    acting: Acting,
    episodes: int,
    seeds: Sequence[int],
) -> np.ndarray:
    """float64[members, episodes]: undiscounted returns of as many fresh episodes, or the task's own scores.

    streams: one per member, from which starts and actions are drawn. seeds: see `Task.batch`.
    """
    if isinstance(full := full_task(task), Scored):
        policy = Policy(actor, episodes, acting)
        noise = np.stack([actor.head.noise(rng, (episodes,)) for rng in streams]) if acting.draws else None
        return full.score(lambda observations: policy(select_inputs(task, observations), noise), streams, episodes)
    starts = np.stack([task.draw_starts(rng, (distinct_episodes(task, acting, episodes),)) for rng in streams])
    return rollout_returns(task, actor, starts, acting, streams, seeds)


def rollout_returns(
    task: Task,
    actor: BaseNetwork,
    starts: np.ndarray,
    acting: Acting = GREEDY,
    streams: Sequence[np.random.Generator] = (),
    seeds: Sequence[int] = (),
) -> np.ndarray:
    """Undiscounted returns of one episode from each start.

    actor: stacked networks of `members`; starts: [members, episodes, ...]. streams: one per member, from which
    the draws of all its actions are taken beforehand; not asked where nothing is drawn. seeds: see `Task.batch`.
    Returns float64[members, episodes].
    """
    batch, episodes = task.batch(starts, seeds), starts.shape[1]
    actor = on_features(actor, task_features(task, seeds))
    policy = Policy(actor, episodes, acting)
    noise = np.stack([actor.head.noise(rng, (episodes, task.horizon)) for rng in streams]) if acting.draws else None
    returns = np.zeros(starts.shape[:2])
    running = np.ones(starts.shape[:2], dtype=bool)
    for time in range(task.horizon):
        drawn = None if noise is None else np.ascontiguousarray(noise[:, :, time])
        transition = batch.step(policy(inputs_of(actor, batch), drawn), starts)
        returns += transition.rewards * running
        running &= ~(transition.terminated | transition.truncated)
        if not np.count_nonzero(running):  # a tenth of the time that any() takes
            break
    return returns


def inputs_of(network: BaseNetwork, batch: Batch) -> np.ndarray:
    """What a network takes of a batch: the observation of each environment, or the features of it."""
    return batch.observations if network.features is None else cast(SparseBatch, batch).features


def final_inputs_of(network: BaseNetwork, transition: Transition) -> np.ndarray:
    """The same of what was reached, before any restart."""
    if network.features is None:
        return transition.final_observations
    return cast(SparseTransition, transition).final_features
