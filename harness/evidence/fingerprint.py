"""The engine fingerprint: what, besides its settings, a cell's numbers passed through.

It covers the parsed source (comments, docstrings and formatting don't count) of the modules that the cell's task
and learner are trained by, the versions of the libraries that do the arithmetic, and the files read (experts).
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

from harness.experiment import Cell, canonical_json

LIBRARIES = ("torch", "numpy", "numba")
ENGINE = "harness.imp"
_PACKAGE = "harness"


def engine_parts(cell: Cell) -> dict[str, dict[str, str]]:
    """{"modules": {name: hash}, "files": {path: hash}, "versions": {library: version}} of this cell.

    Raises harness.fixtures.FixtureError where a file it needs is missing or unsound.
    """
    e = cell.experiment
    roots = (ENGINE, type(e.task).__module__, type(e.learner).__module__)
    files = e.learner.files(e.task, cell.seeds)
    return {
        "modules": {name: source_hash(name) for name in sorted(modules_behind(roots))},
        "files": {"/".join(path.parts[-3:]): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES}
        | {"python": f"{sys.version_info.major}.{sys.version_info.minor}"},
    }


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
    tree = _parse(module)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [entry for entry in body if not _is_text(entry)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest()


def _imports(module: str) -> list[str]:
    """Modules of this package that a module imports when it runs (not those for type checking alone)."""
    names: list[str] = []
    for node in _runtime_nodes(_parse(module)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == _PACKAGE:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if _is_module(name)]
            names += modules if len(modules) == len(inner) else [node.module, *modules]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.split(".")[0] == _PACKAGE]
    return [name for name in names if name != _PACKAGE]


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


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _parse(module: str) -> ast.Module:
    loaded = sys.modules.get(module)
    path = getattr(loaded, "__file__", None)
    if path is None:
        spec = importlib.util.find_spec(module)
        path = spec.origin if spec else None
    if path is None:
        raise ValueError(f"module {module} has no source file, so its evidence could not be told apart")
    return ast.parse(Path(path).read_text())
