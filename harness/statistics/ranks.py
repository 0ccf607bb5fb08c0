"""Censored break densities and levels: which of two groups holds out longer."""

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.statistics.contrast import FloatArray
from harness.statistics.estimands import BoolArray, Censored
from harness.statistics.guard import FEWEST_STUDENTISED
from harness.statistics.inference import ONE_SEED, TAIL, Outcome, not_tested

RELABELLINGS = 20_000  # all of them up to 8 against 8 seeds, else so many at random
_TOGETHER = 400_000  # numbers that are worked on at once


def censored_ranks(a: Censored, b: Censored, relabellings: int = RELABELLINGS) -> Outcome:
    """Does a hold out longer than b? Effect P(a later) + P(tie)/2 - 1/2, in [-1/2, 1/2]; "later" along the levels.

    Gehan's (1965) scores: a pair counts for a where a's earliest is past b's latest, against it where the reverse
    holds, and as a tie where neither does: equal, or not to be ordered for censoring on either side. The mean score is
    studentised by the variance of the placements (each seed's mean score against the other group), which without
    censoring is the Brunner-Munzel (2000) statistic, and referred to its own permutation distribution (Neubert and
    Brunner 2007): exact for exchangeable groups equally censored, and asymptotically right where spread or censoring
    differ. Complete separation, or ties alone, has no variance of placements: its floor is the standard error of one
    tied pair in complete separation, 1 / (sqrt(2) n_a n_b).

    The guarded bounds, from 15 seeds a group on, are those of `guarded_rank_bounds`. Refused with under two seeds a
    group, or where no pair can be ordered.
    """
    n = (a.values.shape[-1], b.values.shape[-1])
    if min(n) == 0:
        raise ValueError(f"each group needs at least one seed, got {n[0]} and {n[1]}")
    score, known = _scores(a, b)
    across = score[: n[0], n[0] :]
    effect = float(across.mean())
    if min(n) < 2:
        return not_tested("censored ranks", n, effect, ONE_SEED)
    if not known[: n[0], n[0] :].any():
        return not_tested("censored ranks", n, effect, ("censored", "censoring leaves no pair of seeds to be ordered"))
    low, high, p = (float(found) for found in rank_bounds(a, b, relabellings))
    least, most = guarded_rank_bounds(a, b) if min(n) >= FEWEST_STUDENTISED else (-0.5, 0.5)
    return Outcome("censored ranks", n, effect, low, high, p, float("nan"), (float(least), float(most)))


def rank_bounds(
    a: Censored, b: Censored, relabellings: int = RELABELLINGS, rng: np.random.Generator | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bounds and two-sided p of `censored_ranks`, for many samples at once; -1/2 and 1/2 where no pair can be ordered.
    Groups of float[..., seeds] -> three float[...]. rng: what relabellings are drawn from (default: the same ones every
    time)."""
    n_a, n_b = a.values.shape[-1], b.values.shape[-1]
    score, known = _scores(a, b)
    orders = _orders(n_a, n_b, relabellings) if rng is None else _drawn(n_a, n_b, relabellings, rng)
    exact = len(orders) == comb(n_a + n_b, n_a)
    effect, error = (part[..., 0] for part in _relabelled(score, np.arange(n_a + n_b)[None], n_a))
    batch = max(1, _TOGETHER // score[..., 0].size)
    parts = [np.divide(*_relabelled(score, orders[i : i + batch], n_a)) for i in range(0, len(orders), batch)]
    null = np.sort(np.concatenate(parts, axis=-1), axis=-1)
    observed = effect / error
    tie = np.abs(100 * np.finfo(np.float64).eps * observed)  # as scipy.stats.permutation_test has it
    extra = int(not exact)  # the statistic itself, among those that were drawn
    at_least = (null >= (observed - tie)[..., None]).sum(axis=-1) + extra
    at_most = (null <= (observed + tie)[..., None]).sum(axis=-1) + extra
    p = np.minimum(1.0, np.minimum(at_least, at_most) / (len(orders) + extra) * 2)
    # relabellings that may reach a rejected statistic, itself among them if all are enumerated
    spare = int(np.floor(TAIL * len(orders))) if exact else int(np.floor(TAIL * (len(orders) + 1))) - 1
    if spare < int(exact):
        return np.full(p.shape, -0.5), np.full(p.shape, 0.5), p
    high, low = null[..., -1 - spare], null[..., spare]
    high, low = high + 1e-9 * np.maximum(1.0, np.abs(high)), low - 1e-9 * np.maximum(1.0, np.abs(low))
    ordered = known[..., :n_a, n_a:].any(axis=(-2, -1))  # else nothing is known
    low, high = np.maximum(effect - high * error, -0.5), np.minimum(effect - low * error, 0.5)
    return np.where(ordered, low, -0.5), np.where(ordered, high, 0.5), p


def guarded_rank_bounds(a: Censored, b: Censored) -> tuple[FloatArray, FloatArray]:
    """Bounds within [-1/2, 1/2] that resolve all pairs which censoring hides against the bound, and add one seed that
    breaks before, or holds out past, all of the other group. Groups of float[..., seeds] -> two float[...].

    By t quantiles with Satterthwaite's degrees of freedom.
    """
    n_a, (score, known) = a.values.shape[-1], _scores(a, b)
    score, known = score[..., :n_a, n_a:], known[..., :n_a, n_a:]
    return _lowest(score, known), -_lowest(-score, known)


def _scores(a: Censored, b: Censored) -> tuple[FloatArray, BoolArray]:
    """Gehan's score of each seed of both groups against each, and which pairs can be ordered: [..., seeds, seeds]."""
    if a.falling != b.falling:
        raise ValueError("one group falls along the levels, the other rises: they measure different things")
    earliest = np.concatenate([a.earliest, b.earliest], axis=-1)
    latest = np.concatenate([a.latest, b.latest], axis=-1)
    later = earliest[..., :, None] > latest[..., None, :]
    exactly = earliest == latest
    either = later | later.swapaxes(-1, -2)
    return later + 0.5 * ~either - 0.5, either | (exactly[..., :, None] & exactly[..., None, :])


def _relabelled(score: FloatArray, orders: npt.NDArray[np.int64], n_a: int) -> tuple[FloatArray, FloatArray]:
    """Mean score and standard error of each order of the seeds, of which the first n_a are group a.

    score: [..., seeds, seeds]; orders: int[orders, seeds] -> two float[..., orders].
    """
    n_b = orders.shape[1] - n_a
    in_b = np.zeros(orders.shape)
    np.put_along_axis(in_b, orders[:, n_a:], 1.0, axis=1)
    against_b = in_b @ score.swapaxes(-1, -2)  # sums of halves, hence exact: [..., orders, seeds]
    against_a = score.sum(axis=-1)[..., None, :] - against_b
    picks = np.broadcast_to(orders, against_b.shape)
    rows = np.take_along_axis(against_b, picks[..., :n_a], axis=-1) / n_b
    columns = np.take_along_axis(against_a, picks[..., n_a:], axis=-1) / -n_a
    return rows.mean(axis=-1), _error(rows, columns)


def _error(rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Of the mean score, from the placements of both groups: float[..., seeds] each."""
    n_a, n_b = rows.shape[-1], columns.shape[-1]
    error = np.sqrt(rows.var(axis=-1, ddof=1) / n_a + columns.var(axis=-1, ddof=1) / n_b)
    return np.asarray(np.maximum(error, 1 / (np.sqrt(2) * n_a * n_b)))


def _lowest(score: FloatArray, known: BoolArray) -> FloatArray:
    worst = np.where(known, score, -0.5)
    bounds = []
    for pad in (((0, 1), (0, 0)), ((0, 0), (0, 1))):  # the seed more, in either group
        pairs = np.pad(worst, [*([(0, 0)] * (worst.ndim - 2)), *pad], constant_values=-0.5)
        rows, columns = pairs.mean(axis=-1), pairs.mean(axis=-2)
        squares = [part.var(axis=-1, ddof=1) / part.shape[-1] for part in (rows, columns)]
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [s**2 / (part.shape[-1] - 1) for s, part in zip(squares, (rows, columns), strict=True)]
            freedom = np.nan_to_num((squares[0] + squares[1]) ** 2 / (parts[0] + parts[1]), nan=1.0)
        bounds.append(rows.mean(axis=-1) - special.stdtrit(freedom, 1 - TAIL) * _error(rows, columns))
    lost = worst.max(axis=(-2, -1)) == -0.5  # every pair is lost, one more would not vary either
    return np.where(lost, -0.5, np.maximum(-0.5, np.minimum(*bounds)))


@lru_cache(maxsize=4)
def _orders(n_a: int, n_b: int, relabellings: int) -> npt.NDArray[np.int64]:
    return _drawn(n_a, n_b, relabellings, np.random.default_rng(0))


def _drawn(n_a: int, n_b: int, relabellings: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """int[relabellings, seeds]: all ways to deal the seeds to the groups, or so many at random where there are more."""
    total = n_a + n_b
    if relabellings < comb(total, n_a):
        return np.array([rng.permutation(total) for _ in range(relabellings)])
    chosen = combinations(range(total), n_a)
    return np.array([[*first, *(i for i in range(total) if i not in first)] for first in chosen])
