"""Cells as one tar archive, for another machine. It is written whole or not at all; on import everything is checked."""

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.errors import OneLineError
from harness.evidence.store import lock
from harness.evidence.stored_cell import DESCRIPTION, FILE_NAMES, KEY, StoredCell
from harness.files import replace_file


def write_archive(path: Path, cells: Sequence[StoredCell]) -> None:
    """Write cells into a tar archive, the same bytes for the same cells. Raises OSError.

    Not compressed: the levels are already.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with tarfile.open(beside, "w") as archive:
            for cell in sorted(cells, key=lambda cell: cell.key):
                for file in sorted(cell.folder.iterdir()):
                    if FILE_NAMES.fullmatch(file.name):
                        entry = tarfile.TarInfo(f"{cell.key}/{file.name}")
                        entry.size = file.stat().st_size
                        with file.open("rb") as content:
                            archive.addfile(entry, content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_archive(path: Path, store: Path) -> Iterator[tuple[str, str]]:
    """Take the cells of an archive into a store; yields each cell's key and outcome: "imported", "is there already",
    or "refused: " and why.

    Raises OneLineError, before anything is taken, for what is no archive of cells: no file but those of a cell's
    folder. Each cell is checked (names, checksums, shapes, and that its key is made of what it describes), then taken
    level by level. What is sound in the store is never replaced. Raises OSError where the store can't be written.
    """
    with TemporaryDirectory(dir=store, prefix=".importing-") as folder:
        try:
            with tarfile.open(path, "r:") as archive:
                for entry in archive.getmembers():
                    key, _, name = entry.name.partition("/")
                    is_plain = entry.isreg() and not entry.issparse()
                    if not (is_plain and KEY.fullmatch(key) and FILE_NAMES.fullmatch(name)):
                        raise OneLineError(f"{path} is not an archive of evidence: it holds {entry.name!r}")
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, UnicodeDecodeError, ValueError) as error:
            raise OneLineError(f"{path} is not an archive of evidence: {error}") from None
        unpacked = sorted(Path(folder).iterdir())
        if not unpacked:
            raise OneLineError(f"{path} is not an archive of evidence: it holds no cell")
        for cell in map(StoredCell, unpacked):
            there = StoredCell(store / "cells" / cell.key)
            with lock(store, cell.key) as held:
                yield cell.key, _take(cell, there) if held else "refused: another process is computing it"


def _take(cell: StoredCell, there: StoredCell) -> str:
    """Take the levels that the store lacks. Under the cell's lock."""
    for damage in cell.damage():
        return f"refused: {damage.replace(f'{cell.folder.parent}/', '')}"
    if cell.finished != list(cell.levels):
        return "refused: it is not finished"
    lacking = [level for level in cell.levels if not there.is_sound(level)]
    for level in set(cell.levels) - set(lacking):
        if there.file(level).read_bytes() != cell.file(level).read_bytes():
            return "refused: the store has it with other numbers"
    if not lacking and there.description:
        return "is there already"
    there.folder.mkdir(parents=True, exist_ok=True)
    replace_file(there.folder / DESCRIPTION, (cell.folder / DESCRIPTION).read_bytes())
    for level in lacking:
        there.file(level, "sha256").unlink(missing_ok=True)
        for suffix in ("npz", "cost.json", "sha256"):  # it counts from when its checksum is there
            if cell.file(level, suffix).is_file():
                replace_file(there.file(level, suffix), cell.file(level, suffix).read_bytes())
    return "imported"
