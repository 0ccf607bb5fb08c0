"""Estimates of a cell's cost in CPU seconds, to start the longest cells first and to say how long a plan takes.

An estimate rests on the stored levels of the same task, learner and network, per member and env_step, or else on those
of the same learner. Where the store has neither, it rests on what this suite's learners took on a 2-core AMD EPYC.
Episodes have no known length, and members may stop early, so an estimate may be wrong by half. No result depends on it.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.canonical import flat
from harness.evidence.stored_cell import inventory
from harness.experiment import Cell
from harness.learners.protocol import ACTOR
from harness.networks.params import prunable
from harness.pruning.prunable import layouts

SECONDS_PER_STEP = 1e-6
"""CPU seconds of an env_step, for each member, including its evaluations. This and the two below are fitted to the
levels of seed block 6: the rate of each of its seven kinds of trainings is met within a third."""
SECONDS_PER_INPUT = 7e-10
"""CPU seconds of a sample in an update, for each member and input."""
SECONDS_PER_PRODUCT = 7.5e-11
"""CPU seconds of a sample in an update, for each member and weight between hidden units."""
LEAST_STEPS = 10_000
"""env_steps of all members of a cell from which on its cost counts: shorter trainings take most of it to start."""

Kind = tuple[Any, ...]


@dataclass(frozen=True)
class Costs:
    """The costs of levels. rates: the median of CPU seconds per member and env_step by kind of cell: see `_kinds`."""

    rates: Mapping[Kind, float] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Path) -> "Costs":
        """The costs of the levels in a store; empty where it can't be read."""
        found: dict[Kind, list[float]] = {}
        try:
            cells = inventory(store)
        except OSError:
            cells = []
        for cell in cells:
            settings = cell.settings
            members, steps = len(cell.identity.get("seeds", ())), settings.get("learner.env_steps")
            costs = [cost for level in cell.finished if (cost := cell.cost(level)) is not None]
            if costs and isinstance(steps, int) and members * steps * len(costs) >= LEAST_STEPS:
                for kind in _kinds(settings):
                    found.setdefault(kind, []).append(statistics.mean(costs) / (members * steps))
        return cls({kind: statistics.median(rates) for kind, rates in found.items()})

    def seconds(self, cell: Cell) -> float:
        """CPU seconds of a cell."""
        kinds = _kinds(flat(cell.identity["experiment"])) if self.rates else ()
        known = next((self.rates[kind] for kind in kinds if kind in self.rates), None)
        if known is not None:
            return known * env_steps(cell)
        learner, task, layers = cell.experiment.learner, cell.experiment.task, prunable(layouts(cell.experiment)[ACTOR])
        per_sample = SECONDS_PER_INPUT * task.observation.size
        per_sample += SECONDS_PER_PRODUCT * sum(tensor.size for tensor in layers[1:-1])
        learned = learner.updates * learner.samples_per_update * per_sample
        return _trainings(cell) * (learner.env_steps * SECONDS_PER_STEP + learned)


def env_steps(cell: Cell) -> int:
    """Training env_steps of a cell, if no member stops early."""
    return round(_trainings(cell) * cell.experiment.learner.env_steps)


def _trainings(cell: Cell) -> float:
    """How many whole trainings a cell is worth, of all members."""
    later = len([level for level in cell.levels if level > 0])
    return len(cell.seeds) * (len(cell.levels) - cell.rewind * later)


def _kinds(settings: Mapping[str, Any]) -> tuple[Kind, Kind]:
    """The kinds of cells whose cost is comparable, from plain settings: the narrower kind first."""
    learner = settings["learner.type"]
    network = settings["network.type"], *settings["network.hidden"]
    return (settings["task.type"], learner, network), (learner,)
