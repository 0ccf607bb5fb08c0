"""Intervals for display. A verdict never rests on them: at 5 seeds a bootstrap rejects 13 % of true nulls."""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from harness.statistics.contrast import FloatArray

TAILS = np.array([0.025, 0.975])


def bca(values: npt.ArrayLike, resamples: int = 2_000) -> tuple[FloatArray, FloatArray]:
    """Bias-corrected and accelerated 95 % bootstrap interval of the mean over the last axis, from a generator with a
    fixed seed. values: float[..., seeds] -> low, high, each float[...].

    Where all seeds are equal (or there is one) both ends are the mean. Raises ValueError for no seeds, NaN or infinite
    values. Efron and Tibshirani (1993), equations 14.9, 14.10, 14.14 and 14.15, as `scipy.stats.bootstrap` computes
    them, which takes a second to load.
    """
    samples = np.asarray(values, dtype=np.float64)
    if samples.ndim == 0 or samples.shape[-1] == 0 or not np.all(np.isfinite(samples)):
        raise ValueError(f"expected finite float[..., seeds], got shape {samples.shape}")
    low = np.array(samples.mean(axis=-1))
    high, varies = low.copy(), np.ptp(samples, axis=-1) > 0
    if varies.any():
        low[varies], high[varies] = _bootstrap(samples[varies], resamples)
    return low, high


def _bootstrap(samples: FloatArray, resamples: int) -> tuple[FloatArray, FloatArray]:
    """samples: float[lines, seeds]; no line is constant."""
    n = samples.shape[-1]
    drawn = np.random.default_rng(0).integers(0, n, (resamples, n))
    means = np.stack([line[drawn].mean(axis=-1) for line in samples])  # float[lines, resamples]
    found = samples.mean(axis=-1)[:, None]
    left_out = np.array([np.delete(np.arange(n), i) for i in range(n)])
    jackknife = np.stack([line[left_out].mean(axis=-1) for line in samples])
    spread = jackknife.mean(axis=1, keepdims=True) - jackknife
    with np.errstate(invalid="ignore", divide="ignore"):
        bias = ndtri(((means < found).mean(axis=1) + (means <= found).mean(axis=1)) / 2)
        skew = (spread**3).sum(axis=1) / (6 * (spread**2).sum(axis=1) ** 1.5)
        shifted = bias[:, None] + ndtri(TAILS)
        shares = ndtr(bias[:, None] + shifted / (1 - skew[:, None] * shifted))  # float[lines, 2]
    shares = np.where(np.isfinite(shares).all(axis=1, keepdims=True), shares, TAILS)  # spreads that underflow
    bounds = np.array([np.percentile(line, 100 * share) for line, share in zip(means, shares, strict=True)])
    return bounds[:, 0], bounds[:, 1]
