"""What holds of every kind of network, whatever its layers are."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from harness.networks.cnn import ConvNetwork, Convolution
from harness.networks.dropout import dropout_keys
from harness.networks.features import BinaryInputs, FeatureTable
from harness.networks.heads import Categorical, Gaussian, Head
from harness.networks.mlp import ACTIVATIONS, Network
from harness.networks.network import BaseNetwork, ForwardPass, gradient_of, outputs_of
from harness.networks.sparse_input import on_features
from harness.streams import streams

MEMBERS, BATCH, PICTURE, SIZE = 3, 40, (2, 5, 4), 40
CONVOLUTIONS = ConvNetwork(hidden=(6,), convolutions=(Convolution(3, 2), Convolution(4, 2)))
FLOATS = np.random.default_rng(1).normal(size=(MEMBERS, BATCH, SIZE)).astype(np.float32)
FEATURES = np.random.default_rng(2).integers(-1, SIZE, size=(MEMBERS, BATCH, 7)).astype(np.int16)
TABLE = FeatureTable.of(np.random.default_rng(3).normal(size=(1, SIZE, SIZE)), MEMBERS)

Kind = tuple[Network, BinaryInputs | FeatureTable | None, np.ndarray]
KINDS: dict[str, Kind] = {
    "mlp": (Network(hidden=(6, 5)), None, FLOATS),
    "mlp on binary inputs": (Network(hidden=(6, 5)), BinaryInputs(SIZE), FEATURES),
    "mlp on features": (Network(hidden=(6, 5), activation="tanh"), TABLE, FEATURES),
    "cnn": (CONVOLUTIONS, None, FLOATS),
    "cnn on bytes": (CONVOLUTIONS, None, np.abs(100 * FLOATS).astype(np.uint8)),
    "cnn on binary inputs": (CONVOLUTIONS, BinaryInputs(SIZE), FEATURES),
}
HEAD = Categorical(2)
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def made(kind: Kind, head: Head = HEAD) -> BaseNetwork:
    settings, features, _ = kind
    return on_features(settings.initial(PICTURE, head, streams(range(MEMBERS), "w0")), features)


def passes(network: BaseNetwork, inputs: np.ndarray, keys: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Outputs, and a gradient."""
    outputs = outputs_of(network, inputs, keys)
    return outputs, gradient_of(network, inputs, np.cos(outputs), keys).flat


@kinds
def test_a_member_does_not_depend_on_who_shares_the_population_or_where_inputs_lie(kind: Kind) -> None:
    """To the bit, also under dropout."""
    network, few, inputs = made(kind), np.array([2, 0]), kind[2]
    network.dropout, keys = 0.5, dropout_keys(streams(range(MEMBERS), "dropout", 0))
    found = passes(network, inputs, keys)
    for every, alone in zip(found, passes(network.take(few), inputs[few], keys[few]), strict=True):
        np.testing.assert_array_equal(every[few], alone)
    across = np.swapaxes(np.ascontiguousarray(np.swapaxes(inputs, 0, 1)), 0, 1)
    np.testing.assert_array_equal(passes(network, across, keys)[1], found[1])


@kinds
def test_single_precision_stays_single_precision(kind: Kind) -> None:
    assert all(numbers.dtype == np.float32 for numbers in passes(made(kind), kind[2]))


@kinds
def test_copies_share_no_memory_and_views_do(kind: Kind) -> None:
    network = made(kind)
    before, some = network.flat.copy(), network.take(np.array([2, 1]))
    for copied in (network.copy(), some):
        copied.flat[:] = 9
    np.testing.assert_array_equal(network.flat, before)
    network.put(np.array([0, 2]), some)
    assert (network.flat[[0, 2]] == 9).all() and (network.flat[1] == before[1]).all()
    network.weights[0][1] = 7
    assert (network.flat[1] == 7).sum() == network.weights[0][1].size
    assert type(network.of(network.params)) is type(network)


@kinds
def test_a_pass_that_is_made_once_gives_the_same(kind: Kind) -> None:
    network = made(kind)
    acting = ForwardPass(network, BATCH)
    for inputs in (kind[2], kind[2][:, ::-1]):
        np.testing.assert_array_equal(acting(inputs), outputs_of(network, inputs))


@kinds
def test_there_is_room_for_inputs_as_passes_take_them(kind: Kind) -> None:
    network, inputs = made(kind), kind[2]
    room, taken = network.input_room(MEMBERS, BATCH, like=inputs), network.checked_inputs(inputs)
    assert (room.shape, room.dtype) == (taken.shape, taken.dtype)


@kinds
def test_parameters_of_the_head_have_no_gradient_through_the_layers(kind: Kind) -> None:
    network = made(kind, Gaussian(2))
    _, gradient = passes(network, kind[2])
    assert (network.params.like(gradient)["log_std"] == 0).all() and (gradient != 0).any()


@kinds
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_is_not_hidden_and_stays_with_its_member(kind: Kind, activation: str) -> None:
    network = made((dataclasses.replace(kind[0], activation=activation), *kind[1:]))  # type: ignore[arg-type]
    network.params["bias.0"][1] = np.nan
    outputs, _ = passes(network, kind[2])
    assert np.isfinite(outputs[[0, 2]]).all() and np.isnan(outputs[1]).all()


@kinds
def test_dropout_drops_only_where_there_are_keys(kind: Kind) -> None:
    network, keys = made(kind), dropout_keys(streams(range(MEMBERS), "dropout", 0))
    plain = outputs_of(network, kind[2])
    network.dropout = 0.5
    np.testing.assert_array_equal(outputs_of(network, kind[2]), plain)
    assert (outputs_of(network, kind[2], keys) != plain).any()


@kinds
@pytest.mark.parametrize("change", [lambda x: x[:2], lambda x: x[0], lambda x: x.astype(complex)])
def test_other_inputs_are_refused(kind: Kind, change: Callable[[np.ndarray], np.ndarray]) -> None:
    with pytest.raises((ValueError, TypeError)):
        outputs_of(made(kind), change(kind[2]))
