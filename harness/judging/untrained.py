"""What needs no learning: the untrained network, pruned once by magnitude to as many weights as a level has.

A finding on what a mask keeps may follow from how the weights were drawn. So it is held against this network.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks, prunable_layers, prunable_networks, prunable_weights
from harness.pruning.ranking import keep_largest, weight_count
from harness.statistics import PerSeed

if TYPE_CHECKING:
    from harness.experiment import Experiment

ABOVE, ALONE = "above the untrained network", "the untrained network alone"
"""The readings that are reported beside a finding on what a mask keeps."""
FOLLOWS = "It follows from initialisation"
"""How the note begins on a finding to which the untrained network gives the same conclusion."""


def untrained_level(experiment: "Experiment", seeds: Sequence[int], level: int) -> Level:
    """The masks that keep the largest of w0, and w0 under them. It has no returns: they are NaN."""
    networks = initial_networks(experiment, seeds)
    layers = prunable_layers(experiment)
    weights = [np.abs(networks[name].weights[layer]) for name, layer in layers]
    everywhere = [np.ones(weight.shape, dtype=bool) for weight in weights]
    count = weight_count(prunable_weights(experiment), experiment.pruning.rate, level)
    pruned = {name: networks[name] for name in prunable_networks(experiment)}
    masks = {name: [np.ones(weight.shape, dtype=bool) for weight in mlp.weights] for name, mlp in pruned.items()}
    for (name, layer), mask in zip(layers, keep_largest(weights, everywhere, count), strict=True):
        masks[name][layer] = mask
        np.multiply(pruned[name].weights[layer], mask, out=pruned[name].weights[layer])
    none = np.full((len(seeds), 1), np.nan)
    return Level(masks, pruned, none, none, none[:, 0])


def excess(effect: PerSeed, untrained: PerSeed) -> PerSeed:
    """By how much an effect exceeds that of the untrained network, per seed, as one condition.

    The untrained network is known exactly, and no seed of it can fail. A chain fails by learning nothing: it has 0, so
    what a chain can have lies between 0 and what was seen.
    """
    values = effect.values - untrained.values
    found = PerSeed.of(f"({effect}) {ABOVE}", values, effect.seeds)
    return replace(found, span=(min(0.0, float(values.min())), max(0.0, float(values.max()))))


def follows(untrained: PerSeed) -> str:
    """The note on such a finding."""
    return f"{FOLLOWS}: {ALONE} has {untrained.values.mean():+.2g}."
