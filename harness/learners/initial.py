"""What a learner's networks of a task look like: the statistics of a normalised task lie behind all else."""

from collections.abc import Sequence

import numpy as np

from harness.learners.protocol import ACTOR, Learner
from harness.networks.kinds import NetworkSettings
from harness.networks.network import Networks
from harness.networks.normalisation import OBSERVATIONS, RETURNS, statistics
from harness.networks.params import Layout, Params, length
from harness.tasks.spec import Task, normalisation_of


def statistics_of(task: Task, name: str) -> Layout:
    """Those that the networks of this name keep: the actor of observations, a critic of discounted returns."""
    kept = normalisation_of(task)
    if name == ACTOR:
        return statistics(OBSERVATIONS, task.observation.size) if kept.observations else ()
    return statistics(RETURNS, 1) if kept.rewards else ()


def layouts(learner: Learner, task: Task, network: NetworkSettings) -> dict[str, Layout]:
    """The tensors of each network."""
    heads = learner.heads(task).items()
    return {name: network.layout(task.observation.shape, head) + statistics_of(task, name) for name, head in heads}


def initial_networks(
    learner: Learner, task: Task, network: NetworkSettings, rngs: Sequence[np.random.Generator]
) -> Networks:
    """Draw networks, one per stream."""
    drawn = {name: network.initial(task.observation.shape, head, rngs) for name, head in learner.heads(task).items()}
    for name, each in drawn.items():
        if behind := statistics_of(task, name):
            flat = np.pad(each.flat, ((0, 0), (0, length(behind))))
            drawn[name] = each.of(Params(flat, each.params.layout + behind))
    return drawn
