"""PPO, behavioural cloning and their optimiser, held against equations, other libraries and a task anyone can learn."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.learners.bc
import harness.learners.ppo
from harness.learners.adam import Decay, MaskedAdam
from harness.learners.bc import BC, Students
from harness.learners.dqn import DQN
from harness.learners.ppo import CRITIC, PPO, Pace, PPOPopulation, Samples, generalised_advantages, loss_gradient
from harness.learners.protocol import ACTOR, Learner
from harness.learners.rollouts import Rollout
from harness.learners.training import Evaluation, train
from harness.networks.kernels import drawn
from harness.networks.mlp import Mlp, forward, initial_mlp
from harness.profiles.profile import PROFILES, System
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import GREEDY, rollout_returns
from harness.tests.networks.test_networks import kept_units
from harness.tests.tasks.equations import Numbers, equation_9


def double_precision(mlp: Mlp) -> Mlp:
    return mlp.each(lambda array: array.astype(np.float64))


def networks_of(learner: Learner, task: Any, seeds: Sequence[int], hidden: tuple[int, ...] = (8,)) -> dict[str, Mlp]:
    rngs = streams(seeds, "w0")
    outputs = learner.outputs(task)
    return {name: initial_mlp((len(task.inputs), *hidden, count), rngs) for name, count in outputs.items()}


# --- the tables of the paper


class TestTables:
    def test_table_2(self) -> None:
        bc = PROFILES["paper"].experiment(System("cart-pole", "bc")).learner
        assert {name: getattr(bc, name) for name in ("learning_rate", "env_steps", "envs")} == {
            "learning_rate": 0.001,
            "env_steps": 10_000,
            "envs": 4,
        }

    def test_table_3(self) -> None:
        ppo = PROFILES["paper"].experiment(System("cart-pole", "ppo")).learner
        table = {
            "learning_rate": 0.0005,
            "discount": 0.99,
            "env_steps": 80_000,
            "gae_lambda": 0.8,
            "value_loss": 0.5,
            "entropy": 0.001,
            "clip": 0.2,
            "envs": 4,
            "epochs": 4,
        }
        assert {name: getattr(ppo, name) for name in table} == table

    def test_every_row_of_a_table_is_a_field(self) -> None:
        assert [f.name for f in dataclasses.fields(BC)][:3] == ["learning_rate", "env_steps", "envs"]
        assert [f.name for f in dataclasses.fields(PPO)][:9] == [
            "learning_rate",
            "discount",
            "env_steps",
            "gae_lambda",
            "value_loss",
            "entropy",
            "clip",
            "envs",
            "epochs",
        ]

    def test_budgets_are_counted_in_whole_rollouts_and_batches(self) -> None:
        ppo = PPO(env_steps=1_000, envs=4, rollout=60, minibatches=3, epochs=2)
        assert (ppo.samples, ppo.rounds, ppo.updates, ppo.samples_per_update) == (240, 4, 24, 80)
        bc = BC(env_steps=1_000, envs=4, batch=300, passes=5)
        assert (bc.updates_per_pass, bc.updates, bc.samples_per_update) == (3, 15, 300)

    @pytest.mark.parametrize(
        ("learner", "settings", "words"),
        [
            (PPO, {"minibatches": 3}, "do not divide"),
            (PPO, {"env_steps": 511}, "less than one rollout"),
            (BC, {"env_steps": 10_001}, "do not divide"),
            (BC, {"env_steps": 60}, "less than one batch"),
        ],
    )
    def test_settings_that_cannot_work_are_refused(self, learner: type, settings: dict[str, int], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            learner(**settings)


# --- generalised advantage estimation


def slow_advantages(
    rewards: np.ndarray, values: np.ndarray, last: float, ended: np.ndarray, discount: float, gae_lambda: float
) -> list[float]:
    """Schulman et al. 2016, equation 16, as it is written: a sum of discounted errors up to an episode's end."""
    steps = len(rewards)
    next_values = [*values[1:], last]
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


class TestAdvantages:
    @settings(deadline=None)
    @given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
    def test_they_are_equation_16_in_every_environment(
        self, steps: int, seed: int, discount: float, gae_lambda: float, ends: float
    ) -> None:
        rng = np.random.default_rng(seed)
        rewards, values = rng.normal(size=(2, steps, 2, 3))
        last, ended = rng.normal(size=(2, 3)), rng.random((steps, 2, 3)) < ends
        fast = generalised_advantages(rewards, values, last, ended, discount, gae_lambda)
        for i in np.ndindex(2, 3):
            column = (slice(None), *i)
            slow = slow_advantages(rewards[column], values[column], last[i], ended[column], discount, gae_lambda)
            np.testing.assert_allclose(fast[column], slow, rtol=0, atol=1e-12)

    def test_by_hand(self) -> None:
        rewards, values = np.array([1.0, 2, 3])[:, None, None], np.array([10.0, 20, 30])[:, None, None]
        ended = np.array([False, True, False])[:, None, None]
        advantages = generalised_advantages(rewards, values, np.array([[40.0]]), ended, 0.5, 0.5)
        # errors: 1 + 10 - 10 = 1;  2 - 20 = -18 (the end);  3 + 20 - 30 = -7
        assert advantages.ravel().tolist() == [1 - 18 / 4, -18, -7]


# --- PPO


def flat_networks(policies: Sequence[tuple[float, float]], values: Sequence[float]) -> dict[str, Mlp]:
    """Actors with these action probabilities, and critics with these values, whatever they see."""
    members = len(values)
    actor = Mlp.of([np.zeros((members, 4, 2))], [np.log(np.array(policies))[:, None]])
    return {ACTOR: actor, CRITIC: Mlp.of([np.zeros((members, 4, 1))], [np.array(values)[:, None, None]])}


def agents(ppo: PPO, policies: Sequence[tuple[float, float]], values: Sequence[float]) -> PPOPopulation:
    return ppo.start(CartPole(), flat_networks(policies, values), {}, range(len(values)), level=0)


ONE_ROLLOUT = PPO(env_steps=2, envs=1, rollout=2, minibatches=1, epochs=1, discount=0.9, gae_lambda=1.0)


class TestPpo:
    BATCH: ClassVar[Numbers] = {
        "actions": torch.tensor([0, 1]),
        "log_probabilities": torch.full((2,), math.log(0.5), dtype=torch.float64),
        "advantages": torch.tensor([3.0, 1.0], dtype=torch.float64),
        "targets": torch.tensor([1.0, 4.0], dtype=torch.float64),
    }

    def test_the_equation_by_hand(self) -> None:
        """Policy (0.75, 0.25): ratios 1.5 and 0.5; advantages 3 and 1 become +a and -a with a = 1 / sqrt(2).

        surrogate: min(1.5 a, 1.2 a) = 1.2 a and min(-0.5 a, -0.8 a) = -0.8 a: mean 0.2 a
        critic 2 against targets 1 and 4: mean squared error 2.5
        """
        policies = torch.tensor([[0.75, 0.25]] * 2, dtype=torch.float64)
        entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
        expected = 0.5 * 2.5 - 0.2 / math.sqrt(2) - 0.001 * entropy
        assert expected == pytest.approx(1.1080163)
        found = equation_9(policies.log(), torch.full((2,), 2.0, dtype=torch.float64), self.BATCH, PPO())
        assert float(found) == pytest.approx(expected, abs=1e-7)  # 1e-8 stands beside the deviation

    @settings(deadline=None, max_examples=100)
    @given(st.integers(0, 9999), st.integers(2, 9), st.integers(2, 5), st.floats(0.01, 3))
    def test_its_gradient_is_that_of_the_equation(self, seed: int, count: int, actions: int, scale: float) -> None:
        ppo = PPO(entropy=0.1, value_loss=0.3)
        rng = np.random.default_rng(seed)
        samples = Samples(
            np.zeros((2, 12, 1)),
            rng.integers(0, actions, (2, 12)),
            -rng.exponential(1, (2, 12)),
            rng.normal(size=(2, 12)),
            rng.normal(size=(2, 12)),
        )
        rows = rng.permutation(12)[:count]
        logits, values = rng.normal(size=(count, actions)) * scale, rng.normal(size=(count, 1))
        pace = Pace(0, 0.0, ppo.clip, ppo.entropy, ppo.value_loss, 0.5, 1e-5, 0.0, False)
        ours = np.empty_like(logits), np.empty_like(values)
        loss_gradient(samples, 1, rows, logits.copy(), values, pace, *ours)
        leaves = torch.tensor(logits, requires_grad=True), torch.tensor(values, requires_grad=True)
        batch = {name: torch.tensor(numbers[1, rows]) for name, numbers in samples._asdict().items()}
        loss = equation_9(torch.log_softmax(leaves[0], dim=-1), leaves[1][:, 0], batch, ppo)
        for mine, theirs in zip(ours, torch.autograd.grad(loss, leaves), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-10)

    @pytest.mark.parametrize(("weight_decay", "dropout"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.3)])
    @pytest.mark.parametrize("activation", ["relu", "tanh"])
    def test_a_round_is_that_of_autograd_and_torchs_own_clipping_and_adam(
        self, weight_decay: float, dropout: float, activation: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ppo = PPO(env_steps=64, envs=4, rollout=16, minibatches=4, epochs=3, weight_decay=weight_decay)
        seeds, rng = [5, 6, 7], np.random.default_rng(0)
        networks = networks_of(ppo, CartPole(), seeds, hidden=(8, 6))
        networks = {
            name: double_precision(dataclasses.replace(mlp, activation=activation, dropout=dropout))
            for name, mlp in networks.items()
        }
        masks = [rng.random(weight.shape) < 0.6 for weight in networks[ACTOR].weights]
        for weight, mask in zip(networks[ACTOR].weights, masks, strict=True):
            weight *= mask
        networks[CRITIC].flat[1] *= 30  # its gradient is clipped hard
        population = ppo.start(CartPole(), networks, {ACTOR: masks}, seeds, level=0)
        seen = watched_round(population, monkeypatch)
        for member in range(len(seeds)):
            (actor, held), (critic, _) = (
                separate(networks[ACTOR], masks, member),
                separate(networks[CRITIC], [], member),
            )
            adam = torch.optim.Adam([*actor, *critic], lr=ppo.learning_rate, eps=ppo.epsilon, weight_decay=weight_decay)
            lessons = {name: torch.tensor(numbers[member]) for name, numbers in seen.samples._asdict().items()}
            for turn, rows in enumerate(seen.minibatches[member]):
                batch = {name: numbers[rows] for name, numbers in lessons.items()}
                keys = [drawn(population.dropout_keys[member, [place]], turn) for place in (0, 1)]
                thinned = [kept_units(mlp, len(rows), key) for mlp, key in zip(networks.values(), keys, strict=True)]
                scales = [[torch.tensor(layer[0] / (1 - dropout)) for layer in layers] for layers in thinned]
                logits, values = (
                    outputs_by_torch(part, batch["observations"], activation, scale)
                    for part, scale in zip((actor, critic), scales, strict=True)
                )
                adam.zero_grad()
                equation_9(torch.log_softmax(logits, dim=-1), values[:, 0], batch, ppo).backward()
                for tensor, mask in zip(actor, held, strict=True):
                    if mask is not None:
                        tensor.grad *= mask
                torch.nn.utils.clip_grad_norm_([*actor, *critic], ppo.max_gradient_norm)
                adam.step()
            for mlp, tensors in ((population.actor, actor), (population.critic, critic)):
                for mine, theirs in zip((*mlp.weights, *mlp.biases), tensors, strict=True):
                    np.testing.assert_allclose(mine[member], theirs.detach(), rtol=0, atol=1e-10)

    @pytest.mark.parametrize(
        ("end", "expected"),
        [
            ("terminated", [-8.1, -9]),  # 1 - 10 = -9;  1 + 9 - 10 + 0.9 * -9
            ("truncated", [0, 0]),  # the last state is still worth 10: 1 + 9 - 10 = 0
            ("neither", [0, 0]),
        ],
    )
    def test_an_episode_cut_off_by_the_horizon_still_had_a_future(self, end: str, expected: list[float]) -> None:
        population = agents(ONE_ROLLOUT, [(0.5, 0.5)], [10.0])
        shape = (2, 1, 1)
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

    def test_what_is_beside_a_cut_episode_is_not_cut(self) -> None:
        """Two environments, of which the horizon cuts off one, in the first step."""
        population = agents(dataclasses.replace(ONE_ROLLOUT, envs=2, env_steps=4), [(0.5, 0.5)], [10.0])
        shape = (2, 1, 2)
        truncated = np.array([[[True, False]], [[False, False]]])
        observations = np.zeros((*shape, 4), dtype=np.float32)
        never, actions = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
        rollout = Rollout(observations, actions, np.zeros(shape), np.full(shape, 3.0), never, truncated, observations)
        advantages = population._samples(rollout).advantages.reshape(2, 2)
        # every error is 3 + 9 - 10 = 2; the sum over the second environment is 2 + 0.9 * 2
        np.testing.assert_allclose(advantages, [[2, 3.8], [2, 2]], atol=1e-12)

    @pytest.mark.parametrize(("schedule", "shares"), [("constant", [1, 1, 1, 1]), ("linear", [1, 0.75, 0.5, 0.25])])
    def test_schedules(self, schedule: Any, shares: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
        ppo = PPO(
            learning_rate=0.008,
            env_steps=32,
            envs=2,
            rollout=4,
            minibatches=1,
            epochs=1,
            learning_rate_schedule=schedule,
            clip_schedule=schedule,
        )
        population = agents(ppo, [(0.5, 0.5)], [0.0])
        paces = [watched_round(population, monkeypatch).pace for _ in range(population.rounds)]
        np.testing.assert_allclose([pace.clip for pace in paces], 0.2 * np.array(shares))
        np.testing.assert_allclose([pace.learning_rate for pace in paces], 0.008 * np.array(shares))
        assert [pace.updates for pace in paces] == [0, 1, 2, 3]

    def test_each_epoch_goes_through_every_sample_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ppo = PPO(env_steps=64, envs=4, rollout=16, minibatches=4, epochs=3)
        population = ppo.start(CartPole(), networks_of(ppo, CartPole(), [0, 1]), {}, [0, 1], level=0)
        epochs = watched_round(population, monkeypatch).minibatches.reshape(2, 3, 64)
        assert (np.sort(epochs) == np.arange(64)).all()
        assert len({tuple(order) for orders in epochs.tolist() for order in orders}) == 6  # each in an order of its own

    def test_what_is_learned_from_is_what_was_played(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Log-probabilities are those of the policy that played, which is that before the updates."""
        population = agents(dataclasses.replace(ONE_ROLLOUT, envs=8, env_steps=16), [(0.2, 0.8)], [0.0])
        samples = watched_round(population, monkeypatch).samples
        assert set(samples.actions.ravel().tolist()) == {0, 1}
        expected = np.log(np.where(samples.actions == 1, 0.8, 0.2))
        np.testing.assert_allclose(samples.log_probabilities, expected, rtol=0, atol=1e-12)


class Watched(NamedTuple):
    """What the compiled update of a round was given."""

    samples: Samples
    minibatches: np.ndarray
    pace: Pace


def watched_round(population: PPOPopulation, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Advance by one round."""
    seen: list[Watched] = []
    improve = harness.learners.ppo._improve

    def watch(actor: Any, critic: Any, samples: Samples, minibatches: np.ndarray, pace: Pace, *rest: Any) -> None:
        seen.append(Watched(samples, minibatches, pace))
        improve(actor, critic, samples, minibatches, pace, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(harness.learners.ppo, "_improve", watch)
        population.advance()
    (one,) = seen
    return one


# --- Adam under masks


def separate(mlp: Mlp, masks: list[np.ndarray], member: int) -> tuple[list[torch.Tensor], list[torch.Tensor | None]]:
    """One member's tensors as torch parameters, and the masks of the weights among them."""
    tensors = [torch.tensor(a[member]).requires_grad_() for a in (*mlp.weights, *mlp.biases)]
    biases: list[torch.Tensor | None] = [None] * len(mlp.biases)
    return tensors, [*(torch.tensor(mask[member]) for mask in masks), *biases]


def outputs_by_torch(
    tensors: Sequence[torch.Tensor], inputs: torch.Tensor, activation: str, scales: Sequence[torch.Tensor]
) -> torch.Tensor:
    """One member's outputs, from the tensors that `separate` gives, its hidden units multiplied by `scales`."""
    weights, biases = tensors[: len(tensors) // 2], tensors[len(tensors) // 2 :]
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        inputs = inputs @ weight + bias
        inputs = getattr(torch, activation)(inputs) * scales[layer] if layer < len(weights) - 1 else inputs
    return inputs


def loss_of(weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Some loss, without a batch dimension: x float[samples, in]."""
    hidden = torch.tanh(x @ weights[0] + biases[0])
    return ((hidden @ weights[1] + biases[1]) ** 3).mean() * 5


class TestMaskedAdam:
    @pytest.mark.parametrize(("weight_decay", "decay"), [(0.0, "coupled"), (0.1, "coupled"), (0.1, "decoupled")])
    @pytest.mark.parametrize("max_gradient_norm", [None, 0.5])
    def test_each_member_takes_the_steps_of_torchs_adam_and_clipping(
        self, weight_decay: float, decay: Decay, max_gradient_norm: float | None
    ) -> None:
        members, settings = 4, {"weight_decay": weight_decay, "eps": 1e-5}
        mlp, masks = self.population(members)
        x = torch.from_numpy(np.random.default_rng(1).normal(size=(10, members, 6, 3)))
        x[:, 0] *= 10  # one member's gradient is clipped hard, another's not at all
        x[:, 1] *= 0.01
        population = mlp.tensors()
        optimiser = MaskedAdam([population], [masks], 0.01, 1e-5, weight_decay, max_gradient_norm, decay)
        alone = [separate(mlp, masks, member) for member in range(members)]
        theirs_is = torch.optim.Adam if decay == "coupled" else torch.optim.AdamW
        adams = [theirs_is(tensors, lr=0.01, **settings) for tensors, _ in alone]
        for turn in range(10):
            optimiser.step(self.loss(population, x[turn]))
            for member, ((tensors, held), adam) in enumerate(zip(alone, adams, strict=True)):
                adam.zero_grad()
                loss_of(tensors[:2], tensors[2:], x[turn, member]).backward()
                for tensor, mask in zip(tensors, held, strict=True):
                    if mask is not None:
                        tensor.grad *= mask
                if max_gradient_norm is not None:
                    torch.nn.utils.clip_grad_norm_(tensors, max_gradient_norm)
                adam.step()
                ours = [*population.weights, *population.biases]
                for mine, theirs in zip(ours, tensors, strict=True):
                    own = mine[member].detach()
                    np.testing.assert_allclose(own, theirs.detach(), rtol=0, atol=1e-10)
            for weight, mask in zip(population.weights, masks, strict=True):
                assert (weight.detach().numpy()[~mask] == 0).all()

    def test_members_that_are_kept_keep_their_moments_and_masks(self) -> None:
        mlp, masks = self.population(4)
        x = torch.from_numpy(np.random.default_rng(2).normal(size=(10, 4, 6, 3)))
        kept = np.array([3, 1])
        whole, part = mlp.tensors(), mlp.tensors()
        optimisers = [MaskedAdam([networks], [masks], 0.01, max_gradient_norm=0.5) for networks in (whole, part)]
        for turn in range(10):
            optimisers[0].step(self.loss(whole, x[turn]))
            if turn == 4:
                optimisers[1].keep(kept)
            optimisers[1].step(self.loss(part, x[turn] if turn < 4 else x[turn, kept]))
        for all_of_them, some in zip((*whole.weights, *whole.biases), (*part.weights, *part.biases), strict=True):
            np.testing.assert_allclose(some.detach(), all_of_them.detach()[kept], rtol=0, atol=1e-10)
        for weight, mask in zip(part.weights, masks, strict=True):
            assert (weight.detach().numpy()[~mask[kept]] == 0).all()

    def test_members_may_be_kept_before_the_first_step(self) -> None:
        mlp, masks = self.population(3)
        x = torch.from_numpy(np.random.default_rng(3).normal(size=(3, 6, 3)))
        whole, part = mlp.tensors(), mlp.tensors()
        optimisers = [MaskedAdam([networks], [masks], 0.01) for networks in (whole, part)]
        optimisers[1].keep(np.array([2]))
        optimisers[0].step(self.loss(whole, x))
        optimisers[1].step(self.loss(part, x[[2]]))
        np.testing.assert_allclose(part.weights[0].detach(), whole.weights[0].detach()[[2]], rtol=0, atol=1e-10)

    @staticmethod
    def population(members: int) -> tuple[Mlp, list[np.ndarray]]:
        rng = np.random.default_rng(0)
        mlp = double_precision(initial_mlp((3, 5, 2), streams(range(members), "test")))
        masks = [rng.random(weight.shape) < 0.6 for weight in mlp.weights]
        return Mlp.of([w * mask for w, mask in zip(mlp.weights, masks, strict=True)], mlp.biases), masks

    @staticmethod
    def loss(population: Mlp, x: torch.Tensor) -> torch.Tensor:
        losses = [
            loss_of([w[i] for w in population.weights], [b[i] for b in population.biases], x[i])
            for i in range(population.members)
        ]
        return torch.stack(losses).sum()


# --- a task that anyone can learn


@dataclass(frozen=True)
class Context:
    """Eight env_steps; the observation names the right one of two actions, which pays one."""

    name: ClassVar[str] = "context"
    inputs: ClassVar[tuple[str, ...]] = ("left is right", "right is right")
    actions: ClassVar[int] = 2

    horizon: int = 8

    @property
    def maximum_return(self) -> float:
        return float(self.horizon)

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """The right actions of a whole episode."""
        return rng.integers(2, size=(*shape, self.horizon)).astype(np.float64)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "Contexts":
        return Contexts(starts, self.horizon)


class Contexts:
    def __init__(self, starts: np.ndarray, horizon: int):
        self.right, self.horizon = starts.copy(), horizon
        self.elapsed = np.zeros(starts.shape[:2], dtype=np.int64)
        self.terminated = np.zeros(starts.shape[:2], dtype=bool)
        self._show()

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Contexts":
        self.rewards = (actions == self._now()).astype(np.float64)
        self.elapsed += 1
        self.truncated = self.elapsed == self.horizon
        self.elapsed[self.truncated] = 0
        self.right[self.truncated] = restarts[self.truncated]
        self._show()
        self.final_observations = self.observations
        return self

    def keep(self, members: np.ndarray) -> None:
        self.right, self.elapsed = self.right[members], self.elapsed[members]
        self.terminated = self.terminated[members]
        self._show()

    def _now(self) -> np.ndarray:
        return np.take_along_axis(self.right, self.elapsed[:, :, None], axis=2)[:, :, 0]

    def _show(self) -> None:
        self.observations = np.eye(2, dtype=np.float32)[self._now().astype(np.int64)]


def sharp_experts(folder: str, indices: Sequence[int], inputs: int, actions: int) -> Mlp:
    """Hand-made experts that take the right action with a probability of 1 - 1e-7 or so."""
    members = len(indices)
    weight = np.tile(16 * np.eye(inputs, actions, dtype=np.float32), (members, 1, 1))
    return Mlp.of([weight], [np.zeros((members, 1, actions), dtype=np.float32)])


LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.01, env_steps=4_096, envs=4, rollout=32, minibatches=2),
    "bc": BC(learning_rate=0.01, env_steps=512, envs=4, batch=32, passes=4),
    "dqn": DQN(
        learning_rate=0.01,
        discount=0.0,
        batch=32,
        env_steps=2_048,
        epsilon_env_steps=1_024,
        learning_starts=64,
        target_interval=10,
    ),
}


class TestLearning:
    @pytest.mark.parametrize("name", LEARNERS)
    def test_every_seed_learns_what_anyone_can(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(harness.learners.bc, "read_experts", sharp_experts)
        task, seeds, learner = Context(), range(5), LEARNERS[name]
        networks = networks_of(learner, task, seeds)
        starts = np.stack([task.draw_starts(rng, (32,)) for rng in streams(seeds, "test")])
        before = rollout_returns(task, networks[ACTOR].tensors(), starts).mean(axis=1) / task.horizon
        population = learner.start(task, networks, {}, seeds, level=0)
        trained = train(population, task, Evaluation(per_training=2, episodes=4), GREEDY, "last", False, seeds, level=0)
        after = rollout_returns(task, trained.checkpoint[ACTOR].tensors(), starts).mean(axis=1) / task.horizon
        assert 0.2 < before.mean() < 0.8
        assert after.min() >= 0.95

    def test_a_student_of_a_contrary_expert_learns_the_contrary(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is the expert that teaches, not the rewards."""
        contrary = sharp_experts("", [0] * 5, 2, 2).each(lambda array: -array)
        monkeypatch.setattr(harness.learners.bc, "read_experts", lambda *_: contrary)
        task, seeds = Context(), range(5)
        learner = LEARNERS["bc"]
        population = learner.start(task, networks_of(learner, task, seeds), {}, seeds, level=0)
        trained = train(
            population, task, Evaluation(per_training=1, episodes=32), GREEDY, "last", False, seeds, level=0
        )
        assert trained.evaluations.max() <= 0.05 * task.horizon


# --- behavioural cloning


class TestSettings:
    @pytest.mark.parametrize(
        ("kind", "field", "values", "words"),
        [
            *((PPO, name, (-0.1, 1.1, math.nan), "is from 0 to 1") for name in ("discount", "gae_lambda")),
            *(
                (PPO, name, (0.0, -1.0, math.nan, math.inf), "is above 0")
                for name in ("clip", "learning_rate", "epsilon")
            ),
            *((PPO, name, (-0.1, math.nan), "is from 0 on") for name in ("entropy", "value_loss", "weight_decay")),
            *(
                (PPO, name, (0, -1), "is at least 1")
                for name in ("envs", "epochs", "minibatches", "rollout", "env_steps")
            ),
            *((BC, name, (0.0, -1.0, math.nan), "is above 0") for name in ("learning_rate", "epsilon")),
            *((BC, name, (0, -1), "is at least 1") for name in ("envs", "env_steps", "batch", "passes", "experts")),
            (BC, "weight_decay", (-0.1,), "is from 0 on"),
        ],
    )
    def test_a_number_outside_its_range_is_one_line(self, kind: Any, field: str, values: Any, words: str) -> None:
        for value in values:
            with pytest.raises(ValueError, match=f"^{field} {words}, not {value}$"):
                kind(**{field: value})

    def test_ends_of_ranges_are_inside(self) -> None:
        PPO(discount=1, gae_lambda=0, entropy=0, value_loss=0)
        PPO(discount=0, gae_lambda=1, epochs=1, minibatches=1)
        BC(envs=1, passes=1, batch=1, experts=1)

    def test_an_update_of_one_sample_has_no_advantage(self) -> None:
        PPO(env_steps=8, envs=2, rollout=2, minibatches=2)
        with pytest.raises(ValueError, match="an update needs at least 2"):
            PPO(env_steps=8, envs=2, rollout=2, minibatches=4)


class TestBc:
    def test_its_gradient_is_that_of_the_kl_divergence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        students = self.students(monkeypatch)
        losses: list[torch.Tensor] = []
        monkeypatch.setattr(students.optimiser, "step", losses.append)
        students.advance()
        observations, policies = (lessons[:, :16] for lessons in students.shuffled)
        log_student = torch.log_softmax(forward(students.actor, observations), dim=-1)
        kl = (policies * (policies.log() - log_student)).sum(dim=-1).mean(dim=1).sum()
        (ours,), (theirs,) = (torch.autograd.grad(loss, [students.actor.flat]) for loss in (losses[0], kl))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)

    def test_the_policies_to_imitate_are_the_experts_at_what_they_saw(self, monkeypatch: pytest.MonkeyPatch) -> None:
        students = self.students(monkeypatch)
        assert students.observations.shape == (3, 64, 4)
        expected = torch.softmax(forward(self.experts(3).tensors(), students.observations.float()), dim=-1)
        np.testing.assert_allclose(students.policies, expected, atol=1e-6)
        np.testing.assert_allclose(students.policies.sum(dim=-1), 1, atol=1e-6)

    def test_each_pass_goes_through_every_lesson_once_in_a_new_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        students = self.students(monkeypatch)
        passes = []
        for _ in range(2):
            for _ in range(students.settings.updates_per_pass):
                students.advance()
            passes.append(students.shuffled[0])
        assert (passes[0] != passes[1]).any()
        for member in range(3):
            lessons = sorted(map(tuple, students.observations[member].tolist()))
            assert all(sorted(map(tuple, each[member].tolist())) == lessons for each in passes)

    def test_a_seed_learns_from_the_same_expert_in_any_population(self) -> None:
        assert BC().expert_indices([0, 39, 40, 1041]) == [0, 39, 0, 1]

    @staticmethod
    def experts(members: int) -> Mlp:
        return initial_mlp((4, 8, 2), streams(range(members), "experts of the test"))

    def students(self, monkeypatch: pytest.MonkeyPatch) -> Students:
        monkeypatch.setattr(harness.learners.bc, "read_experts", lambda *_: self.experts(3))
        learner = BC(env_steps=64, envs=4, batch=16, passes=2)
        networks = {ACTOR: double_precision(networks_of(learner, CartPole(), range(3))[ACTOR])}
        return learner.start(CartPole(), networks, {}, range(3), level=0)
