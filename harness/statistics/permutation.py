"""The permutation distribution of a studentised estimate over the labels of two groups."""

from collections.abc import Callable
from math import comb

import numpy as np
from scipy import stats

from harness.statistics.contrast import FloatArray
from harness.statistics.outcome import TAIL

RELABELLINGS = 20_000  # all of them up to 8 against 8 seeds, else so many at random


def studentised_permutation(
    a: FloatArray,
    b: FloatArray,
    estimate: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]],
    relabellings: int,
) -> tuple[float, float, float]:
    """Bounds and two-sided p of `estimate` (effect and standard error along the last axis) over the
    labels."""

    def statistic(first: FloatArray, second: FloatArray, axis: int = -1) -> FloatArray:
        effect, error = estimate(np.moveaxis(first, axis, -1), np.moveaxis(second, axis, -1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.nan_to_num(effect / error, nan=0.0, posinf=np.inf, neginf=-np.inf))

    result = stats.permutation_test(
        (a, b),
        statistic,
        permutation_type="independent",
        vectorized=True,
        n_resamples=relabellings,
        batch=max(1, 2_000_000 // (a.size * b.size)),
        rng=np.random.default_rng(0),
    )
    null = np.sort(result.null_distribution)
    exact = null.size == comb(a.size + b.size, a.size)
    # relabellings that may reach a rejected statistic (itself among them if exact; scipy adds it if drawn)
    spare = int(np.floor(TAIL * null.size)) if exact else int(np.floor(TAIL * (null.size + 1))) - 1
    effect, error = (float(part) for part in estimate(a, b))
    if spare < int(exact):
        return -np.inf, np.inf, float(result.pvalue)
    high, low = (t + side * 1e-9 * max(1.0, abs(t)) for t, side in ((null[-1 - spare], 1), (null[spare], -1)))
    return effect - float(high) * error, effect - float(low) * error, float(result.pvalue)
