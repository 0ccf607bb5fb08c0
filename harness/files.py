"""Where this suite's own files lie, and files that other processes may read or write at the same time."""

import errno
import os
from pathlib import Path

from harness.errors import OneLineError

_PACKAGED = Path(__file__).resolve().parent / "suite"
SUITE_ROOT = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parents[1]
"""The folder of claims/ and fixtures/: the tree, or where a wheel has them inside this package (setup.py)."""
FIXTURES = SUITE_ROOT / "fixtures"
OWN_FIXTURES: dict[str, Path] = {}
"""By the name of a user's task, the folder of its experts and reference returns: beside the file that registers it."""


class FixtureError(OneLineError):
    """A fixture is missing or not what it must be; the message is one line."""


def fixtures_of(task: str) -> Path:
    """The folder of a task's experts and reference returns."""
    return OWN_FIXTURES.get(task, FIXTURES)


def replace_file(path: Path, content: bytes) -> None:
    """Write beside the target, then rename: a reader sees the old file or the new one, whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def escaped(text: str) -> str:
    """The text, with an escape for each character that UTF-8 can't hold, as the name of a file may have."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def in_bytes(count: int) -> str:
    """How much of a disk, for people: "12.3 kB"."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def prove_writable(path: Path) -> None:
    """Make the folder of a file that is to be written later; raises OSError where the file can't be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from None
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    probe = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    probe.write_bytes(b"")
    probe.unlink()
