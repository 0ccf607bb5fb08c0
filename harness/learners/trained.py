"""Members in training: their masks, optimiser's state and streams, and compiled steps that learners share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.compiled import njit
from harness.learners.adam import AdamSettings, _adam_step
from harness.learners.protocol import ACTOR
from harness.networks.dropout import Dropout, dropout_keys
from harness.networks.heads import HeadBatch
from harness.networks.network import BaseNetwork, Networks, NetworkWorkspace, _backward_member
from harness.networks.normalisation import normaliser
from harness.networks.params import Masks, Params, length, trained_length
from harness.networks.sparse_input import on_features
from harness.streams import streams
from harness.tasks.rollout import inputs_of
from harness.tasks.spec import Task, task_features


class TrainedNetwork(NamedTuple):
    """A population's network in training, as compiled updates take it.

    shape: see `BaseNetwork.shape`. head: its head. layers: how many parameters its layers have; those of the head
    follow. params: `Params.flat` itself, float[members, parameters], changed in place. The others are float[members,
    trained parameters]: mask is one where a parameter may change, exp_avg and exp_avg_sq are Adam's running means.
    """

    shape: Any
    head: Any
    layers: int
    params: np.ndarray
    mask: np.ndarray
    exp_avg: np.ndarray
    exp_avg_sq: np.ndarray

    @classmethod
    def start(cls, network: BaseNetwork, masks: Params | None) -> "TrainedNetwork":
        """Before the first update. masks: none where nothing is pruned. Raises ValueError for masks of another
        layout, or of other members."""
        params = network.params
        if masks is not None and (masks.layout, masks.members) != (params.layout, params.members):
            raise ValueError(
                f"masks must be of {params.members} members and {list(params)}, as the networks' parameters are, not of"
                f" {masks.members} and {list(masks)}"
            )
        trained = trained_length(params.layout)
        kept = np.ones_like(params.flat) if masks is None else masks.flat.astype(params.flat.dtype)
        mask = np.ascontiguousarray(kept[:, :trained])
        zeros = np.zeros_like(mask), np.zeros_like(mask)
        return cls(network.shape(), network.head, length(network.layers), params.flat, mask, *zeros)

    def keep(self, network: BaseNetwork, members: np.ndarray) -> "TrainedNetwork":
        """These members alone (int64[kept]). network: theirs."""
        kept = (numbers[members] for numbers in (self.mask, self.exp_avg, self.exp_avg_sq))
        return TrainedNetwork(network.shape(), self.head, self.layers, network.flat, *kept)


class TrainedPopulation:
    """Members in training; a learner adds `advance_round` or `advance`, and `gradients`: then it is a `Population`.

    seen: the networks, sharing parameters, as they see this task (see `sparse_input.on_features`).
    """

    settings: Any

    def __init__(self, settings: Any, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        self.settings, self.task = settings, task
        self.rounds = settings.rounds
        self.round, self.updates = 0, 0
        heads = settings.heads(task)
        self.networks = {name: networks[name].copy() for name in heads}
        for name, head in heads.items():
            given = self.networks[name]
            # by class as well: named tuples of two classes are equal where their fields are
            if (given.members, type(given.head), given.head) != (len(seeds), type(head), head):
                raise ValueError(
                    f"{name} must be of {len(seeds)} members with the head {head}, not of {given.members} with"
                    f" {given.head}"
                )
        features = task_features(task, seeds)
        self.seen = {name: on_features(network, features) for name, network in self.networks.items()}
        self.trained = {name: TrainedNetwork.start(seen, masks.get(name)) for name, seen in self.seen.items()}
        self.minibatch_streams = streams(seeds, "minibatch", level)
        rngs = streams(seeds, "dropout", level)
        self.dropout_keys = {name: dropout_keys(rngs) for name in self.networks}

    @property
    def actor(self) -> BaseNetwork:
        """The network that acts."""
        return self.networks[ACTOR]

    def advance(self, rounds: int) -> None:
        """See `Population.advance`."""
        for _ in range(rounds):
            self.advance_round()

    def advance_round(self) -> None:
        """Train every member one round further."""
        raise NotImplementedError

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        for name, network in self.networks.items():
            self.seen[name] = seen = self.seen[name].take(members)
            self.trained[name] = self.trained[name].keep(seen, members)
            self.networks[name] = network.of(seen.params)
        self.minibatch_streams = [self.minibatch_streams[member] for member in members]
        self.dropout_keys = {name: keys[members] for name, keys in self.dropout_keys.items()}

    def update_dropout_keys(self, name: str) -> np.ndarray | None:
        """uint64[members], from which the keys of a network's updates are drawn; None where it has no dropout."""
        return self.dropout_keys[name] if self.networks[name].dropout > 0 else None

    def room(self, name: str, batch: int) -> NetworkWorkspace:
        """Memory for the passes of one member through one network over `batch` samples."""
        return NetworkWorkspace.of(self.seen[name], batch)


class PlayingPopulation(TrainedPopulation):
    """Members that learn from what they play themselves."""

    def __init__(self, settings: Any, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        super().__init__(settings, task, networks, masks, seeds, level)
        self.rollout_streams = streams(seeds, "rollout", level)
        starts = np.stack([task.draw_starts(rng, (settings.envs,)) for rng in self.rollout_streams])
        self.batch = task.batch(starts, seeds)

    @property
    def present(self) -> np.ndarray:
        """[members, envs, ...]: what the networks take of what the environments show now."""
        return normaliser(self.actor.params)(inputs_of(self.seen[ACTOR], self.batch))

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        super().keep(members)
        self.rollout_streams = [self.rollout_streams[member] for member in members]
        self.batch.keep(members)


@njit
def _head_batch(network: TrainedNetwork, member: int, space: NetworkWorkspace, rows: np.ndarray) -> HeadBatch:
    """What a loss takes of a member's head after the forward pass of the samples `rows`. It fills `space.grad_outputs`,
    and in `space.grad_params` the part of the head's own parameters."""
    own = network.params[member, network.layers : network.mask.shape[1]]
    grad_own = space.grad_params[network.layers :]
    grad_own[:] = 0
    return HeadBatch(own, space.outputs, space.grad_outputs, grad_own, rows)


@njit
def _member_gradient(
    network: TrainedNetwork,
    member: int,
    prepared: np.ndarray,
    inputs: np.ndarray,
    space: NetworkWorkspace,
    dropout: Dropout | None,
) -> None:
    """Fill `space.grad_params`, zero outside the mask, after a loss and the forward pass with `prepared`."""
    _backward_member(network.shape, member, prepared, inputs, space, dropout)
    for i in range(len(space.grad_params)):
        space.grad_params[i] *= network.mask[member, i]


@njit
def _clipped_adam_step(
    network: TrainedNetwork,
    member: int,
    gradient: np.ndarray,
    norm: float,
    max_norm: float,
    update: int,
    settings: AdamSettings,
) -> None:
    """Scale a member's gradient, whose norm is `norm`, down to `max_norm` in place, and make update `update`."""
    scale = gradient.dtype.type(min(1.0, max_norm / (norm + 1e-6)))
    for i in range(len(gradient)):
        gradient[i] *= scale
    params, exp_avg, exp_avg_sq = network.params[member], network.exp_avg[member], network.exp_avg_sq[member]
    _adam_step(params, gradient, exp_avg, exp_avg_sq, update, settings)
