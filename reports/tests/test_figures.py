"""Charts of lines, heat maps and games: what is drawn where, from the numbers of each seed."""

import re
from typing import Any

import numpy as np
import pytest

from harness.statistics.intervals import bca
from reports import grids, heat_maps, numbers, palette
from reports.line_charts import draw
from reports.tests import examples
from reports.tests.examples import CHANNELS, EVIL, Page

CHARTS = {
    "returns": examples.returns_chart(),
    "sizes": examples.sizes_chart(),
    "learning": examples.learning_chart(),
    "shares": examples.shares_chart(),
}


# lines


@pytest.mark.parametrize("kind", CHARTS)
def test_a_row_a_line_and_level_has_mean_interval_and_n_of_its_own_seeds(kind: str) -> None:
    chart, drawn = CHARTS[kind], draw(CHARTS[kind])
    show = numbers.percent if kind == "shares" else numbers.effect
    lines = []
    for one in chart["series"]:
        values = np.array(one["values"])
        lines += [values[:, :, i] for i in range(values.shape[2])] if kind == "shares" else [values]
    if kind == "sizes":
        lines = [*lines[2:], *lines[:2]]  # small networks first
    rows = []
    for values in lines:
        low, high = bca(values)
        rows += [
            [show(float(mean)), f"[{show(float(a))}, {show(float(b))}]", "5"]
            for mean, a, b in zip(values.mean(axis=1), low, high, strict=True)
        ]
    assert [list(row[-3:]) for row in drawn.rows] == rows


@pytest.mark.parametrize("kind", CHARTS)
def test_what_the_script_is_given_are_the_rows_numbers_at_shared_levels(kind: str) -> None:
    drawn = draw(CHARTS[kind])
    points = [point for panel in drawn.panels for point in panel.spec["data"][0]["values"]]
    assert [point["row"] for point in sorted(points, key=lambda point: point["row"])] == list(range(len(drawn.rows)))
    assert {point["entry"] for point in points} == set(range(len(drawn.legend)))
    for point in points:
        row, show = drawn.rows[point["row"]], numbers.percent if kind == "shares" else numbers.effect
        assert row[-3] in (show(point["mean"]), show(round(point["mean"], 3)))
    for panel in drawn.panels:
        levels = {}
        for point in panel.spec["data"][0]["values"]:
            levels.setdefault(point["level"], set()).add(point["place"])
        assert all(len(places) == 1 for places in levels.values())
        assert panel.levels == len(levels)


@pytest.mark.parametrize("kind", CHARTS)
def test_a_static_picture_has_each_lines_colour_and_a_dark_partner_for_every_colour(kind: str) -> None:
    drawn = draw(CHARTS[kind])
    for panel in drawn.panels:
        colours = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', panel.body))
        assert {swatch.colour for swatch in drawn.legend} <= colours <= set(palette.DARK)
        assert panel.alt and panel.view_box.startswith("0 0 ")


def test_a_condition_has_its_own_colour_in_every_chart_and_no_two_lines_look_alike() -> None:
    drawn = draw(examples.returns_chart(labels=("cart-pole bc", *examples.CONDITIONS[:2], "acrobot bc")))
    looks = {swatch.label: (swatch.colour, swatch.shape, swatch.dash) for swatch in drawn.legend}
    assert looks["mask/weights"][0] == palette.CONDITIONS["mask/weights"]
    assert len(set(looks.values())) == 4 and len({dash for *_, dash in looks.values()}) == 4
    assert [swatch.label for swatch in drawn.legend][-2:] == list(examples.CONDITIONS[:2])  # baselines of runs last


def test_of_many_names_the_weakest_share_a_grey() -> None:
    drawn = draw(examples.shares_chart(names=[f"input {i}" for i in range(12)]))
    assert len(drawn.legend) == 9 and drawn.legend[-1].colour == palette.REST
    assert [swatch.label for swatch in drawn.legend[:8]] == [f"input {i}" for i in range(4, 12)]


def test_levels_without_a_number_are_left_out_and_seeds_without_one_not_counted() -> None:
    chart = examples.returns_chart(labels=("a",))
    values = chart["series"][0]["values"]
    values[0] = ["NaN"] * 5
    values[1][0] = None
    rows = draw(chart).rows
    assert len(rows) == 6 and rows[0][-1] == "4"


def test_no_text_of_a_chart_becomes_markup_or_an_expression() -> None:
    drawn = draw(examples.returns_chart(EVIL, labels=(EVIL, "datum.mean = alert(2)"), references={EVIL: 3.0}))
    assert not {"img", "script"} & {tag for tag, _ in Page(drawn.panels[0].body).elements}
    spec = {key: held for key, held in drawn.panels[0].spec.items() if key != "data"}
    assert "alert" not in str(spec)


# heat maps


@pytest.mark.parametrize(
    ("share", "place"),
    [(0.0, "-"), (0.01, "0"), (0.5, "1"), (1.0, "2"), (2.0, "3"), (4.0, "4"), (8.0, "5"), (99.0, "5")],
)
def test_colours_are_a_doubling_of_the_even_share_apart_and_nothing_is_blank(share: float, place: str) -> None:
    assert heat_maps.class_of(share) == place


def test_single_inputs_are_one_map_with_a_row_an_input_and_a_column_a_level() -> None:
    kept = grids.draw(examples.inputs_map(), "m").runs[0].maps
    assert kept and len(kept.maps) == 1 and len(kept.frames) == 1
    assert kept.maps[0].frames == ("222222-" + "2222223",) and kept.maps[0].columns == 7
    assert "position 50\u202f%" in kept.maps[0].says[0] and "12" not in kept.frames[0]
    assert kept.frames[0].startswith("6.2\u202f%")  # the first level at or below 10 %
    texts = Page(kept.maps[0].body).text
    assert "position" in texts and "angle" in texts


def board() -> tuple[grids.MapFigure, heat_maps.HeatMaps, dict[str, Any]]:
    chart = examples.board_map()
    drawn = grids.draw(chart, "b")
    kept = drawn.runs[0].maps
    assert kept
    return drawn, kept, chart["series"][0]


def test_a_board_has_a_map_a_channel_with_each_cells_class_at_each_level() -> None:
    _, kept, series = board()
    assert [drawn.name for drawn in kept.maps] == list(CHANNELS) and kept.shown == 4 and len(kept.frames) == 7
    for place, drawn in enumerate(kept.maps):
        shares = [level[place] for level in series["values"]]
        assert list(drawn.frames) == ["".join(map(heat_maps.class_of, level)) for level in shares]


def test_each_map_says_how_much_it_holds_and_what_of_it_lies_where_a_thing_can_come_to() -> None:
    _, kept, series = board()
    shares = np.array(series["values"][0])
    enemy = kept.maps[1]
    assert enemy.says[0].startswith(numbers.percent(shares[1].sum() / shares.sum()))
    assert numbers.percent(shares[1][[4, 5, 6]].sum() / shares[1].sum()) in enemy.says[0]
    assert f"{series['left'][0][1]:.0f} of 12" in enemy.says[0]
    assert palette.OUTLINE in enemy.body and palette.OUTLINE not in kept.maps[0].body
    assert enemy.small == (0, 1)


def test_the_first_frame_is_drawn_cell_by_cell_in_the_colour_of_its_class() -> None:
    _, kept, _ = board()
    drawn = kept.maps[0]
    cells = ["-"] * 12
    for colour, path in enumerate(re.findall(r'class="pixels" d="([^"]*)"', drawn.body)):
        for x, y in re.findall(r"M(\d)(?:\.3)?,(\d)(?:\.3)?h", path):
            cells[int(y) * 4 + int(x)] = str(colour)
    assert "".join(cells) == drawn.frames[kept.shown]


def test_an_outline_runs_along_the_sides_that_cells_do_not_share() -> None:
    assert heat_maps.outline([0, 1], 3).count("M") == 6 and heat_maps.outline([2, 3], 3).count("M") == 8


# games


def test_everything_stands_in_its_cell_and_what_was_taken_is_gone() -> None:
    drawn, _, _ = board()
    assert drawn.picture and drawn.alt
    coins = re.findall(r'class="things" d="([^"]*)" fill="#ff0"', drawn.picture)[0]
    assert {(float(x), float(y)) for x, y in re.findall(r"M([\d.]+),([\d.]+)m", coins)} == {
        (0.5, 0.5),
        (0.5, 2.5),
        (3.5, 2.5),
    }
    end = drawn.runs[0].games[0].frames[-1]
    assert len(re.findall("M", re.findall(r'class="things" d="([^"]*)" fill="#ff0"', end.picture)[0])) == 2
    assert re.findall(r'class="mover"[^>]*fill="#0ff" transform="translate\(([\d.,]+)\)', end.picture) == ["3.5,2.5"]


def test_frames_run_from_the_start_to_the_end_with_the_return_so_far() -> None:
    drawn, _, _ = board()
    first, last = drawn.runs[0].games
    assert [(frame.time, frame.points) for frame in first.frames] == [(0, 0), (1, -1), (2, 0), (3, 0)]
    assert len(last.frames) == 3 and "return 0 in 3 steps" in first.outcome
    assert "1 of 3 coin" in first.outcome and "1 of 1 poison" in first.outcome
    assert "Seed 3" in drawn.runs[0].says and drawn.runs[0].steps == 3


def test_who_is_nowhere_is_not_drawn() -> None:
    gone = examples.game(0, places={"agent": [3, 7, 11, -1], "enemy 1": [5, 6, 5, 4]})
    series = {**examples.board_map()["series"][0], "games": [gone]}
    last = grids.draw(examples.board_map(series=[series]), "b").runs[0].games[0].frames[-1]
    assert 'fill="#0ff" display="none"' in last.picture
