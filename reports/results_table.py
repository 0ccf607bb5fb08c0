"""The table of results in Markdown, as the README has it: of a run, or of a committed baseline."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.files import SUITE_ROOT
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
    """Make a line a claim, with a link to its file: its verdict, the effect that decides, with its bounds, and its
    findings' conclusions. Of the findings on the verdict's side the weakest decides: beside its smallest effect of
    interest the smallest difference, or of a claim of no difference the largest. A MIXED claim is so for the findings
    against it: there the clearest of these decides."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for id, (verdict, results) in claims.items():
        found = [result for result in results if result.conclusion in schema.JUDGED]
        yield f"| {_link(id)} | {verdict} | {_deciding(verdict, found)} | {_where(found)} |"


def _link(id: str) -> str:
    """The claim's id, as a link from the suite's root; without one where the claim is of another project."""
    file = Path("claims", f"test_{id.replace('-', '_')}.py")
    return f"[`{id}`]({file.as_posix()})" if (SUITE_ROOT / file).is_file() else f"`{id}`"


def _deciding(verdict: str, results: Sequence[Finding | baseline.Entry]) -> str:
    if not results:
        return "–"
    against = [[result for result in results if result.conclusion == word] for word in ("contradicted", "equivalent")]
    if verdict == "MIXED" and any(against):
        contradicted, equivalent = against
        first = max(contradicted, key=_size) if contradicted else min(equivalent, key=_size)
        return f"{_told(first)}, {first.conclusion}"
    wanted = {"REFUTED": ("contradicted", "equivalent"), "INCONCLUSIVE": ("underpowered",)}.get(verdict, ("supported",))
    chosen = [result for result in results if result.conclusion in wanted] or list(results)

    def weight(result: Finding | baseline.Entry) -> float:
        return _size(result) if result.kind == "greater" and result.conclusion != "equivalent" else -_size(result)

    return _told(min(chosen, key=weight))


def _size(result: Finding | baseline.Entry) -> float:
    return abs(result.effect) / (result.min_effect or 1.0)


def _told(result: Finding | baseline.Entry) -> str:
    shown = numbers.effect(result.effect, [result.lower, result.upper], sign=True)
    return f"{shown} {numbers.interval(result.lower, result.upper, [result.effect])} {result.unit} ({result.system})"


def _where(results: Sequence[Finding | baseline.Entry]) -> str:
    counts = {word: [result.system for result in results if result.conclusion == word] for word in ORDER}
    systems = count_systems(result.system for result in results)
    said = [f"{len(held)} {word}" for word, held in counts.items() if held]
    return f"{', '.join(said)} on {systems} system{'s' if systems > 1 else ''}" if said else "–"
