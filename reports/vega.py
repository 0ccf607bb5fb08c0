"""A panel as Vega, and as the static SVG that Vega makes of it.

Legends are HTML: they wrap on a phone, and no finding's text enters a Vega expression. Where scripts run,
templates/js/charts.js draws a panel's `spec` in place of its SVG. It steers these signals:
    shown      bool[entries of the legend]: whose lines are drawn
    at         the level that is pointed at, or -1: its points are large, on a vertical rule
    low, high  the ends of the value axis, before they are made round
and reads the data set `points`: one a line and level, with the `entry` of the legend, the `level` (shared by points
above each other) and the `row` of the table that says its numbers.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.files import replace_file
from reports.palette import Swatch

_PERCENT, _PLAIN = "format(100 * datum.value, '~r') + ' %'", "format(datum.value, ',~r')"  # Vega's expressions
_VEGA_LITE = "6.4"  # the release whose Vega vl-convert bundles
# What BSD-3-Clause asks of whoever passes it on.
_NOTICE = """/*! Vega, Vega-Lite and vega-embed, (c) University of Washington Interactive Data Lab, BSD-3-Clause:
https://github.com/vega/vega/blob/main/LICENSE */
"""


def library(folder: Path | None = None) -> str:
    """Return Vega for browsers, 0.9 MB, which sets `vegaEmbed`. To bundle it takes a second, so the folder keeps it."""
    import vl_convert

    kept = folder / f"vega-{version('vl-convert-python')}.js" if folder else None
    if kept and kept.is_file():
        return kept.read_text("utf-8")
    script = _NOTICE + str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_VEGA_LITE))
    if kept:
        replace_file(kept, script.encode())
    return script


def spec(
    points: Sequence[Mapping[str, float]],
    swatches: Sequence[Swatch],
    references: Mapping[str, float],
    size: tuple[int, int],
    ends: tuple[float, float],
    title: str,
    pruned: bool,
    percent: tuple[bool, bool],
) -> dict[str, Any]:
    """Write the panel as Vega.

    swatches: of lines; the first drawn lies lowest. ends: least and greatest value. title: of the axis along the lines;
    pruned: it is logarithmic and falls. percent: whether it, and the value axis, are of shares.
    """
    panel: dict[str, Any] = json.loads(_panel())
    places = [point["place"] for point in points]
    least, most = min(*places, 0.8 * max(places)), max(places)
    if pruned:
        across: dict[str, Any] = {"type": "log", "reverse": True, "zero": False, "domain": [least, most]}
        ticks: dict[str, Any] = {"values": _ticks(least, most)}
    else:
        across, ticks = {"type": "linear", "domain": [0, most]}, {"tickCount": 5}
    by_line = {
        "colour": [swatch.colour for swatch in swatches],
        "dash": [[int(n) for n in swatch.dash.split(",") if n] or [1, 0] for swatch in swatches],
        "shape": [swatch.shape for swatch in swatches],
    }
    signals: dict[str, Any] = {"shown": [True] * (1 + max(int(point["entry"]) for point in points))}
    signals |= {"low": short(ends[0]), "high": short(ends[1])}
    # The first reference (the expert) is named at the lines' end, the next (random) at their start: they run from near
    # the one to near the other, so these corners are the empty ones.
    named = [{"mean": value, "name": name, "last": i % 2 == 0} for i, (name, value) in enumerate(references.items())]
    x, _, *others = panel["scales"]
    x |= across
    for scale in others:
        scale |= {"domain": list(range(len(swatches))), "range": by_line[scale["name"]]}
    for axis, share in zip(panel["axes"], percent, strict=True):
        axis["encode"] = {"labels": {"update": {"text": {"signal": _PERCENT if share else _PLAIN}}}}
    panel["axes"][0] |= {"title": title, **ticks}
    panel["data"][0]["values"], panel["data"][-1]["values"] = points, named
    panel["signals"] += [{"name": name, "value": value} for name, value in signals.items()]
    return {**panel, "width": size[0], "height": size[1]}


@cache
def _panel() -> str:
    """What all panels have in common: data, axes and marks. Its greys are those of `palette`."""
    return (Path(__file__).parent / "templates" / "panel.vega.json").read_text("utf-8")


def _ticks(low: float, high: float) -> list[float]:
    """1-2-5 ticks, thinned to decades and halves where the axis is long."""
    steps = (1, 2, 5) if high / low < 80 else (1, 3) if high / low < 800 else (1,)
    values = [step * 10.0**power for power in range(-6, 9) for step in steps]
    return [value for value in values if low * 0.999 <= value <= high * 1.001]


def picture(spec: Mapping[str, Any]) -> tuple[str, Markup]:
    """Draw it: the view box and content of Vega's SVG, to 0.01 px, without what draws nothing, in the page's font."""
    import vl_convert

    svg = vl_convert.vega_to_svg(dict(spec))
    root = re.match(r'<svg [^>]*viewBox="([^"]*)"[^>]*>(.*)</svg>\s*$', svg, re.DOTALL)
    if root is None:
        raise ValueError("vl-convert returned no SVG")
    body = re.sub(r'<path class="(back|fore)ground"[^>]*?(d=""|d="M0,0h0v0h0Z")[^>]*/>', "", root[2])
    body = re.sub(r' (class|role|aria-[a-z]+|pointer-events|font-family)="[^"]*"', "", body)
    body = re.sub(r' (d|transform)="[^"]*"', lambda part: re.sub(r"(\.\d\d)\d+", r"\1", part[0]), body)
    return root[1], Markup(body)


def short(value: float) -> float:
    """Round to six digits: more than a picture shows, and a third of the text."""
    return float(f"{value:.6g}")
