"""What a test found, and what every test asks of its values first.

Every outcome holds a two-sided p and both one-sided 97.5 % bounds, made by the same test, so that p <= 0.05 and
"0 is outside the bounds" are one statement. NaN and infinite values raise ValueError. What can't be judged (one seed,
no spread) is an outcome with `refused` set and infinite bounds, never an error.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.statistics.contrast import FloatArray
from harness.statistics.finite import require_finite

Kind = Literal["greater", "equivalent", "non-inferior"]
Test = Literal[
    "sign-flip",
    "t",
    "Welch",
    "label permutation",
    "censored ranks",
    "guarded t",
    "guarded Welch",
    "swapped spreads",
    "Pitman-Morgan",
    "ordering",
    "Spearman",
    "paired shares",
    "unpaired shares",
    "failure rate",
]

TAIL = 0.025  # alpha = 0.05 two-sided, half on each side


@dataclass(frozen=True)
class Outcome:
    """What a test found.

    test     the test's name
    n        seeds, one entry per group
    effect   the estimate, in the unit of the values (ranks: P(a holds out longer) + P(tie)/2 - 1/2)
    lower    one-sided 97.5 % bound; -inf where the test can't give one
    upper    the same on the other side
    p        two-sided, of "the effect is 0"; NaN where refused
    sd       standard deviation over seeds, pooled over groups; NaN for ranks. What power is reckoned from
    guarded  bounds that survive one more, failing seed: "equivalent" may rest on no others. None: not made
    reach    how far the guard took a failing seed to move the contrast
    refused  why no test was made; empty where one was
    """

    test: Test
    n: tuple[int, ...]
    effect: float
    lower: float
    upper: float
    p: float
    sd: float
    guarded: tuple[float, float] | None = None
    reach: float = 0.0
    refused: str = ""


def refusal(test: Test, n: tuple[int, ...], effect: float, why: str, sd: float = np.nan, reach: float = 0.0) -> Outcome:
    """What can't be judged, and why: infinite bounds, no p."""
    return Outcome(test, n, effect, -np.inf, np.inf, np.nan, sd, reach=reach, refused=why)


def finite_sample(values: npt.ArrayLike) -> FloatArray:
    """values as float[seeds]. Raises ValueError for no seeds, more than one axis, and its NotFiniteError for NaN
    or infinite values."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"expected float[seeds] with at least one seed, got shape {sample.shape}")
    require_finite(sample)
    return sample


def pooled_sd(*groups: FloatArray) -> float:
    """Standard deviation over seeds, pooled over groups of equal weight; NaN where a group has one seed."""
    if min(group.size for group in groups) < 2:
        return float("nan")
    return float(np.sqrt(np.mean([group.var(ddof=1) for group in groups])))


def no_spread(*groups: FloatArray) -> str:
    """Why the groups have no spread to judge by; empty where they have."""
    if min(group.size for group in groups) < 2:
        return "a group of one seed has no spread to judge by"
    if all(np.ptp(group) <= 1e-12 * np.abs(group).max() for group in groups):
        return "all seeds gave the same value: their spread, and so the certainty, is unknown"
    return ""
