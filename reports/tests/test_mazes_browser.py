"""A maze in a real browser: its slider by keys, its agents at play, on paper and without scripts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

import reports
from reports import snapshot
from reports.tests import maze as made
from reports.tests.pages import browser, without_scripts
from reports.tests.test_browser import opened, serious

pytestmark = browser
NEAR = 3


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("maze") / "report.html"
    place.write_text(reports.build(made.findings()), "utf-8")
    return place


@pytest.fixture(scope="module")
def data(place: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="mazes">(.*?)</script>', place.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])["maze-1-1"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=snapshot.chromium(), args=["--no-sandbox"])
        yield started
        started.close()


def maze(page: Page) -> Locator:
    found = page.locator("figure.maze")
    found.scroll_into_view_if_needed()
    return found


def shown(found: Locator, channel: int) -> str:
    """The class of each cell of a map that is seen."""
    paths = found.locator(".map:visible").nth(channel).locator(".pixels")
    classes = ["-"] * made.CELLS
    for colour, path in enumerate(paths.all()):
        for x, y in re.findall(r"M(\d+)(?:\.3)?,(\d+)(?:\.3)?h", path.get_attribute("d") or ""):
            classes[int(y) * made.COLUMNS + int(x)] = str(colour)
    return "".join(classes)


def test_the_slider_leads_all_maps_through_the_levels_by_keys(
    chromium: Browser, place: Path, data: dict[str, Any]
) -> None:
    with opened(chromium, place) as page:
        found = maze(page)
        slider = found.get_by_role("slider", name="How far it is pruned")
        assert found.locator(".map:visible").count() == len(made.CHANNELS)
        for key, level in ((None, NEAR), ("ArrowRight", 4), ("Home", 0), ("ArrowRight", 1), ("End", 5), ("End", 5)):
            slider.focus()
            if key:
                page.keyboard.press(key)
            expect(slider).to_have_value(str(level))
            expect(slider).to_have_attribute("aria-valuetext", data["levels"][level])
            assert found.locator(".kept output").inner_text() == data["levels"][level]
            for channel in (1, 2, 5):
                assert shown(found, channel) == data["maps"][channel]["classes"][level]
                told = found.locator(".map:visible").nth(channel)
                assert told.locator("span").inner_text() == data["maps"][channel]["says"][level]
                expect(told.locator("[role=img]")).to_have_attribute(
                    "aria-label", f"{made.CHANNELS[channel]}: {data['maps'][channel]['says'][level]}"
                )
        assert shown(found, 1) != data["maps"][1]["classes"][0]


def test_a_script_draws_a_level_as_the_page_has_it(chromium: Browser, place: Path) -> None:
    with opened(chromium, place) as page:
        found = maze(page)
        slider = found.get_by_role("slider", name="How far it is pruned")
        for key in ("Home", *NEAR * ("ArrowRight",)):
            slider.press(key)
        paths = "all => all.map(path => path.getAttribute('d'))"
        live, still = (found.locator(f".maps.{kind} .pixels").evaluate_all(paths) for kind in ("live", "still"))
        assert live == still and sum(map(len, live)) > 1000


def test_on_paper_the_level_nearest_to_ten_percent_is_shown_wherever_the_slider_stands(
    chromium: Browser, place: Path, data: dict[str, Any]
) -> None:
    with opened(chromium, place) as page:
        found = maze(page)
        found.get_by_role("slider", name="How far it is pruned").press("Home")
        page.emulate_media(media="print")
        assert found.locator(".map:visible").count() == len(made.CHANNELS)
        assert shown(found, 1) == data["maps"][1]["classes"][NEAR]
        assert found.locator(".shown:visible").inner_text() == data["levels"][NEAR]
        assert found.locator("input:visible, button:visible").count() == 0
        assert found.locator(".frames li:visible").count() == 20


def test_without_scripts_the_same_is_shown(chromium: Browser, place: Path, data: dict[str, Any]) -> None:
    with opened(chromium, place, 390, java_script_enabled=False) as page:
        found = maze(page)
        assert shown(found, 1) == data["maps"][1]["classes"][NEAR]
        assert found.locator("input:visible, button:visible").count() == 0
        assert found.locator(".frames li:visible").count() == 20


def at(board: Locator) -> list[tuple[float, float] | None]:
    """Where the enemies and then the agent stand, in the middle of a cell."""
    places: list[tuple[float, float] | None] = []
    for mover in board.locator(".mover").all():
        moved = re.fullmatch(r"translate\(([\d.]+),([\d.]+)\)", mover.get_attribute("transform") or "")
        hidden = mover.get_attribute("display") == "none"
        places.append((float(moved[1]), float(moved[2])) if moved and not hidden else None)
    return places


def middle(cell: int) -> tuple[float, float]:
    return cell % made.COLUMNS + 0.5, cell // made.COLUMNS + 0.5


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_agents_stand_still_until_they_are_told_to_play_and_then_step(
    motion: Any, chromium: Browser, place: Path, data: dict[str, Any]
) -> None:
    with opened(chromium, place, reduced_motion=motion) as page:
        found = maze(page)
        steps = found.get_by_role("slider", name="Step of the games")
        page.wait_for_timeout(250)
        expect(steps).to_have_value("0")
        found.get_by_role("button", name="Play").press("Enter")
        pause = found.get_by_role("button", name="Pause")
        expect(pause).to_be_visible()
        expect(steps).not_to_have_value("0")
        pause.press("Enter")
        stopped = steps.input_value()
        page.wait_for_timeout(250)
        assert steps.input_value() == stopped
        for place_of, board in enumerate(found.locator(".board-of").all()):
            game = data["games"][place_of]
            movers = [*(path[int(stopped)] for path in game["enemies"]), game["agent"][int(stopped)]]
            assert at(board) == [middle(cell) for cell in movers]


def test_the_step_is_chosen_by_keys_and_each_board_tells_what_came_of_it(
    chromium: Browser, place: Path, data: dict[str, Any]
) -> None:
    with opened(chromium, place) as page:
        found = maze(page)
        steps = found.get_by_role("slider", name="Step of the games")
        dense, sparse = found.locator(".board-of").all()
        steps.press("ArrowRight")
        expect(steps).to_have_value("1")
        assert at(dense)[2] == middle(data["games"][0]["agent"][1])
        steps.press("End")
        expect(steps).to_have_value("200")
        total, less = (sum(game["rewards"]) for game in data["games"])
        assert dense.locator(".score").inner_text() == f"return {total}, over after 200 steps"
        assert sparse.locator(".score").inner_text() == f"return {less}, over after 90 steps"
        coins = sparse.locator(".coins").get_attribute("d") or ""
        assert coins.count("h0") == len(data["coins"]) - less
        assert (steps.get_attribute("aria-valuetext") or "").startswith(
            "step 200 of 200; dense, all weights left: return"
        )
        found.get_by_role("button", name="Play").press("Enter")  # from the start again
        expect(steps).not_to_have_value("200")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_serious_in_a_maze_and_nothing_scrolls_sideways(
    scheme: Any, width: int, chromium: Browser, place: Path
) -> None:
    with opened(chromium, place, width, color_scheme=scheme) as page:
        maze(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert serious(page) == []


def test_axe_finds_nothing_serious_in_a_maze_without_scripts(chromium: Browser, place: Path) -> None:
    bare = place.with_name("bare.html")
    bare.write_text(without_scripts(place.read_text("utf-8")), "utf-8")
    with opened(chromium, bare, 390, color_scheme="dark") as page:
        assert serious(page) == []
