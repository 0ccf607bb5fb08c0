"""The judge: turns a claim's numbers into a finding. One item of pytest, one hypothesis, one finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.evidence.store import address
from harness.judging import calibrated as basis
from harness.judging.assay import insensitive
from harness.judging.claim import Claim
from harness.judging.run import Run, cpu_seconds
from harness.judging.verdict import conclude
from harness.results.schema import Finding, Reading, Sample
from harness.statistics import (
    Censored,
    Kind,
    Outcome,
    PerSeed,
    censored_ranks,
    contrast_test,
    detectable,
    require_finite,
    seeds_to_decide,
    swapped_spreads,
)

RETURN_UNIT = "normalised return"


class JudgedTwiceError(Exception):
    """An item judged more than one hypothesis."""


@dataclass
class Judge:
    """What a claim's test calls, once, with its numbers. Its hypothesis is the test's docstring.

    A value that is NaN or infinite is an error, in one line that names it and its seed; what can't be judged (too few
    seeds, no spread, censoring everywhere) is underpowered, and says why.

    Every method takes `sensitivity`: the same numbers under other readings, by name; they are reported with the
    finding and never counted. The smallest effect of interest, or the margin, is fixed before the run.
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
        span: tuple[float, float] | None = None,
        sensitivity: Mapping[str, PerSeed] | None = None,
    ) -> None:
        """The effect is above 0 and at least `min_effect`.

        span: the lowest and highest value that one chain can have in one condition, in `unit`; for normalised
        returns those that the task allows. Studentised verdicts must survive one more seed at its worst end.
        """
        self._judge("greater", effect, min_effect, unit, span, sensitivity)

    def equivalent(
        self,
        effect: PerSeed,
        *,
        margin: float,
        unit: str = RETURN_UNIT,
        span: tuple[float, float] | None = None,
        sensitivity: Mapping[str, PerSeed] | None = None,
        able: Sequence[Run] | None = None,
    ) -> None:
        """The effect is within +-`margin`.

        able: the runs that must show that a difference could be seen (see `insensitive`); default: all.
        """
        self._judge("equivalent", effect, margin, unit, span, sensitivity, able)

    def non_inferior(
        self,
        effect: PerSeed,
        *,
        margin: float,
        unit: str = RETURN_UNIT,
        span: tuple[float, float] | None = None,
        sensitivity: Mapping[str, PerSeed] | None = None,
        able: Sequence[Run] | None = None,
    ) -> None:
        """The effect is above -`margin`. able: see `equivalent`."""
        self._judge("non-inferior", effect, margin, unit, span, sensitivity, able)

    def holds_out_longer(
        self,
        one: Censored,
        other: Censored,
        *,
        min_effect: float,
        sensitivity: Mapping[str, tuple[Censored, Censored]] | None = None,
    ) -> None:
        """`one` breaks at a smaller density than `other`, unpaired and with censoring.

        The effect is P(a seed of `one` holds out longer) - 1/2, a tie counting half.
        """
        if not self.gives_findings:
            self._record("greater", min_effect, _RANK_UNIT, None, {})
            return
        sample = Sample.of(
            "holds out",
            *(np.stack([group.earliest, group.latest], axis=1) for group in (one, other)),
            seeds=self._seeds(one.values),
        )
        others = {name: basis.checked_ranks(censored_ranks(*pair)) for name, pair in (sensitivity or {}).items()}
        self._record("greater", min_effect, _RANK_UNIT, basis.checked_ranks(censored_ranks(one, other)), others, sample)

    def spreads_wider(
        self,
        one: np.ndarray,
        other: np.ndarray,
        *,
        min_effect: float,
        unit: str,
        sensitivity: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> None:
        """The seeds of `one` lie farther from their median than those of `other`: float[seeds, levels], in `unit`."""
        if not self.gives_findings:
            self._record("greater", min_effect, unit, None, {})
            return
        for name, (first, second) in {"": (one, other), **(sensitivity or {})}.items():
            where = f", reported as the reading {name!r}," if name else ""
            require_finite(first, f"a value of the wider condition{where}", self._seeds(first))
            require_finite(second, f"a value of the narrower condition{where}", self._seeds(second))
        span = self.runs[0].normalised_span if self.runs else (0.0, 1.0)
        others = {name: _tested_spreads(*pair, span) for name, pair in (sensitivity or {}).items()}
        sample = Sample.of("spread", one, other, seeds=self._seeds(one))
        self._record("greater", min_effect, unit, _tested_spreads(one, other, span), others, sample)

    def _judge(
        self,
        kind: Kind,
        effect: PerSeed,
        min_effect: float,
        unit: str,
        span: tuple[float, float] | None,
        sensitivity: Mapping[str, PerSeed] | None,
        able: Sequence[Run] | None = None,
    ) -> None:
        require_finite(effect.values, str(effect), effect.seeds)
        for name, other in (sensitivity or {}).items():
            require_finite(other.values, f"{other}, reported as the reading {name!r},", other.seeds)
        if not self.gives_findings:
            self._record(kind, min_effect, unit, None, {})
            return
        if span is None:
            span = self.runs[0].normalised_span if self.runs and unit == RETURN_UNIT else (0.0, 1.0)
        others = {name: _tested(other, kind, span) for name, other in (sensitivity or {}).items()}
        outcome = _tested(effect, kind, span)
        if kind != "greater" and (why := insensitive(self.runs if able is None else able)):
            outcome = replace(outcome, refused=why)
        self._record(kind, min_effect, unit, outcome, others, Sample.of("mean", effect.values, seeds=effect.seeds))

    def _record(
        self,
        kind: Kind,
        min_effect: float,
        unit: str,
        outcome: Outcome | None,
        sensitivity: Mapping[str, Outcome],
        sample: Sample | None = None,
    ) -> None:
        if self.finding is not None:
            raise JudgedTwiceError(f"{self.nodeid} judged two hypotheses; one item is one finding")
        finding = self.blank("smoke", kind, min_effect, unit)
        if outcome is None:
            self.finding = finding.replace(reason="A smoke run shows that everything runs and judges nothing.")
            return
        conclusion, reason = conclude(kind, min_effect, outcome)
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
            seeds_needed=seeds_to_decide(outcome, kind, min_effect) if conclusion == "underpowered" else None,
            refusal=getattr(outcome, "refusal", "") or ("other" if outcome.refused else ""),
            refused=outcome.refused,
            sample=sample,
            sensitivity=tuple(_reading(name, kind, min_effect, other) for name, other in sensitivity.items()),
        )

    def _seeds(self, values: np.ndarray) -> tuple[int, ...] | None:
        """Those of the runs, where they have as many as values: for messages."""
        seeds = self.runs[0].seeds if self.runs else ()
        return seeds if len(seeds) == len(values) else None

    @property
    def judged(self) -> list[Run]:
        """The runs that the finding is about."""
        return [run for run in self.runs if not run.assay]

    def blank(self, conclusion: Any, kind: Kind = "greater", min_effect: float = 0.0, unit: str = "") -> Finding:
        """A finding that holds nothing but where it stands: for "not run", "error" and "smoke"."""
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
            scale={str(run.system): run.scale for run in self.judged},
            rerun=self.rerun,
        )


_RANK_UNIT = "P(holds out longer) - 1/2"


def _tested(effect: PerSeed, kind: Kind, span: tuple[float, float]) -> Outcome:
    """The outcome, refused where the calibration says that no verdict may rest on it."""
    return basis.checked(contrast_test(effect, kind, span), effect, kind, span)


def _tested_spreads(one: np.ndarray, other: np.ndarray, span: tuple[float, float]) -> Outcome:
    return basis.checked_spreads(swapped_spreads(one, other), one, other, span)


def _reading(name: str, kind: Kind, min_effect: float, outcome: Outcome) -> Reading:
    conclusion, _ = conclude(kind, min_effect, outcome)
    return Reading(
        name=name,
        effect=outcome.effect,
        lower=outcome.lower,
        upper=outcome.upper,
        p=outcome.p,
        conclusion=conclusion,
    )


def _common_system(runs: Sequence[Run]) -> str:
    """Task and learner where all runs share them, else what they share: what coverage counts."""
    tasks = dict.fromkeys(run.system.task for run in runs)
    learners = dict.fromkeys(run.system.learner for run in runs)
    return " ".join([*tasks, *(learners if len(learners) == 1 else ())])
