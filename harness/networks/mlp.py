"""Multilayer perceptrons of a population."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from harness.arguments import is_count
from harness.compiled import compiled_for
from harness.networks.heads import Categorical, Head
from harness.networks.initialisers import INITIALISERS
from harness.networks.kernels import _mlp_backward, _mlp_forward
from harness.networks.network import (
    BaseNetwork,
    Drop,
    NetworkWorkspace,
    _backward_member,
    _forward_member,
    _prepare_member,
)
from harness.networks.params import Layout, Params, Tensor, length, prunable

Array = np.ndarray
ACTIVATIONS = ("relu", "tanh")


@dataclass(frozen=True)
class Network:
    """Settings of multilayer perceptrons: the actor's (or student's) hidden units, and the critic's."""

    hidden: tuple[int, ...] = (64, 64)
    activation: Literal["relu", "tanh"] = "relu"
    initialiser: str = "kaiming"
    """A name in `initialisers.INITIALISERS`, built in or registered."""
    input_divisor: float = 1.0
    """The input layer's initial weights are divided by it (paper 4.2)."""
    dropout: float = 0.0
    """The rate at which hidden units are dropped while a loss is computed, drawn anew for each sample of each update;
    the others count 1 / (1 - rate) as much (Srivastava et al. 2014; paper A.4). Agents act and are evaluated, and
    networks are pruned, without dropout. The units of the paper's "all layers" are the hidden ones: inputs and outputs
    have a meaning of their own."""

    def check(self) -> None:
        """Raise ValueError, in one line, for settings that cannot work; UnknownNameError for an unknown initialiser."""
        sound = {
            f"network.hidden is {self.hidden}: each layer needs a whole number of units, at least one": all(
                map(is_count, self.hidden)
            ),
            f"network.activation {self.activation!r} is none of {', '.join(ACTIVATIONS)}": (
                self.activation in ACTIVATIONS
            ),
            f"network.input_divisor is {self.input_divisor}: it must be above 0": 0 < self.input_divisor < math.inf,
            f"network.dropout is {self.dropout}: it must be from 0 to below 1": 0 <= self.dropout < 1,
        }
        for problem, holds in sound.items():
            if not holds:
                raise ValueError(problem)
        INITIALISERS[self.initialiser]  # or UnknownNameError

    @property
    def title(self) -> str:
        """How reports name networks of this kind: "64-64"."""
        return "-".join(map(str, self.hidden))

    def layout(self, observation: tuple[int, ...], head: Head) -> Layout:
        """The tensors of one network for observations of this shape, those of the head last."""
        return mlp_layout((math.prod(observation), *self.hidden, head.outputs)) + head.tensors

    def build(self, observation: tuple[int, ...], head: Head, params: Params) -> BaseNetwork:
        """Networks with these parameters."""
        sizes = (math.prod(observation), *self.hidden, head.outputs)
        return Mlp(params, head, self.dropout, sizes, self.activation)

    def initial(self, observation: tuple[int, ...], head: Head, streams: Sequence[np.random.Generator]) -> BaseNetwork:
        """Draw networks, one per stream; see `initial_params`."""
        layout = self.layout(observation, head)
        return self.build(observation, head, initial_params(layout, streams, self.initialiser, self.input_divisor))


@dataclass
class Mlp(BaseNetwork):
    """The multilayer perceptrons of a population."""

    sizes: tuple[int, ...]
    """Units per layer: inputs, hidden ..., outputs."""
    activation: str

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or not all(map(is_count, self.sizes)):
            raise ValueError(f"sizes must be those of two layers or more, each at least 1, not {self.sizes}")
        super().__post_init__()

    @classmethod
    def stacked(
        cls,
        weights: Sequence[Array],
        biases: Sequence[Array],
        activation: str = "relu",
        dropout: float = 0.0,
        head: Head | None = None,
    ) -> "Mlp":
        """Copy arrays float[members, in, out] and float[members, out] per layer. head: by default the outputs are
        logits."""
        sizes = (weights[0].shape[1], *(weight.shape[2] for weight in weights))
        parts = [part for pair in zip(weights, biases, strict=True) for part in pair]
        return cls(Params.of(mlp_layout(sizes), parts), head or Categorical(sizes[-1]), dropout, sizes, activation)

    @property
    def inputs(self) -> int:
        """See `BaseNetwork.inputs`."""
        return self.sizes[0]

    @property
    def layers(self) -> Layout:
        """Of each layer its weights [in, out], then its biases [out]."""
        return mlp_layout(self.sizes)

    @property
    def biases(self) -> list[Array]:
        """float[members, out] per layer, as views."""
        return [self.params[f"bias.{layer}"] for layer in range(len(self.sizes) - 1)]

    def shape(self) -> Any:
        """See `BaseNetwork.shape`. Raises TypeError where these cannot compute."""
        return MlpShape.of(self.sizes, self.activation == ACTIVATIONS[1], self.flat.dtype)

    def memory(self, batch: int) -> Any:
        """See `BaseNetwork.memory`."""
        return MlpMemory.of(self.sizes, batch, self.flat.dtype)


class MlpShape(NamedTuple):
    """As compiled passes take it: units per layer, int64[layers + 1]; and how many parameters the layers have."""

    sizes: Array
    tanh: bool
    length: int

    @classmethod
    def of(cls, sizes: Sequence[int], tanh: bool, dtype: np.dtype) -> "MlpShape":
        """For parameters of this dtype. Raises TypeError where these cannot compute."""
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"networks compute in float32 or float64, not {dtype}")
        return cls(np.array(sizes), tanh, length(mlp_layout(sizes)))


class MlpMemory(NamedTuple):
    """See `harness.networks.kernels`."""

    activations: Array
    scratch: Array

    @classmethod
    def of(cls, sizes: Sequence[int], batch: int, dtype: np.dtype) -> "MlpMemory":
        """For `batch` samples."""
        return cls(np.empty(batch * sum(sizes[1:-1]), dtype), np.empty((2, batch * max(sizes[1:])), dtype))


@compiled_for(_prepare_member, MlpShape)
def _prepare_mlp(shape: Any, member: int, params: Array, memory: Any) -> Array:
    return params


@compiled_for(_forward_member, MlpShape)
def _forward_mlp(shape: Any, prepared: Array, inputs: Array, memory: Any, outputs: Array, dropout: Drop) -> None:
    _mlp_forward(prepared, shape.sizes, shape.tanh, inputs, memory.activations, outputs, dropout)


@compiled_for(_backward_member, MlpShape)
def _backward_mlp(
    shape: Any,
    member: int,
    prepared: Array,
    inputs: Array,
    space: NetworkWorkspace,
    dropout: Drop,
    grad_inputs: Array | None = None,
) -> None:
    memory = space.memory
    params, gradient = prepared[: shape.length], space.grad_params[: shape.length]
    sizes, activations, scratch = shape.sizes, memory.activations, memory.scratch
    grad_outputs, tanh = space.grad_outputs, shape.tanh
    _mlp_backward(params, sizes, tanh, inputs, activations, grad_outputs, gradient, scratch, dropout, grad_inputs)


def mlp_layout(sizes: Sequence[int], first: int = 0) -> Layout:
    """Of each dense layer its weights [in, out], then its biases [out]; `first` is the number of the first one."""
    return tuple(
        tensor
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), first)
        for tensor in (
            Tensor(f"weight.{layer}", (fan_in, fan_out), layer, fan_in, prunable=True),
            Tensor(f"bias.{layer}", (fan_out,), layer, fan_in),
        )
    )


def initial_params(
    layout: Layout,
    streams: Sequence[np.random.Generator],
    initialiser: str = "kaiming",
    input_divisor: float = 1.0,
) -> Params:
    """Draw parameters, one member per stream; float32.

    The initialiser draws weights, those of a convolution as one matrix [fan-in, filters]; biases are drawn as
    `torch.nn.Linear` draws them, whatever the initialiser; what belongs to no layer is 0. `input_divisor` divides the
    input layer's weights (paper 4.2), a critic's as well as an actor's: the paper names no network. All built-in
    initialisers scale the same uniform draws, so that one seed's initial weights differ in scale alone. Raises
    ValueError where an initialiser returns another shape, or something that is not finite.
    """
    draw, parts = INITIALISERS[initialiser], []
    first = prunable(layout)[0].layer
    for tensor in layout:
        if tensor.layer < 0:
            parts.append(np.zeros((len(streams), *tensor.shape)))
        elif not tensor.prunable:
            scale = 1 / math.sqrt(tensor.fan_in)
            parts.append(scale * np.stack([rng.uniform(-1, 1, tensor.shape) for rng in streams]))
        else:
            matrix = (tensor.fan_in, tensor.size // tensor.fan_in)
            drawn = np.stack([draw(rng, *matrix) for rng in streams])
            if drawn.shape[1:] != matrix or not np.isfinite(drawn).all():
                raise ValueError(
                    f"initialiser {initialiser!r} must return finite numbers of shape {matrix} for this layer;"
                    f" it returned the shape {drawn.shape[1:]}"
                    + ("" if np.isfinite(drawn).all() else ", not all finite")
                )
            divisor = input_divisor if tensor.layer == first else 1.0
            parts.append(drawn.reshape(len(streams), *tensor.shape) / divisor)
    return Params.of(layout, parts).each(lambda flat: flat.astype(np.float32))
