"""Charts of returns and of inputs, as static SVG that is readable in light and dark, and as the Vega behind it.

The SVG carries the light palette in plain `fill` and `stroke` attributes; `dark_css` maps each of these
colours to its dark partner by attribute selector. So a chart is drawn once, and one taken out of the page
still has its colours. Legends are HTML: they wrap on a phone, and no finding's text enters a Vega expression.

Where scripts run, templates/js/charts.js draws a panel's `spec` in place of its SVG. It steers these signals:
    shown    bool[entries of the legend]: whose lines are drawn
    at       the level that is pointed at, or -1: its points are large, on a vertical rule
    low, high  the ends of the return's axis, before they are made round
and reads the data set `points`: one a line and level, with the `entry` of the legend, the `level` (points of
several lines above each other share it) and the `row` of the drawing's table that says its numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import numpy as np
import vl_convert
from markupsafe import Markup

from harness.statistics.intervals import bca
from reports.numbers import effect, number, percent

WIDTH, HEIGHT = 430, 270  # px; text of 12 px then stays above 9 px on a phone of 360 px
PANEL_WIDTH, PANEL_HEIGHT = 320, 220  # px; one of several beside each other
PERCENT, PLAIN = (
    "format(100 * datum.value, '~r') + ' %'",
    "format(datum.value, ',~r')",
)  # Vega label expressions
VEGA_LITE = ".".join(alt.SCHEMA_VERSION[1:].split(".")[:2])  # the one that altair writes
POINTS = "points"  # the name of a spec's data set
FAR = 1e30  # no return or share is so large, and beyond it intervals are no longer finite
NAMED_INPUTS = 8  # more than eight lines can't be told apart: the weakest share one grey

# Light colour -> its partner on a dark page. The conditions keep the paper's hues, apart in lightness too.
CONDITIONS = {
    "mask/weights": "#c4314b",
    "mask/permuted": "#15906d",
    "permuted/permuted": "#2a6fbb",
    "random/re-init": "#bd8600",
}
NEUTRAL = ("#4d5a9e", "#9c6b3f", "#3f8290", "#a0568c", "#6d7a2f", "#6b7280", "#8a4b4b", "#30506e")
INK, GRID, AXIS, REFERENCE, REST = "#414a57", "#e4e8ee", "#98a2b0", "#727c8a", "#a9b1bc"
DARK = {
    "#c4314b": "#ff7d8e",
    "#15906d": "#45cfa2",
    "#2a6fbb": "#6db3ff",
    "#bd8600": "#ecbc45",
    "#4d5a9e": "#9aa8f2",
    "#9c6b3f": "#d6a06c",
    "#3f8290": "#6fc3d3",
    "#a0568c": "#df94ca",
    "#6d7a2f": "#b8c766",
    "#6b7280": "#aeb6c2",
    "#8a4b4b": "#d79090",
    "#30506e": "#86b4dd",
    INK: "#b4bdc9",
    GRID: "#29313b",
    AXIS: "#5c6775",
    REFERENCE: "#8b96a5",
    REST: "#5f6975",
}
STYLES = (
    ("circle", ()),
    ("square", (7, 3)),
    ("triangle-up", (2, 2)),
    ("diamond", (9, 3, 2, 3)),
    ("triangle-down", (4, 2)),
    ("cross", (12, 3)),
    ("triangle-right", (1, 3)),
    ("triangle-left", (6, 2, 1, 2)),
)


@dataclass(frozen=True)
class Swatch:
    """One entry of a legend; `dash` is an SVG dash array, empty for a solid line."""

    label: str
    colour: str
    shape: str
    dash: str


@dataclass(frozen=True)
class Panel:
    """One coordinate system: the inside of an `<svg>` of this view box, and the text that stands for it.

    spec: the same as Vega. levels: how many there are to point at.
    """

    heading: str
    view_box: str
    body: Markup
    alt: str
    spec: Mapping[str, Any]
    levels: int


@dataclass(frozen=True)
class Drawing:
    """A chart ready for the page; `rows` are the numbers behind it, one a line and level, under `columns`.

    The last four columns are place, mean, interval and n, before them stands what the line is. place: what the
    place is of, in words. kept: values that the axis holds, whichever lines are shown.
    """

    key: str
    title: str
    caption: str
    legend: tuple[Swatch, ...]
    panels: tuple[Panel, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    place: str
    kept: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """`mean`, `lower`, `upper`: float[levels] over seeds, at `density`: float[levels] in (0, 1], or at env_steps.

    n: int[levels] seeds. entry: its place in the legend. row: of its first level in the table.
    """

    swatch: Swatch
    density: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n: np.ndarray
    entry: int
    row: int


def draw(chart: Mapping[str, Any]) -> Drawing:
    """A chart of the plugin's JSON as SVG, legend and table; raises ValueError on a chart that is none."""
    try:
        if not chart["series"]:
            raise ValueError("not a chart: no series")
        if chart["kind"] == "returns":
            return _returns(chart)
        if chart["kind"] == "inputs":
            return _shares(chart, "share of input magnitude", ("initialiser", "input"), "other inputs")
        if chart["kind"] == "layers":
            return _shares(chart, "share of a layer's weights left", ("initialiser", "layer"), "other layers")
        if chart["kind"] == "learning":
            return _returns(chart, "env_steps")
    except (KeyError, TypeError, IndexError, AttributeError, ArithmeticError) as problem:
        raise ValueError(f"not a chart: {type(problem).__name__}: {problem}") from problem
    raise ValueError(f"no chart of the kind {chart['kind']!r}")


def dark_css() -> str:
    """CSS rules that turn every light chart colour into its dark partner."""
    return "\n".join(f'[fill="{a}"]{{fill:{b}}}[stroke="{a}"]{{stroke:{b}}}' for a, b in DARK.items())


def _returns(chart: Mapping[str, Any], along: str = "density") -> Drawing:
    """As Figures 2-4: return against remaining weights, one line a condition; or against env_steps, one a run."""
    swatches = _swatches([str(series["label"]) for series in chart["series"]])
    lines: list[Line] = []
    seeds = 0
    for entry, (swatch, series) in enumerate(zip(swatches, chart["series"], strict=True)):
        values = _floats(series["values"])
        seeds = max(seeds, values.shape[1])
        lines.append(_line(swatch, series[along], values, entry, sum(len(line.density) for line in lines)))
    references = {
        str(name): x
        for name, value in (chart.get("references") or {}).items()
        if (x := number(value)) is not None and abs(x) <= FAR
    }
    unit = str(chart.get("unit") or "return")
    title = str(chart.get("title") or chart["key"])
    place: Any = percent if along == "density" else _count
    against, column = ("remaining weights", "weights") if along == "density" else (along, along)
    sentence = "; ".join(_sentence(line, place=place) for line in lines)
    kept = tuple(references.values())
    panel = _panel(
        lines,
        references,
        (WIDTH, HEIGHT),
        _ends(lines, kept),
        along=along,
        text=f"{title}: {unit} against {against}. {sentence}.",
    )
    return Drawing(
        str(chart["key"]),
        title,
        f"{unit}, mean and 95\u202f% BCa interval over {seeds} seeds",
        tuple(swatches),
        (panel,),
        ("condition", column, "mean", "95 % interval", "n"),
        tuple(row for line in lines for row in _rows(line, place=place)),
        "of the weights" if along == "density" else along,
        kept,
    )


def _shares(chart: Mapping[str, Any], what: str, columns: tuple[str, str], others: str) -> Drawing:
    """As Figure 8: the share that each name has of `what`, one panel an initialiser."""
    names = [str(name) for name in chart["names"]]
    blocks = [(str(series["label"]), series["density"], _floats(series["values"])) for series in chart["series"]]
    if any(values.ndim != 3 or values.shape[2] != len(names) for _, _, values in blocks):
        raise ValueError("not a chart: values are not [levels][seeds][names]")
    # over all levels: at the last ones an initialiser may have pruned the whole layer, which leaves no share
    strength = np.mean([np.nan_to_num(values).mean(axis=(0, 1)) for _, _, values in blocks], axis=0)
    named = sorted(np.argsort(-strength, kind="stable")[:NAMED_INPUTS])
    swatches = dict(zip(named, _swatches([names[i] for i in named]), strict=True))
    rest = Swatch(others, REST, "circle", "")
    title = str(chart.get("title") or chart["key"])
    entries = {int(i): entry for entry, i in enumerate(named)}
    drawn: list[tuple[str, list[Line]]] = []
    row = 0
    for label, density, values in blocks:
        lines: list[Line] = []
        for i in range(len(names)):
            entry = entries.get(i, len(named))
            lines.append(_line(swatches.get(i, rest), density, values[:, :, i], entry, row))
            row += len(lines[-1].density)
        drawn.append((label, lines))
    ends = _ends([line for _, lines in drawn for line in lines], (0.0,))
    several = len(blocks) > 1
    size = (PANEL_WIDTH, PANEL_HEIGHT) if several else (WIDTH, HEIGHT)
    panels, rows = [], []
    for label, lines in drawn:
        shown = [line for line in lines if line.swatch is not rest]
        lowest_first = [line for line in lines if line.swatch is rest] + shown
        sentence = "; ".join(_sentence(line, percent) for line in shown)
        text = f"{title}, {label}: {what} against remaining weights. {sentence}."
        panels.append(_panel(lowest_first, {}, size, ends, share=True, heading=label, text=text))
        rows += [(label, *row) for name, line in zip(names, lines, strict=True) for row in _rows(line, percent, name)]
    seeds = max(values.shape[1] for _, _, values in blocks)
    legend = (*swatches.values(), *([rest] if len(names) > len(named) else []))
    return Drawing(
        str(chart["key"]),
        title,
        f"{what}, mean and 95\u202f% BCa interval over {seeds} seeds",
        legend,
        tuple(panels),
        (*columns, "weights", "mean", "95 % interval", "n"),
        tuple(rows),
        "of the weights",
        (0.0,),
    )


def _floats(values: Any) -> np.ndarray:
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


def _swatches(labels: Sequence[str]) -> list[Swatch]:
    """A condition has its own style in every chart; other labels take the neutral colours in order."""
    swatches, others = [], 0
    for label in labels:
        if label in CONDITIONS:
            colour, style = CONDITIONS[label], list(CONDITIONS).index(label)
        else:
            colour, style, others = NEUTRAL[others % len(NEUTRAL)], others % len(STYLES), others + 1
        shape, dash = STYLES[style]
        swatches.append(Swatch(label, colour, shape, ",".join(map(str, dash))))
    return swatches


def _line(swatch: Swatch, density: Any, values: np.ndarray, entry: int, row: int) -> Line:
    """Mean and interval over the seeds of `values`: float[levels, seeds]; empty levels are left out."""
    levels = _floats([density])[0]
    if levels.shape != values.shape[:1]:
        raise ValueError("not a chart: densities and levels differ in number")
    kept = np.isfinite(values).any(axis=1) & np.isfinite(levels) & (levels > 0)
    if not kept.any():
        raise ValueError("not a chart: a line without values")
    levels, values = levels[kept], values[kept]
    if max(levels.max(), np.nanmax(np.abs(values))) > FAR:
        raise ValueError(f"not a chart: a number beyond {FAR:g}")
    lower, upper = _bca(values)
    mean = np.nanmean(values, axis=1)
    if not np.isfinite([lower, mean, upper]).all():
        raise ValueError("not a chart: a line whose mean or interval is not finite")
    return Line(swatch, levels, mean, lower, upper, np.isfinite(values).sum(axis=1), entry, row)


def _bca(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of the mean over the finite seeds of each level, float[levels]; no level is without one."""
    whole = np.isfinite(values).all(axis=1)
    lower, upper = np.empty(len(values)), np.empty(len(values))
    if whole.any():
        lower[whole], upper[whole] = bca(values[whole])
    for level in np.flatnonzero(~whole):
        lower[level], upper[level] = bca(values[level][np.isfinite(values[level])])
    return lower, upper


def _ends(lines: Sequence[Line], kept: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest value that has to find room on the axis."""
    bounds = [bound for line in lines for bound in (line.lower, line.mean, line.upper)]
    values = np.concatenate([*bounds, np.array(kept, dtype=float)])
    return float(np.nanmin(values)), float(np.nanmax(values))


def _levels(lines: Sequence[Line], places: Any) -> list[np.ndarray]:
    """The level of each point, int[levels] a line: counted from the first of all lines, shared by points that stand
    above each other. Two points do if they are nearer than half of what any line has between its own; so no line
    has two at one level."""
    along = [places(line.density) for line in lines]
    own = [np.abs(np.diff(place)) for place in along]
    near = 0.5 * min((float(gaps.min()) for gaps in own if gaps.size and gaps.min() > 0), default=0.0)
    starts: list[float] = []
    for place in sorted(np.concatenate(along)):
        if not starts or place - starts[-1] > near:
            starts.append(place)
    return [np.searchsorted(starts, place, side="right") - 1 for place in along]


def _panel(
    lines: Sequence[Line],
    references: Mapping[str, float],
    size: tuple[int, int],
    ends: tuple[float, float],
    text: str,
    heading: str = "",
    share: bool = False,
    along: str = "density",
) -> Panel:
    """lines: the first drawn lies lowest. ends: least and greatest value. text: what stands for the picture."""
    weights = along == "density"
    levels = _levels(lines, (lambda density: -np.log(density)) if weights else (lambda env_steps: env_steps))
    points = [
        {
            "line": i,
            "entry": line.entry,
            "row": line.row + k,
            "level": int(levels[i][k]),
            "place": _short((100 if weights else 1) * line.density[k]),
            "mean": _short(line.mean[k]),
            "lower": _short(line.lower[k]),
            "upper": _short(line.upper[k]),
        }
        for i, line in enumerate(lines)
        for k in range(len(line.density))
    ]
    chart = _vega_lite(points, [line.swatch for line in lines], references, size, ends, share, along)
    spec = vl_convert.vegalite_to_vega(chart.to_dict(), vl_version=VEGA_LITE)
    (data,) = (data for data in spec["data"] if data["name"] == POINTS)
    data["values"] = points  # only now: altair copies its data over and over
    view_box, body = _trim(vl_convert.vega_to_svg(spec))
    return Panel(heading, view_box, body, text, spec, 1 + max(int(level.max()) for level in levels))


def _short(value: float) -> float:
    """To six digits: more than a picture shows, and a third of the text."""
    return float(f"{value:.6g}")


def _vega_lite(
    points: list[dict[str, float]],
    swatches: Sequence[Swatch],
    references: Mapping[str, float],
    size: tuple[int, int],
    ends: tuple[float, float],
    share: bool,
    along: str,
) -> Any:
    """The chart of altair, still without its `points`; the rest is as for `_panel`."""
    places = [point["place"] for point in points]
    span = (min(*places, 0.8 * max(places)), max(places))
    order = list(range(len(swatches)))

    x = alt.X(
        "place:Q",
        title="remaining weights",
        scale=alt.Scale(type="log", reverse=True, nice=False, domain=list(span)),
        axis=alt.Axis(values=_ticks(*span), labelExpr="format(datum.value, '~r') + ' %'", grid=False, labelFlush=False),
    )
    if along == "env_steps":
        span = (span[1], 0.0)  # as above, the end of the lines first
        x = alt.X(
            "place:Q",
            title="env_steps of training",
            scale=alt.Scale(domain=[0, span[0]], nice=False),
            axis=alt.Axis(tickCount=5, labelExpr=PLAIN, grid=False, labelFlush=False),
        )
    y = partial(
        alt.Y,
        title=None,
        scale=alt.Scale(domain=[alt.ExprRef("low"), alt.ExprRef("high")], nice=True, zero=False),
        axis=alt.Axis(tickCount=5, domain=False, ticks=False, offset=4, labelExpr=PERCENT if share else PLAIN),
    )
    colour = alt.Color("line:N", scale=alt.Scale(domain=order, range=[s.colour for s in swatches]), legend=None)
    dash = alt.StrokeDash(
        "line:N",
        legend=None,
        scale=alt.Scale(domain=order, range=[[int(n) for n in s.dash.split(",") if n] or [1, 0] for s in swatches]),
    )
    shape = alt.Shape("line:N", scale=alt.Scale(domain=order, range=[s.shape for s in swatches]), legend=None)

    base = (
        alt.Chart(alt.InlineData(values=[], name=POINTS))
        .transform_filter("shown[datum.entry]")
        .encode(x=x, color=colour)
    )
    layers: list[alt.Chart] = []
    for i, (name, value) in enumerate(references.items()):
        # The first reference (the expert) is named at the sparse end, the next (random) at the dense end: the
        # lines run from near the one to near the other, so these corners are the empty ones.
        at = alt.Chart(alt.InlineData(values=[{"place": span[i % 2], "mean": value, "name": name}]))
        layers += [
            at.mark_rule(color=REFERENCE, strokeDash=[2, 3]).encode(y=y("mean:Q")),
            at.mark_text(
                align="left" if i % 2 else "right", baseline="bottom", dy=-3, color=REFERENCE, fontSize=11
            ).encode(x=x, y=y("mean:Q"), text="name:N"),
        ]
    pointed = alt.condition("datum.level === at", alt.value(80), alt.value(26))
    layers += [
        base.mark_area(opacity=0.15).encode(y=y("lower:Q"), y2="upper:Q"),
        base.transform_filter("datum.level === at").mark_rule().encode(color=alt.value(AXIS)),
        base.mark_line(strokeWidth=1.8).encode(y=y("mean:Q"), strokeDash=dash),
        base.mark_point(filled=True, opacity=1).encode(y=y("mean:Q"), shape=shape, size=pointed),
    ]
    text = {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return (
        alt.layer(*layers)
        .add_params(
            alt.param(name="shown", value=[True] * (1 + max(int(point["entry"]) for point in points))),
            alt.param(name="at", value=-1),
            alt.param(name="low", value=_short(ends[0])),
            alt.param(name="high", value=_short(ends[1])),
        )
        .properties(
            width=size[0],
            height=size[1],
            padding={"left": 2, "right": 8, "top": 10, "bottom": 2},
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        )
        .configure(background="transparent", aria=False, font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(gridColor=GRID, domainColor=AXIS, tickColor=AXIS, tickSize=4, labelPadding=4, **text)
    )


def _ticks(low: float, high: float) -> list[float]:
    """1-2-5 ticks, thinned to decades and halves where the axis is long."""
    steps = (1, 2, 5) if high / low < 80 else (1, 3) if high / low < 800 else (1,)
    return [
        step * 10.0**power
        for power in range(-4, 3)
        for step in steps
        if low * 0.999 <= step * 10.0**power <= high * 1.001
    ]


def _trim(svg: str) -> tuple[str, Markup]:
    """View box and content of Vega's SVG, without what draws nothing; the page's font; to 0.01 px."""
    root = re.match(r'<svg [^>]*viewBox="([^"]*)"[^>]*>(.*)</svg>\s*$', svg, re.DOTALL)
    if root is None:
        raise ValueError("vl-convert returned no SVG")
    body = re.sub(r'<path class="(back|fore)ground"[^>]*?(d=""|d="M0,0h0v0h0Z")[^>]*/>', "", root[2])
    body = re.sub(r' (class|role|aria-[a-z]+|pointer-events|font-family)="[^"]*"', "", body)
    body = re.sub(r' (d|transform)="[^"]*"', lambda part: re.sub(r"(\.\d\d)\d+", r"\1", part[0]), body)
    return root[1], Markup(body)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _sentence(line: Line, show: Any = effect, place: Any = percent) -> str:
    """`mask/weights: 498 at 100 %, 122 at 0.4 %`."""
    ends = [0] if len(line.density) == 1 else [0, -1]
    return f"{line.swatch.label}: " + ", ".join(
        f"{show(float(line.mean[i]))} at {place(float(line.density[i]))}" for i in ends
    )


def _rows(line: Line, show: Any = effect, name: str | None = None, place: Any = percent) -> list[tuple[str, ...]]:
    return [
        (
            name or line.swatch.label,
            place(float(d)),
            show(float(m)),
            f"[{show(float(a))}, {show(float(b))}]",
            str(n),
        )
        for d, m, a, b, n in zip(line.density, line.mean, line.lower, line.upper, line.n, strict=True)
    ]
