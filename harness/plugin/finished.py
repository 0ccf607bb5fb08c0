"""`--claims-finished`: which items have all their evidence, and how much of the plan there is. Reads alone, under no lease."""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.evidence.costs import estimated_seconds
from harness.evidence.plan import all_cells
from harness.evidence.store import Address, Store, address
from harness.judging.judge import Judge


def unfinished(judges: Mapping[str, Judge], store: Store) -> dict[str, str]:
    """Nodeid -> what there is, in words, of each item that lacks evidence; those that can be judged are not in it."""
    complete: dict[str, bool] = {}
    found = {}
    for nodeid, judge in judges.items():
        needed = [address(cell) for cell in all_cells(cell for run in judge.runs for cell in run.cells())]
        counts = levels(needed, store)
        if counts["levels"] < counts["of_levels"]:
            found[nodeid] = f"{counts['levels']} of {counts['of_levels']} levels are computed"
        else:
            for where in needed:
                if where.key not in complete:
                    complete[where.key] = store.is_complete(where)
            if not all(complete[where.key] for where in needed):
                found[nodeid] = "all levels are computed, but some are damaged or not in their place yet"
    return found


def partial(addresses: Iterable[Address], store: Store) -> dict[str, Any] | None:
    """{"cells", "of_cells", "levels", "of_levels", "share"} of a plan, by what the store holds; None if all of it.

    share: of the estimated CPU seconds, 0 to 1.
    """
    counts = levels(addresses, store)
    return counts if counts["levels"] < counts["of_levels"] else None


def levels(addresses: Iterable[Address], store: Store) -> dict[str, Any]:
    """The same counts, whether or not all is there."""
    cells, of_cells, done, of_levels, spent, cost = 0, 0, 0, 0, 0.0, 0.0
    for where in addresses:
        total, finished, seconds = len(where.cell.levels), store.finished_levels(where), estimated_seconds(where.cell)
        cells, of_cells = cells + (finished == total), of_cells + 1
        done, of_levels = done + finished, of_levels + total
        spent, cost = spent + seconds * finished / total, cost + seconds
    share = spent / cost if cost else 1.0
    return {"cells": cells, "of_cells": of_cells, "levels": done, "of_levels": of_levels, "share": share}
