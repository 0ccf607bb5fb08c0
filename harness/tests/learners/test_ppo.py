"""PPO beside the equations of its papers, and a whole round beside torch's autograd, clipping and Adam."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical

import harness.learners.ppo
from harness.learners.ppo import (
    CRITIC,
    PPO,
    PPOPopulation,
    PPOUpdateParameters,
    PPOWorkspace,
    Samples,
    _generalised_advantages,
    _loss_gradient,
    update_parameters,
)
from harness.learners.protocol import ACTOR
from harness.learners.rollouts import Rollout
from harness.learners.trained import TrainedNetwork
from harness.networks.dropout import update_keys
from harness.networks.mlp import Mlp
from harness.networks.network import NetworkWorkspace
from harness.networks.params import Params, length
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tests.learners.equations import Numbers, equation_9, policy_of
from harness.tests.learners.toys import Target
from harness.tests.networks.by_torch import dropout_scales, leaf, outputs_by_torch
from harness.tests.networks.made import initial_mlp

HEADS = PPO().heads(CartPole())

# --- generalised advantage estimation


def slow_advantages(
    rewards: np.ndarray, values: np.ndarray, last: float, ended: np.ndarray, discount: float, gae_lambda: float
) -> list[float]:
    """Schulman et al. 2016, equation 16, as it is written: a sum of discounted errors up to an episode's end."""
    steps, next_values = len(rewards), [*values[1:], last]
    errors = [rewards[t] + (0 if ended[t] else discount * next_values[t]) - values[t] for t in range(steps)]
    advantages = []
    for t in range(steps):
        advantage = 0.0
        for later in range(t, steps):
            advantage += (discount * gae_lambda) ** (later - t) * errors[later]
            if ended[later]:
                break
        advantages.append(advantage)
    return advantages


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_equation_16_in_every_environment(
    steps: int, seed: int, discount: float, gae_lambda: float, ends: float
) -> None:
    rng = np.random.default_rng(seed)
    rewards, values = rng.normal(size=(2, steps, 2, 3))
    last, ended = rng.normal(size=(2, 3)), rng.random((steps, 2, 3)) < ends
    fast = _generalised_advantages(rewards, values, last, ended, discount, gae_lambda)
    for i in np.ndindex(2, 3):
        column = (slice(None), *i)
        slow = slow_advantages(rewards[column], values[column], last[i], ended[column], discount, gae_lambda)
        np.testing.assert_allclose(fast[column], slow, rtol=0, atol=1e-12)


# --- the loss


RLPYT: dict[str, Any] = {"value_error": "half-squared", "standardise_advantages": False}


def test_equation_9_by_hand() -> None:
    """Policy (0.75, 0.25): ratios 1.5 and 0.5; advantages 3 and 1 become +a and -a with a = 1 / sqrt(2).

    surrogate: min(1.5 a, 1.2 a) = 1.2 a and min(-0.5 a, -0.8 a) = -0.8 a: mean 0.2 a
    critic 2 against targets 1 and 4: mean squared error 2.5
    """
    batch: Numbers = {
        "actions": torch.tensor([0, 1]),
        "log_probabilities": torch.full((2,), math.log(0.5), dtype=torch.float64),
        "advantages": torch.tensor([3.0, 1.0], dtype=torch.float64),
        "targets": torch.tensor([1.0, 4.0], dtype=torch.float64),
    }
    policies = torch.tensor([[0.75, 0.25]] * 2, dtype=torch.float64)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    expected = 0.5 * 2.5 - 0.2 / math.sqrt(2) - 0.001 * entropy
    assert expected == pytest.approx(1.1080163)
    found = equation_9(Categorical(policies), torch.full((2,), 2.0, dtype=torch.float64), batch, PPO())
    assert float(found) == pytest.approx(expected, abs=1e-7)  # 1e-8 is added to the deviation
    # surrogate of the advantages 3 and 1 as they are: min(4.5, 3.6) and min(0.5, 0.8)
    expected = 0.5 * 2.5 / 2 - (3.6 + 0.5) / 2 - 0.001 * entropy
    found = equation_9(Categorical(policies), torch.full((2,), 2.0, dtype=torch.float64), batch, PPO(**RLPYT))
    assert float(found) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 9999), st.integers(2, 9), st.integers(2, 5), st.floats(0.01, 3), st.sampled_from([{}, RLPYT]))
def test_the_gradient_is_that_of_equation_9(
    seed: int, count: int, actions: int, scale: float, choices: dict[str, Any]
) -> None:
    ppo, rng = PPO(entropy=0.1, value_loss=0.3, **choices), np.random.default_rng(seed)
    samples = Samples(
        np.zeros((2, 12, 1)),
        rng.integers(0, actions, (2, 12)),
        -rng.exponential(1, (2, 12)),
        rng.normal(size=(2, 12)),
        rng.normal(size=(2, 12)),
    )
    rows = rng.permutation(12)[:count]
    logits, values = rng.normal(size=(count, actions)) * scale, rng.normal(size=(count, 1))
    leaves, none = (leaf(logits), leaf(values)), np.empty(0)
    rooms = [NetworkWorkspace(numbers, np.empty_like(numbers), none, none) for numbers in (logits, values)]
    shape = initial_mlp((1, actions), streams(range(2), "w0")).each(np.float64)
    actor = TrainedNetwork.start(shape, None)
    room = PPOWorkspace(none, np.empty(count), rooms[0]._replace(grad_params=np.empty(shape.flat.shape[1])), rooms[1])
    _loss_gradient(actor, samples, 1, rows, update_parameters(ppo), room)
    batch = {name: torch.tensor(numbers[1, rows]) for name, numbers in samples._asdict().items()}
    loss = equation_9(Categorical(logits=leaves[0]), leaves[1][:, 0], batch, ppo)
    for mine, theirs in zip(rooms, torch.autograd.grad(loss, leaves), strict=True):
        np.testing.assert_allclose(mine.grad_outputs, theirs, rtol=0, atol=1e-10)


# --- whole rounds


class Watched(NamedTuple):
    """What the compiled updates of a round were given."""

    samples: Samples
    minibatches: np.ndarray
    parameters: PPOUpdateParameters


def watched_round(population: PPOPopulation, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Advance by one round."""
    given: list[Watched] = []
    improve = harness.learners.ppo._improve

    def watch(actor: Any, critic: Any, *rest: Any) -> None:
        given.append(Watched(*rest[:3]))
        improve(actor, critic, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(harness.learners.ppo, "_improve", watch)
        population.advance(1)
    (one,) = given
    return one


@pytest.mark.parametrize(("weight_decay", "dropout"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3)])
@pytest.mark.parametrize(("activation", "choices"), [("relu", {}), ("tanh", {}), ("relu", RLPYT)])
@pytest.mark.parametrize("task", [CartPole(), Target()], ids=["discrete", "box"])
def test_rounds_are_those_of_autograd_and_torchs_clipping_and_adam(
    task: Any,
    weight_decay: float,
    dropout: float,
    activation: str,
    choices: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ppo = PPO(env_steps=128, envs=4, rollout=16, minibatches=4, epochs=3, weight_decay=weight_decay, **choices)
    seeds, rng = [5, 6, 7], np.random.default_rng(0)
    rngs, size = streams(seeds, "w0"), task.observation.size
    actor, critic = (
        initial_mlp((size, 8, 6, head.outputs), rngs, head, activation=activation, dropout=dropout).each(np.float64)
        for head in ppo.heads(task).values()
    )
    actor.own[:] = rng.normal(size=actor.own.shape) / 3
    masks = Params.masks(actor.params.layout, [rng.random(weight.shape) < 0.6 for weight in actor.weights])
    actor.flat[:] *= masks.flat
    critic.flat[1] *= 30  # its gradient is clipped hard
    population = ppo.start(task, {ACTOR: actor, CRITIC: critic}, {ACTOR: masks}, seeds, level=0)
    rounds = [watched_round(population, monkeypatch) for _ in range(2)]
    for member in range(len(seeds)):
        flats = {name: leaf(mlp.flat[[member]]) for name, mlp in ((ACTOR, actor), (CRITIC, critic))}
        adam = torch.optim.Adam(flats.values(), lr=ppo.learning_rate, eps=ppo.epsilon, weight_decay=weight_decay)
        minibatches = [(one.samples, rows) for one in rounds for rows in one.minibatches[member]]
        for update, (samples, rows) in enumerate(minibatches):
            batch = {name: torch.tensor(numbers[member, rows]) for name, numbers in samples._asdict().items()}
            outputs = {}
            for name, mlp in ((ACTOR, actor), (CRITIC, critic)):
                keys = update_keys(population.dropout_keys[name][[member]], update)
                scales = dropout_scales(mlp, len(rows), keys) if dropout else ()
                outputs[name] = outputs_by_torch(mlp, flats[name], batch["observations"].double()[None], scales)[0]
            adam.zero_grad()
            policy = policy_of(actor.head, outputs[ACTOR], flats[ACTOR][0, length(actor.layers) :])
            equation_9(policy, outputs[CRITIC][:, 0], batch, ppo).backward()
            flats[ACTOR].grad *= torch.tensor(population.trained[ACTOR].mask[[member]])
            torch.nn.utils.clip_grad_norm_(flats.values(), ppo.max_gradient_norm)
            adam.step()
        for name, flat in flats.items():
            expected = flat.detach()[0]
            np.testing.assert_allclose(population.networks[name].flat[member], expected, rtol=0, atol=1e-10)


def test_the_gradient_for_a_criterion_is_that_of_the_last_rollout_as_one_minibatch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ppo, seeds = PPO(env_steps=64, envs=4, rollout=16), (5, 6)
    rngs = streams(seeds, "w0")
    networks = {name: initial_mlp((4, 8, h.outputs), rngs, h).each(np.float64) for name, h in HEADS.items()}
    actor = networks[ACTOR]
    masks = Params.masks(actor.layers, [np.random.default_rng(0).random(w.shape) < 0.6 for w in actor.weights])
    population = ppo.start(CartPole(), networks, {ACTOR: masks}, seeds, level=0)
    samples = watched_round(population, monkeypatch).samples
    found = population.gradients()
    for member in range(len(seeds)):
        batch = {name: torch.tensor(numbers[member]) for name, numbers in samples._asdict().items()}
        flats = {name: leaf(mlp.flat[[member]]) for name, mlp in population.networks.items()}
        logits, values = (
            outputs_by_torch(population.networks[name], flat, batch["observations"].double()[None])[0]
            for name, flat in flats.items()
        )
        loss = equation_9(Categorical(logits=logits), values[:, 0], batch, ppo)
        for name, gradient in zip(flats, torch.autograd.grad(loss, list(flats.values())), strict=True):
            expected = gradient[0] * torch.tensor(population.trained[name].mask[member])
            np.testing.assert_allclose(found[name].flat[member], expected, rtol=0, atol=1e-10)


def test_each_epoch_goes_through_every_sample_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ppo = PPO(env_steps=64, envs=4, rollout=16, minibatches=4, epochs=3)
    population = agents(ppo, [(0.5, 0.5)] * 2, [0.0] * 2)
    epochs = watched_round(population, monkeypatch).minibatches.reshape(2, 3, 64)
    assert (np.sort(epochs) == np.arange(64)).all()
    assert len({tuple(order) for orders in epochs.tolist() for order in orders}) == 6  # each in an order of its own


# --- agents whose outputs are known


def agents(ppo: PPO, policies: Sequence[tuple[float, float]], values: Sequence[float]) -> PPOPopulation:
    """Actors with these action probabilities, and critics with these values, whatever they see."""
    members = len(values)
    actor = Mlp.stacked([np.zeros((members, 4, 2))], [np.log(np.array(policies))])
    critic = Mlp.stacked([np.zeros((members, 4, 1))], [np.array(values)[:, None]], head=HEADS[CRITIC])
    return ppo.start(CartPole(), {ACTOR: actor, CRITIC: critic}, {}, range(members), level=0)


ONE_ROLLOUT = PPO(env_steps=2, envs=1, rollout=2, minibatches=1, epochs=1, discount=0.9, gae_lambda=1.0)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("terminated", [-8.1, -9]),  # 1 - 10 = -9;  1 + 9 - 10 + 0.9 * -9
        ("truncated", [0, 0]),  # the last state is still worth 10: 1 + 9 - 10 = 0
        ("neither", [0, 0]),
    ],
)
def test_an_episode_cut_off_by_the_horizon_still_had_a_future(end: str, expected: list[float]) -> None:
    population, shape = agents(ONE_ROLLOUT, [(0.5, 0.5)], [10.0]), (2, 1, 1)
    last_step = np.array([False, True]).reshape(shape)
    rollout = Rollout(
        observations=np.zeros((*shape, 4), dtype=np.float32),
        actions=np.array([0, 1]).reshape(shape),
        log_probabilities=np.full(shape, math.log(0.5)),
        rewards=np.ones(shape),
        terminated=last_step & (end == "terminated"),
        truncated=last_step & (end == "truncated"),
        final_observations=np.zeros((*shape, 4), dtype=np.float32),
    )
    samples = population._samples(rollout)
    np.testing.assert_allclose(samples.advantages[0], expected, atol=1e-12)
    np.testing.assert_allclose(samples.targets[0], np.add(expected, 10), atol=1e-12)
    np.testing.assert_allclose(samples.log_probabilities[0], math.log(0.5))
    assert (rollout.rewards == 1).all()


def test_an_environment_beside_a_cut_episode_is_not_cut() -> None:
    """Two environments, of which the horizon cuts off one, in the first step."""
    population, shape = agents(dataclasses.replace(ONE_ROLLOUT, envs=2, env_steps=4), [(0.5, 0.5)], [10.0]), (2, 1, 2)
    truncated = np.array([[[True, False]], [[False, False]]])
    observations = np.zeros((*shape, 4), dtype=np.float32)
    never, actions = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    rollout = Rollout(observations, actions, np.zeros(shape), np.full(shape, 3.0), never, truncated, observations)
    advantages = population._samples(rollout).advantages.reshape(2, 2)
    # every error is 3 + 9 - 10 = 2; the sum over the second environment is 2 + 0.9 * 2
    np.testing.assert_allclose(advantages, [[2, 3.8], [2, 2]], atol=1e-12)


@pytest.mark.parametrize(("schedule", "factors"), [("constant", [1, 1, 1, 1]), ("linear", [1, 0.75, 0.5, 0.25])])
def test_schedules(schedule: Any, factors: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {"env_steps": 32, "envs": 2, "rollout": 4, "minibatches": 1, "epochs": 1}
    ppo = PPO(learning_rate=0.008, learning_rate_schedule=schedule, clip_schedule=schedule, **shape)
    population = agents(ppo, [(0.5, 0.5)], [0.0])
    given = [watched_round(population, monkeypatch).parameters for _ in range(population.rounds)]
    np.testing.assert_allclose([each.clip for each in given], 0.2 * np.array(factors))
    np.testing.assert_allclose([each.adam.learning_rate for each in given], 0.008 * np.array(factors))
    assert [each.updates for each in given] == [0, 1, 2, 3]


def test_log_probabilities_are_of_the_policy_that_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is that before the updates."""
    population = agents(dataclasses.replace(ONE_ROLLOUT, envs=8, env_steps=16), [(0.2, 0.8)], [0.0])
    samples = watched_round(population, monkeypatch).samples
    assert set(samples.actions.ravel().tolist()) == {0, 1}
    expected = np.log(np.where(samples.actions == 1, 0.8, 0.2))
    np.testing.assert_allclose(samples.log_probabilities, expected, rtol=0, atol=1e-12)


def test_rollouts_and_values_are_without_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rollout, its values included, is the same to the bit; what is learned from it is not."""
    ppo, seen, learned = PPO(env_steps=64, envs=4, rollout=16), [], []
    for rate in (0.0, 0.3):
        rngs = streams((5, 6), "w0")
        networks = {name: initial_mlp((4, 8, h.outputs), rngs, h, dropout=rate) for name, h in HEADS.items()}
        population = ppo.start(CartPole(), networks, {}, (5, 6), level=0)
        seen.append(watched_round(population, monkeypatch).samples)
        learned.append(population.actor.flat)
    for plain, thinned in zip(*seen, strict=True):
        np.testing.assert_array_equal(plain, thinned)
    assert (learned[0] != learned[1]).any(axis=1).all()
