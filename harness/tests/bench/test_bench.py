"""The benchmark: its targets, its table and file, and that the peer does the same work as we do."""

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import configure

from harness import bench
from harness.__main__ import main
from harness.bench import (
    density,
    gridmaze,
    memory,
    peers,
    population,
    priorities,
    products,
    returns,
    suite,
    timing,
    whole,
)
from harness.bench.rows import Row, Target, missed, verdict
from harness.experiment import Cell, Evaluation, Experiment, Network
from harness.fixtures import read_experts
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO, Pace, Samples
from harness.networks.mlp import outputs_of
from harness.pruning.conditions import DENSE
from harness.pruning.imp import start_level
from harness.pruning.level import Level
from harness.pruning.settings import Pruning
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.batch import GridMaze, GridMazes

MET = Row("a", "steps", 32.0, 2.0, 5, Target("ratio", 16.0, "at least", 16.0))
MISSED = Row("b", "seconds", 3.0, 4.0, 5, Target("share", 0.75, "at most", 0.5), "a note")
PLAIN = Row("c", "MB", 0.5, None, 1)


def test_a_target_is_met_up_to_its_bound_and_not_beyond():
    assert Target("x", 1.0, "at least", 1.0).met and Target("x", 1.0, "at most", 1.0).met
    assert not Target("x", 0.999, "at least", 1.0).met and not Target("x", 1.001, "at most", 1.0).met


@pytest.mark.parametrize("sense", ["at least", "at most"])
def test_what_could_not_be_measured_is_missed(sense):
    assert not Target("x", math.nan, sense, 1.0).met


def test_the_table_shows_each_target_beside_its_row():
    assert "ratio at least 16: met (16)" in str(MET)
    first, note = str(MISSED).splitlines()
    assert "share at most 0.5: MISSED (0.75)" in first and "0.750" in first and note == "  a note"
    assert str(PLAIN).split() == ["c", "MB", "0.500", "1"]
    assert missed([MET, MISSED, PLAIN]) == [MISSED]
    assert list(verdict([MET, MISSED, PLAIN])) == [
        "1 of 2 targets met",
        "MISSED: b: share at most 0.5: MISSED (0.75)",
    ]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Row]]:
    """Two parts that measure nothing."""
    found = {"returns": [MET, PLAIN], "memory": [MISSED]}
    monkeypatch.setattr(suite, "PARTS", dict.fromkeys(found, ""))
    monkeypatch.setattr(returns, "rows", lambda: iter(found["returns"]))
    monkeypatch.setattr(memory, "rows", lambda: iter(found["memory"]))
    return found


def test_a_missed_target_ends_with_one_and_everything_is_written(parts, tmp_path, capsys):
    assert suite.main(tmp_path / "new") == 1
    written = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert [row["name"] for row in written["rows"]] == ["a", "c", "b"]
    assert [row["target"] and row["target"]["met"] for row in written["rows"]] == [True, None, False]
    assert [row["ratio"] for row in written["rows"]] == [16.0, None, 0.75]
    assert written["parts"] == ["returns", "memory"] and written["machine"]["torch"] == torch.__version__
    assert "1 of 2 targets met" in capsys.readouterr().out


def test_a_run_of_one_part_leaves_the_whole_ones_file_alone(parts, tmp_path):
    suite.main(tmp_path)
    before = (tmp_path / "bench.json").read_bytes()
    assert suite.main(tmp_path, ["returns"]) == 0
    assert (tmp_path / "bench.json").read_bytes() == before
    assert json.loads((tmp_path / "bench-returns.json").read_text())["parts"] == ["returns"]


def test_every_part_is_a_file_that_gives_rows():
    for name in bench.PARTS:
        assert callable(getattr(__import__(f"harness.bench.{name}", fromlist=["rows"]), "rows", None)), name


def test_an_unknown_part_is_one_line_and_exit_code_4(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["harness", "bench", "--only", "sped", "--out", str(tmp_path)])
    assert main() == 4 and list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == f"error: the benchmark has no part 'sped'; it has {', '.join(bench.PARTS)}\n"


def test_help_names_the_parts(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["harness", "bench", "--help"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().out
    assert all(f"  {name}" in told for name in bench.PARTS)


def test_medians_take_turns_and_leave_the_first_out():
    called = []
    figures = {"a": iter([99.0, 1.0, 5.0, 2.0]), "b": iter([99.0, 7.0, 7.0, 8.0])}
    works = {name: lambda name=name: called.append(name) or next(figures[name]) for name in figures}
    assert timing.medians(works, 3) == {"a": 2.0, "b": 7.0}
    assert called == ["a", "b"] * 4


def test_the_peers_student_makes_the_same_update():
    learner = BC(env_steps=64, batch=64, passes=3)
    student = peers.Student(learner, (8, 6), seed=0)
    student.policy.double()
    start = peers.stacked(peers.actor_layers(student.policy))
    ours = learner.start(CartPole(), {"actor": start}, {}, [3], level=0)
    assert ours.actor.flat.dtype == torch.float64
    student.observations, student.policies = ours.observations[0].double(), ours.policies[0].double()
    for _ in range(3):
        ours.advance()
        student.advance()
    moved = np.abs(ours.actor.flat.detach().numpy() - start.flat).max()
    theirs = peers.stacked(peers.actor_layers(student.policy))
    assert moved > 1e-3
    np.testing.assert_allclose(ours.actor.flat.detach().numpy(), theirs.flat, rtol=0, atol=1e-10)


def test_the_peers_ppo_goes_down_the_same_gradient():
    settings = PPO(env_steps=64, envs=4, rollout=16, entropy=0.01)
    agent = peers.agent(settings, (8, 6), seed=0)
    agent.policy.double()
    networks = dict(zip(("actor", "critic"), map(peers.stacked, _layers(agent)), strict=True))
    ours = settings.start(CartPole(), networks, {}, [3], level=0)
    rng, count = np.random.default_rng(0), settings.samples
    samples = Samples(
        observations=rng.normal(size=(1, count, 4)),
        actions=rng.integers(2, size=(1, count)),
        log_probabilities=np.log(rng.uniform(0.3, 0.7, size=(1, count))),  # so some ratios are clipped
        advantages=rng.normal(size=(1, count)),
        targets=rng.normal(size=(1, count)),
    )
    s = settings
    pace = Pace(
        0, s.learning_rate, s.clip, s.entropy, s.value_loss, s.max_gradient_norm, s.epsilon, s.weight_decay, False
    )
    ours.learned_from = samples, pace

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
    agent.set_logger(configure(None, []))
    agent.train()
    for (name, gradient), layers in zip(ours.gradients().items(), _layers(agent), strict=True):
        assert np.abs(gradient.flat).max() > 1e-3, name
        theirs = networks[name].flat - peers.stacked(layers).flat
        np.testing.assert_allclose(gradient.flat, theirs, rtol=0, atol=1e-10, err_msg=name)


def test_the_peers_dqn_has_our_settings():
    """That it then makes the same updates is told in test_dqn."""
    settings = DQN(
        env_steps=6_400, envs=2, rollout=8, batch=32, replay_ratio=4, epsilon_env_steps=640, learning_starts=99
    )
    agent = peers.q_agent(settings, (8, 6), seed=0)
    assert (agent.n_envs, agent.train_freq.frequency, agent.gradient_steps, agent.batch_size) == (2, 8, 2, 32)
    assert agent.target_update_interval == 312 * 32 / 4  # env_steps in which as many updates are made
    assert (agent.learning_starts, agent.buffer_size) == (99, 100_000)
    assert peers.stacked(peers.value_layers(agent.q_net)).sizes == (4, 8, 6, 2)
    for turn in range(2):  # its exploration goes on where it was
        agent.learn(80, reset_num_timesteps=turn == 0, log_interval=None)
    assert agent.exploration_rate == pytest.approx(settings.exploration(160))
    assert agent._n_updates == 8  # after env_steps 112, 128, 144 and 160
    with pytest.raises(AssertionError, match="as many updates after each rollout"):
        peers.q_agent(DQN(batch=100, rollout=8), (8, 6), seed=0)


def test_dqn_is_timed_from_its_first_updates_on():
    settings = DQN(env_steps=1_024, learning_starts=256, batch=64)
    trained = population.until_learning(settings, (8, 6), members=2)
    assert trained.updates == 0 and trained.replay.transitions == 192
    trained.advance()
    assert trained.updates == 4


def test_priorities_are_timed_beside_uniform_replay(monkeypatch):
    monkeypatch.setattr(priorities, "TABLE_8", DQN(env_steps=4_096, learning_starts=128))
    monkeypatch.setattr(priorities, "TARGET_SIZE", 2)
    monkeypatch.setattr(priorities, "RUNS", 1)
    first, second, held = priorities.rows()
    for row in (first, second):
        assert row.target.figure == pytest.approx(1 - row.peer / row.ours) and row.target.bound == 0.15
    assert held.ours > held.peer > 26


SMALL = DQN(env_steps=2_048, learning_starts=256, batch=64, buffer=2_048)


@pytest.fixture
def small_maze(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """What is timed on GridMaze, in small."""
    experiment = replace(population.GRIDMAZE, learner=SMALL, network=Network((8, 6)))
    monkeypatch.setattr(gridmaze, "GRIDMAZE", experiment)
    for name, figure in {"MEMBERS": 2, "RUNS": 1, "ROUNDS": 2, "PEER_ROUNDS": 2, "ENV_STEPS": 3}.items():
        monkeypatch.setattr(gridmaze, name, figure)
    return experiment


def test_gridmaze_is_timed_beside_the_peer_alone_and_by_its_peak(small_maze, monkeypatch):
    asked = []
    monkeypatch.setattr(gridmaze, "peak_of_process", lambda *process: asked.append(process) or 3_001e6)
    training, alone, held = gridmaze.rows()
    assert training.ratio == pytest.approx(training.target.figure) and training.target.bound == 5
    assert alone.ours == alone.target.figure > 0 and alone.target.bound == 1_000_000
    assert asked == [("gridmaze", 8, 2)] and missed([held]) == [held]


def test_both_sides_learn_gridmaze_from_the_first_timing_on(small_maze):
    trained = population.in_the_maze(small_maze, members=2)
    assert trained.updates == 0 and trained.replay.transitions == 192
    trained.advance()
    assert trained.updates == 4
    agent = peers.q_agent(SMALL, (8, 6), seed=0, environment=gridmaze.ENVIRONMENT)
    agent.learn(SMALL.learning_starts)
    assert agent._n_updates == 0
    agent.learn(SMALL.samples, reset_num_timesteps=False)
    assert agent._n_updates == 4


def test_the_peers_network_sees_the_same_gridmaze():
    agent = peers.q_agent(SMALL, (8, 6), seed=0, environment=gridmaze.ENVIRONMENT)
    theirs = peers.stacked(peers.value_layers(agent.q_net))
    assert theirs.sizes == (1_200, 8, 6, 4)
    task, shown = GridMaze(), agent.get_env().reset()
    starts = task.draw_starts(np.random.default_rng(0), (1, SMALL.envs))
    ours = outputs_of(theirs, task.batch(starts).observations)[0]
    with torch.no_grad():
        np.testing.assert_allclose(agent.q_net(torch.as_tensor(shown)).numpy(), ours, atol=1e-5)


def test_gridmaze_is_timed_without_the_inputs_that_a_level_leaves_out(small_maze):
    trained = population.in_the_maze(small_maze, members=2)
    assert trained.actor.sizes[0] == 1_200 - len(GridMaze().zero_inputs) == len(trained.task.inputs)


def test_gridmazes_memory_is_measured_with_a_full_replay():
    learner = population.FULL_BUFFER.learner
    assert learner.capacity == 100_000 < learner.rounds * learner.samples


def test_gridmaze_alone_is_looked_at_after_each_env_step(monkeypatch):
    looked = []
    monkeypatch.setattr(GridMazes, "observations", property(lambda mazes: looked.append(mazes.elapsed.copy())))
    assert gridmaze._alone(GridMaze(), members=2, envs=3, env_steps=4)() > 0
    assert [one.shape for one in looked] == [(2, 3)] * 4 and looked[0].min() == looked[0].max() == 1


def _layers(agent):
    return peers.actor_layers(agent.policy), peers.critic_layers(agent.policy)


def test_the_peers_expert_has_the_experts_policy():
    experiment = Experiment(CartPole(), BC(), Network())
    expert = peers.expert_of(experiment, seed=41)
    observations = np.random.default_rng(0).normal(size=(1, 9, 4)).astype(np.float32)
    with torch.no_grad():
        theirs = peers.logits(expert, torch.from_numpy(observations[0]))
    np.testing.assert_allclose(outputs_of(read_experts("cart-pole", [1], 4, 2), observations)[0], theirs, atol=1e-5)


def test_a_whole_experiment_is_measured_on_both_sides():
    learner = BC(env_steps=256, passes=1)
    row = whole.row(Experiment(CartPole(), learner, Network((4, 4)), Pruning(0.5, 2), Evaluation(2, 4, 8)), (0, 1))
    assert row.runs == 5  # one of the peer's after the dense level and each condition
    assert row.peer > row.ours > 0 and row.target.figure == pytest.approx(row.ratio)
    assert "18 trainings" in row.name


@pytest.mark.parametrize("learner", [PPO(env_steps=512, envs=4, rollout=32), BC(env_steps=256, passes=1)])
def test_the_peers_evaluations_follow_the_schedule(learner):
    experiment = Experiment(CartPole(), learner, Network((4, 4)), evaluation=Evaluation(3, 2, 4))
    seen = [peers.stacked(peers.actor_layers(policy)).flat for policy in peers.turns(experiment, seed=0)]
    assert len(seen) == 3 and not np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[1], seen[2])
    assert 1 <= returns.peer_return(experiment, seed=0) <= 500


def test_the_products_alone_are_those_of_an_update():
    mlp = population.population(population.TABLE_3, (8, 6), 3).networks["actor"].arrays()
    forward_and_to_weights = 2 * (4 * 8 + 8 * 6 + 6 * 2)
    assert products.flops(mlp, batch=5) == 3 * 2 * 5 * (forward_and_to_weights + 8 * 6 + 6 * 2)
    products.dot_products(mlp, batch=5, updates=2)()
    products.bmm_products(mlp, batch=5, updates=2)()


def test_a_sparse_population_is_compact_and_its_critic_dense():
    cell = Cell(Experiment(CartPole(), PPO(env_steps=512), Network((16, 16))), DENSE, (0, 1))
    networks, masks = start_level(cell, 0, None, None)
    dense = Level(masks, networks, scores=np.zeros((2, 1)), evaluations=np.zeros((2, 1)), share=np.ones(2))
    sparse = density.pruned(cell, dense, 0.05)
    assert max(sparse.networks["actor"].sizes[1:-1]) < 16
    assert sparse.networks["critic"].sizes == (4, 16, 16, 1)
    assert density.pruned(cell, dense, 1.0).networks["actor"].sizes == (4, 16, 16, 2)


def test_a_straight_line_is_told_from_a_bent_one():
    members = (1, 10, 40, 160)
    slope, fixed, fit = memory.line(members, [300 + 0.5 * count for count in members])
    assert (slope, fixed, fit) == pytest.approx((0.5, 300.0, 1.0))
    assert memory.line(members, [300 + 0.01 * count**2 for count in members])[2] < memory.FIT


def test_peak_memory_counts_what_was_held():
    before = memory.peak_bytes()
    held = np.ones(1 << 25)
    assert memory.peak_bytes() - before > 0.5 * held.nbytes
