"""Forest strips: an effect with its interval, against the zone of effects too small to matter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.numbers import MINUS, effect, number, plain

WIDTH, HEIGHT = 150.0, 20.0  # px, the strip's view box
MARGIN = 6.0  # px left for the arrow of a bound outside the scale
ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class Strip:
    """Positions in px; `None` is not drawn. An open end is a bound that lies outside the scale."""

    zero: float
    zone: tuple[float, float] | None
    bar: tuple[float, float] | None
    open_left: bool
    open_right: bool
    dot: float | None
    alt: str


def scale(findings: Iterable[Mapping[str, Any]]) -> float:
    """Half the axis that these findings share, in their unit: a round number that holds them all."""
    shown = [item for finding in findings for item in (finding, *finding["sensitivity"])]
    numbers = [number(item.get(key)) for item in shown for key in ("effect", "lower", "upper", "min_effect")]
    return rounded(max((abs(x) for x in numbers if x is not None and math.isfinite(x)), default=0.0) or 1.0)


def rounded(largest: float) -> float:
    """The next round number from `largest` on; `largest` itself at the ends of what a float holds."""
    power = 10.0 ** math.floor(math.log10(largest))
    return next((step * power for step in ROUND if largest * 0.999 <= step * power < math.inf), largest)


def strip(finding: Mapping[str, Any], half: float, smallest: Any = None) -> Strip | None:
    """The strip of a finding, or of a reading beside it, on an axis of ±half; None without an effect."""
    middle, low, high = (number(finding.get(key)) for key in ("effect", "lower", "upper"))
    if middle is None and not (finite(low) and finite(high)):
        return None
    zone = number(smallest)

    def at(value: float) -> float:
        clipped = max(-half, min(half, value))
        return round(WIDTH / 2 + clipped / half * (WIDTH / 2 - MARGIN), 2)

    bar = None if low is None or high is None else (at(low), at(high))
    return Strip(
        zero=at(0.0),
        zone=None if zone is None or zone <= 0 else (at(-zone), at(zone)),
        bar=bar,
        open_left=low is not None and low < -half,
        open_right=high is not None and high > half,
        dot=None if middle is None or abs(middle) > half else at(middle),
        alt=f"effect {effect(middle, [low, high])}, interval {effect(low, [high])} to {effect(high, [low])}",
    )


def finite(value: float | None) -> bool:
    """Whether it is there, and no infinity."""
    return value is not None and math.isfinite(value)


def axis(half: float) -> Sequence[tuple[float, str]]:
    """Where the axis is labelled, and how: its ends and zero."""
    return ((MARGIN, MINUS + plain(half)), (WIDTH / 2, "0"), (WIDTH - MARGIN, "+" + plain(half)))
