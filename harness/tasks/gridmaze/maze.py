"""GridMaze: collect coins in a maze that two enemies patrol (SI B).

The paper prints no layout: ours is in layout.txt, the same in every episode. Agent and enemies move at once, the
enemies one cell along the gap that they walk in; at its end an enemy turns round and moves the other way in the same
env_step. To share a cell with an enemy, or to swap places with it, is a collision and ends the episode, as taking the
last coin does.

An observation is linear in what stands where: it is a sum of *features*. Feature 0 is the layout without the agent
and the enemies, and further features are what the agent adds in each cell, what each enemy adds in each cell of its
gap, and what changes with each coin or poison that is taken. No more than `MAX_ACTIVE` of them make up any observation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np

from harness.streams import stream
from harness.tasks.gridmaze.layout import CELLS, CHARACTERS, COLUMNS, COUNTS, FILE, LAYOUT, OBJECTS, ROWS, WALL

if TYPE_CHECKING:
    from harness.tasks.gridmaze.batch import GridMazes

Encoding = Literal["object-map", "rgb", "entangled"]
COLOURS = {
    "empty": (0, 0, 0),  # black
    "agent": (0, 255, 255),  # cyan
    "enemy 1": (255, 0, 255),  # magenta
    "enemy 2": (0, 128, 0),  # green
    "coin": (255, 255, 0),  # yellow
    "poison": (165, 42, 42),  # brown
    "wall": (128, 128, 128),  # grey
}
"""Red, green and blue: SI B names the colours, CSS says what they are."""
COINS = COUNTS["coin"]
MAX_ACTIVE = 4 + COINS + COUNTS["poison"]
"""The layout, the agent, two enemies, and all that can be taken."""
STATE = 6

FREE = np.flatnonzero(~LAYOUT.walls)
ITEMS = np.flatnonzero(LAYOUT.worth)
ENEMY_ROWS = np.array(LAYOUT.enemies) // COLUMNS


def _numbered(cells: np.ndarray, first: int) -> np.ndarray:
    """int16[200]: which feature stands for each of `cells`, numbered from `first`; -1 elsewhere."""
    numbers = np.full(CELLS, -1, dtype=np.int16)
    numbers[cells] = first + np.arange(len(cells))
    return numbers


AGENT_FEATURES = _numbered(FREE, 1)
ENEMY_FEATURES = np.stack(
    [
        _numbered(LAYOUT.gap(0), 1 + len(FREE)),
        _numbered(LAYOUT.gap(1), 1 + len(FREE) + len(LAYOUT.gap(0))),
    ]
)
TAKEN_FEATURES = _numbered(ITEMS, int(ENEMY_FEATURES.max()) + 1)
FEATURES = int(TAKEN_FEATURES.max()) + 1


@dataclass(frozen=True)
class GridMaze:
    """Walk about a maze of 10 x 20 cells and take 42 coins, but not 12 poisons, past two enemies.

    A coin pays one and a poison costs one, once. Actions: up, down, left, right. `encoding` is how the networks see it:
    a binary map for each object (walls have none), colours from 0 to 1, or the maps times a matrix of U(-1, 1), one
    per seed.
    """

    name: ClassVar[str] = "gridmaze"
    title: ClassVar[str] = "GridMaze"
    actions: ClassVar[int] = 4
    grid: ClassVar[tuple[int, int]] = (ROWS, COLUMNS)
    symbols: ClassVar[Mapping[str, str]] = {**dict(zip(OBJECTS, CHARACTERS, strict=True)), "wall": WALL}
    """A character for what stands in a cell."""
    files: ClassVar[tuple[Path, ...]] = (FILE,)
    minimum_return: ClassVar[float] = -float(COUNTS["poison"])
    maximum_return: ClassVar[float] = float(COINS)

    encoding: Encoding = "object-map"
    horizon: int = 200

    def __post_init__(self) -> None:
        if self.encoding not in get_args(Encoding):
            raise ValueError(f"gridmaze is encoded as {', '.join(get_args(Encoding))}, not as {self.encoding!r}")

    @property
    def channels(self) -> tuple[str, ...]:
        """What the maps of an observation show, one after another; none where it is no map."""
        return {"object-map": OBJECTS, "rgb": ("red", "green", "blue"), "entangled": ()}[self.encoding]

    def as_maps(self) -> "GridMaze":
        """The same task, shown as object maps."""
        return replace(self, encoding="object-map")

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channel by channel, and row by row within."""
        return _inputs(self.channels)

    @property
    def zero_inputs(self) -> tuple[str, ...]:
        """Those that no state changes from zero."""
        return _zero_inputs(self)

    @property
    def reachable(self) -> Mapping[str, np.ndarray]:
        """bool[rows, columns] by enemy: the cells that it can be in."""
        return {f"enemy {enemy + 1}": (ENEMY_FEATURES[enemy] >= 0).reshape(ROWS, COLUMNS) for enemy in range(2)}

    def table(self, seeds: Sequence[int] = ()) -> np.ndarray:
        """What each feature adds to an observation: float32[1, features, inputs]; [members, features, inputs] if each
        of `seeds` has its own (ValueError where none is given). Read-only."""
        if self.encoding == "entangled":
            return _entangled_tables(tuple(seeds))
        return _table(self.encoding)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """The layout's start, for every episode: float64[*shape, 6], which are the agent's row and column, and the
        column and direction (1 is to the right) of each enemy."""
        columns = [cell % COLUMNS for cell in LAYOUT.enemies]
        start = [*divmod(LAYOUT.agent, COLUMNS), columns[0], 1, columns[1], 1]
        return np.broadcast_to(np.array(start, dtype=np.float64), (*shape, STATE)).copy()

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "GridMazes":
        """Environments standing in `starts`, float64[members, envs, 6].

        `seeds` are the members', asked for by the entangled encoding alone. Raises ValueError where it has not one
        for each member, or where an agent or an enemy cannot start where it should.
        """
        if self.encoding == "entangled" and len(seeds) != len(starts):
            raise ValueError(f"the entangled gridmaze needs a seed for each of {len(starts)} members, not {len(seeds)}")
        from harness.tasks.gridmaze.batch import GridMazes  # it is compiled

        return GridMazes(self, starts, self.table(seeds))


@lru_cache
def _inputs(channels: tuple[str, ...]) -> tuple[str, ...]:
    if not channels:
        return tuple(f"projection {number}" for number in range(len(OBJECTS) * CELLS))
    return tuple(f"{channel} at {cell // COLUMNS},{cell % COLUMNS}" for channel in channels for cell in range(CELLS))


@lru_cache
def _zero_inputs(task: GridMaze) -> tuple[str, ...]:
    if task.encoding == "entangled":
        return ()
    unused = np.flatnonzero(~task.table()[0].any(axis=0))
    return tuple(task.inputs[one] for one in unused)


@lru_cache
def _table(encoding: Literal["object-map", "rgb"]) -> np.ndarray:
    """float32[1, features, inputs]. An agent's feature, for example, takes `empty` away."""
    maps = np.zeros((FEATURES, len(OBJECTS), CELLS), dtype=np.int64)
    maps[0, OBJECTS.index("coin")] = LAYOUT.worth > 0
    maps[0, OBJECTS.index("poison")] = LAYOUT.worth < 0
    maps[0, OBJECTS.index("empty")] = ~LAYOUT.walls & (LAYOUT.worth == 0)
    for cell in range(CELLS):
        for name, features in (
            ("agent", AGENT_FEATURES),
            ("enemy 1", ENEMY_FEATURES[0]),
            ("enemy 2", ENEMY_FEATURES[1]),
        ):
            if features[cell] >= 0:
                maps[features[cell], OBJECTS.index(name), cell] = 1
                maps[features[cell], OBJECTS.index("empty"), cell] = -1
        if TAKEN_FEATURES[cell] >= 0:
            maps[TAKEN_FEATURES[cell], OBJECTS.index("coin" if LAYOUT.worth[cell] > 0 else "poison"), cell] = -1
            maps[TAKEN_FEATURES[cell], OBJECTS.index("empty"), cell] = 1
    if encoding == "rgb":
        colours = np.array([COLOURS[name] for name in OBJECTS])
        maps = np.einsum("pok,oc->pck", maps, colours)
        maps[0] += np.array(COLOURS["wall"])[:, None] * LAYOUT.walls
    table = (maps.reshape(1, FEATURES, -1) / (255 if encoding == "rgb" else 1)).astype(np.float32)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=2)
def _entangled_tables(seeds: tuple[int, ...]) -> np.ndarray:
    """float32[members, features, inputs]"""
    if not seeds:
        raise ValueError("the entangled gridmaze has a table for each seed, and none was given")
    tables = np.stack([_entangled_table(seed) for seed in seeds])
    tables.setflags(write=False)
    return tables


@lru_cache(maxsize=64)
def _entangled_table(seed: int) -> np.ndarray:
    """float32[features, inputs]"""
    table: np.ndarray = _table("object-map")[0].astype(np.float64) @ projection(seed)
    return table.astype(np.float32)


def projection(seed: int) -> np.ndarray:
    """float32[1200, 1200]: the matrix of U(-1, 1) by which the entangled encoding multiplies a flat object-map."""
    size = len(OBJECTS) * CELLS
    matrix: np.ndarray = stream(seed, "projection").uniform(-1.0, 1.0, (size, size)).astype(np.float32)
    return matrix


@lru_cache
def entries(encoding: Literal["object-map", "rgb"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The entries of a table that are not zero: where each feature's begin (int64[features + 1]), their columns
    (int64[entries]) and values (float32[entries])."""
    table = _table(encoding)[0]
    rows, columns = np.nonzero(table)
    begins = np.searchsorted(rows, np.arange(len(table) + 1))
    return begins, columns, table[rows, columns]
