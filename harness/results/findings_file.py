"""findings.json: all that a run found, as it is written for code. `findings.schema.json` beside this file says what is
in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.files import replace_file
from harness.results.finding import Finding

SCHEMA = 2
"""2: findings carry their sample, and a run says whether it is complete. 1 is still read."""
READABLE = (1, SCHEMA)
SCHEMA_FILE = Path(__file__).with_name("findings.schema.json")
"""JSON Schema of what this version writes."""
NAME = "findings.json"


class FindingsError(Exception):
    """This is no findings.json; the message is one line."""


def write(summary: Mapping[str, Any], path: Path) -> None:
    """Write a run's findings, whole or not at all; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(summary, allow_nan=False).encode())


def read(path: Path) -> dict[str, Any]:
    """A run's findings as plain JSON. Raises FindingsError."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FindingsError(f"{path} can't be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or content.get("schema") not in READABLE:
        raise FindingsError(f"{path} is no {NAME} of schema {SCHEMA}")
    return content


def findings_of(summary: Mapping[str, Any]) -> list[Finding]:
    """Those of all claims. Raises FindingsError where one is not what a finding must be."""
    try:
        return [Finding.from_json(found) for claim in summary["claims"] for found in claim["findings"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        problem = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise FindingsError(problem) from None
