"""The populations that are timed: dense, with the settings of the paper's tables; on GridMaze the scaled profile's."""

from dataclasses import replace

import numpy as np

from harness.experiment import Experiment, Network
from harness.learners.bc import BC
from harness.learners.dqn import DQN, DQNPopulation
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Population
from harness.networks.compaction import compact
from harness.profiles.gridmaze_budgets import BUDGETS
from harness.profiles.profile import SEEDS_PER_BLOCK
from harness.pruning.layout import initial_networks
from harness.tasks.cart_pole import CartPole
from harness.tasks.narrowed import Narrowed
from harness.tasks.spec import zero_inputs

TABLE_3 = PPO(env_steps=1_000_000)
"""PPO's: 4 workers; 4 epochs of 4 minibatches over 512 samples. Long enough for all timings."""
TABLE_2 = BC(passes=1_000)
"""Behavioural cloning's."""
TABLE_8 = DQN(env_steps=1_000_000, learning_starts=16_384)
"""DQN's: after a rollout of 64 env_steps one update of 256 samples. When it starts, the replay holds enough to be drawn
from as in the midst of a training."""
GRIDMAZE = BUDGETS.experiments["scaled"]["dqn"]
"""DQN on GridMaze as the scaled profile trains it: 64-64 units, an update of 256 samples after 64 env_steps."""
assert isinstance(GRIDMAZE.learner, DQN)
FULL_BUFFER = replace(GRIDMAZE, learner=replace(GRIDMAZE.learner, env_steps=102_400, buffer=100_000))
"""The same, for long enough that a replay of 100,000 transitions is full and the oldest are replaced."""
BLOCK = 98
"""Of seeds: neither tuned nor judged on."""


def seeds(members: int) -> tuple[int, ...]:
    """The first ones of the benchmark's block."""
    return tuple(range(BLOCK * SEEDS_PER_BLOCK, BLOCK * SEEDS_PER_BLOCK + members))


def population(learner: PPO | BC | DQN, hidden: tuple[int, ...], members: int) -> Population:
    """About to train on Cart-Pole."""
    networks = initial_networks(Experiment(CartPole(), learner, Network(hidden=hidden)), seeds(members))
    return learner.start(CartPole(), networks, {}, seeds(members), level=0)


def until_learning(settings: DQN, hidden: tuple[int, ...], members: int) -> DQNPopulation:
    """Agents of DQN whose next round has the first updates."""
    trained = population(settings, hidden, members)
    assert isinstance(trained, DQNPopulation)
    return played(trained)


def in_the_maze(experiment: Experiment, members: int) -> DQNPopulation:
    """The same on a task of zero inputs, which are left out as `run_level` leaves them out."""
    task, learner = experiment.task, experiment.learner
    assert isinstance(learner, DQN)
    zeros = set(zero_inputs(task))
    shown = np.array([name not in zeros for name in task.inputs])
    mlp = initial_networks(experiment, seeds(members))[ACTOR]
    small = compact(mlp, [np.ones(weight.shape, dtype=bool) for weight in mlp.weights], shown)
    narrowed = Narrowed(task, tuple(name for name in task.inputs if name not in zeros))
    return played(learner.start(narrowed, {ACTOR: small.mlp}, {ACTOR: small.masks}, seeds(members), level=0))


def played(trained: DQNPopulation) -> DQNPopulation:
    """Let them play until the next round has the first updates."""
    settings = trained.settings
    while trained.replay.transitions + settings.samples < settings.learning_starts:
        trained.advance()
    return trained
