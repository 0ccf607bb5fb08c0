"""What the mask keeps of a maze, as the page shows it: which cell is drawn how, with scripts and without."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from harness.results.findings_file import SCHEMA_FILE

import reports
from reports import charts, games, grids, mazes, palette
from reports.tests import maze as made
from reports.tests.pages import EVIL, Page, section, without_scripts

TINY = ["A.ox", "#..1"]
MAPS = ["agent", "enemy 1"]


def tiny(**changes: Any) -> dict[str, Any]:
    """Two maps of eight cells at densities of 1, 0.2 and 0.05, whose shares are one of each class."""
    even = [1.0] * 8
    agent = [0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 0.3]
    chart = made.maze_chart()
    (series,) = chart["series"]
    series |= {
        "density": [1.0, 0.2, 0.05],
        "channels": MAPS,
        "values": [[even, even], [agent, [0.0] * 8], [[0.0] * 8, [0, 0, 0, 0, 0, 4.0, 2.0, 2.0]]],
        "unlit": [[4], [0, 1, 2, 3, 4]],
        "left": [[8, 8], [7, 0], [0, 3]],
        "layers": [[[1, 1, 1]] * 5, [[0.1, 0.3, 0.5]] * 5, [[0.02, 0.1, 0.4]] * 5],
        "channel_densities": [[[1, 1]] * 5, [[0.3, 0.1]] * 5, [[0.1, 0.05]] * 5],
        "seeds": 5,
        "games": [game(0, 1.0), game(2, 0.05)],
    }
    return {**chart, "layout": TINY, "reachable": {"enemy 1": [5, 6, 7]}} | changes


def game(level: int, density: float, **changes: Any) -> dict[str, Any]:
    """To the right until the poison; the enemy walks to and fro below."""
    way = {"agent": [0, 1, 2, 3], "enemies": [[7, 6, 5, 6], [-1] * 4], "rewards": [0, 1, -1]}
    return {"level": level, "density": density, "seed": 3, "scored": 0.0, **way, **changes}


def drawn(chart: dict[str, Any] | None = None) -> mazes.Maze:
    return mazes.draw(chart or tiny(), "maze-1")


def squares(body: str) -> list[list[tuple[int, int]]]:
    """The row and column of each pixel that is drawn in full, by colour from little to much."""
    paths = [re.search(rf'<path class="pixels" d="([^"]*)" fill="{colour}"', body) for colour in palette.RAMP]
    return [[(int(y), int(x)) for x, y in re.findall(r"M(\d+),(\d+)h", path[1])] for path in paths if path]


# the picture


def test_every_object_stands_in_its_cell_in_its_colour_of_the_paper() -> None:
    board = drawn().board
    assert re.search(rf'class="coins" d="M2\.5,0\.5h0" fill="none" stroke="{grids.COIN}"', board)
    assert re.search(rf'class="poisons" d="M3\.25,0\.25[^"]*" fill="none" stroke="{grids.POISON}"', board)
    assert f'fill="{grids.AGENT}" transform="translate(0.5,0.5)"' in board
    assert f'fill="{grids.ENEMIES[0]}" transform="translate(3.5,1.5)"' in board
    assert grids.ENEMIES[1] not in board
    assert f'<use href="#maze-1-walls" fill="{grids.WALL}"/>' in board and drawn().walls == "M0,1h1v1h-1z"
    assert board.startswith('<rect x="-0.1" y="-0.1" width="4.2" height="2.2" fill="#000"/>')
    assert drawn().alt.endswith("2 rows of 4 cells with 1 of wall, one agent, 1 enemies, 1 coins and 1 poisons.")


def test_an_outline_runs_along_the_sides_that_cells_do_not_share() -> None:
    grid = grids.Grid.of(TINY)
    assert grid.outline([5, 6]) == "M1,1h1M1,2h1M1,1v1M2,1h1M2,2h1M3,1v1"
    assert grid.outline([3, 4]).count("v1") == 4  # the end of a row is not beside the start of the next


# the maps


@pytest.mark.parametrize(
    ("share", "place"),
    [
        (0, "-"),
        (1e-9, "0"),
        (0.35, "0"),
        (0.36, "1"),
        (0.7, "1"),
        (0.72, "2"),
        (1.41, "2"),
        (1.42, "3"),
        (3, "4"),
        (6, "5"),
    ],
)
def test_colours_are_a_doubling_of_the_even_share_apart_and_nothing_is_blank(share: float, place: str) -> None:
    assert mazes.class_of(share) == place


def test_each_pixel_is_drawn_in_its_cell_in_the_colour_of_its_share() -> None:
    """Of the level at 20 %, since 0.2 is nearer to 0.1, as a ratio, than 0.05 is not: a tie goes to the denser."""
    (panel,) = drawn().panels
    assert panel.near == 1
    agent, enemy = panel.maps
    assert agent.classes == ("2" * 8, "-0123450"[:7] + "0", "-" * 8)
    assert squares(agent.body) == [[(0, 1), (1, 3)], [(0, 2)], [(0, 3)], [], [(1, 1)], [(1, 2)]]
    assert 'd="M0.3,1.3h.32v.32h-.32z"' in agent.body  # a wall: small, since it never lights up
    assert squares(enemy.body) == [[], [], [], [], [], []]


def test_what_an_enemy_can_reach_is_outlined_and_no_other_map() -> None:
    agent, enemy = drawn().panels[0].maps
    outline = f'd="{grids.Grid.of(TINY).outline([5, 6, 7])}" fill="none" stroke="{palette.OUTLINE}"'
    assert outline in enemy.body and palette.OUTLINE not in agent.body
    assert '<use href="#maze-1-outline"' in agent.body and '<use href="#maze-1-outline"' in enemy.body


def test_each_map_says_its_weight_and_how_many_pixels_are_left_at_each_level() -> None:
    agent, enemy = drawn().panels[0].maps
    assert agent.says == (
        "50\u202f% of the weight, on average 8 of 8 pixels",
        "100\u202f% of the weight, on average 7 of 8 pixels",
        "0\u202f% of the weight, on average 0 of 8 pixels",
    )
    assert enemy.says[0].endswith("8 of 8 pixels; 38\u202f% of that on the 3 outlined (38\u202f% of all)")
    assert enemy.says[1] == "0\u202f% of the weight, on average 0 of 8 pixels"
    assert enemy.says[2].endswith("; 100\u202f% of that on the 3 outlined (38\u202f% of all)")


def test_colours_have_a_dark_partner_but_those_of_the_paper_are_its_own() -> None:
    (panel,) = drawn().panels
    for shown in panel.maps:
        assert set(re.findall(r'(?:fill|stroke)="(#\w+)"', shown.body)) <= set(palette.DARK)
    assert not {grids.AGENT, grids.WALL, grids.COIN, grids.POISON, *grids.ENEMIES} & set(palette.DARK)


def test_colours_encodings_have_three_maps_and_inputs_that_are_no_pixels_none() -> None:
    rgb = made.maze_chart(channels=("red", "green", "blue"))
    entangled = made.maze_chart(channels=())
    page = reports.build(made.findings(rgb, {**entangled, "title": "GridMaze DQN entangled"}))
    text = " ".join(Page(page).text.split())
    assert "3 maps of it, one for each colour: 600 pixels in all" in text
    assert "Its inputs are no pixels of the maze" in text
    assert page.count('type="range" id="maze-1-1-level"') == 1 and 'id="maze-2-1-level"' not in page


# the games


def test_frames_are_evenly_spread_from_the_start_to_the_end_and_show_what_is_left() -> None:
    chart = made.maze_chart()
    (panel,) = drawn(chart).panels
    assert panel.play is not None
    dense, sparse = panel.play.games
    assert [frame.time for frame in dense.frames] == [0, 22, 44, 67, 89, 111, 133, 156, 178, 200]
    assert [frame.time for frame in sparse.frames] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    rewards = np.array(chart["series"][0]["games"][0]["rewards"])
    coins = "".join(made.LAYOUT).count("o")
    for frame in dense.frames:
        assert frame.points == rewards[: frame.time].sum()
        dots = re.search(r'class="coins" d="([^"]*)"', frame.picture)
        assert dots and dots[1].count("h0") == coins - frame.points


def test_who_is_on_no_map_is_not_drawn_and_the_trail_leaves_it_out() -> None:
    (panel,) = drawn().panels
    assert panel.play is not None
    (frame, *_, last) = panel.play.games[0].frames
    assert [f.time for f in panel.play.games[0].frames] == [0, 1, 2, 3]
    assert frame.picture.count('class="mover"') == 3 and frame.picture.count('display="none"') == 1
    assert 'class="trail" d="M2.5,0.5L3.5,0.5"' in last.picture


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "1 of 1 coins, 1 poison: return 0 in 3 steps; all coins are taken"),
        ({"rewards": [0, 0, -1]}, "0 of 1 coins, 1 poison: return -1 in 3 steps; the time is up"),
        (
            {"rewards": [0, 0, 0], "agent": [0, 1, 5, 6]},
            "0 of 1 coins, 0 poisons: return 0 in 3 steps; an enemy catches it",
        ),
        (
            {"rewards": [0, 0, 0], "agent": [0, 1, 2, -1]},
            "0 of 1 coins, 0 poisons: return 0 in 3 steps; an enemy catches it",
        ),
        (
            {"rewards": [0, 0, 0], "agent": [0, 1, 6, 5]},
            "0 of 1 coins, 0 poisons: return 0 in 3 steps; an enemy catches it",
        ),
    ],
)
def test_what_came_of_a_game_is_told(changes: dict[str, Any], outcome: str) -> None:
    """The third meets the enemy in its cell, the fourth is on no map any more, the fifth swaps places with it."""
    chart = tiny()
    chart["series"][0]["games"] = [game(0, 1.0, **changes)]
    play = drawn(chart).panels[0].play
    assert play is not None and play.games[0].outcome == outcome.replace("return -", "return \u2212")


def test_the_seed_that_plays_and_what_it_is_the_median_of_are_said() -> None:
    play = drawn().panels[0].play
    assert play is not None
    assert play.says.startswith(
        "Seed 3: of the 5 seeds the one with the median return at 5\u202f% of the weights (0 on"
    )
    assert [each.name for each in play.games] == ["dense, all weights left", "pruned to 5\u202f% of its weights"]


# the page


@pytest.fixture(scope="module")
def page() -> str:
    return reports.build(made.findings())


def test_without_scripts_the_level_nearest_to_ten_percent_and_the_frames_are_shown_and_no_control(page: str) -> None:
    bare = without_scripts(section(page, "agent-channel-kept"))
    assert "<b>9.1\u202f% of the weights left: pruning round 3 of 5</b>" in bare
    elements = Page(bare).elements
    hidden = [a.get("class") for _, a in elements if "hidden" in a]
    assert hidden == ["dial", "player"]  # and every control is in one of them
    assert bare.count('<div class="map">') == 6 and bare.count("<li><svg") == 2 * games.FRAMES
    labels = [a["aria-label"] for _, a in elements if a.get("role") == "img"]
    assert sum(label.startswith("enemy 1: ") for label in labels) == 1


def test_the_positions_of_the_slider_are_the_levels_each_said_in_words(page: str) -> None:
    (slider,) = [a for tag, a in Page(page).elements if tag == "input" and a.get("id") == "maze-1-1-level"]
    assert (slider["min"], slider["max"], slider["step"], slider["value"]) == ("0", "5", "1", "3")
    assert slider["aria-valuetext"] == "9.1\u202f% of the weights left: pruning round 3 of 5"
    found = re.search(r'<script type="application/json" id="mazes">(.*?)</script>', page, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert list(data) == ["maze-1-1"]
    levels = data["maze-1-1"]["levels"]
    assert len(levels) == 6 and levels[0] == "100\u202f% of the weights left: before any pruning"
    assert [len(m["classes"]) for m in data["maze-1-1"]["maps"]] == [6] * 6
    assert {len(classes) for m in data["maze-1-1"]["maps"] for classes in m["classes"]} == {made.CELLS}


def test_a_maze_is_drawn_where_it_first_appears_and_led_to_from_elsewhere(page: str) -> None:
    assert page.count('<figure class="maze"') == 1
    again = section(page, "input-layer-pruned-most")
    assert '<a href="#maze-1">The maze, and what the mask keeps of it</a>' in again
    ids = Page(page).values("id")
    assert len(ids) == len(set(ids))


def test_the_task_has_the_name_that_the_paper_gives_it(page: str) -> None:
    """In its charts, and as a column of the board."""
    assert ">GridMaze</th>" in page.partition('id="claim-')[0] and "Gridmaze" not in page


def test_densities_of_layers_and_of_channels_are_charts_of_lines(page: str) -> None:
    here = section(page, "agent-channel-kept")
    assert "<strong>GridMaze DQN, by layer</strong>" in here and "<strong>GridMaze DQN, by channel</strong>" in here
    layers, channels = (charts.draw(chart) for chart in charts.joined([made.maze_chart()]))
    assert [swatch.label for swatch in layers.legend] == ["input layer", "hidden layer 2", "output layer"]
    assert [swatch.label for swatch in channels.legend] == list(made.CHANNELS)
    assert channels.caption.startswith(
        "share of a channel's input weights left, mean and 95\u202f% BCa interval over 20"
    )
    assert len(channels.rows) == 6 * 6 and channels.rows[0][:3] == ("gridmaze dqn", "empty", "100\u202f%")


def test_all_that_a_maze_adds_to_a_page_is_under_three_hundred_kilobytes(page: str) -> None:
    without = made.findings()
    for claim in without["claims"]:
        for finding in claim["findings"]:
            finding["chart"] = None
    library = len(reports.build(made.findings({**made.maze_chart(levels=1)}))) - len(reports.build(without))
    assert 0 < len(page) - len(reports.build(without)) < library + 300_000


def test_no_text_of_a_chart_becomes_markup() -> None:
    chart = made.maze_chart(title=EVIL)
    chart["series"][0] |= {"label": EVIL, "channels": [EVIL, *made.CHANNELS[1:]]}
    other = copy.deepcopy(chart["series"][0])
    page = reports.build(made.findings({**chart, "series": [chart["series"][0], {**other, "label": "b"}]}))
    assert EVIL not in page and "<img" not in without_scripts(page)
    assert [tag for tag, _ in Page(page).elements].count("script") == 5


def malformed() -> list[tuple[str, dict[str, Any]]]:
    def changed(**changes: Any) -> dict[str, Any]:
        chart = tiny()
        chart["series"][0] |= changes
        return chart

    return [
        ("layout", tiny(layout="A")),
        ("rows of the layout differ", tiny(layout=["A.", "..."])),
        ("one agent", tiny(layout=["AA"])),
        ("outside of the grid", tiny(reachable={"enemy 1": [8]})),
        ("AttributeError", tiny(reachable=[5])),
        ("no series", tiny(series=[])),
        ("KeyError", {name: value for name, value in tiny().items() if name != "layout"}),
        ("outside of the grid", changed(unlit=[[8], []])),
        ("zip", changed(unlit=[[]])),
        ("TypeError", changed(channels=None)),
        ("values are not", changed(values=[[[1.0] * 8] * 2])),
        ("values are not", changed(left=[[8], [7], [6]])),
        ("density", changed(density=[1.0, 0.0, 0.05])),
        ("density", changed(density=[1.0, "x", 0.05])),
        ("no whole number", changed(games=[game(0, 1.0, agent=[0, 1, 2, 8])])),
        ("no whole number", changed(games=[game(0, 1.0, rewards=["x", 0, 0])])),
        ("a cell for its start", changed(games=[game(0, 1.0, agent=[0, 1])])),
        ("TypeError", changed(games=None)),
    ]


@pytest.mark.parametrize(("why", "chart"), malformed(), ids=[f"{i}-{why}" for i, (why, _) in enumerate(malformed())])
def test_a_malformed_maze_is_told_and_costs_no_other_part_of_the_report(why: str, chart: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^not a chart: ") as told:
        drawn(chart)
    assert why in str(told.value) and "\n" not in str(told.value)


def test_a_page_tells_of_a_maze_that_could_not_be_drawn() -> None:
    broken = tiny(layout=["AA"])
    page = reports.build(made.findings(broken, 3, {"kind": "maze"}, tiny()))  # type: ignore[arg-type]
    here = section(page, "agent-channel-kept")
    assert "A chart could not be drawn: not a chart: the layout has not one agent" in here
    assert here.count("A chart could not be drawn") >= 3 and here.count('<figure class="maze"') == 1


def test_the_schema_of_findings_knows_the_chart() -> None:
    document = json.loads(Path(SCHEMA_FILE).read_text("utf-8"))
    schema = {"$schema": document["$schema"], "$ref": "#/$defs/chart", "$defs": document["$defs"]}
    for chart in (made.maze_chart(), tiny(), made.maze_chart(channels=())):
        jsonschema.validate(chart, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: value for name, value in tiny().items() if name != "layout"}, schema)
