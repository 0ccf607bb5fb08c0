"""GridMaze: how fast DQN trains on it, how fast its environments are alone, and what memory a worker needs."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from harness.bench import peers
from harness.bench.memory import peak_of_process
from harness.bench.population import GRIDMAZE, in_the_maze, seeds
from harness.bench.rows import Row, Target
from harness.bench.timing import advance, medians, rate
from harness.learners.dqn import DQN
from harness.tasks.gridmaze.batch import GridMaze

ENVIRONMENT = "harness.tasks.gridmaze.env:minimal-tickets/GridMaze-v0"
"""The same rules for stable-baselines3: the module that registers it, and its id."""
MEMBERS = 20
"""Of one cell."""
ROUNDS = 16
"""Rollouts and as many updates of each member, per timing."""
PEER_ROUNDS = 32
RUNS = 5
RATIO = 5.0
"""Times stable-baselines3's env_steps per CPU second, although ours is double and prioritised, and the peer neither."""
ENV_STEPS = 1_000
"""Of each environment, per timing of the environments alone."""
ALONE = 1_000_000.0
"""env_steps per CPU second of the environments alone."""
LIMIT = 3_000.0
"""MB."""


def rows() -> Iterator[Row]:
    """Of object-maps: DQN of the scaled profile (evaluations left out), the environments, and a worker's peak."""
    yield _training()
    yield _environments()
    yield _memory()


def _training() -> Row:
    settings, hidden = GRIDMAZE.learner, GRIDMAZE.network.hidden
    assert isinstance(settings, DQN)
    agent = peers.q_agent(settings, hidden, seed=0, environment=ENVIRONMENT)
    agent.learn(settings.learning_starts)
    ours = rate(ROUNDS * MEMBERS * settings.samples, partial(advance, in_the_maze(GRIDMAZE, MEMBERS), ROUNDS))
    steps = PEER_ROUNDS * settings.samples
    peer = rate(steps, partial(agent.learn, steps, reset_num_timesteps=False))
    found = medians({"ours": ours, "peer": peer}, RUNS)
    target = Target("ratio", found["ours"] / found["peer"], "at least", RATIO)
    name = f"DQN {'-'.join(map(str, hidden))} on GridMaze, {MEMBERS} members"
    note = "ours: double and prioritised; peer: plain"
    return Row(name, "env_steps per CPU second", found["ours"], found["peer"], RUNS, target, note)


def _environments() -> Row:
    found = medians({"ours": _alone(GridMaze(), MEMBERS, DQN.envs, ENV_STEPS)}, RUNS)["ours"]
    target = Target("env_steps per CPU second", found, "at least", ALONE)
    note = "uniform actions; object-maps of 1,200 inputs are made after each env_step"
    return Row(f"GridMaze alone, {MEMBERS * DQN.envs} environments", target.what, found, None, RUNS, target, note)


def _alone(task: GridMaze, members: int, envs: int, env_steps: int) -> Callable[[], float]:
    """A work: environments take `env_steps` uniform actions each, and are looked at in full after each."""
    rng = np.random.default_rng(0)
    starts = task.draw_starts(rng, (members, envs))
    batch = task.batch(starts, seeds(members))
    actions = rng.integers(task.actions, size=(env_steps, members, envs))

    def play() -> None:
        for taken in actions:
            batch.step(taken, starts)
            _ = batch.observations  # made when asked for

    return rate(env_steps * members * envs, play)


def _memory() -> Row:
    units = GRIDMAZE.network.hidden[0]
    peak = peak_of_process("gridmaze", units, MEMBERS) / 1e6
    target = Target("MB", peak, "at most", LIMIT)
    note = "a dense level whose replay of 100,000 transitions a member is full, evaluations included"
    return Row(
        f"DQN {units}-{units} on GridMaze, {MEMBERS} members, peak memory", "MB resident", peak, None, 1, target, note
    )
