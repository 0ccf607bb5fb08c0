"""Evidence as a table: one row per cell, level and seed, for spreadsheets and statistics programs."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from harness.evidence.inventory import StoredCell, densities

MEASURED = ("condition", "seed", "level", "density", "scored_return", "best_evaluation", "share")
_FIRST = {
    "task": "task.type",
    "learner": "learner.type",
    "hidden": "network.hidden",
    "initialiser": "network.initialiser",
    "input_divisor": "network.input_divisor",
    "scope": "pruning.scope",
    "lineage": "pruning.lineage",
    "checkpoint": "pruning.checkpoint",
}
"""Columns that come first, under short names; all other settings follow the measured ones under their own."""


def write_csv(cells: Sequence[StoredCell], file: TextIO) -> int:
    """Write the finished levels of these cells with a header; how many rows.

    density: share of prunable weights left. scored_return: mean undiscounted return per episode of the pruned
    checkpoint on fresh episodes. best_evaluation: the best one during training. share: part of the training taken.
    A setting that a cell does not have is empty: level 0 does not depend on how it is pruned later.
    """
    names = {name for cell in cells for name, value in cell.settings.items() if not _is_plain_type(name, value)}
    others = sorted(names - set(_FIRST.values()))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["key", *_FIRST, *MEASURED, "state", *others])
    count = 0
    for cell in cells:
        state = cell.state
        settings = {name: _text(value) for name, value in cell.settings.items()}
        first = [settings.get(name, "") for name in _FIRST.values()]
        rest = [state, *(settings.get(name, "") for name in others)]
        for measured in measurements(cell):
            writer.writerow([cell.key, *first, *measured, *rest])
            count += 1
    return count


def measurements(cell: StoredCell) -> Iterator[tuple[Any, ...]]:
    """The values of `MEASURED`, level by level, for those that are finished and whole."""
    for level in cell.finished:
        arrays = cell.arrays(level)
        if arrays is None:
            continue
        scored, best = arrays["scores"].mean(axis=1), np.nanmax(arrays["evaluations"], axis=1)
        columns = (densities(arrays), scored, best, arrays["share"])
        for seed, *values in zip(cell.identity["seeds"], *columns, strict=True):
            yield (cell.identity["condition"], seed, level, *map(float, values))


def _is_plain_type(name: str, value: Any) -> bool:
    """Whether this says no more than that pruning's settings are of the type Pruning."""
    return name == "type" or name == f"{str(value).lower()}.type"


def _text(value: Any) -> Any:
    """Units per layer as the tables print them, 64-64."""
    return "-".join(map(str, value)) if isinstance(value, list) else value
