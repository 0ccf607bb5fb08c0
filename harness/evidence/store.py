"""The evidence store: a folder per cell, a checksum per file, a completion marker last.

    <evidence>/cells/<key>/              finished; renamed into place as a whole
    <evidence>/cells/<key>.partial/      in progress; a level is the unit of resume
        cell.json                        what was computed: all settings, and the engine's parts
        level_03.npz, level_03.sha256    one level's arrays (no objects, no pickle), then its checksum
        level_03.cost.json               its CPU seconds: not evidence, differs from run to run
        complete.json                    the checksums of all levels, written last
    <evidence>/leases/<key>.json         who is computing a cell

The key is the cell's id and the engine fingerprint; evidence is valid when both match.
"""

import functools
import hashlib
import io
import json
import shutil
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from harness.evidence import lease
from harness.evidence.fingerprint import engine_fingerprint, engine_parts
from harness.experiment import Cell, canonical_json
from harness.files import prove_writable, replace_file
from harness.imp import Level
from harness.networks import Mlp

FORMAT = 1


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
    """The address of a cell under this process's engine. Raises harness.fixtures.FixtureError."""
    return Address(cell, engine_parts(cell))


class StoreError(Exception):
    """The evidence folder can't be used; the message is one line."""


@dataclass
class Store:
    """Evidence under one folder. Several processes may use it at once.

    damaged: what was found not to match its checksum and was thrown away, one line each.
    """

    folder: Path
    damaged: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the folder, and prove that it can be written. Raises StoreError."""
        try:
            prove_writable(self.folder / "cells" / "any")
        except OSError as error:
            raise StoreError(
                f"the evidence folder {self.folder} can't be written: {error.strerror}; name another with --evidence"
            ) from None

    def lease(self, where: Address) -> lease.Lease | None:
        """The right to compute this cell, or None while another process has it."""
        return lease.acquire(self.folder / "leases", where.key)

    def is_complete(self, where: Address) -> bool:
        """Whether all levels are there and match their checksums; what does not is thrown away and named."""
        folder = self._final(where)
        if not folder.is_dir():
            return False
        sums = self._marked(where)
        described = _reads_as(folder / "cell.json", _description(where))
        if sums is None:
            self.damaged.append(f"{folder / 'complete.json'} is not this cell's completion marker; it is made again")
        if not described:
            self.damaged.append(f"{folder / 'cell.json'} does not describe this cell; it is written again")
            (folder / "cell.json").unlink(missing_ok=True)
        broken = [
            level for level in where.cell.levels if not self._sound(folder, level, (sums or {}).get(_name(level)))
        ]
        if sums is not None and described and not broken:
            return True
        self._reopen(where)
        return False

    def read(self, where: Address, level: int) -> Level | None:
        """A finished level's results, or None if it is not there; one that fails its checksum is thrown away."""
        for folder in (self._final(where), self._partial(where)):
            if self._sound(folder, level):
                return from_bytes((folder / f"{_name(level)}.npz").read_bytes())
        return None

    def write(self, where: Address, level: int, result: Level, cpu_seconds: float) -> None:
        """Store one level of a cell in progress; it counts from when its checksum is in place."""
        folder = self._partial(where)
        folder.mkdir(parents=True, exist_ok=True)
        _describe(folder, where)
        content = to_bytes(result)
        name = _name(level)
        replace_file(folder / f"{name}.npz", content)
        replace_file(folder / f"{name}.cost.json", canonical_json({"cpu_seconds": cpu_seconds}).encode())
        replace_file(folder / f"{name}.sha256", hashlib.sha256(content).hexdigest().encode())

    def complete(self, where: Address) -> None:
        """Mark a cell whose levels are all written as finished, and move it to its place."""
        partial, final = self._partial(where), self._final(where)
        for leftover in partial.glob(".*.tmp"):  # of a process that was killed while it wrote
            leftover.unlink(missing_ok=True)
        _describe(partial, where)
        sums = {_name(level): (partial / f"{_name(level)}.sha256").read_text() for level in where.cell.levels}
        marker = {"format": FORMAT, "id": where.cell.id, "levels": sums}
        replace_file(partial / "complete.json", (json.dumps(marker, indent=1) + "\n").encode())
        partial.rename(final)

    def finished_levels(self, where: Address) -> int:
        """How many of a cell's levels are in the store (by their checksum files, unread: for progress)."""
        if self._final(where).is_dir():
            return len(where.cell.levels)
        folder = self._partial(where)
        return sum((folder / f"{_name(level)}.sha256").exists() for level in where.cell.levels)

    def cpu_seconds(self, where: Address) -> float:
        """What a finished cell cost when it was computed; parts of which the cost is not known count nothing."""
        total = 0.0
        for level in where.cell.levels:
            try:
                cost = json.loads((self._final(where) / f"{_name(level)}.cost.json").read_text())
                total += float(cost["cpu_seconds"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return total

    def _final(self, where: Address) -> Path:
        return self.folder / "cells" / where.key

    def _partial(self, where: Address) -> Path:
        return self.folder / "cells" / f"{where.key}.partial"

    def _marked(self, where: Address) -> dict[str, str] | None:
        """The levels' checksums by this cell's completion marker; None where it is not one."""
        try:
            marker = json.loads((self._final(where) / "complete.json").read_text())
            sums = marker["levels"]
            names = {_name(level) for level in where.cell.levels}
            sound = marker["format"] == FORMAT and marker["id"] == where.cell.id and set(sums) == names
            return {name: str(sums[name]) for name in names} if sound else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _reopen(self, where: Address) -> None:
        """Turn a damaged cell back into one in progress; its sound levels stay."""
        final, partial = self._final(where), self._partial(where)
        try:
            (final / "complete.json").unlink(missing_ok=True)
            if partial.exists():
                shutil.rmtree(final)
            else:
                final.rename(partial)
        except FileNotFoundError:
            pass  # another process was faster

    def _sound(self, folder: Path, level: int, expected: str | None = None) -> bool:
        """Whether a level is there and is what was written; removes it and says so where it is not."""
        content, checksum = folder / f"{_name(level)}.npz", folder / f"{_name(level)}.sha256"
        try:
            found = checksum.read_text()
            actual = hashlib.sha256(content.read_bytes()).hexdigest()
        except (OSError, ValueError):
            if expected is not None:
                self.damaged.append(f"{content} is missing or can't be read; the level is computed again")
            return False
        if actual == found and expected in (None, found):
            return True
        self.damaged.append(f"{content} does not match its checksum; the level is computed again")
        checksum.unlink(missing_ok=True)
        return False


def to_bytes(level: Level) -> bytes:
    """A level as an npz archive, the same bytes for the same numbers."""
    arrays: dict[str, np.ndarray] = {
        "scores": level.scores,
        "evaluations": level.evaluations,
        "share": level.share,
    }
    for name, mlp in level.trained.items():
        arrays[f"{name}.activation"] = np.array(mlp.activation)
        for layer, (weight, bias, mask) in enumerate(zip(mlp.weights, mlp.biases, level.masks[name], strict=True)):
            arrays[f"{name}.weight.{layer}"] = weight
            arrays[f"{name}.bias.{layer}"] = bias
            arrays[f"{name}.mask.{layer}"] = mask
        for layer, gradient in enumerate(level.gradients.get(name, ())):
            arrays[f"{name}.gradient.{layer}"] = gradient
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Level:
    """The inverse of `to_bytes`; ValueError if it is not such an archive."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError) as error:
        raise ValueError(f"not a level: {error}") from None
    names = [key.removesuffix(".activation") for key in arrays if key.endswith(".activation")]
    trained, masks, gradients = {}, {}, {}
    for name in names:
        layers = range(sum(key.startswith(f"{name}.weight.") for key in arrays))
        trained[name] = Mlp.of(
            [arrays[f"{name}.weight.{layer}"] for layer in layers],
            [arrays[f"{name}.bias.{layer}"] for layer in layers],
            str(arrays[f"{name}.activation"]),
        )
        masks[name] = [arrays[f"{name}.mask.{layer}"] for layer in layers]
        if f"{name}.gradient.0" in arrays:
            gradients[name] = [arrays[f"{name}.gradient.{layer}"] for layer in layers]
    return Level(masks, trained, arrays["scores"], arrays["evaluations"], arrays["share"], gradients)


def _description(where: Address) -> dict[str, object]:
    """What cell.json holds: for people, and to tell that a folder is what its name says."""
    return {"format": FORMAT, "id": where.cell.id, "cell": where.cell.identity, "engine": where.parts}


def _describe(folder: Path, where: Address) -> None:
    """Write cell.json where it is not there, or is not what it must be."""
    if not _reads_as(folder / "cell.json", _description(where)):
        text = json.dumps(_description(where), indent=1, sort_keys=True) + "\n"
        replace_file(folder / "cell.json", text.encode())


def _reads_as(path: Path, expected: object) -> bool:
    try:
        return bool(json.loads(path.read_text()) == expected)
    except (OSError, ValueError):
        return False


def _name(level: int) -> str:
    return f"level_{level:02}"
