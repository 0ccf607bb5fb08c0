"""Heat maps: what the mask keeps of each input, as multiples of the even share.

Of a few named inputs it is one map, inputs down and levels across (charts of kind "inputs"). Of an observation that is
a grid it is a map a channel, and a slider leads through the levels (charts with a layout). Without scripts, and on
paper, the first level at or below `DENSITY` is shown; `data` is what templates/js/maps.js needs to show the others.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from reports.line_charts import numbers_of
from reports.numbers import percent
from reports.palette import INK, OUTLINE, RAMP, REST

DENSITY = 0.1
"""The paper looks at masks near it (Figure 7), and claims at the first level at or below it: that is shown first."""
BOUNDS = tuple(math.sqrt(2) * 2.0**power for power in range(-2, 3))  # 0.35, 0.71, 1.4, 2.8, 5.7
SHARES = ("¼ or less", "½", "1", "2", "4", "8 or more")
"""Classes of an input's share, as multiples of the even one, with the bounds between them: a colour of RAMP each."""
NONE = "-"
"""The class of an input of which nothing is left: it is blank."""
MOST = 24  # named inputs of a map; of more, the strongest
NAMES = 7.5  # cells that the names of inputs take
COLOURS = {"red", "green", "blue"}


@dataclass(frozen=True)
class HeatMap:
    """One map. frames: the class of each cell (a digit, or NONE), row by row, of each frame; says: of each, in words.
    small: cells that never light up. body: the inside of an `<svg>` of the view box, with the frame shown first."""

    name: str
    columns: int
    frames: tuple[str, ...]
    says: tuple[str, ...]
    small: tuple[int, ...]
    view_box: str
    body: Markup

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads."""
        return {name: getattr(self, name) for name in ("name", "columns", "frames", "says", "small")}


@dataclass(frozen=True)
class HeatMaps:
    """HeatMaps that share a slider. frames: each in words; shown: the one that is shown first. seeds: their number.
    inputs: of all maps; left_out: how many of them are in none. outlined: whether a map has cells outlined."""

    heading: str
    frames: tuple[str, ...]
    shown: int
    maps: tuple[HeatMap, ...]
    seeds: int
    inputs: int
    left_out: int = 0
    outlined: bool = False

    @property
    def of_things(self) -> bool:
        """Whether each map is of a kind of thing, and not of a colour."""
        return not {drawn.name for drawn in self.maps} <= COLOURS

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads."""
        return {"frames": self.frames, "maps": [drawn.data for drawn in self.maps]}


def of_inputs(chart: Mapping[str, Any]) -> tuple[HeatMaps, ...]:
    """A map a series of a chart of kind "inputs". Raises ValueError, KeyError or TypeError on one that is malformed."""
    names = [str(name) for name in chart["names"]]
    series = [(str(one["label"]), numbers_of(one["density"]), numbers_of(one["values"])) for one in chart["series"]]
    if any(v.ndim != 3 or v.shape[2] != len(names) or d.shape != v.shape[:1] for _, d, v in series):
        raise ValueError("values are not [levels][seeds][names]")
    means = [_mean(values) for _, _, values in series]
    strength = np.mean([shares.mean(axis=0) for shares in means], axis=0)
    kept = sorted(int(i) for i in np.argsort(-strength, kind="stable")[:MOST])
    return tuple(
        HeatMaps(
            label,
            (f"{percent(float(density[near]))} of the weights left",),
            0,
            (_matrix(label, density, shares, names, kept, near),),
            values.shape[1],
            len(names),
            len(names) - len(kept),
        )
        for (label, density, values), shares in zip(series, means, strict=True)
        for near in [level_shown(density)]
    )


def of_channels(
    series: Mapping[str, Any], rows: int, columns: int, outlined: Mapping[str, Collection[int]], walls: str
) -> HeatMaps | None:
    """The maps of one series of a chart with a layout; None where its inputs are no grid. outlined: cells by channel.
    walls: the id of a path of outlines that each map shows. Raises as `of_inputs`."""
    channels, density = [str(name) for name in series["channels"]], numbers_of(series["density"])
    if not ((density > 0) & (density <= 1)).all():
        raise ValueError("a density is no share above 0")
    if not channels:
        return None
    cells, near, last = rows * columns, level_shown(density), len(density) - 1
    shares, left = np.nan_to_num(numbers_of(series["values"])), np.nan_to_num(numbers_of(series["left"]))
    if shares.shape != (len(density), len(channels), cells) or left.shape != shares.shape[:2]:
        raise ValueError("values are not [levels][channels][cells]")
    totals = shares.sum(axis=(1, 2))
    maps = []
    for i, (name, dark) in enumerate(zip(channels, series["unlit"], strict=True)):
        reach, small = cells_of(outlined.get(name, ()), cells), cells_of(dark, cells)
        held = shares[:, i].sum(axis=1)
        frames = tuple("".join(map(class_of, frame)) for frame in shares[:, i].tolist())
        says = []
        for level, total in enumerate(totals):
            text = f"{percent(held[level] / total if total > 0 else 0.0)} of the weight,"
            text += f" on average {left[level, i]:.0f} of {cells} pixels"
            if reach and held[level] > 0:
                text += f"; {percent(shares[level, i, list(reach)].sum() / held[level])} of that on the {len(reach)}"
                text += f" outlined ({percent(len(reach) / cells)} of all)"
            says.append(text)
        over = f'<use href="#{walls}" fill="none" stroke="{REST}" stroke-width="0.1"/>'
        if reach:
            path = outline(reach, columns)
            over += f'<path d="{path}" fill="none" stroke="{OUTLINE}" stroke-width="0.2" stroke-linecap="round"/>'
        body = _body(frames[near], rows, columns, small) + Markup(over)
        maps.append(HeatMap(name, columns, frames, tuple(says), small, view_box(rows, columns), body))
    words = tuple(
        f"{percent(float(share))} of the weights left: "
        + (f"pruning round {level} of {last}" if level else "before any pruning")
        for level, share in enumerate(density)
    )
    return HeatMaps(
        "", words, near, tuple(maps), int(series["seeds"]), len(channels) * cells, outlined=any(outlined.values())
    )


def class_of(share: float) -> str:
    """The place of its colour in RAMP, of a multiple of the even share; NONE of nothing."""
    return str(sum(share >= bound for bound in BOUNDS)) if share > 0 else NONE


def level_shown(density: np.ndarray) -> int:
    """The first level at or below DENSITY, or the last."""
    below = np.flatnonzero(density <= DENSITY)
    return int(below[0]) if below.size else len(density) - 1


def cells_of(values: Iterable[Any], cells: int) -> tuple[int, ...]:
    """Places of cells; ValueError for one outside of the grid."""
    found = tuple(int(value) for value in values)
    if any(not 0 <= cell < cells for cell in found):
        raise ValueError("a cell is outside of the grid")
    return found


def view_box(rows: int, columns: int) -> str:
    """Of a picture of a grid in units of a cell, a tenth of a cell around it."""
    return f"-0.1 -0.1 {columns + 0.2:g} {rows + 0.2:g}"


def outline(cells: Collection[int], columns: int) -> str:
    """A path along the sides that these cells do not share."""
    inside, parts = set(cells), []
    for cell in sorted(inside):
        y, x = divmod(cell, columns)
        parts += [f"M{x},{y}h1"] if cell - columns not in inside else []
        parts += [f"M{x},{y + 1}h1"] if cell + columns not in inside else []
        parts += [f"M{x},{y}v1"] if x == 0 or cell - 1 not in inside else []
        parts += [f"M{x + 1},{y}v1"] if x == columns - 1 or cell + 1 not in inside else []
    return "".join(parts)


def _mean(values: np.ndarray) -> np.ndarray:
    """float[levels, names]: multiples of the even share, over the seeds that have weights left; 0 where none has."""
    left = np.isfinite(values).all(axis=2, keepdims=True) & (np.nan_to_num(values).sum(axis=2, keepdims=True) > 0)
    total = np.where(left, np.nan_to_num(values), 0.0).sum(axis=1)
    return np.asarray(values.shape[2] * total / np.maximum(left.sum(axis=1), 1))


def _matrix(
    label: str, density: np.ndarray, shares: np.ndarray, names: Sequence[str], kept: Sequence[int], near: int
) -> HeatMap:
    """Inputs down, levels across; the level `near` is framed."""
    rows, columns, last = len(kept), len(density), len(density) - 1
    frame = "".join(class_of(float(share)) for i in kept for share in shares[:, i])
    body = _body(frame, rows, columns, ())
    body += Markup(f'<path d="M{near},0h1v{rows}h-1z" fill="none" stroke="{INK}" stroke-width="0.06"/>')
    texts = [(-0.3, row + 0.68, "end", names[i]) for row, i in enumerate(kept)]
    ends = {0: (0.0, "start"), near: (0.5, "middle"), last: (1.0, "end")}
    texts += [(level + at, rows + 0.95, anchor, percent(float(density[level]))) for level, (at, anchor) in ends.items()]
    body += Markup(f'<g transform="scale(0.05)" font-size="13" fill="{INK}">')  # a cell is 20 units of text
    for x, y, anchor, text in texts:
        body += Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
            f"{20 * x:g}", f"{20 * y:g}", anchor, text
        )
    said = [
        f"at {percent(float(density[level]))} of the weights: "
        + ", ".join(f"{names[i]} {percent(float(shares[level, i] / len(names)))}" for i in kept)
        for level in (0, near)
    ]
    box = f"{-NAMES} -0.1 {columns + NAMES + 0.6:g} {rows + 1.3:g}"
    return HeatMap(
        label, columns, (frame,), (f"share of input magnitude {'; '.join(said)}",), (), box, body + Markup("</g>")
    )


def _body(frame: str, rows: int, columns: int, small: Collection[int]) -> Markup:
    """A path a colour, of squares that do not touch, so that pixels can be counted; maps.js draws them alike."""
    paths = []
    for place, colour in enumerate(RAMP):
        squares = []
        for cell in (cell for cell, at in enumerate(frame) if at == str(place)):
            y, x = divmod(cell, columns)
            squares.append(f"M{x}.3,{y}.3h.32v.32h-.32z" if cell in small else f"M{x},{y}h.92v.92h-.92z")
        paths.append(f'<path class="pixels" d="{"".join(squares)}" fill="{colour}"/>')
    frame_of = f'<rect x="-0.05" y="-0.05" width="{columns + 0.02:g}" height="{rows + 0.02:g}"'
    return Markup(
        f'<g transform="translate(0.04,0.04)">{"".join(paths)}</g>'
        f'{frame_of} fill="none" stroke="{REST}" stroke-width="0.08"/>'
    )
