"""The board: claims by systems, each cell with what the claim's findings concluded there.

A system is a task with a learner: what a claim changes beside that (a horizon, an initialiser) is told where its
findings are. A finding that compares systems is counted on each of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.results.schema import Finding, SystemTitle
from reports.marks import CHANGED, COMPARED, CONCLUSIONS, STANDINGS, Mark, tally


@dataclass(frozen=True)
class Column:
    """A column. task, learner: as findings name them; learner is empty where they name a task alone."""

    task: str
    learner: str
    heading: str
    """The learner, for a column under its task."""
    task_title: str

    @property
    def key(self) -> str:
        """The name that findings have for it: "cart-pole ppo"."""
        return f"{self.task} {self.learner}".strip()

    @property
    def title(self) -> str:
        """Task and learner, for people."""
        return f"{self.task_title} {self.heading}".strip()


@dataclass(frozen=True)
class CellTally:
    """How many findings of a cell concluded so, and where the first of them stands. of: their hypotheses."""

    mark: Mark
    anchor: str
    of: str


@dataclass(frozen=True)
class BoardCell:
    """What one claim concluded on a system; without tallies, nothing. first: it begins a task's columns."""

    title: str
    tallies: tuple[CellTally, ...]
    first: bool


@dataclass(frozen=True)
class BoardLine:
    """One claim's row. systems: keys of all columns that it has findings in. changes: its findings that are not as the
    baseline has them, the worst first; compared: whether any could be compared with it. waits: why none of its findings
    was run, where that is one reason."""

    cells: tuple[BoardCell, ...]
    systems: tuple[str, ...]
    changes: tuple[Mark, ...]
    compared: bool
    waits: str

    @property
    def changed(self) -> int:
        """How many findings are not as the baseline has them."""
        return sum(mark.count for mark in self.changes)


@dataclass(frozen=True)
class Board:
    """tasks: title -> columns, in the order of all. lines: in the order of the claims."""

    tasks: tuple[tuple[str, tuple[Column, ...]], ...]
    lines: tuple[BoardLine, ...]
    columns: int
    compared: bool


class SystemNames:
    """Turns the names that findings have for systems ("cart-pole ppo horizon 200") into titles and columns.

    titles: in the order in which they are shown.
    """

    def __init__(self, titles: Sequence[SystemTitle]):
        self._titles = {one.key: one for one in titles}
        self._tasks = {one.key.split(" ")[0]: one.task for one in titles}

    def title(self, name: str) -> str:
        """`Cart-Pole PPO horizon 200`; a text that names no system stays what it is."""
        column = self._column(name)
        rest = name.split(" ")[2:]
        return " ".join([column.title, *rest]) if column.key in self._titles else name

    def systems_of(self, finding: Finding) -> tuple[Column, ...]:
        """Return the systems that a finding is about: those of its runs, or the one that it names itself."""
        return tuple(dict.fromkeys(map(self._column, finding.scale or [finding.system])))

    def columns(self, systems: Iterable[Column]) -> list[Column]:
        """Sort columns as the run does; tasks and learners that it does not name come last."""
        known, order = list(dict.fromkeys(systems)), list(self._titles)
        tasks = list(dict.fromkeys([*self._tasks, *(system.task for system in known)]))

        def place(system: Column) -> tuple[int, int, str]:
            last = order.index(system.key) if system.key in order else len(order)
            return tasks.index(system.task), last, system.learner

        return sorted(known, key=place)

    def _column(self, name: str) -> Column:
        task, learner, *_ = [*name.split(), "", ""]
        known = self._titles.get(f"{task} {learner}".strip())
        heading = known.learner if known else learner.upper()
        return Column(task, learner, heading, self._tasks.get(task, task) or "no system")


def board(claims: Sequence[Sequence[Finding]], names: SystemNames, anchors: Mapping[str, str]) -> Board:
    """Lay out the findings of each claim. anchors: the ids of the findings' rows, by nodeid."""
    columns = names.columns(system for findings in claims for f in findings for system in names.systems_of(f))
    tasks = tuple((task, tuple(group)) for task, group in groupby(columns, key=lambda column: column.task_title))
    lines = tuple(_line(findings, columns, names, anchors) for findings in claims)
    return Board(tasks, lines, len(columns), any(line.compared for line in lines))


def _line(
    findings: Sequence[Finding], columns: Sequence[Column], names: SystemNames, anchors: Mapping[str, str]
) -> BoardLine:
    held = {column: [f for f in findings if column in names.systems_of(f)] for column in columns}
    tasks = ["", *(column.task for column in columns)]
    firsts = [before != column.task for before, column in zip(tasks, columns, strict=False)]
    standings = [finding.standing for finding in findings if finding.standing]
    reasons = {finding.reason if finding.conclusion == "not run" else "" for finding in findings}
    return BoardLine(
        tuple(BoardCell(c.title, _tallies(held[c], anchors), first) for c, first in zip(columns, firsts, strict=True)),
        tuple(column.key for column in columns if held[column]),
        tally((standing for standing in standings if standing in CHANGED), STANDINGS),
        any(standing in COMPARED for standing in standings),
        reasons.pop() if len(reasons) == 1 else "",
    )


def _tallies(findings: Sequence[Finding], anchors: Mapping[str, str]) -> tuple[CellTally, ...]:
    tallies = []
    for mark in tally((finding.conclusion for finding in findings), CONCLUSIONS):
        these = [finding for finding in findings if finding.conclusion == mark.word]
        hypotheses = "; ".join(dict.fromkeys(finding.hypothesis or finding.name for finding in these))
        tallies.append(CellTally(mark, anchors[these[0].nodeid], hypotheses))
    return tuple(tallies)
