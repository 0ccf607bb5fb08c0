"""Sparse observations: sums of a few active features out of many, and networks whose first layer takes these.

Where a feature is an input that is one, all others being zero (`BinaryInputs`), the first layer adds up the rows of its
weights that belong to the active inputs.

Where features have a table of what they add (`FeatureTable`), the first layer is projected on it first. A maze shows
its layout, and what the agent, the enemies and each thing that was taken change about that. So an observation of 1,200
numbers is the sum of some 25 features out of 250, and its product with the input layer's weights is the sum of as many
rows of table @ weights. A *projected* network has these rows, one per feature, in place of its input layer's weights.
It is projected anew where the weights have changed, and its inputs are only the numbers of the active features. The
sums are the same up to the order of their terms.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from harness.arguments import check_array, check_indices
from harness.compiled import compiled_for, njit
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

SPARSE = 0.1
"""A table of which a smaller part is not zero is stored as its entries alone."""


class BinaryInputs(NamedTuple):
    """Observations of `inputs` numbers that are 0 or 1; a feature is an input that is 1."""

    inputs: int

    @property
    def features(self) -> int:
        """As many as there are inputs."""
        return self.inputs

    def keep(self, members: Array) -> "BinaryInputs":
        """The same for all members."""
        return self

    def only(self, columns: Array, members: int) -> "FeatureTable":
        """What the same features are where these inputs alone are observed (int64[kept])."""
        return FeatureTable.of(np.eye(self.inputs, dtype=np.float32)[None][..., columns], members)


class FeatureTable(NamedTuple):
    """What each feature adds to an observation, in one of two forms; the other form's arrays are empty.

    starts, columns, values: the entries of one table for all members, feature by feature, those of feature f from
    starts[f] up to starts[f + 1]; int64[features + 1], int64[entries], float[entries]. rows: float[members, features,
    inputs]. inputs: of an observation.
    """

    starts: Array
    columns: Array
    values: Array
    rows: Array
    inputs: int

    @classmethod
    def of(cls, rows: Array, members: int) -> "FeatureTable":
        """From float[1 or members, features, inputs]: one for all members, or each one's own."""
        check_array("rows", rows, (-1, -1, -1))
        _, features, inputs = rows.shape
        if len(rows) == 1 and np.count_nonzero(rows) < SPARSE * rows.size:
            feature, columns = np.nonzero(rows[0])
            starts = np.searchsorted(feature, np.arange(features + 1))
            none = np.empty((0, features, inputs), dtype=rows.dtype)
            return cls(starts, np.ascontiguousarray(columns), rows[0, feature, columns], none, inputs)
        own = np.array(np.broadcast_to(rows, (members, features, inputs)), order="C")  # writable, as all: one type
        return cls(np.zeros(features + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), own[0, 0, :0], own, inputs)

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self.starts) - 1

    def check(self) -> None:
        """Raise ValueError where its arrays do not fit each other, TypeError where one holds no numbers."""
        check_array("starts", self.starts, (-1,), whole=True)
        check_indices("columns", self.columns, (-1,), self.inputs)
        check_array("values", self.values, self.columns.shape)
        rise = (self.starts[:-1] <= self.starts[1:]).all()
        if self.features < 1 or not rise or self.starts[0] < 0 or self.starts[-1] > len(self.columns):
            raise ValueError(f"starts must be of one feature or more, and rise from 0 to at most {len(self.columns)}")
        check_array("rows", self.rows, (-1, self.features, self.inputs))

    def keep(self, members: Array) -> "FeatureTable":
        """That of these members alone (int64[kept])."""
        return self._replace(rows=self.rows[members]) if len(self.rows) else self

    def only(self, columns: Array, members: int) -> "FeatureTable":
        """What the same features add where these inputs alone are observed (int64[kept])."""
        rows = self.rows
        if not len(rows):
            rows = np.zeros((1, self.features, self.inputs), dtype=self.values.dtype)
            rows[0, np.repeat(np.arange(self.features), np.diff(self.starts)), self.columns] = self.values
        return FeatureTable.of(rows[..., columns], members)

    def astype(self, dtype: np.dtype) -> "FeatureTable":
        """In the precision of a network."""
        return self._replace(values=self.values.astype(dtype), rows=self.rows.astype(dtype, copy=False))


Features = BinaryInputs | FeatureTable


@dataclass
class SparseMlp(Mlp):
    """Multilayer perceptrons that take active features, int16[members, batch, most], -1 after the last one."""

    features: Features

    @property
    def feature_count(self) -> int:
        """See `BaseNetwork.feature_count`."""
        return self.features.features

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features.inputs != self.sizes[0]:
            raise ValueError(f"features of {self.features.inputs} inputs do not fit networks of {self.sizes[0]} inputs")

    def input_room(self, *shape: int, like: Array) -> Array:
        """See `BaseNetwork.input_room`; `like` are active features."""
        return np.empty((*shape, like.shape[-1]), dtype=np.int16)

    def checked_inputs(self, observations: Array, batch: int = -1) -> Array:
        """See `BaseNetwork.checked_inputs`. Raises ValueError for a feature that is none."""
        return active_inputs(observations, (self.members, batch), self.features.features)


@dataclass
class ProjectedMlp(SparseMlp):
    """Networks whose first layer is projected on a table of features: prepared, they have a row per feature.

    Raises ValueError where the table does not fit them, and as `FeatureTable.check`.
    """

    features: FeatureTable

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.features.rows) not in (0, self.members):
            raise ValueError(f"a table of {len(self.features.rows)} members does not fit {self.members} networks")
        self.features.check()
        self.features = self.features.astype(self.flat.dtype)

    def take(self, members: Array) -> "ProjectedMlp":
        """See `BaseNetwork.take`."""
        return projected(Mlp.take(_plain(self), members), self.features.keep(members))

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
    if features is None or not isinstance(network, Mlp):
        return network if features is None else network.on(features)
    if isinstance(features, FeatureTable):
        return projected(network, features)
    plain = _plain(network)
    return SparseMlp(plain.params, plain.head, plain.dropout, plain.sizes, plain.activation, features)


def projected(mlp: Mlp, table: FeatureTable) -> ProjectedMlp:
    """As `on_features`."""
    plain = _plain(mlp)
    return ProjectedMlp(plain.params, plain.head, plain.dropout, plain.sizes, plain.activation, table)


def active_inputs(observations: Array, cells: tuple[int, int], features: int) -> Array:
    """Active features [members, batch, most] as compiled passes take them. cells: members and batch, or -1.

    Raises as `check_array`, and ValueError for a feature that is none of so many.
    """
    most = observations.shape[-1] if isinstance(observations, Array) and observations.ndim else -1
    check_array("observations", observations, (*cells, most), whole=True)
    found = np.ascontiguousarray(observations, dtype=np.int16)
    if _largest(found) >= features:
        raise ValueError(f"feature {found.max()} is none of the {features} that these networks take")
    return found


def _plain(mlp: Mlp) -> Mlp:
    """The same networks, that take observations."""
    return Mlp(*(getattr(mlp, field.name) for field in fields(Mlp)))


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


@njit
def _largest(features: Array) -> int:
    """Of int16[members, batch, most]; -1 where there are none. It takes a third of the time that numpy's does."""
    largest = np.int16(-1)
    for feature in features.ravel():
        largest = max(largest, feature)
    return int(largest)
