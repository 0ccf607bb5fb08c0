"""A baseline: the findings of a complete run, kept so that later runs can be compared with it.

It is written to fixtures/baselines/<profile>.json by --claims-update-baseline alone. Two runs over the same evidence
write the same bytes but for `created`. Beside each finding it keeps what the finding had committed itself to, so that
each finding is compared, or is not comparable, for its own reasons.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from harness.errors import OneLineError
from harness.files import replace_file
from harness.results.drift import ALPHA, Shift, shift
from harness.results.model import Model, dump, in_a_line
from harness.results.preregistration import Commitments
from harness.results.sample import Sample
from harness.results.schema import Count, Drift, Finding, Machine, RunResult, Standing, Verdict
from harness.statistics.inference import Kind

FORMAT: Literal[3] = 3
MARGIN = 0.5
"""The default drift margin, as a share of a finding's own smallest effect or margin."""


class BaselineError(OneLineError):
    """A baseline can't be used; the message is one line."""


class Entry(Model):
    """One finding as it was, with the fields of `Finding`. cells name the engine that computed its evidence."""

    system: str
    kind: Kind
    min_effect: float = Field(ge=0)
    unit: str
    conclusion: Literal["supported", "contradicted", "equivalent", "underpowered"]
    test: str
    n: tuple[Count, ...]
    effect: float
    lower: float
    upper: float
    p: float | None
    sample: Sample | None
    cells: tuple[str, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sample is not None and not abs(self.sample.effect - self.effect) <= 1e-9 * max(1.0, abs(self.effect)):
            raise ValueError(f"the effect {self.effect:g} is not that of its seeds, {self.sample.effect:g}")
        return self

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The entry of a finding. Raises ValueError for one that was not judged."""
        return cls(**{name: getattr(finding, name) for name in cls.model_fields})


class ClaimEntry(Model):
    """A claim as it was, its findings by name."""

    verdict: Verdict
    findings: dict[str, Entry]


class Baseline(Model):
    """What a run found. The fields are those of `RunResult`.

    commitments: what its findings committed themselves to; those of claims from outside this suite are not in it.
    """

    format: Literal[3] = FORMAT
    created: str
    commit: str | None = None
    machine: Machine = Machine()
    versions: dict[str, str] = Field(default_factory=dict)
    profile: str
    changes: tuple[str, ...] = ()
    seed_block: Count
    seeds: tuple[Count, ...]
    claims: dict[str, ClaimEntry]
    commitments: Commitments | None = None

    def entry(self, claim: str, name: str) -> Entry | None:
        """The finding of that name, if there is one."""
        held = self.claims.get(claim)
        return held.findings.get(name) if held else None

    def unused(self, names: Mapping[str, Iterable[str]]) -> list[str]:
        """The entries that are not among these findings (claim -> names), as "claim name"."""
        return [
            f"{claim} {name}"
            for claim, held in self.claims.items()
            for name in held.findings
            if name not in names.get(claim, ())
        ]

    @property
    def alpha(self) -> float:
        """Of one comparison, so that a run in which nothing has changed regresses in at most `ALPHA` (Bonferroni).

        Every finding counts, because each can regress: it leaves "supported", or comes to be contradicted.
        """
        return ALPHA / max(1, sum(len(claim.findings) for claim in self.claims.values()))


def of_run(run: RunResult, commitments: Commitments | None = None) -> Baseline:
    """The baseline of a run. Raises ValueError where a finding was not judged."""
    return Baseline(
        **{name: getattr(run, name) for name in _SHARED},
        claims={
            claim.id: ClaimEntry(
                verdict=claim.verdict,
                findings={f.name: Entry.of(f) for f in sorted(claim.findings, key=lambda finding: finding.name)},
            )
            for claim in sorted(run.claims, key=lambda claim: claim.id)
        },
        commitments=commitments,
    )


def write(baseline: Baseline, path: Path) -> None:
    """Replace the file, whole or not at all; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, (dump(json.loads(baseline.to_json())) + "\n").encode())


def read(path: Path) -> Baseline:
    """The baseline in a file. Raises BaselineError, in one line, for one that is missing or is anything else."""
    try:
        text = path.read_text("utf-8")
        held = json.loads(text)
        if isinstance(held, dict) and held.get("format") != FORMAT:
            raise ValueError(f"it has format {held.get('format')!r}, but this version reads format {FORMAT}")
        return Baseline.from_json(text)
    except (OSError, ValueError, RecursionError) as error:
        said = in_a_line(error)
    raise BaselineError(
        f"the baseline {path} can't be used: {said}; restore it, or remove it and write it again with"
        " --claims-update-baseline"
    )


def against(finding: Finding, baseline: Baseline, unlike: str = "", share: float = MARGIN) -> Drift | None:
    """Compare a finding with the baseline; returns None for one that was not judged.

    unlike: why the two can't be compared; empty where they can. share: of the finding's smallest effect; drifts up to
    there are of no interest.
    """
    if not finding.judged:
        return None
    entry = baseline.entry(finding.claim, finding.name)
    if entry is None:
        return Drift(standing="new", says=f"new: the baseline of {baseline.profile} does not have this finding")
    unlike = unlike or _other_question(finding, entry)
    if unlike:
        return _drift(entry, "not comparable", f"not comparable with the baseline: {unlike}")
    drifted = moved(finding, entry, baseline.alpha, share)
    was, now = entry.conclusion == "supported", finding.conclusion == "supported"
    standing: Standing
    if was and not now:
        standing = "not comparable" if drifted is None else "regressed" if drifted.differs else "left"
    elif was or now:
        standing = "holds" if was else "recovered"
    elif finding.conclusion == "contradicted" != entry.conclusion and drifted is not None and drifted.differs:
        standing = "regressed"
    else:
        standing = "as recorded" if finding.conclusion == entry.conclusion else "changed"
    return _drift(entry, standing, _sentence(finding, entry, drifted), drifted)


_SHARED = ("created", "commit", "machine", "versions", "profile", "changes", "seed_block", "seeds")


def _other_question(finding: Finding, entry: Entry) -> str:
    """Why the two answer two questions: claims from outside this suite have no commitments that say so."""
    for name in ("kind", "min_effect", "unit"):
        before, now = getattr(entry, name), getattr(finding, name)
        if before != now:
            return f"{name} {before} -> {now}"
    if finding.sample and entry.sample and finding.sample.statistic != entry.sample.statistic:
        return f"the statistic of its effect {entry.sample.statistic} -> {finding.sample.statistic}"
    return ""


def moved(new: Finding, old: Finding | Entry, alpha: float, share: float = MARGIN) -> Shift | None:
    """Test by the seeds whether an effect moved; None where there are no seeds of one statistic."""
    if new.sample is None or old.sample is None:
        return None
    try:
        return shift(new.sample, old.sample, alpha, share * new.min_effect)
    except ValueError:
        return None


def _drift(entry: Entry, standing: Standing, says: str, drifted: Shift | None = None) -> Drift:
    numbers = {} if drifted is None else {name: getattr(drifted, name) for name in ("moved", "p", "seen", "margin")}
    known = {name: getattr(entry, name) for name in ("conclusion", "effect", "lower", "upper", "n")}
    return Drift(standing=standing, says=says, **known, **numbers)


def _sentence(finding: Finding, entry: Entry, drifted: Shift | None) -> str:
    said = f"{entry.conclusion} ({entry.effect:+.3g}) in the baseline, {finding.conclusion} ({finding.effect:+.3g}) now"
    if drifted is None:
        return f"{said}; no seeds are stored that could be compared"
    p = "< 0.001" if drifted.p < 0.001 else f"{drifted.p:.3f}"
    seen = "no drift can be detected"
    if drifted.seen is not None:
        seen = f"a drift of {drifted.seen:.2g} is detected 9 times in 10"
    return f"{said}: drift {drifted.moved:+.3g}, p {p}; with these seeds {seen}"
