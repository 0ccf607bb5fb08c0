"""What the test behind an outcome could have seen, and what would decide it, reckoned from the sample at hand."""

from math import isfinite

from harness.statistics.outcome import Kind, Outcome, Test
from harness.statistics.power import FEWEST, detectable_effect, seeds_needed


def detectable(outcome: Outcome, kind: Kind, smallest: float) -> float | None:
    """The smallest true effect that is supported 9 times in 10: where a difference is claimed the estimate itself must
    reach `smallest`, besides what the test asks for. Planted effects hold it to that (tests/test_planted.py)."""
    seen = detectable_effect(outcome.sd, min(outcome.n), _reckoned_by(outcome), reach=outcome.reach, kind=kind)
    if seen is None or kind != "greater":
        return seen
    n = min(outcome.n)
    of_ranks: float = (6 * n) ** -0.5  # Noether (1987), as power reckons them; they have no sd
    error: float = of_ranks if outcome.test == "censored ranks" else outcome.sd * (len(outcome.n) / n) ** 0.5
    return max(seen, smallest + _NINE_IN_TEN * error)


_NINE_IN_TEN = 1.2816
"""Standard errors by which a normal estimate falls short of its mean once in ten times."""


def seeds_to_decide(outcome: Outcome, kind: Kind, smallest: float) -> int | None:
    """Seeds per group that decide 9 times in 10: a true effect of 0 where none is claimed.

    Where a difference is claimed, a true effect of twice `smallest`, and one of 0 where that can be told: one of
    `smallest` itself falls short of it every other time, however many the seeds. None where no number would do: too
    many, or refused for another reason than too few.
    """
    if outcome.refused and min(outcome.n) >= FEWEST.get(outcome.test, 2):
        return None
    effect = 2 * smallest if kind == "greater" else smallest
    needed = [seeds_needed(outcome.sd, effect, _reckoned_by(outcome), reach=outcome.reach, kind=kind)]
    if kind == "greater" and (outcome.guarded is None or isfinite(outcome.guarded[0])):
        test: Test = "guarded t" if outcome.guarded and outcome.test == "sign-flip" else outcome.test
        needed.append(seeds_needed(outcome.sd, smallest, test, reach=outcome.reach, kind="equivalent"))
    known = [count for count in needed if count is not None]
    return max(known) if len(known) == len(needed) else None


def _reckoned_by(outcome: Outcome) -> Test:
    """The test as which its power is reckoned. Seeds that all agree have no spread to reckon a sign-flip's from: it
    would see everything. What the guard allows for is what it could have missed."""
    unseen = outcome.test == "sign-flip" and not outcome.sd > 0 and outcome.guarded is not None
    return "guarded t" if unseen else outcome.test
