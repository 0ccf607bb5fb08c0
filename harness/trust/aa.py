"""A/A runs: how often the judgement sees a difference between trainings that differ by chance alone.

Whole ticket chains of a small task are trained by behavioural cloning, a few times per seed, each an **arm**: they
start from the same weights and are evaluated and scored on the same starts, as the conditions of a claim are, but learn
from other rollouts in other orders. So the arms of a seed are exchangeable, whatever returns are distributed like, and
each difference that is found is a false alarm. Budgets are so small, and levels so sparse, that returns vary: near the
ceiling with failures at level 1, from the floor to the ceiling at the last one.

A replicate is a group of seeds as large as a claim's, judged by the judge itself. Trained evidence lies in
.claims/trust/aa, an ordinary evidence store: an interrupted run goes on from its last level.
"""

import functools
import multiprocessing
import operator
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import special

from harness.errors import OneLineError
from harness.evidence.drain import all_cells, drain
from harness.evidence.store import Store, address
from harness.experiment import Cell, Experiment
from harness.judging.calibrated import ALPHA, clopper_pearson
from harness.judging.claim import Claim
from harness.judging.idle import idle_return
from harness.judging.judge import Judge
from harness.learners.training import Evaluation
from harness.machine import usable_cpus
from harness.networks.mlp import Network
from harness.profiles.profile import AA_BLOCK, SEEDS_PER_BLOCK
from harness.profiles.studied import SHORT, SMALL, task_of, title
from harness.pruning.conditions import TICKET
from harness.pruning.prunable import densities
from harness.pruning.pruning_settings import Pruning
from harness.results.records import HERE, Record, RecordEntry, RecordTable, entry, table
from harness.results.schema import Conclusion
from harness.statistics import PerSeed, Reference, area, break_density, normalised_return, reachable_span
from harness.tasks.references import read_reference
from harness.trust.retrained import Retrained
from harness.trust.sessions import publish

ARMS = 4
REPLICATES = 400
SEEDS, TWICE = 20, 40
"""Of a replicate: the scaled profile's, and what claims of no difference take."""
CHUNK = 200
"""Seeds trained together: ten replicates, five of the larger ones."""
SURE = 0.01
"""Chance that a judgement which errs exactly at `ALPHA` everywhere is found to err more, over the whole table."""
FEWEST = 400
"""Replicates of a committed record."""
EVIDENCE = "aa"
MARGIN = 0.1
CONTRASTS = {"a pair": (1, -1), "contrast of three": (2, -1, -1), "contrast of four": (1, -1, -1, 1)}
"""Weights of the arms. Of three: mask part - weights part; of four: a part here - the same part there."""
_SHOWN: tuple[Conclusion, ...] = ("supported", "contradicted", "equivalent", "underpowered")


def experiment(arm: int) -> Experiment:
    """The chains of one arm. Chosen by how returns lie at levels 1 to 3, on seeds of block 2000, which nothing uses."""
    return Experiment(
        replace(task_of(SMALL), horizon=SHORT),
        Retrained(learning_rate=0.02, env_steps=512, envs=4, batch=32, passes=4, arm=arm),
        Network(hidden=(16, 16)),
        Pruning(rate=0.7, levels=3),
        Evaluation(per_training=2, episodes=4, scored_episodes=8),
    )


@dataclass(frozen=True)
class Group:
    """What one replicate is judged on.

    returns: float64[arms, seeds, levels + 1], normalised. densities: float64[levels + 1]. span: the lowest and highest
    normalised return that the task allows.
    """

    returns: np.ndarray
    seeds: tuple[int, ...]
    densities: np.ndarray
    span: tuple[float, float]

    def contrast(self, weights: Sequence[float], level: int | None, shift: float = 0.0) -> PerSeed:
        """Of the first arms: normalised return at a level, or its area over all of them, plus `shift` for the first."""
        values = [area(arm) if level is None else arm[:, level] for arm in self.returns]
        arms = [PerSeed.of(f"arm {i}", held + shift * (i == 0), self.seeds) for i, held in enumerate(values)]
        return functools.reduce(operator.add, (w * arm for w, arm in zip(weights, arms, strict=False)))

    def split(self, size: int) -> "Iterator[Group]":
        """The replicates of `size` seeds, one after the other; a rest is left out."""
        for first in range(0, len(self.seeds) - size + 1, size):
            part = slice(first, first + size)
            yield replace(self, returns=self.returns[:, part], seeds=self.seeds[part])


@dataclass(frozen=True)
class Case:
    """A hypothesis that is judged on each replicate.

    on: what its numbers are. min_effect: effect of interest, or margin. seeds: of a replicate. false: which conclusions
    are false alarms.
    """

    hypothesis: str
    on: str
    min_effect: float
    judge: Callable[[Judge, Group], None]
    seeds: int = SEEDS
    false: tuple[Conclusion, ...] = ("supported", "contradicted")


def cases() -> list[Case]:
    """Every hypothesis type of the claims, on the area as they have it and on single levels.

    With the claims' own smallest effects, and with 0, where each rejection counts. Where "no difference" is claimed it
    is right, and only "contradicted" is a false alarm; so the same arms are judged once more with one of them moved
    to the very edge of the margin, where both conclusions are false.
    """
    found = []
    levels = [(f"level {level} alone", level) for level in range(1, experiment(0).pruning.levels + 1)]
    measures: list[tuple[str, int | None]] = [("area", None), *levels]
    for on, level in measures:
        for d in (0.05, 0.0) if level is None else (0.0,):
            for name, weights in CONTRASTS.items():
                found.append(Case(f"greater, {name}", on, d, partial(_greater, level, weights, d)))
        for name, side in (("equivalent", 1), ("non-inferior", -1)):
            found.append(Case(name, on, MARGIN, partial(_no_difference, name, level, 0.0), TWICE, ("contradicted",)))
            edge = partial(_no_difference, name, level, side * MARGIN)
            found.append(Case(f"{name}, at the margin's edge", on, MARGIN, edge, TWICE))
    for d in (0.14, 0.0):
        for which, seeds in (("the same seeds", SEEDS), ("other seeds", TWICE)):
            found.append(Case(f"holds out longer, {which}", "break density", d, partial(_longer, d), seeds))
    found += [Case("spreads wider", "all levels", d, partial(_wider, d)) for d in (0.02, 0.0)]
    return found


def _greater(level: int | None, weights: Sequence[float], min_effect: float, judge: Judge, group: Group) -> None:
    judge.greater(group.contrast(weights, level), min_effect=min_effect, span=group.span)


def _no_difference(kind: str, level: int | None, shift: float, judge: Judge, group: Group) -> None:
    method = judge.equivalent if kind == "equivalent" else judge.non_inferior
    method(group.contrast((1, -1), level, shift), margin=MARGIN, span=group.span, able=())


def _longer(min_effect: float, judge: Judge, group: Group) -> None:
    """Of a large group the halves are compared; of a small one two arms, which share the seeds as the claim's do."""
    one, other = group.returns[0], group.returns[1]
    if len(group.seeds) == TWICE:
        one, other = one[:SEEDS], other[SEEDS:]
    pair = (break_density(returns, group.densities) for returns in (one, other))
    judge.holds_out_longer(*pair, min_effect=min_effect)


def _wider(min_effect: float, judge: Judge, group: Group) -> None:
    one, other = group.returns[:2, :, 1:]
    judge.spreads_wider(one, other, min_effect=min_effect, unit="distance from the median, in normalised return")


def conclusion(case: Case, group: Group) -> Conclusion:
    """What the judge makes of one replicate."""
    name = case.hypothesis
    judge = Judge(Claim("a/a", "none", "none", 1, "returns"), name, name, name, (), "", gives_findings=True)
    case.judge(judge, group)
    assert judge.finding is not None
    return judge.finding.conclusion


@dataclass(frozen=True)
class Count:
    """What the replicates of a case came to: counts by conclusion."""

    case: Case
    conclusions: Mapping[Conclusion, int]

    @property
    def replicates(self) -> int:
        """How many there were."""
        return sum(self.conclusions.values())

    @property
    def false(self) -> int:
        """False alarms."""
        return sum(self.conclusions.get(name, 0) for name in self.case.false)

    @property
    def bounds(self) -> tuple[float, float]:
        """Clopper and Pearson's, 95 %, of the rate of false alarms."""
        low, high = clopper_pearson([self.false], self.replicates, 1)
        return low[0], high[0]

    def exceeds(self, sure: float) -> bool:
        """Whether the exact binomial test, one-sided at `sure`, rejects a rate of at most `ALPHA`."""
        return self.false > 0 and float(special.bdtrc(self.false - 1, self.replicates, ALPHA)) < sure


Measured = tuple[list[list[Conclusion]], float]
"""Of one chunk: conclusions per case, in the order of the replicates; and the CPU seconds of training and judging."""


def measure(number: int, folder: Path) -> Measured:
    """Train what is missing of chunk `number`, and judge its replicates."""
    first = AA_BLOCK * SEEDS_PER_BLOCK + number * CHUNK
    whole, seconds = trained(tuple(range(first, first + CHUNK)), Store(folder))
    started = time.process_time()
    found = [[conclusion(case, group) for group in whole.split(case.seeds)] for case in cases()]
    return found, seconds + time.process_time() - started


def trained(seeds: tuple[int, ...], store: Store) -> tuple[Group, float]:
    """All arms of these seeds, from the store or trained now, and the CPU seconds that they took.

    Raises RuntimeError where a training fails.
    """
    cells = [Cell(experiment(arm), TICKET, seeds) for arm in range(ARMS)]
    plan = all_cells(cells)
    if failed := drain(plan, store):
        raise RuntimeError(next(iter(failed.values())))
    returns = []
    for arm in cells:
        levels = [(cell, level) for cell in plan if cell.experiment == arm.experiment for level in cell.levels]
        returns.append(np.stack([_scored(cell, level, store) for cell, level in levels], axis=1))
    task = cells[0].experiment.task
    reference = Reference(**read_reference(task.name, task.horizon))
    span = reachable_span(reference, idle_return(task))
    group = Group(normalised_return(returns, reference), seeds, densities(cells[0].experiment), span)
    return group, sum(store.cpu_seconds(address(cell)) for cell in plan)


def _scored(cell: Cell, level: int, store: Store) -> np.ndarray:
    found = store.read(address(cell), level)
    assert found is not None, "drained"
    return found.scored_returns


def record(chunks: Sequence[Measured], command: str) -> Record:
    """The record of what these chunks came to."""
    found = [
        Count(case, Counter(said for conclusions, _ in chunks for said in conclusions[number]))
        for number, case in enumerate(cases())
    ]
    sure = SURE / len(found)
    wrong = [count for count in found if count.exceeds(sure)]
    worst = max(found, key=lambda count: count.false / count.replicates)
    named = ": " + ", ".join(f"{c.case.hypothesis} on {c.case.on}" for c in wrong) if wrong else ""
    seeds = len(chunks) * CHUNK
    return Record(
        name="aa",
        title="A/A runs",
        of=f"chains of {title(SMALL)} by behavioural cloning, {seeds:,} seeds from block {AA_BLOCK} on",
        says=(
            f"{seeds} seeds of {title(SMALL)}, each trained by behavioural cloning {ARMS} times over whole chains: the"
            " same first weights, the same evaluation and scoring starts, other rollouts and minibatches. So every"
            f" difference is chance. The judge decided each hypothesis on groups of {SEEDS} seeds ({TWICE} where no"
            " difference is claimed), as for claims but without assay sensitivity. At most"
            f" {ALPHA:.0%} may be false alarms; an entry is out of bounds where an exact binomial test rejects that,"
            f" all entries together at {SURE:.0%}."
        ),
        verdict=(
            f"False alarms in at most {_rate(worst.false, worst.replicates)} of replicates ({worst.case.hypothesis},"
            f" {worst.case.on}). Of {len(found)} hypotheses, {len(wrong) or 'none'} is shown to err in more than"
            f" {ALPHA:.0%}{named}."
        ),
        ok=not wrong,
        command=command,
        tables=(_rates(found, sure),),
        data={"false alarms": {f"{c.case.hypothesis}, {c.case.on}, {c.case.min_effect:g}": c.false for c in found}},
        cpu_seconds=round(sum(seconds for _, seconds in chunks), 1),
    )


def main(replicates: int = REPLICATES, fixture: bool = False, processes: int = 2) -> int:
    """Measure at least `replicates` replicates of `SEEDS` seeds, print the result, and write the record.

    Returns an exit code: FAILED where too many are false alarms. Raises OneLineError for an argument that can't be
    used, a fixture that can't be read, or evidence that can't be written.
    """
    fewest = FEWEST if fixture else 1
    if replicates < fewest or processes < 1:
        raise OneLineError(f"--replicates must be at least {fewest}, not {replicates}, and --processes at least 1")
    numbers = range(-(-replicates * SEEDS // CHUNK))
    folder = (HERE / EVIDENCE).resolve()
    Store(folder).prepare()
    chunks = []
    for chunk in _measured(numbers, folder, min(processes, usable_cpus(), len(numbers))):
        chunks.append(chunk)
        print(f"{len(chunks)} of {len(numbers)} chunks of {CHUNK} seeds", flush=True)
    made = record(chunks, f"python -m harness aa --replicates {len(numbers) * CHUNK // SEEDS}")
    return publish(made, fixture)


def _measured(numbers: Sequence[int], folder: Path, processes: int) -> Iterator[Measured]:
    if processes == 1:
        yield from (measure(number, folder) for number in numbers)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(measure, folder=folder), numbers)


def _rates(found: Sequence[Count], sure: float) -> RecordTable:
    rows: list[list[RecordEntry | str]] = []
    for count in found:
        case, (low, high) = count.case, count.bounds
        right = "" if len(case.false) == 2 else "; supported is right here"
        rate = entry(
            f"{_rate(count.false, count.replicates)} [{100 * low:.1f}, {100 * high:.1f}]",
            tone="bad" if count.exceeds(sure) else "good",
            detail=f"{count.false} of {count.replicates} replicates: {' or '.join(case.false)}{right}",
        )
        seeds = f"{SEEDS} + {SEEDS}" if "other seeds" in case.hypothesis else str(case.seeds)
        shown = [_rate(count.conclusions.get(name, 0), count.replicates) for name in _SHOWN]
        rows.append([case.hypothesis, case.on, f"{case.min_effect:g}", seeds, str(count.replicates), *shown, rate])
    return table(
        title="How often the judge found a difference that does not exist",
        columns=("hypothesis", "on", "effect or margin", "seeds", "replicates", *_SHOWN, "false alarms [95 %]"),
        rows=rows,
        caption=(
            "Where no difference is claimed, supported is right and contradicted is the false alarm; at the margin's"
            " edge one arm was moved by the whole margin, and both are. With a smallest effect of 0 every rejection"
            " counts. Bounds are Clopper and Pearson's."
        ),
    )


def _rate(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"
