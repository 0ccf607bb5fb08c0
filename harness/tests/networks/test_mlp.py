"""Multilayer perceptrons: the compiled passes beside autograd, dropout's draws, and the one array behind all layers."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.networks.dropout import dropout_keys, update_keys
from harness.networks.mlp import ACTIVATIONS, Mlp
from harness.networks.network import gradient_of, outputs_of
from harness.networks.splitmix import _splitmix64
from harness.streams import streams
from harness.tests.networks.by_torch import dropout_scales, kept_units, leaf, outputs_by_torch
from harness.tests.networks.made import initial_mlp


def networks(sizes: Sequence[int], members: int, seed: int = 0, activation: str = "relu", dropout: float = 0.0) -> Mlp:
    mlp = initial_mlp(sizes, [np.random.default_rng(seed)] * members, activation=activation, dropout=dropout)
    return mlp.each(lambda flat: flat.astype(np.float64))


def keys_of(*seeds: int) -> np.ndarray:
    return dropout_keys(streams(seeds, "dropout", 1))


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.integers(1, 20), min_size=2, max_size=5),
    st.integers(1, 4),
    st.integers(1, 20),
    st.sampled_from(ACTIVATIONS),
    st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    st.integers(0, 99),
)
def test_outputs_and_gradients_are_those_of_autograd(
    sizes: list[int], members: int, batch: int, activation: str, rate: float, seed: int
) -> None:
    mlp, rng = networks(sizes, members, seed, activation, rate), np.random.default_rng(seed)
    observations = rng.normal(size=(members, batch, sizes[0]))
    grad_outputs = rng.normal(size=(members, batch, sizes[-1]))
    keys = keys_of(*range(seed, seed + members)) if rate else None
    flat, scales = leaf(mlp.flat), () if keys is None else dropout_scales(mlp, batch, keys)
    expected = outputs_by_torch(mlp, flat, torch.tensor(observations), scales)
    np.testing.assert_allclose(outputs_of(mlp, observations, keys), expected.detach(), rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad((expected * torch.tensor(grad_outputs)).sum(), [flat])
    found = gradient_of(mlp, observations, grad_outputs, keys)
    np.testing.assert_allclose(found.flat, gradient, rtol=0, atol=1e-10)


def test_stacked_copies_what_it_is_given() -> None:
    mlp = networks((3, 4, 2), 5)
    before, copied = mlp.flat.copy(), Mlp.stacked(mlp.weights, mlp.biases, "tanh")
    np.testing.assert_array_equal(copied.flat, before)
    copied.flat[:] = 9
    np.testing.assert_array_equal(mlp.flat, before)
    assert (copied.sizes, copied.activation) == ((3, 4, 2), "tanh")


def test_splitmix64_is_the_reference_implementation() -> None:
    """The first numbers from seed 1234567, by Vigna's."""
    assert [_splitmix64(np.uint64(1234567), number) for number in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_has_its_rate_and_keeps_the_expectation(rate: float) -> None:
    """The output is the sum of 64 hidden ones; within five standard errors of the draws."""
    units, batch = 64, 500
    weights, biases = [np.ones((1, 1, units)), np.ones((1, units, 1))], [np.zeros((1, units)), np.zeros((1, 1))]
    sums = Mlp.stacked(weights, biases, dropout=rate)
    found = np.stack([outputs_of(sums, np.ones((1, batch, 1)), update_keys(keys_of(3), u)) for u in range(20)])
    kept = found * (1 - rate)
    assert abs(kept.mean() / units - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / (units * found.size))
    assert abs(found.mean() - units) < 5 * found.std() / np.sqrt(found.size)
    assert found.var() == pytest.approx(units * rate / (1 - rate), rel=0.1)  # units are drawn one by one


def test_dropout_is_each_members_own_and_new_at_every_update() -> None:
    mlp, keys = networks((3, 40, 40, 2), 3, dropout=0.5), keys_of(5, 0, 41)
    layers = [kept_units(mlp, 4, update_keys(keys, update)) for update in (0, 1)]
    rows = [np.concatenate([layer.reshape(3, -1) for layer in one], axis=1) for one in layers]
    every = np.concatenate(rows).astype(int)
    agreement = (every[:, None] == every[None]).mean(axis=2)[~np.eye(6, dtype=bool)]
    assert (abs(agreement - 0.5) < 5 * 0.5 / np.sqrt(every.shape[1])).all()  # no two of the six are alike
    alone = kept_units(mlp.take(np.array([2])), 4, update_keys(keys_of(41), 1))
    for mine, theirs in zip(alone, layers[1], strict=True):
        np.testing.assert_array_equal(mine[0], theirs[2])
