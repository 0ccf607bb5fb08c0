"""Running the benchmark: its parts one after the other, a table as they come, a file in the end."""

import importlib
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.bench import PARTS, UnknownPartError
from harness.bench.rows import HEADER, Row, missed, verdict
from harness.files import prove_writable, replace_file
from harness.machine import cpu_name, usable_cpus

LIBRARIES = ("torch", "numpy", "numba", "stable-baselines3", "gymnasium")


def main(folder: Path, only: Sequence[str] = ()) -> int:
    """Measure the parts `only` (none: all), print their rows as they come, write them to `file_of(folder, only)`.

    Returns 1 where a target is missed, else 0. Raises UnknownPartError, and OSError where the file can't be written,
    before anything is measured.
    """
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise UnknownPartError(f"the benchmark has no part {unknown[0]!r}; it has {', '.join(PARTS)}")
    path = file_of(folder, only)
    prove_writable(path)
    machine = this_machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    print(HEADER, flush=True)
    started = _seconds()
    rows: list[Row] = []
    for name in PARTS:
        if not only or name in only:
            for row in importlib.import_module(f"harness.bench.{name}").rows():
                print(row, flush=True)
                rows.append(row)
    for line in verdict(rows):
        print(line, flush=True)
    machine |= {"load after": _load(), "CPU seconds": round(_seconds() - started)}
    content = {"machine": machine, "parts": list(only or PARTS), "rows": [row.plain for row in rows]}
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode())
    print(f"{machine['CPU seconds']} CPU seconds, load {machine['load after']}; written to {path}", flush=True)
    return 1 if missed(rows) else 0


def file_of(folder: Path, only: Sequence[str]) -> Path:
    """bench.json; a run of some parts leaves it alone, and writes a file of its own."""
    return folder / (f"bench-{'-'.join(name for name in PARTS if name in only)}.json" if only else "bench.json")


def this_machine() -> dict[str, Any]:
    """What the numbers depend on, the load included: another process on the same core slows both sides."""
    facts: dict[str, Any] = {"CPU": cpu_name(), "CPUs": usable_cpus(), "load": _load()}
    return facts | {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def _seconds() -> float:
    """CPU seconds of this process and of those it started."""
    return sum(os.times()[:4])


def _load() -> float | None:
    """Processes running or waiting over the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
