"""What a test could see, what it could never show, and how many seeds would decide: for each test that a verdict rests
on.

`n` is seeds per group. `sd`, and `reach` where there is a guard, are an `Outcome`'s, estimated from the sample at hand:
so the answer is as rough as they are. By test:

  sign-flip, swapped spreads  as the t test whose power they approach, under normal values; of spreads the estimate must
                              also lie above their `floor` (`reach`: the width of their span near one of its ends)
  guarded t                   the bound with one seed more, under normal values
  censored ranks              Noether (1987), nothing censored and no ties; sd is not used
  paired shares               exact up to 40 seeds, then normal; sd says how often pairs differ
"""

from collections.abc import Callable
from functools import lru_cache
from math import inf, isfinite

import numpy as np
from scipy import special

from harness.statistics.guard import FEWEST_STUDENTISED
from harness.statistics.inference import TAIL, Kind, Outcome, Test
from harness.statistics.paired import FEWEST_FLIPPED
from harness.statistics.shares import LARGEST, Pairs

POWER = 0.9
MOST_SEEDS = 10_000
MOST_EXACT = 40  # seeds for which tables of shares are enumerated
FEWEST: dict[Test, int] = {
    "sign-flip": FEWEST_FLIPPED,
    "swapped spreads": FEWEST_FLIPPED,
    "paired shares": FEWEST_FLIPPED,
    "censored ranks": 4,  # 2 / comb(6, 3) > 0.05
    "guarded t": FEWEST_STUDENTISED,
}
"""Seeds per group under which a test can't reject, or is refused."""


def _z(share: float) -> float:
    return float(special.ndtri(share))


_CRITICAL = _z(1 - TAIL)


def asked(kind: Kind, min_effect: float) -> float:
    """What seeds must be able to show: a true effect of twice `min_effect`, since one of `min_effect` itself falls
    short every other time, however many the seeds; of "equivalent" and "non-inferior" a true 0 within that margin."""
    return 2 * min_effect if kind == "greater" else min_effect


def guard_floor(reach: float, n: int) -> float:
    """The smallest effect, or margin, that the guarded t test of n seeds can show where nothing varies.

    One seed more at distance `reach` moves the mean of equal values by reach / (n+1), and the standard error becomes as
    much: reach (1 + t) / (n+1), with Student's t of n degrees of freedom at 97.5 %.
    """
    return float(reach * (1 + special.stdtrit(n, 1 - TAIL)) / (n + 1))


def floor(test: Test, kind: Kind, n: int, reach: float = 0.0) -> float:
    """The smallest effect that `test` of n seeds can ever support, however little varies; infinite where it judges
    nothing. For "equivalent" and "non-inferior": the smallest margin around a true 0. In the unit of the effect.

    Spreads may have one: near an end of their span of width `reach`, chains of the narrower condition may fail too
    rarely to have been seen, and a spread grows by as much as their share. Where that would make up the difference, no
    verdict rests on it (see `calibrated.exposure_of_spreads`). Ranks and the sign-flip have none: to them, seeds that
    all go one way are evidence.
    """
    if n < FEWEST[test] or (test == "paired shares" and n > LARGEST):
        return inf
    if test == "guarded t":
        return guard_floor(reach, n)
    if test == "swapped spreads":
        return reach * rarest_seen(n)
    return _floor_of_shares(kind, n) if test == "paired shares" else 0.0


def rarest_seen(n: int) -> float:
    """The highest rate of failures that n seeds of which none failed do not exclude (Clopper-Pearson, 97.5 %)."""
    return float(1 - TAIL ** (1 / n))


def seeds_for(test: Test, kind: Kind, min_effect: float, reach: float = 0.0, sd: float = 0.0) -> int | None:
    """Fewest seeds per group whose `floor` is no higher than what is `asked` of them, and which find that 9 times in
    10. None where no number of seeds would do.

    sd: that of the effect over seeds, as far as it is known before; 0 asks for the floor alone.
    """
    wanted = asked(kind, min_effect)
    most = LARGEST if test == "paired shares" else MOST_SEEDS
    certain = _fewest(lambda n: floor(test, kind, n, reach) <= wanted, FEWEST[test], most)
    if not sd > 0:
        return certain
    powerful = seeds_needed(sd, wanted, test, reach, kind)
    return None if certain is None or powerful is None else max(certain, powerful)


def detectable(outcome: Outcome, kind: Kind, min_effect: float) -> float | None:
    """The smallest true effect that is supported 9 times in 10; None where none would be.

    Where a difference is claimed the estimate itself must reach `min_effect`, besides what the test asks for.
    """
    n = min(outcome.n)
    seen = detectable_effect(outcome.sd, n, _as_test(outcome), outcome.reach, kind)
    if seen is None or kind != "greater":
        return seen
    of_ranks: float = (6 * n) ** -0.5  # Noether (1987); ranks have no sd
    error: float = of_ranks if outcome.test == "censored ranks" else outcome.sd * (len(outcome.n) / n) ** 0.5
    return max(seen, min_effect + 1.2816 * error)  # a normal estimate falls short by so much once in ten times


def seeds_to_decide(outcome: Outcome, kind: Kind, min_effect: float) -> int | None:
    """Seeds per group that decide 9 times in 10: a true effect of 0 where no difference is claimed.

    Where one is claimed, what is `asked`, and a true effect of 0 where that can be told. None where no number would do:
    too many, or refused for another reason than too few.
    """
    if outcome.refusal not in ("", "few seeds"):
        return None
    needed = [seeds_needed(outcome.sd, asked(kind, min_effect), _as_test(outcome), outcome.reach, kind)]
    if kind == "greater" and (outcome.guarded is None or isfinite(outcome.guarded[0])):
        test: Test = "guarded t" if outcome.guarded and outcome.test == "sign-flip" else outcome.test
        needed.append(seeds_needed(outcome.sd, min_effect, test, outcome.reach, "equivalent"))
    known = [count for count in needed if count is not None]
    return max(known) if len(known) == len(needed) else None


def detectable_effect(sd: float, n: int, test: Test, reach: float = 0.0, kind: Kind = "greater") -> float | None:
    """Smallest true effect that `test` finds 9 times in 10; for "equivalent" and "non-inferior" the smallest margin
    within which it places a true 0. In the unit of the test's effect.

    None where no effect would do: too few seeds for the test ever to reject, an sd that is unknown, or an effect larger
    than can be, such as P > 1.
    """
    if n < FEWEST[test]:
        return None
    if test == "censored ranks":
        effect = float((_CRITICAL + _z(_one_side(kind))) / np.sqrt(6 * n))  # at c = 1/2, N = 2n
        return effect if effect <= 0.5 else None
    if not (np.isfinite(sd) and sd >= 0):
        return None
    if test == "paired shares":
        return _smallest(lambda size: _of_pairs(size, sd, n, kind) >= POWER)
    if test == "guarded t":
        return _guarded(sd, n, reach, kind)
    critical, error = special.stdtrit(n - 1, 1 - TAIL), sd / np.sqrt(n)
    seen = float(error * float(special.nctdtrinc(n - 1, 1 - _one_side(kind), critical)))
    return max(seen, reach * rarest_seen(n) + _z(POWER) * error) if test == "swapped spreads" and reach else seen


def seeds_needed(sd: float, effect: float, test: Test, reach: float = 0.0, kind: Kind = "greater") -> int | None:
    """Fewest seeds per group with which `test` finds `effect` (or, by kind, keeps within the margin `effect`) 9 times
    in 10. None over 10,000 seeds, or where effect is not positive or sd unknown."""

    def enough(n: int) -> bool:
        seen = detectable_effect(sd, n, test, reach, kind)
        return seen is not None and seen <= effect

    return _fewest(enough, FEWEST[test], MOST_SEEDS) if effect > 0 else None


def _as_test(outcome: Outcome) -> Test:
    """The test by which its power is computed. Seeds that all agree have no spread to compute a sign-flip's from: it
    would see everything. What the guard allows for is what it could have missed."""
    unseen = outcome.test == "sign-flip" and not outcome.sd > 0 and outcome.guarded is not None
    return "guarded t" if unseen else outcome.test


def _one_side(kind: Kind) -> float:
    """An equivalence must hold on both sides: each may miss half of what may be missed."""
    return (1 + POWER) / 2 if kind == "equivalent" else POWER


def _guarded(sd: float, n: int, reach: float, kind: Kind) -> float:
    """The bound with one seed more at distance r: it shifts the mean by r / (n+1) and widens the variance to
    ((n-1) sd^2 + r^2 n / (n+1)) / n. r is `reach`, at least the furthest deviation expected of n normal values."""
    furthest = sd * 1.1 * _z(1 - 0.5 / n)  # mean of the maximum, to a few %
    r = max(reach, furthest)
    with_one_more = ((n - 1) * sd**2 + r**2 * n / (n + 1)) / n / (n + 1)
    bound = special.stdtrit(n, 1 - TAIL) * np.sqrt(with_one_more)
    return float(r / (n + 1) + bound + _z(_one_side(kind)) * sd / np.sqrt(n))


def _of_pairs(size: float, sd: float, n: int, kind: Kind) -> float:
    """Power of paired shares. The share of pairs that differ is sd^2 + effect^2, at least the effect."""
    truth, against = (size, 0.0) if kind == "greater" else (0.0, -size)
    differ = float(np.clip(sd**2 + truth**2, abs(truth), 1))
    if n > MOST_EXACT:  # a score test, from its variance at what is tested and at the truth
        under_null, there = (max(differ, abs(against)) - against**2) / n, (differ - truth**2) / n
        shown = truth - against - _CRITICAL * np.sqrt(max(0.0, under_null))
        chance = float(special.ndtr(shown / np.sqrt(max(there, 1e-12))))
        return max(0.0, 2 * chance - 1) if kind == "equivalent" else chance
    pairs = Pairs(n)
    found = pairs.rejected(against)
    if kind == "equivalent":
        found &= pairs.rejected(-against, side=-1)
    return float(pairs.chances(truth, np.array([differ]))[0][found].sum())


@lru_cache
def _floor_of_shares(kind: Kind, n: int) -> float:
    """Of a difference: the smallest share of pairs that shows it, all of them going one way. Else how far the bounds
    reach where no pair differs."""
    pairs = Pairs(n)
    if kind != "greater":
        return -pairs.lower_bound(pairs.index(0, 0))
    shown = pairs.rejected(0.0)
    return min(x for x in range(1, n + 1) if shown[pairs.index(x, 0)]) / n


def _fewest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """Fewest seeds from `low` to `high` that are enough; None where `high` are not."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _smallest(enough: Callable[[float], bool]) -> float | None:
    """Smallest size under 1 for which `enough` holds, to 0.0001, from above."""
    low, high = 0.0, 1.0 - 1e-6
    if not enough(high):
        return None
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
