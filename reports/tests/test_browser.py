"""The page in a real browser: for pointer and for keys, on a phone, in the dark, on paper and without scripts.

One page is opened once, and most tests look at it: each leaves it as it found it.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from reports import compare, palette
from reports.build import Context, build
from reports.tests import examples
from reports.tests.conftest import Open
from reports.tests.examples import EVIL, embedded


@pytest.fixture(scope="module")
def live(opened: Open, html: str) -> Iterator[Page]:
    with opened(html) as page:
        yield page


@pytest.fixture
def figure(live: Page) -> Iterator[Locator]:
    """The first chart, of returns, drawn and in view; all its lines are shown again in the end."""
    found = live.locator("figure[data-chart]").first
    found.scroll_into_view_if_needed()
    expect(found.locator(".drawn")).to_have_count(1)
    yield found
    for box in found.get_by_role("checkbox").all():
        box.check(force=True)
    live.mouse.move(0, 0)
    live.evaluate("document.activeElement.blur()")


def marks(found: Locator) -> Locator:
    """The points of the first panel."""
    return found.locator(".panel").first.locator(".live .mark-symbol path")


def said(found: Locator) -> list[list[str]]:
    """The rows of the box beside the first panel, without its head."""
    box = found.locator(".values").first
    expect(box).to_be_visible()
    return [row.locator("td").all_inner_texts() for row in box.locator("tr").all()[1:]]


def rows_at(found: Locator, level: int) -> list[list[str]]:
    """What the chart's table says of a level, line by line."""
    rows = found.locator(".numbers tbody tr").evaluate_all("all => all.map(r => [...r.cells].map(c => c.textContent))")
    return rows[level :: len(examples.DENSITY)]  # type: ignore[no-any-return]


# charts


def test_every_point_is_drawn_in_the_colour_of_its_line(figure: Locator) -> None:
    colours = marks(figure).evaluate_all("all => all.map(e => e.getAttribute('fill'))")
    assert len(colours) == 4 * 7 and set(colours) == set(palette.CONDITIONS.values())


def test_the_pointer_says_the_tables_numbers_at_the_nearest_level(figure: Locator) -> None:
    for level in (2, 6):
        box, frame = marks(figure).nth(level).bounding_box(), figure.locator(".picture").bounding_box()
        assert box and frame
        x = box["x"] + box["width"] / 2 - frame["x"] + 3
        figure.locator(".picture").hover(position={"x": x, "y": frame["height"] / 2})
        expect(figure.locator(".slider")).to_have_value(str(level))
        assert said(figure) == rows_at(figure, level)


def test_keys_alone_lead_through_the_levels_and_are_told_to_the_ear(figure: Locator, live: Page) -> None:
    slider = figure.get_by_role("slider")
    slider.focus()
    for keys, level in ((("Home", "ArrowRight", "ArrowRight", "ArrowLeft"), 1), (("End",), 6), (("ArrowUp",), 6)):
        for key in keys:
            live.keyboard.press(key)
        expect(slider).to_have_value(str(level))
        assert said(figure) == rows_at(figure, level)
        text = slider.get_attribute("aria-valuetext") or ""
        for name, place, mean, interval, n in rows_at(figure, level):
            assert f"{name} at {place}: {mean} {interval}, n {n}" in text
    live.keyboard.press("Escape")
    expect(figure.locator(".values")).to_be_hidden()


def test_entries_of_the_legend_hide_their_lines_all_but_the_last(figure: Locator, live: Page) -> None:
    entries = figure.locator(".swatch")
    entries.nth(0).get_by_role("checkbox").focus()
    live.keyboard.press("Space")
    for place in (1, 3):
        entries.nth(place).click()
    expect(marks(figure)).to_have_count(7)
    entries.nth(2).click()
    expect(entries.nth(2).get_by_role("checkbox")).to_be_checked()  # the last line stays
    expect(marks(figure)).to_have_count(7)
    assert set(marks(figure).evaluate_all("all => all.map(e => e.getAttribute('fill'))")) == {"#2a6fbb"}


# maps and games


@pytest.fixture
def board(live: Page) -> Iterator[Locator]:
    found = live.locator("figure.maze")
    found.scroll_into_view_if_needed()
    yield found
    for slider in found.get_by_role("slider").all():
        slider.press("Home")


def test_the_slider_leads_all_maps_through_the_levels_by_keys(board: Locator, html: str) -> None:
    data = next(held for held in embedded(html, "maps").values() if held["games"])["kept"]
    slider = board.get_by_role("slider", name="How far it is pruned")
    for key, level in (("Home", 0), ("ArrowRight", 1), ("End", 6)):
        slider.press(key)
        expect(slider).to_have_attribute("aria-valuetext", data["frames"][level])
        for place, kept in enumerate(data["maps"]):
            shown = board.locator(".map:visible").nth(place)
            expect(shown.locator("[role=img]")).to_have_attribute(
                "aria-label", f"{kept['name']}: {kept['says'][level]}"
            )
            cells = ["-"] * 12
            for colour, path in enumerate(shown.locator(".pixels").all()):
                for x, y in re.findall(r"M(\d+)(?:\.3)?,(\d+)(?:\.3)?h", path.get_attribute("d") or ""):
                    cells[int(y) * 4 + int(x)] = str(colour)
            assert "".join(cells) == kept["frames"][level]


def places(board: Locator) -> list[str]:
    return board.locator(".mover").evaluate_all("all => all.map(e => e.getAttribute('transform'))")


def test_games_are_played_step_by_step_and_only_when_they_are_told_to(board: Locator, live: Page) -> None:
    steps, first = board.get_by_role("slider", name="Step of the games"), board.locator(".board-of").first
    live.wait_for_timeout(250)
    expect(steps).to_have_value("0")
    steps.press("ArrowRight")
    assert places(first) == ["translate(2.5,1.5)", "translate(3.5,1.5)"]
    expect(first.locator(".score")).to_have_text("return −1")
    assert (first.locator(".things").nth(1).get_attribute("d") or "").count("M") == 0  # the poison is taken
    board.get_by_role("button", name="Play").press("Enter")
    expect(steps).to_have_value("3")
    expect(board.get_by_role("button", name="Play")).to_be_visible()
    expect(first.locator(".score")).to_have_text("return 0, over after 3 steps")
    assert places(first) == ["translate(0.5,1.5)", "translate(3.5,2.5)"]


# filters


@pytest.fixture
def filters(live: Page) -> Iterator[Locator]:
    found = live.locator("#filters")
    found.scroll_into_view_if_needed()
    yield found
    found.get_by_role("button", name="Show all").click()


def left(live: Page) -> list[str]:
    return live.locator(".board tbody tr:not([hidden]) .where code").all_inner_texts()


def test_verdicts_systems_words_and_changes_narrow_the_board_and_the_page(filters: Locator, live: Page) -> None:
    every = left(live)
    filters.get_by_label("reproduced").check()
    assert left(live) == every[1:3] and live.locator("section.claim:visible").count() == 2
    filters.get_by_label("mixed").check()
    assert left(live) == every[:3]
    filters.get_by_label("System").select_option("gridmaze dqn")
    assert left(live) == every[1:2]
    expect(filters.locator("output")).to_have_text("1 of 4 claims")
    filters.get_by_role("button", name="Show all").click()
    filters.get_by_label("changed against the baseline").check()
    assert left(live) == every[:1]
    filters.get_by_label("changed against the baseline").uncheck()
    filters.get_by_label("Words").fill("WHAT counts")
    assert left(live) == every[:1]
    filters.get_by_label("Words").fill("nothing has this")
    expect(live.locator("#none-left")).to_be_visible()


def test_a_view_stands_in_the_address_and_a_link_brings_back_what_is_hidden(filters: Locator, live: Page) -> None:
    filters.get_by_label("mixed").check()
    filters.get_by_label("System").select_option("cart-pole")
    address = live.evaluate("location.hash")
    assert "verdict=MIXED" in address and "system=cart-pole" in address
    filters.get_by_role("button", name="Show all").click()
    expect(live.locator("section.claim:visible")).to_have_count(4)
    live.evaluate("hash => { location.hash = hash }", address)
    expect(live.locator("section.claim:visible")).to_have_count(1)
    expect(filters.get_by_label("mixed")).to_be_checked()
    live.evaluate("location.hash = '#claim-waits'")
    expect(live.locator("#claim-waits")).to_be_visible()


# for everyone


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical; of many rows that are alike it gets two a table."""
    page.locator(".numbers tr:nth-child(n+3)").evaluate_all("all => all.map(row => row.remove())")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    bad = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes'][:3]]}" for rule in bad]


@pytest.mark.parametrize(
    ("width", "scheme", "scripts"), [(1440, "light", True), (390, "dark", True), (390, "light", False)]
)
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    width: int, scheme: Any, scripts: bool, html: str, opened: Open
) -> None:
    text = html if scripts else re.sub("<script>.*?</script>", "", html, flags=re.DOTALL)  # axe is a script itself
    with opened(text, width, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = !e.closest('td, th'))")
        if scripts:
            found = page.locator("figure[data-chart]").first
            found.scroll_into_view_if_needed()
            expect(found.locator(".drawn")).to_have_count(1)
            found.locator(".picture").hover()
            expect(found.locator(".values")).to_be_visible()
            painted = set(marks(found).evaluate_all("all => all.map(e => getComputedStyle(e).fill)"))
            colours = [palette.DARK[c] if scheme == "dark" else c for c in palette.CONDITIONS.values()]
            assert painted == {f"rgb({', '.join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5))})" for c in colours}
        else:
            assert page.locator("button:visible, input:visible").count() == 0
            assert page.locator(".static:visible").count() == page.locator("figure[data-chart] .panel").count()
            assert page.locator(".frames li:visible").count() == 4 + 3
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert serious(page) == []


def test_a_comparison_keeps_nobody_out(opened: Open, run: Any, tmp_path: Any) -> None:
    found = compare.compare(examples.moved(run, 0.5, "11-01"), run)
    html = compare.write(found, tmp_path / "compare.html").read_text("utf-8")
    with opened(html, 390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert serious(page) == []


def test_paper_has_static_charts_the_shown_level_and_no_controls(html: str, opened: Open) -> None:
    with opened(html, 718) as page:  # A4 within its margins
        found = page.locator("figure[data-chart]").first
        found.scroll_into_view_if_needed()
        expect(found.locator(".drawn")).to_have_count(1)
        found.locator(".swatch").first.click()
        page.get_by_role("slider", name="How far it is pruned").press("Home")
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 718
        expect(found.locator(".static")).to_be_visible()
        for gone in (".live", ".slider", ".dial", ".player", "input", "#filters label"):
            expect(page.locator(gone).locator("visible=true")).to_have_count(0)
        assert page.locator(".maps .map:visible").count() == len(examples.CHANNELS)
        assert page.locator(".frames li:visible").count() == 7
        for words in ("Findings", "How far this run is scaled down", "Provenance"):
            expect(page.get_by_text(words, exact=True).first).to_be_visible()


def test_hostile_texts_stay_texts_when_charts_come_alive_and_long_ones_break(opened: Open) -> None:
    long = "x" * 300
    labels = (EVIL, "datum.mean = alert(2)", long)
    chart = examples.returns_chart(EVIL, labels=labels, references={EVIL: 500.0, long: 22.0})
    texts = dict.fromkeys(("name", "hypothesis", "unit", "reason", "note", "test", "message", "rerun", "system"), long)
    claim = examples.claim_result(examples.finding(**texts), charts=(chart,), says=long, source=long, systems=long)
    with opened(build(examples.run(claim, commit=long, command=long), Context()), 390) as page:
        drawing = page.locator("figure[data-chart]")
        drawing.scroll_into_view_if_needed()
        expect(drawing.locator(".drawn")).to_have_count(1)
        assert EVIL in drawing.locator(".live text").all_text_contents()
        assert drawing.locator("img, script").count() == 0
        drawing.locator(".picture").hover()
        assert [cells[0] for cells in said(drawing)] == list(labels)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
