"""Profiles: the budgets at which claims are judged. smoke · reduced · scaled · extended · paper.

What they give each task's learners is in `harness.profiles.budgets`. A learner registered by a user stands beside
these, with budgets of its own or made from a profile's.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from harness.experiment import Cell, Experiment
from harness.learners.protocol import Learner
from harness.overrides import Override, apply, fields_of
from harness.profiles import acrobot_budgets, cart_pole_budgets, gridmaze_budgets
from harness.profiles.budgets import Budgets, ProfileName
from harness.registry import Origin, RegistrationError, Registry, origin_of

TASKS: Registry[Budgets] = Registry("task")
"""The tasks that the profiles have, by name, in the order in which they are shown; a user's behind ours."""

SEEDS_PER_BLOCK = 1000
"""`--claims-seed-block N` judges on seeds N * 1000 onwards. Block 90 trained the experts, block 99 is for tuning, and
those from 1000 on are for A/A runs."""
EXPERT_BLOCK, TUNING_BLOCK, AA_BLOCK = 90, 99, 1000


@dataclass(frozen=True)
class System:
    """A task and a learner, with what a claim changes about them (see `harness.overrides`); all else is the profile's.

    Raises ValueError for an override that can't be read.
    """

    task: str
    learner: str
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.parsed  # noqa: B018  (to find out now)

    @property
    def parsed(self) -> tuple[Override, ...]:
        """The overrides."""
        return tuple(map(Override.parse, self.overrides))

    def __str__(self) -> str:
        return " ".join([self.task, self.learner, *(override.words for override in self.parsed)])


@dataclass(frozen=True)
class Profile:
    """One scale of the whole suite.

    gives_findings: whether claims are judged; a smoke run only shows that everything runs. overrides: what options
    change; what a claim itself sets wins over them. control: the name of what is broken about all of it, or nothing.
    control_overrides: the fields that it changes, whatever a claim sets (see `harness.controls.broken_by`).
    seed_fractions: by task, the fraction of the seeds that it is judged on; all where it is not named.
    """

    name: str
    says: str
    seeds: int
    systems: Mapping[tuple[str, str], Experiment]
    chunk: int = 20
    """Seeds per cell. 20 members train about as fast per member as 40, and spread better over CPUs."""
    gives_findings: bool = True
    overrides: tuple[Override, ...] = ()
    control: str = ""
    control_overrides: tuple[Override, ...] = ()
    seed_fractions: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"{self.name} with {', '.join(self.altered)}" if self.altered else self.name

    @property
    def altered(self) -> list[str]:
        """The overrides and the control on top of the profile, in words."""
        return [*map(str, self.overrides), *([f"control {self.control}"] if self.control else [])]

    def base(self, task: str, learner: str) -> Experiment:
        """A system with the options' overrides. Raises ValueError where the profile has no such system."""
        name = next((o.value for o in self.overrides if o.replaces(learner) and o.concerns(task, learner)), learner)
        experiment = self.systems.get((task, name))
        if experiment is None and f"{task}/{name}" in LEARNERS:
            experiment = LEARNERS[f"{task}/{name}"].experiment(self, task)
        if experiment is None:
            known = ", ".join([*map(" ".join, self.systems), *(own.replace("/", " ") for own in LEARNERS)])
            raise ValueError(f"profile {self.name} has no system {task} {name}; it has {known}")
        return apply(self.overrides, experiment)

    def experiment(self, system: System) -> Experiment:
        """The experiment of a system at this scale. Raises ValueError where there is none, or no such field."""
        experiment = self.base(system.task, system.learner)
        for override in system.parsed:
            if override.field not in (known := fields_of(experiment, override.part)):
                which = f"{system.task} {system.learner}"
                raise ValueError(f"{override}: the fields of the {override.part} of {which} are {', '.join(known)}")
        experiment = apply(system.parsed, experiment)
        learner: Any = experiment.learner
        if getattr(learner, "equal_updates", False):
            passes = round(self.base(system.task, "ppo").learner.updates / learner.updates_per_pass)
            experiment = dataclasses.replace(experiment, learner=dataclasses.replace(learner, passes=passes))
        return dataclasses.replace(apply(self.control_overrides, experiment), control=self.control)

    def refuse_idle(self, systems: Iterable[System]) -> None:
        """Raise ValueError, in one line, for an override without which each of these systems is the same, or a control
        whose overrides change none of them."""
        experiments = {system: self.experiment(system) for system in systems}
        for override in self.overrides:
            without = dataclasses.replace(self, overrides=tuple(o for o in self.overrides if o != override))
            if not any(without._differs(*each) for each in experiments.items()):
                raise ValueError(f"{override} changes nothing here: {self._why_idle(override, experiments)}")
        without = dataclasses.replace(self, control_overrides=())
        if self.control_overrides and not any(without._differs(*each) for each in experiments.items()):
            changed = ", ".join(map(str, self.control_overrides))
            raise ValueError(f"control {self.control} changes nothing here: no run selected is changed by {changed}")

    def _why_idle(self, override: Override, systems: Iterable[System]) -> str:
        pairs = [(system.task, system.learner) for system in systems]
        bases = [self.base(*pair) for pair in pairs if override.concerns(*pair)]
        if not bases:
            return f"no run selected is of {override.only}"
        known = dict.fromkeys(name for base in bases for name in fields_of(base, override.part))
        if override.field not in known:
            return f"the fields of {override.part} are {', '.join(known) or 'none'}"
        return "each run selected has that value already, or sets its own, or does not use it"

    def _differs(self, system: System, experiment: Experiment) -> bool:
        """Whether this profile gives the system another experiment."""
        try:
            return _in_effect(self.experiment(system)) != _in_effect(experiment)
        except ValueError:  # the other overrides do not go together without the one left out
            return True

    def times(self, task: str, times: int = 1) -> float:
        """The number of times the profile's seeds that a run with `times` takes on this task."""
        return times * self.seed_fractions.get(task, 1)

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
    """A user's learner: a function that makes its settings from those of the learner `like` (None: the first one)."""

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


def _in_effect(experiment: Experiment) -> Experiment:
    """The experiment, with the kind of weight decay left out where there is no decay."""
    learner: Any = experiment.learner
    if getattr(learner, "weight_decay", 0) or not hasattr(learner, "decay"):
        return experiment
    return dataclasses.replace(experiment, learner=dataclasses.replace(learner, decay="coupled"))


_SAYS: Mapping[ProfileName, tuple[str, int]] = {
    "smoke": ("everything runs, nothing is judged", 2),
    "reduced": ("half the levels of scaled, for controls and readings", 20),
    "scaled": ("minutes on two cores", 20),
    "extended": ("hours: longer trainings; on most tasks the paper's networks, finer levels, more seeds", 40),
    "paper": ("the paper's tables, 15 seeds, 30 levels", 15),
}
"""A description of each profile, and its seeds."""


_SYSTEMS: Mapping[ProfileName, dict[tuple[str, str], Experiment]] = {name: {} for name in _SAYS}
_FRACTIONS: Mapping[ProfileName, dict[str, float]] = {name: {} for name in _SAYS}


def _profile(name: ProfileName) -> Profile:
    says, seeds = _SAYS[name]
    held = MappingProxyType(_SYSTEMS[name]), MappingProxyType(_FRACTIONS[name])  # `add_task` adds to both
    return Profile(name, says, seeds, held[0], gives_findings=name != "smoke", seed_fractions=held[1])


PROFILES: Mapping[str, Profile] = MappingProxyType({name: _profile(name) for name in _SAYS})


def add_task(budgets: Budgets, origin: Origin, registrar: Origin) -> None:
    """Give the profiles a task. origin, registrar: see `Registry.add`. Raises RegistrationError."""
    if unknown := [profile for profile in budgets.experiments if profile not in PROFILES]:
        raise RegistrationError(f"there is no profile {unknown[0]!r}; there are {', '.join(PROFILES)}")
    task = budgets.task.name
    TASKS.add(task, budgets, origin, registrar)
    for profile, experiments in budgets.experiments.items():
        _SYSTEMS[profile].update({(task, learner): experiment for learner, experiment in experiments.items()})
    for profile, fraction in budgets.seed_fraction.items():
        _FRACTIONS[profile][task] = fraction


for _budgets in (
    *(cart_pole_budgets.BUDGETS, acrobot_budgets.BUDGETS),
    *(gridmaze_budgets.BUDGETS, gridmaze_budgets.BUDGETS_2),
):
    add_task(_budgets, origin_of(type(_budgets.task)), origin_of(type(_budgets.task)))


def scale(profile: Profile, system: System) -> dict[str, dict[str, float | str]]:
    """How far a system is scaled down: {"env_steps": {"here": ..., "paper": ...}, ...}; {} where the profile `paper`
    does not have its task."""
    paper = PROFILES["paper"]
    if system.task not in [task for task, _ in paper.systems]:
        return {}
    here, there = profile.experiment(system), paper.experiment(system)
    rows: dict[str, Callable[[Profile, Experiment], float | str]] = {
        "env_steps": lambda _, e: e.learner.env_steps,
        "updates": lambda _, e: e.learner.updates,
        "seeds": lambda p, _: len(p.seeds_of(0, p.times(system.task))),
        "units": lambda _, e: e.network.title,
        "pruned per level": lambda _, e: f"{100 * e.pruning.rate:g} %",
        "levels": lambda _, e: e.pruning.levels,
        "lowest density": lambda _, e: f"{100 * (1 - e.pruning.rate) ** e.pruning.levels:.2g} %",
    }
    return {name: {"here": row(profile, here), "paper": row(paper, there)} for name, row in rows.items()}
