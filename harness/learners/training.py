"""A training: rounds of learning, evaluations on the way, the checkpoint that will be pruned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.experiment import Evaluation
from harness.learners.protocol import ACTOR, OffersGradients, OffersRewinding, Population
from harness.networks.mlp import Mlp
from harness.streams import streams
from harness.tasks.rollout import Acting, rollout_returns
from harness.tasks.spec import Task


@dataclass(frozen=True)
class Training:
    """What one training of a population leaves.

    checkpoint: the networks (arrays) at the pruned checkpoint. evaluations: float64[members, per_training], mean
    return over the evaluation's episodes, NaN before a rewound training's start and from where a member had stopped.
    share: float64[members], how many rounds a member took, as a part of a whole training's (a rewound one's takes no
    more than what is left of them). gradients: of the loss at the pruned checkpoint, in the shape of the networks
    (arrays); empty unless asked for. rewound: the networks (arrays) at the rewind point; empty unless asked for.
    """

    checkpoint: dict[str, Mlp]
    evaluations: np.ndarray
    share: np.ndarray
    gradients: dict[str, Mlp]
    rewound: dict[str, Mlp]


def rewind_round(share: float, rounds: int) -> int:
    """After how many of a training's rounds its rewind point is (see `experiment.Pruning`); at least one, if not w0."""
    return max(1, round(share * rounds)) if share > 0 else 0


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
    keeps: int = 0,
) -> Training:
    """Train to the end, or each member until an evaluation reached the task's maximum (see `Savings`).

    acting: how the members act while they are evaluated. `checkpoint` "best" takes the best evaluation's networks,
    first at the maximum; "last" takes the last one's. start: the round that the training starts at, as a rewound one
    does; evaluations up to there are left out. keeps: the round after which all networks are kept, 0 for none; no
    member stops before.
    """
    if start > 0:
        assert isinstance(population, OffersRewinding), "refused before training by imp.check"
        population.round = start
    best = {name: mlp.arrays() for name, mlp in population.networks.items()}
    gradients = {name: mlp.each(np.zeros_like) for name, mlp in best.items() if asks_gradients}
    evaluations = np.full((len(seeds), evaluation.per_training), np.nan)
    share = np.ones(len(seeds))
    stops = stop_at_maximum and checkpoint == "best"
    share -= start / population.rounds
    training = np.arange(len(seeds))  # rows of the members still in training
    rewound: dict[str, Mlp] = {}
    ends = [round(population.rounds * (turn + 1) / evaluation.per_training) for turn in range(evaluation.per_training)]
    first = next(turn for turn, until in enumerate(ends) if until > start) if start else 0
    done = start
    for turn, until in list(enumerate(ends))[first:]:
        for number in range(done + 1, until + 1):
            population.advance()
            if number == keeps:
                rewound = {name: mlp.arrays() for name, mlp in population.networks.items()}
        done = until
        own = [seeds[row] for row in training.tolist()]
        rngs = streams(own, "evaluation", level, turn)
        starts = np.stack([task.draw_starts(rng, (evaluation.episodes,)) for rng in rngs])
        returns = rollout_returns(task, population.networks[ACTOR], starts, acting, rngs, own).mean(axis=1)

        so_far = evaluations[training]
        better = np.ones(len(training), dtype=bool)
        if turn > first and checkpoint == "best":
            better = returns > np.nanmax(so_far, axis=1)  # strictly: the first at the maximum stays
        evaluations[training, turn] = returns
        for name, mlp in population.networks.items():
            best[name].put(training[better], mlp.take(np.flatnonzero(better)).arrays())
        if asks_gradients and better.any():
            assert isinstance(population, OffersGradients), "refused before training by imp.check"
            for name, mlp in population.gradients().items():
                gradients[name].put(training[better], mlp.take(np.flatnonzero(better)))

        if stops and until >= keeps and turn < evaluation.per_training - 1:
            going = np.flatnonzero(np.nanmax(evaluations[training], axis=1) < task.maximum_return)
            if len(going) < len(training):
                share[np.delete(training, going)] = (until - start) / population.rounds
                training = training[going]
                if len(training) == 0:
                    break
                population.keep(going)
    return Training(best, evaluations, share, gradients, rewound)
