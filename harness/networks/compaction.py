"""Networks without the units and inputs that cannot change an output or a gradient.

No path leads from such a unit to an output, so neither its bias nor the weights into it have a gradient; nor have the
weights out of an input that is always zero. Without weight decay they keep their initial values. So the networks are
trained without them, and their values are put back afterwards.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from harness.networks.mlp import Mlp, mlp_layout
from harness.networks.network import Networks
from harness.networks.params import Layout, Params


@dataclass(frozen=True)
class Compact:
    """Networks without their unreachable units, and the way back.

    units: per layer of units, inputs and outputs included, int64[members, width]: which unit of the full networks
    each stands for. A member with fewer reachable units than another is filled up with unreachable ones.
    """

    network: Mlp
    masks: Params
    units: list[np.ndarray]

    def restored(self, full: Params, trained: Params) -> Params:
        """`trained`, of compact networks, in the shape of `full` and with its values where units were left out."""
        restored = full.copy()
        for layer, (before, after) in enumerate(pairwise(self.units)):
            restored[f"weight.{layer}"][_rows(before), before[:, :, None], after[:, None, :]] = trained[
                f"weight.{layer}"
            ]
            restored[f"bias.{layer}"][_rows(after)[:, :, 0], after] = trained[f"bias.{layer}"]
        for tensor in _rest(self.network):
            restored[tensor.name][:] = trained[tensor.name]
        return restored


def perceptrons(networks: Networks) -> dict[str, Mlp]:
    """Those of the networks that can be made compact."""
    return {name: network for name, network in networks.items() if isinstance(network, Mlp)}


def compact(
    mlp: Mlp, masks: Params, kept_inputs: np.ndarray | None = None, leave_out_unreachable: bool = True
) -> Compact:
    """Networks with `kept_inputs` alone (bool[inputs], at least one is true; None keeps all), and without the units
    that reach no output under `masks`."""
    members, inputs, _ = masks.weights[0].shape
    outputs = mlp.sizes[-1]
    reachable = [np.ones((members, outputs), dtype=bool)]
    for mask in reversed(masks.weights[1:]):
        reaches = (mask & reachable[0][:, None, :]).any(axis=2)
        reachable.insert(0, reaches if leave_out_unreachable else np.ones_like(reaches))
    first = np.arange(inputs) if kept_inputs is None else np.flatnonzero(kept_inputs)
    units = [np.tile(first, (members, 1)), *map(_reachable_first, reachable[:-1])]
    units.append(np.tile(np.arange(outputs), (members, 1)))
    sizes = tuple(each.shape[1] for each in units)
    layout = mlp_layout(sizes) + _rest(mlp)
    params, kept = (_only(full, units, layout) for full in (mlp.params, masks))
    return Compact(replace(mlp, params=params, sizes=sizes), kept, units)


def _rest(mlp: Mlp) -> Layout:
    """The tensors behind those of the layers."""
    return mlp.params.layout[len(mlp.layers) :]


def _only(full: Params, units: list[np.ndarray], layout: Layout) -> Params:
    """The parameters of these units alone, in the layout of the compact networks."""
    parts = {tensor.name: full[tensor.name] for tensor in layout}
    for layer, (before, after) in enumerate(pairwise(units)):
        parts[f"weight.{layer}"] = full[f"weight.{layer}"][_rows(before), before[:, :, None], after[:, None, :]]
        parts[f"bias.{layer}"] = full[f"bias.{layer}"][_rows(after)[:, :, 0], after]
    return Params.of(layout, parts)


def _reachable_first(reachable: np.ndarray) -> np.ndarray:
    """As many unit numbers as the member with most reachable ones has, at least one; reachable ones first."""
    width = max(1, int(reachable.sum(axis=1).max()))
    return np.sort(np.argsort(~reachable, axis=1, kind="stable")[:, :width], axis=1)


def _rows(units: np.ndarray) -> np.ndarray:
    return np.arange(len(units))[:, None, None]
