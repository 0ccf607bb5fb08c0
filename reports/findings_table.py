"""The findings of a claim: how its verdict came about, groups that share a hypothesis, and what the scaling cost."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.results.more_seeds import advice
from harness.results.schema import Amount, Drift, Finding, Rule
from reports import numbers, strips
from reports.marks import STANDINGS, Mark, tally

KINDS = {"greater": "greater than zero", "equivalent": "equivalent to zero", "non-inferior": "not inferior"}
_WHY = {
    "REPRODUCED": "All findings of the claim are supported: REPRODUCED",
    "REFUTED": "Some findings speak against the claim and none for it: REFUTED",
    "MIXED": "Some findings speak for the claim and some against it: MIXED",
    "INCONCLUSIVE": "No finding speaks against the claim, but not every one speaks for it: INCONCLUSIVE",
    "NOT RUN": "Nothing was judged",
    "ERROR": "A part of the claim broke, so it was not judged",
    "SMOKE": "A rehearsal judges nothing",
}
_WHY_MOST = {
    "REPRODUCED": "Most systems are supported, and no finding is contradicted beyond chance: REPRODUCED",
    "REFUTED": "No system is supported, and half of them, or a finding beyond chance, speak against the claim: REFUTED",
    "MIXED": "Some systems are supported, and half of them, or a finding beyond chance, speak against the claim: MIXED",
    "INCONCLUSIVE": "Not most of the systems are supported, and too few speak against the claim: INCONCLUSIVE",
}
"""Where the paper says "most"."""
NAMED = 4  # findings that are named as standing in the way


Row = TypeVar("Row")


@dataclass(frozen=True)
class VerdictRule:
    """How a verdict came about. why: in a sentence. between: the findings that deny REPRODUCED; `more` are not named.
    refused: why findings were not judged, with how many each. hangs: the readings that deny findings. assay: how many
    findings of "no difference" passed the check on whether a difference could be seen. standings: what the baseline
    says."""

    why: str
    between: tuple[Finding, ...]
    more: int
    refused: tuple[tuple[str, int], ...]
    hangs: tuple[str, ...]
    assay: int
    standings: tuple[Mark, ...]


@dataclass(frozen=True)
class HypothesisGroup(Generic[Row]):
    """Rows on one hypothesis in one unit, which share an axis of ±half; nothing is drawn where half is 0."""

    hypothesis: str
    kind: str
    unit: str
    half: float
    rows: tuple[Row, ...]


def rule(verdict: str, findings: Sequence[Finding], quantified: Rule = "all") -> VerdictRule:
    """Explain the verdict of one claim."""
    why = {**_WHY, **_WHY_MOST} if quantified == "most" else _WHY
    named = [f for f in findings if f.conclusion != "supported"] if verdict in _WHY_MOST else []
    equivalent = any(finding.conclusion == "equivalent" for finding in findings)
    counted = " Equivalence counts against a claim of a difference." if equivalent else ""
    assay = [f for f in findings if f.kind != "greater" and f.judged and not f.refusal and f.conclusion != "equivalent"]
    return VerdictRule(
        f"{why[verdict]}.{counted}" if findings and verdict in why else "",
        tuple(named[:NAMED]),
        len(named[NAMED:]),
        tuple(Counter(finding.refused for finding in findings if finding.refusal).items()),
        tuple(dict.fromkeys(name for finding in findings for name in finding.hangs_on)),
        len(assay),
        tally((finding.standing for finding in findings if finding.standing), STANDINGS),
    )


def grouped(
    rows: Iterable[Row], findings_of: Callable[[Row], Sequence[Finding]], whole: bool = False
) -> tuple[HypothesisGroup[Row], ...]:
    """Group rows, each of one finding or of one in several runs, by the hypothesis, kind and unit of their first.
    whole: as `strips.half_axis` takes it."""
    together: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        first = findings_of(row)[0]
        together.setdefault((first.hypothesis or first.name, KINDS[first.kind], first.unit), []).append(row)
    return tuple(
        HypothesisGroup(
            *(hypothesis, kind, unit),
            strips.half_axis((f for row in members for f in findings_of(row) if f.unit == unit), whole),
            tuple(members),
        )
        for (hypothesis, kind, unit), members in together.items()
    )


def scaling(
    findings: Sequence[Finding], title: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]]:
    """Tell what the scaling cost: the quantities, and a row for systems that are alike, with (here, paper, share)."""
    systems: dict[str, dict[str, tuple[str, str, str]]] = {}
    for finding in findings:
        for system, amounts in finding.scale.items():
            if amounts:  # a task that the paper does not have has none
                systems.setdefault(system, {}).update({name: _amount(amount) for name, amount in amounts.items()})
    quantities = tuple(dict.fromkeys(name for row in systems.values() for name in row))
    alike: dict[tuple[tuple[str, str, str] | None, ...], list[str]] = {}
    for system, row in systems.items():
        alike.setdefault(tuple(row.get(name) for name in quantities), []).append(title(system))
    return quantities, tuple((", ".join(names), cells) for cells, names in alike.items())


def parameters(name: str) -> str:
    """Return what tells a finding from others of its test: the item's parameters, or else its name."""
    return name.partition("[")[2].removesuffix("]") or name


def drift_numbers(drift: Drift) -> list[tuple[str, str]]:
    """Return what is known of a finding's drift, as (name, value)."""
    then = f"{numbers.effect(drift.effect, [drift.lower, drift.upper], sign=True)}"
    then += f" {numbers.interval(drift.lower, drift.upper, [drift.effect])}"
    known = [("then", f"{drift.conclusion or ''} {then}".strip())] if drift.effect is not None else []
    if drift.moved is not None:
        seen = "none" if drift.seen is None else numbers.effect(drift.seen)
        known += [("drift since", numbers.effect(drift.moved, sign=True))]
        known += [("p of the drift", numbers.probability(drift.p))] if drift.p is not None else []
        known += [("smallest drift detected 9 times in 10", seen)]
    return known + ([("margin", numbers.plain(drift.margin))] if drift.margin is not None else [])


def decide(finding: Finding) -> str:
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
