"""Working a plan off: each process takes the longest pending cell whose parents are done, until none is left."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

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


@dataclass
class Drained:
    """What became of a plan: the keys computed here, and one line per cell that failed."""

    computed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Cell id -> what went wrong."""


def drain(
    cells: Iterable[Cell], store: Store, on_level: Callable[[Cell, int], None] = lambda cell, level: None
) -> Drained:
    """Compute what is pending, beside any number of other processes, and return when all is done or has failed.

    A cell that raises is this process's failure alone: its children fail with it, all other cells go on. A store that
    can't be written is nobody's cell: StoreError ends the drain, and what is finished stays.
    """
    result = Drained()
    pending = {cell.id: address(cell) for cell in cells}
    pending = {name: where for name, where in pending.items() if not store.is_complete(where)}
    if pending:
        costs = Costs.of(store.folder)
        pending = dict(sorted(pending.items(), key=lambda item: costs.seconds(item[1].cell), reverse=True))
    while pending:
        taken = next((n for n, where in pending.items() if _take(where, pending, store, result, on_level)), None)
        if taken is not None:
            del pending[taken]
            continue
        left = {name: where for name, where in pending.items() if not store.is_complete(where)}
        if len(left) == len(pending):  # no other process has finished any either
            time.sleep(WAIT_SECONDS)
        pending = left
    return result


def _take(
    where: Address,
    pending: dict[str, Address],
    store: Store,
    result: Drained,
    on_level: Callable[[Cell, int], None],
) -> bool:
    """Try to finish one cell; False if it must wait for its parents or is another process's."""
    for parent in where.cell.parents:
        if parent.id in result.failed:
            result.failed[where.cell.id] = result.failed[parent.id]
            return True
        if parent.id in pending:
            return False
    with store.lock(where) as held:
        if not held:
            return False
        store.mend(where)
        try:
            if compute(where, store, on_level):
                result.computed.append(where.key)
        except StoreError:
            raise
        except Exception as error:  # whatever it is, it is this cell's: all others go on
            result.failed[where.cell.id] = f"{type(error).__name__}: {error}"
    return True


def compute(where: Address, store: Store, on_level: Callable[[Cell, int], None]) -> bool:
    """Compute the levels of a cell that the store lacks, each from the stored one before it; whether it lacked any.

    Raises StoreError where it can't be written.
    """
    cell = where.cell
    parents = {parent.condition: address(parent) for parent in cell.parents}
    lacking = [level for level in cell.levels if not store.has(where, level)]
    computed: dict[int, Level] = {}  # the last one
    for level in lacking:
        started = time.process_time()
        before = where if level - 1 in cell.levels else parents.get(DENSE)
        previous = computed.get(level - 1) or (_needed(store, before, level - 1) if before else None)
        ticket = _needed(store, parents[TICKET], level) if TICKET in parents else None
        dense = _needed(store, where if 0 in cell.levels else parents[DENSE], 0) if level and cell.rewind > 0 else None
        computed = {level: run_level(cell, level, previous, ticket, dense)}
        store.write(where, level, computed[level], time.process_time() - started)
        on_level(cell, level)
    return bool(lacking)


def run_level(cell: Cell, level: int, previous: Level | None, ticket: Level | None, dense: Level | None) -> Level:
    """Train a level under the control that the cell's experiment names. The engine is loaded by who trains alone."""
    from harness.pruning import imp

    return imp.run_level(cell, level, previous, ticket, dense, control_of(cell.experiment))


def _needed(store: Store, where: Address, level: int) -> Level:
    found = store.read(where, level)
    if found is None:
        raise RuntimeError(f"level {level} of cell {where.key}, from which another starts, is not in the store")
    return found
