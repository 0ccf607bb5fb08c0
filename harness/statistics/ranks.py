"""Censored break densities and levels: which of two groups holds out longer."""

import numpy as np
from scipy import stats

from harness.statistics.contrast import FloatArray
from harness.statistics.estimands import BoolArray, Censored
from harness.statistics.guard import FEWEST_STUDENTISED
from harness.statistics.outcome import TAIL, Outcome, refusal
from harness.statistics.permutation import RELABELLINGS, studentised_permutation


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
    if min(n) == 0:
        raise ValueError(f"each group needs at least one seed, got {n[0]} and {n[1]}")
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
        return refusal("censored ranks", n, effect, "a group of one seed has no spread to judge by")
    if not known[across].any():
        return refusal("censored ranks", n, effect, "censoring leaves no pair of seeds to be ordered")
    low, high, p = studentised_permutation(first, second, estimate, relabellings)
    guarded = _guarded_ranks(score[across], known[across]) if min(n) >= FEWEST_STUDENTISED else (-0.5, 0.5)
    return Outcome("censored ranks", n, effect, max(low, -0.5), min(high, 0.5), p, float("nan"), guarded)


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
