"""Every learner learns toys, by networks and heads of all kinds, dense and pruned.

What is asked for is far from what agents reach, which is nearly the best return, and from what untrained ones have.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import files
from harness.evidence.level_file import from_bytes, to_bytes
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.classifier import Classifier
from harness.learners.dqn import DQN
from harness.learners.expert_files import write_expert
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.training import Evaluation
from harness.networks.cnn import ConvNetwork, Convolution
from harness.networks.mlp import Network
from harness.networks.network import outputs_of
from harness.networks.normalisation import OBSERVATIONS
from harness.pruning.check import check
from harness.pruning.conditions import CONDITIONS, DENSE, REDRAWN, TICKET
from harness.pruning.imp import run_level
from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks, network_of, weights_left
from harness.pruning.pruning_settings import Pruning
from harness.streams import streams
from harness.tasks.rollout import Acting, rollout_returns, scores
from harness.tasks.spec import Normalisation
from harness.tests.learners.toys import STEPS, Clouds, LitCell, Target
from harness.tests.networks.made import networks_of

SEEDS = tuple(range(6))
CNN = ConvNetwork(hidden=(16,), convolutions=(Convolution(8, 3),))
MLP = Network((16,), activation="tanh")
Q_LEARNING = DQN(
    learning_rate=0.01,
    discount=0.0,
    batch=32,
    env_steps=2_048,
    epsilon_env_steps=1_024,
    learning_starts=64,
    target_interval=10,
)
PICTURES = PPO(learning_rate=0.01, env_steps=4_096, envs=4, rollout=32, minibatches=2, discount=0.5)
NUMBERS = PPO(learning_rate=0.01, env_steps=8_192, envs=4, rollout=64, discount=0.5)
STUDENTS = BC(learning_rate=0.01, env_steps=1_024, envs=4, batch=32, passes=8, experts=len(SEEDS))
DISTILLED = BC(learning_rate=0.01, env_steps=1_024, envs=4, batch=32, passes=8, experts=len(SEEDS), imitates="values")
FAR = Target(Normalisation(), far=True)

CASES: dict[str, tuple[Any, Learner, Any, Learner | None, float]] = {
    "lit cell, PPO": (LitCell(), PICTURES, CNN, None, 7.0),
    "lit cell, PPO, sparse": (LitCell(sparse=True), PICTURES, CNN, None, 7.0),
    "lit cell, DQN": (LitCell(), Q_LEARNING, CNN, None, 7.0),
    "lit cell, DQN, sparse": (LitCell(sparse=True), Q_LEARNING, CNN, None, 7.0),
    "lit cell, BC of policies": (LitCell(), STUDENTS, CNN, PICTURES, 7.0),
    "lit cell, BC of values": (LitCell(), DISTILLED, CNN, Q_LEARNING, 7.0),
    "lit cell, BC of values, sparse": (LitCell(sparse=True), DISTILLED, CNN, Q_LEARNING, 7.0),
    "lit cell, BC of values, sparse, by perceptrons": (LitCell(sparse=True), DISTILLED, MLP, Q_LEARNING, 7.0),
    "target, PPO": (Target(), NUMBERS, MLP, None, -0.2),
    "target, BC": (Target(), STUDENTS, MLP, NUMBERS, -0.2),
    "far target, normalised, PPO": (FAR, NUMBERS, MLP, None, -0.2),
    "far target, normalised, BC": (FAR, STUDENTS, MLP, NUMBERS, -0.2),
    "clouds": (Clouds(), Classifier(learning_rate=0.01, samples=512, batch=32), Network((8,)), None, 0.85),
}
"""By name a task, a learner, its network, the learner of its experts, and what all seeds' mean return must be."""


@pytest.fixture(autouse=True)
def _own_fixtures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FIXTURES", tmp_path)


def experiment_of(name: str, **pruning: Any) -> Experiment:
    """Its experts are written."""
    task, learner, network, experts, _ = CASES[name]
    if experts:
        kind = CNN if isinstance(network, ConvNetwork) or experts is Q_LEARNING else MLP
        trained = dense_level(Experiment(task, experts, kind, Pruning(), Evaluation(2, 16, 16))).trained[ACTOR]
        for index in SEEDS:
            write_expert(task.name, index, kind, trained.take(np.array([index])), {})
    settings = Pruning(rate=0.3, levels=2, **pruning)
    return Experiment(task, learner, network, settings, Evaluation(per_training=4, episodes=16, scored_episodes=256))


def dense_level(e: Experiment) -> Level:
    return run_level(Cell(e, DENSE, SEEDS), 0, None)


def untrained(e: Experiment) -> float:
    actor = initial_networks(e, SEEDS)[ACTOR]
    return float(scores(e.task, actor, streams(SEEDS, "untrained"), Acting(), 256, SEEDS).mean())


@pytest.mark.parametrize("case", CASES)
def test_it_learns_dense_and_as_a_ticket(case: str) -> None:
    e, wanted = experiment_of(case), CASES[case][-1]
    check(e)
    dense = dense_level(e)
    assert untrained(e) < wanted - 0.2 * abs(wanted)
    assert dense.scored_returns.mean() > wanted
    level = from_bytes(to_bytes(dense))  # as it is stored
    for number in (1, 2):
        level = run_level(Cell(e, TICKET, SEEDS), number, level, dense=dense)
        left = sum(mask.reshape(len(SEEDS), -1).sum(axis=1) for mask in level.masks[ACTOR].weights)
        assert (left == weights_left(e)[number]).all()
        assert level.scored_returns.mean() > wanted


@pytest.mark.parametrize("case", ["lit cell, DQN", "target, PPO", "clouds"])
@pytest.mark.parametrize("condition", CONDITIONS[1:])
def test_baselines_have_as_many_weights_and_can_be_played_from_their_files(case: str, condition: str) -> None:
    e = experiment_of(case, rewind=0.0 if condition == REDRAWN else 0.5)
    dense = dense_level(e)
    level = from_bytes(to_bytes(run_level(Cell(e, condition, SEEDS), 1, dense, dense=dense)))
    for weight, mask in zip(level.trained[ACTOR].weights, level.masks[ACTOR].weights, strict=True):
        assert not weight[~mask].any()
    assert sum(mask[0].sum() for mask in level.masks[ACTOR].weights) == weights_left(e)[1]
    acting = e.learner.acting("greedy") if isinstance(e.learner, DQN) else Acting()
    again = scores(e.task, network_of(e, level.trained[ACTOR]), streams(SEEDS, "score", 1), acting, 256, SEEDS)
    np.testing.assert_allclose(again, level.scores, rtol=0, atol=1e-4)  # units that reach nothing were left out


# --- dense and sparse


@pytest.mark.parametrize("network", [CNN, MLP], ids=["CNN", "MLP"])
def test_networks_play_alike_on_pictures_and_on_lit_cells(network: Any) -> None:
    actor = networks_of(PICTURES, LitCell(), SEEDS, network)[ACTOR]
    starts = np.stack([LitCell().draw_starts(rng, (64,)) for rng in streams(SEEDS, "test")])
    returns = [
        rollout_returns(LitCell(sparse), actor, starts, Acting(sampled=True), streams(SEEDS, "noise"), SEEDS)
        for sparse in (False, True)
    ]
    np.testing.assert_array_equal(*returns)


@pytest.mark.parametrize("case", ["PPO", "DQN", "BC of policies", "BC of values"])
def test_networks_learn_alike_on_pictures_and_on_lit_cells(case: str) -> None:
    """Cloning learns from experts of single precision, whose outputs differ in their last bits."""
    e = experiment_of(f"lit cell, {case}")
    start = {name: network.each(np.float64) for name, network in initial_networks(e, SEEDS).items()}
    populations = [e.learner.start(LitCell(sparse), start, {}, SEEDS, level=0) for sparse in (False, True)]
    for population in populations:
        population.advance(4)
    for name, network in populations[0].networks.items():
        assert (network.flat != start[name].flat).any()
        exact = 1e-5 if isinstance(e.learner, BC) else 1e-10
        np.testing.assert_allclose(populations[1].networks[name].flat, network.flat, rtol=0, atol=exact)


def test_students_see_as_their_experts_do() -> None:
    e = experiment_of("far target, normalised, BC")
    experts = STUDENTS.read_experts(e.task, SEEDS)
    assert (experts.params[OBSERVATIONS][:, 0] > 0).all()
    dense = dense_level(e)
    level = run_level(Cell(e, REDRAWN, SEEDS), 1, dense, dense=dense)
    for each in (dense, level):
        np.testing.assert_array_equal(each.trained[ACTOR][OBSERVATIONS], experts.params[OBSERVATIONS])


# --- a classifier


@pytest.mark.parametrize("sampled", [False, True])
def test_the_score_of_a_classifier_is_its_accuracy_on_fresh_samples(sampled: bool) -> None:
    e, fresh = experiment_of("clouds"), streams(SEEDS, "others")
    actor = network_of(e, dense_level(e).trained[ACTOR])
    found = scores(e.task, actor, streams(SEEDS, "test"), Acting(sampled), 4_000, SEEDS)
    assert found.shape == (len(SEEDS), 4_000) and set(found.ravel()) == {0.0, 1.0}
    observations, labels = (np.stack(each) for each in zip(*(e.task.draw(rng, 4_000) for rng in fresh), strict=True))
    logits = torch.tensor(outputs_of(actor, observations))
    policy = torch.softmax(logits, dim=-1).numpy() if sampled else np.eye(2)[logits.argmax(dim=-1)]
    expected = np.take_along_axis(policy, labels[:, :, None], axis=2).mean(axis=(1, 2))
    assert (np.abs(found.mean(axis=1) - expected) < 0.04).all()  # four deviations of the difference


def test_learners_that_act_say_that_a_task_of_samples_is_no_environment() -> None:
    e = Experiment(Clouds(), PICTURES, MLP)
    with pytest.raises(ValueError, match="no environment"):
        PICTURES.start(e.task, initial_networks(e, SEEDS), {}, SEEDS, level=0)
    with pytest.raises(ValueError, match="labels"):
        check(Experiment(Target(), Classifier(), MLP))


@pytest.mark.parametrize(("field", "values"), [("samples", (0, 31)), ("batch", (0,)), ("passes", (0,))])
def test_settings_that_cannot_work_are_refused(field: str, values: Sequence[int]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=field):
            Classifier(**{"batch": 32, field: value})


def test_a_budget_without_an_environment() -> None:
    learner = Classifier(samples=1_000, batch=300, passes=5)
    assert (learner.env_steps, learner.updates, learner.samples_per_update) == (0, 15, 300)
    assert STEPS == Target.horizon == LitCell.horizon
