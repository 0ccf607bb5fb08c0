"""How far an effect has moved between two runs, and whether chance alone would move it so far."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.sample import Sample, held_out
from harness.statistics.contrast import FloatArray

ALPHA = 0.05
"""Two-sided, of a whole gated run: each of its m comparisons is made at ALPHA / m (Bonferroni)."""
SEEN = 0.9
"""How often a drift of the size `seen` is found."""
RELABELLINGS = 20_000
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Drift:
    """What became of an effect.

    value    the new effect less the old one, in the finding's unit
    p        two-sided, of a drift that chance moves so far beyond the margin
    margin   drifts up to here are of no interest, in the same unit
    seen     the smallest true drift that is found 9 times in 10 at these n
    differs  whether p is at most the alpha that was asked for
    """

    value: float
    p: float
    margin: float
    seen: float
    differs: bool


def drift(new: Sample, old: Sample, alpha: float = ALPHA, margin: float = 0.0) -> Drift:
    """Two-sample permutation test: has the effect moved by more than `margin`, either way?

    The seeds of a group are dealt anew between the two runs, those of a spread with both their conditions, and p is the
    share of deals that move the effect by at least |value| - margin. Where nothing has changed, the runs are
    exchangeable, whatever the shape of their values, rare failures and ceilings included: the test then errs in at
    most alpha, and the margin only makes it err less. Seeds that both runs share make it err less still. `seen` reckons
    with the spread over the deals and the normal distribution.

    Raises ValueError where the two are no samples of one statistic, or, of a spread, of as many levels.
    """
    if new.statistic != old.statistic:
        raise ValueError(f"a {new.statistic!r} can't be compared with a {old.statistic!r}")
    if new.statistic == "spread" and new.groups[0].shape[1] != old.groups[0].shape[1]:
        raise ValueError("the two spreads are of different numbers of levels")
    value = new.effect - old.effect
    deals = _DEALS[new.statistic](new, old, np.random.default_rng(0))
    beyond = np.count_nonzero(np.abs(deals) >= abs(value) - margin - _ROUNDING)
    p = float((1 + beyond) / (1 + len(deals)))
    reach = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(SEEN)
    return Drift(value, p, margin, margin + float(reach * deals.std()), p <= alpha)


def _of_means(new: Sample, old: Sample, rng: np.random.Generator) -> FloatArray:
    """float[RELABELLINGS]: the drift of each deal."""
    pooled, chosen = _dealt(new.groups[0], old.groups[0], rng)
    total, n_new, n_old = pooled.sum(), len(new.groups[0]), len(old.groups[0])
    sums = chosen @ pooled
    return np.asarray(sums / n_new - (total - sums) / n_old)


def _of_ranks(new: Sample, old: Sample, rng: np.random.Generator) -> FloatArray:
    (one, first), (other, second) = (_dealt(a, b, rng) for a, b in zip(new.groups, old.groups, strict=True))
    score = held_out(one, other)

    def effect(rows: FloatArray, columns: FloatArray) -> FloatArray:
        sums = np.einsum("ri,ri->r", rows @ score, columns)
        return np.asarray(sums / (rows[0].sum() * columns[0].sum()))

    return effect(first, second) - effect(1 - first, 1 - second)


def _of_spreads(new: Sample, old: Sample, rng: np.random.Generator) -> FloatArray:
    n_new = len(new.groups[0])
    both = [np.concatenate(pair) for pair in zip(new.groups, old.groups, strict=True)]
    deals = []
    for _ in range(RELABELLINGS // 1000):  # in parts, for memory
        order = rng.random((1000, len(both[0]))).argsort(axis=1)
        effects = [_spread(both[0][seeds]) - _spread(both[1][seeds]) for seeds in (order[:, :n_new], order[:, n_new:])]
        deals.append(effects[0] - effects[1])
    return np.concatenate(deals)


_DEALS = {"mean": _of_means, "holds out": _of_ranks, "spread": _of_spreads}


def _dealt(new: FloatArray, old: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """The seeds of both runs, and float[RELABELLINGS, seeds]: 1 for those that a deal gives to the new run."""
    pooled = np.concatenate([new, old])
    chosen = np.zeros((RELABELLINGS, len(pooled)))
    order = rng.random(chosen.shape).argsort(axis=1)[:, : len(new)]
    np.put_along_axis(chosen, order, 1.0, axis=1)
    return pooled, chosen


def _spread(values: FloatArray) -> FloatArray:
    """Mean `spread` of each deal. values: float[deals, seeds, levels] -> float[deals]."""
    return np.asarray(np.abs(values - np.median(values, axis=1, keepdims=True)).mean(axis=(1, 2)))
