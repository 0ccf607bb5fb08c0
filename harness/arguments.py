"""What a public class or function accepts, checked where it comes in: compiled code takes its arguments as they are."""

from collections.abc import Callable, Sequence
from math import inf
from numbers import Integral

import numpy as np


def check_ranges(
    settings: object,
    *,
    unit_interval: Sequence[str] = (),
    positive: Sequence[str] = (),
    non_negative: Sequence[str] = (),
    counts: Sequence[str] = (),
) -> None:
    """Raise ValueError, in one line, for a field outside its range.

    unit_interval: from 0 to 1. positive, non_negative: and finite. counts: whole, and at least 1; True is none.
    """
    rules: dict[str, tuple[Sequence[str], Callable[[float], bool]]] = {
        "must be from 0 to 1": (unit_interval, lambda number: 0 <= number <= 1),
        "must be above 0": (positive, lambda number: 0 < number < inf),
        "must not be below 0": (non_negative, lambda number: 0 <= number < inf),
        "must be a whole number of at least 1": (counts, is_count),
    }
    for words, (names, holds) in rules.items():
        for name in names:
            if not holds(getattr(settings, name)):
                raise ValueError(f"{name} {words}, not {getattr(settings, name)}")


def is_count(number: object) -> bool:
    """Whether this is a whole number of at least 1. True is none, though Python counts it as 1."""
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= 1


def check_array(name: str, array: np.ndarray, shape: tuple[int, ...], whole: bool = False) -> None:
    """Raise an error, in one line, unless this is an array of real numbers with this shape, in which -1 is any length.

    TypeError where it is no array of numbers (of whole ones, where `whole`); ValueError where the shape is another.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in ("biu" if whole else "biuf"):
        found = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be an array of {'whole ' * whole}numbers, not {found}")
    if array.shape == shape:  # most often, and in no time
        return
    same_axes = len(array.shape) == len(shape)
    if not same_axes or any(want not in (-1, has) for want, has in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if length == -1 else str(length) for length in shape)
        raise ValueError(f"{name} must have the shape ({wanted}), not {array.shape}")


def check_indices(name: str, array: np.ndarray, shape: tuple[int, ...], count: int, lowest: int = 0) -> None:
    """As `check_array`, for whole numbers. Raise ValueError where one is not from `lowest` to below `count`."""
    check_array(name, array, shape, whole=True)
    if array.size and not lowest <= array.min() <= array.max() < count:
        raise ValueError(f"{name} must be from {lowest} to {count - 1}, not from {array.min()} to {array.max()}")
