"""Leaving out of the arithmetic what can't matter: units from which no path leads to an output, and inputs that are
always zero. Nothing is lost.

Such a unit changes no output, so neither its bias nor the weights into it have a gradient; nor have the weights out of
an input that is zero. Without weight decay they keep their initial values. The networks are trained without them, and
their values put back afterwards.
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
        """`trained`, compact networks, in the shape and with the left-out values of `full` (arrays)."""
        restored = full.take(np.arange(full.members))
        for layer, (before, after) in enumerate(pairwise(self.units)):
            restored.weights[layer][_rows(before), before[:, :, None], after[:, None, :]] = trained.weights[layer]
            restored.biases[layer][_rows(after)[:, :, 0], 0, after] = trained.biases[layer][:, 0]
        return restored


def compact(
    mlp: Mlp, masks: Sequence[np.ndarray], shown: np.ndarray | None = None, leave_out_unreachable: bool = True
) -> Compact:
    """Networks at rest without the inputs that are not `shown` (bool[inputs], at least one is; default: all are), and
    without the units that reach no output under `masks` (bool[members, in, out] per layer)."""
    members, inputs, _ = masks[0].shape
    outputs = masks[-1].shape[2]
    reachable = [np.ones((members, outputs), dtype=bool)]
    for mask in reversed(masks[1:]):
        reaches = (mask & reachable[0][:, None, :]).any(axis=2)
        reachable.insert(0, reaches if leave_out_unreachable else np.ones_like(reaches))
    first = np.arange(inputs) if shown is None else np.flatnonzero(shown)
    units = [np.tile(first, (members, 1)), *map(_reachable_first, reachable[:-1])]
    units.append(np.tile(np.arange(outputs), (members, 1)))
    weights, biases, kept = [], [], []
    for layer, (before, after) in enumerate(pairwise(units)):
        place = (_rows(before), before[:, :, None], after[:, None, :])
        weights.append(mlp.weights[layer][place])
        kept.append(masks[layer][place])
        biases.append(mlp.biases[layer][_rows(after)[:, :, 0], 0, after][:, None])
    return Compact(Mlp.of(weights, biases, mlp.activation, mlp.dropout), kept, units)


def _reachable_first(reachable: np.ndarray) -> np.ndarray:
    """As many unit numbers as the member with most reachable ones has, at least one; reachable ones first."""
    width = max(1, int(reachable.sum(axis=1).max()))
    return np.sort(np.argsort(~reachable, axis=1, kind="stable")[:, :width], axis=1)


def _rows(units: np.ndarray) -> np.ndarray:
    return np.arange(len(units))[:, None, None]
