"""Cells as one zip archive, to be carried to another machine: written whole or not at all, trusted in nothing."""

import contextlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.evidence import lease
from harness.evidence.folder import FILE_NAMES, PARTIAL, level_name, marked_sums, read_sound
from harness.evidence.inventory import KEY, StoredCell

FILE_BYTES = 1 << 30
"""No file of a cell comes near it; an archive that unpacks to more is refused."""
_DATE = (1980, 1, 1, 0, 0, 0)


class ArchiveError(Exception):
    """The archive can't be used; the message is one line."""


def write_archive(path: Path, cells: Sequence[StoredCell]) -> None:
    """Write finished cells into a zip archive, the same bytes for the same cells. Raises OSError.

    Beside its place, then renamed. Stored as they are: the levels are compressed already.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for cell in sorted(cells, key=lambda cell: cell.key):
                for file in sorted(cell.folder.iterdir()):
                    if FILE_NAMES.fullmatch(file.name):
                        entry = zipfile.ZipInfo(f"{cell.key}/{file.name}", _DATE)
                        entry.external_attr = 0o644 << 16
                        archive.writestr(entry, file.read_bytes())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_archive(path: Path, store: Path) -> Iterator[tuple[str, str]]:
    """Take the cells of an archive into a store: each cell's key, and what became of it.

    That is "imported", "mended", "is there already" or "refused: " and why.

    Raises ArchiveError, before anything is taken, for what is no archive of cells: no file but those of a cell's
    folder, each once, none outside. Each cell is unpacked beside its place, checked (names, sizes, checksums, shapes,
    and that its key is made of what it describes) and renamed. What is there and sound is never replaced; a
    damaged cell is mended where its sound levels are the archive's. Raises OSError where the store can't be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for key, entries in sorted(_by_cell(archive).items()):
                yield key, _take(archive, key, entries, store)
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as error:
        raise ArchiveError(f"{path} is not an archive of evidence: {error}") from None
    except ArchiveError as error:
        raise ArchiveError(f"{path} is not an archive of evidence: {error}") from None


def _by_cell(archive: zipfile.ZipFile) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """The entries by key and file name."""
    cells: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for entry in archive.infolist():
        key, _, name = entry.filename.partition("/")
        if not (KEY.fullmatch(key) and FILE_NAMES.fullmatch(name)):
            raise ArchiveError(f"it holds {entry.filename!r}")
        if name in cells.setdefault(key, {}):
            raise ArchiveError(f"it holds {entry.filename} twice")
        if entry.file_size > FILE_BYTES:
            raise ArchiveError(f"{entry.filename} would be {entry.file_size} bytes")
        cells[key][name] = entry
    if not cells:
        raise ArchiveError("it holds no cell")
    return cells


def _take(archive: zipfile.ZipFile, key: str, entries: dict[str, zipfile.ZipInfo], store: Path) -> str:
    held = lease.acquire(store / "leases", key)
    if held is None:
        return "refused: another process is computing it"
    beside = store / "cells" / f".{key}.{os.getpid()}.importing"
    with held, _removed(beside):
        unpacked = beside / key  # damage is told by the folder's name
        unpacked.mkdir(parents=True)
        for name, entry in entries.items():
            try:
                with archive.open(entry) as file:
                    content = file.read(FILE_BYTES + 1)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
                return f"refused: {name} can't be unpacked ({error})"
            if len(content) > FILE_BYTES:
                return f"refused: {name} is too large"
            (unpacked / name).write_bytes(content)
        cell = StoredCell(store, unpacked)
        damage = next(cell.damage(), None)
        expected = {f"{level_name(level)}.{end}" for level in cell.levels for end in ("npz", "sha256", "cost.json")}
        surplus = sorted(entries.keys() - expected - {"cell.json", "complete.json"})
        if damage or surplus:
            reason = damage.replace(f"{beside}{os.sep}", "") if damage else f"{surplus[0]} does not belong there"
            return f"refused: {reason}"
        return _place(cell, store / "cells" / key)


def _place(cell: StoredCell, final: Path) -> str:
    is_there = final.exists()
    if is_there and not _agrees(cell, final):
        return "refused: the store has it with other numbers"
    if is_there and next(StoredCell(cell.store, final).damage(), None) is None:
        return "is there already"
    for file in cell.folder.iterdir():
        with file.open("rb") as content:
            os.fsync(content.fileno())
    if is_there:  # file by file, so that a process killed here leaves no sound level out
        for file in sorted(cell.folder.iterdir()):
            file.replace(final / file.name)
    else:
        cell.folder.rename(final)
    partial = final.with_name(f"{final.name}{PARTIAL}")
    if partial.exists():
        shutil.rmtree(partial)
    return "mended" if is_there else "imported"


def _agrees(cell: StoredCell, final: Path) -> bool:
    """Whether all levels that are sound in the store are those of the archive, whose cell is sound."""
    marked = marked_sums(final, cell.description["id"], cell.levels)
    for level in cell.levels:
        there = read_sound(final, cell.key, level, marked[level] if marked else None)
        if there is not None and there != (cell.folder / f"{level_name(level)}.npz").read_bytes():
            return False
    return True


@contextlib.contextmanager
def _removed(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
