"""When, where and by what something was measured: it stands beside every number that is written down.

What can't be found out is unknown, and no error: a suite that was installed without git or from a wheel measures too.
"""

import contextlib
import datetime
import os
import platform
import subprocess
from importlib import metadata
from typing import Any

from harness import openblas
from harness.files import SUITE_ROOT
from harness.machine import cpu_name, usable_cpus

GIT_SECONDS = 10.0
"""How long git may take, before the commit is unknown."""
LIBRARIES = ("torch", "numpy", "numba", "scipy", "gymnasium", "pytest")


def provenance() -> dict[str, Any]:
    """Plain JSON: created (UTC), commit (None where it is unknown), machine, and the versions that are known, with the
    kernels that OpenBLAS uses in this process."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    versions["OpenBLAS kernels"] = openblas.core()
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {"cpu": cpu_name(), "cpus": usable_cpus()},
        "versions": versions,
    }


def _commit() -> str | None:
    """What git describes the suite's tree as; None where it can't, or where the tree is no checkout of its own.

    Above a tree that was unpacked there may be another repository, from whose root the tree's path is not empty.
    """
    return _git("describe", "--always", "--dirty") or None if _git("rev-parse", "--show-prefix") == "" else None


def _git(*args: str) -> str | None:
    """What git says in the suite's tree, whatever repository the environment names, as it does in a hook."""
    outside = {name: held for name, held in os.environ.items() if not name.startswith("GIT_")}
    command, none = ["git", "--no-optional-locks", *args], subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, cwd=SUITE_ROOT, env=outside, stdin=none, capture_output=True, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "backslashreplace").strip() if done.returncode == 0 else None  # tags are bytes
