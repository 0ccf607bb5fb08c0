"""Adam under masks (Kingma & Ba 2015): compiled for one member, and for losses that autograd differentiates."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch.optim.adam import adam

from harness.networks import Mlp, mlp_shape

BETA1, BETA2 = 0.9, 0.999


class Trained(NamedTuple):
    """A population's network in training, as compiled updates take it.

    All but the last two are float[members, parameters]: flat is that of the `Mlp`, changed in place; mask is one
    where a parameter may change; first and second are the running means of Adam's moments. sizes, tanh: see `passes`.
    """

    flat: np.ndarray
    mask: np.ndarray
    first: np.ndarray
    second: np.ndarray
    sizes: np.ndarray
    tanh: bool

    @classmethod
    def start(cls, mlp: Mlp, masks: Sequence[np.ndarray]) -> "Trained":
        """Before the first update; masks: bool[members, in, out] per layer, or none where nothing is pruned."""
        mask = flat_mask(masks, mlp).astype(mlp.flat.dtype)
        return cls(mlp.flat, mask, np.zeros_like(mask), np.zeros_like(mask), *mlp_shape(mlp))

    def keep(self, members: np.ndarray) -> "Trained":
        """These members alone (int64[kept]), as copies."""
        flat, mask, first, second = (numbers[members] for numbers in self[:4])
        return Trained(flat, mask, first, second, self.sizes, self.tanh)


class MaskedAdam:
    """One fused Adam over all weights and biases of a population; pruned weights stay exactly zero.

    mlps: torch networks, made leaves here; masks: per network bool[members, in, out] per layer, or an empty
    list where nothing is pruned. Adam is elementwise, so stacking changes no member's step; the gradient's
    norm is clipped for each member by itself.
    """

    def __init__(
        self,
        mlps: Sequence[Mlp],
        masks: Sequence[Sequence[np.ndarray]],
        learning_rate: float,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        max_gradient_norm: float | None = None,
    ):
        self.mlps = list(mlps)
        self.max_gradient_norm = max_gradient_norm
        self.learning_rate = learning_rate
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        for mlp in self.mlps:
            mlp.flat.requires_grad_()
        self._masks = [_mask(layers, mlp) for layers, mlp in zip(masks, mlps, strict=True)]
        self._moments = [[torch.zeros_like(mlp.flat, requires_grad=False) for mlp in self.mlps] for _ in range(2)]
        self._updates = [torch.zeros(()) for _ in self.mlps]

    def step(self, loss: torch.Tensor) -> None:
        """One update down the gradient of `loss`, the sum of the members' losses."""
        parameters = [mlp.flat for mlp in self.mlps]
        gradients = list(torch.autograd.grad(loss, parameters))
        for gradient, mask in zip(gradients, self._masks, strict=True):
            if mask is not None:
                gradient.mul_(mask)
        if self.max_gradient_norm is not None:
            norms = [torch.linalg.vector_norm(gradient, dim=1, keepdim=True) for gradient in gradients]
            norm = torch.linalg.vector_norm(torch.cat(norms, dim=1), dim=1, keepdim=True)
            scale = (self.max_gradient_norm / (norm + 1e-6)).clamp_(max=1.0)
            for gradient in gradients:
                gradient.mul_(scale)
        with torch.no_grad():
            adam(
                parameters,
                gradients,
                exp_avgs=self._moments[0],
                exp_avg_sqs=self._moments[1],
                max_exp_avg_sqs=[],
                state_steps=self._updates,
                fused=True,
                amsgrad=False,
                beta1=BETA1,
                beta2=BETA2,
                lr=self.learning_rate,
                weight_decay=self.weight_decay,
                eps=self.epsilon,
                maximize=False,
            )

    def gradients(self, loss: torch.Tensor) -> list[Mlp]:
        """That of `loss`, the sum of the members' losses, per network (arrays); zero outside the masks."""
        found = torch.autograd.grad(loss, [mlp.flat for mlp in self.mlps])
        masked = [flat if mask is None else flat * mask for flat, mask in zip(found, self._masks, strict=True)]
        return [dataclasses.replace(mlp, flat=flat).arrays() for mlp, flat in zip(self.mlps, masked, strict=True)]

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept]), their moments with them."""
        self._masks = [None if mask is None else mask[members] for mask in self._masks]
        self._moments = [[moment[members] for moment in moments] for moments in self._moments]
        for mlp in self.mlps:
            mlp.flat = mlp.flat.detach()[members].requires_grad_()


@numba.njit(error_model="numpy")
def adam_step(
    row: np.ndarray,
    gradient: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    update: int,
    learning_rate: float,
    epsilon: float,
    weight_decay: float,
) -> None:
    """Adam's update number `update` (from 1) of one member: all arrays are float[parameters].

    first, second: the moments' running means, changed as well. Decay is coupled, as torch's `weight_decay` is.
    """
    number = row.dtype.type  # a constant of double precision would lift the whole loop to it
    keep1, keep2, one = number(BETA1), number(BETA2), number(1)
    rate = number(learning_rate / (1 - BETA1**update))
    correction, epsilon_ = number(np.sqrt(1 - BETA2**update)), number(epsilon)
    decay = number(weight_decay)
    for i in range(len(row)):
        slope = gradient[i] + decay * row[i]
        first[i] = keep1 * first[i] + (one - keep1) * slope
        second[i] = keep2 * second[i] + (one - keep2) * slope * slope
        row[i] -= rate * first[i] / (np.sqrt(second[i]) / correction + epsilon_)


def flat_mask(layers: Sequence[np.ndarray], mlp: Mlp) -> np.ndarray:
    """The masks of a network's layers (bool[members, in, out]; none: nothing is pruned) in the shape of `Mlp.flat`."""
    if not layers:
        return np.ones(mlp.flat.shape, dtype=bool)
    return np.asarray(Mlp.of(layers, [np.ones(bias.shape, dtype=bool) for bias in mlp.biases]).flat)


def _mask(layers: Sequence[np.ndarray], mlp: Mlp) -> torch.Tensor | None:
    return torch.from_numpy(flat_mask(layers, mlp)).to(mlp.flat.dtype) if layers else None
