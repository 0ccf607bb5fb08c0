"""What the plugin offers to others."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.results.schema import RunResult


@pytest.hookspec
def pytest_claims_report(run: "RunResult", path: Path, history: Path | None) -> None:
    """Write a report of a finished run to `path`. Called once, by the controlling process.

    history: the file of earlier runs and of this one; None where none is kept.
    """
