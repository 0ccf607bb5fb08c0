"""The kernels that multiply matrices are known by name, and stand beside what they made."""

import os
import platform
import subprocess
import sys

import pytest

from harness import openblas
from harness.results.provenance import provenance


def told(core: str) -> str:
    """What a process says whose environment names these kernels."""
    env = os.environ | {"OPENBLAS_CORETYPE": core}
    command = [sys.executable, "-c", "from harness import openblas; print(openblas.core())"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="others have other kernels, or none that are told"
)
@pytest.mark.parametrize("core", ["Nehalem", "Sandybridge"])
def test_kernels_that_the_environment_names_are_told(core: str) -> None:
    assert told(core) == core


def test_a_run_has_the_kernels_among_its_versions() -> None:
    assert provenance()["versions"]["OpenBLAS kernels"] == openblas.core()
