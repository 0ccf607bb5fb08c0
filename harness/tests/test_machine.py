"""Memory that a process keeps, which changes no byte of a result, and the CPUs that it may use."""

import ctypes
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.evidence.level_file import to_bytes
from harness.experiment import Cell
from harness.machine import _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD, keep_memory, usable_cpus
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.tests.pruning.cases import SEEDS, experiment_of, learners

MAPPED_ANEW = 20 * 20
"""Page faults, at least, where each of twenty buffers is mapped anew."""


def page_faults() -> int:
    """Of twenty buffers of 40 MiB, each freed before the next; a page may be of 2 MiB."""
    np.ones(5 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(5 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.fixture
def libc() -> Iterator[Any]:
    """The C library, whose thresholds a test may lower."""
    if not keep_memory():
        pytest.skip("the allocator is not glibc's: nothing is switched")
    yield ctypes.CDLL("libc.so.6")
    assert keep_memory()


@learners
def test_giving_memory_back_changes_no_byte(learner: str, libc: Any) -> None:
    cell = Cell(experiment_of(learner), DENSE, SEEDS)
    kept = to_bytes(run_level(cell, 0, None))
    assert page_faults() < MAPPED_ANEW / 4
    assert libc.mallopt(_M_MMAP_THRESHOLD, 128 << 10) and libc.mallopt(_M_TRIM_THRESHOLD, 128 << 10)  # glibc's own
    assert page_faults() >= MAPPED_ANEW
    assert to_bytes(run_level(cell, 0, None)) == kept


# Control groups, as the kernel tells of them

TWO = "30 23 0:26 / {mounted} rw - cgroup2 cgroup2 rw"
MEMORY = "31 23 0:27 / {mounted}/memory rw - cgroup cgroup rw,memory"
ONE = MEMORY + "\n32 23 0:28 / {mounted}/cpu,acct rw - cgroup cgroup rw,cpu,acct"
DOCKER = "33 23 0:29 /docker/1f {mounted}/cpu ro - cgroup cgroup rw,cpu"


@pytest.mark.parametrize(
    ("mounts", "group", "limits", "cpus"),
    [
        pytest.param(TWO, "0::/a/b", {"a/b/cpu.max": "300000 100000"}, 3, id="v2: its own"),
        pytest.param(
            TWO, "0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000"}, 2, id="v2: a parent's"
        ),
        pytest.param(TWO, "0::/../../x", {"cpu.max": "20000 100000"}, 1, id="v2: a namespace that hides the group"),
        pytest.param(
            ONE,
            "3:memory:/m\n2:cpu,acct:/a/b",
            {"cpu,acct/a/b/cpu.cfs_quota_us": "-1", "cpu,acct/a/b/cpu.cfs_period_us": "100000"}
            | {"cpu,acct/a/cpu.cfs_quota_us": "400000", "cpu,acct/a/cpu.cfs_period_us": "100000"},
            4,
            id="v1: a parent's",
        ),
        pytest.param(
            DOCKER,
            "2:cpu:/docker/1f\n0::/",
            {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"},
            2,
            id="v1: in a container",
        ),
        pytest.param(f"{TWO}\n{ONE}", "0::/x\n2:cpu,acct:/y", {"x/cpu.max": "what is this"}, 64, id="unreadable"),
    ],
)
def test_the_quotas_of_all_control_groups_above_a_process_cut_its_cpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, group: str, limits: dict[str, str], cpus: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    proc, mounted = tmp_path / "proc", tmp_path / "cgroup"
    other = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
    for path, text in {"cgroup": group, "mountinfo": other + mounts.format(mounted=mounted)}.items():
        (proc / "self" / path).parent.mkdir(parents=True, exist_ok=True)
        (proc / "self" / path).write_text(f"{text}\n", encoding="utf-8")
    for path, text in limits.items():
        (mounted / path).parent.mkdir(parents=True, exist_ok=True)
        (mounted / path).write_text(f"{text}\n", encoding="utf-8")
    assert usable_cpus(proc) == cpus


def test_a_system_without_control_groups_is_used_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(3), raising=False)
    assert usable_cpus(tmp_path) == 3
