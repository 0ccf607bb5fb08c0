"""Leases: who is computing a cell. Held by a heartbeat, taken over when that stops.

A lease is a small JSON file; all changes to leases happen under one file lock of the store, so that two processes
never both believe they hold a cell.
"""

import json
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

from filelock import FileLock

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
"""Without a heartbeat for so long, a holder elsewhere counts as dead; one on this machine is asked directly."""


class Lease:
    """The right to compute one cell. A context manager that beats while it is open and releases on the way out."""

    def __init__(self, path: Path, token: str):
        self._path = path
        self._token = token
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with _lock(self._path):
            if self._held():
                self._path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            if not self._held():
                return  # taken over while this process slept; both compute the same bits, so no harm is done
            os.utime(self._path)

    def _held(self) -> bool:
        holder = _read(self._path)
        return holder is not None and holder.get("token") == self._token


def acquire(folder: Path, name: str) -> Lease | None:
    """The lease of cell `name`, or None while a live process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    token = os.urandom(8).hex()
    with _lock(path):
        if _alive(path):
            return None
        holder = {"token": token, "pid": os.getpid(), "started": _started(os.getpid()), "host": socket.gethostname()}
        path.write_text(json.dumps(holder))
    return Lease(path, token)


def _alive(path: Path) -> bool:
    holder = _read(path)
    if holder is None:
        return False
    if holder.get("host") == socket.gethostname():
        started = _started(int(str(holder.get("pid", 0))))
        return started is not None and started == holder.get("started")
    try:
        return time.time() - path.stat().st_mtime < STALE_SECONDS
    except FileNotFoundError:
        return False


def _started(pid: int) -> str | None:
    """When a process on this machine started, None if there is none; a recycled pid has another start."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return "unknown"


def _read(path: Path) -> dict[str, object] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _lock(path: Path) -> FileLock:
    return FileLock(path.parent / ".lock", timeout=60)
