"""`python -m harness calibrate`: how often each test is wrong, on samples whose truth is known.

Every test that a verdict can rest on, and those that they replaced, on every shape of `shapes` and every number of
seeds: false alarms where there is no
effect, or at the margin's edge, power at stated effects, and the coverage of what is displayed. What comes out is the
record that the report shows and the table that `basis` asks before a verdict rests on a test.
"""

import functools
import hashlib
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from harness.judging import calibrated as basis
from harness.judging.calibrated import ALPHA, Measured, clopper_pearson
from harness.judging.sample_shapes import (
    ALIKE,
    LAST_LEVEL,
    ONE_FAILS,
    RATES,
    SHAPES,
    UNEQUAL,
    UNTOLD,
    FloatArray,
    Shape,
    at_the_edge,
    distance,
    levels,
    mean,
    sample,
    spreading,
)
from harness.machine import usable_cpus
from harness.results import records
from harness.source_hash import module_hash, modules_behind
from harness.streams import stream
from harness.trust import fast_tests
from harness.trust.fast_tests import BoolArray, Bounds

SEEDS = (5, 6, 8, 10, 15, 20, 40)
REPLICATES = 20_000
TOGETHER = 5_000
WEIGHTS: dict[int, tuple[float, ...]] = {1: (1,), 2: (1, -1), 3: (2, -1, -1), 4: (1, -1, -1, 1)}
"""Of contrasts by their number of conditions: 3 is mask part - weights part, 4 a difference of two differences."""
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
NAMES = [shape.name for shape in SHAPES]
POWER_SHAPES = tuple(ALIKE[i] for i in (0, 1, 2, 5))
FEWEST: dict[str, int] = {"sign-flip": 6, "guarded t": 15, "swapped spreads": 6, "judge": 6, "judge of spreads": 6}
"""Seeds under which the original refuses to judge."""


@dataclass(frozen=True)
class Part:
    """What is simulated in one go: all tests of one family on one shape and number of seeds."""

    family: str
    shape: str
    n: int

    @property
    def key(self) -> tuple[int, int, int]:
        """Whose random numbers these are."""
        return list(FAMILIES).index(self.family), NAMES.index(self.shape), self.n


Key = tuple[str, str, int, str, int, basis.Quantity, float]
"""test, kind, conditions, shape, n, quantity, effect: of one entry."""
Decided = tuple[str, str, int, basis.Quantity, float, BoolArray]
"""test, kind, conditions, quantity, effect, and for each replicate whether it happened."""


def plan(seeds: Sequence[int] = SEEDS, shapes: Sequence[Shape] = SHAPES) -> list[Part]:
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
    family, shape = FAMILIES[part.family][0], SHAPES[NAMES.index(part.shape)]
    for chunk, start in enumerate(range(0, replicates, TOGETHER)):
        size = (min(TOGETHER, replicates - start), part.n)
        rng = stream(chunk, "calibration", *part.key)
        for test, kind, conditions, quantity, effect, happened in family(shape, size, rng):
            key = (test, kind, conditions, part.shape, part.n, quantity, round(effect, 4))
            counts[key] += int(happened.sum())
    return counts


def calibrate(parts: Sequence[Part], replicates: int, processes: int = 1) -> list[Measured]:
    """The entries of all parts, with simultaneous bounds; then which of them a verdict may rest on."""
    if processes == 1:
        found = [simulate(part, replicates) for part in parts]
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            found = list(pool.map(simulate, parts, [replicates] * len(parts)))
    counts = {key: count for counted in found for key, count in counted.items()}
    keys = sorted(counts, key=_order)
    low, high = clopper_pearson([counts[key] for key in keys], replicates, len(keys))
    return [
        Measured(*key, replicates, counts[key], a, b, _may_be_used(key, a))
        for key, a, b in zip(keys, low, high, strict=True)
    ]


def main(replicates: int, fixture: bool) -> int:
    """Calibrate in full, write the record and say what came out. 0 where it is as it must be, 1 where not, 4 for an
    argument that can't be."""
    from harness.trust.calibration_tables import record

    if fixture and replicates < REPLICATES:
        print(f"error: a committed table has at least {REPLICATES:,} replicates, not {replicates:,}")
        return 4
    if replicates < 1:
        print(f"error: at least one replicate is needed, not {replicates}")
        return 4
    begun = time.monotonic()
    entries = calibrate(plan(), replicates, processes=min(2, usable_cpus()))
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    made = record(entries, replicates, used)
    paths = records.leave(made, fixture)
    for m in excesses(entries):
        print(f"over {ALPHA:.0%}: {m}")
    print(made.verdict)
    print(f"{paths[-1]}: {len(entries):,} entries in {time.monotonic() - begun:.0f} s, {used / 60:.1f} core-minutes")
    return 0 if made.ok else 1


def statistics_hash() -> str:
    """Of the parsed source of all that a test's decision passes through; comments and docstrings don't count."""
    modules = sorted(m for m in modules_behind(["harness.statistics"]) if m.startswith("harness.statistics"))
    return hashlib.sha256("".join(module_hash(module) for module in modules).encode()).hexdigest()


def to_data(entries: Sequence[Measured], replicates: int) -> dict[str, Any]:
    """As `basis.measured` reads it: series over n."""
    series: dict[tuple[Any, ...], dict[str, Any]] = {}
    for m in entries:
        told = {name: getattr(m, name) for name in ("test", "kind", "conditions", "shape", "quantity", "effect")}
        one = series.setdefault(tuple(told.values()), {**told, "counts": {}, "used": []})
        one["counts"][str(m.n)] = m.count
        if m.used:
            one["used"].append(m.n)
    return {"statistics": statistics_hash(), "replicates": replicates, "series": list(series.values())}


def excesses(entries: Sequence[Measured]) -> list[Measured]:
    """Where a verdict may rest although it must not: false alarms above alpha beyond their bound."""
    return [m for m in entries if m.used and m.quantity == "false alarms" and m.lower > ALPHA]


def _may_be_used(key: Key, lower: float) -> bool:
    """Whether the judge chooses this test, and nothing refuses it on this shape.

    "judge" is what is left after all looks at the data, so it is used on every shape but those that no look tells
    from others and that are not the sign-flip's null.
    """
    test, kind, _, shape, n, quantity, _ = key
    if not kind or n < FEWEST.get(test, 0) or test not in JUDGED:
        return False
    if (test, kind) == ("swapped spreads", "equivalent"):
        return False  # its guarded bounds are infinite: a spread is never equivalent
    if test in ("judge", "judge of spreads"):
        return shape not in UNTOLD
    return quantity != "false alarms" or lower <= ALPHA


JUDGED = ("sign-flip", "guarded t", "censored ranks", "swapped spreads", "judge", "judge of spreads")
"""What the judge's methods choose between."""


def _order(key: Key) -> tuple[Any, ...]:
    test, kind, conditions, shape, n, quantity, effect = key
    return test, kind, conditions, quantity, effect, NAMES.index(shape), n


# The families of tests


def _contrast(conditions: int, shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Decided]:
    """Contrasts over shared seeds, of any number of conditions."""
    weights = WEIGHTS[conditions]
    for effect in (0.0, *(EFFECTS if shape in POWER_SHAPES else ())):
        values = sample(shape, weights, effect, rng, size)
        contrast, reach = _combine(values, weights)
        guarded = fast_tests.guarded_t(contrast, reach)
        greater = {"guarded t": guarded}
        if conditions == 2 and not effect:
            greater["t"] = fast_tests.t(contrast)
        if conditions == 3 and not effect:
            greater["sign-flip on a contrast"] = fast_tests.sign_flip(contrast, rng)
        if conditions == 2:
            flipped = fast_tests.sign_flip(contrast, rng)
            greater |= {"sign-flip": flipped, "judge": _judge(values, contrast, flipped, guarded)}
        for test, bounds in greater.items():
            yield from _greater(test, conditions, effect, bounds)
        if effect and conditions == 2:
            shifted = fast_tests.sign_flip(contrast - effect, rng)  # its bounds move with the values
            yield "sign-flip", "greater", conditions, "coverage", effect, ~_outside(shifted, 0.0)
        if not effect and shape in POWER_SHAPES:
            yield from _within("guarded t", conditions, MARGIN, guarded, "power")
    values, margin = at_the_edge(shape, weights, MARGIN, rng, size)
    contrast, reach = _combine(values, weights)
    yield from _within("guarded t", conditions, margin, fast_tests.guarded_t(contrast, reach), "false alarms", -margin)
    if conditions == 2:
        yield next(_within("unguarded t", 2, margin, fast_tests.t(contrast), "false alarms", -margin))


def _unpaired(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Decided]:
    """Two groups that share no seeds."""
    a, b = values = sample(shape, WEIGHTS[2], 0.0, rng, size)
    tests = {"Welch": fast_tests.welch(a, b), "guarded Welch": fast_tests.guarded_welch(a, b, *_reaches(values))}
    tests["label permutation"] = fast_tests.label_permutation(a, b, rng)
    for test, bounds in tests.items():
        yield from _greater(test, 2, 0.0, bounds)
    (a, b), margin = at_the_edge(shape, WEIGHTS[2], MARGIN, rng, size)
    guarded = fast_tests.guarded_welch(a, b, *_reaches(np.stack([a, b])))
    yield from _within("guarded Welch", 2, margin, guarded, "false alarms", -margin)


def _ranks(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Decided]:
    """Censored levels of two groups."""
    a, b = levels(shape, rng, size)
    yield from _greater("censored ranks", 2, 0.0, fast_tests.censored_ranks(a, b, rng))
    if shape in POWER_SHAPES:
        yield from _within("censored ranks", 2, RANK_MARGIN, fast_tests.guarded_ranks(a, b), "power")
    if shape in ALIKE:
        truth = rank_effect(shape)
        a, b = levels(shape, rng, size, LATER)
        yield from _within("censored ranks", 2, truth, fast_tests.guarded_ranks(a, b), "false alarms", truth)
        if shape in POWER_SHAPES:
            yield from _greater("censored ranks", 2, truth, fast_tests.censored_ranks(a, b, rng))


def _spreads(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Decided]:
    """Distances from the median of two conditions over shared seeds."""
    a, b = spreading(shape, rng, size)
    bounds = fast_tests.swapped_spreads(a, b, rng)
    yield from _greater("swapped spreads", 2, 0.0, bounds)
    hidden = basis.look_at_spreads(a, b, (0.0, 1.0)).hidden
    left = np.where(hidden, -np.inf, bounds[0]), np.where(hidden, np.inf, bounds[1])
    yield from _greater("judge of spreads", 2, 0.0, left)
    if shape in POWER_SHAPES:
        yield from _within("swapped spreads", 2, (WIDER - 1) * distance(shape), bounds, "power")
    if shape in ALIKE:
        truth = (WIDER - 1) * distance(shape)
        a, b = spreading(shape, rng, size, wider=WIDER)
        bounds = fast_tests.swapped_spreads(a, b, rng)
        yield from _within("swapped spreads", 2, truth, bounds, "false alarms", truth)
        if shape in POWER_SHAPES:
            yield from _greater("swapped spreads", 2, truth, bounds)


def _displayed(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Decided]:
    """Intervals of the mean over seeds of one condition, as charts draw them."""
    values, truth = shape.draw(rng, 1, size)[0], mean(shape)
    for test, interval in (("BCa", fast_tests.bca), ("percentile bootstrap", fast_tests.percentile)):
        yield test, "", 1, "coverage", 0.0, ~_outside(interval(values, rng), truth)
    differences = np.subtract(*shape.draw(rng, 2, size))
    alarm = _outside(fast_tests.percentile(differences, rng), 0.0)
    yield "percentile bootstrap", "greater", 2, "false alarms", 0.0, alarm


def _greater(test: str, conditions: int, truth: float, bounds: Bounds) -> Iterator[Decided]:
    if not truth:
        yield test, "greater", conditions, "false alarms", 0.0, _outside(bounds, 0.0)
        return
    yield test, "greater", conditions, "power", truth, bounds[0] > 0
    if test not in ("sign-flip", "judge"):  # whose bounds are not worked out
        yield test, "greater", conditions, "coverage", truth, ~_outside(bounds, truth)


def _within(
    test: str, conditions: int, margin: float, bounds: Bounds, quantity: basis.Quantity, truth: float = 0.0
) -> Iterator[Decided]:
    effect = margin if quantity == "power" else truth
    not_worse, not_better = bounds[0] > -margin, bounds[1] < margin
    yield test, "equivalent", conditions, quantity, effect, not_worse & not_better
    if test not in ("censored ranks", "swapped spreads"):  # which no claim asks for non-inferiority
        yield test, "non-inferior", conditions, quantity, effect, not_worse


def _outside(bounds: Bounds, truth: float) -> BoolArray:
    return np.asarray((bounds[0] > truth) | (bounds[1] < truth))


def _combine(values: FloatArray, weights: Sequence[float]) -> tuple[FloatArray, fast_tests.Reach]:
    """The contrast, and how far one failing chain moves it (`contrast_test`). One condition stands beside a number."""
    contrast = np.einsum("c,crn->rn", weights if len(weights) > 1 else (1, -1), values)
    medians = np.median(values[: len(weights)], axis=2)
    moves = np.stack([w * (end - m) for w, m in zip(weights, medians, strict=True) for end in (0, 1)])
    return contrast, (np.maximum(0, -moves.min(axis=0)), np.maximum(0, moves.max(axis=0)))


def _reaches(values: FloatArray) -> tuple[fast_tests.Reach, fast_tests.Reach]:
    one, other = ((np.maximum(0, m), np.maximum(0, 1 - m)) for m in np.median(values, axis=2))
    return one, other


def _judge(values: FloatArray, contrast: FloatArray, flipped: Bounds, guarded: Bounds) -> Bounds:
    """What `basis.checked` makes of the sign-flip: where the data may hide failures the guarded bounds, from 15 seeds
    on, else none. harness/tests/test_calibration.py holds it against that."""
    seen = basis.look(values, WEIGHTS[2], contrast.mean(axis=1), (0.0, 1.0))
    hidden = seen.hidden & (seen.rate >= RATES[0])
    judged = values.shape[2] >= FEWEST["guarded t"]
    low, high = guarded if judged else (np.full(len(contrast), -np.inf), np.full(len(contrast), np.inf))
    return np.where(hidden, low, flipped[0]), np.where(hidden, high, flipped[1])


@functools.cache
def rank_effect(shape: Shape) -> float:
    """P(the first holds out longer) + P(tie) / 2 - 1/2 of two groups of which the first does so by `LATER` levels: from
    a million seeds each, to about 0.0005."""
    a, b = levels(shape, stream(0, "rank effect", SHAPES.index(shape)), (1, 1_000_000), LATER)
    first, second = (np.bincount(group[0], minlength=LAST_LEVEL + 1) / group.size for group in (a, b))
    return float(first @ (np.cumsum(second) - second / 2) - 0.5)


def _paired(conditions: int) -> Callable[[Shape, tuple[int, int], np.random.Generator], Iterator[Decided]]:
    def family(shape: Shape, size: tuple[int, int], rng: np.random.Generator) -> Iterator[Decided]:
        return _contrast(conditions, shape, size, rng)

    return family


FAMILIES: dict[str, tuple[Callable[..., Iterator[Decided]], tuple[Shape, ...]]] = {
    "spreads": (_spreads, (*ALIKE, UNEQUAL[1], *ONE_FAILS)),
    "ranks": (_ranks, (*ALIKE, UNEQUAL[0], *ONE_FAILS)),
    "pair": (_paired(2), SHAPES),
    "unpaired": (_unpaired, SHAPES),
    "three": (_paired(3), SHAPES),
    "four": (_paired(4), SHAPES),
    "one": (_paired(1), (*ALIKE, *ONE_FAILS)),
    "displayed": (_displayed, ALIKE),
}
"""By name: what simulates it, and the shapes that have such a null. The costly ones first."""
