"""The plugin's options, on the command line and under `claims_...` in pyproject.toml.

To declare them is cheap. What they may be is known to the profiles, which `read` imports.
"""

import argparse
import dataclasses
import math
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.files import escaped

if TYPE_CHECKING:
    from harness.overrides import Override
    from harness.profiles.profile import Profile

NONE, SUITE_BASELINE = "none", "suite"
BESIDE_REPORT = "findings.json beside the report"
PROFILES_OWN = "the profile's"
NOT_COMPARABLE = ("fail", "skip", "compare")
_DEFAULTS = {
    "profile": "scaled",
    "seed-block": "0",
    "seeds": PROFILES_OWN,
    "evidence": ".claims/evidence",
    "report": ".claims/report.html",
    "findings": BESIDE_REPORT,
    "history": ".claims/history.sqlite",
    "baseline": "fixtures/baselines/{profile}.json",
    "not-comparable": "fail",
    "drift-margin": "0.5",
}
"""The options that have a value, and a key of pyproject.toml."""
ALONE = ("claims_plan", "claims_list", "claims_preregister", "claims_cell")
"""Those with which nothing is judged, so that no workers are needed."""


@dataclass(frozen=True)
class Settings:
    """What is in effect after command line, pyproject.toml and defaults, in this order."""

    profile: "Profile"
    own_seeds: int
    """The profile's own number of seeds, whatever `--claims-seeds` says."""
    block: int
    evidence: Path
    report: Path | None
    findings: Path | None
    history: Path | None
    """None also in a smoke run."""
    history_given: bool
    """Whether the command line names it: then it must be usable, and else nothing but the history is lost."""
    strict: bool
    baseline: Path | None
    """The file that findings are compared with, or that will be written; it need not exist."""
    baseline_given: bool
    """Whether an option names it, so that it must exist."""
    gate: bool
    update_baseline: bool
    not_comparable: str
    drift_margin: float
    claims: tuple[str, ...]
    cells: tuple[str, ...]
    plan: bool
    list_claims: bool
    finished: bool
    """Whether to judge what the store holds, and train nothing."""
    preregister: bool
    """Set by `python -m harness preregister` alone."""
    own_arguments: str
    """The options that a repetition needs beside the scale: plugins, overrides and evidence."""

    def command(self, which: str, block: int | None = None, seeds: int | None = None) -> str:
        """The command that judges `which` findings as this run does, on its own seeds if no others are given."""
        block, seeds = self.block if block is None else block, seeds or self.profile.seeds
        words = [f"--claims-profile {self.profile.name}"]
        words += [f"--claims-seed-block {block}"] if block else []
        words += [f"--claims-seeds {seeds}"] if seeds != self.own_seeds else []
        words += [self.own_arguments] if self.own_arguments else []
        return f"pytest -n auto {' '.join(words)} --claims-report=none {which}"

    @property
    def only_shows(self) -> bool:
        """Whether nothing is to be trained or judged."""
        return self.plan or self.list_claims or self.preregister

    @property
    def judges(self) -> bool:
        """Whether findings are to come out."""
        return not (self.only_shows or self.cells)

    @property
    def outputs(self) -> dict[str, Path]:
        """What a run that judges writes, by the option that names it."""
        named = {"report": self.report, "findings": self.findings}
        return {name: path for name, path in named.items() if path is not None}


def add(parser: pytest.Parser) -> None:
    """Declare the options and their keys of pyproject.toml."""
    group = parser.getgroup("claims", "reproducing the paper's claims")

    def value(name: str, metavar: str, help: str) -> None:
        group.addoption(f"--claims-{name}", metavar=metavar, help=f"{help} (default: {_DEFAULTS[name]})")
        parser.addini(_key(name), help, default=_DEFAULTS[name])

    def flag(name: str, help: str) -> None:
        group.addoption(f"--claims-{name}", action="store_true", help=help)

    def repeated(option: str, metavar: str, help: str) -> None:
        group.addoption(option, metavar=metavar, action="append", default=[], help=help)

    apart = "; a smoke run or a control writes to a subfolder"
    value("profile", "NAME", "scale of the experiments: smoke, reduced, scaled, extended or paper")
    value("seed-block", "N", "judge on the seeds of block N, which no other block shares")
    value("seeds", "N", "number of seeds")
    value("evidence", "DIR", "folder where evidence is stored")
    value("report", "FILE", f"write the HTML report to FILE, or 'none'{apart}")
    value("findings", "FILE", "write all findings to FILE as JSON, or 'none'")
    value("history", "FILE", f"add the run to the history in FILE, or 'none'{apart}")
    value(
        "baseline",
        "FILE",
        "compare findings with this baseline: a file, where {profile} stands for the profile's name; 'suite', the one"
        " that comes with this suite; or 'none'",
    )
    flag(
        "gate",
        "fail if a finding regressed: it is no longer supported, and its effect drifted further than fresh seeds would",
    )
    flag("update-baseline", "write the baseline after a complete run")
    value(
        "not-comparable",
        "WHAT",
        "with --claims-gate, handle findings whose profile, preregistration or overrides differ from the baseline's:"
        " 'fail' before anything is trained, 'skip' the comparison, or 'compare' anyway",
    )
    value("drift-margin", "SHARE", "let the gate ignore drifts up to this share of a finding's smallest effect")
    strict = "fail on every finding that is not supported"
    group.addoption("--claims-strict", action="store_true", default=None, help=strict)
    parser.addini(_key("strict"), strict, type="bool", default=False)
    override = "change a field of every experiment that has it, e.g. pruning.criterion=random; repeat for more"
    repeated("--claims-set", "PART.FIELD=VALUE", override)
    parser.addini(_key("set"), override, type="linelist", default=[])
    control = "break one ingredient of every experiment; evidence and report go to .claims/controls"
    group.addoption("--claims-control", metavar="NAME", default="", help=control)
    repeated(
        "--claim",
        "ID",
        "judge only this claim, or 'all'; repeat or separate by commas; also works from another project",
    )
    repeated("--claims-cell", "ID", "compute only this cell of the plan, and judge nothing")
    flag("plan", "show cells, env_steps and estimated cost, and train nothing")
    flag("list", "show the claims, and train nothing")
    flag("finished", "judge what is already computed, during another run or after an interrupted one; train nothing")
    group.addoption("--claims-preregister", action="store_true", help=argparse.SUPPRESS)
    group.addoption("--claims-reason", default="", help=argparse.SUPPRESS)


def given(config: pytest.Config) -> bool:
    """Whether the command line has an option of this plugin's."""
    return any(value for name, value in vars(config.option).items() if name == "claim" or name.startswith("claims_"))


def usage_error(error: Exception) -> pytest.UsageError:
    """What ends a run with exit code 4 and one line."""
    return pytest.UsageError(" ".join(str(error).split()))


def reason(error: OSError) -> str:
    """Why a file can't be written, in the system's words."""
    return (error.strerror or str(error)).lower()


def read(config: pytest.Config) -> Settings:
    """The settings in effect. Raises pytest.UsageError, in one line, for what can't be used."""
    from harness.controls import CONTROLS, broken_by
    from harness.profiles.profile import AA_BLOCK, EXPERT_BLOCK, PROFILES, SEEDS_PER_BLOCK, TUNING_BLOCK

    name = _one_of("profile", _value(config, "profile"), PROFILES)
    block = int(_number("the seed block", _value(config, "seed-block"), int))
    if block in (EXPERT_BLOCK, TUNING_BLOCK) or block >= AA_BLOCK:
        raise pytest.UsageError(
            f"no claim is judged on seed block {block}: block {EXPERT_BLOCK} trained the experts, block {TUNING_BLOCK}"
            f" is for tuning, and those from {AA_BLOCK} on are for A/A runs"
        )
    profile, count = PROFILES[name], _value(config, "seeds")
    if count != PROFILES_OWN:
        seeds = _number("the number of seeds", count, int, 1, SEEDS_PER_BLOCK)
        profile = dataclasses.replace(profile, seeds=int(seeds))
    profile = dataclasses.replace(profile, overrides=_overrides(config))
    if control := config.getoption("claims_control"):
        profile = broken_by(_one_of("control", control, CONTROLS), profile)
    apart = [] if profile.gives_findings else [name]  # a smoke run leaves the last verdicts alone
    evidence = _value(config, "evidence")
    if control:  # what is broken stays apart: real evidence and the last verdicts are left alone
        apart.append("controls")
        if _given(config, "evidence") is None:
            evidence = str(Path(evidence).parent / "controls" / "evidence")
    report = _output(config, "report", apart)
    if _value(config, "findings") == BESIDE_REPORT:
        findings = report.with_name("findings.json") if report else None
    else:
        findings = _output(config, "findings", apart)
    if report is not None and report == findings:
        raise pytest.UsageError(
            f"report and findings would be the same file, {report}: name another one with --claims-findings"
        )
    plugins = tuple(name for name in config.option.plugins if not name.startswith("no:"))
    own = [f"-p {name}" for name in plugins]
    own += [f"--claims-set {shlex.quote(str(override))}" for override in profile.overrides]
    own += [f"--claims-control {control}"] if control else []
    own += [f"--claims-evidence={shlex.quote(evidence)}"] if _given(config, "evidence") is not None else []
    strict = _given(config, "strict")
    told = " ".join(map(str, (config.rootpath, config.invocation_params.dir, *config.invocation_params.args)))
    if getattr(config.option, "dist", "no") != "no" and escaped(told) != told:
        raise pytest.UsageError(f"pytest-xdist takes only paths in UTF-8, not {escaped(told)}; -n 0 takes any")
    return Settings(
        profile=profile,
        own_seeds=PROFILES[name].seeds,
        block=block,
        evidence=_path(config, "evidence", evidence),
        report=report,
        findings=findings,
        history=_output(config, "history", apart) if profile.gives_findings else None,
        history_given=_given(config, "history") is not None,
        strict=config.getini(_key("strict")) if strict is None else strict,
        baseline=_baseline_file(config, name),
        baseline_given=_given(config, "baseline") is not None,
        gate=_given(config, "gate"),
        update_baseline=_given(config, "update-baseline"),
        not_comparable=_one_of("--claims-not-comparable", _value(config, "not-comparable"), NOT_COMPARABLE),
        drift_margin=_number("--claims-drift-margin", _value(config, "drift-margin"), float),
        claims=_split(config.getoption("claim")),
        cells=_split(_given(config, "cell")),
        plan=_given(config, "plan"),
        list_claims=_given(config, "list"),
        finished=_given(config, "finished"),
        preregister=_given(config, "preregister"),
        own_arguments=" ".join(own),
    )


def _baseline_file(config: pytest.Config, profile: str) -> Path | None:
    from harness.files import FIXTURES

    value = _value(config, "baseline")
    if value == NONE:
        return None
    if value == SUITE_BASELINE:
        return FIXTURES / "baselines" / f"{profile}.json"
    return _path(config, "baseline", value.replace("{profile}", profile))


def _one_of(what: str, value: str, allowed: Iterable[str]) -> str:
    if value not in allowed:
        raise pytest.UsageError(f"unknown {what} {value!r}: choose one of {', '.join(allowed)}")
    return value


def _number(what: str, text: str, kind: type[int] | type[float], least: int = 0, most: float = math.inf) -> float:
    try:
        number: float = kind(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most or number == math.inf:
        whole, up_to = ("whole " if kind is int else ""), (f" and at most {most}" if most < math.inf else "")
        raise pytest.UsageError(f"{what} must be a {whole}number of at least {least}{up_to}, not {text!r}")
    return number


def _overrides(config: pytest.Config) -> "tuple[Override, ...]":
    """The overrides of pyproject.toml, then those of the command line; the last one of a field wins."""
    from harness.overrides import Override

    try:
        parsed = [Override.parse(text) for text in (*config.getini(_key("set")), *_given(config, "set"))]
    except ValueError as error:
        raise usage_error(error) from None
    return tuple({(override.only, override.part, override.field): override for override in parsed}.values())


def _key(name: str) -> str:
    """The option's key in pyproject.toml, which is also its name among pytest's options."""
    return f"claims_{name.replace('-', '_')}"


def _given(config: pytest.Config, name: str) -> Any:
    """The value on the command line."""
    return config.getoption(_key(name))


def _value(config: pytest.Config, name: str) -> str:
    given = _given(config, name)
    return str(config.getini(_key(name)) if given is None else given)


def _output(config: pytest.Config, name: str, apart: list[str]) -> Path | None:
    """The file of this option. Unless the command line names it, it lies in the subfolders `apart`."""
    value = _value(config, name)
    if value == NONE:
        return None
    if _given(config, name) is None:
        value = str(Path(value).parent.joinpath(*apart) / Path(value).name)
    return _path(config, name, value)


def _path(config: pytest.Config, name: str, value: str) -> Path:
    """A path given on the command line starts where the user stands, one from pyproject.toml at the root."""
    start = config.rootpath if _given(config, name) is None else config.invocation_params.dir
    return (Path(start) / value).resolve()


def _split(values: list[str]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
