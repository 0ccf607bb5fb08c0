"""What is measured on a chain: from returns, weights and counts to one number per seed (CLAIMS.md, "Words and
estimands"). numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.statistics.contrast import FloatArray
from harness.statistics.finite import require_finite

BoolArray = npt.NDArray[np.bool_]

ROUNDING = 1e-9  # "more than 0.1 below" must not hang on the last bit of a float


@dataclass(frozen=True)
class Reference:
    """The pair of returns between which a task's returns are normalised, each a mean with its standard error,
    undiscounted and per episode; and the mean return of the best expert, which is the best that has been seen."""

    random: float
    random_se: float
    expert: float
    expert_se: float
    best: float


def normalised_return(returns: npt.ArrayLike, reference: Reference) -> FloatArray:
    """(R - R_random) / (R_expert - R_random), of any shape; 0 is the random policy, 1 the expert.

    Raises ValueError where expert - random is under three standard errors of that difference: the scale
    itself would be noise.
    """
    span = reference.expert - reference.random
    error = float(np.hypot(reference.random_se, reference.expert_se))
    if not (span > 0 and span >= 3 * error):
        raise ValueError(f"expert - random is {span:g}, under three of its standard errors ({error:g} each)")
    normalised: FloatArray = (np.asarray(returns, dtype=np.float64) - reference.random) / span
    return normalised


def normalisation_error(normalised: float, reference: Reference) -> float:
    """The standard error of a normalised return that its two references add: to first order, each moves one end."""
    errors = normalised * reference.expert_se, (1 - normalised) * reference.random_se
    return float(np.hypot(*errors)) / (reference.expert - reference.random)


def reachable_span(reference: Reference, idle: float) -> tuple[float, float]:
    """What a failing chain can reach, as normalised returns: from the random policy, or from a network without weights
    where that returns less, to the best expert. idle: the return of a network without weights.

    A failing network need not act at random: one whose last connections are gone takes one action for ever, which on
    all our tasks returns less. The bounds of the task's arithmetic lie further apart, but no failing agent comes near
    them: in GridMaze the lowest return would be that of one which collects all poison and no coin. Where the chains
    that are compared show more, `reaches` takes what they show.
    """
    lowest, highest = (float(normalised_return(end, reference)) for end in (idle, reference.best))
    return min(0.0, lowest), max(1.0, highest)


def area(normalised: npt.ArrayLike, last_level: int | None = None) -> FloatArray:
    """Mean normalised return over levels 1..K. normalised: float[seeds, levels+1] -> float[seeds].

    Levels are equally spaced in log density, so the area under the curve over log density is a plain mean.
    Level 0 is dense, shared by the conditions, and left out. K is `last_level`, default the last one. Raises
    ValueError for a K outside 1..levels, or NaN within 1..K.
    """
    curves = _curves(normalised)
    last = curves.shape[1] - 1 if last_level is None else last_level
    if not 1 <= last < curves.shape[1]:
        raise ValueError(f"last_level {last} is outside 1..{curves.shape[1] - 1}")
    return np.asarray(_finite(curves[:, 1 : last + 1]).mean(axis=1))


def area_over_weights(normalised: npt.ArrayLike, weights: npt.ArrayLike, low: float, high: float) -> FloatArray:
    """Mean normalised return from `low` to `high` remaining weights, over their logarithm (the paper's Figure 11).

    normalised: float[seeds, levels+1]; weights: int[levels+1], how many are left, falling -> float[seeds]. A chain is
    linear in the logarithm between its levels. So networks of different sizes are compared where both have as many
    weights. Raises ValueError unless weights[-1] <= low < high <= weights[0].
    """
    curves, left = _finite(_curves(normalised)), np.asarray(weights, dtype=np.float64)
    if left.shape != curves.shape[1:] or not (np.diff(left) < 0).all():
        raise ValueError(f"expected falling weights at {curves.shape[1]} levels, got {left}")
    if not left[-1] <= low < high <= left[0]:
        raise ValueError(f"chains from {left[0]:g} to {left[-1]:g} weights have no stretch from {high:g} to {low:g}")
    inside = left[(low < left) & (left < high)]
    places = np.log(np.concatenate([[low], inside[::-1], [high]]))
    values = np.stack([np.interp(places, np.log(left[::-1]), chain[::-1]) for chain in curves])
    return np.asarray(np.trapezoid(values, places, axis=1) / (places[-1] - places[0]))


@dataclass(frozen=True, eq=False)
class Censored:
    """One event per seed somewhere along the levels, known exactly or only to one side.

    values   float[..., seeds], where it was seen: a density or a level
    left     bool[..., seeds]: it happened at `values` or before (nearer to dense)
    right    bool[..., seeds]: it happened at `values` or later (sparser), beyond what was run
    falling  True where the values fall along the levels (densities); so a right-censored break density is an
             upper bound, the true one is that small or smaller

    Left and right are read along the levels, as survival analysis reads time: holding out longer is later,
    sparser, a smaller density.
    """

    values: FloatArray
    left: BoolArray
    right: BoolArray
    falling: bool = False

    def __post_init__(self) -> None:
        for name, kind in (("values", np.float64), ("left", np.bool_), ("right", np.bool_)):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=kind))
        if self.values.ndim < 1 or not self.values.shape == self.left.shape == self.right.shape:
            shapes = f"{self.values.shape}, {self.left.shape}, {self.right.shape}"
            raise ValueError(f"values, left and right must be of one shape, got {shapes}")
        _finite(self.values)
        if np.any(self.left & self.right):
            raise ValueError("an event can't be censored on both sides: it would say nothing")

    @property
    def earliest(self) -> FloatArray:
        """float[..., seeds]: the earliest point along the levels at which the event may have happened; larger is later,
        -inf if left-censored."""
        return np.where(self.left, -np.inf, -self.values if self.falling else self.values)

    @property
    def latest(self) -> FloatArray:
        """float[..., seeds]: the latest such point, +inf if right-censored."""
        return np.where(self.right, np.inf, -self.values if self.falling else self.values)


def break_density(normalised: npt.ArrayLike, densities: npt.ArrayLike, drop: float = 0.1) -> Censored:
    """Density of the last level before the first one whose normalised return is more than `drop` below the
    mean of level 0 over seeds.

    normalised: float[seeds, levels+1]; densities: float[levels+1], strictly falling. A seed of which no level
    fails is right-censored at the density of the last level: it held out at least so far. A seed whose level
    1 fails is left-censored at the density of level 0: it broke before the first density that was tried, so a
    finer grid might find it to hold out less long than any other. Raises ValueError for NaN or densities that
    do not fall.
    """
    curves, grid = _finite(_curves(normalised)), np.asarray(densities, dtype=np.float64)
    if grid.shape != curves.shape[1:] or not np.all(np.diff(grid) < 0):
        raise ValueError(f"densities must be {curves.shape[1]} strictly falling numbers, got {grid.tolist()}")
    fails = curves[:, 0].mean() - curves[:, 1:] > drop + ROUNDING
    breaks, before = fails.any(axis=1), fails.argmax(axis=1)  # column 0 of `fails` is level 1
    held = np.where(breaks, before, curves.shape[1] - 1)
    return Censored(grid[held], left=breaks & (before == 0), right=~breaks, falling=True)


def input_magnitude(first_layer: npt.ArrayLike) -> FloatArray:
    """Share of sum |w| that each input holds. first_layer: float[..., inputs, units], trained and masked ->
    float[..., inputs], summing to 1.

    An empty layer gives zeros: no input holds anything.
    """
    per_input = np.abs(_finite(np.asarray(first_layer, dtype=np.float64))).sum(axis=-1)
    total = per_input.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(per_input, total, out=np.zeros_like(per_input), where=total > 0))


def separation_level(magnitude: npt.ArrayLike, named: Sequence[int], share: float = 0.8) -> Censored:
    """First level, 0 counting, at which the inputs `named` hold at least `share` of the input magnitude;
    right-censored at the last level K.

    magnitude: float[seeds, levels+1, inputs]. Earlier is better here. Raises ValueError for NaN.
    """
    shares = _finite(np.asarray(magnitude, dtype=np.float64))[:, :, list(named)].sum(axis=-1)
    held = shares >= share - ROUNDING
    found = held.any(axis=1)
    level = np.where(found, held.argmax(axis=1), held.shape[1] - 1)
    return Censored(level, left=np.zeros_like(found), right=~found)


def restricted_level(separation: Censored) -> FloatArray:
    """min(level, K+1) -> float[seeds]: a seed that never separated counts as one level past the last.

    The restricted mean of survival analysis. A sign-flip of paired differences stays exact: a pair that is
    exchangeable stays so when both are clipped alike, so the two conditions must have been run to the same K.
    """
    return np.where(separation.right, separation.values + 1, separation.values)


def overshoot(first_layer_counts: npt.ArrayLike, densities: npt.ArrayLike, at: float = 0.10) -> FloatArray:
    """1.0 where the first layer is empty at the first level whose density is at or below `at`, else 0.0 ->
    float[seeds].

    first_layer_counts: int[seeds, levels+1], weights left; densities: float[levels+1]. Raises ValueError if
    no level is that sparse.
    """
    counts, grid = np.asarray(first_layer_counts), np.asarray(densities, dtype=np.float64)
    if counts.ndim != 2 or grid.shape != counts.shape[1:]:
        raise ValueError(f"counts of shape {counts.shape} do not go with {grid.size} densities")
    reached = np.flatnonzero(grid <= at + ROUNDING)
    if reached.size == 0:
        raise ValueError(f"no level is at or below density {at:g}: the sparsest is {grid.min():g}")
    return np.asarray(counts[:, reached[0]] == 0, dtype=np.float64)


def spread(normalised: npt.ArrayLike) -> FloatArray:
    """Mean over levels of |return - the seeds' median at that level|. normalised: float[seeds, levels] ->
    float[seeds].

    What Brown & Forsythe (1974) compare in place of variances: a variance would be decided by one failed seed.
    """
    curves = _finite(np.asarray(normalised, dtype=np.float64))
    if curves.ndim != 2 or 0 in curves.shape:
        raise ValueError(f"expected float[seeds, levels], got shape {curves.shape}")
    return np.asarray(np.abs(curves - np.median(curves, axis=0)).mean(axis=1))


def densities_by_fan_in(densities: npt.ArrayLike, sizes: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Density of the layers with the lowest fan-in, and of the layers with the highest; several are taken as one.

    densities: float[..., layers], share of weights left; sizes: int[layers + 1], units per layer, so that layer i
    has fan-in sizes[i] -> two float[...]. Raises ValueError where all layers have one fan-in.
    """
    shares, units = np.asarray(densities, dtype=np.float64), np.asarray(sizes)
    fan_in, weights = units[:-1], units[:-1] * units[1:]
    if fan_in.min() == fan_in.max():
        raise ValueError(f"all layers of {tuple(sizes)} have the same fan-in: there is nothing to compare")
    lowest, highest = (
        np.average(shares[..., fan_in == extreme], axis=-1, weights=weights[fan_in == extreme])
        for extreme in (fan_in.min(), fan_in.max())
    )
    return np.asarray(lowest), np.asarray(highest)


def _curves(normalised: npt.ArrayLike) -> FloatArray:
    curves = np.asarray(normalised, dtype=np.float64)
    if curves.ndim != 2 or curves.shape[0] < 1 or curves.shape[1] < 2:
        raise ValueError(f"expected float[seeds, levels+1], levels >= 1, got shape {curves.shape}")
    return curves


def _finite(values: FloatArray) -> FloatArray:
    require_finite(values)
    return values
