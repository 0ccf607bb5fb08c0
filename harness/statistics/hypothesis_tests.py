"""Hypothesis tests on one number per seed, and the rule that chooses between them.

`contrast_test` (seeds shared) and `unpaired_contrast_test` (different seeds) choose; the families under them
can be called directly. Every outcome holds a two-sided p and both one-sided 97.5 % bounds, made by the same
test, so that p <= 0.05 and "0 is outside the bounds" are one statement. NaN and infinite values raise
ValueError. What can't be judged (one seed, no spread) is an outcome with `refused` set and infinite bounds,
never an error.

The guard. A mean may hang on a failure too rare to have been seen: where 5 % of chains collapse, 36 % of
samples of 20 seeds show none, and a t test on the tight values left is certain of the wrong mean. No test of
the sample alone can notice (Bahadur and Savage 1956). So a studentised verdict must survive one seed more,
put at the median minus (for the lower bound; plus for the upper) the larger of the furthest deviation seen
and how far one chain can move the contrast that ends at the worst value it can have. It is the rule of three
with a t test around it, and holds the false-alarm rate under 0.05 from 15 seeds on, for normal and lognormal
values, ceilings, and failures in 2 to 30 % of chains, seen or unseen (tests/test_statistics.py,
"calibration"). The price: an effect or margin under about 3 such moves / seeds can't be shown.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import comb
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.contrast import FloatArray, PerSeed
from harness.statistics.estimands import ROUNDING, BoolArray, Censored, spread

Kind = Literal["greater", "equivalent", "non-inferior"]
Test = Literal[
    "sign-flip", "t", "Welch", "label permutation", "censored ranks", "guarded t", "guarded Welch", "swapped spreads"
]

TAIL = 0.025  # alpha = 0.05 two-sided, half on each side
MOST_EXACT = 20  # up to 2^20 sign vectors are enumerated
SIGN_VECTORS = 2**18  # drawn where there are more
RELABELLINGS = 20_000  # all of them up to 8 against 8 seeds, else so many at random
FEWEST_STUDENTISED = 15  # seeds per group under which the guard is not calibrated


@dataclass(frozen=True)
class Outcome:
    """What a test found.

    test     the test's name
    n        seeds, one entry per group
    effect   the estimate, in the unit of the values (ranks: P(a holds out longer) + P(tie)/2 - 1/2)
    lower    one-sided 97.5 % bound; -inf where the test can't give one
    upper    the same on the other side
    p        two-sided, of "the effect is 0"; NaN where refused
    sd       standard deviation over seeds, pooled over groups; NaN for ranks. What power is reckoned from
    guarded  bounds that survive one more, failing seed: "equivalent" may rest on no others. None: not made
    reach    how far the guard took a failing seed to move the contrast
    refused  why no test was made; empty where one was
    """

    test: Test
    n: tuple[int, ...]
    effect: float
    lower: float
    upper: float
    p: float
    sd: float
    guarded: tuple[float, float] | None = None
    reach: float = 0.0
    refused: str = ""


def contrast_test(contrast: PerSeed, kind: Kind = "greater", span: tuple[float, float] = (0.0, 1.0)) -> Outcome:
    """The test that a contrast over shared seeds allows.

    "greater" on two conditions: exact sign-flip, whose null is that they are exchangeable; where only their
    means agree it errs as a t test would. Its guarded bounds serve the conclusion "equivalent".
    All else, more conditions (not symmetric under the null: sign-flips gave 35 % false alarms), "equivalent"
    and "non-inferior": the guarded t test, refused under 15 seeds.

    span: the lowest and the highest value that one chain can have in one condition; 0 to 1 for shares. A
    normalised return can be a little below 0, where a policy is worse than random.
    Raises ValueError where every condition cancelled.
    """
    if not contrast.conditions:
        raise ValueError("every condition of the contrast cancelled: nothing is compared")
    fall, rise = _reach(contrast, span)
    guarded = guarded_paired(contrast.values, fall, rise)
    if kind != "greater" or not contrast.is_pair:
        return guarded
    return replace(sign_flip(contrast.values), guarded=(guarded.lower, guarded.upper), reach=guarded.reach)


def unpaired_contrast_test(
    a: PerSeed, b: PerSeed, kind: Kind = "greater", span: tuple[float, float] = (0.0, 1.0)
) -> Outcome:
    """a - b where they share no seeds (BC against RL, size against size), by the same rule as
    `contrast_test`: label permutation for "greater" on one condition each, else the guarded Welch test from
    15 seeds a group on."""
    if not (a.conditions and b.conditions):
        raise ValueError("every condition of a group cancelled: nothing is compared")
    guarded = guarded_unpaired(a.values, b.values, _reach(a, span), _reach(b, span))
    if kind != "greater" or len(a.conditions) + len(b.conditions) > 2:
        return guarded
    outcome = label_permutation(a.values, b.values)
    return replace(outcome, guarded=(guarded.lower, guarded.upper), reach=guarded.reach)


def sign_flip(differences: npt.ArrayLike) -> Outcome:
    """Exact sign-flip test of a paired difference. differences: float[seeds].

    Valid where the difference is symmetric about its mean, as that of two exchangeable conditions is.
    Flipping the seeds of N leaves the mean at least as large as observed exactly when the differences over N
    sum to 0 or less, so the one-sided p against a mean of e is (1 + #{nonempty N: mean over N <= e}) /
    2^seeds, and the bounds are order statistics of the subset means (Hartigan 1969, "typical values"). p is
    that of `scipy.stats.permutation_test(permutation_type="samples")`. Over 20 seeds: 2^18 random subsets,
    still valid, with the same + 1. Under 6 seeds nothing can be rejected: infinite bounds, and refused.
    """
    values = _sample(differences)
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
    return Outcome("sign-flip", (values.size,), float(values.mean()), lower, upper, p, _sd(values), refused=refused)


def studentised_paired(values: npt.ArrayLike) -> Outcome:
    """One-sample t test of the mean. values: float[seeds]. Refused for one seed, or values that are all
    equal: their bounds would claim certainty."""
    sample = _sample(values)
    if refused := _no_spread(sample):
        return _refusal("t", (sample.size,), float(sample.mean()), refused)
    result = stats.ttest_1samp(sample, 0.0)
    low, high = result.confidence_interval(1 - 2 * TAIL)
    effect = float(sample.mean())
    return Outcome("t", (sample.size,), effect, float(low), float(high), float(result.pvalue), _sd(sample))


def studentised_unpaired(a: npt.ArrayLike, b: npt.ArrayLike) -> Outcome:
    """Welch's t test of mean(a) - mean(b). a, b: float[seeds]. Refused where a group has one seed or neither
    varies."""
    x, y = _sample(a), _sample(b)
    if refused := _no_spread(x, y):
        return _refusal("Welch", (x.size, y.size), float(x.mean() - y.mean()), refused)
    with _one_group_may_be_constant():
        result = stats.ttest_ind(x, y, equal_var=False)
    low, high = result.confidence_interval(1 - 2 * TAIL)
    effect, p = float(x.mean() - y.mean()), float(result.pvalue)
    return Outcome("Welch", (x.size, y.size), effect, float(low), float(high), p, _sd(x, y))


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
    low = np.fmin(*(test.confidence_interval(1 - TAIL).low for test in below))
    high = np.fmax(*(test.confidence_interval(1 - TAIL).high for test in above))
    return low, high


def guarded_paired(values: npt.ArrayLike, fall: float = 0.0, rise: float = 0.0) -> Outcome:
    """The t test with `guarded_bounds`. values: float[seeds]. p is twice the smaller of the two one-sided
    p's, each with its own seed more, hence coherent with the bounds. Refused under 15 seeds, or where nothing
    varies and nothing could fail."""
    sample = _sample(values)
    effect, n = float(sample.mean()), (sample.size,)
    if refused := _too_few(n) or (_no_spread(sample) if min(fall, rise) == 0 else ""):
        return _refusal("guarded t", n, effect, refused, _sd(sample), max(fall, rise))
    low, high = guarded_bounds(sample, fall, rise)
    below = _t_test(_one_more(sample, fall, -1), "greater").pvalue
    above = _t_test(_one_more(sample, rise, +1), "less").pvalue
    p = min(1.0, 2 * float(min(below, above)))
    return Outcome("guarded t", n, effect, float(low), float(high), p, _sd(sample), None, max(fall, rise))


def guarded_unpaired(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    reach_a: tuple[float, float] = (0.0, 0.0),
    reach_b: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """Welch's test with the guard: the worse bound of one seed more in a and one seed more in b. a, b:
    float[seeds]; reach: (fall, rise) of a group, as in `guarded_bounds`."""
    x, y = _sample(a), _sample(b)
    effect, n, reach = float(x.mean() - y.mean()), (x.size, y.size), max(*reach_a, *reach_b)
    both_ways = max(reach_a[0], reach_b[1]) > 0 and max(reach_a[1], reach_b[0]) > 0
    if refused := _too_few(n) or ("" if both_ways else _no_spread(x, y)):
        return _refusal("guarded Welch", n, effect, refused, _sd(x, y), reach)
    low, high = guarded_bounds_unpaired(x, y, reach_a, reach_b)
    below, above = _guarded_welch(x, y, reach_a, reach_b)
    p = 2 * float(min(np.fmax(*(test.pvalue for test in tests)) for tests in (below, above)))
    return Outcome("guarded Welch", n, effect, float(low), float(high), min(1.0, p), _sd(x, y), None, reach)


def label_permutation(a: npt.ArrayLike, b: npt.ArrayLike, relabellings: int = RELABELLINGS) -> Outcome:
    """Permutation test of mean(a) - mean(b) over the labels. a, b: float[seeds].

    The statistic is Welch's t, relabelled by `scipy.stats.permutation_test`: exact where the groups are
    exchangeable, and right for large n also where only their means agree (Janssen 1997), as a permuted plain
    difference is not. The bounds are the estimate minus and plus the permutation quantile of t times the
    standard error. Inverting a shift instead would assume that the groups differ by nothing but a shift. With
    few seeds and spreads far apart it alone gave up to 10 % false alarms where Welch's own test gave 5, so it
    takes the larger p and the outer bounds of the two.
    """
    x, y = _sample(a), _sample(b)
    effect = float(x.mean() - y.mean())
    if refused := _no_spread(x, y):
        return _refusal("label permutation", (x.size, y.size), effect, refused)

    def estimate(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
        square = first.var(axis=-1, ddof=1) / first.shape[-1] + second.var(axis=-1, ddof=1) / second.shape[-1]
        return first.mean(axis=-1) - second.mean(axis=-1), np.sqrt(square)

    low, high, p = _studentised_permutation(x, y, estimate, relabellings)
    t = studentised_unpaired(x, y)
    low, high, p = min(low, t.lower), max(high, t.upper), max(p, t.p)
    return Outcome("label permutation", (x.size, y.size), effect, low, high, p, _sd(x, y))


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
        return _refusal("swapped spreads", (n,), effect, why)
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
    return Outcome("swapped spreads", (n,), effect, lower, upper, p, _sd(differences))


def censored_ranks(a: Censored, b: Censored, relabellings: int = RELABELLINGS) -> Outcome:
    """Does a hold out longer than b? Effect P(a later) + P(tie)/2 - 1/2, in [-1/2, 1/2], "later" along the
    levels.

    Gehan's (1965) scores: a pair counts for a where a's earliest is past b's latest, against where the
    reverse holds, and as a tie where neither does: equal, or not to be ordered for censoring on either side.
    The mean score is studentised by the variance of the placements (each seed's mean score against the other
    group), which without censoring is the Brunner-Munzel (2000) statistic, and referred to its own
    permutation distribution (Neubert and Brunner 2007): exact for exchangeable groups equally censored, and
    asymptotically right where spread or censoring differ, as permuting the plain score is not. p and bounds
    come from that one distribution, so they agree. Complete separation, or ties alone, has no variance of
    placements: the floor is the standard error of one tied pair in complete separation, 1 / (sqrt(2) n_a
    n_b). Refused with under two seeds a group, or where no pair can be ordered. The guarded bounds, from 15
    seeds a group on, resolve the pairs that censoring hides all against the bound, and add the seed more: one
    that breaks before, or holds out past, all of the other group.
    """
    if a.falling != b.falling:
        raise ValueError("one group falls along the levels, the other rises: they measure different things")
    n = (a.values.size, b.values.size)
    earliest, latest = np.concatenate([a.earliest, b.earliest]), np.concatenate([a.latest, b.latest])
    later = earliest[:, None] > latest[None, :]
    exactly = earliest == latest
    known = later | later.T | (exactly[:, None] & exactly[None, :])
    score = later + 0.5 * ~(later | later.T) - 0.5

    def estimate(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
        pairs = score[first.astype(int)[..., :, None], second.astype(int)[..., None, :]]
        return _placements(pairs)

    first, second = np.arange(n[0], dtype=np.float64), np.arange(n[0], sum(n), dtype=np.float64)
    across = (slice(0, n[0]), slice(n[0], sum(n)))
    effect = float(score[across].mean())
    if min(n) < 2:
        return _refusal("censored ranks", n, effect, "a group of one seed has no spread to judge by")
    if not known[across].any():
        return _refusal("censored ranks", n, effect, "censoring leaves no pair of seeds to be ordered")
    low, high, p = _studentised_permutation(first, second, estimate, relabellings)
    guarded = _guarded_ranks(score[across], known[across]) if min(n) >= FEWEST_STUDENTISED else (-0.5, 0.5)
    return Outcome("censored ranks", n, effect, max(low, -0.5), min(high, 0.5), p, float("nan"), guarded)


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


def _studentised_permutation(
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


def _placements(pairs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean score and its standard error from the placements. pairs: float[..., n_a, n_b] -> two
    float[...]."""
    n_a, n_b = pairs.shape[-2:]
    rows, columns = pairs.mean(axis=-1), pairs.mean(axis=-2)
    error = np.sqrt(rows.var(axis=-1, ddof=1) / n_a + columns.var(axis=-1, ddof=1) / n_b)
    return rows.mean(axis=-1), np.maximum(error, 1 / (np.sqrt(2) * n_a * n_b))


def _guarded_ranks(score: FloatArray, known: BoolArray) -> tuple[float, float]:
    """score, known: [n_a, n_b]. Bounds within [-1/2, 1/2] by t quantiles with Satterthwaite's degrees of
    freedom."""

    def lowest(pairs: FloatArray) -> float:
        effect, error = _placements(pairs)
        squares = np.array([pairs.mean(axis=1 - group).var(ddof=1) / pairs.shape[group] for group in (0, 1)])
        freedom = squares.sum() ** 2 / (squares**2 / (np.array(pairs.shape) - 1)).sum()
        return float(effect - stats.t.ppf(1 - TAIL, freedom) * error)

    def bound(scores: FloatArray) -> float:
        worst = np.where(known, scores, -0.5)
        one_more = [np.pad(worst, pad, constant_values=-0.5) for pad in (((0, 1), (0, 0)), ((0, 0), (0, 1)))]
        if worst.max() == -0.5:  # every pair is lost, one more would not vary either
            return -0.5
        return max(-0.5, min(map(lowest, one_more)))

    return bound(score), -bound(-score)


def _reach(contrast: PerSeed, span: tuple[float, float]) -> tuple[float, float]:
    """(fall, rise): how far one chain moves the contrast that goes from its condition's median to an end of
    `span`, in the condition in which this moves it furthest."""
    low, high = span
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
    with _one_group_may_be_constant():
        below = [stats.ttest_ind(*pair, axis=-1, equal_var=False, alternative="greater") for pair in lowered]
        above = [stats.ttest_ind(*pair, axis=-1, equal_var=False, alternative="less") for pair in raised]
    return below, above


@contextmanager
def _one_group_may_be_constant() -> Iterator[None]:
    """scipy warns of it; the other group's spread, or the seed more, is enough here, and NaN is passed
    over."""
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def _t_test(values: FloatArray, alternative: Literal["greater", "less"]) -> Any:
    return stats.ttest_1samp(values, 0.0, axis=-1, alternative=alternative)


def _sample(values: npt.ArrayLike) -> FloatArray:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"expected float[seeds] with at least one seed, got shape {sample.shape}")
    if not np.all(np.isfinite(sample)):
        raise ValueError("a value is NaN or infinite")
    return sample


def _sd(*groups: FloatArray) -> float:
    if min(group.size for group in groups) < 2:
        return float("nan")
    return float(np.sqrt(np.mean([group.var(ddof=1) for group in groups])))


def _no_spread(*groups: FloatArray) -> str:
    if min(group.size for group in groups) < 2:
        return "a group of one seed has no spread to judge by"
    if all(np.ptp(group) <= 1e-12 * np.abs(group).max() for group in groups):
        return "all seeds gave the same value: their spread, and so the certainty, is unknown"
    return ""


def _too_few(n: tuple[int, ...]) -> str:
    if min(n) >= FEWEST_STUDENTISED:
        return ""
    return f"{min(n)} seeds, where a studentised test is calibrated from {FEWEST_STUDENTISED} on"


def _refusal(
    test: Test, n: tuple[int, ...], effect: float, why: str, sd: float = np.nan, reach: float = 0.0
) -> Outcome:
    return Outcome(test, n, effect, -np.inf, np.inf, np.nan, sd, reach=reach, refused=why)
