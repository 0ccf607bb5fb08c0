"""Stacked networks: the weights of a whole population in one tensor, a row per member."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from harness.networks.kernels import backward_pass, forward_pass
from harness.registry import Registry, caller, origin_of

torch.set_num_threads(1)  # `harness.machine` says so too, but only to a torch that was not imported before


@dataclass
class Mlp:
    """The multilayer perceptrons of a population; numpy at rest, torch in training."""

    flat: Any
    """float[members, parameters]: a row per member; per layer its weights [in, out], then its biases [out]."""
    sizes: tuple[int, ...]
    """Units per layer: inputs, hidden ..., outputs."""
    activation: str = "relu"
    dropout: float = 0.0
    """The share of hidden units that a loss is computed without: see `experiment.Network`. They act as wholes."""

    @classmethod
    def of(
        cls,
        weights: Sequence[np.ndarray],
        biases: Sequence[np.ndarray],
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> "Mlp":
        """From arrays float[members, in, out] and float[members, 1, out] per layer, copied."""
        sizes = (weights[0].shape[1], *(weight.shape[2] for weight in weights))
        rows = [part.reshape(len(part), -1) for pair in zip(weights, biases, strict=True) for part in pair]
        return cls(np.concatenate(rows, axis=1), sizes, activation, dropout)

    @property
    def weights(self) -> list[Any]:
        """float[members, in, out] per layer, as views."""
        return [self.flat[:, a:b].reshape(self.members, fan_in, fan_out) for a, b, _, fan_in, fan_out in self._places]

    @property
    def biases(self) -> list[Any]:
        """float[members, 1, out] per layer, as views."""
        return [self.flat[:, b:c].reshape(self.members, 1, fan_out) for _, b, c, _, fan_out in self._places]

    @property
    def members(self) -> int:
        """How many networks are stacked."""
        return len(self.flat)

    def each(self, change: Callable[[Any], Any]) -> "Mlp":
        """The same networks with `change` applied to `flat`."""
        return dataclasses.replace(self, flat=change(self.flat))

    def tensors(self) -> "Mlp":
        """As a torch tensor of their own."""
        return self.each(lambda array: torch.tensor(np.asarray(array)))

    def arrays(self) -> "Mlp":
        """As a numpy array of their own, whatever they are now."""
        return self.each(lambda flat: _array(flat).copy())

    def take(self, members: np.ndarray) -> "Mlp":
        """These members alone, as copies."""
        return self.each(lambda stacked: stacked[members])

    def put(self, members: np.ndarray, others: "Mlp") -> None:
        """Overwrite these members of networks at rest by `others`, in order."""
        self.flat[members] = others.flat

    @property
    def _places(self) -> list[tuple[int, int, int, int, int]]:
        """Per layer where its weights start, they end, its biases end; and its fan in and out."""
        places, start = [], 0
        for fan_in, fan_out in pairwise(self.sizes):
            middle = start + fan_in * fan_out
            places.append((start, middle, middle + fan_out, fan_in, fan_out))
            start = middle + fan_out
        return places


ACTIVATIONS = ("relu", "tanh")


def forward(mlp: Mlp, observations: torch.Tensor, keys: np.ndarray | None = None) -> torch.Tensor:
    """Outputs float[members, batch, out] for observations float[members, batch, in], in the networks' precision.

    Differentiable in `mlp.flat` alone, once. keys: uint64[members], new for each update; with them `mlp.dropout` of the
    hidden units is left out, as it should be where this is a loss (see `passes`).
    """
    seen = observations.to(mlp.flat.dtype)
    outputs: torch.Tensor = _Passes.apply(mlp.flat, seen, mlp, keys)  # type: ignore[no-untyped-call]
    return outputs


def outputs_of(mlp: Mlp, observations: np.ndarray) -> np.ndarray:
    """`forward` for arrays, where nothing is differentiated; `mlp` in training or at rest.

    Of folded networks (`harness.networks.sparse_input`) observations are numbers of pieces,
    int16[members, batch, most].
    """
    flat = _array(mlp.flat)
    dtype = observations.dtype if observations.dtype == np.int16 else flat.dtype
    return _run(flat, mlp, np.ascontiguousarray(observations, dtype=dtype))[0]


class _Passes(torch.autograd.Function):
    """`passes`, for autograd."""

    @staticmethod
    def forward(
        ctx: Any, flat: torch.Tensor, observations: torch.Tensor, mlp: Mlp, keys: np.ndarray | None
    ) -> torch.Tensor:
        inputs = np.ascontiguousarray(observations.numpy())
        ctx.dropout = () if keys is None else (mlp.dropout, keys)
        outputs, ctx.hidden = _run(flat.detach().numpy(), mlp, inputs, *ctx.dropout)
        ctx.save_for_backward(flat)
        ctx.mlp, ctx.inputs = mlp, inputs
        return torch.from_numpy(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_outputs: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (flat,) = ctx.saved_tensors
        to_flat = torch.empty_like(flat)
        sizes, tanh = mlp_shape(ctx.mlp)
        to_outputs = to_outputs.contiguous()
        scratch = np.empty((2, to_outputs.shape[1] * max(ctx.mlp.sizes)), dtype=flat.numpy().dtype)
        backward_pass(
            *(flat.numpy(), sizes, tanh, ctx.inputs, ctx.hidden, to_outputs.numpy(), to_flat.numpy(), scratch),
            *ctx.dropout,
        )
        return to_flat, None, None, None


def _array(flat: Any) -> np.ndarray:
    """Of either kind, as an array that shares its memory."""
    return flat.detach().numpy() if isinstance(flat, torch.Tensor) else np.asarray(flat)


def _run(flat: np.ndarray, mlp: Mlp, inputs: np.ndarray, *dropout: Any) -> tuple[np.ndarray, np.ndarray]:
    """Outputs, and the hidden activations as `passes` keeps them. dropout: its share and keys, or nothing."""
    members, batch, _ = inputs.shape
    outputs = np.empty((members, batch, mlp.sizes[-1]), dtype=flat.dtype)
    hidden = np.empty((members, batch * sum(mlp.sizes[1:-1])), dtype=flat.dtype)
    forward_pass(flat, *mlp_shape(mlp), inputs, hidden, outputs, *dropout)
    return outputs, hidden


def mlp_shape(mlp: Mlp) -> tuple[np.ndarray, bool]:
    """`sizes` and `tanh` as `harness.networks.kernels` takes them."""
    return np.array(mlp.sizes), ACTIVATIONS.index(mlp.activation) == 1


class Initialiser(Protocol):
    """How the weights of one layer are drawn."""

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """float[fan_in, fan_out], of one member, from its own stream."""


INITIALISERS: Registry[Initialiser] = Registry("initialiser")


def initialiser(name: str) -> Callable[[Initialiser], Initialiser]:
    """Register the function below it as the initialiser `name`. Raises harness.registry.RegistrationError."""

    registrar = caller()

    def register(function: Initialiser) -> Initialiser:
        INITIALISERS.add(name, function, origin_of(function), registrar)
        return function

    return register


@initialiser("kaiming")
def kaiming(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """torch.nn.Linear's own: Kaiming uniform with a = sqrt(5)."""
    return 1 / math.sqrt(fan_in) * rng.uniform(-1, 1, (fan_in, fan_out))


@initialiser("he")
def he(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """He et al. 2015, equation 10, as a uniform distribution."""
    return math.sqrt(6 / fan_in) * rng.uniform(-1, 1, (fan_in, fan_out))


@initialiser("xavier")
def xavier(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Glorot & Bengio 2010, equation 16."""
    return math.sqrt(6 / (fan_in + fan_out)) * rng.uniform(-1, 1, (fan_in, fan_out))


def initial_mlp(
    sizes: Sequence[int],
    streams: Sequence[np.random.Generator],
    initialiser: str = "kaiming",
    input_divisor: float = 1.0,
    activation: str = "relu",
    dropout: float = 0.0,
) -> Mlp:
    """Freshly drawn networks with layers of `sizes` (inputs, hidden ..., outputs), one per stream; float32.

    An initialiser gives the weights, as those of `torch.nn.init` do; biases are drawn as `torch.nn.Linear` draws
    them under every one. `input_divisor` divides the input layer's weights (paper 4.2), a critic's as well as an
    actor's: the paper names no network. All built-in ones scale the same uniform draws, so that one seed's start
    differs in scale alone. Raises ValueError where an initialiser gives another shape, or what is not finite.
    """
    draw = INITIALISERS[initialiser]
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        drawn = np.stack([draw(rng, fan_in, fan_out) for rng in streams])
        if drawn.shape[1:] != (fan_in, fan_out) or not np.isfinite(drawn).all():
            raise ValueError(
                f"initialiser {initialiser!r} gave {drawn.shape[1:]} for a layer of {(fan_in, fan_out)}, or not numbers"
            )
        weights.append(drawn / (input_divisor if layer == 0 else 1.0))
        bias_scale = 1 / math.sqrt(fan_in)
        biases.append(bias_scale * np.stack([rng.uniform(-1, 1, (1, fan_out)) for rng in streams]))
    return Mlp.of(weights, biases, activation, dropout).each(lambda array: array.astype(np.float32))
