"""What holds of every learner: it learns, a member does not depend on the others, dropout and weight decay act."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

import harness.learners.bc
from harness.evidence.level_file import from_bytes, to_bytes
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.classifier import Classifier
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner, acting_of
from harness.learners.training import Evaluation, train
from harness.networks.mlp import Mlp, Network
from harness.networks.params import Params
from harness.profiles.profile import PROFILES
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import GREEDY, Acting, rollout_returns
from harness.tasks.spec import Discrete, Observation
from harness.tests.learners.toys import Clouds
from harness.tests.networks.made import networks_of

LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.005, env_steps=1_024, envs=4, rollout=32),
    "bc": BC(learning_rate=0.005, env_steps=256, envs=4, batch=32, passes=4),
    "dqn": DQN(learning_rate=0.005, env_steps=512, batch=32, learning_starts=64, target_interval=5),
    "classifier": Classifier(learning_rate=0.005, samples=256, batch=32, passes=4),
}
SEEDS = (5, 0, 41)
learners = pytest.mark.parametrize("learner", LEARNERS)


def task_of(learner: str) -> Any:
    return Clouds() if learner == "classifier" else CartPole(horizon=50)


def test_every_learner_of_the_profiles_is_held_to_the_contract() -> None:
    assert set(LEARNERS) >= {learner for _, learner in PROFILES["scaled"].systems}


def population_of(name: str, rate: float, seeds: Sequence[int]) -> Any:
    """About to train in double precision, under masks."""
    learner, task = LEARNERS[name], task_of(name)
    given = networks_of(learner, task, seeds, Network((16, 12), dropout=rate))
    networks = {key: network.each(np.float64) for key, network in given.items()}
    rngs = streams(seeds, "masks of the test")
    masks = [np.stack([rng.random(w.shape[1:]) < 0.6 for rng in rngs]) for w in networks[ACTOR].weights]
    kept = Params.masks(networks[ACTOR].params.layout, masks)
    networks[ACTOR].flat[:] *= kept.flat
    return learner.start(task, networks, {ACTOR: kept}, seeds, level=1)


def experiment_of(name: str, rate: float = 0.0, rewind: float = 0.0, **settings: Any) -> Experiment:
    return Experiment(
        task_of(name),
        dataclasses.replace(LEARNERS[name], **settings),  # type: ignore[type-var]
        Network(hidden=(16, 16), dropout=rate),
        Pruning(rate=0.5, levels=1, checkpoint="last", rewind=rewind),
        Evaluation(per_training=2, episodes=2, scored_episodes=4),
        Savings(stop_at_maximum=False),
    )


# --- learning


@dataclass(frozen=True)
class Context:
    """Eight env_steps; the observation names the right one of two actions, which pays one."""

    name: ClassVar[str] = "context"
    observation: ClassVar[Observation] = Observation((2,), ("left is right", "right is right"))
    action: ClassVar[Discrete] = Discrete(2)
    maximum_return: ClassVar[float] = 8.0
    horizon: int = 8

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

    @property
    def now(self) -> np.ndarray:
        return np.take_along_axis(self.right, self.elapsed[:, :, None], axis=2)[:, :, 0]

    @property
    def observations(self) -> np.ndarray:
        return np.eye(2, dtype=np.float32)[self.now.astype(np.int64)]

    final_observations = observations

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Contexts":
        self.rewards = (actions == self.now).astype(np.float64)
        self.elapsed += 1
        self.truncated = self.elapsed == self.horizon
        self.elapsed[self.truncated] = 0
        self.right[self.truncated] = restarts[self.truncated]
        return self

    def keep(self, members: np.ndarray) -> None:
        self.right, self.elapsed = self.right[members], self.elapsed[members]
        self.terminated = self.terminated[members]


def sharp_experts(task: str, indices: Sequence[int], *_: Any) -> Mlp:
    """Experts that take the right action with a probability of 1 - 1e-7 or so."""
    weight = np.tile(16 * np.eye(2, dtype=np.float32), (len(indices), 1, 1))
    return Mlp.stacked([weight], [np.zeros((len(indices), 2), dtype=np.float32)])


TEACHABLE: dict[str, Learner] = {
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


@pytest.mark.parametrize(("learner", "right"), [*((name, True) for name in TEACHABLE), ("bc", False)])
def test_every_seed_learns_what_anyone_can(learner: str, right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student of experts that are always wrong learns to be wrong: they teach, not the rewards."""

    def experts(*arguments: Any) -> Mlp:
        return sharp_experts(*arguments).each(lambda flat: flat if right else -flat)

    monkeypatch.setattr(harness.learners.bc, "read_experts", experts)
    task, seeds, settings = Context(), range(5), TEACHABLE[learner]
    networks = networks_of(settings, task, seeds, Network((8,)))
    starts = np.stack([task.draw_starts(rng, (32,)) for rng in streams(seeds, "test")])
    before = rollout_returns(task, networks[ACTOR], starts).mean(axis=1) / task.horizon
    population = settings.start(task, networks, {}, seeds, level=0)
    trained = train(population, task, Evaluation(2, 4), GREEDY, "last", False, seeds, level=0)
    after = rollout_returns(task, trained.checkpoint[ACTOR], starts).mean(axis=1) / task.horizon
    assert 0.2 < before.mean() < 0.8
    assert after.min() >= 0.95 if right else after.max() <= 0.05


# --- members


@learners
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_a_member_is_the_same_alone_among_others_and_when_others_are_gone(learner: str, rate: float) -> None:
    together, alone, kept = (population_of(learner, rate, seeds) for seeds in ((7, 5, 0, 41), (0,), (7, 5, 0, 41)))
    start = {name: mlp.copy() for name, mlp in together.networks.items()}
    kept.keep(np.array([3, 2, 1]))  # before the first update
    for turn in range(3):
        for population in (together, alone, kept):
            population.advance(1)
        if turn == 0:
            kept.keep(np.array([0, 1]))  # and after one
    for name, mlp in together.networks.items():
        np.testing.assert_allclose(alone.networks[name].flat[0], mlp.flat[2], rtol=0, atol=1e-10)
        np.testing.assert_allclose(kept.networks[name].flat, mlp.flat[[3, 2]], rtol=0, atol=1e-10)
        assert (mlp.flat != start[name].flat).any(axis=1).all() and mlp.flat.dtype == np.float64
    held = {key: rngs for key, rngs in vars(kept).items() if key.endswith("_streams")}
    for key, rngs in held.items():
        expected = [getattr(together, key)[member] for member in (3, 2)]
        assert [rng.random() for rng in rngs] == [rng.random() for rng in expected]


@learners
def test_it_trains_copies_of_what_it_is_given(learner: str) -> None:
    settings, task = LEARNERS[learner], task_of(learner)
    networks = networks_of(settings, task, SEEDS, Network((4,)))
    before = {name: mlp.flat.copy() for name, mlp in networks.items()}
    settings.start(task, networks, {}, SEEDS, level=0).advance(1)
    for name, mlp in networks.items():
        np.testing.assert_array_equal(mlp.flat, before[name])


# --- dropout and weight decay


@learners
def test_gradients_for_a_criterion_are_without_dropout_and_zero_outside_masks(learner: str) -> None:
    population = population_of(learner, 0.3, SEEDS)
    for _ in range(3):
        population.advance(1)
    found = population.gradients()
    for network in population.networks.values():
        network.dropout = 0.0
    for name, gradient in population.gradients().items():
        np.testing.assert_array_equal(found[name].flat, gradient.flat)
        mask = population.trained[name].mask
        assert gradient.flat.any() and not gradient.flat[:, : mask.shape[1]][mask == 0].any()


@learners
def test_the_same_cell_gives_the_same_bits_also_from_a_stored_level(learner: str) -> None:
    """Under dropout, and rewound."""
    e = experiment_of(learner, rate=0.3, rewind=0.5)
    dense, again = (run_level(Cell(e, DENSE, SEEDS), 0, None) for _ in range(2))
    assert to_bytes(dense) == to_bytes(again)
    stored = from_bytes(to_bytes(dense))
    fresh, resumed = (run_level(Cell(e, TICKET, SEEDS), 1, level, dense=level) for level in (dense, stored))
    assert to_bytes(fresh) == to_bytes(resumed)


@learners
@pytest.mark.parametrize("decay", ["coupled", "decoupled"])
def test_weight_decay_shrinks_weights_and_pruned_ones_stay_zero(learner: str, decay: str) -> None:
    norms = []
    for strength in (0.0, 0.3):
        e = experiment_of(learner, weight_decay=strength, decay=decay)
        dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
        levels = dense, run_level(Cell(e, TICKET, SEEDS), 1, dense)
        norms.append([np.linalg.norm(each.flat, axis=1) for level in levels for each in level.trained.values()])
        for weight, mask in zip(levels[1].trained[ACTOR].weights, levels[1].masks[ACTOR].weights, strict=True):
            assert (weight[~mask] == 0).all()
    assert all((shrunk < plain).all() for plain, shrunk in zip(*norms, strict=True))


# --- settings


def test_budgets_are_counted_in_whole_rollouts_and_batches() -> None:
    ppo = PPO(env_steps=1_000, envs=4, rollout=60, minibatches=3, epochs=2)
    assert (ppo.samples, ppo.rounds, ppo.updates, ppo.samples_per_update) == (240, 4, 24, 80)
    bc = BC(env_steps=1_000, envs=4, batch=300, passes=5)
    assert (bc.updates_per_pass, bc.updates, bc.samples_per_update) == (3, 15, 300)


UNIT, POSITIVE, NON_NEGATIVE, COUNT = (-0.1, 1.1, math.nan), (0.0, -1.0, math.nan, math.inf), (-0.1, math.nan), (0, -1)
RANGES: list[tuple[str, tuple[float, ...], list[str]]] = [
    ("ppo", UNIT, ["discount", "gae_lambda"]),
    ("ppo", POSITIVE, ["clip", "learning_rate", "epsilon", "max_gradient_norm"]),
    ("ppo", NON_NEGATIVE, ["entropy", "value_loss", "weight_decay"]),
    ("ppo", COUNT, ["envs", "epochs", "minibatches", "rollout", "env_steps"]),
    ("bc", POSITIVE, ["learning_rate", "epsilon"]),
    ("bc", UNIT, ["exploration"]),
    ("bc", NON_NEGATIVE, ["weight_decay"]),
    ("bc", COUNT, ["envs", "env_steps", "batch", "passes", "experts"]),
    ("dqn", UNIT, ["discount", "alpha", "beta_start", "beta_final", "epsilon_start", "epsilon_final"]),
    ("dqn", POSITIVE, ["huber_delta", "replay_ratio", "priority_epsilon", "learning_rate", "max_gradient_norm"]),
    ("dqn", NON_NEGATIVE, ["weight_decay", "learning_starts"]),
    ("dqn", COUNT, ["batch", "buffer", "target_interval", "epsilon_env_steps", "envs", "rollout"]),
]


@pytest.mark.parametrize(
    ("learner", "field", "value"),
    [
        *((learner, field, value) for learner, values, fields in RANGES for field in fields for value in values),
        ("ppo", "minibatches", 3),  # does not divide a rollout
        ("ppo", "env_steps", 127),  # less than a rollout
        ("ppo", "minibatches", 128),  # of one sample, which can't be standardised
        ("bc", "env_steps", 257),  # not a multiple of envs
        ("bc", "env_steps", 28),  # less than a batch
        ("dqn", "env_steps", 63),  # less than a rollout
        ("dqn", "buffer", 63),  # holds no rollout
        ("dqn", "learning_starts", 513),  # more than is ever held
        ("dqn", "batch", 2_049),  # more than all updates consume
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_line_that_names_it(
    learner: str, field: str, value: float
) -> None:
    with pytest.raises(ValueError, match=field) as told:
        dataclasses.replace(LEARNERS[learner], **{field: value})  # type: ignore[type-var]
    assert str(value) in str(told.value).replace(",", "") and "\n" not in str(told.value)


def test_dqn_says_how_its_agents_act_and_the_others_act_by_policies() -> None:
    assert acting_of(LEARNERS["dqn"], "greedy") == Acting(epsilon=0.001)
    assert acting_of(LEARNERS["dqn"], "sampled") == Acting(epsilon=0.01)
    assert acting_of(LEARNERS["ppo"], "greedy") == GREEDY
    assert acting_of(LEARNERS["ppo"], "sampled") == Acting(sampled=True)
