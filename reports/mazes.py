"""What the mask keeps of a maze: its picture, a heat map of every channel that a slider leads through the levels, and
agents at play. Drawn from the charts of kind "maze"; the densities that they hold are drawn as any other lines.

Without scripts, and on paper, the level nearest to `DENSITY` is shown, and of the games a strip of frames. What
templates/js/mazes.js needs to show the others is in `data`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from reports import games
from reports.games import Play
from reports.grids import Grid
from reports.lines import floats
from reports.numbers import percent
from reports.palette import OUTLINE, RAMP, REST

DENSITY = 0.1
"""The paper looks at masks near it (Figure 7); the level with the nearest density, as a ratio, is shown first."""
BOUNDS = tuple(math.sqrt(2) * 2.0**power for power in range(-2, 3))  # 0.35, 0.71, 1.4, 2.8, 5.7
SHARES = ("¼ or less", "½", "1", "2", "4", "8 or more")
"""Classes of an input's share, as multiples of the even one, with the bounds between them: a colour of RAMP each."""
NONE = "-"
"""The class of a pixel of which nothing is left: it is blank."""
COLOURS = {"red", "green", "blue"}


@dataclass(frozen=True)
class Map:
    """One channel: at each level the class of each cell (a digit, or NONE) and what is said of it in words. unlit: the
    cells that never light up on it."""

    name: str
    classes: tuple[str, ...]
    says: tuple[str, ...]
    unlit: tuple[int, ...]
    reach: str
    body: Markup


@dataclass(frozen=True)
class Panel:
    """One run. levels: in words. near: the level that is shown first. play: its agents, where it has games."""

    heading: str
    seeds: int
    inputs: int
    levels: tuple[str, ...]
    near: int
    maps: tuple[Map, ...]
    play: Play | None

    @property
    def outlined(self) -> bool:
        """Whether a map shows where an enemy comes to."""
        return any(drawn.reach for drawn in self.maps)

    @property
    def of_things(self) -> bool:
        """Whether its maps are of things, and not of colours."""
        return not {drawn.name for drawn in self.maps} <= COLOURS

    @property
    def each(self) -> str:
        """What there is a map of."""
        return "one for each kind of thing, lit where such a thing stands" if self.of_things else "one for each colour"


@dataclass(frozen=True)
class Maze:
    """One chart. anchor: the start of the ids of its elements. view_box: of every picture of the grid."""

    anchor: str
    title: str
    view_box: str
    board: Markup
    walls: str
    outline: str
    alt: str
    grid: Grid
    panels: tuple[Panel, ...]


def is_maze(chart: Any) -> bool:
    """Whether a chart is of this kind, sound or not."""
    return isinstance(chart, Mapping) and chart.get("kind") == "maze"


def lines(chart: Mapping[str, Any]) -> list[Any]:
    """A maze's densities as charts of lines: of layers, and of each set of channels that its runs see.

    What is malformed is passed on as it is: for `charts.draw` to refuse.
    """
    series, names = chart.get("series"), chart.get("names")
    if not isinstance(series, list) or not all(isinstance(run, Mapping) for run in series):
        return []
    title = str(chart.get("title") or chart.get("key") or "")

    def made(kind: str, of: str, runs: Sequence[Mapping[str, Any]], values: str, names: Any) -> dict[str, Any]:
        drawn = [{"label": r.get("label"), "density": r.get("density"), "values": r.get(values)} for r in runs]
        return {"kind": kind, "key": f"{title} {kind}", "title": f"{title}, {of}", "names": names, "series": drawn}

    sets = list(dict.fromkeys(tuple(map(str, _list(run.get("channels")))) for run in series))
    by_channel = [
        made(
            "channels",
            "by channel",
            [run for run in series if tuple(map(str, _list(run.get("channels")))) == channels],
            "channel_densities",
            list(channels),
        )
        for channels in sets
        if channels
    ]
    return [made("layers", "by layer", series, "layers", names), *by_channel]


def draw(chart: Mapping[str, Any], anchor: str) -> Maze:
    """Raises ValueError, in one line, on a chart that is malformed. anchor: an id that no other on the page has."""
    try:
        grid = Grid.of(chart["layout"])
        reachable = {str(name): _cells(cells, grid) for name, cells in chart["reachable"].items()}
        walls = f"{anchor}-walls"
        if not chart["series"]:
            raise ValueError("no series")
        panels = tuple(_panel(series, grid, reachable, anchor) for series in chart["series"])
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as problem:
        why = problem if isinstance(problem, ValueError) else f"{type(problem).__name__}: {problem}"
        raise ValueError(f"not a chart: {why}") from problem
    return Maze(
        anchor=anchor,
        title=str(chart.get("title") or chart.get("key") or ""),
        view_box=grid.view_box,
        board=grid.picture(walls, grid.agent, grid.enemies, grid.coins, grid.poisons),
        walls=grid.solid(grid.walls),
        outline=grid.outline(grid.walls),
        alt=(
            f"The maze: {grid.rows} rows of {grid.columns} cells with {len(grid.walls)} of wall, one agent,"
            f" {len(grid.enemies)} enemies, {len(grid.coins)} coins and {len(grid.poisons)} poisons."
        ),
        grid=grid,
        panels=panels,
    )


def data(mazes: Sequence[Maze]) -> dict[str, Any]:
    """All that moves, as JSON, by the ids of the panels."""
    return {
        f"{maze.anchor}-{place}": {
            "columns": maze.grid.columns,
            "levels": panel.levels,
            "maps": [{"name": m.name, "classes": m.classes, "says": m.says, "unlit": m.unlit} for m in panel.maps],
            "coins": maze.grid.coins,
            "poisons": maze.grid.poisons,
            "games": [game.data for game in panel.play.games] if panel.play else [],
        }
        for maze in mazes
        for place, panel in enumerate(maze.panels, 1)
    }


def class_of(share: float) -> str:
    """The place of its colour in RAMP, of a multiple of the even share; NONE of nothing."""
    return str(sum(share >= bound for bound in BOUNDS)) if share > 0 else NONE


def _panel(series: Mapping[str, Any], grid: Grid, reachable: Mapping[str, tuple[int, ...]], anchor: str) -> Panel:
    channels = [str(name) for name in series["channels"]]
    density = floats([series["density"]])[0]
    seeds = int(series["seeds"])
    if not (np.isfinite(density) & (density > 0) & (density <= 1)).all():
        raise ValueError("a density is no share above 0")
    near = int(np.abs(np.log(density / DENSITY)).argmin())
    maps: tuple[Map, ...] = ()
    if channels:
        shares, left = np.nan_to_num(floats(series["values"])), np.nan_to_num(floats(series["left"]))
        if shares.shape != (len(density), len(channels), grid.cells) or left.shape != shares.shape[:2]:
            raise ValueError("values are not [levels][channels][cells]")
        totals, unlit = shares.sum(axis=(1, 2)), [_cells(cells, grid) for cells in series["unlit"]]
        maps = tuple(
            _map(name, shares[:, i], left[:, i], totals, near, grid, reachable.get(name, ()), dark, anchor)
            for i, (name, dark) in enumerate(zip(channels, unlit, strict=True))
        )
    last = len(density) - 1
    words = tuple(_level(float(share), level, last) for level, share in enumerate(density))
    play = games.play(series["games"], seeds, grid, f"{anchor}-walls")
    return Panel(str(series["label"]), seeds, len(channels) * grid.cells, words, near, maps, play)


def _level(density: float, level: int, last: int) -> str:
    if level == 0:
        return f"{percent(density)} of the weights left: before any pruning"
    return f"{percent(density)} of the weights left: pruning round {level} of {last}"


def _map(
    name: str,
    shares: np.ndarray,
    left: np.ndarray,
    totals: np.ndarray,
    near: int,
    grid: Grid,
    reach: tuple[int, ...],
    unlit: tuple[int, ...],
    anchor: str,
) -> Map:
    """shares: float[levels, cells]. left: float[levels]. totals: float[levels], the shares of all channels."""
    classes = tuple("".join(map(class_of, row)) for row in shares.tolist())
    held = shares.sum(axis=1)
    says = []
    for level, total in enumerate(totals):
        text = f"{percent(held[level] / total if total > 0 else 0.0)} of the weight, on average"
        text += f" {left[level]:.0f} of {grid.cells} pixels"
        if reach and held[level] > 0:
            text += f"; {percent(shares[level, list(reach)].sum() / held[level])} of that on the {len(reach)} outlined"
            text += f" ({percent(len(reach) / grid.cells)} of all)"
        says.append(text)
    body = "".join(
        f'<path class="pixels" d="{grid.pixels(_of_class(classes[near], place), unlit)}" fill="{colour}"/>'
        for place, colour in enumerate(RAMP)
    )
    body = f'<g transform="translate(0.04,0.04)">{body}</g>'
    outline = grid.outline(reach)
    frame = f'<rect x="-0.05" y="-0.05" width="{grid.columns + 0.02:g}" height="{grid.rows + 0.02:g}"'
    body += f'<use href="#{anchor}-outline" fill="none" stroke="{REST}" stroke-width="0.1"/>'
    body += f'{frame} fill="none" stroke="{REST}" stroke-width="0.08"/>'
    if outline:
        body += f'<path d="{outline}" fill="none" stroke="{OUTLINE}" stroke-width="0.2" stroke-linecap="round"/>'
    return Map(name, classes, tuple(says), unlit, outline, Markup(body))


def _of_class(classes: str, place: int) -> list[int]:
    return [cell for cell, at in enumerate(classes) if at == str(place)]


def _cells(values: Any, grid: Grid) -> tuple[int, ...]:
    cells = tuple(int(value) for value in values)
    if any(not 0 <= cell < grid.cells for cell in cells):
        raise ValueError("a cell is outside of the grid")
    return cells


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
