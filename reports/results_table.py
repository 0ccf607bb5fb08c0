"""The table of results in Markdown, as the README has it: of a run, or of a committed baseline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.results import baseline, schema
from harness.results.schema import Conclusion
from reports import numbers

COLUMNS = ("Claim", "Verdict", "Effect that decides", "Where")
ORDER: tuple[Conclusion, ...] = ("supported", "contradicted", "equivalent", "underpowered", "not run", "error", "smoke")
START, END = "<!-- results: python -m reports table -->", "<!-- /results -->"
"""What stands around the table in a file that holds it."""


@dataclass(frozen=True)
class TableResult:
    """What the table needs of a finding."""

    system: str
    kind: str
    conclusion: str
    min_effect: float
    unit: str
    effect: float
    lower: float
    upper: float


def of_file(path: Path) -> list[str]:
    """Make the table's lines from a findings.json or a baseline. Raises FindingsError or BaselineError."""
    try:
        held: Mapping[str, tuple[str, Sequence[TableResult]]] = {
            claim.id: (claim.verdict, [_result(finding) for finding in claim.findings])
            for claim in schema.read(path).claims
        }
    except schema.FindingsError:
        if path.name == schema.NAME:
            raise
        held = {
            id: (claim.verdict, [_result(entry) for entry in claim.findings.values()])
            for id, claim in baseline.read(path).claims.items()
        }
    return [*table(held)]


def table(claims: Mapping[str, tuple[str, Sequence[TableResult]]]) -> Iterable[str]:
    """Make a line a claim: its verdict, the effect that decides, with its bounds, and its findings' conclusions. Of the
    findings on the verdict's side the weakest decides: beside its smallest effect of interest the smallest difference,
    or of a claim of no difference the largest."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for id, (verdict, results) in claims.items():
        found = [result for result in results if result.conclusion in schema.JUDGED]
        yield f"| `{id}` | {verdict} | {_deciding(verdict, found)} | {_where(found)} |"


def in_file(text: str) -> list[str]:
    """Return the lines of the table between the marks in a text; raises ValueError where they are not there."""
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"the text holds {START} and {END} not once each: put them around the table of results")
    return text.partition(START)[2].partition(END)[0].strip().splitlines()


def _deciding(verdict: str, results: Sequence[TableResult]) -> str:
    wanted = {"REFUTED": ("contradicted", "equivalent"), "INCONCLUSIVE": ("underpowered",)}.get(verdict, ("supported",))
    chosen = [result for result in results if result.conclusion in wanted] or list(results)
    if not chosen:
        return "–"
    sign = {result: 1 if result.kind == "greater" and result.conclusion != "equivalent" else -1 for result in chosen}
    first = min(chosen, key=lambda result: sign[result] * abs(result.effect) / (result.min_effect or 1.0))
    shown = numbers.effect(first.effect, [first.lower, first.upper], sign=True)
    return f"{shown} {numbers.interval(first.lower, first.upper, [first.effect])} {first.unit} ({first.system})"


def _where(results: Sequence[TableResult]) -> str:
    counts = {word: [result.system for result in results if result.conclusion == word] for word in ORDER}
    systems = len({result.system for result in results})
    said = [f"{len(held)} {word}" for word, held in counts.items() if held]
    return f"{', '.join(said)} on {systems} system{'s' if systems > 1 else ''}" if said else "–"


def _result(held: object) -> TableResult:
    return TableResult(*(getattr(held, name) for name in TableResult.__dataclass_fields__))
