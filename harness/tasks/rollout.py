"""Playing episodes: what networks are given of a batch of environments, how their outputs act, and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from harness.networks.mlp import ForwardPass, Mlp
from harness.networks.sparse_input import FeatureTable, projected
from harness.tasks.spec import Batch, SparseBatch, SparseTask, SparseTransition, Task, Transition, starts_alike


@dataclass(frozen=True)
class Acting:
    """How an actor's outputs become actions: the largest one, unless something here says otherwise."""

    softmax: bool = False
    """Drawn from the softmax of the outputs."""
    epsilon: float = 0.0
    """The probability with which an action is drawn uniformly instead."""


GREEDY = Acting()


def distinct_episodes(task: Task, acting: Acting, episodes: int) -> int:
    """How many of `episodes` can differ: one where the task always starts alike and no action is drawn."""
    return 1 if starts_alike(task) and acting == GREEDY else episodes


def rollout_returns(
    task: Task,
    actor: Mlp,
    starts: np.ndarray,
    acting: Acting = GREEDY,
    streams: Sequence[np.random.Generator] = (),
    seeds: Sequence[int] = (),
) -> np.ndarray:
    """Undiscounted returns of one episode from each start.

    actor: stacked networks of `members`; starts: float64[members, episodes, state]. streams: one per member, from which
    the draws of all its actions are taken beforehand; not asked where nothing is drawn. seeds: see `Task.batch`.
    Returns float64[members, episodes].
    """
    batch = task.batch(starts, seeds)
    table = feature_table(task, seeds, np.dtype(np.float32))
    if table is not None:
        actor = projected(actor, table)
    shape = (starts.shape[1], task.horizon)
    noise = draws = None
    if acting.softmax:  # the largest of logits with Gumbel noise is a draw from their softmax
        noise = np.stack([rng.gumbel(size=(*shape, task.actions)) for rng in streams])
    if acting.epsilon:
        draws = np.stack([rng.random(shape) for rng in streams])
    returns = np.zeros(starts.shape[:2])
    running = np.ones(starts.shape[:2], dtype=bool)
    outputs_of = ForwardPass(actor, starts.shape[1])
    for time in range(task.horizon):
        outputs = outputs_of(network_input(batch, table))
        actions = (outputs if noise is None else outputs + noise[:, :, time]).argmax(axis=-1)
        if draws is not None:  # below epsilon a draw is uniform as well, and says which action
            anything = np.minimum(draws[:, :, time] / acting.epsilon * task.actions, task.actions - 1)
            actions = np.where(draws[:, :, time] < acting.epsilon, anything.astype(np.int64), actions)
        transition = batch.step(actions, starts)
        returns += transition.rewards * running
        running &= ~(transition.terminated | transition.truncated)
        if not np.count_nonzero(running):  # a tenth of the time that any() takes
            break
    return returns


def feature_table(task: Task, seeds: Sequence[int], dtype: np.dtype) -> FeatureTable | None:
    """The table of a task's features for these members, in the precision of their networks; None where it has none."""
    rows = cast(SparseTask, task).table(seeds) if hasattr(task, "table") else None
    return None if rows is None else FeatureTable.of(rows, len(seeds)).astype(dtype)


def network_input(batch: Batch, table: FeatureTable | None) -> np.ndarray:
    """The observation of each environment, or the features of it where there is a table."""
    return batch.observations if table is None else cast(SparseBatch, batch).features


def final_network_input(transition: Transition, table: FeatureTable | None) -> np.ndarray:
    """The observation that was reached, before any restart, or the features of it where there is a table."""
    return transition.final_observations if table is None else cast(SparseTransition, transition).final_features
