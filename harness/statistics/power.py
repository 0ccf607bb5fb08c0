"""What a test could have seen, and how many seeds it would need: for each `Test`.

`n` is seeds per group throughout; `sd`, and `reach` where there is a guard, are the numbers of these names that an
`Outcome` carries, reckoned from the sample at hand, so the answer is as rough as they are. By test:

  sign-flip, label permutation, swapped spreads    as the t test whose power they approach, under normal values
  t, Welch                        the noncentral t distribution
  guarded t, guarded Welch        the bound with one seed more, under normal values
  ordering                        as t; sd is that of the correlations, at least what chance gives them
  Pitman-Morgan                   as t, of the log ratio
  censored ranks                  Noether (1987), nothing censored and no ties; sd is not used
  Spearman                        Fisher's z as the test takes it; sd is not used
  paired shares, unpaired shares  exact up to 40 seeds, then normal; sd says how often pairs differ, or how
                                  far the shares, the rarer way round, lie from 0
  failure rate                    exact; sd says which bar it was put against
"""

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from harness.statistics.exact import Groups, Pairs, rejected
from harness.statistics.guard import FEWEST_STUDENTISED
from harness.statistics.outcome import Kind, Test
from harness.statistics.trends import FEWEST_RANKED

MOST_SEEDS = 10_000
MOST_EXACT = 40  # seeds for which tables of shares are enumerated
PAIRED: tuple[Test, ...] = ("sign-flip", "t", "guarded t", "swapped spreads", "ordering", "Pitman-Morgan")
BOUNDED: dict[Test, float] = {"censored ranks": 0.5, "ordering": 1.0, "Spearman": 1.0}
FEWEST: dict[Test, int] = {
    "sign-flip": 6,  # 2^(1-5) > 0.05
    "swapped spreads": 6,
    "ordering": 6,
    "paired shares": 6,
    "label permutation": 4,  # 2 / comb(6, 3) > 0.05
    "censored ranks": 4,
    "unpaired shares": 3,  # 2 / 2^4 > 0.05
    "Pitman-Morgan": 3,
    "Spearman": FEWEST_RANKED,
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
    the smallest margin within which it places a true 0. In the unit of the test's effect.

    None where no effect would do: too few seeds for the test ever to reject, an sd that is unknown, or an effect
    larger than can be, such as P > 1.
    """
    if not 0 < alpha < power < 1:
        raise ValueError(f"expected 0 < alpha < power < 1, got {alpha} and {power}")
    if n < FEWEST.get(test, 2):
        return None
    if test in ("censored ranks", "Spearman"):
        by_rank = _noether if test == "censored ranks" else _fisher
        effect = by_rank(n, power, alpha, kind)
    elif not (np.isfinite(sd) and sd >= 0):
        return None
    elif test in ("paired shares", "unpaired shares", "failure rate"):
        found = {"paired shares": _of_pairs, "unpaired shares": _of_groups, "failure rate": _of_rate}[test]
        return _smallest(lambda size: found(size, sd, n, alpha, kind) >= power)
    elif test in ("guarded t", "guarded Welch"):
        return _guarded(sd, n, test, power, alpha, reach, kind)
    else:
        freedom, error = (n - 1, sd / np.sqrt(n)) if test in PAIRED else (2 * n - 2, sd * np.sqrt(2 / n))
        effect = float(error * _noncentrality(freedom, _one_side(power, kind), alpha))
    return effect if effect <= BOUNDED.get(test, np.inf) else None


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


def _fisher(n: int, power: float, alpha: float, kind: Kind) -> float:
    """The rho whose z is as many standard errors from 0: those of 0 where nothing correlates, else rho's own."""
    z = (stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(_one_side(power, kind))) / np.sqrt(n - 3)
    rho = 0.0
    for _ in range(50):  # converges: the error grows far more slowly than z
        rho = float(np.tanh(z * np.sqrt(1 + rho**2 / 2)))
    return rho if kind == "greater" else float(np.tanh(z))


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


def _of_pairs(size: float, sd: float, n: int, alpha: float, kind: Kind) -> float:
    """Power of paired shares. The share of pairs that differ is sd^2 + effect^2, at least the effect."""
    truth, against = (size, 0.0) if kind == "greater" else (0.0, -size)
    differ = float(np.clip(sd**2 + truth**2, abs(truth), 1))
    if n > MOST_EXACT:
        under_null = max(differ, abs(against)) - against**2
        return _normal(truth - against, under_null / n, (differ - truth**2) / n, alpha, kind)
    return _exact(Pairs(n), truth, differ, against, alpha, kind)


def _of_groups(size: float, sd: float, n: int, alpha: float, kind: Kind) -> float:
    """Power of unpaired shares. Their mean is the smaller one whose sd is `sd`; a share can't fall below 0."""
    truth, against = (size, 0.0) if kind == "greater" else (0.0, -size)
    mean = _share_of(sd)
    first, second = _around(mean, truth)
    if n > MOST_EXACT:
        pooled = np.array([(first + second) / 2] * 2 if kind == "greater" else _around(mean, against))
        under_null, there = (float((p * (1 - p)).sum()) / n for p in (pooled, np.array([first, second])))
        return _normal(truth - against, under_null, there, alpha, kind)
    return _exact(Groups(n, n), truth, second, against, alpha, kind)


def _of_rate(size: float, sd: float, n: int, alpha: float, kind: Kind) -> float:
    """Power of "failures are rarer than the bar", where sd^2 = bar (1 - bar)."""
    bar = _share_of(sd)
    truth, against = (bar - size, bar) if kind == "greater" else (bar, bar + size)
    counts = np.arange(n + 1)
    found = stats.binom.cdf(counts, n, min(1.0, against)) <= alpha / 2
    if kind == "equivalent":
        found &= stats.binom.sf(counts - 1, n, max(0.0, bar - size)) <= alpha / 2
    return float(stats.binom.pmf(counts, n, max(0.0, truth))[found].sum())


def _exact(design: Pairs | Groups, truth: float, left_open: float, against: float, alpha: float, kind: Kind) -> float:
    found = rejected(design, against, alpha)
    if kind == "equivalent":
        found &= rejected(design, -against, alpha, side=-1)
    return float(design.chances(truth, np.array([left_open]))[0][found].sum())


def _normal(distance: float, under_null: float, there: float, alpha: float, kind: Kind) -> float:
    """Power of a score test at `distance` from what is tested, from its variance there and at the truth."""
    passed = distance - stats.norm.ppf(1 - alpha / 2) * np.sqrt(max(0.0, under_null))
    power = float(stats.norm.cdf(passed / np.sqrt(max(there, 1e-12))))
    return max(0.0, 2 * power - 1) if kind == "equivalent" else power


def _share_of(sd: float) -> float:
    """The share up to 1/2 of which the standard deviation is sd."""
    return float((1 - np.sqrt(max(0.0, 1 - 4 * sd**2))) / 2)


def _around(mean: float, difference: float) -> tuple[float, float]:
    """Two shares that differ by `difference`, their mean `mean` or as near as they can."""
    low = float(np.clip(mean - abs(difference) / 2, 0, 1 - abs(difference)))
    return (low + difference, low) if difference > 0 else (low, low - difference)


def _smallest(enough: Callable[[float], bool]) -> float | None:
    """The smallest size in (0, 1) that is enough, to 1e-4, from above; None where none is."""
    low, high = 0.0, 1.0 - 1e-6
    if not enough(high):
        return None
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _first(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """Smallest n in low..high for which `enough` holds, given that it holds for all larger ones."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
