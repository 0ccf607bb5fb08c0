"""Cart-Pole: gymnasium's CartPole-v1 (Barto, Sutton & Anderson 1983)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.arguments import check_ranges
from harness.tasks.spec import Discrete, Observation

if TYPE_CHECKING:
    from harness.tasks.cart_pole_physics import CartPoles

START_LIMIT = 0.05


@dataclass(frozen=True)
class CartPole:
    """Balance a pole on a cart; one reward per env_step until it falls, leaves the track or meets the horizon.

    `horizon` 500 is CartPole-v1, 200 is v0 (the paper does not say which it used).
    """

    name: ClassVar[str] = "cart-pole"
    observation: ClassVar[Observation] = Observation(
        (4,),
        (
            "cart position",
            "cart velocity",
            "pole angle",
            "pole angular velocity",
        ),
    )
    action: ClassVar[Discrete] = Discrete(2)

    horizon: int = 500

    def __post_init__(self) -> None:
        check_ranges(self, counts=("horizon",))

    @property
    def minimum_return(self) -> float:
        """The first env_step pays, whatever it does."""
        return 1.0

    @property
    def maximum_return(self) -> float:
        """Every env_step up to the horizon pays one."""
        return float(self.horizon)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform in +-0.05 in every coordinate: float64[*shape, 4]."""
        return rng.uniform(-START_LIMIT, START_LIMIT, (*shape, 4))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "CartPoles":
        """Environments standing in `starts`, float64[members, envs, 4]. Raises ValueError where none can."""
        from harness.tasks.cart_pole_physics import CartPoles  # it is compiled

        return CartPoles(self, starts)
