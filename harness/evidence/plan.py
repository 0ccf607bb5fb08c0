"""The plan: every cell that the selected findings need, their parents included."""

from collections.abc import Iterable

from harness.experiment import Cell


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


def _unique_by_id(cells: Iterable[Cell]) -> list[Cell]:
    """Experiments that differ only in how they are pruned share their dense cell."""
    return list({cell.id: cell for cell in reversed(list(cells))}.values())[::-1]
