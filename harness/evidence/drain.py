"""Working a plan off: each process takes the longest pending cell whose parents are done, until none is left."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.controls import control_of
from harness.evidence.costs import estimated_seconds
from harness.evidence.lease import Lease
from harness.evidence.store import Address, Store, StoreError, address
from harness.experiment import Cell
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.level import Level

WAIT_SECONDS = 0.2


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
    pending = {cell.id: address(cell) for cell in sorted(cells, key=estimated_seconds, reverse=True)}
    while True:
        pending = {name: where for name, where in pending.items() if not store.is_complete(where)}
        pending = {name: where for name, where in pending.items() if name not in result.failed}
        if not pending:
            return result
        if not any(_take(where, pending, store, result, on_level) for where in pending.values()):
            time.sleep(WAIT_SECONDS)


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
    lease = store.lease(where)
    if lease is None:
        return False
    with lease:
        if store.is_complete(where):  # finished by another process since the plan was looked through
            return True
        store.mend(where)
        try:
            compute(where, store, on_level, lease)
            result.computed.append(where.key)
        except StoreError:
            raise
        except OvertakenError:
            return True  # it is looked at again, and waited for
        except Exception as error:  # whatever it is, it is this cell's: all others go on
            if not store.is_complete(where):  # else a process that took over its lease finished it
                result.failed[where.cell.id] = f"{type(error).__name__}: {error}"
    return True


class OvertakenError(Exception):
    """The cell is another process's by now: this one slept for longer than its heartbeat may fail."""


def compute(where: Address, store: Store, on_level: Callable[[Cell, int], None], lease: Lease | None = None) -> None:
    """Compute the levels of a cell that the store lacks, each from the stored one before it.

    Raises StoreError where it can't be written, OvertakenError where the lease was taken over.
    """
    cell = where.cell
    parents = {parent.condition: address(parent) for parent in cell.parents}
    for level in cell.levels:
        if store.read(where, level) is not None:
            continue
        started = time.process_time()
        before = where if level - 1 in cell.levels else parents.get(DENSE)
        previous = _needed(store, before, level - 1) if before else None
        ticket = _needed(store, parents[TICKET], level) if TICKET in parents else None
        dense = _needed(store, where if 0 in cell.levels else parents[DENSE], 0) if level and cell.rewind > 0 else None
        computed = run_level(cell, level, previous, ticket, dense, control_of(cell.experiment))
        if lease is not None and lease.lost:
            raise OvertakenError
        store.write(where, level, computed, time.process_time() - started)
        on_level(cell, level)
    store.complete(where)


def _needed(store: Store, where: Address, level: int) -> Level:
    found = store.read(where, level)
    if found is None:
        raise RuntimeError(f"level {level} of cell {where.key}, from which another starts, is not in the store")
    return found
