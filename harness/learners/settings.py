"""Numbers that a learner's settings may have, so that a mistake is told before anything is trained."""

from collections.abc import Callable, Sequence
from math import inf


def refuse(
    settings: object,
    *,
    shares: Sequence[str] = (),
    above_zero: Sequence[str] = (),
    from_zero: Sequence[str] = (),
    counts: Sequence[str] = (),
) -> None:
    """Raise ValueError, in one line, for a field outside its range.

    shares: from 0 to 1. above_zero, from_zero: finite. counts: from 1 on.
    """
    rules: dict[str, tuple[Sequence[str], Callable[[float], bool]]] = {
        "is from 0 to 1": (shares, lambda number: 0 <= number <= 1),
        "is above 0": (above_zero, lambda number: 0 < number < inf),
        "is from 0 on": (from_zero, lambda number: 0 <= number < inf),
        "is at least 1": (counts, lambda number: number >= 1),
    }
    for words, (names, holds) in rules.items():
        for name in names:
            if not holds(getattr(settings, name)):
                raise ValueError(f"{name} {words}, not {getattr(settings, name)}")
