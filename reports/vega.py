"""One coordinate system as Vega, and as the static SVG that Vega makes of it.

Legends are HTML: they wrap on a phone, and no finding's text enters a Vega expression.

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
import vl_convert
from markupsafe import Markup

from reports.lines import DENSITY, Along, Line, levels_of
from reports.palette import AXIS, GRID, INK, REFERENCE, Swatch

PERCENT, PLAIN = (
    "format(100 * datum.value, '~r') + ' %'",
    "format(datum.value, ',~r')",
)  # Vega label expressions
VEGA_LITE = ".".join(alt.SCHEMA_VERSION[1:].split(".")[:2])  # the one that altair writes
POINTS = "points"  # the name of a spec's data set


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


def draw_panel(
    lines: Sequence[Line],
    references: Mapping[str, float],
    size: tuple[int, int],
    ends: tuple[float, float],
    text: str,
    heading: str = "",
    share: bool = False,
    along: Along = DENSITY,
) -> Panel:
    """lines: the first drawn lies lowest. ends: least and greatest value. text: what stands for the picture."""
    levels = levels_of(lines, along)
    points = [
        {
            "line": i,
            "entry": line.entry,
            "row": line.row + k,
            "level": int(levels[i][k]),
            "place": _short(line.places[k]),
            "mean": _short(line.mean[k]),
            "lower": _short(line.lower[k]),
            "upper": _short(line.upper[k]),
        }
        for i, line in enumerate(lines)
        for k in range(len(line.places))
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
    along: Along,
) -> Any:
    """The chart of altair, still without its `points`; the rest is as for `draw_panel`."""
    places = [point["place"] for point in points]
    span = (min(*places, 0.8 * max(places)), max(places))
    order = list(range(len(swatches)))

    if along.pruned:
        scale = alt.Scale(type="log", reverse=True, nice=False, domain=list(span))
        ticks: dict[str, Any] = {"values": _ticks(*span)}
    else:
        span = (span[1], 0.0)  # as above, the end of the lines first
        scale, ticks = alt.Scale(domain=[0, span[0]], nice=False), {"tickCount": 5}
    words = PERCENT if along is DENSITY else PLAIN
    axis = alt.Axis(**ticks, labelExpr=words, grid=False, labelFlush=False)
    x = alt.X("place:Q", title=along.title, scale=scale, axis=axis)
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
        for power in range(-6, 9)
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
