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


def usable_cpus() -> int:
    """CPUs this process may use: its affinity, cut by a cgroup quota (v2 or v1). At least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(affinity, _cgroup_quota())))


def cpu_name() -> str:
    """The processor's name for the record, or "unknown"."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _cgroup_quota() -> float:
    """CPUs' worth of time the control group grants; infinity where it sets no limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        period_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else math.inf
    except (OSError, ValueError):
        return math.inf


if os.environ.get("CLAIMS_KEEP_MEMORY") != "0":
    keep_memory()
