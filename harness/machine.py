"""What a process asks of the machine: one thread, a memory allocator that keeps its memory, a count of CPUs.

Imported before torch and numpy by `harness/__init__.py`, because thread caps are read when those load.
"""

import ctypes
import math
import os
from pathlib import Path

# Parallelism is members inside a process and processes beside it (DESIGN, "The engine").
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>


def keep_memory() -> bool:
    """Raise glibc's trim and mmap thresholds, so that freed buffers stay mapped.

    Done on import, unless the environment says CLAIMS_KEEP_MEMORY=0. Without it every update gives its buffers back
    to the kernel and faults them in again (`python -m harness profile` counts the faults). Returns False where the C
    library is not glibc; nothing but speed is lost.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return False
    gibibyte = 1 << 30
    return bool(libc.mallopt(_M_MMAP_THRESHOLD, gibibyte) and libc.mallopt(_M_TRIM_THRESHOLD, gibibyte))


def engine_unusable() -> str:
    """Why the engine, which only works compiled, cannot run in this process, in one line; empty where it can."""
    if not os.path.isfile(__file__):
        return f"{Path(__file__).parents[1]} is no folder, but the engine is compiled from files: install it with pip"
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "NUMBA_DISABLE_JIT is set, but the engine only works compiled: unset it"
    return ""


def usable_cpus(proc: Path = Path("/proc")) -> int:
    """CPUs this process may use: its affinity, cut by the quotas of its control groups. At least 1.

    proc: where the kernel tells of processes.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(affinity, _quota(proc))))


def cpu_name() -> str:
    """The processor's name for the record, or "unknown"."""
    lines = _text(Path("/proc/cpuinfo")).splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def peak_memory() -> int:
    """The most memory in bytes that this process has held at once; 0 where the system does not tell.

    The peak of `getrusage` outlives exec, so that a child would start with its parent's.
    """
    lines = _text(Path("/proc/self/status")).splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _quota(proc: Path) -> float:
    """CPUs' worth of time that the control groups grant; infinity where none sets a limit.

    The group of this process and all groups above it count, in version 2 and in version 1 (`man 7 cgroups`).
    """
    groups = [line.split(":", 2) for line in _text(proc / "self" / "cgroup").splitlines()]
    granted = math.inf
    for line in _text(proc / "self" / "mountinfo").splitlines():
        mount, _, system = line.partition(" - ")
        root, point = mount.split()[3:5]
        kind, *_, options = system.split()
        controller = {"cgroup2": "", "cgroup": "cpu"}.get(kind)
        if controller is None or controller not in ("", *options.split(",")):
            continue
        for _, controllers, group in groups:
            if controller in controllers.split(","):
                inside = os.path.relpath(group, root)  # a container may show only a part of the hierarchy
                folder = Path(point, "" if inside.startswith("..") else inside)
                for each in (folder, *folder.parents):
                    granted = min(granted, _limit(each))
    return granted


def _limit(group: Path) -> float:
    """The limit that one control group sets itself, in CPUs."""
    told = _text(group / "cpu.max").split()
    told = told or [_text(group / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    try:
        quota, period = map(int, told)
    except ValueError:  # "max", or no limit here
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf


def _text(file: Path) -> str:
    """What a file of the kernel's says; nothing where there is no such file."""
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


if os.environ.get("CLAIMS_KEEP_MEMORY") != "0":
    keep_memory()
