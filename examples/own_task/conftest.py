"""A task of one's own: gymnasium's MountainCarContinuous, by PPO and cloning with a Gaussian policy.

pytest -n auto                                               # the claim beside this file
python -m harness tune -p conftest --only "mountain-car ppo"    # what was tried
python -m harness experts -p conftest --only mountain-car    # writes the fixtures beside this file
"""

from dataclasses import dataclass, replace

import gymnasium
import numpy as np

from harness import register
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.profiles.budgets import NEVER_STOPPED, Budgets, ExpertTraining, experiments, reduced
from harness.pruning.pruning_settings import Pruning
from harness.tasks.packaged import PackagedTask
from harness.tasks.spec import Box, Observation

pytest_plugins = ["harness.plugin"]


class Repeated(gymnasium.Wrapper):
    """Takes each action `times` times, so that one drawn at random pushes the car far enough to matter."""

    def __init__(self, environment, times):
        super().__init__(environment)
        self.times = times

    def step(self, action):
        """The last of these steps, with all their rewards."""
        rewards = 0.0
        for _ in range(self.times):
            observation, reward, terminated, *rest = self.env.step(action)
            rewards += reward
            if terminated:
                break
        return observation, rewards, terminated, *rest


@dataclass(frozen=True)
class MountainCar(PackagedTask):
    """A car too weak to drive straight up to the flag, which is worth 100; a tenth of each action's square is lost."""

    name = "mountain-car"
    title = "Mountain Car"
    environment = "MountainCarContinuous-v0"
    observation = Observation((2,), ("position", "velocity"))
    action = Box(1)
    maximum_return = 100.0

    horizon: int = 50
    repeat: int = 8
    """env_steps of the package in one of ours."""

    @property
    def minimum_return(self):
        """Full power to no end."""
        return -0.1 * self.repeat * self.horizon

    def make(self):
        """Shows numbers from -1 to 1."""
        repeated = Repeated(super().make(), self.repeat)
        return gymnasium.wrappers.RescaleObservation(repeated, np.float32(-1), np.float32(1))


@register.task
def mountain_car():
    """Its budgets."""
    task, network, units = MountainCar(), Network((32, 32)), Network((16, 16))
    ppo = PPO(learning_rate=0.004, env_steps=12_288, envs=8, rollout=32, discount=0.95)
    bc = BC(learning_rate=0.004, env_steps=2_048, experts=10)
    scaled = experiments(task, network, Pruning(0.6, levels=6), Evaluation(10, 8, 32), NEVER_STOPPED, ppo=ppo, bc=bc)
    small = {"ppo": replace(ppo, env_steps=512), "bc": replace(bc, env_steps=256)}
    return Budgets(
        task,
        experiments={
            "smoke": experiments(task, units, Pruning(0.9, levels=2), Evaluation(2, 2, 2), **small),
            "reduced": reduced(scaled, levels=4),
            "scaled": scaled,
        },
        experts=ExpertTraining(replace(ppo, env_steps=24_576), network, Evaluation(20, 32), count=10),
        references=(task,),
        tried={
            "ppo": (
                {"learning_rate": 0.002, "rollout": 64},
                {"envs": 16},
                {"discount": 0.99},
                {"network.hidden": "64-64"},
                {"task.repeat": 4, "task.horizon": 100},
            ),
            "bc": ({"learning_rate": 0.001}, {"passes": 16, "learning_rate": 0.001}),
        },
    )
