"""Compiled code, cached on disk: the engine takes 20 CPU seconds to compile, and half a second to read back.

Numba's own cache checks only the file of the function itself, and does not notice that a callee in another file has
changed. So the cache is a folder named by a hash of the engine's sources, the libraries that compile them and the
processor: when any of these changes, another folder is used.

The files in it are numba's, which are pickles: code that is loaded from them is executed, so the folder must be as
trustworthy as the engine itself.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from filelock import FileLock, Timeout
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.extending import overload

from harness.machine import cpu_name, engine_unusable

Function = TypeVar("Function", bound=Callable[..., Any])

FOLDER = "CLAIMS_COMPILED"
"""The environment variable that names the folder, inherited by all processes of a run; by default .claims/compiled in
the working directory. "none" caches nothing."""
ROOMS = ("networks", "tasks", "learners", "pruning")
"""The packages of the engine, all of whose files count. A function elsewhere may call what is in these or in its own
file."""
LIBRARIES = ("numba", "llvmlite", "numpy")
KEPT = 4
"""How many folders of other sources are kept."""
COMPILE_SECONDS = 120.0
"""How long a process waits for another one that compiles the same function, before it compiles the function too."""

if engine_unusable():
    raise SystemExit(engine_unusable())


def njit(function: Function) -> Function:
    """Compile as `numba.njit` does, with numpy's rules for division by zero, and cache the result on disk.

    Compiled code checks no index, so a wrong argument reads or writes outside an array. The name of such a function
    begins with an underscore, and what is public checks what it passes on (`harness.arguments`).

    A folder that cannot be written, or is full, costs only the cache. Processes that need the same function at the same
    time compile it once. Functions outside the engine's rooms are not cached: the folder's name does not tell when one
    of their callees has changed.
    """
    return _compiled(function)


def njit_in_any_order(function: Function) -> Function:
    """As `njit`, and sums may be added up in any order, as many terms at once as the processor takes; NaN stays NaN."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})


def _compiled(function: Function, **options: Any) -> Function:
    dispatcher = numba.njit(error_model="numpy", **options)(function)
    if ENGINE_FOLDER is not None and function.__module__.startswith(tuple(f"harness.{room}." for room in ROOMS)):
        dispatcher._cache = _Cache(function)  # as `cache=True` sets it
    return cast(Function, dispatcher)  # mypy checks calls against the Python function


def compiled_for(stub: Callable[..., Any], kind: type) -> Callable[[Function], Function]:
    """Compile the function below it where compiled code calls `stub` with a named tuple of the class `kind` first.

    So a function is written once for all kinds of networks and heads, and compiled for each one that it meets. It has
    the parameters of `stub`, which never runs itself.
    """

    def register(function: Function) -> Function:
        def chosen(first: Any, *rest: Any) -> Function | None:
            return function if getattr(first, "instance_class", None) is kind else None

        overload(stub, jit_options={"error_model": "numpy"}, strict=False)(chosen)
        return function

    return register


def engine_hash() -> str:
    """16 hex digits of all that compiled code depends on, as it is now on disk."""
    package = Path(__file__).parent
    found = hashlib.sha256()
    files = [path for room in ROOMS for path in (package / room).rglob("*") if path.suffix in (".py", ".txt")]
    for path in (Path(__file__), *sorted(files)):
        found.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    for library in LIBRARIES:
        found.update(f"{library} {importlib.metadata.version(library)}\0".encode())
    found.update(cpu_name().encode())
    return found.hexdigest()[:16]


def _engine_folder() -> Path | None:
    """Where this process caches its compiled code; None where it does not."""
    named = os.environ.get(FOLDER) or str(Path(".claims", "compiled").absolute())
    return None if named == "none" else Path(named) / ENGINE_HASH


ENGINE_HASH = engine_hash()
"""Of the sources that this process imports."""
ENGINE_FOLDER = _engine_folder()
"""Made when the first function is compiled."""


def _make_folder(folder: Path) -> None:
    """Make the folder, and drop those of other sources but the newest few."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    others = (path for path in folder.parent.iterdir() if path != folder)
    for other in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(other, ignore_errors=True)


class _Place(_CacheLocator):
    """Tells numba where the cache of a function is, and that it is valid for the present file of the function."""

    def __init__(self, function: Callable[..., Any], file: str):
        self.module, self.file = function.__module__, Path(file)

    def get_cache_path(self) -> str:
        return str(ENGINE_FOLDER)

    def get_source_stamp(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def get_disambiguator(self) -> str:
        return self.module

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "_Place":
        return cls(function, file)


class _Impl(CompileResultCacheImpl):
    _locator_classes = (_Place,)  # type: ignore[assignment]


class _Cache(FunctionCache):
    """The compiled versions of one function. Each is compiled by one process, while others that need it wait."""

    _impl_class = _Impl

    def __init__(self, function: Callable[..., Any]):
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._lock = FileLock(Path(self.cache_path) / f"{self._impl.filename_base}.lock")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """What is cached for a signature; else None, and the lock is held until `save_overload`."""
        found = self._read(sig, target_context)
        if found is None:
            with contextlib.suppress(OSError, Timeout):  # then it is compiled here, whatever others do
                _make_folder(Path(self.cache_path))
                if not self._lock.is_locked:
                    self._lock = FileLock(self._lock.lock_file)  # one made before a fork can't be used after it
                self._lock.acquire(timeout=COMPILE_SECONDS)
                found = self._read(sig, target_context)
                if found is not None:
                    self._lock.release()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Cache what was compiled, unless the sources have changed since they were imported."""
        try:
            with contextlib.suppress(OSError):
                if engine_hash() == ENGINE_HASH:
                    super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        finally:
            self._lock.release()

    def _read(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # whatever numba makes of a damaged file: forget it, so that the function is compiled anew
            with contextlib.suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
        return None
