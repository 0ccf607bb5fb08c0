"""Heads: how they act, and their losses beside torch's distributions and autograd, through networks of both kinds."""

from typing import Any

import numba
import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import kl_divergence

from harness.learners.supervised import SupervisedWorkspace, _gradient
from harness.learners.trained import TrainedNetwork, _head_batch, _member_gradient
from harness.networks.cnn import Cnn, ConvNetwork, Convolution
from harness.networks.heads import Categorical, Draws, Gaussian, Head, Values, _log_probabilities, _policy_slopes
from harness.networks.mlp import Network
from harness.networks.network import BaseNetwork, NetworkWorkspace, _forward_member, _prepare_member
from harness.networks.params import length
from harness.streams import streams
from harness.tasks.rollout import _act_all
from harness.tests.learners.equations import policy_of
from harness.tests.networks.by_torch import cnn_by_torch, leaf, outputs_by_torch

HEADS: dict[str, Head] = {"choices": Categorical(3), "values": Values(3), "numbers": Gaussian(2)}
KINDS = {
    "mlp": Network((6, 5), activation="tanh"),
    "cnn": ConvNetwork((6,), activation="tanh", convolutions=(Convolution(3, 2),)),
}
PICTURE, SIZE, MEMBERS, SAMPLES, BATCH = (2, 5, 4), 40, 2, 12, 7
DRAWN, ALARM = 20_000, 1e-4
"""How many actions are drawn, and how often a test of them would fail by chance with another seed."""
kinds = pytest.mark.parametrize("kind", KINDS)
heads = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
policies = pytest.mark.parametrize("head", [HEADS["choices"], HEADS["numbers"]], ids=["choices", "numbers"])


def acted(
    head: Head, own: np.ndarray, outputs: np.ndarray, sampled: bool = False, epsilon: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """DRAWN actions of one member at the same outputs, and their log-probabilities."""
    shape, rng = (1, DRAWN), np.random.default_rng(0)
    actions, log_p = head.actions(shape), np.empty(shape)
    many = np.tile(outputs, (1, DRAWN, 1))
    _act_all(head, own[None], many, Draws(head.noise(rng, shape), sampled, epsilon), actions, log_p)
    return actions[0], log_p[0]


# --- acting


@heads
def test_greedily_the_best_action_is_taken(head: Head) -> None:
    outputs = np.array([0.3, 1.5, 1.5])[: head.outputs]
    actions, log_p = acted(head, np.zeros(length(head.tensors)), outputs)
    if isinstance(head, Gaussian):
        np.testing.assert_array_equal(actions, np.tile(outputs.astype(np.float32), (DRAWN, 1)))
        np.testing.assert_allclose(log_p, -np.log(2 * np.pi))  # at the top of two standard normal densities
    else:
        assert (actions == 1).all() and (log_p == 0).all()  # the first of equals


@pytest.mark.parametrize("logits", [(0.0, 0.0, 0.0), (2.0, -1.0, 0.5), (700.0, 699.0, -900.0)])
def test_choices_are_drawn_as_often_as_the_policy_says(logits: tuple[float, ...]) -> None:
    actions, log_p = acted(Categorical(3), np.empty(0), np.array(logits), sampled=True)
    policy = torch.log_softmax(torch.tensor(logits, dtype=torch.float64), dim=-1).numpy()
    np.testing.assert_allclose(log_p, policy[actions], rtol=0, atol=1e-12)
    possible, counts = np.exp(policy) > 0, np.bincount(actions, minlength=3)
    assert not counts[~possible].any()
    assert stats.chisquare(counts[possible], DRAWN * np.exp(policy[possible])).pvalue > ALARM


def test_numbers_are_drawn_from_the_normal_distribution() -> None:
    means, log_std = np.array([0.5, -20.0]), np.array([-1.0, 0.7])
    actions, log_p = acted(Gaussian(2), log_std, means, sampled=True)
    standard = (actions - means) / np.exp(log_std)
    for numbers in standard.T:
        assert stats.kstest(numbers, "norm").pvalue > ALARM
        assert stats.ttest_1samp(numbers, 0).pvalue > ALARM
        below = stats.chi2.cdf((numbers**2).sum(), DRAWN)
        assert ALARM / 2 < below < 1 - ALARM / 2
    assert stats.pearsonr(*standard.T).pvalue > ALARM
    policy = policy_of(Gaussian(2), torch.tensor(means)[None], torch.tensor(log_std))
    np.testing.assert_allclose(log_p, policy.log_prob(torch.tensor(actions)), rtol=0, atol=1e-4)  # of float32 actions


@pytest.mark.parametrize("head", [Categorical(3), Values(3)], ids=["choices", "values"])
@pytest.mark.parametrize("epsilon", [0.05, 1.0])
def test_with_epsilon_any_action_may_be_taken(head: Head, epsilon: float) -> None:
    actions, log_p = acted(head, np.empty(0), np.array([0.1, -3.0, 0.2]), epsilon=epsilon)
    expected = epsilon / 3 + (1 - epsilon) * np.array([0, 0, 1])
    assert stats.chisquare(np.bincount(actions, minlength=3), DRAWN * expected).pvalue > ALARM
    np.testing.assert_allclose(log_p, np.log(expected)[actions], rtol=0, atol=1e-12)


# --- losses


def made(kind: str, head: Head) -> BaseNetwork:
    """In double precision."""
    network = KINDS[kind].initial(PICTURE, head, streams(range(MEMBERS), "w0")).each(np.float64)
    network.own[:] = np.random.default_rng(1).normal(size=network.own.shape) / 2
    return network


def by_torch(network: Any, flat: torch.Tensor, inputs: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs [members, samples, outputs], and the head's own parameters [members, 1, ...]."""
    seen = torch.tensor(inputs)
    if isinstance(network, Cnn):
        outputs = cnn_by_torch(network, flat, seen.reshape(*inputs.shape[:2], *PICTURE))
    else:
        outputs = outputs_by_torch(network, flat, seen)
    return outputs, flat[:, None, length(network.layers) :]


@numba.njit(error_model="numpy")
def _policy_gradient(
    network: TrainedNetwork,
    member: int,
    inputs: np.ndarray,
    actions: np.ndarray,
    rows: np.ndarray,
    slopes: np.ndarray,
    entropy: float,
    space: NetworkWorkspace,
    log_p: np.ndarray,
) -> None:
    """As PPO has it, but for its own slopes."""
    prepared = _prepare_member(network.shape, member, network.params[member], space.memory)
    _forward_member(network.shape, prepared, inputs, space.memory, space.outputs, None)
    batch = _head_batch(network, member, space, rows)
    _log_probabilities(network.head, batch, actions, log_p)
    _policy_slopes(network.head, batch, actions, slopes, entropy)
    _member_gradient(network, member, prepared, inputs, space, None)


@policies
@kinds
def test_log_probabilities_and_slopes_of_policies_are_those_of_torch(kind: str, head: Head) -> None:
    network, rng, entropy = made(kind, head), np.random.default_rng(2), 0.3
    inputs = rng.normal(size=(MEMBERS, BATCH, SIZE))
    actions = (
        rng.integers(3, size=(MEMBERS, SAMPLES)) if head == Categorical(3) else rng.normal(size=(MEMBERS, SAMPLES, 2))
    )
    slopes, rows = rng.normal(size=(MEMBERS, BATCH)), rng.permutation(SAMPLES)[:BATCH]
    flat = leaf(network.flat)
    policy = policy_of(head, *by_torch(network, flat, inputs))
    expected = policy.log_prob(torch.tensor(actions[:, rows]))
    loss = (torch.tensor(slopes) * expected - entropy * policy.entropy()).mean(dim=1).sum()
    (gradient,) = torch.autograd.grad(loss, [flat])
    space, log_p = NetworkWorkspace.of(network, BATCH), np.empty(BATCH)
    trained = TrainedNetwork.start(network, None)
    for member in range(MEMBERS):
        _policy_gradient(trained, member, inputs[member], actions[member], rows, slopes[member], entropy, space, log_p)
        np.testing.assert_allclose(log_p, expected[member].detach(), rtol=0, atol=1e-8)
        np.testing.assert_allclose(space.grad_params, gradient[member], rtol=0, atol=1e-8)
    assert len(space.grad_params) == length(network.layers) + length(head.tensors)


@heads
@kinds
def test_slopes_of_imitation_are_those_of_torch(kind: str, head: Head) -> None:
    """Of the cross-entropy and of the KL divergence, which have the same gradient, and of the Huber loss."""
    network, rng = made(kind, head), np.random.default_rng(2)
    expert = network.each(lambda flat: 2 * flat + 0.1)
    inputs, rows = rng.normal(size=(MEMBERS, SAMPLES, SIZE)), rng.permutation(SAMPLES)[:BATCH]
    taught, theirs = by_torch(expert, torch.tensor(expert.flat), inputs)
    targets = head.targets(taught.numpy(), expert.own)
    flat = leaf(network.flat)
    outputs, own = by_torch(network, flat, inputs)
    if isinstance(head, Values):
        taught, targets = 3 * taught, 3 * targets  # errors on both sides of where they count linearly
        losses = torch.nn.functional.huber_loss(outputs, taught, reduction="none", delta=1.0).sum(dim=2)
        assert 0.2 < float(((outputs - taught).abs() > 1).double().mean()) < 0.8
    else:
        losses = kl_divergence(policy_of(head, taught, theirs), policy_of(head, outputs, own))
    (gradient,) = torch.autograd.grad(losses[:, rows].mean(dim=1).sum(), [flat], retain_graph=True)
    space = SupervisedWorkspace(np.empty((BATCH, SIZE)), NetworkWorkspace.of(network, BATCH))
    trained = TrainedNetwork.start(network, None)
    for member in range(MEMBERS):
        _gradient(trained, member, inputs[member], targets[member], rows, space, None)
        np.testing.assert_allclose(space.network.grad_params, gradient[member], rtol=0, atol=1e-8)
    if isinstance(head, Categorical):
        crossed = -(torch.tensor(targets) * torch.log_softmax(outputs, dim=2)).sum(dim=2)
        (alike,) = torch.autograd.grad(crossed[:, rows].mean(dim=1).sum(), [flat])
        np.testing.assert_allclose(alike, gradient, rtol=0, atol=1e-12)


def test_a_student_of_very_sure_logits_has_finite_slopes() -> None:
    network, rows = made("mlp", Categorical(3)), np.arange(BATCH)
    network.params["bias.2"][:] = (1e4, -1e4, 0)
    inputs, targets = np.zeros((BATCH, SIZE)), np.full((BATCH, 3), 1 / 3)
    space = SupervisedWorkspace(np.empty((BATCH, SIZE)), NetworkWorkspace.of(network, BATCH))
    _gradient(TrainedNetwork.start(network, None), 0, inputs, targets, rows, space, None)
    np.testing.assert_allclose(space.network.grad_outputs * BATCH, [[2 / 3, -1 / 3, -1 / 3]] * BATCH)
