"""Two runs side by side: what differs between them, and what of it chance alone does not explain.

A, the one run, is as a rule the older. What changed comes first: verdicts, then conclusions, then effects that have
moved by the drift test of the seeds, then what only one of the two has.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.files import replace_file
from harness.results import schema
from harness.results.baseline import MARGIN
from harness.results.drift import ALPHA, Shift, shift
from harness.results.schema import ClaimResult, Finding, FindingsError, RunResult
from reports import numbers, page, strips
from reports.marks import CONCLUSIONS, VERDICTS, Mark, mark

NAME = "compare.html"

Difference = Literal["verdict", "conclusion", "effect", "only one", "not judged", "not compared", "nothing"]
SIGNS: dict[Difference, Mark] = {
    "verdict": Mark("verdict differs", "mixed", "bang", ""),
    "conclusion": Mark("concludes otherwise", "mixed", "bang", ""),
    "effect": Mark("effect moved", "weak", "waves", ""),
    "only one": Mark("only in one", "none", "half", ""),
    "not judged": Mark("not judged", "none", "dash", ""),
    "not compared": Mark("not compared", "none", "dash", ""),
    "nothing": Mark("no change shown", "good", "equals", ""),
}
"""In the order in which differences are shown."""
_ORDER = list(SIGNS)
VERDICTS_GIVEN = ("REPRODUCED", "REFUTED", "MIXED", "INCONCLUSIVE")
NAMED = 3  # claims in a sentence


class CompareError(ValueError):
    """The two can't be compared; the message is one line."""


@dataclass(frozen=True)
class RunSide:
    """One finding in one of the runs, "A" or "B"."""

    run: str
    finding: Finding
    mark: Mark
    strip: strips.Strip | None


@dataclass(frozen=True)
class FindingPair:
    """One finding in both runs, or in one of them; A's side first. shift: B's effect less A's; why: what keeps it from
    being known."""

    sides: tuple[RunSide, ...]
    shift: Shift | None
    why: str
    change: Difference

    @property
    def finding(self) -> Finding:
        """That of the newer run that has one."""
        return self.sides[-1].finding


@dataclass(frozen=True)
class PairGroup:
    """The findings of one hypothesis, on one axis."""

    hypothesis: str
    unit: str
    axis: Sequence[tuple[float, str]]
    pairs: tuple[FindingPair, ...]


@dataclass(frozen=True)
class ComparedClaim:
    """One claim in both runs. a, b: its verdicts; None of a run that did not have it. changes: of its findings."""

    id: str
    says: str
    a: Mark | None
    b: Mark | None
    change: Difference
    changes: str
    groups: tuple[PairGroup, ...]

    @property
    def pairs(self) -> list[FindingPair]:
        """Of all groups."""
        return [pair for group in self.groups for pair in group.pairs]


@dataclass(frozen=True)
class Comparison:
    """All of it. rows: what the runs are, as (what, A, B). unlike: what keeps them from being runs of the same
    experiment; partial: which of them are not complete. Both are empty where there is nothing to say."""

    rows: tuple[tuple[str, str, str], ...]
    unlike: str
    partial: str
    claims: tuple[ComparedClaim, ...]
    alpha: float

    @property
    def words(self) -> str:
        """The counts in a sentence."""
        pairs = [pair for claim in self.claims for pair in claim.pairs]
        both = [pair for pair in pairs if len(pair.sides) == 2]
        judged = [pair for pair in both if pair.change != "not judged"]
        tested = [pair for pair in pairs if pair.shift]
        given = [c for c in self.claims if all(v and v.word in VERDICTS_GIVEN for v in (c.a, c.b))]
        not_given = sum(bool(claim.a and claim.b) and claim not in given for claim in self.claims)
        moved = sum(pair.shift is not None and pair.shift.differs for pair in tested)
        words = [
            f"{sum(claim.change == 'verdict' for claim in given)} of {len(given)} verdicts differ",
            f"{sum(pair.change == 'conclusion' for pair in pairs)} of {len(judged)} findings conclude otherwise",
            f"the effects of {moved} of {len(tested)} have moved" if tested else "no effects had seeds to compare",
        ]
        for run in "AB":
            only = sum([side.run for side in pair.sides] == [run] for pair in pairs)
            words += [f"{only} only in {run}"] if only else []
        unjudged = {"claim": not_given, "finding": len(both) - len(judged)}
        said = [f"{count} {what}{'s' if count > 1 else ''}" for what, count in unjudged.items() if count]
        return "; ".join([*words, *([f"{' and '.join(said)} not judged in A or in B"] if said else [])])


def findings_at(path: Path) -> Path:
    """Where the findings lie of a run named by them, by their folder or by the report beside them."""
    if path.is_dir():
        return path / schema.NAME
    return path.with_name(schema.NAME) if path.suffix == ".html" else path


def read(path: Path) -> RunResult:
    """A run's findings. Raises CompareError."""
    place = findings_at(path)
    if not place.is_file():
        raise CompareError(
            f"there are no findings at {place}: name a {schema.NAME}, its folder or the report beside it"
        )
    try:
        return schema.read(place)
    except FindingsError as problem:
        raise CompareError(str(problem)) from None


def compare(a: RunResult, b: RunResult) -> Comparison:
    """Two runs; A is as a rule the older."""
    claims_a, claims_b = ({claim.id: claim for claim in run.claims} for run in (a, b))
    ids = list(dict.fromkeys([*claims_b, *claims_a]))
    matched = {id: _matched(claims_a.get(id), claims_b.get(id)) for id in ids}
    alpha = ALPHA / max(1, sum(not _untested(*pair) for pairs in matched.values() for pair in pairs))
    claims = [_claim(claims_a.get(id), claims_b.get(id), matched[id], alpha) for id in ids]
    rows = tuple(_rows(a, b))
    unlike = [f"{what.lower()}: {x} in A, {y} in B" for what, x, y in rows if what in ("Profile", "Changes") and x != y]
    otherwise = [id for id in claims_a if id in claims_b and _registered_otherwise(claims_a[id], claims_b[id])]
    if otherwise:
        more = f" and {len(otherwise) - NAMED} more" if len(otherwise) > NAMED else ""
        unlike.append(f"preregistered otherwise: {', '.join(otherwise[:NAMED])}{more}")
    partial = "; ".join(f"{name} {_how_far(run)}" for name, run in (("A", a), ("B", b)) if run.partial)
    claims.sort(key=lambda claim: _ORDER.index(claim.change))
    return Comparison(rows, "; ".join(unlike), partial, tuple(claims), alpha)


def write(found: Comparison, path: Path) -> Path:
    """The comparison as one HTML page that needs nothing but itself; returns its path."""
    anchors = {claim.id: f"claim-{place}" for place, claim in enumerate(found.claims)}
    html = page.render("compare.html.j2", css=("report.css", "compare.css"), found=found, signs=SIGNS, anchors=anchors)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, html.encode())
    return path


def lines(found: Comparison) -> Iterator[str]:
    """For the terminal: the verdicts that differ, and the counts."""
    if found.unlike:
        yield f"these are not runs of the same experiment: {found.unlike}"
    if found.partial:
        yield f"not complete: {found.partial}"
    differing = [claim for claim in found.claims if claim.change == "verdict"]
    rows = [("claim", "A", "B"), *((c.id, c.a.word if c.a else "", c.b.word if c.b else "") for c in differing)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if differing else ():
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    yield found.words


def _rows(a: RunResult, b: RunResult) -> Iterator[tuple[str, str, str]]:
    def row(what: str, show: Callable[[RunResult], str]) -> tuple[str, str, str]:
        return what, show(a) or numbers.MISSING, show(b) or numbers.MISSING

    if a.partial or b.partial:
        yield row("Complete", lambda run: _how_far(run) or "yes")
    yield row("Profile", lambda run: run.profile)
    yield row("Changes", lambda run: ", ".join(sorted(run.changes)) or "none")
    yield row("Seed block", lambda run: str(run.seed_block))
    yield row("Seeds", lambda run: numbers.ranges(run.seeds))
    yield row("Commit", lambda run: run.commit or "")
    yield row("When", lambda run: numbers.moment(run.created))
    yield row("Machine", lambda run: f"{run.machine.cpu}, {run.machine.cpus} CPUs")
    names = dict.fromkeys([*a.versions, *b.versions])
    yield row("Libraries", lambda run: ", ".join(f"{n} {run.versions.get(n, numbers.MISSING)}" for n in names))
    yield row("Core-min", lambda run: numbers.minutes(run.cpu_seconds))
    yield row("Command", lambda run: run.command)


def _how_far(run: RunResult) -> str:
    """Of a run that is going or was cut short, in words; empty of a complete one."""
    part = run.partial
    return f"has {part.levels} of {part.of_levels} levels, {part.cells} of {part.of_cells} cells" if part else ""


def _registered_otherwise(a: ClaimResult, b: ClaimResult) -> bool:
    """Whether both say what they had committed themselves to, and it is not the same."""
    before, now = a.preregistration.hash, b.preregistration.hash
    return bool(before and now and before != now)


_Matched = tuple[Finding | None, Finding | None]


def _matched(a: ClaimResult | None, b: ClaimResult | None) -> list[_Matched]:
    """A claim's findings by name, in B's order, then what A alone has."""
    of_a, of_b = ({f.name: f for f in claim.findings} if claim else {} for claim in (a, b))
    return [(of_a.get(name), of_b.get(name)) for name in dict.fromkeys([*of_b, *of_a])]


def _untested(a: Finding | None, b: Finding | None) -> str:
    """Why their effects can't be compared by their seeds, in words; empty where they can."""
    if a is None or b is None:
        return "there is nothing to compare it with"
    if unjudged := " and ".join(run for run, side in (("A", a), ("B", b)) if not side.judged):
        return f"it was not judged in {unjudged}"
    for name in ("kind", "min_effect", "unit"):
        before, now = getattr(a, name), getattr(b, name)
        if before != now:
            return f"another question was asked: {name} {before} in A, {now} in B"
    if a.sample is None or b.sample is None:
        missing = " and ".join(run for run, side in (("A", a), ("B", b)) if side.sample is None)
        return f"no numbers per seed were kept in {missing}"
    return "their effects are of two statistics" if a.sample.statistic != b.sample.statistic else ""


def _claim(a: ClaimResult | None, b: ClaimResult | None, matched: Sequence[_Matched], alpha: float) -> ComparedClaim:
    together: dict[tuple[str, str], list[_Matched]] = {}
    for one, other in matched:
        newer = other or one
        assert newer
        together.setdefault((newer.hypothesis, newer.unit), []).append((one, other))
    groups = [_group(hypothesis, unit, members, alpha) for (hypothesis, unit), members in together.items()]
    groups.sort(key=lambda group: _ORDER.index(group.pairs[0].change))
    changes = [pair.change for group in groups for pair in group.pairs]
    change: Difference = min(changes, key=_ORDER.index, default="not compared")
    if change in ("not judged", "not compared") and "nothing" in changes:
        change = "nothing"  # of what was compared
    if a is None or b is None:
        change = "only one"
    elif a.verdict not in VERDICTS_GIVEN or b.verdict not in VERDICTS_GIVEN:
        change = "not judged"
    elif a.verdict != b.verdict:
        change = "verdict"
    counts = Counter[Difference](change for change in changes if change != "nothing")
    held = b or a
    assert held
    return ComparedClaim(
        held.id,
        held.says or held.id,
        mark(a.verdict, VERDICTS) if a else None,
        mark(b.verdict, VERDICTS) if b else None,
        change,
        ", ".join(f"{counts[each]} {SIGNS[each].word}" for each in _ORDER if counts[each]),
        tuple(groups),
    )


def _group(hypothesis: str, unit: str, matched: Sequence[_Matched], alpha: float) -> PairGroup:
    half = strips.half_axis(f.replace(sensitivity=()) for pair in matched for f in pair if f)
    pairs = sorted((_pair(*pair, half, alpha) for pair in matched), key=lambda pair: _ORDER.index(pair.change))
    return PairGroup(hypothesis, unit, strips.axis(half), tuple(pairs))


def _pair(a: Finding | None, b: Finding | None, half: float, alpha: float) -> FindingPair:
    why, moved = _untested(a, b), None
    if a and b and a.sample and b.sample and not why:
        try:
            moved = shift(b.sample, a.sample, alpha, MARGIN * b.min_effect)
        except ValueError as problem:
            why = str(problem)
    change: Difference = "nothing"
    if a is None or b is None:
        change = "only one"
    elif not a.judged or not b.judged:
        change = "not judged"
    elif a.conclusion != b.conclusion:
        change = "conclusion"
    elif moved is None:
        change = "not compared"
    elif moved.differs:
        change = "effect"
    sides = tuple(
        RunSide(run, f, mark(f.conclusion, CONCLUSIONS), strips.strip(f, half, f.min_effect))
        for run, f in (("A", a), ("B", b))
        if f
    )
    return FindingPair(sides, moved, why, change)
