"""Dropout (Srivastava et al. 2014), whose draws are counted rather than kept.

Each draw is a function of a key (of a member, an update and a network) and of a unit's place among the activations
(`harness.networks.splitmix`). So the backward pass repeats the draws of the forward pass, nothing has to be kept, and
who shares the population does not matter. A pass without dropout is compiled without it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.compiled import njit
from harness.networks.splitmix import _splitmix64

Array = np.ndarray


class Dropout(NamedTuple):
    """Dropout of one pass of one member. rate: of hidden units dropped, below 1; key: uint64, of the draws."""

    rate: float
    key: np.uint64


@njit
def _member_dropout(rate: float, keys: Array | None, member: int, update: int = -1) -> Dropout | None:
    """A member's dropout, of its update `update` (from 0) if given; None, when compiled, where there are no keys."""
    if keys is None:
        return None
    return Dropout(rate, keys[member] if update < 0 else _splitmix64(keys[member], update))


def dropout_keys(streams: Sequence[np.random.Generator]) -> Array:
    """uint64[members]: a key of each member, the first number of its stream."""
    return np.array([rng.integers(2**64, dtype=np.uint64) for rng in streams], dtype=np.uint64)


def update_keys(keys: Array, update: int) -> Array:
    """uint64[members]: the keys that these have for update number `update` (from 0)."""
    return np.array([_splitmix64(key, update) for key in keys], dtype=np.uint64)


@njit
def _is_dropped(dropout: Dropout, place: int) -> bool:
    """Whether the unit at this place of `activations` is; from the draw's upper 53 bits, as a number in [0, 1)."""
    return bool((_splitmix64(dropout.key, place) >> np.uint64(11)) * 2.0**-53 < dropout.rate)


@njit
def _drop(units: Array, start: int, dropout: Dropout) -> None:
    """Drop units, and scale the others so that their expectation stays. start: the first one's place."""
    values = units.ravel()
    scale = values.dtype.type(1 / (1 - dropout.rate))
    for i in range(len(values)):
        values[i] = values.dtype.type(0) if _is_dropped(dropout, start + i) else values[i] * scale


@njit
def _through_dropped(units: Array, start: int, dropout: Dropout, tanh: bool, gradient: Array) -> None:
    values, slopes = units.ravel(), gradient.ravel()
    scale = values.dtype.type(1 / (1 - dropout.rate))
    kept = values.dtype.type(1 - dropout.rate)
    for i in range(len(values)):
        if _is_dropped(dropout, start + i):
            slopes[i] = values.dtype.type(0)
        elif tanh:
            before = values[i] * kept
            slopes[i] *= scale * (1 - before * before)
        else:
            slopes[i] = values.dtype.type(0) if values[i] <= 0 else slopes[i] * scale
