"""`python -m harness COMMAND`: what is not a test. `experts` retrains the experts, `tune` shows how
hyperparameters were chosen, `bench` measures speed, `profile` shows where it goes, `aa` and `agreement` measure how
far verdicts can be trusted, `evidence` looks after what was computed."""

import argparse
import tomllib
from pathlib import Path
from typing import NoReturn

from harness.bench import PARTS, UnknownPartError
from harness.evidence import commands as evidence
from harness.fixtures import FixtureError


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, and ends with 4: 2 is an interrupted run's, as pytest's is."""

    def error(self, message: str) -> NoReturn:
        """End the process."""
        self.exit(4, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def main() -> int:
    """Run one command; 0 on success, 4 for a bad fixture or argument (as pytest's usage errors).

    1: `bench` missed a target; `evidence` found damage, or refused a cell; `aa` counted too many false alarms; blocks
    of seeds are not in `agreement`. 3: the disk does not take what `evidence`
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
    evidence.add(commands.add_parser("evidence", help="list, explain, check, clean and carry evidence"), _evidence())
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
        else:
            from harness.bench.suite import main as measure

            return measure(chosen.out, chosen.only)
    except (FixtureError, UnknownPartError) as error:
        print(f"error: {error}")
        return 4
    return 0


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
