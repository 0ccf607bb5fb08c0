"""Convolutional networks of a population: convolutions with a stride, then dense layers.

Passes go member after member, as those of `harness.networks.kernels`. A convolution is a product of what each of its
places sees (*columns*, made of a few samples at a time, so that they stay in the cache) with its filters; a last column
of ones multiplies the biases, which lie behind the filters. Inside, pictures have their channels last. The dense part
has a shape and a memory of its own, by whose types its passes are chosen.

Inputs are pictures in rows, [batch, channels * rows * columns]: floats, or uint8, whose 255 counts as 1. Or they are
the numbers of the cells that are 1, int16[batch, most], -1 after the last: then slices of the filters are added up.
"""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.arguments import check_array, is_count
from harness.compiled import compiled_for
from harness.networks.convolve import (
    _cell_gradient,
    _channels_last,
    _convolution_gradient,
    _convolve,
    _convolve_cells,
    _filters,
)
from harness.networks.heads import Head
from harness.networks.kernels import _activate, _through_activation
from harness.networks.mlp import ACTIVATIONS, MlpMemory, MlpShape, Network, mlp_layout
from harness.networks.network import (
    BaseNetwork,
    Drop,
    NetworkWorkspace,
    _backward_member,
    _forward_member,
    _prepare_member,
)
from harness.networks.params import Layout, Params, Tensor, length

if TYPE_CHECKING:  # which makes lists of the dense layers of these networks
    from harness.networks.listed import ListedLayers

Array = np.ndarray
Picture = tuple[int, ...]
"""Channels, rows and columns."""
AT_ONCE = 2**15
"""Columns are made of so many numbers at a time."""


@dataclass(frozen=True)
class Convolution:
    """A layer of `filters` square filters of `kernel` rows, `stride` cells apart, without padding."""

    filters: int
    kernel: int
    stride: int = 1

    @classmethod
    def parse(cls, text: str) -> "Convolution":
        """Read 16x3, or 32x8/4 with a stride. Raises ValueError, in words that follow "not possible: "."""
        found = re.fullmatch(r"(\d+)x(\d+)(?:/(\d+))?", text)
        if not found:
            raise ValueError("the value must be a convolution: filters x kernel / stride, like 16x3 or 32x8/4")
        return cls(*(int(number) for number in found.groups() if number))

    def __str__(self) -> str:
        return f"{self.filters}x{self.kernel}" + (f"/{self.stride}" if self.stride > 1 else "")

    def of(self, picture: Picture) -> Picture:
        """The picture that it makes of another one. Raises ValueError where that is smaller than the kernel."""
        _, *sides = picture
        if min(sides) < self.kernel:
            raise ValueError(f"a kernel of {self.kernel} does not fit a picture of {' x '.join(map(str, sides))} cells")
        return (self.filters, *((side - self.kernel) // self.stride + 1 for side in sides))


@dataclass(frozen=True)
class ConvNetwork(Network):
    """Settings of convolutional networks: their convolutions, and then, as of `Network`, their dense layers.

    By default those of the paper's agents in MinAtar (C.6).
    """

    hidden: tuple[int, ...] = (128, 64)
    convolutions: tuple[Convolution, ...] = (Convolution(16, 3),)

    def check(self) -> None:
        """See `Network.check`."""
        super().check()
        numbers = [number for each in self.convolutions for number in (each.filters, each.kernel, each.stride)]
        if not numbers or not all(map(is_count, numbers)):
            raise ValueError(
                f"network.convolutions is {', '.join(map(str, self.convolutions)) or 'empty'}: it needs at least one,"
                " of whole numbers of at least 1"
            )

    @property
    def title(self) -> str:
        """See `Network.title`: "16x3, 128-64"."""
        return ", ".join(filter(None, ("-".join(map(str, self.convolutions)), super().title)))

    def layout(self, observation: tuple[int, ...], head: Head) -> Layout:
        """See `Network.layout`. Raises as `pictures`."""
        return cnn_layout(observation, self.convolutions, (*self.hidden, head.outputs)) + head.tensors

    def build(self, observation: tuple[int, ...], head: Head, params: Params) -> "Cnn":
        """See `Network.build`."""
        sizes = (*self.hidden, head.outputs)
        return Cnn(params, head, self.dropout, observation, self.convolutions, sizes, self.activation)


def pictures(picture: Picture, convolutions: tuple[Convolution, ...]) -> list[Picture]:
    """What goes into each convolution, and what comes out of the last. Raises ValueError, in one
    line, unless observations of this shape are pictures that hold the kernels."""
    if len(picture) != 3:
        raise ValueError(f"convolutions need pictures of channels, rows and columns, not observations of {picture}")
    found: list[Picture] = [picture]
    for convolution in convolutions:
        found.append(convolution.of(found[-1]))
    return found


def cnn_layout(picture: Picture, convolutions: tuple[Convolution, ...], sizes: tuple[int, ...]) -> Layout:
    """Of each convolution its filters [kernel, kernel, channels, filters], then its biases [filters]; then the dense
    layers of `sizes` units, hidden ones and outputs, whose inputs are the last picture with its channels last."""
    tensors: list[Tensor] = []
    *seen, last = pictures(picture, convolutions)
    for layer, ((channels, _, _), (filters, kernel)) in enumerate(
        zip(seen, ((each.filters, each.kernel) for each in convolutions), strict=True)
    ):
        fan_in = kernel * kernel * channels
        shape = (kernel, kernel, channels, filters)
        tensors.append(Tensor(f"weight.{layer}", shape, layer, fan_in, input_axis=2, prunable=True))
        tensors.append(Tensor(f"bias.{layer}", (filters,), layer, fan_in))
    return (*tensors, *mlp_layout((math.prod(last), *sizes), len(convolutions)))


@dataclass
class Cnn(BaseNetwork):
    """The convolutional networks of a population."""

    picture: Picture
    """Of an observation: channels, rows, columns."""
    convolutions: tuple[Convolution, ...]
    sizes: tuple[int, ...]
    """Units of the dense layers: hidden ..., outputs."""
    activation: str
    listed: "ListedLayers | None" = None
    """The dense layers, where their weights are kept as lists."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.listed:
            self.listed.check(self)

    @property
    def inputs(self) -> int:
        """See `BaseNetwork.inputs`."""
        return math.prod(self.picture)

    @property
    def layers(self) -> Layout:
        """See `cnn_layout`."""
        whole, convolutions = cnn_layout(self.picture, self.convolutions, self.sizes), len(self.convolutions)
        return whole[: 2 * convolutions] + self.listed.layout(convolutions) if self.listed else whole

    @property
    def dense_sizes(self) -> tuple[int, ...]:
        """Units of the dense part: its inputs, hidden ..., outputs."""
        return (math.prod(pictures(self.picture, self.convolutions)[-1]), *self.sizes)

    def shape(self) -> Any:
        """See `BaseNetwork.shape`. Raises TypeError where these cannot compute."""
        tanh, dtype = self.activation == ACTIVATIONS[1], self.flat.dtype
        dense = self.listed.shape(dtype) if self.listed else MlpShape.of(self.dense_sizes, tanh, dtype)
        start = length(self.layers[: 2 * len(self.convolutions)])
        return CnnShape(self._geometry(), tanh, start, self._first(), dense)

    def memory(self, batch: int) -> Any:
        """See `BaseNetwork.memory`."""
        geometry, dtype = self._geometry(), self.flat.dtype
        places = geometry[:, 6] * geometry[:, 7]
        sees = geometry[:, 2] * geometry[:, 3] ** 2 + 1
        columns = np.maximum(places * sees, np.minimum(batch * places * sees, AT_ONCE)).max()
        units = batch * places * geometry[:, 5]
        return CnnMemory(
            np.empty(batch * math.prod(self.picture), dtype),
            np.empty(columns, dtype),
            np.empty(units.sum(), dtype),
            np.empty((2, units.max()), dtype),
            np.empty((sees * geometry[:, 5]).max(), dtype),
            np.empty((2, self._padded()), dtype),
            self.listed.memory(batch, dtype) if self.listed else MlpMemory.of(self.dense_sizes, batch, dtype),
        )

    def _geometry(self) -> Array:
        """See `CnnShape.convolutions`."""
        found, seen = [], pictures(self.picture, self.convolutions)
        for (channels, rows, columns), each, (_, *made) in zip(seen, self.convolutions, seen[1:], strict=False):
            found.append((rows, columns, channels, each.kernel, each.stride, each.filters, *made))
        return np.array(found)

    def _first(self) -> Any:
        """How the first convolution is computed."""
        if self.features is None:
            return Pictures(255)
        rows, columns, channels, kernel, _, filters, _, _ = self._geometry()[0]
        channel, row, column = np.indices((channels, rows, columns)).reshape(3, -1)
        top = np.maximum(0, row - (rows - kernel))  # rows of filters from here up to `row`, if there are so many
        slices = (channel * kernel + top) * kernel
        places = (row - top) * (columns + kernel - 1) + column
        return Cells(np.stack([slices * filters, places * filters, np.minimum(kernel - 1, row) - top + 1], axis=1))

    def _padded(self) -> int:
        """How long `CnnMemory.padded` is."""
        rows, columns, _, kernel, _, filters, _, _ = self._geometry()[0]
        return int((rows - kernel + 1) * (columns + kernel - 1) * filters) if self.features else 0

    def checked_inputs(self, observations: Array, batch: int = -1) -> Array:
        """See `BaseNetwork.checked_inputs`; pictures, where they are not in rows, must have this shape."""
        if isinstance(observations, np.ndarray) and observations.ndim > 3:
            check_array("observations", observations, (self.members, batch, *self.picture))
        return super().checked_inputs(observations, batch)

    def input_dtype(self, dtype: np.dtype) -> np.dtype:
        """See `BaseNetwork.input_dtype`; bytes stay bytes."""
        return dtype if dtype == np.uint8 else self.flat.dtype


class Pictures(NamedTuple):
    """Inputs are pictures; of bytes `white` is what counts as 1."""

    white: int


class Cells(NamedTuple):
    """Inputs are numbers of cells. starts: int64[cells, 3], where the rows of filters that see a cell start in
    `CnnMemory.filters`, where they are added in `CnnMemory.padded`, and how many they are."""

    starts: Array


class CnnShape(NamedTuple):
    """As compiled passes take it.

    convolutions: int64[layers, 8], each one's rows, columns and channels below, kernel, stride, filters, and rows and
    columns above. start: where the parameters of the dense part begin, whose shape is `dense`. first: `Pictures` or
    `Cells`.
    """

    convolutions: Array
    tanh: bool
    start: int
    first: Any
    dense: Any


class CnnMemory(NamedTuple):
    """Memory of one member's passes.

    pixels: inputs with channels last, in a row. columns: room for what places see, of at least one sample. activations:
    of the convolutions, one after the other. gradients: float[2, the most activations of a convolution], with respect
    to them. filters: room for those of one convolution with their biases. padded: see `convolve._convolve_cells`; empty
    where inputs are pictures.
    """

    pixels: Array
    columns: Array
    activations: Array
    gradients: Array
    filters: Array
    padded: Array
    dense: Any


@compiled_for(_prepare_member, CnnShape)
def _prepare_cnn(shape: Any, member: int, params: Array, memory: Any) -> Array:
    return params


@compiled_for(_forward_member, CnnShape)
def _forward_cnn(shape: Any, prepared: Array, inputs: Array, memory: Any, outputs: Array, dropout: Drop) -> None:
    batch, start, offset = len(inputs), 0, 0
    below = memory.activations  # the first layer reads `inputs`
    for layer in range(len(shape.convolutions)):
        size = shape.convolutions[layer]
        filters, start = _filters(prepared, start, size)
        above = memory.activations[offset : offset + batch * size[6] * size[7] * size[5]]
        if layer == 0:
            _first_convolution(shape.first, inputs, size, filters, memory, above)
        else:
            _convolve(below, batch, size, filters, memory.columns, above)
        _activate(above, shape.tanh)
        offset += len(above)
        below = above
    seen = below.reshape(batch, len(below) // batch)
    _forward_member(shape.dense, prepared[start:], seen, memory.dense, outputs, dropout)


@compiled_for(_backward_member, CnnShape)
def _backward_cnn(
    shape: Any,
    member: int,
    prepared: Array,
    inputs: Array,
    space: NetworkWorkspace,
    dropout: Drop,
    grad_inputs: Array | None = None,
) -> None:
    memory, grad_params = space.memory, space.grad_params
    batch, last, start = len(inputs), len(shape.convolutions) - 1, shape.start
    units = shape.convolutions[last, 5] * shape.convolutions[last, 6] * shape.convolutions[last, 7]
    first = len(memory.activations) - batch * units
    above, grad_above = memory.activations[first:], memory.gradients[last % 2, : batch * units]
    seen, grad_seen = above.reshape(batch, units), grad_above.reshape(batch, units)
    dense = NetworkWorkspace(space.outputs, space.grad_outputs, grad_params[start:], memory.dense)
    _backward_member(shape.dense, member, prepared[start:], seen, dense, dropout, grad_seen)
    for layer in range(last, -1, -1):
        size = shape.convolutions[layer]
        _through_activation(above, shape.tanh, grad_above)
        start -= (size[3] * size[3] * size[2] + 1) * size[5]
        filters, _ = _filters(prepared, start, size)
        grad_filters, _ = _filters(grad_params, start, size)
        if layer == 0:
            _first_gradient(shape.first, inputs, size, filters, memory, grad_above, grad_filters)
            return
        numbers = batch * size[0] * size[1] * size[2]
        above, grad_below = memory.activations[first - numbers : first], memory.gradients[(layer - 1) % 2, :numbers]
        room = memory.filters
        _convolution_gradient(above, batch, size, filters, memory.columns, room, grad_above, grad_filters, grad_below)
        first -= numbers
        grad_above = grad_below


def _first_convolution(first: Any, inputs: Array, size: Array, filters: Array, memory: Any, above: Array) -> None:
    """Fill `above`, the first convolution's sums, as `_convolve` does."""
    raise NotImplementedError


def _first_gradient(
    first: Any, inputs: Array, size: Array, filters: Array, memory: Any, grad_above: Array, grad_filters: Array
) -> None:
    """Fill `grad_filters`, that of the first convolution, as `_convolution_gradient` does."""
    raise NotImplementedError


@compiled_for(_first_convolution, Pictures)
def _first_of_pictures(first: Any, inputs: Array, size: Array, filters: Array, memory: Any, above: Array) -> None:
    _channels_last(inputs, size, first.white, memory.pixels)
    _convolve(memory.pixels, len(inputs), size, filters, memory.columns, above)


@compiled_for(_first_gradient, Pictures)
def _first_gradient_of_pictures(
    first: Any, inputs: Array, size: Array, filters: Array, memory: Any, grad_above: Array, grad_filters: Array
) -> None:
    seen, room = memory.columns, memory.filters
    _convolution_gradient(memory.pixels, len(inputs), size, filters, seen, room, grad_above, grad_filters, None)


@compiled_for(_first_convolution, Cells)
def _first_of_cells(first: Any, inputs: Array, size: Array, filters: Array, memory: Any, above: Array) -> None:
    _convolve_cells(inputs, first.starts, size, filters, memory.filters, memory.padded, above)


@compiled_for(_first_gradient, Cells)
def _first_gradient_of_cells(
    first: Any, inputs: Array, size: Array, filters: Array, memory: Any, grad_above: Array, grad_filters: Array
) -> None:
    _cell_gradient(inputs, first.starts, size, memory.filters, memory.padded, grad_above, grad_filters)
