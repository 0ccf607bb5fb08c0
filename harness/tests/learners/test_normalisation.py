"""Normalised observations and rewards beside stable-baselines3's VecNormalize, and where their statistics go."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import harness.learners.ppo
from harness.evidence.level_file import from_bytes, to_bytes
from harness.experiment import Cell, Experiment
from harness.learners.classifier import Classifier
from harness.learners.dqn import DQN
from harness.learners.ppo import CRITIC, PPO, PPOPopulation
from harness.learners.protocol import ACTOR, Learner
from harness.learners.rollouts import Rollout
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.networks.network import outputs_of
from harness.networks.normalisation import OBSERVATIONS, RETURNS, normaliser, statistics, take_in
from harness.networks.params import Params
from harness.pruning.check import check
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.prunable import layouts
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import reduced
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.input_subset import InputSubset
from harness.tasks.rollout import Policy
from harness.tasks.spec import Normalisation, task_features
from harness.tests.learners.toys import Clouds, Target
from harness.tests.networks.made import networks_of

TASK, MLP = Target(Normalisation(), far=True), Network((8,))
LEARNER = PPO(learning_rate=0.01, env_steps=1_280, envs=4, rollout=20, discount=0.9)  # episodes end within rollouts
SEEDS = (5, 0, 41)


def population_of(seeds: Any = SEEDS) -> PPOPopulation:
    """In double precision."""
    networks = networks_of(LEARNER, TASK, seeds, MLP)
    return LEARNER.start(TASK, {n: each.each(np.float64) for n, each in networks.items()}, {}, seeds, level=0)


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> list[Rollout]:
    """What is played from now on."""
    played: list[Rollout] = []

    def play(*arguments: Any) -> Rollout:
        played.append(original(*arguments))
        return played[-1]

    original = harness.learners.ppo.play
    monkeypatch.setattr(harness.learners.ppo, "play", play)
    return played


class Spaces(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))


def theirs() -> list[VecNormalize]:
    """One for each member, that has seen nothing."""
    made = [VecNormalize(DummyVecEnv([Spaces] * LEARNER.envs), gamma=LEARNER.discount) for _ in SEEDS]
    for each in made:
        each.obs_rms.count = each.ret_rms.count = 0.0  # they start with a ten-thousandth of a number seen
    return made


def see(beside: VecNormalize, played: Rollout, member: int) -> None:
    """As its `step_wait` does."""
    ended = played.terminated | played.truncated
    for time, rewards in enumerate(played.rewards[:, member]):
        beside.obs_rms.update(played.observations[time, member].astype(np.float64))
        beside._update_reward(rewards)
        beside.returns[ended[time, member]] = 0


def assert_alike(params: Params, name: str, theirs: list[RunningMeanStd]) -> None:
    count, mean, variance = params[name].swapaxes(0, 1)
    np.testing.assert_array_equal(count[:, 0], [each.count for each in theirs])
    np.testing.assert_allclose(mean, np.reshape([each.mean for each in theirs], mean.shape), rtol=1e-6)
    np.testing.assert_allclose(variance, np.reshape([each.var for each in theirs], mean.shape), rtol=1e-6, atol=1e-12)


def test_statistics_and_what_is_learned_from_are_those_of_vec_normalize(raw: list[Rollout]) -> None:
    population, beside = population_of(), theirs()
    for turn in range(5):
        population.advance(1)
        assert population.learned_from
        for member, each in enumerate(beside):
            shown = raw[-1].observations[:, member].astype(np.float64)
            shown = each.normalize_obs(shown) if turn else shown  # by what was seen before
            learned = population.learned_from[0].observations[member]
            np.testing.assert_allclose(learned, shown.reshape(-1, 2), rtol=0, atol=1e-5)
            see(each, raw[-1], member)
        assert_alike(population.actor.params, OBSERVATIONS, [each.obs_rms for each in beside])
        assert_alike(population.critic.params, RETURNS, [each.ret_rms for each in beside])


def test_rewards_are_scaled_as_by_vec_normalize_when_it_has_seen_them() -> None:
    population, beside, shape = population_of(), theirs(), (7, len(SEEDS), LEARNER.envs)
    rng = np.random.default_rng(0)
    for scale in (1.0, 1.0, 50.0):  # the last ones are cut off
        never, nothing, rewards = np.zeros(shape, dtype=bool), np.zeros((*shape, 2)), scale * rng.normal(size=shape)
        ended = rng.random(shape) < 0.3
        played = Rollout(nothing, nothing, nothing, rewards, ended, never, nothing)
        found = population._normalised(played).rewards
        for member, each in enumerate(beside):
            see(each, played, member)
            np.testing.assert_allclose(found[:, member], each.normalize_reward(rewards[:, member]), rtol=1e-6)
    assert (played.rewards == rewards).all()


def test_single_precision_does_not_lose_them() -> None:
    rng = np.random.default_rng(0)
    params = Params(np.zeros((1, 3 * 4), np.float32), statistics(OBSERVATIONS, 4))
    seen = rng.normal((-3, 0, 1, 50), (1, 0.1, 10, 2), size=(200, 1, 64, 4)).astype(np.float32)
    for values in seen:
        take_in(params, OBSERVATIONS, values)
    every = seen.reshape(-1, 4).astype(np.float64)
    count, mean, variance = params[OBSERVATIONS][0]
    assert (count == len(every)).all()
    np.testing.assert_allclose((mean - every.mean(axis=0)) / every.std(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(variance, every.var(axis=0), rtol=1e-5)


def test_what_is_far_off_is_cut_off_and_nothing_changes_before_anything_was_seen() -> None:
    params = Params(np.zeros((2, 6)), statistics(OBSERVATIONS, 2))
    seen = np.array([[[3.0, 1e9]], [[-1e9, 0.5]]])
    np.testing.assert_array_equal(normaliser(params)(seen), seen)
    take_in(params, OBSERVATIONS, np.random.default_rng(0).normal(size=(2, 100, 2)))
    assert normaliser(params)(seen)[0, 0, 1] == 10 and normaliser(params)(seen)[1, 0, 0] == -10
    pictures = np.arange(24, dtype=np.uint8).reshape(2, 3, 1, 2, 2)  # two members, three pictures of four cells
    params = Params(np.zeros((2, 12), np.float32), statistics(OBSERVATIONS, 4))
    take_in(params, OBSERVATIONS, pictures.reshape(2, 3, 4))
    found = normaliser(params)(pictures)
    assert found.shape == pictures.shape and found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=1), 1, atol=1e-6)


def test_agents_act_on_what_is_normalised() -> None:
    population = population_of()
    population.advance(2)
    seen = population.batch.observations
    means = Policy(population.actor, LEARNER.envs)(seen)
    expected = outputs_of(population.actor, normaliser(population.actor.params)(seen))
    np.testing.assert_allclose(means, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(population.present, normaliser(population.actor.params)(seen))


# --- where they go


def test_a_member_s_do_not_depend_on_who_shares_the_population() -> None:
    together, alone, kept = population_of((7, 5, 0)), population_of((0,)), population_of((7, 5, 0))
    for turn in range(3):
        for population in (together, alone, kept):
            population.advance(1)
        if turn == 0:
            kept.keep(np.array([2, 0]))
    for name in (ACTOR, CRITIC):
        expected = together.networks[name].flat
        np.testing.assert_allclose(alone.networks[name].flat[0], expected[2], rtol=0, atol=1e-10)
        np.testing.assert_allclose(kept.networks[name].flat, expected[[2, 0]], rtol=0, atol=1e-10)


def experiment_of(condition: str = TICKET, rewind: float = 0.5) -> Experiment:
    rule = Pruning(rate=0.5, levels=1, rewind=rewind, checkpoint="last")
    return Experiment(TASK, LEARNER, MLP, rule, Evaluation(2, 4, 8))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_resumed_chain_has_them_and_a_rewound_level_goes_on_from_those_of_its_point(condition: str) -> None:
    e = experiment_of()
    dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
    stored = from_bytes(to_bytes(dense))
    fresh, resumed = (run_level(Cell(e, condition, SEEDS), 1, level, dense=level) for level in (dense, stored))
    assert to_bytes(fresh) == to_bytes(resumed)
    counts = [
        params[OBSERVATIONS][:, 0] for params in (dense.rewound[ACTOR], dense.trained[ACTOR], fresh.trained[ACTOR])
    ]
    assert (counts[0] == LEARNER.env_steps / 2).all()
    assert (counts[1] == LEARNER.env_steps).all() and (counts[2] == LEARNER.env_steps).all()
    assert (dense.rewound[CRITIC][RETURNS][:, 0] == LEARNER.env_steps / 2).all()


def test_they_are_no_weights() -> None:
    found = layouts(experiment_of())
    assert [tensor.name for tensor in found[ACTOR]][-2:] == ["log_std", OBSERVATIONS]
    assert found[CRITIC][-1].name == RETURNS
    assert not any(tensor.prunable or tensor.trained for layout in found.values() for tensor in layout[-1:])


def test_a_plain_task_has_none() -> None:
    found = layouts(Experiment(Target(), LEARNER, MLP))
    assert all(tensor.trained for layout in found.values() for tensor in layout)


# --- what it does not go with


@pytest.mark.parametrize(("task", "learner"), [(CartPole, DQN()), (Clouds, Classifier())], ids=["DQN", "classifier"])
def test_learners_that_do_not_normalise_say_so_in_one_line(task: Any, learner: Learner) -> None:
    class Normalised(task):  # type: ignore[misc]
        normalisation = Normalisation(observations=False)

    with pytest.raises(ValueError, match="normalises") as told:
        check(Experiment(Normalised(), learner))
    assert "\n" not in str(told.value)


class NormalisedMaze(GridMaze):
    normalisation = Normalisation()


def test_no_inputs_are_left_out_and_no_features_are_seen() -> None:
    for maze in (NormalisedMaze(), InputSubset(NormalisedMaze(), NormalisedMaze().observation.inputs[:9])):
        assert task_features(maze, SEEDS) is None
        e = Experiment(maze, PPO(), MLP)
        networks = networks_of(e.learner, maze, (0,), MLP)
        assert reduced(e, networks, {}).task == maze
    assert reduced(Experiment(GridMaze(), PPO(), MLP), networks_of(PPO(), GridMaze(), (0,), MLP), {}).task != GridMaze()
