"""Measures of returns: areas over the levels, break densities, how fast a dense network learns."""

import functools
import operator
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.controls import control_of
from harness.judging.chains import Chains, Measure
from harness.pruning.conditions import SURVIVING, TICKET
from harness.pruning.level import Level
from harness.statistics import (
    Censored,
    PerSeed,
    area,
    area_over_weights,
    break_density,
    normalised_return,
)

Judged = Literal["scored-return", "best-evaluation"]
"""See `Evaluation.judged`."""


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


class ReturnMeasures(Chains):
    """The measures of returns."""

    @property
    def judged(self) -> Judged:
        """The kind of return that findings rest on."""
        return self.experiment.evaluation.judged

    def returns(self, condition: str, judged: Judged | None = None) -> np.ndarray:
        """float64[seeds, K + 1], undiscounted, per episode. judged: the kind of return; by default the judged one."""
        measure = RETURNS[judged or self.judged]
        if not self.experiment.control:
            return self.measured(condition, measure)
        measured = {each: self.measured(each, measure) for each in self.conditions}
        return control_of(self.experiment).returns(measured, self.seeds)[condition]

    def normalised_returns(self, condition: str = TICKET, judged: Judged | None = None) -> np.ndarray:
        """float64[seeds, K + 1]: 0 for the random policy and 1 for the expert."""
        return normalised_return(self.returns(condition, judged), self.reference)

    def normalised_levels(self, condition: str = TICKET) -> dict[str, PerSeed]:
        """Normalised return at each of the levels 1 to K, by density in words ("at 20 % density")."""
        names = [f"at {100 * density:.2g} % density" for density in self.densities]
        return self.by_name(names[1:], self.normalised_returns(condition)[:, 1:])

    def return_at(self, density: float, condition: str = TICKET) -> PerSeed:
        """Normalised return at the first level at or below `density`."""
        return self.per_seed(condition, self.at(self.normalised_returns(condition), density))

    def dense_returns(self) -> np.ndarray:
        """float64[seeds]: the judged returns at level 0."""
        return self.measured_dense(RETURNS[self.judged])

    def dense(self) -> PerSeed:
        """Normalised return at level 0."""
        return self.per_seed(str(self.system), normalised_return(self.dense_returns(), self.reference))

    def met_reward(self) -> PerSeed:
        """1 where an evaluation of level 0's training differs from the task's lowest return, else 0: an agent that
        never met a reward says nothing of what it could have learned. (A member that stopped early had met one.)"""
        differs = self.measured_dense(_evaluations) != self.experiment.task.minimum_return
        return self.per_seed(str(self.system), differs.any(axis=-1))

    def surviving_return(self, level: int) -> PerSeed:
        """Normalised return of dense networks on the inputs that survive at `level`."""
        return self.per_seed(SURVIVING, self.normalised_returns(SURVIVING)[:, level])

    def evaluations(self, level: int | None = None) -> np.ndarray:
        """float64[seeds, per_training]: mean returns during the training of level 0, or of dense networks on the inputs
        that survive at `level`. Raises ValueError as `check_curves`."""
        self.check_curves()
        return self.measured_dense(_evaluations) if level is None else self.measured(SURVIVING, _evaluations)[:, level]

    def check_curves(self) -> None:
        """Raise ValueError, in one line, where a member may stop at the task's maximum (`Savings.stop_at_maximum`): an
        agent that went on might lose it again, so neither its learning curve nor its end is known."""
        e = self.experiment
        if e.savings.stop_at_maximum and e.pruning.checkpoint == "best":
            raise ValueError(
                f"{self} stops at the task's maximum, so it has no whole learning curve and no end: give the run"
                " savings.stop_at_maximum=false"
            )

    def area(self, drop: int = 0, judged: Judged | None = None) -> Areas:
        """Mean normalised return over levels 1 to K - `drop`, per condition and seed."""
        last = self.experiment.pruning.levels - drop
        found = {c: area(self.normalised_returns(c, judged), last) for c in self.conditions}
        return Areas({c: self.per_seed(c, values) for c, values in found.items()})

    def other_areas(self) -> dict[str, Areas]:
        """The areas under other readings, to be reported with a finding."""
        k = self.experiment.pruning.levels
        other: Judged = "scored-return" if self.judged == "best-evaluation" else "best-evaluation"
        name = f"{other} instead of {self.judged}".replace("-", " ")
        found = {name: self.area(judged=other)}
        return {f"levels 1 to {k - 2} only": self.area(drop=2), **found} if k > 3 else found

    def area_at_end(self, condition: str = TICKET) -> PerSeed:
        """Like `area`, but of the last evaluation in place of the pruned checkpoint. Raises ValueError as
        `check_curves`."""
        self.check_curves()
        last = self.measured(condition, _last_evaluation)
        return self.per_seed(condition, area(normalised_return(last, self.reference)))

    def area_over_weights(self, low: float, high: float, condition: str = TICKET) -> PerSeed:
        """Mean normalised return from `low` to `high` remaining weights, over their logarithm."""
        chosen = area_over_weights(self.normalised_returns(condition), self.weights_left, low, high)
        return self.per_seed(str(self.system), chosen)

    def learning_area(self, level: int | None = None) -> PerSeed:
        """Mean normalised return over the evaluations of a training: of level 0, on all inputs, or of dense networks on
        the inputs that survive at `level`. Raises ValueError as `check_curves`."""
        returns = learning_area(self.evaluations(level))
        return self.per_seed("all inputs" if level is None else SURVIVING, normalised_return(returns, self.reference))

    def break_density(self, condition: str = TICKET) -> Censored:
        """Density of the last level before normalised return falls more than 0.1 below level 0's mean."""
        return break_density(self.normalised_returns(condition), self.densities)


def mean_over_systems(effects: Mapping[str, PerSeed]) -> PerSeed:
    """The mean of a contrast over systems, of the seeds that all of them have: float[seeds].

    effects: by the system's name, which goes before its conditions: a seed's chains on two systems are different ones.
    """
    common = set.intersection(*(set(effect.seeds) for effect in effects.values()))
    named = [effect.prefixed(f"{name} ").among(common) for name, effect in effects.items()]
    return (1 / len(named)) * functools.reduce(operator.add, named)


def learning_area(evaluations: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Mean return over the evaluations of a training. evaluations: float[..., per_training] -> float[...], in their
    unit.

    Raises ValueError for NaN: a level that starts at a later rewind point has no beginning of a learning curve, and a
    member that stopped early has no end.
    """
    curves = np.asarray(evaluations, dtype=np.float64)
    if np.isnan(curves).any():
        raise ValueError("a learning curve that is not whole has no area")
    return np.asarray(curves.mean(axis=-1))


def _scored_returns(level: Level) -> np.ndarray:
    return level.scored_returns


def _best_evaluations(level: Level) -> np.ndarray:
    return level.best_evaluations


def _evaluations(level: Level) -> np.ndarray:
    return level.evaluations


def _last_evaluation(level: Level) -> np.ndarray:
    return level.evaluations[:, -1]


RETURNS: dict[Judged, Measure] = {"scored-return": _scored_returns, "best-evaluation": _best_evaluations}
