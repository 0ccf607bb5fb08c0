"""Two runs side by side: what differs between them, and what of it chance alone does not explain.

A, the one run, is as a rule the older. What changed comes first: verdicts, then conclusions, then effects that have
moved by the drift test of the seeds, then what only one of the two has.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.files import replace_file
from harness.results import schema as findings
from harness.results.drift import ALPHA, Shift, shift
from harness.results.schema import JUDGED, MARGIN, Finding
from reports import gate, numbers, strips
from reports.build import TEMPLATES, check, render
from reports.marks import CONCLUSIONS, VERDICTS, Mark, mark

NAME = "compare.html"

Change = Literal["verdict", "conclusion", "effect", "only one", "not judged", "not compared", "nothing"]
ORDER: tuple[Change, ...] = ("verdict", "conclusion", "effect", "only one", "not judged", "not compared", "nothing")
"""As changes are shown."""
# change -> tone, icon and word of a finding's or claim's sign
SIGNS: Mapping[Change, tuple[str, str, str]] = {
    "verdict": ("mixed", "bang", "verdict differs"),
    "conclusion": ("mixed", "bang", "concludes otherwise"),
    "effect": ("weak", "waves", "effect moved"),
    "only one": ("none", "half", "only in one"),
    "not judged": ("none", "dash", "not judged"),
    "not compared": ("none", "dash", "not compared"),
    "nothing": ("good", "equals", "no change shown"),
}
VERDICTS_GIVEN = ("REPRODUCED", "REFUTED", "MIXED", "INCONCLUSIVE")
NAMED = 3  # claims in a sentence


class CompareError(Exception):
    """The two can't be compared; the message is one line."""


@dataclass(frozen=True)
class Side:
    """One finding in one of the runs."""

    run: str
    finding: Finding
    mark: Mark
    strip: strips.Strip | None


@dataclass(frozen=True)
class Pair:
    """One finding in both runs, or in one of them. drift: B's effect less A's; why: what keeps it from being known."""

    a: Side | None
    b: Side | None
    drift: Shift | None
    why: str
    change: Change

    @property
    def sides(self) -> tuple[Side, ...]:
        """Those there are, A's first."""
        return tuple(side for side in (self.a, self.b) if side)

    @property
    def finding(self) -> Finding:
        """That of the newer run that has one."""
        return self.sides[-1].finding


@dataclass(frozen=True)
class Group:
    """The findings of one hypothesis, on one axis."""

    hypothesis: str
    unit: str
    axis: Sequence[tuple[float, str]]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Claim:
    """One claim in both runs. verdicts: None of a run that did not have it. changes: of its findings, in words."""

    id: str
    says: str
    a: Mark | None
    b: Mark | None
    change: Change
    changes: str
    groups: tuple[Group, ...]

    @property
    def given(self) -> bool:
        """Whether both runs judged it."""
        return all(verdict and verdict.word in VERDICTS_GIVEN for verdict in (self.a, self.b))


@dataclass(frozen=True)
class Difference:
    """A row of what the runs themselves are."""

    what: str
    a: str
    b: str

    @property
    def differs(self) -> bool:
        """Whether it is not the same in both."""
        return self.a != self.b


@dataclass(frozen=True)
class Comparison:
    """All of it. unlike: what keeps them from being runs of the same experiment; partial: which of them are not
    complete, and how far they are. Both are empty where there is nothing to say."""

    rows: tuple[Difference, ...]
    unlike: str
    partial: str
    claims: tuple[Claim, ...]
    alpha: float

    @property
    def counts(self) -> dict[str, int]:
        """How many claims and findings there are, and how many of them changed, and how."""
        pairs = [pair for claim in self.claims for group in claim.groups for pair in group.pairs]
        both = [pair for pair in pairs if pair.a and pair.b]
        return {
            "claims": sum(claim.given for claim in self.claims),
            "claims not judged": sum(bool(claim.a and claim.b) and not claim.given for claim in self.claims),
            "verdicts": sum(claim.change == "verdict" for claim in self.claims),
            "findings": sum(pair.change != "not judged" for pair in both),
            "findings not judged": sum(pair.change == "not judged" for pair in both),
            "conclusions": sum(pair.change == "conclusion" for pair in pairs),
            "tested": sum(pair.drift is not None for pair in pairs),
            "moved": sum(pair.drift is not None and pair.drift.differs for pair in pairs),
            "only in A": sum(pair.b is None for pair in pairs),
            "only in B": sum(pair.a is None for pair in pairs),
        }


def findings_at(path: Path) -> Path:
    """Where the findings lie of a run named by them, by their folder or by the report beside them."""
    if path.is_dir():
        return path / findings.NAME
    return path.with_name(findings.NAME) if path.suffix == ".html" else path


def read(path: Path) -> dict[str, Any]:
    """A run's findings. Raises CompareError."""
    place = findings_at(path)
    if not place.is_file():
        raise CompareError(
            f"there are no findings at {place}: name a findings.json, its folder or the report beside it"
        )
    try:
        summary = findings.read(place)
        check(summary)
        findings.findings_of(summary)
        for claim in summary["claims"]:
            if not isinstance(claim.get("verdict"), str):
                raise ValueError(f"claim {claim['id']!r} has no verdict")
    except findings.FindingsError as problem:
        raise CompareError(str(problem) if str(place) in str(problem) else f"{place}: {problem}") from None
    except (ValueError, OverflowError) as problem:
        raise CompareError(f"{place}: {problem}") from None
    return summary


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    """Two runs, as `read` gives them."""
    claims_a, claims_b = ({claim["id"]: claim for claim in run["claims"]} for run in (a, b))
    ids = list(dict.fromkeys([*claims_b, *claims_a]))
    found = {id: _matched(claims_a.get(id), claims_b.get(id)) for id in ids}
    tested = sum(not _untested(one, other) for matched in found.values() for one, other in matched)
    alpha = ALPHA / max(1, tested)
    claims = [_claim(claims_a.get(id), claims_b.get(id), found[id], alpha) for id in ids]
    experiment = [row for row in _rows(a, b) if row.what in ("Profile", "Changes") and row.differs]
    unlike = [f"{row.what.lower()}: {row.a} in A, {row.b} in B" for row in experiment]
    otherwise = [id for id in ids if _registered_otherwise(claims_a.get(id), claims_b.get(id))]
    if otherwise:
        more = f" and {len(otherwise) - NAMED} more" if len(otherwise) > NAMED else ""
        unlike.append(f"preregistered otherwise: {', '.join(otherwise[:NAMED])}{more}")
    return Comparison(
        tuple(_rows(a, b)),
        "; ".join(unlike),
        "; ".join(f"{name} {_how_far(run)}" for name, run in (("A", a), ("B", b)) if _how_far(run)),
        tuple(sorted(claims, key=lambda claim: ORDER.index(claim.change))),
        alpha,
    )


def write(found: Comparison, path: Path) -> Path:
    """The comparison as one HTML page that needs nothing but itself; returns its path."""
    page = render(
        "compare.html.j2",
        (TEMPLATES / "compare.css").read_text("utf-8"),
        found=found,
        words=sentence(found),
        signs={change: Mark(word, tone, icon, "") for change, (tone, icon, word) in SIGNS.items()},
        anchors={claim.id: f"claim-{place}" for place, claim in enumerate(found.claims)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, page.encode())
    return path


def table(found: Comparison) -> Iterator[str]:
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
    yield sentence(found)


def sentence(found: Comparison) -> str:
    """The counts in words."""
    n = found.counts
    words = [
        f"{n['verdicts']} of {n['claims']} verdicts differ",
        f"{n['conclusions']} of {n['findings']} findings conclude otherwise",
        f"the effects of {n['moved']} of {n['tested']} have moved"
        if n["tested"]
        else "no effects had seeds to compare",
    ]
    words += [f"{n[which]} only in {which[-1]}" for which in ("only in A", "only in B") if n[which]]
    unjudged = [
        f"{n[f'{what}s not judged']} {what}{'s' if n[f'{what}s not judged'] > 1 else ''}"
        for what in ("claim", "finding")
        if n[f"{what}s not judged"]
    ]
    if unjudged:
        words.append(f"{' and '.join(unjudged)} not judged in A or in B")
    return "; ".join(words)


def _rows(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    def row(what: str, show: Any) -> Difference:
        return Difference(what, *(show(run) or numbers.MISSING for run in (a, b)))

    if any(_how_far(run) for run in (a, b)):
        yield row("Complete", lambda run: _how_far(run) or "yes")
    yield row("Profile", lambda run: numbers.plain(run.get("profile")))
    yield row("Changes", lambda run: ", ".join(sorted(map(str, run.get("changes") or []))) or "none")
    yield row("Seed block", lambda run: numbers.plain(run.get("seed_block")))
    yield row("Seeds", lambda run: numbers.ranges(run.get("seeds")))
    yield row("Commit", lambda run: numbers.plain(run.get("commit")))
    yield row("When", lambda run: numbers.moment(run.get("created")))
    yield row("Machine", lambda run: _machine(run.get("machine")))
    versions = [_mapping(run.get("versions")) for run in (a, b)]
    libraries = [
        Difference(str(name), *(numbers.plain(held.get(name)) for held in versions))
        for name in dict.fromkeys(name for held in versions for name in held)
    ]
    yield from (library for library in libraries if library.differs)
    alike = ", ".join(f"{library.what} {library.a}" for library in libraries if not library.differs)
    if alike:
        yield Difference("Libraries", alike, alike)
    yield row("Core-min", lambda run: numbers.minutes(run.get("cpu_seconds")))
    yield row("Command", lambda run: numbers.plain(run.get("command")))


def _how_far(run: Mapping[str, Any]) -> str:
    """Of a run that is going or was cut short, in words; empty of a complete one."""
    part = gate.partial(run.get("partial"))
    if part is None:
        return ""
    return f"has {part.levels} of {part.of_levels} levels, {part.cells} of {part.of_cells} cells"


def _registered_otherwise(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> bool:
    """Whether both say what they had committed themselves to, and it is not the same."""
    before, now = (_mapping((claim or {}).get("preregistration")).get("hash") for claim in (a, b))
    return bool(before and now and before != now)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _machine(machine: Any) -> str:
    held = _mapping(machine)
    return f"{numbers.plain(held.get('cpu'))}, {numbers.plain(held.get('cpus'))} CPUs"


_Matched = tuple[Finding | None, Finding | None]


def _matched(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> list[_Matched]:
    """A claim's findings by name, in B's order, then what A alone has."""
    of_a, of_b = (_by_name(findings.findings_of({"claims": [claim]}) if claim else []) for claim in (a, b))
    return [(of_a.get(name), of_b.get(name)) for name in dict.fromkeys([*of_b, *of_a])]


def _by_name(found: Sequence[Finding]) -> dict[tuple[str, int], Finding]:
    """By name and, where a file has one twice, which of them it is."""
    times: Counter[str] = Counter()
    held = {}
    for finding in found:
        held[finding.name, times[finding.name]] = finding
        times[finding.name] += 1
    return held


def _untested(a: Finding | None, b: Finding | None) -> str:
    """Why their effects can't be compared by their seeds, in words; empty where they can."""
    if a is None or b is None:
        return "there is nothing to compare it with"
    if unjudged := " and ".join(run for run, side in (("A", a), ("B", b)) if side.conclusion not in JUDGED):
        return f"it was not judged in {unjudged}"
    for name in ("kind", "min_effect", "unit"):
        before, now = getattr(a, name), getattr(b, name)
        if before != now:
            return f"they were asked otherwise: {name} {before} in A, {now} in B"
    if a.sample is None or b.sample is None:
        missing = " and ".join(run for run, side in (("A", a), ("B", b)) if side.sample is None)
        return f"no numbers per seed were kept in {missing}"
    if a.sample["statistic"] != b.sample["statistic"]:
        return "their effects are of two statistics"
    return ""


def _claim(
    a: Mapping[str, Any] | None, b: Mapping[str, Any] | None, matched: Sequence[_Matched], alpha: float
) -> Claim:
    together: dict[tuple[str, str], list[_Matched]] = {}
    for one, other in matched:
        newer = other or one
        assert newer
        together.setdefault((newer.hypothesis, newer.unit), []).append((one, other))
    groups = [_group(hypothesis, unit, members, alpha) for (hypothesis, unit), members in together.items()]
    groups.sort(key=lambda group: ORDER.index(group.pairs[0].change))
    changes = [pair.change for group in groups for pair in group.pairs]
    change: Change = min(changes, key=ORDER.index, default="not compared")
    if change in ("not judged", "not compared") and "nothing" in changes:
        change = "nothing"  # of what was compared
    if a is None or b is None:
        change = "only one"
    elif a["verdict"] not in VERDICTS_GIVEN or b["verdict"] not in VERDICTS_GIVEN:
        change = "not judged"
    elif a["verdict"] != b["verdict"]:
        change = "verdict"
    counted = {word: changes.count(word) for word in ORDER if word != "nothing" and word in changes}
    held: Mapping[str, Any] = b or a or {}
    return Claim(
        held["id"],
        str(held.get("says") or held["id"]),
        mark(a["verdict"], VERDICTS) if a else None,
        mark(b["verdict"], VERDICTS) if b else None,
        change,
        ", ".join(f"{count} {SIGNS[word][2]}" for word, count in counted.items()),
        tuple(groups),
    )


def _group(hypothesis: str, unit: str, matched: Sequence[_Matched], alpha: float) -> Group:
    plain = [{**finding.plain(), "sensitivity": ()} for pair in matched for finding in pair if finding]
    half = strips.scale(plain)
    pairs = sorted((_pair(*pair, half, alpha) for pair in matched), key=lambda pair: ORDER.index(pair.change))
    return Group(hypothesis, unit, strips.axis(half), tuple(pairs))


def _pair(a: Finding | None, b: Finding | None, half: float, alpha: float) -> Pair:
    why = _untested(a, b)
    moved = None
    if a and b and not why:
        new, old = (side.sample for side in (b, a))
        try:
            moved = shift(new, old, alpha, MARGIN * b.min_effect)
        except ValueError as problem:
            why = str(problem)
    change: Change = "nothing"
    if a is None or b is None:
        change = "only one"
    elif a.conclusion not in JUDGED or b.conclusion not in JUDGED:
        change = "not judged"
    elif a.conclusion != b.conclusion:
        change = "conclusion"
    elif moved is None:
        change = "not compared"
    elif moved.differs:
        change = "effect"
    return Pair(_side("A", a, half), _side("B", b, half), moved, why, change)


def _side(run: str, finding: Finding | None, half: float) -> Side | None:
    if finding is None:
        return None
    strip = strips.strip(finding.plain(), half, finding.min_effect)
    return Side(run, finding, mark(finding.conclusion, CONCLUSIONS), strip)
