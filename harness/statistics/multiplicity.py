"""Many hypotheses at once. A claim that all of them hold needs no correction: it is an intersection."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.contrast import FloatArray


def holm(p: npt.ArrayLike) -> FloatArray:
    """Holm's (1979) adjusted p, for a claim that at least one hypothesis holds. p: float[hypotheses]; NaN is one that
    was not tested: it stays NaN and counts for nothing. At or under alpha, the chance of any false one is at most
    alpha, whatever the dependence. Raises ValueError for a p outside 0 to 1."""
    values, tested = _tested(p)
    held = values[tested]
    order = np.argsort(held)
    stepped = np.maximum.accumulate(held[order] * np.arange(held.size, 0, -1))
    adjusted = np.empty_like(held)
    adjusted[order] = np.minimum(1.0, stepped)
    values[tested] = adjusted
    return values


def benjamini_hochberg(p: npt.ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's (1995) q: calling all with q <= x true makes at most a share x of the calls false, on
    average, for independent tests or those that rise together. p: as for `holm`."""
    values, tested = _tested(p)
    if tested.any():
        values[tested] = stats.false_discovery_control(values[tested], method="bh")
    return values


def _tested(p: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    values = np.array(p, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected float[hypotheses], got shape {values.shape}")
    tested = ~np.isnan(values)
    if not np.all((values[tested] >= 0) & (values[tested] <= 1)):
        raise ValueError("a p lies outside 0 to 1")
    return values, tested
