"""The plugin's options, on the command line and under the same names in pyproject.toml."""

import argparse
import dataclasses
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.controls import CONTROLS
from harness.controls.broken import broken_by
from harness.files import FIXTURES
from harness.overrides import Override
from harness.profiles.profile import AA_BLOCK, EXPERT_BLOCK, PROFILES, SEEDS_PER_BLOCK, TUNING_BLOCK, Profile
from harness.results.baseline import MARGIN
from harness.results.schema import NAME

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
    """The profile's, whatever `--claims-seeds` says."""
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
    """Declare the options and the keys of pyproject.toml."""
    group = parser.getgroup("claims", "reproducing the paper's claims")

    def option(name: str, help: str, metavar: str, default: str, **given: Any) -> None:
        """An option of one value, and its key."""
        group.addoption(f"--claims-{name}", metavar=metavar, default=None, help=f"{help} (default: {default})", **given)
        parser.addini(_key(name), help, default=default)

    def flag(name: str, help: str) -> None:
        group.addoption(f"--claims-{name}", action="store_true", help=help)

    def repeated(name: str, metavar: str, help: str) -> None:
        group.addoption(name, metavar=metavar, action="append", default=[], help=help)

    apart = "; a smoke run or a control has a folder of its own beside it"
    option("profile", "scale of the experiments: " + " | ".join(PROFILES), "NAME", "scaled")
    option("seed-block", "judge on block N of seeds, fresh for every N", "N", "0")
    option("seeds", "number of seeds", "N", PROFILES_OWN)
    option("evidence", "folder of the evidence", "DIR", ".claims/evidence")
    option("report", f"the HTML report to write, or 'none'{apart}", "FILE", ".claims/report.html")
    option("findings", "all that was found, as JSON, or 'none'", "FILE", BESIDE_REPORT)
    option("history", f"the file that complete runs are added to, or 'none'{apart}", "FILE", ".claims/history.sqlite")
    option(
        "baseline",
        "what findings are held against: a file, where {profile} stands for the profile's name; 'house', the one that"
        " comes with this suite; or 'none'",
        "FILE",
        "fixtures/baselines/{profile}.json",
    )
    option(
        "not-comparable",
        "with --claims-gate, what becomes of findings whose profile, preregistration or changes are not the baseline's:"
        " fail, before anything is trained; skip, judge them as without a baseline; compare, all the same",
        "WHAT",
        "fail",
    )
    option(
        "drift-margin",
        "the gate ignores drifts up to this share of a finding's smallest effect of interest",
        "SHARE",
        str(MARGIN),
    )
    flag("gate", "fail on what regressed: findings that left 'supported', and moved further than fresh seeds would")
    flag("update-baseline", "write the baseline after a complete run")
    strict = "fail on every finding that is not supported"
    group.addoption("--claims-strict", action="store_true", default=None, help=strict)
    parser.addini("claims_strict", strict, type="bool", default=False)
    changes = "change a field of every experiment that has it, e.g. pruning.criterion=random; repeat for more"
    repeated("--claims-set", "PART.FIELD=VALUE", changes)
    parser.addini("claims_set", changes, type="linelist", default=[])
    control = "break one ingredient of every experiment; evidence and report lie in .claims/controls: "
    group.addoption("--claims-control", metavar="NAME", default="", help=control + ", ".join(CONTROLS))
    repeated("--claim", "ID", "only this claim, or all; repeat, or use commas; from another project too")
    repeated("--claims-cell", "ID", "only compute this cell of the plan, and judge nothing")
    flag("plan", "show cells, env_steps and estimated cost, and train nothing")
    flag("list", "show the claims, and train nothing")
    flag("finished", "judge what is computed already, beside a run that is going or after one cut short; train nothing")
    group.addoption("--claims-preregister", action="store_true", help=argparse.SUPPRESS)


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
        if config.getoption("claims_evidence") is None:
            evidence = str(Path(evidence).parent / "controls" / "evidence")
    report = _output(config, "report", apart)
    if _value(config, "findings") == BESIDE_REPORT:
        findings = report.with_name(NAME) if report else None
    else:
        findings = _output(config, "findings", apart)
    if report is not None and report == findings:
        raise pytest.UsageError(f"report and findings are one file, {report}: name another with --claims-findings")
    profile = PROFILES[name]
    count = _value(config, "seeds")
    if count != PROFILES_OWN:
        if not (count.isascii() and count.isdigit() and 0 < int(count) <= SEEDS_PER_BLOCK):
            raise pytest.UsageError(f"the number of seeds must be from 1 to {SEEDS_PER_BLOCK}, not {count!r}")
        profile = dataclasses.replace(profile, seeds=int(count))
    profile = dataclasses.replace(profile, overrides=_overrides(config))
    profile = broken_by(control, profile) if control else profile
    strict = config.getoption("claims_strict")
    baseline = _value(config, "baseline")
    arguments = [f"--claims-profile {name}"]
    arguments += [f"--claims-seed-block {int(text)}"] if int(text) else []
    arguments += [f"--claims-seeds {count}"] if count != PROFILES_OWN else []
    plugins = tuple(name for name in config.option.plugins if not name.startswith("no:"))
    own = [f"-p {name}" for name in plugins]
    own += [f"--claims-set {shlex.quote(str(change))}" for change in profile.overrides]
    own += [f"--claims-control {profile.control}"] if profile.control else []
    own += [f"--claims-evidence={shlex.quote(evidence)}"] if config.getoption("claims_evidence") is not None else []
    return Settings(
        profile=profile,
        own_seeds=PROFILES[name].seeds,
        block=int(text),
        evidence=_path(config, "evidence", evidence),
        report=report,
        findings=findings,
        history=_output(config, "history", apart) if profile.gives_findings else None,
        history_named=config.getoption("claims_history") is not None,
        strict=config.getini("claims_strict") if strict is None else strict,
        baseline=_baseline_file(config, baseline, name),
        baseline_given=config.getoption("claims_baseline") is not None,
        gate=config.getoption("claims_gate"),
        update_baseline=config.getoption("claims_update_baseline"),
        not_comparable=_one_of(config, "not-comparable", NOT_COMPARABLE),
        drift_margin=_share(config, "drift-margin"),
        plugins=plugins,
        claims=_split(config.getoption("claim")),
        cells=_split(config.getoption("claims_cell")),
        plan=config.getoption("claims_plan"),
        list_claims=config.getoption("claims_list"),
        finished=config.getoption("claims_finished"),
        preregister=config.getoption("claims_preregister"),
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


def _control(config: pytest.Config) -> str:
    """The control asked for. Raises pytest.UsageError."""
    name: str = config.getoption("claims_control")
    if name and name not in CONTROLS:
        raise pytest.UsageError(f"unknown control {name!r}: it is one of {', '.join(CONTROLS)}")
    return name


def _overrides(config: pytest.Config) -> tuple[Override, ...]:
    """Those of pyproject.toml and of the command line; of one field the last counts. Raises pytest.UsageError."""
    try:
        parsed = [Override.parse(text) for text in (*config.getini("claims_set"), *config.getoption("claims_set"))]
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    return tuple({(o.task, o.part, o.field): o for o in parsed}.values())


def _key(name: str) -> str:
    """Of an option: its key in pyproject.toml, and its name among pytest's options."""
    return f"claims_{name.replace('-', '_')}"


def _value(config: pytest.Config, name: str) -> str:
    given = config.getoption(_key(name))
    return str(config.getini(_key(name)) if given is None else given)


def _output(config: pytest.Config, name: str, apart: list[str]) -> Path | None:
    """The file of this option; unless the command line names it, in these folders where it would be."""
    value = _value(config, name)
    if value == NO_REPORT:
        return None
    if config.getoption(_key(name)) is None:
        value = str(Path(value).parent.joinpath(*apart) / Path(value).name)
    return _path(config, name, value)


def _path(config: pytest.Config, name: str, value: str) -> Path:
    """A path given on the command line starts where the user stands, one from pyproject.toml at the root."""
    given = config.getoption(_key(name)) is not None
    return (Path(config.invocation_params.dir if given else config.rootpath) / value).resolve()


def _split(values: list[str]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
