"""When, where and by what something was measured: it stands beside every number that is written down.

What can't be found out is unknown, and no error: a suite that was installed without git or from a wheel measures too.
"""

import contextlib
import datetime
import platform
import subprocess
from importlib import metadata
from typing import Any

from harness.files import SUITE_ROOT
from harness.machine import cpu_name, usable_cpus

LIBRARIES = ("torch", "numpy", "numba", "scipy", "gymnasium", "pytest")


def provenance() -> dict[str, Any]:
    """Plain JSON: created (UTC), commit (None where it is unknown), machine, and the versions that are known."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {"cpu": cpu_name(), "cpus": usable_cpus()},
        "versions": versions,
    }


def _commit() -> str | None:
    """What git describes the suite's tree as; of a tree that is no checkout of its own, git would tell of another."""
    if not (SUITE_ROOT / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=SUITE_ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
