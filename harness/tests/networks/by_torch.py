"""Networks by torch's own operations and autograd, which the compiled passes are compared with."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from harness.networks.cnn import Cnn
from harness.networks.mlp import Mlp
from harness.networks.params import length
from harness.networks.splitmix import _splitmix64


def leaf(array: np.ndarray) -> torch.Tensor:
    """A tensor of its own that takes gradients."""
    return torch.tensor(array).requires_grad_()


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


def cnn_by_torch(
    cnn: Cnn, flat: torch.Tensor, pictures: torch.Tensor, scales: Sequence[torch.Tensor] = ()
) -> torch.Tensor:
    """[members, batch, out], each member by itself. scales: what units of each hidden dense layer are multiplied by."""
    found = []
    for member, row in enumerate(flat):
        split = row[: length(cnn.layers)].split([tensor.size for tensor in cnn.layers])
        parts = {t.name: part.reshape(t.shape) for t, part in zip(cnn.layers, split, strict=True)}
        hidden, last = pictures[member], len(cnn.convolutions) + len(cnn.sizes) - 1
        for layer in range(last + 1):
            weight, bias = parts[f"weight.{layer}"], parts[f"bias.{layer}"]
            if layer < len(cnn.convolutions):
                stride = cnn.convolutions[layer].stride
                hidden = torch.nn.functional.conv2d(hidden, weight.permute(3, 2, 0, 1), bias, stride)
            else:
                if layer == len(cnn.convolutions):
                    hidden = hidden.permute(0, 2, 3, 1).flatten(1)  # channels last
                hidden = hidden @ weight + bias
            if layer < last:
                hidden = getattr(torch, cnn.activation)(hidden)
            if scales and len(cnn.convolutions) <= layer < last:
                hidden = hidden * scales[layer - len(cnn.convolutions)][member]
        found.append(hidden)
    return torch.stack(found)


def kept_units(mlp: Mlp, batch: int, keys: np.ndarray) -> list[np.ndarray]:
    """bool[members, batch, units] per hidden layer: the units that dropout keeps, from its sequence of draws."""
    layers, start = [], 0
    for units in mlp.sizes[1:-1]:
        places = range(start, start + batch * units)
        numbers = np.array([[_splitmix64(key, place) for place in places] for key in keys], dtype=np.uint64)
        uniform = (numbers >> np.uint64(11)).astype(float) * 2.0**-53
        layers.append((uniform >= mlp.dropout).reshape(len(keys), batch, units))
        start += batch * units
    return layers


def dropout_scales(mlp: Mlp, batch: int, keys: np.ndarray) -> list[torch.Tensor]:
    """What the units of each hidden layer are multiplied by under dropout with these keys."""
    return [torch.tensor(kept / (1 - mlp.dropout)) for kept in kept_units(mlp, batch, keys)]
