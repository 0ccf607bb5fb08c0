# mypy: disable-error-code="no-untyped-call"
"""The tests of `harness.statistics` for many samples at once: bounds and decisions, without the rest of an outcome.

Every function takes float[replicates, seeds] and returns arrays over replicates. Where the original enumerates or draws
20,000 relabellings, 399 are drawn here (119 swaps): that test is as valid, its level exactly 10 / 400 (3 / 120) a side,
and a little less powerful. harness/tests/test_calibration.py holds each against its original.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.judging.sample_shapes import LAST_LEVEL, FloatArray
from harness.trust import kernels

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Bounds = tuple[FloatArray, FloatArray]
Reach = tuple[FloatArray, FloatArray]

TAIL = 0.025
MOST_EXACT = 20
SUBSETS = 1_999  # at random, where the sign-flip doesn't enumerate
RELABELLINGS = 399
SWAPS = 119
RESAMPLES = 500


def sign_flip(differences: FloatArray, rng: np.random.Generator) -> Bounds:
    """Whether the sign-flip puts its lower bound above 0, and its upper one below: as bounds of -1, 0 or 1 times inf,
    for the decision alone is worked out. Exact up to 20 seeds, then of random subsets."""
    if differences.shape[1] <= MOST_EXACT:
        counts, total = kernels.subset_counts(np.ascontiguousarray(differences)), 2 ** differences.shape[1]
    else:
        counts, total = _random_subsets(differences, rng), SUBSETS + 1
    spare = int(np.floor(TAIL * total)) - 1  # subset means that may lie beyond the bound
    above, below = (counts <= spare).T if spare >= 0 else np.zeros((2, len(counts)), bool)
    return np.where(above, np.inf, -np.inf), np.where(below, -np.inf, np.inf)


def t(values: FloatArray) -> Bounds:
    """`studentised_paired`: no bounds where all seeds gave the same."""
    n = values.shape[1]
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
    wide = special.stdtrit(n - 1, 1 - TAIL) * error
    constant = _constant(values)
    return np.where(constant, -np.inf, mean - wide), np.where(constant, np.inf, mean + wide)


def guarded_t(values: FloatArray, reach: Reach) -> Bounds:
    """`guarded_bounds`, also of fewer seeds than `guarded_paired` judges. reach: fall, rise of each replicate."""
    low, _ = t(_one_more(values, reach[0], -1))
    _, high = t(_one_more(values, reach[1], 1))
    return low, high


def welch(a: FloatArray, b: FloatArray) -> Bounds:
    """`studentised_unpaired`."""
    squares = [group.var(axis=1, ddof=1) / group.shape[1] for group in (a, b)]
    square = squares[0] + squares[1]
    constant = _constant(a) & _constant(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = square**2 / sum(s**2 / (g.shape[1] - 1) for s, g in zip(squares, (a, b), strict=True))
        wide = special.stdtrit(np.where(constant, 1, freedom), 1 - TAIL) * np.sqrt(square)
    effect = a.mean(axis=1) - b.mean(axis=1)
    return np.where(constant, -np.inf, effect - wide), np.where(constant, np.inf, effect + wide)


def guarded_welch(a: FloatArray, b: FloatArray, reach_a: Reach, reach_b: Reach) -> Bounds:
    """`guarded_bounds_unpaired`: of the two, the seed more in either group, one that has no bounds is passed over."""
    lows = welch(_one_more(a, reach_a[0], -1), b)[0], welch(a, _one_more(b, reach_b[1], 1))[0]
    highs = welch(_one_more(a, reach_a[1], 1), b)[1], welch(a, _one_more(b, reach_b[0], -1))[1]
    low = np.fmin(*(np.where(np.isinf(bound), np.nan, bound) for bound in lows))
    high = np.fmax(*(np.where(np.isinf(bound), np.nan, bound) for bound in highs))
    return np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf)


def label_permutation(a: FloatArray, b: FloatArray, rng: np.random.Generator) -> Bounds:
    """`label_permutation`: the outer bounds of the relabelled Welch statistic's and of Welch's own."""
    effect = a.mean(axis=1) - b.mean(axis=1)
    error = np.sqrt(a.var(axis=1, ddof=1) / a.shape[1] + b.var(axis=1, ddof=1) / b.shape[1])
    pooled = np.concatenate([a, b], axis=1)
    null = kernels.relabelled_welch(pooled, a.shape[1], RELABELLINGS, _seed(rng))
    low, high = _permuted(effect, error, null)
    own = welch(a, b)
    return np.minimum(low, own[0]), np.maximum(high, own[1])


def censored_ranks(a: IntArray, b: IntArray, rng: np.random.Generator) -> Bounds:
    """`censored_ranks` on levels 0..LAST_LEVEL, of which 0 is left- and the last one right-censored."""
    pooled = np.concatenate([a, b], axis=1)
    found = kernels.relabelled_ranks(pooled, a.shape[1], LAST_LEVEL + 1, RELABELLINGS, _seed(rng))
    low, high = _permuted(*found)
    low, high = np.maximum(low, -0.5), np.minimum(high, 0.5)
    hidden = (pooled == 0).all(axis=1) | (pooled == LAST_LEVEL).all(axis=1)  # no pair can be ordered: refused
    return np.where(hidden, -np.inf, low), np.where(hidden, np.inf, high)


def guarded_ranks(a: IntArray, b: IntArray) -> Bounds:
    """The guarded bounds of `censored_ranks`, also under the seeds from which it gives them."""
    lows, highs = [], []
    for part in np.array_split(np.arange(len(a)), max(1, a.size * b.shape[1] // 4_000_000)):
        one, other = a[part][:, :, None], b[part][:, None, :]
        score = 0.5 * np.sign(one - other)
        known = (one != other) | ((one > 0) & (one < LAST_LEVEL))
        lows.append(_worst_ranks(np.where(known, score, -0.5)))
        highs.append(-_worst_ranks(np.where(known, -score, -0.5)))
    return np.concatenate(lows), np.concatenate(highs)


def swapped_spreads(a: FloatArray, b: FloatArray, rng: np.random.Generator) -> Bounds:
    """`swapped_spreads`. a, b: float[replicates, seeds, levels]."""
    null = kernels.swapped_distances(np.ascontiguousarray(a), np.ascontiguousarray(b), SWAPS, _seed(rng))
    effect = null[:, 0]
    beyond = int(np.floor(TAIL * null.shape[1])) - 1
    ordered = np.sort(null, axis=1)
    low, high = effect - ordered[:, -1 - beyond], effect - ordered[:, beyond]
    refused = a.shape[1] < 6
    return np.where(refused, -np.inf, low), np.where(refused, np.inf, high)


def bca(values: FloatArray, rng: np.random.Generator) -> Bounds:
    """`bca` of the mean, from 500 resamples."""
    means, mean = _resampled(values, rng), values.mean(axis=1)
    share = ((means < mean[:, None]).mean(axis=1) + (means <= mean[:, None]).mean(axis=1)) / 2
    away = values - mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        bias = special.ndtri(share)
        acceleration = (away**3).sum(axis=1) / (6 * (away**2).sum(axis=1) ** 1.5)
        points = []
        for z in (special.ndtri(TAIL), special.ndtri(1 - TAIL)):
            points.append(special.ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))))
    undefined = np.isnan(points[0]) | np.isnan(points[1])
    plain = (TAIL, 1 - TAIL)
    low, high = (_at(means, np.where(undefined, p, point)) for p, point in zip(plain, points, strict=True))
    return low, high


def percentile(values: FloatArray, rng: np.random.Generator) -> Bounds:
    """The percentile bootstrap of the mean: nowhere used, and here only to show why."""
    means = _resampled(values, rng)
    return _at(means, np.full(len(means), TAIL)), _at(means, np.full(len(means), 1 - TAIL))


def _permuted(effect: FloatArray, error: FloatArray, null: FloatArray) -> Bounds:
    spare = int(np.floor(TAIL * (null.shape[1] + 1))) - 1
    ordered = np.sort(null, axis=1)
    high, low = ordered[:, -1 - spare], ordered[:, spare]
    with np.errstate(invalid="ignore"):
        high = high + 1e-9 * np.maximum(1, np.abs(high))
        low = low - 1e-9 * np.maximum(1, np.abs(low))
        return np.nan_to_num(effect - high * error, nan=-np.inf), np.nan_to_num(effect - low * error, nan=np.inf)


def _random_subsets(differences: FloatArray, rng: np.random.Generator, together: int = 200) -> IntArray:
    """As `kernels.subset_counts`, of random subsets, drawn anew every `together` replicates."""
    counts = np.empty((len(differences), 2), np.int64)
    for start in range(0, len(differences), together):
        some = differences[start : start + together]
        sums = some @ rng.integers(0, 2, (some.shape[1], SUBSETS)).astype(np.float64)
        zero = 1e-12 * np.abs(some).sum(axis=1, keepdims=True)
        counts[start : start + together] = np.stack([(sums <= zero).sum(axis=1), (sums >= -zero).sum(axis=1)], axis=1)
    return counts


def _one_more(values: FloatArray, reach: FloatArray, side: int) -> FloatArray:
    median = np.median(values, axis=1)
    furthest = np.abs(values - median[:, None]).max(axis=1)
    return np.concatenate([values, (median + side * np.maximum(furthest, reach))[:, None]], axis=1)


def _worst_ranks(worst: FloatArray) -> FloatArray:
    bounds = []
    for pad in (((0, 0), (0, 1), (0, 0)), ((0, 0), (0, 0), (0, 1))):
        pairs = np.pad(worst, pad, constant_values=-0.5)
        n_a, n_b = pairs.shape[1:]
        rows, columns = pairs.mean(axis=2).var(axis=1, ddof=1) / n_a, pairs.mean(axis=1).var(axis=1, ddof=1) / n_b
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = (rows + columns) ** 2 / (rows**2 / (n_a - 1) + columns**2 / (n_b - 1))
        error = np.maximum(np.sqrt(rows + columns), 1 / (np.sqrt(2) * n_a * n_b))
        bound = pairs.mean(axis=(1, 2)) - special.stdtrit(np.nan_to_num(freedom, nan=1), 1 - TAIL) * error
        bounds.append(bound)
    return np.where(worst.max(axis=(1, 2)) == -0.5, -0.5, np.maximum(-0.5, np.minimum(*bounds)))


def _resampled(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.sort(kernels.resampled_means(np.ascontiguousarray(values), RESAMPLES, _seed(rng)), axis=1)


def _at(ordered: FloatArray, share: FloatArray) -> FloatArray:
    """Quantiles, interpolated between neighbours."""
    place = share * (ordered.shape[1] - 1)
    under = np.floor(place).astype(int)
    over = np.minimum(under + 1, ordered.shape[1] - 1)
    rows = np.arange(len(ordered))
    return np.asarray(ordered[rows, under] + (place - under) * (ordered[rows, over] - ordered[rows, under]))


def _constant(values: FloatArray) -> BoolArray:
    return np.asarray(np.ptp(values, axis=1) <= 1e-12 * np.abs(values).max(axis=1))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**62))
