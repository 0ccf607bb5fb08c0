"""The findings of a claim as tables: grouped by hypothesis on one axis, and what the scaling cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import numbers, strips
from reports.marks import CONCLUSIONS, Mark, mark

KINDS = {"greater": "greater than zero", "equivalent": "equivalent to zero", "non-inferior": "not inferior"}


@dataclass(frozen=True)
class Row:
    """One finding of the table; `label` tells findings of one system apart; `beside` are not counted."""

    finding: Mapping[str, Any]
    label: str
    mark: Mark
    strip: strips.Strip | None
    beside: tuple[tuple[Mapping[str, Any], Mark | None, strips.Strip | None], ...]


@dataclass(frozen=True)
class Group:
    """The findings of one hypothesis, which share one axis."""

    hypothesis: str
    kind: str
    unit: str
    axis: Sequence[tuple[float, str]]
    rows: tuple[Row, ...]


def groups(findings: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    """One group a hypothesis (and kind, and unit), in the order of their first findings."""
    together: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        hypothesis, kind, unit = (str(finding.get(key) or "") for key in ("hypothesis", "kind", "unit"))
        together.setdefault((hypothesis or str(finding["name"] or ""), kind, unit), []).append(finding)
    found = []
    for (hypothesis, kind, unit), members in together.items():
        half = strips.scale(members)
        systems = Counter(str(finding["system"]) for finding in members)
        rows = tuple(_row(f, half, str(f["name"] or "") if systems[str(f["system"])] > 1 else "") for f in members)
        axis = strips.axis(half) if any(row.strip for row in rows) else ()
        found.append(Group(hypothesis, KINDS.get(kind, kind), unit, axis, rows))
    return tuple(found)


def scaling(findings: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Quantities as columns, systems as rows, alike ones in one: used here, in the paper, and the share."""
    systems: dict[str, dict[str, tuple[str, str, str]]] = {}
    for finding in findings:
        scale = finding["scale"]
        for system, shares in scale.items() if isinstance(scale, Mapping) else ():
            for quantity, pair in shares.items() if isinstance(shares, Mapping) else ():
                if isinstance(pair, Mapping):
                    systems.setdefault(str(system), {}).setdefault(str(quantity), _pair(pair))
    quantities = tuple(dict.fromkeys(quantity for row in systems.values() for quantity in row))
    alike: dict[tuple[Any, ...], list[str]] = {}
    for system, row in systems.items():
        alike.setdefault(tuple(row.get(quantity) for quantity in quantities), []).append(system)
    return quantities, tuple((", ".join(names), cells) for cells, names in alike.items())


def _row(finding: Mapping[str, Any], half: float, label: str) -> Row:
    beside = tuple(
        (
            reading,
            mark(reading["conclusion"], CONCLUSIONS) if reading["conclusion"] else None,
            strips.strip(reading, half, finding["smallest"]),
        )
        for reading in finding["beside"]
    )
    return Row(
        finding,
        label,
        mark(finding["conclusion"], CONCLUSIONS),
        strips.strip(finding, half, finding["smallest"]),
        beside,
    )


def _pair(pair: Mapping[str, Any]) -> tuple[str, str, str]:
    here, paper = numbers.number(pair.get("here")), numbers.number(pair.get("paper"))
    share = numbers.percent(here / paper) if here is not None and paper else ""
    return numbers.plain(pair.get("here")), numbers.plain(pair.get("paper")), share
