"""Behavioural cloning: its loss, its data and its order of minibatches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

import harness.learners.bc
from harness.learners.bc import BC, Students
from harness.learners.protocol import ACTOR
from harness.networks.dropout import update_keys
from harness.networks.mlp import Mlp
from harness.networks.network import outputs_of
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tests.networks.by_torch import dropout_scales, leaf, outputs_by_torch
from harness.tests.networks.made import initial_mlp


def experts_of(*_: object) -> Mlp:
    return initial_mlp((4, 8, 2), streams(range(3), "experts of the test"))


@pytest.fixture
def students(monkeypatch: pytest.MonkeyPatch) -> Students:
    monkeypatch.setattr(harness.learners.bc, "read_experts", experts_of)
    actor = initial_mlp((4, 8, 2), streams(range(3), "w0")).each(np.float64)
    return BC(env_steps=64, envs=4, batch=16, passes=2).start(CartPole(), {ACTOR: actor}, {}, range(3), level=0)


def test_the_gradient_is_that_of_the_kl_divergence(students: Students) -> None:
    flat = leaf(students.actor.flat)
    observations, policies = torch.tensor(students.inputs), torch.tensor(students.targets)
    log_student = torch.log_softmax(outputs_by_torch(students.actor, flat, observations), dim=-1)
    kl = (policies * (policies.log() - log_student)).sum(dim=-1).mean(dim=1).sum()
    (expected,) = torch.autograd.grad(kl, [flat])
    np.testing.assert_allclose(students.gradients()[ACTOR].flat, expected, rtol=0, atol=1e-12)


def test_updates_under_dropout_are_those_of_autograd_and_torchs_adam(students: Students) -> None:
    """All in one call, also over the end of a pass."""
    students.actor.dropout, per_pass = 0.3, students.settings.updates_per_pass
    flats = [leaf(flat[None]) for flat in students.actor.flat]
    adam = torch.optim.Adam(flats, lr=students.settings.learning_rate)
    orders = [rng.permutation(64) for rng in streams(range(3), "minibatch", 0) for _ in range(2)]
    students.advance(students.rounds)
    for update in range(students.rounds):
        turn = update % per_pass
        keys = update_keys(students.dropout_keys[ACTOR], update)
        adam.zero_grad()
        for member, flat in enumerate(flats):
            rows = orders[2 * member + update // per_pass][16 * turn : 16 * (turn + 1)]
            inputs, targets = (torch.tensor(each[[member]][:, rows]) for each in (students.inputs, students.targets))
            scales = dropout_scales(students.actor, 16, keys[[member]])
            logits = outputs_by_torch(students.actor, flat, inputs, scales)
            (-targets * torch.log_softmax(logits, dim=-1)).sum(dim=-1).mean().backward()
        adam.step()
    np.testing.assert_allclose(students.actor.flat, torch.cat(flats).detach(), rtol=0, atol=1e-10)


def test_rounds_are_the_same_in_one_call_and_in_many(students: Students) -> None:
    start = students.actor.copy()
    students.advance(students.rounds)
    again = students.settings.start(CartPole(), {ACTOR: start}, {}, range(3), level=0)
    for count in (1, 4, 0, 2, 1):
        again.advance(count)
    np.testing.assert_array_equal(students.actor.flat, again.actor.flat)


def test_the_policies_to_imitate_are_the_experts_at_what_they_saw(students: Students) -> None:
    assert students.inputs.shape == (3, 64, 4)
    logits = torch.tensor(outputs_of(experts_of(), students.inputs))
    np.testing.assert_allclose(students.targets, torch.softmax(logits, dim=-1), atol=1e-6)


def test_each_pass_goes_through_the_data_once_in_a_new_order(students: Students) -> None:
    passes = []
    for _ in range(2):
        students.advance(students.settings.updates_per_pass)
        passes.append(students.order)
    assert (passes[0] != passes[1]).any() and (np.sort(passes) == np.arange(64)).all()


def test_a_training_that_starts_midway_in_a_pass_draws_an_order(students: Students) -> None:
    students.round = 2
    students.advance(2)
    assert (np.sort(students.order) == np.arange(64)).all() and students.round == 4


def test_a_seed_learns_from_the_same_expert_in_any_population() -> None:
    assert BC().expert_indices([0, 39, 40, 1041]) == [0, 39, 0, 1]


def test_experts_of_a_seed_are_read_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[int]] = []

    def reading(task: str, indices: Sequence[int], *_: Any) -> Mlp:
        asked.append(indices)
        return experts_of()

    monkeypatch.setattr(harness.learners.bc, "read_experts", reading)
    actor = initial_mlp((4, 8, 2), streams(range(3), "w0"))
    BC(env_steps=64, envs=4, experts=40).start(CartPole(), {ACTOR: actor}, {}, (41, 0, 7), level=0)
    assert asked == [[1, 0, 7]]
