"""What lies in a store, read from its files alone: no class of an experiment has to exist any more."""

import hashlib
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.canonical import canonical_json
from harness.evidence.fingerprint import engine_fingerprint, file_named
from harness.evidence.folder import (
    DESCRIPTION,
    FORMAT,
    MARKER,
    PARTIAL,
    cost,
    level_name,
    marked_sums,
    read_json,
    read_sound,
)
from harness.evidence.lease import Holder, live_holder
from harness.evidence.level_file import Arrays, arrays_of, faults, network_names
from harness.pruning.conditions import DENSE
from harness.source_hash import file_hash, module_hash

KEY = re.compile(r"[0-9a-f]{20}-[0-9a-f]{12}")


@dataclass(frozen=True)
class StoredCell:
    """One folder of the store."""

    store: Path
    folder: Path

    @property
    def key(self) -> str:
        """The cell's, whether it is finished or in progress."""
        return self.folder.name.removesuffix(PARTIAL)

    @property
    def is_partial(self) -> bool:
        """Whether it is in progress, or was when its process ended."""
        return self.folder.name.endswith(PARTIAL)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What cell.json says, empty where it is not what was written: see `describes`."""
        content = read_json(self.folder / DESCRIPTION)
        return content if describes(content, self.key) else {}

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
    def levels(self) -> range:
        """The levels that the finished cell has; none where its description can't be read."""
        return levels_of(self.identity) if self.identity else range(0)

    @cached_property
    def sums(self) -> dict[int, str] | None:
        """The checksums by the completion marker, if there is a sound one."""
        return marked_sums(self.folder, self.description.get("id", ""), self.levels)

    @property
    def finished(self) -> list[int]:
        """The levels that are there, by their checksum files, unread."""
        return [level for level in self.levels if (self.folder / f"{level_name(level)}.sha256").is_file()]

    @property
    def holder(self) -> Holder | None:
        """The live process that is computing it."""
        return live_holder(self.store / "leases" / f"{self.key}.json")

    @property
    def cpu_seconds(self) -> float:
        """What its levels cost, as far as that is known."""
        return sum(cost(self.folder, level) or 0.0 for level in self.levels)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return size_of(self.folder)

    def staleness(self) -> list[str]:
        """What has changed since it was computed, a line each; empty while it is valid."""
        return differences(self.description["engine"]) if self.description else [f"its {DESCRIPTION} can't be read"]

    @property
    def rests_on(self) -> list[str]:
        """What it uses that was registered from outside this package, as "criterion conftest.mine"."""
        return sorted({part.partition(":")[0] for part in self.description.get("engine", {}).get("registered", {})})

    @property
    def state(self) -> str:
        """One word or two: what may be expected of it."""
        if self.holder is not None:
            return f"in progress by {self.holder}"
        return self.state_at_rest

    @property
    def state_at_rest(self) -> str:
        """What `state` says, or would say if nobody were computing it: under its own lease."""
        if not self.description or not (self.is_partial or self.sums):
            return "damaged"
        if self.staleness():
            return "stale"
        return "abandoned" if self.is_partial else "complete"

    def arrays(self, level: int) -> Arrays | None:
        """A level's arrays if they are there, whole, and of this cell."""
        content = read_sound(self.folder, self.key, level, self.sums[level] if self.sums else None)
        try:
            arrays = None if content is None else arrays_of(content)
        except ValueError:
            return None
        return None if arrays is None or faults(arrays, self.identity) else arrays

    def damage(self) -> Iterator[str]:
        """Every file that is not what was written, a line each. Reads all of them, changes none.

        What a level cost is not evidence: nothing could mend it, since the level is sound and not computed again.
        """
        if not self.description:
            yield f"{self.folder / DESCRIPTION} does not describe the cell that the folder is named after"
            return
        if self.sums is None and not self.is_partial:
            yield f"{self.folder / MARKER} is not this cell's completion marker"
        for level in self.levels if not self.is_partial else self.finished:
            yield from self._damage_of_level(level)

    def _damage_of_level(self, level: int) -> Iterator[str]:
        path = self.folder / f"{level_name(level)}.npz"
        content = read_sound(self.folder, self.key, level, self.sums[level] if self.sums else None)
        if content is None:
            missing = [name for name in (path, path.with_suffix(".sha256")) if not name.is_file()]
            yield f"{missing[0]} is missing" if missing else f"{path} does not match its checksum"
            return
        try:
            wrong = faults(arrays_of(content), self.identity)
        except ValueError as error:
            wrong = [str(error)]
        if wrong:
            yield f"{path} does not fit its cell: {'; '.join(wrong)}"


def inventory(store: Path) -> list[StoredCell]:
    """All cells in a store, finished and in progress, by key. Raises OSError where it can't be read."""
    folders = sorted(path for path in (store / "cells").iterdir() if KEY.fullmatch(path.name.removesuffix(PARTIAL)))
    return [StoredCell(store, folder) for folder in folders if folder.is_dir()]


def describes(content: Any, key: str) -> bool:
    """Whether this is the cell.json of the cell with this key: both of its hashes are those of what it says."""
    try:
        id = hashlib.sha256(canonical_json(content["cell"]).encode()).hexdigest()
        fingerprint = engine_fingerprint(content["engine"])
        named = content["format"] == FORMAT and content["id"] == id and key == f"{id[:20]}-{fingerprint[:12]}"
        experiment, seeds = content["cell"]["experiment"], content["cell"]["seeds"]
        counts = [experiment["evaluation"][name] for name in ("scored_episodes", "per_training")]
        whole = all(type(count) is int for count in (*seeds, *experiment["network"]["hidden"], *counts))
        parts = all(isinstance(part, dict) for part in content["engine"].values())
        return bool(named and whole and parts and 0 < len(levels_of(content["cell"])) < 10_000)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False


def levels_of(identity: Mapping[str, Any]) -> range:
    """The levels of a cell, by its settings: `Cell.levels` in plain data, since its classes may be gone by now."""
    if identity["condition"] == DENSE:
        return range(1)
    experiment = identity["experiment"]
    return range(1 if experiment["savings"].get("share_level_0", True) else 0, experiment["pruning"]["levels"] + 1)


def differences(engine: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What of an engine's parts is not as it was, a line each. By name: no class has to be found.

    What a user registered is left out (see `StoredCell.rests_on`): only a run that registers it can tell.
    """
    found = []
    for module, was in sorted(engine.get("modules", {}).items()):
        if (now := _module_hash(module)) != was:
            found.append(f"{_file_of(module)} changed" if now else f"module {module} can't be found any more")
    for name, was in sorted(engine.get("files", {}).items()):
        path = file_named(name)
        if path is not None and not path.is_file():
            found.append(f"{name} is missing")
        elif path is not None and file_hash(path) != was:
            found.append(f"{name} changed")
    for library, was in sorted(engine.get("versions", {}).items()):
        if (now := _version(library)) != was:
            found.append(f"{library} {was} -> {now or 'not installed'}")
    unknown = sorted(engine.keys() - {"modules", "files", "versions", "registered"})
    return found + [f"{name}: a part of the engine that is not known here" for name in unknown]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def densities(arrays: Arrays) -> np.ndarray:
    """float64[members]: the share of weights left, over the networks that are pruned (at level 0 over all)."""
    names = [name for key in network_names(arrays) for name in arrays if name.startswith(f"{key}.mask.")]
    kept = sum(arrays[name].sum(axis=(1, 2)) for name in names)
    return np.asarray(kept / sum(arrays[name][0].size for name in names))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files: Iterable[Path] = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _module_hash(module: str) -> str | None:
    try:
        return module_hash(module)
    except (ImportError, ValueError, SyntaxError, OSError):
        return None


def _file_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    inside = "/__init__.py" if spec is not None and spec.submodule_search_locations is not None else ".py"
    return module.replace(".", "/") + inside


def _version(library: str) -> str | None:
    if library == "python":
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None
