"""Behavioural cloning: its loss, its data and its order of minibatches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

import harness.learners.bc
from harness.learners.bc import BC, Students
from harness.learners.protocol import ACTOR
from harness.networks.kernels import update_keys
from harness.networks.mlp import Mlp, initial_mlp, outputs_of
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tests.networks.by_torch import dropout_scales, leaf, outputs_by_torch


def experts_of(*_: object) -> Mlp:
    return initial_mlp((4, 8, 2), streams(range(3), "experts of the test"))


@pytest.fixture
def students(monkeypatch: pytest.MonkeyPatch) -> Students:
    monkeypatch.setattr(harness.learners.bc, "read_experts", experts_of)
    actor = initial_mlp((4, 8, 2), streams(range(3), "w0")).each(np.float64)
    return BC(env_steps=64, envs=4, batch=16, passes=2).start(CartPole(), {ACTOR: actor}, {}, range(3), level=0)


def test_the_gradient_is_that_of_the_kl_divergence(students: Students) -> None:
    flat = leaf(students.actor.flat)
    observations, policies = torch.tensor(students.observations), torch.tensor(students.policies)
    log_student = torch.log_softmax(outputs_by_torch(students.actor, flat, observations), dim=-1)
    kl = (policies * (policies.log() - log_student)).sum(dim=-1).mean(dim=1).sum()
    (expected,) = torch.autograd.grad(kl, [flat])
    np.testing.assert_allclose(students.gradients()[ACTOR].flat, expected, rtol=0, atol=1e-12)


def test_updates_under_dropout_are_those_of_autograd_and_torchs_adam(students: Students) -> None:
    students.actor.dropout = 0.3
    flats = [leaf(flat[None]) for flat in students.actor.flat]
    adam = torch.optim.Adam(flats, lr=students.settings.learning_rate)
    for update in range(students.rounds):
        students.advance()
        assert students.shuffled
        turn = update % students.settings.updates_per_pass
        batch = [torch.tensor(each[:, 16 * turn : 16 * (turn + 1)]) for each in students.shuffled]
        keys = update_keys(students.dropout_keys[ACTOR], update)
        adam.zero_grad()
        for member, flat in enumerate(flats):
            scales = dropout_scales(students.actor, 16, keys[[member]])
            logits = outputs_by_torch(students.actor, flat, batch[0][[member]], scales)
            (-batch[1][[member]] * torch.log_softmax(logits, dim=-1)).sum(dim=-1).mean().backward()
        adam.step()
    np.testing.assert_allclose(students.actor.flat, torch.cat(flats).detach(), rtol=0, atol=1e-10)


def test_the_policies_to_imitate_are_the_experts_at_what_they_saw(students: Students) -> None:
    assert students.observations.shape == (3, 64, 4)
    logits = torch.tensor(outputs_of(experts_of(), students.observations))
    np.testing.assert_allclose(students.policies, torch.softmax(logits, dim=-1), atol=1e-6)


def test_each_pass_goes_through_the_data_once_in_a_new_order(students: Students) -> None:
    passes = []
    for _ in range(2):
        for _ in range(students.settings.updates_per_pass):
            students.advance()
        assert students.shuffled
        passes.append(students.shuffled[0])
    assert (passes[0] != passes[1]).any()
    for member in range(3):
        data = sorted(map(tuple, students.observations[member].tolist()))
        assert all(sorted(map(tuple, each[member].tolist())) == data for each in passes)


def test_a_training_that_starts_midway_in_a_pass_uses_no_sample_twice(
    students: Students, monkeypatch: pytest.MonkeyPatch
) -> None:
    students.round, used = 2, []
    gradient = students._gradient

    def watch(observations: np.ndarray, *rest: Any) -> np.ndarray:
        used.append(observations)
        return gradient(observations, *rest)

    monkeypatch.setattr(students, "_gradient", watch)
    for _ in range(2):
        students.advance()
    for member in range(3):
        assert len({tuple(sample) for batch in used for sample in batch[member].tolist()}) == 32


def test_a_seed_learns_from_the_same_expert_in_any_population() -> None:
    assert BC().expert_indices([0, 39, 40, 1041]) == [0, 39, 0, 1]


def test_experts_of_a_seed_are_read_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[int]] = []

    def reading(task: str, indices: Sequence[int], *_: int) -> Mlp:
        asked.append(indices)
        return experts_of()

    monkeypatch.setattr(harness.learners.bc, "read_experts", reading)
    actor = initial_mlp((4, 8, 2), streams(range(3), "w0"))
    BC(env_steps=64, envs=4, experts=40).start(CartPole(), {ACTOR: actor}, {}, (41, 0, 7), level=0)
    assert asked == [[1, 0, 7]]
