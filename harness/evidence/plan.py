"""The plan: every cell that the selected findings need, their parents included, and what it will cost."""

from collections.abc import Iterable
from itertools import pairwise

from harness.experiment import Cell
from harness.layout import layer_sizes

SECONDS_PER_UPDATE = 0.0003
FLOPS_PER_SECOND = 55e9
SECONDS_PER_ENV_STEP = 0.00007
"""Rough: what a step costs that a whole population shares, and the rate of its arithmetic. They put all of the scaled
profile at 10.8 core-minutes, of which members that stop early and what is left out of sparse networks took 6.1. Used
for `--plan` and to start the longest cells first; no result depends on them."""


def all_cells(wanted: Iterable[Cell]) -> list[Cell]:
    """The cells and all their parents, each once, parents before children."""
    found: dict[Cell, None] = {}

    def add(cell: Cell) -> None:
        for parent in cell.parents:
            add(parent)
        found.setdefault(cell)

    for cell in wanted:
        add(cell)
    return _unique_by_id(found)


def env_steps(cell: Cell) -> int:
    """Training env_steps of a cell, if no member stops early."""
    return round(len(cell.seeds) * _trainings(cell) * cell.experiment.learner.env_steps)


def estimated_seconds(cell: Cell) -> float:
    """CPU seconds of a cell, if no member stops early: an upper bound, within a factor of about two."""
    e = cell.experiment
    weights = sum(a * b for sizes in layer_sizes(e).values() for a, b in pairwise(sizes))
    flops = 6 * weights * e.learner.samples_per_update * len(cell.seeds)  # two per weight forward, four backward
    updates = e.learner.updates * (SECONDS_PER_UPDATE + flops / FLOPS_PER_SECOND)
    played = e.learner.env_steps / e.learner.envs + e.task.horizon * (e.evaluation.per_training + 1)
    return _trainings(cell) * (updates + played * SECONDS_PER_ENV_STEP)


def _trainings(cell: Cell) -> float:
    """How many whole trainings its levels make up; a rewound one takes what is left of one."""
    return len(cell.levels) - cell.rewind * len([level for level in cell.levels if level > 0])


def _unique_by_id(cells: Iterable[Cell]) -> list[Cell]:
    """Experiments that differ only in how they are pruned share their dense cell."""
    return list({cell.id: cell for cell in reversed(list(cells))}.values())[::-1]
