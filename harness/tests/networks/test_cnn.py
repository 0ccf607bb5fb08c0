"""Convolutional networks: the compiled passes beside autograd of torch's own convolutions, and what they refuse."""

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from harness.canonical import to_plain
from harness.networks.cnn import Cnn, ConvNetwork, Convolution
from harness.networks.dropout import dropout_keys
from harness.networks.features import BinaryInputs, FeatureTable
from harness.networks.heads import Categorical, Gaussian
from harness.networks.kinds import network_from_plain
from harness.networks.network import BaseNetwork, gradient_of, outputs_of
from harness.networks.params import length, prunable
from harness.networks.sparse_input import on_features
from harness.streams import streams
from harness.tests.networks.by_torch import cnn_by_torch as outputs_by_torch
from harness.tests.networks.by_torch import dropout_scales, leaf

MEMBERS, BATCH = 3, 5
PICTURE = 4, 10, 9
KINDS: dict[str, tuple[Convolution, ...]] = {
    "one": (Convolution(6, 3),),
    "large": (Convolution(33, 2),),  # more filters than a vector register holds, and not a multiple of it
    "strided": (Convolution(3, 4, 2),),
    "three": (Convolution(5, 3), Convolution(4, 2, 2), Convolution(6, 2)),
}
kinds = pytest.mark.parametrize("kind", KINDS)
inputs = pytest.mark.parametrize("seen", ["floats", "bytes", "cells"])


def networks(kind: str = "one", hidden: tuple[int, ...] = (8, 5), members: int = MEMBERS, **changes: object) -> Cnn:
    settings = ConvNetwork(hidden=hidden, convolutions=KINDS[kind], **changes)  # type: ignore[arg-type]
    cnn = settings.initial(PICTURE, Categorical(2), streams(range(members), "w0"))
    return cnn.each(lambda flat: flat.astype(np.float64))  # type: ignore[return-value]


def shown(cnn: Cnn, seen: str, batch: int = BATCH) -> tuple[BaseNetwork, np.ndarray, np.ndarray]:
    """The networks on some kind of inputs, these, and the pictures that they stand for, float64."""
    rng, shape = np.random.default_rng(3), (cnn.members, batch, *PICTURE)
    if seen == "floats":
        pictures = rng.normal(size=shape)
        return cnn, pictures, pictures
    if seen == "bytes":
        given = rng.integers(256, size=shape, dtype=np.uint8)
        return cnn, given, given / 255
    pictures = (rng.random(shape) < 0.1).astype(float)
    rows = pictures.reshape(cnn.members, batch, -1)
    cells = np.full((*rows.shape[:2], int(rows.sum(axis=2).max()) + 2), -1, dtype=np.int16)
    for place in np.ndindex(rows.shape[:2]):
        active = np.flatnonzero(rows[place])
        cells[place][: len(active)] = rng.permutation(active)
    return on_features(cnn, BinaryInputs(rows.shape[2])), cells, pictures


@inputs
@kinds
@pytest.mark.parametrize(("activation", "rate"), [("relu", 0.0), ("tanh", 0.0), ("relu", 0.4)])
def test_outputs_and_gradients_are_those_of_autograd(kind: str, seen: str, activation: str, rate: float) -> None:
    cnn = networks(kind, activation=activation, dropout=rate)
    network, given, pictures = shown(cnn, seen)
    keys = dropout_keys(streams(range(MEMBERS), "dropout", 1)) if rate else None
    dense: Any = SimpleNamespace(sizes=cnn.dense_sizes, dropout=rate)
    scales = () if keys is None else dropout_scales(dense, BATCH, keys)
    flat = leaf(cnn.flat)
    expected = outputs_by_torch(cnn, flat, torch.tensor(pictures), scales)
    np.testing.assert_allclose(outputs_of(network, given, keys), expected.detach(), rtol=0, atol=1e-8)
    grad_outputs = np.random.default_rng(1).normal(size=expected.shape)
    (gradient,) = torch.autograd.grad((expected * torch.tensor(grad_outputs)).sum(), [flat])
    found = gradient_of(network, given, grad_outputs, keys)
    np.testing.assert_allclose(found.flat, gradient, rtol=0, atol=1e-8)


def test_without_hidden_dense_layers_outputs_follow_the_convolutions() -> None:
    cnn = networks(hidden=())
    _, given, _ = shown(cnn, "floats")
    expected = outputs_by_torch(cnn, leaf(cnn.flat), torch.tensor(given))
    np.testing.assert_allclose(outputs_of(cnn, given), expected.detach(), rtol=0, atol=1e-8)


@inputs
@kinds
def test_members_do_not_depend_on_who_shares_the_population(kind: str, seen: str) -> None:
    """Bit for bit, in single precision, and of a batch that is computed in several parts."""
    cnn, few = networks(kind).each(np.float32), np.array([2, 0])
    network, given, _ = shown(cnn, seen, batch=200)
    grad_outputs = np.random.default_rng(1).normal(size=(MEMBERS, 200, 2))
    every = outputs_of(network, given), gradient_of(network, given, grad_outputs).flat
    some = network.take(few)
    alone = outputs_of(some, given[few]), gradient_of(some, given[few], grad_outputs[few]).flat
    for all_of_them, part in zip(every, alone, strict=True):
        assert part.dtype == np.float32
        np.testing.assert_array_equal(all_of_them[few], part)


def test_a_layout_tells_inputs_and_counts() -> None:
    head = Gaussian(2)
    layout = ConvNetwork(hidden=(7,), convolutions=KINDS["three"]).layout(PICTURE, head)
    assert [(t.name, t.shape) for t in prunable(layout)] == [
        ("weight.0", (3, 3, 4, 5)),
        ("weight.1", (2, 2, 5, 4)),
        ("weight.2", (2, 2, 4, 6)),
        ("weight.3", (3 * 2 * 6, 7)),
        ("weight.4", (7, 2)),
    ]
    assert [t.fan_in for t in prunable(layout)] == [36, 20, 16, 36, 7]
    assert [t.input_axis for t in prunable(layout)] == [2, 2, 2, 0, 0]
    assert [t.layer for t in layout] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1]
    assert length(layout) == (36 + 1) * 5 + (20 + 1) * 4 + (16 + 1) * 6 + (36 + 1) * 7 + (7 + 1) * 2 + 2


def test_a_pruned_channel_is_not_seen() -> None:
    """What `input_axis` says is so: without the weights of a channel, that channel changes nothing."""
    cnn = networks()
    cnn.weights[0][:, :, :, 1] = 0
    _, given, _ = shown(cnn, "floats")
    before = outputs_of(cnn, given)
    given[:, :, 1] += 1
    np.testing.assert_array_equal(outputs_of(cnn, given), before)


def test_pictures_may_be_given_in_rows() -> None:
    cnn = networks()
    _, given, _ = shown(cnn, "floats")
    np.testing.assert_array_equal(outputs_of(cnn, given.reshape(*given.shape[:2], -1)), outputs_of(cnn, given))


def test_bytes_stay_bytes_on_their_way() -> None:
    cnn, byte = networks(), np.zeros((1, 360), np.uint8)
    assert cnn.input_room(7, like=byte).dtype == np.uint8 and cnn.input_room(7, like=byte).shape == (7, 360)
    assert cnn.input_room(7, like=byte.astype(np.float32)).dtype == cnn.flat.dtype
    assert cnn.checked_inputs(np.zeros((MEMBERS, 2, *PICTURE), np.uint8)).dtype == np.uint8


def test_binary_inputs_are_taken_as_cells_and_tables_are_not() -> None:
    cnn = networks()
    sparse = on_features(cnn, BinaryInputs(math.prod(PICTURE)))
    assert sparse.features == BinaryInputs(math.prod(PICTURE))
    assert sparse.flat is cnn.flat and sparse.take(np.array([1])).members == 1
    table = FeatureTable.of(np.ones((1, 3, math.prod(PICTURE))), MEMBERS)
    assert on_features(cnn, table) is cnn and on_features(cnn, None) is cnn and cnn.features is None


def test_wrong_shapes_are_refused() -> None:
    cnn, head = networks(), Categorical(2)
    with pytest.raises(ValueError, match="kernel of 8 does not fit a picture of 2 x 2"):
        ConvNetwork(convolutions=(Convolution(4, 9), Convolution(4, 8))).layout((1, 10, 10), head)
    with pytest.raises(ValueError, match="pictures"):
        ConvNetwork().layout((4,), head)
    with pytest.raises(ValueError, match=r"must have the shape"):
        outputs_of(cnn, np.zeros((MEMBERS, 2, 4, 9, 10)))
    with pytest.raises(ValueError, match="features of 12 inputs do not fit"):
        on_features(cnn, BinaryInputs(12))
    with pytest.raises(ValueError, match="is none of the 360"):
        outputs_of(on_features(cnn, BinaryInputs(360)), np.full((MEMBERS, 2, 3), 360, np.int16))
    with pytest.raises(ValueError, match="must begin with"):
        dataclasses.replace(cnn, convolutions=(Convolution(7, 3),))
    with pytest.raises(TypeError, match="float32 or float64"):
        outputs_of(cnn.each(lambda flat: flat.astype(np.float16)), np.zeros((MEMBERS, 2, *PICTURE)))


@pytest.mark.parametrize("convolutions", [(), (Convolution(0, 3),), (Convolution(4, 3, 0),), (Convolution(4, 2.5),)])  # type: ignore[arg-type]
def test_settings_that_cannot_work_are_refused(convolutions: tuple[Convolution, ...]) -> None:
    with pytest.raises(ValueError, match=r"network\.convolutions is"):
        ConvNetwork(convolutions=convolutions).check()
    with pytest.raises(ValueError, match=r"network\.hidden"):
        ConvNetwork(hidden=(0,)).check()


def test_settings_have_a_title_and_a_short_form() -> None:
    atari = (Convolution(32, 8, 4), Convolution(64, 4, 2), Convolution(64, 3))
    settings = ConvNetwork(convolutions=atari, hidden=(512,))
    settings.check()
    assert settings.title == "32x8/4-64x4/2-64x3, 512"
    assert network_from_plain(to_plain(settings)) == settings
    assert tuple(Convolution.parse(str(each)) for each in atari) == atari
    with pytest.raises(ValueError, match="like 16x3"):
        Convolution.parse("16")
