"""Names for what an experiment may be told to use: a registry per kind, the built-in and the user's own side by side.

An entry keeps where it was defined and where it was registered, so that the fingerprint of a cell can hold the source
that its numbers pass through, and two packages that give one name are told apart.
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

_UNSEEN = ": values that no file shows would not be in the fingerprint, so define it at the top of a module"

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
        self._origins: dict[str, tuple[Origin, ...]] = {}

    def add(self, name: str, entry: T, origin: Origin, registrar: Origin) -> None:
        """Register `entry`, defined at `origin`, on behalf of `registrar`: see `caller`.

        The same one may come again, as when a module is loaded twice.

        Raises RegistrationError for a name that no option could hold, or that something else has.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RegistrationError(
                f"{name!r} can't name {_a(self.kind)}: a name has letters, digits, '.', '_', '/' and '-', and starts"
                " with a letter or digit"
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
            known = ", ".join(self._entries)
            raise UnknownNameError(f"unknown {self.kind} {name!r}: it is one of {known or 'none so far'}")
        return self._entries[name]

    def origins(self, name: str) -> tuple[Origin, ...]:
        """Where the entry was defined, then the other files that register it. Raises UnknownNameError."""
        self[name]
        return self._origins[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


def origin_of(thing: Callable[..., Any] | type) -> Origin:
    """Where a function or class was defined. Raises RegistrationError where no source file says all that it does.

    A function knows its own file. A class is asked for its module's, and for its methods' where that name now
    stands for another module, as `conftest` does for each conftest.py that pytest loads.
    """
    if not isinstance(thing, type) and not inspect.isfunction(thing):
        raise RegistrationError(f"{thing!r} is no function{_UNSEEN}")
    functions = _methods(thing) if isinstance(thing, type) else [thing]
    if any(_holds_values(f, thing) for f in functions):
        raise RegistrationError(f"{thing.__module__}.{thing.__qualname__} holds values of where it was made{_UNSEEN}")
    files = [Path(f.__code__.co_filename) for f in functions]
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


def caller() -> Origin:
    """The module that called the function that asks. Raises RegistrationError where it has no source file."""
    frame = sys._getframe(2)
    file = Path(frame.f_code.co_filename)
    if not file.is_file():
        raise RegistrationError(f"what is registered from {file}, which is no source file, could not be told apart")
    return Origin(frame.f_globals.get("__name__", "?"), "<module>", file.resolve())


def _methods(kind: type) -> list[Any]:
    """The functions in a class, those of its properties and class methods too."""
    held = [getattr(entry, "fget", getattr(entry, "__func__", entry)) for entry in vars(kind).values()]
    return [entry for entry in held if inspect.isfunction(entry)]


def _holds_values(function: Any, thing: Any) -> bool:
    """Whether `function`, which is `thing` or in that class, was given values when it was made: by what surrounds it
    or, inside another function, by its defaults.

    `super()` makes a method hold its own class, which is no such value; nor is what `dataclasses` or a decorator
    wrapped about a method, as the class shows.
    """
    is_local, code = "<locals>" in thing.__qualname__, function.__code__
    if function is not thing and not (is_local and code.co_qualname.startswith(f"{thing.__qualname__}.")):
        return False
    held = set(code.co_freevars) - {"__class__"}
    return bool(held or (is_local and (function.__defaults__ or function.__kwdefaults__)))


def _held_by(module: object, qualname: str) -> object:
    """What a module has under that name; None where there is nothing."""
    return functools.reduce(lambda held, part: getattr(held, part, None), qualname.split("."), module)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
