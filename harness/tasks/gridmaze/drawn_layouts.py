"""Layouts of GridMaze by their number: 1 is drawn by hand, in layout.txt, and any other by the rule below.

What a claim finds may hang on where things stand, which the paper does not print. So claims are judged on a second
layout, drawn by a rule that was written down before any agent was trained on what it draws. Nothing in it was fitted to
a return: it says of the maze what SI B says, and for the rest what is true of the layout drawn by hand.

- Two walls cross the maze, the first in row 2 or 3, the second in row 6 or 7. Each has a gap of six cells between its
  ends, somewhere in which an enemy starts. Five more walls of one cell stand in other rows.
- The agent starts at the left end of a row of four coins, in any row without a gap.
- The other coins lie side by side in twos, threes and fours, and the poisons alone, where nothing stands yet.
- Drawn again, until every cell can be come to, and whoever walks from coin to nearest coin, around poisons, has all of
  them within three quarters of an episode: a fourth is left to wait for enemies.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import count

import numpy as np

from harness.streams import stream
from harness.tasks.gridmaze.layout import CELLS, COLUMNS, COUNTS, LAYOUT, ROWS, WALL, Layout, parsed

GAP, PILLARS, AGENT_RUN = 6, 5, 4
MOST_ENV_STEPS = 150


@lru_cache
def layout_of(number: int) -> Layout:
    """The layout with this number, from 1 on."""
    return LAYOUT if number == 1 else parsed(drawn_layout(number))


def drawn_layout(number: int) -> str:
    """The layout that the rule draws from `number`, as it would stand in layout.txt: 10 lines of 20 characters."""
    attempts = (_draw(stream(number, "layout", attempt)) for attempt in count())
    return next(text for text in attempts if _is_playable(parsed(text)))


def _draw(rng: np.random.Generator) -> str:
    """One attempt."""
    grid = [["."] * COLUMNS for _ in range(ROWS)]

    def free(length: int) -> list[tuple[int, int]]:
        """Where `length` cells without anything lie side by side, in a row without a gap."""
        rows = [row for row in range(ROWS) if row not in walls]
        places = [(row, column) for row in rows for column in range(COLUMNS - length + 1)]
        return [(row, column) for row, column in places if set(grid[row][column : column + length]) == {"."}]

    def put(characters: str) -> None:
        """Write `characters` side by side in a place drawn."""
        places = free(len(characters))
        row, column = places[rng.integers(len(places))]
        grid[row][column : column + len(characters)] = characters

    walls = [int(rng.integers(2, 4)), int(rng.integers(6, 8))]
    for enemy, row in zip("12", walls, strict=True):
        first = int(rng.integers(1, COLUMNS - GAP))
        grid[row] = [WALL] * first + ["."] * GAP + [WALL] * (COLUMNS - GAP - first)
        grid[row][first + int(rng.integers(GAP))] = enemy
    for _ in range(PILLARS):
        put(WALL)
    put("A" + AGENT_RUN * "o")
    left = COUNTS["coin"] - AGENT_RUN
    while left:
        length = min(int(rng.integers(2, 5)), left)
        if free(length):
            put(length * "o")
            left -= length
    for _ in range(COUNTS["poison"]):
        put("x")
    return "\n".join(map("".join, grid))


def _is_playable(layout: Layout) -> bool:
    """Whether the last line of the rule holds."""
    come_to = sum(1 for _ in _walk(layout, layout.agent, set()))
    if come_to < CELLS - layout.walls.sum():
        return False
    coins, poisons = (set(np.flatnonzero(layout.worth == worth).tolist()) for worth in (1, -1))
    cell, env_steps = layout.agent, 0
    while coins:
        nearest = next((found for found in _walk(layout, cell, poisons) if found[0] in coins), None)
        if nearest is None:
            return False
        cell, env_steps = nearest[0], env_steps + nearest[1]
        coins.remove(cell)
    return env_steps <= MOST_ENV_STEPS


def _walk(layout: Layout, start: int, around: set[int]) -> Iterator[tuple[int, int]]:
    """Every cell that can be come to without entering any of `around`, and in how many env_steps, the nearest first."""
    seen, turn, distance = {start}, [start], 0
    while turn:
        yield from ((cell, distance) for cell in turn)
        reached = [int(to) for cell in turn for to in layout.moves[cell]]
        turn = [to for to in dict.fromkeys(reached) if to not in seen and to not in around]
        seen.update(turn)
        distance += 1
