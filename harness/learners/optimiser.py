"""Adam for a stacked population under masks."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from harness.networks import Mlp


class MaskedAdam:
    """One fused Adam over all tensors of a population; pruned weights stay exactly zero.

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
        self._masks = [
            [torch.from_numpy(mask).to(w.dtype) for mask, w in zip(layers, mlp.weights, strict=False)]
            for layers, mlp in zip(masks, mlps, strict=True)
        ]
        self._settings = {"eps": epsilon, "weight_decay": weight_decay, "fused": True}
        self.learning_rate = learning_rate
        self._build({})

    @property
    def tensors(self) -> list[torch.Tensor]:
        """Every weight and bias, in a fixed order."""
        return [tensor for mlp in self.mlps for tensor in (*mlp.weights, *mlp.biases)]

    def step(self, loss: torch.Tensor) -> None:
        """One update down the gradient of `loss`, the sum of the members' losses."""
        tensors = self.tensors
        gradients = list(torch.autograd.grad(loss, tensors))
        position = 0
        for mlp, masks in zip(self.mlps, self._masks, strict=True):
            for gradient, mask in zip(gradients[position:], masks, strict=False):
                gradient.mul_(mask)
            position += 2 * len(mlp.weights)
        if self.max_gradient_norm is not None:
            squares = sum(gradient.square().sum(dim=(1, 2), keepdim=True) for gradient in gradients)
            scale = (self.max_gradient_norm / (torch.as_tensor(squares).sqrt() + 1e-6)).clamp(max=1.0)
            for gradient in gradients:
                gradient.mul_(scale)
        for tensor, gradient in zip(tensors, gradients, strict=True):
            tensor.grad = gradient
        self._adam.param_groups[0]["lr"] = self.learning_rate
        self._adam.step()

    def gradients(self, loss: torch.Tensor) -> list[Mlp]:
        """That of `loss`, the sum of the members' losses, per network (arrays); zero outside the masks."""
        found = iter(torch.autograd.grad(loss, self.tensors))
        mlps = [
            dataclasses.replace(
                mlp, weights=[next(found) for _ in mlp.weights], biases=[next(found) for _ in mlp.biases]
            )
            for mlp in self.mlps
        ]
        for mlp, masks in zip(mlps, self._masks, strict=True):
            for weight, mask in zip(mlp.weights, masks, strict=False):
                weight.mul_(mask)
        return [mlp.arrays() for mlp in mlps]

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept]), their moments with them."""
        moments = {
            place: {name: value if name == "step" else value[members] for name, value in self._adam.state[t].items()}
            for place, t in enumerate(self.tensors)
        }
        self._masks = [[mask[members] for mask in layers] for layers in self._masks]
        for mlp in self.mlps:
            kept = mlp.each(lambda tensor: tensor.detach()[members].clone())
            mlp.weights, mlp.biases = kept.weights, kept.biases
        self._build(moments)

    def _build(self, moments: dict[int, dict[str, torch.Tensor]]) -> None:
        tensors = [tensor.requires_grad_() for tensor in self.tensors]
        self._adam = torch.optim.Adam(tensors, lr=self.learning_rate, **self._settings)  # type: ignore[arg-type]
        for place, state in moments.items():
            self._adam.state[tensors[place]].update(state)
