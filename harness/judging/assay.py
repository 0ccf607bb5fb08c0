"""Assay sensitivity: whether "no difference" means anything on a system (DESIGN, "From numbers to verdicts")."""

from collections.abc import Sequence

from harness.judging import calibrated
from harness.judging.run import Run
from harness.judging.verdict import conclude
from harness.pruning.conditions import DENSE, REDRAWN, TICKET
from harness.statistics import contrast_test, normalisation_error

DENSE_BAR = 0.95
"""Normalised return that dense learning must reach."""
ERRORS = 1.96
"""It must reach what is so many standard errors of the references lower: where few experts stand behind 1, a return
just below the bar may well be that of an expert."""
MOST_ALLOWED = 0.1
"""No more is allowed for: where so many standard errors of 1 are more, the bar would be no bar."""
TICKET_EFFECT = 0.05
"""In normalised return: the smallest ticket effect that shows that something can be seen."""


def insensitive(runs: Sequence[Run]) -> str:
    """Why "no difference" can't be assessed here, in words; empty where it can.

    Dense learning must have reached its bar. Where anything is pruned, the ticket effect must also be supported on the
    same system: if nothing can be seen there, no difference can either.
    """
    for run in runs:
        unsure = ERRORS * normalisation_error(1.0, run.reference)
        if unsure > MOST_ALLOWED:
            return (
                f"the reference of {run.system} is too unsure: 1.96 standard errors are {unsure:.2g} of the way from"
                f" random to expert, above {MOST_ALLOWED:g}; this needs more experts, not more seeds"
            )
        reached = float(run.dense().values.mean())
        error = normalisation_error(reached, run.reference)
        if reached < DENSE_BAR - ERRORS * error:
            return (
                f"dense agents on {run.system} reached a normalised return of {reached:.2f}, below {DENSE_BAR:g} by"
                f" more than the references allow for (a standard error of {error:.2g}), whose"
                " experts had several times the env_steps of the profile scaled; this needs better agents, not more"
                " seeds"
            )
    able = [run for run in runs if {TICKET, REDRAWN} <= set(run.conditions)]
    for run in able:
        effect, span = run.area().ticket_effect, run.normalised_span
        outcome = calibrated.checked(contrast_test(effect, "greater", span), effect, "greater", span)
        if conclude("greater", TICKET_EFFECT, outcome)[0] != "supported":
            return f"the ticket effect is not supported on {run.system}, so a difference might not be detectable there"
    for run in runs:
        if set(run.conditions) != {DENSE} and all(_trained_as(run) != _trained_as(other) for other in able):
            return (
                f"no run shows the ticket effect on {run.system}, so a difference might not be detectable there; add a"
                " run with assay=True"
            )
    return ""


def _trained_as(run: Run) -> tuple[str, str, tuple[str, ...]]:
    """The system, but for what is saved in its training: that changes no scored return."""
    changes = tuple(override.words for override in run.system.parsed if override.part != "savings")
    return run.system.task, run.system.learner, changes
