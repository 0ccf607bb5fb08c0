"""The controls of this suite: which ingredient each one breaks. A claim declares those that must kill it."""

import numpy as np

from harness.controls.control import Control, control
from harness.experiment import Cell
from harness.networks.network import Networks
from harness.networks.params import Masks, Params
from harness.pruning.conditions import DENSE, RULES, SHUFFLED, TICKET, Layers, Rule, Start, random_reinit
from harness.pruning.imp import by_input
from harness.pruning.prunable import initial_networks
from harness.streams import streams


@control("nothing")
class Nothing(Control):
    """Nothing is broken. It stands for a control whose mutation does not work, which the check must detect."""


@control("unmasked")
class Unmasked(Control):
    """The mask isn't applied in training: all weights start at their initial values and learn."""

    def before_training(self, cell: Cell, networks: Networks, masks: Masks) -> tuple[Networks, Masks]:
        """Give pruned weights back their initial values."""
        if cell.condition == DENSE:
            return networks, masks
        whole = initial_networks(cell.experiment, cell.seeds)
        for name, kept in masks.items():
            for weight, start, mask in zip(whole[name].weights, networks[name].weights, kept.weights, strict=True):
                np.copyto(weight, start, where=mask)
        return {**networks, **{name: whole[name] for name in masks}}, {
            name: kept.everywhere() for name, kept in masks.items()
        }

    def after_training(self, cell: Cell, trained: dict[str, Params], masks: Masks) -> dict[str, Params]:
        """Apply the mask again, so that only weights under it are ranked next."""
        for name, kept in masks.items():
            for weight, mask in zip(trained[name].weights, kept.weights, strict=True):
                weight *= mask
        return trained


@control("random-mask")
class RandomMask(Control):
    """The ticket gets a random mask with as many weights, at their initial values."""

    def rule(self, cell: Cell) -> Rule:
        """The rule of random/re-init, but with the initial weights."""
        return Rule(random_reinit) if cell.condition == TICKET else super().rule(cell)


@control("redrawn-weights")
class RedrawnWeights(Control):
    """The ticket's initial weights are redrawn at every level; its mask stays."""

    def rule(self, cell: Cell) -> Rule:
        """The ticket's rule, with a fresh draw of weights."""
        return Rule(RULES[TICKET].start, redraws=True) if cell.condition == TICKET else super().rule(cell)


@control("largest-pruned")
class LargestPruned(Control):
    """The largest weights are pruned instead of the smallest."""

    overrides = ("pruning.criterion=smallest-stay",)


@control("shuffled-layers")
class ShuffledLayers(Control):
    """permuted/permuted no longer keeps the number of weights per layer: its mask is shuffled over all layers."""

    def rule(self, cell: Cell) -> Rule:
        """The initial values under the mask, shuffled over a mask that ignores the layers."""
        return Rule(_over_all_layers) if cell.condition == SHUFFLED else super().rule(cell)


@control("random-expert")
class RandomExpert(Control):
    """The expert that students learn from is a random policy."""

    overrides = ("learner.taught_by=random policy",)


@control("no-learning")
class NoLearning(Control):
    """The learning rate is practically zero."""

    overrides = ("learner.learning_rate=1e-30",)  # no weight moves, and no bias by more than 1e-26


@control("exchanged-returns")
class ExchangedReturns(Control):
    """The returns of a seed's conditions are exchanged at random."""

    def returns(self, returns: dict[str, np.ndarray], seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Exchange whole chains: the levels of a seed stay together."""
        names = list(returns)
        orders = np.stack([rng.permutation(len(names)) for rng in streams(seeds, "exchanged returns")])
        stacked = np.stack([returns[name] for name in names])
        rows = np.arange(len(seeds))
        return {name: stacked[orders[:, place], rows] for place, name in enumerate(names)}


@control("permuted-inputs")
class PermutedInputs(Control):
    """Each seed gets the task's inputs in its own random order, the same at all levels."""

    def before_training(self, cell: Cell, networks: Networks, masks: Masks) -> tuple[Networks, Masks]:
        """Permute the inputs of the first layer (of a convolution its channels), which permutes those of the task."""
        seen = {name: network.copy() for name, network in networks.items()}
        dealt = {name: kept.copy() for name, kept in masks.items()}
        for params in (*(network.params for network in seen.values()), *dealt.values()):
            _permute_inputs(params, cell)
        return seen, dealt

    def after_training(self, cell: Cell, trained: dict[str, Params], masks: Masks) -> dict[str, Params]:
        """Undo the permutation."""
        for params in trained.values():
            _permute_inputs(params, cell, back=True)
        return trained


@control("one-initialiser")
class OneInitialiser(Control):
    """All initialisers are the same one under different names: Kaiming, undivided."""

    overrides = ("network.initialiser=kaiming", "network.input_divisor=1")


def _over_all_layers(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    masks, _ = random_reinit(kept, initial, rng)
    values = rng.permutation(np.concatenate([w0[mask] for mask, w0 in zip(kept, initial, strict=True)]))
    weights, used = [], 0
    for mask in masks:
        dealt = np.zeros(mask.shape, dtype=values.dtype)
        dealt[mask] = values[used : used + mask.sum()]
        used += int(mask.sum())
        weights.append(dealt)
    return masks, weights


def _permute_inputs(params: Params, cell: Cell, back: bool = False) -> None:
    """Let each member's first layer take another of the task's inputs for each of its own; back: undo it."""
    (first, *_) = by_input({"": params})[""]
    for member, rng in enumerate(streams(cell.seeds, "input order")):
        order = rng.permutation(first.shape[1])
        first[member] = first[member][np.argsort(order) if back else order]
