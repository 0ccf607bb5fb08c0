"""`python -m harness COMMAND`: what is not a test. `experts` retrains the experts, `tune` shows how
hyperparameters were chosen, `bench` measures speed, `profile` shows where it goes, `evidence` looks after what was
computed, `preregister` writes down what the claims commit themselves to; `aa`, `agreement`, `controls` and `multiverse`
show how far verdicts can be trusted."""

import argparse
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import NoReturn

from harness.bench import PARTS, UnknownPartError
from harness.controls import CONTROLS
from harness.evidence import commands as evidence
from harness.fixtures import FixtureError
from harness.trust.controls import IDLE
from harness.trust.sessions import SessionError


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, and ends with 4: 2 is an interrupted run's, as pytest's is."""

    def error(self, message: str) -> NoReturn:
        """End the process."""
        self.exit(4, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def main() -> int:
    """Run one command; 0 on success, 4 for a bad fixture or argument (as pytest's usage errors).

    1: `bench` missed a target; `evidence` found damage, or refused a cell; what `aa`, `agreement` or `controls`
    measured is not as it must be, or pytest came to no findings. 3: the disk does not take what `aa` or `evidence`
    writes. Raises SystemExit, with 4, where the command line can't be parsed.
    """
    parser = Parser(prog="python -m harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("experts", help="retrain the experts and measure the reference returns (writes fixtures/)")
    commands.add_parser("tune", help="train dense agents of the tuning seeds with the scaled profile's alternatives")
    commands.add_parser("profile", help="show where a cell's CPU time goes")
    bench = commands.add_parser(
        "bench",
        help="compare speed and returns with stable-baselines3; exit code 1 where a target is missed",
        epilog="\n".join(["parts:", *(f"  {name:10}{what}" for name, what in PARTS.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bench.add_argument("--only", action="append", default=[], metavar="PART", help="only this part; repeat for more")
    bench.add_argument("--out", type=Path, default=Path(".claims"), help="folder of bench.json (default: .claims)")
    aa = commands.add_parser(
        "aa", help="judge trainings that differ by chance alone; exit code 1 for too many false alarms"
    )
    aa.add_argument("--replicates", type=int, default=400, metavar="N", help="groups of 20 seeds (default: 400)")
    aa.add_argument("--processes", type=int, default=2, metavar="N", help="at most so many (default: 2)")
    aa.add_argument("--fixture", action="store_true", help="write fixtures/trust/aa.json as well")
    agreement = commands.add_parser("agreement", help="compare runs of the claims on different blocks of seeds")
    agreement.add_argument("findings", nargs="+", type=Path, metavar="FINDINGS.json", help="of the first block, first")
    agreement.add_argument("--fixture", action="store_true", help="write fixtures/trust/agreement.json as well")
    preregister = commands.add_parser(
        "preregister",
        help="register what each claim commits itself to (writes fixtures/preregistration.json)",
        description="Register hypotheses, estimands, margins, seeds and budgets of the claims, as their source has them"
        " now, with a hash. Which blocks of seeds have evidence already is looked up and recorded.",
    )
    preregister.add_argument("--claim", action="append", default=[], metavar="ID", help="only this claim; repeat")
    preregister.add_argument("--evidence", metavar="DIR", default=_evidence(), help=f"default: {_evidence()}")
    evidence.add(commands.add_parser("evidence", help="list, explain, check, clean and carry evidence"), _evidence())
    controls = commands.add_parser(
        "controls",
        help="break one ingredient at a time: each claim must stop reproducing; exit code 1 where it does not",
    )
    broken = [name for name in CONTROLS if name != IDLE]
    controls.add_argument("--only", action="append", default=[], choices=broken, metavar="NAME", help="only this one")
    controls.add_argument(
        "--idle", default="", choices=broken, metavar="NAME", help="disable this one's mutation: it must be found out"
    )
    multiverse = commands.add_parser("multiverse", help="judge the claims under every other reading of the paper")
    for command in (controls, multiverse):
        command.add_argument("--fixture", action="store_true", help="leave the record in fixtures/trust")
    chosen = parser.parse_args()
    if chosen.command == "evidence":
        return evidence.main(chosen)
    try:
        if chosen.command == "experts":
            from harness.experts import write_experts

            print(f"{len(write_experts())} files written")
        elif chosen.command == "tune":
            from harness.tuning import tune

            for line in tune():
                print(line, flush=True)
        elif chosen.command == "preregister":
            from harness.preregistration.command import main as register

            return register(chosen.evidence, chosen.claim)
        elif chosen.command == "profile":
            from harness.profiling import main as profile

            for line in profile():
                print(line, flush=True)
        elif chosen.command == "aa":
            from harness.trust.aa import main as run_aa

            return run_aa(chosen.replicates, chosen.fixture, chosen.processes)
        elif chosen.command == "agreement":
            from harness.trust.agreement import main as compare

            return compare(chosen.findings, chosen.fixture)
        elif chosen.command == "controls":
            from harness.trust.controls import main as break_ingredients

            return _tell(break_ingredients(chosen.only, chosen.idle, chosen.fixture))
        elif chosen.command == "multiverse":
            from harness.trust.multiverse import main as read_otherwise

            return _tell(read_otherwise(chosen.fixture))
        else:
            from harness.bench.suite import main as measure

            return measure(chosen.out, chosen.only)
    except (FixtureError, UnknownPartError) as error:
        print(f"error: {error}")
        return 4
    except SessionError as error:
        print(f"error: {error}")
        return 1
    return 0


def _tell(lines: Generator[str, None, int]) -> int:
    """Print the lines as they come; the exit code is what the generator returns."""
    while True:
        try:
            print(next(lines), flush=True)
        except StopIteration as end:
            code: int = end.value
            return code


def _evidence() -> str:
    """The folder of the evidence, by the same key of pyproject.toml as pytest's option, where the user stands."""
    default = ".claims/evidence"
    try:
        settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
        return str(settings.get("evidence", default))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return default


if __name__ == "__main__":
    raise SystemExit(main())
