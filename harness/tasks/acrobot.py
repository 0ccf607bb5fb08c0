"""Acrobot: gymnasium's Acrobot-v1 (Sutton 1996)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.arguments import check_ranges
from harness.tasks.spec import Discrete, Observation

if TYPE_CHECKING:
    from harness.tasks.acrobot_physics import Acrobots

START_LIMIT = 0.1


@dataclass(frozen=True)
class Acrobot:
    """Swing the free end of two hanging links above a height, by a torque of -1, 0 or 1 on the joint between them.

    Each env_step costs one but the one that gets there. `horizon` 500 is Acrobot-v1.
    """

    name: ClassVar[str] = "acrobot"
    observation: ClassVar[Observation] = Observation(
        (6,),
        (
            "cosine of angle 1",
            "sine of angle 1",
            "cosine of angle 2",
            "sine of angle 2",
            "angular velocity 1",
            "angular velocity 2",
        ),
    )
    action: ClassVar[Discrete] = Discrete(3)

    horizon: int = 500

    def __post_init__(self) -> None:
        check_ranges(self, counts=("horizon",))

    @property
    def minimum_return(self) -> float:
        """Every env_step up to the horizon costs one."""
        return -float(self.horizon)

    @property
    def maximum_return(self) -> float:
        """No env_step pays. How few it can be done in is not known, so that no episode is taken for a perfect one."""
        return 0.0

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform in +-0.1 in every coordinate (angles 1 and 2, their velocities): float64[*shape, 4]."""
        return rng.uniform(-START_LIMIT, START_LIMIT, (*shape, 4))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "Acrobots":
        """Environments standing in `starts`, float64[members, envs, 4]. Raises ValueError where none can."""
        from harness.tasks.acrobot_physics import Acrobots  # it is compiled

        return Acrobots(self, starts)
