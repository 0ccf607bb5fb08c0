"""Ranges of a learner's settings, checked before anything is trained."""

from collections.abc import Callable, Sequence
from math import inf


def check_ranges(
    settings: object,
    *,
    unit_interval: Sequence[str] = (),
    positive: Sequence[str] = (),
    non_negative: Sequence[str] = (),
    counts: Sequence[str] = (),
) -> None:
    """Raise ValueError, in one line, for a field outside its range.

    unit_interval: from 0 to 1. positive, non_negative: and finite. counts: at least 1.
    """
    rules: dict[str, tuple[Sequence[str], Callable[[float], bool]]] = {
        "must be from 0 to 1": (unit_interval, lambda number: 0 <= number <= 1),
        "must be above 0": (positive, lambda number: 0 < number < inf),
        "must not be below 0": (non_negative, lambda number: 0 <= number < inf),
        "must be at least 1": (counts, lambda number: number >= 1),
    }
    for words, (names, holds) in rules.items():
        for name in names:
            if not holds(getattr(settings, name)):
                raise ValueError(f"{name} {words}, not {getattr(settings, name)}")
