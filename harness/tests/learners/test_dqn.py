"""Double DQN with prioritised replay beside numbers by hand, autograd, and stable-baselines3's plain DQN."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples

import harness.learners.dqn
from harness.bench import peers
from harness.experiment import Cell, Experiment
from harness.learners.dqn import DQN, DQNPopulation, DQNUpdateParameters
from harness.learners.protocol import ACTOR
from harness.learners.replay import TERMINATED, _recall
from harness.learners.rollouts import Rollout, play
from harness.learners.sum_tree import UNIT, _put
from harness.learners.training import Evaluation
from harness.networks.dropout import update_keys
from harness.networks.heads import Values
from harness.networks.mlp import Mlp, Network
from harness.networks.network import outputs_of
from harness.networks.params import Params
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.pruning.pruning_settings import Pruning
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.input_subset import InputSubset
from harness.tests.networks.by_torch import dropout_scales, leaf, outputs_by_torch
from harness.tests.networks.made import initial_mlp

SMALL = DQN(
    env_steps=96,
    envs=2,
    rollout=8,
    batch=8,
    replay_ratio=3,
    learning_starts=0,
    buffer=64,
    epsilon_env_steps=50,
    target_interval=4,
    learning_rate=0.01,
)
"""Six rounds of 16 transitions and six updates."""


def population_of(settings: DQN, seeds: Any = (5, 6, 7), horizon: int = 500, **more: Any) -> DQNPopulation:
    mlp = initial_mlp((4, 8, 6, 2), streams(seeds, "w0"), Values(2), **more)
    return settings.start(CartPole(horizon=horizon), {ACTOR: mlp.each(np.float64)}, {}, seeds, level=0)


def play_a_rollout(population: DQNPopulation, epsilon: float) -> Rollout:
    """Into the replay memory."""
    s = population.settings
    rngs, epsilons = population.rollout_streams, [epsilon] * s.rollout
    rollout = play(population.actor, population.batch, population.task, s.rollout, s.envs, rngs, epsilons)
    population.replay.add(rollout, population.batch.observations)
    return rollout


class Watched(NamedTuple):
    """What the compiled updates of a round were given."""

    uniforms: np.ndarray
    parameters: DQNUpdateParameters


def watched_round(population: DQNPopulation, monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """Advance by one round; nothing where no update fell due."""
    given: list[Watched] = []
    improve = harness.learners.dqn._improve

    def watch(*arguments: Any) -> None:
        given.append(Watched(arguments[4], arguments[5]))
        improve(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(harness.learners.dqn, "_improve", watch)
        population.advance(1)
    return given


# --- schedules


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [6, 6, 6, 6, 6, 6]),
        ({"replay_ratio": 0.7}, [1, 1, 2, 1, 2, 1]),  # 1.4 a round
        ({"learning_starts": 33}, [0, 0, 6, 6, 6, 6]),  # 48 are held after the third
        ({"learning_starts": 32, "batch": 32}, [0, 1, 2, 1, 2, 1]),  # 1.5 a round
    ],
)
def test_fractions_of_updates_are_made_up_for_and_none_are_made_before_learning_starts(
    changes: dict[str, Any], expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    population = population_of(dataclasses.replace(SMALL, **changes))
    rounds = [watched_round(population, monkeypatch) for _ in range(population.rounds)]
    assert [sum(one.uniforms.shape[1] for one in given) for given in rounds] == expected
    assert population.updates == population.settings.updates == sum(expected)


def test_a_rewound_training_fills_its_memory_first_and_has_its_rounds_schedules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    population = population_of(dataclasses.replace(SMALL, learning_starts=20))
    population.round = 3
    assert watched_round(population, monkeypatch) == []
    (given,) = watched_round(population, monkeypatch)
    assert given.parameters.beta == pytest.approx(0.4 + 0.6 * 5 / 6)
    assert given.parameters.updates == 0 and given.uniforms.shape[1] == 6


def test_beta_rises_and_epsilon_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beta reaches its end in the last round; epsilon follows the env_steps played."""
    epsilons: list[float] = []

    def watch(*arguments: Any) -> Rollout:
        epsilons.extend(arguments[6])
        return play(*arguments)

    monkeypatch.setattr(harness.learners.dqn, "play", watch)
    population = population_of(SMALL)
    betas = [watched_round(population, monkeypatch)[0].parameters.beta for _ in range(population.rounds)]
    np.testing.assert_allclose(betas, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    np.testing.assert_allclose(epsilons, np.maximum(1 - 0.99 * np.arange(0, 96, 2) / 50, 0.01))


@pytest.mark.parametrize(("epsilon", "others"), [(0.0, 0.0), (0.3, 0.15), (1.0, 0.5)])
def test_epsilon_is_the_probability_of_a_uniform_action(epsilon: float, others: float) -> None:
    """Of two actions, half of the uniform ones are the greedy one."""
    population = population_of(DQN(envs=2, rollout=4_000), seeds=(0, 1))
    rollout = play_a_rollout(population, epsilon)
    observations = rollout.observations.swapaxes(0, 1).reshape(2, -1, 4)
    greedy = outputs_of(population.actor, observations).argmax(axis=-1).reshape(2, 4_000, 2).swapaxes(0, 1)
    found = rollout.actions != greedy
    assert found.mean() == pytest.approx(others, abs=4 * np.sqrt(0.25 / found.size) * (epsilon > 0))
    expected = np.log(np.where(found, epsilon / 2 if epsilon else 1, 1 - epsilon / 2))
    np.testing.assert_allclose(rollout.log_probabilities, expected, atol=1e-12)


# --- by hand


class TestByHand:
    """Linear networks of one input. Online Q(s) = (s, 2 s + 1), target Q'(s) = (3 s, -s); discount 1/2.

    A: at 1, action 0, reward 1, then 2. Online (2, 5) says action 1, the target network values it -2: wanted
       1 - 1 = 0, held 1, error -1.
    B: at 2, action 1, reward 8, terminated: wanted 8, held 5, error 3.
    C: at -1, action 1, reward 3, cut off at 4. Online (4, 9) says 1, valued -4: wanted 3 - 2 = 1, held -1, error 2.

    Priorities 4, 5, 6 of 15: one of the three ranges of 5 each, and with beta 1 weights 4/4, 4/5, 4/6.
    """

    SETTINGS = DQN(
        env_steps=3,
        envs=1,
        rollout=3,
        batch=3,
        replay_ratio=1,
        learning_starts=0,
        discount=0.5,
        huber_delta=1.5,
        max_gradient_norm=0.5,
        beta_start=1.0,
        alpha=0.5,
        priority_epsilon=1.0,
        learning_rate=0.1,
        epsilon=1.0,
    )

    @pytest.fixture
    def population(self) -> DQNPopulation:
        online = Mlp.stacked([np.array([[[1.0, 2.0]]])], [np.array([[0.0, 1.0]])], head=Values(2))
        made = self.SETTINGS.start(InputSubset(CartPole(), ("pole angle",)), {ACTOR: online}, {}, [0], level=0)
        made.target[:] = [[3.0, -1.0, 0.0, 0.0]]
        shape = (3, 1, 1)
        rollout = Rollout(
            observations=np.array([1, 2, -1], dtype=np.float32).reshape(*shape, 1),
            actions=np.array([0, 1, 1]).reshape(shape),
            log_probabilities=np.zeros(shape),
            rewards=np.array([1.0, 8.0, 3.0]).reshape(shape),
            terminated=np.array([False, True, False]).reshape(shape),
            truncated=np.array([False, False, True]).reshape(shape),
            final_observations=np.array([2, 99, 4], dtype=np.float32).reshape(*shape, 1),
        )
        made.replay.add(rollout, np.full((1, 1, 1), 77, dtype=np.float32))
        for place, priority in enumerate((4, 5, 6)):
            _put(made.replay.tree, 0, place, round(priority / UNIT))
        return made

    def test_errors_weights_gradient_clipping_and_the_step(self, population: DQNPopulation) -> None:
        workspace = population._workspace(3)
        population._learn(np.array([[[0.1, 0.1, 0.1]]]), workspace)
        assert workspace.drawn.tolist() == [0, 1, 2]
        np.testing.assert_allclose(workspace.errors, [-1, 3, 2], atol=1e-12)
        np.testing.assert_allclose(workspace.weights, [1, 0.8, 2 / 3], atol=1e-6)
        # Huber slopes -1, 1.5, 1.5; times weight, by 3, with the sign turned: 1/3, -0.4, -1/3
        np.testing.assert_allclose(workspace.network.grad_outputs, [[1 / 3, 0], [0, -0.4], [0, -1 / 3]], atol=1e-6)
        # to the weights 1/3 and 2 * -0.4 + 1/3, to the biases 1/3 and -0.4 - 1/3: a norm of 0.988826, clipped to 0.5
        clipped = [0.168550, -0.235970, 0.168550, -0.370810]
        np.testing.assert_allclose(workspace.network.grad_params, clipped, atol=2e-6)
        # Adam's first step is rate * g / (|g| + 1)
        expected = [1 - 0.0144239, 2 + 0.0190919, -0.0144239, 1 + 0.0270504]
        np.testing.assert_allclose(population.actor.flat[0], expected, atol=1e-6)

    def test_the_gradient_for_a_criterion_counts_every_transition_once(self, population: DQNPopulation) -> None:
        """Slopes 1, -1.5, -1.5 by 3, no weights: 1/3 at 1, -1/2 at 2, -1/2 at -1."""
        (found,) = population.gradients().values()
        np.testing.assert_allclose(found.flat, [[1 / 3, -0.5, 1 / 3, -1.0]], atol=1e-12)


# --- by autograd


class Slow:
    """One member's updates as the papers write them: torch's autograd, clipping and Adam, and cumulative sums."""

    def __init__(self, population: DQNPopulation, member: int):
        self.settings, self.member, self.population = population.settings, member, population
        self.online = leaf(population.actor.flat[[member]])
        self.mask = torch.tensor(population.trained[ACTOR].mask[[member]])
        self.target = self.online.detach().clone()
        s = self.settings
        self.adam = torch.optim.Adam([self.online], lr=s.learning_rate, eps=s.epsilon, weight_decay=s.weight_decay)
        self.updates, self.highest = 0, 1.0
        self.priorities: dict[int, float] = {}
        self.errors: list[float] = []

    def outputs(self, flat: torch.Tensor, observations: np.ndarray, scales: Any = ()) -> torch.Tensor:
        return outputs_by_torch(self.population.actor, flat, torch.tensor(observations)[None], scales)[0]

    def loss(self, rows: np.ndarray, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean weighted Huber loss of the transitions at `rows`, and their errors."""
        s, memory = self.settings, self.population.replay.memory
        before, after = np.empty((2, len(rows), 4))
        _recall(memory, self.member, rows, before, after, s.envs)
        actions, rewards, ends = (torch.tensor(each[self.member, rows]) for each in memory[1:4])
        with torch.no_grad():
            valued = self.outputs(self.target, after)
            deciding = self.outputs(self.online, after) if s.double else valued
            following = valued.gather(1, deciding.argmax(dim=1, keepdim=True)).squeeze(1)
            wanted = rewards.double() + s.discount * (ends != TERMINATED).double() * following
        actor, keys = self.population.actor, self.population.dropout_keys[ACTOR][[self.member]]
        scales = dropout_scales(actor, len(rows), update_keys(keys, self.updates)) if actor.dropout else ()
        values = self.outputs(self.online, before, scales).gather(1, actions.long()[:, None]).squeeze(1)
        losses = torch.nn.functional.huber_loss(values, wanted, reduction="none", delta=s.huber_delta)
        return (weights * losses).mean(), (wanted - values).detach()

    def round(self, fresh: list[int], uniforms: np.ndarray, beta: float) -> None:
        """fresh: the places of the transitions that this round played."""
        s, replay = self.settings, self.population.replay
        held = set(replay.places.tolist())
        self.priorities = {place: p for place, p in self.priorities.items() if place in held}
        self.priorities |= dict.fromkeys(fresh, self.highest)
        for draws in uniforms:
            weights = torch.ones(len(draws), dtype=torch.float64)
            rows = replay.places[(draws * replay.transitions).astype(int)]
            if s.alpha:
                order = sorted(self.priorities)
                cumulative = np.cumsum([self.priorities[place] for place in order])
                wanted = (np.arange(s.batch) + draws) / s.batch * cumulative[-1]
                rows = np.array(order)[np.searchsorted(cumulative, wanted, side="right")]
                chances = torch.tensor([self.priorities[row] for row in rows.tolist()], dtype=torch.float64)
                chances /= cumulative[-1]
                weights = (len(order) * chances) ** -beta
                weights /= weights.max()
            loss, errors = self.loss(rows, weights)
            self.adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            assert self.online.grad is not None
            self.online.grad *= self.mask
            torch.nn.utils.clip_grad_norm_([self.online], s.max_gradient_norm)
            self.adam.step()
            self.updates += 1
            if self.updates % s.target_interval == 0:
                self.target = self.online.detach().clone()
            self.errors += errors.abs().tolist()
            for row, error in zip(rows.tolist(), errors.tolist(), strict=True):
                self.priorities[row] = (abs(error) + s.priority_epsilon) ** s.alpha
                self.highest = max(self.highest, self.priorities[row])


@pytest.mark.parametrize(
    ("activation", "changes"),
    [
        ("relu", {}),
        ("tanh", {"weight_decay": 0.1, "max_gradient_norm": 0.05}),
        ("relu", {"double": False, "target_interval": 5}),  # copies fall into the midst of rounds
        ("relu", {"alpha": 0.0}),
        ("tanh", {"alpha": 0.0, "double": False, "huber_delta": 0.05}),
        ("tanh", {"alpha": 1.0, "huber_delta": 0.05, "buffer": 32}),
        ("relu", {"alpha": 0.0, "dropout": 0.3}),
    ],
)
def test_whole_rounds_are_those_of_autograd_cumulative_sums_and_torchs_clipping_and_adam(
    activation: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate, seeds, rng = changes.pop("dropout", 0.0), [5, 6, 7], np.random.default_rng(0)
    settings = dataclasses.replace(SMALL, **changes)
    rngs = streams(seeds, "w0")
    mlp = initial_mlp((4, 8, 6, 2), rngs, Values(2), activation=activation, dropout=rate).each(np.float64)
    masks = Params.masks(mlp.layers, [rng.random(weight.shape) < 0.6 for weight in mlp.weights])
    mlp.flat[:] *= masks.flat
    mlp.flat[1] *= 5  # its gradient is clipped, and its errors are large
    population = settings.start(CartPole(horizon=12), {ACTOR: mlp}, {ACTOR: masks}, seeds, level=0)
    slow = [Slow(population, member) for member in range(3)]
    for _ in range(population.rounds):
        now, times = population.replay.now, population.replay.times + 1
        fresh = [(now + time) % times * 2 + env for time in range(8) for env in range(2)]
        (given,) = watched_round(population, monkeypatch)
        for member, one in enumerate(slow):
            one.round(fresh, given.uniforms[member], given.parameters.beta)
    ends = population.replay.memory.ends
    assert (ends == TERMINATED).any() and (ends >= 0).any()
    assert {error < settings.huber_delta for one in slow for error in one.errors} == {True, False}
    for found, expected in (
        (population.actor.flat, [one.online.detach() for one in slow]),
        (population.target, [one.target for one in slow]),
    ):  # priorities are whole units, which shows in the weights by 1e-6
        np.testing.assert_allclose(found, np.concatenate(expected), rtol=0, atol=1e-6 if settings.alpha else 1e-10)
    assert settings.weight_decay or not population.actor.flat[population.trained[ACTOR].mask == 0].any()


# --- stable-baselines3


@pytest.mark.parametrize("max_gradient_norm", [10.0, 0.01])
def test_set_to_plain_it_makes_stable_baselines3s_updates(max_gradient_norm: float) -> None:
    settings = DQN(
        env_steps=256,
        envs=4,
        rollout=64,
        batch=64,
        replay_ratio=1,
        learning_starts=0,
        double=False,
        alpha=0.0,
        target_interval=1_000,
        max_gradient_norm=max_gradient_norm,
        epsilon=1e-8,
    )
    agent = peers.q_agent(settings, (8, 6), seed=0)
    online, target = (peers.stacked(peers.linear_layers(q), Values(2)) for q in (agent.q_net, agent.q_net_target))
    target.flat[:] = np.random.default_rng(0).normal(scale=0.5, size=target.flat.shape)
    peers.load(peers.linear_layers(agent.q_net_target), target)
    ours = settings.start(CartPole(horizon=20), {ACTOR: online}, {}, [3], level=0)
    ours.target[:] = target.flat
    rollout = play_a_rollout(ours, 0.5)
    assert rollout.terminated.any() and rollout.truncated.any()
    for time in range(64):
        agent.replay_buffer.add(
            rollout.observations[time, 0],
            rollout.final_observations[time, 0],
            rollout.actions[time, 0][:, None],
            rollout.rewards[time, 0],
            (rollout.terminated | rollout.truncated)[time, 0],
            [{"TimeLimit.truncated": bool(cut)} for cut in rollout.truncated[time, 0]],
        )
    uniforms = np.random.default_rng(1).random((1, 4, 64))
    rows = iter((uniforms[0] * 256).astype(int))

    def same(batch: int, env: Any = None) -> ReplayBufferSamples:
        """The same transitions: time after time, and within it environment after environment."""
        buffer, (time, row) = agent.replay_buffer, np.divmod(next(rows), 4)
        arrays = (
            buffer.observations[time, row],
            buffer.actions[time, row],
            buffer.next_observations[time, row],
            (buffer.dones * (1 - buffer.timeouts))[time, row][:, None],
            buffer.rewards[time, row][:, None],
        )
        return ReplayBufferSamples(*map(torch.as_tensor, arrays))

    agent.replay_buffer.sample = same
    agent.train(gradient_steps=4, batch_size=64)
    ours._learn(uniforms, ours._workspace(64))
    theirs = peers.stacked(peers.linear_layers(agent.q_net))
    assert np.abs(theirs.flat - online.flat).max() > 1e-3
    np.testing.assert_allclose(ours.actor.flat, theirs.flat, rtol=0, atol=2e-6)


def test_cart_pole_is_learned_by_most() -> None:
    scaled = PROFILES["scaled"].experiment(System("cart-pole", "dqn")).learner
    settings: Any = dataclasses.replace(scaled, env_steps=12_000)  # type: ignore[type-var]
    e = Experiment(CartPole(horizon=100), settings, Network((32, 32)), Pruning(), Evaluation(4, 8, 16))
    level = run_level(Cell(e, DENSE, tuple(range(97_000, 97_005))), 0, None)
    assert np.median(level.scored_returns) > 80  # 9 or 10 without learning
