"""Whether a verdict may rest on a test here: asked of the calibration table, and of the data at hand.

The table (fixtures/trust/calibration.json, written by `make calibrate`) holds how often each test alarms falsely on
each shape of data. A test is refused where it does so in more than 5 % of samples, beyond the simultaneous bound, on a
shape that the data at hand do not exclude; and where the table does not hold it.

Near an end of the span (mostly a ceiling) one asks for more. Chains may fail there that are too rare to have been seen:
none of 20 says no more than that at most 17 % do (Clopper-Pearson, 97.5 %). Where failures at a rate that is not
excluded would make up the whole effect, "the means agree, and one condition fails" is such a shape. A sign-flip, exact
for conditions that are alike, alarms falsely in a third of samples and more there, so a pair falls back to the guarded
test, and is refused where there are too few seeds for that.

What no look at a sample can tell: far from the ends one condition may have a long tail, or chains that fail too rarely
to have been seen, and the other none, with equal means. A sign-flip (as a t test) then alarms in 12 to 36 % of samples
of 20 seeds, those in which the tail is not seen (the table's shapes `UNTOLD`), with 8 in up to 65 %. To exclude that,
every pair would have to pass the guard, and no effect under about 0.15 could be shown with 20 seeds. So "supported" of
a pair says what a sign-flip says, no more: that the two are not alike, and in what direction.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.judging.sample_shapes import ALIKE, ONE_FAILS, RATES, SHAPES, UNEQUAL, UNTOLD
from harness.results import records
from harness.statistics import Kind, Outcome, PerSeed, contrast_test

ALPHA = 0.05
SURE = 0.975
"""How surely the data must exclude a rate of failures."""
NEAR = 0.1
"""A condition lies near an end of the span where half of its seeds are within this share of it: what a return may lose
before its level counts as broken (CLAIMS.md, "break density")."""
FAR = 0.25
"""A seed has failed that lies farther than this share of the span from its condition's median."""

Quantity = Literal["false alarms", "power", "coverage"]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """One entry of the calibration: how often something happened in simulated samples.

    test        as `Outcome.test`; also "judge", the choice between tests as `checked` makes it, and what is not used
    kind        "greater": false alarms are bounds that exclude a true 0. "equivalent", "non-inferior": decisions
                for it although the effect lies at the margin's edge. "" for an interval that is only displayed
    conditions  that the contrast is made of; 2 for ranks and spreads
    shape       of the data, as in `shapes`
    n           seeds per condition
    effect      the true one; the margin, for power of "equivalent" and "non-inferior", whose true effect is then 0
    count       of `replicates`
    lower       Clopper-Pearson, two-sided 95 % simultaneously over all entries of the table; upper: likewise
    used        a verdict may rest on it
    """

    test: str
    kind: str
    conditions: int
    shape: str
    n: int
    quantity: Quantity
    effect: float
    replicates: int
    count: int
    lower: float
    upper: float
    used: bool

    @property
    def rate(self) -> float:
        """Share of the replicates."""
        return self.count / self.replicates


class NotCalibratedError(Exception):
    """The table lacks what was asked for; the message is part of a sentence."""


class Table:
    """The false alarms of a calibration, by what they were measured for."""

    def __init__(self, measured: Iterable[Measured]) -> None:
        self._entries = {
            (m.test, m.kind, m.conditions, m.n, m.shape): m for m in measured if m.quantity == "false alarms"
        }
        self._seeds: dict[tuple[str, str, int], list[int]] = {}
        for test, kind, conditions, n, _ in self._entries:
            self._seeds.setdefault((test, kind, conditions), []).append(n)

    def excess(self, test: str, kind: str, conditions: int, n: int, shapes: Iterable[str]) -> Measured | None:
        """The worst of the shapes on which the test alarms too often, None where it does on none.

        n: the nearest smaller number of seeds that was measured stands for it. Raises NotCalibratedError for what
        the table does not hold. Shapes that it has none of for this test don't exist for it.
        """
        held = [m for m in self._seeds.get((test, kind, conditions), ()) if m <= n]
        if not held:
            what = f"{test} ({kind}) on {conditions} condition{'s' if conditions > 1 else ''} and {n} seeds"
            raise NotCalibratedError(f"{what} is not calibrated")
        entries = [self._entries.get((test, kind, conditions, max(held), shape)) for shape in shapes]
        over = [entry for entry in entries if entry is not None and entry.lower > ALPHA]
        return max(over, key=lambda entry: entry.rate, default=None)

    def refusal(self, test: str, kind: str, conditions: int, n: int, shapes: Iterable[str]) -> str:
        """Why no verdict may rest on the test; empty where one may."""
        try:
            excess = self.excess(test, kind, conditions, n, shapes)
        except NotCalibratedError as error:
            return str(error)
        if excess is None:
            return ""
        return (
            f"the data may be {excess.shape!r}, where the {test} test ({kind}) of {excess.n} seeds alarms falsely in"
            f" {excess.rate:.0%} of samples"
        )


@functools.cache
def committed() -> Table:
    """The table of fixtures/trust/; empty where there is none, so that everything is refused. Raises RecordError."""
    record = records.read("calibration", records.COMMITTED, records.COMMITTED)
    return Table(measured(record["data"]) if record else [])


def measured(data: Mapping[str, Any]) -> list[Measured]:
    """All entries of a calibration record's data, which holds them in series over n. Raises RecordError."""
    try:
        found = []
        for series in data["series"]:
            told = {name: series[name] for name in ("test", "kind", "conditions", "shape", "quantity", "effect")}
            for n, count in series["counts"].items():
                used = int(n) in series["used"]
                found.append({**told, "n": int(n), "replicates": data["replicates"], "count": count, "used": used})
        low, high = clopper_pearson([told["count"] for told in found], data["replicates"], len(found))
        return [Measured(**told, lower=a, upper=b) for told, a, b in zip(found, low, high, strict=True)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise records.RecordError(f"the calibration's data can't be read: {error!r}; run `make calibrate`") from None


def clopper_pearson(counts: Sequence[int], replicates: int, entries: int) -> tuple[list[float], list[float]]:
    """Bounds of the rates behind `counts` of `replicates`, all right together with 95 %: Bonferroni over `entries`."""
    k, tail = np.asarray(counts), 0.05 / max(1, entries) / 2
    low = special.betaincinv(np.maximum(k, 1), replicates - k + 1, tail)
    high = special.betaincinv(k + 1, np.maximum(replicates - k, 1), 1 - tail)
    return np.where(k == 0, 0.0, low).tolist(), np.where(k == replicates, 1.0, high).tolist()


class Look(NamedTuple):
    """What the data at hand do not exclude, for each sample.

    near    bool[...]: a condition lies near an end of the span
    rate    float[...]: the highest rate of failures that such conditions may have; 0 where none is near
    hidden  bool[...]: failures at such a rate would make up the whole effect
    """

    near: BoolArray
    rate: FloatArray
    hidden: BoolArray

    def shapes(self) -> list[str]:
        """Of one sample: the names of the shapes that it may have."""
        names = [shape.name for shape in (*ALIKE[:2], *UNEQUAL)]
        if self.near:
            names += [s.name for s, rate in zip(ALIKE[2:], (0.0, *RATES), strict=True) if rate <= self.rate]
        if self.hidden:
            names += [s.name for s, rate in zip(ONE_FAILS, RATES, strict=True) if rate <= self.rate]
        return names


def look(values: FloatArray, weights: Sequence[float], effect: FloatArray, span: tuple[float, float]) -> Look:
    """Look at a contrast's conditions. values: float[conditions, ..., seeds]; effect: float[...]; span: of one chain.

    A value outside the span, as rounding may put it, lies at its end.
    """
    low, high = span
    width = max(high - low, 1e-300)
    at_end = [
        np.mean(values >= high - NEAR * width, axis=-1) >= 0.5,
        np.mean(values <= low + NEAR * width, axis=-1) >= 0.5,
    ]
    rate = failing(np.asarray(np.abs(values - np.median(values, axis=-1, keepdims=True)) > FAR * width))
    moves = np.zeros(np.shape(effect))
    for near, direction in zip(at_end, (-1.0, 1.0), strict=True):
        for weight, at, most in zip(weights, near, rate, strict=True):
            move = np.where(at, weight * direction * width * most, 0.0)
            against = move * np.sign(effect) < 0
            moves = moves + np.where(against, np.abs(move), 0.0)
    hidden = (moves > 0) & (moves >= np.abs(effect))
    near_any = (at_end[0] | at_end[1]).any(axis=0)
    return Look(near_any, np.where(at_end[0] | at_end[1], rate, 0.0).max(axis=0), hidden)


def failing(failed: BoolArray) -> FloatArray:
    """The highest rate of failures that the seeds do not exclude. failed: bool[..., seeds] -> float[...]."""
    n, k = failed.shape[-1], failed.sum(axis=-1)
    return np.where(k == n, 1.0, special.betaincinv(k + 1, np.maximum(n - k, 1), SURE))


def look_at_spreads(one: FloatArray, other: FloatArray, span: tuple[float, float]) -> Look:
    """The same of two conditions whose spreads are compared: float[..., seeds, levels].

    Failures that were not seen would widen the narrower one; had fewer been seen, the wider one would be narrower.
    """
    low, high = span
    width = max(high - low, 1e-300)
    sides = np.stack([one, other])
    distance = np.abs(sides - np.median(sides, axis=-2, keepdims=True))
    wide = distance.mean(axis=(-2, -1))
    ends = (sides >= high - NEAR * width) | (sides <= low + NEAR * width)
    near = ends.mean(axis=(-2, -1)) >= 0.5
    failed = np.asarray((distance > FAR * width).any(axis=-1))
    rate, seen = failing(failed), failed.mean(axis=-1)
    fewest = 1 - failing(~failed)
    effect = wide[0] - wide[1]
    narrower = np.stack([effect <= 0, effect > 0])
    unsure = np.where(narrower, rate, seen - fewest)  # the share of failures by which each spread may be off
    hidden = (near & (unsure > 0) & (unsure * width >= np.abs(effect))).any(axis=0)
    return Look(near.any(axis=0), np.where(near, rate, 0.0).max(axis=0), hidden)


def checked(
    outcome: Outcome, contrast: PerSeed, kind: Kind, span: tuple[float, float], table: Table | None = None
) -> Outcome:
    """The outcome of `contrast_test` if a verdict may rest on it; else for a pair that of the guarded test; and where
    no verdict may rest on that either, the outcome with `refused` saying why.

    Chains of which only yes or no is told (an end of the span each) hide nothing: where their means agree, they are
    alike.
    """
    table = committed() if table is None else table
    if outcome.refused:
        return outcome
    conditions, n = len(contrast.conditions), min(outcome.n)
    parts = np.stack([contrast.parts[label] for label in contrast.weights])
    seen = look(parts, list(contrast.weights.values()), np.asarray(outcome.effect), span)
    if np.isin(parts, span).all():
        seen = seen._replace(hidden=np.asarray(False))
    shapes = seen.shapes()
    if outcome.test == "sign-flip":
        alike = [name for name in shapes if name not in UNTOLD]  # far from the ends: the sign-flip's own null, no more
        if why := table.refusal("sign-flip", kind, conditions, n, alike):
            guarded = contrast_test(contrast, "equivalent", span)
            if guarded.refused:
                return replace(guarded, refused=f"{why}, and the guarded test is refused: {guarded.refused}")
            return checked(guarded, contrast, kind, span, table)
        if table.refusal("guarded t", "equivalent", conditions, n, shapes):
            return replace(outcome, guarded=(-inf, inf))
        return outcome
    return replace(outcome, refused=table.refusal(outcome.test, kind, conditions, n, shapes))


def checked_ranks(outcome: Outcome, table: Table | None = None) -> Outcome:
    """The same for `censored_ranks`, on every shape: to ranks a failure is no more than a loss."""
    return _checked_groups(outcome, [shape.name for shape in SHAPES], table)


def checked_spreads(
    outcome: Outcome, one: FloatArray, other: FloatArray, span: tuple[float, float], table: Table | None = None
) -> Outcome:
    """The same for `swapped_spreads` of `one` and `other`: float[seeds, levels]; nothing to fall back to."""
    return _checked_groups(outcome, look_at_spreads(one, other, span).shapes(), table)


def _checked_groups(outcome: Outcome, shapes: Sequence[str], table: Table | None) -> Outcome:
    table = committed() if table is None else table
    if outcome.refused:
        return outcome
    if why := table.refusal(outcome.test, "greater", 2, min(outcome.n), shapes):
        return replace(outcome, refused=why)
    if table.refusal(outcome.test, "equivalent", 2, min(outcome.n), shapes):
        return replace(outcome, guarded=(-inf, inf))
    return outcome
