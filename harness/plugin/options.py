"""The plugin's options, on the command line and under the same names in pyproject.toml."""

import argparse
import dataclasses
import math
import os
import shlex
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from harness.controls import CONTROLS
from harness.fixtures import FIXTURES
from harness.overrides import Change
from harness.profiles.profile import AA_BLOCK, EXPERT_BLOCK, PROFILES, SEEDS_PER_BLOCK, TUNING_BLOCK, Profile
from harness.profiles.readings import SWITCHES, Switch
from harness.results.findings_file import NAME
from harness.results.standing import MARGIN

NO_REPORT = "none"
BESIDE_REPORT = f"{NAME} beside the report"
PROFILES_OWN = "the profile's"
NO_BASELINE, HOUSES = "none", "house"
NOT_COMPARABLE = ("fail", "skip", "compare")


@dataclass(frozen=True)
class Settings:
    """What is in effect after command line, pyproject.toml and defaults, in this order."""

    profile: Profile
    own_seeds: int
    """The profile's, whatever `--seeds` says."""
    block: int
    evidence: Path
    report: Path | None
    findings: Path | None
    history: Path | None
    """None of a smoke run too."""
    history_named: bool
    """Whether on the command line: a run then starts only if it can be written."""
    strict: bool
    baseline: Path | None
    """The file that findings are held against, or that is to be written; it need not exist."""
    baseline_given: bool
    """Whether somebody named it, so that it must exist."""
    gate: bool
    update_baseline: bool
    not_comparable: str
    drift_margin: float
    plugins: tuple[str, ...]
    """Modules loaded by `-p`: what they register, a repeated run needs too."""
    claims: tuple[str, ...]
    cells: tuple[str, ...]
    plan: bool
    list_claims: bool
    finished: bool
    """Whether to judge what the store holds, and train nothing."""
    preregister: bool
    """Asked for by `python -m harness preregister` alone."""
    arguments: str
    """The options that a command needs to repeat this run."""
    own_arguments: str
    """Those of them that name no scale: plugins, changes and evidence, as far as the command line gave them."""

    @property
    def only_tells(self) -> bool:
        """Whether nothing is to be trained or judged."""
        return self.plan or self.list_claims or self.preregister

    @property
    def judges(self) -> bool:
        """Whether findings are to come out."""
        return not (self.only_tells or self.cells)

    @property
    def outputs(self) -> dict[str, Path]:
        """What a run that judges writes, by the option that names it."""
        named = {"report": self.report, "findings": self.findings}
        return {name: path for name, path in named.items() if path is not None}


def add(parser: pytest.Parser) -> None:
    """Declare the options and their pyproject keys."""
    group = parser.getgroup("claims", "reproducing the paper's claims")
    both = {
        "profile": ("scale of the experiments: " + " | ".join(PROFILES), "NAME", "scaled"),
        "seed-block": ("judge on block N of seeds, fresh for every N", "N", "0"),
        "seeds": ("number of seeds", "N", PROFILES_OWN),
        "evidence": ("folder of the evidence", "DIR", ".claims/evidence"),
        "report": (
            "the HTML report to write, or 'none'; of a smoke run, or a control, in a folder of its own beside it",
            "FILE",
            ".claims/report.html",
        ),
        "findings": ("all that was found, as JSON, or 'none'", "FILE", BESIDE_REPORT),
        "history": (
            "the file that complete runs are added to, or 'none'; of a control, in a folder of its own beside it",
            "FILE",
            ".claims/history.sqlite",
        ),
    }
    for name, (help, metavar, default) in both.items():
        group.addoption(f"--{name}", metavar=metavar, default=None, help=f"{help} (default: {default})")
        parser.addini(name, help, default=default)
    both_baseline = (
        "what findings are held against: a file, where {profile} stands for the profile's name; 'house', the one that"
        " comes with this suite; or 'none'"
    )
    group.addoption("--baseline", metavar="FILE", default=None, help=f"{both_baseline} (default: {_BASELINE})")
    parser.addini("baseline", both_baseline, default=_BASELINE)
    gate = "fail on what regressed from the baseline: left 'supported', and moved further than fresh seeds would"
    group.addoption("--gate", action="store_true", help=gate)
    group.addoption("--update-baseline", action="store_true", help="write the baseline after a complete run")
    not_comparable = (
        "with --gate, what becomes of findings whose profile, preregistration or changes are not the baseline's: fail,"
        " before anything is trained; skip, judge them as without a baseline; compare, all the same"
    )
    group.addoption("--not-comparable", choices=NOT_COMPARABLE, default=None, help=f"{not_comparable} (default: fail)")
    parser.addini("not-comparable", not_comparable, default="fail")
    margin = "drifts up to this share of a finding's smallest effect are of no interest to the gate"
    group.addoption("--drift-margin", metavar="SHARE", default=None, help=f"{margin} (default: {MARGIN})")
    parser.addini("drift-margin", margin, default=str(MARGIN))
    strict = "fail on every finding that is not supported"
    group.addoption("--strict-claims", action="store_true", default=None, help=strict)
    parser.addini("strict-claims", strict, type="bool", default=False)
    changes = "change a field of every experiment that has it, e.g. pruning.criterion=random; repeat for more"
    group.addoption("--set", metavar="PART.FIELD=VALUE", action="append", default=[], help=changes)
    parser.addini("set", changes, type="linelist", default=[])
    group.addoption(
        "--switch",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help=f"read the paper the other way where it leaves that open: {', '.join(map(str, SWITCHES.values()))}",
    )
    group.addoption(
        "--control",
        metavar="NAME",
        default="",
        help="break one ingredient of every experiment; its evidence and report lie in .claims/controls: "
        + ", ".join(CONTROLS),
    )
    group.addoption(
        "--claim",
        metavar="ID",
        action="append",
        default=[],
        help="only this claim, or all; repeat, or use commas; from another project too",
    )
    group.addoption(
        "--cell", metavar="ID", action="append", default=[], help="only compute this cell of the plan; judge nothing"
    )
    group.addoption("--plan", action="store_true", help="show cells, env_steps and estimated cost; train nothing")
    group.addoption("--list-claims", action="store_true", help="show the claims; train nothing")
    group.addoption(
        "--finished",
        action="store_true",
        help="judge what is computed already, beside a run that is going or after one cut short; train nothing",
    )
    group.addoption("--preregister", action="store_true", help=argparse.SUPPRESS)


def read(config: pytest.Config) -> Settings:
    """The settings in effect. Raises pytest.UsageError in one line for what can't be used."""
    name = _value(config, "profile")
    if name not in PROFILES:
        raise pytest.UsageError(f"unknown profile {name!r}: it is one of {', '.join(PROFILES)}")
    text = _value(config, "seed-block")
    if not text.isascii() or not text.isdigit():
        raise pytest.UsageError(f"the seed block must be a whole number from 0 on, not {text!r}")
    if int(text) in (EXPERT_BLOCK, TUNING_BLOCK) or int(text) >= AA_BLOCK:
        raise pytest.UsageError(
            f"no claim is judged on seed block {int(text)}: block {EXPERT_BLOCK} trained the experts,"
            f" block {TUNING_BLOCK} is for tuning, those from {AA_BLOCK} on are for A/A runs"
        )
    evidence, control = _value(config, "evidence"), _control(config)
    apart = [] if PROFILES[name].gives_findings else [name]  # a smoke run leaves the last verdicts alone
    if control:  # what is broken stays apart: real evidence and the last verdicts are left alone
        apart.append("controls")
        if config.getoption("evidence") is None:
            evidence = str(Path(evidence).parent / "controls" / "evidence")
    report = _output(config, "report", apart)
    if _value(config, "findings") == BESIDE_REPORT:
        findings = report.with_name(NAME) if report else None
    else:
        findings = _output(config, "findings", apart)
    if report is not None and report == findings:
        raise pytest.UsageError(f"report and findings are one file, {report}: name another with --findings")
    profile = PROFILES[name]
    count = _value(config, "seeds")
    if count != PROFILES_OWN:
        if not (count.isascii() and count.isdigit() and 0 < int(count) <= SEEDS_PER_BLOCK):
            raise pytest.UsageError(f"the number of seeds must be from 1 to {SEEDS_PER_BLOCK}, not {count!r}")
        profile = dataclasses.replace(profile, seeds=int(count))
    profile = dataclasses.replace(profile, switches=_switches(config), changes=_changes(config), control=control)
    strict = config.getoption("strict_claims")
    baseline = _value(config, "baseline")
    arguments = [f"--profile {name}"]
    arguments += [f"--seed-block {int(text)}"] if int(text) else []
    arguments += [f"--seeds {count}"] if count != PROFILES_OWN else []
    plugins = tuple(name for name in config.option.plugins if not name.startswith("no:"))
    own = [f"-p {name}" for name in plugins]
    own += [f"--switch {switch}" for switch in profile.switches]
    own += [f"--set {shlex.quote(str(change))}" for change in profile.changes]
    own += [f"--control {profile.control}"] if profile.control else []
    own += [f"--evidence={shlex.quote(evidence)}"] if config.getoption("evidence") is not None else []
    return Settings(
        profile=profile,
        own_seeds=PROFILES[name].seeds,
        block=int(text),
        evidence=_path(config, "evidence", evidence),
        report=report,
        findings=findings,
        history=_output(config, "history", apart) if profile.gives_findings else None,
        history_named=config.getoption("history") is not None,
        strict=config.getini("strict-claims") if strict is None else strict,
        baseline=_baseline_file(config, baseline, name),
        baseline_given=config.getoption("baseline") is not None,
        gate=config.getoption("gate"),
        update_baseline=config.getoption("update_baseline"),
        not_comparable=_one_of(config, "not-comparable", NOT_COMPARABLE),
        drift_margin=_share(config, "drift-margin"),
        plugins=plugins,
        claims=_split(config.getoption("claim")),
        cells=_split(config.getoption("cell")),
        plan=config.getoption("plan"),
        list_claims=config.getoption("list_claims"),
        finished=config.getoption("finished"),
        preregister=config.getoption("preregister"),
        arguments=" ".join([*arguments, *own]),
        own_arguments=" ".join(own),
    )


def _baseline_file(config: pytest.Config, value: str, profile: str) -> Path | None:
    if value == NO_BASELINE:
        return None
    if value == HOUSES:
        return FIXTURES / "baselines" / f"{profile}.json"
    return _path(config, "baseline", value.replace("{profile}", profile))


def _one_of(config: pytest.Config, name: str, allowed: tuple[str, ...]) -> str:
    value = _value(config, name)
    if value not in allowed:  # argparse has looked at the command line, and nobody at pyproject.toml
        raise pytest.UsageError(f"{name} is one of {', '.join(allowed)}, not {value!r}")
    return value


def _share(config: pytest.Config, name: str) -> float:
    value = _value(config, name)
    try:
        share = float(value)
    except ValueError:
        share = math.nan
    if not 0 <= share < math.inf:
        raise pytest.UsageError(f"the {name.replace('-', ' ')} is a number from 0 on, not {value!r}")
    return share


def _switches(config: pytest.Config) -> tuple[Switch, ...]:
    """Those of the command line, each once. Raises pytest.UsageError."""
    try:
        return tuple(dict.fromkeys(Switch.parse(text) for text in config.getoption("switch")))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def _control(config: pytest.Config) -> str:
    """The control asked for. Raises pytest.UsageError."""
    name: str = config.getoption("control")
    if name and name not in CONTROLS:
        raise pytest.UsageError(f"unknown control {name!r}: it is one of {', '.join(CONTROLS)}")
    return name


def _changes(config: pytest.Config) -> tuple[Change, ...]:
    """Those of pyproject.toml and of the command line; of one field the last counts. Raises pytest.UsageError."""
    try:
        parsed = [Change.parse(text) for text in (*config.getini("set"), *config.getoption("set"))]
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    return tuple({(change.part, change.field): change for change in parsed}.values())


def restart_tied() -> None:
    """Start pytest anew, before it began, where `--evidence FOLDER` names an existing folder after a space.

    pytest looks for its configuration from the paths on the command line before it knows any plugin's options, and
    takes that folder for a path to tests: an existing one outside the project would hide the project.
    """
    program, args = Path(sys.argv[0]), sys.argv[1:]
    named = [value for option, value in pairwise(args) if option in _PATHS]
    if program.name in ("pytest", "py.test", "__main__.py") and any(Path(value).exists() for value in named):
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *_tied(args)])


def for_workers(config: pytest.Config) -> pytest.Config.InvocationParams:
    """The invocation that workers parse once more, with folders tied to their options for the same reason."""
    args = [str(arg) for arg in config.invocation_params.args]
    return dataclasses.replace(config.invocation_params, args=tuple(_tied(args)))


def _tied(args: list[str]) -> list[str]:
    """`--evidence FOLDER` as `--evidence=FOLDER`."""
    tied: list[str] = []
    for arg in args:
        if tied and tied[-1] in _PATHS:
            tied[-1] += f"={arg}"
        else:
            tied.append(arg)
    return tied


_PATHS = ("--evidence", "--report", "--findings", "--history", "--baseline")
_BASELINE = "fixtures/baselines/{profile}.json"


def _value(config: pytest.Config, name: str) -> str:
    given = config.getoption(name.replace("-", "_"))
    return str(config.getini(name) if given is None else given)


def _output(config: pytest.Config, name: str, apart: list[str]) -> Path | None:
    """The file of this option; unless the command line names it, in these folders where it would be."""
    value = _value(config, name)
    if value == NO_REPORT:
        return None
    if config.getoption(name) is None:
        value = str(Path(value).parent.joinpath(*apart) / Path(value).name)
    return _path(config, name, value)


def _path(config: pytest.Config, name: str, value: str) -> Path:
    """A path given on the command line starts where the user stands, one from pyproject.toml at the root."""
    given = config.getoption(name) is not None
    return (Path(config.invocation_params.dir if given else config.rootpath) / value).resolve()


def _split(values: list[str]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
