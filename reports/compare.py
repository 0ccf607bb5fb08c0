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
from harness.results.baseline import moved
from harness.results.drift import ALPHA, Shift
from harness.results.schema import ClaimResult, Finding, FindingsError, RunResult
from reports import numbers, page
from reports.marks import Mark
from reports.side_by_side import Side, SideGroup, asked_otherwise, grouped

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


@dataclass(frozen=True)
class FindingPair:
    """One finding in both runs, or in one of them; A's side first. shift: B's effect less A's; why: what keeps it from
    being known."""

    sides: tuple[Side, ...]
    shift: Shift | None
    why: str

    @property
    def change(self) -> Difference:
        """Say what differs between the two."""
        found = [side.finding for side in self.sides]
        if len(found) == 1:
            return "only one"
        if not all(finding.judged for finding in found):
            return "not judged"
        if found[0].conclusion != found[1].conclusion:
            return "conclusion"
        return "not compared" if self.shift is None else "effect" if self.shift.differs else "nothing"

    @property
    def notes(self) -> list[str]:
        """Tell what is known of the drift, and what either run says with the finding."""
        said = [f"{side.run}: {text}" for side in self.sides if (text := side.finding.message or side.finding.note)]
        if self.shift is None:
            return [f"No drift is known: {self.why}.", *said] if len(self.sides) == 2 else said
        beyond = f"beyond {numbers.plain(self.shift.margin)} with p {numbers.probability(self.shift.p)}"
        seen = "no drift" if self.shift.seen is None else f"a drift from {numbers.effect(self.shift.seen)} on"
        what = (
            "it has moved" if self.shift.differs else f"chance may explain it; {seen} would be detected 9 times in 10"
        )
        return [f"Drift {numbers.effect(self.shift.moved, sign=True)}; {beyond}: {what}.", *said]


@dataclass(frozen=True)
class ComparedClaim:
    """One claim in both runs. a, b: its verdicts; empty for a run that did not have it. changes: of its findings."""

    id: str
    says: str
    a: str
    b: str
    pairs: tuple[FindingPair, ...]

    @property
    def given(self) -> bool:
        """Whether both runs came to a verdict."""
        return all(verdict in VERDICTS_GIVEN for verdict in (self.a, self.b))

    @property
    def change(self) -> Difference:
        """Say what differs most."""
        if not self.a or not self.b:
            return "only one"
        if not self.given:
            return "not judged"
        if self.a != self.b:
            return "verdict"
        changes = [pair.change for pair in self.pairs]
        first = min(changes, key=_ORDER.index, default="not compared")
        of_compared = first in ("not judged", "not compared") and "nothing" in changes
        return "nothing" if of_compared else first  # type: ignore[return-value]  # a Difference, which min widens

    @property
    def changes(self) -> str:
        """Count its findings that changed, in words."""
        counts = Counter[Difference](pair.change for pair in self.pairs if pair.change != "nothing")
        return ", ".join(f"{counts[each]} {SIGNS[each].word}" for each in _ORDER if counts[each])

    @property
    def groups(self) -> tuple[SideGroup, ...]:
        """Group its findings by hypothesis, those that changed first."""
        pairs = sorted(self.pairs, key=lambda pair: _ORDER.index(pair.change))
        return grouped((pair.sides, _sign(pair), pair.notes) for pair in pairs)


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
        """Put the counts into a sentence."""
        pairs = [pair for claim in self.claims for pair in claim.pairs]
        changes = Counter(pair.change for pair in pairs)
        given = [claim for claim in self.claims if claim.given]
        both = [pair for pair in pairs if len(pair.sides) == 2]
        tested = [pair.shift for pair in pairs if pair.shift]
        words = [
            f"{sum(claim.change == 'verdict' for claim in given)} of {len(given)} verdicts differ",
            f"{changes['conclusion']} of {len(both) - changes['not judged']} findings have another conclusion",
            f"the effects of {sum(shift.differs for shift in tested)} of {len(tested)} have moved"
            if tested
            else "no effects could be compared by their seeds",
        ]
        for run in "AB":
            only = sum([side.run for side in pair.sides] == [run] for pair in pairs)
            words += [f"{only} only in {run}"] if only else []
        words += (
            [f"{count} finding{'s' if count > 1 else ''} not judged in A or in B"]
            if (count := changes["not judged"])
            else []
        )
        return "; ".join(words)


def findings_at(path: Path) -> Path:
    """Find the findings of a run that is named by them, by their folder or by the report beside them."""
    if path.is_dir():
        return path / schema.NAME
    return path.with_name(schema.NAME) if path.suffix == ".html" else path


def read(path: Path) -> RunResult:
    """Read a run's findings. Raises FindingsError."""
    place = findings_at(path)
    if not place.is_file():
        raise FindingsError(f"no findings at {place}: name a {schema.NAME}, its folder or the report beside it")
    return schema.read(place)


def compare(a: RunResult, b: RunResult) -> Comparison:
    """Compare two runs; A is as a rule the older."""
    claims_a, claims_b = ({claim.id: claim for claim in run.claims} for run in (a, b))
    ids = list(dict.fromkeys([*claims_b, *claims_a]))
    matched = {id: _matched(claims_a.get(id), claims_b.get(id)) for id in ids}
    alpha = ALPHA / max(1, sum(not _untested(sides) for rows in matched.values() for sides in rows))
    claims = [_claim(claims_a.get(id), claims_b.get(id), matched[id], alpha) for id in ids]
    rows = tuple(_rows(a, b))
    unlike = [f"{what.lower()}: {x} in A, {y} in B" for what, x, y in rows if what in ("Profile", "Changes") and x != y]
    hashes = {id: [claims[id].preregistration.hash for claims in (claims_a, claims_b) if id in claims] for id in ids}
    otherwise = [id for id, held in hashes.items() if all(held) and len(set(held)) > 1]
    if otherwise:
        more = f" and {len(otherwise) - NAMED} more" if len(otherwise) > NAMED else ""
        unlike.append(f"preregistered otherwise: {', '.join(otherwise[:NAMED])}{more}")
    partial = "; ".join(f"{name} {_how_far(run)}" for name, run in (("A", a), ("B", b)) if run.partial)
    claims.sort(key=lambda claim: _ORDER.index(claim.change))
    return Comparison(rows, "; ".join(unlike), partial, tuple(claims), alpha)


def write(found: Comparison, path: Path) -> Path:
    """Write the comparison as one HTML page that needs nothing but itself; returns its path."""
    anchors = {claim.id: f"claim-{place}" for place, claim in enumerate(found.claims)}
    html = page.render("compare.html.j2", found=found, signs=SIGNS, anchors=anchors, title_of=str)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, html.encode())
    return path


def lines(found: Comparison) -> Iterator[str]:
    """Tell the verdicts that differ and the counts, for the terminal."""
    if found.unlike:
        yield f"these are not runs of the same experiment: {found.unlike}"
    if found.partial:
        yield f"not complete: {found.partial}"
    for claim in found.claims:
        if claim.change == "verdict":
            yield f"{claim.id}: {claim.a} in A, {claim.b} in B"
    yield found.words


def _rows(a: RunResult, b: RunResult) -> Iterator[tuple[str, str, str]]:
    def row(what: str, show: Callable[[RunResult], str]) -> tuple[str, str, str]:
        return what, show(a) or numbers.MISSING, show(b) or numbers.MISSING

    if a.partial or b.partial:
        yield row("Complete", lambda run: _how_far(run) or "yes")
    yield row("Profile", lambda run: run.profile)
    yield row("Changes", lambda run: ", ".join(sorted(run.changes)) or "none")
    yield row("Seeds", lambda run: f"{numbers.ranges(run.seeds)} of block {run.seed_block}")
    yield row("Commit", lambda run: run.commit or "")
    yield row("When", lambda run: numbers.moment(run.created))
    yield row("Machine", lambda run: f"{run.machine.cpu}, {run.machine.cpus} CPUs")
    names = dict.fromkeys([*a.versions, *b.versions])
    yield row("Libraries", lambda run: ", ".join(f"{n} {run.versions.get(n, numbers.MISSING)}" for n in names))
    yield row("Core-min", lambda run: numbers.minutes(run.cpu_seconds))
    yield row("Command", lambda run: run.command)


def _how_far(run: RunResult) -> str:
    """Say how far a run is that still goes on or was cut short; empty for a complete one."""
    part = run.partial
    return f"has {part.levels} of {part.of_levels} levels, {part.cells} of {part.of_cells} cells" if part else ""


def _matched(a: ClaimResult | None, b: ClaimResult | None) -> list[tuple[Side, ...]]:
    """A claim's findings by name, in B's order, then what A alone has."""
    held: dict[str, dict[str, Finding]] = {
        run: {f.name: f for f in claim.findings} if claim else {} for run, claim in (("A", a), ("B", b))
    }
    names = dict.fromkeys([*held["B"], *held["A"]])
    return [tuple(Side(run, found[name]) for run, found in held.items() if name in found) for name in names]


def _untested(sides: Sequence[Side]) -> str:
    """Say why their effects can't be compared by their seeds; empty where they can."""
    if len(sides) == 1:
        return "only one run has this finding"
    if unjudged := " and ".join(side.run for side in sides if not side.finding.judged):
        return f"it was not judged in {unjudged}"
    if otherwise := asked_otherwise(*sides):
        return f"the two runs asked different questions: {otherwise}"
    if missing := " and ".join(side.run for side in sides if side.finding.sample is None):
        return f"no numbers per seed were kept in {missing}"
    statistics = {side.finding.sample.statistic for side in sides if side.finding.sample}
    return "their effects are different statistics" if len(statistics) > 1 else ""


def _claim(
    a: ClaimResult | None, b: ClaimResult | None, matched: Sequence[tuple[Side, ...]], alpha: float
) -> ComparedClaim:
    pairs = []
    for sides in matched:
        why = _untested(sides)
        shift = None if why else moved(sides[1].finding, sides[0].finding, alpha)
        pairs.append(FindingPair(sides, shift, why or "the two samples can't be compared"))
    held = b or a
    assert held
    before, now = (claim.verdict if claim else "" for claim in (a, b))
    return ComparedClaim(held.id, held.says or held.id, before, now, tuple(pairs))


def _sign(pair: FindingPair) -> Mark | None:
    if pair.change == "only one":
        return Mark(f"only in {pair.sides[0].run}", "none", "half", "")
    return None if pair.change in ("nothing", "not compared") else SIGNS[pair.change]
