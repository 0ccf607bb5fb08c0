"""The engine fingerprint: what, besides its settings, a cell's numbers passed through.

It covers the parsed source (comments, docstrings and formatting don't count) of the modules that the cell's task
and learner are trained by, the versions of the libraries that do the arithmetic, and the files read (experts, and what
a task names in its `files`). Of what a user registered it covers what this cell uses: where it was defined and
registered, and the source of these modules and of those beside them that they import.
"""

import ast
import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.util
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.canonical import canonical_json
from harness.controls import CONTROLS
from harness.experiment import Cell
from harness.networks.mlp import INITIALISERS
from harness.profiles.profile import LEARNERS, PROFILES
from harness.pruning.conditions import DENSE
from harness.pruning.criteria import CRITERIA
from harness.registry import Origin, origin_of
from harness.tasks.narrowed import whole

LIBRARIES = ("torch", "numpy", "numba", "scipy")
ENGINE = ("harness.pruning.imp", "harness.experiment", "harness.controls")
"""The modules through which every cell's numbers pass: levels, the rules of cells, and the lookup of a control."""
_PACKAGE = "harness"
_PUBLIC = {_PACKAGE, "harness.register"}
"""What users import to name things by: no number passes through it, and it imports every learner."""


def engine_parts(cell: Cell) -> dict[str, dict[str, str]]:
    """{"modules": {name: hash}, "files": {path: hash}, "versions": {library: version}} of this cell.

    Where it uses what was defined outside this package also {"registered": {"criterion conftest.mine: conftest":
    hash, ...}}. Raises harness.fixtures.FixtureError where a file it needs is missing or unsound, and ValueError for
    a name that nothing is registered by, and for what has no source file.
    """
    e = cell.experiment
    used = _used(cell)
    roots = {*ENGINE, *(origin.module for _, origins in used for origin in origins if _is_ours(origin.module))}
    registered: dict[str, str] = {}
    for kind, origins in used:
        for origin in origins:
            if not _is_ours(origin.module):
                own, ours = _behind(origin)
                registered |= {f"{kind} {origins[0]}: {name}": _file_hash(file) for name, file in sorted(own.items())}
                roots |= ours
    files = [*e.learner.files(e.task, cell.seeds), *getattr(whole(e.task), "files", ())]
    parts = {
        "modules": {name: source_hash(name) for name in sorted(modules_behind(tuple(sorted(roots))))},
        "files": {"/".join(path.parts[-3:]): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES}
        | {"python": f"{sys.version_info.major}.{sys.version_info.minor}"},
    }
    return parts | ({"registered": registered} if registered else {})


def _used(cell: Cell) -> list[tuple[str, tuple[Origin, ...]]]:
    """The kind of each thing that this cell is made of or names, with where it was defined and then registered.

    Level 0 is not pruned yet.
    """
    e = cell.experiment
    parts = ((f.name, kind) for f in dataclasses.fields(e) for kind in _kinds(getattr(e, f.name)))
    used: list[tuple[str, tuple[Origin, ...]]] = [(part, (origin_of(kind),)) for part, kind in dict.fromkeys(parts)]
    used.append(("learner", (origin_of(type(e.learner)), *_makers(type(e.learner)))))
    used.append(("initialiser", INITIALISERS.origins(e.network.initialiser)))
    if e.control:
        used.append(("control", CONTROLS.origins(e.control)))
    if cell.condition != DENSE:
        used.append(("criterion", CRITERIA.origins(e.pruning.criterion)))
    return used


def _kinds(value: object) -> Iterator[type]:
    """The types of all dataclasses in `value`: itself and what it holds, in tuples and lists too."""
    if isinstance(value, (tuple, list)):
        for entry in value:
            yield from _kinds(entry)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for f in dataclasses.fields(value):
            yield from _kinds(getattr(value, f.name))


def _makers(kind: type) -> list[Origin]:
    """Where the registered functions that make settings of a user's `kind` were defined, and registered.

    Settings of this package's own kind are told by the id alone, whoever made them.
    """
    if _is_ours(kind.__module__):
        return []
    made: dict[str, None] = {}
    for name, profile in itertools.product(LEARNERS, PROFILES.values()):
        with contextlib.suppress(Exception):  # a function that fails at a profile made no cell there
            if type(LEARNERS[name].experiment(profile, name.partition("/")[0]).learner) is kind:
                made[name] = None
    return [origin for name in made for origin in LEARNERS.origins(name)]


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == _PACKAGE


def engine_fingerprint(parts: dict[str, dict[str, str]]) -> str:
    """SHA-256 of the parts, as 64 hex digits."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


@functools.cache
def modules_behind(roots: tuple[str, ...]) -> frozenset[str]:
    """The roots and every module of this package that they import, directly or through others."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += _imports(name)
    return frozenset(found)


@functools.cache
def source_hash(module: str) -> str:
    """Hash of a module's syntax tree without its docstrings."""
    file = _file_of(module)
    if file is None:
        raise ValueError(f"module {module} has no source file, so its evidence could not be told apart")
    return _tree_hash(file)


@functools.cache
def _file_hash(file: Path) -> str:
    """As `source_hash`, of a file; one that is no Python by its bytes."""
    return _tree_hash(file) if file.suffix == ".py" else hashlib.sha256(file.read_bytes()).hexdigest()


def _tree_hash(file: Path) -> str:
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [entry for entry in body if not _is_text(entry)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest()


def _behind(origin: Origin) -> tuple[dict[str, Path], set[str]]:
    """The user's modules, with their files, and those of this package, that something registered rests on.

    The user's are the module that defines it and, of what that imports, directly or through others, the modules of
    the same top-level package or in the same folder as it. What is installed elsewhere is not looked into.
    """
    top = origin.module.split(".")[0]
    depth = origin.module.count(".") + (origin.file.name == "__init__.py")
    folder = list(origin.file.parents)[: depth + 1][-1]
    own: dict[str, Path] = {}
    ours: set[str] = set()
    waiting = [(origin.module, origin.file)]
    while waiting:
        name, file = waiting.pop()
        if name in own:
            continue
        own[name] = file
        if file.suffix != ".py":
            continue
        for imported in _imported(ast.parse(file.read_text("utf-8")), name, file.name == "__init__.py"):
            if _is_ours(imported):
                ours |= {imported} - _PUBLIC
                continue
            if imported.split(".")[0] in sys.stdlib_module_names:
                continue
            found = _file_of(imported)
            if found and (imported.split(".")[0] == top or _is_beside(found, folder)):
                waiting.append((imported, found))
    return own, ours


def _is_beside(file: Path, folder: Path) -> bool:
    inside = file.relative_to(folder).parts if file.is_relative_to(folder) else ("site-packages",)
    return "site-packages" not in inside and "dist-packages" not in inside


def _imports(module: str) -> list[str]:
    """Modules of this package that a module imports when it runs (not those for type checking alone)."""
    file = _file_of(module)
    if file is None:
        raise ValueError(f"module {module} has no source file, so its evidence could not be told apart")
    imported = _imported(ast.parse(file.read_text("utf-8")), module, file.name == "__init__.py")
    return [name for name in imported if _is_ours(name) and name != _PACKAGE]


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """All modules that `module` imports when it runs. What comes from this package's public face is no engine."""
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")[: None if is_package else -1] if node.level else []
            base = parts[: len(parts) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if not name or name == _PACKAGE:
                continue
            inner = [f"{name}.{alias.name}" for alias in node.names]
            modules = [one for one in inner if _file_of(one)]
            yield from modules if len(modules) == len(inner) else [name, *modules]


def _runtime_nodes(tree: ast.AST) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        nodes.append(node)
        waiting += ast.iter_child_nodes(node)
    return nodes


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _file_of(module: str) -> Path | None:
    """A module's source; None where there is none, or no such module."""
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            return None
        path = spec.origin if spec and spec.has_location else None
    return Path(path).resolve() if path else None
