"""What an observation of GridMaze is made of.

An observation is linear in what stands where: it is a sum of *features*. Feature 0 is the layout without the agent
and the enemies, and further features are what the agent adds in each cell, what each enemy adds in each cell of its
gap, and what changes with each coin or poison that is taken. No more than `MAX_ACTIVE` of them make up any observation.
"""

from functools import lru_cache
from typing import Literal

import numpy as np

from harness.streams import stream
from harness.tasks.gridmaze.layout import CELLS, COLUMNS, COUNTS, LAYOUT, OBJECTS

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


@lru_cache
def table_of(encoding: Literal["object-map", "rgb"]) -> np.ndarray:
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
def entangled_tables(seeds: tuple[int, ...]) -> np.ndarray:
    """float32[members, features, inputs]"""
    if not seeds:
        raise ValueError("the entangled gridmaze needs seeds, since it has a table for each, but none were given")
    tables = np.stack([_entangled_table(seed) for seed in seeds])
    tables.setflags(write=False)
    return tables


@lru_cache(maxsize=64)
def _entangled_table(seed: int) -> np.ndarray:
    """float32[features, inputs]"""
    table: np.ndarray = table_of("object-map")[0].astype(np.float64) @ projection(seed)
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
    table = table_of(encoding)[0]
    rows, columns = np.nonzero(table)
    begins = np.searchsorted(rows, np.arange(len(table) + 1))
    return begins, columns, table[rows, columns]
