"""What source code says, whatever it looks like: hashes that comments, docstrings, annotations and layout leave alone.

Parsed and never run. Written out by a form of its own: what `ast.dump` and `ast.unparse` write differs between
versions of Python.
"""

import ast
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.canonical import canonical_json

_SILENT = {"ctx", "kind", "type_comment", "type_params", "annotation", "returns", "lineno", "simple"}
"""Fields of syntax nodes that say nothing about what is computed."""


@dataclass(frozen=True, eq=False)
class Module:
    """A module's top-level definitions and what it imports by name, unparsed syntax trees."""

    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name here -> (module, name there)."""


@functools.cache
def module_in(file: Path) -> Module:
    """The module in a file. Raises OSError and SyntaxError."""
    found = Module()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.definitions[node.name] = node
        elif isinstance(node, ast.Assign):
            for name in (name for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)):
                found.definitions[name.id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.definitions[node.target.id] = node
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.imports.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
    return found


def module_named(name: str) -> Module | None:
    """The module of that name; None where it has no source."""
    spec = importlib.util.find_spec(name)
    return module_in(Path(spec.origin)) if spec and spec.has_location and spec.origin else None


def closure(module: Module, roots: Sequence[ast.AST], follows: Sequence[str] = ()) -> dict[str, ast.stmt]:
    """The module-level definitions that the roots use, directly or through others, by name and in order of their use.

    follows: packages into which an imported name is followed; what else is imported ends there.
    """
    found: dict[str, ast.stmt] = {}
    waiting = [(module, root) for root in roots]
    while waiting:
        where, node = waiting.pop(0)
        for name in _names(node):
            there, definition = _defined(where, name, follows)
            if definition is not None and name not in found and definition not in roots:
                found[name] = definition
                waiting.append((there, definition))
    return found


def source_hash(node: ast.AST) -> str:
    """Of what the node says, as 16 hex digits."""
    return hashlib.sha256(canonical_json(_plain(node)).encode()).hexdigest()[:16]


def literal(node: ast.AST | None) -> Any:
    """The value of an assignment, or of an expression, that is written out, as JSON has it: tuples are lists.

    None where it has to be computed.
    """
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else node
    if value is None or (isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name)):
        return None
    try:
        return json.loads(json.dumps(ast.literal_eval(value)))  # parses literals, runs nothing
    except (ValueError, TypeError):
        return None


def attributes(nodes: Sequence[ast.AST]) -> set[str]:
    """The names of all attributes that are asked for in the nodes."""
    return {part.attr for node in nodes for part in _parts(node) if isinstance(part, ast.Attribute)}


def _defined(module: Module, name: str, follows: Sequence[str]) -> tuple[Module, ast.stmt | None]:
    """A name's definition, through the modules that hand it on, and where it stands."""
    if name in module.definitions:
        return module, module.definitions[name]
    origin, original = module.imports.get(name, ("", ""))
    if not any(origin == package or origin.startswith(f"{package}.") for package in follows):
        return module, None
    there = module_named(origin)
    return _defined(there, original, follows) if there is not None else (module, None)


def _names(node: ast.AST) -> Iterator[str]:
    yield from (part.id for part in _parts(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it that says something, in the order of the source."""
    yield node
    for _, held in _fields(node):
        for entry in held if isinstance(held, list) else [held]:
            if isinstance(entry, ast.AST):
                yield from _parts(entry)


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    for name, held in ast.iter_fields(node):
        if name in _SILENT or held is None or held == []:
            continue
        if name == "body" and isinstance(held, list):
            held = [entry for entry in held if not _is_text(entry)]
        yield name, held


def _plain(held: Any) -> Any:
    if isinstance(held, ast.Constant):
        return ["Constant", type(held.value).__name__, repr(held.value)]
    if isinstance(held, ast.AST):
        return [type(held).__name__, {name: _plain(entry) for name, entry in _fields(held)}]
    return [_plain(entry) for entry in held] if isinstance(held, list) else held


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
