"""Heat maps: how much of the first layer the mask keeps for each input, as multiples of the even share.

Of inputs that are cells of a grid there is a map a channel, and a slider leads through the levels. Of inputs that are
single numbers it is one map, inputs down and levels across. Without scripts, and on paper, the first level at or below
`DENSITY` is shown; `data` is what templates/js/maps.js needs to show the others.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from reports.line_charts import floats
from reports.numbers import percent
from reports.palette import INK, OUTLINE, RAMP, REST

DENSITY = 0.1
"""The paper looks at masks near it (Figure 7), and claims at the first level at or below it."""
BOUNDS = tuple(math.sqrt(2) * 2.0**power for power in range(-2, 3))  # 0.35, 0.71, 1.4, 2.8, 5.7
SHARES = ("¼ or less", "½", "1", "2", "4", "8 or more")
"""Classes of an input's share, as multiples of the even one, with the bounds between them: a colour of RAMP each."""
NONE = "-"
"""The class of an input of which nothing is left: it is blank."""
MOST = 24  # single inputs of a map; of more, the strongest
NAMES = 7.5  # cells that the names of single inputs take


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


@dataclass(frozen=True)
class HeatMaps:
    """Maps that share a slider. frames: each in words; shown: the one that is shown first. seeds: their number.
    inputs: of all maps; left_out: how many of them are in none. outlined: whether a map has cells outlined."""

    frames: tuple[str, ...]
    shown: int
    maps: tuple[HeatMap, ...]
    seeds: int
    inputs: int
    left_out: int = 0
    outlined: bool = False

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads."""
        fields = ("name", "columns", "frames", "says", "small")
        return {"frames": self.frames, "maps": [{f: getattr(drawn, f) for f in fields} for drawn in self.maps]}


def of_series(
    series: Mapping[str, Any], grid: tuple[int, int], outlined: Mapping[str, Sequence[int]], walls: str
) -> HeatMaps | None:
    """Draw the maps of one series of a chart of kind "map"; returns None where its inputs are not shown as maps.

    outlined: cells by channel. walls: the id of a path that each map shows.
    """
    channels, density = series["channels"], floats(series["density"])
    if not channels:
        return None
    cells, seeds = grid[0] * grid[1], series["seeds"]
    shares, left = np.nan_to_num(floats(series["values"])), np.nan_to_num(floats(series["left"]))
    below = np.flatnonzero(density <= DENSITY)
    near = int(below[0]) if below.size else len(density) - 1
    if cells == 1:
        return _of_single_inputs(channels, density, shares[:, :, 0], near, seeds)
    maps = []
    for i, (name, dark) in enumerate(zip(channels, series["unlit"], strict=True)):
        reach, small = outlined.get(name, ()), tuple(dark)
        frames = tuple("".join(map(class_of, frame)) for frame in shares[:, i].tolist())
        says = tuple(_says(shares[level], i, float(left[level, i]), reach) for level in range(len(density)))
        over = f'<use href="#{walls}" fill="none" stroke="{REST}" stroke-width="0.1"/>'
        if reach:
            path = outline(reach, grid[1])
            over += f'<path d="{path}" fill="none" stroke="{OUTLINE}" stroke-width="0.2" stroke-linecap="round"/>'
        body = _body(frames[near], *grid, small) + Markup(over)
        maps.append(HeatMap(name, grid[1], frames, says, small, view_box(*grid), body))
    words = tuple(
        f"{percent(float(share))} of the weights left: "
        + (f"pruning round {level} of {len(density) - 1}" if level else "before any pruning")
        for level, share in enumerate(density)
    )
    return HeatMaps(words, near, tuple(maps), seeds, len(channels) * cells, outlined=any(outlined.values()))


def class_of(share: float) -> str:
    """Return the place in RAMP of the colour for a multiple of the even share; NONE for nothing."""
    return str(sum(share >= bound for bound in BOUNDS)) if share > 0 else NONE


def view_box(rows: int, columns: int) -> str:
    """Return the view box of a grid, in units of a cell, with a tenth of a cell around it."""
    return f"-0.1 -0.1 {columns + 0.2:g} {rows + 0.2:g}"


def outline(cells: Collection[int], columns: int) -> str:
    """Return a path along the sides that these cells do not share."""
    inside, parts = set(cells), []
    for cell in sorted(inside):
        y, x = divmod(cell, columns)
        parts += [f"M{x},{y}h1"] if cell - columns not in inside else []
        parts += [f"M{x},{y + 1}h1"] if cell + columns not in inside else []
        parts += [f"M{x},{y}v1"] if x == 0 or cell - 1 not in inside else []
        parts += [f"M{x + 1},{y}v1"] if x == columns - 1 or cell + 1 not in inside else []
    return "".join(parts)


def _says(shares: np.ndarray, channel: int, left: float, reach: Sequence[int]) -> str:
    """One channel at one level, in words. shares: float[channels, cells]."""
    total, held, cells = shares.sum(), shares[channel].sum(), shares.shape[1]
    text = f"{percent(held / total if total > 0 else 0.0)} of the weight, on average {left:.0f} of {cells} pixels"
    if reach and held > 0:
        text += f"; {percent(shares[channel, list(reach)].sum() / held)} of that on the {len(reach)} outlined"
        text += f" ({percent(len(reach) / cells)} of all)"
    return text


def _of_single_inputs(names: Sequence[str], density: np.ndarray, shares: np.ndarray, near: int, seeds: int) -> HeatMaps:
    """shares: float[levels, names]. Inputs down, levels across; the level `near` is framed."""
    kept = sorted(int(i) for i in np.argsort(-shares.mean(axis=0), kind="stable")[:MOST])
    rows, columns, last = len(kept), len(density), len(density) - 1
    frame = "".join(class_of(float(share)) for i in kept for share in shares[:, i])
    body = _body(frame, rows, columns, ())
    body += Markup(f'<path d="M{near},0h1v{rows}h-1z" fill="none" stroke="{INK}" stroke-width="0.06"/>')
    texts = [(-0.3, row + 0.68, "end", names[i]) for row, i in enumerate(kept)]
    ends = {0: (0.0, "start"), near: (0.5, "middle"), last: (1.0, "end")}
    texts += [(level + at, rows + 0.95, anchor, percent(float(density[level]))) for level, (at, anchor) in ends.items()]
    body += Markup(f'<g transform="scale(0.05)" font-size="13" fill="{INK}">')  # a cell is 20 units of text
    text_at = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
    for x, y, anchor, text in texts:
        body += text_at.format(f"{20 * x:g}", f"{20 * y:g}", anchor, text)
    said = "; ".join(
        f"at {percent(float(density[level]))} of the weights: "
        + ", ".join(f"{names[i]} {percent(float(shares[level, i] / len(names)))}" for i in kept)
        for level in dict.fromkeys((0, near))
    )
    box = f"{-NAMES} -0.1 {columns + NAMES + 0.6:g} {rows + 1.3:g}"
    drawn = HeatMap("share of input magnitude", columns, (frame,), (said,), (), box, body + Markup("</g>"))
    words = f"{percent(float(density[near]))} of the weights left"
    return HeatMaps((words,), 0, (drawn,), seeds, len(names), len(names) - rows)


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
