"""One episode of a task that is a grid, played by a stored checkpoint: which object stood where, step by step.

The game is read off object maps (paper SI B), whatever encoding the agent sees: beside the agent's environment a
second one takes the same actions from the same start and shows them.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.judging.run import Run
from harness.learners.protocol import ACTOR
from harness.networks.mlp import Mlp, outputs_of
from harness.streams import stream
from harness.tasks.gridmaze.layout import CHARACTERS, OBJECTS, WALL

NOWHERE = -1


@dataclass(frozen=True)
class Game:
    """Cells are numbered row by row. agent, enemies: a cell for each time from the start on, NOWHERE where the agent or
    the enemy is on no map. rewards: of each step, one fewer."""

    start: np.ndarray
    """bool[OBJECTS, cells]: what stood where before the first step."""
    agent: list[int]
    enemies: list[list[int]]
    rewards: list[int]


def grid(task: Any) -> tuple[int, int]:
    """Rows and columns of a task that says in `reachable` where its enemies come. Raises ValueError for any other."""
    reachable = getattr(task, "reachable", None)
    if not reachable:
        raise ValueError(f"{task.name} is no maze: it does not say which cells its enemies reach")
    rows, columns = next(iter(reachable.values())).shape
    return int(rows), int(columns)


def play(task: Any, actor: Mlp, seed: int, level: int) -> Game:
    """The episode that one agent (`actor` of one member) plays, always taking the best action.

    It starts as the first episode does on which the checkpoint of this seed and level was scored.
    """
    starts = task.draw_starts(stream(seed, "score", level), (1,))[None]
    seen = task.batch(starts, seeds=(seed,))
    shown = dataclasses.replace(task, encoding="object-map").batch(starts, seeds=(seed,))
    places = [_maps(shown.observations)]
    rewards: list[int] = []
    for _ in range(task.horizon):
        actions = outputs_of(actor, seen.observations).argmax(axis=-1)
        seen.step(actions, starts)
        taken = shown.step(actions, starts)
        places.append(_maps(taken.final_observations))
        rewards.append(round(float(taken.rewards[0, 0])))
        if taken.terminated[0, 0] or taken.truncated[0, 0]:
            break
    agent, *enemies = ([_cell(place[which]) for place in places] for which in (1, 2, 3))
    return Game(places[0], agent, enemies, rewards)


def layout(start: np.ndarray, columns: int) -> list[str]:
    """What stands where, bool[OBJECTS, cells], as a text per row."""
    letters = [WALL] * start.shape[1]
    for maps, letter in zip(start, CHARACTERS, strict=True):
        for cell in np.flatnonzero(maps):
            letters[cell] = letter
    return ["".join(letters[first : first + columns]) for first in range(0, len(letters), columns)]


def median_seed(returns: np.ndarray) -> int:
    """Where the return in the middle of float[seeds] stands: of two the lower one, of equals the first."""
    return int(np.argsort(returns, kind="stable")[(len(returns) - 1) // 2])


def actor_of(run: Run, condition: str, level: int, place: int) -> Mlp:
    """The actor of the seed at this place of the run's, at the pruned checkpoint of a level: one member."""
    for levels in run.levels(condition):
        actor = levels[level].trained[ACTOR]
        if place < actor.members:
            return dataclasses.replace(actor, flat=actor.flat[place : place + 1])
        place -= actor.members
    raise ValueError(f"{run} has no seed at place {place} behind its last")


def _maps(observations: np.ndarray) -> np.ndarray:
    """bool[OBJECTS, cells] of float32[1, 1, inputs], copied: a batch overwrites what it shows."""
    return np.array(observations[0, 0].reshape(len(OBJECTS), -1) > 0.5)


def _cell(shown: Sequence[bool] | np.ndarray) -> int:
    found = np.flatnonzero(shown)
    return int(found[0]) if found.size else NOWHERE
