"""Paired tests of a difference: one number per seed, both conditions of a seed in it."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.contrast import FloatArray
from harness.statistics.outcome import TAIL, Outcome, finite_sample, no_spread, pooled_sd, refusal

MOST_EXACT = 20  # up to 2^20 sign vectors are enumerated
SIGN_VECTORS = 2**18  # drawn where there are more


def sign_flip(differences: npt.ArrayLike) -> Outcome:
    """Exact sign-flip test of a paired difference. differences: float[seeds].

    Valid where the difference is symmetric about its mean, as that of two exchangeable conditions is.
    Flipping the seeds of N leaves the mean at least as large as observed exactly when the differences over N
    sum to 0 or less, so the one-sided p against a mean of e is (1 + #{nonempty N: mean over N <= e}) /
    2^seeds, and the bounds are order statistics of the subset means (Hartigan 1969, "typical values"). p is
    that of `scipy.stats.permutation_test(permutation_type="samples")`. Over 20 seeds: 2^18 random subsets,
    still valid, with the same + 1. Under 6 seeds nothing can be rejected: infinite bounds, and refused.

    Seeds that all gave the same difference are still 2^seeds sign vectors: that 6 or more of them went one way is
    evidence of a direction, exactly as strong as p says. Of how large the difference can be they say nothing, so the
    guarded bounds, on which "equivalent" rests, are then infinite.
    """
    values = finite_sample(differences)
    means = _subset_means(values)
    total = means.size + 1
    at_most, at_least = 1 + np.count_nonzero(means <= 0), 1 + np.count_nonzero(means >= 0)
    spare = int(np.floor(TAIL * total)) - 1  # subset means that may lie beyond the bound
    lower, upper = -np.inf, np.inf
    if spare >= 0:
        ordered = np.partition(means, (spare, means.size - 1 - spare))
        lower, upper = float(ordered[spare]), float(ordered[means.size - 1 - spare])
    p = float(min(1.0, 2 * min(at_most, at_least) / total))
    refused = "" if spare >= 0 else f"{values.size} seeds: a sign-flip can't reject with fewer than 6"
    alike = (-np.inf, np.inf) if no_spread(values) else None
    return Outcome(
        "sign-flip",
        (values.size,),
        float(values.mean()),
        lower,
        upper,
        p,
        pooled_sd(values),
        guarded=alike,
        refused=refused,
    )


def studentised_paired(values: npt.ArrayLike) -> Outcome:
    """One-sample t test of the mean. values: float[seeds]. Refused for one seed, or values that are all
    equal: their bounds would claim certainty."""
    sample = finite_sample(values)
    if refused := no_spread(sample):
        return refusal("t", (sample.size,), float(sample.mean()), refused)
    result = stats.ttest_1samp(sample, 0.0)
    low, high = result.confidence_interval(1 - 2 * TAIL)
    effect = float(sample.mean())
    return Outcome("t", (sample.size,), effect, float(low), float(high), float(result.pvalue), pooled_sd(sample))


def _subset_means(values: FloatArray) -> FloatArray:
    """Means of the nonempty subsets, all of them or 2^18 at random. A sum that is 0 but for rounding is 0:
    the test counts ties."""
    n, zero = values.size, 1e-12 * np.abs(values).sum()
    if n <= MOST_EXACT:
        sums, sizes = np.zeros(1), np.zeros(1)
        for value in values:  # doubling: the subsets without this seed, then those with it
            sums, sizes = np.concatenate([sums, sums + value]), np.concatenate([sizes, sizes + 1])
        sums, sizes = sums[1:], sizes[1:]
    else:
        rng = np.random.default_rng(0)
        chunks = [rng.integers(0, 2, (SIGN_VECTORS // 16, n), dtype=np.int8) for _ in range(16)]
        sums = np.concatenate([chunk @ values for chunk in chunks])
        sizes = np.concatenate([chunk.sum(axis=1, dtype=np.float64) for chunk in chunks])
        sizes = np.maximum(sizes, 1)  # the empty subset, once in 2^n: its sum is 0 whatever the size
    means: FloatArray = np.where(np.abs(sums) <= zero, 0.0, sums) / sizes
    return means
