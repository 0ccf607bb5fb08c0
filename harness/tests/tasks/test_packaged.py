"""Environments of packages: what they are given and what is taken from them. Beside this the contract of all tasks."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from harness.tasks.packaged import PackagedTask
from harness.tasks.spec import Box, Discrete, Observation

PLACES = ("cosine", "sine", "velocity")


class Pendulum(PackagedTask):
    name, environment = "pendulum", "Pendulum-v1"
    observation, action = Observation((3,), PLACES), Box(1)
    minimum_return, maximum_return = -np.inf, 0.0


class Remembering(gymnasium.Env[Any, Any]):
    """Shows how often it was reset with each seed, and takes the actions 3 and 4, of which 4 ends the episode."""

    observation_space = gymnasium.spaces.Box(0, 255, (2, 1, 1), np.uint8)
    action_space = gymnasium.spaces.Discrete(2, start=3)
    closed = 0

    def __init__(self) -> None:
        self.resets: list[int | None] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.resets.append(seed)
        return self._shown(), {}

    def step(self, action: Any) -> Any:
        assert action in (3, 4)
        return self._shown(), 1.0, action == 4, True, {}

    def _shown(self) -> np.ndarray:
        return np.array([len(self.resets), self.resets.count(self.resets[-1])], np.uint8).reshape(2, 1, 1)

    def close(self) -> None:
        type(self).closed += 1


class Remembered(PackagedTask):
    name = environment = "remembered"
    observation, action = Observation((2, 1, 1), ("resets", "same"), "uint8"), Discrete(2)
    minimum_return, maximum_return = 0.0, np.inf

    def make(self) -> Any:
        return Remembering()


def test_episodes_are_those_of_the_package_from_the_same_seeds() -> None:
    seeds, actions = np.array([[3, 4], [5, 3]]), np.random.default_rng(0).uniform(-1.5, 1.5, (30, 2, 2, 1))
    batch, original = Pendulum(1000).batch(seeds), {int(seed): gymnasium.make("Pendulum-v1") for seed in (3, 4, 5)}
    for seed, environment in original.items():
        np.testing.assert_array_equal(batch.observations[seeds == seed][0], environment.reset(seed=seed)[0])
    np.testing.assert_array_equal(batch.observations[0, 0], batch.observations[1, 1])
    for taken in actions.astype(np.float32):
        transition = batch.step(taken, seeds)
        for place, seed in (((0, 0), 3), ((0, 1), 4), ((1, 0), 5)):
            shown, reward, *_ = original[seed].step(2 * np.clip(taken[place], -1, 1))  # its bounds are -2 and 2
            np.testing.assert_array_equal(transition.final_observations[place], shown)
            assert transition.rewards[place] == reward


def test_every_episode_follows_another_one_and_members_that_are_left_out_are_closed() -> None:
    batch = Remembered(5).batch(np.array([[1], [2], [3]]))
    assert batch.observations.dtype == np.uint8
    assert batch.observations[:, 0, :, 0, 0].tolist() == [[2, 1]] * 3  # one reset was thrown away
    transition = batch.step(np.array([[0], [1], [0]]), np.array([[7], [2], [7]]))
    assert transition.terminated[:, 0].tolist() == [False, True, False]
    assert transition.truncated[:, 0].tolist() == [True, False, True]  # as the package says, before the horizon
    assert transition.final_observations[:, 0, :, 0, 0].tolist() == [[2, 1]] * 3
    assert batch.observations[:, 0, :, 0, 0].tolist() == [[3, 1], [3, 2], [3, 1]]
    Remembering.closed = 0
    batch.keep(np.array([1]))
    assert Remembering.closed == 2
    assert batch.observations[:, 0, :, 0, 0].tolist() == [[3, 2]]


@pytest.mark.parametrize(
    "wrong", [{"observation": Observation((3,), PLACES, "float64")}, {"action": Box(2)}, {"action": Discrete(1)}]
)
def test_a_task_that_says_something_else_than_the_package_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Pendulum-v1 shows"):
        type("Wrong", (Pendulum,), wrong)(10).batch(np.array([[0]]))
