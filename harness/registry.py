"""Names for what an experiment may be told to use: a registry per kind, the built-in and the user's own side by side.

An entry keeps where it was defined, so that the fingerprint of a cell can hold the source that its numbers pass
through, and two packages that give one name are told apart.
"""

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


class RegistrationError(ValueError):
    """Something can't be registered; the message is one line."""


class UnknownNameError(ValueError):
    """Nothing has that name; the message is one line and has the known ones."""


@dataclass(frozen=True)
class Origin:
    """Where something was defined: `name` in `module`, which is `file`."""

    module: str
    name: str
    file: Path

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Registry(Generic[T]):
    """Names of one kind ("criterion"), in the order of their registration."""

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._origins: dict[str, Origin] = {}

    def add(self, name: str, entry: T, origin: Origin) -> None:
        """Register `entry`. The same one may come again, as when a module is loaded twice.

        Raises RegistrationError for a name that no option could hold, or that something else has.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RegistrationError(
                f"{name!r} can't name {_a(self.kind)}: a name has letters, digits, '.', '_', '/' and '-', and starts"
                " with a letter or digit"
            )
        known = self._origins.get(name, origin)
        if (known.name, known.file) != (origin.name, origin.file):
            raise RegistrationError(
                f"{self.kind} {name!r} is registered twice: by {known} ({known.file}) and by {origin} ({origin.file})"
            )
        self._entries[name], self._origins[name] = entry, origin

    def __getitem__(self, name: str) -> T:
        """The entry. Raises UnknownNameError."""
        if name not in self._entries:
            known = ", ".join(self._entries)
            raise UnknownNameError(f"unknown {self.kind} {name!r}: it is one of {known or 'none so far'}")
        return self._entries[name]

    def origin(self, name: str) -> Origin:
        """Where the entry was defined. Raises UnknownNameError."""
        self[name]
        return self._origins[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


def origin_of(thing: Callable[..., Any] | type) -> Origin:
    """Where a function or class was defined. Raises RegistrationError where no source file says what it does.

    A function knows its own file. A class is asked for its module's, and for its methods' where that name now
    stands for another module, as `conftest` does for each conftest.py that pytest loads.
    """
    if not isinstance(thing, type) and not inspect.isfunction(thing):
        raise RegistrationError(f"{thing!r} is no function, so where it is defined can't be told")
    functions = [f for f in vars(thing).values() if inspect.isfunction(f)] if isinstance(thing, type) else [thing]
    files = [Path(inspect.unwrap(f).__code__.co_filename) for f in functions]
    loaded = sys.modules.get(thing.__module__)
    if isinstance(thing, type) and _held_by(loaded, thing.__qualname__) is thing:
        files.insert(0, Path(getattr(loaded, "__file__", None) or "?"))
    for file in files:
        if file.is_file():
            return Origin(thing.__module__, thing.__qualname__, file.resolve())
    raise RegistrationError(
        f"{thing.__module__}.{thing.__qualname__} has no source file, so its evidence could not be told apart from"
        " another's: define it in a module or a conftest.py"
    )


def _held_by(module: object, qualname: str) -> object:
    """What a module has under that name; None where there is nothing."""
    return functools.reduce(lambda held, part: getattr(held, part, None), qualname.split("."), module)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
