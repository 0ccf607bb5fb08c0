"""What a hypothesis test found, and what every one asks of its values first.

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
Test = Literal["sign-flip", "guarded t", "censored ranks", "swapped spreads", "paired shares"]
Refusal = Literal["", "few seeds", "no spread", "censored", "uncalibrated", "false alarms", "insensitive", "other"]
"""Why no verdict may rest on a test.

few seeds      the test judges nothing at so few seeds; more would lift this
no spread      all seeds gave the same value
censored       no pair of seeds can be ordered
uncalibrated   the calibration table does not hold this test at so few seeds or on so many conditions
false alarms   the calibration table says that the test alarms falsely too often on such data
insensitive    "no difference" means nothing here: dense learning fell short, or no effect could be seen
"""

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
    sd       standard deviation over seeds; NaN for ranks. Power is computed from it
    guarded  bounds that survive one more, failing seed: "equivalent" may rest on no others. None: not made
    reach    how far the guard took a failing seed to move the contrast
    refused  why no test was made, in words; empty where one was
    refusal  the same for code
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
    refusal: Refusal = ""


Why = tuple[Refusal, str]
"""A refusal for code, and in words."""


def not_tested(
    test: Test, n: tuple[int, ...], effect: float, why: Why, sd: float = np.nan, reach: float = 0.0
) -> Outcome:
    """An outcome that decides nothing: infinite bounds, no p."""
    return Outcome(test, n, effect, -np.inf, np.inf, np.nan, sd, reach=reach, refusal=why[0], refused=why[1])


def finite_sample(values: npt.ArrayLike) -> FloatArray:
    """values as float[seeds]. Raises ValueError for no seeds or more than one axis, and its subclass NotFiniteError for
    NaN or infinite values."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"expected float[seeds] with at least one seed, got shape {sample.shape}")
    require_finite(sample)
    return sample


def sd_of(sample: FloatArray) -> float:
    """Standard deviation; NaN for one seed."""
    return float(sample.std(ddof=1)) if sample.size > 1 else float("nan")


ONE_SEED: Why = ("few seeds", "a group of one seed has no spread to judge by")


def no_spread(sample: FloatArray) -> Why | None:
    """Why the sample has no spread to judge by; None where it has."""
    if sample.size < 2:
        return ONE_SEED
    if np.ptp(sample) <= 1e-12 * np.abs(sample).max():
        return "no spread", "all seeds gave the same value: their spread, and so the certainty, is unknown"
    return None
