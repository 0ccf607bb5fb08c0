"""Compiled code, kept on disk: to compile the engine takes 20 CPU seconds, to read it back less than one.

Numba's own cache looks at the file of a function alone, and does not notice that a callee in another file has changed.
So the folder is named by a hash of all sources of the engine, the libraries that compile them and the processor:
whatever changes, another folder is used.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from filelock import FileLock, Timeout
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from harness.machine import cpu_name

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDER = "CLAIMS_COMPILED"
"""The environment variable that names the folder, inherited by all processes of a run. By default it is
.claims/compiled where a process starts; "none" keeps nothing."""
ROOMS = ("networks", "tasks", "learners", "pruning")
"""The folders of the engine, all of whose files count."""
LIBRARIES = ("numba", "llvmlite", "numpy")
KEPT = 4
"""How many folders of other sources stay beside the one in use."""
COMPILE_SECONDS = 120.0
"""How long a process waits for another one that compiles the same function, before it compiles it too."""


def njit(function: Function) -> Function:
    """`numba.njit` with numpy's rules for division by zero, kept on disk where the folder can be written."""
    dispatcher = numba.njit(error_model="numpy")(function)
    if folder() is not None:
        dispatcher._cache = _Cache(function)  # type: ignore[attr-defined]  # what `cache=True` does, with a place of our own
    return cast(Function, dispatcher)  # mypy sees the Python function


@cache
def folder() -> Path | None:
    """Where this process keeps its compiled code; made here. None where it can't be written."""
    named = os.environ.get(FOLDER) or str(Path(".claims", "compiled").absolute())
    if named == "none":
        return None
    place = Path(named) / engine_hash()
    try:
        if not place.is_dir():
            place.mkdir(parents=True)
            _drop_old(place)
    except OSError:
        return None
    return place if os.access(place, os.W_OK) else None


def engine_hash() -> str:
    """Of all that compiled code depends on, 16 hex digits."""
    package = Path(__file__).parent
    found = hashlib.sha256()
    files = [path for room in ROOMS for path in (package / room).rglob("*") if path.suffix in (".py", ".txt")]
    for path in (Path(__file__), *sorted(files)):
        found.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    for library in LIBRARIES:
        found.update(f"{library} {importlib.metadata.version(library)}\0".encode())
    found.update(cpu_name().encode())
    return found.hexdigest()[:16]


def _drop_old(place: Path) -> None:
    """Leave a few folders of other sources, the newest."""
    others = sorted((p for p in place.parent.iterdir() if p != place), key=lambda p: p.stat().st_mtime, reverse=True)
    for other in others[KEPT:]:
        shutil.rmtree(other, ignore_errors=True)


class _Place(_CacheLocator):
    """`folder`, whatever file a function is in: its name says the rest."""

    def __init__(self, function: Callable[..., Any]):
        self.module = function.__module__

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> str:
        return "see folder"

    def get_disambiguator(self) -> str:
        return self.module

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "_Place":
        return cls(function)


class _Impl(CompileResultCacheImpl):
    _locator_classes = (_Place,)  # type: ignore[assignment]


class _Cache(FunctionCache):
    """Each function is compiled by one process, while the others that want it wait. A disk that is full costs the copy."""

    _impl_class = _Impl

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._lock = FileLock(Path(self.cache_path) / f"{self._impl.filename_base}.lock")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with contextlib.suppress(OSError, EOFError):
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
            if found is None:
                with contextlib.suppress(Timeout):
                    self._lock.acquire(timeout=COMPILE_SECONDS)
                found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
                if found is not None:
                    self._lock.release()
            return found
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        self._lock.release()
