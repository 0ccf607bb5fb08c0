"""What a cell will cost, in CPU seconds: for `--claims-plan`, and to start the longest cells first. No result depends on it.

The arithmetic of a level is counted. What a machine takes for it, and what only training can tell (how long episodes
are, how much of a training is left out where members reach the task's maximum) was fitted to 52 kinds of chains on a
2-core AMD EPYC: those of `scaled`, the `extended` ones of the claims on network size and rewinding on Cart-Pole, and a
ticket chain of each of the six sizes on Acrobot. They took 0.77 to 1.36 times their estimates, the six on Acrobot 0.84
to 1.08, and all together 0.99. Four more on Acrobot, foretold by it and then run, took 0.70 to 1.10 times theirs. A
level 0 alone, which was not fitted, takes up to about twice its estimate, and more where a process begins with it, for
that compiles. (`pytest --claims-plan` says the one number, `python -m harness evidence ls` the other.) What a task of pieces
costs was fitted to GridMaze's chains at `scaled`, on the same machine while it did other work too: an idle one takes
less.
"""

import functools
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, inf

import numpy as np

from harness.experiment import Cell, Experiment
from harness.files import FixtureError
from harness.learners.protocol import ACTOR
from harness.pruning.conditions import CONDITIONS, SURVIVING
from harness.pruning.layout import densities, layer_sizes, prunable_networks
from harness.tasks.references import read_reference
from harness.tasks.spec import Task, zero_inputs

FLOPS_PER_SECOND = 84e9
"""Of matrix products."""
SECONDS_PER_SAMPLE = {"dqn": 0.37e-6}
"""Of a loss, for each network and member, beside its matrix products; DQN draws it from a memory."""
SECONDS_PER_SAMPLE_ELSE = 0.076e-6
PASSES = {"dqn": 4.8}
"""Through the network, for each sample of a loss: a backward pass counts twice, one that keeps nothing hardly."""
PASSES_ELSE = 3
SECONDS_PER_WEIGHT = {"bc": 3.1e-9}
"""Of an update, for each weight and member: Adam's, and BC's smaller products: each weight is fetched for fewer."""
SECONDS_PER_WEIGHT_ELSE = 0.69e-9
SECONDS_PER_STEP = 0.41e-6
"""Of an environment, for each member, its actions drawn."""
SECONDS_PER_TIME = 91e-6
"""Of a step in time, which a whole population takes together."""
EPISODE = {"gridmaze": 0.9}
"""Of the horizon: the length of an episode while evaluated."""
EPISODE_ELSE = 0.34
SOONEST = {"bc": 0.31}
"""Of a training, where members stop at the task's maximum: what dense networks of 64 units a layer take until then."""
SOONEST_ELSE = 0.35
SOONER = 0.46
"""Larger ones take less, by this power of their units."""
THIN = 3.6, 7.1
"""Edges a unit from which on it takes longer: under a mask that was found, and another."""
REACHED = 0.99
"""Of the task's maximum: what its experts must return for anybody to stop there."""
REACHING = 7.3
"""Edges a unit from which on most of a pruned network's arithmetic is left."""
SEEN = 100
"""Inputs that cost as much as the sum of some 25 pieces, where a task's observations are such sums."""
SECONDS_PER_STEP_OF_PIECES = 2.0e-6
"""Of an environment, beside the others: its pieces are listed, kept and folded."""


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
    left = 1.0 if cell.condition == SURVIVING else density
    weights = {name: _weights(e, name, sizes, left) for name, sizes in layer_sizes(e).items()}
    parameters, folds = _beside_samples(e, weights)
    taken = _taken(cell, density)
    share = taken * (1 - cell.rewind) if level else max(taken, cell.rewind)  # nobody stops before the rewind point
    passes = PASSES.get(learner.name, PASSES_ELSE)
    per_loss = SECONDS_PER_SAMPLE.get(learner.name, SECONDS_PER_SAMPLE_ELSE)
    per_sample = sum(per_loss + 2 * passes * count / FLOPS_PER_SECOND for count in weights.values())
    per_step = SECONDS_PER_STEP + 2 * weights[ACTOR] / FLOPS_PER_SECOND
    per_step += SECONDS_PER_STEP_OF_PIECES if _table(e.task) is not None else 0
    length = EPISODE.get(e.task.name, EPISODE_ELSE) * e.task.horizon
    evaluated = length * (looks.per_training * looks.episodes * share + looks.scored_episodes)
    times = learner.env_steps / learner.envs * share + length * (looks.per_training * share + 1)
    per_weight = SECONDS_PER_WEIGHT.get(learner.name, SECONDS_PER_WEIGHT_ELSE)
    per_update = learner.samples_per_update * per_sample + per_weight * parameters + 2 * folds / FLOPS_PER_SECOND
    learned = learner.updates * share * per_update
    return members * (learned + (learner.env_steps * share + evaluated) * per_step) + times * SECONDS_PER_TIME


def _taken(cell: Cell, density: float) -> float:
    """The share of a training that members take on average."""
    e = cell.experiment
    reached = _experts(e.task.name, e.task.horizon) >= REACHED * e.task.maximum_return
    if not (e.savings.stop_at_maximum and e.pruning.checkpoint == "best" and reached):
        return 1.0
    units = float(np.mean(e.network.hidden or (1,)))
    soonest: float = min(1.0, SOONEST.get(e.learner.name, SOONEST_ELSE) * (64 / units) ** SOONER)
    thin = THIN[cell.condition in CONDITIONS[2:]]
    return soonest + (1 - soonest) * exp(-density * units / thin)


@functools.cache
def _experts(task: str, horizon: int) -> float:
    """Their return; none reaches anything where it is not known."""
    try:
        return read_reference(task, horizon)["expert"]
    except FixtureError:
        return -inf


def _weights(e: Experiment, name: str, sizes: Sequence[int], density: float) -> float:
    """Of a network, as many as its arithmetic is done with."""
    shown = SEEN if _table(e.task) is not None else sizes[0]
    count = sum(a * b for a, b in pairwise((shown, *sizes[1:])))
    leaves_out = e.savings.leave_out_unreachable and not (e.learner.weight_decay or e.network.dropout)
    if name not in prunable_networks(e) or not leaves_out or density == 1:
        return count
    return count * _reachable(density * float(np.mean(e.network.hidden or (1,))))


def _beside_samples(e: Experiment, weights: Mapping[str, float]) -> tuple[float, float]:
    """What an update does once, whatever its samples: how many weights it moves, and how many products it takes to fold
    the networks over a task's pieces, and their gradients back."""
    table = _table(e.task)
    if table is None:
        return sum(weights.values()), 0.0
    inputs = len(e.task.inputs) - (0 if e.learner.weight_decay else len(zero_inputs(e.task)))
    sizes = [(inputs, *own[1:]) for own in layer_sizes(e).values()]
    entries = np.count_nonzero(table[0])
    return sum(a * b for own in sizes for a, b in pairwise(own)), 2.0 * entries * sum(own[1] for own in sizes)


def _table(task: Task) -> np.ndarray | None:
    """Of a task's pieces, for a seed that is as good as any; None where it has none."""
    rows: np.ndarray | None = getattr(task, "table", lambda seeds: None)((0,))
    return rows


def _reachable(edges: float) -> float:
    """The share of a network's arithmetic between units from which a path leads to an output, by its edges a unit."""
    return 1 - exp(-edges / REACHING)
