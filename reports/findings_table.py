"""The findings of a claim as tables: grouped by hypothesis on one axis, and what the scaling cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.results.more_seeds import in_words
from harness.results.schema import Finding
from reports import numbers, seeds, strips
from reports.board import system_title
from reports.marks import CONCLUSIONS, STANDINGS, Mark, mark

KINDS = {"greater": "greater than zero", "equivalent": "equivalent to zero", "non-inferior": "not inferior"}


@dataclass(frozen=True)
class Decide:
    """What would decide an underpowered finding: a sentence, what has to be known of it, the command."""

    says: str
    asides: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Standing:
    """What the baseline says of a finding: its numbers as (name, value), or where no drift is known a sentence."""

    mark: Mark
    says: str
    numbers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """One finding of the table; `label` tells findings of one system apart; `beside` are not counted."""

    finding: Mapping[str, Any]
    label: str
    mark: Mark
    strip: strips.Strip | None
    dots: seeds.Dots | None
    standing: Standing | None
    decide: Decide | None
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
        half = seeds.stretch(members)
        systems = Counter(str(finding["system"]) for finding in members)
        rows = tuple(_row(f, half, str(f["name"] or "") if systems[str(f["system"])] > 1 else "") for f in members)
        axis = strips.axis(half) if any(row.strip for row in rows) else ()
        found.append(Group(hypothesis, KINDS.get(kind, kind), unit, axis, rows))
    return tuple(found)


def standing(finding: Mapping[str, Any]) -> Standing | None:
    """What the gate has said of a finding; None without a baseline."""
    known = finding["drift"]
    if not isinstance(known, Mapping):
        return None
    effect, lower, upper, drift, seen = (known.get(name) for name in ("effect", "lower", "upper", "moved", "seen"))
    then = f"{numbers.effect(effect, [lower, upper], sign=True)} {numbers.interval(lower, upper, [effect])}"
    shown = (
        ("then", effect, f"{known.get('conclusion') or ''} {then}".strip()),
        ("drift since", drift, numbers.effect(drift, sign=True)),
        ("p of the drift", known.get("p"), numbers.probability(known.get("p"))),
        (
            "smallest drift seen 9 times in 10",
            drift,
            numbers.effect(seen) if strips.finite(numbers.number(seen)) else "none",
        ),
        ("margin", known.get("margin"), numbers.plain(known.get("margin"))),
    )
    marked = mark(known.get("standing"), STANDINGS)
    says = "" if drift is not None else str(known.get("says") or marked.meaning)  # numbers say it where there are any
    return Standing(marked, says, tuple((name, text) for name, value, text in shown if value is not None))


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
    return quantities, tuple((", ".join(map(system_title, names)), cells) for cells, names in alike.items())


def _row(finding: Mapping[str, Any], half: float, label: str) -> Row:
    beside = tuple(
        (
            reading,
            mark(reading["conclusion"], CONCLUSIONS) if reading["conclusion"] else None,
            strips.strip(reading, half, finding["min_effect"]),
        )
        for reading in finding["sensitivity"]
    )
    return Row(
        finding,
        label,
        mark(finding["conclusion"], CONCLUSIONS),
        strips.strip(finding, half, finding["min_effect"]),
        seeds.dots(finding, half),
        standing(finding),
        _decide(finding),
        beside,
    )


def _decide(finding: Mapping[str, Any]) -> Decide | None:
    """In the terminal's own words; None where the run does not know what would decide it."""
    if finding["conclusion"] != "underpowered" or not finding["n"]:
        return None
    if not finding["more_seeds"] and finding["refused"]:
        return None  # its reason says so
    given = {name: finding[name] for name in _FIELDS if finding.get(name) is not None}
    try:
        first, *rest = in_words(Finding.model_validate(given))
    except (ValueError, KeyError, TypeError, AttributeError):  # not what this version writes
        return None
    says = first.removeprefix(f"{finding['name']}: ")
    asides = tuple(line.strip(" ()") for line in rest if line.startswith("  ("))
    return Decide(says[:1].upper() + says[1:], asides, rest[-1].strip() if rest else "")


_FIELDS = tuple(Finding.model_fields)


def _pair(pair: Mapping[str, Any]) -> tuple[str, str, str]:
    here, paper = numbers.number(pair.get("here")), numbers.number(pair.get("paper"))
    share = numbers.percent(here / paper) if here is not None and paper else ""
    return numbers.plain(pair.get("here")), numbers.plain(pair.get("paper")), share
