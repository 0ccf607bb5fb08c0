"""Synthetic chains with a known effect: what the judgement must find, and what it must leave open.

Returns vary as those of the scaled profile do: near-normal over seeds, with what the conditions of a seed share, and
cut off where the task cuts them off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from harness.evidence.store import Address, Store
from harness.experiment import Cell
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.profiles.budgets import experiments
from harness.profiles.profile import Profile
from harness.pruning.conditions import DENSE
from harness.pruning.imp import start_level
from harness.pruning.level import Level
from harness.pruning.pruning_settings import Pruning
from harness.statistics import Reference
from harness.streams import stream
from harness.tasks.cart_pole import CartPole
from harness.tasks.references import read_reference

LEVELS = 3
TASK = CartPole()
REFERENCE = Reference(**read_reference(TASK.name, TASK.horizon))


def profile(levels: int = LEVELS, seeds: int = 20) -> Profile:
    """A profile that judges, of chains that cost nothing."""
    made = experiments(
        TASK,
        Network(hidden=(16, 16)),
        Pruning(rate=0.4, levels=levels),
        Evaluation(per_training=1, episodes=1, scored_episodes=1),
        ppo=PPO(env_steps=64, envs=4, rollout=16),
        bc=BC(env_steps=64, batch=16),
        dqn=DQN(env_steps=64, batch=16, learning_starts=16),
    )
    systems = {(TASK.name, learner): experiment for learner, experiment in made.items()}
    return Profile("planted", "for tests", seeds, systems)


@dataclass(frozen=True)
class Plan:
    """Normalised returns of all chains, before they are cut off at the task's highest and lowest.

    means: by condition, or by learner and condition ("bc mask/weights"), which comes first; dense ones return 1.
    seed_sd: of what the chains of a seed share. chain_sd: of what all levels of a chain share. level_sd: of the rest.
    fall: by learner, what a level costs against the one before. breaks: by learner, the mean level after which chains
    return nothing, and the standard deviation of that.
    """

    means: Mapping[str, float] = field(default_factory=dict)
    seed_sd: float = 0.0
    chain_sd: float = 0.0
    level_sd: float = 0.0
    fall: Mapping[str, float] = field(default_factory=dict)
    breaks: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def returns(self, cell: Cell, level: int) -> np.ndarray:
        """float64[members], normalised, at one level: a pure function of chunk, learner, condition and level."""
        learner, purpose = cell.experiment.learner.name, f"planted {cell.experiment.learner.name} {cell.condition}"
        if cell.condition == DENSE:
            return np.ones(len(cell.seeds))
        places: tuple[tuple[str, tuple[int, ...]], ...] = (("planted", ()), (purpose, ()), (purpose, (level,)))
        drawn = [stream(cell.seeds[0], name, *where).standard_normal(len(cell.seeds)) for name, where in places]
        return self.values(learner, cell.condition, level, *drawn)

    def values(
        self, learner: str, condition: str, level: int, seed: np.ndarray, chain: np.ndarray, rest: np.ndarray
    ) -> np.ndarray:
        """The returns that standard normal draws of seeds, chains and levels make, of any shape."""
        if learner in self.breaks:
            mean, sd = self.breaks[learner]
            return np.where(level <= mean + sd * chain, 1.0, 0.2)
        mean = self.means.get(f"{learner} {condition}", self.means.get(condition, 0.5))
        mean -= self.fall.get(learner, 0.0) * (level - 1)
        return cut_off(mean + self.seed_sd * seed + self.chain_sd * chain + self.level_sd * rest)

    def areas(self, condition: str, count: int, levels: int, learner: str = "ppo") -> np.ndarray:
        """float64[count]: areas of so many chains, for what is true of all. Conditions share their seeds."""
        own = np.random.default_rng([count, *condition.encode()])
        seed = np.random.default_rng(count).standard_normal(count)
        chain, rest = own.standard_normal(count), own.standard_normal((levels, count))
        curves = np.array(
            [self.values(learner, condition, level, seed, chain, rest[level - 1]) for level in range(1, levels + 1)]
        )
        return np.asarray(curves.mean(axis=0))

    def train(self, cell: Cell, level: int, previous: Level | None, ticket: Level | None = None, *_: None) -> Level:
        """In place of `harness.pruning.imp.run_level`: pruned as ever, with the weights that a level starts from."""
        networks, masks = start_level(cell, level, previous, ticket)
        trained = {name: networks[name].params.like(networks[name].flat * kept.flat) for name, kept in masks.items()}
        scores = self._scores(cell, level)
        return Level(masks, trained, scores, scores, np.ones(len(scores)))

    def _scores(self, cell: Cell, level: int) -> np.ndarray:
        span = REFERENCE.expert - REFERENCE.random
        return np.asarray(REFERENCE.random + span * self.returns(cell, level)[:, None])


def cut_off(normalised: np.ndarray) -> np.ndarray:
    """At what the task allows."""
    span = REFERENCE.expert - REFERENCE.random
    low, high = ((end - REFERENCE.random) / span for end in (TASK.minimum_return, TASK.maximum_return))
    return np.asarray(np.clip(normalised, low, high))


@dataclass
class Unwritten(Store):
    """Evidence of a plan that is made when it is read: returns alone, at no cost of disk or pruning."""

    folder: Path = Path("unwritten")
    plan: Plan = field(default_factory=Plan)

    def read(self, where: Address, level: int) -> Level | None:
        """A level's returns."""
        scores = self.plan._scores(where.cell, level)
        return Level({}, {}, scores, scores, np.ones(len(scores)))


STRONG = Plan(
    means=MappingProxyType(
        {
            "mask/weights": 0.93,
            "mask/permuted": 0.93,
            "permuted/permuted": 0.5,
            "random/re-init": 0.2,
            "bc mask/weights": 1.1,
            "bc mask/permuted": 1.1,
        }
    ),
    seed_sd=0.05,
    chain_sd=0.05,
    level_sd=0.05,
    fall=MappingProxyType({"ppo": 0.2}),
)
"""Every claim on what a ticket is made of holds, and students hold out longer."""
WEAK = Plan(
    means=MappingProxyType(
        {"mask/weights": 0.53, "mask/permuted": 0.52, "permuted/permuted": 0.51, "random/re-init": 0.5}
    ),
    seed_sd=0.05,
    chain_sd=0.1,
    level_sd=0.1,
)
"""Effects under a third of what 20 seeds can show, in every claim."""
