"""One training: rounds of learning, evaluations on the way, and the checkpoint that will be pruned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.learners.protocol import ACTOR, OffersGradients, OffersRewinding, Population
from harness.networks.network import Networks
from harness.networks.params import Params
from harness.streams import streams
from harness.tasks.rollout import Acting, scores
from harness.tasks.spec import Task


@dataclass(frozen=True)
class Evaluation:
    """How a return is measured: undiscounted, on episodes of its own; on one where all would be the same (see
    `rollout.distinct_episodes`)."""

    per_training: int = 10
    """Evaluations spread evenly over a training; the best one names the pruned checkpoint."""
    episodes: int = 16
    scored_episodes: int = 64
    """Fresh episodes on which the pruned checkpoint is scored."""
    actions: Literal["greedy", "sampled"] = "greedy"
    """The most probable one, or one drawn from the policy."""
    judged: Literal["scored-return", "best-evaluation"] = "scored-return"
    """The return that findings rest on: that of the pruned checkpoint on fresh episodes, or the paper's figure, which
    is flattered by picking a maximum. Both are measured anyway, so it is no part of a cell's id."""


@dataclass(frozen=True)
class Training:
    """What one training of a population leaves.

    checkpoint: the networks at the pruned checkpoint. evaluations: float64[members, per_training], mean return over
    the evaluation's episodes, NaN before a rewound training's start and from where a member had stopped.
    trained_fraction: float64[members], the rounds a member took, as a part of a whole training's. gradients: of the
    loss at the pruned checkpoint, by network; empty unless asked for. rewound: the parameters at the rewind point;
    empty unless asked for.
    """

    checkpoint: Networks
    evaluations: np.ndarray
    trained_fraction: np.ndarray
    gradients: dict[str, Params]
    rewound: dict[str, Params]


def rewind_round(fraction: float, rounds: int) -> int:
    """The round after which a training's rewind point is (see `pruning_settings.Pruning`); at least one, if not w0."""
    return max(1, round(fraction * rounds)) if fraction > 0 else 0


def train(
    population: Population,
    task: Task,
    evaluation: Evaluation,
    acting: Acting,
    checkpoint: str,
    stop_at_maximum: bool,
    seeds: Sequence[int],
    level: int,
    asks_gradients: bool = False,
    start: int = 0,
    rewind_point: int = 0,
) -> Training:
    """Train to the end, or each member until an evaluation reached the task's maximum (see `savings.Savings`).

    acting: how the members act while they are evaluated. `checkpoint` "best" takes the networks of the best evaluation,
    the first at the maximum; "last" those of the last one. start: the round that a rewound training starts at;
    evaluations up to there are left out. rewind_point: the round after which all networks are kept, 0 for none; no
    member stops before.
    """
    if start > 0:
        assert isinstance(population, OffersRewinding), "refused before training by pruning.check"
        population.round = start
    best = {name: network.copy() for name, network in population.networks.items()}
    gradients = {name: network.params.each(np.zeros_like) for name, network in best.items() if asks_gradients}
    rewound: dict[str, Params] = {}
    evaluations = np.full((len(seeds), evaluation.per_training), np.nan)
    trained_fraction = np.full(len(seeds), 1 - start / population.rounds)
    stops = stop_at_maximum and checkpoint == "best"
    training = np.arange(len(seeds))  # rows of the members still in training
    ends = [round(population.rounds * (turn + 1) / evaluation.per_training) for turn in range(evaluation.per_training)]
    first = next(turn for turn, until in enumerate(ends) if until > start) if start else 0
    done = start
    for turn, until in list(enumerate(ends))[first:]:
        if done < rewind_point <= until:
            population.advance(rewind_point - done)
            rewound = {name: network.params.copy() for name, network in population.networks.items()}
            done = rewind_point
        population.advance(until - done)
        done = until
        own = [seeds[row] for row in training.tolist()]
        rngs = streams(own, "evaluation", level, turn)
        returns = scores(task, population.networks[ACTOR], rngs, acting, evaluation.episodes, own).mean(axis=1)

        better = np.ones(len(training), dtype=bool)
        if turn > first and checkpoint == "best":
            better = returns > np.nanmax(evaluations[training], axis=1)  # strictly: the first at the maximum stays
        evaluations[training, turn] = returns
        for name, network in population.networks.items():
            best[name].put(training[better], network.take(np.flatnonzero(better)))
        if asks_gradients and better.any():
            assert isinstance(population, OffersGradients), "refused before training by pruning.check"
            for name, params in population.gradients().items():
                gradients[name].put(training[better], params.take(np.flatnonzero(better)))

        if stops and until >= rewind_point and turn < evaluation.per_training - 1:
            going = np.flatnonzero(np.nanmax(evaluations[training], axis=1) < task.maximum_return)
            if len(going) < len(training):
                trained_fraction[np.delete(training, going)] = (until - start) / population.rounds
                training = training[going]
                if len(training) == 0:
                    break
                population.keep(going)
    return Training(best, evaluations, trained_fraction, gradients, rewound)
