"""What runs of other profiles found of the same claims, beside this run's: side by side, and never merged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.results.scales import APART, Kept, Scale, read_all
from reports import numbers, strips
from reports.marks import CONCLUSIONS, VERDICTS, Mark, mark

SHOWN = (("env_steps", "{} env-steps"), ("levels", "{} levels"), ("units", "units {}"))
"""Of the budget, what is told of a finding at each scale."""
ASKED = ("kind", "min_effect", "unit")


@dataclass(frozen=True)
class Known:
    """What is kept of other profiles; problems: why a file of them can't be shown, a line each."""

    scales: tuple[Scale, ...] = ()
    problems: tuple[str, ...] = ()


NONE = Known()


@dataclass(frozen=True)
class Other:
    """The claim at another scale. label: as the board names it. anchor: where its findings stand. seeds: in words."""

    profile: str
    anchor: str
    label: str
    mark: Mark
    kept: Kept
    seeds: str
    part: str


@dataclass(frozen=True)
class Side:
    """One finding at one scale. here: it is this run's own. budget: its env_steps, levels and units, in words."""

    profile: str
    here: bool
    finding: Mapping[str, Any]
    mark: Mark
    strip: strips.Strip | None
    budget: str


@dataclass(frozen=True)
class Row:
    """One finding at each scale that has it, this run's first. only: where it is missing, in words. notes: what was
    asked otherwise, and what other runs say with their conclusion."""

    system: str
    name: str
    sides: tuple[Side, ...]
    only: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The findings of one hypothesis in one unit, on one axis."""

    hypothesis: str
    unit: str
    axis: Sequence[tuple[float, str]]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Scales:
    """One claim at other scales."""

    others: tuple[Other, ...]
    groups: tuple[Group, ...]


def known(folder: Path, summary: Mapping[str, Any]) -> Known:
    """What a run shows of the other profiles in a folder; none where the run's own is no scale, or was changed."""
    profile = summary.get("profile")
    if not isinstance(profile, str) or profile in APART or summary.get("changes"):
        return NONE
    scales, problems = read_all(folder)
    here = [problem.replace(f"{folder}/", f"{folder.name}/") for problem in problems]  # no path of the machine
    return Known(tuple(scale for scale in scales if scale.profile != profile), tuple(here))


def of_claim(
    claim: str, found: Sequence[Mapping[str, Any]], elsewhere: Known, profile: str, anchor: Callable[[str], str]
) -> Scales | None:
    """One claim of a run of this profile, with these findings, at the others; None where no other has it."""
    there = [(scale.profile, scale.claims[claim]) for scale in elsewhere.scales if claim in scale.claims]
    if not there:
        return None
    others = tuple(_other(name, kept, anchor(f"claim-{claim}-at-{name}")) for name, kept in there)
    rows: dict[tuple[str, int], dict[str, Mapping[str, Any]]] = {}
    for name, findings in ((profile, found), *((name, _plain(kept)) for name, kept in there)):
        for key, finding in _by_test(findings).items():
            rows.setdefault(key, {})[name] = finding
    together: dict[tuple[str, str], list[Mapping[str, Mapping[str, Any]]]] = {}
    for row in rows.values():
        first = next(iter(row.values()))
        hypothesis, unit = (str(first[field] or "") for field in ("hypothesis", "unit"))
        together.setdefault((hypothesis or str(first["name"] or ""), unit), []).append(row)
    profiles = [profile, *(name for name, _ in there)]
    return Scales(others, tuple(_group(*key, members, profiles) for key, members in together.items()))


def told(elsewhere: Known, shown: Sequence[Scales]) -> tuple[str, ...]:
    """Of each other profile that the page shows: how many claims, and when they were judged."""
    says = []
    for scale in elsewhere.scales:
        held = [other.kept for each in shown for other in each.others if other.profile == scale.profile]
        if held:
            days = list(dict.fromkeys(numbers.day(when) for when in sorted(kept.created for kept in held)))
            when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
            says.append(f"{scale.profile} ({len(held)} claim{'s' if len(held) > 1 else ''}, judged {when})")
    return tuple(says)


def _other(profile: str, kept: Kept, anchor: str) -> Other:
    part = ""
    if not kept.whole:
        part = f"{kept.judged} of {kept.of} findings" if kept.of is not None else "some of its findings"
    label = f"{profile}{', in part' if part else ''}: {kept.verdict}"
    seeds = f"seeds {numbers.ranges(kept.seeds)} of block {kept.seed_block}"
    if not kept.own_seeds:
        seeds += ", not the profile’s own number"
    return Other(profile, anchor, label, mark(kept.verdict, VERDICTS), kept, seeds, part)


def _plain(kept: Kept) -> list[Mapping[str, Any]]:
    return [finding.plain() for finding in kept.findings]


def _by_test(found: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], Mapping[str, Any]]:
    """By test id and, where findings share one, which of them it is."""
    held: dict[tuple[str, int], Mapping[str, Any]] = {}
    for finding in found:
        test = str(finding["nodeid"])
        held[test, sum(other == test for other, _ in held)] = finding
    return held


def _group(
    hypothesis: str, unit: str, members: Sequence[Mapping[str, Mapping[str, Any]]], profiles: Sequence[str]
) -> Group:
    alike = [f for row in members for f in row.values() if str(f["unit"] or "") == unit]
    half = strips.scale([{**finding, "sensitivity": ()} for finding in alike])
    rows = tuple(_row(row, half, unit, profiles) for row in members)
    drawn = any(side.strip for row in rows for side in row.sides)
    return Group(hypothesis, unit, strips.axis(half) if drawn else (), rows)


def _row(row: Mapping[str, Mapping[str, Any]], half: float, unit: str, profiles: Sequence[str]) -> Row:
    sides = []
    for profile, finding in row.items():
        drawn = strips.strip(finding, half, finding["min_effect"]) if str(finding["unit"] or "") == unit else None
        concluded = mark(finding["conclusion"], CONCLUSIONS)
        sides.append(Side(profile, profile == profiles[0], finding, concluded, drawn, _budget(finding["scale"])))
    missing = [profile for profile in profiles if profile not in row]
    only = f"only at {sides[0].profile}" if len(sides) == 1 else f"not at {', '.join(missing)}" if missing else ""
    first, *rest = sides
    asked = [
        f"{name} {numbers.plain(first.finding[name])} at {first.profile}, {numbers.plain(side.finding[name])} at"
        f" {side.profile}"
        for side in rest
        for name in ASKED
        if first.finding[name] != side.finding[name]
    ]
    notes = [f"Asked otherwise: {'; '.join(asked)}."] if asked else []
    for side in sides:
        if not side.here:
            said = [str(side.finding[field]) for field in ("refused", "note") if side.finding[field]]
            notes += [f"{side.profile}: {text}" for text in said]
    system, name = (str(first.finding[field] or "") for field in ("system", "name"))
    return Row(system, name, tuple(sides), only, tuple(notes))


def _budget(scale: Any) -> str:
    """`32,768 env-steps, 11 levels, units 64-64`; of several systems each value that differs."""
    held = [shares for shares in scale.values() if isinstance(shares, Mapping)] if isinstance(scale, Mapping) else []
    words = []
    for quantity, says in SHOWN:
        pairs = [pair for shares in held if isinstance(pair := shares.get(quantity), Mapping)]
        values = dict.fromkeys(numbers.plain(pair.get("here")) for pair in pairs)
        if values:
            words.append(says.format(" / ".join(values)))
    return ", ".join(words)
