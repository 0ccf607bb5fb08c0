"""Networks whose surviving weights are kept as lists: what is pruned costs neither a product nor a step of Adam.

The units of dense layers are numbered from the inputs to the outputs. Each one but the inputs has a list of the weights
that lead to it, and of the units that these come from. A member's row holds its biases and all of its lists of weights;
and behind all else, as numbers that no gradient changes, the inputs that are in use, where each list starts, and the
lists of units. So members share a population whatever their masks, and what copies a row copies its lists.

Passes go member after member, and have the batch innermost: a weight multiplies a unit's values in the whole batch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.extending import overload

from harness.compiled import compiled_for, njit, njit_in_any_order
from harness.networks.cnn import Cnn
from harness.networks.kernels import _activate, _through_activation
from harness.networks.mlp import ACTIVATIONS, Mlp, mlp_layout
from harness.networks.network import (
    BaseNetwork,
    Drop,
    NetworkWorkspace,
    _backward_member,
    _forward_member,
    _prepare_member,
)
from harness.networks.params import Layout, Params, Tensor, length

Array = np.ndarray
BLOCK = 16
"""Arrays are turned so many columns at a time, which stay in the cache."""
LISTED_DENSITY = 0.05
"""Dense layers become lists where at most this part of their weights is left. Measured: an update at this density, of
batches of 32 to 256, took 0.35 to 0.95 times as long as the dense one (400-128-64 and 1,000-128-64 on numbers or on 33
or 60 active inputs, and 16x3, 128-64 on 4 x 10 x 10 cells; one forward pass or DQN's three; with AVX-512 and by the
kernels for Haswell). At twice this density those on active inputs took up to 1.4 times as long."""
LISTED_WEIGHTS = 20_000
"""Networks with fewer weights in their dense layers stay dense: at 128-128 on a few inputs little is to be saved, and
results keep their bits."""


@dataclass(frozen=True)
class ListedLayers:
    """Dense layers of `sizes` units, inputs and outputs included, of which a member keeps at most `most` weights."""

    sizes: tuple[int, ...]
    activation: str
    most: int

    def layout(self, first: int = 0) -> Layout:
        """The biases of each layer, then all weights; `first` is the number of the first layer."""
        biases = (tensor for tensor in mlp_layout(self.sizes, first) if not tensor.prunable)
        return (*biases, Tensor("survivors", (self.most,), first, prunable=True))

    @property
    def lists(self) -> Layout:
        """What lies behind all else: the inputs in use, -1 after the last; where each unit's list starts, and the last
        one ends; and the units in them."""
        sizes = {"used": self.sizes[0], "starts": sum(self.sizes[1:]) + 1, "sources": self.most}
        return tuple(Tensor(name, (size,), trained=False) for name, size in sizes.items())

    def check(self, network: BaseNetwork) -> None:
        """Raise ValueError unless the lists of these networks are sound, and they have no dropout, whose draws go by
        places that dense layers have."""
        if network.dropout > 0 or network.params.layout[-3:] != self.lists:
            raise ValueError("networks with lists end with these, and have no dropout")
        used, starts, sources = (network.params[tensor.name] for tensor in self.lists)
        rise = (starts[:, 0] == 0).all() and (np.diff(starts) >= 0).all() and (starts[:, -1] <= self.most).all()
        named = (used < self.sizes[0]).all() and ((sources >= 0) & (sources < sum(self.sizes))).all()
        if not rise or not named:
            raise ValueError(f"lists must rise from 0 to at most {self.most}, and name units below {sum(self.sizes)}")

    def shape(self, dtype: np.dtype) -> "ListedShape":
        """See `BaseNetwork.shape`. Raises TypeError where these cannot compute."""
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"networks compute in float32 or float64, not {dtype}")
        units = self.sizes[0], sum(self.sizes[1:-1]), self.sizes[-1]
        return ListedShape(*units, self.activation == ACTIVATIONS[1], self.most)

    def memory(self, batch: int, dtype: np.dtype) -> "ListedMemory":
        """See `BaseNetwork.memory`."""
        return ListedMemory(*np.empty((2, sum(self.sizes), batch), dtype))


@dataclass
class ListedMlp(BaseNetwork):
    """The multilayer perceptrons of a population, as lists."""

    dense: ListedLayers

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dense.check(self)

    @property
    def inputs(self) -> int:
        """See `BaseNetwork.inputs`."""
        return self.dense.sizes[0]

    @property
    def layers(self) -> Layout:
        """See `ListedLayers.layout`."""
        return self.dense.layout()

    def shape(self) -> Any:
        """See `BaseNetwork.shape`."""
        return self.dense.shape(self.flat.dtype)

    def memory(self, batch: int) -> Any:
        """See `BaseNetwork.memory`."""
        return self.dense.memory(batch, self.flat.dtype)


@dataclass(frozen=True)
class Listed:
    """Networks as lists, and the way back. layout: of the full networks. places: int64[members, parameters], which of
    their parameters each one is; kept: bool, alike, false where a member has fewer weights than the one with most."""

    network: BaseNetwork
    masks: Params
    layout: Layout
    places: Array
    kept: Array

    def restored(self, trained: Params) -> Params:
        """`trained`, of listed networks, in the layout of the full ones; zero where weights are pruned."""
        flat = np.zeros((len(self.places), length(self.layout)), trained.flat.dtype)
        members, _ = np.nonzero(self.kept)
        flat[members, self.places[self.kept]] = trained.flat[:, : self.kept.shape[1]][self.kept]
        return Params(flat, self.layout)


def listed_where_it_pays(full: BaseNetwork, network: BaseNetwork, masks: Params) -> Listed | None:
    """The networks as lists where these save time (see `LISTED_DENSITY`) and can stand for them, else None. full: the
    networks before units that reach no output were left out."""
    if not isinstance(full, Mlp | Cnn) or not isinstance(network, Mlp | Cnn) or full.dropout > 0:
        return None
    layers = len(network.sizes) - isinstance(network, Mlp)
    weights, kept = network.weights[-layers:], masks.weights[-layers:]
    most = sum(mask.sum(axis=(1, 2)) for mask in kept).max()
    sparse = most <= LISTED_DENSITY * sum(weight[0].size for weight in weights)
    if sum(weight[0].size for weight in full.weights[-layers:]) < LISTED_WEIGHTS or not sparse:
        return None
    zero = not any(weight[~mask].any() for weight, mask in zip(weights, kept, strict=True))
    return listed(network, masks) if zero else None


def listed(network: Mlp | Cnn, masks: Params) -> Listed:
    """The networks with the weights of their dense layers that `masks` keep, as lists. What a convolution has lost
    stays. Raises ValueError where a weight is not zero that they remove from a dense layer."""
    sizes = network.sizes if isinstance(network, Mlp) else network.dense_sizes
    first, rest = network.layers[: -2 * (len(sizes) - 1)], network.params.layout[len(network.layers) :]
    start, end = length(first), length(network.layers)
    biases, weights, sources, starts = _numbered(start, sizes)
    survive = masks.flat[:, weights]
    if network.flat[:, weights][~survive].any():
        raise ValueError("a weight that is pruned is not zero: no list can leave it out")
    dense = ListedLayers(sizes, network.activation, max(1, int(survive.sum(axis=1).max())))
    held = np.argsort(~survive, axis=1, kind="stable")[:, : dense.most]  # of each member those that survive, in order
    real = np.take_along_axis(survive, held, axis=1)
    before = np.tile(np.concatenate([np.arange(start), biases]), (len(held), 1))
    behind = np.tile(np.arange(end, end + length(rest)), (len(held), 1))
    places = np.hstack([before, weights[held], behind])
    kept = np.hstack([np.ones(before.shape, dtype=bool), real, np.ones(behind.shape, dtype=bool)])
    reads = survive[:, : sizes[0] * sizes[1]].reshape(-1, sizes[1], sizes[0]).any(axis=1)
    used = np.argsort(~reads, axis=1, kind="stable")
    used = np.where(np.take_along_axis(reads, used, axis=1), used, -1)
    counts = np.pad(survive.cumsum(axis=1), ((0, 0), (1, 0)))
    tail = np.hstack([used, counts[:, starts], sources[held] * real])
    layout = first + dense.layout(len(first) // 2) + rest + dense.lists

    def row(full: Params, lists: Array) -> Params:
        own = np.take_along_axis(full.flat, places, axis=1) * kept
        return Params(np.hstack([own, lists.astype(own.dtype)]), layout)

    params, made = row(network.params, tail), row(masks, np.ones_like(tail))
    if isinstance(network, Cnn):
        return Listed(replace(network, params=params, listed=dense), made, network.params.layout, places, kept)
    found = ListedMlp(params, network.head, network.dropout, dense)
    return Listed(found, made, network.params.layout, places, kept)


def _numbered(start: int, sizes: tuple[int, ...]) -> tuple[Array, Array, Array, list[int]]:
    """Where in a row that has these dense layers from `start` on the biases are, and the weights, unit by unit; the
    unit that each weight comes from, the inputs being the first; and how many weights lie before each unit's."""
    biases, weights, sources, starts, source = [], [], [], [0], 0
    for below, units in pairwise(sizes):
        matrix = start + np.arange(below * units).reshape(below, units)
        weights.append(matrix.T.ravel())
        sources.append(source + np.tile(np.arange(below), units))
        biases.append(start + matrix.size + np.arange(units))
        starts += [starts[-1] + below * (unit + 1) for unit in range(units)]
        start, source = start + matrix.size + units, source + below
    return np.concatenate(biases), np.concatenate(weights), np.concatenate(sources), starts


class ListedShape(NamedTuple):
    """As compiled passes take it: how many inputs, hidden units and outputs there are, and room for weights."""

    inputs: int
    hidden: int
    outputs: int
    tanh: bool
    most: int


class ListedMemory(NamedTuple):
    """values: float[inputs and units, batch], of a forward pass. slopes: alike, gradients with respect to them."""

    values: Array
    slopes: Array


@compiled_for(_prepare_member, ListedShape)
def _prepare_listed(shape: Any, member: int, params: Array, memory: Any) -> Array:
    return params


@compiled_for(_forward_member, ListedShape)
def _forward_listed(shape: Any, prepared: Array, inputs: Array, memory: Any, outputs: Array, dropout: Drop) -> None:
    used = prepared[len(prepared) - shape.most - shape.hidden - shape.outputs - 1 - shape.inputs :][: shape.inputs]
    _input_values(inputs, used, memory.values[: shape.inputs])
    _sum_lists(shape, prepared, memory.values)
    _turn(memory.values[shape.inputs + shape.hidden :], outputs)


@compiled_for(_backward_member, ListedShape)
def _backward_listed(
    shape: Any,
    member: int,
    prepared: Array,
    inputs: Array,
    space: NetworkWorkspace,
    dropout: Drop,
    grad_inputs: Array | None = None,
) -> None:
    memory, first_output = space.memory, shape.inputs + shape.hidden
    lowest = shape.inputs if grad_inputs is None else 0
    memory.slopes[lowest:first_output] = 0
    _turn(space.grad_outputs, memory.slopes[first_output:])
    _list_gradients(shape, prepared, memory, lowest, space.grad_params)
    if grad_inputs is not None:
        _turn(memory.slopes[: shape.inputs], grad_inputs)


@njit
def _lists(shape: Any, row: Array) -> tuple[Array, Array, Array, Array]:
    """A member's biases, weights, starts and sources."""
    units, tail = shape.hidden + shape.outputs, len(row) - shape.most
    return row[:units], row[units : units + shape.most], row[tail - units - 1 : tail], row[tail:]


@njit_in_any_order
def _sum_lists(shape: Any, row: Array, values: Array) -> None:
    """Fill `values` of all units from those of the inputs. Four weights at a time take two thirds of the time."""
    biases, weights, starts, sources = _lists(shape, row)
    for unit in range(len(biases)):
        at, k, end = shape.inputs + unit, int(starts[unit]), int(starts[unit + 1])
        for b in range(values.shape[1]):
            values[at, b] = biases[unit]
        while k + 4 <= end:
            i0, i1, i2, i3 = int(sources[k]), int(sources[k + 1]), int(sources[k + 2]), int(sources[k + 3])
            w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            for b in range(values.shape[1]):
                values[at, b] += w0 * values[i0, b] + w1 * values[i1, b] + w2 * values[i2, b] + w3 * values[i3, b]
            k += 4
        for j in range(k, end):
            i0, w0 = int(sources[j]), weights[j]
            for b in range(values.shape[1]):
                values[at, b] += w0 * values[i0, b]
        if unit < shape.hidden:
            _activate(values[at], shape.tanh)


@njit_in_any_order
def _list_gradients(shape: Any, row: Array, memory: Any, lowest: int, grad_params: Array) -> None:
    """Fill `grad_params`, as far as it is of the layers, and `memory.slopes` of the units from `lowest` on, which are
    those of the outputs, and else zero."""
    biases, weights, starts, sources = _lists(shape, row)
    values, slopes, units = memory.values, memory.slopes, len(biases)
    batch, zero, grad_weights = values.shape[1], row.dtype.type(0), grad_params[units : units + shape.most]
    grad_weights[int(starts[units]) :] = 0
    for unit in range(units - 1, -1, -1):
        at, k, end = shape.inputs + unit, int(starts[unit]), int(starts[unit + 1])
        if unit < shape.hidden:
            _through_activation(values[at], shape.tanh, slopes[at])
        s0 = zero
        for b in range(batch):
            s0 += slopes[at, b]
        grad_params[unit] = s0
        if k < end and sources[k] >= lowest:  # then all are: they are of one layer
            for j in range(k, end):
                i0, w0 = int(sources[j]), weights[j]
                for b in range(batch):
                    slopes[i0, b] += w0 * slopes[at, b]
        while k + 4 <= end:
            i0, i1, i2, i3 = int(sources[k]), int(sources[k + 1]), int(sources[k + 2]), int(sources[k + 3])
            s0, s1, s2, s3 = zero, zero, zero, zero
            for b in range(batch):
                s0 += slopes[at, b] * values[i0, b]
                s1 += slopes[at, b] * values[i1, b]
                s2 += slopes[at, b] * values[i2, b]
                s3 += slopes[at, b] * values[i3, b]
            grad_weights[k], grad_weights[k + 1], grad_weights[k + 2], grad_weights[k + 3] = s0, s1, s2, s3
            k += 4
        for j in range(k, end):
            i0, s0 = int(sources[j]), zero
            for b in range(batch):
                s0 += slopes[at, b] * values[i0, b]
            grad_weights[j] = s0


@njit
def _turn(rows: Array, columns: Array) -> None:
    """Fill `columns`, [m, n], with `rows`, [n, m]."""
    for first in range(0, rows.shape[1], BLOCK):
        last = min(first + BLOCK, rows.shape[1])
        for i in range(rows.shape[0]):
            for j in range(first, last):
                columns[j, i] = rows[i, j]


def _input_values(inputs: Array, used: Array, values: Array) -> None:
    """Fill `values`, float[inputs, batch], with what is given or active, at least of the inputs `used`; compiled for
    either kind of inputs."""
    raise NotImplementedError


@overload(_input_values, jit_options={"error_model": "numpy"})
def _input_values_of(inputs: Array, used: Array, values: Array) -> Callable[[Array, Array, Array], None]:
    def given(inputs: Array, used: Array, values: Array) -> None:
        count = len(used)
        while count > 0 and used[count - 1] < 0:
            count -= 1
        for first in range(0, count, BLOCK):
            for sample in range(len(inputs)):
                for place in range(first, min(first + BLOCK, count)):
                    at = int(used[place])
                    values[at, sample] = inputs[sample, at]

    def active(inputs: Array, used: Array, values: Array) -> None:
        values[:] = 0
        for sample in range(len(inputs)):
            for feature in inputs[sample]:
                if feature < 0:
                    break
                values[feature, sample] += 1

    return active if isinstance(inputs.dtype, numba.types.Integer) else given
