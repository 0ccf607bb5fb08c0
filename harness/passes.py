"""The forward and backward pass of a multilayer perceptron, compiled, one member of a population after the other.

So all of a member's numbers stay in the cache, and no time goes into calling operations. Batched products and autograd
took 2.9 times as long for an update of 20 members with 64-64 units, and 1.9 times with 128-128 (once, interleaved with
commit cd3146c; no kept benchmark repeats it), which is why gradients through layers are written by hand here. Tests
hold them against autograd's.

A member's `row` is its row of `Mlp.flat`: float[parameters]. `sizes` are int64[layers + 1], units per layer. `hidden`
keeps the activations of the hidden layers, float[batch * all hidden units], one layer after the other.
"""

import numba
import numpy as np

Array = np.ndarray


@numba.njit(error_model="numpy")
def member_forward(row: Array, sizes: Array, tanh: bool, inputs: Array, hidden: Array, outputs: Array) -> None:
    """Fill `hidden` and `outputs` (float[batch, out]) for `inputs` (float[batch, in])."""
    batch, last = len(inputs), len(sizes) - 2
    below = inputs
    start, kept = 0, 0
    for layer in range(last + 1):
        weight, bias, start = _layer(row, start, sizes[layer], sizes[layer + 1])
        if layer == last:
            above = outputs
        else:
            above = hidden[kept : kept + batch * sizes[layer + 1]].reshape(batch, sizes[layer + 1])
            kept += above.size
        np.dot(below, weight, above)
        for sample in range(batch):
            for unit in range(len(bias)):
                above[sample, unit] += bias[unit]
        if layer < last:
            _activate(above, tanh)
        below = above


@numba.njit(error_model="numpy")
def member_backward(
    row: Array, sizes: Array, tanh: bool, inputs: Array, hidden: Array, to_outputs: Array, to_row: Array, scratch: Array
) -> None:
    """Fill `to_row` (as `row`) with the gradient, given that to the outputs, `to_outputs` (float[batch, out]), and the
    activations that `member_forward` left in `hidden`. `scratch`: float[2, batch * units of the widest layer]."""
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
            np.dot(inputs.T, to_above, to_weight)
            return
        kept -= batch * below_units
        below = hidden[kept : kept + batch * below_units].reshape(batch, below_units)
        np.dot(below.T, to_above, to_weight)
        to_below = scratch[layer % 2, : batch * below_units].reshape(batch, below_units)
        np.dot(to_above, weight.T, to_below)
        _through_activation(below, tanh, to_below)
        to_above = to_below


@numba.njit(error_model="numpy")
def forward_pass(flat: Array, sizes: Array, tanh: bool, inputs: Array, hidden: Array, outputs: Array) -> None:
    """`member_forward` for each member: all arrays have members first."""
    for member in range(len(flat)):
        member_forward(flat[member], sizes, tanh, inputs[member], hidden[member], outputs[member])


@numba.njit(error_model="numpy")
def backward_pass(
    flat: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    hidden: Array,
    to_outputs: Array,
    to_flat: Array,
    scratch: Array,
) -> None:
    """`member_backward` for each member: all arrays but `scratch` have members first."""
    for m in range(len(flat)):
        member_backward(flat[m], sizes, tanh, inputs[m], hidden[m], to_outputs[m], to_flat[m], scratch)


@numba.njit(error_model="numpy")
def _layer(row: Array, start: int, inputs: int, outputs: int) -> tuple[Array, Array, int]:
    """One layer's weights [in, out] and biases [out] in a member's row, and where the next layer starts."""
    middle = start + inputs * outputs
    return row[start:middle].reshape(inputs, outputs), row[middle : middle + outputs], middle + outputs


@numba.njit(error_model="numpy")
def _activate(units: Array, tanh: bool) -> None:
    values = units.ravel()
    if tanh:
        for i in range(len(values)):
            values[i] = np.tanh(values[i])
    else:
        for i in range(len(values)):
            values[i] = values.dtype.type(0) if values[i] < 0 else values[i]  # NaN stays NaN


@numba.njit(error_model="numpy")
def _through_activation(units: Array, tanh: bool, gradient: Array) -> None:
    values, to_values = units.ravel(), gradient.ravel()
    if tanh:
        for i in range(len(values)):
            to_values[i] *= 1 - values[i] * values[i]
    else:
        for i in range(len(values)):
            to_values[i] = values.dtype.type(0) if values[i] <= 0 else to_values[i]
