"""Runs whose levels are made by hand when they are read."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from harness.evidence.store import Address, Store
from harness.experiment import Cell
from harness.judging.chains import Scene
from harness.judging.run import Run
from harness.learners.protocol import ACTOR
from harness.networks.params import Params, prunable
from harness.overrides import Override
from harness.profiles.profile import PROFILES, Profile, System
from harness.pruning.conditions import TICKET
from harness.pruning.level import Level
from harness.pruning.prunable import layouts

EXPERT, RANDOM = 499.96975, 25.34  # fixtures/references/cart-pole-500.json
SMOKE = PROFILES["smoke"]
PROFILE = dataclasses.replace(
    SMOKE, name="by hand", seeds=20, gives_findings=True, overrides=(Override.parse("pruning.levels=3"),)
)
"""Three levels at densities of 0.1, 0.01 and 0.001; 20 seeds."""

WHOLE = System("cart-pole", "bc", ("savings.stop_at_maximum=false",))
"""Whose learning curves may be read."""

Making = Callable[[Cell, int], Level]


@dataclass
class MadeStore:
    """A store that makes a level when it is read, and counts how often it is."""

    making: Making
    reads: int = 0

    def read(self, where: Address, number: int) -> Level:
        assert number in where.cell.levels
        self.reads += 1
        return self.making(where.cell, number)

    def cpu_seconds(self, where: Address) -> float:
        return 1.0

    def cost(self, where: Address, number: int) -> float | None:
        return 1.0 + number


def level_of(
    cell: Cell, scores: Any = 0.0, evaluations: Any = ((100.0, 200.0),), kept: Sequence[int] | None = None
) -> Level:
    """A level with weights of 1. scores: per member, or one for all. evaluations: float[1 or members, per_training].
    kept: how many weights each layer of the actor has left, by default all."""
    members, layout = len(cell.seeds), layouts(cell.experiment)[ACTOR]
    weights = prunable(layout)
    counts = zip(weights, kept or [tensor.size for tensor in weights], strict=True)
    first = [np.arange(tensor.size).reshape(tensor.shape) < count for tensor, count in counts]
    masks = Params.masks(layout, [np.tile(mask, (members, *[1] * mask.ndim)) for mask in first])
    trained = weighing(masks)
    scored = np.tile(np.broadcast_to(scores, (members,))[:, None].astype(float), (1, 8))
    curves = np.broadcast_to(np.asarray(evaluations, dtype=float), (members, len(evaluations[0])))
    return Level({ACTOR: masks}, {ACTOR: trained}, scored, curves, np.ones(members))


def weighing(masks: Params, weight: float = 1.0) -> Params:
    """Parameters whose weights are alike where the masks keep them; all others are 0."""
    made = masks.each(lambda flat: np.zeros(flat.shape))
    for values, mask in zip(made.weights, masks.weights, strict=True):
        values[:] = weight * mask
    return made


def made_run(making: Making, *conditions: str, profile: Profile = PROFILE, system: Any = None, **more: Any) -> Run:
    """A run of Cart-Pole BC, or another system, over such levels."""
    store = cast(Store, MadeStore(making))
    run = Run(system or System("cart-pole", "bc"), conditions or (TICKET,), **more)
    return run.bind(Scene(profile, 0, store))


def returns_of(*normalised: float) -> Making:
    """Per level a normalised return, of all seeds."""
    return lambda cell, level: level_of(cell, RANDOM + normalised[level] * (EXPERT - RANDOM))
