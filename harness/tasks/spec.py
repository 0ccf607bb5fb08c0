"""Tasks: batches of environments stepped as arrays, one file per family.

A task's settings are a frozen dataclass that follows `Task`; its environments in motion follow `Batch`.
To add a task is to add a file here (or anywhere else) with two such classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from harness.networks.mlp import Mlp, outputs_of
from harness.networks.sparse_input import Table, folded


class Batch(Protocol):
    """`members x envs` environments in motion. Members never share an environment."""

    @property
    def observations(self) -> np.ndarray:
        """float32[members, envs, inputs]: what each environment shows now, after a restart if it just ended."""

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Transition":
        """Take `actions` (int64[members, envs]); an episode that ends restarts from its row of `restarts`.

        `restarts` is float64[members, envs, state], drawn beforehand by `Task.draw_starts`.
        """

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept])."""


class Transition(Protocol):
    """What one step of a `Batch` gave. The arrays are overwritten by the next step."""

    rewards: np.ndarray
    """float64[members, envs]"""
    terminated: np.ndarray
    """bool[members, envs]: the episode ended in a terminal state."""
    truncated: np.ndarray
    """bool[members, envs]: the horizon cut the episode off; its last state still has a value. Never with
    terminated."""

    @property
    def final_observations(self) -> np.ndarray:
        """float32[members, envs, inputs]: what was reached, before any restart."""


class PiecesBatch(Batch, Protocol):
    """A `Batch` of a task whose observations are sums of pieces, and that has a `table` of them."""

    @property
    def pieces(self) -> np.ndarray:
        """int16[members, envs, most]: the numbers of the pieces of each of `observations`, -1 after the last one."""


class PiecesTransition(Transition, Protocol):
    """The `Transition` of such a batch."""

    @property
    def final_pieces(self) -> np.ndarray:
        """int16[members, envs, most]: as `pieces`, of `final_observations`."""


class Task(Protocol):
    """The settings of a task, as a frozen dataclass; its fields enter every cell's id."""

    @property
    def name(self) -> str:
        """Names its experts and reference returns."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the observation's entries."""

    @property
    def actions(self) -> int:
        """Number of discrete actions."""

    @property
    def horizon(self) -> int:
        """env_steps after which an episode is cut off."""

    @property
    def minimum_return(self) -> float:
        """The lowest return an episode can have."""

    @property
    def maximum_return(self) -> float:
        """The highest return an episode can have; infinity where there is none."""

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Initial states, float64[*shape, state], from the task's own distribution."""

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        """Environments standing in `starts`, float64[members, envs, state].

        seeds: the members', for a task that shows each seed something of its own; ValueError where it needs them.
        """


class PiecesTask(Task, Protocol):
    """A task whose observations are sums of a few pieces out of many (see `harness.networks.sparse_input`)."""

    def table(self, seeds: Sequence[int]) -> np.ndarray | None:
        """What each piece adds, float32[1 or members, pieces, inputs]: one for all, or one for each seed's member. None
        where there are none after all, and its batches are no `PiecesBatch`."""


def table_of(task: Task, seeds: Sequence[int], dtype: np.dtype) -> Table | None:
    """The table of a task's pieces for these members, in the precision of their networks; None where it has none."""
    rows = cast(PiecesTask, task).table(seeds) if hasattr(task, "table") else None
    return None if rows is None else Table.of(rows, len(seeds)).astype(dtype)


def seen(batch: Batch, table: Table | None) -> np.ndarray:
    """What each environment shows now, or the pieces of it where there is a table."""
    return batch.observations if table is None else cast(PiecesBatch, batch).pieces


def seen_last(transition: Transition, table: Table | None) -> np.ndarray:
    """What was reached, before any restart, or the pieces of it."""
    return transition.final_observations if table is None else cast(PiecesTransition, transition).final_pieces


def zero_inputs(task: Task) -> tuple[str, ...]:
    """The inputs that are zero in every state, as the task names them in `zero_inputs`; none where it does not."""
    named: tuple[str, ...] = getattr(task, "zero_inputs", ())
    return named


@dataclass(frozen=True)
class Acting:
    """How an actor's outputs become actions: the largest one, unless something here says otherwise."""

    softmax: bool = False
    """Drawn from the softmax of the outputs."""
    epsilon: float = 0.0
    """The share of actions that are drawn uniformly instead."""


GREEDY = Acting()


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
    table = table_of(task, seeds, np.dtype(np.float32))
    if table is not None:
        actor = folded(actor, table)
    shape = (starts.shape[1], task.horizon)
    noise = draws = None
    if acting.softmax:  # the largest of logits with Gumbel noise is a draw from their softmax
        noise = np.stack([rng.gumbel(size=(*shape, task.actions)) for rng in streams])
    if acting.epsilon:
        draws = np.stack([rng.random(shape) for rng in streams])
    returns = np.zeros(starts.shape[:2])
    running = np.ones(starts.shape[:2], dtype=bool)
    for time in range(task.horizon):
        outputs = outputs_of(actor, seen(batch, table))
        actions = (outputs if noise is None else outputs + noise[:, :, time]).argmax(axis=-1)
        if draws is not None:  # below epsilon a draw is uniform as well, and says which action
            anything = np.minimum(draws[:, :, time] / acting.epsilon * task.actions, task.actions - 1)
            actions = np.where(draws[:, :, time] < acting.epsilon, anything.astype(np.int64), actions)
        transition = batch.step(actions, starts)
        returns += transition.rewards * running
        running &= ~(transition.terminated | transition.truncated)
        if not running.any():
            break
    return returns
