"""The gate of a session: compare its findings with a baseline, decide what fails, and write a new baseline."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from harness.files import FIXTURES
from harness.plugin.options import Settings, usage_error
from harness.plugin.preregistered import OwnClaims
from harness.results import baseline as baselines
from harness.results.baseline import Baseline, BaselineError, against
from harness.results.drift import ALPHA
from harness.results.exit_codes import BASELINE, FAILED, NO_RESULT, OK
from harness.results.preregistration import Commitments, finding_differs
from harness.results.schema import STANDINGS, BaselineResult, Finding, RunResult


@dataclass
class Gate:
    """A baseline, and how a session compares its findings with it.

    unused: its entries that no claim uses any more, as "claim name".
    """

    file: Path
    baseline: Baseline
    settings: Settings
    claims: OwnClaims
    unused: Sequence[str] = ()

    def hold(self, finding: Finding) -> Finding:
        """The finding together with its comparison with the baseline."""
        unlike = self.unlike(finding.claim, finding.name)
        return finding.replace(drift=against(finding, self.baseline, unlike, self.settings.drift_margin))

    def unlike(self, claim: str, name: str) -> str:
        """Why a finding can't be compared with the baseline; empty where it can, or must be compared anyway."""
        settings = self.settings
        if settings.not_comparable == "compare":
            return ""
        if self.baseline.profile != settings.profile.name:
            return f"the baseline is of profile {self.baseline.profile}, this run of {settings.profile.name}"
        if sorted(self.baseline.changes) != sorted(settings.profile.altered):
            there, here = (", ".join(each) or "none" for each in (self.baseline.changes, settings.profile.altered))
            return f"the overrides are {there} in the baseline and {here} in this run"
        if self.baseline.commitments is None:
            return ""
        return "; ".join(finding_differs(self.baseline.commitments, self._now, claim, name, self.baseline.profile))

    @cached_property
    def _now(self) -> Commitments:
        """The present commitments of the baseline's findings, where they were collected."""
        names = {claim: held.findings for claim, held in self.baseline.claims.items()}
        return self.claims.commitments(names, self.settings)


def open_gate(settings: Settings, claims: OwnClaims, collected: Mapping[str, set[str]], whole: bool) -> Gate | None:
    """The gate of a session; None where there is no baseline to compare with.

    collected: claim -> names of all its findings, before any was deselected; whole: whether every claim was collected.
    Raises pytest.UsageError for a baseline that can't be read, or that --claims-gate needs and is not there.
    """
    file, wanted = settings.baseline, settings.gate or settings.update_baseline
    if settings.gate and settings.update_baseline:
        raise pytest.UsageError(
            "--claims-gate compares with the baseline, and --claims-update-baseline replaces it: give one of them"
        )
    if wanted and not settings.profile.gives_findings:
        raise pytest.UsageError(f"profile {settings.profile.name} judges nothing, so it has no baseline")
    if wanted and file is None:
        raise pytest.UsageError("--claims-baseline none leaves no baseline to compare with or to write")
    if file is None or not settings.profile.gives_findings:
        return None
    if not file.exists() and not file.is_symlink():
        if settings.gate or (settings.baseline_given and not settings.update_baseline):
            raise pytest.UsageError(
                f"there is no baseline {file}: write it with --claims-update-baseline, or name another"
            )
        return None
    try:
        held = baselines.read(file)
    except BaselineError as error:
        raise usage_error(error) from None
    unused = [
        entry
        for entry in held.unused(collected)
        if whole or (entry.partition(" ")[0] in collected and not claims.partial)
    ]
    return Gate(file, held, settings, claims, unused)


def refuse_altered(settings: Settings) -> None:
    """Raise pytest.UsageError where a baseline would not be of the profile that it is named after."""
    profile = settings.profile
    if profile.control:
        raise pytest.UsageError("no baseline can be written under a control, which breaks an ingredient")
    if profile.seeds != settings.own_seeds:
        raise pytest.UsageError("a baseline needs the profile's own number of seeds: leave out --claims-seeds")
    if profile.altered and settings.baseline and settings.baseline.is_relative_to(FIXTURES):
        raise pytest.UsageError(
            f"{settings.baseline} is for the unchanged profile, not for {', '.join(profile.altered)}: name another file"
            " with --claims-baseline"
        )


def refuse_incomparable(gate: Gate | None, findings: Mapping[str, Collection[str]]) -> None:
    """End a gated session here, with `BASELINE`, where what it would judge can't be compared and that is to fail.

    findings: claim -> names of those that it would judge.
    """
    if gate is None or not gate.settings.gate or gate.settings.not_comparable != "fail":
        return
    for claim, names in findings.items():
        unlike: dict[str, list[str]] = {}
        for name in names:
            if why := gate.unlike(claim, name):
                unlike.setdefault(why, []).append(name)
        if unlike:
            count = sum(map(len, unlike.values()))
            said = "; ".join(f"{why} ({', '.join(those)})" for why, those in unlike.items())
            pytest.exit(
                f"claim {claim} is not comparable with {gate.file} in {count} of {len(names)} findings: {said};"
                " --claims-not-comparable chooses what happens then",
                returncode=BASELINE,
            )


def fails(finding: Finding, settings: Settings) -> bool:
    """Whether a finding that was judged fails its test."""
    incomparable = settings.gate and settings.not_comparable == "fail" and finding.standing == "not comparable"
    return incomparable or _fails_by_itself(finding, settings)


def exit_code(findings: Sequence[Finding], others: bool, settings: Settings, baseline: BaselineResult | None) -> int:
    """The exit code of a run. Of several reasons to fail, the first counts: an error, a finding that fails, one that
    is missing, the baseline.

    others: whether anything failed that is no finding.
    """
    if any(finding.conclusion == "error" for finding in findings):
        return NO_RESULT  # first: who takes a contradiction for granted must not take this for one
    if others or any(finding.judged and _fails_by_itself(finding, settings) for finding in findings):
        return FAILED
    if any(finding.conclusion == "not run" for finding in findings):
        return NO_RESULT
    return BASELINE if baseline is not None and baseline.failed else OK


def _fails_by_itself(finding: Finding, settings: Settings) -> bool:
    if settings.strict and finding.conclusion not in ("supported", "smoke"):
        return True
    if settings.update_baseline:
        return False  # it is recorded
    contradicted = finding.conclusion == "contradicted"
    if not settings.gate:
        return contradicted and not is_expected(finding)
    return finding.standing == "regressed" or (contradicted and finding.standing in (None, "new", "not comparable"))


def is_expected(finding: Finding) -> bool:
    """Whether the finding is contradicted, as the baseline records it."""
    return finding.standing == "as recorded" and finding.conclusion == "contradicted"


def result_of(gate: Gate | None, findings: Sequence[Finding], provenance: Mapping[str, Any]) -> BaselineResult | None:
    """The comparison of a run with the baseline; None without one. provenance: of this run."""
    if gate is None:
        return None
    settings, held = gate.settings, gate.baseline
    found = Counter(finding.standing for finding in findings)
    standings = {standing: found[standing] for standing in STANDINGS if found[standing]}
    unused = () if settings.update_baseline else tuple(gate.unused)
    other = "".join(f", {change}" for change in _elsewhere(held, provenance))
    said = ", ".join(f"{count} {standing}" for standing, count in standings.items()) or "nothing was judged"
    return BaselineResult(
        file=str(gate.file),
        gate=settings.gate,
        created=held.created,
        commit=held.commit,
        seed_block=held.seed_block,
        standings=standings,
        unused=unused,
        says=f"compared with {gate.file.name} of {held.created[:10]}, seed block {held.seed_block}{other}: {said}",
        failed=bool(unused) or (settings.gate and any(fails(finding, settings) for finding in findings)),
    )


def lines(run: RunResult) -> Iterator[str]:
    """The terminal's lines about the baseline."""
    if run.baseline is None:
        return
    yield f"baseline: {run.baseline.says}"
    for standing in ("regressed", "left", "not comparable", "changed", "recovered", "new"):
        for finding in run.findings:
            if finding.drift and finding.standing == standing:
                yield f"  {standing:14} {finding.claim} {finding.name}: {finding.drift.says}"
    for entry in run.baseline.unused:
        yield f"  {'unused':14} {entry}: no claim uses this entry any more; a new baseline is without it"
    if run.baseline.gate:
        yield from _sharpness(run.findings)


def _sharpness(findings: Sequence[Finding]) -> Iterator[str]:
    """The smallest drift that is detected, for each finding that the baseline has as supported."""
    watched = [(finding, finding.drift) for finding in findings if finding.drift]
    watched = [(finding, drift) for finding, drift in watched if drift.conclusion == "supported"]
    if not watched:
        yield "  none of the judged findings is supported in the baseline, so none can regress"
        return
    yield (
        "  the smallest drift that the gate detects 9 times in 10 if all seeds shift alike (if nothing has changed, at"
        f" most {ALPHA:.0%} of runs regress):"
    )
    for finding, drift in watched:
        name = f"{finding.claim} {finding.name}"
        if drift.seen is None:
            yield f"    none    {name}: there are too few seeds, or they do not differ"
            continue
        vanishes = finding.kind == "greater" and drift.effect is not None and drift.seen > drift.effect
        unseen = " (the effect could vanish undetected)" if vanishes else ""
        yield f"    {drift.seen:<7.2g} {finding.unit}, of {drift.effect:+.3g}{unseen}: {name}"


def update(run: RunResult, held: Gate | None, claims: OwnClaims, settings: Settings) -> str:
    """Write the baseline of a complete run, in place of the one that is held; returns what came of it.

    Raises OSError where the disk does not take it.
    """
    file = settings.baseline
    assert file is not None
    names = {claim.id: {finding.name for finding in claim.findings} for claim in run.claims}
    baselines.write(baselines.of_run(run, claims.commitments(names, settings)), file)
    if held is None:
        return f"written for the first time: {file}; review it, commit it, and run again"
    before = [held.baseline.entry(finding.claim, finding.name) for finding in run.findings]
    pairs = zip(before, run.findings, strict=True)
    changed = sum(entry is None or entry.conclusion != finding.conclusion for entry, finding in pairs)
    dropped = len(held.baseline.unused(names))
    return f"written: {file}; {changed} of {len(before)} conclusions changed, {dropped} entries dropped"


def _elsewhere(baseline: Baseline, now: Mapping[str, Any]) -> Iterator[str]:
    """The differences of machine and versions, which are reported and do not prevent a comparison."""
    for before, here in ((baseline.machine.plain(), now["machine"]), (baseline.versions, now["versions"])):
        for key, value in before.items():
            if here.get(key) != value:
                yield f"{key} {value} then and {here.get(key, 'none')} now"
