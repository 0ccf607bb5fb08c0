"""How a claim's verdict came about: the rule of `results.finding`, applied to its findings in a sentence or two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.marks import CONCLUSIONS, STANDINGS, Mark, mark, tally

# verdict -> why these counts make it
_WHY = {
    "REPRODUCED": "REPRODUCED asks for all of a claim's findings, and has them",
    "REFUTED": "Something speaks against the claim and nothing for it: REFUTED",
    "MIXED": "Something speaks for the claim and something against it: MIXED",
    "INCONCLUSIVE": "Nothing speaks against the claim, yet not all of it for it: INCONCLUSIVE",
    "NOT RUN": "Nothing was judged, so nothing is said",
    "ERROR": "Of a claim of which a part broke, nothing is said",
    "SMOKE": "A rehearsal judges nothing",
}
SHOWN = 4  # findings that are named as standing in the way


@dataclass(frozen=True)
class Between:
    """A finding that stands between a claim and REPRODUCED."""

    mark: Mark
    label: str
    hypothesis: str
    anchor: str


@dataclass(frozen=True)
class Rule:
    """`counts` of the conclusions; `why` they make this verdict. between: those that deny REPRODUCED, `more` not named.

    refused: why findings were not judged, with how many each. assay: how many findings of "no difference" passed
    the check on whether a difference could be seen. standings: tally of what the baseline says.
    """

    counts: str
    why: str
    between: tuple[Between, ...]
    more: int
    refused: tuple[tuple[str, int], ...]
    assay: int
    standings: tuple[Mark, ...]


def rule(verdict: Any, findings: Sequence[Mapping[str, Any]]) -> Rule:
    """Of one claim, whose findings have an `anchor`."""
    others = [f for f in findings if f["conclusion"] != "supported"]
    named = [_between(f) for f in others] if verdict in ("REFUTED", "MIXED", "INCONCLUSIVE") else []
    refused: dict[str, int] = {}
    for finding in findings:
        if finding["refused"]:
            refused[str(finding["refused"])] = refused.get(str(finding["refused"]), 0) + 1
    judged = ("supported", "contradicted", "underpowered")
    assay = [f for f in findings if f["kind"] in ("equivalent", "non-inferior") and f["conclusion"] in judged]
    known = [f["drift"].get("standing") for f in findings if isinstance(f["drift"], Mapping)]
    return Rule(
        counts=_counts(findings),
        why=_why(verdict, findings),
        between=tuple(named[:SHOWN]),
        more=len(named[SHOWN:]),
        refused=tuple(refused.items()),
        assay=sum(not f["refused"] for f in assay),
        standings=tally(known, STANDINGS),
    )


def _counts(findings: Sequence[Mapping[str, Any]]) -> str:
    """`Supported in 3 of 4 findings, equivalent in 1.`"""
    counts = tally((f["conclusion"] for f in findings), CONCLUSIONS)
    if not counts:
        return "No finding was made."
    first, *rest = counts
    word = first.word[:1].upper() + first.word[1:]
    if not rest:
        return f"{word} in {'its one finding' if len(findings) == 1 else f'all {len(findings)} findings'}."
    others = "".join(f", {mark.word} in {mark.count}" for mark in rest)
    return f"{word} in {first.count} of {len(findings)} findings{others}."


def _why(verdict: Any, findings: Sequence[Mapping[str, Any]]) -> str:
    why = _WHY.get(str(verdict), "")
    equivalent = any(f["conclusion"] == "equivalent" for f in findings)
    counted = " Equivalence counts against a claim of a difference." if equivalent else ""
    return f"{why}.{counted}" if why and findings else ""


def _between(finding: Mapping[str, Any]) -> Between:
    name = str(finding["name"] or "a finding")
    label = name.partition("[")[2].removesuffix("]") or name
    hypothesis = str(finding["hypothesis"] or "")
    return Between(mark(finding["conclusion"], CONCLUSIONS), label, hypothesis, str(finding["anchor"]))
