"""What the paper states as numbers (`fixtures/paper.json`), and this run's beside it.

    {"schema": 1, "claims": {id: [value, ...]}, "experiments": {system: [value, ...]}}

Facts and figures only, written by hand; nothing of ours is in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, TypeAdapter

from harness.files import FIXTURES
from harness.results.model import Model, in_a_line
from harness.results.schema import Finding
from reports import numbers
from reports.marks import CONCLUSIONS, Mark, mark

FILE = FIXTURES / "paper.json"
EVERY_SYSTEM = "every system"
PLACES = r"^(Section|Figure|Table|Footnote)s? [A-C0-9.]+(, ((Section|Figure|Table|Footnote)s? )?[A-C0-9.]+)*$"
"""Where the paper states it: "Sections 3.3, A.1, Figures 4, 9"."""
UNMEASURED = "not in this run"
Text = Annotated[str, Field(min_length=1)]


class OfScale(Model):
    """What a run had of a quantity of its budget; system: that of the experiment where none is named."""

    scale: Text
    system: Text | None = None


class OfFindings(Model):
    """The effects of these findings."""

    findings: Annotated[tuple[Text, ...], Field(min_length=1)]


class PaperValue(Model):
    """One thing that the paper states. value: None where the paper draws it and gives no number. ours: what of a run
    means the same."""

    what: Text
    value: int | FiniteFloat | Text | None
    unit: str
    where: Annotated[str, Field(pattern=PLACES)]
    note: str
    ours: OfScale | OfFindings | None = None


_Values = dict[str, Annotated[tuple[PaperValue, ...], Field(min_length=1)]]


class Paper(Model):
    """All values, by claim and by experiment."""

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    claims: _Values = Field(default_factory=dict)
    experiments: _Values = Field(default_factory=dict)


@dataclass(frozen=True)
class Ours:
    """What this run has beside a value: words, with a finding's mark and place where it is one's."""

    says: str
    mark: Mark | None = None
    anchor: str = ""


@dataclass(frozen=True)
class StatedValue:
    """A line of the table: what the paper states, and what this run has; nothing where none can be."""

    value: PaperValue
    stated: str
    ours: tuple[Ours, ...]


@cache
def read(path: Path = FILE) -> Paper:
    """Read and check the fixture. Raises ValueError, in one line, that names the entry."""
    try:
        return TypeAdapter(Paper).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {in_a_line(error)}") from None


def stated(
    values: Iterable[PaperValue], findings: Sequence[Finding], anchors: Mapping[str, str], experiment: str = ""
) -> tuple[StatedValue, ...]:
    """Lay these values beside what `findings` have of the same. experiment: the system that they are stated of."""
    return tuple(
        StatedValue(
            value,
            "no number" if value.value is None else f"{numbers.plain(value.value)} {value.unit}".strip(),
            _ours(value, findings, anchors, experiment),
        )
        for value in values
    )


def _ours(
    value: PaperValue, findings: Sequence[Finding], anchors: Mapping[str, str], experiment: str
) -> tuple[Ours, ...]:
    if isinstance(value.ours, OfFindings):
        named = [finding for name in value.ours.findings for finding in findings if finding.name == name]
        return tuple(_measured(finding, anchors[finding.nodeid]) for finding in named) or (Ours(UNMEASURED),)
    if value.ours is None:
        return ()
    system = value.ours.system or ("" if experiment == EVERY_SYSTEM else experiment)
    had = dict.fromkeys(
        numbers.plain(amounts[value.ours.scale].here)
        for finding in findings
        for name, amounts in finding.scale.items()
        if value.ours.scale in amounts and f"{name} ".startswith(f"{system} ".lstrip())
    )
    unit = "" if isinstance(value.value, str) or not value.unit or value.unit[0] == "%" else f" {value.unit}"
    return (Ours(" or ".join(had) + unit if had else UNMEASURED),)


def _measured(finding: Finding, anchor: str) -> Ours:
    shown = numbers.effect(finding.effect, [finding.lower, finding.upper], sign=True)
    says = f"{shown} {numbers.interval(finding.lower, finding.upper, [finding.effect])} {finding.unit}"
    return Ours(" ".join(says.split()), mark(finding.conclusion, CONCLUSIONS), anchor)
