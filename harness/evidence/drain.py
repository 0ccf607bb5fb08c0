"""Working a plan off: each process takes the longest pending cell whose parents are done, until none is left."""

import time
from collections.abc import Iterable

from harness.controls import control_of
from harness.evidence.costs import Costs
from harness.evidence.store import Address, Store, StoreError, address
from harness.experiment import Cell
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.level import Level

WAIT_SECONDS = 0.2


def all_cells(wanted: Iterable[Cell]) -> list[Cell]:
    """The cells and all their parents, each once, parents before children.

    Experiments that differ only in how they are pruned share their dense cell, which has one id.
    """
    found: dict[str, Cell] = {}

    def add(cell: Cell) -> None:
        for parent in cell.parents:
            add(parent)
        found.setdefault(cell.id, cell)

    for cell in dict.fromkeys(wanted):
        add(cell)
    return list(found.values())


def drain(cells: Iterable[Cell], store: Store) -> dict[str, str]:
    """Compute what is pending, beside any number of other processes, until all is done or has failed: returns, by cell
    id, what went wrong.

    A cell that raises is this process's failure alone: its children fail with it, all other cells go on. A store that
    can't be written is nobody's cell: StoreError ends the drain, and what is finished stays.
    """
    failed: dict[str, str] = {}
    pending = {cell.id: address(cell) for cell in cells}
    pending = {name: where for name, where in pending.items() if not store.is_complete(where)}
    if pending:
        costs = Costs.of(store.folder)
        pending = dict(sorted(pending.items(), key=lambda item: costs.seconds(item[1].cell), reverse=True))
    while pending:
        taken = next((n for n, where in pending.items() if _take(where, pending, store, failed)), None)
        if taken is not None:
            del pending[taken]
            continue
        left = {name: where for name, where in pending.items() if not store.is_complete(where)}
        if len(left) == len(pending):  # no other process has finished any either
            time.sleep(WAIT_SECONDS)
        pending = left
    return failed


def _take(where: Address, pending: dict[str, Address], store: Store, failed: dict[str, str]) -> bool:
    """Try to finish one cell; False if it must wait for its parents or is another process's."""
    for parent in where.cell.parents:
        if parent.id in failed:
            failed[where.cell.id] = failed[parent.id]
            return True
        if parent.id in pending:
            return False
    with store.lock(where) as held:
        if not held:
            return False
        store.mend(where)
        try:
            _compute(where, store)
        except StoreError:
            raise
        except Exception as error:  # whatever it is, it is this cell's: all others go on
            failed[where.cell.id] = f"{type(error).__name__}: {error}"
    return True


def _compute(where: Address, store: Store) -> None:
    """Compute the levels of a cell that the store lacks, each from the stored one before it."""
    cell = where.cell
    parents = {parent.condition: address(parent) for parent in cell.parents}
    computed: dict[int, Level] = {}  # the last one
    for level in cell.levels:
        if store.stored(where).is_sound(level):
            continue
        started = time.process_time()
        before = where if level - 1 in cell.levels else parents.get(DENSE)
        previous = computed.get(level - 1) or (_needed(store, before, level - 1) if before else None)
        ticket = _needed(store, parents[TICKET], level) if TICKET in parents else None
        dense = _needed(store, where if 0 in cell.levels else parents[DENSE], 0) if level and cell.rewind > 0 else None
        computed = {level: run_level(cell, level, previous, ticket, dense)}
        store.write(where, level, computed[level], time.process_time() - started)


def run_level(cell: Cell, level: int, previous: Level | None, ticket: Level | None, dense: Level | None) -> Level:
    """Train a level under the control that the cell's experiment names. The engine is loaded by who trains alone."""
    from harness.pruning import imp

    return imp.run_level(cell, level, previous, ticket, dense, control_of(cell.experiment))


def _needed(store: Store, where: Address, level: int) -> Level:
    found = store.read(where, level)
    if found is None:
        raise RuntimeError(f"level {level} of cell {where.key}, from which another starts, is not in the store")
    return found
