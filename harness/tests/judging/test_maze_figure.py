"""What charts say of a grid task: which pixels are left, and how its agents play."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from harness.evidence.store import Address, Store
from harness.judging.figures import figure
from harness.judging.games import median_seed
from harness.judging.run import Run, Scene
from harness.learners.protocol import ACTOR
from harness.networks.mlp import Mlp
from harness.profiles.profile import PROFILES, Profile, System
from harness.pruning.conditions import SURVIVING, TICKET
from harness.pruning.layout import layer_sizes
from harness.pruning.level import Level

UP, RIGHT = 0, 3
MAPS = ("empty", "agent", "enemy 1", "enemy 2", "coin", "poison")
LAYOUT = ["A.ox", "#..1"]  # the enemy walks to and fro in the last three cells
WAY = (7, 6, 5, 6)


@dataclass(frozen=True)
class Tiny:
    """A maze of eight cells: the agent walks along its upper row, the enemy patrols the lower one."""

    name: ClassVar[str] = "gridmaze"
    actions: ClassVar[int] = 4
    minimum_return: ClassVar[float] = -1.0
    maximum_return: ClassVar[float] = 1.0
    encoding: str = "object-map"
    horizon: int = 5

    @property
    def channels(self) -> tuple[str, ...]:
        return MAPS if self.encoding == "object-map" else ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"{channel} at {cell // 4},{cell % 4}" for channel in MAPS for cell in range(8))

    @property
    def zero_inputs(self) -> tuple[str, ...]:
        return tuple(name for name in self.inputs if name.endswith(" at 1,0") or name.startswith("enemy 2"))

    @property
    def reachable(self) -> dict[str, np.ndarray]:
        return {"enemy 1": np.isin(np.arange(8), WAY).reshape(2, 4)}

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros((*shape, 1))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "Tinies":
        assert starts.shape == (1, 1, 1) and len(seeds) == 1
        return Tinies(self)


class Tinies:
    """One environment; where it is not shown as object maps, their signs are turned."""

    def __init__(self, task: Tiny):
        self.task, self.time, self.agent, self.left = task, 0, 0, {2: 1.0, 3: -1.0}
        self.terminated, self.truncated = np.zeros((2, 1, 1), dtype=bool)

    @property
    def observations(self) -> np.ndarray:
        maps = np.zeros((6, 8), dtype=np.float32)
        maps[1, self.agent] = maps[2, WAY[self.time % 4]] = 1
        for cell, worth in self.left.items():
            maps[4 if worth > 0 else 5, cell] = 1
        maps[0] = maps.sum(axis=0) == 0
        maps[0, 4] = 0  # the wall is on no map
        return (maps if self.task.encoding == "object-map" else -maps).reshape(1, 1, -1)

    final_observations = observations

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Tinies":
        self.time += 1
        self.agent = min(3, self.agent + (int(actions[0, 0]) == RIGHT))
        self.rewards = np.full((1, 1), self.left.pop(self.agent, 0.0))
        self.truncated[...] = self.time == self.task.horizon
        return self


@dataclass
class Made:
    """A store whose levels are made when they are read. rows: inputs left at a level. right: what speaks for going
    right, of float[inputs] and in sum."""

    rows: Callable[[int], int]
    right: dict[int, float]
    bias: float = 0.0

    def read(self, where: Address, number: int) -> Level:
        sizes, members = layer_sizes(where.cell.experiment)[ACTOR], len(where.cell.seeds)
        masks = [np.ones((members, a, b), dtype=bool) for a, b in pairwise(sizes)]
        masks[0][:, self.rows(number) :] = False
        weights = [np.zeros(mask.shape) for mask in masks]
        biases = [np.zeros((members, 1, mask.shape[2])) for mask in masks]
        weights[0][:, : self.rows(number)] = 1e-6
        for row, strength in self.right.items():
            weights[0][:, row, 0] = strength
        for weight in weights[1:-1]:
            weight[:, 0, 0] = 1
        weights[-1][:, 0, -1] = 1  # the last action: to the right
        biases[0][:, 0, 0] = self.bias
        biases[-1][:, 0, UP] = 0.5
        scores = np.arange(members, dtype=float)[:, None] + 10.0 * number
        evaluations = np.tile([0.25 * number, np.nan], (members, 1))
        return Level({ACTOR: masks}, {ACTOR: Mlp.of(weights, biases)}, scores, evaluations, np.ones(members))


def profile(task: Any) -> Profile:
    """Densities of 1, 0.1, 0.01 and 0.001."""
    smoke = PROFILES["smoke"]
    experiment = dataclasses.replace(smoke.systems["cart-pole", "dqn"], task=task)
    return dataclasses.replace(smoke, seeds=4, systems={("gridmaze", "dqn"): experiment})


def run_of(task: Any, made: Made, *conditions: str) -> Run:
    scene = Scene(profile(task), 0, cast(Store, made))
    return Run(System("gridmaze", "dqn"), conditions or (TICKET,)).bind(scene)


def always_right(rows: int = 48) -> Made:
    return Made(lambda level: rows if level == 0 else 2, {}, bias=1.0)


def test_the_layout_is_read_off_the_start_and_walls_are_what_is_on_no_map() -> None:
    chart = figure("maze", [run_of(Tiny(), always_right())])
    assert chart["layout"] == LAYOUT
    assert chart["reachable"] == {"enemy 1": [5, 6, 7]}
    assert (chart["kind"], chart["title"], chart["key"]) == ("maze", "GridMaze DQN", "gridmaze dqn")


def test_the_weight_on_each_pixel_is_a_multiple_of_the_even_share() -> None:
    """All 48 inputs alike at level 0; later two hold everything, of which the first is twice as strong."""
    made = Made(lambda level: 48 if level == 0 else 2, {})
    (series,) = figure("maze", [run_of(Tiny(), made)])["series"]
    assert series["channels"] == list(MAPS)
    values = np.array(series["values"])
    assert values.shape == (4, 6, 8)
    np.testing.assert_allclose(values[0], 1.0)
    np.testing.assert_allclose(values[1].reshape(-1)[:3], [24, 24, 0])
    assert series["left"][0] == [8] * 6 and series["left"][1] == [2, 0, 0, 0, 0, 0]
    assert np.array(series["layers"]).shape == (4, 4, 3)
    assert np.array(series["layers"])[1, 0].tolist() == [pytest.approx(2 / 48, abs=1e-4), 1, 1]
    assert np.array(series["channel_densities"])[2, 3].tolist() == pytest.approx([2 / 8, 0, 0, 0, 0, 0])
    assert series["unlit"] == [[4], [4], [4], [*range(8)], [4], [4]]
    assert len(series["density"]) == 4 and series["seeds"] == 4


def test_a_first_layer_that_is_gone_holds_nothing() -> None:
    (series,) = figure("maze", [run_of(Tiny(), Made(lambda level: 48 if level == 0 else 0, {}))])["series"]
    assert not np.array(series["values"])[1:].any() and not np.array(series["left"])[1:].any()


def test_a_dense_and_a_sparse_agent_of_the_median_seed_play_until_the_time_is_up() -> None:
    (series,) = figure("maze", [run_of(Tiny(), always_right())])["series"]
    dense, sparse = series["games"]
    assert (dense["level"], sparse["level"], dense["density"]) == (0, 1, 1.0)
    assert (dense["seed"], dense["scored"], sparse["scored"]) == (1, 1.0, 11.0)
    for game in (dense, sparse):
        assert game["agent"] == [0, 1, 2, 3, 3, 3]
        assert game["rewards"] == [0, 1, -1, 0, 0]
        assert game["enemies"] == [[7, 6, 5, 6, 7, 6], [-1] * 6]


def test_an_agent_acts_on_what_it_sees_while_the_game_is_read_off_object_maps() -> None:
    """It goes right from the first cell alone, where its map is lit with -1; seen as +1 it would stay."""
    made = Made(lambda level: 48, {8: -1.0})
    turned = figure("maze", [run_of(Tiny(encoding="turned"), made)])
    (series,) = turned["series"]
    assert series["games"][0]["agent"] == [0, 1, 1, 1, 1, 1]
    assert series["channels"] == [] and series["values"] == [[], [], [], []] and series["unlit"] == []
    assert np.array(series["channel_densities"]).shape == (4, 4, 0)
    assert turned["layout"] == LAYOUT
    (plain,) = figure("maze", [run_of(Tiny(), made)])["series"]
    assert plain["games"][0]["agent"] == [0] * 6


def test_the_lower_of_two_in_the_middle_and_the_first_of_equals_is_the_median_seed() -> None:
    assert median_seed(np.array([5.0, 1.0, 3.0])) == 2
    assert median_seed(np.array([5.0, 1.0, 3.0, 4.0])) == 2
    assert median_seed(np.array([2.0, 2.0, 2.0])) == 1


def test_a_task_that_is_no_grid_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^cart-pole is no maze: it does not say which cells its enemies reach$"):
        figure("maze", [run_of(PROFILES["smoke"].systems["cart-pole", "dqn"].task, always_right())])


def test_learning_on_surviving_inputs_stands_beside_that_on_all() -> None:
    """The level at 9.9 % is the first at or below 25 and 10 %, that at 1.1 % at or below 5 %."""
    task = PROFILES["smoke"].systems["cart-pole", "dqn"].task
    made = Made(lambda level: 4 if level == 0 else 2, {})
    chart = figure("learning", [run_of(task, made, SURVIVING)])
    first, second, last = chart["series"]
    assert last["label"] == "surviving inputs at 1.1 % density (2 of 4 left)"
    assert (first["label"], second["label"]) == ("all inputs", "surviving inputs at 9.9 % density (2 of 4 left)")
    assert first["env_steps"] == second["env_steps"]
    assert np.array(first["values"]).T.tolist() == [[0.0, 500.0]] * 4  # a member that stopped stays at the maximum
    assert np.array(second["values"]).T.tolist() == [[0.25, 500.0]] * 4


def test_each_run_on_surviving_inputs_is_named_where_there_are_several() -> None:
    task = PROFILES["smoke"].systems["cart-pole", "dqn"].task
    run = run_of(task, always_right(4), TICKET, SURVIVING)
    runs = [dataclasses.replace(run, label=label) for label in ("one", "other")]
    labels = [series["label"] for series in figure("learning", runs)["series"]]
    assert labels[0] == "one, all inputs" and labels[4].startswith("other, surviving inputs at 9.9 % density (2 of")
