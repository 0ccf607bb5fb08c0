"""The one hash of source code: of what it says, not of how it looks.

Source is parsed and never run. Comments, docstrings and layout don't count. The text that is hashed has a form of its
own, since what `ast.dump` writes differs between versions of Python. Evidence, preregistration and calibration use it.
"""

import ast
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = __name__.partition(".")[0]
_PUBLIC = {PACKAGE, f"{PACKAGE}.register", f"{PACKAGE}.profiles.budgets"}
"""What users import to name things by, and to give a task its settings: no number passes through it."""
Follows = Callable[[str, Path], bool]
_SILENT = frozenset({"ctx", "kind", "type_comment"})
"""Fields of syntax nodes that say nothing about what is computed."""


def node_hash(node: ast.AST) -> str:
    """The hash of a syntax tree, as 64 hex digits."""
    parts: list[str] = []
    _write(node, parts)
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def file_hash(file: Path) -> str:
    """The hash of a Python file's syntax tree; of any other file, of its bytes. Raises OSError and SyntaxError.

    A file is read once in a process, since it is the code that was loaded at first that computes: see `forget`.
    """
    return _read(file.resolve())[0]


def module_hash(name: str) -> str:
    """The hash of a module's source. Raises ValueError where it has no source file, OSError and SyntaxError."""
    return file_hash(_source_of(name))


def modules_behind(roots: Iterable[str], beside: Follows = lambda name, file: False) -> dict[str, Path]:
    """The roots and every module that they import when they run, directly or through others, with their files.

    Imports for type checkers alone don't count, nor do the package itself and `register`, which only give names.
    beside: whether to go into an imported module of this name and file too, beside those of this package.
    Raises ValueError where a root has no source file.
    """
    return files_behind({name: _source_of(name) for name in roots}, beside)


def files_behind(roots: Mapping[str, Path], beside: Follows) -> dict[str, Path]:
    """The same, where the roots' files are known: modules of one name, as conftest.py, may be many."""
    found: dict[str, Path] = {}
    waiting = list(roots.items())
    while waiting:
        name, file = waiting.pop()
        if name not in found:
            found[name] = file
            for node in _read(file)[1]:
                waiting += _targets(node, name, file.name == "__init__.py", beside)
    return found


def forget() -> None:
    """Read files again when they are asked for next, as tests need it that edit them."""
    _read.cache_clear()
    _found.cache_clear()


def is_ours(module: str) -> bool:
    """Whether a module is of this package."""
    return module.partition(".")[0] == PACKAGE


def file_of(module: str) -> Path | None:
    """A module's file; None where there is none, or no such module. It may be loaded, and need not be."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return _resolved(path) if path else _found(module)


@functools.cache
def _resolved(path: str) -> Path:
    return Path(path).resolve()


@functools.cache
def _found(module: str) -> Path | None:
    if module.partition(".")[0] in sys.stdlib_module_names:
        return None  # it belongs to the version of Python
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _source_of(module: str) -> Path:
    file = file_of(module)
    if file is None:
        raise ValueError(f"module {module} has no source file (any more)")
    return file


@functools.cache
def _read(file: Path) -> tuple[str, tuple[ast.Import | ast.ImportFrom, ...]]:
    """The hash of a file and, of a Python file, its imports."""
    content = file.read_bytes()
    if file.suffix != ".py":
        return hashlib.sha256(content).hexdigest(), ()
    tree = ast.parse(content)
    return node_hash(tree), tuple(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements of a module but those for type checkers."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.expr):
            waiting += ast.iter_child_nodes(node)


def _targets(
    node: ast.Import | ast.ImportFrom, module: str, is_package: bool, beside: Follows
) -> Iterator[tuple[str, Path]]:
    """Those modules that an import statement of `module` loads which are to be followed."""

    def followed(names: list[str]) -> list[tuple[str, Path]]:
        files = {name: file_of(name) for name in names if name not in _PUBLIC}
        return [(name, file) for name, file in files.items() if file and (is_ours(name) or beside(name, file))]

    if isinstance(node, ast.Import):
        yield from followed([alias.name for alias in node.names])
        return
    parts = module.split(".")[: None if is_package else -1] if node.level else []
    base = parts[: len(parts) - node.level + 1] if node.level else []
    name = ".".join([*base, *([node.module] if node.module else [])])
    package, file = followed([name]), file_of(name)
    if file is not None and not (package or name == PACKAGE):
        return  # its modules are not looked for, which would import it
    is_module = file is not None and file.name != "__init__.py"
    inner = [] if is_module else followed([f"{name}.{alias.name}" for alias in node.names])
    yield from inner
    if len(inner) < len(node.names):
        yield from package


def _write(held: Any, parts: list[str]) -> None:
    if isinstance(held, ast.Constant):
        parts.append(f"{type(held.value).__name__} {held.value!r};")
    elif isinstance(held, ast.AST):
        parts.append(f"{type(held).__name__}(")
        for name in held._fields:
            entry = getattr(held, name, None)
            if name == "body" and isinstance(entry, list):
                entry = [statement for statement in entry if not _is_text(statement)]
            if entry is None or entry == [] or name in _SILENT:
                continue
            parts.append(f"{name}=")
            _write(entry, parts)
        parts.append(")")
    elif isinstance(held, list):
        parts.append("[")
        for entry in held:
            _write(entry, parts)
        parts.append("]")
    else:
        parts.append(f"{held!r};")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
