"""Assay sensitivity: whether "no difference" means anything on a system (DESIGN, "From numbers to verdicts")."""

from collections.abc import Sequence

from harness.judging import calibrated as basis
from harness.judging.run import Run
from harness.judging.verdict import conclude
from harness.pruning.conditions import DENSE
from harness.statistics import contrast_test, normalised_return

DENSE_BAR = 0.95
"""Of the way from random to the expert, 475 of Cart-Pole's 500 and about -100 on Acrobot: what dense learning must
reach before "no difference" means anything."""
TICKET_EFFECT = 0.05
"""In normalised return: the smallest ticket effect that shows that something can be seen."""


def insensitive(runs: Sequence[Run]) -> str:
    """Why "no difference" can't be assessed here; empty where it can.

    Dense learning must have reached its bar, and where anything is pruned the ticket effect must be supported on the
    same system: one on which nothing can be seen shows no difference either.
    """
    for run in runs:
        bar = float(normalised_return(run.dense_returns(), run.reference).mean())
        if bar < DENSE_BAR:
            return (
                f"{run.system} reached a normalised return of {bar:.2f} when dense, under {DENSE_BAR:g}; agents that"
                " learn would lift this, more seeds would not"
            )
    able = [run for run in runs if {"mask/weights", "random/re-init"} <= set(run.conditions)]
    for run in able:
        effect, span = run.area().ticket_effect, run.normalised_span
        outcome = basis.checked(contrast_test(effect, "greater", span), effect, "greater", span)
        if conclude("greater", TICKET_EFFECT, outcome)[0] != "supported":
            return f"the ticket effect is not supported on {run.system}, so nothing may be seen there"
    for run in runs:
        if set(run.conditions) != {DENSE} and all(run.system != other.system for other in able):
            return (
                f"no run shows the ticket effect on {run.system}, so nothing may be seen there; a run with assay=True"
                " would lift this"
            )
    return ""
