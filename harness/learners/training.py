"""A training: rounds of learning, evaluations on the way, the checkpoint that will be pruned."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.experiment import Evaluation
from harness.learners import ACTOR, OffersGradients, Population
from harness.networks import Mlp
from harness.streams import streams
from harness.tasks import Acting, Task, rollout_returns


@dataclass(frozen=True)
class Training:
    """What one training of a population leaves.

    checkpoint: the networks (arrays) at the pruned checkpoint. evaluations: float64[members, per_training], mean
    return over the evaluation's episodes, NaN from where a member had stopped. share: float64[members], the
    part of the training's rounds that a member took. gradients: of the loss at the pruned checkpoint, in the shape of
    the networks (arrays); empty unless asked for.
    """

    checkpoint: dict[str, Mlp]
    evaluations: np.ndarray
    share: np.ndarray
    gradients: dict[str, Mlp]


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
) -> Training:
    """Train to the end, or each member until an evaluation reached the task's maximum (see `Savings`).

    acting: how the members act while they are evaluated. `checkpoint` "best" takes the best evaluation's networks,
    first at the maximum; "last" takes the last one's.
    """
    best = {name: mlp.arrays() for name, mlp in population.networks.items()}
    gradients = {name: mlp.each(np.zeros_like) for name, mlp in best.items() if asks_gradients}
    evaluations = np.full((len(seeds), evaluation.per_training), np.nan)
    share = np.ones(len(seeds))
    stops = stop_at_maximum and checkpoint == "best"
    training = np.arange(len(seeds))  # rows of the members still in training
    done = 0
    for turn in range(evaluation.per_training):
        until = round(population.rounds * (turn + 1) / evaluation.per_training)
        for _ in range(done, until):
            population.advance()
        done = until
        rngs = streams([seeds[row] for row in training.tolist()], "evaluation", level, turn)
        starts = np.stack([task.draw_starts(rng, (evaluation.episodes,)) for rng in rngs])
        returns = rollout_returns(task, population.networks[ACTOR], starts, acting, rngs).mean(axis=1)

        so_far = evaluations[training]
        better = np.ones(len(training), dtype=bool)
        if turn > 0 and checkpoint == "best":
            better = returns > np.nanmax(so_far, axis=1)  # strictly: the first at the maximum stays
        evaluations[training, turn] = returns
        for name, mlp in population.networks.items():
            best[name].put(training[better], mlp.take(np.flatnonzero(better)).arrays())
        if asks_gradients and better.any():
            assert isinstance(population, OffersGradients), "refused before training by imp.check"
            for name, mlp in population.gradients().items():
                gradients[name].put(training[better], mlp.take(np.flatnonzero(better)))

        if stops and turn < evaluation.per_training - 1:
            going = np.flatnonzero(returns < task.maximum_return)
            if len(going) < len(training):
                share[np.delete(training, going)] = until / population.rounds
                training = training[going]
                if len(training) == 0:
                    break
                population.keep(going)
    return Training(best, evaluations, share, gradients)
