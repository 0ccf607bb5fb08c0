"""Variance ratio: whether the seeds of one condition lie farther apart than those of another."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.estimands import ROUNDING, spread
from harness.statistics.finite import require_finite
from harness.statistics.outcome import TAIL, Outcome, finite_sample, pooled_sd, refusal
from harness.statistics.permutation import RELABELLINGS


def swapped_spreads(a: npt.ArrayLike, b: npt.ArrayLike, swaps: int = RELABELLINGS) -> Outcome:
    """Does a spread wider over seeds than b? a, b: float[seeds, levels], the same seeds. Effect: the mean `spread` of a
    less that of b.

    Seeds swap their conditions, all levels of a seed together, and the medians are taken anew each time: exact where
    the conditions are exchangeable. A sign-flip of the deviations is not, for one seed moves the median of all others:
    it gave 6.6 % false alarms below a ceiling with persistent failures. The bounds are the effect less the quantiles
    that swapping gives, so that they exclude 0 when the test rejects. Its guarded bounds are infinite: a failure too
    rare to be seen can widen a condition by any amount, and "equivalent" was wrong in 35 % of samples of 20 seeds with
    5 % of failures. Under 6 seeds nothing can be rejected: refused.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 2 or x.shape != y.shape or x.size == 0:
        raise ValueError(f"two arrays float[seeds, levels] of one shape are compared, got {x.shape} and {y.shape}")
    require_finite(x, "the first condition")
    require_finite(y, "the second condition")
    differences = spread(x) - spread(y)
    effect, n = float(differences.mean()), len(x)
    if n < 6 or not differences.any():
        still = "neither condition varies over seeds" if spread(x).max() == 0 else "both spread alike, seed by seed"
        why = f"{n} seeds: swapping can't reject with fewer than 6" if n < 6 else still
        return refusal("swapped spreads", (n,), effect, why)
    rng = np.random.default_rng(0)
    found = [np.array([effect])]  # as it is counts as one of the swaps
    for _ in range(0, swaps, 1000):
        swapped = rng.integers(0, 2, (1000, n, 1), dtype=bool)
        sides = (np.where(swapped, y, x), np.where(swapped, x, y))
        wide, narrow = (np.abs(side - np.median(side, axis=1, keepdims=True)).mean(axis=(1, 2)) for side in sides)
        found.append(wide - narrow)
    null = np.sort(np.concatenate(found))
    beyond = int(np.floor(TAIL * null.size))  # of the swaps may lie as far out, where the test rejects
    tail = min(np.count_nonzero(null >= effect - ROUNDING), np.count_nonzero(null <= effect + ROUNDING))
    lower, upper = effect - float(null[-1 - beyond]) - ROUNDING, effect - float(null[beyond]) + ROUNDING
    p = float(min(1.0, 2 * tail / null.size))
    sd = pooled_sd(differences)
    return Outcome("swapped spreads", (n,), effect, lower, upper, p, sd, guarded=(-np.inf, np.inf))


def variance_ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> Outcome:
    """Log of the ratio of standard deviations, a to b, over the same seeds. a, b: float[seeds].

    Pitman's (1939) and Morgan's (1939) test: the correlation of sum and difference; bounds by Pitman. For normal values
    alone, where it needs the fewest seeds: heavy tails and rare failures make it reject far too often, so a verdict
    rests on `swapped_spreads`, and its guarded bounds are infinite. Refused under 3 seeds, and where a condition does
    not vary or moves exactly with the other.
    """
    x, y = finite_sample(a), finite_sample(b)
    if x.size != y.size:
        raise ValueError(f"paired spreads need the same seeds, got {x.size} and {y.size}")
    n = x.size
    if n < 3:
        return refusal("Pitman-Morgan", (n,), np.nan, f"{n} seeds: a ratio of variances needs 3")
    if any(np.ptp(group) <= 1e-12 * np.abs(group).max() for group in (x, y)):
        return refusal("Pitman-Morgan", (n,), np.nan, "a condition does not vary over seeds: there is no ratio")
    ratio, left = x.std(ddof=1) / y.std(ddof=1), 1 - float(stats.pearsonr(x, y).statistic) ** 2
    effect, sd = float(np.log(ratio)), float(np.sqrt(max(left, 0.0)))
    if left < 1e-9:
        return refusal("Pitman-Morgan", (n,), effect, "the conditions move exactly together: the certainty is unknown")
    k = 1 + 2 * left * stats.t.ppf(1 - TAIL, n - 2) ** 2 / (n - 2)
    reach = float(np.log(k + np.sqrt(k**2 - 1))) / 2
    scaled = x / x.std(), y / y.std() * (y.std() / x.std())  # of order 1: neither sum nor difference overflows
    p = float(stats.pearsonr(scaled[0] + scaled[1], scaled[0] - scaled[1]).pvalue)
    return Outcome("Pitman-Morgan", (n,), effect, effect - reach, effect + reach, p, sd, guarded=(-np.inf, np.inf))
