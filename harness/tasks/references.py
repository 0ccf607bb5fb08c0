"""Reference returns in fixtures/references: what a random policy and the experts return on a task at a horizon.

They are written by `python -m harness experts` alone (see `harness.profiles.experts`).
"""

import json
from pathlib import Path

from harness import files
from harness.files import FixtureError

KEYS = ("random", "random_se", "expert", "expert_se", "best")
"""Mean returns and their standard errors; `best` is the mean return of the best expert."""


def reference_file(task: str, horizon: int) -> Path:
    """Where a task's reference returns lie."""
    return files.fixtures_of(task) / "references" / f"{task}-{horizon}.json"


def read_reference(task: str, horizon: int) -> dict[str, float]:
    """The numbers under `KEYS`. Raises FixtureError."""
    path = reference_file(task, horizon)
    try:
        content = json.loads(path.read_text("utf-8"))
        return {name: float(content[name]) for name in KEYS}
    except (OSError, ValueError, KeyError, TypeError):
        raise FixtureError(
            f"reference returns {path} are missing or can't be read; restore them from git, or measure them again"
            " with `python -m harness experts`"
        ) from None
