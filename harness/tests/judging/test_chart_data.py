"""The data behind charts: what is drawn of a claim's runs, what is merged, and how agents of a grid task play."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.experiment import Cell
from harness.judging.chart_data import Chart, charts_of
from harness.judging.playing import median_seed
from harness.judging.run import Run
from harness.learners.protocol import ACTOR
from harness.profiles.profile import PROFILES, Profile, System
from harness.profiles.readings import READINGS
from harness.pruning.conditions import CONDITIONS, DENSE, SURVIVING, TICKET
from harness.pruning.level import Level
from harness.tests.judging.made import EXPERT, PROFILE, RANDOM, level_of, made_run, returns_of

REFERENCES = pytest.approx({"expert": EXPERT, "random": RANDOM})


def chart(figure: Any, *runs: Run) -> Chart:
    """The first chart of a claim with one finding."""
    return charts_of(figure, [runs])[0]


def labels(drawn: Chart) -> list[str]:
    return [series["label"] for series in drawn["series"]]


class TestLines:
    def test_layers_are_named_from_the_input_on_and_drawn_by_run(self) -> None:
        kept = [(64, 256, 32), (32, 64, 8), (16, 0, 0), (0, 0, 8)]
        runs = [made_run(lambda c, k: level_of(c, kept=kept[k]), label=label) for label in ("Kaiming", "Xavier")]
        drawn = chart("layers", *runs)
        assert (drawn["kind"], drawn["title"]) == ("shares", "Cart-Pole BC")
        assert drawn["names"] == ["input layer", "hidden layer 2", "output layer"]
        assert labels(drawn) == ["Kaiming", "Xavier"]
        assert np.array(drawn["series"][0]["values"]).shape == (4, 20, 3)
        assert drawn["series"][0]["values"][1][0] == [0.5, 0.25, 0.25]
        np.testing.assert_allclose(drawn["series"][0]["density"], runs[0].densities)

    def test_learning_is_drawn_over_the_env_steps_of_level_0(self) -> None:
        curves = np.where(np.arange(20)[:, None] == 0, (100, np.nan), (100, 200))
        runs = [made_run(lambda c, k: level_of(c, 0, curves), DENSE, label=label) for label in ("some", "every")]
        drawn = chart("learning", *runs)
        assert (drawn["kind"], drawn["title"]) == ("learning", "Cart-Pole BC, dense")
        assert labels(drawn) == ["some", "every"]
        assert drawn["series"][0]["env_steps"] == [256, 512]
        assert [row[:2] for row in drawn["series"][0]["values"]] == [[100, 100], [500, 200]]
        assert drawn["references"] == REFERENCES

    def test_sizes_are_drawn_over_the_numbers_of_weights_that_are_left_and_all_pairs_on_one_axis(self) -> None:
        """4-8-8-2 has 112 weights, 4-16-16-2 has 352; nine tenths go at each of three levels."""
        small, medium, large = (
            made_run(
                returns_of(1, 0.5, 0.2, 0),
                *(TICKET, "permuted/permuted"),
                system=System("cart-pole", "bc", (f"network.hidden={size}",)),
            )
            for size in ("8-8", "16-16", "32-32")
        )
        (drawn,) = charts_of("sizes", [(small, medium), (small, large), (medium, large)])
        assert (drawn["kind"], drawn["title"], drawn["unit"]) == ("sizes", "Cart-Pole BC", "scored return")
        assert [(s["size"], s["condition"], s["label"]) for s in drawn["series"]] == [
            (size, condition, f"{size}, {condition}")
            for size in ("8-8", "16-16", "32-32")
            for condition in (TICKET, "permuted/permuted")
        ]
        assert [series["weights"] for series in drawn["series"]][1:3] == [[112, 11, 1, 1], [352, 35, 4, 1]]
        assert drawn["series"][0]["values"][1] == pytest.approx([RANDOM + 0.5 * (EXPERT - RANDOM)] * 20, abs=0.01)
        assert drawn["references"] == REFERENCES

    def test_series_are_called_by_what_they_do_not_share(self) -> None:
        def run(label: str, *conditions: str) -> Run:
            return made_run(returns_of(1, 1, 1, 1), *conditions, label=label)

        both = (TICKET, "random/re-init")
        assert labels(chart("returns", run("one", *both))) == [TICKET, "random/re-init"]
        assert labels(chart("returns", run("BC", TICKET), run("PPO", TICKET))) == ["BC", "PPO"]
        later = [run(f"rewound to {share} %", TICKET) for share in (2, 80)]
        assert labels(chart("returns", run("rewound to 0", *both), *later)) == [
            *("rewound to 0", "random/re-init", "rewound to 2 %", "rewound to 80 %")
        ]
        assert labels(chart("returns", run("A", *both), run("B", *both))) == [
            *("A, mask/weights", "A, random/re-init", "B, mask/weights", "B, random/re-init")
        ]

    def test_a_chart_says_which_return_it_is_of(self) -> None:
        other = dataclasses.replace(PROFILE, overrides=(READINGS["judged"].override,))
        units = [chart("returns", made_run(returns_of(1, 1, 1, 1), profile=p))["unit"] for p in (PROFILE, other)]
        assert units == ["scored return", "best evaluation"]

    def test_charts_of_one_claim_are_merged_unless_a_label_would_stand_for_two(self) -> None:
        ten, two, other, clash = (
            made_run(returns_of(1, end, 1, 1), label=label)
            for label, end in (("Kaiming / 10", 1), ("Kaiming / 2", 1), ("Xavier", 1), ("Xavier", 0.5))
        )
        drawn = charts_of("returns", [(ten, two), (ten, other), (two, clash), (ten, two)])
        assert [labels(each) for each in drawn] == [
            ["Kaiming / 10", "Kaiming / 2", "Xavier"],
            ["Kaiming / 2", "Xavier"],
        ]
        assert len({each["key"] for each in drawn}) == 2
        assert labels(charts_of("layers", [(ten, two)])[0]) == ["Kaiming / 2", "Kaiming / 10"]  # by their numbers

    def test_an_assay_is_not_drawn(self) -> None:
        run = made_run(returns_of(1, 1, 1, 1), TICKET)
        assay = made_run(returns_of(1, 1, 1, 1), *CONDITIONS, assay=True)
        assert labels(chart("returns", run, assay)) == [TICKET]
        assert charts_of("returns", [(assay,)]) == []


# A grid task

UP, RIGHT = 0, 3
OBJECTS = ("empty", "agent", "enemy 1", "enemy 2", "coin", "poison")
LAYOUT = ["A.ox", "#..1"]  # the enemy walks to and fro in the last three cells
WAY = (7, 6, 5, 6)


@dataclass(frozen=True)
class Tiny:
    """A maze of eight cells: the agent walks along its upper row, the enemy patrols the lower one."""

    name: ClassVar[str] = "tiny"
    title: ClassVar[str] = "TinyMaze"
    actions: ClassVar[int] = 4
    minimum_return: ClassVar[float] = -1.0
    maximum_return: ClassVar[float] = 1.0
    grid: ClassVar[tuple[int, int]] = (2, 4)
    symbols: ClassVar[dict[str, str]] = dict(zip((*OBJECTS, "wall"), ".A12ox#", strict=True))
    encoding: str = "object-map"
    horizon: int = 5

    def as_maps(self) -> "Tiny":
        return dataclasses.replace(self, encoding="object-map")

    @property
    def channels(self) -> tuple[str, ...]:
        return OBJECTS if self.encoding == "object-map" else ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"{channel} at {cell // 4},{cell % 4}" for channel in OBJECTS for cell in range(8))

    @property
    def zero_inputs(self) -> tuple[str, ...]:
        return tuple(name for name in self.inputs if name.endswith(" at 1,0") or name.startswith("enemy 2"))

    @property
    def reachable(self) -> dict[str, np.ndarray]:
        at = np.isin(np.arange(8), WAY).reshape(2, 4)
        return {"enemy 1": at, "enemy 2": np.zeros_like(at)}

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


def walker(rows: Callable[[int], int], right: dict[int, float] | None = None, bias: float = 0.0) -> Any:
    """Levels of an agent. rows: inputs left at a level. right: what speaks for going right, by input and in sum."""

    def making(cell: Cell, number: int) -> Level:
        level = level_of(cell, np.arange(len(cell.seeds)) + 10.0 * number, [(0.25 * number, np.nan)])
        masks, mlp = level.masks[ACTOR], level.trained[ACTOR]
        masks[0][:, rows(number) :] = False
        for weight in mlp.weights:
            weight[:] = 0
        mlp.weights[0][:, : rows(number)] = 1e-6
        for row, strength in (right or {}).items():
            mlp.weights[0][:, row, 0] = strength
        for weight in mlp.weights[1:-1]:
            weight[:, 0, 0] = 1
        mlp.weights[-1][:, 0, -1] = 1  # the last action: to the right
        mlp.biases[0][:, 0, 0] = bias
        mlp.biases[-1][:, 0, UP] = 0.5
        return level

    return making


def profile(task: Any) -> Profile:
    """Densities of 1, 0.1, 0.01 and 0.001."""
    smoke = PROFILES["smoke"]
    experiment = dataclasses.replace(smoke.systems["cart-pole", "dqn"], task=task)
    return dataclasses.replace(smoke, seeds=4, systems={("tiny", "dqn"): experiment})


@pytest.fixture(autouse=True)
def references(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny maze has none of its own."""
    known = made_run(returns_of(1)).reference
    original = Run.reference.func  # type: ignore[attr-defined]

    def reference(self: Run) -> Any:
        return known if self.system.task == "tiny" else original(self)

    monkeypatch.setattr("harness.judging.chains.Chains.reference", property(reference))


def grid_run(task: Any, making: Any, *conditions: str) -> Run:
    return made_run(making, *conditions, profile=profile(task), system=System("tiny", "dqn"))


def two_rows(level: int) -> int:
    return 48 if level == 0 else 2


ALWAYS_RIGHT = walker(two_rows, bias=1.0)


def heat_map(*runs: Run) -> Chart:
    return charts_of("maps", [runs])[-1]


class TestMaps:
    def test_the_board_is_read_off_the_start_and_walls_are_what_is_on_no_map(self) -> None:
        drawn = heat_map(grid_run(Tiny(), ALWAYS_RIGHT))
        assert drawn["board"]["layout"] == LAYOUT
        assert drawn["board"]["reachable"] == {"enemy 1": [5, 6, 7], "enemy 2": []}
        assert (drawn["kind"], drawn["title"], drawn["grid"]) == ("map", "TinyMaze DQN", [2, 4])

    def test_the_weight_on_each_pixel_is_a_multiple_of_the_even_share(self) -> None:
        """All 48 inputs alike at level 0; later two hold everything."""
        layers, channels, drawn = charts_of("maps", [[grid_run(Tiny(), walker(two_rows))]])
        (series,) = drawn["series"]
        assert series["channels"] == channels["names"] == list(OBJECTS)
        values = np.array(series["values"])
        assert values.shape == (4, 6, 8)
        np.testing.assert_allclose(values[0], 1.0)
        np.testing.assert_allclose(values[1].reshape(-1)[:3], [24, 24, 0])
        assert series["left"][0] == [8] * 6 and series["left"][1] == [2, 0, 0, 0, 0, 0]
        assert series["unlit"] == [[4], [4], [4], [*range(8)], [4], [4]]
        assert len(series["density"]) == 4 and series["seeds"] == 4
        assert layers["series"][0]["values"][1][0] == [pytest.approx(2 / 48, abs=1e-4), 1, 1]
        assert channels["series"][0]["values"][2][3] == pytest.approx([2 / 8, 0, 0, 0, 0, 0])

    def test_a_first_layer_that_is_gone_holds_nothing(self) -> None:
        gone = walker(lambda level: 48 if level == 0 else 0)
        (series,) = heat_map(grid_run(Tiny(), gone))["series"]
        assert not np.array(series["values"])[1:].any() and not np.array(series["left"])[1:].any()

    def test_inputs_that_are_no_maps_are_channels_of_one_cell(self) -> None:
        """Weights of 1, 2, 3 and 4 in each unit: the strongest input holds 1.6 times the even share."""

        def making(cell: Cell, number: int) -> Level:
            level = level_of(cell)
            level.trained[ACTOR].weights[0][:] *= np.arange(1, 5)[:, None]
            return level

        drawn = charts_of("inputs", [[made_run(making)]])
        assert [each["kind"] for each in drawn] == ["shares", "map"]
        assert drawn[0]["series"][0]["values"][0][0] == [0.1, 0.2, 0.3, 0.4]
        (series,) = drawn[1]["series"]
        assert series["channels"] == drawn[0]["names"] and drawn[1]["grid"] == [1, 1]
        np.testing.assert_allclose(series["values"], [[[0.4], [0.8], [1.2], [1.6]]] * 4)
        assert drawn[1]["board"] is None and series["games"] == []

    def test_a_task_that_is_no_grid_is_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match="cart-pole has no grid"):
            charts_of("maps", [[made_run(returns_of(1, 1, 1, 1))]])


class TestPlaying:
    def test_a_dense_and_a_sparse_agent_of_the_median_seed_play_until_the_time_is_up(self) -> None:
        (series,) = heat_map(grid_run(Tiny(), ALWAYS_RIGHT))["series"]
        dense, sparse = series["games"]
        assert (dense["level"], sparse["level"], dense["density"]) == (0, 1, 1.0)
        assert (dense["seed"], dense["scored"], sparse["scored"]) == (1, 1.0, 11.0)
        for game in (dense, sparse):
            assert game["rewards"] == [0, 1, -1, 0, 0]
            assert game["places"] == {
                "agent": [0, 1, 2, 3, 3, 3],
                "enemy 1": [7, 6, 5, 6, 7, 6],
                "enemy 2": [-1] * 6,
            }

    def test_an_agent_acts_on_what_it_sees_while_the_game_is_read_off_object_maps(self) -> None:
        """It goes right from the first cell alone, where its map is lit with -1; seen as +1 it would stay."""
        making = walker(lambda level: 48, {8: -1.0})
        layers, turned = charts_of("maps", [[grid_run(Tiny(encoding="turned"), making)]])
        assert layers["of"] == "weights left, by layer"  # there are no channels to draw
        (series,) = turned["series"]
        assert series["games"][0]["places"]["agent"] == [0, 1, 1, 1, 1, 1]
        assert series["channels"] == [] and series["values"] == [[], [], [], []] and series["unlit"] == []
        assert turned["board"]["layout"] == LAYOUT
        (plain,) = heat_map(grid_run(Tiny(), making))["series"]
        assert plain["games"][0]["places"]["agent"] == [0] * 6

    def test_the_lower_of_two_in_the_middle_and_the_first_of_equals_is_the_median_seed(self) -> None:
        returns = ([5.0, 1.0, 3.0], [5.0, 1.0, 3.0, 4.0], [2.0, 2.0, 2.0])
        assert [median_seed(np.array(each)) for each in returns] == [2, 2, 1]


class TestSurvivingInputs:
    def test_learning_on_them_stands_beside_that_on_all(self) -> None:
        """The level at 9.9 % is the first at or below 25 and 10 %, that at 1.1 % at or below 5 %."""
        making = walker(lambda level: 4 if level == 0 else 2)
        drawn = chart("learning", made_run(making, SURVIVING))
        first, second, _ = drawn["series"]
        assert labels(drawn) == [
            "all inputs",
            *(f"surviving inputs at {share} % density (2 of 4 left)" for share in ("9.9", "1.1")),
        ]
        assert first["env_steps"] == second["env_steps"]
        assert np.array(first["values"]).T.tolist() == [[0.0, 500.0]] * 20  # a member that stopped stays there
        assert np.array(second["values"]).T.tolist() == [[0.25, 500.0]] * 20

    def test_each_run_on_them_is_named_where_there_are_several(self) -> None:
        making = walker(lambda level: 4 if level == 0 else 2)
        runs = [made_run(making, TICKET, SURVIVING, label=label) for label in ("one", "other")]
        found = labels(chart("learning", *runs))
        assert found[0] == "one, all inputs" and found[4].startswith("other, surviving inputs at 9.9 % density (2 of")
