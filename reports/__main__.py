"""`python -m reports`: rebuild the report from the findings of the last run, without training anything.

`python -m reports compare A B` lays two runs side by side.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from harness.results import history
from harness.results.scales import FOLDER
from reports import compare, scales
from reports.build import write
from reports.compare import CompareError
from reports.snapshot import picture

USAGE_ERROR = 4  # as pytest's


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Argparse would print the usage, and end with 2."""
        _usage(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report, and with --picture a PNG of its top; or compare two runs. Returns the exit code."""
    parser = _Parser(prog="python -m reports", description="Rebuild the report without training.")
    parser.add_argument("--findings", type=Path, default=Path(".claims/findings.json"), metavar="JSON")
    parser.add_argument("--out", type=Path, metavar="HTML", help="default: report.html beside the findings")
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help=f"earlier runs; default: {history.NAME} beside the findings"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="PNG", help="also take a picture of the board and the first chart, 1200 px wide"
    )
    beside = parser.add_subparsers(dest="command", metavar="compare A B")
    two = beside.add_parser("compare", help="show two runs side by side", description="Show two runs side by side.")
    for name, what in (("a", "the one run"), ("b", "the other, as a rule the newer")):
        two.add_argument(
            name, type=Path, metavar=name.upper(), help=f"{what}: its findings.json, folder or report.html"
        )
    two.add_argument(
        "--out", type=Path, metavar="HTML", dest="page", help=f"default: {compare.NAME} beside the findings of B"
    )
    options = parser.parse_args(arguments)
    return _compare(options) if options.command == "compare" else _rebuild(options)


def _rebuild(options: argparse.Namespace) -> int:
    if not options.findings.exists():
        _usage(f"there are no findings at {options.findings}: run pytest first, or name others with --findings")
    if options.history and not options.history.exists():
        _usage(f"there is no history at {options.history}")
    kept = options.findings.with_name(FOLDER)
    try:
        summary = json.loads(options.findings.read_text("utf-8"))
        page = write(
            summary,
            options.out or options.findings.with_name("report.html"),
            here=options.findings.with_name("trust"),
            past=options.history or options.findings.with_name(history.NAME),
            kept=kept,
        )
        for problem in scales.known(kept, summary).problems:
            print(f"python -m reports: {problem}", file=sys.stderr)
        print(page)
        if options.picture:
            print(picture(page, options.picture))
    except json.JSONDecodeError as problem:
        _usage(f"{options.findings} is not JSON: {problem}")
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        _usage(f"{options.findings}: {problem}" if isinstance(problem, ValueError) else str(problem))
    return 0


def _compare(options: argparse.Namespace) -> int:
    try:
        found = compare.compare(compare.read(options.a), compare.read(options.b))
        page = compare.write(found, options.page or compare.findings_at(options.b).with_name(compare.NAME))
    except CompareError as problem:
        _usage(str(problem))
    except OSError as problem:
        _usage(f"the comparison can't be written: {problem}")
    for line in compare.table(found):
        print(line)
    print(page)
    return 0


def _usage(message: str) -> NoReturn:
    print(f"python -m reports: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(USAGE_ERROR)


if __name__ == "__main__":
    sys.exit(main())
