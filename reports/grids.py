"""A task that is played on a grid: its picture, what the mask keeps of it, and agents at play, of charts with a layout.

Without scripts a game is a strip of frames; templates/js/maps.js plays it, from `data`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports import heat_maps
from reports.heat_maps import HeatMaps, cells_of, outline, view_box
from reports.numbers import number, percent, plain

KIND = "maze"
FRAMES = 10  # of a strip
LONGEST = 100_000  # env_steps of a game; no task's horizon is so far
# The colours of paper SI B, on a ground that is black whatever the page is; shapes tell the objects apart as well.
_WALL, _AGENT, _ENEMIES, _COIN, _POISON = "#808080", "#0ff", ("#f0f", "#0f0"), "#ff0", "#b5702c"
_COINED = f'fill="none" stroke="{_COIN}" stroke-width="0.5" stroke-linecap="round"'
_POISONED = f'fill="none" stroke="{_POISON}" stroke-width="0.24"'
_TRAILED = f'fill="none" stroke="{_AGENT}" stroke-width="0.16" stroke-opacity="0.65" stroke-linejoin="round"'
_BODIES = ("M0,-.46L.46,.4H-.46z", "M0,.46L.46,-.4H-.46z", "M-.42,0a.42,.42 0 1 0 .84,0a.42,.42 0 1 0 -.84,0z")
"""The enemies' shapes and the agent's, around the middle of a cell."""
_CROSS = "m-.25-.25l.5,.5m0-.5l-.5,.5"
OBJECTS = (
    ("agent", Markup(f'<path d="{_BODIES[2]}" fill="{_AGENT}"/>')),
    ("enemy 1", Markup(f'<path d="{_BODIES[0]}" fill="{_ENEMIES[0]}"/>')),
    ("enemy 2", Markup(f'<path d="{_BODIES[1]}" fill="{_ENEMIES[1]}"/>')),
    ("coin", Markup(f'<path d="M0,0h0" {_COINED}/>')),
    ("poison", Markup(f'<path d="M0,0{_CROSS}" {_POISONED}/>')),
    ("wall", Markup(f'<rect x="-0.5" y="-0.5" width="1" height="1" fill="{_WALL}"/>')),
    ("empty", Markup("")),
)
"""The legend: each object's name and its picture on black, around the middle of a cell."""


@dataclass(frozen=True)
class GridLayout:
    """What stands where at the start: cells are numbered row by row."""

    rows: int
    columns: int
    walls: tuple[int, ...]
    coins: tuple[int, ...]
    poisons: tuple[int, ...]
    agent: int
    enemies: tuple[int, ...]

    @classmethod
    def of(cls, layout: Any) -> "GridLayout":
        """From a chart's layout, a text a row; raises ValueError where it is none."""
        if not isinstance(layout, list) or not layout or not all(isinstance(row, str) and row for row in layout):
            raise ValueError("the layout is no list of texts")
        if len({len(row) for row in layout}) != 1:
            raise ValueError("the rows of the layout differ in length")
        text = "".join(layout)
        found = {letter: tuple(i for i, at in enumerate(text) if at == letter) for letter in "#oxA12"}
        if len(found["A"]) != 1 or len(found["1"]) > 1 or len(found["2"]) > 1:
            raise ValueError("the layout has not one agent, or an enemy twice")
        enemies = (*found["1"], *found["2"])
        return cls(len(layout), len(layout[0]), found["#"], found["o"], found["x"], found["A"][0], enemies)

    @property
    def cells(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    def middle(self, cell: int) -> str:
        """The middle of a cell, as a path has it."""
        y, x = divmod(cell, self.columns)
        return f"{x}.5,{y}.5"

    def picture(
        self, walls: str, agent: int, enemies: Sequence[int], gone: Sequence[int], trail: Sequence[int]
    ) -> Markup:
        """The inside of an `<svg>`. walls: the id of the path of them. gone: cells whose coin or poison is taken.
        trail: cells on the agent's way. Who is on no cell is not drawn. maps.js moves all of it."""
        taken = set(gone)
        coins = "".join(f"M{self.middle(cell)}h0" for cell in self.coins if cell not in taken)
        poisons = "".join(f"M{self.middle(cell)}{_CROSS}" for cell in self.poisons if cell not in taken)
        way = [self.middle(cell) for cell in trail if cell >= 0]
        parts = [
            f'<rect x="-0.1" y="-0.1" width="{self.columns + 0.2:g}" height="{self.rows + 0.2:g}" fill="#000"/>'
            f'<use href="#{walls}" fill="{_WALL}"/><path class="coins" d="{coins}" {_COINED}/>'
            f'<path class="poisons" d="{poisons}" {_POISONED}/>'
            f'<path class="trail" d="{"M" + "L".join(way) if len(way) > 1 else ""}" {_TRAILED}/>'
        ]
        movers = [*zip(_BODIES, _ENEMIES, enemies, strict=False), (_BODIES[2], _AGENT, agent)]
        for shape, colour, cell in movers:
            there = f'transform="translate({self.middle(cell)})"' if cell >= 0 else 'display="none"'
            parts.append(f'<path class="mover" d="{shape}" fill="{colour}" {there}/>')
        return Markup("".join(parts))


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
class GridRun:
    """One run: its maps, where its inputs are pixels, and the games of one seed beside each other. says: which seed."""

    heading: str
    maps: HeatMaps | None
    says: str
    games: tuple[DrawnGame, ...]
    steps: int


@dataclass(frozen=True)
class GridFigure:
    """One chart. anchor: the start of the ids of its elements. about: the rules of the game, in words."""

    anchor: str
    title: str
    about: str
    view_box: str
    picture: Markup
    walls: str
    outline: str
    alt: str
    runs: tuple[GridRun, ...]
    data: Mapping[str, Any]


def is_grid(chart: Any) -> bool:
    """Whether a chart is of this kind, sound or not."""
    return isinstance(chart, Mapping) and chart.get("kind") == KIND


def draw(chart: Mapping[str, Any], anchor: str) -> GridFigure:
    """Raises ValueError, in one line, on a chart that is malformed. anchor: an id that no other on the page has."""
    try:
        grid = GridLayout.of(chart["layout"])
        reachable = {str(name): cells_of(cells, grid.cells) for name, cells in chart["reachable"].items()}
        if not chart["series"]:
            raise ValueError("no series")
        runs = tuple(_run(series, grid, reachable, anchor) for series in chart["series"])
        title, about = str(chart.get("title") or chart.get("key") or ""), str(chart.get("about") or "")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, OverflowError) as problem:
        why = problem if isinstance(problem, ValueError) else f"{type(problem).__name__}: {problem}"
        raise ValueError(f"not a chart: {why}") from problem
    data = {
        f"{anchor}-{place}": {
            **({"kept": run.maps.data} if run.maps else {}),
            "columns": grid.columns,
            "coins": grid.coins,
            "poisons": grid.poisons,
            "games": [game.data for game in run.games],
        }
        for place, run in enumerate(runs, 1)
    }
    solid = "".join(f"M{x},{y}h1v1h-1z" for y, x in (divmod(cell, grid.columns) for cell in grid.walls))
    return GridFigure(
        anchor,
        title,
        about,
        view_box(grid.rows, grid.columns),
        grid.picture(f"{anchor}-walls", grid.agent, grid.enemies, (), ()),
        solid,
        outline(grid.walls, grid.columns),
        f"The maze: {grid.rows} rows of {grid.columns} cells with {len(grid.walls)} of wall, one agent,"
        f" {len(grid.enemies)} enemies, {len(grid.coins)} coins and {len(grid.poisons)} poisons.",
        runs,
        data,
    )


def densities(chart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The densities that a chart holds, as charts of lines: of layers, and of each set of channels its runs see."""
    title, runs = str(chart.get("title") or chart.get("key") or ""), chart["series"]

    def made(
        kind: str, of: str, values: str, names: Sequence[str], chosen: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        series = [{"label": run["label"], "density": run["density"], "values": run[values]} for run in chosen]
        return {"kind": kind, "title": f"{title}, {of}", "names": names, "series": series}

    sets = dict.fromkeys(tuple(run["channels"]) for run in runs if run["channels"])
    return [made("layers", "by layer", "layers", chart["names"], runs)] + [
        made(
            "channels",
            "by channel",
            "channel_densities",
            channels,
            [r for r in runs if tuple(r["channels"]) == channels],
        )
        for channels in sets
    ]


def _run(series: Mapping[str, Any], grid: GridLayout, reachable: Mapping[str, Sequence[int]], anchor: str) -> GridRun:
    maps = heat_maps.of_channels(series, grid.rows, grid.columns, reachable, f"{anchor}-outline")
    given = series["games"]
    games = tuple(_game(game, grid, f"{anchor}-walls") for game in given)
    says = ""
    if games:
        density, scored = percent(given[-1]["density"]), f"{float(given[-1]['scored']):.3g}"
        says = (
            f"Seed {int(given[-1]['seed'])} has the median return of the {int(series['seeds'])} seeds at {density} of"
            f" the weights ({scored} on its scored episodes). In every step each agent takes the action that it holds"
            " to be best."
        )
    steps = max((len(game.data["rewards"]) for game in games), default=0)
    return GridRun(str(series["label"]), maps, says, games, steps)


def _game(game: Mapping[str, Any], grid: GridLayout, walls: str) -> DrawnGame:
    rewards = [_whole(reward, -1000, 1000) for reward in game["rewards"]]
    agent = [_whole(cell, -1, grid.cells - 1) for cell in game["agent"]]
    enemies = [[_whole(cell, -1, grid.cells - 1) for cell in path] for path in game["enemies"]]
    steps = len(rewards)
    if not 0 < steps <= LONGEST or any(len(path) != steps + 1 for path in (agent, *enemies)):
        raise ValueError("a game has not a cell for its start and each of its steps")

    def at(time: int, before: int) -> Markup:
        return grid.picture(
            walls, agent[time], [path[time] for path in enemies], agent[: time + 1], agent[before : time + 1]
        )

    times = [round(i * steps / (FRAMES - 1)) for i in range(FRAMES)] if steps >= FRAMES else list(range(steps + 1))
    frames = tuple(
        GameFrame(time, sum(rewards[:time]), at(time, before)) for before, time in zip([0, *times], times, strict=False)
    )
    name = f"pruned to {percent(game['density'])} of its weights" if int(game["level"]) else "dense, all weights left"
    data = {"name": name, "agent": agent, "enemies": enemies, "rewards": rewards}
    return DrawnGame(name, _outcome(grid, agent, enemies, rewards), frames, at(0, 0), data)


def _outcome(grid: GridLayout, agent: list[int], enemies: list[list[int]], rewards: list[int]) -> str:
    coins, poisons = sum(reward > 0 for reward in rewards), sum(reward < 0 for reward in rewards)
    gone = any(path[-1] < 0 <= path[-2] for path in (agent, *enemies))  # of two in one cell a map may show one
    met = gone or any(path[-1] == agent[-1] or path[-2:] == agent[-2:][::-1] for path in enemies)
    end = "all coins are taken" if coins == len(grid.coins) else "an enemy catches it" if met else "the time is up"
    taken = f"{coins} of {len(grid.coins)} coins, {poisons} {'poison' if poisons == 1 else 'poisons'}"
    return f"{taken}: return {plain(sum(rewards))} in {len(rewards)} steps; {end}"


def _whole(value: Any, low: int, high: int) -> int:
    """A whole number of the chart; ValueError for anything else."""
    x = number(value)
    if x is None or not low <= x <= high or x != int(x):
        raise ValueError(f"{str(value)[:40]!r} in a game is no whole number from {low} to {high}")
    return int(x)
