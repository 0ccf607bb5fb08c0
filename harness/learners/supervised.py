"""Learning from a data set by imitation of its targets: what behavioural cloning and classifiers share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.compiled import njit
from harness.learners.adam import AdamSettings, _adam_step, adam_settings
from harness.learners.protocol import ACTOR
from harness.learners.trained import (
    TrainedNetwork,
    TrainedPopulation,
    _head_batch,
    _member_gradient,
)
from harness.networks.dropout import Dropout, _member_dropout
from harness.networks.heads import _imitation_slopes
from harness.networks.network import Networks, NetworkWorkspace, _forward_member, _prepare_member
from harness.networks.params import Masks, Params
from harness.tasks.spec import Task


class SupervisedPopulation(TrainedPopulation):
    """Members that learn from a data set of their own; a `Population` whose round is one update.

    inputs: [members, samples, ...], as the networks' passes take them. targets: float[members, samples, numbers], what
    the actor's head imitates (`heads`).
    """

    settings: Any
    """Has `batch` and `updates_per_pass`, and what `adam.adam_settings` reads."""

    def __init__(self, settings: Any, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        super().__init__(settings, task, networks, masks, seeds, level)
        inputs, targets = self.data_set(seeds, level)
        self.inputs = self.seen[ACTOR].checked_inputs(inputs)
        self.targets = np.ascontiguousarray(targets, dtype=self.actor.flat.dtype)
        self.order = np.empty((len(seeds), 0), dtype=np.int64)
        self.workspace = self._workspace(settings.batch)

    def data_set(self, seeds: Sequence[int], level: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, [members, samples, ...], of `seen`'s actor, and targets."""
        raise NotImplementedError

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        super().keep(members)
        self.inputs, self.targets, self.order = self.inputs[members], self.targets[members], self.order[members]

    def advance(self, rounds: int) -> None:
        """Make an update on each of the next batches, all of one member and then of the next, whose numbers stay in
        the cache. A new pass has a new order, and so has one that is started midway."""
        s, end = self.settings, self.round + rounds
        keys, rate = self.update_dropout_keys(ACTOR), float(self.actor.dropout)
        while self.round < end:
            turn = self.round % s.updates_per_pass
            if turn == 0 or not self.order.size:
                self.order = np.stack([rng.permutation(self.inputs.shape[1]) for rng in self.minibatch_streams])
            count = min(s.updates_per_pass - turn, end - self.round)
            rows = np.ascontiguousarray(self.order[:, turn * s.batch : (turn + count) * s.batch])
            data, where = (self.inputs, self.targets, rows), (self.round, self.updates + 1)
            _improve(self.trained[ACTOR], *data, *where, adam_settings(s), self.workspace, rate, keys)
            self.updates += count
            self.round += count

    def gradients(self) -> dict[str, Params]:
        """See `OffersGradients`: over the whole data set."""
        found, rows = self.actor.params.each(np.zeros_like), np.arange(self.inputs.shape[1])
        workspace = self._workspace(len(rows))
        for member in range(self.actor.members):
            _gradient(self.trained[ACTOR], member, self.inputs[member], self.targets[member], rows, workspace, None)
            found.flat[member, : len(workspace.network.grad_params)] = workspace.network.grad_params
        return {ACTOR: found}

    def _workspace(self, batch: int) -> "SupervisedWorkspace":
        """Memory for `batch` samples."""
        inputs = np.empty((batch, self.inputs.shape[2]), dtype=self.inputs.dtype)
        return SupervisedWorkspace(inputs, self.room(ACTOR, batch))


class SupervisedWorkspace(NamedTuple):
    """Memory for a batch of one member. inputs: [batch, ...]."""

    inputs: np.ndarray
    network: NetworkWorkspace


@njit
def _improve(
    network: TrainedNetwork,
    inputs: np.ndarray,
    targets: np.ndarray,
    rows: np.ndarray,
    drawn: int,
    update: int,
    settings: AdamSettings,
    workspace: SupervisedWorkspace,
    rate: float,
    keys: np.ndarray | None,
) -> None:
    """Make updates of each member, in place, the first one number `update` (from 1), on the samples `rows`,
    int64[members, updates * batch].

    drawn: the number (from 0) that counts for the first one's draws of dropout; rate and keys (uint64[members]): of
    these.
    """
    batch = len(workspace.inputs)
    for member in range(len(rows)):
        params, exp_avg, exp_avg_sq = network.params[member], network.exp_avg[member], network.exp_avg_sq[member]
        for turn in range(rows.shape[1] // batch):
            dropout, drawn_rows = (
                _member_dropout(rate, keys, member, drawn + turn),
                rows[member, turn * batch :][:batch],
            )
            _gradient(network, member, inputs[member], targets[member], drawn_rows, workspace, dropout)
            _adam_step(params, workspace.network.grad_params, exp_avg, exp_avg_sq, update + turn, settings)


@njit
def _gradient(
    network: TrainedNetwork,
    member: int,
    inputs: np.ndarray,
    targets: np.ndarray,
    rows: np.ndarray,
    workspace: SupervisedWorkspace,
    dropout: Dropout | None,
) -> None:
    """Leave the gradient of one member's loss over the samples `rows` in `workspace`, zero outside the mask."""
    w, shape = workspace.network, network.shape
    for sample in range(len(rows)):
        for i in range(inputs.shape[1]):
            workspace.inputs[sample, i] = inputs[rows[sample], i]
    prepared = _prepare_member(shape, member, network.params[member], w.memory)
    _forward_member(shape, prepared, workspace.inputs, w.memory, w.outputs, dropout)
    _imitation_slopes(network.head, _head_batch(network, member, w, rows), targets)
    _member_gradient(network, member, prepared, workspace.inputs, w, dropout)
