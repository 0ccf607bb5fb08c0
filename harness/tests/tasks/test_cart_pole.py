"""Our Cart-Pole beside gymnasium's, step by step from the same state."""

import gymnasium
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.networks.mlp import Mlp
from harness.tasks.cart_pole import CartPole
from harness.tasks.cart_pole_physics import ANGLE_LIMIT, POSITION_LIMIT
from harness.tasks.rollout import rollout_returns

TOLERANCE = 1e-12


def reference(horizon: int = 500) -> gymnasium.Env:
    env = gymnasium.make("CartPole-v1", max_episode_steps=horizon, disable_env_checker=True)
    env.reset(seed=0)
    return env


def place(env: gymnasium.Env, state: np.ndarray) -> None:
    """Begin an episode of gymnasium's in `state`."""
    env.reset()
    env.unwrapped.state = tuple(state.tolist())


def near(limit: float) -> st.SearchStrategy[float]:
    around = st.floats(0.98, 1.02).map(lambda share: share * limit)
    return st.one_of(st.floats(-2 * limit, 2 * limit), around, around.map(lambda value: -value))


STATES = st.tuples(near(POSITION_LIMIT), st.floats(-10, 10), near(ANGLE_LIMIT), st.floats(-10, 10))
ENV = reference()


def balance(observation: np.ndarray) -> int:
    """A controller that holds the pole for as long as it is asked to."""
    return int(observation @ np.array([0.1, 0.3, 2.0, 1.0]) > 0)


def constant(members: int, bias: tuple[float, float]) -> Mlp:
    """Actors that do the same whatever they see."""
    return Mlp.of(
        [np.zeros((members, 4, 2), dtype=np.float32)], [np.tile(np.array(bias, dtype=np.float32), (members, 1, 1))]
    )


class TestOneStep:
    @settings(deadline=None)
    @given(STATES, st.integers(0, 1))
    @example((POSITION_LIMIT, 0.0, 0.0, 0.0), 1)  # on the limit is not beyond it
    @example((-POSITION_LIMIT, 0.0, 0.0, 0.0), 0)
    @example((0.0, 0.0, ANGLE_LIMIT, 0.0), 1)
    @example((0.0, 0.0, -ANGLE_LIMIT, 0.0), 0)
    @example((np.nextafter(POSITION_LIMIT, 3), 0.0, 0.0, 0.0), 1)
    @example((0.0, 0.0, np.nextafter(ANGLE_LIMIT, 1), 0.0), 1)
    def test_it_is_gymnasiums(self, state: tuple[float, ...], action: int) -> None:
        start = np.array(state)
        place(ENV, start)
        observation, reward, terminated, _, _ = ENV.step(action)
        batch = CartPole().batch(start.reshape(1, 1, 4))
        restart = np.full((1, 1, 4), 0.25)
        transition = batch.step(np.array([[action]]), restart)
        assert transition.terminated[0, 0] == terminated
        assert transition.rewards[0, 0] == reward
        if not terminated:
            np.testing.assert_allclose(batch.states[0, 0], ENV.unwrapped.state, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(transition.final_observations[0, 0], observation, rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(batch.observations[0, 0], 0.25 if terminated else observation_of(batch))


def observation_of(batch: object) -> np.ndarray:
    return np.asarray(batch.states[0, 0], dtype=np.float32)  # type: ignore[attr-defined]


class TestWalks:
    @pytest.mark.parametrize("horizon", [500, 200])
    def test_600_steps_side_by_side(self, horizon: int) -> None:
        """Two members of two environments: one acts at random and falls, the other balances into the horizon."""
        rng = np.random.default_rng(1)
        task = CartPole(horizon)
        starts = task.draw_starts(rng, (2, 2))
        batch = task.batch(starts)
        envs = [[reference(horizon) for _ in range(2)] for _ in range(2)]
        for member in range(2):
            for i in range(2):
                place(envs[member][i], starts[member, i])
        ends = {"terminated": 0, "truncated": 0}
        for _ in range(600):
            actions = rng.integers(2, size=(2, 2))
            actions[1] = [balance(observation) for observation in batch.observations[1]]
            restarts = task.draw_starts(rng, (2, 2))
            transition = batch.step(actions, restarts)
            for place_of in np.ndindex(2, 2):
                env = envs[place_of[0]][place_of[1]]
                observation, reward, terminated, truncated, _ = env.step(int(actions[place_of]))
                assert transition.terminated[place_of] == terminated
                assert transition.truncated[place_of] == (truncated and not terminated)
                assert transition.rewards[place_of] == reward
                np.testing.assert_allclose(transition.final_observations[place_of], observation, rtol=1e-6, atol=1e-7)
                if terminated or truncated:
                    ends["terminated" if terminated else "truncated"] += 1
                    place(env, restarts[place_of])
                state = np.array(env.unwrapped.state)
                np.testing.assert_allclose(batch.states[place_of], state, rtol=0, atol=TOLERANCE)
        assert ends["terminated"] > 20
        assert ends["truncated"] == 2 * (600 // horizon)


class TestEpisodes:
    def test_a_fall_on_the_last_step_is_a_fall_not_a_cut(self) -> None:
        batch = CartPole(horizon=1).batch(np.array([[[POSITION_LIMIT, 10.0, 0, 0], [0, 0, 0, 0]]]))
        transition = batch.step(np.ones((1, 2), dtype=np.int64), np.zeros((1, 2, 4)))
        assert transition.terminated.tolist() == [[True, False]]
        assert transition.truncated.tolist() == [[False, True]]

    def test_an_episode_that_ended_restarts_from_its_row_and_shows_what_it_reached(self) -> None:
        batch = CartPole().batch(np.array([[[3.0, 0, 0, 0], [0, 0, 0, 0]]]))
        restarts = np.array([[[0.01, 0.02, 0.03, 0.04], [9.0, 9, 9, 9]]])
        transition = batch.step(np.ones((1, 2), dtype=np.int64), restarts)
        assert transition.final_observations[0, 0, 0] == 3.0
        np.testing.assert_array_equal(batch.observations[0, 0], np.float32([0.01, 0.02, 0.03, 0.04]))
        np.testing.assert_array_equal(batch.observations[0, 1], transition.final_observations[0, 1])
        assert batch.elapsed.tolist() == [[0, 1]]

    def test_a_restarted_episode_has_the_whole_horizon_before_it(self) -> None:
        batch = CartPole(horizon=3).batch(np.zeros((1, 1, 4)))
        cuts = [bool(batch.step(np.array([[i % 2]]), np.zeros((1, 1, 4))).truncated[0, 0]) for i in range(7)]
        assert cuts == [False, False, True, False, False, True, False]

    def test_starts_are_uniform_within_a_twentieth(self) -> None:
        starts = CartPole().draw_starts(np.random.default_rng(0), (100, 50))
        assert starts.shape == (100, 50, 4)
        assert starts.dtype == np.float64
        assert np.abs(starts).max() <= 0.05
        np.testing.assert_allclose(starts.mean(axis=(0, 1)), 0, atol=0.002)  # 4.9 standard errors
        np.testing.assert_allclose(starts.std(axis=(0, 1)), 0.1 / np.sqrt(12), rtol=0.03)

    def test_the_maximum_return_is_the_horizon(self) -> None:
        assert CartPole().maximum_return == 500
        assert CartPole(horizon=200).maximum_return == 200

    def test_a_return_counts_the_steps_of_the_first_episode_alone(self) -> None:
        starts = np.array([[[0.0, 0, 0, 0], [3.0, 0, 0, 0]]])
        returns = rollout_returns(CartPole(), constant(1, (0.0, 1.0)), starts)
        env = reference()
        place(env, np.zeros(4))
        steps = 1
        while not env.step(1)[2]:
            steps += 1
        assert returns.tolist() == [[steps, 1]]


class TestMembers:
    def test_what_one_member_does_changes_no_other(self) -> None:
        rng = np.random.default_rng(2)
        starts, restarts = CartPole().draw_starts(rng, (3, 4)), CartPole().draw_starts(rng, (3, 4))
        together, changed = CartPole().batch(starts), CartPole().batch(starts)
        for _ in range(30):
            actions = rng.integers(2, size=(3, 4))
            others = actions.copy()
            others[1] = 1 - others[1]
            together.step(actions, restarts)
            changed.step(others, restarts)
            np.testing.assert_array_equal(together.states[[0, 2]], changed.states[[0, 2]])
        assert (together.states[1] != changed.states[1]).any()

    def test_the_starts_handed_in_are_not_written_to(self) -> None:
        starts = np.full((2, 2, 4), 0.01)
        batch = CartPole().batch(starts)
        batch.step(np.ones((2, 2), dtype=np.int64), starts)
        assert (starts == 0.01).all()

    def test_members_that_are_kept_go_on_as_they_would_have(self) -> None:
        rng = np.random.default_rng(3)
        task = CartPole(horizon=13)  # most are cut off, some fall before
        starts, kept = task.draw_starts(rng, (4, 3)), np.array([3, 0])
        all_of_them, some = task.batch(starts), task.batch(starts)
        for time in range(60):
            actions, restarts = rng.integers(2, size=(4, 3)), task.draw_starts(rng, (4, 3))
            whole = all_of_them.step(actions, restarts)
            if time < 10:
                some.step(actions, restarts)
                if time == 9:
                    some.keep(kept)
                    np.testing.assert_array_equal(some.observations, all_of_them.observations[kept])
                continue
            part = some.step(actions[kept], restarts[kept])
            for name in ("observations", "final_observations", "rewards", "terminated", "truncated", "states"):
                np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[kept], err_msg=name)

    def test_the_memory_layout_of_the_starts_does_not_matter(self) -> None:
        starts = CartPole().draw_starts(np.random.default_rng(4), (2, 3))
        rows, columns = CartPole().batch(starts), CartPole().batch(np.asfortranarray(starts))
        actions = np.ones((2, 3), dtype=np.int64)
        rows.step(actions, starts)
        columns.step(actions, starts)
        np.testing.assert_array_equal(rows.states, columns.states)
