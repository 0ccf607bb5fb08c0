"""The chains of one system: which cells they are, and the reading of what was measured on their levels."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from harness.evidence.store import Address, Store, address
from harness.experiment import Cell, Experiment
from harness.judging.idle import idle_return
from harness.judging.untrained import untrained_level
from harness.profiles.profile import Profile, System, scale
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.level import Level
from harness.pruning.prunable import densities, weights_left
from harness.statistics import PerSeed, Reference, reachable_span
from harness.tasks.references import read_reference

Measure = Callable[[Level], np.ndarray]
"""What is measured on a level: float[members, ...]. A function of a module, so that its values can be cached."""


class EvidenceMissingError(Exception):
    """A cell that a claim needs is not in the store, for it failed; the message is one line."""


@dataclass(frozen=True)
class Scene:
    """Where runs are looked at: a profile, a block of seeds and the evidence. What was measured is kept for all runs of
    this process: claims share most of their cells."""

    profile: Profile
    block: int
    store: Store
    planted: ClassVar[bool] = False
    """Whether its chains are made up (see `harness.judging.dry_run`)."""
    _measured: dict[Any, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def measure(self, where: Address, level: int, measure: Measure) -> np.ndarray:
        """`measure` of one level of a cell. Raises EvidenceMissingError."""
        key = (where.key, level, measure)
        if key not in self._measured:
            self._measured[key] = np.asarray(measure(self.read(where, level)), dtype=np.float64)
        return self._measured[key]

    def measure_untrained(self, chains: "Chains", level: int, measure: Measure) -> np.ndarray:
        """`measure` of the untrained networks of some chains, pruned to a level."""
        key = (chains.experiment, chains.seeds, level, measure)
        if key not in self._measured:
            made = untrained_level(chains.experiment, chains.seeds, level)
            self._measured[key] = np.asarray(measure(made), dtype=np.float64)
        return self._measured[key]

    def read(self, where: Address, level: int) -> Level:
        """One level of a cell. Raises EvidenceMissingError."""
        found = self.store.read(where, level)
        if found is None:
            raise EvidenceMissingError(f"level {level} of {where.cell.condition} was not computed")
        return found


@dataclass(frozen=True)
class Chains:
    """All chains of one system under some conditions. Unbound until the plugin calls `bind`."""

    system: System
    conditions: tuple[str, ...] = CONDITIONS
    label: str = ""
    """What charts and test ids call it; by default its system."""
    times: int = 1
    """How many times the task's seeds it has: claims of no difference need more than others."""
    paper_times: int = 0
    """The same at the profile `paper`, whose 15 seeds show less than the other profiles' do; 0: as many as there."""
    assay: bool = False
    """Whether it only shows that a difference could be seen: then it is not drawn, and the finding is not about it."""
    scene: Scene | None = None
    learned_nothing: bool = False
    """See `untrained`."""

    def __str__(self) -> str:
        return self.label or str(self.system)

    def bind(self, scene: Scene) -> Self:
        """The same run, at a scale and with its evidence."""
        return dataclasses.replace(self, scene=scene)

    @property
    def untrained(self) -> Self:
        """The same run of networks that learned nothing: w0, pruned once by magnitude to as many weights as each level
        has. For the measures of masks: it has no returns, and needs no evidence."""
        return dataclasses.replace(self, conditions=(TICKET,), learned_nothing=True)

    @property
    def bound(self) -> Scene:
        """The scene; ValueError while there is none."""
        if self.scene is None:
            raise ValueError(f"{self.system} is not bound to a profile yet: pytest does that when it collects")
        return self.scene

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment at the bound scale."""
        return self.bound.profile.experiment(self.system)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds judged on."""
        return self.bound.profile.seeds_of(self.bound.block, self.multiple)

    @property
    def multiple(self) -> float:
        """How many times the profile's seeds it has: what the claim asks for, and the task's share of them."""
        return self.bound.profile.times(self.system.task, self._times)

    @property
    def _times(self) -> int:
        return (self.bound.profile.name == "paper" and self.paper_times) or self.times

    @cached_property
    def scale(self) -> dict[str, dict[str, float | str]]:
        """What the scaling cost."""
        rows = scale(self.bound.profile, self.system)
        return rows and rows | {"seeds": rows["seeds"] | {"here": len(self.seeds)}}

    def cells(self) -> list[Cell]:
        """The cells of all conditions, without their parents."""
        return [cell for condition in self.conditions for cell in self.cells_of(condition)]

    def cells_of(self, condition: str) -> list[Cell]:
        """The cells of one condition, in the order of their seeds."""
        return self._cells[condition]

    @cached_property
    def _cells(self) -> dict[str, list[Cell]]:
        scene = self.bound
        return {c: scene.profile.cells(self.system, c, scene.block, self._times) for c in self.conditions}

    @cached_property
    def densities(self) -> np.ndarray:
        """float64[K + 1]: the share of prunable weights left at each level."""
        return densities(self.experiment)

    @cached_property
    def weights_left(self) -> np.ndarray:
        """int64[K + 1]: how many prunable weights are left at each level."""
        return weights_left(self.experiment)

    @cached_property
    def reference(self) -> Reference:
        """The task's random and expert returns."""
        task = self.experiment.task
        return Reference(**read_reference(task.name, task.horizon))

    @property
    def normalised_span(self) -> tuple[float, float]:
        """What a failing chain can reach, as normalised returns."""
        return reachable_span(self.reference, idle_return(self.experiment.task))

    def level_at(self, density: float) -> int:
        """The first level at or below `density`. Raises ValueError, in one line, where there is none."""
        reached = np.flatnonzero(self.densities <= density)
        if not len(reached):
            raise ValueError(
                f"no level of {self} reaches density {density:g}: the last one has {self.densities[-1]:.2g}"
            )
        return int(reached[0])

    def density_at(self, density: float) -> float:
        """The density of the first level at or below `density`: levels are discrete."""
        return float(self.densities[self.level_at(density)])

    def measured(self, condition: str, measure: Measure) -> np.ndarray:
        """float64[seeds, K + 1, ...] of what `measure` takes from each level. Raises EvidenceMissingError."""
        if self.learned_nothing:
            levels = range(self.experiment.pruning.levels + 1)
            return np.stack([self.bound.measure_untrained(self, level, measure) for level in levels], axis=1)
        chunks = [[self.bound.measure(*place, measure) for place in places] for places in self._places[condition]]
        return np.concatenate([np.stack(levels, axis=1) for levels in chunks])

    def measured_dense(self, measure: Measure) -> np.ndarray:
        """float64[seeds, ...] of what `measure` takes from level 0. Raises EvidenceMissingError."""
        chunks = self._places[self.conditions[0]]
        return np.concatenate([self.bound.measure(*places[0], measure) for places in chunks])

    def level_of_seed(self, condition: str, level: int, place: int) -> tuple[Level, int]:
        """One level of the chunk that has the seed at this place of the run's, and the member that it is there."""
        for places in self._places[condition]:
            where, number = places[level]
            if place < len(where.cell.seeds):
                return self.bound.read(where, number), place
            place -= len(where.cell.seeds)
        raise ValueError(f"{self} has {len(self.seeds)} seeds, so none at place {place + len(self.seeds)}")

    @cached_property
    def _places(self) -> dict[str, list[list[tuple[Address, int]]]]:
        """By condition, a list per chunk of seeds: where each of its levels is, level 0 first."""
        found = {}
        for condition in self.conditions:
            chunks = [[*(p for p in c.parents if p.condition == DENSE), c] for c in self.cells_of(condition)]
            found[condition] = [[(address(cell), k) for cell in cells for k in cell.levels] for cells in chunks]
        return found

    def at(self, values: np.ndarray, density: float | None) -> np.ndarray:
        """float64[seeds, K + 1, ...] at the first level at or below `density`, or the mean over levels 1 to K."""
        return np.asarray(values[:, 1:].mean(axis=1) if density is None else values[:, self.level_at(density)])

    def per_seed(self, name: str, values: np.ndarray) -> PerSeed:
        """float64[seeds] under a name, which says so where nothing was learned."""
        return PerSeed.of(f"untrained {name}" if self.learned_nothing else name, values, self.seeds)

    def by_name(self, names: Sequence[str], values: np.ndarray) -> dict[str, PerSeed]:
        """float64[seeds, names] by name."""
        return {name: self.per_seed(name, values[:, i]) for i, name in enumerate(names)}


def cpu_seconds(runs: Sequence[Chains]) -> float:
    """What the cells of these runs cost when they were computed, level 0 included, each once."""
    found = {
        where.key: run.bound.store.cpu_seconds(where)
        for run in runs
        for chain in run.cells()
        for where in map(address, (chain, *chain.parents))
    }
    return sum(found.values())
