"""Find and remove the files of a store that nothing can use any more."""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
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
    """One file or folder, why nothing can use it, and its size in bytes."""

    path: Path
    reason: str
    size: int


def garbage(store: Path, delete: bool = False) -> Iterator[Garbage]:
    """What nothing can use, each removed as it is found if `delete`. A cell that somebody computes is left out.

    Nothing changes without `delete`. Raises OSError.
    """
    for cell in inventory(store):
        with _free(store, cell.key, delete) as is_free:
            for found in _in_cell(StoredCell(cell.folder)) if is_free else ():
                yield _taken(found, delete)
    for folder in (store, store / "cells", store / "locks"):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if _LEFTOVER.fullmatch(path.name) and time.time() - path.stat().st_mtime > OLD_SECONDS:
                is_lock = path.suffix == ".lock"
                with _free(store, path.stem, delete) if is_lock else contextlib.nullcontext(True) as is_free:
                    if is_free:
                        yield _taken(_left(path), delete)


def _free(store: Path, key: str, hold: bool) -> contextlib.AbstractContextManager[bool]:
    """Whether nobody computes a cell; if `hold`, nobody can begin to."""
    return lock(store, key) if hold else contextlib.nullcontext(not is_held(store, key))


def _in_cell(cell: StoredCell) -> list[Garbage]:
    if cell.state == "stale":
        return [Garbage(cell.folder, f"stale: {cell.staleness()[0]}", cell.size)]
    return [_left(path) for path in sorted(cell.folder.iterdir()) if _LEFTOVER.fullmatch(path.name)]


def _left(path: Path) -> Garbage:
    files = [file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return Garbage(path, "left by a killed process", sum(file.stat().st_size for file in files))


def _taken(found: Garbage, delete: bool) -> Garbage:
    if delete and found.path.is_dir():
        shutil.rmtree(found.path)
    elif delete:
        found.path.unlink(missing_ok=True)
    return found
