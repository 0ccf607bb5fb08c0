"""Multilayer perceptrons of a population: the weights of all members in one array, a row per member."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from harness.arguments import check_array, is_count
from harness.networks.initialisers import INITIALISERS
from harness.networks.kernels import _backward_pass, _forward_pass, _largest

ACTIVATIONS = ("relu", "tanh")

Masks = dict[str, list[np.ndarray]]
"""By network, and per layer bool[members, in, out]: the weights that are kept."""


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


@dataclass
class Mlp:
    """The multilayer perceptrons of a population."""

    flat: np.ndarray
    """float[members, parameters]: a row per member; per layer its weights [in, out], then its biases [out]."""
    sizes: tuple[int, ...]
    """Units per layer: inputs, hidden ..., outputs."""
    activation: str = "relu"
    dropout: float = 0.0
    """See `Network.dropout`."""

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or not all(map(is_count, self.sizes)):
            raise ValueError(f"sizes must be those of two layers or more, each at least 1, not {self.sizes}")
        check_array("flat", self.flat, (-1, sum((a + 1) * b for a, b in pairwise(self.sizes))))
        self.flat = np.ascontiguousarray(self.flat)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, not {self.dropout}")

    @classmethod
    def of(
        cls, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], activation: str = "relu", dropout: float = 0.0
    ) -> "Mlp":
        """Copy arrays float[members, in, out] and float[members, 1, out] per layer."""
        sizes = (weights[0].shape[1], *(weight.shape[2] for weight in weights))
        rows = [part.reshape(len(part), -1) for pair in zip(weights, biases, strict=True) for part in pair]
        return cls(np.concatenate(rows, axis=1), sizes, activation, dropout)

    @property
    def weights(self) -> list[np.ndarray]:
        """float[members, in, out] per layer, as views."""
        return [self.flat[:, a:b].reshape(self.members, fan_in, fan_out) for a, b, _, fan_in, fan_out in self._places]

    @property
    def biases(self) -> list[np.ndarray]:
        """float[members, 1, out] per layer, as views."""
        return [self.flat[:, b:c].reshape(self.members, 1, fan_out) for _, b, c, _, fan_out in self._places]

    @property
    def members(self) -> int:
        """How many networks are stacked."""
        return len(self.flat)

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Mlp":
        """The same networks with `change` applied to `flat`."""
        return dataclasses.replace(self, flat=change(self.flat))

    def copy(self) -> "Mlp":
        """The same networks, sharing no memory."""
        return self.each(np.copy)

    def take(self, members: np.ndarray) -> "Mlp":
        """These members alone (int64[kept]), as copies."""
        return self.each(lambda flat: flat[members])

    def put(self, members: np.ndarray, others: "Mlp") -> None:
        """Overwrite these members by `others`, in order."""
        self.flat[members] = others.flat

    @property
    def _places(self) -> list[tuple[int, int, int, int, int]]:
        """Per layer where its weights start, where they end, where its biases end, its fan-in and its fan-out."""
        places, start = [], 0
        for fan_in, fan_out in pairwise(self.sizes):
            middle = start + fan_in * fan_out
            places.append((start, middle, middle + fan_out, fan_in, fan_out))
            start = middle + fan_out
        return places


Networks = dict[str, Mlp]
"""By name: "actor", "critic"."""


def mlp_shape(mlp: Mlp) -> tuple[np.ndarray, bool]:
    """`sizes` and `tanh` as `harness.networks.kernels` takes them. Raises TypeError where these cannot compute."""
    if mlp.flat.dtype not in (np.float32, np.float64):
        raise TypeError(f"networks compute in float32 or float64, not {mlp.flat.dtype}")
    return np.array(mlp.sizes), ACTIVATIONS.index(mlp.activation) == 1


class ForwardPass:
    """The outputs of networks for one batch after another of the same shape, in memory that is made once."""

    def __init__(self, mlp: Mlp, batch: int):
        self._mlp, self._shape = dataclasses.replace(mlp), mlp_shape(mlp)  # whatever becomes of `mlp`
        self._outputs = np.empty((mlp.members, batch, mlp.sizes[-1]), dtype=mlp.flat.dtype)
        self._activations = np.empty((mlp.members, batch * sum(mlp.sizes[1:-1])), dtype=mlp.flat.dtype)

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """As `outputs_of`. The next call overwrites it."""
        inputs = _checked_inputs(self._mlp, observations, self._outputs.shape[1])
        _forward_pass(self._mlp.flat, *self._shape, inputs, self._activations, self._outputs)
        return self._outputs


def outputs_of(mlp: Mlp, observations: np.ndarray) -> np.ndarray:
    """float[members, batch, out], without dropout, for float[members, batch, in] or, where the input layer is
    projected (`harness.networks.sparse_input`), for active features, int16[members, batch, most]."""
    return forward(mlp, observations)[0]


def forward(mlp: Mlp, observations: np.ndarray, keys: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Outputs as `outputs_of`, and the activations that `backward` needs; both in the networks' precision.

    keys: uint64[members], new for each update; with them hidden units are dropped at the rate `mlp.dropout`.
    """
    inputs = _checked_inputs(mlp, observations)
    members, batch, _ = inputs.shape
    outputs = np.empty((members, batch, mlp.sizes[-1]), dtype=mlp.flat.dtype)
    activations = np.empty((members, batch * sum(mlp.sizes[1:-1])), dtype=mlp.flat.dtype)
    _forward_pass(mlp.flat, *mlp_shape(mlp), inputs, activations, outputs, *_dropout(mlp, keys))
    return outputs, activations


def backward(
    mlp: Mlp,
    observations: np.ndarray,
    activations: np.ndarray,
    grad_outputs: np.ndarray,
    keys: np.ndarray | None = None,
) -> np.ndarray:
    """The gradient with respect to `mlp.flat`, given that with respect to the outputs, float[members, batch, out], and
    what `forward` left of the same observations under the same `keys`."""
    inputs = _checked_inputs(mlp, observations)
    members, batch, _ = inputs.shape
    check_array("activations", activations, (members, batch * sum(mlp.sizes[1:-1])))
    check_array("grad_outputs", grad_outputs, (members, batch, mlp.sizes[-1]))
    grad_flat = np.empty_like(mlp.flat)
    scratch = np.empty((2, batch * max(mlp.sizes)), dtype=mlp.flat.dtype)
    activations, grad_outputs = (
        np.ascontiguousarray(given, dtype=mlp.flat.dtype) for given in (activations, grad_outputs)
    )
    _backward_pass(
        mlp.flat, *mlp_shape(mlp), inputs, activations, grad_outputs, grad_flat, scratch, *_dropout(mlp, keys)
    )
    return grad_flat


def _checked_inputs(mlp: Mlp, observations: np.ndarray, batch: int = -1) -> np.ndarray:
    """Observations as the kernels take them. Raises as `check_array`, and ValueError for a feature that is none."""
    if getattr(observations, "dtype", None) == np.int16:
        check_array("observations", observations, (mlp.members, batch, observations.shape[-1]))
        features = np.ascontiguousarray(observations)
        if _largest(features) >= mlp.sizes[0]:
            raise ValueError(f"feature {features.max()} is none of the {mlp.sizes[0]} that these networks take")
        return features
    check_array("observations", observations, (mlp.members, batch, mlp.sizes[0]))
    return np.ascontiguousarray(observations, dtype=mlp.flat.dtype)


def _dropout(mlp: Mlp, keys: np.ndarray | None) -> tuple[()] | tuple[float, np.ndarray]:
    if keys is None:
        return ()
    check_array("keys", keys, (mlp.members,), whole=True)
    return mlp.dropout, keys


def initial_mlp(
    sizes: Sequence[int],
    streams: Sequence[np.random.Generator],
    initialiser: str = "kaiming",
    input_divisor: float = 1.0,
    activation: str = "relu",
    dropout: float = 0.0,
) -> Mlp:
    """Draw networks with layers of `sizes` (inputs, hidden ..., outputs), one per stream; float32.

    The initialiser draws weights; biases are drawn as `torch.nn.Linear` draws them, whatever the initialiser.
    `input_divisor` divides the input layer's weights (paper 4.2), a critic's as well as an actor's: the paper names no
    network. All built-in initialisers scale the same uniform draws, so that one seed's initial weights differ in scale
    alone. Raises ValueError where an initialiser returns another shape, or something that is not finite.
    """
    draw = INITIALISERS[initialiser]
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        drawn = np.stack([draw(rng, fan_in, fan_out) for rng in streams])
        if drawn.shape[1:] != (fan_in, fan_out) or not np.isfinite(drawn).all():
            raise ValueError(
                f"initialiser {initialiser!r} must return finite numbers of shape {(fan_in, fan_out)} for this layer;"
                f" it returned the shape {drawn.shape[1:]}" + ("" if np.isfinite(drawn).all() else ", not all finite")
            )
        weights.append(drawn / (input_divisor if layer == 0 else 1.0))
        bias_scale = 1 / math.sqrt(fan_in)
        biases.append(bias_scale * np.stack([rng.uniform(-1, 1, (1, fan_out)) for rng in streams]))
    return Mlp.of(weights, biases, activation, dropout).each(lambda flat: flat.astype(np.float32))
