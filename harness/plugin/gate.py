"""The gate of a session: its findings held against a baseline, what fails by that, and writing a baseline anew."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from harness.files import FIXTURES
from harness.plugin.options import Settings
from harness.plugin.preregistered import Claims
from harness.results import baseline as baselines
from harness.results.baseline import Baseline, BaselineError, against
from harness.results.drift import ALPHA
from harness.results.preregistration.commitments import Commitments, commitment_in
from harness.results.preregistration.document import document_hash
from harness.results.preregistration.register import differences_of_finding
from harness.results.schema import STANDINGS, Finding, RunResult

NO_RESULT, BASELINE = 6, 7
"""Exit codes beside pytest's own: a finding has no result (an error, or it is missing); the baseline can't be compared,
has entries that no claim uses, or was written for the first time."""


@dataclass
class Gate:
    """A baseline in effect, and how a session takes it.

    unused: its entries that no claim uses any more, as "claim name".
    """

    file: Path
    baseline: Baseline
    settings: Settings
    claims: Claims
    unused: Sequence[str] = ()

    def hold(self, finding: Finding) -> Finding:
        """The finding with what the baseline says of it."""
        held = against(finding, self.baseline, self.unlike(finding.claim, finding.name), self.settings.drift_margin)
        return finding.replace(drift=held) if held else finding

    def unlike(self, claim: str, name: str) -> str:
        """Why a finding can't be compared with the baseline; empty where it can, or is to be all the same.

        It is for what the finding commits itself to. A baseline of format 1 says no more than a hash of each claim.
        """
        if self.settings.not_comparable == "compare":
            return ""
        return self._other_run or self._other_finding(claim, name)

    @property
    def _other_run(self) -> str:
        profile, changes = self.settings.profile, self.settings.profile.altered
        if self.baseline.profile != profile.name:
            return f"profile {self.baseline.profile} there and {profile.name} here"
        if sorted(self.baseline.changes) != sorted(changes):
            before, now = (", ".join(each) or "nothing" for each in (self.baseline.changes, changes))
            return f"changed by {before} there and by {now} here"
        return ""

    def _other_finding(self, claim: str, name: str) -> str:
        if self.baseline.commitments is None:
            return self._other_claim(claim)
        before, now = (commitment_in(kept, claim, name) for kept in (self.baseline.commitments, self._now))
        if before is None or now is None:
            return ""  # it is new, or its claim is from outside the house
        return _in_a_line("; ".join(differences_of_finding(before, now, self.baseline.profile)))

    @cached_property
    def _now(self) -> Commitments:
        """What the baseline's findings commit themselves to now, as far as they were collected."""
        names = {claim: held.findings for claim, held in self.baseline.claims.items()}
        return self.claims.commitments(names, self.settings)

    def _other_claim(self, claim: str) -> str:
        held = self.baseline.claims.get(claim)
        if held is None or claim not in self.claims or self.claims.partial:
            return ""  # what of the claim differs can't be told from some of its findings
        now = document_hash(self.claims.document(claim))
        return f"preregistration {_short(held.preregistration)} -> {now[:12]}" if held.preregistration != now else ""


def open_gate(settings: Settings, claims: Claims, collected: Mapping[str, set[str]], whole: bool) -> Gate | None:
    """The gate of a session, None where there is no baseline to hold anything against.

    collected: claim -> names of all its findings, before any was deselected; whole: whether every claim was collected.
    Raises pytest.UsageError, in one line, for a baseline that can't be read, or that --claims-gate needs and is not there.
    """
    file = settings.baseline
    if settings.gate and settings.update_baseline:
        raise pytest.UsageError(
            "--claims-gate holds findings against a baseline, --claims-update-baseline replaces it: give one of them"
        )
    if not settings.profile.gives_findings:
        if settings.gate or settings.update_baseline:
            raise pytest.UsageError(f"profile {settings.profile.name} judges nothing: it has no baseline")
        return None
    if file is None:
        if settings.gate or settings.update_baseline:
            raise pytest.UsageError("--claims-baseline none leaves nothing to hold findings against, or to write")
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
        raise pytest.UsageError(str(error)) from None
    unused = [
        entry
        for entry in held.unused(collected)
        if whole or (entry.partition(" ")[0] in collected and not claims.partial)
    ]
    return Gate(file, held, settings, claims, unused)


def refuse_altered(settings: Settings) -> None:
    """Raise pytest.UsageError where a baseline would be of something else than the profile that it is named after."""
    if settings.profile.control:
        raise pytest.UsageError("a control breaks an ingredient: no baseline is made of it")
    if settings.profile.seeds != settings.own_seeds:
        raise pytest.UsageError("a baseline takes the profile's own seeds: leave out --claims-seeds")
    altered = ", ".join(settings.profile.altered)
    if altered and settings.baseline and settings.baseline.is_relative_to(FIXTURES):
        raise pytest.UsageError(
            f"{settings.baseline} is of the profile as it is, and not of {altered}: name another with --claims-baseline"
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
            unlike.setdefault(gate.unlike(claim, name), []).append(name)
        if unlike.keys() == {""}:
            continue
        part, why = "", "; ".join(unlike)
        if len(unlike) > 1:
            part = f" in {len(names) - len(unlike.pop('', ()))} of {len(names)} findings"
            why = "; ".join(f"{said} ({', '.join(those)})" for said, those in unlike.items())
        pytest.exit(
            f"claim {claim} is not comparable with {gate.file}{part}: {why}; --claims-not-comparable says what then happens",
            returncode=BASELINE,
        )


def fails(finding: Finding, settings: Settings) -> bool:
    """Whether a finding that was judged fails its test."""
    return _fails_by_itself(finding, settings) or _fails_incomparable(finding, settings)


def exit_code(findings: Sequence[Finding], others: bool, settings: Settings, baseline: Mapping[str, Any] | None) -> int:
    """pytest's exit codes, and `NO_RESULT` and `BASELINE`; of several reasons to fail, the first: an error (6), a
    finding that fails (1), one that is missing (6), the baseline (7).

    others: whether anything failed that is no finding. baseline: as `summary_of` has it.
    """
    judged = [finding for finding in findings if finding.conclusion not in ("error", "not run")]
    if any(finding.conclusion == "error" for finding in findings):
        return NO_RESULT  # first: who takes a contradiction for granted must not take this for one
    if others or any(_fails_by_itself(finding, settings) for finding in judged):
        return int(pytest.ExitCode.TESTS_FAILED)
    if len(judged) < len(findings):
        return NO_RESULT
    return BASELINE if baseline is not None and baseline["failed"] else int(pytest.ExitCode.OK)


def _fails_by_itself(finding: Finding, settings: Settings) -> bool:
    standing = finding.standing or "new"
    if settings.strict and finding.conclusion not in ("supported", "smoke"):
        return True
    if settings.update_baseline:
        return False  # it is recorded
    contradicted = finding.conclusion == "contradicted"
    if not settings.gate:
        return contradicted and not is_expected(finding)
    return standing == "regressed" or (contradicted and standing in ("new", "not comparable"))


def _fails_incomparable(finding: Finding, settings: Settings) -> bool:
    return settings.gate and settings.not_comparable == "fail" and _stands(finding, "not comparable")


def is_expected(finding: Finding) -> bool:
    """Whether the finding is contradicted, as the baseline records it."""
    return _stands(finding, "as recorded") and finding.conclusion == "contradicted"


def summary_of(gate: Gate | None, findings: Sequence[Finding], provenance: Mapping[str, Any]) -> dict[str, Any] | None:
    """What stands in a run's summary under "baseline", as plain JSON; None without one.

    provenance: of this run. standings: how many findings have each. failed: whether the run fails by it.
    """
    if gate is None:
        return None
    found = Counter(finding.standing for finding in findings if finding.standing)
    standings = {standing: found[standing] for standing in STANDINGS if found[standing]}
    failed = gate.settings.gate and any(fails(finding, gate.settings) for finding in findings if finding.drift)
    unused = list(gate.unused) if not gate.settings.update_baseline else []
    when = gate.baseline.created[:10]
    other = "".join(f", {change}" for change in _elsewhere(gate.baseline.plain(), provenance))
    said = ", ".join(f"{count} {standing}" for standing, count in standings.items()) or "nothing was judged"
    return {
        "file": str(gate.file),
        "gate": gate.settings.gate,
        "created": gate.baseline.created,
        "commit": gate.baseline.commit,
        "seed_block": gate.baseline.seed_block,
        "standings": standings,
        "unused": unused,
        "says": f"against {gate.file.name} of {when}, seed block {gate.baseline.seed_block}{other}: {said}",
        "failed": bool(unused) or failed,
    }


def lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """What the terminal says of the baseline."""
    held = summary["baseline"]
    if held is None:
        return
    yield f"baseline: {held['says']}"
    found = [Finding.model_validate(finding) for claim in summary["claims"] for finding in claim["findings"]]
    for standing in ("regressed", "left", "not comparable", "changed", "recovered", "new"):
        for finding in found:
            if _stands(finding, standing) and finding.drift:
                yield f"  {standing:14} {finding.claim} {finding.name}: {finding.drift.says}"
    for entry in held["unused"]:
        yield f"  {'unused':14} {entry}: no claim uses it any more; --claims-update-baseline drops it"
    if held["gate"]:
        yield from _sharpness(found)


def _sharpness(findings: Sequence[Finding]) -> Iterator[str]:
    watched = [finding for finding in findings if finding.drift and finding.drift.conclusion == "supported"]
    if not watched:
        yield "  nothing that was judged is supported in the baseline: there is nothing to lose"
        return
    yield (
        "  the smallest drift that the gate sees 9 times in 10 at these seeds where all of them shift alike, of each"
        f" finding that may leave 'supported' (a run in which nothing has changed regresses in at most {ALPHA:.0%}):"
    )
    for finding in watched:
        assert finding.drift and finding.drift.effect is not None
        if finding.drift.seen is None:
            yield f"    none    {finding.claim} {finding.name}: too few seeds, or seeds that do not differ"
            continue
        blunt = finding.kind == "greater" and finding.drift.seen > finding.drift.effect
        yield (
            f"    {finding.drift.seen:<7.2g} {finding.unit}, of {finding.drift.effect:+.3g}"
            f"{' (it could vanish unseen)' if blunt else ''}: {finding.claim} {finding.name}"
        )


def update(
    file: Path, run: RunResult, findings: Sequence[Finding], claims: Claims, settings: Settings
) -> tuple[str, bool]:
    """Write the baseline of a complete run; says what came of it, and whether that was the first time.

    Raises OSError where the disk does not take it.
    """
    names: dict[str, set[str]] = {}
    for finding in findings:
        names.setdefault(finding.claim, set()).add(finding.name)
    made = baselines.of_run(run, claims.commitments(names, settings))
    try:
        before = baselines.read(file) if file.exists() else None
    except BaselineError as error:
        raise OSError(str(error)) from None
    baselines.write(made, file)
    if before is None:
        return f"written for the first time: {file}; read it, commit it, and run again", True
    now = {(claim, name): entry for claim, held in made.claims.items() for name, entry in held.findings.items()}
    changed = sum(
        before.entry(*key) is None or before.entry(*key).conclusion != entry.conclusion  # type: ignore[union-attr]
        for key, entry in now.items()
    )
    dropped = len(before.unused({claim: held.findings for claim, held in made.claims.items()}))
    return f"written: {file}; {changed} of {len(now)} conclusions changed, {dropped} entries dropped", False


def _stands(finding: Finding, standing: str) -> bool:
    return finding.standing == standing


def _elsewhere(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Where and by what a baseline was made, as far as that is not how it is here: to be known, for its seeds stay a
    fair sample."""
    for name in ("machine", "versions"):
        for key, value in before[name].items():
            if now[name].get(key) != value:
                yield f"{key} {value} there and {now[name].get(key, 'none')} here"


def _short(registered: str | None) -> str:
    return registered[:12] if registered else "none"


def _in_a_line(text: str) -> str:
    """Without what a terminal would obey: part of it stands in a file."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
