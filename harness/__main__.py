"""`python -m harness COMMAND`: the commands of the suite that are not tests.

Exit codes: 0 if all is well; 1 if `bench` misses a target, `evidence` finds damage or refuses a cell, `calibrate`,
`aa`, `controls`, `agreement` or `alarms` measures an error rate that is too high, or pytest made no findings; 3 if a
file can't be written; 4 for a bad argument or fixture. An error is one line.
"""

import argparse
import io
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn

from harness.errors import OneLineError
from harness.files import SUITE_ROOT

Options = dict[str, dict[str, Any]]

_FIXTURE: Options = {"--fixture": {"action": "store_true", "help": "write the record to fixtures/trust/ as well"}}
_FINDINGS: Options = {
    "paths": {
        "nargs": "+",
        "type": Path,
        "metavar": "FINDINGS.json",
        "help": "the findings of one block each, the reference block first",
    }
}


def _only(what: str, dest: str = "only") -> Options:
    options: dict[str, Any] = {"action": "append", "default": [], "metavar": what.upper(), "dest": dest}
    return {"--only": options | {"help": f"only this {what}; repeat for more"}}


_MODULES: Options = {
    "-p": {
        "action": "append",
        "default": [],
        "metavar": "MODULE",
        "dest": "modules",
        "help": "import this first, as pytest does: the module, or the conftest of this folder, that registers yours",
    }
}


def _number(name: str, default: int, what: str) -> Options:
    return {name: {"type": int, "default": default, "metavar": "N", "help": f"{what} (default: {default})"}}


COMMANDS: dict[str, tuple[str, str, Options]] = {
    "experts": (
        "harness.profiles.experts:write_experts",
        "retrain the experts and measure the reference returns (writes fixtures/)",
        _only("task", "tasks") | _MODULES,
    ),
    "tune": (
        "harness.profiles.tuning:tune",
        'compare hyperparameters on dense agents of the tuning seeds; a system is "TASK LEARNER"',
        _only("system", "systems") | _MODULES,
    ),
    "profile": ("harness.bench.profiling:main", "show where a cell's CPU time goes", {}),
    "bench": (
        "harness.__main__:bench",
        "measure speed, memory and returns against stable-baselines3",
        {**_only("part"), "--out": {"type": Path, "default": Path(".claims"), "help": "folder (default: .claims)"}},
    ),
    "preregister": (
        "harness.__main__:preregister",
        "register the claims' present hypotheses, margins and settings (writes fixtures/preregistration.json)",
        {
            "--history": {"default": ".claims/history.sqlite", "metavar": "FILE", "help": "default: %(default)s"},
            "--reason": {"default": "", "help": "why differences do not count as changes, e.g. refactoring"},
        },
    ),
    "calibrate": (
        "harness.trust.calibration:main",
        "measure how often each test is wrong, by simulation",
        _number("--replicates", 20_000, "samples per entry") | _FIXTURE,
    ),
    "aa": (
        "harness.trust.aa:main",
        "measure false alarms on trainings that differ by chance alone",
        _number("--replicates", 400, "groups of 20 seeds")
        | _number("--processes", 2, "number of processes at most")
        | _FIXTURE,
    ),
    "controls": (
        "harness.trust.negative_controls:main",
        "break one ingredient at a time, and check that the claims which depend on it stop reproducing",
        {
            **_only("control"),
            "--idle": {
                "default": "",
                "metavar": "CONTROL",
                "help": "disable this control's mutation, which the check must detect",
            },
            **_FIXTURE,
        },
    ),
    "agreement": (
        "harness.trust.agreement:main",
        "compare runs of the claims on different blocks of seeds",
        _FINDINGS | _FIXTURE,
    ),
    "alarms": ("harness.trust.alarms:main", "measure how often the gate fails on fresh seeds", _FINDINGS | _FIXTURE),
    "multiverse": (
        "harness.trust.multiverse:main",
        "judge the claims under every other reading of the paper",
        _FIXTURE,
    ),
}
"""Name -> the function, which is imported when the command runs; its help; its options, by the function's parameters.

The function returns an exit code, or what is to be printed, a line each."""


class Parser(argparse.ArgumentParser):
    """Reports a bad argument in one line and exits with 4, since 2 stands for an interrupted run, as in pytest."""

    def error(self, message: str) -> NoReturn:
        """End the process."""
        self.exit(4, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def main() -> int:
    """Run one command; its exit code. Raises SystemExit, with 4, where the command line can't be parsed."""
    parser = Parser(prog="python -m harness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, help, options) in COMMANDS.items():
        command = commands.add_parser(name, help=help, description=help)
        for option, settings in options.items():
            command.add_argument(option, **settings)
    commands.add_parser("evidence", help="list, explain, check, clean, export and import evidence", add_help=False)
    chosen, rest = parser.parse_known_args()
    if rest and chosen.command != "evidence":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _run(chosen, rest)
    except OneLineError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 3


def bench(only: Sequence[str], out: Path) -> int:
    """Measure the parts of the benchmark. Raises UnknownNameError."""
    from harness.bench.measure import main
    from harness.bench.rows import PARTS

    return main(PARTS, out, only)


def preregister(history: str, reason: str) -> int:
    """Register the claims, by a run of pytest that collects them. The history tells where they were judged."""
    options = ["-p", "harness.plugin", "--claims-preregister", f"--claims-history={history}"]
    options += [f"--claims-reason={reason}"] if reason else []
    quiet = ["-qq", "--no-header", "--no-summary", f"--rootdir={SUITE_ROOT}", str(SUITE_ROOT / "claims")]
    return 4 if subprocess.run([sys.executable, "-m", "pytest", *options, *quiet]).returncode else 0


def _run(chosen: argparse.Namespace, rest: Sequence[str]) -> int:
    if chosen.command == "evidence":
        from harness.evidence import commands as evidence

        parser = Parser(prog="python -m harness evidence")
        evidence.add(parser, _evidence_folder())
        chosen = parser.parse_args(rest)
        code: int = chosen.run(chosen)
        return code
    arguments = {name: value for name, value in vars(chosen).items() if name not in ("command", "modules")}
    for module in getattr(chosen, "modules", ()):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise OneLineError(f"-p {module}: {error}") from None
    result = resolve_name(COMMANDS[chosen.command][0])(**arguments)
    if isinstance(result, int):
        return result
    for line in result:
        print(line, flush=True)
    return 0


def _evidence_folder() -> str:
    """By the same key of pyproject.toml as pytest's option, where the user stands."""
    default = ".claims/evidence"
    try:
        settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
        return str(settings.get("claims_evidence", default))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return default


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # no locale ends a command
    raise SystemExit(main())
