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
from harness.results.schema import Finding
from harness.statistics import PerSeed

if TYPE_CHECKING:
    from harness.experiment import Experiment

ABOVE, ALONE = "above the untrained network", "the untrained network alone"
"""The readings that are reported beside a finding on what a mask keeps."""
FOLLOWS = "It follows from initialisation"
"""How the note begins on a finding that the untrained network gives alike, and above which nothing is shown."""
IN_PART = "In part from initialisation"
"""How it begins where what exceeds that network is shown as well."""


def untrained_level(experiment: "Experiment", seeds: Sequence[int], level: int) -> Level:
    """The masks that keep the largest of w0, and w0 under them. It has no returns: they are NaN."""
    networks = initial_networks(experiment, seeds)
    layers = prunable_layers(experiment)
    weights = [np.abs(networks[name].weights[layer]) for name, layer in layers]
    everywhere = [np.ones(weight.shape, dtype=bool) for weight in weights]
    count = weight_count(prunable_weights(experiment), experiment.pruning.rate, level)
    pruned = {name: networks[name].params for name in prunable_networks(experiment)}
    masks = {name: params.everywhere() for name, params in pruned.items()}
    for (name, layer), mask in zip(layers, keep_largest(weights, everywhere, count), strict=True):
        masks[name].weights[layer][:] = mask
        np.multiply(pruned[name].weights[layer], mask, out=pruned[name].weights[layer])
    none = np.full((len(seeds), 1), np.nan)
    return Level(masks, pruned, none, none, none[:, 0])


def excess(effect: PerSeed, untrained: PerSeed, span: tuple[float, float] | None = None) -> PerSeed:
    """By how much an effect exceeds that of the untrained network, per seed, as one condition.

    span: the lowest and the highest effect that one chain can have, whatever it learned; default: that of shares, 0 to
    1 in each condition. The untrained network is known exactly, and no seed of it can fail: the excess of a chain can
    be anything in that span, less the mean of the untrained ones.
    """
    low, high = span or of_one_chain(effect, (0.0, 1.0))
    exact = float(untrained.values.mean())
    found = PerSeed.of(f"({effect}) {ABOVE}", effect.values - untrained.values, effect.seeds)
    return replace(found, span=(low - exact, high - exact))


def of_one_chain(effect: PerSeed, span: tuple[float, float]) -> tuple[float, float]:
    """The lowest and the highest effect where all its conditions come from one chain. span: of each condition."""
    ends = [sorted(weight * end for end in span) for weight in effect.weights.values()]
    return sum(low for low, _ in ends), sum(high for _, high in ends)


def on_initialisation(found: Finding) -> str:
    """The note on a finding with the readings ALONE and ABOVE; empty where w0 alone does not give its conclusion.

    It follows from initialisation unless an effect above w0, in the same direction, is shown as well.
    """
    readings = {reading.name: reading for reading in found.sensitivity}
    alone, above = readings[ALONE], readings[ABOVE]
    like = found.conclusion == "supported" or alone.effect * found.effect > 0
    if found.conclusion not in ("supported", "contradicted") or alone.conclusion != found.conclusion or not like:
        return ""
    shown = found.conclusion if found.kind == "greater" else "contradicted"  # a difference, of whichever kind
    if above.conclusion == shown and above.effect * found.effect > 0:
        return f"{IN_PART}: {ALONE} gives {alone.effect:+.2g} of {found.effect:+.2g}."
    return f"{FOLLOWS}: {ALONE} gives {alone.effect:+.2g}, and nothing is shown above it."
