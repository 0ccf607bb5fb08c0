"""The findings of a claim from run to run, and where they changed.

Complete runs with the very same numbers, as the same evidence judged again has them, are one result with a count. A
finding changed where its conclusion did; where what was asked of it did; and where its effect differs, by the drift
test of the seeds, from the first result since the last change: a slow drift is seen in the end, and no seed counts
twice. Only the last is guarded against chance: a conclusion near its bounds may flip between two runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from harness.results import history
from harness.results.baseline import MARGIN, moved
from harness.results.drift import ALPHA
from harness.results.history import HistoryError
from harness.results.schema import Finding, RunResult
from reports import numbers
from reports.marks import Mark
from reports.side_by_side import ASKED, Side, SideGroup, asked_otherwise, effect_of, grouped

SHOWN = 20  # results; of more, the newest
CHANGED = Mark("changed", "mixed", "bang", "")
FLIPPED = Mark("another conclusion", "weak", "half", "")


@dataclass(frozen=True)
class PastRuns:
    """The earlier runs, oldest first; or the problem why there are none to show."""

    runs: tuple[RunResult, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class ClaimHistory:
    """One claim's. says: in a sentence or two, what is there; groups: only where there is more than one result."""

    says: str
    groups: tuple[SideGroup, ...] = ()
    changes: bool = False


@dataclass(frozen=True)
class _Result:
    """Runs that came, one after the other, to the same findings of a claim. here: this run is among them."""

    runs: tuple[RunResult, ...]
    findings: tuple[Finding, ...]
    here: bool

    @property
    def more(self) -> str:
        first = self.runs[0]
        said = [first.commit or "not committed", f"seeds {numbers.ranges(first.seeds)}"]
        said += [f"{len(self.runs)} runs"] * (len(self.runs) > 1) + ["this run"] * self.here
        return ", ".join(said)


def read(path: Path | None, run: RunResult) -> PastRuns | None:
    """Read the runs of this profile with these changes; a file that can't be read costs its section alone."""
    if path is None or not path.exists():
        return None
    try:
        return PastRuns(tuple(history.read(path, run.profile, run.changes)))
    except HistoryError as error:
        return PastRuns(problem=str(error))


def of_claim(claim: str, past: PastRuns | None, run: RunResult) -> ClaimHistory | None:
    """The history of one claim; None where no history is kept."""
    if past is None:
        return None
    if past.problem:
        return ClaimHistory(f"Not shown: {past.problem}.")
    results = _results(claim, past.runs, run)
    if not results:
        return ClaimHistory("No complete run has judged this claim yet.")
    count, since = sum(len(result.runs) for result in results), numbers.day(results[0].runs[0].created)
    own = "" if any(result.here for result in results) else " This run is not among them, since it is not complete."
    if len(results) == 1:
        times = "One complete run" if count == 1 else f"{count} complete runs, all with the same numbers,"
        return ClaimHistory(f"{times} since {since}: nothing to compare yet.{own}")
    groups = _groups(results[-SHOWN:])
    signs = [row.sign for group in groups for row in group.rows]
    some = f"; the last {SHOWN} are shown" if len(results) > SHOWN else ""
    return ClaimHistory(
        f"{count} complete runs gave {len(results)} results since {since}; consecutive runs with the same numbers are"
        f" one result{some}. Of {len(signs)} findings {signs.count(CHANGED) or 'none'} changed, and"
        f" {signs.count(FLIPPED) or 'none'} differs in its conclusion alone.{own}",
        groups,
        any(signs),
    )


def _results(claim: str, runs: Sequence[RunResult], here: RunResult) -> list[_Result]:
    results: list[_Result] = []
    for run in runs:
        found = tuple(finding for finding in run.findings if finding.claim == claim)
        own = (run.created, run.command) == (here.created, here.command)
        if found and results and list(map(_numbers, results[-1].findings)) == list(map(_numbers, found)):
            results[-1] = _Result((*results[-1].runs, run), results[-1].findings, results[-1].here or own)
        elif found:
            results.append(_Result((run,), found, own))
    return results


def _numbers(finding: Finding) -> tuple[object, ...]:
    """Return what is the same in one result; bounds are text, so that NaN equals itself."""
    asked = [getattr(finding, name) for name in ASKED]
    return finding.name, finding.conclusion, finding.n, *asked, repr((finding.effect, finding.lower, finding.upper))


def _groups(results: Sequence[_Result]) -> tuple[SideGroup, ...]:
    """A row a finding, in the order of the newest result that has it."""
    sides: dict[str, list[Side]] = {}
    for result in reversed(results):
        for finding in result.findings:
            side = Side(numbers.short_day(result.runs[0].created), finding, result.more)
            sides.setdefault(finding.name, []).insert(0, side)
    alpha = ALPHA / max(1, sum(len(held) - 1 for held in sides.values()))
    return grouped((held, *_changes(held, alpha)) for held in sides.values())


def _changes(sides: Sequence[Side], alpha: float) -> tuple[Mark | None, list[str]]:
    """What became of one finding: the sign of its row, and where it changed, in sentences."""
    notes, sign, first = [], None, sides[0].finding
    for before, side in pairwise(sides):
        old, new, says = before.finding, side.finding, []
        otherwise = asked_otherwise(before, side)
        far = abs(new.effect - first.effect) > MARGIN * new.min_effect  # nearer, the test is spared
        shifted = moved(new, first, alpha) if far and not otherwise else None
        if otherwise:
            says.append(f"the question changed: {otherwise}")
        elif shifted is not None and shifted.differs:
            drift = f"drift {numbers.effect(shifted.moved, sign=True)}, p {numbers.probability(shifted.p)}"
            says.append(f"the effect moved, {effect_of(first)} → {effect_of(new)}: {drift}")
        if says:
            sign, first = CHANGED, new
        if old.conclusion != new.conclusion:
            says.append(f"{old.conclusion} → {new.conclusion}")
            sign = sign or FLIPPED
        notes += [f"{side.run}: {'; '.join(says)}."] if says else []
    return sign, notes
