"""How far an effect has moved between two runs, and whether chance alone would move it so far."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, comb, isfinite, prod

import numpy as np
from scipy import stats

from harness.results.sample import Sample, held_out
from harness.statistics.contrast import FloatArray

ALPHA = 0.05
"""Two-sided, of a whole gated run: each of its m comparisons is made at ALPHA / m (Bonferroni)."""
SEEN = 0.9
"""How often a drift of the size `seen` is found."""
RELABELLINGS = 20_000
"""At least; as many as it takes to tell an alpha apart, where that is small."""
_BATCH = 1000
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Drift:
    """What became of an effect.

    value    the new effect less the old one, in the finding's unit
    p        two-sided, of a drift that chance moves so far beyond the margin
    margin   drifts up to here are of no interest, in the same unit
    seen     the smallest drift that is found 9 times in 10 at these n where all seeds shift alike, None where none can
             be, for too few seeds or because they do not differ; a few seeds that collapse, the others staying, are
             found later
    differs  whether p is at most the alpha that was asked for
    """

    value: float
    p: float
    margin: float
    seen: float | None
    differs: bool


def drift(new: Sample, old: Sample, alpha: float = ALPHA, margin: float = 0.0) -> Drift:
    """Two-sample permutation test: has the effect moved by more than `margin`, either way?

    The seeds of a group are dealt anew between the two runs, those of a spread with both their conditions; p is the
    share of deals whose drift, in standard errors, is at least (|value| - margin) / its own. Where nothing has changed,
    the runs are exchangeable, whatever the shape of their values, rare failures and ceilings included: the test then
    errs in at most alpha, and the margin only makes it err less, as do seeds that both runs share. `seen` reckons with
    the quantile that the deals give, and a normal estimate.

    Raises ValueError where the two are no samples of one statistic, or, of a spread, of as many levels.
    """
    if new.statistic != old.statistic:
        raise ValueError(f"a {new.statistic!r} can't be compared with a {old.statistic!r}")
    if new.statistic == "spread" and new.groups[0].shape[1] != old.groups[0].shape[1]:
        raise ValueError("the two spreads are of different numbers of levels")
    value = new.effect - old.effect
    errors = [_ESTIMATES[sample.statistic](*(group[None] for group in sample.groups))[1][0] for sample in (new, old)]
    error = float(np.hypot(*errors))
    beyond = abs(value) - margin
    deals = _deals(new, old, max(RELABELLINGS, ceil(20 / alpha)))
    reached = np.count_nonzero(deals >= (beyond / error - _ROUNDING if error else np.inf))
    p = 1.0 if beyond <= 0 else float((1 + reached) / (1 + deals.size))
    quantile = float(np.quantile(deals, 1 - alpha, method="higher"))
    blunt = _least_p(new, old) > alpha or not error or not isfinite(quantile)
    seen = None if blunt else margin + float(quantile + stats.norm.ppf(SEEN)) * error
    return Drift(value, p, margin, seen, p <= alpha)


def _least_p(new: Sample, old: Sample) -> float:
    """Of all deals: those that part the seeds as the runs do, and where the runs are alike in size, their mirror."""
    groups = list(zip(new.n, old.n, strict=True))[: 1 if new.statistic == "spread" else 2]
    return (1 + (new.n == old.n)) / prod(comb(one + other, one) for one, other in groups)


def _deals(new: Sample, old: Sample, count: int) -> FloatArray:
    """float[count]: the drift of each deal in its standard errors, without its sign."""
    rng, found = np.random.default_rng(0), []
    pooled = [np.concatenate(pair) for pair in zip(new.groups, old.groups, strict=True)]
    for _ in range(0, count, _BATCH):
        orders = [rng.random((_BATCH, len(group))).argsort(axis=1) for group in pooled]
        if new.statistic == "spread":
            orders[1] = orders[0]  # a seed keeps both its conditions
        dealt = [(order[:, :n], order[:, n:]) for order, n in zip(orders, new.n, strict=True)]
        (one, first), (other, second) = (
            _ESTIMATES[new.statistic](*(group[chosen[run]] for group, chosen in zip(pooled, dealt, strict=True)))
            for run in (0, 1)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.nan_to_num(np.abs(one - other) / np.hypot(first, second), nan=0.0, posinf=np.inf))
    return np.concatenate(found)


# Each takes its groups, the first axis over deals, and gives effect and standard error, float[deals] each.


def _mean(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    return values.mean(axis=1), _error(values)


def _ranks(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Placements: each seed's mean score against the other group, as in `censored_ranks`."""
    score = held_out(one, other)
    rows, columns = score.mean(axis=2), score.mean(axis=1)
    return rows.mean(axis=1), np.hypot(_error(rows), _error(columns))


def _spreads(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    per_seed = [np.abs(group - np.median(group, axis=1, keepdims=True)).mean(axis=2) for group in (one, other)]
    return _mean(per_seed[0] - per_seed[1])


_ESTIMATES: dict[str, Callable[..., tuple[FloatArray, FloatArray]]] = {
    "mean": _mean,
    "holds out": _ranks,
    "spread": _spreads,
}


def _error(values: FloatArray) -> FloatArray:
    """Of a mean over seeds, float[deals, seeds] -> float[deals]; 0 for one seed, which tells nothing of spread."""
    n = values.shape[1]
    if n == 1:
        return np.zeros(len(values))
    spread = values.std(axis=1, ddof=1)
    alike = spread <= _ROUNDING * np.abs(values).max(axis=1)  # but for rounding
    return np.asarray(np.where(alike, 0.0, spread / np.sqrt(n)))
