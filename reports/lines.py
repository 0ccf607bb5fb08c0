"""The lines of a chart: from the numbers of each seed to means with their intervals, and what is said of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.statistics.intervals import bca
from reports.numbers import count, effect, number, percent
from reports.palette import Swatch

FAR = 1e30  # no return or share is so large, and beyond it intervals are no longer finite


@dataclass(frozen=True)
class Along:
    """What lines run along, from left to right.

    name: of a series' places. title: of the axis. column: of the table. place: what one is of, in words. show: a
    place in words. pruned: whether the places are logarithmic and fall, as weights do; else they are even and rise.
    """

    name: str
    title: str
    column: str
    place: str
    show: Callable[[float], str]
    pruned: bool


DENSITY = Along("density", "remaining weights", "weights", "of the weights", percent, pruned=True)
WEIGHTS = Along("weights", "number of remaining weights", "weights", "weights", count, pruned=True)
ENV_STEPS = Along("env_steps", "env_steps of training", "env_steps", "env_steps", count, pruned=False)


@dataclass(frozen=True)
class Line:
    """`mean`, `lower`, `upper`: float[levels] over seeds, at `places`: float[levels], above 0.

    n: int[levels] seeds. entry: its place in the legend. row: of its first level in the table.
    """

    swatch: Swatch
    places: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n: np.ndarray
    entry: int
    row: int


def summarised(swatch: Swatch, places: Any, values: np.ndarray, entry: int, row: int) -> Line:
    """Mean and interval over the seeds of `values`: float[levels, seeds]; empty levels are left out."""
    at = floats([places])[0]
    if at.shape != values.shape[:1]:
        raise ValueError("not a chart: places and levels differ in number")
    kept = np.isfinite(values).any(axis=1) & np.isfinite(at) & (at > 0)
    if not kept.any():
        raise ValueError("not a chart: a line without values")
    at, values = at[kept], values[kept]
    if max(at.max(), np.nanmax(np.abs(values))) > FAR:
        raise ValueError(f"not a chart: a number beyond {FAR:g}")
    lower, upper = _bca(values)
    mean = np.nanmean(values, axis=1)
    if not np.isfinite([lower, mean, upper]).all():
        raise ValueError("not a chart: a line whose mean or interval is not finite")
    return Line(swatch, at, mean, lower, upper, np.isfinite(values).sum(axis=1), entry, row)


def floats(values: Any) -> np.ndarray:
    """Nested lists as float[...]; whatever is no finite number is NaN."""

    def leaf(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [leaf(item) for item in value]
        x = number(value)
        return np.nan if x is None or np.isinf(x) else x

    array = np.array(leaf(values), dtype=float)  # ValueError where lines differ in length
    if array.ndim < 2 or not array.size:
        raise ValueError("not a chart: no values")
    return array


def extent(lines: Sequence[Line], kept: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest value that has to find room on the axis."""
    bounds = [bound for line in lines for bound in (line.lower, line.mean, line.upper)]
    values = np.concatenate([*bounds, np.array(kept, dtype=float)])
    return float(np.nanmin(values)), float(np.nanmax(values))


def levels_of(lines: Sequence[Line], along: Along) -> list[np.ndarray]:
    """The level of each point, int[levels] a line: counted from the first of all lines, shared by points that stand
    above each other. Two points do if they are nearer than half of what any line has between its own; so no line
    has two at one level."""
    stands = [-np.log(line.places) if along.pruned else line.places for line in lines]
    own = [np.abs(np.diff(place)) for place in stands]
    near = 0.5 * min((float(gaps.min()) for gaps in own if gaps.size and gaps.min() > 0), default=0.0)
    starts: list[float] = []
    for place in sorted(np.concatenate(stands)):
        if not starts or place - starts[-1] > near:
            starts.append(place)
    return [np.searchsorted(starts, place, side="right") - 1 for place in stands]


def spoken(line: Line, along: Along, show: Callable[[float], str] = effect) -> str:
    """`mask/weights: 498 at 100 %, 122 at 0.4 %`."""
    ends = [0] if len(line.places) == 1 else [0, -1]
    return f"{line.swatch.label}: " + ", ".join(
        f"{show(float(line.mean[i]))} at {along.show(float(line.places[i]))}" for i in ends
    )


def table_rows(
    line: Line, along: Along, show: Callable[[float], str] = effect, name: str | None = None
) -> list[tuple[str, ...]]:
    """What it is, place, mean, interval and n in words, one row a level."""
    return [
        (
            name or line.swatch.label,
            along.show(float(place)),
            show(float(m)),
            f"[{show(float(a))}, {show(float(b))}]",
            str(n),
        )
        for place, m, a, b, n in zip(line.places, line.mean, line.lower, line.upper, line.n, strict=True)
    ]


def _bca(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of the mean over the finite seeds of each level, float[levels]; no level is without one."""
    whole = np.isfinite(values).all(axis=1)
    lower, upper = np.empty(len(values)), np.empty(len(values))
    if whole.any():
        lower[whole], upper[whole] = bca(values[whole])
    for level in np.flatnonzero(~whole):
        lower[level], upper[level] = bca(values[level][np.isfinite(values[level])])
    return lower, upper
