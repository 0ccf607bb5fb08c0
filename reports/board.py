"""The board: claims by systems, each cell with what the claim's findings concluded there.

A system is a task with a learner: what a claim changes beside that (a horizon, an initialiser) is told where its
findings are. A finding that compares learners of one task lies across their columns, where these stand beside each
other and the claim has nothing else in them; else it is in each of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from harness.profiles.profile import TASKS
from reports.marks import CHANGED, COMPARED, CONCLUSIONS, STANDINGS, Mark, tally

LEARNERS = ("bc", "ppo", "dqn")
"""The order of a task's columns. Cloning stands beside what it is compared with most."""
FEW = 5
"""Columns up to which a cell has room for words."""


@dataclass(frozen=True)
class System:
    """A column. `learner` is empty for findings that name a task alone."""

    task: str
    learner: str

    @property
    def key(self) -> str:
        """As it is named in findings: "cart-pole ppo"."""
        return f"{self.task} {self.learner}".strip()

    @property
    def heading(self) -> str:
        """The learner, for a column under its task."""
        return self.learner.upper() or "–"

    @property
    def title(self) -> str:
        """Task and learner, for people."""
        return f"{task_title(self.task)} {self.learner.upper()}".strip()


@dataclass(frozen=True)
class Tally:
    """How many findings of a cell concluded so, and where the first of them stands."""

    mark: Mark
    anchor: str
    of: str


@dataclass(frozen=True)
class Cell:
    """What one claim concluded on `span` columns; without tallies, nothing. `first`: it begins a task's columns."""

    span: int
    title: str
    shared: str
    tallies: tuple[Tally, ...]
    first: bool


@dataclass(frozen=True)
class Line:
    """One claim's row. systems: keys of all columns that it has findings in. changes: its findings that are not as
    the baseline has them, the worst first; compared: whether any could be held against it. waits: why none of its
    findings was run, where that is one reason."""

    cells: tuple[Cell, ...]
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
    """`tasks`: each with its columns, in the order of all. `lines`: in the order of the claims."""

    tasks: tuple[tuple[str, tuple[System, ...]], ...]
    lines: tuple[Line, ...]
    few: bool
    compared: bool

    @property
    def columns(self) -> int:
        """How many systems it has."""
        return sum(len(systems) for _, systems in self.tasks)


def board(claims: Sequence[Sequence[Mapping[str, Any]]]) -> Board:
    """Of each claim's findings, which have an `anchor`."""
    found = [finding for findings in claims for finding in findings]
    columns = _columns(system for finding in found for system in systems_of(finding))
    tasks = tuple((task_title(task), tuple(group)) for task, group in groupby(columns, key=lambda column: column.task))
    lines = tuple(_line(findings, columns) for findings in claims)
    return Board(tasks, lines, len(columns) <= FEW, any(line.compared for line in lines))


def systems_of(finding: Mapping[str, Any]) -> tuple[System, ...]:
    """The systems that a finding is about: those of its runs, or what it names itself."""
    scale = finding.get("scale")
    named = list(scale) if isinstance(scale, Mapping) and scale else [finding.get("system") or ""]
    return tuple(dict.fromkeys(_system(str(name)) for name in named))


def task_title(task: str) -> str:
    """`Cart-Pole`; GridMaze as the paper writes it."""
    if task == "gridmaze":
        return "GridMaze"
    return "-".join(word[:1].upper() + word[1:] for word in task.split("-")) or "no system"


def system_title(name: str) -> str:
    """`Cart-Pole PPO horizon 200`, of `cart-pole ppo horizon 200`; a text that names no system stays what it is."""
    task, *changes = name.split(" ")
    if not re.fullmatch("[a-z][a-z0-9-]*", task) or (changes and changes[0] not in LEARNERS):
        return name
    return " ".join([task_title(task), *(learner.upper() for learner in changes[:1]), *changes[1:]])


def _system(name: str) -> System:
    task, learner, *_ = [*name.split(), "", ""]
    return System(task, learner)


def _columns(systems: Iterable[System]) -> list[System]:
    """The suite's tasks in its order, then others as they come; the learners of each in that of LEARNERS."""
    known = list(dict.fromkeys(systems))
    tasks = list(dict.fromkeys((*TASKS, *(system.task for system in known))))

    def place(system: System) -> tuple[int, int, str]:
        learner = system.learner
        return tasks.index(system.task), (*LEARNERS, learner).index(learner), learner

    return sorted(known, key=place)


def _line(findings: Sequence[Mapping[str, Any]], columns: Sequence[System]) -> Line:
    groups: dict[tuple[int, ...], list[Mapping[str, Any]]] = {}
    for finding in findings:
        groups.setdefault(tuple(sorted(columns.index(system) for system in systems_of(finding))), []).append(finding)
    across = {places for places in groups if len(places) > 1 and _may_lie_across(places, groups, columns)}
    cells: list[Cell] = []
    place = 0
    while place < len(columns):
        wide = next((places for places in across if places[0] == place), (place,))
        here = [f for places, members in groups.items() if places == wide or place in places for f in members]
        cells.append(_cell(here, [columns[i] for i in wide], first=_begins(place, columns)))
        place += len(wide)
    standings = [f["drift"].get("standing") for f in findings if isinstance(f.get("drift"), Mapping)]
    return Line(
        tuple(cells),
        tuple(columns[i].key for i in sorted({i for places in groups for i in places})),
        tally((standing for standing in standings if standing in CHANGED), STANDINGS),
        any(standing in COMPARED for standing in standings),
        _waits(findings),
    )


def _waits(findings: Sequence[Mapping[str, Any]]) -> str:
    reasons = {str(f["reason"] or "") if f["conclusion"] == "not run" else "" for f in findings}
    return reasons.pop() if len(reasons) == 1 else ""


def _may_lie_across(places: tuple[int, ...], groups: Iterable[tuple[int, ...]], columns: Sequence[System]) -> bool:
    beside = places == tuple(range(places[0], places[-1] + 1))
    one_task = len({columns[place].task for place in places}) == 1
    return beside and one_task and not any(set(places) & set(other) for other in groups if other != places)


def _begins(place: int, columns: Sequence[System]) -> bool:
    return place == 0 or columns[place].task != columns[place - 1].task


def _cell(findings: Sequence[Mapping[str, Any]], systems: Sequence[System], first: bool) -> Cell:
    learners = " and ".join(system.learner.upper() for system in systems)
    title = systems[0].title if len(systems) == 1 else f"{task_title(systems[0].task)}, {learners}"
    tallies = []
    for mark in tally((finding["conclusion"] for finding in findings), CONCLUSIONS):
        these = [f for f in findings if (str(f["conclusion"]) if f["conclusion"] else "unknown") == mark.word]
        names = "; ".join(dict.fromkeys(str(f["hypothesis"] or f["name"] or "") for f in these))
        tallies.append(Tally(mark, these[0]["anchor"], names))
    return Cell(len(systems), title, f"{learners} together" if len(systems) > 1 else "", tuple(tallies), first)
