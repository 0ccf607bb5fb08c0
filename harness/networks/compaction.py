"""Networks without the units and inputs that cannot change an output or a gradient.

No path leads from such a unit to an output, so neither its bias nor the weights into it have a gradient; nor have the
weights out of an input that is always zero. Without weight decay they keep their initial values. So the networks are
trained without them, and their values are put back afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.networks.mlp import Mlp


@dataclass(frozen=True)
class Compact:
    """Networks without their unreachable units, and the way back.

    units: per layer of units, inputs and outputs included, int64[members, width]: which unit of the full networks
    each stands for. A member with fewer reachable units than another is filled up with unreachable ones.
    """

    mlp: Mlp
    masks: list[np.ndarray]
    units: list[np.ndarray]

    def restored(self, full: Mlp, trained: Mlp) -> Mlp:
        """`trained`, compact networks, in the shape of `full` and with its values where units were left out."""
        restored = full.copy()
        for layer, (before, after) in enumerate(pairwise(self.units)):
            restored.weights[layer][_rows(before), before[:, :, None], after[:, None, :]] = trained.weights[layer]
            restored.biases[layer][_rows(after)[:, :, 0], 0, after] = trained.biases[layer][:, 0]
        return restored


def compact(
    mlp: Mlp, masks: Sequence[np.ndarray], kept_inputs: np.ndarray | None = None, leave_out_unreachable: bool = True
) -> Compact:
    """Networks with `kept_inputs` alone (bool[inputs], at least one is true; None keeps all), and without the units
    that reach no output under `masks` (bool[members, in, out] per layer)."""
    members, inputs, _ = masks[0].shape
    outputs = masks[-1].shape[2]
    reachable = [np.ones((members, outputs), dtype=bool)]
    for mask in reversed(masks[1:]):
        reaches = (mask & reachable[0][:, None, :]).any(axis=2)
        reachable.insert(0, reaches if leave_out_unreachable else np.ones_like(reaches))
    first = np.arange(inputs) if kept_inputs is None else np.flatnonzero(kept_inputs)
    units = [np.tile(first, (members, 1)), *map(_reachable_first, reachable[:-1])]
    units.append(np.tile(np.arange(outputs), (members, 1)))
    weights, biases, compact_masks = [], [], []
    for layer, (before, after) in enumerate(pairwise(units)):
        place = (_rows(before), before[:, :, None], after[:, None, :])
        weights.append(mlp.weights[layer][place])
        compact_masks.append(masks[layer][place])
        biases.append(mlp.biases[layer][_rows(after)[:, :, 0], 0, after][:, None])
    return Compact(Mlp.of(weights, biases, mlp.activation, mlp.dropout), compact_masks, units)


def _reachable_first(reachable: np.ndarray) -> np.ndarray:
    """As many unit numbers as the member with most reachable ones has, at least one; reachable ones first."""
    width = max(1, int(reachable.sum(axis=1).max()))
    return np.sort(np.argsort(~reachable, axis=1, kind="stable")[:, :width], axis=1)


def _rows(units: np.ndarray) -> np.ndarray:
    return np.arange(len(units))[:, None, None]
