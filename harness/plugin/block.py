"""A block of lines at the bottom of a terminal, kept up to date in place, above which others go on writing."""

import os
import re
import threading
from typing import Any, TextIO

import pytest

_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]")
_UNKNOWN = (80, 24)


class Block:
    """Lines under all that the reporter writes: cleared before each word of its, drawn again by the next `show`.

    A line that the reporter has only begun is gone back to. Safe with threads.
    """

    def __init__(self, reporter: pytest.TerminalReporter):
        self._writer: Any = reporter._tw
        self._file: TextIO = self._writer._file
        self._lock = threading.RLock()
        self._drawn: list[str] = []
        self._begun = ""
        self._writer._file = _Above(self._file, self)  # there is no public way to see what a reporter writes

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal, now."""
        try:
            columns, rows = os.get_terminal_size(self._file.fileno())
        except (OSError, ValueError, AttributeError):
            return _UNKNOWN
        return (columns, rows) if columns > 0 and rows > 0 else _UNKNOWN

    def fits(self, text: str) -> bool:
        """Whether the terminal can show these characters."""
        try:
            text.encode(getattr(self._file, "encoding", None) or "ascii")
        except (UnicodeError, LookupError):
            return False
        return True

    def show(self, lines: list[str]) -> None:
        """Draw these lines in the place of the last ones, in one piece; each is cut to the terminal's width."""
        columns, rows = self.size
        lines = [line[: columns - 1] for line in lines[: max(1, rows - 1)]]
        with self._lock:
            if lines != self._drawn:
                start = self._to_start() if self._drawn else "\n" if self._column else ""
                self._put(start + "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")
                self._drawn = lines

    def clear(self) -> None:
        """Leave nothing of it, and the cursor where it was."""
        with self._lock:
            if self._drawn:
                back = f"\x1b[1A\x1b[{self._column}C" if self._column else ""
                self._put(f"{self._to_start()}\x1b[J{back}")
                self._drawn = []

    def end(self) -> None:
        """Clear, and let the reporter write by itself again; a line that it has only begun is ended."""
        with self._lock:
            self.clear()
            if self._column:
                self._put("\n")
            self._writer._file = self._file

    def write(self, text: str) -> int:
        """What the reporter writes, above the block."""
        with self._lock:
            self.clear()
            self._begun = (self._begun + text).rpartition("\n")[2].rpartition("\r")[2]
            return self._file.write(text)

    @property
    def _column(self) -> int:
        return len(_ESCAPES.sub("", self._begun)) % self.size[0]

    def _to_start(self) -> str:
        """From the end of the block to its start; a terminal that became narrower has broken its lines."""
        columns = self.size[0]
        rows = sum(max(1, -(-len(line) // columns)) for line in self._drawn)
        return f"\x1b[{rows - 1}A\r" if rows > 1 else "\r"

    def _put(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


class _Above:
    """The reporter's file, as long as there is a block under what it writes."""

    def __init__(self, file: TextIO, block: Block):
        self._file = file
        self._block = block

    def write(self, text: str) -> int:
        return self._block.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
