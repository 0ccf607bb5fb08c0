"""Writes the report when pytest has judged the claims."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.results.schema import RunResult


def pytest_claims_report(run: "RunResult", path: Path, history: Path | None) -> None:
    """See `harness.plugin.hooks`."""
    from reports.build import write  # its libraries take a while to load, and only this process needs them

    write(run, path, trust=path.with_name("trust"), history=history)
