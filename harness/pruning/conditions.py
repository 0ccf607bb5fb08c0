"""Conditions: what a level starts from (paper Table 1; CLAIMS.md spells them).

A rule gives one member's start. `kept` are the masks that pruning left (bool[inputs, ...] per layer: of a dense layer
[in, out], of a convolution its channels come first), and `initial` are the weights that the level resets to, in the
same shapes. The rule returns (masks, weights); the weights are zero outside their masks. Draws come from the member's
own stream and are new at every level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.pruning.ranking import flatten, unflatten

DENSE = "dense"
"""Level 0, which all conditions share."""
CONDITIONS = ("mask/weights", "mask/permuted", "permuted/permuted", "random/re-init")
"""The paper's Table 1, from the ticket to the weakest baseline."""
TICKET, SHUFFLED, REDRAWN = CONDITIONS[0], CONDITIONS[2], CONDITIONS[3]
SURVIVING = "surviving inputs"
"""Not in Table 1: a dense network on those inputs alone that the ticket's mask of the same level is connected to, with
the same initial weights (paper 4.1, Figure 5 bottom right). Nothing but inputs is left out, and it has no chain of its
own."""

Layers = Sequence[np.ndarray]
Start = tuple[list[np.ndarray], list[np.ndarray]]


def mask_weights(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """The ticket: the mask found, and the weights that it had at level 0."""
    return list(kept), _under(kept, initial)


def mask_permuted(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """The mask found; within each layer the initial weights at the mask are permuted over it."""
    return list(kept), [_deal(w0[mask], mask, rng) for mask, w0 in zip(kept, initial, strict=True)]


def permuted_permuted(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """Within each layer the mask's entries are permuted, and the initial weights at the mask found dealt over them."""
    shuffled = [rng.permutation(mask.ravel()).reshape(mask.shape) for mask in kept]
    weights = [_deal(w0[mask], q, rng) for mask, q, w0 in zip(kept, shuffled, initial, strict=True)]
    return shuffled, weights


def permuted_rows_permuted(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """As permuted/permuted, but whole rows of the mask are shuffled: the weights of one input stay together."""
    shuffled = [rng.permutation(mask) for mask in kept]
    weights = [_deal(w0[mask], q, rng) for mask, q, w0 in zip(kept, shuffled, initial, strict=True)]
    return shuffled, weights


def random_reinit(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """As many weights as the mask found, uniformly at random over all layers; `initial` is a fresh draw."""
    rows = flatten([mask[None] for mask in kept])
    scattered = unflatten(rng.permutation(rows, axis=1), [mask.shape for mask in kept])
    masks = [mask[0] for mask in scattered]
    return masks, _under(masks, initial)


@dataclass(frozen=True)
class Rule:
    """How a condition starts a level, and whether it starts from w0 or from a fresh draw of everything."""

    start: Callable[[Layers, Layers, np.random.Generator], Start]
    redraws: bool = False


RULES: dict[str, Rule] = {
    TICKET: Rule(mask_weights),
    "mask/permuted": Rule(mask_permuted),
    SHUFFLED: Rule(permuted_permuted),
    REDRAWN: Rule(random_reinit, redraws=True),
    SURVIVING: Rule(mask_weights),  # `imp.surviving_inputs` makes its masks
}


def rule_of(condition: str, shuffle: str = "entries") -> Rule:
    """The rule of a condition. shuffle: see `Pruning.shuffle`."""
    if condition == SHUFFLED and shuffle == "rows":
        return Rule(permuted_rows_permuted)
    return RULES[condition]


def _under(masks: Layers, weights: Layers) -> list[np.ndarray]:
    return [np.where(mask, weight, np.zeros_like(weight)) for mask, weight in zip(masks, weights, strict=True)]


def _deal(values: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    dealt = np.zeros(mask.shape, dtype=values.dtype)
    dealt[mask] = rng.permutation(values)
    return dealt
