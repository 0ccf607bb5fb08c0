"""What a test could have seen, and how many seeds it would need: for each `Test`, under normal values.

`n` is seeds per group throughout, `sd` the standard deviation over seeds that an `Outcome` carries, `reach`
the one it carries too. Both are reckoned from the sample at hand, so they are as rough as its sd.
"""

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from harness.statistics.guard import FEWEST_STUDENTISED
from harness.statistics.outcome import Kind, Test

MOST_SEEDS = 10_000
PAIRED: tuple[Test, ...] = ("sign-flip", "t", "guarded t", "swapped spreads")
FEWEST: dict[Test, int] = {
    "sign-flip": 6,  # 2^(1-5) > 0.05
    "swapped spreads": 6,
    "label permutation": 4,  # 2 / comb(6, 3) > 0.05
    "censored ranks": 4,
    "guarded t": FEWEST_STUDENTISED,
    "guarded Welch": FEWEST_STUDENTISED,
}


def detectable_effect(
    sd: float,
    n: int,
    test: Test = "sign-flip",
    power: float = 0.9,
    alpha: float = 0.05,
    reach: float = 0.0,
    kind: Kind = "greater",
) -> float | None:
    """Smallest true effect that `test` finds with probability `power`; for "equivalent" and "non-inferior"
    the smallest margin within which it places a true 0. In the unit of sd; for ranks in P - 1/2, where sd is
    not used.

    Permutation tests are reckoned as the t test whose power they approach. None where no effect would do: too
    few seeds for the test ever to reject, an sd that is unknown, or ranks that would need P > 1.
    """
    if not 0 < alpha < power < 1:
        raise ValueError(f"expected 0 < alpha < power < 1, got {alpha} and {power}")
    if n < FEWEST.get(test, 2):
        return None
    if test == "censored ranks":
        effect = _noether(n, power, alpha, kind)
        return effect if effect <= 0.5 else None
    if not (np.isfinite(sd) and sd >= 0):
        return None
    if test in ("guarded t", "guarded Welch"):
        return _guarded(sd, n, test, power, alpha, reach, kind)
    freedom, error = (n - 1, sd / np.sqrt(n)) if test in PAIRED else (2 * n - 2, sd * np.sqrt(2 / n))
    return float(error * _noncentrality(freedom, _one_side(power, kind), alpha))


def seeds_needed(
    sd: float,
    effect: float,
    test: Test = "sign-flip",
    power: float = 0.9,
    alpha: float = 0.05,
    reach: float = 0.0,
    kind: Kind = "greater",
) -> int | None:
    """Fewest seeds per group with which `test` finds `effect` (or, by kind, keeps within the margin `effect`)
    with probability `power`. None over 10,000 seeds, or where effect is not positive or sd unknown."""
    if not effect > 0:
        return None

    def enough(n: int) -> bool:
        seen = detectable_effect(sd, n, test, power, alpha, reach, kind)
        return seen is not None and seen <= effect

    return _first(enough, FEWEST.get(test, 2), MOST_SEEDS)


def _one_side(power: float, kind: Kind) -> float:
    """An equivalence must hold on both sides: each may miss half of what may be missed."""
    return (1 + power) / 2 if kind == "equivalent" else power


def _noncentrality(freedom: int, power: float, alpha: float) -> float:
    """Noncentrality at which a t statistic passes its one-sided alpha / 2 point with probability `power`."""
    critical = stats.t.ppf(1 - alpha / 2, freedom)
    return float(special.nctdtrinc(freedom, 1 - power, critical))


def _noether(n: int, power: float, alpha: float, kind: Kind) -> float:
    """Noether (1987) for two groups of n: (z_alpha + z_power)^2 = 12 c (1 - c) N effect^2 at c = 1/2, N =
    2n."""
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(_one_side(power, kind))
    return float(z / np.sqrt(6 * n))


def _guarded(sd: float, n: int, test: Test, power: float, alpha: float, reach: float, kind: Kind) -> float:
    """The bound with one seed more at distance r: it shifts the mean by r / (n+1) and widens the variance of
    that group to ((n-1) sd^2 + r^2 n / (n+1)) / n. r is `reach`, at least the furthest deviation expected of
    n normal values."""
    furthest = sd * 1.1 * float(stats.norm.ppf(1 - 0.5 / n))  # mean of the maximum, to a few %
    r = max(reach, furthest)
    with_one_more = ((n - 1) * sd**2 + r**2 * n / (n + 1)) / n / (n + 1)
    other, freedom = (0.0, n) if test == "guarded t" else (sd**2 / n, 2 * n - 1)
    bound = stats.t.ppf(1 - alpha / 2, freedom) * np.sqrt(with_one_more + other)
    spread = np.sqrt(sd**2 / n + other)  # of the estimate itself
    return float(r / (n + 1) + bound + stats.norm.ppf(_one_side(power, kind)) * spread)


def _first(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """Smallest n in low..high for which `enough` holds, given that it holds for all larger ones."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
