"""One cell's folder in the store, as its own files tell it: names, checksums, the completion marker.

Everything here reads alone, and takes what a file says for what it is: damage is an answer, never an exception.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FORMAT = 1
DESCRIPTION, MARKER = "cell.json", "complete.json"
PARTIAL = ".partial"
FILE_NAMES = re.compile(r"cell\.json|complete\.json|level_[0-9]{2,4}\.(npz|sha256|cost\.json)")
"""All that a finished cell's folder may hold."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def level_name(level: int) -> str:
    """The files of a level start with it."""
    return f"level_{level:02}"


def checksum_line(content: bytes, key: str, level: int) -> str:
    """What level_NN.sha256 holds: as `sha256sum` writes it, so that it belongs to this level of this cell alone.

    `sha256sum --check */*.sha256`, called in <evidence>/cells, checks all finished cells without this package.
    """
    return f"{hashlib.sha256(content).hexdigest()}  {key}/{level_name(level)}.npz\n"


def read_sound(folder: Path, key: str, level: int, marked: str | None) -> bytes | None:
    """A level's npz archive if it is what was written for this level of this cell, else None.

    marked: its checksum by the completion marker, which must agree where there is one. A checksum that does not say
    what it is of (as all did once) counts only with a marker: two levels may have changed places.
    """
    try:
        line = (folder / f"{level_name(level)}.sha256").read_text()
        content = (folder / f"{level_name(level)}.npz").read_bytes()
    except (OSError, ValueError):
        return None
    actual = hashlib.sha256(content).hexdigest()
    if marked is not None:
        return content if actual == marked and line in (actual, checksum_line(content, key, level)) else None
    return content if line == checksum_line(content, key, level) else None


def marked_sums(folder: Path, id: str, levels: Sequence[int]) -> dict[int, str] | None:
    """The checksum of each level by the completion marker; None where it is not this cell's."""
    marker = read_json(folder / MARKER)
    if not isinstance(marker, dict) or marker.get("format") != FORMAT or marker.get("id") != id:
        return None
    sums = marker.get("levels")
    if not isinstance(sums, dict) or set(sums) != {level_name(level) for level in levels}:
        return None
    if not all(isinstance(entry, str) and _SHA256.fullmatch(entry) for entry in sums.values()):
        return None
    return {level: sums[level_name(level)] for level in levels}


def cost(folder: Path, level: int) -> float | None:
    """CPU seconds of a level; None where they are not known. They are not evidence: nothing guards them."""
    content = read_json(folder / f"{level_name(level)}.cost.json")
    seconds = content.get("cpu_seconds") if isinstance(content, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return float(seconds) if 0 <= seconds < 1e12 else None


def read_json(path: Path) -> Any:
    """What a JSON file says; None where it can't be read or says nothing."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return None
