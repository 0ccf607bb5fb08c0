"""Which test a contrast of conditions is judged by, and the guarded t test.

The guard. A mean may hang on a failure too rare to have been seen: where 5 % of chains collapse, 36 % of samples of 20
seeds show none, and a t test on the tight values left is certain of the wrong mean. No test of the sample alone can
notice (Bahadur and Savage 1956). So a studentised verdict must survive one seed more. For the lower bound it lies below
the median (for the upper one above it), by the larger of the furthest deviation seen and how far one chain that ends at
the worst value can move the contrast. From 15 seeds on this keeps false alarms under 0.05 for normal and lognormal
values, ceilings, and failures in 2 to 30 % of chains, seen or unseen (`python -m harness calibrate`). Its price: an
effect or margin under about 3 such moves / seeds can't be shown.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.statistics.contrast import FloatArray, PerSeed
from harness.statistics.inference import TAIL, Kind, Outcome, finite_sample, no_spread, not_tested, sd_of
from harness.statistics.paired import sign_flip

FEWEST_STUDENTISED = 15  # under it the guard is not calibrated
_LOW = 1 - (1 - TAIL)  # the share that scipy's intervals take, to the last digit


def contrast_test(contrast: PerSeed, kind: Kind = "greater", span: tuple[float, float] = (0.0, 1.0)) -> Outcome:
    """Test a contrast over shared seeds by the test that it allows.

    "greater" on two conditions: the exact sign-flip, whose null is that they are exchangeable. Where only their means
    agree it errs as a t test would. Its guarded bounds serve the conclusion "equivalent".
    Everything else: the guarded t test. A contrast of more conditions is not symmetric under the null (sign-flips gave
    35 % false alarms), and "equivalent" and "non-inferior" rest on a mean.

    span: the lowest and the highest value that one chain can have in one condition; 0 to 1 for shares.
    Raises ValueError where every condition cancelled.
    """
    if not contrast.conditions:
        raise ValueError("every condition of the contrast cancelled: nothing is compared")
    values = finite_sample(contrast.values)
    parts = np.stack([contrast.parts[label] for label in contrast.weights])
    guarded = guarded_paired(values, *map(float, reaches(parts, np.array(list(contrast.weights.values())), span)))
    if kind != "greater" or not contrast.is_pair:
        return guarded
    return replace(sign_flip(values), guarded=(guarded.lower, guarded.upper), reach=guarded.reach)


def guarded_paired(values: npt.ArrayLike, fall: float = 0.0, rise: float = 0.0) -> Outcome:
    """The t test with `guarded_bounds`. values: float[seeds].

    p is twice the smaller of the two one-sided p's, each with its own seed more, hence coherent with the bounds.
    Refused under 15 seeds, or where nothing varies and nothing could fail.
    """
    sample = finite_sample(values)
    effect, n, reach, sd = float(sample.mean()), (sample.size,), max(fall, rise), sd_of(sample)
    why = no_spread(sample) if min(fall, rise) == 0 else None
    if sample.size < FEWEST_STUDENTISED:
        why = "few seeds", f"{n[0]} seeds, where a studentised test is calibrated from {FEWEST_STUDENTISED} on"
    if why:
        return not_tested("guarded t", n, effect, why, sd, reach)
    low, high = t_test(_one_more(sample, fall, -1)), t_test(_one_more(sample, rise, +1))
    p = min(1.0, 2 * float(min(low.above, high.below)))
    return Outcome("guarded t", n, effect, float(low.lower), float(high.upper), p, sd, None, reach)


def guarded_bounds(
    values: FloatArray, fall: float | FloatArray = 0.0, rise: float | FloatArray = 0.0
) -> tuple[FloatArray, FloatArray]:
    """One-sided 97.5 % t bounds of the mean that survive one seed more. values: float[..., seeds]; fall, rise: a
    number, or float[...] -> two float[...]."""
    return t_test(_one_more(values, fall, -1)).lower, t_test(_one_more(values, rise, +1)).upper


def reaches(
    values: FloatArray, weights: FloatArray, span: tuple[float, float] = (0.0, 1.0)
) -> tuple[FloatArray, FloatArray]:
    """(fall, rise): how far one chain moves a contrast with these weights that goes from its condition's median to an
    end of `span`, in the condition in which this moves it furthest. A value beyond the span widens it: what one chain
    has, another can have. values: float[conditions, ..., seeds] -> two float[...]."""
    medians = np.median(values, axis=-1)
    ends = np.minimum(span[0], values.min(axis=(0, -1))), np.maximum(span[1], values.max(axis=(0, -1)))
    moves = np.stack([w * (end - m) for w, m in zip(weights, medians, strict=True) for end in ends])
    return np.maximum(0.0, -moves.min(axis=0)), np.maximum(0.0, moves.max(axis=0))


@dataclass(frozen=True)
class Studentised:
    """An estimate with its standard error and degrees of freedom, float[...] each."""

    effect: FloatArray
    error: FloatArray
    freedom: int

    @property
    def lower(self) -> FloatArray:
        """One-sided 97.5 % bound."""
        return np.asarray(special.stdtrit(self.freedom, _LOW) * self.error + self.effect)

    @property
    def upper(self) -> FloatArray:
        """The same on the other side."""
        return np.asarray(special.stdtrit(self.freedom, 1 - TAIL) * self.error + self.effect)

    @property
    def above(self) -> FloatArray:
        """One-sided p of "it is above 0"; NaN where neither effect nor error is."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(special.stdtr(self.freedom, -(self.effect / self.error)))

    @property
    def below(self) -> FloatArray:
        """One-sided p of "it is below 0"."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(special.stdtr(self.freedom, self.effect / self.error))


def t_test(values: FloatArray) -> Studentised:
    """Student's t test of the mean. values: float[..., seeds], two seeds at least."""
    n = values.shape[-1]
    variance = ((values - values.mean(axis=-1, keepdims=True)) ** 2).mean(axis=-1) * (n / (n - 1))  # scipy's last digit
    return Studentised(values.mean(axis=-1), np.sqrt(variance / n), n - 1)


def _one_more(values: FloatArray, reach: float | FloatArray, side: Literal[-1, 1]) -> FloatArray:
    median = np.median(values, axis=-1, keepdims=True)
    furthest = np.abs(values - median).max(axis=-1, keepdims=True)
    return np.concatenate([values, median + side * np.maximum(furthest, np.asarray(reach)[..., None])], axis=-1)
