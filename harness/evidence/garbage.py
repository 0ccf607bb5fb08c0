"""What in a store nothing can use any more, and its removal."""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from harness.evidence.store import is_held, lock
from harness.evidence.stored_cell import StoredCell, inventory

OLD_SECONDS = 3600.0
"""A file on its way into place is there for seconds; one as old as this has been left behind."""
_LEFTOVER = re.compile(r"\..*\.tmp|\.importing-.*|.*\.lock|.*\.partial")
"""Files beside their place, imports that were killed, locks, and cells in progress as earlier versions kept them."""


@dataclass(frozen=True)
class Garbage:
    """One file or folder, and why nothing can use it."""

    path: Path
    reason: str
    size: int
    """In bytes."""
    key: str | None
    """The cell it belongs to, under whose lock alone it is removed."""


def garbage(store: Path) -> list[Garbage]:
    """What may be removed, changing nothing. A cell that somebody computes is left out, whatever it is."""
    found = []
    for cell in inventory(store):
        if is_held(store, cell.key):
            continue
        if cell.state == "stale":
            found.append(Garbage(cell.folder, f"stale: {cell.staleness()[0]}", cell.size, cell.key))
        else:
            found += [_left(path, cell.key) for path in sorted(cell.folder.iterdir()) if _LEFTOVER.fullmatch(path.name)]
    for folder in (store, store / "cells", store / "locks"):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if _LEFTOVER.fullmatch(path.name) and time.time() - path.stat().st_mtime > OLD_SECONDS:
                found.append(_left(path, path.stem if folder.name == "locks" else None))
    return found


def remove(store: Path, entry: Garbage) -> bool:
    """Remove it; False if somebody has come to need it meanwhile. Raises OSError."""
    if entry.key is None:
        _remove(entry.path)
        return True
    with lock(store, entry.key) as held:  # which removes a lock's own file on its way out
        if not held or (entry.reason.startswith("stale") and StoredCell(entry.path).state != "stale"):
            return False
        _remove(entry.path)
    return True


def _left(path: Path, key: str | None) -> Garbage:
    files = [file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return Garbage(path, "left by a killed process", sum(file.stat().st_size for file in files), key)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
