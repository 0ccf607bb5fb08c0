"""What the plugin offers to others."""

from pathlib import Path
from typing import Any

import pytest


@pytest.hookspec
def pytest_claims_finished(config: pytest.Config, summary: dict[str, Any]) -> None:
    """A run has judged its claims. Called once, by the controlling process, before it writes anything.

    summary: as `pytest_claims_report` is given it.
    """


@pytest.hookspec
def pytest_claims_report(summary: dict[str, Any], path: Path, history: Path | None) -> None:
    """Write a report of a finished run to `path`. Called once, by the controlling process.

    summary: plain JSON, as `harness.plugin.outcome.summarise` makes it; it lies beside the report as findings.json.
    history: the file of earlier runs, and of this one if it was complete; None where none is kept.
    """
