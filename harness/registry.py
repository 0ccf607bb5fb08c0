"""Names for what an experiment may use: a registry per kind, the built-in entries and the user's own side by side.

An entry keeps where it was defined and where it was registered. So the fingerprint of a cell can hold the source that
its numbers pass through, and two packages that give one name are told apart.
"""

import functools
import inspect
import re
import sys
from collections.abc import Callable, ItemsView, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from harness.errors import OneLineError

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


class RegistrationError(ValueError):
    """Something can't be registered; the message is one line."""


class UnknownNameError(OneLineError, ValueError):
    """Nothing has that name; the message is one line and lists the known names."""


@dataclass(frozen=True)
class Origin:
    """Where something was defined: `name` in `module`, which is `file`."""

    module: str
    name: str
    file: Path

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Registry(Generic[T]):
    """Entries of one kind ("criterion") by name, in the order of their registration."""

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._origins: dict[str, tuple[Origin, ...]] = {}

    def add(self, name: str, entry: T, origin: Origin, registrar: Origin) -> None:
        """Register `entry`, defined at `origin`, on behalf of `registrar` (see `caller`).

        The same entry may come again, as when a module is loaded twice. Raises RegistrationError for a name that no
        option could hold, or that another entry has.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RegistrationError(
                f"{name!r} can't be the name of a new {self.kind}: a name has letters, digits, '.', '_', '/' and '-',"
                " and starts with a letter or digit"
            )
        known, *registrars = self._origins.get(name, (origin,))
        if (known.name, known.file) != (origin.name, origin.file):
            raise RegistrationError(
                f"{self.kind} {name!r} is registered twice: by {known} ({known.file}) and by {origin} ({origin.file})"
            )
        elsewhere = {one.file: one for one in (*registrars, registrar) if one.file != origin.file}
        self._entries[name], self._origins[name] = entry, (origin, *elsewhere.values())

    def __getitem__(self, name: str) -> T:
        """The entry. Raises UnknownNameError."""
        if name not in self._entries:
            known = f"choose one of {', '.join(self._entries)}" if self._entries else "none is registered"
            raise UnknownNameError(f"unknown {self.kind} {name!r}: {known}")
        return self._entries[name]

    def origins(self, name: str) -> tuple[Origin, ...]:
        """Where the entry was defined, then the other files that register it. Raises UnknownNameError."""
        self[name]
        return self._origins[name]

    def items(self) -> ItemsView[str, T]:
        """Names and entries."""
        return self._entries.items()

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


def origin_of(thing: Callable[..., Any] | type) -> Origin:
    """Where a function or class was defined.

    Raises RegistrationError where no source file says all that it does: it is neither a function nor a class, it was
    given values when it was made (a closure, or defaults inside another function), or it has no source file.
    """
    named = getattr(thing, "__qualname__", repr(thing))
    written = _functions(thing)
    is_local = "<locals>" in named
    if (not written and not isinstance(thing, type)) or any(_holds_values(function, is_local) for function in written):
        raise RegistrationError(
            f"{named} holds values that no source file shows, so the fingerprint would miss them: define it as a"
            " function or class at the top level of a module"
        )
    files = [Path(function.__code__.co_filename) for function in written]
    module = sys.modules.get(thing.__module__)
    if isinstance(thing, type) and _attribute(module, named) is thing:  # else the module's name stands for another one
        files.insert(0, Path(getattr(module, "__file__", None) or "?"))
    for file in files:
        if file.is_file():
            return Origin(thing.__module__, named, file.resolve())
    raise RegistrationError(
        f"{thing.__module__}.{named} has no source file, so its evidence could not be told apart from another's: define"
        " it in a module or a conftest.py"
    )


def caller() -> Origin:
    """The module that called the function that asks. Raises RegistrationError where it has no source file."""
    frame = sys._getframe(2)
    file = Path(frame.f_code.co_filename)
    if not file.is_file():
        raise RegistrationError(
            f"nothing can be registered from {file}, which is not a source file: define it in a module"
        )
    return Origin(frame.f_globals.get("__name__", "?"), "<module>", file.resolve())


def _functions(thing: Any) -> list[Any]:
    """The function itself, or those that are written in the body of a class, its properties among them."""
    if not isinstance(thing, type):
        return [thing] if inspect.isfunction(thing) else []
    held = [getattr(entry, "fget", getattr(entry, "__func__", entry)) for entry in vars(thing).values()]
    body = f"{thing.__qualname__}."
    return [entry for entry in held if inspect.isfunction(entry) and entry.__code__.co_qualname.startswith(body)]


def _holds_values(function: Any, is_local: bool) -> bool:
    """`super()` makes a method hold its own class, which is no such value."""
    held = set(function.__code__.co_freevars) - {"__class__"}
    return bool(held or (is_local and (function.__defaults__ or function.__kwdefaults__)))


def _attribute(module: object, qualname: str) -> object:
    return functools.reduce(lambda held, part: getattr(held, part, None), qualname.split("."), module)
