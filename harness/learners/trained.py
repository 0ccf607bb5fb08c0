"""Networks in training: their masks, optimiser's state and streams, and compiled steps that PPO and DQN share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.compiled import njit
from harness.learners.adam import AdamSettings, _adam_step
from harness.learners.protocol import ACTOR
from harness.networks.kernels import Dropout, _member_backward, dropout_keys
from harness.networks.mlp import Masks, Mlp, Networks, mlp_shape
from harness.networks.sparse_input import FeatureTable, _project, _project_gradient, projected_length
from harness.streams import streams
from harness.tasks.rollout import feature_table
from harness.tasks.spec import Task


class TrainedNetwork(NamedTuple):
    """A population's network in training, as compiled updates take it.

    All but the last two are float[members, parameters]: params is `Mlp.flat` itself, changed in place; mask is one
    where a parameter may change; exp_avg and exp_avg_sq are Adam's running means. sizes, tanh: see `networks.kernels`.
    """

    params: np.ndarray
    mask: np.ndarray
    exp_avg: np.ndarray
    exp_avg_sq: np.ndarray
    sizes: np.ndarray
    tanh: bool

    @classmethod
    def start(cls, mlp: Mlp, masks: Sequence[np.ndarray]) -> "TrainedNetwork":
        """Before the first update; masks: bool[members, in, out] per layer, or none where nothing is pruned.

        Raises ValueError for masks of other layers.
        """
        wanted, given = [weight.shape for weight in mlp.weights], [mask.shape for mask in masks]
        if given and given != wanted:
            raise ValueError(f"masks must have the shapes {wanted} of the networks' weights, not {given}")
        ones = [np.ones(bias.shape, dtype=bool) for bias in mlp.biases]
        mask = Mlp.of(masks, ones).flat.astype(mlp.flat.dtype) if len(masks) else np.ones_like(mlp.flat)
        return cls(mlp.flat, mask, np.zeros_like(mask), np.zeros_like(mask), *mlp_shape(mlp))

    def keep(self, members: np.ndarray) -> "TrainedNetwork":
        """These members alone (int64[kept]), as copies."""
        params, mask, exp_avg, exp_avg_sq = (numbers[members] for numbers in self[:4])
        return TrainedNetwork(params, mask, exp_avg, exp_avg_sq, self.sizes, self.tanh)


class TrainedPopulation:
    """Members in training; a learner adds `advance` and `gradients`, which make it a `Population`."""

    settings: Any

    def __init__(self, settings: Any, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        self.settings, self.task = settings, task
        self.rounds = settings.rounds
        self.round, self.updates = 0, 0
        self.networks = {name: networks[name].copy() for name in settings.outputs(task)}
        wanted = {name: (len(seeds), len(task.inputs), outputs) for name, outputs in settings.outputs(task).items()}
        given = {name: (mlp.members, mlp.sizes[0], mlp.sizes[-1]) for name, mlp in self.networks.items()}
        if given != wanted:
            raise ValueError(f"networks must have {wanted} members, inputs and outputs, not {given}")
        self.trained = {name: TrainedNetwork.start(mlp, masks.get(name, ())) for name, mlp in self.networks.items()}
        self.minibatch_streams = streams(seeds, "minibatch", level)
        rngs = streams(seeds, "dropout", level)
        self.dropout_keys = {name: dropout_keys(rngs) for name in self.networks}

    @property
    def actor(self) -> Mlp:
        """The network that acts."""
        return self.networks[ACTOR]

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        for name, mlp in self.networks.items():
            self.trained[name] = self.trained[name].keep(members)
            mlp.flat = self.trained[name].params
        self.minibatch_streams = [self.minibatch_streams[member] for member in members]
        self.dropout_keys = {name: keys[members] for name, keys in self.dropout_keys.items()}

    def update_dropout_keys(self, name: str) -> np.ndarray | None:
        """uint64[members], from which the keys of a network's updates are drawn; None where it has no dropout."""
        return self.dropout_keys[name] if self.networks[name].dropout > 0 else None


class PlayingPopulation(TrainedPopulation):
    """Members that learn from what they play themselves."""

    def __init__(self, settings: Any, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        super().__init__(settings, task, networks, masks, seeds, level)
        self.rollout_streams = streams(seeds, "rollout", level)
        starts = np.stack([task.draw_starts(rng, (settings.envs,)) for rng in self.rollout_streams])
        self.batch = task.batch(starts, seeds)
        self.table = feature_table(task, seeds, self.actor.flat.dtype)

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        super().keep(members)
        self.rollout_streams = [self.rollout_streams[member] for member in members]
        self.batch.keep(members)
        self.table = self.table and self.table.keep(members)


class NetworkWorkspace(NamedTuple):
    """Memory for the passes of one member through one network, so that updates allocate none.

    outputs, grad_outputs: float[batch, out]. grad_params: float[parameters]. activations, scratch: see
    `networks.kernels`. projected, grad_projected, projected_sizes: of the member's projected network
    (`networks.sparse_input`); the first two are empty where there is no table.
    """

    outputs: np.ndarray
    grad_outputs: np.ndarray
    activations: np.ndarray
    grad_params: np.ndarray
    scratch: np.ndarray
    projected: np.ndarray
    grad_projected: np.ndarray
    projected_sizes: np.ndarray

    @classmethod
    def of(cls, mlp: Mlp, batch: int, table: FeatureTable | None) -> "NetworkWorkspace":
        """For `batch` samples of a member of `mlp`."""
        dtype, sizes = mlp.flat.dtype, mlp.sizes
        count = projected_length(mlp, table) if table else 0
        return cls(
            outputs=np.empty((batch, sizes[-1]), dtype),
            grad_outputs=np.empty((batch, sizes[-1]), dtype),
            activations=np.empty(batch * sum(sizes[1:-1]), dtype),
            grad_params=np.empty(mlp.flat.shape[1], dtype),
            scratch=np.empty((2, batch * max(sizes[1:])), dtype),
            projected=np.empty(count, dtype),
            grad_projected=np.empty(count, dtype),
            projected_sizes=np.array((table.features if table else sizes[0], *sizes[1:])),
        )


@njit
def _member_params(
    network: TrainedNetwork, member: int, workspace: NetworkWorkspace, table: FeatureTable | None
) -> tuple[np.ndarray, np.ndarray]:
    """A member's parameters and sizes; those of its projected network where there is a table."""
    if table is None:
        return network.params[member], network.sizes
    _project(table, member, network.params[member], network.sizes[1], workspace.projected)
    return workspace.projected, workspace.projected_sizes


@njit
def _member_gradient(
    network: TrainedNetwork,
    member: int,
    params: np.ndarray,
    sizes: np.ndarray,
    inputs: np.ndarray,
    workspace: NetworkWorkspace,
    table: FeatureTable | None,
    dropout: Dropout | None,
) -> None:
    """Fill `workspace.grad_params`, zero outside the mask, from `workspace.grad_outputs` and what the forward pass with
    `params` and `sizes` (see `_member_params`) left in `workspace.activations`."""
    w = workspace
    if table is None:
        _member_backward(
            params, sizes, network.tanh, inputs, w.activations, w.grad_outputs, w.grad_params, w.scratch, dropout
        )
    else:
        _member_backward(
            params, sizes, network.tanh, inputs, w.activations, w.grad_outputs, w.grad_projected, w.scratch, dropout
        )
        _project_gradient(table, member, w.grad_projected, network.sizes[1], w.grad_params)
    for i in range(len(w.grad_params)):
        w.grad_params[i] *= network.mask[member, i]


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


@njit
def _adam_steps(network: TrainedNetwork, gradients: np.ndarray, update: int, settings: AdamSettings) -> None:
    """Make update `update` of each member; gradients: float[members, parameters]."""
    for m in range(len(gradients)):
        params, exp_avg, exp_avg_sq = network.params[m], network.exp_avg[m], network.exp_avg_sq[m]
        _adam_step(params, gradients[m], exp_avg, exp_avg_sq, update, settings)
