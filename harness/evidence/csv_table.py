"""Evidence as a table: one row per cell, level and seed, for spreadsheets and statistics programs."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from harness.evidence.level_file import densities
from harness.evidence.stored_cell import StoredCell

MEASURED = ("condition", "seed", "level", "density", "scored_return", "best_evaluation", "trained_fraction")
_FIRST = ("task.type", "learner.type", "network.hidden")


def write_csv(cells: Sequence[StoredCell], file: TextIO) -> int:
    """Write the finished levels of these cells with a header; how many rows.

    density: share of prunable weights left. scored_return: mean undiscounted return per episode of the pruned
    checkpoint on fresh episodes. best_evaluation: the best one during training. trained_fraction: part of the
    training taken.
    All settings follow under their own names; one that a cell does not have is empty, as level 0 does not depend on how
    it is pruned later.
    """
    rest = sorted({name for cell in cells for name in cell.settings} - set(_FIRST))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["key", *_FIRST, *MEASURED, "state", *rest])
    count = 0
    for cell in cells:
        settings = {name: in_text(value) for name, value in cell.settings.items()}
        first, state = [settings.get(name, "") for name in _FIRST], cell.state
        for measured in _measurements(cell):
            writer.writerow([cell.key, *first, *measured, state, *(settings.get(name, "") for name in rest)])
            count += 1
    return count


def in_text(value: Any) -> Any:
    """A setting as tables show it: units per layer are 64-64."""
    return "-".join(map(str, value)) if isinstance(value, list) else value


def _measurements(cell: StoredCell) -> Iterator[tuple[Any, ...]]:
    """The values of `MEASURED`, level by level, for those that are finished and sound."""
    for level in cell.finished if cell.is_readable else ():
        arrays = cell.arrays(level)
        if arrays is not None:
            best = np.nanmax(arrays["evaluations"], axis=1)
            columns = (densities(arrays), arrays["scores"].mean(axis=1), best, arrays["trained_fraction"])
            for seed, *values in zip(cell.identity["seeds"], *columns, strict=True):
                yield (cell.identity["condition"], seed, level, *map(float, values))
