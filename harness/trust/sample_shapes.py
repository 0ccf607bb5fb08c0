"""How seeds may be distributed: the shapes on which every test is calibrated, with a contrast that is known.

All lie on the span 0 to 1 of a normalised return, but for the lognormal's tail. Returns near a task's ceiling have rare
and deep failures: most chains reach it exactly, and a few fail altogether.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import erf, exp, pi, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Size = tuple[int, int]
"""Replicates, seeds."""

RATES = (0.02, 0.05, 0.10, 0.20)
LAST_LEVEL = 11
"""Break levels run from 0 (left-censored: level 1 fails already) to this one (right-censored: none fails)."""
_BELOW_CAP = 1 / sqrt(2 * pi)
"""How much capping a standard normal at its mean takes from its mean."""


@dataclass(frozen=True)
class Shape:
    """A distribution over seeds.

    family    "alike": all conditions are drawn alike, hence exchangeable. "means agree": the first differs from the
              others in all but its mean. "one fails": the same, its mean lowered by failures alone
    draw      (rng, conditions, shape of one condition) -> float[conditions, *shape]
    mean      of the first condition
    distance  the mean distance from the median of what `spreading` draws
    failures  the rate at which seeds fail
    loss      how much the failures of "one fails" lower the first condition's mean
    needs     what data must be like to have this shape, as the calibration table tells it
    """

    name: str
    family: Literal["alike", "means agree", "one fails"]
    draw: Callable[[np.random.Generator, int, tuple[int, ...]], FloatArray]
    mean: float
    distance: float
    failures: float = 0.0
    loss: float = 0.0
    needs: Literal["", "near", "hidden"] = ""
    indistinguishable: bool = False


def normal(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
    """Mean 0.8, standard deviation 0.1."""
    return rng.normal(0.8, 0.1, (conditions, *shape))


def lognormal(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
    """A tenth of a standard lognormal: median 0.1, standard deviation 0.2."""
    return 0.1 * rng.lognormal(0, 1, (conditions, *shape))


def unequal(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
    """Normal, the first condition with four times the standard deviation of the others."""
    value = rng.normal(0.5, 0.05, (conditions, *shape))
    value[0] = 0.5 + 4 * (value[0] - 0.5)
    return value


def skewed(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
    """The first condition lognormal, the others normal with a quarter of its standard deviation and its mean."""
    value = rng.normal(0.5, 0.05, (conditions, *shape))
    value[0] = 0.5 + 0.1 * (rng.lognormal(0, 1, shape) - exp(0.5))
    return value


def hiding(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
    """All far from the ceiling and tight; a twentieth of the first condition's seeds falls to between 0 and 0.05, and
    the others lift what that takes from its mean, 0.5."""
    value = rng.normal(0.5, 0.01, (conditions, *shape))
    seeds = (*shape[:2], *(1 for _ in shape[2:]))  # a failure lasts over all levels
    lifted = value[0] + (0.5 - 0.05 * 0.025) / 0.95 - 0.5
    value[0] = np.where(rng.random(seeds) < 0.05, rng.uniform(0, 0.05, shape), lifted)
    return value


def tight(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
    """Half of the seeds exactly at 1, the others within a few hundredths below."""
    return np.minimum(1, rng.normal(1, 0.01, (conditions, *shape)))


def _capped(rate: float) -> Shape:
    """Half of the seeds exactly at 1, the others a little below; a share `rate` fails, to between 0 and 0.3."""

    def draw(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
        value = np.minimum(1, rng.normal(1, 0.1, (conditions, *shape)))
        if rate:
            seeds = (conditions, *shape[:2], *(1 for _ in shape[2:]))  # a failure lasts over all levels
            value = np.where(rng.random(seeds) < rate, rng.uniform(0, 0.3, value.shape), value)
        return value

    mean = (1 - rate) * (1 - 0.1 * _BELOW_CAP) + rate * 0.15
    distance = rate * (1 - 0.15) + (1 - rate) * 0.1 * _BELOW_CAP
    name = f"capped, {rate:.0%} fail" if rate else "capped"
    return Shape(name, "alike", draw, mean, distance, rate, needs="near")


def _one_fails(rate: float) -> Shape:
    """`tight`, and of the first condition a share `rate` falls to between 0 and 0.05."""

    def draw(rng: np.random.Generator, conditions: int, shape: tuple[int, ...]) -> FloatArray:
        value = tight(rng, conditions, shape)
        value[0] = np.where(rng.random(shape) < rate, rng.uniform(0, 0.05, shape), value[0])
        return value

    loss = rate * (1 - 0.01 * _BELOW_CAP - 0.025)
    distance = rate * (1 - 0.025) + (1 - rate) * 0.01 * _BELOW_CAP
    name = f"capped, one condition fails at {rate:.0%}"
    return Shape(name, "one fails", draw, 1 - 0.01 * _BELOW_CAP - loss, distance, rate, loss, "hidden")


_SKEW = 0.1 * exp(0.5) * erf(1 / sqrt(2))
"""The mean distance of a lognormal from its median, and of the normal beside it."""
ALIKE: tuple[Shape, ...] = (
    Shape("normal", "alike", normal, 0.8, 0.1 * sqrt(2 / pi)),
    Shape("lognormal", "alike", lognormal, 0.1 * exp(0.5), _SKEW),
    *(_capped(rate) for rate in (0.0, *RATES)),
)
UNEQUAL: tuple[Shape, ...] = (
    Shape("unequal variances", "means agree", unequal, 0.5, _SKEW),
    Shape("unequal variances, one skewed", "means agree", skewed, 0.5, _SKEW, indistinguishable=True),
    Shape("far from the ceiling, one fails at 5%", "means agree", hiding, 0.5, _SKEW, indistinguishable=True),
)
ONE_FAILS: tuple[Shape, ...] = tuple(map(_one_fails, RATES))
SHAPES = {shape.name: shape for shape in (*ALIKE, *UNEQUAL, *ONE_FAILS)}


def sample(shape: Shape, weights: Sequence[float], effect: float, rng: np.random.Generator, size: Size) -> FloatArray:
    """float[conditions, replicates, seeds] whose contrast with `weights` has the mean `effect`.

    weights: the first is positive, they sum to 0. What failures take from the first condition, and an effect above 0,
    is taken from the second; an effect below 0 from the first: so none is lifted above the ceiling. One weight alone
    compares with a number, which lies beside the values: the second condition, without spread.
    """
    if len(weights) == 1:
        values = shape.draw(rng, 1, size)
        return np.concatenate([values, np.full((1, *size), shape.mean - effect)])
    values = shape.draw(rng, len(weights), size)
    values[1] += weights[0] * shape.loss / weights[1]
    values[1 if effect > 0 else 0] += effect / weights[1 if effect > 0 else 0]
    return values


def at_the_edge(
    shape: Shape, weights: Sequence[float], margin: float, rng: np.random.Generator, size: Size
) -> tuple[FloatArray, float]:
    """Conditions whose contrast lies exactly at minus the margin, and that margin: of "one fails" what its failures
    take, for nothing else lowers the first condition there."""
    if shape.loss and len(weights) > 1:
        return shape.draw(rng, len(weights), size), weights[0] * shape.loss
    return sample(shape, weights, -margin, rng, size), margin


def levels(shape: Shape, rng: np.random.Generator, size: Size, later: float = 0.0) -> FloatArray:
    """float[2, replicates, seeds]: the levels at which two groups break, of which neither holds out longer.

    later: by how many levels the first holds out longer before levels are rounded and censored.
    """
    if shape.loss:  # the first group fails at `rate`; the second breaks a level earlier as often as that loses
        broke = np.full((2, *size), 9.0)
        broke[0] = np.where(rng.random(size) < shape.failures, rng.integers(0, 4, size), 9)
        broke[1] -= rng.random(size) < shape.failures / (1 - shape.failures)
        return broke
    values = shape.draw(rng, 2, size)
    values[0] += later / LAST_LEVEL
    return np.asarray(np.clip(np.rint(LAST_LEVEL * values), 0, LAST_LEVEL))


def spreading(shape: Shape, rng: np.random.Generator, size: Size, depth: int = 2, wider: float = 1.0) -> FloatArray:
    """float[2, replicates, seeds, depth]: two conditions whose mean distances from the median agree, at
    `shape.distance`. wider: times which the first condition's distances are stretched."""
    full = (*size, depth)
    if shape.family == "alike":
        values = shape.draw(rng, 2, full)
    elif shape.loss:  # a normal one beside one that is tight but for failures, the second so that they can hide
        fails = rng.random((*size, 1)) < shape.failures
        tightly = np.where(fails, rng.uniform(0, 0.05, full), tight(rng, 1, full)[0])
        values = np.stack([rng.normal(0.5, shape.distance / sqrt(2 / pi), full), tightly])
    else:
        other = rng.normal(0.5, shape.distance / sqrt(2 / pi), full)
        values = np.stack([lognormal(rng, 1, full)[0], other])
    values[0] *= wider
    return values
