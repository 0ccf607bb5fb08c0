"""What the mask sees: a map of any task, a picture of one that has one."""

import re
from typing import Any

import pytest

import reports
from harness.profiles.profile import TASKS
from reports import masks, palette
from reports.tests import suites, synthetic
from reports.tests.pages import EVIL, Page, section

NAMES = list(masks.CART_POLE)


def chart(names: list[str] = NAMES, levels: int = 12, **changes: Any) -> dict[str, Any]:
    return {**synthetic.inputs_chart("k", "t", names, 2, ("Kaiming", "Kaiming / 10"), levels=levels), **changes}


def test_a_map_has_a_row_an_input_and_a_column_a_level() -> None:
    drawn = masks.draw(chart(["a", "b", "c"], levels=5))
    assert drawn is not None
    assert [panel.heading for panel in drawn.panels] == ["Kaiming", "Kaiming / 10"]
    for panel in drawn.panels:
        assert panel.map.body.count("fill-opacity=") == 3 * 5 and panel.picture is None


def test_the_darker_the_more_an_input_holds() -> None:
    made = chart(["a", "b"], levels=1)
    made["series"] = [{"label": "x", "density": [1.0], "values": [[[0.9, 0.1], [0.7, 0.3]]]}]
    drawn = masks.draw(made)
    assert drawn is not None
    assert re.findall(r'fill-opacity="([\d.]+)"', drawn.panels[0].map.body) == ["0.80", "0.20"]


def test_the_picture_is_of_the_first_level_at_or_below_ten_percent() -> None:
    drawn = masks.draw(chart())
    assert drawn is not None and drawn.density == "6.9\u202f%"
    picture = drawn.panels[0].picture
    assert picture is not None
    assert picture.alt.startswith("Kaiming: what the mask keeps at 6.9\u202f% remaining weights. cart position ")


@pytest.mark.parametrize(
    ("names", "held", "strengths", "words"),
    [
        (
            masks.CART_POLE,
            [0.0, 0.1, 0.5, 0.4],
            [masks.FAINT, 0.2, 1.0, 0.8],
            ("position 0", "velocity 10", "angle 50", "turning 40"),
        ),
        (
            masks.ACROBOT,
            [0.02, 0.08, 0.0, 0.1, 0.3, 0.5],
            [masks.FAINT, masks.FAINT, masks.FAINT, 0.2, 0.6, 1.0],
            ("cosine 1 2", "sine 1 8", "cosine 2 0", "sine 2 10", "turning 1 30", "turning 2 50"),
        ),
    ],
)
def test_each_quantity_of_a_picture_is_drawn_as_strong_as_the_mask_keeps_it(
    names: tuple[str, ...], held: list[float], strengths: list[float], words: tuple[str, ...]
) -> None:
    made = chart(list(names), levels=1)
    made["series"] = [{"label": "x", "density": [1.0], "values": [[held]]}]
    drawn = masks.draw(made)
    assert drawn is not None and drawn.panels[0].picture is not None
    body = drawn.panels[0].picture.body
    strength = dict(re.findall(r'stroke="(#\w+)" stroke-width="[\d.]+" opacity="([\d.]+)"', body))
    assert list(strength) == list(palette.NEUTRAL[: len(names)])  # the colours that the inputs have in the chart beside
    assert [float(x) for x in strength.values()] == pytest.approx(strengths)
    for word in words:
        assert f">{word}\u202f%</text>" in body


@pytest.mark.parametrize(("names", "task"), [(masks.CART_POLE, "cart-pole"), (masks.ACROBOT, "acrobot")])
def test_a_picture_is_of_the_inputs_that_its_task_has(names: tuple[str, ...], task: str) -> None:
    assert names == TASKS[task].task.inputs


def test_a_layer_that_was_pruned_away_is_drawn_as_nothing() -> None:
    made = chart(levels=2)
    made["series"] = [{"label": "x", "density": [1.0, 0.05], "values": [[[0.25] * 4], [[0.0] * 4]]}]
    drawn = masks.draw(made)
    assert drawn is not None and drawn.panels[0].picture is not None
    assert drawn.panels[0].map.body.count("stroke-dasharray") == 4
    assert "angle nothing" in drawn.panels[0].picture.body


def test_of_many_inputs_the_strongest_are_kept_and_the_others_counted() -> None:
    drawn = masks.draw(chart([f"pixel {i}" for i in range(1200)], levels=2))
    assert drawn is not None
    assert drawn.left_out == 1200 - masks.MOST
    assert "pixel 1199" in drawn.panels[0].map.body and len(drawn.panels[0].map.body) < 10_000


def test_every_colour_has_a_dark_partner_and_no_text_becomes_markup() -> None:
    for made in (chart(), chart(list(masks.ACROBOT)), chart([EVIL, "b"], title=EVIL)):
        drawn = masks.draw(made)
        assert drawn is not None
        for panel in drawn.panels:
            for picture in (panel.map, panel.picture):
                if picture is not None:
                    used = set(re.findall(r'(?:fill|stroke)="(#?\w+)"', picture.body))
                    assert used - {"none"} <= set(palette.DARK)
                    assert "style=" not in picture.body and "<script" not in picture.body


@pytest.mark.parametrize(
    "made",
    [
        None,
        "text",
        {"kind": "inputs"},
        synthetic.returns_chart("k", "t"),
        chart(series=[]),
        {**chart(), "names": ["a"]},
        chart(series=[{"label": "x", "density": [1.0, 0.5], "values": [[[0.25] * 4]]}]),
    ],
)
def test_what_is_no_chart_of_inputs_draws_nothing(made: Any) -> None:
    assert masks.draw(made) is None


def test_a_claim_shows_its_masks_once_a_chart_with_words_for_those_who_do_not_see_them() -> None:
    twice = [synthetic.finding("c", "cart-pole ppo", "supported", name=name, chart=chart()) for name in ("a", "b")]
    page = reports.build({**synthetic.smoke(), "claims": [suites.claim("c", "REPRODUCED", twice)]})
    named = [a["aria-label"] for _, a in Page(page).elements if a.get("role") == "img"]
    assert section(page, "c").count('class="masks"') == 1
    assert sum("what the mask keeps at" in label for label in named) == 2
    assert sum("share of input magnitude by remaining weights" in label for label in named) == 2
