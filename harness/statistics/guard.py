"""Studentised tests that must survive one seed more.

The guard. A mean may hang on a failure too rare to have been seen: where 5 % of chains collapse, 36 % of samples of 20
seeds show none, and a t test on the tight values left is certain of the wrong mean. No test of the sample alone can
notice (Bahadur and Savage 1956). So a studentised verdict must survive one seed more. For the lower bound it lies below
the median (for the upper one above it), by the larger of the furthest deviation seen and how far one chain that ends at
the worst value can move the contrast. This is the rule of three with a t test around it. From 15 seeds on it keeps
false alarms under 0.05 for normal and lognormal values, ceilings, and failures in 2 to 30 % of chains, seen or unseen
(`python -m harness calibrate`). Its price: an effect or margin under about 3 such moves / seeds can't be shown.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.statistics.contrast import FloatArray, PerSeed
from harness.statistics.inference import Outcome, Why, finite_sample, no_spread, not_tested, pooled_sd
from harness.statistics.studentised import Studentised, t_test, welch_test

FEWEST_STUDENTISED = 15  # per group; under it the guard is not calibrated
Reach = tuple[float | FloatArray, float | FloatArray]
"""(fall, rise): how far a failing chain can move the value down and up; of one sample or of each."""
ALONE: Reach = (0.0, 0.0)


def guarded_paired(values: npt.ArrayLike, fall: float = 0.0, rise: float = 0.0) -> Outcome:
    """The t test with `guarded_bounds`. values: float[seeds].

    p is twice the smaller of the two one-sided p's, each with its own seed more, hence coherent with the bounds.
    Refused under 15 seeds, or where nothing varies and nothing could fail.
    """
    sample = finite_sample(values)
    effect, n, reach = float(sample.mean()), (sample.size,), max(fall, rise)
    if why := _too_few(n) or (no_spread(sample) if min(fall, rise) == 0 else None):
        return not_tested("guarded t", n, effect, why, pooled_sd(sample), reach)
    low, high = t_test(_one_more(sample, fall, -1)), t_test(_one_more(sample, rise, +1))
    p = min(1.0, 2 * float(min(low.above, high.below)))
    return Outcome("guarded t", n, effect, float(low.lower), float(high.upper), p, pooled_sd(sample), None, reach)


def guarded_unpaired(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    reach_a: tuple[float, float] = (0.0, 0.0),
    reach_b: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """Welch's test with the guard: the worse bound of one seed more in a and one seed more in b. a, b: float[seeds];
    reach: (fall, rise) of a group."""
    x, y = finite_sample(a), finite_sample(b)
    effect, n, reach = float(x.mean() - y.mean()), (x.size, y.size), max(*reach_a, *reach_b)
    both_ways = max(reach_a[0], reach_b[1]) > 0 and max(reach_a[1], reach_b[0]) > 0
    if why := _too_few(n) or (None if both_ways else no_spread(x, y)):
        return not_tested("guarded Welch", n, effect, why, pooled_sd(x, y), reach)
    low, high = guarded_bounds_unpaired(x, y, reach_a, reach_b)
    lowered, raised = _with_one_more(x, y, reach_a, reach_b)
    p = 2 * float(min(np.fmax(*(t.above for t in lowered)), np.fmax(*(t.below for t in raised))))
    return Outcome("guarded Welch", n, effect, float(low), float(high), min(1.0, p), pooled_sd(x, y), None, reach)


def guarded_bounds(
    values: FloatArray, fall: float | FloatArray = 0.0, rise: float | FloatArray = 0.0
) -> tuple[FloatArray, FloatArray]:
    """One-sided 97.5 % t bounds of the mean that survive one seed more. values: float[..., seeds]; fall, rise: a
    number, or float[...] -> two float[...]."""
    return t_test(_one_more(values, fall, -1)).lower, t_test(_one_more(values, rise, +1)).upper


def guarded_bounds_unpaired(
    a: FloatArray, b: FloatArray, reach_a: Reach = ALONE, reach_b: Reach = ALONE
) -> tuple[FloatArray, FloatArray]:
    """Welch bounds of mean(a) - mean(b) that survive one seed more in either group: the worse of the two. a, b:
    float[..., seeds] -> two float[...]."""
    lowered, raised = _with_one_more(a, b, reach_a, reach_b)
    return np.fmin(*(t.lower for t in lowered)), np.fmax(*(t.upper for t in raised))


def reach_of(contrast: PerSeed, span: tuple[float, float]) -> tuple[float, float]:
    """(fall, rise): how far one chain moves the contrast that goes from its condition's median to an end of `span`, in
    the condition in which this moves it furthest."""
    low, high = span
    if not contrast.seeds:
        raise ValueError(f"{contrast} needs at least one seed")
    if not low <= high:
        raise ValueError(f"span must be (lowest, highest), got {span}")
    parts = np.stack([contrast.parts[label] for label in contrast.weights])
    fall, rise = reaches(parts, np.array(list(contrast.weights.values())), span)
    return float(fall), float(rise)


def reaches(
    values: FloatArray, weights: FloatArray, span: tuple[float, float] = (0.0, 1.0)
) -> tuple[FloatArray, FloatArray]:
    """The same of contrasts with these weights. values: float[conditions, ..., seeds] -> two float[...]."""
    medians = np.median(values, axis=-1)
    moves = np.stack([w * (end - m) for w, m in zip(weights, medians, strict=True) for end in span])
    return np.maximum(0.0, -moves.min(axis=0)), np.maximum(0.0, moves.max(axis=0))


def _one_more(values: FloatArray, reach: float | FloatArray, side: Literal[-1, 1]) -> FloatArray:
    median = np.median(values, axis=-1, keepdims=True)
    furthest = np.abs(values - median).max(axis=-1, keepdims=True)
    return np.concatenate([values, median + side * np.maximum(furthest, np.asarray(reach)[..., None])], axis=-1)


def _with_one_more(
    a: FloatArray, b: FloatArray, reach_a: Reach, reach_b: Reach
) -> tuple[list[Studentised], list[Studentised]]:
    """Welch's tests with the seed more that lowers a - b, in either group, and with the one that raises it."""
    lowered = [welch_test(_one_more(a, reach_a[0], -1), b), welch_test(a, _one_more(b, reach_b[1], +1))]
    raised = [welch_test(_one_more(a, reach_a[1], +1), b), welch_test(a, _one_more(b, reach_b[0], -1))]
    return lowered, raised


def _too_few(n: tuple[int, ...]) -> Why | None:
    if min(n) >= FEWEST_STUDENTISED:
        return None
    return "few seeds", f"{min(n)} seeds, where a studentised test is calibrated from {FEWEST_STUDENTISED} on"
