"""Writes the report when pytest has judged the claims."""

from pathlib import Path
from typing import Any


def pytest_claims_report(summary: dict[str, Any], path: Path, history: Path | None) -> None:
    """See `harness.plugin.hooks`."""
    from reports.build import write  # its libraries take a second to load, and only this process needs them

    write(summary, path, here=path.with_name("trust"), past=history)
