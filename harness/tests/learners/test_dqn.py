"""Double DQN with prioritised replay, held against numbers by hand, autograd, and stable-baselines3's plain DQN."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import configure
from stable_baselines3.common.type_aliases import ReplayBufferSamples

import harness.learners.dqn
from harness.bench import peers
from harness.experiment import Cell, Experiment
from harness.learners.dqn import DQN, DQNPopulation, Pace, Room
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, ActsItsOwnWay, acting_of
from harness.learners.replay import TERMINATED, recall
from harness.learners.rollouts import Rollout, play
from harness.learners.sum_tree import UNIT, put
from harness.learners.training import Evaluation
from harness.networks.mlp import Mlp, Network, initial_mlp, outputs_of
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.pruning.settings import Pruning
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.input_subset import InputSubset
from harness.tasks.rollout import Acting

TABLE_8 = {
    "learning_rate": 0.0005,
    "discount": 0.99,
    "batch": 256,
    "huber_delta": 1.0,
    "max_gradient_norm": 10.0,
    "epsilon_start": 1.0,
    "epsilon_final": 0.01,
    "epsilon_env_steps": 1_000_000,
    "evaluation_epsilon": 0.001,
    "buffer": 100_000,
    "alpha": 0.6,
    "beta_start": 0.4,
    "beta_final": 1.0,
    "replay_ratio": 4.0,
    "env_steps": 5_000_000,
}
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


def population_of(
    settings: DQN, seeds: Any = (5, 6, 7), hidden: tuple[int, ...] = (8, 6), **more: Any
) -> DQNPopulation:
    task = more.pop("task", CartPole())
    mlp = initial_mlp((len(task.inputs), *hidden, task.actions), streams(seeds, "w0"), **more)
    return settings.start(task, {ACTOR: mlp.each(np.float64)}, {}, seeds, level=0)


class Watched(NamedTuple):
    """What the compiled updates of a round were given."""

    uniforms: np.ndarray
    pace: Pace


def watched_round(population: DQNPopulation, monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """Advance by one round; nothing where no update fell due."""
    seen: list[Watched] = []
    improve = harness.learners.dqn._improve

    def watch(*given: Any) -> None:
        seen.append(Watched(given[4], given[5]))
        improve(*given)

    with monkeypatch.context() as patch:
        patch.setattr(harness.learners.dqn, "_improve", watch)
        population.advance()
    return seen


# --- settings


class TestSettings:
    def test_the_defaults_are_table_8(self) -> None:
        assert {name: getattr(DQN(), name) for name in TABLE_8} == TABLE_8

    def test_every_row_of_table_11_is_a_field(self) -> None:
        table_11 = {"learning_rate": 0.00025, "env_steps": 15_000_000, "epsilon_final": 0.05}
        assert list(TABLE_8) == [f.name for f in dataclasses.fields(DQN)][:15]
        DQN(**{**TABLE_8, **table_11, "epsilon_env_steps": 7_500_000})  # type: ignore[arg-type]

    def test_the_paper_profile_keeps_table_8_but_for_the_length_of_the_training(self) -> None:
        learner = PROFILES["paper"].experiment(System("cart-pole", "dqn")).learner
        shorter = {"env_steps": 80_000, "epsilon_env_steps": 16_000}
        assert {name: getattr(learner, name) for name in TABLE_8} == {**TABLE_8, **shorter}

    @pytest.mark.parametrize(
        ("field", "values", "words"),
        [
            *((name, (-0.1, 1.1, float("nan")), "is from 0 to 1") for name in ("discount", "alpha", "beta_start")),
            *((name, (-0.1, 1.1), "is from 0 to 1") for name in ("epsilon_start", "epsilon_final", "beta_final")),
            *((name, (0.0, -1.0), "is above 0") for name in ("huber_delta", "replay_ratio", "priority_epsilon")),
            *((name, (0, -1), "is at least 1") for name in ("batch", "buffer", "target_interval", "epsilon_env_steps")),
            ("learning_starts", (-1,), "is from 0 on"),
        ],
    )
    def test_a_number_outside_its_range_is_one_line(self, field: str, values: Any, words: str) -> None:
        for value in values:
            with pytest.raises(ValueError, match=f"^{field} {words}, not {value}$"):
                dataclasses.replace(SMALL, **{field: value})

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"env_steps": 15}, "^env_steps 15 is less than one rollout of 16$"),
            ({"buffer": 15}, "^a buffer of 15 does not hold one rollout of 16$"),
            ({"learning_starts": 65}, "^learning never starts: the buffer holds 64, learning_starts is 65$"),
            ({"batch": 289}, "^no update falls due: 96 env_steps, 0 of them before learning starts"),
        ],
    )
    def test_settings_that_cannot_work_are_refused(self, changes: dict[str, int], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            dataclasses.replace(SMALL, **changes)  # type: ignore[arg-type]

    def test_its_agents_are_evaluated_with_an_epsilon_of_their_own(self) -> None:
        assert isinstance(SMALL, ActsItsOwnWay) and not isinstance(PPO(), ActsItsOwnWay)
        assert acting_of(SMALL, "greedy") == Acting(epsilon=0.001)
        assert acting_of(SMALL, "sampled") == Acting(epsilon=0.01)


# --- schedules


class TestSchedules:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, [6, 6, 6, 6, 6, 6]),
            ({"replay_ratio": 0.7}, [1, 1, 2, 1, 2, 1]),  # 1.4 a round
            ({"learning_starts": 33}, [0, 0, 6, 6, 6, 6]),  # 48 are held after the third
            ({"learning_starts": 32, "batch": 32}, [0, 1, 2, 1, 2, 1]),  # 1.5 a round
        ],
    )
    def test_parts_of_updates_are_made_later_and_none_before_learning_starts(
        self, changes: dict[str, Any], expected: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        population = population_of(dataclasses.replace(SMALL, **changes))
        made = []
        for _ in range(population.rounds):
            made.append(sum(seen.uniforms.shape[1] for seen in watched_round(population, monkeypatch)))
        assert made == expected
        assert population.updates == population.settings.updates == sum(expected)

    def test_one_that_begins_in_a_later_round_waits_for_its_replay_and_has_that_rounds_schedules(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        population = population_of(dataclasses.replace(SMALL, learning_starts=20))
        population.round = 3
        assert watched_round(population, monkeypatch) == []
        (seen,) = watched_round(population, monkeypatch)
        assert seen.pace.beta == pytest.approx(0.4 + 0.6 * 5 / 6)
        assert seen.pace.updates == 0 and seen.uniforms.shape[1] == 6

    def test_beta_rises_to_its_end_in_the_last_round(self, monkeypatch: pytest.MonkeyPatch) -> None:
        population = population_of(SMALL)
        betas = [watched_round(population, monkeypatch)[0].pace.beta for _ in range(population.rounds)]
        np.testing.assert_allclose(betas, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])

    def test_epsilon_falls_with_the_env_steps_played(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[float] = []

        def watch(*arguments: Any) -> Rollout:
            given.extend(arguments[6])
            return play(*arguments)

        monkeypatch.setattr(harness.learners.dqn, "play", watch)
        population = population_of(SMALL)
        for _ in range(population.rounds):
            population.advance()
        played = np.arange(0, 96, 2)
        np.testing.assert_allclose(given, np.maximum(1 - 0.99 * played / 50, 0.01))

    @pytest.mark.parametrize(("epsilon", "others"), [(0.0, 0.0), (0.3, 0.15), (1.0, 0.5)])
    def test_so_many_actions_are_drawn_uniformly(self, epsilon: float, others: float) -> None:
        """Of two actions, half of the drawn ones are the greedy one."""
        task, seeds, steps = CartPole(), (0, 1), 4_000
        rngs = streams(seeds, "test")
        actor = initial_mlp((4, 8, 2), streams(seeds, "w0"))
        batch = task.batch(np.stack([task.draw_starts(rng, (2,)) for rng in rngs]))
        rollout = play(actor, batch, task, steps, 2, rngs, [epsilon] * steps)
        by_member = rollout.observations.swapaxes(0, 1).reshape(2, -1, 4)
        greedy = outputs_of(actor, by_member).argmax(axis=-1).reshape(2, steps, 2).swapaxes(0, 1)
        found = rollout.actions != greedy
        assert found.mean() == pytest.approx(others, abs=4 * np.sqrt(0.25 / found.size) * (epsilon > 0))
        expected = np.log(np.where(found, epsilon / 2 if epsilon else 1, 1 - epsilon / 2))
        np.testing.assert_allclose(rollout.log_probabilities, expected, atol=1e-12)

    def test_a_uniform_action_is_each_as_often(self) -> None:
        """Of three, that none of Cart-Pole's has: by the function itself."""
        uniforms = (np.arange(900).reshape(1, 900) + 0.5) / 900
        outputs, actions, logs = np.zeros((1, 900, 3)), np.empty((1, 900), dtype=np.int64), np.empty((1, 900))
        outputs[:, :, 2] = 1
        harness.learners.rollouts._explore(outputs, 0.5, uniforms, actions, logs)
        assert np.bincount(actions[0]).tolist() == [150, 150, 600]


# --- by hand

ONE_INPUT = InputSubset(CartPole(), ("pole angle",))


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
    DRAWS_EACH = np.array([[[0.1, 0.1, 0.1]]])

    def population(self, **changes: Any) -> DQNPopulation:
        settings = dataclasses.replace(self.SETTINGS, **changes)
        online = Mlp.of([np.array([[[1.0, 2.0]]])], [np.array([[[0.0, 1.0]]])])
        made = settings.start(ONE_INPUT, {ACTOR: online}, {}, [0], level=0)
        made.target[:] = [[3.0, -1.0, 0.0, 0.0]]
        shape = (3, 1, 1)
        no = np.zeros(shape, dtype=bool)
        terminated, truncated = no.copy(), no.copy()
        terminated[1], truncated[2] = True, True
        rollout = Rollout(
            observations=np.array([1, 2, -1], dtype=np.float32).reshape(*shape, 1),
            actions=np.array([0, 1, 1]).reshape(shape),
            log_probabilities=np.zeros(shape),
            rewards=np.array([1.0, 8.0, 3.0]).reshape(shape),
            terminated=terminated,
            truncated=truncated,
            final_observations=np.array([2, 99, 4], dtype=np.float32).reshape(*shape, 1),
        )
        made.replay.add(rollout, np.full((1, 1, 1), 77, dtype=np.float32))
        if settings.alpha:
            for place, priority in enumerate((4, 5, 6)):
                put(made.replay.tree, 0, place, round(priority / UNIT))
            made.replay.tree.highest[0] = round(6 / UNIT)
        return made

    def improved(self, population: DQNPopulation, uniforms: np.ndarray = DRAWS_EACH) -> Room:
        room = population._room(3)
        harness.learners.dqn._improve(
            population.trained,
            population.target,
            population.replay.memory,
            population.replay.tree,
            uniforms,
            population._pace(),
            room,
        )
        return room

    def test_errors_weights_gradient_clipping_and_the_step(self) -> None:
        population = self.population()
        room = self.improved(population)
        assert room.drawn.tolist() == [0, 1, 2]
        np.testing.assert_allclose(room.errors, [-1, 3, 2], atol=1e-12)
        np.testing.assert_allclose(room.weights, [1, 0.8, 2 / 3], atol=1e-6)
        # Huber slopes -1, 1.5, 1.5; times weight, by 3, with the sign turned: 1/3, -0.4, -1/3
        np.testing.assert_allclose(room.to_values, [[1 / 3, 0], [0, -0.4], [0, -1 / 3]], atol=1e-6)
        # to the weights 1/3 and 2 * -0.4 + 1/3, to the biases 1/3 and -0.4 - 1/3: a norm of 0.988826, clipped to 0.5
        clipped = [0.168550, -0.235970, 0.168550, -0.370810]
        np.testing.assert_allclose(room.to_row, clipped, atol=2e-6)
        # Adam's first step is rate * g / (|g| + 1)
        expected = [1 - 0.0144239, 2 + 0.0190919, -0.0144239, 1 + 0.0270504]
        np.testing.assert_allclose(population.actor.flat[0], expected, atol=1e-6)

    def test_the_new_priorities(self) -> None:
        """(|error| + 1) ^ 1/2: the roots of 2, 4 and 3."""
        population = self.population()
        self.improved(population)
        tree = population.replay.tree
        np.testing.assert_allclose(tree.leaves[0, :3] * UNIT, [1.414214, 2, 1.732051], atol=1e-6)
        assert tree.leaves[0, 3] == 0  # what is seen now is no transition yet
        assert tree.highest[0] * UNIT == 6  # so far

    def test_plain_targets_are_the_largest_of_the_target_network(self) -> None:
        """At 2 it says (6, -2): wanted 1 + 3, error 3. At 4 (12, -4): wanted 3 + 6, error 10."""
        room = self.improved(self.population(double=False))
        np.testing.assert_allclose(room.errors, [3, 3, 10], atol=1e-12)

    def test_without_priorities_all_weights_are_one(self) -> None:
        population = self.population(alpha=0.0)
        room = self.improved(population, np.array([[[0.0, 0.4, 0.99]]]))
        assert room.drawn.tolist() == [0, 1, 2] and room.weights.tolist() == [1, 1, 1]
        np.testing.assert_allclose(room.to_values, [[1 / 3, 0], [0, -0.5], [0, -0.5]], atol=1e-12)
        assert len(population.replay.tree.leaves) == 0

    def test_weights_by_beta(self) -> None:
        weights = np.empty(3)
        tree = self.population().replay.tree
        for beta, expected in ((0.0, [1, 1, 1]), (0.5, [0.894427, 0.816497, 1]), (1.0, [0.8, 2 / 3, 1])):
            harness.learners.dqn.importance(tree, 0, np.array([1, 2, 0]), beta, weights)
            np.testing.assert_allclose(weights, expected, atol=1e-6)

    def test_the_gradient_asked_for_counts_every_transition_once(self) -> None:
        """Slopes 1, -1.5, -1.5 by 3, no weights: 1/3 at 1, -1/2 at 2, -1/2 at -1."""
        (found,) = self.population().gradients().values()
        np.testing.assert_allclose(found.flat, [[1 / 3, -0.5, 1 / 3, -1.0]], atol=1e-12)


# --- whole rounds, by autograd


class Slow:
    """One member's updates as the papers write them: torch's autograd, clipping and Adam, and cumulative sums."""

    def __init__(self, population: DQNPopulation, member: int, masks: list[np.ndarray]):
        self.settings, self.member, self.population = population.settings, member, population
        mlp = population.actor
        self.activation = mlp.activation
        self.online = [torch.tensor(each[member]).requires_grad_() for each in (*mlp.weights, *mlp.biases)]
        self.masks = [torch.tensor(mask[member]) for mask in masks]
        self.copy()
        s = self.settings
        self.adam = torch.optim.Adam(self.online, lr=s.learning_rate, eps=s.epsilon, weight_decay=s.weight_decay)
        self.updates = 0
        self.priorities: dict[int, float] = {}
        self.highest = 1.0

    def copy(self) -> None:
        self.target = [tensor.detach().clone() for tensor in self.online]

    def outputs(self, tensors: list[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        weights, biases = tensors[: len(tensors) // 2], tensors[len(tensors) // 2 :]
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            inputs = inputs @ weight + bias
            inputs = getattr(torch, self.activation)(inputs) if layer < len(weights) - 1 else inputs
        return inputs

    def round(self, uniforms: np.ndarray, beta: float) -> None:
        s, replay = self.settings, self.population.replay
        held = set(replay.places.tolist())
        self.priorities = {place: p for place, p in self.priorities.items() if place in held}
        for place in self.fresh:
            self.priorities[place] = self.highest
        for draws in uniforms:
            if s.alpha:
                order = sorted(self.priorities)
                cumulative = np.cumsum([self.priorities[place] for place in order])
                wanted = (np.arange(s.batch) + draws) / s.batch * cumulative[-1]
                rows = np.array(order)[np.searchsorted(cumulative, wanted, side="right")]
            else:
                rows = replay.places[(draws * replay.transitions).astype(int)]
            errors = self.update(rows, beta)
            if s.alpha:
                for row, error in zip(rows.tolist(), errors.tolist(), strict=True):
                    self.priorities[row] = (abs(error) + s.priority_epsilon) ** s.alpha
                    self.highest = max(self.highest, self.priorities[row])

    def update(self, rows: np.ndarray, beta: float) -> torch.Tensor:
        s, memory = self.settings, self.population.replay.memory
        before, after = np.empty((2, len(rows), 4))
        recall(memory, self.member, rows, before, after, s.envs)
        actions = torch.tensor(memory.actions[self.member, rows].astype(np.int64))
        rewards = torch.tensor(memory.rewards[self.member, rows].astype(np.float64))
        lasting = torch.tensor(memory.ends[self.member, rows] != TERMINATED).double()
        with torch.no_grad():
            valued = self.outputs(self.target, torch.tensor(after))
            deciding = self.outputs(self.online, torch.tensor(after)) if s.double else valued
            following = valued.gather(1, deciding.argmax(dim=1, keepdim=True)).squeeze(1)
            wanted = rewards + s.discount * lasting * following
            weights = torch.ones(len(rows), dtype=torch.float64)
            if s.alpha:
                total = sum(self.priorities.values())
                chances = torch.tensor([self.priorities[row] / total for row in rows.tolist()], dtype=torch.float64)
                weights = (len(self.priorities) * chances) ** -beta
                weights /= weights.max()
        values = self.outputs(self.online, torch.tensor(before)).gather(1, actions[:, None]).squeeze(1)
        losses = torch.nn.functional.huber_loss(values, wanted, reduction="none", delta=s.huber_delta)
        self.adam.zero_grad()
        (weights * losses).mean().backward()  # type: ignore[no-untyped-call]
        for tensor, mask in zip(self.online, self.masks, strict=False):
            assert tensor.grad is not None
            tensor.grad *= mask
        torch.nn.utils.clip_grad_norm_(self.online, s.max_gradient_norm)
        self.adam.step()
        self.updates += 1
        if self.updates % s.target_interval == 0:
            self.copy()
        return (wanted - values).detach()


@pytest.mark.parametrize(
    ("activation", "changes"),
    [
        ("relu", {}),
        ("tanh", {"weight_decay": 0.1, "max_gradient_norm": 0.05}),
        ("relu", {"double": False}),
        ("relu", {"alpha": 0.0}),
        ("tanh", {"alpha": 1.0, "huber_delta": 0.05, "buffer": 32}),
    ],
)
def test_whole_rounds_are_those_of_autograd_cumulative_sums_and_torchs_own_clipping_and_adam(
    activation: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(SMALL, **changes)
    task, seeds, rng = CartPole(horizon=12), [5, 6, 7], np.random.default_rng(0)
    mlp = initial_mlp((4, 8, 6, 2), streams(seeds, "w0"), activation=activation).each(np.float64)
    masks = [rng.random(weight.shape) < 0.6 for weight in mlp.weights]
    for weight, mask in zip(mlp.weights, masks, strict=True):
        weight *= mask
    mlp.flat[1] *= 5  # its gradient is clipped
    population = settings.start(task, {ACTOR: mlp}, {ACTOR: masks}, seeds, level=0)
    slow = [Slow(population, member, masks) for member in range(3)]
    for _ in range(population.rounds):
        now, times = population.replay.now, population.replay.times + 1
        fresh = [(now + time) % times * 2 + env for time in range(8) for env in range(2)]
        (seen,) = watched_round(population, monkeypatch)
        for member, one in enumerate(slow):
            one.fresh = fresh  # type: ignore[attr-defined]
            one.round(seen.uniforms[member], seen.pace.beta)
    ends = population.replay.memory.ends
    assert (ends == TERMINATED).any() and (ends >= 0).any()
    for member, one in enumerate(slow):
        for mine, theirs in zip((*population.actor.weights, *population.actor.biases), one.online, strict=True):
            # priorities are whole units, which weights show by 1e-6
            np.testing.assert_allclose(
                mine[member].ravel(), theirs.detach().ravel(), rtol=0, atol=1e-6 if settings.alpha else 1e-10
            )
        for weight, mask in zip(population.actor.weights, masks, strict=True):
            assert settings.weight_decay or (weight[member][~mask[member]] == 0).all()


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_gradient_is_that_of_autograd_to_1e_10(double: bool, activation: str) -> None:
    settings = dataclasses.replace(SMALL, double=double, huber_delta=0.5)
    population = population_of(settings, activation=activation, task=CartPole(horizon=12))
    population.advance()
    rng = np.random.default_rng(1)
    population.target += rng.normal(size=population.target.shape)
    room = population._room(12)
    beyond: set[bool] = set()
    for member in range(3):
        one = Slow(population, member, [np.ones(weight.shape, dtype=bool) for weight in population.actor.weights])
        mlp = population.actor.each(lambda _: population.target)
        one.target = [torch.tensor(each[member]) for each in (*mlp.weights, *mlp.biases)]
        room.drawn[:] = rng.choice(population.replay.places, 12)
        room.weights[:] = rng.random(12)
        pace = population._pace()
        harness.learners.dqn._gradient(
            population.trained, population.target, population.replay.memory, member, pace, room
        )
        before, after = torch.tensor(room.before), torch.tensor(room.after)
        memory, rows = population.replay.memory, room.drawn
        with torch.no_grad():
            valued = one.outputs(one.target, after)
            deciding = one.outputs(one.online, after) if double else valued
            following = valued.gather(1, deciding.argmax(dim=1, keepdim=True)).squeeze(1)
            lasting = torch.tensor(memory.ends[member, rows] != TERMINATED).double()
            wanted = torch.tensor(memory.rewards[member, rows].astype(np.float64)) + 0.99 * lasting * following
        actions = torch.tensor(memory.actions[member, rows].astype(np.int64))
        values = one.outputs(one.online, before).gather(1, actions[:, None]).squeeze(1)
        losses = torch.nn.functional.huber_loss(values, wanted, reduction="none", delta=0.5)
        beyond |= set((losses > 0.125).tolist())
        found = torch.autograd.grad((torch.tensor(room.weights) * losses).mean(), one.online)
        rebuilt = Mlp.of([g.numpy()[None] for g in found[:3]], [g.numpy()[None] for g in found[3:]])
        np.testing.assert_allclose(room.to_row, rebuilt.flat[0], rtol=0, atol=1e-10)
    assert beyond == {True, False}  # the Huber loss was on both sides of its delta


# --- the target network


def test_the_target_network_is_copied_after_every_so_many_updates_and_never_else() -> None:
    """Updates 6 a round, copies after every 4: also in the midst of a round, and across rounds."""
    population = population_of(SMALL, seeds=(5,))
    copies, online = [], []
    for turn in range(1, 13):
        one = dataclasses.replace(SMALL, replay_ratio=0.5)  # one update a round
        population.settings = one
        population.round = 2
        population.advance()
        online.append(population.actor.flat.copy())
        copies.append(population.target.copy())
        last = turn // 4 * 4
        if last:
            np.testing.assert_array_equal(copies[-1], online[last - 1])
        else:
            assert (copies[-1] != online[0]).any()
    assert population.updates == 12


def test_in_one_call_too() -> None:
    """Three updates in each of two calls, or six in one, leave the same: the interval is counted across calls."""
    left = []
    for splits in ((6,), (3, 3), (1, 4, 1)):
        population = population_of(dataclasses.replace(SMALL, target_interval=4), seeds=(5, 6))
        population.replay.add(
            play(population.actor, population.batch, population.task, 8, 2, population.rollout_streams, [0.5] * 8),
            population.batch.observations,
        )
        uniforms, done = np.random.default_rng(0).random((2, 6, 8)), 0
        for count in splits:
            harness.learners.dqn._improve(
                population.trained,
                population.target,
                population.replay.memory,
                population.replay.tree,
                np.ascontiguousarray(uniforms[:, done : done + count]),
                population._pace(),
                population._room(8),
            )
            done += count
            population.updates = done
        left.append((population.actor.flat.copy(), population.target.copy()))
    for flat, target in left[1:]:
        np.testing.assert_array_equal(flat, left[0][0])
        np.testing.assert_array_equal(target, left[0][1])
    assert (left[0][0] != left[0][1]).any()


def test_double_changes_nothing_but_which_next_action_is_valued() -> None:
    """The target network values the same next states; where both networks prefer the same action, errors agree."""
    populations = [population_of(dataclasses.replace(SMALL, double=double)) for double in (True, False)]
    rng, rooms = np.random.default_rng(2), []
    noise = rng.normal(size=populations[0].target.shape)
    rows, states = rng.integers(16, size=64), rng.normal(size=(66, 4))
    for population in populations:
        rollout = play(population.actor, population.batch, population.task, 8, 2, population.rollout_streams, [1.0] * 8)
        population.replay.add(rollout, population.batch.observations)
        population.replay.memory.observations[:] = states
        population.target[:] = noise
        room = population._room(64)
        room.drawn[:], room.weights[:] = rows, 1
        harness.learners.dqn._gradient(
            population.trained, population.target, population.replay.memory, 0, population._pace(), room
        )
        rooms.append(room)
    double, plain = rooms
    np.testing.assert_array_equal(double.target_values, plain.target_values)
    np.testing.assert_array_equal(double.values, plain.values)
    ends = populations[0].replay.memory.ends[0, rows] == TERMINATED
    alike = (double.next_values.argmax(axis=1) == double.target_values.argmax(axis=1)) | ends
    assert alike.any() and not alike.all()
    np.testing.assert_array_equal(double.errors[alike], plain.errors[alike])
    assert (double.errors[~alike] < plain.errors[~alike]).all()  # the largest value is never less than another


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
    task = CartPole(horizon=20)
    agent = peers.q_agent(settings, (8, 6), seed=0)
    online, target = (peers.stacked(peers.linear_layers(network)) for network in (agent.q_net, agent.q_net_target))
    target.flat[:] = np.random.default_rng(0).normal(scale=0.5, size=target.flat.shape)
    peers.load(peers.linear_layers(agent.q_net_target), target)
    ours = settings.start(task, {ACTOR: online}, {}, [3], level=0)
    ours.target[:] = target.flat
    rollout = play(ours.actor, ours.batch, task, 64, 4, ours.rollout_streams, [0.5] * 64)
    ours.replay.add(rollout, ours.batch.observations)
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
        """Row after row of the same transitions: time after time, and within it environment after environment."""
        drawn = next(rows)
        buffer = agent.replay_buffer
        arrays = (
            buffer.observations[drawn // 4, drawn % 4],
            buffer.actions[drawn // 4, drawn % 4],
            buffer.next_observations[drawn // 4, drawn % 4],
            (buffer.dones * (1 - buffer.timeouts))[drawn // 4, drawn % 4][:, None],
            buffer.rewards[drawn // 4, drawn % 4][:, None],
        )
        return ReplayBufferSamples(*map(torch.as_tensor, arrays))

    agent.replay_buffer.sample = same
    agent.set_logger(configure(None, []))
    before = online.flat.copy()
    agent.train(gradient_steps=4, batch_size=64)
    harness.learners.dqn._improve(
        ours.trained, ours.target, ours.replay.memory, ours.replay.tree, uniforms, ours._pace(), ours._room(64)
    )
    theirs = peers.stacked(peers.linear_layers(agent.q_net))
    assert np.abs(theirs.flat - before).max() > 1e-3
    np.testing.assert_allclose(ours.actor.flat, theirs.flat, rtol=0, atol=2e-6)


# --- training


def test_the_same_seeds_give_the_same_bits() -> None:
    def trained() -> np.ndarray:
        population = population_of(SMALL)
        for _ in range(population.rounds):
            population.advance()
        return np.concatenate([population.actor.flat, population.target])

    np.testing.assert_array_equal(trained(), trained())


def test_cart_pole_is_learned_by_most() -> None:
    settings = dataclasses.replace(PROFILES["scaled"].systems["cart-pole", "dqn"].learner, env_steps=12_000)
    e = Experiment(CartPole(horizon=100), settings, Network((32, 32)), Pruning(), Evaluation(4, 8, 16))
    level = run_level(Cell(e, DENSE, tuple(range(97_000, 97_005))), 0, None)
    assert np.median(level.scored_returns) > 80  # 9 or 10 without learning
