"""Our Acrobot beside gymnasium's, step by step from the same state."""

import gymnasium
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.evidence.fingerprint import engine_parts
from harness.experiment import Cell
from harness.networks.mlp import Mlp
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.tasks.acrobot import Acrobot
from harness.tasks.acrobot_physics import VELOCITY_LIMIT_1, VELOCITY_LIMIT_2, _cosines_and_sines
from harness.tasks.rollout import rollout_returns

TOLERANCE = 1e-12
TOP = (np.pi, 0.0, 0.0, 0.0)
"""Both links upright: the next env_step ends the episode."""
SWINGING = (0.0, 0.0, 5.0, 0.0)
"""Swift enough to get there in a few env_steps, whatever is done."""


def reference(horizon: int = 500) -> gymnasium.Env:
    env = gymnasium.make("Acrobot-v1", max_episode_steps=horizon, disable_env_checker=True)
    env.reset(seed=0)
    return env


def place(env: gymnasium.Env, state: np.ndarray) -> None:
    """Begin an episode of gymnasium's in `state`."""
    env.reset()
    env.unwrapped.state = state.copy()


def seen(state: np.ndarray) -> np.ndarray:
    """What the observation of a state is, as the task's inputs name it."""
    angle_1, angle_2, velocity_1, velocity_2 = state
    angles = (np.cos(angle_1), np.sin(angle_1), np.cos(angle_2), np.sin(angle_2))
    return np.array([*angles, velocity_1, velocity_2], dtype=np.float32)


def near(limit: float) -> st.SearchStrategy[float]:
    around = st.floats(0.98, 1.0).map(lambda share: share * limit)
    return st.one_of(st.floats(-limit, limit), around, around.map(lambda value: -value))


STATES = st.tuples(near(np.pi), near(np.pi), near(VELOCITY_LIMIT_1), near(VELOCITY_LIMIT_2))
ENV = reference()


def pump(observation: np.ndarray) -> int:
    """A controller that swings up: it pushes the second link the way that it turns."""
    return 2 if observation[5] > 0 else 0


def constant(members: int, bias: tuple[float, float, float]) -> Mlp:
    """Actors that do the same whatever they see."""
    return Mlp.of(
        [np.zeros((members, 6, 3), dtype=np.float32)], [np.tile(np.array(bias, dtype=np.float32), (members, 1, 1))]
    )


class TestOneStep:
    @settings(deadline=None)
    @given(STATES, st.integers(0, 2))
    @example(TOP, 1)
    @example((0.0, 0.0, 0.0, 0.0), 1)
    @example((np.pi, np.pi, VELOCITY_LIMIT_1, VELOCITY_LIMIT_2), 2)  # beyond both bounds, and around more than once
    @example((-np.pi, -np.pi, -VELOCITY_LIMIT_1, -VELOCITY_LIMIT_2), 0)
    @example((np.pi / 2, np.pi / 2, 0.0, 0.0), 1)  # just at the height of the goal
    def test_it_is_gymnasiums(self, state: tuple[float, ...], action: int) -> None:
        start = np.array(state)
        place(ENV, start)
        observation, reward, terminated, _, _ = ENV.step(action)
        batch = Acrobot().batch(start.reshape(1, 1, 4))
        np.testing.assert_allclose(batch.observations[0, 0], seen(start), rtol=0, atol=1e-7)
        restart = np.full((1, 1, 4), 0.25)
        transition = batch.step(np.array([[action]]), restart)
        assert transition.terminated[0, 0] == terminated
        assert transition.rewards[0, 0] == reward
        if not terminated:
            np.testing.assert_allclose(batch.states[0, 0], ENV.unwrapped.state, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(transition.final_observations[0, 0], observation, rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(
            batch.observations[0, 0], seen(restart[0, 0]) if terminated else transition.final_observations[0, 0]
        )

    @pytest.mark.parametrize(("action", "torque"), [(0, -1.0), (1, 0.0), (2, 1.0)])
    def test_actions_push_the_second_link_either_way_or_not_at_all(self, action: int, torque: float) -> None:
        batch = Acrobot().batch(np.zeros((1, 1, 4)))
        batch.step(np.array([[action]]), np.zeros((1, 1, 4)))
        assert np.sign(np.round(batch.states[0, 0, 3], 12)) == torque

    def test_an_angle_beyond_half_a_turn_is_wrapped_and_a_velocity_beyond_its_bound_is_cut(self) -> None:
        batch = Acrobot().batch(np.array([[[0.0, 0.0, VELOCITY_LIMIT_1, VELOCITY_LIMIT_2]]]))
        angles, velocities = [], []
        for _ in range(20):
            batch.step(np.array([[2]]), np.zeros((1, 1, 4)))
            angles.append(np.abs(batch.states[0, 0, :2]))
            velocities.append(np.abs(batch.states[0, 0, 2:]))
        assert np.max(angles) <= np.pi
        assert (np.max(velocities, axis=0) <= [VELOCITY_LIMIT_1, VELOCITY_LIMIT_2]).all()


class TestCosinesAndSines:
    @pytest.mark.parametrize("most", [1.0, 10.0, 100.0])
    def test_they_are_those_of_the_library_to_the_last_bit_but_one(self, most: float) -> None:
        exact = np.arange(-8, 9) * np.pi / 4
        angles = np.concatenate([np.linspace(-most, most, 100_001), exact, np.nextafter(exact, 10)])
        cosines, sines = _cosines_and_sines(angles)
        np.testing.assert_allclose(cosines, np.cos(angles), rtol=0, atol=1.2e-16)
        np.testing.assert_allclose(sines, np.sin(angles), rtol=0, atol=1.2e-16)

    def test_company_does_not_change_a_bit_of_them(self) -> None:
        angles = np.random.default_rng(6).uniform(-30, 30, 67)
        together = np.array(_cosines_and_sines(angles))
        alone = np.array([_cosines_and_sines(angles[i : i + 1]) for i in range(len(angles))])
        np.testing.assert_array_equal(together, alone[:, :, 0].T)


class TestWalks:
    @pytest.mark.parametrize("horizon", [500, 200])
    def test_1100_steps_side_by_side(self, horizon: int) -> None:
        """Two members of three environments: one acts at random, the other swings up. Each step is from the same
        state, for the swift links are chaotic, and the last bit of a sine differs."""
        rng = np.random.default_rng(1)
        task = Acrobot(horizon)
        starts = task.draw_starts(rng, (2, 3))
        batch = task.batch(starts)
        envs = [[reference(horizon) for _ in range(3)] for _ in range(2)]
        for place_of in np.ndindex(2, 3):
            place(envs[place_of[0]][place_of[1]], starts[place_of])
        ends = {"terminated": 0, "truncated": 0}
        for _ in range(1100):
            actions = rng.integers(3, size=(2, 3))
            actions[1] = [pump(observation) for observation in batch.observations[1]]
            before, restarts = batch.states.copy(), task.draw_starts(rng, (2, 3))
            transition = batch.step(actions, restarts)
            for place_of in np.ndindex(2, 3):
                env = envs[place_of[0]][place_of[1]]
                env.unwrapped.state = before[place_of]
                observation, reward, terminated, truncated, _ = env.step(int(actions[place_of]))
                assert transition.terminated[place_of] == terminated
                assert transition.truncated[place_of] == (truncated and not terminated)
                assert transition.rewards[place_of] == reward
                np.testing.assert_allclose(transition.final_observations[place_of], observation, rtol=1e-6, atol=1e-7)
                if terminated or truncated:
                    ends["terminated" if terminated else "truncated"] += 1
                    place(env, restarts[place_of])
                np.testing.assert_allclose(batch.states[place_of], env.unwrapped.state, rtol=0, atol=TOLERANCE)
        assert ends["terminated"] > 20
        assert ends["truncated"] >= 5


class TestEpisodes:
    def test_each_step_costs_one_but_the_one_that_gets_there(self) -> None:
        batch = Acrobot().batch(np.array([[TOP, (0.0, 0, 0, 0)]]))
        transition = batch.step(np.ones((1, 2), dtype=np.int64), np.zeros((1, 2, 4)))
        assert transition.rewards.tolist() == [[0.0, -1.0]]
        assert transition.terminated.tolist() == [[True, False]]

    def test_to_get_there_on_the_last_step_is_no_cut(self) -> None:
        batch = Acrobot(horizon=1).batch(np.array([[TOP, (0.0, 0, 0, 0)]]))
        transition = batch.step(np.ones((1, 2), dtype=np.int64), np.zeros((1, 2, 4)))
        assert transition.terminated.tolist() == [[True, False]]
        assert transition.truncated.tolist() == [[False, True]]

    def test_an_episode_that_ended_restarts_from_its_row_and_shows_what_it_reached(self) -> None:
        batch = Acrobot().batch(np.array([[TOP, (0.0, 0, 0, 0)]]))
        restarts = np.array([[[0.01, 0.02, 0.03, 0.04], [9.0, 9, 9, 9]]])
        transition = batch.step(np.ones((1, 2), dtype=np.int64), restarts)
        assert transition.final_observations[0, 0, 0] < -0.99
        np.testing.assert_array_equal(batch.observations[0, 0], seen(restarts[0, 0]))
        np.testing.assert_array_equal(batch.observations[0, 1], transition.final_observations[0, 1])
        assert batch.elapsed.tolist() == [[0, 1]]

    def test_a_restarted_episode_has_the_whole_horizon_before_it(self) -> None:
        batch = Acrobot(horizon=3).batch(np.zeros((1, 1, 4)))
        cuts = [bool(batch.step(np.array([[1]]), np.zeros((1, 1, 4))).truncated[0, 0]) for _ in range(7)]
        assert cuts == [False, False, True, False, False, True, False]

    def test_starts_are_uniform_within_a_tenth(self) -> None:
        starts = Acrobot().draw_starts(np.random.default_rng(0), (100, 50))
        assert starts.shape == (100, 50, 4)
        assert starts.dtype == np.float64
        assert np.abs(starts).max() <= 0.1
        np.testing.assert_allclose(starts.mean(axis=(0, 1)), 0, atol=0.004)  # 4.9 standard errors
        np.testing.assert_allclose(starts.std(axis=(0, 1)), 0.2 / np.sqrt(12), rtol=0.03)

    @pytest.mark.parametrize("horizon", [500, 200])
    def test_who_does_nothing_has_the_minimum_return(self, horizon: int) -> None:
        task = Acrobot(horizon)
        idle = rollout_returns(task, constant(1, (0.0, 1.0, 0.0)), np.zeros((1, 2, 4)))
        assert idle.tolist() == [[task.minimum_return] * 2] == [[-horizon] * 2]

    def test_no_return_is_above_the_maximum(self) -> None:
        starts = np.array([[TOP]])
        got_there = rollout_returns(Acrobot(), constant(1, (0.0, 1.0, 0.0)), starts)
        assert got_there.tolist() == [[Acrobot().maximum_return]] == [[0.0]]

    def test_a_return_counts_the_steps_of_the_first_episode_alone(self) -> None:
        start = np.array(SWINGING)
        returns = rollout_returns(Acrobot(), constant(1, (0.0, 0.0, 1.0)), start.reshape(1, 1, 4))
        env = reference()
        place(env, start)
        steps = 0
        while not env.step(2)[2]:
            steps += 1
        assert steps > 0
        assert returns.tolist() == [[-steps]]


class TestMembers:
    def test_what_one_member_does_changes_no_other(self) -> None:
        rng = np.random.default_rng(2)
        starts, restarts = Acrobot().draw_starts(rng, (3, 4)), Acrobot().draw_starts(rng, (3, 4))
        together, changed = Acrobot().batch(starts), Acrobot().batch(starts)
        for _ in range(30):
            actions = rng.integers(3, size=(3, 4))
            others = actions.copy()
            others[1] = 2 - others[1]
            together.step(actions, restarts)
            changed.step(others, restarts)
            np.testing.assert_array_equal(together.states[[0, 2]], changed.states[[0, 2]])
        assert (together.states[1] != changed.states[1]).any()

    def test_a_members_numbers_are_the_same_alone_and_in_company(self) -> None:
        rng = np.random.default_rng(5)
        task = Acrobot(horizon=40)
        starts = task.draw_starts(rng, (5, 3))
        together, alone = task.batch(starts), task.batch(starts[3:4])
        for _ in range(100):
            actions, restarts = rng.integers(3, size=(5, 3)), task.draw_starts(rng, (5, 3))
            together.step(actions, restarts)
            alone.step(actions[3:4], restarts[3:4])
            for name in ("observations", "final_observations", "rewards", "terminated", "truncated", "states"):
                np.testing.assert_array_equal(getattr(together, name)[3:4], getattr(alone, name), err_msg=name)

    def test_the_starts_handed_in_are_not_written_to(self) -> None:
        starts = np.full((2, 2, 4), 0.01)
        batch = Acrobot().batch(starts)
        batch.step(np.ones((2, 2), dtype=np.int64), starts)
        assert (starts == 0.01).all()

    def test_members_that_are_kept_go_on_as_they_would_have(self) -> None:
        rng = np.random.default_rng(3)
        task = Acrobot(horizon=13)
        starts, kept = task.draw_starts(rng, (4, 3)), np.array([3, 0])
        starts[:, 0] = SWINGING  # gets there; the others are cut off
        all_of_them, some = task.batch(starts), task.batch(starts)
        ends = np.zeros(2, dtype=np.int64)
        for time in range(60):
            actions, restarts = rng.integers(3, size=(4, 3)), task.draw_starts(rng, (4, 3))
            restarts[:, 0] = starts[:, 0]
            whole = all_of_them.step(actions, restarts)
            if time < 10:
                some.step(actions, restarts)
                if time == 9:
                    some.keep(kept)
                    np.testing.assert_array_equal(some.observations, all_of_them.observations[kept])
                continue
            part = some.step(actions[kept], restarts[kept])
            ends += part.terminated.sum(), part.truncated.sum()
            for name in ("observations", "final_observations", "rewards", "terminated", "truncated", "states"):
                np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[kept], err_msg=name)
        assert ends.min() > 0

    def test_the_memory_layout_of_the_starts_does_not_matter(self) -> None:
        starts = Acrobot().draw_starts(np.random.default_rng(4), (2, 3))
        rows, columns = Acrobot().batch(starts), Acrobot().batch(np.asfortranarray(starts))
        actions = np.ones((2, 3), dtype=np.int64)
        rows.step(actions, starts)
        columns.step(actions, starts)
        np.testing.assert_array_equal(rows.states, columns.states)


class TestExperiments:
    @pytest.mark.parametrize("learner", ["ppo", "bc"])
    def test_agents_and_students_are_trained_on_the_velocities_alone(self, learner: str) -> None:
        experiment = PROFILES["smoke"].experiment(
            System("acrobot", learner, (f"task.inputs={'+'.join(Acrobot.inputs[4:])}",))
        )
        level = run_level(Cell(experiment, DENSE, (0, 1)), 0, None)
        assert {mlp.sizes[0] for mlp in level.trained.values()} == {2}
        assert level.scores.min() >= Acrobot().minimum_return
        assert level.scores.max() < Acrobot().maximum_return

    def test_their_fingerprint_holds_this_task_and_no_other(self) -> None:
        cell = Cell(PROFILES["smoke"].experiment(System("acrobot", "ppo")), DENSE, (0,))
        modules = engine_parts(cell)["modules"]
        assert "harness.tasks.acrobot" in modules
        assert "harness.tasks.cart_pole" not in modules
