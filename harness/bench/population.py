"""The populations that are timed: dense, with the settings of the paper's tables."""

from harness.experiment import Experiment, Network
from harness.layout import initial_networks
from harness.learners import Population
from harness.learners.bc import BC
from harness.learners.dqn import DQN, DQNPopulation
from harness.learners.ppo import PPO
from harness.profiles import SEEDS_PER_BLOCK
from harness.tasks.cart_pole import CartPole

TABLE_3 = PPO(env_steps=1_000_000)
"""PPO's: 4 workers; 4 epochs of 4 minibatches over 512 samples. Long enough for all timings."""
TABLE_2 = BC(passes=1_000)
"""Behavioural cloning's."""
TABLE_8 = DQN(env_steps=1_000_000, learning_starts=16_384)
"""DQN's: after a rollout of 64 env_steps one update of 256 samples. When it starts, the replay holds enough to be drawn
from as in the midst of a training."""
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
    while trained.replay.transitions + settings.samples < settings.learning_starts:
        trained.advance()
    return trained
