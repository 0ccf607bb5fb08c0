"""The controls of this suite: which ingredient each one breaks. A claim declares those that must kill it."""

import numpy as np

from harness.controls.control import Control, control
from harness.experiment import Cell
from harness.networks.mlp import Masks, Networks
from harness.pruning.conditions import DENSE, RULES, SHUFFLED, TICKET, Layers, Rule, Start, random_reinit
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
        for name, layers in masks.items():
            for weight, start, mask in zip(whole[name].weights, networks[name].weights, layers, strict=True):
                np.copyto(weight, start, where=mask)
        return {**networks, **{name: whole[name] for name in masks}}, {
            name: [np.ones_like(mask) for mask in layers] for name, layers in masks.items()
        }

    def after_training(self, cell: Cell, trained: Networks, masks: Masks) -> Networks:
        """Apply the mask again, so that only weights under it are ranked next."""
        for name, layers in masks.items():
            for weight, mask in zip(trained[name].weights, layers, strict=True):
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
        """Permute the rows of the first layer, which permutes the inputs."""
        orders = _input_orders(cell)
        seen = {name: mlp.each(np.copy) for name, mlp in networks.items()}
        for mlp in seen.values():
            mlp.weights[0][:] = np.take_along_axis(mlp.weights[0], orders, axis=1)
        dealt = {name: [np.take_along_axis(layers[0], orders, axis=1), *layers[1:]] for name, layers in masks.items()}
        return seen, dealt

    def after_training(self, cell: Cell, trained: Networks, masks: Masks) -> Networks:
        """Undo the permutation."""
        back = np.argsort(_input_orders(cell), axis=1)
        for mlp in trained.values():
            mlp.weights[0][:] = np.take_along_axis(mlp.weights[0], back, axis=1)
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


def _input_orders(cell: Cell) -> np.ndarray:
    """int64[members, inputs, 1]: which of the task's inputs each member's network takes for its own."""
    count = len(cell.experiment.task.inputs)
    return np.stack([rng.permutation(count) for rng in streams(cell.seeds, "input order")])[:, :, None]
