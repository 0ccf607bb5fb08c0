"""Line charts: from the numbers of each seed to means with 95 % BCa intervals over levels or env_steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from reports import vega
from reports.numbers import effect, percent, plain
from reports.palette import CONDITIONS, REST, Swatch, sized, styled

WIDTH, HEIGHT = 430, 270  # px; text of 12 px then stays above 9 px on a phone of 360 px
PANEL_WIDTH, PANEL_HEIGHT = 320, 220  # px, one of several beside each other
NAMED = 8  # more than eight lines can't be told apart: the weakest share one grey


@dataclass(frozen=True)
class Along:
    """What lines run along, from left to right.

    name: the field of a series. title: of the axis. column: of the table. show: a place in words.
    pruned: places are logarithmic and fall, as weights do; else they are even and rise.
    """

    name: str
    title: str
    column: str
    show: Callable[[float], str]
    pruned: bool


DENSITY = Along("density", "remaining weights", "weights", percent, pruned=True)
WEIGHTS = Along("weights", "number of remaining weights", "weights", plain, pruned=True)
ENV_STEPS = Along("env_steps", "env_steps of training", "env_steps", plain, pruned=False)


@dataclass(frozen=True)
class ChartKind:
    """A kind of chart. columns: of the table, of what a line is. share: values are [levels][seeds][names], and each
    series is a panel."""

    along: Along
    columns: tuple[str, ...]
    share: bool = False


KINDS = {
    "returns": ChartKind(DENSITY, ("condition",)),
    "sizes": ChartKind(WEIGHTS, ("network and condition",)),
    "learning": ChartKind(ENV_STEPS, ("condition",)),
    "shares": ChartKind(DENSITY, ("run", "of"), share=True),
}


@dataclass(frozen=True)
class ChartLine:
    """mean, lower, upper: float[levels] over seeds, at `places`: float[levels], above 0. n: int[levels] seeds.
    entry: its place in the legend. row: of its first level in the table."""

    name: tuple[str, ...]
    swatch: Swatch
    entry: int
    row: int
    places: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n: np.ndarray


@dataclass(frozen=True)
class ChartPanel:
    """One coordinate system: the inside of an `<svg>` of this view box, and the text that stands for it."""

    heading: str
    view_box: str
    body: Markup
    alt: str
    levels: int
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class LineChart:
    """A chart ready for the page. rows: the numbers behind it, one a line and level, under `columns`; the last four are
    place, mean, interval and n. data: what the script reads."""

    title: str
    caption: str
    legend: tuple[Swatch, ...]
    panels: tuple[ChartPanel, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: Mapping[str, Any]


def draw(chart: Mapping[str, Any]) -> LineChart:
    """Draw a chart of a run's JSON (`harness.judging.chart_data`)."""
    kind, title = KINDS[chart["kind"]], chart["title"]
    unit = f"share of {chart['of']}" if kind.share else chart["unit"]
    references: dict[str, float] = {} if kind.share else chart["references"]
    kept = (0.0,) if kind.share else tuple(references.values())
    show = percent if kind.share else effect
    legend, blocks = _shares(chart) if kind.share else _returns(chart)
    panels = _summarised(blocks, legend, kind.along)
    bounds = [bound for _, lines in panels for line in lines for bound in (line.lower, line.mean, line.upper)]
    ends = float(np.min(np.concatenate([*bounds, kept]))), float(np.max(np.concatenate([*bounds, kept])))
    size = (PANEL_WIDTH, PANEL_HEIGHT) if len(panels) > 1 else (WIDTH, HEIGHT)
    drawn = []
    for heading, lines in panels:
        named = [line for line in lines if line.swatch.colour != REST]
        said = "; ".join(_spoken(line, kind.along, show) for line in named)
        alt = f"{', '.join(filter(None, (title, heading)))}: {unit} against {kind.along.title}. {said}."
        lowest_first = sorted(lines, key=lambda line: line.swatch.colour != REST)
        drawn.append(_panel(lowest_first, references, kind, size, ends, heading, alt))
    rows = [row for _, lines in panels for line in lines for row in _rows(line, kind.along, show)]
    seeds = max(values.shape[1] for _, block in blocks for *_, values in block)
    return LineChart(
        title,
        f"{unit}, mean and 95\u202f% BCa interval over {seeds} seeds",
        tuple(legend),
        tuple(drawn),
        (*kind.columns, kind.along.column, "mean", "95 % interval", "n"),
        tuple(rows),
        {"kept": kept, "panels": [panel.spec for panel in drawn]},
    )


_Line = tuple[tuple[str, ...], int, np.ndarray, np.ndarray]
"""Name, entry of the legend, places float[levels], values float[levels, seeds]."""
_Block = tuple[str, list[_Line]]
"""Heading and lines."""


def floats(values: Any) -> np.ndarray:
    """Nested lists as float[...]; what is missing is NaN."""
    return np.array(values, dtype=float)


def _returns(chart: Mapping[str, Any]) -> tuple[list[Swatch], list[_Block]]:
    """As Figures 2-4, 11 and 5: one line a series, baselines of several runs last, small networks first."""
    series, along = list(chart["series"]), KINDS[chart["kind"]].along
    if chart["kind"] == "returns":
        series.sort(key=lambda one: one["label"] in CONDITIONS)
    if chart["kind"] == "sizes":
        series.sort(key=lambda one: float(max(one["weights"])))
        legend = sized([(one["label"], one["size"], one["condition"]) for one in series])
    else:
        legend = styled([one["label"] for one in series])
    lines: list[_Line] = [
        ((one["label"],), entry, floats(one[along.name]), floats(one["values"])) for entry, one in enumerate(series)
    ]
    return legend, [("", lines)]


def _shares(chart: Mapping[str, Any]) -> tuple[list[Swatch], list[_Block]]:
    """As Figure 8: the share that each name has, one panel a series."""
    names = chart["names"]
    series = [(one["label"], floats(one["density"]), floats(one["values"])) for one in chart["series"]]
    # over all levels: at the last ones an initialiser may have pruned the whole layer, which leaves no share
    strength = np.mean([np.nan_to_num(values).mean(axis=(0, 1)) for _, _, values in series], axis=0)
    named = sorted(int(i) for i in np.argsort(-strength, kind="stable")[:NAMED])
    legend = styled([names[i] for i in named])
    if len(names) > len(named):
        legend.append(Swatch("all others", REST))
    entries = {i: named.index(i) if i in named else len(named) for i in range(len(names))}
    return legend, [
        (label, [((label, name), entries[i], density, values[:, :, i]) for i, name in enumerate(names)])
        for label, density, values in series
    ]


def _summarised(blocks: Sequence[_Block], legend: Sequence[Swatch], along: Along) -> list[tuple[str, list[ChartLine]]]:
    """Means and intervals over seeds; levels without a number are left out."""
    found, row = [], 0
    for heading, block in blocks:
        lines = []
        for name, entry, places, values in block:
            kept = np.isfinite(values).any(axis=1)
            at, held = places[kept], values[kept]
            lower, upper = _intervals(held)
            mean, n = np.nanmean(held, axis=1), np.isfinite(held).sum(axis=1)
            lines.append(ChartLine(name, legend[entry], entry, row, at, mean, lower, upper, n))
            row += len(at)
        found.append((heading, lines))
    return found


def _intervals(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of the mean over the finite seeds of each level, float[levels]; no level is without one."""
    from harness.statistics.intervals import bca  # scipy, which a report without charts does not need

    lower, upper = np.empty(len(values)), np.empty(len(values))
    whole = np.isfinite(values).all(axis=1)
    if whole.any():
        lower[whole], upper[whole] = bca(values[whole])
    for level in np.flatnonzero(~whole):
        lower[level], upper[level] = bca(values[level][np.isfinite(values[level])])
    return lower, upper


def _levels(lines: Sequence[ChartLine], along: Along) -> list[np.ndarray]:
    """The level of each point, int[levels] a line: counted from the first of all lines, shared by points that stand
    above each other. Two points do if they are nearer than half of what any line has between its own."""
    stands = [-np.log(line.places) if along.pruned else line.places for line in lines]
    gaps = [gap for place in stands for gap in np.abs(np.diff(place)) if gap > 0]
    near = 0.5 * min(gaps, default=0.0)
    starts: list[float] = []
    for place in sorted(np.concatenate(stands)):
        if not starts or place - starts[-1] > near:
            starts.append(place)
    return [np.searchsorted(starts, place, side="right") - 1 for place in stands]


def _spoken(line: ChartLine, along: Along, show: Callable[[float], str]) -> str:
    """`mask/weights: 498 at 100 %, 122 at 0.4 %`."""
    ends = [0] if len(line.places) == 1 else [0, -1]
    said = [f"{show(float(line.mean[i]))} at {along.show(float(line.places[i]))}" for i in ends]
    return f"{line.name[-1]}: {', '.join(said)}"


def _rows(line: ChartLine, along: Along, show: Callable[[float], str]) -> list[tuple[str, ...]]:
    """What it is, place, mean, interval and n in words, one row a level."""
    return [
        (*line.name, along.show(float(at)), show(float(m)), f"[{show(float(a))}, {show(float(b))}]", str(n))
        for at, m, a, b, n in zip(line.places, line.mean, line.lower, line.upper, line.n, strict=True)
    ]


def _panel(
    lines: Sequence[ChartLine],
    references: Mapping[str, float],
    kind: ChartKind,
    size: tuple[int, int],
    ends: tuple[float, float],
    heading: str,
    alt: str,
) -> ChartPanel:
    """lines: the first drawn lies lowest. ends: least and greatest value."""
    levels, along = _levels(lines, kind.along), kind.along
    points = [
        {"line": i, "entry": line.entry, "row": line.row + k, "level": int(levels[i][k])}
        | {name: vega.short(getattr(line, name)[k]) for name in ("mean", "lower", "upper")}
        | {"place": vega.short(line.places[k])}
        for i, line in enumerate(lines)
        for k in range(len(line.places))
    ]
    swatches, percents = [line.swatch for line in lines], (along is DENSITY, kind.share)
    spec = vega.spec(points, swatches, references, size, ends, along.title, along.pruned, percents)
    return ChartPanel(heading, *vega.picture(spec), alt, 1 + max(int(level.max()) for level in levels), spec)
