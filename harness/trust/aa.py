"""A/A runs: how often the judgement sees a difference between trainings that differ by chance alone.

Whole ticket chains of Cart-Pole are trained by behavioural cloning, a few times per seed, each an **arm**: they start
from the same weights and are evaluated and scored on the same starts, as the conditions of a claim are, but learn from
other rollouts in other orders. So the arms of a seed are exchangeable, whatever returns are distributed like, and each
difference that is found is a false alarm. Budgets are so small, and levels so sparse, that returns vary: near the
ceiling with failures at level 1, from the floor to the ceiling at the last one.

A replicate is a group of seeds as large as a claim's, judged by the judge itself. Trained evidence lies in
.claims/trust/aa, an ordinary evidence store: an interrupted run goes on from its last level.
"""

import dataclasses
import functools
import multiprocessing
import operator
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from harness.evidence.drain import drain
from harness.evidence.plan import all_cells
from harness.evidence.store import Store, StoreError, address
from harness.experiment import Cell, Experiment
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.learners.bc import BC
from harness.learners.training import Evaluation
from harness.machine import usable_cpus
from harness.networks.mlp import Network
from harness.profiles.profile import AA_BLOCK, SEEDS_PER_BLOCK
from harness.pruning.conditions import TICKET
from harness.pruning.layout import densities
from harness.pruning.settings import Pruning
from harness.results.records import HERE, Entry, Record, Table, leave
from harness.results.schema import Conclusion
from harness.statistics import PerSeed, Reference, area, break_density, normalised_return
from harness.tasks.cart_pole import CartPole
from harness.tasks.references import read_reference
from harness.trust.retrained import Retrained

ARMS = 4
REPLICATES = 400
SEEDS, TWICE = 20, 40
"""Of a replicate: the scaled profile's, and what claims of no difference take."""
CHUNK = 200
"""Seeds trained together: ten replicates, five of the larger ones."""
ALPHA = 0.05
SURE = 0.01
"""Chance that a judgement which errs exactly at `ALPHA` everywhere is found to err more, over the whole table."""
FEWEST = 200
"""Replicates under which a record isn't committed, of the larger ones."""
MOST = 1_000_000
EVIDENCE = "aa"


def experiment(arm: int) -> Experiment:
    """The chains of one arm. Chosen by how returns lie at levels 1 to 3, on seeds of block 2000, which nothing uses."""
    learner = Retrained(BC(learning_rate=0.02, env_steps=512, envs=4, batch=32, passes=4), arm)
    return Experiment(
        CartPole(horizon=200),
        learner,
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

    def of(self, arm: int, level: int | None, shift: float = 0.0) -> PerSeed:
        """Normalised return of an arm at a level, or its area over all of them, plus `shift`."""
        returns = self.returns[arm]
        values = area(returns) if level is None else returns[:, level]
        return PerSeed.of(f"arm {arm}", values + shift, self.seeds)


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
    levels = range(1, experiment(0).pruning.levels + 1)
    measures: dict[str, int | None] = {"area": None}
    measures |= {f"level {level} alone": level for level in levels}
    found = []
    for on, level in measures.items():
        for min_effect in (0.05, 0.0) if level is None else (0.0,):
            for name, weights in CONTRASTS.items():
                found.append(Case(f"greater, {name}", on, min_effect, partial(_greater, level, weights, min_effect)))
        for name, judge, side in (("equivalent", _equivalent, 1), ("non-inferior", _non_inferior, -1)):
            found.append(Case(name, on, _MARGIN, partial(judge, level, 0.0), TWICE, ("contradicted",)))
            found.append(
                Case(f"{name}, at the margin's edge", on, _MARGIN, partial(judge, level, side * _MARGIN), TWICE)
            )
    for min_effect in (0.14, 0.0):
        found.append(
            Case("holds out longer, the same seeds", "break density", min_effect, partial(_longer, min_effect))
        )
        found.append(
            Case("holds out longer, other seeds", "break density", min_effect, partial(_longer, min_effect), TWICE)
        )
    for min_effect in (0.02, 0.0):
        found.append(Case("spreads wider", "all levels", min_effect, partial(_wider, min_effect)))
    return found


CONTRASTS = {
    "a pair": (1, -1),
    "contrast of three": (2, -1, -1),
    "contrast of four": (1, -1, -1, 1),
}
"""Weights of the arms. Of three: mask part - weights part; of four: a part here - the same part there."""
_MARGIN = 0.1


def _greater(level: int | None, weights: Sequence[float], min_effect: float, judge: Judge, group: Group) -> None:
    judge.greater(_contrast(group, level, weights), min_effect=min_effect, span=group.span)


def _contrast(group: Group, level: int | None, weights: Sequence[float]) -> PerSeed:
    return functools.reduce(operator.add, (weight * group.of(arm, level) for arm, weight in enumerate(weights)))


def _equivalent(level: int | None, shift: float, judge: Judge, group: Group) -> None:
    judge.equivalent(group.of(0, level, shift) - group.of(1, level), margin=_MARGIN, span=group.span, able=())


def _non_inferior(level: int | None, shift: float, judge: Judge, group: Group) -> None:
    judge.non_inferior(group.of(0, level, shift) - group.of(1, level), margin=_MARGIN, span=group.span, able=())


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
    """What the judge and the rules of `verdict` make of one replicate."""
    judge = Judge(
        claim=Claim("a/a", "none", "none", 1, "returns"),
        name=case.hypothesis,
        nodeid=case.hypothesis,
        hypothesis=case.hypothesis,
        runs=(),
        rerun="",
        gives_findings=True,
    )
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
        found = stats.binomtest(self.false, self.replicates).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)

    def exceeds(self, sure: float) -> bool:
        """Whether the exact binomial test, one-sided at `sure`, rejects a rate of at most `ALPHA`."""
        return bool(stats.binomtest(self.false, self.replicates, ALPHA, alternative="greater").pvalue < sure)


@dataclass(frozen=True)
class Chunk:
    """What the seeds of one chunk came to: conclusions per case, in the order of the replicates, and how returns lay.

    returns: float64[arms, seeds, levels + 1], normalised. trained_seconds: CPU time behind the evidence.
    """

    conclusions: list[list[Conclusion]]
    returns: np.ndarray
    trained_seconds: float
    judged_seconds: float


def measure(number: int, folder: Path) -> Chunk:
    """Train what is missing of chunk `number`, and judge its replicates."""
    first = AA_BLOCK * SEEDS_PER_BLOCK + number * CHUNK
    seeds = tuple(range(first, first + CHUNK))
    whole, seconds = trained(seeds, Store(folder))
    started = time.process_time()
    found = [[conclusion(case, group) for group in groups(whole, case.seeds)] for case in cases()]
    return Chunk(found, whole.returns, seconds, time.process_time() - started)


def trained(seeds: tuple[int, ...], store: Store) -> tuple[Group, float]:
    """All arms of these seeds, from the store or trained now, and the CPU seconds that they took.

    Raises RuntimeError where a training fails.
    """
    experiments = [experiment(arm) for arm in range(ARMS)]
    cells = all_cells(Cell(e, TICKET, seeds) for e in experiments)
    if failed := drain(cells, store).failed:
        raise RuntimeError(next(iter(failed.values())))
    task = experiments[0].task
    reference = Reference(**read_reference(task.name, task.horizon))
    returns = [
        np.stack([level for cell in cells if cell.experiment == e for level in _scored(cell, store)], axis=1)
        for e in experiments
    ]
    low, high = normalised_return([task.minimum_return, task.maximum_return], reference)
    group = Group(normalised_return(returns, reference), seeds, densities(experiments[0]), (float(low), float(high)))
    return group, sum(store.cpu_seconds(address(cell)) for cell in cells)


def groups(whole: Group, size: int) -> Iterator[Group]:
    """The replicates of `size` seeds, one after the other; a rest is left out."""
    for first in range(0, len(whole.seeds) - size + 1, size):
        part = slice(first, first + size)
        yield dataclasses.replace(whole, returns=whole.returns[:, part], seeds=whole.seeds[part])


def _scored(cell: Cell, store: Store) -> Iterator[np.ndarray]:
    for level in cell.levels:
        found = store.read(address(cell), level)
        assert found is not None, "drained"
        yield found.scored_returns


def counts(conclusions: Sequence[Sequence[Sequence[Conclusion]]]) -> list[Count]:
    """How often each case came to what. conclusions: by chunk, case and replicate."""
    found = []
    for number, case in enumerate(cases()):
        found.append(Count(case, Counter(conclusion for chunk in conclusions for conclusion in chunk[number])))
    return found


def record(chunks: Sequence[Chunk], command: str) -> Record:
    """The record of what these chunks came to."""
    found = counts([chunk.conclusions for chunk in chunks])
    wrong = [count for count in found if count.exceeds(SURE / len(found))]
    worst = max(found, key=lambda count: count.false / count.replicates)
    most = f"{_rate(worst.false, worst.replicates)} of replicates ({worst.case.hypothesis}, {worst.case.on})"
    named = ", ".join(f"{count.case.hypothesis} on {count.case.on}" for count in wrong)
    tail = f": {named}" if wrong else ""
    returns = np.concatenate([chunk.returns for chunk in chunks], axis=1)
    seconds = sum(chunk.trained_seconds + chunk.judged_seconds for chunk in chunks)
    return Record(
        name="aa",
        title="A/A runs",
        says=(
            f"{returns.shape[1]} seeds of Cart-Pole, each trained by behavioural cloning {ARMS} times over whole ticket"
            " chains: the same first weights, the same evaluation and scoring starts, other rollouts and minibatches."
            " So every difference between these arms is chance. The judge decided each hypothesis type on groups of"
            f" {SEEDS} seeds ({TWICE} where no difference is claimed), as it decides claims but for assay sensitivity:"
            " the bar of dense learning is not asked for. False alarms should be at"
            f" most {ALPHA:.0%}; an entry is out of bounds where an exact binomial test rejects that, all entries"
            f" together at {SURE:.0%}."
        ),
        verdict=(
            f"False alarms in at most {most}. Of {len(found)} hypotheses, {len(wrong) or 'none'} can be said to err in"
            f" more than {ALPHA:.0%}{tail}."
        ),
        ok=not wrong,
        command=command,
        tables=(_rates(found), _returns(returns)),
        data={
            "alpha": ALPHA,
            "sure": SURE,
            "replicates": {str(count.case.seeds): count.replicates for count in found},
            "hypotheses": [_plain(count, SURE / len(found)) for count in found],
        },
        cpu_seconds=round(seconds, 1),
    )


def main(replicates: int = REPLICATES, fixture: bool = False, processes: int = 2) -> int:
    """Measure at least so many replicates of `SEEDS` seeds, print what came out, and write the record.

    Returns the exit code: 0, 1 where too many are false alarms, 3 where evidence can't be written, 4 for an argument
    that can't be used. Raises harness.files.FixtureError.
    """
    fewest = FEWEST * TWICE // SEEDS if fixture else 1
    if not (fewest <= replicates <= MOST and processes >= 1):
        kept = " for a record that is committed" if fixture else ""
        print(f"error: replicates{kept} must be from {fewest} to {MOST}, not {replicates}, on at least one process")
        return 4
    numbers = range(-(-replicates * SEEDS // CHUNK))
    folder = (HERE / EVIDENCE).resolve()
    chunks = []
    try:
        Store(folder).prepare()
        for chunk in _measured(numbers, folder, min(processes, usable_cpus(), len(numbers))):
            chunks.append(chunk)
            print(f"{len(chunks)} of {len(numbers)} chunks of {CHUNK} seeds", flush=True)
    except StoreError as error:
        print(f"error: {error}")
        return 3
    made = record(chunks, f"python -m harness aa --replicates {len(numbers) * CHUNK // SEEDS}")
    for row in made.tables[0].rows:
        print("  ".join(entry if isinstance(entry, str) else entry.text for entry in row))
    print(made.verdict)
    for path in leave(made, fixture):
        print(f"record: {path}")
    return 0 if made.ok else 1


def _measured(numbers: Sequence[int], folder: Path, processes: int) -> Iterator[Chunk]:
    if processes == 1:
        yield from (measure(number, folder) for number in numbers)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(measure, folder=folder), numbers)


def _rates(found: Sequence[Count]) -> Table:
    rows: list[list[Entry | str]] = []
    for count in found:
        low, high = count.bounds
        kept = not count.exceeds(SURE / len(found))
        rates = [_rate(count.conclusions.get(name, 0), count.replicates) for name in _SHOWN]
        right = "" if len(count.case.false) == 2 else "; supported is right here"
        rows.append(
            [
                count.case.hypothesis,
                count.case.on,
                f"{count.case.min_effect:g}",
                str(count.case.seeds if "other seeds" not in count.case.hypothesis else f"{SEEDS} + {SEEDS}"),
                str(count.replicates),
                *rates,
                Entry(
                    f"{_rate(count.false, count.replicates)} [{100 * low:.1f}, {100 * high:.1f}]",
                    "good" if kept else "bad",
                    f"{count.false} of {count.replicates} replicates: {' or '.join(count.case.false)}{right}",
                ),
            ]
        )
    return Table(
        "How often the judgement saw a difference that is not there",
        ["hypothesis", "on", "smallest effect or margin", "seeds", "replicates", *_SHOWN, "false alarms [95 %]"],
        rows,
        caption=(
            "Where no difference is claimed, supported is right and contradicted is the false alarm; at the margin's"
            " edge one arm was moved by the whole margin, and both are. With a smallest effect of 0 every rejection"
            " counts. Bounds are Clopper and Pearson's."
        ),
    )


_SHOWN: tuple[Conclusion, ...] = ("supported", "contradicted", "equivalent", "underpowered")


def _returns(returns: np.ndarray) -> Table:
    """How the returns lay. returns: float64[arms, seeds, levels + 1]."""
    shares = densities(experiment(0))
    rows = []
    for level, share in enumerate(shares):
        here = returns[:, :, level]
        between = np.corrcoef(here)[np.triu_indices(ARMS, 1)].mean()
        rows.append(
            [
                f"level {level}, {100 * share:.1f} %",
                *(f"{value:.2f}" for value in (here.mean(), here.std(axis=1).mean())),
                *(f"{100 * np.mean(where):.0f} %" for where in (here > 0.99, here < 0.5, here < 0.02)),
                f"{between:.2f}",
            ]
        )
    return Table(
        "What the returns were like",
        ["density", "mean", "sd over seeds", "above 0.99", "under 0.5", "under 0.02", "correlation of arms"],
        rows,
        caption="Normalised return: 0 is the random policy, 1 the expert.",
    )


def _plain(count: Count, sure: float) -> dict[str, Any]:
    low, high = count.bounds
    case = count.case
    return {
        "hypothesis": case.hypothesis,
        "on": case.on,
        "smallest": case.min_effect,
        "seeds": case.seeds,
        "replicates": count.replicates,
        "conclusions": dict(count.conclusions),
        "false": list(case.false),
        "rate": count.false / count.replicates,
        "lower": low,
        "upper": high,
        "ok": not count.exceeds(sure),
    }


def _rate(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"
