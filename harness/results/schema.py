"""What a run found, as ONE schema: JSON, reading, checking and the report all follow from these models.

All models are frozen, refuse unknown fields, and raise pydantic's ValidationError, which is a ValueError. JSON has no
NaN and no infinities, so `to_json` writes them as the strings "NaN", "Infinity" and "-Infinity". Times are in seconds,
returns are undiscounted and per episode, and effects are in the unit of their finding.
"""

import json
from collections.abc import Iterable
from math import inf, nan
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from harness.errors import OneLineError
from harness.files import replace_file
from harness.results.model import Model, Opaque, Text, in_a_line
from harness.results.sample import Sample
from harness.statistics.inference import Kind, Refusal

FORMAT: Literal[3] = 3
"""Of findings.json. It rises when a field changes its meaning or goes."""
NAME = "findings.json"
SEVERAL_TASKS = " and "
"""Between the tasks of a finding that is a mean over them."""

Conclusion = Literal["supported", "contradicted", "equivalent", "underpowered", "not run", "error", "smoke"]
JUDGED: tuple[Conclusion, ...] = ("supported", "contradicted", "equivalent", "underpowered")
"""The conclusions that say something about a claim."""
Verdict = Literal["REPRODUCED", "REFUTED", "MIXED", "INCONCLUSIVE", "NOT RUN", "ERROR", "SMOKE"]
Rule = Literal["all", "most"]
"""How many of the systems judged must be supported for a claim to be reproduced, by the paper's quantifier."""
Standing = Literal["regressed", "left", "not comparable", "changed", "recovered", "new", "holds", "as recorded"]

STANDINGS: dict[Standing, str] = {
    "regressed": "no longer supported, or newly contradicted, and drifted further than chance explains",
    "left": "no longer supported, but drifted no further than fresh seeds may",
    "not comparable": "its profile, overrides or commitments differ from the baseline's",
    "changed": "not supported before or now, with another conclusion",
    "recovered": "supported now, and not before",
    "new": "not in the baseline",
    "holds": "supported before and now",
    "as recorded": "not supported before or now, with the same conclusion",
}
"""What each standing means, the worst first."""


Count = Annotated[int, Field(ge=0)]


class Reading(Model):
    """The same effect under another reading of the paper, reported with a finding.

    counts: whether the finding's conclusion must hold under it, too; else it is never counted.
    """

    name: str
    counts: bool = False
    effect: float
    lower: float
    upper: float
    p: float | None = None
    conclusion: Conclusion


class Drift(Model):
    """The comparison of a finding with a baseline.

    standing                             see `STANDINGS`
    says                                 in one sentence
    conclusion, effect, lower, upper, n  the baseline's; None where it does not know the finding
    moved                                the effect less the baseline's; None where no seeds were compared, as for the
                                         three that follow
    p                                    of a drift that chance moves so far beyond the margin
    seen                                 the smallest drift that is seen 9 times in 10 at these seeds, if all of them
                                         shift alike; None where none is
    margin                               drifts up to here are of no interest
    """

    standing: Standing
    says: str
    conclusion: Conclusion | None = None
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: tuple[Count, ...] | None = None
    moved: float | None = None
    p: float | None = None
    seen: float | None = None
    margin: float | None = None


class MoreSeeds(Model):
    """What would decide an underpowered finding.

    seeds         fresh seeds per group
    times         how many times the profile's seeds the finding's runs take
    count         what --claims-seeds is given: seeds / times, rounded up
    block         the next block of seeds that has no evidence of this finding here
    passed_over   blocks in between that were judged, here or for the committed record of agreement
    core_minutes  CPU minutes it costs; None where that is not known
    minutes       on the clock of this machine, with its `cpus`
    fewest        of a refused finding, the seeds per group from which on its test judges
    command       what does it
    """

    seeds: Count
    times: float
    count: Count
    block: Count
    passed_over: tuple[Count, ...] = ()
    core_minutes: float | None = None
    minutes: float | None = None
    cpus: int = 1
    fewest: Count | None = None
    command: Text


class Amount(Model):
    """A quantity of the budget (env_steps, updates, seeds, units, ...): in this run, and in the paper."""

    here: int | float | str
    paper: int | float | str


class Finding(Model):
    """The result of one hypothesis on one system.

    claim         the claim's id
    name          the hypothesis within the claim: its test's name
    nodeid        pytest's id of the item that judged it; unique within a run
    system        the task and the learner that its runs share: "cart-pole ppo"; of a mean over tasks all of these:
                  "cart-pole and acrobot bc"
    hypothesis    in plain words
    kind          how it is decided
    min_effect    the smallest effect of interest ("greater") or the margin, fixed beforehand
    unit          of min_effect, effect, bounds and detectable, in words
    conclusion    see `Conclusion`
    reason        why it was concluded, in one sentence with the numbers
    test          the hypothesis test; empty where none was made
    n             seeds per group: one group where conditions of the same seeds are compared, else two
    effect        the estimate; lower, upper: its one-sided 97.5 % bounds
    p             two-sided; None where no test was made. It decides nothing
    q             Benjamini-Hochberg over the run's findings of kind "greater"; None for others. It decides nothing
    detectable    the smallest true effect that these seeds detect 9 times in 10; None where there is none
    seeds_needed  of an underpowered finding: seeds per group that decide min_effect 9 times in 10; None over 10,000,
                  or if seeds would not do
    refusal       the kind of reason why it was not judged; empty where it was
    refused       that reason in words
    note          what is shown with the conclusion: that seeds were added to judged ones, or that it follows from
                  initialisation
    sample        the numbers per seed behind the effect; None where nothing was judged
    drift         the comparison with the baseline; None without one
    sensitivity   the same effect under other readings
    hangs_on      of an underpowered finding: the readings that count and are decided otherwise than the first one
    more_seeds    of an underpowered finding: what would decide it; None where no number of seeds is known to
    cells         keys of the evidence it rests on
    cpu_seconds   that this evidence took
    scale         system -> quantity of the budget -> here and in the paper
    rerun         the command line that reproduces it
    message       of the exception, for an error
    """

    claim: str
    name: str
    nodeid: str
    system: str
    hypothesis: Text
    kind: Kind
    min_effect: float = Field(ge=0)
    unit: str
    conclusion: Conclusion
    reason: Text = ""
    test: str = ""
    n: tuple[Count, ...] = ()
    effect: float = nan
    lower: float = -inf
    upper: float = inf
    p: float | None = None
    q: float | None = None
    detectable: float | None = None
    seeds_needed: Count | None = None
    refusal: Refusal = ""
    refused: str = ""
    note: Text = ""
    sample: Sample | None = None
    drift: Drift | None = None
    sensitivity: tuple[Reading, ...] = ()
    hangs_on: tuple[str, ...] = ()
    more_seeds: MoreSeeds | None = None
    cells: tuple[str, ...] = ()
    cpu_seconds: float = 0.0
    scale: dict[str, dict[str, Amount]] = Field(default={})
    rerun: Text = ""
    message: Text = ""

    @property
    def judged(self) -> bool:
        """Whether its conclusion says something about the claim."""
        return self.conclusion in JUDGED

    @property
    def standing(self) -> Standing | None:
        """How it stands to the baseline; None without one."""
        return self.drift.standing if self.drift else None


def count_systems(names: Iterable[str]) -> int:
    """How many systems these findings' `system`s name; a mean over tasks is none of its own."""
    return len({name for name in names if SEVERAL_TASKS not in name})


class Preregistered(Model):
    """Whether a claim is as it was registered before its evidence.

    hash        of what is registered, or of the claim as it is now where nothing is; None for a claim from outside
    registered  the day, ISO 8601; None where it is not registered
    changed     the differences from the registration, a sentence each
    otherwise   how this run differs from what is registered, as by another number of seeds; empty if it does not
    note        of a claim that was first registered after evidence of this very block of seeds
    """

    hash: str | None = None
    registered: str | None = None
    changed: tuple[str, ...] = ()
    otherwise: str = ""
    note: str = ""


class ClaimResult(Model):
    """The result of one claim in a run.

    id, says, source, quantifier  the claim's name, what the paper says in our words, its sections and figures, and how
                                  widely it says so
    rule                          how many systems that asks for
    systems                       on how many of the paper's systems it was judged, in words
    controls                      negative controls that must take away findings that it is REPRODUCED by
    verdict, summary              the verdict on its findings; verdict, scale and counts in a sentence or two
    expected                      how many findings it has at this profile; None where only some were collected
    cpu_seconds                   of all its evidence, of which claims share parts: their sum is more than the run's
    charts                        the data that the report draws for it, by `harness.judging.chart_data`
    """

    id: str
    says: Text = ""
    source: Text = ""
    quantifier: str = ""
    rule: Rule = "all"
    systems: str = ""
    controls: tuple[str, ...] = ()
    verdict: Verdict
    summary: Text = ""
    preregistration: Preregistered = Preregistered()
    expected: Count | None = None
    cpu_seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    charts: tuple[Opaque, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether each of its findings at this profile has a conclusion."""
        return self.expected == sum(finding.judged for finding in self.findings)


class LaterClaim(Model):
    """A claim that needs a larger profile, in whole or in part: the smallest one at which it is judged by default."""

    id: str
    says: str
    source: str
    profile: str
    controls: tuple[str, ...] = ()


class Partial(Model):
    """How much of a plan's evidence is computed. share: of its estimated CPU seconds, 0 to 1."""

    cells: Count
    of_cells: Count
    levels: Count
    of_levels: Count
    share: float


class BaselineResult(Model):
    """The comparison of a run with a baseline.

    file                         the baseline's
    gate                         whether the run was judged against it, and not only compared
    created, commit, seed_block  of the baseline's run
    standings                    standing -> number of findings
    unused                       its entries that no claim uses any more, as "claim name"
    says                         all of this in one sentence
    failed                       whether the baseline fails the run
    """

    file: Text
    gate: bool
    created: str
    commit: str | None
    seed_block: int
    standings: dict[Standing, int]
    unused: tuple[str, ...] = ()
    says: Text
    failed: bool


class Machine(Model):
    """Where a run was judged. cpu: the processor's name, or "unknown"; cpus: that a process may use."""

    cpu: str = "unknown"
    cpus: int = 1


class SystemTitle(Model):
    """A system as the report shows it. key: as findings name it, "cart-pole ppo". task, learner: their titles,
    "Cart-Pole" and "PPO"; learner is empty for findings that name a task alone."""

    key: str
    task: str
    learner: str = ""


class RunResult(Model):
    """All that one run of the claims found: findings.json, and what the report draws.

    profile, seed_block, seeds  the scale, the block of seeds, and the profile's seeds of it
    own_seeds                   whether the number of seeds is the profile's own
    changes                     what was changed about the profile, in words: overrides and a control
    control                     the name of the control in effect; empty for none
    command, own_arguments      the command line; the options that a repetition needs beside the scale
    created                     UTC, ISO 8601
    commit                      what git describes the tree as; None without git
    machine, versions           where and with which Python and libraries it was judged
    processes, peak_bytes       how many processes computed and judged; the most memory that one of them held
    wall_seconds, cpu_seconds   of this run; of the evidence of all claims, in this run or before
    damaged                     files of evidence that were damaged and are computed again, a sentence each
    dense_returns               system -> mean scored return of its dense agents
    systems                     in the order in which they are shown
    baseline                    None where the run was compared with none
    partial                     how far a run is that judged what was finished; None where all evidence is there
    lacking                     why the run is not complete; empty where it judged every claim in full
    claims                      in the order in which they were judged
    later                       claims that wait for a larger profile
    """

    format: Literal[3] = FORMAT
    profile: str
    seed_block: Count = 0
    seeds: tuple[Count, ...] = ()
    own_seeds: bool = True
    changes: tuple[str, ...] = ()
    control: str = ""
    command: Text = ""
    own_arguments: Text = ""
    created: str
    commit: Text | None = None
    machine: Machine = Machine()
    versions: dict[str, str] = Field(default={})
    processes: Count = 0
    peak_bytes: Count = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    damaged: tuple[Text, ...] = ()
    dense_returns: dict[str, float] = Field(default={})
    systems: tuple[SystemTitle, ...] = ()
    baseline: BaselineResult | None = None
    partial: Partial | None = None
    lacking: str = ""
    claims: tuple[ClaimResult, ...] = ()
    later: tuple[LaterClaim, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Those of all claims."""
        return [finding for claim in self.claims for finding in claim.findings]

    @property
    def complete(self) -> bool:
        """Whether it judged every claim in full."""
        return not self.lacking


class FindingsError(OneLineError):
    """A file is no findings.json; the message is one line."""


def write(run: RunResult, path: Path) -> None:
    """Write findings.json, whole or not at all; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, run.to_json().encode())


def read(path: Path) -> RunResult:
    """The run in a findings.json. Raises FindingsError."""
    try:
        text = path.read_text("utf-8")
        held = json.loads(text)
        if not isinstance(held, dict) or held.get("format") != FORMAT:
            raise FindingsError(f"{path} is not a {NAME} of format {FORMAT}: write it again with --claims-findings")
        return RunResult.from_json(text)
    except ValidationError as error:
        raise FindingsError(f"{path} is not a {NAME}: {in_a_line(error)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise FindingsError(f"{path} can't be read: {in_a_line(error)}") from None
