"""GridMaze beside a plain reading of its layout's file, cell by cell."""

import re
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tasks.gridmaze.batch import GridMazes
from harness.tasks.gridmaze.drawn_layouts import drawn_layout
from harness.tasks.gridmaze.encodings import MAX_ACTIVE, features_of, projection
from harness.tasks.gridmaze.env import ID
from harness.tasks.gridmaze.layout import FILE, parsed
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.spec import zero_inputs

ENCODINGS = ("object-map", "rgb", "entangled")
UP, DOWN, LEFT, RIGHT = range(4)
TEXT = FILE.read_text(encoding="utf-8")
SECOND = """\
.x..Aoooo...#.......
.x....oooo..........
######....1.########
x..x.........ooo..oo
........x...#.......
....#x.xooo...oo..oo
#########....2.#####
ooo..#.....x.oooo.oo
x..#x.....oooo.oo.x.
xoooo...ooo........."""
"""The layout with number 2: experts were trained on it, and claims are judged on it."""
CELLS = [(row, column) for row in range(10) for column in range(20)]


@dataclass(frozen=True)
class Maze:
    """A layout, read plainly. gaps: row, first and last column by enemy."""

    number: int
    drawn: list[str]

    @cached_property
    def free(self) -> np.ndarray:
        return np.array([[character != "#" for character in line] for line in self.drawn])

    @cached_property
    def gaps(self) -> dict[int, tuple[int, int, int]]:
        runs = ((row, re.search(r"\.*([12])\.*", line)) for row, line in enumerate(self.drawn))
        return {int(run[1]): (row, run.start(), run.end() - 1) for row, run in runs if run}

    def at(self, cell: tuple[int, int]) -> str:
        return self.drawn[cell[0]][cell[1]]

    def first(self, characters: str) -> tuple[int, int]:
        """The cell where they are first found, one right of the other."""
        return next((row, line.index(characters)) for row, line in enumerate(self.drawn) if characters in line)

    def begun(self, *shape: int) -> np.ndarray:
        return GridMaze(layout=self.number).draw_starts(np.random.default_rng(0), shape)


MAZES = [Maze(1, TEXT.splitlines()[:10]), Maze(2, SECOND.splitlines())]
every_maze = pytest.mark.parametrize("maze", MAZES, ids=lambda maze: f"layout {maze.number}")
FIRST_MAZE = MAZES[0]
DRAWN = FIRST_MAZE.drawn
(ROW, FIRST, LAST), (_, OTHER, _) = FIRST_MAZE.gaps[1], FIRST_MAZE.gaps[2]
ABOVE = next(column for column in range(FIRST + 1, LAST + 1) if DRAWN[ROW - 1][column] == ".")
BELOW = next(column for column in range(FIRST, LAST) if DRAWN[ROW + 1][column] == ".")
"""Columns of the first enemy's gap over and under which a cell is empty."""
COLOURS = np.array([(0, 0, 0), (0, 255, 255), (255, 0, 255), (0, 128, 0), (255, 255, 0), (165, 42, 42)])
GREY = 128
MATRICES = [projection(seed) for seed in range(2)]


def inside(cell: tuple[int, int]) -> bool:
    return 0 <= cell[0] < 10 and 0 <= cell[1] < 20


class Played:
    """An episode by the rules as they are written down, on the characters of a layout."""

    def __init__(self, maze: Maze, start: np.ndarray):
        row, column, *rest = (int(number) for number in start)
        self.agent, self.free, self.gaps = (row, column), maze.free, maze.gaps
        self.enemies = {1: (self.gaps[1][0], rest[0]), 2: (self.gaps[2][0], rest[2])}
        self.directions = {1: rest[1], 2: rest[3]}
        self.left = {cell: maze.at(cell) for cell in CELLS if maze.at(cell) in "ox"}
        self.env_steps, self.collided = 0, False

    def step(self, action: int) -> float:
        before, stood = self.agent, dict(self.enemies)
        to = (before[0] + (-1, 1, 0, 0)[action], before[1] + (0, 0, -1, 1)[action])
        if inside(to) and self.free[to]:
            self.agent = to
        for enemy, (row, column) in stood.items():
            _, first, last = self.gaps[enemy]
            if not first <= column + self.directions[enemy] <= last:
                self.directions[enemy] *= -1
            self.enemies[enemy] = (row, column + self.directions[enemy])
        swapped = any(self.agent == stood[enemy] and before == self.enemies[enemy] for enemy in stood)
        self.collided = swapped or self.agent in self.enemies.values()
        self.env_steps += 1
        return {"o": 1.0, "x": -1.0, "": 0.0}[self.left.pop(self.agent, "")]

    @property
    def over(self) -> bool:
        return self.collided or "o" not in self.left.values()

    def object_map(self) -> np.ndarray:
        """float32[6, 10, 20]"""
        standing = {cell: ".A12ox".index(character) for cell, character in self.left.items()}
        if not self.collided:
            standing[self.agent] = 1
        standing |= {self.enemies[1]: 2, self.enemies[2]: 3}
        maps = np.zeros((6, 10, 20), dtype=np.float32)
        maps[0] = self.free
        for (row, column), kind in standing.items():
            maps[0, row, column], maps[kind, row, column] = 0, 1
        return maps


def coloured(maps: np.ndarray) -> np.ndarray:
    """float32[3, 10, 20], from 0 to 1, of an object-map: where nothing stands there is a wall."""
    levels = np.einsum("orc,ok->krc", maps, COLOURS) + GREY * ~maps.any(axis=0)
    return (levels / 255).astype(np.float32)


def encoded(maps: np.ndarray, encoding: str, seed: int) -> np.ndarray:
    """float32[inputs]"""
    if encoding == "entangled":
        return maps.ravel() @ MATRICES[seed]
    return (coloured(maps) if encoding == "rgb" else maps).ravel()


def start(row: float, column: float, *enemies: int) -> np.ndarray:
    """Of one environment; unless said otherwise, both enemies are at the left ends of the first layout's gaps and go
    right."""
    return np.array([[[row, column, *(enemies or (FIRST, 1, OTHER, 1))]]], dtype=np.float64)


def done(begun: np.ndarray, *actions: int, **task: Any) -> GridMazes:
    """The one environment after `actions`."""
    batch = GridMaze(**task).batch(begun)
    for action in actions:
        batch.step(np.array([[action]]), begun)
    return batch


def maps_of(observations: np.ndarray) -> np.ndarray:
    return observations.reshape(*observations.shape[:-1], 6, 10, 20)


@st.composite
def walks(draw: st.DrawFn) -> tuple[Maze, np.ndarray, list[int]]:
    """A start somewhere, near the gaps as often as not, and what is done from there."""
    maze = draw(st.sampled_from(MAZES))
    gaps = maze.gaps
    enemies = {k: draw(st.tuples(st.integers(*gaps[k][1:]), st.sampled_from([-1, 1]))) for k in (1, 2)}
    held = {(gaps[k][0], enemies[k][0]) for k in (1, 2)}
    empty = [cell for cell in CELLS if maze.at(cell) in ".A12" and cell not in held]
    near = [cell for cell in empty if any(abs(cell[0] - gaps[k][0]) <= 1 for k in (1, 2))]
    agent = draw(st.one_of(st.sampled_from(empty), st.sampled_from(near)))
    runs = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), min_size=1, max_size=12))
    return maze, start(*agent, *enemies[1], *enemies[2]), [action for action, count in runs for _ in range(count)]


def planned(maze: Maze) -> list[int]:
    """Actions to the nearest coin, until none is left; around all else, and where no enemy is or was."""
    clock, stood = Played(maze, maze.begun(1)[0]), []
    for _ in range(200):
        stood.append(set(clock.enemies.values()))
        clock.step(LEFT)
    cell, actions, left = maze.first("A"), [], {cell for cell in CELLS if maze.at(cell) == "o"}
    while left:
        waiting, seen = deque([(cell, ())]), set()
        while waiting[0][0] not in left:
            (row, column), path = waiting.popleft()
            time = len(actions) + len(path)
            for action, to in enumerate([(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]):
                fine = inside(to) and maze.at(to) not in "#x" and to not in stood[time] | stood[time + 1]
                if fine and (to, time) not in seen:
                    seen.add((to, time))
                    waiting.append((to, (*path, action)))
        cell, path = waiting[0]
        left.remove(cell)
        actions += path
    return actions


def assert_as_played(maze: Maze, begun: np.ndarray, actions: Sequence[int], seed: int = 0, horizon: int = 30) -> None:
    """Every step in every encoding is what `Played` says: rewards, ends, observations and features."""
    again = maze.begun(1, 1)
    batches = {encoding: GridMaze(encoding, horizon, maze.number).batch(begun, (seed,)) for encoding in ENCODINGS}
    played = Played(maze, begun[0, 0])
    for action in actions:
        reward, maps = played.step(action), played.object_map()
        over, cut = played.over, played.env_steps == horizon and not played.over
        if over or cut:
            played = Played(maze, again[0, 0])
        for encoding, batch in batches.items():
            transition = batch.step(np.array([[action]]), again)
            assert (transition.rewards.item(), transition.terminated.item()) == (reward, over)
            assert transition.truncated.item() == cut
            exact = 1e-4 if encoding == "entangled" else 0
            for observations, features, expected in (
                (transition.final_observations, transition.final_features, maps),
                (batch.observations, batch.features, played.object_map()),
            ):
                np.testing.assert_allclose(observations[0, 0], encoded(expected, encoding, seed), rtol=0, atol=exact)
                listed = features[0, 0][features[0, 0] >= 0]
                assert (features[0, 0, len(listed) :] == -1).all()  # none after the last, and none twice
                assert len(set(listed)) == len(listed) and features.shape[-1] == MAX_ACTIVE
                np.testing.assert_allclose(batch.table[0, listed].sum(axis=0), observations[0, 0], rtol=0, atol=1e-4)


class TestRules:
    @settings(deadline=None, max_examples=60)
    @given(walks(), st.integers(0, 1))
    def test_a_walk_is_as_they_say(self, walk: tuple[Maze, np.ndarray, list[int]], seed: int) -> None:
        assert_as_played(*walk, seed)

    @pytest.mark.parametrize(
        ("begun", "action", "collides"),
        [
            (start(ROW - 1, ABOVE, ABOVE - 1, 1, OTHER, 1), DOWN, True),
            (start(ROW + 1, BELOW, BELOW + 1, -1, OTHER, 1), UP, True),
            (start(ROW, FIRST + 3, FIRST + 1, 1, OTHER, 1), LEFT, True),  # they meet in the cell between
            (start(ROW, LAST, LAST - 1, 1, OTHER, 1), RIGHT, True),  # it runs into a wall, and the enemy into it
            (start(ROW, FIRST + 2, FIRST + 1, 1, OTHER, 1), LEFT, True),  # they swap places
            (start(ROW, FIRST, FIRST + 1, -1, OTHER, 1), RIGHT, True),
            (start(ROW, FIRST + 1, FIRST, -1, OTHER, 1), LEFT, True),  # the enemy turns round and swaps
            (start(ROW, FIRST + 1, FIRST + 2, 1, OTHER, 1), RIGHT, False),  # to walk after an enemy
            (start(ROW, FIRST + 3, FIRST + 2, -1, OTHER, 1), LEFT, False),
        ],
    )
    def test_to_share_a_cell_or_swap_places_is_a_collision(
        self, begun: np.ndarray, action: int, collides: bool
    ) -> None:
        assert_as_played(FIRST_MAZE, begun, [action])
        after = done(begun, action, horizon=1)
        assert (after.terminated.item(), after.truncated.item(), after.rewards.item()) == (collides, not collides, 0.0)

    @pytest.mark.parametrize(("at_horizon", "ends"), [("truncation", (False, True)), ("termination", (True, False))])
    def test_the_last_env_step_is_a_truncation_or_a_termination(self, at_horizon: str, ends: tuple[bool, bool]) -> None:
        for horizon, expected in ((3, (False, False)), (2, ends)):
            after = done(FIRST_MAZE.begun(1, 1), UP, UP, at_horizon=at_horizon, horizon=horizon)
            assert (after.terminated.item(), after.truncated.item()) == expected

    @every_maze
    def test_a_player_that_sees_ahead_takes_all_coins_and_that_ends_the_episode(self, maze: Maze) -> None:
        begun, actions = maze.begun(1, 1), planned(maze)
        batch = done(begun, layout=maze.number)
        for _ in range(2):  # the second episode is as the first
            rewards, ends = [], []
            for action in actions:
                rewards.append(batch.step(np.array([[action]]), begun).rewards.item())
                ends.append(batch.terminated.item())
            assert (rewards.count(1), rewards.count(-1), batch.truncated.item()) == (42, 0, False)
            assert np.flatnonzero(ends).tolist() == [len(actions) - 1]
        assert sum(rewards) <= GridMaze().maximum_return

    @every_maze
    def test_every_start_is_that_of_the_layout(self, maze: Maze) -> None:
        one = [*maze.first("A"), maze.first("1")[1], 1, maze.first("2")[1], 1]
        np.testing.assert_array_equal(maze.begun(5, 2), np.broadcast_to(one, (5, 2, 6)))

    @pytest.mark.parametrize(
        "wrong",
        [
            start(ROW, 0),  # a wall
            start(*FIRST_MAZE.first("o")),
            start(ROW, FIRST),  # where an enemy is
            start(10, 0),
            start(0, -1),
            start(0, 0.5),
            start(0, 0, LAST + 1, 1, OTHER, 1),
            start(0, 0, FIRST, 0, OTHER, 1),
        ],
    )
    def test_a_start_that_is_none_is_said(self, wrong: np.ndarray) -> None:
        with pytest.raises(ValueError, match="start") as caught:
            GridMaze().batch(np.concatenate([FIRST_MAZE.begun(1, 1), wrong], axis=1))
        assert str(wrong[0, 0].tolist()) in str(caught.value)


class TestEncodings:
    @pytest.mark.parametrize(
        ("encoding", "count", "channels", "name"),
        [
            ("object-map", 1200, ("empty", "agent", "enemy 1", "enemy 2", "coin", "poison"), "agent at 4,0"),
            ("rgb", 600, ("red", "green", "blue"), "green at 4,0"),
            ("entangled", 1200, (), "projection 280"),
        ],
    )
    def test_inputs_are_named(self, encoding: str, count: int, channels: tuple[str, ...], name: str) -> None:
        task = GridMaze(encoding)
        assert len(set(task.observation.inputs)) == task.observation.size == task.table((0,)).shape[-1] == count
        assert task.channels == channels
        assert task.observation.inputs.index(name) == 280

    @every_maze
    def test_inputs_named_as_zero_are_zero_and_all_others_are_not_somewhere(self, maze: Maze) -> None:
        """In every cell that is none of the walls the agent, each enemy in its gap, and what can be taken."""
        task, free, gap = GridMaze(layout=maze.number), maze.free, maze.gaps[1]
        named = {"empty": free, "agent": free} | dict(task.reachable)
        named |= {kind: maps_of(task.table()[:, 0])[0, place] == 1 for kind, place in (("coin", 4), ("poison", 5))}
        used = np.concatenate([named[channel].ravel() for channel in task.channels])
        assert zero_inputs(task) == tuple(
            name for name, one in zip(task.observation.inputs, used, strict=True) if not one
        )
        assert used.sum() == 2 * free.sum() + 12 + 54
        assert zero_inputs(GridMaze("entangled", layout=maze.number)) == ()
        red = {f"red at {row},{column}" for row, column in CELLS if maze.at((row, column)) in ".A2"}
        red -= {f"red at {gap[0]},{column}" for column in range(gap[1], gap[2] + 1)}  # magenta has red in it
        assert set(zero_inputs(GridMaze("rgb", layout=maze.number))) == red

    @every_maze
    def test_enemies_reach_their_gaps_and_nothing_else(self, maze: Maze) -> None:
        for enemy, (row, left, right) in maze.gaps.items():
            reachable = GridMaze(layout=maze.number).reachable[f"enemy {enemy}"]
            assert reachable.shape == (10, 20)
            assert {(int(r), int(c)) for r, c in np.argwhere(reachable)} == {(row, c) for c in range(left, right + 1)}

    def test_a_seed_has_its_matrix_each_time_and_another_seed_another(self) -> None:
        np.testing.assert_array_equal(projection(0), MATRICES[0])
        assert (projection(0) != projection(1)).mean() > 0.999
        assert MATRICES[0].shape == (1200, 1200)
        assert -1 <= MATRICES[0].min() < -0.999 and 0.999 < MATRICES[0].max() <= 1

    def test_what_a_feature_adds_is_the_members_own_by_their_seeds_alone(self) -> None:
        task = GridMaze("entangled")
        both, one = task.table((7, 1)), task.table((1,))
        assert both.shape == (2, features_of(1).count, 1200) and both.dtype == np.float32
        np.testing.assert_array_equal(both[1], one[0])
        maps = GridMaze().table()[0]
        np.testing.assert_allclose(one[0], maps @ MATRICES[1], atol=1e-4)
        assert GridMaze("rgb").table((3, 4)).shape == (1, features_of(1).count, 600)
        assert not both.flags.writeable and not GridMaze().table().flags.writeable

    def test_an_encoding_that_is_none_and_seeds_that_are_missing_are_said(self) -> None:
        with pytest.raises(ValueError, match=r"object-map, rgb, entangled.*'pixels'"):
            GridMaze("pixels")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="layout must be"):
            GridMaze(layout=0)
        with pytest.raises(ValueError, match=r"a seed for each of 2 members"):
            GridMaze("entangled").batch(FIRST_MAZE.begun(2, 1), (0,))
        with pytest.raises(ValueError, match=r"seed"):
            GridMaze("entangled").table()


class TestGymnasium:
    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_gymnasiums_own_check_finds_nothing_in_it(self, encoding: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(gymnasium.make(ID, encoding=encoding).unwrapped)

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_it_goes_where_the_batch_goes(self, encoding: str) -> None:
        rng, env = np.random.default_rng(4), gymnasium.make(ID, encoding=encoding, seed=1, horizon=60)
        batch = GridMaze(encoding, horizon=60).batch(FIRST_MAZE.begun(1, 1), (1,))
        scale, ends = 255 if encoding == "rgb" else 1, np.zeros(2, dtype=np.int64)
        observation, _ = env.reset()
        for _ in range(400):
            np.testing.assert_allclose(observation.ravel() / scale, batch.observations[0, 0], rtol=1e-6)
            action = rng.integers(4)
            observation, reward, terminated, truncated, _ = env.step(action)
            transition = batch.step(np.array([[action]]), FIRST_MAZE.begun(1, 1))
            np.testing.assert_allclose(observation.ravel() / scale, transition.final_observations[0, 0], rtol=1e-6)
            assert reward == transition.rewards.item()
            assert (terminated, truncated) == (transition.terminated.item(), transition.truncated.item())
            if terminated or truncated:
                ends += terminated, truncated
                observation, _ = env.reset()
        assert ends.min() > 0


class TestLayout:
    @pytest.mark.parametrize(
        "text",
        [
            TEXT.split("\n", 1)[1],
            *(TEXT.replace(old, new, 1) for old, new in (("A", "A."), ("A", "a"), ("o", "."), ("x", "o"), ("1", "2"))),
        ],
    )
    def test_one_that_is_malformed_is_an_error(self, text: str) -> None:
        np.testing.assert_array_equal(parsed("\n".join(DRAWN)).walls, ~FIRST_MAZE.free.ravel())
        with pytest.raises(ValueError, match="10 lines of 20"):
            parsed(text)

    def test_the_second_one_is_that_which_the_rule_draws(self) -> None:
        assert drawn_layout(2) == SECOND
