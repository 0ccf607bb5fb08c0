"""The evidence store: a folder per cell, a checksum per file.

    <evidence>/cells/<key>/
        cell.json                        what is computed: all settings, and the engine's parts
        level_03.npz, level_03.sha256    one level's arrays (no objects, no pickle), then its checksum
        level_03.cost.json               its CPU seconds and OpenBLAS's kernels: not evidence, differs from run to run
    <evidence>/locks/<key>.lock          held by the process that computes the cell

The key is the cell's id and the engine fingerprint; evidence is valid when both match. Each file is written beside its
place and renamed into it. A level counts from when its checksum is there, which is written last, and a cell is finished
when all its levels count. Reading changes nothing; a damaged level is computed again and written in its place.
"""

import contextlib
import errno
import functools
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness import openblas
from harness.canonical import canonical_json
from harness.errors import OneLineError
from harness.evidence.fingerprint import Parts, engine_parts
from harness.evidence.level_file import StoredLevel, to_bytes
from harness.evidence.stored_cell import DESCRIPTION, StoredCell, checksum_line, key_of, read_json
from harness.experiment import Cell
from harness.files import in_bytes, prove_writable, replace_file
from harness.pruning.level import Level

SMALL_BYTES = 1 << 12
"""What a lock or a description takes of a disk, at most."""
PROBE_BYTES = 1 << 16
"""A store on which not even this can be written is refused before anything is trained."""


@dataclass(frozen=True)
class Address:
    """Where a cell's evidence lies: its id and the fingerprint of the engine that is about to compute it."""

    cell: Cell
    parts: Parts = field(hash=False, compare=False)

    @cached_property
    def key(self) -> str:
        """Name of the cell's folder."""
        return key_of(self.cell.id, self.parts)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What cell.json holds: for people, and to tell that a folder is what its name says."""
        content = {"id": self.cell.id, "cell": self.cell.identity, "engine": self.parts}
        plain: dict[str, Any] = json.loads(canonical_json(content))
        return plain


@functools.cache
def address(cell: Cell) -> Address:
    """The address of a cell under this process's engine. Raises harness.files.FixtureError."""
    return Address(cell, engine_parts(cell))


class StoreError(OneLineError):
    """The evidence folder can't be used; the message is one line."""

    exit_code = 3


@contextlib.contextmanager
def lock(folder: Path, key: str) -> Iterator[bool]:
    """Hold the lock of a store's cell; gives False, at once, where somebody else holds it.

    The operating system frees it with the process, however that ends. Raises OSError where the store can't be written.
    """
    path = folder / "locks" / f"{key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(path)
    with contextlib.suppress(Timeout):
        held.acquire(timeout=0)
    try:
        yield held.is_locked
    finally:
        if held.is_locked:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)  # while it is held: whoever opened it sees that it is gone, and tries anew
            held.release()


def is_held(folder: Path, key: str) -> bool:
    """Whether somebody computes a cell now."""
    path = folder / "locks" / f"{key}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a disk that can't be written: nobody computes there
        return False


@dataclass
class Store:
    """Evidence under one folder. Several processes may use it at once.

    damaged: what was found not to be what was written, one line each.
    """

    folder: Path
    damaged: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the folder, and prove that it can be written. Raises StoreError."""
        probe = self.folder / "cells" / ".probe"
        try:
            prove_writable(probe)
            replace_file(probe, bytes(PROBE_BYTES))
            probe.unlink(missing_ok=True)  # of two processes that start together, either may do so
        except OSError as error:
            raise StoreError(
                f"{_problem(self.folder, error, PROBE_BYTES)}; name another with --claims-evidence"
            ) from None

    def stored(self, where: Address) -> StoredCell:
        """The folder of a cell, as it is."""
        return StoredCell(self.folder / "cells" / where.key)

    @contextlib.contextmanager
    def lock(self, where: Address) -> Iterator[bool]:
        """Hold the right to compute this cell; gives False where another process has it. Raises StoreError."""
        with contextlib.ExitStack() as stack:
            with self._written():
                held = stack.enter_context(lock(self.folder, where.key))
            yield held

    def is_complete(self, where: Address) -> bool:
        """Whether all levels are there and are what was written. Changes nothing; what is damaged is named."""
        if self.finished_levels(where) < len(where.cell.levels):
            return False
        described, broken = self._is_described(where), self._broken(where)
        return described and not broken

    def read(self, where: Address, level: int) -> Level | None:
        """A finished level, of which each part is read when it is asked for; None if it is not what was written."""
        arrays = self.stored(where).arrays(level)
        return None if arrays is None else StoredLevel(arrays)

    def mend(self, where: Address) -> None:
        """Name what is damaged in a cell that is about to be computed, and put its description right.

        A damaged level is written anew in its place. Under the cell's lock alone. Raises StoreError.
        """
        cell = self.stored(where)
        if not cell.folder.is_dir():
            return
        self._broken(where)
        with self._written():
            for leftover in cell.folder.glob(".*.tmp"):  # of a process that was killed while it wrote
                leftover.unlink(missing_ok=True)
            if not self._is_described(where):
                self._describe(where)

    def write(self, where: Address, level: int, result: Level, cpu_seconds: float) -> None:
        """Store one level; it counts from when its checksum is in place. Under the cell's lock alone.

        Raises StoreError.
        """
        cell, content = self.stored(where), to_bytes(result)
        with self._written(len(content)):
            if not cell.folder.is_dir():
                cell.folder.mkdir(parents=True, exist_ok=True)
                self._describe(where)
            replace_file(cell.file(level), content)
            made = {"cpu_seconds": cpu_seconds, "kernels": openblas.core()}
            replace_file(cell.file(level, "cost.json"), canonical_json(made).encode())
            replace_file(cell.file(level, "sha256"), checksum_line(content, where.key, level).encode())

    def finished_levels(self, where: Address) -> int:
        """How many of a cell's levels are in the store (by their checksum files, unread: for progress)."""
        return len(self.stored(where).with_checksum(where.cell.levels))

    def cpu_seconds(self, where: Address) -> float:
        """What a cell cost when it was computed; levels of which the cost is not known count nothing."""
        return sum(self.cost(where, level) or 0.0 for level in where.cell.levels)

    def cost(self, where: Address, level: int) -> float | None:
        """CPU seconds that a level took when it was computed; None where they are not known."""
        return self.stored(where).cost(level)

    def _broken(self, where: Address) -> list[int]:
        """The levels whose arrays do not match the checksum that is there, each named in `damaged`."""
        cell = self.stored(where)
        broken = [level for level in cell.with_checksum(where.cell.levels) if not cell.is_sound(level)]
        for level in broken:
            self._name(f"{cell.file(level)} is not what was written there; the level is computed again")
        return broken

    def _is_described(self, where: Address) -> bool:
        path = self.stored(where).folder / DESCRIPTION
        if read_json(path) == where.description:
            return True
        if path.exists():
            self._name(f"{path} does not describe this cell; it is written again")
        return False

    def _describe(self, where: Address) -> None:
        text = json.dumps(where.description, indent=1, sort_keys=True) + "\n"
        replace_file(self.stored(where).folder / DESCRIPTION, text.encode())

    def _name(self, damage: str) -> None:
        if damage not in self.damaged:
            self.damaged.append(damage)

    @contextlib.contextmanager
    def _written(self, size: int = SMALL_BYTES) -> Iterator[None]:
        """Turn what keeps this process from writing `size` bytes into a StoreError."""
        try:
            yield
        except OSError as error:
            raise StoreError(_problem(self.folder, error, size)) from None


def _problem(folder: Path, error: OSError, size: int) -> str:
    """One line: which folder, and what is missing."""
    reason = (error.strerror or str(error)).lower()
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        try:
            free = in_bytes(shutil.disk_usage(folder).free)
        except OSError:
            free = "an unknown number"
        reason += f": {in_bytes(size)} were to be written, {free} are free"
    return f"the evidence folder {folder} can't be written: {reason}"
