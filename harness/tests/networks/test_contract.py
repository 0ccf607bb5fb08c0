"""What holds of every kind of network, whatever its inputs: bits, copies, precision, NaN and dropout."""

from collections.abc import Callable

import numpy as np
import pytest

from harness.networks.cnn import ConvNetwork, Convolution
from harness.networks.dropout import dropout_keys
from harness.networks.heads import Gaussian
from harness.networks.kinds import NETWORKS, NetworkSettings
from harness.networks.mlp import ACTIVATIONS, Network
from harness.networks.network import BaseNetwork, ForwardPass, NetworkWorkspace, gradient_of, outputs_of
from harness.networks.sparse_input import BinaryInputs, Features, FeatureTable, on_features
from harness.streams import streams

MEMBERS, BATCH, SHAPE, INPUTS = 3, 5, (2, 6, 6), 72
Made = tuple[BaseNetwork, np.ndarray]


def mlp(**changes: object) -> NetworkSettings:
    return Network((8, 5), **changes)  # type: ignore[arg-type]


def cnn(**changes: object) -> NetworkSettings:
    return ConvNetwork((8, 5), convolutions=(Convolution(4, 3),), **changes)  # type: ignore[arg-type]


TABLE = FeatureTable.of(np.random.default_rng(1).normal(size=(MEMBERS, 30, INPUTS)), MEMBERS)
KINDS: dict[str, tuple[Callable[..., NetworkSettings], Features | None]] = {
    "mlp": (mlp, None),
    "mlp on binary inputs": (mlp, BinaryInputs(INPUTS)),
    "mlp on a table": (mlp, TABLE),
    "cnn": (cnn, None),
    "cnn on binary inputs": (cnn, BinaryInputs(INPUTS)),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, **changes: object) -> Made:
    """In double precision; and what they see."""
    (settings, features), rng = KINDS[kind], np.random.default_rng(0)
    network = settings(**changes).initial(SHAPE, Gaussian(2), streams(range(MEMBERS), "w0")).each(np.float64)
    if features is None:
        return network, rng.normal(size=(MEMBERS, BATCH, *SHAPE))
    seen = [rng.permutation(features.features)[:6] for _ in range(MEMBERS * BATCH)]
    return on_features(network, features), np.array(seen, dtype=np.int16).reshape(MEMBERS, BATCH, 6)


def test_every_built_in_kind_is_held_to_the_contract() -> None:
    assert {type(settings()) for settings, _ in KINDS.values()} == {NETWORKS["Network"], NETWORKS["ConvNetwork"]}


@kinds
def test_a_member_is_the_same_alone_and_wherever_its_observations_lie(kind: str) -> None:
    """To the bit."""
    network, seen = made(kind, dropout=0.5)
    keys, chosen = dropout_keys(streams(range(MEMBERS), "dropout")), np.array([2, 0])
    outputs = outputs_of(network, seen, keys)
    gradient = gradient_of(network, seen, outputs, keys).flat
    some = network.take(chosen)
    np.testing.assert_array_equal(outputs_of(some, seen[chosen], keys[chosen]), outputs[chosen])
    np.testing.assert_array_equal(gradient_of(some, seen[chosen], outputs[chosen], keys[chosen]).flat, gradient[chosen])
    across = np.swapaxes(np.ascontiguousarray(np.swapaxes(seen, 0, 1)), 0, 1)
    np.testing.assert_array_equal(outputs_of(network, across, keys), outputs)


@kinds
def test_the_heads_own_parameters_have_no_gradient_here(kind: str) -> None:
    network, seen = made(kind)
    gradient = network.of(gradient_of(network, seen, outputs_of(network, seen)))
    assert gradient.own.shape == (MEMBERS, 2) and not gradient.own.any()
    assert all(weight.any(axis=tuple(range(1, weight.ndim))).all() for weight in gradient.weights)


@kinds
def test_single_precision_stays_single_precision(kind: str) -> None:
    network, seen = made(kind)
    network = network.each(np.float32)
    outputs = outputs_of(network, seen)
    space, gradient = NetworkWorkspace.of(network, BATCH), gradient_of(network, seen, outputs).flat
    arrays = (outputs, gradient, *space[:3], *_arrays(space.memory), *_arrays(network.shape()))
    assert {array.dtype for array in arrays if array.dtype.kind == "f"} == {np.dtype(np.float32)}


def _arrays(held: object) -> list[np.ndarray]:
    """All arrays of a named tuple, and of those in it."""
    if isinstance(held, tuple):
        return [array for part in held for array in _arrays(part)]
    return [held] if isinstance(held, np.ndarray) else []


@kinds
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_is_not_hidden(kind: str, activation: str) -> None:
    network, seen = made(kind, activation=activation)
    network.params["bias.0"][1] = np.nan
    outputs = outputs_of(network, seen)
    assert np.isfinite(outputs[[0, 2]]).all() and np.isnan(outputs[1]).all()


@kinds
def test_copies_share_no_memory(kind: str) -> None:
    network, _ = made(kind)
    before, some = network.flat.copy(), network.take(np.array([2, 1]))
    for copied in (network.copy(), some):
        np.testing.assert_array_equal(copied.flat, before[[2, 1]] if copied is some else before)
        copied.flat[:] = 9
    np.testing.assert_array_equal(network.flat, before)
    network.put(np.array([0, 2]), some)
    assert (network.flat[[0, 2]] == 9).all() and (network.flat[1] == before[1]).all()


@kinds
def test_without_keys_nothing_is_dropped(kind: str) -> None:
    """So whoever acts, or is evaluated, does so without dropout."""
    (plain, seen), (network, _) = made(kind), made(kind, dropout=0.5)
    outputs = outputs_of(plain, seen)
    np.testing.assert_array_equal(outputs_of(network, seen), outputs)
    np.testing.assert_array_equal(ForwardPass(network, BATCH)(seen), outputs)
    keys = dropout_keys(streams(range(MEMBERS), "dropout"))
    assert (outputs_of(network, seen, keys) != outputs).any(axis=(1, 2)).all()
