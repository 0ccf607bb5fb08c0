"""Studentised tests that must survive one seed more.

The guard. A mean may hang on a failure too rare to have been seen: where 5 % of chains collapse, 36 % of
samples of 20 seeds show none, and a t test on the tight values left is certain of the wrong mean. No test of
the sample alone can notice (Bahadur and Savage 1956). So a studentised verdict must survive one seed more,
put at the median minus (for the lower bound; plus for the upper) the larger of the furthest deviation seen
and how far one chain can move the contrast that ends at the worst value it can have. It is the rule of three
with a t test around it, and holds the false-alarm rate under 0.05 from 15 seeds on, for normal and lognormal
values, ceilings, and failures in 2 to 30 % of chains, seen or unseen (tests/test_statistics.py,
"calibration"). The price: an effect or margin under about 3 such moves / seeds can't be shown.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.contrast import FloatArray, PerSeed
from harness.statistics.outcome import TAIL, Outcome, finite_sample, no_spread, pooled_sd, refusal
from harness.statistics.unpaired import one_group_may_be_constant

FEWEST_STUDENTISED = 15  # per group; under it the guard is not calibrated


def guarded_paired(values: npt.ArrayLike, fall: float = 0.0, rise: float = 0.0) -> Outcome:
    """The t test with `guarded_bounds`. values: float[seeds]. p is twice the smaller of the two one-sided
    p's, each with its own seed more, hence coherent with the bounds. Refused under 15 seeds, or where nothing
    varies and nothing could fail."""
    sample = finite_sample(values)
    effect, n = float(sample.mean()), (sample.size,)
    if refused := _too_few(n) or (no_spread(sample) if min(fall, rise) == 0 else ""):
        return refusal("guarded t", n, effect, refused, pooled_sd(sample), max(fall, rise))
    low, high = guarded_bounds(sample, fall, rise)
    below = _t_test(_one_more(sample, fall, -1), "greater").pvalue
    above = _t_test(_one_more(sample, rise, +1), "less").pvalue
    p = min(1.0, 2 * float(min(below, above)))
    return Outcome("guarded t", n, effect, float(low), float(high), p, pooled_sd(sample), None, max(fall, rise))


def guarded_unpaired(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    reach_a: tuple[float, float] = (0.0, 0.0),
    reach_b: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """Welch's test with the guard: the worse bound of one seed more in a and one seed more in b. a, b:
    float[seeds]; reach: (fall, rise) of a group, as in `guarded_bounds`."""
    x, y = finite_sample(a), finite_sample(b)
    effect, n, reach = float(x.mean() - y.mean()), (x.size, y.size), max(*reach_a, *reach_b)
    both_ways = max(reach_a[0], reach_b[1]) > 0 and max(reach_a[1], reach_b[0]) > 0
    if refused := _too_few(n) or ("" if both_ways else no_spread(x, y)):
        return refusal("guarded Welch", n, effect, refused, pooled_sd(x, y), reach)
    low, high = guarded_bounds_unpaired(x, y, reach_a, reach_b)
    below, above = _guarded_welch(x, y, reach_a, reach_b)
    p = 2 * float(min(np.fmax(*(test.pvalue for test in tests)) for tests in (below, above)))
    return Outcome("guarded Welch", n, effect, float(low), float(high), min(1.0, p), pooled_sd(x, y), None, reach)


def guarded_bounds(values: FloatArray, fall: float = 0.0, rise: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """One-sided 97.5 % t bounds of the mean that survive one seed more. values: float[..., seeds] -> two
    float[...].

    The seed more lies at the median - max(fall, furthest deviation seen) for the lower bound, at the median +
    max(rise, furthest) for the upper; fall and rise are how far a failing chain can move the value down and
    up.
    """
    low, high = _t_test(_one_more(values, fall, -1), "greater"), _t_test(_one_more(values, rise, +1), "less")
    return low.confidence_interval(1 - TAIL).low, high.confidence_interval(1 - TAIL).high


def guarded_bounds_unpaired(
    a: FloatArray, b: FloatArray, reach_a: tuple[float, float], reach_b: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Welch bounds of mean(a) - mean(b) that survive one seed more in either group: the worse of the two. a,
    b: float[..., seeds]; reach: (fall, rise) of a group, as in `guarded_bounds`. Returns two float[...]."""
    below, above = _guarded_welch(a, b, reach_a, reach_b)
    with one_group_may_be_constant():
        low = np.fmin(*(test.confidence_interval(1 - TAIL).low for test in below))
        high = np.fmax(*(test.confidence_interval(1 - TAIL).high for test in above))
    return low, high


def reach_of(contrast: PerSeed, span: tuple[float, float]) -> tuple[float, float]:
    """(fall, rise): how far one chain moves the contrast that goes from its condition's median to an end of
    `span`, in the condition in which this moves it furthest."""
    low, high = span
    if not contrast.seeds:
        raise ValueError(f"{contrast} needs at least one seed")
    if not low <= high:
        raise ValueError(f"span must be (lowest, highest), got {span}")
    moves = [
        weight * (end - float(np.median(contrast.parts[label])))
        for label, weight in contrast.weights.items()
        for end in span
    ]
    return max(0.0, -min(moves)), max(0.0, *moves)


def _one_more(values: FloatArray, reach: float, side: Literal[-1, 1]) -> FloatArray:
    median = np.median(values, axis=-1, keepdims=True)
    furthest = np.abs(values - median).max(axis=-1, keepdims=True)
    return np.concatenate([values, median + side * np.maximum(furthest, reach)], axis=-1)


def _guarded_welch(
    a: FloatArray, b: FloatArray, reach_a: tuple[float, float], reach_b: tuple[float, float]
) -> tuple[list[Any], list[Any]]:
    """Tests of "a > b" against the seed more that lowers a - b, from either group, and of "a < b"
    likewise."""
    lowered = [(_one_more(a, reach_a[0], -1), b), (a, _one_more(b, reach_b[1], +1))]
    raised = [(_one_more(a, reach_a[1], +1), b), (a, _one_more(b, reach_b[0], -1))]
    with one_group_may_be_constant():
        below = [stats.ttest_ind(*pair, axis=-1, equal_var=False, alternative="greater") for pair in lowered]
        above = [stats.ttest_ind(*pair, axis=-1, equal_var=False, alternative="less") for pair in raised]
    return below, above


def _t_test(values: FloatArray, alternative: Literal["greater", "less"]) -> Any:
    return stats.ttest_1samp(values, 0.0, axis=-1, alternative=alternative)


def _too_few(n: tuple[int, ...]) -> str:
    if min(n) >= FEWEST_STUDENTISED:
        return ""
    return f"{min(n)} seeds, where a studentised test is calibrated from {FEWEST_STUDENTISED} on"
