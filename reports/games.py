"""Agents at play: a strip of frames that needs no script, and the same game step by step for templates/js/mazes.js."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports.grids import Grid
from reports.numbers import number, percent, plain

FRAMES = 10  # of a strip
LONGEST = 100_000  # env_steps of a game; no task's horizon is so far


@dataclass(frozen=True)
class Frame:
    """What stood where after `time` env_steps, with the way since the last frame."""

    time: int
    points: int
    picture: Markup


@dataclass(frozen=True)
class Game:
    """One agent's. name: who plays. outcome: what came of it, in words. board: as it starts."""

    name: str
    outcome: str
    frames: tuple[Frame, ...]
    board: Markup
    agent: list[int]
    enemies: list[list[int]]
    rewards: list[int]

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads."""
        return {"name": self.name, "agent": self.agent, "enemies": self.enemies, "rewards": self.rewards}


@dataclass(frozen=True)
class Play:
    """The games of one seed beside each other. says: which seed, and what it stands for."""

    says: str
    games: tuple[Game, ...]
    steps: int


def play(games: Any, seeds: int, grid: Grid, walls: str) -> Play | None:
    """Of a chart's games; None where there are none. Raises ValueError, KeyError or TypeError where one is malformed.

    seeds: of how many the median is. walls: as for `Grid.picture`.
    """
    drawn = tuple(_game(game, grid, walls) for game in games)
    if not drawn:
        return None
    last = games[-1]
    density, scored = percent(last["density"]), f"{float(last['scored']):.3g}"
    says = (
        f"Seed {int(last['seed'])}: of the {seeds} seeds the one with the median return at {density} of the weights"
        f" ({scored} on its scored episodes). In every step each agent takes the action that it holds to be best."
    )
    return Play(says, drawn, max(len(game.rewards) for game in drawn))


def left(cells: Sequence[int], visited: Sequence[int]) -> list[int]:
    """The coins or poisons that are still there when the agent has been at these cells."""
    gone = set(visited)
    return [cell for cell in cells if cell not in gone]


def _game(game: Mapping[str, Any], grid: Grid, walls: str) -> Game:
    rewards = [_whole(reward, -1000, 1000) for reward in game["rewards"]]
    agent = [_whole(cell, -1, grid.cells - 1) for cell in game["agent"]]
    enemies = [[_whole(cell, -1, grid.cells - 1) for cell in path] for path in game["enemies"]]
    steps = len(rewards)
    if not 0 < steps <= LONGEST or any(len(path) != steps + 1 for path in (agent, *enemies)):
        raise ValueError("a game has not a cell for its start and each of its steps")
    times = [round(i * steps / (FRAMES - 1)) for i in range(FRAMES)] if steps >= FRAMES else list(range(steps + 1))
    frames = tuple(
        Frame(time, sum(rewards[:time]), _picture(grid, walls, agent, enemies, time, before))
        for before, time in zip([0, *times], times, strict=False)
    )
    level = int(game["level"])
    name = f"pruned to {percent(game['density'])} of its weights" if level else "dense, all weights left"
    board = _picture(grid, walls, agent, enemies, 0, 0)
    return Game(name, _outcome(grid, agent, enemies, rewards), frames, board, agent, enemies, rewards)


def _picture(grid: Grid, walls: str, agent: list[int], enemies: list[list[int]], time: int, before: int) -> Markup:
    visited = agent[: time + 1]
    coins, poisons = left(grid.coins, visited), left(grid.poisons, visited)
    return grid.picture(walls, agent[time], [path[time] for path in enemies], coins, poisons, agent[before : time + 1])


def _outcome(grid: Grid, agent: list[int], enemies: list[list[int]], rewards: list[int]) -> str:
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
