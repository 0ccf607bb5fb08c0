"""`python -m reports`: rebuild the report from the findings of the last run, without training anything."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from reports.build import write
from reports.snapshot import picture

USAGE_ERROR = 4  # as pytest's


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report, and with --picture a PNG of its top; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports", description="Rebuild the report without training.")
    parser.add_argument("--findings", type=Path, default=Path(".claims/findings.json"), metavar="JSON")
    parser.add_argument("--out", type=Path, metavar="HTML", help="default: report.html beside the findings")
    parser.add_argument(
        "--picture", type=Path, metavar="PNG", help="also take a picture of the board and the first chart, 1200 px wide"
    )
    parser.error = _usage  # type: ignore[method-assign]  # argparse would end with 2
    options = parser.parse_args(arguments)
    if not options.findings.exists():
        _usage(f"there are no findings at {options.findings}: run pytest first, or name others with --findings")
    try:
        summary = json.loads(options.findings.read_text("utf-8"))
        page = write(
            summary, options.out or options.findings.with_name("report.html"), here=options.findings.with_name("trust")
        )
        print(page)
        if options.picture:
            print(picture(page, options.picture))
    except json.JSONDecodeError as problem:
        _usage(f"{options.findings} is not JSON: {problem}")
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        _usage(f"{options.findings}: {problem}" if isinstance(problem, ValueError) else str(problem))
    return 0


def _usage(message: str) -> NoReturn:
    print(f"python -m reports: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(USAGE_ERROR)


if __name__ == "__main__":
    sys.exit(main())
