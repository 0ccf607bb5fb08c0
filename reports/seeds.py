"""The numbers per seed behind an effect, as dots: below the interval on its axis where the effect is their mean."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.results.schema import Sample
from harness.statistics import spread
from reports import numbers, strips

STEP, DOT = 3.0, 1.5  # px between columns of dots, and a dot's radius
ROW = 12.0  # px, a row of dots
MOST = 4  # dots above each other; more lie on top of the fourth
FAR = 1e300  # nearer to the ends of what a float holds, the middle of two numbers is no longer one
BEYOND = 2.0  # times the axis of the intervals that seeds may stretch it


@dataclass(frozen=True)
class Dots:
    """Dots in px: (x, y, open), open where the number is known to one side only, or lies outside the axis."""

    points: tuple[tuple[float, float, bool], ...]
    ticks: tuple[tuple[float, str, str], ...]  # x, label, text-anchor
    height: float
    says: str


def stretch(findings: Sequence[Mapping[str, Any]]) -> float:
    """Half the axis that these findings share, of their intervals and, as far as it goes, of their seeds."""
    half = strips.scale(findings)
    values = [abs(x) for finding in findings for x in _means(finding)]
    return strips.rounded(min(max(values, default=0.0), BEYOND * half)) if max(values, default=0.0) > half else half


def dots(finding: Mapping[str, Any], half: float) -> Dots | None:
    """Those of a finding's sample on the axis of ±half, or on one of their own for two groups; None without one."""
    sample = _sample(finding)
    if sample is None:
        return None
    if sample.statistic == "mean":
        return _of_one(sample.groups[0], half)
    if sample.statistic == "spread":
        pair = [[(float(x), False) for x in spread(group)] for group in sample.arrays]
        return _of_two(pair, "claimed to spread wider", "distance from the median", numbers.effect, log=False)
    along = [[_seen(*map(float, seed)) for seed in group] for group in sample.arrays]
    if all(-1 <= value <= 0 for group in along for value, _ in group):
        shares = [[(-value, open_) for value, open_ in group] for group in along]
        return _of_two(shares, "claimed to hold out longer", "break density", numbers.percent, log=True)
    return _of_two(along, "claimed to hold out longer", "level", numbers.plain, log=False)


def _sample(finding: Mapping[str, Any]) -> Sample | None:
    if not finding.get("sample"):
        return None
    try:
        sample = Sample.model_validate(finding["sample"])
    except (ValueError, OverflowError):  # its numbers are elsewhere too: no reason to lose the page
        return None
    seen = [np.abs(group[np.isfinite(group)]) for group in sample.arrays]
    return sample if all(group.max(initial=0.0) < FAR for group in seen) else None


def _means(finding: Mapping[str, Any]) -> Sequence[float]:
    sample = _sample(finding)
    return [float(x) for x in sample.groups[0]] if sample and sample.statistic == "mean" else []


def _seen(earliest: float, latest: float) -> tuple[float, bool]:
    """Where an event was seen, and whether it may have been elsewhere."""
    return (latest, True) if math.isinf(earliest) else (earliest, math.isinf(latest))


def _of_one(values: np.ndarray, half: float) -> Dots:
    places = [(_at(max(-half, min(half, x)), -half, half), abs(x) > half) for x in map(float, values)]
    above, below = int((values > 0).sum()), int((values < 0).sum())
    low, middle, high = (float(x) for x in np.quantile(values, [0, 0.5, 1]))
    like = [low, high]
    sides = [f"{above} above 0"] * bool(above) + [f"{below} below"] * bool(below)
    at_zero = len(values) - above - below
    sides += [f"{at_zero} at 0"] * bool(at_zero)
    says = (
        f"{len(values)} seeds: {', '.join(sides)}; from {numbers.effect(low, like)} to {numbers.effect(high, like)},"
        f" median {numbers.effect(middle, like)}."
    )
    return Dots(_stacked(places, ROW), (), ROW + 2, says)


def _of_two(groups: Sequence[Sequence[tuple[float, bool]]], first: str, what: str, show: Any, log: bool) -> Dots | None:
    """Two rows on an axis of their own; densities run as in the charts, from dense to sparse."""
    every = [value for group in groups for value, _ in group]
    if not every or (log and min(every) <= 0):
        return None
    scaled = (lambda x: -math.log(x)) if log else (lambda x: x)
    low, high = min(map(scaled, every)), max(map(scaled, every))
    points: tuple[tuple[float, float, bool], ...] = ()
    for row, group in enumerate(groups):
        places = [(_at(scaled(value), low, high), open_) for value, open_ in group]
        points += _stacked(places, ROW * (row + 1) + 3 * row)
    left, right = (max(every), min(every)) if log else (min(every), max(every))
    base = ROW * 2 + 3
    medians = [show(float(np.median([value for value, _ in group]))) for group in groups]
    counts = " and ".join(str(len(group)) for group in groups)
    known = sum(open_ for group in groups for _, open_ in group)
    says = (
        f"{counts} seeds, their {what} from {show(left)} to {show(right)}: upper row the group {first}, median"
        f" {medians[0]}; lower row the other, median {medians[1]}."
        + (f" Of {known} no more is known than a bound: open dots." if known else "")
    )
    ticks = ((strips.MARGIN, show(left), "start"), (strips.WIDTH - strips.MARGIN, show(right), "end"))
    return Dots(points, ticks if left != right else ticks[:1], base + 14, says)


def _at(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return strips.MARGIN + share * (strips.WIDTH - 2 * strips.MARGIN)


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
