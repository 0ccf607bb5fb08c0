"""Experiments of seconds, their chains, and a learner that follows a script."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.training import Evaluation
from harness.networks.cnn import ConvNetwork, Convolution
from harness.networks.heads import Categorical, Head
from harness.networks.mlp import Mlp, Network
from harness.networks.network import Networks
from harness.networks.params import Masks, Params
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.level import Level
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings
from harness.tasks.cart_pole import CartPole
from harness.tasks.spec import Discrete, Observation

LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.01, env_steps=256, envs=4, rollout=8, minibatches=2, epochs=2),  # 8 rounds
    "bc": BC(learning_rate=0.01, env_steps=64, envs=4, batch=16, passes=4),  # 16, 4 a pass
    "dqn": DQN(learning_rate=0.01, env_steps=256, envs=4, rollout=8, batch=16, learning_starts=32, target_interval=5),
}
REWIND = 0.375
POINTS = {"ppo": 3, "bc": 6, "dqn": 3}
"""The rounds that `REWIND` of a training are; a student's is in the midst of a pass."""
SEEDS, LEVELS = (5, 0, 41), 3
learners = pytest.mark.parametrize("learner", LEARNERS)


@dataclass(frozen=True)
class Pictured(CartPole):
    """Cart-Pole as a picture: each of its numbers is shown in all cells of a channel."""

    observation: ClassVar[Observation] = Observation((4, 4, 4), CartPole.observation.names)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Any:
        return Pictures(super().batch(starts))


class Pictures:
    def __init__(self, batch: Any):
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._batch, name)
        if not name.endswith("observations"):
            return found
        return np.broadcast_to(found[..., None, None], (*found.shape, 4, 4)).copy()

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Pictures":
        self._batch.step(actions, restarts)
        return self


def experiment_of(learner: str, savings: Savings | None = None, cnn: bool = False, **pruning: Any) -> Experiment:
    """Of Cart-Pole; or of its pictures, seen by two convolutions and a dense layer."""
    network = ConvNetwork((8,), convolutions=(Convolution(3, 2), Convolution(2, 2))) if cnn else Network((8, 8))
    return Experiment(
        Pictured(horizon=50) if cnn else CartPole(horizon=50),
        LEARNERS[learner],
        network,
        Pruning(**{"rate": 0.5, "levels": LEVELS, **pruning}),
        Evaluation(per_training=4, episodes=2, scored_episodes=4),
        savings or Savings(),
    )


@functools.cache
def level_0(e: Experiment) -> Level:
    return run_level(Cell(e, DENSE, SEEDS), 0, None)


@functools.cache
def chain(e: Experiment, condition: str) -> tuple[Level, ...]:
    """Levels 0 to K."""
    levels = [level_0(e)]
    for number in range(1, LEVELS + 1):
        levels.append(
            run_level(Cell(e, condition, SEEDS), number, levels[-1], _ticket(e, condition, number), levels[0])
        )
    return tuple(levels)


def start(e: Experiment, condition: str, level: int) -> tuple[Networks, Masks]:
    levels = chain(e, condition)
    cell = Cell(e, condition, SEEDS)
    return start_level(cell, level, levels[level - 1], _ticket(e, condition, level), levels[0])


def _ticket(e: Experiment, condition: str, level: int) -> Level | None:
    return chain(e, TICKET)[level] if Cell(e, condition, SEEDS).follows_ticket else None


def assert_networks_equal(one: Mapping[str, Any], other: Mapping[str, Any], tolerance: float = 0.0) -> None:
    """Networks or their parameters."""
    assert list(one) == list(other)
    for name, mlp in one.items():
        np.testing.assert_allclose(mlp.flat, other[name].flat, rtol=0, atol=tolerance)


@dataclass(frozen=True)
class Pay:
    """One env_step that pays the action's number, and a little luck with the start."""

    name: ClassVar[str] = "pay"
    observation: ClassVar[Observation] = Observation((1,), ("luck",))
    action: ClassVar[Discrete] = Discrete(5)

    luck: float = 0.0
    maximum_return: float = np.inf
    horizon: int = 1

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.luck * rng.random((*shape, 1))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "Paying":
        return Paying(starts)


class Paying:
    def __init__(self, starts: np.ndarray):
        self.luck = starts[..., 0]
        self.observations = starts.astype(np.float32)
        self.terminated = np.ones(self.luck.shape, dtype=bool)
        self.truncated = ~self.terminated

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Paying":
        self.rewards = actions + self.luck
        return self


@dataclass(frozen=True)
class Scripted:
    """A learner whose members take, after each round, the action that the script names."""

    name: ClassVar[str] = "scripted"
    script: tuple[tuple[int, ...], ...]
    """Per member, the action after each round."""
    env_steps: int = 1000
    envs: int = 1
    updates: int = 1
    samples_per_update: int = 1
    weight_decay: float = 0.0
    kept: list[list[int]] = field(default_factory=list, compare=False)
    """What `keep` was asked for."""

    def heads(self, task: Any) -> dict[str, Head]:
        return {ACTOR: Categorical(task.action.count)}

    def files(self, task: Any, seeds: Sequence[int]) -> list[Path]:
        return []

    def start(self, task: Any, networks: Networks, masks: Any, seeds: Sequence[int], level: int) -> "Actors":
        return Actors(self, networks[ACTOR].copy())


class Able(Scripted):
    """It offers all that a learner may offer."""

    offers_gradients: ClassVar[bool] = True
    offers_rewinding: ClassVar[bool] = True
    offers_dropout: ClassVar[bool] = True

    @property
    def rounds(self) -> int:
        return len(self.script[0])


class Actors:
    """Weights all say which round it is, gradients a tenth of that; the bias of the scripted action is the largest."""

    def __init__(self, learner: Scripted, actor: Mlp):
        self.learner, self.actor, self.networks = learner, actor, {ACTOR: actor}
        self.script = np.array(learner.script)
        self.rounds, self.round = self.script.shape[1], 0

    def advance(self, rounds: int) -> None:
        self.round += rounds
        for weight in self.actor.weights:
            weight[:] = self.round - 1
        self.actor.biases[-1][:] = np.eye(5)[self.script[:, self.round - 1]]

    def gradients(self) -> dict[str, Params]:
        return {ACTOR: self.actor.params.each(lambda array: array / 10)}

    def keep(self, members: np.ndarray) -> None:
        self.learner.kept.append(members.tolist())
        self.script = self.script[members]
        self.actor.params = self.actor.params.take(members)


def scripted(*script: tuple[int, ...], maximum: float = np.inf, luck: float = 0.0, **changes: Any) -> Experiment:
    """One evaluation a round under `script`, one row per member."""
    pruning = {name: changes.pop(name) for name in ("checkpoint", "rewind", "criterion", "levels") if name in changes}
    looks = Evaluation(per_training=len(script[0]), episodes=3, scored_episodes=6)
    learner = changes.pop("learner", Able)(script)
    e = Experiment(Pay(luck, maximum), learner, Network(hidden=()), Pruning(**pruning), looks)
    return dataclasses.replace(e, **changes)


def scripted_level(e: Any) -> Level:
    """Level 0 of a scripted experiment, with seeds 10, 11, ..."""
    return run_level(Cell(e, DENSE, tuple(range(10, 10 + len(e.learner.script)))), 0, None)


def rounds_of(level: Level) -> list[float]:
    """From which round each member's pruned checkpoint is."""
    return [float(weight.flat[0]) for weight in level.trained[ACTOR].weights[0]]
