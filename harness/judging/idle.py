"""What a network without weights returns: all its outputs are 0, so it takes action 0, or numbers that are 0, in every
state."""

import functools
from collections.abc import Hashable
from typing import Any, cast

import numpy as np

from harness.streams import stream
from harness.tasks.rollout import GREEDY, distinct_episodes
from harness.tasks.spec import Box, Task

EPISODES = 100


def idle_return(task: Task) -> float:
    """Its mean undiscounted return, over the same episodes every time."""
    return _played(cast(Hashable, task))


@functools.cache
def _played(task: Any) -> float:
    starts = task.draw_starts(stream(0, "idle"), (1, distinct_episodes(task, GREEDY, EPISODES)))
    batch, returns = task.batch(starts, seeds=(0,)), np.zeros(starts.shape[:2])
    running = np.ones(returns.shape, dtype=bool)
    numbers = (task.action.count,) if isinstance(task.action, Box) else ()
    actions = np.zeros((*returns.shape, *numbers), dtype=np.float32 if numbers else np.int64)
    for _ in range(task.horizon):
        taken = batch.step(actions, starts)
        returns += taken.rewards * running
        running &= ~(taken.terminated | taken.truncated)
        if not running.any():
            break
    return float(returns.mean())
