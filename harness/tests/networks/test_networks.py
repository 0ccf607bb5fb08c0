"""Stacked networks: the compiled passes against torch's own operations, and the one tensor behind all layers."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.networks.kernels import draw, drawn, dropout_keys
from harness.networks.mlp import ACTIVATIONS, Mlp, forward, initial_mlp, outputs_of
from harness.streams import streams

SHAPES = st.lists(st.integers(1, 20), min_size=2, max_size=5)


def networks(sizes: Sequence[int], members: int, seed: int, activation: str = "relu") -> Mlp:
    rng = np.random.default_rng(seed)
    mlp = initial_mlp(sizes, [rng] * members, activation=activation)
    return mlp.each(lambda flat: flat.astype(np.float64))


def by_torch(
    mlp: Mlp, observations: torch.Tensor, scales: Sequence[torch.Tensor] = ()
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The same outputs by batched products, and the leaves behind them in the order of `Mlp.flat`.

    scales: by what the units of each hidden layer are multiplied.
    """
    leaves, hidden = [], observations
    for layer, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        leaves += [torch.tensor(weight).requires_grad_(), torch.tensor(bias).requires_grad_()]
        hidden = torch.baddbmm(leaves[-1], hidden, leaves[-2])
        if layer < len(mlp.weights) - 1:
            hidden = getattr(torch, mlp.activation)(hidden)
            hidden = hidden * scales[layer] if scales else hidden
    return hidden, leaves


@settings(deadline=None, max_examples=40)
@given(SHAPES, st.integers(1, 4), st.integers(1, 20), st.sampled_from(ACTIVATIONS), st.integers(0, 99))
def test_outputs_and_gradients_are_those_of_torchs_own_operations(
    sizes: list[int], members: int, batch: int, activation: str, seed: int
) -> None:
    mlp, rng = networks(sizes, members, seed, activation), np.random.default_rng(seed)
    observations = torch.tensor(rng.normal(size=(members, batch, sizes[0])))
    towards = torch.tensor(rng.normal(size=(members, batch, sizes[-1])))
    ours = mlp.tensors()
    ours.flat.requires_grad_()
    outputs = forward(ours, observations)
    expected, leaves = by_torch(mlp, observations)
    np.testing.assert_allclose(outputs.detach(), expected.detach(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(outputs_of(mlp, observations.numpy()), outputs.detach())
    (gradient,) = torch.autograd.grad((outputs * towards).sum(), [ours.flat])
    parts = torch.autograd.grad((expected * towards).sum(), leaves)
    np.testing.assert_allclose(gradient, torch.cat([part.flatten(1) for part in parts], dim=1), rtol=0, atol=1e-10)


def test_observations_that_lie_across_memory_are_read_right() -> None:
    mlp = networks((3, 4, 2), 2, seed=0)
    across = np.random.default_rng(0).normal(size=(5, 2, 3)).transpose(1, 0, 2)
    ours = outputs_of(mlp, across)
    np.testing.assert_array_equal(ours, outputs_of(mlp, np.ascontiguousarray(across)))
    np.testing.assert_array_equal(forward(mlp.tensors(), torch.from_numpy(across)), ours)


def test_single_precision_is_single_precision_all_the_way() -> None:
    mlp = networks((3, 40, 2), 2, seed=0).each(lambda flat: flat.astype(np.float32)).tensors()
    mlp.flat.requires_grad_()
    outputs = forward(mlp, torch.ones(2, 5, 3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(outputs.sum(), [mlp.flat])
    assert outputs.dtype == gradient.dtype == torch.float32


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_not_a_number_is_not_hidden(activation: str) -> None:
    mlp = networks((2, 3, 1), 2, seed=0, activation=activation)
    mlp.weights[0][1, 0, 0] = np.nan
    outputs = outputs_of(mlp, np.ones((2, 4, 2)))
    assert np.isfinite(outputs[0]).all()
    assert np.isnan(outputs[1]).all()


class TestMlp:
    def test_layers_are_views_of_one_tensor(self) -> None:
        mlp = networks((3, 4, 2), 5, seed=0)
        shapes = [((5, a, b), (5, 1, b)) for a, b in pairwise(mlp.sizes)]
        assert [(w.shape, b.shape) for w, b in zip(mlp.weights, mlp.biases, strict=True)] == shapes
        mlp.weights[1][2] = 7
        mlp.biases[0][3] = 8
        assert (mlp.flat == 7).sum() == 8
        assert (mlp.flat == 8).sum() == 4
        assert (mlp.tensors().weights[1][2] == 7).all()

    def test_from_layers_and_back(self) -> None:
        mlp = networks((3, 4, 2), 5, seed=0)
        again = Mlp.of(mlp.weights, mlp.biases, "tanh")
        assert (again.sizes, again.activation) == ((3, 4, 2), "tanh")
        np.testing.assert_array_equal(again.flat, mlp.flat)
        again.flat[:] = 0
        assert mlp.flat.any()

    def test_members_are_taken_and_put_as_copies(self) -> None:
        mlp = networks((3, 4, 2), 5, seed=0)
        some = mlp.take(np.array([3, 1]))
        mlp.put(np.array([0, 4]), some)
        np.testing.assert_array_equal(mlp.flat[[0, 4]], mlp.flat[[3, 1]])
        some.flat[:] = 0
        assert mlp.flat[[3, 1]].any()


# --- dropout


def kept_units(mlp: Mlp, batch: int, keys: np.ndarray) -> list[np.ndarray]:
    """bool[members, batch, units] per hidden layer: which units `passes` keeps, from its sequence of draws."""
    layers, start = [], 0
    for units in mlp.sizes[1:-1]:
        places = range(start, start + batch * units)
        numbers = np.array([[draw(key, place) for place in places] for key in keys], dtype=np.uint64)
        uniform = (numbers >> np.uint64(11)).astype(float) * 2.0**-53
        layers.append((uniform >= mlp.dropout).reshape(len(keys), batch, units))
        start += batch * units
    return layers


def keys_of(seeds: Sequence[int]) -> np.ndarray:
    return dropout_keys(streams(seeds, "dropout", 1))


def test_draws_are_those_of_splitmix64() -> None:
    """The first numbers from seed 1234567, as in the reference implementation of Vigna."""
    numbers = [draw(np.uint64(1234567), number) for number in range(5)]
    assert numbers == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@settings(deadline=None, max_examples=40)
@given(
    SHAPES,
    st.integers(1, 4),
    st.integers(1, 12),
    st.sampled_from(ACTIVATIONS),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.integers(0, 99),
)
def test_under_dropout_they_are_those_of_torch_with_the_same_units_left_out(
    sizes: list[int], members: int, batch: int, activation: str, share: float, seed: int
) -> None:
    mlp, rng = networks(sizes, members, seed, activation), np.random.default_rng(seed)
    mlp.dropout = share
    observations = torch.tensor(rng.normal(size=(members, batch, sizes[0])))
    towards = torch.tensor(rng.normal(size=(members, batch, sizes[-1])))
    keys = keys_of(range(seed, seed + members))
    ours = mlp.tensors()
    ours.flat.requires_grad_()
    outputs = forward(ours, observations, keys)
    scales = [torch.tensor(kept / (1 - share)) for kept in kept_units(mlp, batch, keys)]
    expected, leaves = by_torch(mlp, observations, scales)
    np.testing.assert_allclose(outputs.detach(), expected.detach(), rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad((outputs * towards).sum(), [ours.flat])
    parts = torch.autograd.grad((expected * towards).sum(), leaves)
    np.testing.assert_allclose(gradient, torch.cat([part.flatten(1) for part in parts], dim=1), rtol=0, atol=1e-10)


def test_without_keys_nothing_is_left_out() -> None:
    """So who acts, or is evaluated, is the whole network."""
    mlp = networks((3, 6, 5, 2), 2, seed=0)
    observations = np.random.default_rng(0).normal(size=(2, 7, 3))
    whole = outputs_of(mlp, observations)
    mlp.dropout = 0.5
    np.testing.assert_array_equal(outputs_of(mlp, observations), whole)
    np.testing.assert_array_equal(forward(mlp.tensors(), torch.tensor(observations)), whole)
    assert (forward(mlp.tensors(), torch.tensor(observations), keys_of((0, 1))).numpy() != whole).any()


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_what_is_left_out_is_a_share_and_the_rest_makes_up_for_it(share: float) -> None:
    """With a linear unit for each hidden one the mean output stays; within five standard errors of the draws."""
    units, batch = 64, 500
    sums = Mlp.of([np.ones((1, 1, units)), np.ones((1, units, 1))], [np.zeros((1, 1, units)), np.zeros((1, 1, 1))])
    sums.dropout = share
    found = np.stack([forward(sums.tensors(), torch.ones(1, batch, 1), drawn(keys_of((3,)), u)) for u in range(20)])
    kept = found * (1 - share)
    assert abs(kept.mean() / units - (1 - share)) < 5 * np.sqrt(share * (1 - share) / (units * found.size))
    assert abs(found.mean() - units) < 5 * found.std() / np.sqrt(found.size)
    assert found.var() == pytest.approx(units * share / (1 - share), rel=0.1)  # units are drawn one by one


def test_draws_are_each_members_own_and_new_at_every_update() -> None:
    mlp = networks((3, 40, 40, 2), 3, seed=0)
    mlp.dropout = 0.5
    keys = keys_of((5, 0, 41))
    layers = [kept_units(mlp, 4, drawn(keys, update)) for update in (0, 1)]
    rows = [np.concatenate([layer.reshape(3, -1) for layer in one], axis=1) for one in layers]
    every = np.concatenate(rows).astype(int)
    agreement = (every[:, None] == every[None]).mean(axis=2)[~np.eye(6, dtype=bool)]
    assert (abs(agreement - 0.5) < 5 * 0.5 / np.sqrt(every.shape[1])).all()  # no two of the six are alike
    alone = kept_units(mlp.take(np.array([2])), 4, drawn(keys_of((41,)), 1))
    for mine, theirs in zip(alone, layers[1], strict=True):
        np.testing.assert_array_equal(mine[0], theirs[2])
