"""`python -m harness COMMAND`: what is not a test.

`experts` retrains the experts, `tune` shows how hyperparameters were chosen, `bench` measures speed, `profile` shows
where it goes, `evidence` looks after what was computed. `preregister` writes down what the claims commit themselves to;
`calibrate`, `aa`, `controls`, `agreement`, `multiverse` and `alarms` measure how far verdicts can be trusted.
"""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from harness.controls import CONTROLS
from harness.evidence import commands as evidence
from harness.files import SUITE_ROOT, FixtureError
from harness.registry import UnknownNameError
from harness.results.records import RecordError
from harness.trust.controls import IDLE
from harness.trust.sessions import SessionError

Commands = Any
"""What argparse adds commands to; it has no public name."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one line, and ends with 4: 2 is an interrupted run's, as pytest's is."""

    def error(self, message: str) -> NoReturn:
        """End the process."""
        self.exit(4, f"error: {' '.join(message.split())}; see {self.prog} --help\n")


def main() -> int:
    """Run one command; 0 on success, 4 for a bad fixture or argument (as pytest's usage errors).

    1: `bench` missed a target; `evidence` found damage, or refused a cell; what `calibrate`, `aa`, `controls`,
    `agreement` or `alarms` measured is not as it must be, or pytest came to no findings. 3: the disk does not take what
    is written.
    Raises SystemExit, with 4, where the command line can't be parsed.
    """
    parser = Parser(prog="python -m harness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (_add_plain, _add_bench, _add_preregister, _add_trust):
        add(commands)
    evidence.add(commands.add_parser("evidence", help="list, explain, check, clean and carry evidence"), _evidence())
    chosen = parser.parse_args()
    try:
        code: int = chosen.run(chosen)
        return code
    except (FixtureError, RecordError, UnknownNameError) as error:
        print(f"error: {error}")
        return 4
    except SessionError as error:
        print(f"error: {error}")
        return 1
    except OSError as error:
        print(f"error: {error}")
        return 3


# Each command imports what it needs when it runs: to ask for help loads no more than the engine.


def _add_plain(commands: Commands) -> None:
    def experts(chosen: argparse.Namespace) -> int:
        from harness.profiles.experts import write_experts

        print(f"{len(write_experts(chosen.only))} files written")
        return 0

    def tune(chosen: argparse.Namespace) -> int:
        from harness.profiles.tuning import tune

        for line in tune(chosen.only):
            print(line, flush=True)
        return 0

    def profile(_: argparse.Namespace) -> int:
        from harness.bench.profiling import main as profile

        for line in profile():
            print(line, flush=True)
        return 0

    parsers = {}
    for run, help in (
        (experts, "retrain the experts and measure the reference returns (writes fixtures/)"),
        (tune, "train dense agents of the tuning seeds with the scaled profile's alternatives"),
        (profile, "show where a cell's CPU time goes"),
    ):
        parsers[run] = commands.add_parser(run.__name__, help=help)
        parsers[run].set_defaults(run=run)
    add = parsers[experts].add_argument
    add("--only", action="append", default=[], metavar="TASK", help="of this task alone; repeat for more")
    add = parsers[tune].add_argument
    add("--only", action="append", default=[], metavar="SYSTEM", help='"TASK LEARNER" alone; repeat for more')


def _add_bench(commands: Commands) -> None:
    def run(chosen: argparse.Namespace) -> int:
        from harness.bench.measure import UnknownPartError, main
        from harness.bench.rows import PARTS

        try:
            return main(PARTS, chosen.out, chosen.only)
        except UnknownPartError as error:
            print(f"error: {error}")
            return 4

    bench = commands.add_parser(
        "bench",
        help="compare speed and returns with stable-baselines3; exit code 1 where a target is missed",
    )
    bench.add_argument("--only", action="append", default=[], metavar="PART", help="only this part; repeat for more")
    bench.add_argument("--out", type=Path, default=Path(".claims"), help="folder of bench.json (default: .claims)")
    bench.set_defaults(run=run)


def _add_preregister(commands: Commands) -> None:
    def run(chosen: argparse.Namespace) -> int:
        chosen_claims = [f"--claim={claim}" for claim in chosen.claim]
        options = ["--claims-preregister", f"--claims-history={chosen.history}", *chosen_claims]
        options += [f"--claims-reason={chosen.reason}"] if chosen.reason else []
        quiet = ["-qq", "--no-header", "--no-summary", f"--rootdir={SUITE_ROOT}", str(SUITE_ROOT / "claims")]
        done = subprocess.run([sys.executable, "-m", "pytest", *options, *quiet])
        return 0 if done.returncode == 0 else 4

    preregister = commands.add_parser(
        "preregister",
        help="register what each claim commits itself to (writes fixtures/preregistration.json)",
        description="Register hypotheses, estimands, margins, seeds and budgets of the claims, as their source has them"
        " now. Which blocks of seeds they were judged on before is looked up in the history, and recorded.",
    )
    preregister.add_argument("--claim", action="append", default=[], metavar="ID", help="only this claim; repeat")
    preregister.add_argument("--history", default=".claims/history.sqlite", metavar="FILE", help="default: %(default)s")
    preregister.add_argument("--reason", default="", help="why no difference counts as a change, e.g. a refactoring")
    preregister.set_defaults(run=run)


def _add_trust(commands: Commands) -> None:
    def calibrate(chosen: argparse.Namespace) -> int:
        from harness.trust.calibration import main as calibrated

        return calibrated(chosen.replicates, chosen.fixture)

    def aa(chosen: argparse.Namespace) -> int:
        from harness.trust.aa import main as retrain

        return retrain(chosen.replicates, chosen.fixture, chosen.processes)

    def controls(chosen: argparse.Namespace) -> int:
        from harness.trust.controls import main as break_ingredients

        return break_ingredients(chosen.only, chosen.idle, chosen.fixture)

    def agreement(chosen: argparse.Namespace) -> int:
        from harness.trust.agreement import main as compare

        return compare(chosen.findings, chosen.fixture)

    def alarms(chosen: argparse.Namespace) -> int:
        from harness.trust.alarms import main as hold_against_each_other

        return hold_against_each_other(chosen.findings, chosen.fixture)

    def multiverse(chosen: argparse.Namespace) -> int:
        from harness.trust.multiverse import main as read_otherwise

        return read_otherwise(chosen.fixture)

    parsers = {}
    for run, help in (
        (calibrate, "how often each test is wrong, by simulation; exit code 1 where it is too often"),
        (aa, "judge trainings that differ by chance alone; exit code 1 for too many false alarms"),
        (controls, "break one ingredient at a time: exit code 1 where a claim does not stop reproducing"),
        (agreement, "compare runs of the claims on different blocks of seeds; exit code 1 where they disagree"),
        (alarms, "how often the gate alarms on fresh seeds; exit code 1 where it is too often"),
        (multiverse, "judge the claims under every other reading of the paper"),
    ):
        parsers[run] = commands.add_parser(run.__name__, help=help)
        parsers[run].set_defaults(run=run)
        parsers[run].add_argument("--fixture", action="store_true", help="write the record to fixtures/trust/ as well")
    add = parsers[calibrate].add_argument
    add("--replicates", type=int, default=20_000, metavar="N", help="samples per entry (default: 20000)")
    add = parsers[aa].add_argument
    add("--replicates", type=int, default=400, metavar="N", help="groups of 20 seeds (default: 400)")
    add("--processes", type=int, default=2, metavar="N", help="at most so many (default: 2)")
    add = parsers[controls].add_argument
    broken = [name for name in CONTROLS if name != IDLE]
    add("--only", action="append", default=[], choices=broken, metavar="NAME", help="only this one; repeat for more")
    add("--idle", default="", choices=broken, metavar="NAME", help="disable its mutation: it must be found out")
    parsers[agreement].add_argument(
        "findings", nargs="+", type=Path, metavar="FINDINGS.json", help="of the first block, first"
    )
    parsers[alarms].add_argument("findings", nargs="+", type=Path, metavar="FINDINGS.json", help="one of each block")


def _evidence() -> str:
    """The folder of the evidence, by the same key of pyproject.toml as pytest's option, where the user stands."""
    default = ".claims/evidence"
    try:
        settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
        return str(settings.get("claims_evidence", default))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return default


if __name__ == "__main__":
    raise SystemExit(main())
