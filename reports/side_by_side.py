"""One finding in several runs, a line each on one axis: at other scales, in earlier runs, in two compared runs.

Runs stand side by side, and are never merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.results.baseline import MARGIN
from harness.results.drift import Shift, shift
from harness.results.schema import Finding
from reports import numbers, strips
from reports.marks import CONCLUSIONS, Mark, mark

ASKED = ("kind", "min_effect", "unit")
"""What makes two findings answers to two questions."""


@dataclass(frozen=True)
class Side:
    """One finding in one run. run: which, in a word or two. more: what else is said of it there."""

    run: str
    finding: Finding
    more: str = ""


@dataclass(frozen=True)
class SideRow:
    """One finding in each run that has it, with its mark and strip in each. sign: what became of it."""

    sides: tuple[tuple[Side, Mark, strips.Strip | None], ...]
    sign: Mark | None
    notes: tuple[str, ...]

    @property
    def finding(self) -> Finding:
        """That of the first run."""
        return self.sides[0][0].finding


@dataclass(frozen=True)
class SideGroup:
    """The findings of one hypothesis in one unit, on one axis."""

    hypothesis: str
    unit: str
    axis: Sequence[tuple[float, str]]
    rows: tuple[SideRow, ...]


def grouped(rows: Iterable[tuple[Sequence[Side], Mark | None, Sequence[str]]]) -> tuple[SideGroup, ...]:
    """Group rows of (sides, sign, notes) by hypothesis. A finding in another unit than the first of its row is not
    drawn."""
    together: dict[tuple[str, str], list[tuple[Sequence[Side], Mark | None, Sequence[str]]]] = {}
    for row in rows:
        first = row[0][0].finding
        together.setdefault((first.hypothesis or first.name, first.unit), []).append(row)
    found = []
    for (hypothesis, unit), members in together.items():
        alike = [side.finding for sides, *_ in members for side in sides if side.finding.unit == unit]
        half = strips.half_axis(alike)
        drawn = tuple(
            SideRow(tuple(_drawn(side, half, unit) for side in sides), sign, tuple(notes))
            for sides, sign, notes in members
        )
        found.append(SideGroup(hypothesis, unit, strips.axis(half), drawn))
    return tuple(found)


def asked_otherwise(old: Side, new: Side) -> str:
    """Say how the two answer two questions; empty where they answer one."""
    return ", ".join(
        f"{name} {before} {old.run}, {now} {new.run}"
        for name in ASKED
        if (before := getattr(old.finding, name)) != (now := getattr(new.finding, name))
    )


def moved(new: Finding, old: Finding, alpha: float) -> Shift | None:
    """Test by the seeds whether an effect moved; returns None where there are no seeds of one statistic."""
    if new.sample is None or old.sample is None:
        return None
    try:
        return shift(new.sample, old.sample, alpha, MARGIN * new.min_effect)
    except ValueError:
        return None


def effect_of(finding: Finding) -> str:
    """Write the effect in the digits that its bounds take."""
    return numbers.effect(finding.effect, [finding.lower, finding.upper], sign=True)


def _drawn(side: Side, half: float, unit: str) -> tuple[Side, Mark, strips.Strip | None]:
    finding = side.finding
    drawn = strips.strip(finding, half, finding.min_effect) if finding.unit == unit else None
    return side, mark(finding.conclusion, CONCLUSIONS), drawn
