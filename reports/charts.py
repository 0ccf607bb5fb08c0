"""Charts of a claim's findings: from the plugin's JSON to panels, a legend and the table of their numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports import mazes
from reports.lines import DENSITY, ENV_STEPS, FAR, WEIGHTS, Along, Line, extent, floats, spoken, summarised, table_rows
from reports.numbers import number, percent
from reports.palette import CONDITIONS, REST, Swatch, sized, styled
from reports.vega import Panel, draw_panel

WIDTH, HEIGHT = 430, 270  # px; text of 12 px then stays above 9 px on a phone of 360 px
PANEL_WIDTH, PANEL_HEIGHT = 320, 220  # px; one of several beside each other
NAMED_INPUTS = 8  # more than eight lines can't be told apart: the weakest share one grey


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


def joined(charts: Iterable[Any]) -> list[Any]:
    """Each chart once, and those on network sizes of one title as one: findings compare sizes in pairs, Figure 11 shows
    them on one axis. Of a maze the densities, as lines. What is no chart is left as it is, for `draw` to refuse."""
    made: dict[str, Any] = {}
    for chart in charts:
        if mazes.is_maze(chart):
            made |= {json.dumps(densities, sort_keys=True): densities for densities in mazes.lines(chart)}
            continue
        content = json.dumps(chart, sort_keys=True)
        if not (isinstance(chart, Mapping) and chart.get("kind") == "sizes" and isinstance(chart.get("series"), list)):
            made[content] = chart
            continue
        name = f"sizes {chart.get('title')}"
        lines = [*(made[name]["series"] if name in made else []), *chart["series"]]
        made[name] = {**chart, "series": list({json.dumps(line, sort_keys=True): line for line in lines}.values())}
    return list(made.values())


def draw(chart: Mapping[str, Any]) -> Drawing:
    """A chart of the plugin's JSON as SVG, legend and table; raises ValueError on a chart that is none."""
    try:
        if not chart["series"]:
            raise ValueError("not a chart: no series")
        if chart["kind"] == "returns":
            drawn = sorted(chart["series"], key=lambda series: series["label"] in CONDITIONS)  # baselines of runs last
            return _returns({**chart, "series": drawn}, DENSITY, styled([str(series["label"]) for series in drawn]))
        if chart["kind"] == "inputs":
            return _shares(chart, "share of input magnitude", ("initialiser", "input"), "other inputs")
        if chart["kind"] == "layers":
            return _shares(chart, "share of a layer's weights left", ("initialiser", "layer"), "other layers")
        if chart["kind"] == "channels":
            return _shares(chart, "share of a channel's input weights left", ("run", "channel"), "other channels")
        if chart["kind"] == "learning":
            return _returns(chart, ENV_STEPS, styled([str(series["label"]) for series in chart["series"]]))
        if chart["kind"] == "sizes":
            return _sizes(chart)
    except (KeyError, TypeError, IndexError, AttributeError, ArithmeticError) as problem:
        raise ValueError(f"not a chart: {type(problem).__name__}: {problem}") from problem
    raise ValueError(f"no chart of the kind {chart['kind']!r}")


def _returns(chart: Mapping[str, Any], along: Along, swatches: Sequence[Swatch], what: str = "condition") -> Drawing:
    """As Figures 2-4: return against remaining weights, one line a condition; or against env_steps, one a run.

    what: a line is of, the head of the table's first column.
    """
    lines: list[Line] = []
    seeds = 0
    for entry, (swatch, series) in enumerate(zip(swatches, chart["series"], strict=True)):
        values = floats(series["values"])
        seeds = max(seeds, values.shape[1])
        lines.append(summarised(swatch, series[along.name], values, entry, sum(len(line.places) for line in lines)))
    references = {
        str(name): x
        for name, value in (chart.get("references") or {}).items()
        if (x := number(value)) is not None and abs(x) <= FAR
    }
    unit = str(chart.get("unit") or "return")
    title = str(chart.get("title") or chart["key"])
    against = along.title if along.pruned else along.name
    sentence = "; ".join(spoken(line, along) for line in lines)
    kept = tuple(references.values())
    panel = draw_panel(
        lines,
        references,
        (WIDTH, HEIGHT),
        extent(lines, kept),
        along=along,
        text=f"{title}: {unit} against {against}. {sentence}.",
    )
    return Drawing(
        str(chart["key"]),
        title,
        f"{unit}, mean and 95\u202f% BCa interval over {seeds} seeds",
        tuple(swatches),
        (panel,),
        (what, along.column, "mean", "95 % interval", "n"),
        tuple(row for line in lines for row in table_rows(line, along)),
        along.place,
        kept,
    )


def _sizes(chart: Mapping[str, Any]) -> Drawing:
    """As Figure 11: return against the number of remaining weights, one line a size and condition, small ones first."""
    drawn = sorted(chart["series"], key=lambda series: max(series["weights"]))
    swatches = sized([(str(s["label"]), str(s["size"]), str(s["condition"])) for s in drawn])
    return _returns({**chart, "series": drawn}, WEIGHTS, swatches, "network and condition")


def _shares(chart: Mapping[str, Any], what: str, columns: tuple[str, str], others: str) -> Drawing:
    """As Figure 8: the share that each name has of `what`, one panel an initialiser."""
    names = [str(name) for name in chart["names"]]
    blocks = [(str(series["label"]), series["density"], floats(series["values"])) for series in chart["series"]]
    if any(values.ndim != 3 or values.shape[2] != len(names) for _, _, values in blocks):
        raise ValueError("not a chart: values are not [levels][seeds][names]")
    # over all levels: at the last ones an initialiser may have pruned the whole layer, which leaves no share
    strength = np.mean([np.nan_to_num(values).mean(axis=(0, 1)) for _, _, values in blocks], axis=0)
    named = sorted(np.argsort(-strength, kind="stable")[:NAMED_INPUTS])
    swatches = dict(zip(named, styled([names[i] for i in named]), strict=True))
    rest = Swatch(others, REST, "circle", "")
    title = str(chart.get("title") or chart["key"])
    entries = {int(i): entry for entry, i in enumerate(named)}
    drawn: list[tuple[str, list[Line]]] = []
    row = 0
    for label, density, values in blocks:
        lines: list[Line] = []
        for i in range(len(names)):
            entry = entries.get(i, len(named))
            lines.append(summarised(swatches.get(i, rest), density, values[:, :, i], entry, row))
            row += len(lines[-1].places)
        drawn.append((label, lines))
    ends = extent([line for _, lines in drawn for line in lines], (0.0,))
    several = len(blocks) > 1
    size = (PANEL_WIDTH, PANEL_HEIGHT) if several else (WIDTH, HEIGHT)
    panels, rows = [], []
    for label, lines in drawn:
        shown = [line for line in lines if line.swatch is not rest]
        lowest_first = [line for line in lines if line.swatch is rest] + shown
        sentence = "; ".join(spoken(line, DENSITY, percent) for line in shown)
        text = f"{title}, {label}: {what} against remaining weights. {sentence}."
        panels.append(draw_panel(lowest_first, {}, size, ends, share=True, heading=label, text=text))
        rows += [
            (label, *row)
            for name, line in zip(names, lines, strict=True)
            for row in table_rows(line, DENSITY, percent, name)
        ]
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
