"""What in a store nothing can use any more, and its removal."""

import contextlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from harness.evidence import lease
from harness.evidence.inventory import StoredCell, inventory, size_of

OLD_SECONDS = 3600.0
"""A file on its way into place is there for seconds; one as old as this has been left behind."""
_LEFTOVER = re.compile(r"\..*\.(tmp|importing|gone)")


@dataclass(frozen=True)
class Garbage:
    """One file or folder, and why nothing can use it."""

    path: Path
    reason: str
    size: int
    key: str | None
    """The cell it belongs to, under whose lease alone it is removed."""


def garbage(store: Path) -> list[Garbage]:
    """What may be removed, changing nothing. A cell that a live process computes is left out, whatever it is."""
    cells = [cell for cell in inventory(store) if cell.holder is None]
    found = [Garbage(cell.folder, reason, cell.size, cell.key) for cell in cells if (reason := _reason(cell, store))]
    for cell in cells:
        found += [Garbage(path, "left by a killed process", size_of(path), cell.key) for path in _tmp(cell.folder)]
    whole = {entry.path for entry in found}
    for path in (*_tmp(store / "cells"), *_tmp(store / "leases")):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > OLD_SECONDS:
                found.append(Garbage(path, "left by a killed process", size_of(path), None))
    for path in sorted((store / "leases").glob("*.json")):
        if lease.live_holder(path) is None:
            found.append(Garbage(path, "the lease of a process that is dead", size_of(path), None))
    return [entry for entry in found if entry.path.parent not in whole]


def remove(store: Path, entry: Garbage) -> bool:
    """Remove it; False if a live process has come to need it meanwhile, or what was to be removed is not that any more.

    Raises OSError.
    """
    if entry.path.parent == store / "leases" and entry.path.suffix == ".json":
        return lease.remove_dead(entry.path)
    if entry.key is None:
        _remove(entry.path)
        return True
    held = lease.acquire(store / "leases", entry.key)
    if held is None:
        return False
    with held:
        if entry.path.parent == store / "cells" and _reason(StoredCell(store, entry.path), store) != entry.reason:
            return False  # it was judged without the lease, under which a process may have changed it since
        if entry.path.is_dir():  # at once out of sight, then file by file
            aside = entry.path.with_name(f".{entry.path.name}.{os.getpid()}.gone")
            entry.path.rename(aside)
            _remove(aside)
        else:
            _remove(entry.path)
    return True


def _reason(cell: StoredCell, store: Path) -> str | None:
    if cell.state_at_rest == "stale":
        return "stale: " + cell.staleness()[0]
    beside = StoredCell(store, cell.folder.with_name(cell.key))
    if cell.is_partial and beside.sums is not None and not list(beside.damage()):
        return "in progress beside the finished cell"
    return None


def _tmp(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _LEFTOVER.fullmatch(path.name))
    except OSError:
        return []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
