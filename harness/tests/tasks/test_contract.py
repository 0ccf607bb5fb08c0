"""What holds of every task: `harness.tasks.spec`, with a parameter for the task."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from harness.networks.mlp import Mlp
from harness.profiles import profile
from harness.tasks.acrobot import Acrobot
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.input_subset import InputSubset
from harness.tasks.packaged import PackagedTask
from harness.tasks.rollout import GREEDY, Acting, distinct_episodes, rollout_returns
from harness.tasks.spec import Task, starts_alike, zero_inputs

HORIZON = 13
MEMBERS, ENVS = 4, 3
SEEDS = (0, 1, 0, 1)
RESULTS = ("observations", "final_observations", "rewards", "terminated", "truncated")
EARLY = {"cart-pole": (3.0, 0, 0, 0), "acrobot": (np.pi, 0, 0, 0), "gridmaze": (3, 8, 7, 1, 9, 1)}
EARLY |= {"gridmaze-2": (2, 8, 7, 1, 9, 1), "packaged-cart-pole": 4}
"""By task, a state from which an episode ends of itself, on the next env_step or soon; or a seed."""


class PackagedCartPole(PackagedTask):
    name, environment = "packaged-cart-pole", "CartPole-v1"
    observation, action = CartPole.observation, CartPole.action
    minimum_return, maximum_return = 1.0, HORIZON


TASKS: dict[str, Task] = {
    "cart-pole": CartPole(HORIZON),
    "packaged cart-pole": PackagedCartPole(HORIZON),
    "acrobot": Acrobot(HORIZON),
    **{f"gridmaze {encoding}": GridMaze(encoding, HORIZON) for encoding in ("object-map", "rgb", "entangled")},
    "gridmaze, layout 2": GridMaze("object-map", HORIZON, layout=2),
    "packaged cart-pole, pole alone": InputSubset(PackagedCartPole(HORIZON), CartPole.observation.inputs[2:]),
    "cart-pole, pole alone": InputSubset(CartPole(HORIZON), CartPole.observation.inputs[3:1:-1]),
    "acrobot, velocities alone": InputSubset(Acrobot(HORIZON), Acrobot.observation.inputs[4:]),
    "gridmaze, every third input": InputSubset(GridMaze("rgb", HORIZON), GridMaze("rgb").observation.inputs[::3]),
}
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def test_every_task_of_the_profiles_is_held_to_the_contract() -> None:
    assert {task.name for task in TASKS.values()} == {*profile.TASKS, PackagedCartPole.name} == set(EARLY)


def starts_of(task: Task, rng: np.random.Generator) -> np.ndarray:
    """As the task draws them, but for one environment of each member, whose episode soon ends of itself."""
    starts = task.draw_starts(rng, (MEMBERS, ENVS))
    starts[:, 0] = EARLY[task.name]
    return starts


@dataclass
class Step:
    """One step of a batch, in copies."""

    before: np.ndarray
    restarts: np.ndarray
    observations: np.ndarray
    final_observations: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray

    @property
    def ended(self) -> np.ndarray:
        return self.terminated | self.truncated


def walk(task: Task, env_steps: int = 60) -> Iterator[Step]:
    """At random."""
    rng = np.random.default_rng(1)
    batch = task.batch(starts_of(task, rng), SEEDS)
    for _ in range(env_steps):
        before, restarts = batch.observations.copy(), starts_of(task, rng)
        transition = batch.step(rng.integers(task.action.count, size=(MEMBERS, ENVS)), restarts)
        held = {name: np.array(getattr(transition, name)) for name in RESULTS[1:]}
        yield Step(before, restarts, batch.observations.copy(), **held)


@every_task
def test_shapes_and_types_are_those_of_the_protocol(task: Task) -> None:
    step = next(walk(task))
    assert len(set(task.observation.inputs)) == task.observation.size
    for observations in (step.before, step.observations, step.final_observations):
        assert (observations.shape[2:], observations.dtype) == (task.observation.shape, task.observation.dtype)
        assert observations.shape[:2] == (MEMBERS, ENVS)
    for name, dtype in (("rewards", np.float64), ("terminated", np.bool_), ("truncated", np.bool_)):
        assert (getattr(step, name).shape, getattr(step, name).dtype) == ((MEMBERS, ENVS), dtype)


@every_task
def test_an_episode_ends_of_itself_or_at_the_horizon_and_never_both(task: Task) -> None:
    length, returns, ends = np.zeros((MEMBERS, ENVS)), np.zeros((MEMBERS, ENVS)), np.zeros(2)
    for step in walk(task):
        length, returns = length + 1, returns + step.rewards
        np.testing.assert_array_equal(step.truncated, (length == HORIZON) & ~step.terminated)
        assert (length <= HORIZON).all()
        assert (returns >= task.minimum_return)[step.ended].all()
        assert (returns <= task.maximum_return)[step.ended].all()
        ends += step.terminated.sum(), step.truncated.sum()
        length[step.ended] = returns[step.ended] = 0
    assert ends.min() > 0


@every_task
def test_an_episode_that_ended_restarts_from_its_row_and_shows_what_it_reached(task: Task) -> None:
    for step in walk(task):
        begun = task.batch(step.restarts, SEEDS).observations
        np.testing.assert_array_equal(step.observations[step.ended], begun[step.ended])
        np.testing.assert_array_equal(step.observations[~step.ended], step.final_observations[~step.ended])


@every_task
def test_a_member_is_the_same_alone_kept_and_in_company(task: Task) -> None:
    rng, dropped_at, kept = np.random.default_rng(3), 10, np.array([3, 0])
    starts = starts_of(task, rng)
    company, alone = task.batch(starts, SEEDS), task.batch(starts[3:], SEEDS[3:])
    fewer = task.batch(starts, SEEDS)
    for time in range(60):
        actions, restarts = rng.integers(task.action.count, size=(MEMBERS, ENVS)), starts_of(task, rng)
        every, one = company.step(actions, restarts), alone.step(actions[3:], restarts[3:])
        some = fewer.step(*((actions, restarts) if time <= dropped_at else (actions[kept], restarts[kept])))
        pairs: list[tuple[Any, Any, Any]] = [(company, alone, fewer), (every, one, some)]
        for name, (a, b, c) in zip(RESULTS, [pairs[0], *4 * [pairs[1]]], strict=True):
            np.testing.assert_array_equal(getattr(a, name)[3:], getattr(b, name), err_msg=name)
            if time > dropped_at:
                np.testing.assert_array_equal(getattr(a, name)[kept], getattr(c, name), err_msg=name)
        if time == dropped_at:
            fewer.keep(kept)
            np.testing.assert_array_equal(fewer.observations, company.observations[kept])


@every_task
def test_starts_may_lie_anyhow_in_memory_and_are_not_written_to(task: Task) -> None:
    starts = starts_of(task, np.random.default_rng(4))
    restarts, actions = starts.copy(), np.ones((MEMBERS, ENVS), dtype=np.int64)
    rows, columns = task.batch(starts, SEEDS), task.batch(np.asfortranarray(starts), SEEDS)
    for _ in range(2):
        rows.step(actions, restarts)
        columns.step(actions, restarts)
    np.testing.assert_array_equal(rows.observations, columns.observations)
    np.testing.assert_array_equal(starts, restarts)


@every_task
def test_starts_are_drawn_from_the_stream_alone(task: Task) -> None:
    one, again = (task.draw_starts(np.random.default_rng(7), (5, 2)) for _ in range(2))
    assert (one.shape[:2], one.dtype) == ((5, 2), np.int64 if task.name == PackagedCartPole.name else np.float64)
    np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize(("task", "limit"), [(CartPole(), 0.05), (Acrobot(), 0.1)])
def test_starts_are_uniform_within_gymnasiums_limit(task: Task, limit: float) -> None:
    starts = task.draw_starts(np.random.default_rng(0), (100, 50))
    assert np.abs(starts).max() <= limit
    np.testing.assert_allclose(starts.mean(axis=(0, 1)), 0, atol=0.04 * limit)  # 4.9 standard errors
    np.testing.assert_allclose(starts.std(axis=(0, 1)), 2 * limit / np.sqrt(12), rtol=0.03)


@every_task
def test_inputs_named_as_zero_are_zero_in_every_state(task: Task) -> None:
    named = np.array([name in zero_inputs(task) for name in task.observation.inputs])
    assert set(zero_inputs(task)) <= set(task.observation.inputs)
    for step in walk(task, 20):
        assert not step.final_observations[..., named].any()


@every_task
def test_a_return_is_that_of_the_first_episode_alone(task: Task) -> None:
    """Of policies that always take their member's action."""
    starts = starts_of(task, np.random.default_rng(5))
    actions = np.arange(MEMBERS) % task.action.count
    bias = np.eye(task.action.count, dtype=np.float32)[actions]
    actor = Mlp.stacked([np.zeros((MEMBERS, task.observation.size, task.action.count), dtype=np.float32)], [bias])
    batch, expected, running = task.batch(starts, SEEDS), np.zeros((MEMBERS, ENVS)), np.ones((MEMBERS, ENVS), bool)
    for _ in range(HORIZON):
        transition = batch.step(np.tile(actions[:, None], (1, ENVS)), starts)
        expected += transition.rewards * running
        running &= ~(transition.terminated | transition.truncated)
    np.testing.assert_array_equal(rollout_returns(task, actor, starts, seeds=SEEDS), expected)


@pytest.mark.parametrize(
    ("acting", "episodes"), [(GREEDY, 1), (Acting(sampled=True), 64), (Acting(epsilon=0.001), 64)], ids=str
)
def test_a_policy_that_draws_nothing_plays_one_episode_where_all_start_alike(acting: Acting, episodes: int) -> None:
    for task in TASKS.values():
        starts = task.draw_starts(np.random.default_rng(0), (100,))
        assert starts_alike(task) == bool((starts == starts[0]).all())
        assert distinct_episodes(task, acting, 64) == (episodes if starts_alike(task) else 64)


@pytest.mark.parametrize("horizon", [500, 200])
def test_the_bounds_of_a_return_are_reached(horizon: int) -> None:
    idle = Mlp.stacked([np.zeros((1, 6, 3), dtype=np.float32)], [np.array([[0, 1, 0]], dtype=np.float32)])
    task = Acrobot(horizon)
    starts = np.array([[np.zeros(4), EARLY["acrobot"]]])
    assert rollout_returns(task, idle, starts).tolist() == [[task.minimum_return, task.maximum_return]]
    assert (task.minimum_return, task.maximum_return) == (-horizon, 0)
    assert (CartPole(horizon).minimum_return, CartPole(horizon).maximum_return) == (1, horizon)
