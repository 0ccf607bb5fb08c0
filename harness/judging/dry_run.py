"""What a claim's test asks of its numbers, found before anything is trained: it is called on planted chains.

Planted chains have no noise. All networks, pruned or not, return what the task's experts return from their first
evaluation on: from there a failing chain falls furthest, so this is the worst case for the guard. Masks are those of
the untrained network. What the test can ever show follows from its one call of the judge: from its kind, the weights of
its contrast, the span of a chain, and its seeds.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import Any, ClassVar, Never

import numpy as np

from harness.evidence.store import Address, address
from harness.experiment import Cell, Experiment
from harness.judging import calibrated
from harness.judging.chains import Chains, Measure, Scene
from harness.judging.judge import RANK_UNIT, RETURN_UNIT, Judge, Span
from harness.judging.run import Run
from harness.judging.untrained import untrained_level
from harness.pruning.conditions import TICKET
from harness.pruning.level import Level
from harness.statistics import Censored, Kind, PerSeed, asked, floor, seeds_for
from harness.statistics.guard import reaches
from harness.statistics.inference import Test
from harness.statistics.power import FEWEST
from harness.tasks.references import read_reference

SD = 0.07
"""Of one condition over seeds, as a share of its span: paired differences of area lay 0.07 to 0.10 apart at the scaled
profile, whatever their mean."""


@dataclass(frozen=True)
class PlannedFinding:
    """What a finding asks for. n: seeds per group. reach: how far one failing chain moves its contrast; of spreads the
    width of the span. sd: expected of its effect over seeds. conditions: that are compared."""

    claim: str
    name: str
    kind: Kind
    min_effect: float
    unit: str
    test: Test
    n: int
    reach: float = 0.0
    sd: float = 0.0
    conditions: int = 2

    @property
    def floor(self) -> float:
        """The smallest effect or margin that its seeds can show; see `statistics.floor`."""
        return floor(self.test, self.kind, self.n, self.reach)

    @property
    def provable(self) -> bool:
        """Whether what is asked of its seeds can be supported at all."""
        return not self.uncalibrated and self.floor <= asked(self.kind, self.min_effect)

    @cached_property
    def uncalibrated(self) -> str:
        """Why no verdict may rest on its test, whatever the data are; empty where one may. The exact test of shares
        needs no calibration."""
        if self.test == "paired shares" or self.n < FEWEST[self.test]:
            return ""
        table = calibrated.committed()
        always = [shape for shape in table.shapes if not shape.needs and not shape.indistinguishable]
        why = table.refusal(self.test, self.kind, self.conditions, self.n, always)
        return why[1] if why else ""

    @cached_property
    def fewest(self) -> int | None:
        """Seeds from which on it is provable."""
        return seeds_for(self.test, self.kind, self.min_effect, self.reach)

    @cached_property
    def seeds(self) -> int | None:
        """Seeds that show what is asked for 9 times in 10; see `statistics.seeds_for`."""
        return seeds_for(self.test, self.kind, self.min_effect, self.reach, self.sd)

    def refusal(self, profile_seeds: int) -> str:
        """Why it can't be judged at these seeds, in one line. profile_seeds: those of which its own are a multiple."""
        if self.uncalibrated:
            return f"claim {self.claim}: {self.name} can't be supported: {self.uncalibrated}"
        if self.fewest is None:
            do = "no number of seeds would do: it needs a larger one"
        else:
            do = f"{self.fewest} seeds would do (--claims-seeds {ceil(self.fewest * profile_seeds / self.n)})"
        what = "an effect of twice" if self.kind == "greater" else "a margin of"
        shown = f"shows none under {self.floor:.2g}" if self.floor < np.inf else "judges nothing"
        return (
            f"claim {self.claim}: {self.name} can't be supported on {self.n} seeds: it asks for {what}"
            f" {self.min_effect:g}, and the {self.test} test {shown} there; {do}"
        )


@dataclass(frozen=True)
class PlantedScene(Scene):
    """Where runs have planted chains. One member stands for all: they are alike."""

    planted: ClassVar[bool] = True
    _levels: dict[tuple[Experiment, int], Level] = field(default_factory=dict, init=False, repr=False)

    def measure(self, where: Address, level: int, measure: Measure) -> np.ndarray:
        """`measure` of one planted member, for each seed of the cell."""
        cell = where.cell
        key = (cell.experiment, level)
        if key not in self._levels:
            self._levels[key] = planted_level(replace(cell, seeds=(0,)), level)
        one = np.asarray(measure(self._levels[key]), dtype=np.float64)
        return np.repeat(one, len(cell.seeds), axis=0)

    def measure_untrained(self, chains: Chains, level: int, measure: Measure) -> np.ndarray:
        """`measure` of one untrained member, for each seed: planted chains have its masks."""
        one = Cell(chains.experiment, TICKET, (0,))
        return np.repeat(self.measure(address(one), level, measure), len(chains.seeds), axis=0)

    def read(self, where: Address, level: int) -> Level:
        """A planted level of all members."""
        return planted_level(where.cell, level)


def planted_level(cell: Cell, level: int) -> Level:
    """One level of a planted chain."""
    e, members = cell.experiment, len(cell.seeds)
    expert = read_reference(e.task.name, e.task.horizon)["expert"]
    return replace(
        untrained_level(e, cell.seeds, level),
        scores=np.full((members, e.evaluation.scored_episodes), expert),
        evaluations=np.full((members, e.evaluation.per_training), expert),
        trained_fraction=np.ones(members),
    )


class _AskedError(Exception):
    """The test has called the judge; nothing after it is of interest."""


class DryJudge(Judge):
    """A judge that only notes what it is asked."""

    asked: PlannedFinding | None = None

    def holds_out_longer(self, one: Censored, other: Censored, *, min_effect: float, **_: Any) -> None:
        """Ranks of two groups."""
        n = min(one.values.shape[-1], other.values.shape[-1])
        self._note("greater", min_effect, RANK_UNIT, "censored ranks", n, sd=1.0)

    def spreads_wider(self, one: np.ndarray, other: np.ndarray, *, min_effect: float, unit: str, **_: Any) -> None:
        """Distances from the median."""
        low, high = self._span(RETURN_UNIT)
        self._note("greater", min_effect, unit, "swapped spreads", len(one), high - low, SD)

    def _contrast(
        self,
        kind: Kind,
        effect: PerSeed,
        min_effect: float,
        unit: str,
        span: Span | None,
        shares: bool,
        *_: Any,
        **__: Any,
    ) -> None:
        n, weights = len(effect.seeds), np.array(list(effect.weights.values()))
        low, high = effect.span or span or self._span(unit)
        parts = np.array([effect.parts[label] for label in effect.weights])
        if len(parts) == 1:  # against a number: it lies where what is asked for would
            parts[:] = (min_effect if kind == "greater" else 0.0) / weights[0]
        width = max(high, parts.max()) - min(low, parts.min())
        sd = SD * (1.0 if unit == RETURN_UNIT else width) * float(np.sqrt((weights**2).sum()))
        if shares:
            self._note(kind, min_effect, unit, "paired shares", n, sd=SD)
        if kind == "greater" and effect.is_pair:
            self._note(kind, min_effect, unit, "sign-flip", n, sd=sd)
        fall, rise = map(float, reaches(parts, weights, (low, high)))
        reach = fall if kind != "equivalent" else max(fall, rise)
        self._note(kind, min_effect, unit, "guarded t", n, reach, sd, len(effect.conditions))

    def _judge(self, *_: Any, **__: Any) -> Never:
        raise _AskedError  # by a method that is not known here

    def _note(
        self,
        kind: Kind,
        min_effect: float,
        unit: str,
        test: Test,
        n: int,
        reach: float = 0.0,
        sd: float = 0.0,
        conditions: int = 2,
    ) -> Never:
        self.asked = PlannedFinding(self.claim.id, self.name, kind, min_effect, unit, test, n, reach, sd, conditions)
        raise _AskedError


def planned(
    judge: Judge, test: Callable[..., None], parameters: Mapping[str, Any], scene: Scene
) -> PlannedFinding | str | None:
    """What the finding of a judge asks for at a scene's profile. test: the claim's, with its parameters.

    Where that can't be known, why not, in words: the test takes other fixtures, or fails or asks nothing on planted
    chains. None where it names no run, or is skipped or failed by pytest's own outcomes.
    """
    planted = PlantedScene(scene.profile, scene.block, scene.store)
    bound = {name: value.bind(planted) if isinstance(value, Run) else value for name, value in parameters.items()}
    runs = [value for value in bound.values() if isinstance(value, Run)]
    names = inspect.signature(test).parameters
    if not runs:
        return None
    dry = DryJudge(judge.claim, judge.name, judge.nodeid, judge.hypothesis, runs, judge.rerun, judge.gives_findings)
    given = {**bound, "judge": dry}
    if others := [name for name in names if name not in given]:
        return f"it takes {', '.join(others)}"
    try:
        test(**{name: given[name] for name in names})
    except _AskedError:
        return dry.asked
    except (KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        return f"{type(error).__name__} {' '.join(str(error).split())}".strip()
    except BaseException:  # pytest's outcomes, such as a skip, are no Exception
        return None
    return "it asks nothing of the judge"
