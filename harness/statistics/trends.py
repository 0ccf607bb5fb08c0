"""Ordering and trend: conditions that should rise in a stated order, and two quantities that should rise together."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.contrast import FloatArray
from harness.statistics.finite import require_finite
from harness.statistics.guard import FEWEST_STUDENTISED, guarded_paired
from harness.statistics.outcome import TAIL, Outcome, finite_sample, pooled_sd, refusal
from harness.statistics.paired import sign_flip
from harness.statistics.permutation import RELABELLINGS

FEWEST_RANKED = 6  # Fisher's bounds of 5 hold 0 whatever their order


def ordering(values: npt.ArrayLike) -> Outcome:
    """Do the conditions rise from first to last? values: float[seeds, conditions], in the order predicted, at least
    three; a tie of two conditions in a seed counts for neither.

    The effect is each seed's Spearman correlation with the order, averaged: 1 where every seed rises throughout.
    Page's L (1963) is that mean rescaled, exact where the conditions of a seed are exchangeable. But seeds of which
    half rise and half fall are not, though their mean is 0, so the sign-flip of the correlations, valid where they
    are symmetric about their mean, must reject too: the larger p of the two, and the sign-flip's bounds, reaching 0
    where Page's L does not reject. Guarded as a t test is, from 15 seeds on. Refused under 6 seeds, or where all
    conditions tie in every seed. Raises ValueError for under three conditions, NaN or infinite values.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 3:
        raise ValueError(f"an order is of float[seeds, 3 conditions or more], got shape {table.shape}")
    require_finite(table, "an order's value")
    along = _agreement(table)
    effect, n = float(along.mean()), (len(along),)
    by_chance = 1 / np.sqrt(table.shape[1] - 1)  # sd of a seed's correlation, its conditions exchanged at will
    sd = float(np.fmax(pooled_sd(along), by_chance))
    flipped = sign_flip(along)
    tied = (table == table[:, :1]).all()
    if refused := flipped.refused or ("in no seed do the conditions differ: nothing is ordered" if tied else ""):
        return refusal("ordering", n, effect, refused, sd)
    page = min(1.0, 2 * min(float(stats.page_trend_test(side).pvalue) for side in (table, table[:, ::-1])))
    guard = guarded_paired(along, *_room(along))
    lower, upper = _reaching_0(flipped.lower, flipped.upper, page)
    outcome = Outcome("ordering", n, effect, lower, upper, max(page, flipped.p), sd)
    return replace(outcome, guarded=(guard.lower, guard.upper), reach=guard.reach)


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> Outcome:
    """Do x and y rise together over seeds? x, y: float[seeds]. Effect: Spearman's rho; ties have their mean rank.

    p is that of permuting the pairing, all ways up to 7 seeds, else 20,000 at random: exact where x and y are
    independent. The bounds are Fisher's z with the variance (1 + rho^2 / 2) / (n - 3) of Bonett and Wright (2000), a
    perfect rho taken as if two neighbours were out of order; p is the larger of theirs and the permutation's, and the
    bounds reach 0 where the permutation does not reject. The guarded bounds, from 15 seeds on, add the seed most out
    of line. Refused under 6 seeds, or where x or y does not vary.
    """
    first, second = finite_sample(x), finite_sample(y)
    if first.size != second.size:
        raise ValueError(f"a correlation needs pairs, got {first.size} and {second.size} values")
    n = first.size
    if n < FEWEST_RANKED:
        return refusal("Spearman", (n,), np.nan, f"{n} seeds: ranks of fewer than {FEWEST_RANKED} can't reject")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return refusal("Spearman", (n,), np.nan, "one of the two does not vary over seeds: nothing is correlated")
    ranks = _centred(stats.rankdata(first)), _centred(stats.rankdata(second))
    permuted = stats.permutation_test(
        (ranks[0],),
        lambda rank, axis=-1: np.moveaxis(rank, axis, -1) @ ranks[1],
        permutation_type="pairings",
        vectorized=True,
        n_resamples=RELABELLINGS,
        batch=RELABELLINGS // 10,
        rng=np.random.default_rng(0),
    )
    rho = float(permuted.statistic)
    lower, upper, p = _fisher(rho, n)
    permutation = float(permuted.pvalue)
    lower, upper = _reaching_0(lower, upper, permutation)
    outcome = Outcome("Spearman", (n,), rho, lower, upper, max(p, permutation), np.nan)
    return replace(outcome, guarded=_guarded_rho(first, second) if n >= FEWEST_STUDENTISED else (-1.0, 1.0))


def _agreement(table: FloatArray) -> FloatArray:
    """float[seeds]: Spearman's correlation of each row with the order of the columns; 0 for a row of ties."""
    order = _centred(np.arange(table.shape[1], dtype=np.float64))
    return np.asarray(np.round(_centred(stats.rankdata(table, axis=1)) @ order, 12))  # or equal ones would differ


def _centred(ranks: FloatArray) -> FloatArray:
    """The last axis less its mean, of length 1; zeros where it does not vary."""
    centred = ranks - ranks.mean(axis=-1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 0))


def _room(along: FloatArray) -> tuple[float, float]:
    """(fall, rise): how far one seed more can lie from the median."""
    return 1 + float(np.median(along)), 1 - float(np.median(along))


def _reaching_0(lower: float, upper: float, p: float) -> tuple[float, float]:
    """The bounds, widened to hold 0 where another test does not reject."""
    return (lower, upper) if p <= 2 * TAIL else (min(lower, 0.0), max(upper, 0.0))


def _fisher(rho: float, n: int) -> tuple[float, float, float]:
    """Bounds and two-sided p of "rho is 0"."""
    most = 1 - 12 / (n * (n**2 - 1))  # two neighbours out of order
    z = np.arctanh(np.clip(rho, -most, most))
    error = np.sqrt((1 + rho**2 / 2) / (n - 3))
    reach = stats.norm.ppf(1 - TAIL) * error
    low, high = min(rho, float(np.tanh(z - reach))), max(rho, float(np.tanh(z + reach)))
    return low, high, float(2 * stats.norm.sf(abs(z) / error))


def _guarded_rho(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Bounds with one seed more, the largest in x and the smallest in y for the lower, the largest for the upper."""

    def bounds(end: float) -> tuple[float, float, float]:
        rho = float(stats.spearmanr(np.append(x, x.max() + 1), np.append(y, end)).statistic)
        return _fisher(rho, x.size + 1)

    return bounds(y.min() - 1)[0], bounds(y.max() + 1)[1]
