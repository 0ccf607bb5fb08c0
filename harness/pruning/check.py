"""Checks of an experiment before any training: whether its settings can work at all."""

from typing import TYPE_CHECKING

from harness.learners.training import rewind_round
from harness.pruning.criteria import CRITERIA, asks_for
from harness.pruning.prunable import initial_networks

if TYPE_CHECKING:
    from harness.experiment import Experiment


def check(e: "Experiment") -> None:
    """Raise ValueError, in one line, for settings that cannot work; UnknownNameError for an unregistered name."""
    network, rule, looks = e.network, e.pruning, e.evaluation
    counts = (looks.per_training, looks.episodes, looks.scored_episodes)
    sound = {
        f"pruning.rewind is {rule.rewind}: it must be from 0 to below 1": 0 <= rule.rewind < 1,
        f"pruning.rate is {rule.rate}: it must be between 0 and 1": 0 < rule.rate < 1,
        f"pruning.levels is {rule.levels}: there must be at least one level": rule.levels >= 1,
        f"evaluation is {looks}: each of its counts must be at least 1": min(counts) >= 1,
    }
    for problem, holds in sound.items():
        if not holds:
            raise ValueError(problem)
    CRITERIA[rule.criterion]  # or UnknownNameError
    network.check()
    if asks_for(rule.criterion, "gradients") and not getattr(e.learner, "offers_gradients", False):
        raise _not_offered(e, f"criterion {rule.criterion!r} needs gradients", "OffersGradients")
    if network.dropout > 0 and not getattr(e.learner, "offers_dropout", False):
        raise _not_offered(e, f"network.dropout is {network.dropout:g}", "Learner.start")
    if rule.rewind > 0:
        _check_rewind(e)
    initial_networks(e, seeds=[0])  # ValueError where network, learner or initialiser do not fit the task


def _check_rewind(e: "Experiment") -> None:
    """Raise ValueError where trainings can't start at the rewind point."""
    share, rounds = e.pruning.rewind, getattr(e.learner, "rounds", None)
    if not getattr(e.learner, "offers_rewinding", False) or rounds is None:
        raise _not_offered(e, f"pruning.rewind is {share:g}", "OffersRewinding")
    last = rounds - getattr(e.learner, "rounds_to_learn", 1)
    if rewind_round(share, rounds) > last:
        raise ValueError(
            f"pruning.rewind is {share:g}, which leaves too few of the {rounds} rounds of training for learning and"
            f" evaluation: it may be at most {last / rounds:.3g}"
        )


def _not_offered(e: "Experiment", asked: str, where: str) -> ValueError:
    return ValueError(
        f"{asked}, but learner {e.learner.name} does not support that (see harness.learners.protocol.{where})"
    )
