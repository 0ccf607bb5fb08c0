"""Whether a verdict may rest on a test here: asked of the calibration table, and of the data at hand.

The table (fixtures/trust/calibration.json, written by `make calibrate`) holds how often each test alarms falsely on
each shape of data. A test is refused where the table does not hold it, and where it alarms in more than 5 % of samples,
beyond the simultaneous bound, on a shape that the data at hand do not exclude.

Near an end of the span (mostly a ceiling) chains may fail that are too rare to have been seen: if none of 20 failed, up
to 17 % may (Clopper-Pearson, 97.5 %). Where failures at a rate that is not excluded would make up the whole effect,
"the means agree, and one condition fails" is such a shape. A sign-flip alarms there in a third of samples and more, so
a pair falls back to the guarded test, and is refused where there are too few seeds for that.

No look at a sample can tell a long tail, or failures that are rare, far from the ends: a sign-flip (like a t test) then
alarms in 12 to 36 % of samples of 20 seeds (the table's "indistinguishable" shapes). To exclude that, every pair would
have to pass the guard, and 20 seeds could show no effect under about 0.15. So "supported" of a pair says what a
sign-flip says: that the two are not alike, and in which direction.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.results import records
from harness.statistics import Kind, Outcome, PerSeed, contrast_test
from harness.statistics.inference import Why

ALPHA = 0.05
SURE = 0.975
"""How surely the data must exclude a rate of failures."""
NEAR = 0.1
"""A condition lies near an end of the span where half of its seeds are within this share of it: what a return may lose
before its level counts as broken (CLAIMS.md, "break density")."""
FAR = 0.25
"""A seed has failed that lies farther than this share of the span from its condition's median."""

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Rate = tuple[float, float]
"""How often a test alarmed falsely, and the simultaneous lower bound of that."""


class Exposure(NamedTuple):
    """What failures the data at hand do not exclude, for each sample.

    near    bool[...]: a condition lies near an end of the span
    rate    float[...]: the highest rate of failures that such conditions may have; 0 where none is near
    hidden  bool[...]: failures at such a rate would make up the whole effect
    """

    near: BoolArray
    rate: FloatArray
    hidden: BoolArray


@dataclass(frozen=True)
class CalibratedShape:
    """A shape of data in the table. needs: what the data must be like to have it, "near" or "hidden" (see `Exposure`),
    empty where nothing excludes it. failures: the rate at which seeds fail. indistinguishable: no look at a few seeds
    tells it from conditions that are alike."""

    name: str
    needs: str
    failures: float
    indistinguishable: bool


@dataclass(frozen=True)
class CalibrationTable:
    """How often each test alarms falsely. false_alarms: (test, kind, conditions, n) -> shape -> rate and its bound."""

    false_alarms: Mapping[tuple[str, str, int, int], Mapping[str, Rate]]
    shapes: Sequence[CalibratedShape] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "CalibrationTable":
        """The table in a calibration record's data. Raises RecordError."""
        try:
            counts = [(series, int(n), count) for series in data["series"] for n, count in series["counts"].items()]
            low, _ = clopper_pearson([count for *_, count in counts], data["replicates"], len(counts))
            found: dict[tuple[str, str, int, int], dict[str, Rate]] = {}
            for (series, n, count), bound in zip(counts, low, strict=True):
                if series["quantity"] == "false alarms":
                    key = (series["test"], series["kind"], series["conditions"], n)
                    found.setdefault(key, {})[series["shape"]] = (count / data["replicates"], bound)
            return cls(found, [CalibratedShape(**shape) for shape in data["shapes"]])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            told = f"the calibration's data can't be read: {error!r}; run `make calibrate` to measure it again"
            raise records.RecordError(told) from None

    def possible(self, seen: Exposure) -> list[CalibratedShape]:
        """The shapes that one sample may have."""
        holds = {"": True, "near": bool(seen.near), "hidden": bool(seen.hidden)}
        return [shape for shape in self.shapes if holds[shape.needs] and shape.failures <= float(seen.rate)]

    def refusal(self, test: str, kind: str, conditions: int, n: int, shapes: Iterable[CalibratedShape]) -> Why | None:
        """Why no verdict may rest on the test where the data may have one of these shapes; None where one may.

        n: the nearest smaller number of seeds that was measured stands for it. A shape on which the table has nothing
        for this test has no such null.
        """
        measured = [key[3] for key in self.false_alarms if key[:3] == (test, kind, conditions)]
        if not (held := [m for m in measured if m <= n]):
            what = f"{test} ({kind}) on {conditions} condition{'s' if conditions > 1 else ''} and {n} seeds"
            return "few seeds" if measured else "uncalibrated", f"there is no calibration for {what}"
        rates = self.false_alarms[test, kind, conditions, max(held)]
        over = [(*rates[shape.name], shape.name) for shape in shapes if shape.name in rates]
        rate, _, worst = max((each for each in over if each[1] > ALPHA), default=(0.0, 0.0, ""))
        if not worst:
            return None
        often = f"the {test} test ({kind}) of {max(held)} seeds gives false alarms in {rate:.0%} of samples"
        return "false alarms", f"the data may be {worst!r}, where {often}"


@functools.cache
def committed() -> CalibrationTable:
    """The table of fixtures/trust/; empty where there is none, so that everything is refused. Raises RecordError."""
    record = records.read("calibration", records.COMMITTED, records.COMMITTED)
    return CalibrationTable.of(record.data) if record else CalibrationTable({})


def clopper_pearson(counts: Sequence[int], replicates: int, entries: int) -> tuple[list[float], list[float]]:
    """Bounds of the rates behind `counts` of `replicates`, all right together with 95 %: Bonferroni over `entries`."""
    k, tail = np.asarray(counts), 0.05 / max(1, entries) / 2
    low = special.betaincinv(np.maximum(k, 1), replicates - k + 1, tail)
    high = special.betaincinv(k + 1, np.maximum(replicates - k, 1), 1 - tail)
    return np.where(k == 0, 0.0, low).tolist(), np.where(k == replicates, 1.0, high).tolist()


def exposure(values: FloatArray, weights: Sequence[float], effect: FloatArray, span: tuple[float, float]) -> Exposure:
    """Of a contrast's conditions. values: float[conditions, ..., seeds]; effect: float[...]; span: of one chain.

    A value outside the span, as rounding may put it, lies at its end.
    """
    low, high = span
    width = max(high - low, 1e-300)
    at_end = [
        np.mean(values >= high - NEAR * width, axis=-1) >= 0.5,
        np.mean(values <= low + NEAR * width, axis=-1) >= 0.5,
    ]
    rate = most_failing(np.asarray(np.abs(values - np.median(values, axis=-1, keepdims=True)) > FAR * width))
    moves = np.zeros(np.shape(effect))
    for near, direction in zip(at_end, (-1.0, 1.0), strict=True):
        for weight, at, most in zip(weights, near, rate, strict=True):
            move = np.where(at, weight * direction * width * most, 0.0)
            moves = moves + np.maximum(0.0, -move * np.sign(effect))
    hidden = (moves > 0) & (moves >= np.abs(effect))
    either = at_end[0] | at_end[1]
    return Exposure(either.any(axis=0), np.where(either, rate, 0.0).max(axis=0), hidden)


def exposure_of_spreads(one: FloatArray, other: FloatArray, span: tuple[float, float]) -> Exposure:
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
    rate, seen = most_failing(failed), failed.mean(axis=-1)
    fewest = 1 - most_failing(~failed)
    effect = wide[0] - wide[1]
    narrower = np.stack([effect <= 0, effect > 0])
    unsure = np.where(narrower, rate, seen - fewest)  # the share of failures by which each spread may be off
    hidden = (near & (unsure > 0) & (unsure * width >= np.abs(effect))).any(axis=0)
    return Exposure(near.any(axis=0), np.where(near, rate, 0.0).max(axis=0), hidden)


def most_failing(failed: BoolArray) -> FloatArray:
    """The highest rate of failures that the seeds do not exclude. failed: bool[..., seeds] -> float[...]."""
    n, k = failed.shape[-1], failed.sum(axis=-1)
    return np.where(k == n, 1.0, special.betaincinv(k + 1, np.maximum(n - k, 1), SURE))


def checked(
    outcome: Outcome, contrast: PerSeed, kind: Kind, span: tuple[float, float], table: CalibrationTable | None = None
) -> Outcome:
    """The outcome of `contrast_test` if a verdict may rest on it; else for a pair that of the guarded test; and where
    no verdict may rest on that either, the outcome with `refused` and `refusal` saying why.

    Chains of which only yes or no is told (an end of the span each) hide nothing: where their means agree, they are
    alike.
    """
    table = committed() if table is None else table
    if outcome.refused:
        return outcome
    conditions, n = len(contrast.conditions), min(outcome.n)
    parts = np.stack([contrast.parts[label] for label in contrast.weights])
    seen = exposure(parts, list(contrast.weights.values()), np.asarray(outcome.effect), span)
    if np.isin(parts, span).all():
        seen = seen._replace(hidden=np.asarray(False))
    shapes = table.possible(seen)
    if outcome.test != "sign-flip":
        return _refused(outcome, table.refusal(outcome.test, kind, conditions, n, shapes))
    null = [shape for shape in shapes if not shape.indistinguishable]  # far from the ends: its own null, no more
    if why := table.refusal("sign-flip", kind, conditions, n, null):
        guarded = contrast_test(contrast, "equivalent", span)
        if guarded.refused:
            return replace(guarded, refused=f"{why[1]}, and the guarded test is refused: {guarded.refused}")
        return checked(guarded, contrast, kind, span, table)
    if table.refusal("guarded t", "equivalent", conditions, n, shapes):
        return replace(outcome, guarded=(-inf, inf))
    return outcome


def checked_ranks(outcome: Outcome, table: CalibrationTable | None = None) -> Outcome:
    """The same for `censored_ranks`, on every shape: to ranks a failure is no more than a loss."""
    table = committed() if table is None else table
    return _checked_groups(outcome, table.shapes, table)


def checked_spreads(
    outcome: Outcome,
    one: FloatArray,
    other: FloatArray,
    span: tuple[float, float],
    table: CalibrationTable | None = None,
) -> Outcome:
    """The same for `swapped_spreads` of `one` and `other`: float[seeds, levels]; there is nothing to fall back to.

    Like the sign-flip it is asked on its own null, conditions that are alike, and where failures may hide.
    """
    table = committed() if table is None else table
    shapes = table.possible(exposure_of_spreads(one, other, span))
    return _checked_groups(outcome, [shape for shape in shapes if not shape.indistinguishable], table)


def _checked_groups(outcome: Outcome, shapes: Sequence[CalibratedShape], table: CalibrationTable) -> Outcome:
    if outcome.refused:
        return outcome
    if why := table.refusal(outcome.test, "greater", 2, min(outcome.n), shapes):
        return _refused(outcome, why)
    if table.refusal(outcome.test, "equivalent", 2, min(outcome.n), shapes):
        return replace(outcome, guarded=(-inf, inf))
    return outcome


def _refused(outcome: Outcome, why: Why | None) -> Outcome:
    return replace(outcome, refusal=why[0], refused=why[1]) if why else outcome
