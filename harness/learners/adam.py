"""Adam under masks (Kingma & Ba 2015): compiled for one member, and for losses that autograd differentiates."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from harness.compiled import njit
from harness.networks.mlp import Mlp, mlp_shape

BETA1, BETA2 = 0.9, 0.999

Decay = Literal["coupled", "decoupled"]
"""Whether weight decay is a part of the gradient (L2, torch's Adam) or apart from it (Loshchilov & Hutter 2019)."""


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
    """Adam for losses that autograd differentiates; pruned weights stay exactly zero.

    mlps: torch networks, made leaves here; masks: per network bool[members, in, out] per layer, or an empty
    list where nothing is pruned. The gradient's norm is clipped for each member by itself, so that no member's step
    depends on who shares the population, to the last bit.
    """

    def __init__(
        self,
        mlps: Sequence[Mlp],
        masks: Sequence[Sequence[np.ndarray]],
        learning_rate: float,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        max_gradient_norm: float | None = None,
        decay: Decay = "coupled",
    ):
        self.mlps = list(mlps)
        self.max_gradient_norm = max_gradient_norm
        self.learning_rate = learning_rate
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.decoupled = decay == "decoupled"
        self.updates = 0
        shared = [mlp.each(lambda flat: flat.detach().numpy()) for mlp in self.mlps]
        self._trained = [Trained.start(mlp, layers) for mlp, layers in zip(shared, masks, strict=True)]
        for mlp in self.mlps:
            mlp.flat.requires_grad_()

    def step(self, loss: torch.Tensor) -> None:
        """One update down the gradient of `loss`, the sum of the members' losses."""
        found = torch.autograd.grad(loss, [mlp.flat for mlp in self.mlps])
        gradients = [gradient.numpy() * t.mask for gradient, t in zip(found, self._trained, strict=True)]
        if self.max_gradient_norm is not None:
            norm = np.sqrt(sum((gradient**2).sum(axis=1, keepdims=True) for gradient in gradients))
            gradients = [gradient * np.minimum(1, self.max_gradient_norm / (norm + 1e-6)) for gradient in gradients]
        self.updates += 1
        for trained, gradient in zip(self._trained, gradients, strict=True):
            pace = (self.updates, self.learning_rate, self.epsilon, self.weight_decay, self.decoupled)
            _adam_steps(trained, gradient, *pace)

    def gradients(self, loss: torch.Tensor) -> list[Mlp]:
        """That of `loss`, the sum of the members' losses, per network (arrays); zero outside the masks."""
        found = torch.autograd.grad(loss, [mlp.flat for mlp in self.mlps])
        masked = [gradient.numpy() * t.mask for gradient, t in zip(found, self._trained, strict=True)]
        return [dataclasses.replace(mlp, flat=flat) for mlp, flat in zip(self.mlps, masked, strict=True)]

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept]), their moments with them."""
        self._trained = [trained.keep(members) for trained in self._trained]
        for mlp, trained in zip(self.mlps, self._trained, strict=True):
            mlp.flat = torch.from_numpy(trained.flat).requires_grad_()


@njit
def _adam_steps(
    trained: Trained,
    gradient: np.ndarray,
    update: int,
    learning_rate: float,
    epsilon: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """`adam_step` for each member."""
    for m in range(len(gradient)):
        row, first, second = trained.flat[m], trained.first[m], trained.second[m]
        adam_step(row, gradient[m], first, second, update, learning_rate, epsilon, weight_decay, decoupled)


@njit
def adam_step(
    row: np.ndarray,
    gradient: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    update: int,
    learning_rate: float,
    epsilon: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """Adam's update number `update` (from 1) of one member: all arrays are float[parameters].

    first, second: the moments' running means, changed as well. Decay: see `Decay`.
    """
    number = row.dtype.type  # a constant of double precision would lift the whole loop to it
    keep1, keep2, one = number(BETA1), number(BETA2), number(1)
    rate = number(learning_rate / (1 - BETA1**update))
    correction, epsilon_ = number(np.sqrt(1 - BETA2**update)), number(epsilon)
    decay = number(0) if decoupled else number(weight_decay)
    shrink = number(1 - learning_rate * weight_decay) if decoupled else one
    for i in range(len(row)):
        slope = gradient[i] + decay * row[i]
        first[i] = keep1 * first[i] + (one - keep1) * slope
        second[i] = keep2 * second[i] + (one - keep2) * slope * slope
        row[i] = shrink * row[i] - rate * first[i] / (np.sqrt(second[i]) / correction + epsilon_)


def flat_mask(layers: Sequence[np.ndarray], mlp: Mlp) -> np.ndarray:
    """The masks of a network's layers (bool[members, in, out]; none: nothing is pruned) in the shape of `Mlp.flat`."""
    if not layers:
        return np.ones(mlp.flat.shape, dtype=bool)
    return np.asarray(Mlp.of(layers, [np.ones(bias.shape, dtype=bool) for bias in mlp.biases]).flat)
