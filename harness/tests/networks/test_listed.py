"""Lists of surviving weights: the same outputs, gradients and updates as dense networks have, and the way back."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from harness.learners.adam import AdamSettings, _adam_step
from harness.learners.trained import TrainedNetwork
from harness.networks import listed as lists
from harness.networks.cnn import Cnn, ConvNetwork, Convolution
from harness.networks.features import BinaryInputs, FeatureTable
from harness.networks.heads import Categorical, Gaussian
from harness.networks.listed import Listed, ListedMlp, listed, listed_where_it_pays
from harness.networks.mlp import Mlp, Network
from harness.networks.network import BaseNetwork, gradient_of, outputs_of
from harness.networks.params import Params
from harness.networks.sparse_input import on_features
from harness.streams import streams

MEMBERS, BATCH = 3, 21
SETTINGS: dict[str, tuple[Network, tuple[int, ...]]] = {
    "perceptron": (Network((8, 5)), (30,)),
    "tanh": (Network((8, 5), activation="tanh"), (30,)),
    "no hidden layer": (Network(()), (30,)),
    "convolutional": (ConvNetwork((8, 5), convolutions=(Convolution(3, 3),)), (2, 6, 5)),
    "strided": (ConvNetwork((8,), "tanh", convolutions=(Convolution(3, 2), Convolution(2, 3, 2))), (2, 6, 5)),
}
kinds = pytest.mark.parametrize("kind", SETTINGS)
seen = pytest.mark.parametrize("active", [False, True])


def sparse(kind: str, density: float = 0.3, seed: int = 0) -> tuple[Any, Params]:
    """Networks in double precision under masks, member by member of another density, the second one's first dense layer
    empty; what is pruned is zero."""
    settings, observation = SETTINGS[kind]
    network: Any = settings.initial(observation, Gaussian(2), streams(range(MEMBERS), "w0"))
    network, rng = network.each(lambda flat: flat.astype(np.float64)), np.random.default_rng(seed)
    masks = network.params.everywhere()
    for mask in masks.weights:
        share = density * rng.uniform(0.5, 1.5, size=(MEMBERS, *[1] * (mask.ndim - 1)))
        mask[:] = rng.random(mask.shape) < share
    masks.weights[-len(settings.hidden) - 1][1] = False
    return network.each(lambda flat: flat * masks.flat), masks


def shown(network: BaseNetwork, kind: str, active: bool) -> tuple[BaseNetwork, np.ndarray]:
    """The networks on numbers or on active inputs, and some of these."""
    _, observation = SETTINGS[kind]
    rng, count = np.random.default_rng(7), math.prod(observation)
    if not active:
        return network, rng.normal(size=(MEMBERS, BATCH, *observation))
    places = np.argsort(rng.random((MEMBERS, BATCH, count)), axis=2)[..., :9].astype(np.int16)
    places[..., 6:] = -1
    return on_features(network, BinaryInputs(count)), places


@kinds
@seen
def test_outputs_and_gradients_are_those_of_dense_networks(kind: str, active: bool) -> None:
    dense, masks = sparse(kind)
    few = listed(dense, masks)
    (full, given), (small, _) = shown(dense, kind, active), shown(few.network, kind, active)
    np.testing.assert_allclose(outputs_of(small, given), outputs_of(full, given), rtol=0, atol=1e-10)
    grad_outputs = np.random.default_rng(1).normal(size=(MEMBERS, BATCH, 2))
    wanted, found = gradient_of(full, given, grad_outputs), few.restored(gradient_of(small, given, grad_outputs))
    np.testing.assert_allclose(found.flat, wanted.flat * _dense_kept(dense, masks), rtol=0, atol=1e-10)


def _dense_kept(network: Any, masks: Params) -> np.ndarray:
    """The masks, without those of convolutions, which stay as they are."""
    kept = masks.copy()
    for weights in kept.weights[: len(getattr(network, "convolutions", ()))]:
        weights[:] = True
    return kept.flat


@kinds
def test_the_way_there_and_back_changes_nothing(kind: str) -> None:
    dense, masks = sparse(kind)
    few = listed(dense, masks)
    assert few.restored(few.network.params).layout == dense.params.layout
    np.testing.assert_array_equal(few.restored(few.network.params).flat, dense.flat)
    np.testing.assert_array_equal(few.restored(few.masks).flat, masks.flat)
    assert few.network.params["survivors"].shape[1] < sum(weight[0].size for weight in dense.weights)


@kinds
@seen
@pytest.mark.parametrize("decoupled", [False, True])
def test_updates_of_adam_are_those_of_dense_networks(kind: str, active: bool, decoupled: bool) -> None:
    """With weight decay, of which what is pruned knows nothing: it is zero, and stays."""
    dense, masks = sparse(kind)
    few = listed(dense, masks)
    adam, grad_outputs = AdamSettings(0.01, 1e-8, 0.1, decoupled), np.random.default_rng(1).normal(size=(3, BATCH, 2))
    found = []
    for network, kept in ((dense, masks), (few.network, few.masks)):
        network, given = shown(network.copy(), kind, active)
        trained = TrainedNetwork.start(network, kept)
        for update in range(1, 4):
            gradient = gradient_of(network, given, grad_outputs).flat[:, : trained.mask.shape[1]] * trained.mask
            for member, slopes in enumerate(gradient):
                _adam_step(
                    network.flat[member], slopes, trained.exp_avg[member], trained.exp_avg_sq[member], update, adam
                )
        found.append(network.params)
    assert (found[0].flat[masks.flat] != dense.flat[masks.flat]).mean() > 0.5
    np.testing.assert_array_equal(found[0].flat[~masks.flat], 0)
    np.testing.assert_allclose(few.restored(found[1]).flat, found[0].flat, rtol=0, atol=1e-10)


@kinds
@seen
def test_members_do_not_depend_on_who_shares_the_population(kind: str, active: bool) -> None:
    """Bit for bit, in single precision; they keep their lists where they are taken, and where they are put."""
    dense, masks = sparse(kind)
    small, given = shown(listed(dense, masks).network.each(lambda flat: flat.astype(np.float32)), kind, active)
    few, every = np.array([2, 0]), outputs_of(small, given)
    np.testing.assert_array_equal(outputs_of(small.take(few), given[few]), every[few])
    turned = small.copy()
    turned.put(np.array([0, 2]), small.take(few))
    np.testing.assert_array_equal(outputs_of(turned, given[[2, 1, 0]]), every[[2, 1, 0]])


@pytest.mark.parametrize("kind", ["perceptron", "convolutional"])
def test_networks_without_any_weight_give_their_biases(kind: str) -> None:
    dense, masks = sparse(kind, density=0)
    few = listed(dense, masks)
    small, given = shown(few.network, kind, False)
    np.testing.assert_allclose(outputs_of(small, given), outputs_of(dense, given), rtol=0, atol=1e-10)
    gradient = few.restored(gradient_of(small, given, np.ones((MEMBERS, BATCH, 2))))
    np.testing.assert_array_equal(gradient[f"bias.{len(dense.weights) - 1}"], BATCH)


def test_nan_is_not_hidden() -> None:
    dense, masks = sparse("perceptron", density=2)
    few = listed(dense, masks).network
    few.params["survivors"][0, 0] = np.nan
    outputs = outputs_of(few, np.ones((MEMBERS, 4, 30)))
    assert np.isnan(outputs[0]).all() and np.isfinite(outputs[1:]).all()


def test_tables_of_features_are_left_alone() -> None:
    few = listed(*sparse("perceptron")).network
    assert on_features(few, FeatureTable.of(np.ones((1, 3, 30)), MEMBERS)) is few
    assert few.features is None and on_features(few, BinaryInputs(30)).features == BinaryInputs(30)


def test_what_lists_cannot_stand_for_is_refused() -> None:
    dense, masks = sparse("perceptron")
    few = listed(dense, masks).network
    assert isinstance(few, ListedMlp)
    with pytest.raises(ValueError, match="pruned is not zero"):
        listed(dense.each(lambda flat: flat + 1), masks)
    with pytest.raises(ValueError, match="no dropout"):
        dataclasses.replace(few, dropout=0.1)
    with pytest.raises(ValueError, match="name units below 45"):
        few.each(lambda flat: flat + 1000)
    with pytest.raises(ValueError, match="features of 12 inputs do not fit"):
        on_features(few, BinaryInputs(12))
    with pytest.raises(ValueError, match=r"must have the shape"):
        outputs_of(few, np.zeros((MEMBERS, 2, 29)))
    with pytest.raises(TypeError, match="float32 or float64"):
        outputs_of(few.each(lambda flat: flat.astype(np.float16)), np.zeros((MEMBERS, 2, 30)))


def _made(hidden: tuple[int, ...], density: float, **changes: Any) -> Listed | None:
    """What becomes of networks of 400 inputs."""
    mlp: Mlp = Network(hidden, **changes).initial((400,), Categorical(6), streams(range(2), "w0"))  # type: ignore[assignment]
    kept = [np.random.default_rng(0).random(weight.shape) < density for weight in mlp.weights]
    masks = Params.masks(mlp.params.layout, kept)
    return listed_where_it_pays(mlp, mlp.each(lambda flat: flat * masks.flat), masks)


def test_lists_are_made_where_they_pay() -> None:
    few, many = 0.9 * lists.LISTED_DENSITY, 1.1 * lists.LISTED_DENSITY
    assert _made((128, 64), few) and not _made((128, 64), many)
    assert not _made((40, 40), few), "so few weights stay dense"
    assert not _made((128, 64), few, dropout=0.1)
    cnn, masks = sparse("convolutional")
    assert isinstance(cnn, Cnn) and listed_where_it_pays(cnn, cnn, masks) is None
