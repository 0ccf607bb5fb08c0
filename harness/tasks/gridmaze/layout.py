"""A layout of GridMaze: a text that anybody can read. That in layout.txt is the first (see `drawn_layouts`)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("layout.txt")
ROWS, COLUMNS = 10, 20
CELLS = ROWS * COLUMNS
STATE = 6
"""Numbers that a start is made of: the agent's row and column, the column and direction of each enemy."""
OBJECTS = ("empty", "agent", "enemy 1", "enemy 2", "coin", "poison")
"""What a cell that is no wall holds exactly one of."""
CHARACTERS = ".A12ox"
"""Of `OBJECTS`, in the same order."""
WALL = "#"
COUNTS = {"agent": 1, "enemy 1": 1, "enemy 2": 1, "coin": 42, "poison": 12}
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Rows and columns of the four actions: up, down, left, right."""


@dataclass(frozen=True, eq=False)
class Layout:
    """What stands where when an episode starts. A cell's number is row * 20 + column."""

    walls: np.ndarray
    """bool[200]"""
    agent: int
    """The cell that it starts in."""
    enemies: tuple[int, int]
    """The cells that they start in."""
    gaps: np.ndarray
    """int64[2, 2]: the first and the last cell that each enemy walks between."""
    worth: np.ndarray
    """float64[200]: what a cell pays when it is first walked over; 1 for a coin, -1 for a poison, 0 for all else."""
    moves: np.ndarray
    """int64[200, 4]: the cell that each action leads to; into a wall or off the grid the agent stays."""

    @property
    def enemy_rows(self) -> np.ndarray:
        """int64[2]: the row that each enemy walks in."""
        return np.array(self.enemies) // COLUMNS

    def gap(self, enemy: int) -> np.ndarray:
        """int64[cells]: where this enemy (0 or 1) can be, from left to right."""
        first, last = self.gaps[enemy]
        return np.arange(first, last + 1)


def parsed(text: str) -> Layout:
    """The layout that the lines of `text` up to its first empty one draw.

    Raises ValueError where it is not 10 lines of 20 known characters, or has not one agent, one of each enemy, 42 coins
    and 12 poisons.
    """
    lines = text.split("\n\n")[0].splitlines()
    characters = "".join(lines)
    counts = {name: characters.count(character) for name, character in zip(OBJECTS, CHARACTERS, strict=True)}
    counts["wall"] = characters.count(WALL)
    shape_is_wrong = len(lines) != ROWS or any(len(line) != COLUMNS for line in lines) or sum(counts.values()) != CELLS
    if shape_is_wrong or any(counts[name] != count for name, count in COUNTS.items()):
        raise ValueError(
            f"a maze must have {ROWS} lines of {COLUMNS} characters out of {CHARACTERS + WALL}, with the counts"
            f" {COUNTS}; this one has lines of {[len(line) for line in lines]} characters, with the counts {counts}"
        )
    walls = np.array([character == WALL for character in characters])
    return Layout(
        walls=walls,
        agent=characters.index("A"),
        enemies=(characters.index("1"), characters.index("2")),
        gaps=np.array([_gap(characters, enemy) for enemy in "12"]),
        worth=np.array([{"o": 1.0, "x": -1.0}.get(character, 0.0) for character in characters]),
        moves=_moves(walls),
    )


def _moves(walls: np.ndarray) -> np.ndarray:
    moves = np.empty((CELLS, len(MOVES)), dtype=np.int64)
    for cell in range(CELLS):
        for action, (down, right) in enumerate(MOVES):
            row, column = cell // COLUMNS + down, cell % COLUMNS + right
            inside = 0 <= row < ROWS and 0 <= column < COLUMNS
            to = row * COLUMNS + column
            moves[cell, action] = to if inside and not walls[to] else cell
    return moves


def _gap(characters: str, enemy: str) -> tuple[int, int]:
    """The first and the last cell of the run between walls, or the grid's sides, that `enemy` stands in."""
    cell = characters.index(enemy)
    row = cell // COLUMNS * COLUMNS
    first = characters.rfind(WALL, row, cell) + 1 or row
    end = characters.find(WALL, cell, row + COLUMNS)
    return first, (end if end >= 0 else row + COLUMNS) - 1


LAYOUT = parsed(FILE.read_text(encoding="utf-8"))
