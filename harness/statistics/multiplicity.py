"""Many hypotheses at once. A claim that all of them hold needs no correction: it is an intersection."""

import numpy as np
import numpy.typing as npt

from harness.statistics.contrast import FloatArray


def benjamini_hochberg(p: npt.ArrayLike) -> FloatArray:
    """Benjamini and Hochberg's (1995) q: calling all with q <= x true makes at most a share x of the calls false, on
    average, for independent tests or tests that rise together.

    p: float[hypotheses] -> float[hypotheses]. NaN is a hypothesis that was not tested: it stays NaN and counts for
    nothing. Raises ValueError for a p outside 0 to 1.
    """
    values = np.array(p, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected float[hypotheses], got shape {values.shape}")
    tested = np.flatnonzero(~np.isnan(values))
    held = values[tested]
    if not np.all((held >= 0) & (held <= 1)):
        raise ValueError("a p lies outside 0 to 1")
    order = tested[np.argsort(held)]
    scaled = values[order] * (held.size / np.arange(1, held.size + 1))
    values[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return values
