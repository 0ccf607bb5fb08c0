"""Variance ratio: whether the seeds of one condition lie farther apart than those of another."""

import numpy as np
import numpy.typing as npt

from harness.statistics.estimands import ROUNDING, spread
from harness.statistics.outcome import TAIL, Outcome, pooled_sd, refusal
from harness.statistics.permutation import RELABELLINGS


def swapped_spreads(a: npt.ArrayLike, b: npt.ArrayLike, swaps: int = RELABELLINGS) -> Outcome:
    """Does a spread wider over seeds than b? a, b: float[seeds, levels], the same seeds. Effect: the mean `spread` of a
    less that of b.

    Seeds swap their conditions, all levels of a seed together, and the medians are taken anew each time: exact where
    the conditions are exchangeable. A sign-flip of the deviations is not, for one seed moves the median of all others:
    it gave 6.6 % false alarms below a ceiling with persistent failures. The bounds are the effect less the quantiles
    that swapping gives, so that they exclude 0 when the test rejects. Under 6 seeds nothing can be rejected: refused.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 2 or x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(f"two arrays float[seeds, levels] of finite numbers are compared, got {x.shape} and {y.shape}")
    differences = spread(x) - spread(y)
    effect, n = float(differences.mean()), len(x)
    if n < 6 or not differences.any():
        why = f"{n} seeds: swapping can't reject with fewer than 6" if n < 6 else "neither condition varies over seeds"
        return refusal("swapped spreads", (n,), effect, why)
    rng = np.random.default_rng(0)
    found = [np.array([effect])]  # as it is counts as one of the swaps
    for _ in range(0, swaps, 1000):
        swapped = rng.integers(0, 2, (1000, n, 1), dtype=bool)
        sides = (np.where(swapped, y, x), np.where(swapped, x, y))
        wide, narrow = (np.abs(side - np.median(side, axis=1, keepdims=True)).mean(axis=(1, 2)) for side in sides)
        found.append(wide - narrow)
    null = np.sort(np.concatenate(found))
    beyond = int(np.floor(TAIL * null.size)) - 1  # of the swaps that may lie further out
    tail = min(np.count_nonzero(null >= effect - ROUNDING), np.count_nonzero(null <= effect + ROUNDING))
    lower, upper = effect - float(null[-1 - beyond]), effect - float(null[beyond])
    p = float(min(1.0, 2 * tail / null.size))
    return Outcome("swapped spreads", (n,), effect, lower, upper, p, pooled_sd(differences))
