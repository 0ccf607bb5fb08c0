"""Networks whose first layer is projected on a table of features.

A maze shows its layout, and what the agent, the enemies and each thing that was taken change about that. So an
observation of 1,200 numbers is the sum of some 25 features out of 250, and its product with the input layer's weights
is the sum of as many rows of table @ weights. A *projected* network has these rows, one per feature, in place of its
input layer's weights. It is projected anew where the weights have changed, and its inputs are only the numbers of the
active features. The sums are the same up to the order of their terms.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np

from harness.compiled import compiled_for, njit
from harness.networks.features import Features, FeatureTable
from harness.networks.kernels import _mlp_backward, _mlp_forward
from harness.networks.mlp import Mlp
from harness.networks.network import (
    BaseNetwork,
    Drop,
    NetworkWorkspace,
    _backward_member,
    _forward_member,
    _prepare_all,
    _prepare_member,
)
from harness.networks.params import length

Array = np.ndarray


@dataclass
class ProjectedMlp(Mlp):
    """Networks whose first layer is projected on a table of features: prepared, they have a row per feature.

    Raises ValueError where the table does not fit them, and as `FeatureTable.check`.
    """

    features: FeatureTable = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.features.rows) not in (0, self.members):
            raise ValueError(f"a table of {len(self.features.rows)} members does not fit {self.members} networks")
        self.features.check()
        self.features = self.features.astype(self.flat.dtype)

    def take(self, members: Array) -> "ProjectedMlp":
        """See `BaseNetwork.take`."""
        return replace(self, params=self.params.take(members), features=self.features.keep(members))

    def shape(self) -> Any:
        """See `BaseNetwork.shape`."""
        plain = super().shape()
        sizes = np.array((self.features.features, *self.sizes[1:]))
        return ProjectedShape(plain.sizes, sizes, plain.tanh, plain.length, self.features)

    def memory(self, batch: int) -> Any:
        """See `BaseNetwork.memory`."""
        numbers = length(self.layers) + (self.features.features - self.features.inputs) * self.sizes[1]
        room = (np.empty(numbers, self.flat.dtype) for _ in range(2))
        return ProjectedMemory(*super().memory(batch), *room)

    def prepared(self) -> Array:
        """See `BaseNetwork.prepared`."""
        memory = self.memory(0)
        found = np.empty((self.members, len(memory.projected)), self.flat.dtype)
        _prepare_all(self.shape(), self.flat, memory, found)
        return found


class ProjectedShape(NamedTuple):
    """As `mlp.MlpShape`. projected_sizes: with features for inputs."""

    sizes: Array
    projected_sizes: Array
    tanh: bool
    length: int
    table: FeatureTable


class ProjectedMemory(NamedTuple):
    """As `mlp.MlpMemory`, and room for a member's projected layers and their gradient, float[numbers]."""

    activations: Array
    scratch: Array
    projected: Array
    grad_projected: Array


def on_features(network: BaseNetwork, features: Features | None) -> BaseNetwork:
    """The same networks, sharing parameters, taking active features where there are some, and where the first layer of
    their kind can. Raises ValueError where these do not fit."""
    if isinstance(features, FeatureTable):
        return projected(network, features) if isinstance(network, Mlp) else network
    return network if features is None else replace(network, features=features)


def projected(mlp: Mlp, table: FeatureTable) -> ProjectedMlp:
    """As `on_features`."""
    held = {field.name: getattr(mlp, field.name) for field in fields(Mlp)}
    return ProjectedMlp(**{**held, "features": table})


@compiled_for(_prepare_member, ProjectedShape)
def _prepare_projected(shape: Any, member: int, params: Array, memory: Any) -> Array:
    _project(shape.table, member, params[: shape.length], shape.sizes[1], memory.projected)
    found: Array = memory.projected
    return found


@compiled_for(_forward_member, ProjectedShape)
def _forward_projected(shape: Any, prepared: Array, inputs: Array, memory: Any, outputs: Array, dropout: Drop) -> None:
    _mlp_forward(prepared, shape.projected_sizes, shape.tanh, inputs, memory.activations, outputs, dropout)


@compiled_for(_backward_member, ProjectedShape)
def _backward_projected(
    shape: Any,
    member: int,
    prepared: Array,
    inputs: Array,
    space: NetworkWorkspace,
    dropout: Drop,
    grad_inputs: Array | None = None,
) -> None:
    memory = space.memory
    sizes, tanh, activations, scratch = shape.projected_sizes, shape.tanh, memory.activations, memory.scratch
    gradient = memory.grad_projected
    _mlp_backward(prepared, sizes, tanh, inputs, activations, space.grad_outputs, gradient, scratch, dropout)
    _project_gradient(shape.table, member, gradient, sizes[1], space.grad_params[: shape.length])


@njit
def _project(table: FeatureTable, member: int, params: Array, units: int, projected: Array) -> None:
    """Fill `projected` from a member's parameters, whose input layer has `units`: table @ weights, the rest as is."""
    features = len(table.starts) - 1
    weight = params[: table.inputs * units].reshape(table.inputs, units)
    sums = projected[: features * units].reshape(features, units)
    projected[features * units :] = params[table.inputs * units :]
    if len(table.rows):
        np.dot(table.rows[member], weight, sums)
        return
    for feature in range(features):
        for unit in range(units):
            sums[feature, unit] = 0
        for entry in range(table.starts[feature], table.starts[feature + 1]):
            column, value = table.columns[entry], table.values[entry]
            for unit in range(units):
                sums[feature, unit] += value * weight[column, unit]


@njit
def _project_gradient(table: FeatureTable, member: int, grad_projected: Array, units: int, grad_params: Array) -> None:
    """Fill `grad_params`, the gradient of a member's parameters, from that of its projected ones."""
    features = len(table.starts) - 1
    grad_weight = grad_params[: table.inputs * units].reshape(table.inputs, units)
    grad_sums = grad_projected[: features * units].reshape(features, units)
    grad_params[table.inputs * units :] = grad_projected[features * units :]
    if len(table.rows):
        np.dot(table.rows[member].T, grad_sums, grad_weight)
        return
    grad_weight[:] = 0
    for feature in range(features):
        for entry in range(table.starts[feature], table.starts[feature + 1]):
            column, value = table.columns[entry], table.values[entry]
            for unit in range(units):
                grad_weight[column, unit] += value * grad_sums[feature, unit]
