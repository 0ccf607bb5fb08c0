"""Shares of seeds that have a property (a failure, an empty layer), and differences of them. All tests are exact:
no spread has to be estimated, so seeds that are all alike are evidence here, and no guard is needed.

For paired seeds a sign-flip of the 0/1 values is McNemar's exact test; its bounds assume a shift, which shares near 0
or 1 do not follow, hence `paired_shares`. For groups Barnard's test is taken: more powerful than Fisher's, which
holds fixed a total that nobody fixed, and unlike Boschloo's its score can be put against any difference, so that p
and bounds are one test.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.contrast import FloatArray
from harness.statistics.exact import Groups, Pairs, lower_bound, tail
from harness.statistics.outcome import TAIL, Outcome, finite_sample, pooled_sd, refusal

LARGEST = 150  # seeds a group: beyond it the tables take gigabytes, and a studentised test does


def paired_shares(a: npt.ArrayLike, b: npt.ArrayLike) -> Outcome:
    """Share of a less share of b, over the same seeds. a, b: 0/1 or bool, [seeds].

    The unconditional form of McNemar's test (Suissa and Shuster 1991), its bounds by inverting Tango's score. Refused
    for one seed. Raises ValueError for other values, different lengths, or over 150 seeds.
    """
    x, y = _binary(a), _binary(b)
    if x.size != y.size:
        raise ValueError(f"paired shares need the same seeds, got {x.size} and {y.size}")
    effect, n = float((x - y).mean()), (x.size,)
    if x.size < 2:
        return refusal("paired shares", n, effect, _ONE)
    design, only_a, only_b = Pairs(x.size), int((x > y).sum()), int((y > x).sum())
    here, mirrored = design.index(only_a, only_b), design.index(only_b, only_a)
    lower, upper = lower_bound(design, here), -lower_bound(design, mirrored)
    p = min(1.0, 2 * min(tail(design, here, 0.0), tail(design, mirrored, 0.0)))
    return Outcome("paired shares", n, effect, lower, upper, p, pooled_sd(x - y))


def unpaired_shares(a: npt.ArrayLike, b: npt.ArrayLike) -> Outcome:
    """Share of a less share of b, over different seeds. a, b: 0/1 or bool, [seeds].

    Barnard's exact test with the score statistic, its bounds by inverting it (Chan and Zhang 1999). Refused where a
    group has one seed. Raises ValueError for other values, or over 150 seeds in a group.
    """
    x, y = _binary(a), _binary(b)
    effect, n = float(x.mean() - y.mean()), (x.size, y.size)
    if min(n) < 2:
        return refusal("unpaired shares", n, effect, _ONE)
    design, counts = Groups(*n), (int(x.sum()), int(y.sum()))
    here, other, mirrored = design.index(*counts), design.swapped(), design.swapped().index(*counts[::-1])
    lower, upper = lower_bound(design, here), -lower_bound(other, mirrored)
    p = min(1.0, 2 * min(tail(design, here, 0.0), tail(other, mirrored, 0.0)))
    return Outcome("unpaired shares", n, effect, lower, upper, p, pooled_sd(x, y))


def failure_rate(failed: npt.ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Rate and its Clopper-Pearson (1934) interval. failed: 0/1 or bool, [seeds]. 20 seeds of which none failed leave
    a rate of 17 % possible."""
    flags = _binary(failed, largest=None)
    result = stats.binomtest(int(flags.sum()), flags.size)
    interval = result.proportion_ci(confidence, method="exact")
    return float(flags.mean()), float(interval.low), float(interval.high)


def rarer_than(failed: npt.ArrayLike, bar: float) -> Outcome:
    """By how much failures are rarer than `bar`: the effect is bar - rate. failed: 0/1 or bool, [seeds].

    The binomial test, bounds by Clopper and Pearson. Refused for one seed. Raises ValueError for a bar outside
    (0, 1/2]: what happens more often than not is no failure.
    """
    if not 0 < bar <= 0.5:
        raise ValueError(f"the bar of a failure rate lies in (0, 1/2], got {bar}")
    flags = _binary(failed, largest=None)
    n, count = flags.size, int(flags.sum())
    rate, low, high = failure_rate(flags, 1 - 2 * TAIL)
    if n < 2:
        return refusal("failure rate", (n,), bar - rate, _ONE)
    sides: Sequence[Any] = ("less", "greater")
    p = min(1.0, 2 * min(float(stats.binomtest(count, n, bar, side).pvalue) for side in sides))
    return Outcome("failure rate", (n,), bar - rate, bar - high, bar - low, p, float(np.sqrt(bar * (1 - bar))))


_ONE = "one seed has a share of 0 or 1, whatever the truth"


def _binary(values: npt.ArrayLike, largest: int | None = LARGEST) -> FloatArray:
    sample = finite_sample(values)
    if not np.isin(sample, (0.0, 1.0)).all():
        raise ValueError(f"a share is of values 0 and 1, got {sample[~np.isin(sample, (0.0, 1.0))][0]:g}")
    if largest is not None and sample.size > largest:
        raise ValueError(f"{sample.size} seeds, where differences of shares are exact up to {largest}")
    return sample
