"""The table of results in Markdown, as the README has it: of a run, or of a committed baseline."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.results import baseline, schema
from harness.results.schema import Conclusion, Finding, count_systems
from reports import numbers

COLUMNS = ("Claim", "Verdict", "Effect that decides", "Where")
ORDER: tuple[Conclusion, ...] = ("supported", "contradicted", "equivalent", "underpowered", "not run", "error", "smoke")
Results = Mapping[str, tuple[str, Sequence[Finding | baseline.Entry]]]
"""Claim -> its verdict and findings, of a run or as a baseline keeps them."""


def of_file(path: Path) -> list[str]:
    """Make the table's lines from a findings.json or a baseline. Raises FindingsError or BaselineError."""
    try:
        held: Results = {claim.id: (claim.verdict, claim.findings) for claim in schema.read(path).claims}
    except schema.FindingsError:
        if path.name == schema.NAME:
            raise
        recorded = baseline.read(path).claims
        held = {id: (claim.verdict, tuple(claim.findings.values())) for id, claim in recorded.items()}
    return [*table(held)]


def table(claims: Results) -> Iterable[str]:
    """Make a line a claim: its verdict, the effect that decides, with its bounds, and its findings' conclusions. Of the
    findings on the verdict's side the weakest decides: beside its smallest effect of interest the smallest difference,
    or of a claim of no difference the largest."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for id, (verdict, results) in claims.items():
        found = [result for result in results if result.conclusion in schema.JUDGED]
        yield f"| `{id}` | {verdict} | {_deciding(verdict, found)} | {_where(found)} |"


def _deciding(verdict: str, results: Sequence[Finding | baseline.Entry]) -> str:
    wanted = {"REFUTED": ("contradicted", "equivalent"), "INCONCLUSIVE": ("underpowered",)}.get(verdict, ("supported",))
    chosen = [result for result in results if result.conclusion in wanted] or list(results)
    if not chosen:
        return "–"

    def weight(result: Finding | baseline.Entry) -> float:
        size = abs(result.effect) / (result.min_effect or 1.0)
        return size if result.kind == "greater" and result.conclusion != "equivalent" else -size

    first = min(chosen, key=weight)
    shown = numbers.effect(first.effect, [first.lower, first.upper], sign=True)
    return f"{shown} {numbers.interval(first.lower, first.upper, [first.effect])} {first.unit} ({first.system})"


def _where(results: Sequence[Finding | baseline.Entry]) -> str:
    counts = {word: [result.system for result in results if result.conclusion == word] for word in ORDER}
    systems = count_systems(result.system for result in results)
    said = [f"{len(held)} {word}" for word, held in counts.items() if held]
    return f"{', '.join(said)} on {systems} system{'s' if systems > 1 else ''}" if said else "–"
