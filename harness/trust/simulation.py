"""Simulated samples whose truth is known, and how often each test decides what on them.

The tests are those of `harness.statistics`, on many samples at once. Where a verdict's test draws 20,000 relabellings,
so many that the draw does not matter, 399 (or 119 swaps) are drawn here, anew for every hundred samples: such a test is
as valid, its level exactly 10 / 400 (3 / 120) a side, and a little less powerful.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.judging.calibrated import exposure, exposure_of_spreads
from harness.statistics import Censored
from harness.statistics.guard import FEWEST_STUDENTISED, guarded_bounds, reaches, t_test
from harness.statistics.inference import TAIL
from harness.statistics.intervals import bca
from harness.statistics.paired import FEWEST_FLIPPED, sign_flip_tails
from harness.statistics.ranks import guarded_rank_bounds, rank_bounds
from harness.statistics.shares import Pairs
from harness.statistics.spreads import swapped_bounds
from harness.streams import stream
from harness.trust.sample_shapes import (
    ALIKE,
    LAST_LEVEL,
    ONE_FAILS,
    RATES,
    SHAPES,
    UNEQUAL,
    FloatArray,
    Shape,
    Size,
    at_the_edge,
    levels,
    sample,
    spreading,
)

SEEDS = (5, 6, 8, 10, 15, 20, 40, 80)
DRAWN_TOGETHER, TESTED_TOGETHER = 5_000, 100
"""Samples."""
WEIGHTS: dict[int, tuple[float, ...]] = {1: (1,), 2: (1, -1), 3: (2, -1, -1), 4: (1, -1, -1, 1)}
"""Of contrasts by their number of conditions: 3 is mask part - weights part, 4 a difference of two differences."""
TASKS = (2, 3)
"""Over how many tasks the contrast of three conditions is averaged as well: six and nine conditions in all."""
EFFECTS = (0.1, 0.3)
"""In normalised return, whose standard deviation over seeds is 0.1 in most shapes."""
MARGIN = 0.2
"""Of "equivalent" and "non-inferior", but where failures alone make up the margin."""
LATER = 1.0
"""Levels by which the first group holds out longer, for the power of ranks."""
WIDER = 2.0
"""Times which the first condition spreads wider."""
RANK_MARGIN = 0.25
"""Of equivalence, in P(holds out longer) - 1/2."""
SUBSETS, RELABELLINGS, SWAPS, RESAMPLES = 1_999, 399, 119, 500
POWER_SHAPES = tuple(ALIKE[i] for i in (0, 1, 2, 5))
SPAN = (0.0, 1.0)

BoolArray = npt.NDArray[np.bool_]
Bounds = tuple[FloatArray, FloatArray]
Quantity = Literal["false alarms", "power", "coverage"]
Decided = tuple[str, str, int, Quantity, float, BoolArray]
"""test, kind, conditions, quantity, effect, and for each replicate whether it happened."""
Key = tuple[str, str, int, str, int, Quantity, float]
"""test, kind, conditions, shape, n, quantity, effect: of one entry."""


@dataclass(frozen=True)
class Part:
    """What is simulated in one go: all tests of one family on one shape and number of seeds."""

    family: str
    shape: str
    n: int


def plan(seeds: Sequence[int] = SEEDS, shapes: Sequence[Shape] = tuple(SHAPES.values())) -> list[Part]:
    """All that a calibration simulates, the longest first."""
    return [
        Part(family, shape.name, n)
        for n in sorted(seeds, reverse=True)
        for family, (_, having) in FAMILIES.items()
        for shape in shapes
        if shape in having
    ]


def simulate(part: Part, replicates: int) -> Counter[Key]:
    """How often everything happened. The same part and number of replicates give the same counts."""
    counts: Counter[Key] = Counter()
    family, shape = FAMILIES[part.family][0], SHAPES[part.shape]
    key = (list(FAMILIES).index(part.family), list(SHAPES).index(part.shape), part.n)
    for chunk, start in enumerate(range(0, replicates, DRAWN_TOGETHER)):
        size = (min(DRAWN_TOGETHER, replicates - start), part.n)
        rng = stream(chunk, "calibration", *key)
        for test, kind, conditions, quantity, effect, happened in family(shape, size, rng):
            counts[test, kind, conditions, part.shape, part.n, quantity, round(effect, 4)] += int(happened.sum())
    return counts


# The families of tests


def _contrast(each: int, shape: Shape, size: Size, rng: np.random.Generator, tasks: int = 1) -> Iterator[Decided]:
    """Contrasts over shared seeds of `each` conditions, or their mean over tasks: chains fail in every task alike."""
    one, conditions = WEIGHTS[each], each * tasks
    weights = tuple(weight / tasks for weight in one) * tasks
    for effect in (0.0, *(EFFECTS if shape in POWER_SHAPES else ())):
        values = np.concatenate([sample(shape, one, effect, rng, size) for _ in range(tasks)])
        contrast, reach = combined(values, weights)
        guarded = guarded_bounds(contrast, *reach)
        greater = {"guarded t": guarded}
        if conditions == 2 and not effect:
            greater["t"] = _t(contrast)
        if conditions == 3 and not effect:
            greater["sign-flip on a contrast"] = sign_flip(contrast, rng)
        if conditions == 2:
            flipped = sign_flip(contrast, rng)
            greater |= {"sign-flip": flipped, "judge": judged(values, contrast, flipped, guarded)}
        for test, bounds in greater.items():
            yield from _greater(test, conditions, effect, bounds)
        if effect and conditions == 2:
            shifted = sign_flip(contrast - effect, rng)  # its bounds move with the values
            yield "sign-flip", "greater", conditions, "coverage", effect, ~_outside(shifted, 0.0)
        if not effect and shape in POWER_SHAPES:
            yield from _within("guarded t", conditions, MARGIN, guarded, "power")
    edges, (margin, *_) = zip(*(at_the_edge(shape, one, MARGIN, rng, size) for _ in range(tasks)), strict=True)
    contrast, reach = combined(np.concatenate(edges), weights)
    yield from _within("guarded t", conditions, margin, guarded_bounds(contrast, *reach), "false alarms", -margin)
    if conditions == 2:
        yield next(_within("unguarded t", 2, margin, _t(contrast), "false alarms", -margin))


def _ranks(shape: Shape, size: Size, rng: np.random.Generator) -> Iterator[Decided]:
    """Censored levels of two groups."""

    def ranks(a: FloatArray, b: FloatArray) -> Bounds:
        return rank_bounds(broken(a), broken(b), RELABELLINGS, rng)[:2]

    def guarded(a: FloatArray, b: FloatArray) -> Bounds:
        return guarded_rank_bounds(broken(a), broken(b))

    a, b = levels(shape, rng, size)
    yield from _greater("censored ranks", 2, 0.0, _in_parts(ranks, a, b))
    if shape in POWER_SHAPES:
        yield from _within("censored ranks", 2, RANK_MARGIN, _in_parts(guarded, a, b), "power")
    if shape in ALIKE:
        truth = rank_effect(shape)
        a, b = levels(shape, rng, size, LATER)
        yield from _within("censored ranks", 2, truth, _in_parts(guarded, a, b), "false alarms", truth)
        if shape in POWER_SHAPES:
            yield from _greater("censored ranks", 2, truth, _in_parts(ranks, a, b))


def _spreads(shape: Shape, size: Size, rng: np.random.Generator) -> Iterator[Decided]:
    """Distances from the median of two conditions over shared seeds."""

    def spreads(a: FloatArray, b: FloatArray) -> Bounds:
        low, high, _ = swapped_bounds(a, b, SWAPS, rng)
        few = a.shape[1] < FEWEST_FLIPPED
        return np.where(few, -np.inf, low), np.where(few, np.inf, high)

    a, b = spreading(shape, rng, size)
    bounds = _in_parts(spreads, a, b)
    yield from _greater("swapped spreads", 2, 0.0, bounds)
    hidden = exposure_of_spreads(a, b, SPAN).hidden
    left = np.where(hidden, -np.inf, bounds[0]), np.where(hidden, np.inf, bounds[1])
    yield from _greater("judge of spreads", 2, 0.0, left)
    truth = (WIDER - 1) * shape.distance
    if shape in POWER_SHAPES:
        yield from _within("swapped spreads", 2, truth, bounds, "power")
    if shape in ALIKE:
        bounds = _in_parts(spreads, *spreading(shape, rng, size, wider=WIDER))
        yield from _within("swapped spreads", 2, truth, bounds, "false alarms", truth)
        if shape in POWER_SHAPES:
            yield from _greater("swapped spreads", 2, truth, bounds)


def _shares(shape: Shape, size: Size, rng: np.random.Generator) -> Iterator[Decided]:
    """Shares of seeds that did not fail, of two conditions over shared seeds: both fail at the shape's rate, then the
    first more often by the margin, and then the second by effects."""
    pairs = Pairs(size[1])
    x, y = (side.astype(int) for side in pairs.tables)
    place = np.zeros((size[1] + 1, size[1] + 1), dtype=int)
    place[x, y] = np.arange(x.size)

    def drawn(more: float = 0.0) -> npt.NDArray[np.int64]:
        first, second = shape.failures + max(0.0, -more), shape.failures + max(0.0, more)
        one, other = rng.random(size) >= first, rng.random(size) >= second
        return np.asarray(place[(one & ~other).sum(axis=1), (other & ~one).sum(axis=1)])

    def decided(tables: npt.NDArray[np.int64], margin: float = 0.0) -> Bounds:
        above, below = pairs.rejected(-margin)[tables], pairs.rejected(margin, side=-1)[tables]
        return np.where(above, np.inf, -np.inf), np.where(below, -np.inf, np.inf)

    yield from _greater("paired shares", 2, 0.0, decided(drawn()))
    for effect in EFFECTS:
        yield "paired shares", "greater", 2, "power", effect, decided(drawn(effect))[0] > 0
    yield from _within("paired shares", 2, MARGIN, decided(drawn(-MARGIN), MARGIN), "false alarms", -MARGIN)
    yield from _within("paired shares", 2, MARGIN, decided(drawn(), MARGIN), "power")


def _displayed(shape: Shape, size: Size, rng: np.random.Generator) -> Iterator[Decided]:
    """Intervals of the mean over seeds of one condition, as charts draw them; and why no verdict rests on such."""

    def percentile(values: FloatArray) -> Bounds:
        n = values.shape[1]
        means = values @ (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).T / n)
        low, high = np.quantile(means, (TAIL, 1 - TAIL), axis=1)
        return low, high

    values = shape.draw(rng, 1, size)[0]
    drawn = _in_parts(lambda part: bca(part, resamples=RESAMPLES), values)
    yield "BCa", "", 1, "coverage", 0.0, ~_outside(drawn, shape.mean)
    yield "percentile bootstrap", "", 1, "coverage", 0.0, ~_outside(_in_parts(percentile, values), shape.mean)
    differences = np.subtract(*shape.draw(rng, 2, size))
    alarm = _outside(_in_parts(percentile, differences), 0.0)
    yield "percentile bootstrap", "greater", 2, "false alarms", 0.0, alarm


def _greater(test: str, conditions: int, truth: float, bounds: Bounds) -> Iterator[Decided]:
    if not truth:
        yield test, "greater", conditions, "false alarms", 0.0, _outside(bounds, 0.0)
        return
    yield test, "greater", conditions, "power", truth, bounds[0] > 0
    if test not in ("sign-flip", "judge"):  # whose bounds are not worked out
        yield test, "greater", conditions, "coverage", truth, ~_outside(bounds, truth)


def _within(
    test: str, conditions: int, margin: float, bounds: Bounds, quantity: Quantity, truth: float = 0.0
) -> Iterator[Decided]:
    effect = margin if quantity == "power" else truth
    not_worse, not_better = bounds[0] > -margin, bounds[1] < margin
    yield test, "equivalent", conditions, quantity, effect, not_worse & not_better
    if test not in ("censored ranks", "swapped spreads"):  # which no claim asks for non-inferiority
        yield test, "non-inferior", conditions, quantity, effect, not_worse


def _outside(bounds: Bounds, truth: float) -> BoolArray:
    return np.asarray((bounds[0] > truth) | (bounds[1] < truth))


def _in_parts(bounds: Callable[..., Bounds], *groups: FloatArray) -> Bounds:
    """bounds(*groups), a hundred samples at a time: their relabellings are drawn anew, and fit into the cache."""
    starts = range(0, len(groups[0]), TESTED_TOGETHER)
    parts = [bounds(*(group[start : start + TESTED_TOGETHER] for group in groups)) for start in starts]
    low, high = (np.concatenate(side) for side in zip(*parts, strict=True))
    return low, high


def sign_flip(differences: FloatArray, rng: np.random.Generator) -> Bounds:
    """Whether the sign-flip puts its lower bound above 0, and its upper one below: bounds of plus or minus infinity,
    for the decision alone is worked out. differences: float[replicates, seeds]."""

    def decide(part: FloatArray) -> Bounds:
        above, below = sign_flip_tails(part, SUBSETS, rng)
        return np.where(above <= TAIL, np.inf, -np.inf), np.where(below <= TAIL, -np.inf, np.inf)

    return _in_parts(decide, differences)


def _t(values: FloatArray) -> Bounds:
    """Student's bounds; infinite where all seeds gave the same."""
    test = t_test(values)
    varies = test.error > 1e-12
    return np.where(varies, test.lower, -np.inf), np.where(varies, test.upper, np.inf)


def combined(values: FloatArray, weights: Sequence[float]) -> tuple[FloatArray, Bounds]:
    """The contrast of float[conditions, replicates, seeds], and how far one failing chain moves it down and up, as
    `contrast_test` has them. One condition stands beside a number."""
    contrast = np.einsum("c,crn->rn", weights if len(weights) > 1 else (1, -1), values)
    return contrast, reaches(values[: len(weights)], np.asarray(weights), SPAN)


def judged(values: FloatArray, contrast: FloatArray, flipped: Bounds, guarded: Bounds) -> Bounds:
    """What `calibrated.checked` makes of a pair's sign-flip: where the data may hide failures the guarded bounds, from
    15 seeds on, else none."""
    seen = exposure(values, WEIGHTS[2], contrast.mean(axis=1), SPAN)
    hidden = seen.hidden & (seen.rate >= RATES[0])
    enough = contrast.shape[1] >= FEWEST_STUDENTISED
    low, high = guarded if enough else (np.full(len(contrast), -np.inf), np.full(len(contrast), np.inf))
    return np.where(hidden, low, flipped[0]), np.where(hidden, high, flipped[1])


def broken(at: FloatArray) -> Censored:
    """Levels 0..LAST_LEVEL, of which the first is left- and the last right-censored."""
    return Censored(at, at == 0, at == LAST_LEVEL)


@functools.cache
def rank_effect(shape: Shape) -> float:
    """P(the first holds out longer) + P(tie) / 2 - 1/2 of two groups of which the first does so by `LATER` levels: from
    a million seeds each, to about 0.0005."""
    rng = stream(0, "rank effect", list(SHAPES).index(shape.name))
    a, b = levels(shape, rng, (1, 1_000_000), LATER)
    first, second = (np.bincount(group[0].astype(int), minlength=LAST_LEVEL + 1) / group.size for group in (a, b))
    return float(first @ (np.cumsum(second) - second / 2) - 0.5)


FAMILIES: dict[str, tuple[Callable[[Shape, Size, np.random.Generator], Iterator[Decided]], tuple[Shape, ...]]] = {
    "spreads": (_spreads, (*ALIKE, UNEQUAL[1], *ONE_FAILS)),
    "ranks": (_ranks, (*ALIKE, UNEQUAL[0], *ONE_FAILS)),
    "pair": (functools.partial(_contrast, 2), tuple(SHAPES.values())),
    "three": (functools.partial(_contrast, 3), tuple(SHAPES.values())),
    "four": (functools.partial(_contrast, 4), tuple(SHAPES.values())),
    "one": (functools.partial(_contrast, 1), (*ALIKE, *ONE_FAILS)),
    "displayed": (_displayed, ALIKE),
    "shares": (_shares, ALIKE[2:]),
    "mean over two": (functools.partial(_contrast, 3, tasks=TASKS[0]), tuple(SHAPES.values())),
    "mean over three": (functools.partial(_contrast, 3, tasks=TASKS[1]), tuple(SHAPES.values())),
}
"""By name: what simulates it, and the shapes that have such a null. The costly ones first."""
