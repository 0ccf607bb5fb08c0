"""One episode of a task that is a grid, played by a stored checkpoint: which object stood where, step by step.

The game is read off object maps (paper SI B), whatever encoding the agent sees: beside the agent's environment a second
one takes the same actions from the same start and shows object maps. What such a task says of itself:

    grid       (rows, columns)
    channels   what each map of an observation shows; empty where an observation is no map
    reachable  bool[rows, columns] by the channel of each thing that moves, apart from the agent: where it can come to
    symbols    a character per channel of its object maps, and one for "wall": a cell that is on no map
    as_maps()  the same task, shown as object maps, one of which is called "agent"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.learners.protocol import ACTOR
from harness.pruning.prunable import network_of
from harness.streams import stream

if TYPE_CHECKING:
    from harness.judging.run import Run
    from harness.networks.network import BaseNetwork

NOWHERE = -1


@dataclass(frozen=True)
class Game:
    """One episode. Cells are numbered row by row.

    start: bool[objects, cells], what stood where before the first step. places: of each thing that moves, its cell at
    each time from the start on, NOWHERE where it is on no map. rewards: of each step, one fewer.
    """

    start: np.ndarray
    places: dict[str, list[int]]
    rewards: list[int]


def play(task: Any, actor: "BaseNetwork", seed: int, level: int) -> Game:
    """The episode that one agent (`actor` of one member) plays, always taking the best action.

    It starts as the first episode does on which the checkpoint of this seed and level was scored.
    """
    from harness.tasks.rollout import Policy

    starts = task.draw_starts(stream(seed, "score", level), (1,))[None]
    seen, maps, policy = task.batch(starts, seeds=(seed,)), task.as_maps(), Policy(actor, 1)
    shown = maps.batch(starts, seeds=(seed,))
    frames = [_frame(shown.observations, maps.channels)]
    rewards: list[int] = []
    for _ in range(task.horizon):
        actions = policy(seen.observations)
        seen.step(actions, starts)
        taken = shown.step(actions, starts)
        frames.append(_frame(taken.final_observations, maps.channels))
        rewards.append(round(float(taken.rewards[0, 0])))
        if taken.terminated[0, 0] or taken.truncated[0, 0]:
            break
    moving = {name: maps.channels.index(name) for name in ("agent", *task.reachable)}
    places = {name: [_cell(frame[which]) for frame in frames] for name, which in moving.items()}
    return Game(frames[0], places, rewards)


def layout(task: Any, start: np.ndarray) -> list[str]:
    """What stands where, bool[objects, cells], as a text per row in the task's symbols."""
    symbols: Mapping[str, str] = task.symbols
    letters = [symbols["wall"]] * start.shape[1]
    for channel, cells in zip(task.as_maps().channels, start, strict=True):
        for cell in np.flatnonzero(cells):
            letters[cell] = symbols[channel]
    rows, columns = task.grid
    return ["".join(letters[row * columns : (row + 1) * columns]) for row in range(rows)]


def median_seed(returns: np.ndarray) -> int:
    """Where the return in the middle of float[seeds] stands: of two the lower one, of equals the first."""
    return int(np.argsort(returns, kind="stable")[(len(returns) - 1) // 2])


def actor_of(run: "Run", condition: str, level: int, place: int) -> "BaseNetwork":
    """The actor of the seed at this place of the run's, at the pruned checkpoint of a level: one member."""
    found, member = run.level_of_seed(condition, level, place)
    return network_of(run.experiment, found.trained[ACTOR].take(np.array([member])))


def _frame(observations: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """bool[objects, cells] of float32[1, 1, inputs], copied: a batch overwrites what it shows."""
    return np.array(observations[0, 0].reshape(len(channels), -1) > 0.5)


def _cell(shown: np.ndarray) -> int:
    found = np.flatnonzero(shown)
    return int(found[0]) if found.size else NOWHERE
