"""The evidence store: a folder per cell, a checksum per file, a completion marker last.

    <evidence>/cells/<key>/              finished; renamed into place as a whole
    <evidence>/cells/<key>.partial/      in progress; a level is the unit of resume
        cell.json                        what was computed: all settings, and the engine's parts
        level_03.npz, level_03.sha256    one level's arrays (no objects, no pickle), then its checksum
        level_03.cost.json               its CPU seconds: not evidence, differs from run to run
        complete.json                    the checksums of all levels, written last
    <evidence>/leases/<key>.json         who is computing a cell
    <evidence>/asked/<hash>.json         on how many seeds a hypothesis was asked, and judged: see `asked`

The key is the cell's id and the engine fingerprint; evidence is valid when both match. Reading changes nothing, so
that a store may be read-only; what is damaged is thrown away by `Store.mend`, under the cell's lease.
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

from harness.canonical import canonical_json
from harness.evidence import lease
from harness.evidence.fingerprint import engine_fingerprint, engine_parts
from harness.evidence.folder import (
    DESCRIPTION,
    FORMAT,
    MARKER,
    PARTIAL,
    checksum_line,
    cost,
    level_name,
    marked_sums,
    read_json,
    read_sound,
)
from harness.evidence.level_file import arrays_of, faults, level_of, to_bytes
from harness.experiment import Cell
from harness.files import in_bytes, prove_writable, replace_file
from harness.pruning.level import Level

SMALL_BYTES = 1 << 12
"""What a lease, a description or a marker takes of a disk, at most."""
PROBE_BYTES = 1 << 16
"""A store on which not even this can be written is refused before anything is trained."""


@dataclass(frozen=True)
class Address:
    """Where a cell's evidence lies: its id and the fingerprint of the engine that is about to compute it."""

    cell: Cell
    parts: dict[str, dict[str, str]] = field(hash=False, compare=False)

    @cached_property
    def key(self) -> str:
        """Name of the cell's folder."""
        return f"{self.cell.id[:20]}-{engine_fingerprint(self.parts)[:12]}"


@functools.cache
def address(cell: Cell) -> Address:
    """The address of a cell under this process's engine. Raises harness.files.FixtureError."""
    return Address(cell, engine_parts(cell))


class StoreError(Exception):
    """The evidence folder can't be used; the message is one line."""


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

    def lease(self, where: Address) -> lease.Lease | None:
        """The right to compute this cell, or None while another process has it. Raises StoreError."""
        with self._written():
            return lease.acquire(self.folder / "leases", where.key)

    def is_complete(self, where: Address) -> bool:
        """Whether all levels are there and are what was written. Changes nothing; what is damaged is named."""
        folder = self._final(where)
        if not _is_folder(folder):
            return False
        sums, described = self._marked(where), _is_described(folder, where)
        if sums is None:
            self._name(f"{folder / MARKER} is not this cell's completion marker; it is made again")
        if not described:
            self._name(f"{folder / DESCRIPTION} does not describe this cell; it is written again")
        broken = [
            level for level in where.cell.levels if read_sound(folder, where.key, level, _of(sums, level)) is None
        ]
        for level in broken:
            self._name(f"{folder / level_name(level)}.npz is not what was written there; the level is computed again")
        return sums is not None and described and not broken

    def read(self, where: Address, level: int) -> Level | None:
        """A finished level's results, or None if they are not there, or are not what was written."""
        for folder, sums in ((self._final(where), self._marked(where)), (self._partial(where), None)):
            content = read_sound(folder, where.key, level, _of(sums, level))
            if content is None:
                continue
            try:
                arrays = arrays_of(content)
                if not faults(arrays, where.cell.identity):
                    return level_of(arrays)
            except ValueError:
                pass
            self._name(f"{folder / level_name(level)}.npz holds no level of this cell; it is computed again")
        return None

    def mend(self, where: Address) -> None:
        """Make a damaged cell one in progress again; its sound levels stay. Under the cell's lease alone.

        Raises StoreError.
        """
        final, partial = self._final(where), self._partial(where)
        with self._written():
            for leftover in partial.glob(".*.tmp"):  # of a process that was killed while it wrote
                leftover.unlink(missing_ok=True)
            if final.exists():
                self._reopen(where)
            for level in where.cell.levels:
                checksum = partial / f"{level_name(level)}.sha256"
                if checksum.exists() and self.read(where, level) is None:
                    self._name(f"{checksum.with_suffix('.npz')} is not what was written there; it is computed again")
                    checksum.unlink()

    def write(self, where: Address, level: int, result: Level, cpu_seconds: float) -> None:
        """Store one level of a cell in progress; it counts from when its checksum is in place. Raises StoreError."""
        folder, name, content = self._partial(where), level_name(level), to_bytes(result)
        with self._written(len(content)):
            folder.mkdir(parents=True, exist_ok=True)
            _describe(folder, where)
            replace_file(folder / f"{name}.npz", content)
            replace_file(folder / f"{name}.cost.json", canonical_json({"cpu_seconds": cpu_seconds}).encode())
            replace_file(folder / f"{name}.sha256", checksum_line(content, where.key, level).encode())

    def complete(self, where: Address) -> None:
        """Mark a cell whose levels are all written as finished, and move it to its place. Raises StoreError."""
        partial, final = self._partial(where), self._final(where)
        with self._written():
            sums = {
                level_name(level): (partial / f"{level_name(level)}.sha256").read_text()[:64]
                for level in where.cell.levels
            }
            _describe(partial, where)
            marker = {"format": FORMAT, "id": where.cell.id, "levels": sums}
            replace_file(partial / MARKER, (json.dumps(marker, indent=1) + "\n").encode())
            partial.rename(final)

    def finished_levels(self, where: Address) -> int:
        """How many of a cell's levels are in the store (by their checksum files, unread: for progress)."""
        if _is_folder(self._final(where)):
            return len(where.cell.levels)
        try:
            present = {path.name for path in self._partial(where).iterdir()}
        except OSError:
            return 0
        return sum(f"{level_name(level)}.sha256" in present for level in where.cell.levels)

    def cpu_seconds(self, where: Address) -> float:
        """What a finished cell cost when it was computed; parts of which the cost is not known count nothing."""
        return sum(cost(self._final(where), level) or 0.0 for level in where.cell.levels)

    def _final(self, where: Address) -> Path:
        return self.folder / "cells" / where.key

    def _partial(self, where: Address) -> Path:
        return self.folder / "cells" / f"{where.key}{PARTIAL}"

    def _marked(self, where: Address) -> dict[int, str] | None:
        return marked_sums(self._final(where), where.cell.id, where.cell.levels)

    def _reopen(self, where: Address) -> None:
        """Copy the sound levels of a damaged cell to the folder of one in progress, then remove it.

        Nothing is moved: a process killed here leaves each level sound in the one folder or in the other.
        """
        final, partial = self._final(where), self._partial(where)
        sums = self._marked(where)
        partial.mkdir(exist_ok=True)
        for level in where.cell.levels:
            name = level_name(level)
            content = read_sound(final, where.key, level, _of(sums, level))
            if content is None or read_sound(partial, where.key, level, None) is not None:
                continue
            replace_file(partial / f"{name}.npz", content)
            with contextlib.suppress(FileNotFoundError):
                replace_file(partial / f"{name}.cost.json", (final / f"{name}.cost.json").read_bytes())
            replace_file(partial / f"{name}.sha256", checksum_line(content, where.key, level).encode())
        shutil.rmtree(final)

    def _name(self, damage: str) -> None:
        if damage not in self.damaged:
            self.damaged.append(damage)

    @contextlib.contextmanager
    def _written(self, size: int = SMALL_BYTES) -> Iterator[None]:
        """Turn what keeps this process from writing `size` bytes into a StoreError."""
        try:
            yield
        except FileNotFoundError:
            raise  # the disk is well: another process moved the folder
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                raise  # the same
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


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _of(sums: dict[int, str] | None, level: int) -> str | None:
    return None if sums is None else sums[level]


def _description(where: Address) -> dict[str, object]:
    """What cell.json holds: for people, and to tell that a folder is what its name says."""
    return {"format": FORMAT, "id": where.cell.id, "cell": where.cell.identity, "engine": where.parts}


def _is_described(folder: Path, where: Address) -> bool:
    return bool(read_json(folder / DESCRIPTION) == _description(where))


def _describe(folder: Path, where: Address) -> None:
    """Write cell.json where it is not there, or is not what it must be."""
    if not _is_described(folder, where):
        text = json.dumps(_description(where), indent=1, sort_keys=True) + "\n"
        replace_file(folder / DESCRIPTION, text.encode())
