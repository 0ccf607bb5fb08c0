"""Networks by torch's own operations and autograd, which the compiled passes are compared with."""

from collections.abc import Sequence
from itertools import pairwise

import torch

from harness.networks.mlp import Mlp


def leaf(mlp: Mlp) -> torch.Tensor:
    """`mlp.flat` as a tensor of its own that takes gradients."""
    return torch.tensor(mlp.flat).requires_grad_()


def outputs_by_torch(
    mlp: Mlp, flat: torch.Tensor, observations: torch.Tensor, scales: Sequence[torch.Tensor] = ()
) -> torch.Tensor:
    """[members, batch, out] of networks shaped as `mlp` with parameters `flat`, by batched products.

    scales: what the units of each hidden layer are multiplied by.
    """
    hidden, start = observations, 0
    for layer, (fan_in, fan_out) in enumerate(pairwise(mlp.sizes)):
        middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        weight = flat[:, start:middle].reshape(-1, fan_in, fan_out)
        hidden = torch.baddbmm(flat[:, None, middle:end], hidden, weight)
        start = end
        if layer < len(mlp.sizes) - 2:
            hidden = getattr(torch, mlp.activation)(hidden)
            hidden = hidden * scales[layer] if scales else hidden
    return hidden
