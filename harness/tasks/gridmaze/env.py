"""GridMaze as a gymnasium environment over our compiled rules, for other learners. No part of the engine imports it.

To import it is to register it:

    env = gymnasium.make("harness.tasks.gridmaze.env:minimal-tickets/GridMaze-v0", encoding="rgb")
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from harness.tasks.gridmaze.encodings import Encoding
from harness.tasks.gridmaze.layout import COLUMNS, LAYOUT, OBJECTS, ROWS
from harness.tasks.gridmaze.maze import GridMaze

ID = "minimal-tickets/GridMaze-v0"
SHAPES = {
    "object-map": (len(OBJECTS), ROWS, COLUMNS),
    "rgb": (3, ROWS, COLUMNS),
    "entangled": (len(OBJECTS) * ROWS * COLUMNS,),
}


class GridMazeEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One GridMaze. An observation is uint8[6, 10, 20] of 0 and 1 (`object-map`), uint8[3, 10, 20] from 0 to 255
    (`rgb`), or float32[1200] (`entangled`, by the matrix of `seed`).

    An episode is truncated after `horizon` env_steps here, so that it needs no wrapper.
    """

    def __init__(self, encoding: Encoding = "object-map", seed: int = 0, horizon: int = 200):
        self.task = GridMaze(encoding, horizon)
        self.action_space = spaces.Discrete(self.task.action.count)
        if encoding == "entangled":  # exactly one object stands in each cell that is no wall
            most, dtype = float((~LAYOUT.walls).sum()), np.float32
            self.observation_space: spaces.Box = spaces.Box(-most, most, SHAPES[encoding], dtype)
        else:
            self.observation_space = spaces.Box(0, 255 if encoding == "rgb" else 1, SHAPES[encoding], np.uint8)
        self._start = self.task.draw_starts(np.random.default_rng(0), (1, 1))
        self._seed = seed
        self._batch = self.task.batch(self._start, (seed,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The layout's start. Nothing is random, so that `seed` has no effect; nor have `options`."""
        super().reset(seed=seed)
        self._batch = self.task.batch(self._start, (self._seed,))
        return self._observation(self._batch.observations), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """See gymnasium.Env. After the last env_step of an episode it begins anew, whether reset or not.

        Raises ValueError for an action outside `action_space`; gymnasium counts True as 1.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"an action must be a whole number from 0 to {self.task.action.count - 1}, not {action!r}")
        transition = self._batch.step(np.array([[action]], dtype=np.int64), self._start)
        ended = bool(transition.terminated[0, 0]), bool(transition.truncated[0, 0])
        return self._observation(transition.final_observations), float(transition.rewards[0, 0]), *ended, {}

    def _observation(self, observations: np.ndarray) -> np.ndarray:
        """A copy, in this environment's shape and type, of float32[1, 1, inputs]."""
        shaped = observations.reshape(self.observation_space.shape)
        if self.task.encoding == "rgb":
            shaped = np.rint(shaped * 255)
        return shaped.astype(self.observation_space.dtype)


gymnasium.register(ID, "harness.tasks.gridmaze.env:GridMazeEnv")
