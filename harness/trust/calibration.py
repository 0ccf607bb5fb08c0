"""`python -m harness calibrate`: how often each test is wrong, on samples whose truth is known.

Every test that a verdict can rest on, and those that they replaced, on every shape of `sample_shapes` and every number
of seeds: false alarms where there is no effect or at the margin's edge, power at stated effects, and the coverage of
what is displayed. The record that comes out is shown in the report, and is the table that `judging.calibrated` asks
before a verdict rests on a test.
"""

import hashlib
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from harness.errors import OneLineError
from harness.judging.calibrated import ALPHA, clopper_pearson
from harness.machine import usable_cpus
from harness.results.records import Record, RecordEntry, RecordTable, entry, table
from harness.source_hash import module_hash, modules_behind
from harness.trust.sample_shapes import SHAPES
from harness.trust.sessions import publish
from harness.trust.simulation import WIDER, Key, Part, Quantity, plan, simulate

REPLICATES = 20_000
COMMAND = "python -m harness calibrate"
FEWEST = {"sign-flip": 6, "paired shares": 6, "guarded t": 15, "swapped spreads": 6, "judge": 6, "judge of spreads": 6}
"""Seeds under which the original refuses to judge."""
COUNT = {
    **{1: "one condition against a number", 2: "two conditions", 3: "three conditions", 4: "four conditions"},
    **{6: "three conditions of two tasks each", 9: "three conditions of three tasks each"},
}
JUDGED = {
    "sign-flip": "What decides a difference of two conditions",
    "judge": "The sign-flip and what stands in for it: a pair near an end of the span, where failures may hide, is left"
    " to the guarded t from 15 seeds on, and refused under 15",
    "guarded t": "Contrasts of more than two conditions, equivalence and non-inferiority; refused under 15 seeds",
    "censored ranks": "Break levels of two groups; equivalence by bounds that resolve what is censored against it",
    "swapped spreads": "Distances from the median of two conditions",
    "paired shares": "Shares of seeds that failed or did not; exact, so that the judge does not ask the table",
    "judge of spreads": "Swapped spreads, refused where unseen failures may widen the narrower condition",
}
"""What the judge's methods choose between."""
_NULL = {
    "greater": "There is no effect: how often the bounds exclude 0.",
    "equivalent": "The effect lies at the margin's edge: how often it passes for equivalent.",
    "non-inferior": "The effect lies at the margin's edge: how often it passes for not inferior.",
}
_UNTOLD = [name for name, shape in SHAPES.items() if shape.indistinguishable]


@dataclass(frozen=True)
class Measured:
    """One entry of the calibration: how often something happened in simulated samples.

    test        as `Outcome.test`; also "judge", the choice between tests as `checked` makes it, and what is not used
    kind        "greater": false alarms are bounds that exclude a true 0. "equivalent", "non-inferior": decisions
                for it although the effect lies at the margin's edge. "" for an interval that is only displayed
    conditions  that the contrast is made of; 2 for ranks and spreads
    n           seeds per condition
    effect      the true one; the margin, for power of "equivalent" and "non-inferior", whose true effect is then 0
    count       of `replicates`
    lower       Clopper-Pearson, two-sided 95 % simultaneously over all entries of the table; upper: likewise
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

    @property
    def rate(self) -> float:
        """Share of the replicates."""
        return self.count / self.replicates

    @property
    def exceeds(self) -> bool:
        """Whether it alarms falsely in more than alpha of samples, beyond its bound."""
        return self.quantity == "false alarms" and self.lower > ALPHA

    @property
    def used(self) -> bool:
        """Whether the judge chooses this test, and nothing refuses it on this shape. "judge" is what is left after all
        looks at the data, so it is used on every shape but those that no look tells from conditions that are alike."""
        if self.test not in JUDGED or not self.kind or self.n < FEWEST.get(self.test, 0):
            return False
        if (self.test, self.kind) == ("swapped spreads", "equivalent"):
            return False  # its guarded bounds are infinite
        return self.shape not in _UNTOLD if self.test.startswith("judge") else not self.exceeds


def calibrate(parts: Sequence[Part], replicates: int, processes: int = 1) -> list[Measured]:
    """The entries of all parts, with simultaneous bounds."""
    if processes == 1:
        found = [simulate(part, replicates) for part in parts]
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            found = list(pool.map(simulate, parts, [replicates] * len(parts)))
    return _measured({key: count for counted in found for key, count in counted.items()}, replicates)


def to_data(entries: Sequence[Measured], replicates: int) -> dict[str, Any]:
    """As `CalibrationTable.of` and `from_data` read it: shapes, and series over n."""
    series: dict[tuple[Any, ...], dict[str, Any]] = {}
    for m in entries:
        told = {name: getattr(m, name) for name in ("test", "kind", "conditions", "shape", "quantity", "effect")}
        series.setdefault(tuple(told.values()), {**told, "counts": {}})["counts"][str(m.n)] = m.count
    return {
        "statistics": statistics_hash(),
        "replicates": replicates,
        "shapes": [
            {name: getattr(shape, name) for name in ("name", "needs", "failures", "indistinguishable")}
            for shape in SHAPES.values()
        ],
        "series": list(series.values()),
    }


def from_data(data: dict[str, Any]) -> list[Measured]:
    """The inverse."""
    names = ("test", "kind", "conditions", "shape", "quantity", "effect")
    counts: dict[Key, int] = {}
    for series in data["series"]:
        test, kind, conditions, shape, quantity, effect = (series[name] for name in names)
        for n, count in series["counts"].items():
            counts[test, kind, conditions, shape, int(n), quantity, effect] = count
    return _measured(counts, data["replicates"])


def statistics_hash() -> str:
    """Of the parsed source of all that a test's decision passes through; comments and docstrings don't count."""
    tests = ("guard", "paired", "ranks", "shares", "spreads")
    behind = modules_behind([f"harness.statistics.{name}" for name in tests])
    modules = sorted(module for module in behind if module.startswith("harness.statistics."))
    return hashlib.sha256("".join(module_hash(module) for module in modules).encode()).hexdigest()


def main(replicates: int, fixture: bool) -> int:
    """Calibrate in full, write the record and print the result. Returns an exit code: FAILED where a test that a
    verdict may rest on is wrong too often. Raises OneLineError for too few replicates."""
    fewest = REPLICATES if fixture else 1
    if replicates < fewest:
        raise OneLineError(f"a calibration{' to commit' * fixture} needs at least {fewest:,} replicates")
    entries = calibrate(plan(), replicates, processes=min(2, usable_cpus()))
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    made = record(entries, replicates, used)
    for m in entries:
        if m.used and m.exceeds:
            print(f"over {ALPHA:.0%}: {_place(m)}, {_bounds(m)}")
    print(f"{len(entries):,} entries in {used / 60:.1f} core-minutes")
    return publish(made, fixture)


def record(entries: Sequence[Measured], replicates: int, cpu_seconds: float) -> Record:
    """The record of a calibration. It is ok where nothing that a verdict may rest on exceeds alpha."""
    alarms = [m for m in entries if m.quantity == "false alarms"]
    used = [m for m in alarms if m.used]
    over = [m for m in used if m.exceeds]
    refused = [m for m in alarms if m.exceeds and m.test in JUDGED and not m.used]
    untold = sum(m.test in ("sign-flip", "judge") and m.shape in _UNTOLD for m in refused)
    worst = max(used, key=lambda m: m.rate, default=None)
    if over:
        verdict = f"{len(over)} combinations that a verdict may rest on exceed {ALPHA:.0%}: {_place(over[0])} first."
    elif worst is None:
        verdict = "No test that a verdict may rest on was measured."
    else:
        verdict = (
            f"None of the {len(used)} combinations that a verdict may rest on exceeds {ALPHA:.0%} beyond its bound; the"
            f" worst shows {worst.rate:.2%} ({_bounds(worst)}): {_place(worst)}. {len(refused) - untold} exceed it and"
            f" are refused; {untold} exceed it where only the means agree, which can't be recognised from the data."
        )
    return Record(
        name="calibration",
        title="How often the tests are wrong",
        of="the tests of harness/statistics, on simulated samples",
        says=(
            f"Each test that a verdict can rest on, and those that they replaced, judged {replicates:,} simulated"
            " samples of every shape and number of seeds, whose truth is known. Bounds are Clopper-Pearson's, right"
            f" together with 95 % over all {len(entries):,} entries. The tests draw fewer relabellings than in use,"
            " which keeps them valid but makes them a little less powerful. The sign-flip is not meant for"
            f" {' and '.join(map(repr, _UNTOLD))}: it alarms too often there, and so few seeds can't reveal it, so"
            ' "supported" of a pair means that the two differ, not only in their means.'
        ),
        verdict=verdict,
        ok=not over and worst is not None,
        command=COMMAND,
        tables=tuple(_tables(entries)),
        data=to_data(entries, replicates),
        cpu_seconds=cpu_seconds,
    )


def _measured(counts: dict[Key, int], replicates: int) -> list[Measured]:
    places = {name: place for place, name in enumerate(SHAPES)}
    # by test, kind, conditions, quantity and effect, then along the shapes and the seeds
    keys = sorted(counts, key=lambda key: (*key[:3], *key[5:], places[key[3]], key[4]))
    low, high = clopper_pearson([counts[key] for key in keys], replicates, len(keys))
    return [Measured(*key, replicates, counts[key], a, b) for key, a, b in zip(keys, low, high, strict=True)]


def _tables(entries: Sequence[Measured]) -> Iterator[RecordTable]:
    alarms = [m for m in entries if m.quantity == "false alarms"]
    for test, what in JUDGED.items():
        for kind, null in _NULL.items():
            if chosen := [m for m in alarms if (m.test, m.kind) == (test, kind)]:
                yield _table(f"False alarms: {test}, {kind}", chosen, f"{what}. {null}")
    yield _table(
        "Power",
        [m for m in entries if m.quantity == "power" and m.test in JUDGED],
        "How often a true effect is found, and a true 0 within its margin. Effects are in normalised return, whose"
        f" standard deviation is 0.1 in most shapes; of ranks in P - 1/2; of spreads {WIDER:g} times as wide.",
    )
    yield _table(
        "Coverage of displayed intervals",
        [m for m in entries if m.quantity == "coverage" and (m.test == "BCa" or m.test in JUDGED)],
        "How often the interval holds the true value; the nominal rate is 95 %. BCa is drawn in charts and decides"
        " nothing: with few seeds it is too short. Bounds of tests are one-sided 97.5 % on each side.",
    )
    yield _table(
        "Not used: false alarms",
        [m for m in alarms if m.test not in JUDGED],
        "The reasons: rare failures that a sample does not show, contrasts that are not symmetric, few seeds.",
    )


def _table(title: str, chosen: Sequence[Measured], caption: str) -> RecordTable:
    """A row for each test and shape, a column for each number of seeds. Rows don't repeat what the title says."""
    found: dict[str, dict[int, Measured]] = {}
    for m in chosen:
        test = "" if f": {m.test}," in title else f"{m.test}, {m.kind}, ".replace(", , ", ", ")
        stated = f", {'effect' if m.kind in ('greater', '') else 'margin'} {m.effect:.2g}"
        name = f"{test}{COUNT[m.conditions]}: {m.shape}{'' if m.quantity == 'false alarms' else stated}"
        found.setdefault(name, {})[m.n] = m
    seeds = sorted({m.n for m in chosen})
    rows = [[row, *(_entry(held[n]) if n in held else "" for n in seeds)] for row, held in found.items()]
    return table(title, ["samples", *(f"n = {n}" for n in seeds)], rows, caption)


def _entry(m: Measured) -> RecordEntry | str:
    text = f"{100 * m.rate:.1f} %"
    if m.quantity != "false alarms" or not (m.used or m.exceeds):
        return text
    return entry(text, tone="bad" if m.exceeds else "good", detail=_bounds(m))


def _bounds(m: Measured) -> str:
    return f"{100 * m.lower:.1f} to {100 * m.upper:.1f} %"


def _place(m: Measured) -> str:
    return f"{m.test}, {m.kind}, {COUNT[m.conditions]}, {m.n} seeds, {m.shape}"
