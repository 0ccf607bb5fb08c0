"""The forward and backward pass of a multilayer perceptron, compiled, one member of a population after the other.

So all of a member's numbers stay in the cache, and no time goes into calling operations. Batched products and autograd
took 2.9 times as long for an update of 20 members with 64-64 units, and 1.9 times with 128-128 (once, interleaved with
commit cd3146c; no kept benchmark repeats it), which is why gradients through layers are written by hand here. Tests
hold them against autograd's.

A member's `row` is its row of `Mlp.flat`: float[parameters]. `sizes` are int64[layers + 1], units per layer. `inputs`
are float[batch, in]; or of a folded network (`harness.networks.sparse_input`) int16[batch, most], the numbers of
the rows of its first layer that are summed, -1 after the last. `hidden` keeps the activations of the hidden layers,
float[batch * all hidden units], one layer after the other.

Dropout's draws are counted, not taken from a generator: each is a function of a key (of a member, an update and a
network) and of a unit's place in `hidden`. So the backward pass draws again what the forward pass drew, nothing has to
be kept, and who shares the population does not matter. A pass that is given none is compiled without it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numba
import numpy as np
from numba.extending import overload

from harness.compiled import njit

Array = np.ndarray


class Dropout(NamedTuple):
    """The hidden units that one pass of one member does without. share: of them, below 1; key: uint64, of the draws."""

    share: float
    key: np.uint64


@njit
def member_forward(
    row: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    hidden: Array,
    outputs: Array,
    dropout: Dropout | None = None,
) -> None:
    """Fill `hidden` and `outputs` (float[batch, out]) for `inputs`."""
    batch, last = len(inputs), len(sizes) - 2
    below = outputs  # of the first layer it is `inputs`, which may be of another type
    start, kept = 0, 0
    for layer in range(last + 1):
        weight, bias, start = _layer(row, start, sizes[layer], sizes[layer + 1])
        if layer == last:
            above = outputs
        else:
            above = hidden[kept : kept + batch * sizes[layer + 1]].reshape(batch, sizes[layer + 1])
            kept += above.size
        if layer == 0:
            _first_product(inputs, weight, above)
        else:
            np.dot(below, weight, above)
        for sample in range(batch):
            for unit in range(len(bias)):
                above[sample, unit] += bias[unit]
        if layer < last:
            _activate(above, tanh)
            if dropout is not None:
                _drop(above, kept - above.size, dropout)
        below = above


@njit
def member_backward(
    row: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    hidden: Array,
    to_outputs: Array,
    to_row: Array,
    scratch: Array,
    dropout: Dropout | None = None,
) -> None:
    """Fill `to_row` (as `row`) with the gradient, given that to the outputs, `to_outputs` (float[batch, out]), and the
    activations that `member_forward` left in `hidden`, under the same `dropout`. `scratch`: float[2, batch * units of
    the widest layer]."""
    batch, last = len(inputs), len(sizes) - 2
    to_above = to_outputs
    end, kept = len(row), len(hidden)
    for layer in range(last, -1, -1):
        below_units, units = sizes[layer], sizes[layer + 1]
        start = end - (below_units + 1) * units
        weight, _, _ = _layer(row, start, below_units, units)
        to_weight, to_bias, _ = _layer(to_row, start, below_units, units)
        end = start
        to_bias[:] = 0
        for sample in range(batch):
            for unit in range(units):
                to_bias[unit] += to_above[sample, unit]
        if layer == 0:
            _to_first_weight(inputs, to_above, to_weight)
            return
        kept -= batch * below_units
        below = hidden[kept : kept + batch * below_units].reshape(batch, below_units)
        np.dot(below.T, to_above, to_weight)
        to_below = scratch[layer % 2, : batch * below_units].reshape(batch, below_units)
        np.dot(to_above, weight.T, to_below)
        if dropout is not None:
            _through_dropped(below, kept, dropout, tanh, to_below)
        else:
            _through_activation(below, tanh, to_below)
        to_above = to_below


def _first_product(inputs: Array, weight: Array, above: Array) -> None:
    """Fill `above` with inputs @ weight, or with sums of rows of `weight`: compiled for either kind of inputs."""
    raise NotImplementedError


@overload(_first_product, jit_options={"error_model": "numpy"})
def _first_product_of(inputs: Array, weight: Array, above: Array) -> Callable[[Array, Array, Array], None]:
    def product(inputs: Array, weight: Array, above: Array) -> None:
        np.dot(inputs, weight, above)

    def sums(inputs: Array, weight: Array, above: Array) -> None:
        most, units = inputs.shape[1], weight.shape[1]
        for sample in range(len(inputs)):
            for unit in range(units):
                above[sample, unit] = 0
            for place in range(most):
                row = inputs[sample, place]
                if row < 0:
                    break
                for unit in range(units):
                    above[sample, unit] += weight[row, unit]

    return sums if isinstance(inputs.dtype, numba.types.Integer) else product


def _to_first_weight(inputs: Array, to_above: Array, to_weight: Array) -> None:
    """Fill `to_weight` with the gradient of the first layer's weights."""
    raise NotImplementedError


@overload(_to_first_weight, jit_options={"error_model": "numpy"})
def _to_first_weight_of(inputs: Array, to_above: Array, to_weight: Array) -> Callable[[Array, Array, Array], None]:
    def product(inputs: Array, to_above: Array, to_weight: Array) -> None:
        np.dot(inputs.T, to_above, to_weight)

    def sums(inputs: Array, to_above: Array, to_weight: Array) -> None:
        most, units = inputs.shape[1], to_weight.shape[1]
        to_weight[:] = 0
        for sample in range(len(inputs)):
            for place in range(most):
                row = inputs[sample, place]
                if row < 0:
                    break
                for unit in range(units):
                    to_weight[row, unit] += to_above[sample, unit]

    return sums if isinstance(inputs.dtype, numba.types.Integer) else product


@njit
def forward_pass(
    flat: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    hidden: Array,
    outputs: Array,
    share: float = 0.0,
    keys: Array | None = None,
) -> None:
    """`member_forward` for each member: all arrays have members first. keys: uint64[members], of their dropout."""
    for m in range(len(flat)):
        if keys is None:
            member_forward(flat[m], sizes, tanh, inputs[m], hidden[m], outputs[m])
        else:
            member_forward(flat[m], sizes, tanh, inputs[m], hidden[m], outputs[m], Dropout(share, keys[m]))


@njit
def backward_pass(
    flat: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    hidden: Array,
    to_outputs: Array,
    to_flat: Array,
    scratch: Array,
    share: float = 0.0,
    keys: Array | None = None,
) -> None:
    """`member_backward` for each member: all arrays but `scratch` have members first."""
    for m in range(len(flat)):
        row, inner, to_row = flat[m], hidden[m], to_flat[m]
        if keys is None:
            member_backward(row, sizes, tanh, inputs[m], inner, to_outputs[m], to_row, scratch)
        else:
            dropout = Dropout(share, keys[m])
            member_backward(row, sizes, tanh, inputs[m], inner, to_outputs[m], to_row, scratch, dropout)


def dropout_keys(streams: Sequence[np.random.Generator]) -> Array:
    """uint64[members]: a key of each member, the first number of its stream."""
    return np.array([rng.integers(2**64, dtype=np.uint64) for rng in streams], dtype=np.uint64)


def drawn(keys: Array, number: int) -> Array:
    """uint64[members]: the keys that these have for their update `number` (from 0)."""
    return np.array([draw(key, number) for key in keys], dtype=np.uint64)


@njit
def draw(key: np.uint64, number: int) -> np.uint64:
    """The uint64 `number` (from 0) of the sequence that SplitMix64 starts at `key` (Steele, Lea & Flood 2014)."""
    mixed = np.uint64(key) + np.uint64(number + 1) * _STEP  # of mixed signs they would be added as floats
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return np.uint64(mixed ^ (mixed >> np.uint64(31)))


_STEP, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@njit
def _layer(row: Array, start: int, inputs: int, outputs: int) -> tuple[Array, Array, int]:
    """One layer's weights [in, out] and biases [out] in a member's row, and where the next layer starts."""
    middle = start + inputs * outputs
    return row[start:middle].reshape(inputs, outputs), row[middle : middle + outputs], middle + outputs


@njit
def _activate(units: Array, tanh: bool) -> None:
    values = units.ravel()
    if tanh:
        for i in range(len(values)):
            values[i] = np.tanh(values[i])
    else:
        for i in range(len(values)):
            values[i] = values.dtype.type(0) if values[i] < 0 else values[i]  # NaN stays NaN


@njit
def _through_activation(units: Array, tanh: bool, gradient: Array) -> None:
    values, to_values = units.ravel(), gradient.ravel()
    if tanh:
        for i in range(len(values)):
            to_values[i] *= 1 - values[i] * values[i]
    else:
        for i in range(len(values)):
            to_values[i] = values.dtype.type(0) if values[i] <= 0 else to_values[i]


@njit
def _is_dropped(dropout: Dropout, place: int) -> bool:
    """Whether the unit at this place of `hidden` is; from the draw's upper 53 bits, as a number from 0 to below 1."""
    return bool((draw(dropout.key, place) >> np.uint64(11)) * 2.0**-53 < dropout.share)


@njit
def _drop(units: Array, place: int, dropout: Dropout) -> None:
    """Leave units out, and scale the others so that their expectation stays. place: of the first one in `hidden`."""
    values = units.ravel()
    scale = values.dtype.type(1 / (1 - dropout.share))
    for i in range(len(values)):
        values[i] = values.dtype.type(0) if _is_dropped(dropout, place + i) else values[i] * scale


@njit
def _through_dropped(units: Array, place: int, dropout: Dropout, tanh: bool, gradient: Array) -> None:
    values, to_values = units.ravel(), gradient.ravel()
    scale = values.dtype.type(1 / (1 - dropout.share))
    kept = values.dtype.type(1 - dropout.share)
    for i in range(len(values)):
        if _is_dropped(dropout, place + i):
            to_values[i] = values.dtype.type(0)
        elif tanh:
            before = values[i] * kept
            to_values[i] *= scale * (1 - before * before)
        else:
            to_values[i] = values.dtype.type(0) if values[i] <= 0 else to_values[i] * scale
