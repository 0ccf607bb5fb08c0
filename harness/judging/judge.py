"""The judge: turns a claim's numbers into a finding. One item of pytest, one hypothesis, one finding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from harness.evidence.store import address
from harness.judging import calibrated
from harness.judging.assay import insensitive
from harness.judging.chains import cpu_seconds
from harness.judging.claim import Claim
from harness.judging.run import Run
from harness.judging.untrained import ABOVE, ALONE, excess, of_one_chain, on_initialisation
from harness.judging.verdict import conclude, conclude_under_all
from harness.results.sample import Sample
from harness.results.schema import SEVERAL_TASKS, Amount, Conclusion, Finding, Reading
from harness.statistics import (
    Censored,
    Kind,
    Outcome,
    PerSeed,
    censored_ranks,
    contrast_test,
    detectable,
    paired_shares,
    require_finite,
    seeds_to_decide,
    swapped_spreads,
)

RETURN_UNIT = "normalised return"
RANK_UNIT = "P(holds out longer) - 1/2"
Span = tuple[float, float]
T = TypeVar("T")


class JudgedTwiceError(Exception):
    """An item judged more than one hypothesis."""


@dataclass
class Judge:
    """Turns a test's numbers into a finding: a claim's test calls one of its methods, once. The test's docstring is the
    hypothesis.

    A value that is NaN or infinite raises NotFiniteError, in one line that names it and its seed. What can't be judged
    (too few seeds, no spread, censoring everywhere) is underpowered, and says why.

    The smallest effect of interest, or the margin, is fixed before the run. Every method takes the same numbers under
    other readings, by name. Those of `sensitivity` are reported with the finding and never counted. `hangs_on` takes
    the readings that the paper leaves open: what does not hold under every one of them is underpowered, and says on
    what it hangs.

    untrained: of a finding on what a mask keeps, the effect of networks that learned nothing (`Run.untrained`). What
    exceeds it, and it alone, are two more readings; where it alone gives the same conclusion, the finding's note says
    that this follows from initialisation, in part where an excess is shown as well. Where the paper means what is
    learned, the effect itself is an `excess`.
    """

    claim: Claim
    name: str
    nodeid: str
    hypothesis: str
    runs: Sequence[Run]
    rerun: str
    gives_findings: bool
    finding: Finding | None = field(default=None, init=False)

    def greater(
        self,
        effect: PerSeed,
        *,
        min_effect: float,
        unit: str = RETURN_UNIT,
        span: Span | None = None,
        shares: bool = False,
        sensitivity: Mapping[str, PerSeed] | None = None,
        hangs_on: Mapping[str, PerSeed] | None = None,
        untrained: PerSeed | None = None,
        note: str = "",
    ) -> None:
        """The effect is above 0 and at least `min_effect`.

        span: the lowest and highest value that one chain can have in one condition, in `unit`; for normalised returns
        those of a random policy and of the best expert. Studentised verdicts must survive one more seed at its worst
        end. shares: whether it is a difference of two conditions of which each seed says yes (1) or no (0), such as a
        failure: then the exact paired test decides, here and in the two methods below. note: what is told with the
        finding, and was not measured seed by seed.
        """
        self._contrast("greater", effect, min_effect, unit, span, shares, sensitivity, hangs_on, None, untrained, note)

    def equivalent(
        self,
        effect: PerSeed,
        *,
        margin: float,
        unit: str = RETURN_UNIT,
        span: Span | None = None,
        shares: bool = False,
        sensitivity: Mapping[str, PerSeed] | None = None,
        hangs_on: Mapping[str, PerSeed] | None = None,
        able: Sequence[Run] | None = None,
        untrained: PerSeed | None = None,
    ) -> None:
        """The effect is within +-`margin`.

        able: the runs that must show that a difference could be seen (see `insensitive`); default: all.
        """
        self._contrast("equivalent", effect, margin, unit, span, shares, sensitivity, hangs_on, able, untrained)

    def non_inferior(
        self,
        effect: PerSeed,
        *,
        margin: float,
        unit: str = RETURN_UNIT,
        span: Span | None = None,
        shares: bool = False,
        sensitivity: Mapping[str, PerSeed] | None = None,
        hangs_on: Mapping[str, PerSeed] | None = None,
        able: Sequence[Run] | None = None,
        greater_by: float | None = None,
        note: str = "",
    ) -> None:
        """The effect is above -`margin`. able: see `equivalent`.

        greater_by: the smallest effect of one more reading, whether it is `greater`. note: see `greater`.
        """
        self._contrast("non-inferior", effect, margin, unit, span, shares, sensitivity, hangs_on, able, None, note)
        if greater_by is not None and self.gives_findings and self.finding is not None:
            width = effect.span or span or self._span(unit)
            outcome = calibrated.checked(contrast_test(effect, "greater", width), effect, "greater", width)
            reading = _reading("whether it is greater", "greater", greater_by, outcome, False)
            self.finding = self.finding.replace(sensitivity=(*self.finding.sensitivity, reading))

    def holds_out_longer(
        self,
        one: Censored,
        other: Censored,
        *,
        min_effect: float,
        sensitivity: Mapping[str, tuple[Censored, Censored]] | None = None,
        hangs_on: Mapping[str, tuple[Censored, Censored]] | None = None,
    ) -> None:
        """`one` breaks at a smaller density than `other`, unpaired and with censoring.

        The effect is P(a seed of `one` holds out longer) - 1/2, a tie counting half.
        """

        def tested(pair: tuple[Censored, Censored]) -> Outcome:
            return calibrated.checked_ranks(censored_ranks(*pair))

        def sample() -> Sample:
            events = (np.stack([group.earliest, group.latest], axis=1) for group in (one, other))
            return Sample.of("holds out", *events, seeds=self._seeds(one.values))

        self._judge("greater", min_effect, RANK_UNIT, tested, (one, other), sensitivity, hangs_on, sample)

    def spreads_wider(
        self,
        one: np.ndarray,
        other: np.ndarray,
        *,
        min_effect: float,
        unit: str,
        sensitivity: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
        hangs_on: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> None:
        """The seeds of `one` lie farther from their median than those of `other`: float[seeds, levels], in `unit`."""
        for name, pair in {"": (one, other), **(sensitivity or {}), **(hangs_on or {})}.items():
            for side, values in zip(("wider", "narrower"), pair, strict=True):
                require_finite(values, f"a value of the {side} condition{_of_reading(name)}", self._seeds(values))

        def tested(pair: tuple[np.ndarray, np.ndarray]) -> Outcome:
            return calibrated.checked_spreads(swapped_spreads(*pair), *pair, self._span(RETURN_UNIT))

        def sample() -> Sample:
            return Sample.of("spread", one, other, seeds=self._seeds(one))

        self._judge("greater", min_effect, unit, tested, (one, other), sensitivity, hangs_on, sample)

    def blank(self, conclusion: Conclusion, kind: Kind = "greater", min_effect: float = 0.0, unit: str = "") -> Finding:
        """A finding without numbers: for "not run", "error" and "smoke"."""
        return Finding(
            claim=self.claim.id,
            name=self.name,
            nodeid=self.nodeid,
            system=_common_system(self.runs),
            hypothesis=self.hypothesis,
            kind=kind,
            min_effect=min_effect,
            unit=unit,
            conclusion=conclusion,
            cells=tuple(dict.fromkeys(address(cell).key for run in self.runs for cell in run.cells())),
            cpu_seconds=cpu_seconds(self.runs),
            scale={str(run.system): _amounts(run) for run in self.judged},
            rerun=self.rerun,
        )

    @property
    def judged(self) -> list[Run]:
        """The runs that the finding is about."""
        return [run for run in self.runs if not run.assay]

    def _contrast(
        self,
        kind: Kind,
        effect: PerSeed,
        min_effect: float,
        unit: str,
        span: Span | None,
        shares: bool,
        sensitivity: Mapping[str, PerSeed] | None,
        hangs_on: Mapping[str, PerSeed] | None,
        able: Sequence[Run] | None = None,
        untrained: PerSeed | None = None,
        note: str = "",
    ) -> None:
        given = self._span(unit) if span is None else span
        beside: dict[str, PerSeed] = {}
        if untrained is not None:
            within = of_one_chain(effect, effect.span or given)
            beside = {ALONE: untrained, ABOVE: excess(effect, untrained, within)}
        readings = {**(sensitivity or {}), **beside}
        for name, each in {"": effect, **readings, **(hangs_on or {})}.items():
            require_finite(each.values, f"{each}{_of_reading(name)}", each.seeds)

        def tested(contrast: PerSeed) -> Outcome:
            width = contrast.span or given
            if shares and contrast is not beside.get(ABOVE):
                outcome = paired_shares(*_two(contrast))
            else:
                outcome = calibrated.checked(contrast_test(contrast, kind, width), contrast, kind, width)
            if contrast is untrained and outcome.refusal == "no spread":
                return replace(outcome, refusal="", refused="", lower=outcome.effect, upper=outcome.effect)
            if kind != "greater" and contrast is effect and (why := insensitive(self.runs if able is None else able)):
                return replace(outcome, refused=why, refusal="insensitive")
            return outcome

        def sample() -> Sample:
            return Sample.of("mean", effect.values, seeds=effect.seeds)

        self._judge(kind, min_effect, unit, tested, effect, readings, hangs_on, sample)
        if self.finding is not None:
            follows = on_initialisation(self.finding) if beside and self.finding.judged else ""
            self.finding = self.finding.replace(note=f"{note} {follows}".strip())

    def _judge(
        self,
        kind: Kind,
        min_effect: float,
        unit: str,
        tested: Callable[[T], Outcome],
        effect: T,
        sensitivity: Mapping[str, T] | None,
        hangs_on: Mapping[str, T] | None,
        sample: Callable[[], Sample],
    ) -> None:
        if self.finding is not None:
            raise JudgedTwiceError(f"{self.nodeid} judged two hypotheses; a test must call the judge once")
        finding = self.blank("smoke", kind, min_effect, unit)
        if not self.gives_findings:
            self.finding = finding.replace(reason="A smoke run checks that everything runs; it judges nothing.")
            return
        outcome = tested(effect)
        counted = {name: tested(other) for name, other in (hangs_on or {}).items()}
        found = {name: conclude(kind, min_effect, each) for name, each in {"": outcome, **counted}.items()}
        conclusion, reason, hanging = conclude_under_all(found)
        needed = None
        if conclusion == "underpowered" and not hanging:
            seeds = [seeds_to_decide(each, kind, min_effect) for each in (outcome, *counted.values())]
            needed = None if None in seeds else max(count for count in seeds if count is not None)
        readings = {name: (tested(other), False) for name, other in (sensitivity or {}).items()}
        readings |= {name: (each, True) for name, each in counted.items()}
        self.finding = finding.replace(
            conclusion=conclusion,
            reason=reason,
            test=outcome.test,
            n=tuple(map(int, outcome.n)),
            effect=outcome.effect,
            lower=outcome.lower,
            upper=outcome.upper,
            p=outcome.p,
            detectable=detectable(outcome, kind, min_effect),
            seeds_needed=needed,
            hangs_on=hanging,
            refusal=outcome.refusal,
            refused=outcome.refused,
            sample=sample(),
            sensitivity=tuple(_reading(name, kind, min_effect, *each) for name, each in readings.items()),
        )

    def _span(self, unit: str) -> Span:
        """What one chain can have in this unit: of returns the widest of the runs' tasks, of anything else a share."""
        if not self.runs or unit != RETURN_UNIT:
            return 0.0, 1.0
        lowest, highest = zip(*(run.normalised_span for run in self.runs), strict=True)
        return min(lowest), max(highest)

    def _seeds(self, values: np.ndarray) -> tuple[int, ...] | None:
        """Those of the runs, where they have as many as values: for messages."""
        seeds = self.runs[0].seeds if self.runs else ()
        return seeds if len(seeds) == len(values) else None


def _of_reading(name: str) -> str:
    return f", under the reading {name!r}," if name else ""


def _two(contrast: PerSeed) -> tuple[np.ndarray, np.ndarray]:
    """The values of a difference of two conditions. Raises ValueError for another contrast."""
    if not contrast.is_pair or max(contrast.weights.values()) != 1:
        raise ValueError(f"shares of two conditions are compared, one less the other, not {contrast}")
    first, second = sorted(contrast.weights, key=lambda label: -contrast.weights[label])
    return contrast.parts[first], contrast.parts[second]


def _reading(name: str, kind: Kind, min_effect: float, outcome: Outcome, counts: bool) -> Reading:
    return Reading(
        name=name,
        counts=counts,
        effect=outcome.effect,
        lower=outcome.lower,
        upper=outcome.upper,
        p=outcome.p,
        conclusion=conclude(kind, min_effect, outcome)[0],
    )


def _amounts(run: Run) -> dict[str, Amount]:
    return {quantity: Amount(here=row["here"], paper=row["paper"]) for quantity, row in run.scale.items()}


def _common_system(runs: Sequence[Run]) -> str:
    """Task and learner where all runs share them, else what they share: what coverage counts."""
    tasks = SEVERAL_TASKS.join(dict.fromkeys(run.system.task for run in runs))
    learners = dict.fromkeys(run.system.learner for run in runs)
    return " ".join([tasks, *(learners if len(learners) == 1 else ())]).strip()
