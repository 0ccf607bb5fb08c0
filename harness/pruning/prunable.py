"""What an experiment's networks look like: layers, prunable weights, densities, initial weights."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from harness.learners.protocol import ACTOR
from harness.pruning.ranking import weight_count
from harness.streams import streams

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.networks.mlp import Networks


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
    names = list(experiment.learner.outputs(experiment.task))
    return names if experiment.pruning.scope == "actor+critic" else [ACTOR]


def prunable_layers(experiment: "Experiment") -> list[tuple[str, int]]:
    """The layers whose weights are pruned, each by its network and its number from the input on."""
    last = 0 if experiment.pruning.outputs else 1
    sizes = layer_sizes(experiment)
    return [(name, layer) for name in prunable_networks(experiment) for layer in range(len(sizes[name]) - 1 - last)]


def prunable_weights(experiment: "Experiment") -> int:
    """How many weights level 0 has that can be pruned; biases never are."""
    weights = {name: [a * b for a, b in pairwise(sizes)] for name, sizes in layer_sizes(experiment).items()}
    return sum(weights[name][layer] for name, layer in prunable_layers(experiment))


def layer_sizes(experiment: "Experiment") -> dict[str, tuple[int, ...]]:
    """Units per layer of each network: inputs, hidden, outputs."""
    task, hidden = experiment.task, experiment.network.hidden
    outputs = experiment.learner.outputs(task)
    return {name: (len(task.inputs), *hidden, count) for name, count in outputs.items()}


def initial_networks(experiment: "Experiment", seeds: Sequence[int], redrawn_at: int | None = None) -> "Networks":
    """The networks at level 0 ("w0"), or a fresh draw for `redrawn_at` a level."""
    from harness.networks.mlp import initial_mlp

    network = experiment.network
    rngs = streams(seeds, "w0") if redrawn_at is None else streams(seeds, "re-init", redrawn_at)
    return {
        name: initial_mlp(sizes, rngs, network.initialiser, network.input_divisor, network.activation, network.dropout)
        for name, sizes in layer_sizes(experiment).items()
    }
