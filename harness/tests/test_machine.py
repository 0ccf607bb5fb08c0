"""Memory that a process keeps: it changes no byte of a result, and the environment switches it off."""

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.evidence.level_file import to_bytes
from harness.experiment import Cell
from harness.machine import _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD, keep_memory
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


def test_the_environment_switches_it_off(libc: Any) -> None:
    command = [sys.executable, "-c", "from harness.tests.test_machine import page_faults; print(page_faults())"]
    environment = {**os.environ, "CLAIMS_KEEP_MEMORY": "0"}
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    assert int(ran.stdout) >= MAPPED_ANEW
