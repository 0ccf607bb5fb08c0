"""What a network is to all that stands above: parameters, a head, and passes that are compiled for its kind.

`BaseNetwork` holds the networks of a whole population. Each kind (`harness.networks.mlp`, `harness.networks.cnn`) is a
subclass, and a named tuple, its *shape*, on whose type the compiled passes below are chosen. So an algorithm is
written once, and is compiled for each kind of network that it meets.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np

from harness.arguments import check_array
from harness.compiled import njit
from harness.networks.dropout import Dropout, _member_dropout
from harness.networks.features import Features, active_inputs
from harness.networks.heads import Head
from harness.networks.params import Layout, Params, length, trained_length

Array = np.ndarray
Drop = Dropout | None


@dataclass
class BaseNetwork:
    """The networks of a population, all of one kind and shape.

    dropout: the rate at which hidden units are dropped while a loss is computed (see `mlp.Network`).
    """

    params: Params
    head: Head
    dropout: float
    features: Features | None = field(default=None, kw_only=True)
    """Those of the task, where it takes the active ones for observations."""

    def __post_init__(self) -> None:
        layout = self.layers + self.head.tensors
        if self.params.layout[: len(layout)] != layout:
            raise ValueError(f"these parameters must begin with {_names(layout)}, not {_names(self.params.layout)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, not {self.dropout}")
        if self.features and self.features.inputs != self.inputs:
            raise ValueError(f"features of {self.features.inputs} inputs do not fit networks of {self.inputs} inputs")

    @property
    def inputs(self) -> int:
        """How many numbers an observation is."""
        raise NotImplementedError

    @property
    def layers(self) -> Layout:
        """The tensors of its layers, in order; those of the head follow."""
        raise NotImplementedError

    def shape(self) -> Any:
        """The named tuple on whose type compiled passes are chosen."""
        raise NotImplementedError

    def memory(self, batch: int) -> Any:
        """A named tuple of arrays in which the passes of one member over `batch` samples take place."""
        raise NotImplementedError

    def input_dtype(self, dtype: np.dtype) -> np.dtype:
        """In which type passes take observations of this type."""
        return self.flat.dtype

    def input_room(self, *shape: int, like: Array) -> Array:
        """Room for inputs [*shape, numbers] as the passes take them, of observations like these, [..., numbers]."""
        return np.empty((*shape, like.shape[-1]), like.dtype if self.features else self.input_dtype(like.dtype))

    def checked_inputs(self, observations: Array, batch: int = -1) -> Array:
        """Observations [members, batch, *shape], in rows, or active features, as the passes take them.

        Raises as `arguments.check_array`, and ValueError for a feature that is none.
        """
        if self.features:
            return active_inputs(observations, (self.members, batch), self.features.features)
        if isinstance(observations, np.ndarray) and observations.ndim > 3:
            observations = observations.reshape(*observations.shape[:2], -1)
        check_array("observations", observations, (self.members, batch, self.inputs))
        return np.ascontiguousarray(observations, dtype=self.input_dtype(observations.dtype))

    def prepared(self) -> Array:
        """float[members, numbers]: all members' parameters as `_prepare_member` makes them; may share memory."""
        return self.flat

    @property
    def flat(self) -> Array:
        """float[members, parameters], see `Params.flat`."""
        return self.params.flat

    @property
    def own(self) -> Array:
        """float[members, parameters of the head]."""
        start = length(self.layers)
        return self.flat[:, start : start + length(self.head.tensors)]

    @property
    def weights(self) -> list[Array]:
        """float[members, *shape] per layer, as views."""
        return self.params.weights

    @property
    def members(self) -> int:
        """How many networks are stacked."""
        return self.params.members

    def of(self, params: Params) -> Self:
        """Networks of the same kind with other parameters."""
        return dataclasses.replace(self, params=params)

    def each(self, change: Callable[[Array], Array]) -> Self:
        """The same networks with `change` applied to `flat`."""
        return self.of(self.params.each(change))

    def copy(self) -> Self:
        """The same networks, sharing no memory."""
        return self.of(self.params.copy())

    def take(self, members: Array) -> Self:
        """These members alone (int64[kept]), as copies."""
        return self.of(self.params.take(members))

    def put(self, members: Array, others: "BaseNetwork") -> None:
        """Overwrite these members by `others`, in order."""
        self.params.put(members, others.params)


Networks = dict[str, BaseNetwork]
"""By name: "actor", "critic"."""


class ForwardPass:
    """The outputs of networks for one batch after another of the same shape, in memory that is made once."""

    def __init__(self, network: BaseNetwork, batch: int):
        self._network, self._batch, self._shape = dataclasses.replace(network), batch, network.shape()
        self._prepared, self._memory = network.prepared(), network.memory(batch)
        self._outputs = np.empty((network.members, batch, network.head.outputs), dtype=network.flat.dtype)

    def __call__(self, observations: Array) -> Array:
        """As `outputs_of`. The next call overwrites it."""
        inputs = self._network.checked_inputs(observations, self._batch)
        _forward_pass(self._shape, self._prepared, inputs, self._memory, self._outputs, 0.0, None)
        return self._outputs


def outputs_of(network: BaseNetwork, observations: Array, keys: Array | None = None) -> Array:
    """float[members, batch, out] for observations [members, batch, *shape], in the networks' precision.

    keys: uint64[members], new for each update; with them hidden units are dropped at the rate of the networks.
    """
    inputs = network.checked_inputs(observations)
    outputs = np.empty((*inputs.shape[:2], network.head.outputs), dtype=network.flat.dtype)
    _check_keys(network, keys)
    memory = network.memory(inputs.shape[1])
    _forward_pass(network.shape(), network.prepared(), inputs, memory, outputs, network.dropout, keys)
    return outputs


def gradient_of(network: BaseNetwork, observations: Array, grad_outputs: Array, keys: Array | None = None) -> Params:
    """The gradient with respect to the layers' parameters, given that with respect to the outputs, float[members,
    batch, out]; zero for all others. keys: as `outputs_of` takes them."""
    inputs = network.checked_inputs(observations)
    check_array("grad_outputs", grad_outputs, (*inputs.shape[:2], network.head.outputs))
    _check_keys(network, keys)
    grad_outputs = np.ascontiguousarray(grad_outputs, dtype=network.flat.dtype)
    gradient, space = np.zeros_like(network.flat), NetworkWorkspace.of(network, inputs.shape[1])
    found = np.empty((network.members, len(space.grad_params)), dtype=network.flat.dtype)
    _gradients(network.shape(), network.flat, inputs, grad_outputs, space, found, network.dropout, keys)
    gradient[:, : found.shape[1]] = found
    return network.params.like(gradient)


def _check_keys(network: BaseNetwork, keys: Array | None) -> None:
    if keys is not None:
        check_array("keys", keys, (network.members,), whole=True)


def _names(layout: Sequence[Any]) -> str:
    return ", ".join(f"{tensor.name} {tensor.shape}" for tensor in layout)


class NetworkWorkspace(NamedTuple):
    """Memory for the passes of one member through one network, so that updates allocate none.

    outputs, grad_outputs: float[batch, out]. grad_params: float[trained parameters]. memory: `BaseNetwork.memory`.
    """

    outputs: Array
    grad_outputs: Array
    grad_params: Array
    memory: Any

    @classmethod
    def of(cls, network: BaseNetwork, batch: int) -> "NetworkWorkspace":
        """For `batch` samples of a member of `network`."""
        outputs = np.empty((2, batch, network.head.outputs), network.flat.dtype)
        gradient = np.empty(trained_length(network.params.layout), network.flat.dtype)
        return cls(outputs[0], outputs[1], gradient, network.memory(batch))


def _prepare_member(shape: Any, member: int, params: Array, memory: Any) -> Array:
    """What the forward pass takes for a member's `params`: these, or what is made of them where they have changed."""
    raise NotImplementedError


def _forward_member(shape: Any, prepared: Array, inputs: Array, memory: Any, outputs: Array, dropout: Drop) -> None:
    """Fill `outputs`, float[batch, out], for one member's inputs, and keep in `memory` what the backward pass needs.

    prepared: see `_prepare_member`; also those of an earlier update (a target network's).
    """
    raise NotImplementedError


def _backward_member(
    shape: Any,
    member: int,
    prepared: Array,
    inputs: Array,
    space: NetworkWorkspace,
    dropout: Drop,
    grad_inputs: Array | None = None,
) -> None:
    """Fill `space.grad_params`, as far as it is of the layers, from `space.grad_outputs` and what the forward pass of
    the same inputs left in `space.memory`.

    grad_inputs: float[batch, in], filled as well where given, of a network that is the dense part of another one.
    """
    raise NotImplementedError


@njit
def _forward_pass(
    shape: Any, prepared: Array, inputs: Array, memory: Any, outputs: Array, rate: float, keys: Array | None
) -> None:
    """`_forward_member` for each member: all arrays but those of `memory` have members first."""
    for m in range(len(prepared)):
        _forward_member(shape, prepared[m], inputs[m], memory, outputs[m], _member_dropout(rate, keys, m))


@njit
def _gradients(
    shape: Any,
    flat: Array,
    inputs: Array,
    grad_outputs: Array,
    space: NetworkWorkspace,
    gradient: Array,
    rate: float,
    keys: Array | None,
) -> None:
    """Fill `gradient`, float[members, trained parameters], by both passes of each member."""
    for m in range(len(flat)):
        dropout = _member_dropout(rate, keys, m)
        prepared = _prepare_member(shape, m, flat[m], space.memory)
        _forward_member(shape, prepared, inputs[m], space.memory, space.outputs, dropout)
        space.grad_outputs[:] = grad_outputs[m]
        space.grad_params[:] = 0
        _backward_member(shape, m, prepared, inputs[m], space, dropout)
        gradient[m] = space.grad_params


@njit
def _prepare_all(shape: Any, flat: Array, memory: Any, prepared: Array) -> None:
    """Fill `prepared`, see `BaseNetwork.prepared`."""
    for m in range(len(flat)):
        prepared[m] = _prepare_member(shape, m, flat[m], memory)
