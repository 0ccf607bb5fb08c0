"""Intervals for display. A verdict never rests on them: at 5 seeds a bootstrap rejects 13 % of true nulls."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness.statistics.contrast import FloatArray

Statistic = Callable[..., npt.NDArray[np.float64]]  # statistic(values, axis=-1)


def bca(
    values: npt.ArrayLike, statistic: Statistic = np.mean, confidence: float = 0.95, resamples: int = 2_000
) -> tuple[FloatArray, FloatArray]:
    """Bias-corrected and accelerated bootstrap interval over the last axis. values: float[..., seeds] -> low,
    high, each float[...]. Drawn from a generator with a fixed seed: the same values give the same interval.

    Where all seeds are equal (or there is one) both ends are the statistic. Where BCa is undefined, since the
    jackknife does not vary, it is the percentile interval. Raises ValueError for no seeds, NaN or infinite
    values.
    """
    samples = np.asarray(values, dtype=np.float64)
    if samples.ndim == 0 or samples.shape[-1] == 0 or not np.all(np.isfinite(samples)):
        raise ValueError(f"expected finite float[..., seeds], got shape {samples.shape}")
    low = np.array(statistic(samples, axis=-1), dtype=np.float64)
    high = low.copy()
    varies = np.ptp(samples, axis=-1) > 0
    if varies.any():
        low[varies], high[varies] = _bootstrap(samples[varies], statistic, confidence, resamples)
    return low, high


def _bootstrap(
    samples: FloatArray, statistic: Statistic, confidence: float, resamples: int
) -> tuple[FloatArray, FloatArray]:
    """Efron and Tibshirani (1993), equations 14.9, 14.10, 14.14 and 14.15, as `scipy.stats.bootstrap` computes them;
    that takes a second to load. samples: float[lines, seeds]; no line is constant."""
    from scipy.special import ndtr, ndtri

    n = samples.shape[-1]
    drawn = np.random.default_rng(0).integers(0, n, (resamples, n))
    statistics = np.stack([np.asarray(statistic(line[drawn], axis=-1)) for line in samples])  # float[lines, resamples]
    found = np.asarray(statistic(samples, axis=-1))[:, None]
    left_out = np.array([np.delete(np.arange(n), i) for i in range(n)])
    jackknife = np.stack([np.asarray(statistic(line[left_out], axis=-1)) for line in samples])
    spread = jackknife.mean(axis=1, keepdims=True) - jackknife
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    with np.errstate(invalid="ignore", divide="ignore"):
        bias = ndtri(((statistics < found).mean(axis=1) + (statistics <= found).mean(axis=1)) / 2)
        skew = (spread**3).sum(axis=1) / (6 * (spread**2).sum(axis=1) ** 1.5)
        shifted = bias[:, None] + ndtri(tails)
        shares = ndtr(bias[:, None] + shifted / (1 - skew[:, None] * shifted))  # float[lines, 2]
    shares = np.where(np.isfinite(shares).all(axis=1, keepdims=True), shares, tails)
    bounds = np.array([np.percentile(line, 100 * share) for line, share in zip(statistics, shares, strict=True)])
    return bounds[:, 0], bounds[:, 1]
