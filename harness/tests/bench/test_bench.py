"""The benchmark: targets that can be missed, a peer that does the same as ours, rows that measure what they name."""

import json
import math
from functools import partial

import numpy as np
import pytest
import torch

from harness.bench import cnn_rows, measure, peers, rows
from harness.bench.measure import Row, Target
from harness.experiment import Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.expert_files import read_experts
from harness.learners.ppo import PPO, Samples, update_parameters
from harness.learners.training import Evaluation
from harness.networks.heads import Categorical
from harness.networks.mlp import Network
from harness.networks.network import outputs_of
from harness.profiles.studied import ENVIRONMENTS, MAPS
from harness.pruning.level import Level
from harness.pruning.pruning_settings import Pruning
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.maze import GridMaze

MET = Row("a", "steps", 32.0, 2.0, 5, Target("ratio", 16.0, 16.0))
MISSED = Row("b", "seconds", 3.0, 4.0, 5, Target("share", 0.75, 0.5, at_most=True), "a note")
PLAIN = Row("c", "MB", 0.5)
SMALL = DQN(env_steps=2_048, learning_starts=256, batch=64, buffer=2_048)


@pytest.mark.parametrize("at_most", [False, True])
def test_a_target_is_met_up_to_its_bound_and_what_is_no_number_misses_it(at_most):
    assert Target("x", 1.0, 1.0, at_most).met and not Target("x", 1.1 if at_most else 0.9, 1.0, at_most).met
    assert not Target("x", math.nan, 1.0, at_most).met


def test_a_missed_target_ends_with_1_and_a_part_leaves_the_whole_runs_file_alone(tmp_path, capsys):
    parts = {"returns": lambda: iter([MET, PLAIN]), "memory": lambda: iter([MISSED])}
    assert measure.main(parts, tmp_path / "new") == 1
    printed, whole = capsys.readouterr().out, tmp_path / "new" / "bench.json"
    assert "1 of 2 targets met" in printed and "MISSED: b" in printed and str(MISSED) in printed
    written = json.loads(whole.read_text())
    assert [row["name"] for row in written["rows"]] == ["a", "c", "b"] and written["parts"] == ["returns", "memory"]
    before = whole.read_bytes()
    assert measure.main(parts, tmp_path / "new", ["returns"]) == 0
    assert whole.read_bytes() == before and (tmp_path / "new" / "bench-returns.json").exists()
    with pytest.raises(ValueError, match=r"retruns.*returns, memory"):
        measure.main(parts, tmp_path / "other", ["retruns"])
    assert not (tmp_path / "other").exists()


def test_the_peers_student_makes_the_same_update():
    learner = BC(env_steps=64, batch=64, passes=3)
    student = peers.Student(learner, (8, 6), seed=0)
    student.policy.double()
    start = peers.stacked(peers.actor_layers(student.policy))
    ours = learner.start(CartPole(), {"actor": start}, {}, [3], level=0)
    student.observations, student.policies = (torch.tensor(each[0]).double() for each in (ours.inputs, ours.targets))
    for _ in range(3):
        ours.advance(1)
        student.advance(1)
    learned = ours.networks["actor"].copy().flat
    assert np.abs(learned - start.flat).max() > 1e-3
    theirs = peers.stacked(peers.actor_layers(student.policy)).flat
    np.testing.assert_allclose(learned, theirs, rtol=0, atol=1e-10)


def test_the_peers_ppo_goes_down_the_same_gradient():
    settings = PPO(env_steps=64, envs=4, rollout=16, entropy=0.01)
    agent = peers.agent(settings, (8, 6), seed=0)
    agent.policy.double()
    layers = {
        "actor": peers.actor_layers(agent.policy),
        "critic": peers.linear_layers(agent.policy.mlp_extractor.value_net, agent.policy.value_net),
    }
    heads = settings.heads(CartPole())
    networks = {name: peers.stacked(each, heads[name]) for name, each in layers.items()}
    ours = settings.start(CartPole(), networks, {}, [3], level=0)
    rng, count = np.random.default_rng(0), settings.samples
    samples = Samples(
        observations=rng.normal(size=(1, count, 4)),
        actions=rng.integers(2, size=(1, count)),
        log_probabilities=np.log(rng.uniform(0.3, 0.7, size=(1, count))),  # so that some ratios are clipped
        advantages=rng.normal(size=(1, count)),
        targets=rng.normal(size=(1, count)),
    )
    ours.learned_from = samples, update_parameters(settings)
    buffer = agent.rollout_buffer
    buffer.buffer_size, buffer.n_envs, buffer.full, buffer.generator_ready = count, 1, True, False
    buffer.observations, buffer.actions = samples.observations[0][:, None], samples.actions[0][:, None, None]
    buffer.log_probs, buffer.advantages = samples.log_probabilities[0][:, None], samples.advantages[0][:, None]
    buffer.returns, buffer.values = samples.targets[0][:, None], np.zeros((count, 1))
    # stable-baselines3 rounds what it learns from to single precision, in these two places
    buffer.to_torch = lambda array, copy=True: torch.as_tensor(array.astype(np.float64))
    agent.policy.extract_features = lambda observations, extractor=None: observations
    agent.n_epochs, agent.batch_size, agent.max_grad_norm = 1, count, math.inf
    agent.lr_schedule = lambda _: 1.0
    agent.policy.optimizer = torch.optim.SGD(agent.policy.parameters(), lr=1.0)
    agent.train()
    for name, gradient in ours.gradients().items():
        assert np.abs(gradient.flat).max() > 1e-3, name
        theirs = networks[name].flat - peers.stacked(layers[name]).flat
        np.testing.assert_allclose(gradient.flat, theirs, rtol=0, atol=1e-10, err_msg=name)


def test_the_peers_dqn_has_our_settings():
    """That it then makes the same updates is told in test_dqn."""
    settings = DQN(
        env_steps=6_400, envs=2, rollout=8, batch=32, replay_ratio=4, epsilon_env_steps=640, learning_starts=99
    )
    agent = peers.q_agent(settings, (8, 6), seed=0)
    assert (agent.n_envs, agent.train_freq.frequency, agent.gradient_steps, agent.batch_size) == (2, 8, 2, 32)
    assert agent.target_update_interval == 312 * 32 / 4  # env_steps in which as many updates are made
    for turn in range(2):  # its exploration goes on where it was
        agent.learn(80, reset_num_timesteps=turn == 0, log_interval=None)
    assert agent.exploration_rate == pytest.approx(settings.exploration(160))
    assert agent._n_updates == 8  # after env_steps 112, 128, 144 and 160


def test_the_peers_networks_are_the_same_as_ours():
    expert = peers.expert_of(Experiment(CartPole(), BC(), Network()), seed=41)
    observations = np.random.default_rng(0).normal(size=(1, 9, 4)).astype(np.float32)
    with torch.no_grad():
        theirs = peers.logits(expert, torch.from_numpy(observations[0])).numpy()
    ours = outputs_of(read_experts("cart-pole", [1], (4,), Categorical(2)), observations)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)

    agent = peers.q_agent(SMALL, (8, 6), seed=0, environment=ENVIRONMENTS[MAPS])
    task, shown = GridMaze(), agent.get_env().reset()
    starts = task.draw_starts(np.random.default_rng(0), (1, SMALL.envs))
    ours = outputs_of(peers.stacked(peers.linear_layers(agent.q_net)), task.batch(starts).observations)[0]
    with torch.no_grad():
        np.testing.assert_allclose(agent.q_net(torch.as_tensor(shown)).numpy(), ours, atol=1e-5)


@pytest.mark.parametrize("task", [CartPole(), GridMaze()], ids=lambda task: task.name)
def test_both_sides_of_dqn_learn_from_the_first_timing_on(task):
    trained = rows.population(Experiment(task, SMALL, Network((8, 6))), members=2)
    assert trained.updates == 0 and trained.replay.transitions == 192
    trained.advance(1)
    assert trained.updates == 4
    shown = 1_200 - len(GridMaze().zero_inputs) if task.name == "gridmaze" else 4
    assert trained.networks["actor"].sizes[0] == shown  # the inputs that a level leaves out are left out


def test_every_row_measures_what_it_names(monkeypatch):
    """In small: no figure is judged, but each part runs and its targets are figures of its own rows."""
    small = {"TABLE_3": PPO(env_steps=512, envs=4, rollout=32), "TABLE_8": SMALL, "TABLE_2": BC(env_steps=256)}
    for name, value in {**small, "MANY": 2, "RUNS": 1}.items():
        monkeypatch.setattr(rows, name, value)
    works = [partial(next, iter(figures)) for figures in ([99.0, 1.0, 5.0, 2.0], [99.0, 7.0, 7.0, 8.0])]
    assert measure.medians(works, 3) == [2.0, 7.0], "the first turn compiles"
    monkeypatch.setattr(cnn_rows, "RUNS", 1)
    for part in (rows.products, rows.priorities, partial(cnn_rows.rows, 2, 4)):
        found = list(part())
        assert all(row.ours > 0 and row.peer > 0 for row in found)
        assert all(math.isfinite(row.target.figure) for row in found if row.target)


def test_a_whole_experiment_is_measured_on_both_sides():
    learner = BC(env_steps=256, passes=1)
    experiment = Experiment(CartPole(), learner, Network((4, 4)), Pruning(0.5, 2), Evaluation(2, 4, 8))
    row = rows.whole_row(experiment, (0, 1))
    assert row.runs == 5  # one of the peer's after the dense level and after each condition
    assert row.peer > row.ours > 0 and "18 trainings" in row.name


def test_what_curves_would_hold_if_they_stopped_is_told(monkeypatch):
    """Of two members, one stops at the maximum of 500 after its first evaluation, and would have lost it."""
    whole = np.array([[500.0, 100.0, 0.0], [200.0, 300.0, 400.0]])

    def level(cell, *_):
        cut = whole.copy()
        if cell.experiment.savings.stop_at_maximum and len(cell.seeds) == 2:
            cut[0, 1:] = math.nan
        return Level({}, {}, np.zeros((2, 1)), cut, np.ones(2))

    monkeypatch.setattr(rows, "run_level", level)
    row = rows.stopping_row(Experiment(CartPole(), SMALL), (0, 1))
    assert "area 250, return at the end 200" in row.note and "400 and 450" in row.note


def curves(rng, height, slope, members=rows.COMPARED):
    """Learning curves that all end at 500: returns rise by `slope` an evaluation from `height` on."""
    risen = height + slope * np.arange(10) + rng.normal(0, 20, (members, 10))
    return np.minimum(500, risen)


@pytest.mark.parametrize(
    ("ours", "met", "said"),
    [((100, 100), True, "supported"), ((100, 48), False, "contradicted")],
    ids=["alike", "slow"],
)
def test_learning_is_compared_under_the_suites_own_rule_and_not_by_a_ceiling_that_both_reach(ours, met, said):
    rng, members = np.random.default_rng(0), tuple(range(rows.COMPARED))
    mine, theirs = curves(rng, *ours), curves(rng, 100, 100)
    assert mine[:, -1].mean() > 490 and theirs[:, -1].mean() > 490
    row = rows.learning_row("PPO", CartPole(), mine, theirs, members)
    assert row.target.met is met and row.note.startswith(said) and row.runs == rows.COMPARED
    few = rows.learning_row("PPO", CartPole(), theirs[:14], theirs[:14] + 1e-3, members[:14])
    assert not few.target.met and "14 seeds" in few.note  # the suite's rule refuses so few
