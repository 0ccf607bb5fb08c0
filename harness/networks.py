"""Stacked networks: the weights of a whole population in one tensor per layer.

A layer of `members` networks is one weight `[members, in, out]` and one bias `[members, 1, out]`; a forward
pass is one `baddbmm` per layer.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch

from harness.registry import Registry, origin_of

torch.set_num_threads(1)  # `harness.machine` says so too, but only to a torch that was not imported before


@dataclass
class Mlp:
    """The multilayer perceptrons of a population; numpy arrays at rest, torch tensors in training."""

    weights: list[Any]
    """float[members, in, out] per layer."""
    biases: list[Any]
    """float[members, 1, out] per layer."""
    activation: str = "relu"

    @property
    def members(self) -> int:
        """How many networks are stacked."""
        return len(self.weights[0])

    def each(self, change: Callable[[Any], Any]) -> "Mlp":
        """The same networks with `change` applied to every weight and bias."""
        return dataclasses.replace(
            self, weights=[change(w) for w in self.weights], biases=[change(b) for b in self.biases]
        )

    def tensors(self) -> "Mlp":
        """As torch tensors of their own."""
        return self.each(lambda array: torch.tensor(np.asarray(array)))

    def arrays(self) -> "Mlp":
        """As numpy arrays of their own."""
        return self.each(lambda tensor: tensor.detach().numpy().copy())

    def take(self, members: np.ndarray) -> "Mlp":
        """These members alone, as copies."""
        return self.each(lambda stacked: stacked[members])

    def put(self, members: np.ndarray, others: "Mlp") -> None:
        """Overwrite these members of networks at rest by `others`, in order."""
        for mine, theirs in zip((*self.weights, *self.biases), (*others.weights, *others.biases), strict=True):
            mine[members] = theirs


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"relu": torch.relu, "tanh": torch.tanh}


def forward(mlp: Mlp, observations: torch.Tensor) -> torch.Tensor:
    """Outputs float[members, batch, out] for observations float[members, batch, in]."""
    activate = ACTIVATIONS[mlp.activation]
    hidden = observations
    last = len(mlp.weights) - 1
    for layer, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        hidden = torch.baddbmm(bias, hidden, weight)
        if layer < last:
            hidden = activate(hidden)
    return hidden


class Initialiser(Protocol):
    """How the weights of one layer are drawn."""

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """float[fan_in, fan_out], of one member, from its own stream."""


INITIALISERS: Registry[Initialiser] = Registry("initialiser")


def initialiser(name: str) -> Callable[[Initialiser], Initialiser]:
    """Register the function below it as the initialiser `name`. Raises harness.registry.RegistrationError."""

    def register(function: Initialiser) -> Initialiser:
        INITIALISERS.add(name, function, origin_of(function))
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
    mlp = Mlp(weights, biases, activation)
    return mlp.each(lambda array: array.astype(np.float32))
