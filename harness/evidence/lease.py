"""Leases: who is computing a cell. Held by a heartbeat, taken over when that stops.

A lease is a small JSON file; all changes to leases happen under one file lock of the store, so that two processes
never both believe they hold a cell.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from harness.canonical import canonical_json
from harness.evidence.folder import read_json
from harness.files import replace_file

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
"""Without a heartbeat for so long, a holder elsewhere counts as dead; one on this machine is asked directly."""
LOCK_SECONDS = 60.0
"""Leases change within milliseconds: who waits longer for the lock waits for a process that hangs."""
RELEASE_SECONDS = 1.0
"""Nobody waits longer to release a lease: an interrupted run is to end at once, and its leases end with it."""
_LOCK = ".lock"


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    started: when its process started, as the kernel counts: a recycled pid has another. machine: the boot and the
    process namespace in which the pid means something; a host's name may occur twice, in containers above all.
    """

    token: str
    pid: int
    started: str
    host: str
    machine: str

    def __str__(self) -> str:
        return f"{self.pid}@{self.host}"


class Lease:
    """The right to compute one cell. A context manager that beats while it is open and releases on the way out."""

    def __init__(self, path: Path, holder: Holder):
        self._path = path
        self._holder = holder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(RELEASE_SECONDS)
        with contextlib.suppress(OSError):  # a store that can't be written any more: the lease ends with the process
            self._release()

    @property
    def lost(self) -> bool:
        """Whether another process took it over, while this one slept for longer than a heartbeat may fail."""
        holder = holder_of(self._path)
        return holder is not None and holder.token != self._holder.token

    def _release(self) -> None:
        with _locked(self._path.parent, RELEASE_SECONDS):
            self._remove()

    def _remove(self) -> None:
        """Under the lock."""
        if not self.lost:
            self._path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):  # a disk that is full for a moment: the next beat may succeed
                if not self._renew():
                    return  # both compute the same bits, so no harm is done

    def _renew(self) -> bool:
        """Show that the holder lives; False if the lease is another's by now, or was let go of."""
        with _locked(self._path.parent):
            if self._stop.is_set():  # while this beat waited for the lock; `__exit__` may have given up waiting for it
                self._remove()
                return False
            if self.lost:
                return False
            if holder_of(self._path) is None:  # removed or damaged
                _write(self._path, self._holder)
            os.utime(self._path)
            return True


def acquire(folder: Path, name: str) -> Lease | None:
    """The lease of cell `name`, or None while a live process holds it. OSError where the folder can't be written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    pid = os.getpid()
    holder = Holder(os.urandom(8).hex(), pid, _started(pid) or "unknown", socket.gethostname(), _machine())
    with _locked(folder) as now:
        if live_holder(path, now) is not None:
            return None
        _write(path, holder)
    return Lease(path, holder)


def live_holder(path: Path, now: float | None = None) -> Holder | None:
    """Who holds a lease and lives; None where nobody does, or the file says nothing.

    now: by the clock that dates the store's files, which need not be this machine's; by default this machine's.
    """
    holder = holder_of(path)
    if holder is None:
        return None
    if holder.machine == _machine():
        started, stopped = _started(holder.pid), _is_stopped(holder.pid)
        if started != holder.started or not stopped:
            return holder if started == holder.started else None
    try:
        age = (time.time() if now is None else now) - path.stat().st_mtime
    except OSError:
        return None
    return holder if age < STALE_SECONDS else None


def holder_of(path: Path) -> Holder | None:
    """Who a lease names, alive or not; None where it can't be read."""
    content = read_json(path)
    try:
        holder = Holder(**content)
    except TypeError:
        return None
    words = (holder.token, holder.started, holder.host, holder.machine)
    return holder if type(holder.pid) is int and all(isinstance(word, str) for word in words) else None


def remove_dead(path: Path) -> bool:
    """Remove a lease that no live process holds; False if one does."""
    with _locked(path.parent) as now:
        if live_holder(path, now) is not None:
            return False
        path.unlink(missing_ok=True)
        return True


def _write(path: Path, holder: Holder) -> None:
    replace_file(path, canonical_json(asdict(holder)).encode())


@contextlib.contextmanager
def _locked(folder: Path, patience: float = LOCK_SECONDS) -> Iterator[float]:
    """Alone among all processes; gives the time by the clock of the file system, against which heartbeats are held.

    On a file server that is the server's: the clocks of its clients may differ by more than a heartbeat.
    """
    lock = folder / _LOCK
    with FileLock(lock, timeout=patience):
        os.utime(lock)
        yield lock.stat().st_mtime


def _started(pid: int) -> str | None:
    """When a process on this machine started, None if there is none, or it is dead and only not buried yet."""
    fields = _stat(pid)
    if fields is not None:
        return None if fields[0] in "ZX" else fields[19]
    try:
        os.kill(pid, 0)
    except (OSError, ValueError, OverflowError):
        return None
    return None if Path("/proc/self/stat").exists() else "unknown"


def _is_stopped(pid: int) -> bool:
    """Whether a process was put to sleep (Ctrl-Z): it may never wake up, so its heartbeat counts."""
    fields = _stat(pid)
    return fields is not None and fields[0] in "Tt"


def _stat(pid: int) -> list[str] | None:
    """What Linux tells of a process, from its state on; None where it tells nothing."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return fields if len(fields) > 19 else None


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()
