# mypy: disable-error-code="no-untyped-call"
"""Loops over replicates, compiled: what the tests' exact and permutation distributions cost in bulk.

Each stands for a function of `harness.statistics` that judges one sample; harness/tests/test_calibration.py holds the
decisions of both against each other. Every replicate draws its own relabellings, from the call's seed and its index.
"""

import numpy as np
import numpy.typing as npt

from harness.compiled import njit
from harness.networks.splitmix import STEP, mixed

FloatArray = npt.NDArray[np.float64]


@njit
def _draw(state):  # type: ignore[no-untyped-def]
    """The next state of SplitMix64, and the 64 bits that it gives."""
    state += STEP
    return state, mixed(state)


@njit
def _below(bits, bound):  # type: ignore[no-untyped-def]
    """0..bound-1, from the upper half of the bits."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@njit
def _start(seed, index):  # type: ignore[no-untyped-def]
    _, state = _draw(np.uint64(seed) + np.uint64(index) * np.uint64(0xD1342543DE82EF95))
    return state


@njit
def _subset_sums(values, sums, merged):  # type: ignore[no-untyped-def]
    """All subset sums of `values` in rising order, into `sums`: each value merges those without it and with it."""
    sums[0] = 0.0
    count = 1
    for value in values:
        i = j = 0
        low, high = (0.0, value) if value >= 0 else (value, 0.0)
        for k in range(2 * count):
            if j >= count or (i < count and sums[i] + low <= sums[j] + high):
                merged[k] = sums[i] + low
                i += 1
            else:
                merged[k] = sums[j] + high
                j += 1
        count *= 2
        sums[:count] = merged[:count]
    return count


@njit
def _pairs_at_most(one, other, bound):  # type: ignore[no-untyped-def]
    """How many pairs sum to `bound` or less; both rise."""
    found, j = 0, other.size
    for value in one:
        while j > 0 and value + other[j - 1] > bound:
            j -= 1
        found += j
    return found


@njit
def subset_counts(differences):  # type: ignore[no-untyped-def]
    """int64[replicates, 2]: of all nonempty subsets of float[replicates, seeds], those that sum to 0 or less, and to 0
    or more. A sum that is 0 but for rounding is 0.

    Meet in the middle: 2 x 2^(seeds/2) sorted half sums and one walk over them, for 2^seeds subsets.
    """
    replicates, n = differences.shape
    half = n // 2
    counts = np.empty((replicates, 2), np.int64)
    one, other = np.empty(2**half), np.empty(2 ** (n - half))
    merged = np.empty(other.size)
    for r in range(replicates):
        values = differences[r]
        zero = 1e-12 * np.abs(values).sum()
        _subset_sums(values[:half], one, merged)
        _subset_sums(values[half:], other, merged)
        counts[r, 0] = _pairs_at_most(one, other, zero) - 1  # without the empty subset
        counts[r, 1] = 2**n - _pairs_at_most(one, other, np.nextafter(-zero, -np.inf)) - 1
    return counts


@njit
def relabelled_welch(pooled, first, relabellings, seed):  # type: ignore[no-untyped-def]
    """float[replicates, relabellings]: Welch's statistic of `first` of the seeds against the others, at random.

    pooled: float[replicates, seeds of both groups].
    """
    replicates, total = pooled.shape
    second = total - first
    found = np.empty((replicates, relabellings))
    for r in range(replicates):
        values = pooled[r] - pooled[r].mean()
        square = (values**2).sum()
        state = _start(seed, r)
        for k in range(relabellings):
            some = squares = 0.0
            for i in range(first):
                state, bits = _draw(state)
                j = i + _below(bits, total - i)
                values[i], values[j] = values[j], values[i]
                some += values[i]
                squares += values[i] ** 2
            one = (squares - some**2 / first) / (first - 1) / first
            two = (square - squares - some**2 / second) / (second - 1) / second  # all sum to 0
            found[r, k] = _ratio(some / first + some / second, np.sqrt(max(one + two, 0.0)))
    return found


@njit
def _ratio(effect, error):  # type: ignore[no-untyped-def]
    if error > 1e-14:
        return effect / error
    return 0.0 if abs(effect) <= 1e-14 else np.copysign(np.inf, effect)


@njit
def _rank_score(first, second, categories):  # type: ignore[no-untyped-def]
    """Mean score of the first group's placements and its standard error, from both groups' counts per level."""
    n_a, n_b = first.sum(), second.sum()
    before_a = before_b = 0
    row = rows = column = columns = 0.0
    for c in range(categories):
        in_a, in_b = first[c], second[c]
        placed = (before_b + 0.5 * in_b) / n_b - 0.5
        row += in_a * placed
        rows += in_a * placed**2
        against = 0.5 - (before_a + 0.5 * in_a) / n_a
        column += in_b * against
        columns += in_b * against**2
        before_a += in_a
        before_b += in_b
    spread = (rows - row**2 / n_a) / (n_a - 1) / n_a + (columns - column**2 / n_b) / (n_b - 1) / n_b
    return row / n_a, max(np.sqrt(max(spread, 0.0)), 1 / (np.sqrt(2.0) * n_a * n_b))


@njit
def relabelled_ranks(pooled, first, categories, relabellings, seed):  # type: ignore[no-untyped-def]
    """(effect, error, float[replicates, relabellings]): the studentised rank score of the levels as they are, and
    relabelled at random. pooled: int64[replicates, seeds of both groups], 0..categories-1, of which the lowest and the
    highest are censored."""
    replicates, total = pooled.shape
    found = np.empty((replicates, relabellings))
    effects, errors = np.empty(replicates), np.empty(replicates)
    everything = np.empty(categories, np.int64)
    some = np.empty(categories, np.int64)
    for r in range(replicates):
        values = pooled[r].copy()
        everything[:] = 0
        some[:] = 0
        for i in range(total):
            everything[values[i]] += 1
            if i < first:
                some[values[i]] += 1
        effects[r], errors[r] = _rank_score(some, everything - some, categories)
        state = _start(seed, r)
        for k in range(relabellings):
            some[:] = 0
            for i in range(first):
                state, bits = _draw(state)
                j = i + _below(bits, total - i)
                values[i], values[j] = values[j], values[i]
                some[values[i]] += 1
            effect, error = _rank_score(some, everything - some, categories)
            found[r, k] = effect / error
    return effects, errors, found


@njit
def swapped_distances(a, b, swaps, seed):  # type: ignore[no-untyped-def]
    """float[replicates, 1 + swaps]: mean distance from the median, a's less b's, as they are and with seeds that swap
    their conditions at random. a, b: float[replicates, seeds, levels]."""
    replicates, n, depth = a.shape
    found = np.empty((replicates, 1 + swaps))
    # by rank in the pooled order: each swap then walks the ranks, and sorts nothing
    pooled, order = np.empty(2 * n), np.empty((depth, 2 * n), np.int64)
    swapped = np.empty(n, np.bool_)
    one, other = np.empty(n), np.empty(n)
    for r in range(replicates):
        for level in range(depth):
            for i in range(n):
                pooled[i], pooled[n + i] = a[r, i, level], b[r, i, level]
            order[level] = np.argsort(pooled)
        state = _start(seed, r)
        for k in range(1 + swaps):
            for i in range(n):
                swapped[i] = False
                if k > 0:
                    state, bits = _draw(state)
                    swapped[i] = bits >> np.uint64(63) == np.uint64(1)
            total = 0.0
            for level in range(depth):
                ones = others = 0
                for place in order[level]:
                    seed_of = place if place < n else place - n
                    value = a[r, seed_of, level] if place < n else b[r, seed_of, level]
                    if (place < n) != swapped[seed_of]:
                        one[ones] = value
                        ones += 1
                    else:
                        other[others] = value
                        others += 1
                total += _distance(one, n) - _distance(other, n)
            found[r, k] = total / depth
    return found


@njit
def _distance(rising, n):  # type: ignore[no-untyped-def]
    """Mean distance from the median of n values in rising order: those above less those below, without the middle."""
    low = high = 0.0
    for i in range(n // 2):
        low += rising[i]
        high += rising[n - 1 - i]
    return (high - low) / n


@njit
def resampled_means(values, resamples, seed):  # type: ignore[no-untyped-def]
    """float[replicates, resamples]: means of samples drawn with replacement from float[replicates, seeds]."""
    replicates, n = values.shape
    found = np.empty((replicates, resamples))
    for r in range(replicates):
        state = _start(seed, r)
        for k in range(resamples):
            total = 0.0
            for _ in range(n):
                state, bits = _draw(state)
                total += values[r, _below(bits, n)]
            found[r, k] = total / n
    return found
