"""GridMazes in motion: a whole population in one compiled step (for the rules see `harness.tasks.gridmaze.maze`)."""

from typing import TYPE_CHECKING

import numpy as np

from harness.arguments import check_array
from harness.compiled import njit
from harness.tasks.compiled_batch import CompiledBatch
from harness.tasks.gridmaze.encodings import COINS, MAX_ACTIVE, entries, features_of
from harness.tasks.gridmaze.layout import CELLS, COLUMNS, ROWS

if TYPE_CHECKING:
    from harness.tasks.gridmaze.maze import GridMaze

LIMITS = np.array([ROWS - 1, COLUMNS - 1, COLUMNS - 1, 1, COLUMNS - 1, 1], dtype=np.float64)
"""How large each number of a start may be, to either side."""


@njit
def _misplaced(starts: np.ndarray, empty: np.ndarray, gaps: np.ndarray, enemy_rows: np.ndarray) -> int:
    """The first row that is no start; -1 where there is none. empty: bool[cells]: where an agent can start."""
    for i in range(len(starts)):
        same = i > 0
        for j in range(6):
            same &= starts[i, j] == starts[i - 1, j]
        if same:  # as they all are when drawn
            continue
        for j in range(6):
            if not abs(starts[i, j]) <= LIMITS[j] or starts[i, j] != int(starts[i, j]):
                return i
        agent = int(starts[i, 0]) * COLUMNS + int(starts[i, 1])
        if starts[i, 0] < 0 or starts[i, 1] < 0 or not empty[agent]:
            return i
        for j in range(2):
            enemy = enemy_rows[j] * COLUMNS + int(starts[i, 2 + 2 * j])
            if not gaps[j, 0] <= enemy <= gaps[j, 1] or enemy == agent or starts[i, 3 + 2 * j] == 0:
                return i
    return -1


@njit
def _start(
    first: int,
    end: int,
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
    """Begin the environments from `first` to before `end` anew, each in its row of `starts`."""
    for i in range(first, end):
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
def _advance(
    actions: np.ndarray,
    restarts: np.ndarray,
    horizon: int,
    horizon_terminates: bool,
    moves: np.ndarray,
    gaps: np.ndarray,
    worth: np.ndarray,
    enemy_rows: np.ndarray,
    agent_features: np.ndarray,
    enemy_features: np.ndarray,
    taken_features: np.ndarray,
    agents: np.ndarray,
    enemies: np.ndarray,
    directions: np.ndarray,
    taken: np.ndarray,
    coins: np.ndarray,
    elapsed: np.ndarray,
    features: np.ndarray,
    rewards: np.ndarray,
    terminated: np.ndarray,
    truncated: np.ndarray,
    final_features: np.ndarray,
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
        over = elapsed[i] >= horizon
        terminated[i] = collision or coins[i] == COINS or (over and horizon_terminates)
        truncated[i] = over and not terminated[i]
        for j in range(features.shape[1]):
            final_features[i, j] = features[i, j]
        if collision:  # the enemy alone is seen: the last feature fills the agent's place in the list
            final_features[i, 1] = features[i, length - 1]
            final_features[i, length - 1] = -1
        if terminated[i] or truncated[i]:
            _start(
                i, i + 1, restarts, enemy_rows, agent_features, enemy_features,
                agents, enemies, directions, taken, coins, elapsed, features,
            )  # fmt: skip


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


class GridMazes(CompiledBatch):
    """See `CompiledBatch`."""

    state = ("agents", "enemies", "directions", "taken", "coins", "elapsed", "features")
    results = ("rewards", "terminated", "truncated", "final_features")
    _step = staticmethod(_advance)
    limits = LIMITS
    rule = "an agent must start in an empty cell and each enemy in its gap, moving left (-1) or right (1)"

    def __init__(self, task: "GridMaze", starts: np.ndarray, table: np.ndarray):
        """table: see `GridMaze.table`. Raises ValueError where it is not of this task and these members, or where an
        environment cannot start, TypeError where one of them is no array of numbers."""
        self.task: GridMaze = task
        features = features_of(task.layout)
        it, shown = features.layout, (features.agent, features.enemies)
        terminates = task.at_horizon == "termination"
        self.constants = (terminates, it.moves, it.gaps, it.worth, it.enemy_rows, *shown, features.taken)
        rows = self.rows_of(starts, (-1, -1))
        shape = starts.shape[:2]
        check_array(
            "table", table, (shape[0] if task.encoding == "entangled" else 1, features.count, task.observation.size)
        )
        self.table = np.ascontiguousarray(table, dtype=np.float32)
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
        self.allocate()
        _start(0, len(rows), rows, it.enemy_rows, *shown, *self._rows[: len(self.state)])
        self.final_features[:] = self.features

    def allocate_observations(self) -> None:
        """Observations are made of `features` where they are asked for."""
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
            entered = entries(self.task.encoding, self.task.layout)
            _decode_sparse(rows, features.reshape(-1, MAX_ACTIVE), self.table[0, 0], *entered)
        return out

    def first_refused(self, rows: np.ndarray) -> int:
        """See `CompiledBatch`."""
        layout = features_of(self.task.layout).layout
        return _misplaced(rows, ~layout.walls & (layout.worth == 0), layout.gaps, layout.enemy_rows)

    def keep(self, members: np.ndarray) -> None:
        """See `Batch.keep`."""
        if self.task.encoding == "entangled":
            self.table = self.table[members]
        super().keep(members)
