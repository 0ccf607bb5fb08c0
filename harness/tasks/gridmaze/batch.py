"""GridMaze: collect coins in a maze two enemies patrol (SI B), for a whole population in one compiled step.

The paper prints no layout: ours is in gridmaze.txt, the same in every episode. Agent and enemies move at once, the
enemies one cell along the gap that they walk in; at its end an enemy turns round and moves the other way in the same
env_step. To share a cell with an enemy, or to swap places with it, is a collision and ends the episode, as taking the
last coin does.

An observation is linear in what stands where: it is a sum of *features*. Feature 0 is the layout without the agent
and the enemies, and further features are what the agent adds in each cell, what each enemy adds in each cell of its
gap, and what changes with each coin or poison that is taken. No more than `MAX_ACTIVE` of them make up any observation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np

from harness.compiled import njit
from harness.streams import stream
from harness.tasks.gridmaze.layout import CELLS, COLUMNS, COUNTS, FILE, LAYOUT, OBJECTS, ROWS

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
    actions: ClassVar[int] = 4
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
        _check(starts)
        return GridMazes(self, starts, self.table(seeds))


class GridMazes:
    """`members x envs` GridMazes in motion; a `Batch` and its own `Transition`."""

    def __init__(self, task: GridMaze, starts: np.ndarray, table: np.ndarray):
        shape = starts.shape[:2]
        self.task, self.table = task, table
        self.agents = np.zeros(shape, dtype=np.int64)
        """The cell of each agent."""
        self.enemies = np.zeros((*shape, 2), dtype=np.int64)
        """The cell of each enemy."""
        self.directions = np.zeros((*shape, 2), dtype=np.int64)
        """1 to the right, -1 to the left."""
        self.taken = np.zeros((*shape, CELLS), dtype=np.bool_)
        """Where a coin or poison was taken."""
        self.coins = np.zeros(shape, dtype=np.int64)
        """How many were taken."""
        self.elapsed = np.zeros(shape, dtype=np.int64)
        self.features = np.full((*shape, MAX_ACTIVE), -1, dtype=np.int16)
        """int16[members, envs, most]: the features of which each observation is the sum, then -1."""
        _start_all(
            np.ascontiguousarray(starts, dtype=np.float64).reshape(-1, STATE),
            ENEMY_ROWS,
            AGENT_FEATURES,
            ENEMY_FEATURES,
            *self._state(),
        )
        self._allocate()

    def _state(self) -> tuple[np.ndarray, ...]:
        return (
            self.agents.reshape(-1),
            self.enemies.reshape(-1, 2),
            self.directions.reshape(-1, 2),
            self.taken.reshape(-1, CELLS),
            self.coins.reshape(-1),
            self.elapsed.reshape(-1),
            self.features.reshape(-1, MAX_ACTIVE),
        )

    def _allocate(self) -> None:
        shape = self.agents.shape
        self.rewards = np.zeros(shape)
        self.terminated = np.zeros(shape, dtype=np.bool_)
        self.truncated = np.zeros(shape, dtype=np.bool_)
        self.final_features = self.features.copy()
        """int16[members, envs, most]: those of what was reached, before any restart."""
        self._observations: np.ndarray | None = None
        self._final_observations: np.ndarray | None = None

    @property
    def observations(self) -> np.ndarray:
        """float32[members, envs, inputs], made of `features`. The next time it is asked for overwrites it."""
        self._observations = self._decoded(self.features, self._observations)
        return self._observations

    @property
    def final_observations(self) -> np.ndarray:
        """float32[members, envs, inputs], made of `final_features`. The next time it is asked for overwrites it."""
        self._final_observations = self._decoded(self.final_features, self._final_observations)
        return self._final_observations

    def _decoded(self, features: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        if out is None:
            out = np.empty((*features.shape[:2], self.table.shape[-1]), dtype=np.float32)
        if self.task.encoding == "entangled":
            _decode_dense(features, self.table, out)
        else:
            rows = out.reshape(-1, out.shape[-1])
            _decode_sparse(rows, features.reshape(-1, MAX_ACTIVE), self.table[0, 0], *_entries(self.task.encoding))
        return out

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "GridMazes":
        """See `Batch.step`. Restarts are taken to be places that `GridMaze.batch` would accept."""
        _step(
            actions.reshape(-1),
            restarts.reshape(-1, STATE),
            self.task.horizon,
            LAYOUT.moves,
            LAYOUT.gaps,
            LAYOUT.worth,
            ENEMY_ROWS,
            AGENT_FEATURES,
            ENEMY_FEATURES,
            TAKEN_FEATURES,
            self.rewards.reshape(-1),
            self.terminated.reshape(-1),
            self.truncated.reshape(-1),
            self.final_features.reshape(-1, MAX_ACTIVE),
            *self._state(),
        )
        return self

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        self.agents, self.enemies = self.agents[members], self.enemies[members]
        self.directions, self.taken = self.directions[members], self.taken[members]
        self.coins, self.elapsed = self.coins[members], self.elapsed[members]
        self.features = self.features[members]
        if self.task.encoding == "entangled":
            self.table = self.table[members]
        self._allocate()


@njit
def _step(
    actions: np.ndarray,
    restarts: np.ndarray,
    horizon: int,
    moves: np.ndarray,
    gaps: np.ndarray,
    worth: np.ndarray,
    enemy_rows: np.ndarray,
    agent_features: np.ndarray,
    enemy_features: np.ndarray,
    taken_features: np.ndarray,
    rewards: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    final_features: np.ndarray,
    agents: np.ndarray,
    enemies: np.ndarray,
    directions: np.ndarray,
    taken: np.ndarray,
    coins: np.ndarray,
    elapsed: np.ndarray,
    features: np.ndarray,
) -> None:
    for i in range(len(agents)):
        before, after = agents[i], moves[agents[i], actions[i]]
        collision = False
        for j in range(2):
            enemy = enemies[i, j]
            if not gaps[j, 0] <= enemy + directions[i, j] <= gaps[j, 1]:
                directions[i, j] = -directions[i, j]
            enemies[i, j] = enemy + directions[i, j]
            collision |= after == enemies[i, j] or (after == enemy and before == enemies[i, j])
            features[i, 2 + j] = enemy_features[j, enemies[i, j]]
        agents[i] = after
        features[i, 1] = agent_features[after]
        rewards[i] = 0.0
        elapsed[i] += 1
        length = 4
        while length < features.shape[1] and features[i, length] >= 0:
            length += 1
        if worth[after] != 0.0 and not taken[i, after]:
            taken[i, after] = True
            rewards[i] = worth[after]
            coins[i] += worth[after] > 0
            features[i, length] = taken_features[after]
            length += 1
        terminated[i] = collision or coins[i] == COINS
        truncated[i] = elapsed[i] >= horizon and not terminated[i]
        for j in range(features.shape[1]):
            final_features[i, j] = features[i, j]
        if collision:  # the enemy alone is seen: the last feature fills the agent's place in the list
            final_features[i, 1] = features[i, length - 1]
            final_features[i, length - 1] = -1
        if terminated[i] or truncated[i]:
            _start(
                i, restarts, enemy_rows, agent_features, enemy_features,
                agents, enemies, directions, taken, coins, elapsed, features,
            )  # fmt: skip


@njit
def _start_all(
    starts: np.ndarray,
    enemy_rows: np.ndarray,
    agent_features: np.ndarray,
    enemy_features: np.ndarray,
    agents: np.ndarray,
    enemies: np.ndarray,
    directions: np.ndarray,
    taken: np.ndarray,
    coins: np.ndarray,
    elapsed: np.ndarray,
    features: np.ndarray,
) -> None:
    for i in range(len(agents)):
        _start(
            i, starts, enemy_rows, agent_features, enemy_features,
            agents, enemies, directions, taken, coins, elapsed, features,
        )  # fmt: skip


@njit
def _start(
    i: int,
    starts: np.ndarray,
    enemy_rows: np.ndarray,
    agent_features: np.ndarray,
    enemy_features: np.ndarray,
    agents: np.ndarray,
    enemies: np.ndarray,
    directions: np.ndarray,
    taken: np.ndarray,
    coins: np.ndarray,
    elapsed: np.ndarray,
    features: np.ndarray,
) -> None:
    """Begin environment `i` anew in its row of `starts`."""
    agents[i] = int(starts[i, 0]) * COLUMNS + int(starts[i, 1])
    for j in range(taken.shape[1]):
        taken[i, j] = False
    coins[i] = elapsed[i] = 0
    for j in range(features.shape[1]):
        features[i, j] = -1
    features[i, 0] = 0
    features[i, 1] = agent_features[agents[i]]
    for j in range(2):
        enemies[i, j] = enemy_rows[j] * COLUMNS + int(starts[i, 2 + 2 * j])
        directions[i, j] = int(starts[i, 3 + 2 * j])
        features[i, 2 + j] = enemy_features[j, enemies[i, j]]


@njit
def _decode_sparse(
    observations: np.ndarray,
    features: np.ndarray,
    base: np.ndarray,
    begins: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
) -> None:
    """Fill `observations`, float32[envs, inputs], with the sums of `features`, int16[envs, most]."""
    for i in range(len(features)):
        for j in range(len(base)):
            observations[i, j] = base[j]
        for k in range(1, features.shape[1]):
            feature = features[i, k]
            if feature < 0:
                break
            for j in range(begins[feature], begins[feature + 1]):
                observations[i, columns[j]] += values[j]


@njit
def _decode_dense(features: np.ndarray, table: np.ndarray, observations: np.ndarray) -> None:
    """Fill `observations`, float32[members, envs, inputs], with the sums of rows of each member's own `table`."""
    for m in range(features.shape[0]):
        for i in range(features.shape[1]):
            for j in range(table.shape[2]):
                observations[m, i, j] = table[m, 0, j]
            for k in range(1, features.shape[2]):
                feature = features[m, i, k]
                if feature < 0:
                    break
                for j in range(table.shape[2]):
                    observations[m, i, j] += table[m, feature, j]


def _check(starts: np.ndarray) -> None:
    """Raises ValueError, in one line, where a start is none."""
    places = np.asarray(starts).reshape(-1, STATE)
    inside = (places == np.floor(places)).all(-1) & (np.abs(places[:, [3, 5]]) == 1).all(-1)
    inside &= (places[:, :2] >= 0).all(-1) & (places[:, :2] < [ROWS, COLUMNS]).all(-1)
    agents = np.where(inside, places[:, 0] * COLUMNS + places[:, 1], 0).astype(np.int64)
    enemies = ENEMY_ROWS * COLUMNS + places[:, [2, 4]]
    fine = inside & ~LAYOUT.walls[agents] & (LAYOUT.worth[agents] == 0) & (agents[:, None] != enemies).all(-1)
    fine &= ((enemies >= LAYOUT.gaps[:, 0]) & (enemies <= LAYOUT.gaps[:, 1])).all(-1)
    if not fine.all():
        raise ValueError(
            "an agent starts in an empty cell and each enemy in its gap, to the left (-1) or to the right (1), not in "
            f"{places[~fine][0].tolist()}"
        )


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


def objects(features: np.ndarray) -> np.ndarray:
    """What stands in each cell, int64[..., rows, columns]: a place in `OBJECTS`, or -1 for a wall.

    features: int16[..., most], of any encoding.
    """
    table = _table("object-map")[0]
    maps = np.where(features[..., None] >= 0, table[features], 0).sum(axis=-2).reshape(*features.shape[:-1], -1, CELLS)
    return np.where(LAYOUT.walls, -1, maps.argmax(axis=-2)).reshape(*features.shape[:-1], ROWS, COLUMNS)


def projection(seed: int) -> np.ndarray:
    """float32[1200, 1200]: the matrix of U(-1, 1) by which the entangled encoding multiplies a flat object-map."""
    size = len(OBJECTS) * CELLS
    matrix: np.ndarray = stream(seed, "projection").uniform(-1.0, 1.0, (size, size)).astype(np.float32)
    return matrix


@lru_cache
def _entries(encoding: Literal["object-map", "rgb"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The entries of a table that are not zero: where each feature's begin (int64[features + 1]), their columns
    (int64[entries]) and values (float32[entries])."""
    table = _table(encoding)[0]
    rows, columns = np.nonzero(table)
    begins = np.searchsorted(rows, np.arange(len(table) + 1))
    return begins, columns, table[rows, columns]
