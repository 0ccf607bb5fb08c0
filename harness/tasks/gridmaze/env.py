"""GridMaze as a gymnasium environment over the compiled rules of `harness.tasks.gridmaze.batch`, for other learners.

No part of the engine imports it. To import it is to register it:

    env = gymnasium.make("harness.tasks.gridmaze.env:minimal-tickets/GridMaze-v0", encoding="rgb")
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from harness.tasks.gridmaze.layout import CHARACTERS, COLUMNS, LAYOUT, OBJECTS, ROWS, WALL
from harness.tasks.gridmaze.maze import COLOURS, Encoding, GridMaze, objects

ID = "minimal-tickets/GridMaze-v0"
PIXELS = 16
"""Of a cell's side."""
RENDERING: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 8}
SHAPES = {
    "object-map": (len(OBJECTS), ROWS, COLUMNS),
    "rgb": (3, ROWS, COLUMNS),
    "entangled": (len(OBJECTS) * ROWS * COLUMNS,),
}


class GridMazeEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One GridMaze. An observation is uint8[6, 10, 20] of 0 and 1 (`object-map`), uint8[3, 10, 20] from 0 to 255
    (`rgb`), or float32[1200] (`entangled`, by the matrix of `seed`).

    An episode is truncated after `horizon` env_steps here, so that it needs no wrapper. `render` gives
    uint8[160, 320, 3] ("rgb_array") or the characters of the layout's file ("ansi").
    """

    metadata = RENDERING

    def __init__(
        self, encoding: Encoding = "object-map", seed: int = 0, horizon: int = 200, render_mode: str | None = None
    ):
        self.task = GridMaze(encoding, horizon)
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(self.task.actions)
        if encoding == "entangled":  # exactly one object stands in each cell that is no wall
            most, dtype = float((~LAYOUT.walls).sum()), np.float32
            self.observation_space: spaces.Box = spaces.Box(-most, most, SHAPES[encoding], dtype)
        else:
            self.observation_space = spaces.Box(0, 255 if encoding == "rgb" else 1, SHAPES[encoding], np.uint8)
        self._start = self.task.draw_starts(np.random.default_rng(0), (1, 1))
        self._batch = self.task.batch(self._start, (seed,))
        self._seed = seed
        self._features = self._batch.features[0, 0].copy()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The layout's start. `seed` seeds nothing that shows, for nothing is random; `options` are none."""
        super().reset(seed=seed)
        self._batch = self.task.batch(self._start, (self._seed,))
        self._features = self._batch.features[0, 0].copy()
        return self._shown(self._batch.observations), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """See gymnasium.Env. After the last env_step of an episode it begins anew, whether reset or not."""
        transition = self._batch.step(np.array([[action]], dtype=np.int64), self._start)
        self._features = transition.final_features[0, 0].copy()
        terminated, truncated = bool(transition.terminated[0, 0]), bool(transition.truncated[0, 0])
        return self._shown(transition.final_observations), float(transition.rewards[0, 0]), terminated, truncated, {}

    def render(self) -> Any:
        """The state that the last observation is of."""
        kinds = objects(self._features)
        if self.render_mode == "ansi":
            return "\n".join("".join((CHARACTERS + WALL)[kind] for kind in row) for row in kinds)
        if self.render_mode == "rgb_array":
            colours = np.array([COLOURS[name] for name in (*OBJECTS, "wall")], dtype=np.uint8)
            return colours[kinds].repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)
        return None

    def _shown(self, observations: np.ndarray) -> np.ndarray:
        """A copy of its own, of float32[1, 1, inputs]."""
        shown = observations.reshape(self.observation_space.shape)
        if self.task.encoding == "rgb":
            shown = np.rint(shown * 255)
        return shown.astype(self.observation_space.dtype)


gymnasium.register(ID, "harness.tasks.gridmaze.env:GridMazeEnv")
