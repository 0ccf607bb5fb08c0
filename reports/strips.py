"""An effect with its interval on an axis, against the zone of effects too small to matter, and its seeds as dots."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.results.schema import Finding, Reading
from reports import numbers
from reports.numbers import MINUS, effect

WIDTH, HEIGHT = 150.0, 20.0  # px, the strip's view box
MARGIN = 6.0  # px left for the arrow of a bound outside the axis
STEP, DOT, ROW = 3.0, 1.5, 12.0  # px between columns of dots, a dot's radius, a row of dots
MOST = 4  # dots above each other; more lie on top of the fourth
BEYOND = 2.0  # times the axis of the intervals that seeds may stretch it
ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class Strip:
    """Positions in px; `None` is not drawn. An open end is a bound that lies outside the axis."""

    zero: float
    zone: tuple[float, float] | None
    bar: tuple[float, float] | None
    open_left: bool
    open_right: bool
    dot: float | None
    alt: str


@dataclass(frozen=True)
class Dots:
    """Dots in px: (x, y, open), open where the number is known to one side only, or lies outside the axis. ticks: x,
    label, text-anchor. says: the same in words."""

    points: tuple[tuple[float, float, bool], ...]
    ticks: tuple[tuple[float, str, str], ...]
    height: float
    says: str


def half_axis(findings: Iterable[Finding], whole: bool = False) -> float:
    """Choose half the axis that these findings share, in their unit: a round number that holds their intervals and, if
    `whole`, those of other readings and the seeds as far as `BEYOND`; 0 where there is no number to place."""
    found = list(findings)
    shown: list[Finding | Reading] = [
        *found,
        *(reading for finding in found if whole for reading in finding.sensitivity),
    ]
    values = [value for item in shown for value in (item.effect, item.lower, item.upper)]
    if not any(map(math.isfinite, values)):
        return 0.0
    values += [finding.min_effect for finding in found]
    half = _rounded(max(abs(x) for x in values if math.isfinite(x)) or 1.0)
    most = max((float(np.abs(held).max()) for f in found if (held := _mean_of(f)) is not None), default=0.0)
    return _rounded(min(most, BEYOND * half)) if whole and most > half else half


def strip(finding: Finding | Reading, half: float, min_effect: float) -> Strip | None:
    """Place a finding, or another reading of it, on an axis of ±half; returns None where there is no number."""
    middle, low, high = finding.effect, finding.lower, finding.upper
    if not half or (math.isnan(middle) and not (math.isfinite(low) and math.isfinite(high))):
        return None

    def at(value: float) -> float:
        return round(WIDTH / 2 + max(-half, min(half, value)) / half * (WIDTH / 2 - MARGIN), 2)

    known = not (math.isnan(low) or math.isnan(high))
    return Strip(
        zero=at(0.0),
        zone=(at(-min_effect), at(min_effect)) if min_effect > 0 else None,
        bar=(at(low), at(high)) if known else None,
        open_left=low < -half,
        open_right=high > half,
        dot=at(middle) if abs(middle) <= half else None,
        alt=f"effect {effect(middle, [low, high])}, interval {effect(low, [high])} to {effect(high, [low])}",
    )


def axis(half: float) -> Sequence[tuple[float, str]]:
    """Label the ends of the axis and zero, as (x, label)."""
    return ((MARGIN, MINUS + numbers.plain(half)), (WIDTH / 2, "0"), (WIDTH - MARGIN, "+" + numbers.plain(half)))


def dots(finding: Finding, half: float) -> Dots | None:
    """Place the seeds of a finding: on the axis of ±half if the effect is their mean, else in two rows on an axis of
    their own. Returns None without a sample that can be drawn."""
    sample = finding.sample
    if sample is None or not half:
        return None
    if sample.statistic == "mean":
        return _one_row(sample.arrays[0], half)
    if sample.statistic == "spread":
        from harness.statistics import spread

        rows = [[(float(x), False) for x in spread(group)] for group in sample.arrays]
        return _two_rows(rows, "claimed to spread wider", "distance from the median", effect, log=False)
    seen = [[_event(*map(float, seed)) for seed in group] for group in sample.arrays]
    if all(-1 <= value <= 0 for group in seen for value, _ in group):
        shares = [[(-value, open_) for value, open_ in group] for group in seen]
        return _two_rows(shares, "claimed to hold out longer", "break density", numbers.percent, log=True)
    return _two_rows(seen, "claimed to hold out longer", "level", numbers.plain, log=False)


def _rounded(largest: float) -> float:
    """The next round number from `largest` on; `largest` itself at the ends of what a float holds."""
    power = 10.0 ** math.floor(math.log10(largest))
    return next((step * power for step in ROUND if largest * 0.999 <= step * power < math.inf), largest)


def _mean_of(finding: Finding) -> np.ndarray | None:
    return finding.sample.arrays[0] if finding.sample and finding.sample.statistic == "mean" else None


def _event(earliest: float, latest: float) -> tuple[float, bool]:
    """Where an event was seen, and whether it may have been elsewhere."""
    return (latest, True) if math.isinf(earliest) else (earliest, math.isinf(latest))


def _one_row(values: np.ndarray, half: float) -> Dots:
    places = [(_at(max(-half, min(half, x)), -half, half), abs(x) > half) for x in map(float, values)]
    counts = {"above 0": int((values > 0).sum()), "below": int((values < 0).sum()), "at 0": int((values == 0).sum())}
    low, middle, high = (float(x) for x in np.quantile(values, [0, 0.5, 1]))
    says = (
        f"{len(values)} seeds: {', '.join(f'{count} {side}' for side, count in counts.items() if count)}; from"
        f" {effect(low, [high])} to {effect(high, [low])}, median {effect(middle, [low, high])}."
    )
    return Dots(_stacked(places, ROW), (), ROW + 2, says)


def _two_rows(
    groups: Sequence[Sequence[tuple[float, bool]]], first: str, what: str, show: Callable[[float], str], log: bool
) -> Dots | None:
    """Two rows on an axis of their own; densities run as in the charts, from dense to sparse."""
    every = [value for group in groups for value, _ in group]
    if not every or (log and min(every) <= 0):
        return None
    scaled: Callable[[float], float] = (lambda x: -math.log(x)) if log else (lambda x: x)
    low, high = min(map(scaled, every)), max(map(scaled, every))
    points: tuple[tuple[float, float, bool], ...] = ()
    for row, group in enumerate(groups):
        places = [(_at(scaled(value), low, high), open_) for value, open_ in group]
        points += _stacked(places, ROW * (row + 1) + 3 * row)
    left, right = (max(every), min(every)) if log else (min(every), max(every))
    medians = [show(float(np.median([value for value, _ in group]))) for group in groups]
    unknown = sum(open_ for group in groups for _, open_ in group)
    says = (
        f"{' and '.join(str(len(group)) for group in groups)} seeds, their {what} from {show(left)} to {show(right)}:"
        f" upper row the group {first}, median {medians[0]}; lower row the other, median {medians[1]}."
        + (f" Of {unknown} only a bound is known: open dots." if unknown else "")
    )
    ticks = ((MARGIN, show(left), "start"), (WIDTH - MARGIN, show(right), "end"))
    return Dots(points, ticks if left != right else ticks[:1], ROW * 2 + 17, says)


def _at(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _stacked(places: Sequence[tuple[float, bool]], base: float) -> tuple[tuple[float, float, bool], ...]:
    """Dots in columns, each new one above those that are there."""
    held: dict[int, int] = {}
    points = []
    for x, open_ in sorted(places):
        column = round(x / STEP)
        level = min(held.get(column, 0), MOST - 1)
        held[column] = held.get(column, 0) + 1
        points.append((round(column * STEP, 1), round(base - DOT - level * 2.6, 1), open_))
    return tuple(points)
