"""Profiles: the budgets at which claims are judged. smoke · reduced · scaled · extended · paper.

What they give each task's learners is in `harness.profiles.budgets`. A learner registered by a user stands beside
these, with budgets of its own or made from a profile's.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from harness.controls import CONTROLS, broken, shuffled  # noqa: F401  (their controls register themselves)
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.protocol import Learner
from harness.overrides import Change, fields_of
from harness.profiles.all_budgets import TASKS
from harness.profiles.budgets import ProfileName
from harness.profiles.readings import BUDGETS, JUDGED, Switch
from harness.registry import Registry
from harness.tasks.narrowed import Narrowed

SEEDS_PER_BLOCK = 1000
"""`--claims-seed-block N` judges on seeds N * 1000 onwards. Block 90 trained the experts, block 99 is for tuning, those from
1000 on are for A/A runs."""
EXPERT_BLOCK, TUNING_BLOCK, AA_BLOCK = 90, 99, 1000


@dataclass(frozen=True)
class System:
    """A task and a learner, with what a claim changes about them. What is None is the profile's own."""

    task: str
    learner: str
    horizon: int | None = None
    inputs: tuple[str, ...] | None = None
    """Only these are shown."""
    encoding: str | None = None
    """How the task's states are shown, where it can show them in several ways."""
    hidden: tuple[int, ...] | None = None
    initialiser: str | None = None
    input_divisor: float | None = None
    weight_decay: float | None = None
    dropout: float | None = None
    scope: Literal["actor", "actor+critic"] | None = None
    lineage: Literal["own", "branch"] | None = None
    checkpoint: Literal["best", "last"] | None = None
    rewind: float | None = None
    equal_updates: bool = False
    """Give behavioural cloning as many updates as the same task's PPO, on the same data; else the paper's
    ratio of env_steps between the two stands."""

    def __str__(self) -> str:
        said: dict[str, Callable[[Any], str]] = {
            "horizon": lambda horizon: f"horizon {horizon}",
            "inputs": lambda inputs: f"on {' and '.join(inputs)}",
            "encoding": lambda encoding: f"encoded as {encoding}",
            "hidden": lambda hidden: "-".join(map(str, hidden)),
            "input_divisor": lambda divisor: f"input layer / {divisor:g}",
            "weight_decay": lambda decay: f"weight decay {decay:g}",
            "dropout": lambda share: f"dropout {share:g}",
            "rewind": lambda share: f"rewound to {share:g}",
            "equal_updates": lambda equal: "equal updates" if equal else "",
        }
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        words = [said.get(name, str)(value) for name, value in given.items() if value is not None]
        return " ".join(word for word in words if word)


_PART_OF = {
    "horizon": "task",
    "encoding": "task",
    "hidden": "network",
    "initialiser": "network",
    "input_divisor": "network",
    "weight_decay": "learner",
    "dropout": "network",
    "scope": "pruning",
    "lineage": "pruning",
    "checkpoint": "pruning",
    "rewind": "pruning",
}
"""Fields of `System` that are fields of a part of an experiment, under the same name."""


@dataclass(frozen=True)
class Profile:
    """One scale of the whole suite.

    gives_findings: whether claims are judged; a smoke run only shows that everything runs. switches, changes: what was
    asked for on top of the profile (`--claims-switch`, `--claims-set`); what a claim itself changes wins. control: what is broken
    about all of it (`--claims-control`), whatever a claim changes; the name of one, or nothing. shares: by task, the share of
    the seeds that it is judged on; all where it is not named.
    """

    name: str
    says: str
    seeds: int
    systems: Mapping[tuple[str, str], Experiment]
    chunk: int = 20
    """Seeds per cell. 20 members train about as fast per member as 40, and spread better over CPUs."""
    gives_findings: bool = True
    switches: tuple[Switch, ...] = ()
    changes: tuple[Change, ...] = ()
    control: str = ""
    shares: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"{self.name} with {', '.join(self.altered)}" if self.altered else self.name

    @property
    def altered(self) -> list[str]:
        """What was asked for on top of the profile, in words."""
        controls = [f"control {self.control}"] if self.control else []
        return [*map(str, self.switches), *map(str, self.changes), *controls]

    def settings(self, task: str) -> list[Change]:
        """The changes of a task's settings behind it, in the order in which they are made."""
        asked = (switch.change for switch in self.switches if switch.change and switch.task in ("", task))
        return [*asked, *self.changes]

    def base(self, task: str, learner: str) -> Experiment:
        """A system with the changes asked for. Raises ValueError where the profile has no such system."""
        name = next((change.value for change in self.changes if change.exchanges(learner)), learner)
        experiment = self.systems.get((task, name))
        if experiment is None and f"{task}/{name}" in LEARNERS:
            experiment = LEARNERS[f"{task}/{name}"].experiment(self, task)
        if experiment is None:
            known = ", ".join([*map(" ".join, self.systems), *(own.replace("/", " ") for own in LEARNERS)])
            raise ValueError(f"profile {self.name} has no system {task} {name}; it has {known}")
        for change in self.settings(task):
            experiment = change.applied(experiment)
        return experiment

    def experiment(self, system: System) -> Experiment:
        """The experiment of a system at this scale. Raises ValueError where the profile has no such system."""
        experiment = self.base(system.task, system.learner)
        for name, part in _PART_OF.items():
            value = getattr(system, name)
            if value is not None:
                experiment = _replace(experiment, part, **{name: value})
        if system.inputs is not None:
            experiment = dataclasses.replace(experiment, task=Narrowed(experiment.task, system.inputs))
        if system.equal_updates or (BUDGETS in self.switches and isinstance(experiment.learner, BC)):
            goal, learner = self.base(system.task, "ppo").learner.updates, experiment.learner
            if not isinstance(learner, BC):
                raise ValueError(f"equal updates are a switch of behavioural cloning, not of {system.learner}")
            experiment = _replace(experiment, "learner", passes=round(goal / learner.updates_per_pass))
        if self.control:
            experiment = dataclasses.replace(CONTROLS[self.control].experiment(experiment), control=self.control)
        return experiment

    def refuse_idle(self, systems: Iterable[System]) -> None:
        """Raise ValueError, in one line, for a change asked for without which each of these systems is the same."""
        systems = list(dict.fromkeys(systems))
        for switch in self.switches:
            without = dataclasses.replace(self, switches=tuple(other for other in self.switches if other != switch))
            idle = switch.name == "decay" and not any(self.experiment(s).learner.weight_decay for s in systems)
            if idle or (switch != JUDGED and not any(without._differs(s, self.experiment(s)) for s in systems)):
                raise ValueError(f"{switch} changes nothing here: nothing selected leaves that open")
        for change in self.changes:
            bases = [self.base(system.task, system.learner) for system in systems]
            known = dict.fromkeys(name for base in bases for name in fields_of(base, change.part))
            if change.field not in known and not any(change.exchanges(system.learner) for system in systems):
                raise ValueError(
                    f"{change} changes nothing here: the fields of {change.part} are {', '.join(known) or 'none'}"
                )
            without = dataclasses.replace(self, changes=tuple(other for other in self.changes if other != change))
            if not any(without._differs(system, self.experiment(system)) for system in systems):
                raise ValueError(
                    f"{change} changes nothing here: each run selected has that value already, or one of its own"
                )

    def _differs(self, system: System, experiment: Experiment) -> bool:
        try:
            return self.experiment(system) != experiment
        except ValueError:  # the other changes do not go together without it
            return True

    def times(self, task: str, times: int = 1) -> float:
        """How many times the profile's seeds a run on this task has that asks for `times` as many."""
        return times * self.shares.get(task, 1)

    def seeds_of(self, block: int, times: float = 1) -> tuple[int, ...]:
        """The seeds of a block; `times` as many, at least one. Raises ValueError beyond a block."""
        first, count = block * SEEDS_PER_BLOCK, max(1, round(times * self.seeds))
        if count > SEEDS_PER_BLOCK:
            raise ValueError(
                f"a claim takes {times:g} times {self.seeds} seeds, and a block has {SEEDS_PER_BLOCK}: give at most"
                f" --claims-seeds {SEEDS_PER_BLOCK // times:.0f}, or leave the claim out"
            )
        return tuple(range(first, first + count))

    def cells(self, system: System, condition: str, block: int, times: int = 1) -> list[Cell]:
        """The cells of a system under one condition, in the order of their seeds; `times` adds some."""
        once, seeds = (self.seeds_of(block, self.times(system.task, each)) for each in (1, times))
        size = min(self.chunk, len(once))
        chunks = [seeds[first : first + size] for first in range(0, len(seeds), size)]
        return [Cell(self.experiment(system), condition, chunk) for chunk in chunks]


@dataclass(frozen=True)
class OwnLearner:
    """A user's learner: a function that makes its settings of those of the learner `like` (None: the task's first)."""

    settings: Callable[[Any], Learner]
    like: str | None

    def experiment(self, profile: Profile, task: str) -> Experiment:
        """The profile's system of this task and the learner `like`, with this learner in its place.

        Raises ValueError where the profile has no such system.
        """
        known = [learner for name, learner in profile.systems if name == task]
        like = self.like or next(iter(known), None)
        if like not in known:
            raise ValueError(f"profile {profile.name} has no system {task} {like} to take a learner's budgets from")
        experiment = profile.systems[task, like]
        return dataclasses.replace(experiment, learner=self.settings(experiment.learner))


LEARNERS: Registry[OwnLearner] = Registry("learner")
"""By task and learner, as in "cart-pole/mine". The built-in ones are the systems of the profiles."""


def _replace(experiment: Experiment, part: str, **changes: object) -> Experiment:
    known = [field.name for field in dataclasses.fields(getattr(experiment, part))]
    for name in changes:
        if name not in known:
            raise ValueError(f"{experiment.task.name} {experiment.learner.name}: {part} has no {name} to change")
    changed = dataclasses.replace(getattr(experiment, part), **changes)
    return dataclasses.replace(experiment, **{part: changed})


_SAYS: Mapping[ProfileName, tuple[str, int]] = {
    "smoke": ("everything runs, nothing is judged", 3),
    "reduced": ("half the levels of scaled, for controls and readings", 20),
    "scaled": ("minutes on two cores", 20),
    "extended": ("hours: longer trainings; on most tasks the paper's networks, finer levels, more seeds", 40),
    "paper": ("the paper's tables, 15 seeds, 30 levels", 15),
}
"""What each profile is, and its seeds."""


def _profile(name: ProfileName) -> Profile:
    says, seeds = _SAYS[name]
    systems = {
        (task, learner): experiment
        for task, budgets in TASKS.items()
        for learner, experiment in budgets.experiments[name].items()
    }
    shares = {task: budgets.seeds[name] for task, budgets in TASKS.items() if name in budgets.seeds}
    return Profile(name, says, seeds, MappingProxyType(systems), gives_findings=name != "smoke", shares=shares)


PROFILES: Mapping[str, Profile] = MappingProxyType({name: _profile(name) for name in _SAYS})


def scale(profile: Profile, system: System) -> dict[str, dict[str, float | str]]:
    """What the scaling cost: {"env_steps": {"here": ..., "paper": ...}, ...}."""
    paper = PROFILES["paper"]
    here, there = profile.experiment(system), paper.experiment(system)
    rows: dict[str, Callable[[Profile, Experiment], float | str]] = {
        "env_steps": lambda _, e: e.learner.env_steps,
        "updates": lambda _, e: e.learner.updates,
        "seeds": lambda p, _: len(p.seeds_of(0, p.times(system.task))),
        "units": lambda _, e: "-".join(map(str, e.network.hidden)),
        "pruned per level": lambda _, e: f"{100 * e.pruning.rate:g} %",
        "levels": lambda _, e: e.pruning.levels,
        "lowest density": lambda _, e: f"{100 * (1 - e.pruning.rate) ** e.pruning.levels:.2g} %",
    }
    return {name: {"here": row(profile, here), "paper": row(paper, there)} for name, row in rows.items()}
