"""GridMaze: collect coins in a maze that two enemies patrol (SI B).

The paper prints no layout: ours is in layout.txt, the same in every episode, and a second one is drawn by a rule
(`drawn_layouts`). Agent and enemies move at once, the enemies one cell along the gap that they walk in; at its end an
enemy turns round and moves the other way in the same env_step. To share a cell with an enemy is a collision and ends
the episode, as taking the last coin does. Where SI B leaves something open, or we differ from it:

- To swap places with an enemy is a collision too. SI B ends a game where both are "in the same location"; an agent that
  walks against an enemy would else pass through it at every second distance. This is our addition.
- SI B "terminates" a game after 200 env_steps. Here the horizon truncates it: the state does not show the time, so the
  value of what was reached is still asked for. `at_horizon` has the other reading.
- SI B's colours are integers from 0 to 255. The networks are given them divided by 255, from 0 to 1; the gymnasium
  environment shows the integers.
- Every episode starts alike, so an agent that draws no action plays one episode only (`rollout.distinct_episodes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np

from harness.arguments import check_ranges
from harness.tasks.gridmaze.drawn_layouts import layout_of
from harness.tasks.gridmaze.encodings import COINS, Encoding, entangled_tables, features_of, table_of
from harness.tasks.gridmaze.layout import CELLS, CHARACTERS, COLUMNS, COUNTS, FILE, OBJECTS, ROWS, STATE, WALL
from harness.tasks.spec import Discrete, Observation

if TYPE_CHECKING:
    from harness.networks.features import FeatureTable
    from harness.tasks.gridmaze.batch import GridMazes


@dataclass(frozen=True)
class GridMaze:
    """Walk about a maze of 10 x 20 cells and take 42 coins, but not 12 poisons, past two enemies.

    A coin pays one and a poison costs one, once. Actions: up, down, left, right. `encoding` is how the networks see it:
    a binary map for each object (walls have none), colours from 0 to 1, or the maps times a matrix of U(-1, 1), one
    per seed. `layout` is the number of one, each a task of its own, with experts and reference returns. `at_horizon` is
    what an episode's last env_step is.
    """

    action: ClassVar[Discrete] = Discrete(4)
    grid: ClassVar[tuple[int, int]] = (ROWS, COLUMNS)
    symbols: ClassVar[Mapping[str, str]] = {**dict(zip(OBJECTS, CHARACTERS, strict=True)), "wall": WALL}
    """A character for what stands in a cell."""
    always_starts_alike: ClassVar[bool] = True
    minimum_return: ClassVar[float] = -float(COUNTS["poison"])
    maximum_return: ClassVar[float] = float(COINS)

    encoding: Encoding = "object-map"
    horizon: int = 200
    layout: int = 1
    at_horizon: Literal["truncation", "termination"] = "truncation"

    def __post_init__(self) -> None:
        check_ranges(self, counts=("horizon", "layout"))
        if self.encoding not in get_args(Encoding):
            raise ValueError(
                f"gridmaze's encoding must be one of {', '.join(get_args(Encoding))}, not {self.encoding!r}"
            )

    @property
    def name(self) -> str:
        """Of the first layout "gridmaze", of the second "gridmaze-2"."""
        return "gridmaze" if self.layout == 1 else f"gridmaze-{self.layout}"

    @property
    def title(self) -> str:
        """The name for people."""
        return "GridMaze" if self.layout == 1 else f"GridMaze, layout {self.layout}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The first layout's; the others are drawn."""
        return (FILE,) if self.layout == 1 else ()

    @property
    def channels(self) -> tuple[str, ...]:
        """What the maps of an observation show, one after another; none where it is no map."""
        return {"object-map": OBJECTS, "rgb": ("red", "green", "blue"), "entangled": ()}[self.encoding]

    def as_maps(self) -> "GridMaze":
        """The same task, shown as object maps."""
        return replace(self, encoding="object-map")

    @property
    def observation(self) -> Observation:
        """Channel by channel, and row by row within, in one row."""
        return _observation(self.channels)

    @property
    def zero_inputs(self) -> tuple[str, ...]:
        """Those that no state changes from zero."""
        return _zero_inputs(self)

    @property
    def reachable(self) -> Mapping[str, np.ndarray]:
        """bool[rows, columns] by enemy: the cells that it can be in."""
        shown = features_of(self.layout).enemies
        return {f"enemy {enemy + 1}": (shown[enemy] >= 0).reshape(ROWS, COLUMNS) for enemy in range(2)}

    def table(self, seeds: Sequence[int] = ()) -> np.ndarray:
        """What each feature adds to an observation: float32[1, features, inputs]; [members, features, inputs] if each
        of `seeds` has its own (ValueError where none is given). Read-only."""
        if self.encoding == "entangled":
            return entangled_tables(tuple(seeds), self.layout)
        return table_of(self.encoding, self.layout)

    def features(self, seeds: Sequence[int]) -> "FeatureTable":
        """See `table`."""
        from harness.networks.features import FeatureTable

        return FeatureTable.of(self.table(seeds), len(seeds))

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """The layout's start, for every episode: float64[*shape, 6], which are the agent's row and column, and the
        column and direction (1 is to the right) of each enemy."""
        it = layout_of(self.layout)
        columns = [cell % COLUMNS for cell in it.enemies]
        start = [*divmod(it.agent, COLUMNS), columns[0], 1, columns[1], 1]
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
def _observation(channels: tuple[str, ...]) -> Observation:
    names = tuple(f"{channel} at {cell // COLUMNS},{cell % COLUMNS}" for channel in channels for cell in range(CELLS))
    if not channels:
        names = tuple(f"projection {number}" for number in range(len(OBJECTS) * CELLS))
    return Observation((len(names),), names)


@lru_cache
def _zero_inputs(task: GridMaze) -> tuple[str, ...]:
    if task.encoding == "entangled":
        return ()
    unused = np.flatnonzero(~task.table()[0].any(axis=0))
    return tuple(task.observation.inputs[one] for one in unused)
