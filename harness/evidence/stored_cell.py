"""One cell's folder in a store, read from its files alone: no class of an experiment has to exist any more.

Reading changes nothing, so that a store may be read-only. Damage is an answer, never an exception.
"""

import functools
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.canonical import canonical_json, flat
from harness.evidence.fingerprint import FORMAT, Parts, engine_fingerprint, file_named, versions
from harness.evidence.level_file import ArraysOnDisk
from harness.experiment import levels_of
from harness.source_hash import file_hash, file_of, module_hash

TREE = Path(__file__).resolve().parents[2]
DESCRIPTION = "cell.json"
KEY = re.compile(r"[0-9a-f]{20}-[0-9a-f]{12}")
FILE_NAMES = re.compile(r"cell\.json|level_[0-9]{2,4}\.(npz|sha256|cost\.json)")
"""All that a cell's folder may hold."""


def level_name(level: int) -> str:
    """The files of a level start with it."""
    return f"level_{level:02}"


def checksum_line(content: bytes, key: str, level: int) -> str:
    """What level_NN.sha256 holds: as `sha256sum` writes it, so that it belongs to this level of this cell alone.

    `sha256sum --check */*.sha256`, called in <evidence>/cells, checks all cells without this package.
    """
    return f"{hashlib.sha256(content).hexdigest()}  {key}/{level_name(level)}.npz\n"


def key_of(id: str, engine: Parts) -> str:
    """The name of a cell's folder: its id and the engine's fingerprint, cut short."""
    return f"{id[:20]}-{engine_fingerprint(engine)[:12]}"


@dataclass(frozen=True)
class StoredCell:
    """One folder of the store, named by the cell's key."""

    folder: Path

    @property
    def key(self) -> str:
        """See `key_of`."""
        return self.folder.name

    @cached_property
    def description(self) -> dict[str, Any]:
        """What cell.json says; empty where it is not the description of the cell that the folder is named after."""
        content = read_json(self.folder / DESCRIPTION)
        return content if _describes(content, self.key) else {}

    @property
    def identity(self) -> dict[str, Any]:
        """All settings, as plain data; empty where they can't be read."""
        identity: dict[str, Any] = self.description.get("cell", {})
        return identity

    @property
    def settings(self) -> dict[str, Any]:
        """The experiment's settings by dotted name, as `learner.env_steps`."""
        return flat(self.identity.get("experiment", {}))

    @property
    def is_readable(self) -> bool:
        """Whether its levels are of the format that this version reads."""
        return bool(self.description) and self.description["engine"].get("versions", {}).get("evidence") == FORMAT

    @property
    def levels(self) -> range:
        """The levels that the finished cell has; none where its description can't be read."""
        return _levels(self.identity) if self.identity else range(0)

    @property
    def finished(self) -> list[int]:
        """The levels that are there, by their checksum files, unread."""
        return self.with_checksum(self.levels)

    @property
    def cpu_seconds(self) -> float:
        """What its levels cost, as far as that is known."""
        return sum(self.cost(level) or 0.0 for level in self.levels)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in _listed(self.folder) if path.is_file())

    def with_checksum(self, levels: range) -> list[int]:
        """Those of the levels whose checksum files are there."""
        there = {path.name for path in _listed(self.folder)}
        return [level for level in levels if f"{level_name(level)}.sha256" in there]

    def file(self, level: int, suffix: str = "npz") -> Path:
        """Where a level's arrays lie; its checksum and cost are beside them."""
        return self.folder / f"{level_name(level)}.{suffix}"

    def is_sound(self, level: int) -> bool:
        """Whether a level's arrays are what was written for this level of this cell.

        The checksum of a file is checked once in a process, as long as the file does not change.
        """
        try:
            stats = [self.file(level, suffix).stat() for suffix in ("npz", "sha256")]
        except OSError:
            return False
        return _matches(self.folder, level, tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in stats))

    def arrays(self, level: int) -> ArraysOnDisk | None:
        """A level's arrays, each read when it is asked for; None where they are not sound."""
        return ArraysOnDisk(self.file(level)) if self.is_sound(level) else None

    def cost(self, level: int) -> float | None:
        """CPU seconds of a level; None where they are not known. They are not evidence: nothing guards them."""
        try:
            seconds = float(read_json(self.file(level, "cost.json"))["cpu_seconds"])
        except (TypeError, KeyError, ValueError):
            return None
        return seconds if 0 <= seconds < 1e12 else None

    def kernels(self, level: int) -> str:
        """The kernels that matrices were multiplied by (see `harness.openblas`), or "unknown"."""
        told = read_json(self.file(level, "cost.json"))
        return str(told.get("kernels", "unknown")) if isinstance(told, dict) else "unknown"

    def damage(self) -> Iterator[str]:
        """Every file that is not what was written, a line each. Reads all of them, changes none.

        What a level cost is not evidence: nothing could mend it, since the level is sound and not computed again.
        """
        if not self.description:
            yield f"{self.folder / DESCRIPTION} does not describe the cell that the folder is named after"
        for level in self.finished:
            if not self.is_sound(level):
                path = self.file(level)
                yield f"{path} does not match its checksum" if path.is_file() else f"{path} is missing"

    def staleness(self) -> list[str]:
        """What has changed since it was computed, a line each; empty while it is valid."""
        return differences(self.description["engine"]) if self.description else [f"its {DESCRIPTION} can't be read"]

    @property
    def rests_on(self) -> list[str]:
        """What it uses from outside this package, as "criterion conftest.mine": only a run can tell if it changed."""
        engine = self.description.get("engine", {})
        registered = {part.partition(":")[0] for part in engine.get("registered", {})}
        return sorted(registered | {name for name in engine.get("files", {}) if file_named(name) is None})

    @property
    def state(self) -> str:
        """What may be expected of it, if nobody is computing it."""
        if not self.description:
            return "damaged"
        if self.staleness():
            return "stale"
        return "complete" if len(self.finished) == len(self.levels) else "unfinished"


def inventory(store: Path) -> list[StoredCell]:
    """All cells in a store, by key. Raises OSError where it can't be read."""
    return [StoredCell(folder) for folder in sorted((store / "cells").iterdir()) if KEY.fullmatch(folder.name)]


def differences(engine: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What of an engine's parts is not as it was, a line each. By name: no class has to be found.

    What a user registered is left out (see `StoredCell.rests_on`).
    """
    found = []
    for module, was in sorted(engine.get("modules", {}).items()):
        try:
            if module_hash(module) != was:
                file = file_of(module)
                found.append(f"{file and file.relative_to(TREE)} changed")
        except (ValueError, SyntaxError) as error:
            found.append(str(error))
    for name, was in sorted(engine.get("files", {}).items()):
        path = file_named(name)
        if path is not None and not path.is_file():
            found.append(f"{name} is missing")
        elif path is not None and file_hash(path) != was:
            found.append(f"{name} changed")
    then = engine.get("versions", {})
    for library in sorted(then.keys() | versions().keys()):
        before, now = then.get(library), versions().get(library)
        if before != now:
            found.append(f"{library} {before or 'unknown'} -> {now or 'not used any more'}")
    return found


def read_json(path: Path) -> Any:
    """What a JSON file says; None where it can't be read or says nothing."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _describes(content: Any, key: str) -> bool:
    """Whether this is the cell.json of the cell with this key, which is made of the hashes of what it says."""
    try:
        cell, engine = content["cell"], content["engine"]
        is_cell = bool(_levels(cell) and cell["seeds"]) and all(isinstance(part, dict) for part in engine.values())
        return is_cell and key == key_of(hashlib.sha256(canonical_json(cell).encode()).hexdigest(), engine)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _levels(identity: Mapping[str, Any]) -> range:
    e = identity["experiment"]
    return levels_of(identity["condition"], e["pruning"].get("levels", 0), e["savings"].get("share_level_0", True))


@functools.cache
def _matches(folder: Path, level: int, version: tuple[tuple[int, ...], ...]) -> bool:
    """Whether a level's checksum is that of its arrays. version: tells the files from those that stood there before."""
    path = folder / f"{level_name(level)}.npz"
    try:
        return path.with_suffix(".sha256").read_text("utf-8") == checksum_line(path.read_bytes(), folder.name, level)
    except (OSError, ValueError):
        return False


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
