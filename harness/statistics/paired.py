"""The exact sign-flip test of a paired difference: one number per seed, both conditions of a seed in it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.statistics.contrast import FloatArray
from harness.statistics.inference import TAIL, Outcome, finite_sample, no_spread, sd_of

MOST_EXACT = 20  # up to 2^20 sign vectors are enumerated
SIGN_VECTORS = 2**18  # drawn where there are more
FEWEST_FLIPPED = 6  # 2^(1-5) > 0.05


def sign_flip(differences: npt.ArrayLike) -> Outcome:
    """Exact sign-flip test of a paired difference. differences: float[seeds].

    It is valid where the difference is symmetric about its mean, as that of two exchangeable conditions is. The bounds
    are order statistics of the means of subsets of the seeds (Hartigan 1969, "typical values"); p is that of
    `scipy.stats.permutation_test(permutation_type="samples")`. Over 20 seeds 2^18 random subsets stand for all of
    them, which is still valid. Under 6 seeds nothing can be rejected: infinite bounds, and refused.

    Seeds that all gave the same difference are still 2^seeds sign vectors: that 6 or more of them went one way is
    evidence of a direction, exactly as strong as p says. It says nothing of how large the difference can be, so the
    guarded bounds, on which "equivalent" rests, are then infinite.
    """
    values = finite_sample(differences)
    n = values.size
    above, below = (float(tail) for tail in sign_flip_tails(values))
    lower, upper = _bounds(values) if n >= FEWEST_FLIPPED else (-np.inf, np.inf)
    few = f"{n} seeds: a sign-flip can't reject with fewer than {FEWEST_FLIPPED}"
    return Outcome(
        *("sign-flip", (n,), float(values.mean()), lower, upper, min(1.0, 2 * min(above, below)), sd_of(values)),
        guarded=(-np.inf, np.inf) if no_spread(values) else None,
        refused=few if n < FEWEST_FLIPPED else "",
        refusal="few seeds" if n < FEWEST_FLIPPED else "",
    )


def sign_flip_tails(
    differences: FloatArray, vectors: int = SIGN_VECTORS, rng: np.random.Generator | None = None
) -> tuple[FloatArray, FloatArray]:
    """One-sided p's of "the mean is above 0" and "below 0". differences: float[..., seeds] -> two float[...].

    Flipping the seeds of N leaves the mean at least as large as observed exactly when the differences over N sum to 0
    or less. So p is the share of all subsets, the empty one among them, that do. A sum that is 0 but for rounding is 0:
    the test counts ties. vectors: how many subsets are drawn where there are more than 20 seeds, from `rng` (default:
    the same ones every time).
    """
    n = differences.shape[-1]
    zero = 1e-12 * np.abs(differences).sum(axis=-1, keepdims=True)
    if n <= MOST_EXACT:
        return _counted(differences, zero)
    at_most = at_least = np.ones(differences.shape[:-1])
    for chunk in _drawn(n, vectors, rng):
        sums = differences @ chunk.T.astype(np.float64)
        at_most = at_most + (sums <= zero).sum(axis=-1)
        at_least = at_least + (sums >= -zero).sum(axis=-1)
    return at_most / (vectors + 1), at_least / (vectors + 1)


def _counted(differences: FloatArray, zero: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same over all subsets: the sums of either half of the seeds, and for each of the one how many of the other
    keep their sum at or under 0."""
    n = differences.shape[-1]
    rows = differences.reshape(-1, n)
    one, other = (np.sort(_subset_sums(half), axis=-1) for half in (rows[:, : n // 2], rows[:, n // 2 :]))
    counts = np.empty((len(rows), 2))
    for count, sums, others, tie in zip(counts, one, other, zero.reshape(-1), strict=True):
        count[0] = np.searchsorted(others, tie - sums, side="right").sum()
        count[1] = 2**n - np.searchsorted(others, -tie - sums, side="left").sum()
    above, below = counts.T.reshape(2, *differences.shape[:-1]) / 2**n
    return above, below


def _subset_sums(values: FloatArray) -> FloatArray:
    """float[..., seeds] -> float[..., 2^seeds]: first without a seed, then with it."""
    sums = np.zeros((*values.shape[:-1], 1))
    for value in np.moveaxis(values, -1, 0):
        sums = np.concatenate([sums, sums + value[..., None]], axis=-1)
    return sums


def _drawn(n: int, vectors: int, rng: np.random.Generator | None) -> Iterator[npt.NDArray[np.int8]]:
    """Random subsets of n seeds, in up to 16 parts: int8[subsets, n]."""
    rng = np.random.default_rng(0) if rng is None else rng
    parts = 16 if vectors % 16 == 0 else 1
    for _ in range(parts):
        yield rng.integers(0, 2, (vectors // parts, n), dtype=np.int8)


def _bounds(values: FloatArray) -> tuple[float, float]:
    """One-sided 97.5 % bounds of the mean of one sample: order statistics of the subset means."""
    n, zero = values.size, 1e-12 * np.abs(values).sum()
    if n <= MOST_EXACT:
        sums, sizes = _subset_sums(values)[1:], _subset_sums(np.ones(n))[1:]
    else:
        chunks = list(_drawn(n, SIGN_VECTORS, None))
        sums = np.concatenate([chunk @ values for chunk in chunks])
        sizes = np.concatenate([chunk.sum(axis=1, dtype=np.float64) for chunk in chunks])
        sizes = np.maximum(sizes, 1)  # the empty subset, once in 2^n: its sum is 0 whatever the size
    means = np.where(np.abs(sums) <= zero, 0.0, sums) / sizes
    spare = int(np.floor(TAIL * (means.size + 1))) - 1  # subset means that may lie beyond the bound
    ordered = np.partition(means, (spare, means.size - 1 - spare))
    return float(ordered[spare]), float(ordered[means.size - 1 - spare])
