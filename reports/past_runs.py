"""What became of a claim's findings from run to run, and where they changed.

Complete runs with the very same numbers, as the same evidence judged again has them, are one result with a count. A
finding changed where its conclusion did; where what was asked of it did; and where its effect differs, by the drift
test of the seeds, from the first of the stretch before: a slow drift is seen in the end, and no seed counts twice. Only
the last is guarded against chance: a conclusion near its bounds may flip between two runs of one experiment.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase

from harness.results import history
from harness.results.baseline import MARGIN
from harness.results.drift import ALPHA, Shift, shift
from harness.results.history import HistoryError
from harness.results.schema import Finding, RunResult
from reports import numbers
from reports.findings_table import parameters

SHOWN = 20  # results: more would be closer together than a dot is wide
WIDTH, HEIGHT = 320.0, 150.0  # px, a panel's view box
LEFT, RIGHT, TOP, BOTTOM = 40.0, 6.0, 18.0, 30.0  # px around what is drawn
LABELLED = 5  # results: of more, only the first and the last have room for date and commit
TICKS = 4
FAR = 1e300  # nearer to the ends of what a float holds, an axis has no ticks


@dataclass(frozen=True)
class PastRuns:
    """The earlier runs, oldest first; or why there are none to show. kept: whether there is a history at all."""

    runs: tuple[RunResult, ...] = ()
    kept: bool = True
    problem: str = ""


NOT_KEPT = PastRuns(kept=False)


@dataclass(frozen=True)
class SharedResult:
    """Runs that came, one after the other, to the same numbers. here: the report's own run is among them."""

    runs: tuple[RunResult, ...]
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
        return clean.rpartition("-g")[2][:7] + "+" * (clean != text)


@dataclass(frozen=True)
class HistoryChange:
    """Where a finding changed: x in px, and why, in sentences. flip: its conclusion alone did."""

    letter: str
    x: float
    result: SharedResult
    says: tuple[str, ...]
    flip: bool


@dataclass(frozen=True)
class HistoryPoint:
    """One finding in one result; in px. y and bar are None where it has no effect."""

    x: float
    y: float | None
    bar: tuple[float, float] | None
    result: SharedResult
    finding: Finding


@dataclass(frozen=True)
class HistoryPanel:
    """One finding over all results, in px. stretches: points of lines. dates: x, text-anchor, day, commit."""

    system: str
    label: str
    points: tuple[HistoryPoint, ...]
    stretches: tuple[str, ...]
    changes: tuple[HistoryChange, ...]
    zero: float
    zone: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]
    dates: tuple[tuple[float, str, str, str], ...]
    alt: str


@dataclass(frozen=True)
class ClaimHistory:
    """One claim's. says: in a sentence or two, what is there; panels: only where there is more than one result."""

    says: str
    panels: tuple[HistoryPanel, ...] = ()


def read(path: Path | None, run: RunResult) -> PastRuns:
    """The runs of this profile with these changes; a file that can't be read costs its section alone."""
    if path is None or not path.exists():
        return NOT_KEPT
    try:
        return PastRuns(tuple(history.read(path, run.profile, run.changes)))
    except HistoryError as error:
        return PastRuns(problem=str(error))


def of_claim(claim: str, past: PastRuns, run: RunResult) -> ClaimHistory | None:
    """What is shown of one claim; None where no history is kept."""
    if not past.kept:
        return None
    if past.problem:
        return ClaimHistory(f"Not shown: {past.problem}.")
    results = _results(claim, past.runs, run)
    count = sum(len(result.runs) for result in results)
    if not results:
        return ClaimHistory("No complete run has judged this claim yet.")
    own = "" if any(result.here for result in results) else " This run is not among them: only complete runs are."
    if len(results) == 1:
        times = "One complete run" if count == 1 else f"{count} complete runs, all with the same numbers,"
        return ClaimHistory(f"{times} since {results[0].when}: nothing to compare yet.{own}")
    panels = _panels(claim, results[-SHOWN:])
    some = f"; the last {SHOWN} are shown" if len(results) > SHOWN else ""
    moved = sum(any(not change.flip for change in panel.changes) for panel in panels)
    flipped = sum(any(change.flip for change in panel.changes) for panel in panels)
    return ClaimHistory(
        f"{count} complete runs came to {len(results)} results since {results[0].when}; runs in a row with the same"
        f" numbers are one result{some}. Of {len(panels)} findings {moved or 'none'} changed, and {flipped or 'none'}"
        f" came to another conclusion alone.{own}",
        panels,
    )


def _results(claim: str, runs: Sequence[RunResult], here: RunResult) -> tuple[SharedResult, ...]:
    alike: list[tuple[list[tuple[object, ...]], list[RunResult]]] = []
    for run in runs:
        numbers_of_it = [_numbers(finding) for finding in _findings(run, claim)]
        if numbers_of_it and alike and alike[-1][0] == numbers_of_it:
            alike[-1][1].append(run)
        elif numbers_of_it:
            alike.append((numbers_of_it, [run]))
    own = (here.created, here.command)
    return tuple(SharedResult(tuple(held), any((r.created, r.command) == own for r in held)) for _, held in alike)


def _findings(run: RunResult, claim: str) -> list[Finding]:
    return [finding for finding in run.findings if finding.claim == claim]


def _numbers(finding: Finding) -> tuple[object, ...]:
    """What is the same in one result; as text, so that NaN equals itself."""
    return (
        finding.name,
        finding.conclusion,
        finding.n,
        *_asked(finding).values(),
        repr((finding.effect, finding.lower, finding.upper)),
    )


def _asked(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in ("kind", "min_effect", "unit")}


def _panels(claim: str, results: Sequence[SharedResult]) -> tuple[HistoryPanel, ...]:
    """One a finding, in the order of the newest result that has it."""
    of_name: dict[str, list[tuple[int, Finding]]] = {}
    for place, result in reversed(list(enumerate(results))):
        for finding in _findings(result.runs[0], claim):
            of_name.setdefault(finding.name, []).insert(0, (place, finding))
    alpha = ALPHA / max(1, sum(len(found) - 1 for found in of_name.values()))
    systems = [found[-1][1].system for found in of_name.values()]
    return tuple(
        _panel(found, results, alpha, parameters(name) if systems.count(found[-1][1].system) > 1 else "")
        for name, found in of_name.items()
    )


def _panel(
    found: Sequence[tuple[int, Finding]], results: Sequence[SharedResult], alpha: float, label: str
) -> HistoryPanel:
    newest = found[-1][1]
    low, high = _span([finding for _, finding in found])
    xs = [round(LEFT + (i + 0.5) * (WIDTH - LEFT - RIGHT) / len(results), 2) for i in range(len(results))]

    def at(value: float) -> float:
        share = (high - min(high, max(low, value))) / (high - low)
        return round(TOP + share * (HEIGHT - TOP - BOTTOM), 2)

    points = []
    for place, f in found:
        known = math.isfinite(f.effect)
        bar = (at(f.upper), at(f.lower)) if known else None
        points.append(HistoryPoint(xs[place], at(f.effect) if known else None, bar, results[place], f))
    changes, starts = _changes(points, alpha)
    last = len(results) - 1
    labelled = {0: "start", last: "end"} if last >= LABELLED else dict.fromkeys(range(last + 1), "middle")
    ends = points if len(points) <= 2 else (points[0], points[-1])
    said = "; ".join(f"{_effect(point.finding)} {point.finding.conclusion} on {point.result.when}" for point in ends)
    why = "; ".join(f"{change.result.when}: {' '.join(change.says)}" for change in changes) or "no change"
    return HistoryPanel(
        newest.system,
        label,
        tuple(points),
        tuple(
            " ".join(f"{point.x},{point.y}" for point in points[a:b] if point.y is not None)
            for a, b in zip(starts, [*starts[1:], len(points)], strict=True)
        ),
        changes,
        at(0.0),
        (at(newest.min_effect), at(-newest.min_effect)),
        tuple((at(value), numbers.plain(value)) for value in _ticks(low, high)),
        tuple(
            (xs[i], end, numbers.short_day(results[i].runs[0].created), results[i].commit)
            for i, end in labelled.items()
        ),
        f"{newest.system}{f', {label}' if label else ''}: effect over {len(points)} results; {said}; {why}",
    )


def _changes(points: Sequence[HistoryPoint], alpha: float) -> tuple[tuple[HistoryChange, ...], list[int]]:
    """Where a finding changed, and the places in `points` where a stretch begins."""
    changes: list[HistoryChange] = []
    starts, first = [0], points[0].finding
    for place, (before, point) in enumerate(pairwise(points), start=1):
        old, new, says = before.finding, point.finding, []
        otherwise = [f"{name} {_asked(old)[name]} → {b}" for name, b in _asked(new).items() if _asked(old)[name] != b]
        moved = None if otherwise else _moved(new, first, alpha)
        if otherwise:
            says.append(f"another question was asked: {', '.join(otherwise)}.")
        elif moved is not None and moved.differs:
            says.append(
                f"the effect moved, {_effect(first)} → {_effect(new)}: drift {numbers.effect(moved.moved, sign=True)},"
                f" p {numbers.probability(moved.p)}."
            )
        flip = not says
        if not flip:
            starts.append(place)
            first = new
        if old.conclusion != new.conclusion:
            says.append(f"{old.conclusion} → {new.conclusion}.")
        if says:
            changes.append(HistoryChange(ascii_lowercase[len(changes)], point.x, point.result, tuple(says), flip))
    return tuple(changes), starts


def _moved(new: Finding, old: Finding, alpha: float) -> Shift | None:
    """None where there are no seeds to compare, and, to spare the test, within the margin."""
    margin = MARGIN * new.min_effect
    if not abs(new.effect - old.effect) > margin or new.sample is None or old.sample is None:
        return None
    try:
        return shift(new.sample, old.sample, alpha, margin)
    except ValueError:  # of another statistic
        return None


def _effect(finding: Finding) -> str:
    return numbers.effect(finding.effect, [finding.lower, finding.upper], sign=True)


def _span(findings: Sequence[Finding]) -> tuple[float, float]:
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
