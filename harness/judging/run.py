"""A system as a claim sees it: what was measured on its chains, one number per seed.

A claim names its runs in its parametrisation; the plugin reads from them which cells are needed, and binds them
to a profile and a store before any claim is judged.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from harness.controls import control_of
from harness.evidence.store import Store, address
from harness.experiment import Cell, Experiment
from harness.judging.channels import by_channel, learning_area, relative, share_of_emptied, split_means
from harness.learners.protocol import ACTOR
from harness.profiles.profile import TASKS, Profile, System, scale
from harness.pruning.conditions import CONDITIONS, DENSE, SURVIVING, TICKET
from harness.pruning.layout import densities, layer_sizes, weights_left
from harness.pruning.level import Level
from harness.statistics import (
    Censored,
    PerSeed,
    Reference,
    area,
    area_over_weights,
    break_density,
    fan_in_gap,
    input_magnitude,
    normalised_return,
    overshoot,
    restricted_level,
    separation_level,
)
from harness.tasks.references import read_reference
from harness.tasks.spec import zero_inputs

Judged = Literal["scored-return", "best-evaluation"]
"""See `harness.experiment.Evaluation.judged`."""
_RETURNS: dict[Judged, str] = {"scored-return": "scored_returns", "best-evaluation": "best_evaluations"}
OfEnemies = Literal["density", "magnitude", "emptied"]
"""Of the inputs that show enemies: the share of weights left, the input magnitude, or the share of inputs that have no
weight left."""


@dataclass(frozen=True)
class Scene:
    """Where runs are looked at: a profile, a block of seeds and the evidence."""

    profile: Profile
    block: int
    store: Store


class Areas(dict[str, PerSeed]):
    """Area per condition, and the parts of the ticket effect as CLAIMS.md defines them."""

    @property
    def ticket_effect(self) -> PerSeed:
        """mask/weights - random/re-init."""
        return self["mask/weights"] - self["random/re-init"]

    @property
    def weights_part(self) -> PerSeed:
        """mask/weights - mask/permuted: what the initial weights add to the mask."""
        return self["mask/weights"] - self["mask/permuted"]

    @property
    def mask_part(self) -> PerSeed:
        """mask/permuted - permuted/permuted: what the mask adds to the ratio of weights per layer."""
        return self["mask/permuted"] - self["permuted/permuted"]

    @property
    def layer_ratio_part(self) -> PerSeed:
        """permuted/permuted - random/re-init: what the ratio of weights per layer adds."""
        return self["permuted/permuted"] - self["random/re-init"]


@dataclass(frozen=True)
class Run:
    """All chains of one system under some conditions. Unbound until the plugin calls `bind`."""

    system: System
    conditions: tuple[str, ...] = CONDITIONS
    label: str = ""
    """What charts and test ids call it beside others; by default its system."""
    times: int = 1
    """How many times the task's seeds it has: claims of no difference need more than others."""
    assay: bool = False
    """Only there to show that a difference could be seen: not drawn, and not what the finding is about."""
    scene: Scene | None = None

    def __str__(self) -> str:
        return self.label or str(self.system)

    def bind(self, scene: Scene) -> "Run":
        """The same run, at a scale and with its evidence."""
        return dataclasses.replace(self, scene=scene)

    @property
    def bound(self) -> Scene:
        """The scene; ValueError while there is none."""
        if self.scene is None:
            raise ValueError(f"{self.system} is not bound to a profile yet: that happens when pytest collects")
        return self.scene

    @property
    def experiment(self) -> Experiment:
        """The experiment at the bound scale."""
        return self.bound.profile.experiment(self.system)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds judged on."""
        return self.bound.profile.seeds_of(self.bound.block, self.multiple)

    @property
    def multiple(self) -> float:
        """How many times the profile's seeds it has: what the claim asks for, and the task's share of them."""
        return self.bound.profile.times(self.system.task, self.times)

    @property
    def scale(self) -> dict[str, dict[str, float | str]]:
        """What the scaling cost."""
        rows = scale(self.bound.profile, self.system)
        return rows | {"seeds": rows["seeds"] | {"here": len(self.seeds)}}

    def cells(self) -> list[Cell]:
        """The cells of all conditions, without their parents."""
        return [cell for condition in self.conditions for cell in self._chunks(condition)]

    @cached_property
    def densities(self) -> np.ndarray:
        """float64[K + 1]: the share of prunable weights left at each level."""
        return densities(self.experiment)

    @cached_property
    def weights_left(self) -> np.ndarray:
        """int64[K + 1]: how many prunable weights are left at each level."""
        return weights_left(self.experiment)

    @property
    def reference(self) -> Reference:
        """The task's random and expert returns."""
        task = self.experiment.task
        return Reference(**read_reference(task.name, task.horizon))

    @property
    def normalised_span(self) -> tuple[float, float]:
        """The lowest and the highest normalised return that the task allows."""
        task = self.experiment.task
        low, high = normalised_return([task.minimum_return, task.maximum_return], self.reference)
        return float(low), float(high)

    def levels(self, condition: str) -> list[list[Level]]:
        """The evidence of one condition, level 0 included: a list per chunk of seeds of its K + 1 levels."""
        return self._evidence[condition]

    @property
    def judged(self) -> Judged:
        """Which return findings rest on."""
        return self.experiment.evaluation.judged

    def returns(self, condition: str, judged: Judged | None = None) -> np.ndarray:
        """float64[seeds, K + 1], undiscounted, per episode; by default of those that are judged."""
        name = _RETURNS[judged or self.judged]
        measured = {each: self._stack(each, lambda level: getattr(level, name)) for each in self.conditions}
        return control_of(self.experiment).returns(measured, self.seeds)[condition]

    def dense_returns(self) -> np.ndarray:
        """float64[seeds]: the judged returns at level 0."""
        chunks = [_with_level_0(chain)[0] for chain in self._chunks(self.conditions[0])]
        levels = [_level(self.bound.store, cell, 0) for cell in chunks]
        return np.concatenate([getattr(level, _RETURNS[self.judged]) for level in levels])

    def dense(self) -> PerSeed:
        """Normalised return at level 0."""
        return PerSeed.of(str(self.system), normalised_return(self.dense_returns(), self.reference), self.seeds)

    def evaluations(self) -> np.ndarray:
        """float64[seeds, per_training]: mean returns during the training of level 0; a member that stopped at the
        task's maximum stays there."""
        chunks = [_with_level_0(chain)[0] for chain in self._chunks(self.conditions[0])]
        found = np.concatenate([_level(self.bound.store, cell, 0).evaluations for cell in chunks])
        return np.where(np.isnan(found), self.experiment.task.maximum_return, found)

    def normalised_returns(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1]: 0 for the random policy and 1 for the expert."""
        return normalised_return(self.returns(condition), self.reference)

    def normalised_levels(self, condition: str = TICKET) -> dict[str, PerSeed]:
        """Normalised return at each of the levels 1 to K, by density in words ("at 20 % density")."""
        returns = self.normalised_returns(condition)
        names = [f"at {100 * density:.2g} % density" for density in self.densities]
        return {name: PerSeed.of(name, returns[:, k], self.seeds) for k, name in enumerate(names) if k > 0}

    def layer_densities(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1, layers]: the share of the actor's weights left, per layer."""
        return self._stack(condition, lambda level: np.stack([m.mean(axis=(1, 2)) for m in level.masks[ACTOR]], axis=1))

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Of the actor's layers, from the input on."""
        count = len(self.experiment.network.hidden)
        return ("input layer", *(f"hidden layer {number}" for number in range(2, count + 1)), "output layer")

    def layer_density_at(self, density: float | None = None, condition: str = TICKET) -> dict[str, PerSeed]:
        """Density of each of the actor's layers at the first level at or below `density`, or the mean over levels 1 to
        K."""
        return self._named(self.layer_names, self._at(self.layer_densities(condition), density))

    def input_densities(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1, inputs]: the share of each input's weights to the actor's first layer that is left."""
        return self._stack(condition, lambda level: level.masks[ACTOR][0].mean(axis=2))

    def inputs_left(self, condition: str = TICKET, changing: bool = False) -> np.ndarray:
        """float64[seeds, K + 1]: how many inputs the actor's first layer is still connected to; changing: of those
        alone that are not zero in every state."""
        counted = self._changing if changing else slice(None)
        return np.asarray((self.input_densities(condition)[..., counted] > 0).sum(axis=-1), dtype=np.float64)

    def inputs_gone_at(self, density: float, condition: str = TICKET, changing: bool = False) -> PerSeed:
        """Share of the inputs that the actor's first layer is no longer connected to, at the first level at or below
        `density`; changing: see `inputs_left`."""
        left = self.inputs_left(condition, changing)
        every = self._changing.sum() if changing else len(self._changing)
        return PerSeed.of(str(self.system), 1 - self._at(left, density) / every, self.seeds)

    def channel_densities(self, condition: str = TICKET, changing: bool = False) -> dict[str, np.ndarray]:
        """float64[seeds, K + 1] by channel: the share of its weights to the actor's first layer that is left.

        changing: of those inputs alone that are not zero in every state. Raises ValueError, in one line, for a task
        that has no channels.
        """
        channels, counted = self._channels, self._changing if changing else None
        found = by_channel(self.input_densities(condition), len(channels), counted)
        return {name: found[..., i] for i, name in enumerate(channels)}

    def channel_density_at(
        self, density: float | None = None, condition: str = TICKET, changing: bool = False
    ) -> dict[str, PerSeed]:
        """`channel_densities` at the first level at or below `density`, or the mean over levels 1 to K."""
        found = self.channel_densities(condition, changing)
        return {name: PerSeed.of(name, self._at(values, density), self.seeds) for name, values in found.items()}

    def enemies_at(
        self, density: float | None = None, measure: OfEnemies = "density", condition: str = TICKET
    ) -> dict[str, PerSeed]:
        """Of the inputs that show an enemy where one can come to ("reachable") and of those that show it where it can't
        ("unreachable"), all enemies as one: the mean of a measure at the first level at or below `density`, or over
        levels 1 to K.

        Raises ValueError, in one line, for a task without enemies.
        """
        among, reachable = self._enemies
        values = self.input_magnitudes(condition) if measure == "magnitude" else self.input_densities(condition)
        if measure == "emptied":
            values = (values == 0).astype(np.float64)
        found = split_means(self._at(values, density), among, reachable)
        return self._named(("reachable", "unreachable"), np.stack(found, axis=-1))

    def unreachable_of_emptied(self, density: float, condition: str = TICKET) -> PerSeed:
        """Of the inputs that show an enemy and have no weight left at the first level at or below `density`, the share
        that shows it where it can't come to; less that share of all of them, which is chance. 0 where none is empty."""
        among, reachable = self._enemies
        share, chance = share_of_emptied(self._at(self.input_densities(condition), density), among, ~reachable)
        of_all = np.full(share.shape, chance)
        return PerSeed.of("of those emptied", share, self.seeds) - PerSeed.of("of all", of_all, self.seeds)

    def fan_in_gap(self, density: float | None = None, condition: str = TICKET) -> PerSeed:
        """Density of the actor's layers with the lowest fan-in less that of those with the highest, at the first level
        at or below `density`, or the mean over levels 1 to K."""
        sizes = layer_sizes(self.experiment)[ACTOR]
        gaps = fan_in_gap(self.layer_densities(condition), sizes)
        chosen = gaps[:, 1:].mean(axis=1) if density is None else gaps[:, self._level_at(density)]
        return PerSeed.of(str(self.system), chosen, self.seeds)

    def area(self, drop: int = 0, judged: Judged | None = None) -> Areas:
        """Mean normalised return over levels 1 to K - `drop`, per condition and seed."""
        last = self.experiment.pruning.levels - drop
        normalised = {c: normalised_return(self.returns(c, judged), self.reference) for c in self.conditions}
        return Areas({c: PerSeed.of(c, area(values, last), self.seeds) for c, values in normalised.items()})

    def learning_area(self, level: int | None = None) -> PerSeed:
        """Mean normalised return over the evaluations of a training: of level 0, which is on all inputs, or of dense
        networks on the inputs that survive at `level`. Of the run's conditions `SURVIVING` must be one for that."""
        label = "all inputs" if level is None else SURVIVING
        found = self.evaluations() if level is None else self._stack(SURVIVING, lambda each: each.evaluations)[:, level]
        returns = learning_area(found, self.experiment.task.maximum_return)
        return PerSeed.of(label, normalised_return(returns, self.reference), self.seeds)

    def surviving_return(self, level: int) -> PerSeed:
        """Normalised return of dense networks on the inputs that survive at `level`."""
        return PerSeed.of(SURVIVING, self.normalised_returns(SURVIVING)[:, level], self.seeds)

    def area_at_end(self, condition: str = TICKET) -> PerSeed:
        """As `area`, of the last evaluation in place of the pruned checkpoint; a member that stopped at the task's
        maximum stays there."""
        last = self._stack(condition, lambda level: level.evaluations[:, -1])
        returns = np.where(np.isnan(last), self.experiment.task.maximum_return, last)
        chosen = area(normalised_return(returns, self.reference))
        return PerSeed.of(condition, chosen, self.seeds)

    def other_areas(self) -> dict[str, Areas]:
        """The areas under other readings, to be reported beside a finding."""
        k = self.experiment.pruning.levels
        other: Judged = "scored-return" if self.judged == "best-evaluation" else "best-evaluation"
        name = f"{other} instead of {self.judged}".replace("-", " ")
        others = {name: self.area(judged=other)}
        return {f"levels 1 to {k - 2} only": self.area(drop=2), **others} if k > 3 else others

    def area_over_weights(self, low: float, high: float, condition: str = TICKET) -> PerSeed:
        """Mean normalised return from `low` to `high` remaining weights, over their logarithm."""
        chosen = area_over_weights(self.normalised_returns(condition), self.weights_left, low, high)
        return PerSeed.of(str(self.system), chosen, self.seeds)

    def break_density(self, condition: str = TICKET) -> Censored:
        """Density of the last level before normalised return falls more than 0.1 below level 0's mean."""
        return break_density(normalised_return(self.returns(condition), self.reference), self.densities)

    def input_magnitudes(self, condition: str = TICKET) -> np.ndarray:
        """float64[seeds, K + 1, inputs]: each input's share of the first layer's summed magnitudes."""
        return self._stack(condition, lambda level: input_magnitude(level.trained[ACTOR].weights[0]))

    def density_at(self, density: float) -> float:
        """The density of the first level at or below `density`: levels are discrete."""
        return float(self.densities[self._level_at(density)])

    def input_magnitude_at(self, density: float, condition: str = TICKET) -> dict[str, PerSeed]:
        """Each input's share at the first level at or below `density`, per seed."""
        magnitudes = self.input_magnitudes(condition)[:, self._level_at(density)]
        names = self.experiment.task.inputs
        return {name: PerSeed.of(name, magnitudes[:, i], self.seeds) for i, name in enumerate(names)}

    def separation_level(self, inputs: Sequence[str], condition: str = TICKET) -> PerSeed:
        """First level at which `inputs` hold 0.8 of the input magnitude, K + 1 where none does."""
        named = [self.experiment.task.inputs.index(name) for name in inputs]
        levels = restricted_level(separation_level(self.input_magnitudes(condition), named))
        return PerSeed.of(str(self.system), levels, self.seeds)

    def overshoot(self, condition: str = TICKET) -> PerSeed:
        """1 where the first layer is empty at 10 % density (the first level at or below it), else 0."""
        counts = self._stack(condition, lambda level: level.masks[ACTOR][0].sum(axis=(1, 2)))
        return PerSeed.of(str(self.system), overshoot(counts, self.densities), self.seeds)

    def check(self, needs_density: float | None, needs_fan_ins: bool) -> None:
        """Raise ValueError, in one line, where this run can't show what a claim needs; see `Claim`."""
        if needs_density is not None:
            self._level_at(needs_density)
        if needs_fan_ins:
            sizes = layer_sizes(self.experiment)[ACTOR]
            fan_in_gap(np.ones(len(sizes) - 1), sizes)

    def level_at(self, density: float) -> int:
        """The first level at or below `density`. Raises ValueError where there is none."""
        return self._level_at(density)

    def _level_at(self, density: float) -> int:
        reached = np.flatnonzero(self.densities <= density)
        if not len(reached):
            raise ValueError(
                f"no level of {self} is at or below density {density:g}: the last is {self.densities[-1]:.2g}"
            )
        return int(reached[0])

    @property
    def _changing(self) -> np.ndarray:
        """bool[inputs]: those that are not zero in every state."""
        task = self.experiment.task
        zeros = set(zero_inputs(task))
        return np.array([name not in zeros for name in task.inputs])

    @property
    def _channels(self) -> tuple[str, ...]:
        task = self.experiment.task
        channels: tuple[str, ...] = getattr(task, "channels", ())
        if not channels:
            raise ValueError(f"the inputs of {self.system} are no maps: it has no channels to look at")
        return channels

    @property
    def _enemies(self) -> tuple[np.ndarray, np.ndarray]:
        """bool[inputs] twice: those that show an enemy, and of these the ones where it can come to."""
        reachable: Mapping[str, np.ndarray] = getattr(self.experiment.task, "reachable", {})
        channels = self._channels
        if not set(reachable) & set(channels):
            raise ValueError(f"the inputs of {self.system} show no enemies")
        nowhere = np.zeros(len(self.experiment.task.inputs) // len(channels), dtype=bool)
        shown = [np.full_like(nowhere, channel in reachable) for channel in channels]
        within = [reachable[channel].ravel() if channel in reachable else nowhere for channel in channels]
        return np.concatenate(shown), np.concatenate(within)

    def _at(self, values: np.ndarray, density: float | None) -> np.ndarray:
        """float64[seeds, K + 1, ...] at the first level at or below `density`, or the mean over levels 1 to K."""
        return np.asarray(values[:, 1:].mean(axis=1) if density is None else values[:, self._level_at(density)])

    def _named(self, names: Sequence[str], values: np.ndarray) -> dict[str, PerSeed]:
        """float64[seeds, names] by name."""
        return {name: PerSeed.of(name, values[:, i], self.seeds) for i, name in enumerate(names)}

    @cached_property
    def _evidence(self) -> dict[str, list[list[Level]]]:
        return {condition: [self._read(chunk) for chunk in self._chunks(condition)] for condition in self.conditions}

    def _chunks(self, condition: str) -> list[Cell]:
        return self.bound.profile.cells(self.system, condition, self.bound.block, self.times)

    def _read(self, chain: Cell) -> list[Level]:
        return [_level(self.bound.store, cell, level) for cell in _with_level_0(chain) for level in cell.levels]

    def _stack(self, condition: str, measure: Any) -> np.ndarray:
        """float64[seeds, K + 1, ...] of what `measure` takes from each level."""
        chunks = [np.stack([measure(level) for level in levels], axis=1) for levels in self.levels(condition)]
        return np.concatenate(chunks).astype(np.float64)


def _with_level_0(chain: Cell) -> list[Cell]:
    """The cells of all levels, the one that has level 0 first: the shared one, or the chain itself."""
    return [parent for parent in chain.parents if parent.condition == DENSE] + [chain]


def cpu_seconds(runs: Sequence[Run]) -> float:
    """What the cells of these runs cost when they were computed, level 0 included, each once."""
    stores = {
        cell.id: (run.bound.store, cell) for run in runs for chain in run.cells() for cell in (chain, *chain.parents)
    }
    return sum(store.cpu_seconds(address(cell)) for store, cell in stores.values())


class EvidenceMissingError(Exception):
    """A cell that a claim needs is not in the store, for it failed; the message is one line."""


def _level(store: Store, cell: Cell, number: int) -> Level:
    found = store.read(address(cell), number)
    if found is None:
        raise EvidenceMissingError(f"level {number} of {cell.condition} was not computed")
    return found


def imp_runs(
    tasks: Sequence[str],
    learners: Sequence[str],
    *overrides: str,
    conditions: Sequence[str] = CONDITIONS,
    times: int = 1,
    assay: bool = False,
) -> list[Run]:
    """A run per task and learner, to parametrise a test by, of `times` the profile's seeds.

    overrides: what the claim sets, as PART.FIELD=VALUE (see `harness.overrides`); so in all functions below. assay: see
    `Run`.
    """
    systems = [System(task, learner, overrides) for task in tasks for learner in learners]
    return [Run(system, tuple(conditions), "assay" if assay else "", times, assay) for system in systems]


def ticket_run(task: str, learner: str, *overrides: str, label: str = "") -> Run:
    """A run of ticket chains alone."""
    return Run(System(task, learner, overrides), (TICKET,), label)


def surviving_run(task: str, learner: str, *overrides: str, label: str = "") -> Run:
    """A run of ticket chains, and of dense networks on the inputs that survive at each level."""
    return Run(System(task, learner, overrides), (TICKET, SURVIVING), label)


def relative_lead(one: PerSeed, other: PerSeed) -> PerSeed:
    """By how much the share that `one` has of both exceeds that of `other`: (one - other) / (one + other), per seed.

    From -1 to 1, and 0 where they are alike, both being 0 among that; see `harness.judging.channels.relative`. A pair
    of two shares, each of the span 0 to 1.
    """
    if one.seeds != other.seeds:
        raise ValueError(f"{one} and {other} hold different seeds: {one.seeds} and {other.seeds}")
    shares = relative(one.values, other.values)
    first, second = (PerSeed.of(str(each), share, one.seeds) for each, share in zip((one, other), shares, strict=True))
    return first - second


def size_runs(task: str, learner: str, conditions: Sequence[str] = CONDITIONS) -> list[Run]:
    """A run per network size that the claims on size compare, the smallest first (`budgets.Budgets.sizes`)."""
    sizes = ["-".join(map(str, hidden)) for hidden in TASKS[task].sizes[learner]]
    return [
        Run(System(task, learner, (f"network.hidden={size}",)), tuple(conditions), f"{task} {learner} {size}")
        for size in sizes
    ]


def dense_run(task: str, learner: str, *overrides: str, label: str = "", times: int = 1) -> Run:
    """A run of level 0 alone."""
    return Run(System(task, learner, overrides), (DENSE,), label, times)
