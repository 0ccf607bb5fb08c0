"""Whether what is trained faster is trained as well: scored returns beside stable-baselines3's."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from harness.bench import peers
from harness.bench.population import seeds
from harness.bench.rows import Row, Target
from harness.experiment import Cell, Experiment
from harness.profiles.profile import PROFILES
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.pruning.savings import Savings
from harness.statistics import guarded_unpaired, studentised_unpaired
from harness.streams import stream
from harness.tasks.spec import rollout_returns

MEMBERS = 15
MARGIN = 25.0
"""Of a return of 500."""


def rows() -> Iterator[Row]:
    """Scored returns of dense agents and students after the scaled profile's training, compared by Welch's t test.

    Both stand near the ceiling: with `MEMBERS` seeds no test could exclude a failure too rare to have been seen, and
    what one more failing seed would leave is told beside.
    """
    for learner in ("ppo", "bc"):
        experiment = replace(PROFILES["scaled"].systems["cart-pole", learner], savings=Savings(stop_at_maximum=False))
        ours = run_level(Cell(experiment, DENSE, seeds(MEMBERS)), 0, None).scored_returns
        theirs = np.array([peer_return(experiment, seed) for seed in seeds(MEMBERS)])
        found = studentised_unpaired(ours, theirs)
        guarded = guarded_unpaired(ours, theirs, (500.0, 0.0), (500.0, 0.0))
        note = (
            f"difference {found.effect:+.1f}, 97.5 % bounds {found.lower:+.1f} to {found.upper:+.1f}"
            f" (with one more seed that fails: {guarded.lower:+.1f} to {guarded.upper:+.1f})"
        )
        target = Target("larger bound", max(-found.lower, found.upper), "at most", MARGIN)
        name = f"{learner.upper()} 64-64, dense, return"
        yield Row(name, "scored return", float(ours.mean()), float(theirs.mean()), MEMBERS, target, note)


def peer_return(experiment: Experiment, seed: int) -> float:
    """The scored return of one member of the peer's, evaluated on our schedule and scored as ours are."""
    evaluation, task = experiment.evaluation, experiment.task
    best, checkpoint = -np.inf, None
    for turn, policy in enumerate(peers.turns(experiment, seed)):
        actor = peers.stacked(peers.actor_layers(policy))
        starts = task.draw_starts(stream(seed, "evaluation", 0, turn), (1, evaluation.episodes))
        found = rollout_returns(task, actor, starts).mean()
        if checkpoint is None or found > best:
            best, checkpoint = found, actor
    assert checkpoint is not None, "an experiment has at least one evaluation"
    starts = task.draw_starts(stream(seed, "score", 0), (1, evaluation.scored_episodes))
    return float(rollout_returns(task, checkpoint, starts).mean())
