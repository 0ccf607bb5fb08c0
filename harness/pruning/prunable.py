"""What an experiment's networks look like: tensors, prunable weights, densities, initial weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.learners import initial
from harness.learners.protocol import ACTOR
from harness.networks.params import Layout, Params, prunable
from harness.pruning.ranking import weight_count
from harness.streams import streams

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.networks.network import BaseNetwork, Networks


def densities(experiment: "Experiment") -> np.ndarray:
    """Share of prunable weights left at levels 0 to K, float64[K + 1], by exact counts."""
    return weights_left(experiment) / prunable_weights(experiment)


def weights_left(experiment: "Experiment") -> np.ndarray:
    """How many prunable weights are left at levels 0 to K, int64[K + 1]."""
    total = prunable_weights(experiment)
    levels = range(experiment.pruning.levels + 1)
    return np.array([weight_count(total, experiment.pruning.rate, level) for level in levels])


def prunable_networks(experiment: "Experiment") -> list[str]:
    """The networks whose weights are pruned, `ACTOR` first."""
    names = list(experiment.learner.heads(experiment.task))
    return names if experiment.pruning.scope == "actor+critic" else [ACTOR]


def prunable_layers(experiment: "Experiment") -> list[tuple[str, int]]:
    """The layers whose weights are pruned, each by its network and its place among the weights from the input on."""
    last = 0 if experiment.pruning.outputs else 1
    found = layouts(experiment)
    return [
        (name, place) for name in prunable_networks(experiment) for place in range(len(prunable(found[name])) - last)
    ]


def prunable_weights(experiment: "Experiment") -> int:
    """How many weights level 0 has that can be pruned; biases never are."""
    sizes = {name: [tensor.size for tensor in prunable(layout)] for name, layout in layouts(experiment).items()}
    return sum(sizes[name][place] for name, place in prunable_layers(experiment))


def layouts(experiment: "Experiment") -> dict[str, Layout]:
    """The tensors of each network."""
    return initial.layouts(experiment.learner, experiment.task, experiment.network)


def network_of(experiment: "Experiment", params: Params, name: str = ACTOR) -> "BaseNetwork":
    """The networks of this name with these parameters, as a level holds them."""
    task = experiment.task
    return experiment.network.build(task.observation.shape, experiment.learner.heads(task)[name], params)


def initial_networks(experiment: "Experiment", seeds: Sequence[int], redrawn_at: int | None = None) -> "Networks":
    """The networks at level 0 ("w0"), or a fresh draw for `redrawn_at` a level."""
    rngs = streams(seeds, "w0") if redrawn_at is None else streams(seeds, "re-init", redrawn_at)
    return initial.initial_networks(experiment.learner, experiment.task, experiment.network, rngs)
