"""When, where and by what something was measured: what stands beside every number that is written down."""

import datetime
import platform
import subprocess
from importlib import metadata
from typing import Any

from harness.files import SUITE_ROOT
from harness.machine import cpu_name, usable_cpus

LIBRARIES = ("torch", "numpy", "numba", "scipy", "gymnasium", "pytest")


def provenance() -> dict[str, Any]:
    """Plain JSON: created (UTC), commit, machine, versions."""
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {"cpu": cpu_name(), "cpus": usable_cpus()},
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in LIBRARIES},
    }


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=SUITE_ROOT, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() or None
