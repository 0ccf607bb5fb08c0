"""How far an effect has moved between two runs, and whether chance alone would move it so far."""

from functools import cache
from math import ceil, comb, hypot, isfinite, prod
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.results.sample import Sample, Statistic, estimate

if TYPE_CHECKING:
    from harness.statistics.contrast import FloatArray

ALPHA = 0.05
"""Two-sided, of a whole gated run: each of its m comparisons is made at ALPHA / m (Bonferroni)."""
SEEN = 0.9
"""How often a drift of the size `seen` is found."""
RELABELLINGS = 20_000
"""The number of deals, at least; more where alpha is so small that it takes more to resolve it."""
_BATCH = 1000
_ROUNDING = 1e-9


class Shift(NamedTuple):
    """The drift of an effect between two runs, in the finding's unit.

    moved    the new effect less the old one
    p        two-sided, of a drift that chance moves so far beyond the margin
    margin   drifts up to here are of no interest
    seen     the smallest drift that is found 9 times in 10 at these n where all seeds shift alike; None where none can
             be, because there are too few seeds or they do not differ. If only a few seeds collapse, the drift must be
             larger
    differs  whether p is at most the given alpha
    """

    moved: float
    p: float
    margin: float
    seen: float | None
    differs: bool


def shift(new: Sample, old: Sample, alpha: float = ALPHA, margin: float = 0.0) -> Shift:
    """Two-sample permutation test: has the effect moved by more than `margin`, either way?

    The seeds of a group are permuted between the two runs; for a spread, a seed keeps both its conditions. p is the
    share of permutations whose drift, in standard errors, is at least (|moved| - margin) / error. If nothing changed
    the runs are exchangeable, whatever the shape of their values, rare failures and ceilings included: the test then
    errs in at most alpha. The margin makes it err less, and so do seeds that both runs share. `seen` is reckoned from
    the quantile of the deals and a normal estimate.

    Raises ValueError for samples of two statistics, or for spreads over different numbers of levels.
    """
    if new.statistic != old.statistic:
        raise ValueError(f"samples of the statistics {new.statistic!r} and {old.statistic!r} can't be compared")
    now, then = new.arrays, old.arrays
    if new.statistic == "spread" and now[0].shape[1] != then[0].shape[1]:
        raise ValueError("the two spreads are over different numbers of levels")
    errors = [float(estimate(new.statistic, *(group[None] for group in groups))[1][0]) for groups in (now, then)]
    moved, error = new.effect - old.effect, hypot(*errors)
    beyond = abs(moved) - margin
    deals = _deals(new.statistic, now, then, max(RELABELLINGS, ceil(20 / alpha)))
    reached = np.count_nonzero(deals >= (beyond / error - _ROUNDING if error else np.inf))
    p = 1.0 if beyond <= 0 else float((1 + reached) / (1 + deals.size))
    quantile = float(np.quantile(deals, 1 - alpha, method="higher"))
    blunt = _least_p(new, old) > alpha or not error or not isfinite(quantile)
    seen = None if blunt else margin + (quantile + NormalDist().inv_cdf(SEEN)) * error
    return Shift(moved, p, margin, seen, p <= alpha)


def _deals(
    statistic: Statistic, now: "tuple[FloatArray, ...]", then: "tuple[FloatArray, ...]", count: int
) -> "FloatArray":
    """float[count]: the drift of each deal in its standard errors, without its sign."""
    pooled, found = [np.concatenate(pair) for pair in zip(now, then, strict=True)], []
    for drawn in _orders(tuple(map(len, pooled)), count):
        orders = list(drawn)
        if statistic == "spread":
            orders[1] = orders[0]  # a seed keeps both its conditions
        dealt = [(order[:, : len(g)], order[:, len(g) :]) for order, g in zip(orders, now, strict=True)]
        (one, first), (other, second) = (
            estimate(statistic, *(group[chosen[run]] for group, chosen in zip(pooled, dealt, strict=True)))
            for run in (0, 1)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.nan_to_num(np.abs(one - other) / np.hypot(first, second), nan=0.0, posinf=np.inf))
    return np.concatenate(found)


@cache
def _orders(sizes: tuple[int, ...], count: int) -> list[list[npt.NDArray[np.int64]]]:
    """Random orders of groups of these sizes, int64[_BATCH, size] each, in as many batches as make `count` of them.

    They are the same for every finding, and sorting takes longer than what is done with them.
    """
    rng = np.random.default_rng(0)
    return [[rng.random((_BATCH, size)).argsort(axis=1) for size in sizes] for _ in range(0, count, _BATCH)]


def _least_p(new: Sample, old: Sample) -> float:
    """The share of deals that part the seeds as the runs do; where the runs are alike in size, their mirror counts."""
    groups = list(zip(new.n, old.n, strict=True))[: 1 if new.statistic == "spread" else 2]
    return (1 + (new.n == old.n)) / prod(comb(one + other, one) for one, other in groups)
