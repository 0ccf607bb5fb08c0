"""The data behind charts: what is drawn of a claim's runs, what is merged, and how agents of a grid task play."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from harness.experiment import Cell
from harness.judging.chart_data import Chart, charts_of, check_figure
from harness.judging.playing import median_seed
from harness.judging.run import Run
from harness.learners.protocol import ACTOR
from harness.profiles.profile import System
from harness.profiles.readings import READINGS
from harness.pruning.conditions import CONDITIONS, DENSE, SURVIVING, TICKET
from harness.pruning.level import Level
from harness.tasks.gridmaze.layout import FILE, LAYOUT, OBJECTS
from harness.tasks.gridmaze.maze import GridMaze
from harness.tests.judging.made import EXPERT, PROFILE, RANDOM, WHOLE, level_of, made_run, returns_of

REFERENCES = pytest.approx({"expert": EXPERT, "random": RANDOM})


def chart(figure: Any, *runs: Run) -> Chart:
    """The first chart of a claim with one finding."""
    return charts_of(figure, [runs])[0]


def labels(drawn: Chart) -> list[str]:
    return [series["label"] for series in drawn["series"]]


class TestLines:
    def test_learning_is_drawn_over_the_env_steps_of_level_0(self) -> None:
        curves = np.where(np.arange(20)[:, None] == 0, (100, 500), (100, 200))
        making = partial(level_of, evaluations=curves)
        runs = [made_run(lambda c, k: making(c), DENSE, system=WHOLE, label=label) for label in ("some", "every")]
        drawn = chart("learning", *runs)
        assert (drawn["kind"], drawn["title"]) == ("learning", "Cart-Pole BC, dense")
        assert labels(drawn) == ["some", "every"]
        assert drawn["series"][0]["env_steps"] == [128, 256]
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
        other = dataclasses.replace(PROFILE, overrides=READINGS["judged"].overrides)
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
CELLS = 200


def walker(rows: Callable[[int], int], right: dict[int, float] | None = None, bias: float = 0.0) -> Any:
    """Levels of an agent. rows: inputs left at a level. right: what speaks for going right, by input and in sum."""

    def making(cell: Cell, number: int) -> Level:
        level = level_of(cell, np.arange(len(cell.seeds)) + 10.0 * number, [(0.25 * number, 500.0)])
        level.masks[ACTOR].weights[0][:, rows(number) :] = False
        trained = level.trained[ACTOR]
        trained.flat[:] = 0
        first, *others, last = trained.weights
        first[:, : rows(number)] = 1e-6
        for row, strength in (right or {}).items():
            first[:, row, 0] = strength
        for weight in others:
            weight[:, 0, 0] = 1
        last[:, 0, -1] = 1  # the last action: to the right
        trained["bias.0"][:, 0] = bias
        trained[f"bias.{len(others) + 1}"][:, UP] = 0.5
        return level

    return making


def grid_run(making: Any, *overrides: str) -> Run:
    return made_run(making, system=System("gridmaze", "dqn", overrides))


def two_rows(level: int) -> int:
    return 6 * CELLS if level == 0 else 2


def heat_map(*runs: Run) -> Chart:
    return charts_of("maps", [runs])[-1]


class TestMaps:
    def test_the_board_is_read_off_the_start_and_walls_are_what_is_on_no_map(self) -> None:
        drawn = heat_map(grid_run(walker(two_rows)))
        assert (drawn["kind"], drawn["title"], drawn["grid"]) == ("map", "GridMaze DQN", [10, 20])
        assert drawn["board"]["layout"] == FILE.read_text().splitlines()[:10]
        assert drawn["board"]["reachable"] == {f"enemy {n + 1}": LAYOUT.gap(n).tolist() for n in (0, 1)}

    def test_the_weight_on_each_pixel_is_a_multiple_of_the_even_share(self) -> None:
        """All 1200 inputs alike at level 0; later two hold everything."""
        layers, channels, drawn = charts_of("maps", [[grid_run(walker(two_rows))]])
        (series,) = drawn["series"]
        assert series["channels"] == channels["names"] == list(OBJECTS)
        values = np.array(series["values"])
        assert values.shape == (len(series["density"]), 6, CELLS)
        np.testing.assert_allclose(values[0], 1.0)
        np.testing.assert_allclose(values[1].reshape(-1)[:3], [600, 600, 0])
        assert series["left"][0] == [CELLS] * 6 and series["left"][1] == [2, 0, 0, 0, 0, 0]
        assert series["unlit"][1] == np.flatnonzero(LAYOUT.walls).tolist()  # no agent walks into a wall
        assert layers["series"][0]["values"][1][0] == [pytest.approx(2 / 1200, abs=1e-4), 1, 1]
        assert channels["series"][0]["values"][2][3] == pytest.approx([2 / CELLS, 0, 0, 0, 0, 0])

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


@pytest.mark.parametrize(
    ("figure", "condition", "named"),
    [
        ("maps", TICKET, "cart-pole"),
        ("layers", DENSE, "ticket"),
        ("inputs", "mask/permuted", "ticket"),
        ("learning", DENSE, "stop_at_maximum=false"),
        ("nosuch", TICKET, "nosuch"),
    ],
)
def test_a_figure_that_can_not_be_drawn_is_refused_before_anything_is_trained(
    figure: str, condition: str, named: str
) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        check_figure(figure, [made_run(returns_of(1, 1, 1, 1), condition)])
    assert "\n" not in str(caught.value)


def played(*actions: int) -> dict[str, Any]:
    """What these actions come to, and the last one from then on, by the state of the environment itself."""
    task = GridMaze()
    start = task.draw_starts(np.random.default_rng(0), (1, 1))
    batch: Any = task.batch(start)
    places, rewards = [(int(batch.agents[0, 0]), *batch.enemies[0, 0].tolist())], []
    for time in range(task.horizon):
        moved = batch.step(np.array([[actions[min(time, len(actions) - 1)]]]), start)
        rewards.append(int(moved.rewards[0, 0]))
        if moved.terminated[0, 0] or moved.truncated[0, 0]:
            break  # the batch shows the next episode by now
        places.append((int(batch.agents[0, 0]), *batch.enemies[0, 0].tolist()))
    agent, *enemies = (list(path) for path in zip(*places, strict=True))
    return {"rewards": rewards, "places": {"agent": agent, "enemy 1": enemies[0], "enemy 2": enemies[1]}}


def but_for_the_end(game: Chart) -> dict[str, Any]:
    return {"rewards": game["rewards"], "places": {name: path[:-1] for name, path in game["places"].items()}}


class TestPlaying:
    def test_a_dense_and_a_sparse_agent_of_the_median_seed_play_until_the_end(self) -> None:
        run = grid_run(walker(two_rows, bias=1.0))
        (series,) = heat_map(run)["series"]
        dense, sparse = series["games"]
        middle = (len(run.seeds) - 1) // 2
        assert (dense["level"], dense["density"], sparse["level"]) == (0, 1.0, 1)
        assert (dense["seed"], dense["scored"], sparse["scored"]) == (middle, middle, middle + 10)
        assert but_for_the_end(dense) == but_for_the_end(sparse) == played(RIGHT)

    def test_an_agent_acts_on_what_it_sees_while_the_game_is_read_off_object_maps(self) -> None:
        """It goes right where the start's pixel is blue, as its own colour is; of object maps that is an enemy's."""
        making = walker(lambda level: 1200, {2 * CELLS + LAYOUT.agent: 1.0})
        coloured, plain = (heat_map(grid_run(making, *o)) for o in (["task.encoding=rgb"], []))
        assert coloured["board"] == plain["board"]
        assert [len(drawn["series"][0]["channels"]) for drawn in (coloured, plain)] == [3, 6]
        games = [drawn["series"][0]["games"][0] for drawn in (coloured, plain)]
        assert [but_for_the_end(game) for game in games] == [played(RIGHT, UP), played(UP)]

    def test_a_grid_that_is_shown_as_no_maps_has_games_alone(self) -> None:
        layers, drawn = charts_of("maps", [[grid_run(walker(two_rows), "task.encoding=entangled")]])
        assert layers["of"] == "weights left, by layer"
        (series,) = drawn["series"]
        assert series["channels"] == series["unlit"] == [] and not any(series["values"])
        assert len(series["games"]) == 2

    def test_the_lower_of_two_in_the_middle_and_the_first_of_equals_is_the_median_seed(self) -> None:
        returns = ([5.0, 1.0, 3.0], [5.0, 1.0, 3.0, 4.0], [2.0, 2.0, 2.0])
        assert [median_seed(np.array(each)) for each in returns] == [2, 2, 1]


class TestSurvivingInputs:
    def test_learning_on_them_stands_beside_that_on_all(self) -> None:
        """The level at 9.9 % is the first at or below 25 and 10 %, that at 1.1 % at or below 5 %."""
        making = walker(lambda level: 4 if level == 0 else 2)
        drawn = chart("learning", made_run(making, SURVIVING, system=WHOLE))
        first, second, _ = drawn["series"]
        assert labels(drawn) == [
            "all inputs",
            *(f"surviving inputs at {share} % density (2 of 4 left)" for share in ("9.9", "1.1")),
        ]
        assert first["env_steps"] == second["env_steps"]
        assert np.array(first["values"]).T.tolist() == [[0.0, 500.0]] * 20
        assert np.array(second["values"]).T.tolist() == [[0.25, 500.0]] * 20
