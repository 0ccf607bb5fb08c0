"""What an observation of GridMaze is made of.

An observation is linear in what stands where: it is a sum of *features*. Feature 0 is the layout without the agent
and the enemies, and further features are what the agent adds in each cell, what each enemy adds in each cell of its
gap, and what changes with each coin or poison that is taken. No more than `MAX_ACTIVE` of them make up any observation.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from harness.streams import stream
from harness.tasks.gridmaze.drawn_layouts import layout_of
from harness.tasks.gridmaze.layout import CELLS, COUNTS, OBJECTS, Layout

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


@dataclass(frozen=True, eq=False)
class Features:
    """The numbers of a layout's features. Each array is int16, by cell, and -1 where there is none."""

    layout: Layout
    agent: np.ndarray
    """[200]"""
    enemies: np.ndarray
    """[2, 200]"""
    taken: np.ndarray
    """[200]"""
    count: int


@lru_cache
def features_of(layout: int) -> Features:
    """The features of the layout with this number."""
    it = layout_of(layout)
    free, items = np.flatnonzero(~it.walls), np.flatnonzero(it.worth)
    first_gap = 1 + len(free)
    second_gap = first_gap + len(it.gap(0))
    first_item = second_gap + len(it.gap(1))
    enemies = np.stack([_numbered(it.gap(0), first_gap), _numbered(it.gap(1), second_gap)])
    return Features(it, _numbered(free, 1), enemies, _numbered(items, first_item), first_item + len(items))


def _numbered(cells: np.ndarray, first: int) -> np.ndarray:
    """int16[200]: which feature stands for each of `cells`, numbered from `first`; -1 elsewhere."""
    numbers = np.full(CELLS, -1, dtype=np.int16)
    numbers[cells] = first + np.arange(len(cells))
    return numbers


@lru_cache
def table_of(encoding: Literal["object-map", "rgb"], layout: int) -> np.ndarray:
    """float32[1, features, inputs]. An agent's feature, for example, takes `empty` away.

    Colours are from 0 to 1 for the networks: SI B's integers, 0 to 255, by 255.
    """
    features = features_of(layout)
    walls, worth = features.layout.walls, features.layout.worth
    maps = np.zeros((features.count, len(OBJECTS), CELLS), dtype=np.int64)
    maps[0, OBJECTS.index("coin")] = worth > 0
    maps[0, OBJECTS.index("poison")] = worth < 0
    maps[0, OBJECTS.index("empty")] = ~walls & (worth == 0)
    for cell in range(CELLS):
        for name, numbers in (
            ("agent", features.agent),
            ("enemy 1", features.enemies[0]),
            ("enemy 2", features.enemies[1]),
        ):
            if numbers[cell] >= 0:
                maps[numbers[cell], OBJECTS.index(name), cell] = 1
                maps[numbers[cell], OBJECTS.index("empty"), cell] = -1
        if features.taken[cell] >= 0:
            maps[features.taken[cell], OBJECTS.index("coin" if worth[cell] > 0 else "poison"), cell] = -1
            maps[features.taken[cell], OBJECTS.index("empty"), cell] = 1
    if encoding == "rgb":
        colours = np.array([COLOURS[name] for name in OBJECTS])
        maps = np.einsum("pok,oc->pck", maps, colours)
        maps[0] += np.array(COLOURS["wall"])[:, None] * walls
    table = (maps.reshape(1, features.count, -1) / (255 if encoding == "rgb" else 1)).astype(np.float32)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=2)
def entangled_tables(seeds: tuple[int, ...], layout: int) -> np.ndarray:
    """float32[members, features, inputs]"""
    if not seeds:
        raise ValueError("the entangled gridmaze needs seeds, since it has a table for each, but none were given")
    tables = np.stack([_entangled_table(seed, layout) for seed in seeds])
    tables.setflags(write=False)
    return tables


@lru_cache(maxsize=64)
def _entangled_table(seed: int, layout: int) -> np.ndarray:
    """float32[features, inputs]"""
    table: np.ndarray = table_of("object-map", layout)[0].astype(np.float64) @ projection(seed)
    return table.astype(np.float32)


def projection(seed: int) -> np.ndarray:
    """float32[1200, 1200]: the matrix of U(-1, 1) by which the entangled encoding multiplies a flat object-map."""
    size = len(OBJECTS) * CELLS
    matrix: np.ndarray = stream(seed, "projection").uniform(-1.0, 1.0, (size, size)).astype(np.float32)
    return matrix


@lru_cache
def entries(encoding: Literal["object-map", "rgb"], layout: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The entries of a table that are not zero: where each feature's begin (int64[features + 1]), their columns
    (int64[entries]) and values (float32[entries])."""
    table = table_of(encoding, layout)[0]
    rows, columns = np.nonzero(table)
    begins = np.searchsorted(rows, np.arange(len(table) + 1))
    return begins, columns, table[rows, columns]
