"""`python -m reports`: rebuild the report from the findings of the last run, without training anything.

`python -m reports compare A B` lays two runs side by side. `python -m reports table` prints the table of results.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from harness.files import FIXTURES
from harness.results import exit_codes, history, schema
from harness.results.baseline import BaselineError
from harness.results.schema import FindingsError

FINDINGS = Path(".claims") / schema.NAME
BASELINE = FIXTURES / "baselines" / "scaled.json"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Argparse would print the usage, and end with 2."""
        print(f"python -m reports: {' '.join(message.split())}", file=sys.stderr)
        raise SystemExit(exit_codes.USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report, compare two runs, or print the table of results. Returns the exit code."""
    parser = _Parser(prog="python -m reports", description="Rebuild the report of a run without training.")
    parser.add_argument("--findings", type=Path, default=FINDINGS, metavar="JSON", help="default: %(default)s")
    parser.add_argument("--out", type=Path, metavar="HTML", help="default: report.html beside the findings")
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help=f"earlier runs; default: {history.NAME} beside the findings"
    )
    commands = parser.add_subparsers(dest="command", metavar="compare A B | table [FINDINGS]")
    what = "compare two runs side by side"
    two = commands.add_parser("compare", help=what, description=what)
    two.add_argument("a", type=Path, metavar="A", help="the first run: its findings.json, folder or report.html")
    two.add_argument("b", type=Path, metavar="B", help="the second run, usually the newer one")
    two.add_argument(
        "--out", type=Path, metavar="HTML", dest="page", help="default: compare.html beside the findings of B"
    )
    what = "print the table of results in Markdown"
    one = commands.add_parser("table", help=what, description=what)
    one.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=BASELINE,
        metavar="FINDINGS",
        help=f"a findings.json or a baseline; default: {BASELINE.name}",
    )
    options = parser.parse_args(arguments)
    try:
        return {"compare": _compare, "table": _table, None: _rebuild}[options.command](options)
    except (FindingsError, BaselineError, OSError, ValueError) as problem:
        parser.error(f"{problem.filename}: {problem.strerror}" if isinstance(problem, OSError) else str(problem))


def _rebuild(options: argparse.Namespace) -> int:
    from reports.build import write

    if not options.findings.exists():
        raise ValueError(
            f"there are no findings at {options.findings}: run pytest first, or name another file with --findings"
        )
    if options.history and not options.history.exists():
        raise ValueError(f"there is no history at {options.history}")
    past = options.history or options.findings.with_name(history.NAME)
    out = options.out or options.findings.with_name("report.html")
    print(write(schema.read(options.findings), out, options.findings.with_name("trust"), past))
    return exit_codes.OK


def _compare(options: argparse.Namespace) -> int:
    from reports import compare

    found = compare.compare(compare.read(options.a), compare.read(options.b))
    page = compare.write(found, options.page or compare.findings_at(options.b).with_name(compare.NAME))
    print(*compare.lines(found), page, sep="\n")
    return exit_codes.OK


def _table(options: argparse.Namespace) -> int:
    from reports import results_table

    print(*results_table.of_file(options.file), sep="\n")
    return exit_codes.OK


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # no locale ends a command
    sys.exit(main())
