"""Parameters of a population: named tensors over one flat row per member.

Weights, masks, gradients, moments, rewind points and experts are all of this one type. What can be pruned, what a
tensor's inputs are and how many there are is read from its layout, whatever network it belongs to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np

from harness.arguments import check_array


@dataclass(frozen=True)
class Tensor:
    """One tensor, as every member has it.

    layer: the number of the layer that it belongs to, from the input on; -1 for what belongs to no layer. fan_in: how
    many inputs each unit of the layer sums up. input_axis: the axis of `shape` along which the layer's inputs lie (of a
    convolution the channels). prunable: whether pruning may remove its entries; only weights are. trained: whether a
    gradient changes it; those that none changes come last in a layout.
    """

    name: str
    shape: tuple[int, ...]
    layer: int = -1
    fan_in: int = 0
    input_axis: int = 0
    prunable: bool = False
    trained: bool = True

    @property
    def size(self) -> int:
        """The number of its entries."""
        return prod(self.shape)


Layout = tuple[Tensor, ...]
"""The tensors of a network, in the order in which they lie in a member's row."""


@dataclass
class Params:
    """The parameters of all members, or anything that has their shape."""

    flat: np.ndarray
    """[members, parameters], a row per member; of masks it is bool."""
    layout: Layout

    def __post_init__(self) -> None:
        check_array("flat", self.flat, (-1, length(self.layout)))
        self.flat = np.ascontiguousarray(self.flat)

    @classmethod
    def of(cls, layout: Layout, tensors: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> "Params":
        """Copy arrays [members, *shape], by name or in the order of the layout. Raises ValueError for other shapes."""
        given = list(tensors.values() if isinstance(tensors, Mapping) else tensors)
        if isinstance(tensors, Mapping):
            given = [tensors[tensor.name] for tensor in layout]
        wanted, found = [tensor.shape for tensor in layout], [array.shape[1:] for array in given]
        if wanted != found:
            raise ValueError(f"tensors must have the shapes {wanted}, not {found}")
        return cls(np.concatenate([array.reshape(len(array), -1) for array in given], axis=1), layout)

    @classmethod
    def masks(cls, layout: Layout, weights: Sequence[np.ndarray]) -> "Params":
        """Masks from bool[members, *shape] per prunable tensor; all else is kept. Raises ValueError for others."""
        members, given = len(weights[0]), iter(weights)
        parts = [next(given) if t.prunable else np.ones((members, *t.shape), dtype=bool) for t in layout]
        return cls.of(layout, parts)

    def __getitem__(self, name: str) -> np.ndarray:
        """[members, *shape], a view of one tensor. Raises KeyError."""
        start, tensor = _places(self.layout)[name]
        return self.flat[:, start : start + tensor.size].reshape(self.members, *tensor.shape)

    def __iter__(self) -> Iterator[str]:
        """The names of its tensors."""
        return iter(_places(self.layout))

    @property
    def weights(self) -> list[np.ndarray]:
        """[members, *shape] per prunable tensor, from the input on; views."""
        return [self[tensor.name] for tensor in self.layout if tensor.prunable]

    @property
    def members(self) -> int:
        """How many members there are."""
        return len(self.flat)

    def like(self, flat: np.ndarray) -> "Params":
        """Other numbers in the same layout."""
        return Params(flat, self.layout)

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Params":
        """The same tensors with `change` applied to `flat`."""
        return self.like(change(self.flat))

    def copy(self) -> "Params":
        """The same numbers, sharing no memory."""
        return self.each(np.copy)

    def take(self, members: np.ndarray) -> "Params":
        """These members alone (int64[kept]), as copies."""
        return self.each(lambda flat: flat[members])

    def put(self, members: np.ndarray, others: "Params") -> None:
        """Overwrite these members by `others`, in order."""
        self.flat[members] = others.flat

    def everywhere(self) -> "Params":
        """Masks that keep all of it."""
        return self.each(lambda flat: np.ones(flat.shape, dtype=bool))


Masks = dict[str, Params]
"""By network: bool, the parameters that are kept. All but pruned weights are."""


def length(layout: Layout) -> int:
    """How many parameters a member has."""
    return sum(tensor.size for tensor in layout)


def trained_length(layout: Layout) -> int:
    """How many of them a gradient changes; they are the first ones of a row."""
    return sum(tensor.size for tensor in layout if tensor.trained)


def prunable(layout: Layout) -> list[Tensor]:
    """The tensors that can be pruned: the weights of each layer, from the input on."""
    return [tensor for tensor in layout if tensor.prunable]


@cache
def _places(layout: Layout) -> dict[str, tuple[int, Tensor]]:
    """Where each tensor starts in a row."""
    places, start = {}, 0
    for tensor in layout:
        places[tensor.name] = (start, tensor)
        start += tensor.size
    return places
