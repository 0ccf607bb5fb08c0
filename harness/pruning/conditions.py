"""The four conditions of the paper's Table 1: what a level starts from. CLAIMS.md spells them.

A rule gives one member's start from `kept`, the masks that pruning left (bool[in, out] per layer),
and `initial`, the weights that the level resets to (float[in, out] per layer). It returns (masks, weights),
the weights zero outside their masks. Draws come from the member's own stream and are new at every level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.pruning.ranking import flatten, unflatten

Layers = Sequence[np.ndarray]
Start = tuple[list[np.ndarray], list[np.ndarray]]


def mask_weights(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """The ticket: the mask found, and the weights that it had at level 0."""
    return list(kept), _under(kept, initial)


def mask_permuted(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """The mask found; the initial weights at it dealt anew at random over it, within each layer."""
    return list(kept), [_deal(w0[mask], mask, rng) for mask, w0 in zip(kept, initial, strict=True)]


def permuted_permuted(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """The mask's entries shuffled within each layer; the initial weights at the mask found dealt over it."""
    shuffled = [rng.permutation(mask.ravel()).reshape(mask.shape) for mask in kept]
    weights = [_deal(w0[mask], q, rng) for mask, q, w0 in zip(kept, shuffled, initial, strict=True)]
    return shuffled, weights


def permuted_rows_permuted(kept: Layers, initial: Layers, rng: np.random.Generator) -> Start:
    """As permuted/permuted, but an input keeps what is left of its weights: whole rows of the mask are shuffled."""
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
    "mask/weights": Rule(mask_weights),
    "mask/permuted": Rule(mask_permuted),
    "permuted/permuted": Rule(permuted_permuted),
    "random/re-init": Rule(random_reinit, redraws=True),
    "surviving inputs": Rule(mask_weights),  # not in Table 1: its masks leave out inputs alone
}
BY_ROWS: dict[str, Rule] = {"permuted/permuted": Rule(permuted_rows_permuted)}
"""The rules that differ where whole rows are shuffled."""


def rule_of(condition: str, shuffle: str = "entries") -> Rule:
    """The rule of a condition; shuffle: see `experiment.Pruning`."""
    return BY_ROWS.get(condition, RULES[condition]) if shuffle == "rows" else RULES[condition]


def _under(masks: Layers, weights: Layers) -> list[np.ndarray]:
    return [np.where(mask, weight, np.zeros_like(weight)) for mask, weight in zip(masks, weights, strict=True)]


def _deal(values: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    dealt = np.zeros(mask.shape, dtype=values.dtype)
    dealt[mask] = rng.permutation(values)
    return dealt
