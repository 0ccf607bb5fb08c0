"""The forward and backward pass of stacked multilayer perceptrons, compiled.

One member after the other, so that all of a member's numbers stay in the cache and no time goes into calling
operations. Against the same passes by batched products and autograd an update of 20 members with 64-64 units took half
the CPU time (`python -m harness bench`); losses, and everything else, are still differentiated by autograd.

Parameters are `Mlp.flat`: float[members, parameters]. `sizes` are int64[layers + 1], units per layer. `hidden` keeps
the activations of the hidden layers, float[members, batch * all hidden units], one layer after the other.
"""

import numba
import numpy as np

Array = np.ndarray


@numba.njit(error_model="numpy")
def forward_pass(flat: Array, sizes: Array, tanh: bool, inputs: Array, hidden: Array, outputs: Array) -> None:
    """Fill `hidden` and `outputs` (float[members, batch, out]) for `inputs` (float[members, batch, in])."""
    batch, last = inputs.shape[1], len(sizes) - 2
    for member in range(len(flat)):
        below = inputs[member]
        start, kept = 0, 0
        for layer in range(last + 1):
            weight, bias, start = _layer(flat[member], start, sizes[layer], sizes[layer + 1])
            if layer == last:
                above = outputs[member]
            else:
                above = hidden[member, kept : kept + batch * sizes[layer + 1]].reshape(batch, sizes[layer + 1])
                kept += above.size
            np.dot(below, weight, above)
            if layer == last:
                for sample in range(batch):
                    for unit in range(len(bias)):
                        above[sample, unit] += bias[unit]
            elif tanh:
                for sample in range(batch):
                    for unit in range(len(bias)):
                        above[sample, unit] = np.tanh(above[sample, unit] + bias[unit])
            else:
                for sample in range(batch):
                    for unit in range(len(bias)):
                        sum_ = above[sample, unit] + bias[unit]
                        above[sample, unit] = above.dtype.type(0) if sum_ < 0 else sum_  # NaN stays NaN
            below = above


@numba.njit(error_model="numpy")
def backward_pass(
    flat: Array, sizes: Array, tanh: bool, inputs: Array, hidden: Array, to_outputs: Array, to_flat: Array
) -> None:
    """Fill `to_flat` (as `flat`) with the gradient, given that to the outputs, `to_outputs` (float[members, batch,
    out]), and the activations that `forward_pass` left in `hidden`."""
    batch, last = inputs.shape[1], len(sizes) - 2
    scratch = np.empty((2, batch * sizes.max()), dtype=flat.dtype)
    for member in range(len(flat)):
        to_above = to_outputs[member]
        end, kept = flat.shape[1], hidden.shape[1]
        for layer in range(last, -1, -1):
            below_units, units = sizes[layer], sizes[layer + 1]
            start = end - (below_units + 1) * units
            weight, _, _ = _layer(flat[member], start, below_units, units)
            to_weight, to_bias, _ = _layer(to_flat[member], start, below_units, units)
            end = start
            to_bias[:] = 0
            for sample in range(batch):
                for unit in range(units):
                    to_bias[unit] += to_above[sample, unit]
            if layer == 0:
                np.dot(inputs[member].T, to_above, to_weight)
                break
            kept -= batch * below_units
            below = hidden[member, kept : kept + batch * below_units].reshape(batch, below_units)
            np.dot(below.T, to_above, to_weight)
            to_below = scratch[layer % 2, : batch * below_units].reshape(batch, below_units)
            np.dot(to_above, weight.T, to_below)
            if tanh:
                for sample in range(batch):
                    for unit in range(below_units):
                        to_below[sample, unit] *= 1 - below[sample, unit] * below[sample, unit]
            else:
                for sample in range(batch):
                    for unit in range(below_units):
                        if below[sample, unit] <= 0:
                            to_below[sample, unit] = 0
            to_above = to_below


@numba.njit(error_model="numpy")
def _layer(row: Array, start: int, inputs: int, outputs: int) -> tuple[Array, Array, int]:
    """One layer's weights [in, out] and biases [out] in a member's row, and where the next layer starts."""
    middle = start + inputs * outputs
    return row[start:middle].reshape(inputs, outputs), row[middle : middle + outputs], middle + outputs
