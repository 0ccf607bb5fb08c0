"""What became of a claim's findings from run to run, and where they changed.

Complete runs that came to the very same numbers, as the same evidence judged again does, are one result with a count.
A finding changed where its conclusion did; where what was asked of it did; and where its effect differs, by the drift
test of the seeds, from the first of the stretch before: a slow drift is seen in the end, and no seed counts twice.
Only the last is guarded against chance: a conclusion near its bounds may flip between two runs of one experiment.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from harness.results import history
from harness.results.baseline import MARGIN
from harness.results.drift import ALPHA, Shift, shift
from harness.results.history import HistoryError
from harness.results.schema import Finding as PastFinding
from harness.results.schema import RunResult as PastRun
from reports import numbers

SHOWN = 20  # results: more would be closer together than a dot is wide
WIDTH, HEIGHT = 320.0, 150.0  # px, a panel's view box
LEFT, RIGHT, TOP, BOTTOM = 40.0, 6.0, 18.0, 30.0  # px around what is drawn
LABELLED = 5  # results: of more, only the first and the last have room for date and commit
TICKS = 4
FAR = 1e300  # nearer to the ends of what a float holds, an axis has no ticks


@dataclass(frozen=True)
class Known:
    """The runs to show, oldest first; or why there are none."""

    runs: tuple[PastRun, ...] = ()
    kept: bool = True
    problem: str = ""


UNKNOWN = Known(kept=False)


@dataclass(frozen=True)
class Result:
    """Runs that came, one after the other, to the same numbers. here: the report's own run is among them."""

    runs: tuple[PastRun, ...]
    here: bool

    @property
    def when(self) -> str:
        """The day of the first."""
        return numbers.day(self.runs[0].created)

    @property
    def commit(self) -> str:
        """Of the first, short; with a + where the tree had changes."""
        text = self.runs[0].commit or ""
        clean = text.removesuffix("-dirty")
        return clean.rpartition("-g")[2][:7] + ("+" if clean != text else "")

    @property
    def label(self) -> str:
        """The day, short."""
        try:
            when = datetime.fromisoformat(self.runs[0].created)
        except ValueError:
            return self.runs[0].created[:10]
        return f"{when.day} {when:%b %y}"


@dataclass(frozen=True)
class Mark:
    """Where a finding changed: x in px, and why, in sentences. flip: its conclusion alone did."""

    letter: str
    x: float
    result: Result
    says: tuple[str, ...]
    flip: bool


@dataclass(frozen=True)
class Point:
    """One finding in one result; in px. An end is open where its bound lies outside the panel."""

    x: float
    y: float | None
    bar: tuple[float, float] | None
    conclusion: str
    result: Result
    finding: PastFinding


@dataclass(frozen=True)
class Panel:
    """One finding over all results. zero, zone, ticks, stretches: in px."""

    heading: str
    label: str
    points: tuple[Point, ...]
    stretches: tuple[str, ...]
    marks: tuple[Mark, ...]
    zero: float
    zone: tuple[float, float] | None
    ticks: tuple[tuple[float, str], ...]
    dates: tuple[tuple[float, str, str, str], ...]
    """x, where the text is anchored there, day, commit."""
    alt: str


@dataclass(frozen=True)
class History:
    """One claim's. says: in a sentence or two, what is there; panels: only where there is more than one result."""

    says: str
    panels: tuple[Panel, ...] = ()
    width: float = field(default=WIDTH, init=False)
    height: float = field(default=HEIGHT, init=False)
    floor: float = field(default=HEIGHT - BOTTOM, init=False)
    left: float = field(default=LEFT, init=False)
    top: float = field(default=TOP, init=False)


def known(path: Path | None, summary: Mapping[str, Any]) -> Known:
    """The runs of this profile with these changes in a file; a file that can't be read costs its section alone."""
    if path is None or not path.exists():
        return UNKNOWN
    try:
        return Known(tuple(history.read(path, str(summary.get("profile")), summary.get("changes") or ())))
    except HistoryError as error:
        return Known(problem=str(error))


def of_claim(claim: str, past: Known, summary: Mapping[str, Any]) -> History | None:
    """What is shown of one claim; None where no history is kept."""
    if not past.kept:
        return None
    if past.problem:
        return History(f"Not shown: {past.problem}.")
    results = _results(claim, past.runs, summary)
    runs = sum(len(result.runs) for result in results)
    if not results:
        return History("No complete run has judged this claim yet.")
    own = "" if any(result.here for result in results) else " This run is not among them: only complete runs are kept."
    if len(results) == 1:
        times = "One complete run" if runs == 1 else f"{runs} complete runs, all with the same numbers,"
        return History(f"{times} since {results[0].when}: nothing to compare yet.{own}")
    try:
        return _drawn(claim, results, runs, own)
    except HistoryError as error:
        return History(f"Not shown: {error}.")


def _drawn(claim: str, results: Sequence[Result], runs: int, own: str) -> History:
    shown = results[-SHOWN:]
    of = "" if len(shown) == len(results) else f"; the last {len(shown)} are shown"
    panels = _panels(claim, shown)
    moved = sum(any(not mark.flip for mark in panel.marks) for panel in panels)
    flipped = sum(any(mark.flip for mark in panel.marks) for panel in panels)
    of_all = f"of {len(panels)} findings"
    what = f"{moved} {of_all} changed" if moved else "No change of an effect was shown"
    what += f", {flipped} {'' if moved else f'{of_all} '}came to another conclusion" if flipped else ""
    what += " among these" if of else ""
    return History(
        f"{runs} complete runs came to {len(results)} results since {results[0].when}, runs in a row with the same"
        f" numbers being one{of}. {what}.{own}",
        panels,
    )


def _results(claim: str, runs: Sequence[PastRun], summary: Mapping[str, Any]) -> tuple[Result, ...]:
    alike: list[tuple[Any, list[PastRun]]] = []
    for run in runs:
        numbers_of_it = [_numbers(finding) for finding in run.findings if finding.claim == claim]
        if numbers_of_it and alike and alike[-1][0] == numbers_of_it:
            alike[-1][1].append(run)
        elif numbers_of_it:
            alike.append((numbers_of_it, [run]))
    own = (summary.get("created"), summary.get("command"))
    return tuple(
        Result(tuple(members), any((run.created, run.command) == own for run in members)) for _, members in alike
    )


def _numbers(finding: PastFinding) -> tuple[Any, ...]:
    """What must be the same in one result; a number that is none equals itself here."""
    values = (None if math.isnan(x) else x for x in (finding.effect, finding.lower, finding.upper))
    return finding.name, finding.conclusion, finding.n, *_asked(finding).values(), *values


def _asked(finding: PastFinding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("kind", "min_effect", "unit")}


def _panels(claim: str, results: Sequence[Result]) -> tuple[Panel, ...]:
    """One a finding, in the order of the newest result that has it."""
    of_name: dict[str, list[tuple[int, PastFinding]]] = {}
    for place, result in reversed(list(enumerate(results))):
        for finding in result.runs[0].findings:
            if finding.claim == claim:
                of_name.setdefault(finding.name, []).insert(0, (place, finding))
    tested = sum(len(found) - 1 for found in of_name.values())
    newest = [found[-1][1] for found in of_name.values()]
    return tuple(
        _panel(found, results, ALPHA / max(1, tested), _label(finding, newest))
        for finding, found in zip(newest, of_name.values(), strict=True)
    )


def _label(finding: PastFinding, among: Sequence[PastFinding]) -> str:
    """What tells findings of one system apart: the hypothesis, or else the item's parameters."""
    alike = [other for other in among if other.system == finding.system]
    if len(alike) == 1:
        return ""
    if sum(other.hypothesis == finding.hypothesis for other in alike) == 1:
        return finding.hypothesis
    return finding.name.partition("[")[2].removesuffix("]") or finding.name


def _panel(found: Sequence[tuple[int, PastFinding]], results: Sequence[Result], alpha: float, label: str) -> Panel:
    newest = found[-1][1]
    low, high = _span([finding for _, finding in found])
    breadth, depth = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    xs = [round(LEFT + (place + 0.5) * breadth / len(results), 2) for place in range(len(results))]

    def at(value: float) -> float:
        return round(TOP + (high - min(high, max(low, value))) / (high - low) * depth, 2)

    points = tuple(
        Point(
            xs[place],
            None if not math.isfinite(finding.effect) else at(finding.effect),
            None if not math.isfinite(finding.effect) else (at(finding.upper), at(finding.lower)),
            finding.conclusion,
            results[place],
            finding,
        )
        for place, finding in found
    )
    marks, starts = _marks(points, alpha)
    last = len(results) - 1
    labelled = {0: "start", last: "end"} if last >= LABELLED else dict.fromkeys(range(last + 1), "middle")
    alt = "; ".join(f"{_effect(point.finding)} {point.conclusion} on {point.result.when}" for point in _ends(points))
    changes = "; ".join(f"{mark.result.when}: {' '.join(mark.says)}" for mark in marks) or "no change"
    return Panel(
        newest.system,
        label,
        points,
        tuple(
            " ".join(f"{point.x},{point.y}" for point in points[a:b] if point.y is not None)
            for a, b in zip(starts, [*starts[1:], len(points)], strict=True)
        ),
        marks,
        at(0.0),
        (at(newest.min_effect), at(-newest.min_effect)) if newest.min_effect > 0 else None,
        tuple((at(value), numbers.plain(value)) for value in _ticks(low, high)),
        tuple((xs[place], end, results[place].label, results[place].commit) for place, end in labelled.items()),
        f"{newest.system}{f', {label}' if label else ''}: effect over {len(points)} results; {alt}; {changes}",
    )


def _ends(points: Sequence[Point]) -> Sequence[Point]:
    return points if len(points) <= 2 else (points[0], points[-1])


def _marks(points: Sequence[Point], alpha: float) -> tuple[tuple[Mark, ...], list[int]]:
    """Where a finding changed, and the places in `points` where a stretch begins."""
    marks: list[Mark] = []
    starts, first = [0], points[0].finding
    for place, (before, point) in enumerate(pairwise(points), start=1):
        says = []
        old, new = before.finding, point.finding
        if asked := [
            f"{name} {a} → {b}"
            for (name, a), b in zip(_asked(old).items(), _asked(new).values(), strict=True)
            if a != b
        ]:
            says.append(f"it was asked otherwise: {', '.join(asked)}.")
            starts.append(place)
            first = new
        elif (moved := _moved(new, first, alpha)) is not None and moved.differs:
            says.append(
                f"the effect moved, {_effect(first)} → {_effect(new)}: drift {numbers.effect(moved.value, sign=True)},"
                f" p {numbers.probability(moved.p)}."
            )
            starts.append(place)
            first = new
        if old.conclusion != new.conclusion:
            says.append(f"{old.conclusion} → {new.conclusion}.")
        if says:
            flip = starts[-1] != place
            marks.append(Mark(ascii_lowercase[len(marks)], point.x, point.result, tuple(says), flip))
    return tuple(marks), starts


def _moved(new: PastFinding, old: PastFinding, alpha: float) -> Shift | None:
    """None where there are no seeds to compare, and, to spare the test, within the margin."""
    margin = MARGIN * new.min_effect
    if not abs(new.effect - old.effect) > margin:
        return None
    one, other = new.sample(), old.sample()
    try:
        return None if one is None or other is None else shift(one, other, alpha, margin)
    except ValueError:  # of another statistic
        return None


def _effect(finding: PastFinding) -> str:
    return numbers.effect(finding.effect, [finding.lower, finding.upper], sign=True)


def _span(findings: Sequence[PastFinding]) -> tuple[float, float]:
    """The numbers that a panel holds: all that are not too far out, and zero."""
    held = [x for finding in findings for x in (finding.effect, finding.lower, finding.upper) if abs(x) < FAR]
    low, high = min([0.0, *held]), max([0.0, *held])
    room = 0.06 * (high - low) if high - low > 1 / FAR else 1.0
    return (low - room if low < 0 else -room / 2), (high + room if high > 0 else room / 2)


def _ticks(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 of a power of ten, at most `TICKS`."""
    power = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step = next(s * power for s in (1, 2, 5, 10, 20) if (high - low) / (s * power) < TICKS)
    return [round(k * step, 12) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
