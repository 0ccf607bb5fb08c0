"""One finding in several runs, a line each on one axis: at other scales, in earlier runs, in two compared runs.

Runs stand side by side, and are never merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.results.schema import Finding
from reports import findings_table, numbers
from reports.findings_table import HypothesisGroup
from reports.marks import Mark

ASKED = ("kind", "min_effect", "unit")
"""What makes two findings answers to two questions."""


@dataclass(frozen=True)
class Side:
    """One finding in one run. run: a short name of it. more: remarks on it there."""

    run: str
    finding: Finding
    more: str = ""


@dataclass(frozen=True)
class SideRow:
    """One finding in each run that has it. sign: how it changed. One in another unit than the first is not drawn."""

    sides: tuple[Side, ...]
    sign: Mark | None
    notes: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """That of each run."""
        return tuple(side.finding for side in self.sides)


SideGroup = HypothesisGroup[SideRow]


def grouped(rows: Iterable[tuple[Sequence[Side], Mark | None, Sequence[str]]]) -> tuple[SideGroup, ...]:
    """Group rows of (sides, sign, notes)."""
    held = (SideRow(tuple(sides), sign, tuple(notes)) for sides, sign, notes in rows)
    return findings_table.grouped(held, lambda row: row.findings)


def asked_otherwise(old: Side, new: Side) -> str:
    """Say how the two answer two questions; empty where they answer one."""
    return ", ".join(
        f"{name} {before} {old.run}, {now} {new.run}"
        for name in ASKED
        if (before := getattr(old.finding, name)) != (now := getattr(new.finding, name))
    )


def effect_of(finding: Finding) -> str:
    """Write the effect in the digits that its bounds take."""
    return numbers.effect(finding.effect, [finding.lower, finding.upper], sign=True)
