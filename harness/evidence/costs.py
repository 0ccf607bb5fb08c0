"""What a cell will cost, in CPU seconds: for `--plan`, and to start the longest cells first. No result depends on it.

The arithmetic of a level is counted, and the constants below were measured on a 2-core AMD EPYC. What only training
can tell is put at a typical value: how long episodes are, and how much of a training is left out where members reach
the task's maximum.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import exp

import numpy as np

from harness.experiment import Cell, Experiment
from harness.layout import densities, layer_sizes, prunable_networks
from harness.learners import ACTOR

FLOPS_PER_SECOND = 67e9
"""Of the matrix products of 64 to 128 units (`make bench`, part `products`)."""
SECONDS_PER_SAMPLE = 0.2e-6
"""Of a loss, for each network and member, beside its matrix products."""
SECONDS_PER_STEP = 0.15e-6
"""Of an environment, for each member, its actions drawn."""
SECONDS_PER_TIME = 70e-6
"""Of a step in time, which a whole population takes together."""
PASSES = {"dqn": 4}
"""Through the network, for each sample of a loss; a backward pass counts twice, two that keep nothing once. Other
learners: 3."""
EPISODE = 0.5
"""Of the horizon: the length of an episode while evaluated."""
TAKEN = 0.8
"""Of a training, where members may stop at the task's maximum."""
REACHING = 11
"""Edges a unit from which on most units reach an output: see `_reachable`."""


def estimated_seconds(cell: Cell) -> float:
    """CPU seconds of a cell."""
    left = densities(cell.experiment)
    return sum(_level(cell, level, float(left[level])) for level in cell.levels)


def env_steps(cell: Cell) -> int:
    """Training env_steps of a cell, if no member stops early."""
    trainings = len(cell.levels) - cell.rewind * len([level for level in cell.levels if level > 0])
    return round(len(cell.seeds) * trainings * cell.experiment.learner.env_steps)


def _level(cell: Cell, level: int, density: float) -> float:
    """CPU seconds of one level."""
    e, members = cell.experiment, len(cell.seeds)
    looks, learner = e.evaluation, e.learner
    weights = {name: _weights(e, name, sizes, density) for name, sizes in layer_sizes(e).items()}
    stops = e.savings.stop_at_maximum and e.pruning.checkpoint == "best"
    share = (TAKEN if stops else 1.0) * (1 - (cell.rewind if level else 0))
    passes = PASSES.get(learner.name, 3)
    per_sample = sum(SECONDS_PER_SAMPLE + 2 * passes * count / FLOPS_PER_SECOND for count in weights.values())
    per_step = SECONDS_PER_STEP + 2 * weights[ACTOR] / FLOPS_PER_SECOND
    length = EPISODE * e.task.horizon
    evaluated = length * (looks.per_training * looks.episodes * share + looks.scored_episodes)
    times = learner.env_steps / learner.envs * share + length * (looks.per_training * share + 1)
    learned = learner.updates * learner.samples_per_update * share * per_sample
    return members * (learned + (learner.env_steps * share + evaluated) * per_step) + times * SECONDS_PER_TIME


def _weights(e: Experiment, name: str, sizes: Sequence[int], density: float) -> float:
    """Of a network, as many as its arithmetic is done with."""
    count = sum(a * b for a, b in pairwise(sizes))
    leaves_out = e.savings.leave_out_unreachable and not (e.learner.weight_decay or e.network.dropout)
    if name not in prunable_networks(e) or not leaves_out or density == 1:
        return count
    return count * _reachable(density * float(np.mean(e.network.hidden or (1,))))


def _reachable(edges: float) -> float:
    """The share of a network's weights between units from which a path leads to an output, by its edges a unit: drawn
    through what 30 chains of Cart-Pole had at each level (0.75 at 17 edges, 0.35 at 4, 0.07 at 1)."""
    return 1 - exp(-edges / REACHING)
