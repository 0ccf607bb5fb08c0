"""Intervals for display. A verdict never rests on them: at 5 seeds a bootstrap rejects 13 % of true nulls."""

import warnings
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
    from scipy import stats  # takes a second to load

    def interval(method: str) -> tuple[FloatArray, FloatArray]:
        result = stats.bootstrap(
            (samples,),
            statistic,
            axis=-1,
            vectorized=True,
            n_resamples=resamples,
            confidence_level=confidence,
            method=method,
            rng=np.random.default_rng(0),
        )
        return np.asarray(result.confidence_interval.low), np.asarray(result.confidence_interval.high)

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        low, high = interval("BCa")
        undefined = np.isnan(low) | np.isnan(high)
        if undefined.any():
            plain_low, plain_high = interval("percentile")
            low, high = np.where(undefined, plain_low, low), np.where(undefined, plain_high, high)
    return low, high
