"""The forward and backward pass of a multilayer perceptron, compiled, one member of a population after the other.

So all of a member's numbers stay in the cache, and calling operations costs no time. Batched products and autograd took
2.9 times as long for an update of 20 members with 64-64 units, and 1.9 times with 128-128 (measured once, at commit
cd3146c), which is why the gradients are written by hand. Tests compare them with autograd's.

A member's `params` are the part of its row of `Params.flat` that holds its layers. `sizes` are int64[layers + 1], units
per layer. `inputs` are float[batch, in]; or int16[batch, most], the numbers of the active inputs or features, -1 after
the last (`harness.networks.sparse_input`). `activations` are those of the hidden layers, float[batch * all hidden
units], one layer after the other.
"""

from collections.abc import Callable

import numba
import numpy as np
from numba.extending import overload

from harness.compiled import njit
from harness.networks.dropout import Dropout, _drop, _through_dropped

Array = np.ndarray


@njit
def _mlp_forward(
    params: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    activations: Array,
    outputs: Array,
    dropout: Dropout | None = None,
) -> None:
    """Fill `activations` and `outputs` (float[batch, out]) for `inputs`."""
    batch, last = len(inputs), len(sizes) - 2
    below = outputs  # the first layer reads `inputs`, which may be of another type
    start, offset = 0, 0
    for layer in range(last + 1):
        weight, bias, start = _layer(params, start, sizes[layer], sizes[layer + 1])
        if layer == last:
            above = outputs
        else:
            above = activations[offset : offset + batch * sizes[layer + 1]].reshape(batch, sizes[layer + 1])
            offset += above.size
        if layer == 0:
            _input_product(inputs, weight, above)
        else:
            np.dot(below, weight, above)
        for sample in range(batch):
            for unit in range(len(bias)):
                above[sample, unit] += bias[unit]
        if layer < last:
            _activate(above, tanh)
            if dropout is not None:
                _drop(above, offset - above.size, dropout)
        below = above


@njit
def _mlp_backward(
    params: Array,
    sizes: Array,
    tanh: bool,
    inputs: Array,
    activations: Array,
    grad_outputs: Array,
    grad_params: Array,
    scratch: Array,
    dropout: Dropout | None = None,
    grad_inputs: Array | None = None,
) -> None:
    """Fill `grad_params` (shaped as `params`), given the gradient with respect to the outputs, float[batch, out], and
    the `activations` that `_mlp_forward` left under the same `dropout`.

    scratch: float[2, batch * units of the widest layer]. grad_inputs: float[batch, in], filled as well where given.
    """
    batch, last = len(inputs), len(sizes) - 2
    grad_above = grad_outputs
    end, offset = len(params), len(activations)
    for layer in range(last, -1, -1):
        below_units, units = sizes[layer], sizes[layer + 1]
        start = end - (below_units + 1) * units
        weight, _, _ = _layer(params, start, below_units, units)
        grad_weight, grad_bias, _ = _layer(grad_params, start, below_units, units)
        end = start
        grad_bias[:] = 0
        for sample in range(batch):
            for unit in range(units):
                grad_bias[unit] += grad_above[sample, unit]
        if layer == 0:
            _input_weight_gradient(inputs, grad_above, grad_weight)
            if grad_inputs is not None:
                np.dot(grad_above, weight.T, grad_inputs)
            return
        offset -= batch * below_units
        below = activations[offset : offset + batch * below_units].reshape(batch, below_units)
        np.dot(below.T, grad_above, grad_weight)
        grad_below = scratch[layer % 2, : batch * below_units].reshape(batch, below_units)
        np.dot(grad_above, weight.T, grad_below)
        if dropout is not None:
            _through_dropped(below, offset, dropout, tanh, grad_below)
        else:
            _through_activation(below, tanh, grad_below)
        grad_above = grad_below


def _input_product(inputs: Array, weight: Array, above: Array) -> None:
    """Fill `above` with inputs @ weight, or with sums of rows of `weight`; compiled for either kind of inputs."""
    raise NotImplementedError


@overload(_input_product, jit_options={"error_model": "numpy"})
def _input_product_of(inputs: Array, weight: Array, above: Array) -> Callable[[Array, Array, Array], None]:
    def product(inputs: Array, weight: Array, above: Array) -> None:
        np.dot(inputs, weight, above)

    def sums(inputs: Array, weight: Array, above: Array) -> None:
        most, units = inputs.shape[1], weight.shape[1]
        for sample in range(len(inputs)):
            for unit in range(units):
                above[sample, unit] = 0
            for place in range(most):
                feature = inputs[sample, place]
                if feature < 0:
                    break
                for unit in range(units):
                    above[sample, unit] += weight[feature, unit]

    return sums if isinstance(inputs.dtype, numba.types.Integer) else product


def _input_weight_gradient(inputs: Array, grad_above: Array, grad_weight: Array) -> None:
    """Fill `grad_weight` with the gradient of the input layer's weights; compiled for either kind of inputs."""
    raise NotImplementedError


@overload(_input_weight_gradient, jit_options={"error_model": "numpy"})
def _input_weight_gradient_of(
    inputs: Array, grad_above: Array, grad_weight: Array
) -> Callable[[Array, Array, Array], None]:
    def product(inputs: Array, grad_above: Array, grad_weight: Array) -> None:
        np.dot(inputs.T, grad_above, grad_weight)

    def sums(inputs: Array, grad_above: Array, grad_weight: Array) -> None:
        most, units = inputs.shape[1], grad_weight.shape[1]
        grad_weight[:] = 0
        for sample in range(len(inputs)):
            for place in range(most):
                feature = inputs[sample, place]
                if feature < 0:
                    break
                for unit in range(units):
                    grad_weight[feature, unit] += grad_above[sample, unit]

    return sums if isinstance(inputs.dtype, numba.types.Integer) else product


@njit
def _layer(params: Array, start: int, inputs: int, outputs: int) -> tuple[Array, Array, int]:
    """One layer's weights [in, out] and biases [out] in a member's parameters, and where the next layer starts."""
    middle = start + inputs * outputs
    return params[start:middle].reshape(inputs, outputs), params[middle : middle + outputs], middle + outputs


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
    values, slopes = units.ravel(), gradient.ravel()
    if tanh:
        for i in range(len(values)):
            slopes[i] *= 1 - values[i] * values[i]
    else:
        for i in range(len(values)):
            slopes[i] = values.dtype.type(0) if values[i] <= 0 else slopes[i]
