"""What runs of other profiles found of the same claims, beside this run's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.results import history
from harness.results.history import HistoryError, PastClaim
from harness.results.schema import Finding, RunResult
from reports import numbers
from reports.marks import Mark
from reports.side_by_side import Side, SideGroup, asked_otherwise, grouped

NO_SCALES = ("smoke", "reduced")
"""Profiles that are no scale of the claims: the one judges nothing, the other is for controls and readings."""
BUDGET = (("env_steps", "{} env_steps"), ("levels", "{} levels"), ("units", "units {}"))
"""Of the budget, what is told of a finding at each scale."""


@dataclass(frozen=True)
class Elsewhere:
    """Profile -> claim -> what its run found; problem: why the history can't be read."""

    scales: Mapping[str, Mapping[str, PastClaim]]
    problem: str = ""


NOTHING = Elsewhere({})


@dataclass(frozen=True)
class OtherScale:
    """The claim at another scale. part: how many of its findings, in words, where not all were judged."""

    profile: str
    anchor: str
    past: PastClaim
    part: str


@dataclass(frozen=True)
class ClaimScales:
    """One claim at other scales."""

    others: tuple[OtherScale, ...]
    groups: tuple[SideGroup, ...]


def read(path: Path | None, run: RunResult) -> Elsewhere:
    """Read what a run shows of other profiles: nothing if its own profile is no scale or was changed."""
    if path is None or run.profile in NO_SCALES or run.changes:
        return NOTHING
    try:
        found = history.elsewhere(path, run.profile, run.seed_block)
    except HistoryError as error:
        return Elsewhere({}, str(error))
    return Elsewhere({name: claims for name, claims in found.items() if name not in NO_SCALES})


def of_claim(
    claim: str, found: Sequence[Finding], elsewhere: Elsewhere, profile: str, anchor: Callable[[str], str]
) -> ClaimScales | None:
    """Lay one claim of a run beside the same claim at other profiles; returns None where no other has it."""
    there = {name: claims[claim] for name, claims in elsewhere.scales.items() if claim in claims}
    if not there:
        return None
    others = tuple(_other(name, past, anchor(f"claim-{claim}-at-{name}")) for name, past in there.items())
    findings = {profile: found} | {name: [f for f in past.claim.findings if f.judged] for name, past in there.items()}
    rows: dict[str, list[Side]] = {}
    for name, held in findings.items():
        for finding in held:
            rows.setdefault(finding.nodeid, []).append(Side(name, finding, _budget(finding)))
    return ClaimScales(others, grouped(_row(sides, list(findings)) for sides in rows.values()))


def told(shown: Sequence[ClaimScales]) -> tuple[str, ...]:
    """Tell of each other profile that the page shows how many claims it has, and when they were judged."""
    days: dict[str, list[str]] = {}
    for other in (other for scales in shown for other in scales.others):
        days.setdefault(other.profile, []).append(other.past.run.created)
    return tuple(
        f"{profile} ({len(when)} claim{'s' if len(when) > 1 else ''}, judged "
        f"{' to '.join(dict.fromkeys([numbers.day(min(when)), numbers.day(max(when))]))})"
        for profile, when in days.items()
    )


def _other(profile: str, past: PastClaim, anchor: str) -> OtherScale:
    claim, judged = past.claim, sum(finding.judged for finding in past.claim.findings)
    part = "" if claim.whole else f"{judged} of {claim.expected} findings" if claim.expected else "some of its findings"
    return OtherScale(profile, anchor, past, part)


def _row(sides: Sequence[Side], profiles: Sequence[str]) -> tuple[Sequence[Side], Mark | None, list[str]]:
    missing = [profile for profile in profiles if profile not in [side.run for side in sides]]
    only = f"only at {sides[0].run}" if len(sides) == 1 else f"not at {', '.join(missing)}" if missing else ""
    asked = "; ".join(filter(None, (asked_otherwise(sides[0], side) for side in sides[1:])))
    notes = [f"The runs asked different questions: {asked}."] if asked else []
    for side in sides:
        said = (side.finding.refused, side.finding.note) if side.run != profiles[0] else ()
        notes += [f"{side.run}: {text}" for text in said if text]
    return sides, Mark(only, "none", "half", "") if only else None, notes


def _budget(finding: Finding) -> str:
    """`32,768 env_steps, 11 levels, units 64-64`; of several systems each value that differs."""
    words = []
    for quantity, says in BUDGET:
        held = [amounts[quantity] for amounts in finding.scale.values() if quantity in amounts]
        if values := dict.fromkeys(numbers.plain(amount.here) for amount in held):
            words.append(says.format(" / ".join(values)))
    return ", ".join(words)
