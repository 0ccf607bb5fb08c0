"""The findings of a claim: how its verdict came about, tables of one axis a hypothesis, and what the scaling cost."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.results.more_seeds import advice
from harness.results.schema import Amount, Finding, Reading
from reports import numbers, strips
from reports.marks import CONCLUSIONS, STANDINGS, Mark, mark, tally

KINDS = {"greater": "greater than zero", "equivalent": "equivalent to zero", "non-inferior": "not inferior"}
_WHY = {
    "REPRODUCED": "All findings of the claim are supported: REPRODUCED",
    "REFUTED": "Something speaks against the claim and nothing for it: REFUTED",
    "MIXED": "Something speaks for the claim and something against it: MIXED",
    "INCONCLUSIVE": "Nothing speaks against the claim, but not every finding speaks for it: INCONCLUSIVE",
    "NOT RUN": "Nothing was judged, so nothing is said",
    "ERROR": "A part of the claim broke, so nothing is said about it",
    "SMOKE": "A rehearsal judges nothing",
}
NAMED = 4  # findings that are named as standing in the way


@dataclass(frozen=True)
class VerdictRule:
    """How a verdict came about. why: in a sentence. between: the findings that deny REPRODUCED, as (mark, label,
    finding); `more` are not named. refused: why findings were not judged, with how many each. assay: how many findings
    of "no difference" passed the check on whether a difference could be seen. standings: what the baseline says."""

    why: str
    between: tuple[tuple[Mark, str, Finding], ...]
    more: int
    refused: tuple[tuple[str, int], ...]
    assay: int
    standings: tuple[Mark, ...]


@dataclass(frozen=True)
class BaselineStanding:
    """What the baseline says of a finding: its numbers as (name, value), or where none are known a sentence."""

    mark: Mark
    says: str
    numbers: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FindingRow:
    """One finding. label: what tells it from others of its system. decide: what would decide it. readings: the same
    effect under other readings of the paper, which are not counted."""

    finding: Finding
    anchor: str
    label: str
    mark: Mark
    strip: strips.Strip | None
    dots: strips.Dots | None
    standing: BaselineStanding | None
    decide: str
    readings: tuple[tuple[Reading, Mark, strips.Strip | None], ...]


@dataclass(frozen=True)
class HypothesisGroup:
    """The findings of one hypothesis, which share one axis."""

    hypothesis: str
    kind: str
    unit: str
    axis: Sequence[tuple[float, str]]
    rows: tuple[FindingRow, ...]


def rule(verdict: str, findings: Sequence[Finding]) -> VerdictRule:
    """Explain the verdict of one claim."""
    short = [finding for finding in findings if finding.conclusion != "supported"]
    named = [(mark(f.conclusion, CONCLUSIONS), parameters(f.name), f) for f in short]
    if verdict not in ("REFUTED", "MIXED", "INCONCLUSIVE"):
        named = []
    equivalent = any(finding.conclusion == "equivalent" for finding in findings)
    counted = " Equivalence counts against a claim of a difference." if equivalent else ""
    assay = [f for f in findings if f.kind != "greater" and f.judged and not f.refusal and f.conclusion != "equivalent"]
    return VerdictRule(
        f"{_WHY[verdict]}.{counted}" if findings and verdict in _WHY else "",
        tuple(named[:NAMED]),
        len(named[NAMED:]),
        tuple(Counter(finding.refused for finding in findings if finding.refusal).items()),
        len(assay),
        tally((finding.standing for finding in findings if finding.standing), STANDINGS),
    )


def groups(findings: Sequence[Finding], anchors: Mapping[str, str]) -> tuple[HypothesisGroup, ...]:
    """Group findings by hypothesis, kind and unit, in their order. anchors: the ids of their rows, by nodeid."""
    together: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        together.setdefault((finding.hypothesis or finding.name, finding.kind, finding.unit), []).append(finding)
    found = []
    for (hypothesis, kind, unit), members in together.items():
        half = strips.half_axis(members, whole=True)
        alike = Counter(finding.system for finding in members)
        rows = tuple(
            _row(f, anchors[f.nodeid], half, parameters(f.name) if alike[f.system] > 1 else "") for f in members
        )
        ticks = strips.axis(half) if any(row.strip for row in rows) else ()
        found.append(HypothesisGroup(hypothesis, KINDS[kind], unit, ticks, rows))
    return tuple(found)


def scaling(
    findings: Sequence[Finding], title: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]]:
    """Tell what the scaling cost: the quantities, and a row for systems that are alike, with (here, paper, share)."""
    systems: dict[str, dict[str, tuple[str, str, str]]] = {}
    for finding in findings:
        for system, amounts in finding.scale.items():
            systems.setdefault(system, {}).update({name: _amount(amount) for name, amount in amounts.items()})
    quantities = tuple(dict.fromkeys(name for row in systems.values() for name in row))
    alike: dict[tuple[tuple[str, str, str] | None, ...], list[str]] = {}
    for system, row in systems.items():
        alike.setdefault(tuple(row.get(name) for name in quantities), []).append(title(system))
    return quantities, tuple((", ".join(names), cells) for cells, names in alike.items())


def parameters(name: str) -> str:
    """Return what tells a finding from others of its test: the item's parameters, or else its name."""
    return name.partition("[")[2].removesuffix("]") or name


def _row(finding: Finding, anchor: str, half: float, label: str) -> FindingRow:
    return FindingRow(
        finding,
        anchor,
        label,
        mark(finding.conclusion, CONCLUSIONS),
        strips.strip(finding, half, finding.min_effect),
        strips.dots(finding, half),
        _standing(finding),
        _decide(finding),
        tuple(
            (reading, mark(reading.conclusion, CONCLUSIONS), strips.strip(reading, half, finding.min_effect))
            for reading in finding.sensitivity
        ),
    )


def _standing(finding: Finding) -> BaselineStanding | None:
    drift = finding.drift
    if drift is None:
        return None
    then = f"{numbers.effect(drift.effect, [drift.lower, drift.upper], sign=True)}"
    then += f" {numbers.interval(drift.lower, drift.upper, [drift.effect])}"
    shown = {
        "then": None if drift.effect is None else f"{drift.conclusion or ''} {then}".strip(),
        "drift since": None if drift.moved is None else numbers.effect(drift.moved, sign=True),
        "p of the drift": None if drift.p is None else numbers.probability(drift.p),
        "smallest drift seen 9 times in 10": None
        if drift.moved is None
        else "none"
        if drift.seen is None
        else numbers.effect(drift.seen),
        "margin": None if drift.margin is None else numbers.plain(drift.margin),
    }
    says = drift.says if drift.moved is None else ""  # numbers say it where there are any
    return BaselineStanding(
        mark(drift.standing, STANDINGS), says, tuple((a, b) for a, b in shown.items() if b is not None)
    )


def _decide(finding: Finding) -> str:
    """Say what the terminal says, without the command; empty where the finding was decided or its reason says it."""
    if finding.conclusion != "underpowered" or not finding.n or (finding.refusal and not finding.more_seeds):
        return ""
    says, asides, _ = advice(finding)
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in (says, *asides))


def _amount(amount: Amount) -> tuple[str, str, str]:
    here, paper = (
        numbers.number(value) if not isinstance(value, str) else None for value in (amount.here, amount.paper)
    )
    share = numbers.percent(here / paper) if here is not None and paper else ""
    return numbers.plain(amount.here), numbers.plain(amount.paper), share
