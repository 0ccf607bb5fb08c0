"""Convolutions, compiled, of one member.

`size` is int64[8], as `cnn.CnnShape.convolutions` has it: rows, columns and channels below, kernel, stride, filters,
and rows and columns above. Pictures below and above are [batch, rows, columns, channels], in a row. `filters` are
[kernel * kernel * channels + 1, filters], the last row the biases, as they lie in a member's parameters.

The inner loops go over slices, in place, so that they are vectorised: indices that are sums might be negative, and with
these, loops take four times as long.
"""

import numpy as np

from harness.compiled import njit

Array = np.ndarray


@njit
def _filters(params: Array, start: int, size: Array) -> tuple[Array, int]:
    """The filters that start here in a member's parameters, and where the next layer starts."""
    rows = size[3] * size[3] * size[2] + 1
    end = start + rows * size[5]
    return params[start:end].reshape(rows, size[5]), end


@njit
def _channels_last(inputs: Array, size: Array, white: int, pixels: Array) -> None:
    """Fill `pixels` with inputs [batch, channels * rows * columns]; of bytes `white` counts as 1."""
    cells, channels = size[0] * size[1], size[2]
    scale = pixels.dtype.type(1 / white if inputs.itemsize == 1 else 1)
    for sample in range(len(inputs)):
        for channel in range(channels):
            to = sample * cells * channels + channel
            for cell in range(cells):
                pixels[to + cell * channels] = inputs[sample, channel * cells + cell] * scale


@njit
def _convolve(below: Array, batch: int, size: Array, filters: Array, columns: Array, above: Array) -> None:
    """Fill `above` with the products of what its places see and the filters. columns: see `_seen`."""
    places = size[6] * size[7]
    at_once = len(columns) // (places * len(filters))
    for first in range(0, batch, at_once):
        samples = min(at_once, batch - first)
        seen = _seen(below, first, samples, size, columns)
        start, units = first * places * size[5], samples * places * size[5]
        np.dot(seen, filters, above[start : start + units].reshape(samples * places, size[5]))


@njit
def _convolution_gradient(
    below: Array,
    batch: int,
    size: Array,
    filters: Array,
    columns: Array,
    room: Array,
    grad_above: Array,
    grad_filters: Array,
    grad_below: Array | None,
) -> None:
    """Fill `grad_filters`, and `grad_below` where given, from `grad_above`. room: for as much as `filters`."""
    places = size[6] * size[7]
    at_once = len(columns) // (places * len(filters))
    part = room[: filters.size].reshape(filters.shape)
    grad_filters[:] = 0
    if grad_below is not None:
        grad_below[:] = 0
    for first in range(0, batch, at_once):
        samples = min(at_once, batch - first)
        start, units = first * places * size[5], samples * places * size[5]
        grad = grad_above[start : start + units].reshape(samples * places, size[5])
        seen = _seen(below, first, samples, size, columns)
        np.dot(seen.T, grad, part)
        grad_filters += part
        if grad_below is not None:
            np.dot(grad, filters.T, seen)
            _add_seen(seen, first, samples, size, grad_below)


@njit
def _seen(below: Array, first: int, samples: int, size: Array, columns: Array) -> Array:
    """What each place of these samples sees, [samples * places, kernel * kernel * channels + 1], in the memory of
    `columns`; the last number is 1, by which the biases count."""
    rows, wide, channels, kernel, stride, _, high_above, wide_above = size
    run, to = kernel * channels, 0
    for sample in range(first, first + samples):
        for row in range(high_above):
            for column in range(wide_above):
                start = ((sample * rows + row * stride) * wide + column * stride) * channels
                for _ in range(kernel):
                    into, found = columns[to:], below[start:]
                    for i in range(run):
                        into[i] = found[i]
                    start += wide * channels
                    to += run
                columns[to] = 1
                to += 1
    return columns[:to].reshape(samples * high_above * wide_above, kernel * run + 1)


@njit
def _add_seen(seen: Array, first: int, samples: int, size: Array, grad_below: Array) -> None:
    """Add gradients with respect to what places see to those of what they saw."""
    rows, wide, channels, kernel, stride, _, high_above, wide_above = size
    values, run, start = seen.ravel(), kernel * channels, 0
    for sample in range(first, first + samples):
        for row in range(high_above):
            for column in range(wide_above):
                to = ((sample * rows + row * stride) * wide + column * stride) * channels
                for _ in range(kernel):
                    into, found = grad_below[to:], values[start:]
                    for i in range(run):
                        into[i] += found[i]
                    to += wide * channels
                    start += run
                start += 1


@njit
def _convolve_cells(
    inputs: Array, starts: Array, size: Array, filters: Array, turned: Array, padded: Array, above: Array
) -> None:
    """As `_convolve`, from the numbers of the cells that are 1, int16[batch, most], -1 after the last.

    The places that see a cell are a square, in each row of which they see it through one row of the filters, the last
    column first. So these rows are added up. starts: see `cnn.Cells`. turned: room for filters, see `_turn`. padded:
    float[2, ...], one sample's sums as of a convolution with stride 1, with kernel - 1 columns more before and after;
    and such sums of no cell at all.
    """
    _, columns, _, kernel, stride, units, high_above, wide_above = size
    run, wide = kernel * units, (columns + kernel - 1) * units
    sums, biases = padded[0], padded[1]
    _turn(filters, size, turned, False)
    for i in range(len(biases)):
        biases[i] = filters[len(filters) - 1, i % units]
    parts, length = (1, wide_above * units) if stride == 1 else (wide_above, units)
    to = 0
    for sample in range(len(inputs)):
        for i in range(len(biases)):
            sums[i] = biases[i]
        for place in range(inputs.shape[1]):
            if inputs[sample, place] < 0:
                break
            start, at, count = starts[inputs[sample, place]]
            for _ in range(count):
                into, found = sums[at:], turned[start:]
                for i in range(run):
                    into[i] += found[i]
                start += run
                at -= wide
        for row in range(high_above):
            for part in range(parts):
                at = row * stride * wide + (kernel - 1 + part * stride) * units
                into, found = above[to:], sums[at:]
                for i in range(length):
                    into[i] = found[i]
                to += length


@njit
def _cell_gradient(
    inputs: Array, starts: Array, size: Array, turned: Array, padded: Array, grad_above: Array, grad_filters: Array
) -> None:
    """As `_convolution_gradient`, with the arrays of `_convolve_cells`."""
    _, columns, _, kernel, stride, units, high_above, wide_above = size
    run, wide = kernel * units, (columns + kernel - 1) * units
    grads, total = padded[0], padded[1]
    padded[:] = 0
    turned[:] = 0
    parts, length = (1, wide_above * units) if stride == 1 else (wide_above, units)
    start = 0
    for sample in range(len(inputs)):
        for row in range(high_above):
            for part in range(parts):
                at = row * stride * wide + (kernel - 1 + part * stride) * units
                into, added, found = grads[at:], total[at:], grad_above[start:]
                for i in range(length):
                    into[i] = found[i]
                    added[i] += found[i]
                start += length
        for place in range(inputs.shape[1]):
            if inputs[sample, place] < 0:
                break
            to, at, count = starts[inputs[sample, place]]
            for _ in range(count):
                into, found = turned[to:], grads[at:]
                for i in range(run):
                    into[i] += found[i]
                to += run
                at -= wide
    _turn(grad_filters, size, turned, True)
    grad_biases = grad_filters[len(grad_filters) - 1]
    grad_biases[:] = 0
    for i in range(len(total)):
        grad_biases[i % units] += total[i]


@njit
def _turn(filters: Array, size: Array, turned: Array, back: bool) -> None:
    """Fill `turned`, [channels, kernel, kernel, filters] in a row, the last column of each filter first, without
    biases; or, where `back`, the filters from it."""
    _, _, channels, kernel, _, units, _, _ = size
    for row in range(kernel):
        for column in range(kernel):
            for channel in range(channels):
                at = ((channel * kernel + row) * kernel + kernel - 1 - column) * units
                of = filters[(row * kernel + column) * channels + channel]
                for i in range(units):
                    if back:
                        of[i] = turned[at + i]
                    else:
                        turned[at + i] = of[i]
