"""What the mask keeps of each input, and of a task that is played on a board its picture and agents at play.

Drawn from charts of kind "map" (`harness.judging.chart_data.heat_map`). Without scripts a game is a strip of frames;
templates/js/maps.js plays it, from `data`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from reports import heat_maps
from reports.heat_maps import HeatMaps, outline, view_box
from reports.numbers import percent, plain

KIND = "map"
FRAMES = 10  # of a strip
_UP, _DOWN, _SQUARE = "M0,-.46L.46,.4H-.46z", "M0,.46L.46,-.4H-.46z", "M-.5,-.5h1v1h-1z"
_ROUND = "M-.42,0a.42,.42 0 1 0 .84,0a.42,.42 0 1 0 -.84,0z"
_DOT = "M-.25,0a.25,.25 0 1 0 .5,0a.25,.25 0 1 0 -.5,0z"
_CROSS = "M-.34,-.22l.12,-.12l.22,.22l.22,-.22l.12,.12l-.22,.22l.22,.22l-.12,.12l-.22,-.22l-.22,.22l-.12,-.12l.22,-.22z"
LOOKS = {
    "agent": ("#0ff", _ROUND),
    "enemy 1": ("#f0f", _UP),
    "enemy 2": ("#0f0", _DOWN),
    "coin": ("#ff0", _DOT),
    "poison": ("#b5702c", _CROSS),
    "wall": ("#808080", _SQUARE),
    "empty": ("#000", ""),
}
"""Colour (of paper SI B, on a ground that is black whatever the page is) and shape, around the middle of a cell."""
OTHERS = (("#fff", _SQUARE), ("#f90", _UP), ("#9cf", _DOWN), ("#c9f", _DOT))
"""Looks of things that have none of their own, in the order of the board."""
STANDING = ("wall", "empty")
"""Things that no agent takes."""


@dataclass(frozen=True)
class GridBoard:
    """What stands where at the start: cells are numbered row by row. looks: colour and shape by name."""

    rows: int
    columns: int
    cells_by_name: Mapping[str, tuple[int, ...]]
    looks: Mapping[str, tuple[str, str]]
    moving: tuple[str, ...]

    @classmethod
    def of(cls, board: Mapping[str, Any], grid: tuple[int, int], moving: Sequence[str]) -> "GridBoard":
        """Read a chart's board. moving: names of things that move, the agent among them."""
        symbols: Mapping[str, str] = board["symbols"]
        text, others = "".join(board["layout"]), iter(OTHERS * len(symbols))
        held = {name: tuple(i for i, at in enumerate(text) if at == letter) for name, letter in symbols.items()}
        looks = {name: LOOKS.get(name) or next(others) for name in symbols}
        return cls(*grid, held, looks, tuple(sorted(moving, key=lambda name: name == "agent")))

    @property
    def things(self) -> tuple[str, ...]:
        """What stands still, and is taken by an agent that comes there."""
        return tuple(name for name in self.cells_by_name if name not in (*STANDING, *self.moving))

    def at(self, cell: int) -> str:
        """Where an object around the middle of a cell is moved to."""
        y, x = divmod(cell, self.columns)
        return f"{x}.5,{y}.5"

    def picture(self, walls: str, places: Mapping[str, int], gone: Sequence[int], trail: Sequence[int]) -> Markup:
        """Draw the inside of an `<svg>`. walls: the id of their path. places: cell of each thing that moves, or -1.
        gone: cells where the agent has been. trail: cells on its way. maps.js moves all of it."""
        taken, way = set(gone), [self.at(cell) for cell in trail if cell >= 0]
        colour = self.looks["agent"][0]
        parts = [
            f'<rect x="-0.1" y="-0.1" width="{self.columns + 0.2:g}" height="{self.rows + 0.2:g}" fill="#000"/>'
            f'<use href="#{walls}" fill="{LOOKS["wall"][0]}"/>'
        ]
        for name in self.things:
            here = [cell for cell in self.cells_by_name[name] if cell not in taken]
            parts.append(f'<path class="things" d="{self.shapes(name, here)}" fill="{self.looks[name][0]}"/>')
        parts.append(
            f'<path class="trail" d="{"M" + "L".join(way) if len(way) > 1 else ""}" fill="none" stroke="{colour}"'
            ' stroke-width="0.16" stroke-opacity="0.65" stroke-linejoin="round"/>'
        )
        for name in self.moving:
            there = f'transform="translate({self.at(places[name])})"' if places[name] >= 0 else 'display="none"'
            parts.append(f'<path class="mover" d="{self.looks[name][1]}" fill="{self.looks[name][0]}" {there}/>')
        return Markup("".join(parts))

    def shapes(self, name: str, cells: Sequence[int]) -> str:
        """A path of the thing's shape in each of these cells."""
        shape = self.looks[name][1].replace("M", "m", 1)
        return "".join(f"M{self.at(cell)}{shape}" for cell in cells)


@dataclass(frozen=True)
class GameFrame:
    """What stood where after `time` env_steps, with the way since the last frame."""

    time: int
    points: int
    picture: Markup


@dataclass(frozen=True)
class DrawnGame:
    """One agent's. name: who plays. outcome: what came of it, in words. board: as it starts."""

    name: str
    outcome: str
    frames: tuple[GameFrame, ...]
    board: Markup
    data: Mapping[str, Any]


@dataclass(frozen=True)
class MapRun:
    """One run: its maps, where its inputs are shown as such, and the games of one seed. says: which seed."""

    heading: str
    maps: HeatMaps | None
    says: str
    games: tuple[DrawnGame, ...]
    steps: int


@dataclass(frozen=True)
class MapFigure:
    """One chart. anchor: the start of the ids of its elements. picture, legend: of the board, where there is one;
    walls, outline: paths of its walls."""

    anchor: str
    title: str
    view_box: str
    runs: tuple[MapRun, ...]
    data: Mapping[str, Any]
    picture: Markup | None = None
    legend: tuple[tuple[str, str, str], ...] = ()
    walls: str = ""
    outline: str = ""
    alt: str = ""


def draw(chart: Mapping[str, Any], anchor: str) -> MapFigure:
    """Draw a chart of kind "map". anchor: an id that no other element of the page has."""
    rows, columns = chart["grid"]
    series, given, title = chart["series"], chart["board"], chart["title"]
    board, reachable = None, {}
    if given:
        moving = dict.fromkeys(name for run in series for game in run["games"] for name in game["places"])
        board, reachable = GridBoard.of(given, (rows, columns), list(moving or ["agent"])), given["reachable"]
    runs = tuple(_run(one, board, (rows, columns), reachable, anchor) for one in series)
    data = {
        f"{anchor}-{place}": {
            "kept": run.maps.data if run.maps else None,
            "columns": columns,
            "things": [[board.looks[n][1], board.cells_by_name[n]] for n in board.things] if board else [],
            "games": [game.data for game in run.games],
        }
        for place, run in enumerate(runs, 1)
    }
    figure = MapFigure(anchor, title, view_box(rows, columns), runs, data)
    if board is None:
        return figure
    start = {name: (board.cells_by_name[name] or (-1,))[0] for name in board.moving}
    walls = board.cells_by_name.get("wall", ())
    counts = ", ".join(f"{len(cells)} {name}" for name, cells in board.cells_by_name.items() if name != "empty")
    return replace(
        figure,
        picture=board.picture(f"{anchor}-walls", start, (), ()),
        legend=tuple((name, *look) for name, look in board.looks.items()),
        walls="".join(f"M{x},{y}h1v1h-1z" for y, x in (divmod(cell, columns) for cell in walls)),
        outline=outline(walls, columns),
        alt=f"The board: {rows} rows of {columns} cells with {counts}.",
    )


def _run(
    series: Mapping[str, Any],
    board: GridBoard | None,
    grid: tuple[int, int],
    reachable: Mapping[str, Sequence[int]],
    anchor: str,
) -> MapRun:
    maps = heat_maps.of_series(series, grid, reachable, f"{anchor}-outline")
    given, says = series["games"], ""
    games = tuple(_game(game, board, f"{anchor}-walls") for game in given) if board else ()
    if games:
        density, scored = percent(given[-1]["density"]), f"{given[-1]['scored']:.3g}"
        says = (
            f"Seed {given[-1]['seed']} has the median return of the {series['seeds']} seeds at {density} of"
            f" the weights ({scored} on its scored episodes). In every step each agent takes the action that it holds"
            " to be best."
        )
    steps = max((len(game.data["rewards"]) for game in games), default=0)
    return MapRun(series["label"], maps, says, games, steps)


def _game(game: Mapping[str, Any], board: GridBoard, walls: str) -> DrawnGame:
    rewards, places = game["rewards"], {name: game["places"][name] for name in board.moving}
    steps, agent = len(rewards), places["agent"]

    def at(time: int, before: int) -> Markup:
        now = {name: path[time] for name, path in places.items()}
        return board.picture(walls, now, agent[: time + 1], agent[before : time + 1])

    times = [round(i * steps / (FRAMES - 1)) for i in range(FRAMES)] if steps >= FRAMES else list(range(steps + 1))
    frames = tuple(
        GameFrame(time, sum(rewards[:time]), at(time, before)) for before, time in zip([0, *times], times, strict=False)
    )
    name = f"pruned to {percent(game['density'])} of its weights" if game["level"] else "dense, all weights left"
    been = set(agent)
    taken = [f"{len(been & set(board.cells_by_name[n]))} of {len(board.cells_by_name[n])} {n}" for n in board.things]
    outcome = f"return {plain(sum(rewards))} in {steps} steps; taken: {', '.join(taken) or 'nothing'}"
    data = {"name": name, "rewards": rewards, "agent": agent, "movers": [places[n] for n in board.moving]}
    return DrawnGame(name, outcome, frames, at(0, 0), data)
