"""The engine fingerprint: what, besides its settings, a cell's numbers passed through.

It covers the parsed source of the modules that the cell's task and learner are trained by (see `source_hash`), the
versions of the libraries that do the arithmetic, and the files that are read (experts, and what a task names in its
`files`). Of what a user registered it covers what this cell uses: the modules that define and register it, and those
beside them that they import.
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import files
from harness.canonical import canonical_json
from harness.controls import CONTROLS
from harness.experiment import Cell
from harness.networks.initialisers import INITIALISERS
from harness.pruning.conditions import DENSE
from harness.pruning.criteria import CRITERIA
from harness.registry import Origin, origin_of
from harness.source_hash import PACKAGE, file_hash, files_behind, is_ours, module_hash, modules_behind

Parts = dict[str, dict[str, str]]
"""{"modules": {name: hash}, "files": {path: hash}, "versions": {library: version}}, and "registered" if it uses any."""
ENGINE = ("harness.pruning.imp", "harness.experiment", "harness.controls.control")
"""The modules that every cell's numbers pass through: levels, the rules of cells, and the lookup of a control."""
LIBRARIES = ("torch", "numpy", "numba", "scipy")
FORMAT = "2"
"""Of the files of a level. Evidence of another one is stale."""


def engine_parts(cell: Cell) -> Parts:
    """What this cell's numbers pass through.

    Where it uses what was defined outside this package, "registered" holds {"criterion conftest.mine: conftest": hash},
    and of a task that a package steps {"package gymnasium": version}.
    Raises harness.files.FixtureError where a file that it needs is missing or unsound, and ValueError for a name
    that nothing is registered by, and for what has no source file.
    """
    e = cell.experiment
    roots, registered = set(ENGINE), {}
    for kind, origins in _used(cell):
        for origin in origins:
            if is_ours(origin.module):
                roots.add(origin.module)
                continue
            for name, file in sorted(_behind(origin).items()):
                if is_ours(name):
                    roots.add(name)
                else:
                    registered[f"{kind} {origins[0]}: {name}"] = file_hash(file)
    for package in dict.fromkeys(name for part in _parts(e.task) for name in getattr(part, "packages", ())):
        registered[f"package {package}"] = importlib.metadata.version(package)
    read = [*e.learner.files(e.task, cell.seeds), *(file for part in _parts(e) for file in _files(part))]
    parts = {
        "modules": _module_hashes(frozenset(roots)),
        "files": {_name(file): file_hash(file) for file in read},
        "versions": versions(),
    }
    return parts | ({"registered": registered} if registered else {})


def engine_fingerprint(parts: Parts) -> str:
    """SHA-256 of the parts, as 64 hex digits."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


@functools.cache
def versions() -> dict[str, str]:
    """The versions of Python, of the libraries that do the arithmetic, and of the format of evidence."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {name: importlib.metadata.version(name) for name in LIBRARIES} | {"python": python, "evidence": FORMAT}


def file_named(name: str) -> Path | None:
    """The file that the parts give this name; None for one of a user's, of which only a run can tell where it lies."""
    root = _roots().get(name.partition("/")[0])
    return root / name.partition("/")[2] if root else None


def _name(file: Path) -> str:
    for name, root in _roots().items():
        if file.is_relative_to(root):
            return f"{name}/{file.relative_to(root).as_posix()}"
    return f"elsewhere/{file.parent.name}/{file.name}"


def _roots() -> dict[str, Path]:
    return {"fixtures": files.FIXTURES, PACKAGE: Path(__file__).parents[1]}


def _used(cell: Cell) -> Iterator[tuple[str, tuple[Origin, ...]]]:
    """The kind of each thing that this cell is made of or names, with where it was defined and then registered.

    Level 0 is not pruned yet, so that no criterion counts.
    """
    e = cell.experiment
    for f in dataclasses.fields(e):
        for kind in dict.fromkeys(type(part) for part in _parts(getattr(e, f.name))):
            yield f.name, (origin_of(kind),)
    yield "initialiser", INITIALISERS.origins(e.network.initialiser)
    if e.control:
        yield "control", CONTROLS.origins(e.control)
    if cell.condition != DENSE:
        yield "criterion", CRITERIA.origins(e.pruning.criterion)


def _parts(value: object) -> Iterator[Any]:
    """All dataclasses in `value`: itself and what it holds, in tuples and lists too."""
    if isinstance(value, (tuple, list)):
        for entry in value:
            yield from _parts(entry)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for f in dataclasses.fields(value):
            yield from _parts(getattr(value, f.name))


def _files(part: Any) -> tuple[Path, ...]:
    """What a task or the like reads; a learner's `files` is a function, which knows the seeds too."""
    files = getattr(part, "files", ())
    return () if callable(files) else tuple(files)


@functools.cache
def _module_hashes(roots: frozenset[str]) -> dict[str, str]:
    return {name: module_hash(name) for name in sorted(modules_behind(roots))}


def _behind(origin: Origin) -> dict[str, Path]:
    """The modules, with their files, that something registered rests on: the one that defines it and what that imports,
    directly or through others, of the same top-level package, of the same folder, or of this package.

    What is installed elsewhere is not looked into.
    """
    top = origin.module.partition(".")[0]
    depth = origin.module.count(".") + (origin.file.name == "__init__.py")
    folder = list(origin.file.parents)[: depth + 1][-1]

    def belongs(name: str, file: Path) -> bool:
        inside = file.relative_to(folder).parts if file.is_relative_to(folder) else ("site-packages",)
        is_installed = {"site-packages", "dist-packages"} & set(inside)
        own = name.partition(".")[0]
        return own not in sys.stdlib_module_names and (own == top or not is_installed)

    return files_behind({origin.module: origin.file}, belongs)
