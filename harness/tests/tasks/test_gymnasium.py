"""Our Cart-Pole and Acrobot beside gymnasium's, step by step from the same state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tasks.acrobot import Acrobot
from harness.tasks.acrobot_physics import VELOCITY_LIMIT_1, VELOCITY_LIMIT_2, _cosines_and_sines
from harness.tasks.cart_pole import CartPole
from harness.tasks.cart_pole_physics import ANGLE_LIMIT, POSITION_LIMIT

TOLERANCE = 1e-11


def near(limit: float, most: float) -> st.SearchStrategy[float]:
    """Numbers up to `most`, near the limit as often as not."""
    around = st.floats(0.98, 1.02).map(lambda share: min(share * limit, most))
    return st.one_of(st.floats(-most, most), around, around.map(lambda value: -value))


@dataclass(frozen=True)
class Beside:
    """A task of ours and gymnasium's.

    state: how gymnasium holds a state. states: where a step is tried; edges: states and actions among them. skilled:
    a controller, from an observation to an action, that does the task. chaotic: whether the last bit of a sine grows
    to a difference within an episode, so that a walk needs gymnasium to be put where ours is before each step.
    """

    task: Callable[[int], Any]
    id: str
    state: Callable[[np.ndarray], Any]
    observe: Callable[[np.ndarray], np.ndarray]
    states: st.SearchStrategy[tuple[float, ...]]
    edges: tuple[tuple[tuple[float, ...], int], ...]
    skilled: Callable[[np.ndarray], int]
    chaotic: bool

    def env(self, horizon: int = 500) -> Any:
        env = gymnasium.make(self.id, max_episode_steps=horizon, disable_env_checker=True)
        env.reset(seed=0)
        return env

    def place(self, env: Any, state: np.ndarray) -> None:
        """Begin an episode of gymnasium's in `state`."""
        env.reset()
        env.unwrapped.state = self.state(state)


def as_tuple(state: np.ndarray) -> Any:
    return tuple(state.tolist())


def cosines_sines_and_velocities(state: np.ndarray) -> np.ndarray:
    angle_1, angle_2, *velocities = state
    return np.float32([np.cos(angle_1), np.sin(angle_1), np.cos(angle_2), np.sin(angle_2), *velocities])


CART_POLE = Beside(
    CartPole,
    "CartPole-v1",
    as_tuple,
    np.float32,
    st.tuples(
        *(near(POSITION_LIMIT, 2 * POSITION_LIMIT), st.floats(-10, 10)),
        *(near(ANGLE_LIMIT, 2 * ANGLE_LIMIT), st.floats(-10, 10)),
    ),
    (
        ((POSITION_LIMIT, 0.0, 0.0, 0.0), 1),  # on the limit is not beyond it
        ((-POSITION_LIMIT, 0.0, 0.0, 0.0), 0),
        ((0.0, 0.0, ANGLE_LIMIT, 0.0), 1),
        ((0.0, 0.0, -ANGLE_LIMIT, 0.0), 0),
        ((np.nextafter(POSITION_LIMIT, 3), 0.0, 0.0, 0.0), 1),
        ((0.0, 0.0, np.nextafter(ANGLE_LIMIT, 1), 0.0), 1),
    ),
    lambda observation: int(observation @ np.array([0.1, 0.3, 2.0, 1.0]) > 0),
    chaotic=False,
)
ACROBOT = Beside(
    Acrobot,
    "Acrobot-v1",
    np.copy,
    cosines_sines_and_velocities,
    st.tuples(
        *(near(np.pi, np.pi), near(np.pi, np.pi)),
        *(near(VELOCITY_LIMIT_1, VELOCITY_LIMIT_1), near(VELOCITY_LIMIT_2, VELOCITY_LIMIT_2)),
    ),
    (
        ((np.pi, 0.0, 0.0, 0.0), 1),  # upright: it ends the episode
        ((0.0, 0.0, 0.0, 0.0), 1),
        ((np.pi, np.pi, VELOCITY_LIMIT_1, VELOCITY_LIMIT_2), 2),  # beyond both bounds, and around more than once
        ((-np.pi, -np.pi, -VELOCITY_LIMIT_1, -VELOCITY_LIMIT_2), 0),
        ((np.pi / 2, np.pi / 2, 0.0, 0.0), 1),  # just at the height of the goal
    ),
    lambda observation: 2 if observation[5] > 0 else 0,
    chaotic=True,
)
BOTH = pytest.mark.parametrize("beside", [CART_POLE, ACROBOT], ids=lambda beside: beside.id)
ENVS = {beside.id: beside.env() for beside in (CART_POLE, ACROBOT)}


def assert_same_step(beside: Beside, state: tuple[float, ...], action: int) -> None:
    start, env = np.array(state), ENVS[beside.id]
    beside.place(env, start)
    observation, reward, terminated, _, _ = env.step(action)
    batch = beside.task(500).batch(start.reshape(1, 1, 4))
    np.testing.assert_allclose(batch.observations[0, 0], beside.observe(start), rtol=0, atol=1e-7)
    restart = np.full((1, 1, 4), 0.25)
    transition = batch.step(np.array([[action]]), restart)
    assert (transition.terminated.item(), transition.rewards.item()) == (terminated, reward)
    if not terminated:
        np.testing.assert_allclose(batch.states[0, 0], env.unwrapped.state, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(transition.final_observations[0, 0], observation, rtol=1e-6, atol=1e-7)


@BOTH
@settings(deadline=None)
@given(data=st.data())
def test_one_step_is_gymnasiums(beside: Beside, data: st.DataObject) -> None:
    assert_same_step(beside, data.draw(beside.states), data.draw(st.integers(0, beside.task(500).action.count - 1)))


@BOTH
def test_a_step_at_the_limits_is_gymnasiums(beside: Beside) -> None:
    for state, action in beside.edges:
        assert_same_step(beside, state, action)


@BOTH
@pytest.mark.parametrize("horizon", [500, 200])
def test_1100_steps_side_by_side(beside: Beside, horizon: int) -> None:
    """Two members of three environments: one acts at random, the other does the task."""
    rng, task = np.random.default_rng(1), beside.task(horizon)
    starts = task.draw_starts(rng, (2, 3))
    batch, places = task.batch(starts), list(np.ndindex(2, 3))
    envs = {place: beside.env(horizon) for place in places}
    for place in places:
        beside.place(envs[place], starts[place])
    terminated_count = truncated_count = 0
    for _ in range(1100):
        actions = rng.integers(task.action.count, size=(2, 3))
        actions[1] = [beside.skilled(observation) for observation in batch.observations[1]]
        before, restarts = batch.states.copy(), task.draw_starts(rng, (2, 3))
        transition = batch.step(actions, restarts)
        for place, env in envs.items():
            if beside.chaotic:
                env.unwrapped.state = beside.state(before[place])
            observation, reward, terminated, truncated, _ = env.step(int(actions[place]))
            assert transition.terminated[place] == terminated
            assert transition.truncated[place] == (truncated and not terminated)
            assert transition.rewards[place] == reward
            np.testing.assert_allclose(transition.final_observations[place], observation, rtol=1e-6, atol=1e-7)
            if terminated or truncated:
                terminated_count, truncated_count = terminated_count + terminated, truncated_count + truncated
                beside.place(env, restarts[place])
            np.testing.assert_allclose(batch.states[place], np.array(env.unwrapped.state), rtol=0, atol=TOLERANCE)
    assert terminated_count > 20
    assert truncated_count >= 5


class TestCosinesAndSines:
    @pytest.mark.parametrize("most", [1.0, 10.0, 100.0])
    def test_they_are_those_of_the_library_to_the_last_bit_but_one(self, most: float) -> None:
        exact = np.arange(-8, 9) * np.pi / 4
        angles = np.concatenate([np.linspace(-most, most, 100_001), exact, np.nextafter(exact, 10)])
        cosines, sines = _cosines_and_sines(angles)
        np.testing.assert_allclose(cosines, np.cos(angles), rtol=0, atol=1.2e-16)
        np.testing.assert_allclose(sines, np.sin(angles), rtol=0, atol=1.2e-16)
