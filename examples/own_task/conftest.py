"""A task of one's own: gymnasium's MountainCarContinuous by PPO with a Gaussian policy, with budgets at two profiles.

python -m harness tune -p conftest --system "mountain-car ppo"      # what was tried
python -m harness experts -p conftest --only mountain-car           # writes fixtures/ beside this file
pytest -n auto                                                      # the claim beside this file
"""

from dataclasses import dataclass

import gymnasium
import numpy as np

from harness import register
from harness.learners.ppo import PPO
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.profiles.budgets import NEVER_STOPPED, Budgets, ExpertTraining, experiments
from harness.pruning.pruning_settings import Pruning
from harness.tasks.packaged import PackagedTask
from harness.tasks.spec import Box, Observation

pytest_plugins = ["harness.plugin"]


class Repeated(gymnasium.Wrapper):
    """Each action is taken `times` times, so that one drawn at random pushes the car far enough to matter."""

    def __init__(self, environment, times):
        super().__init__(environment)
        self.times = times

    def step(self, action):
        """The rewards of these steps added up."""
        total = 0.0
        for _ in range(self.times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += reward
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


@dataclass(frozen=True)
class MountainCar(PackagedTask):
    """A car in a valley, too weak to drive straight up to the flag: 100 for the flag, minus a tenth of each action^2."""

    name = "mountain-car"
    title = "Mountain Car"
    environment = "MountainCarContinuous-v0"
    observation = Observation((2,), ("position", "velocity"))
    action = Box(1)
    maximum_return = 100.0

    horizon: int = 50
    repeat: int = 8

    @property
    def minimum_return(self):
        """Full power to no end."""
        return -0.1 * self.repeat * self.horizon

    def make(self):
        """Both observations from -1 to 1."""
        return gymnasium.wrappers.RescaleObservation(
            Repeated(super().make(), self.repeat), np.float32(-1), np.float32(1)
        )


TASK = MountainCar()
LEARNT = PPO(learning_rate=0.002, env_steps=16_384, envs=8, rollout=64, epochs=4, minibatches=4, discount=0.95)


@register.task
def mountain_car():
    """Tuned on the dense agents' return alone, on seed block 99."""
    return Budgets(
        task=TASK,
        experiments={
            "smoke": experiments(
                TASK,
                Network((16, 16)),
                Pruning(rate=0.9, levels=2),
                Evaluation(2, 2, 2),
                ppo=PPO(env_steps=512, envs=4, rollout=64),
            ),
            "scaled": experiments(
                TASK, Network((32, 32)), Pruning(rate=0.6, levels=6), Evaluation(10, 8, 32), NEVER_STOPPED, ppo=LEARNT
            ),
        },
        experts=ExpertTraining(LEARNT, Network((32, 32)), Evaluation(10, 16), count=20),
        references=(TASK,),
    )
