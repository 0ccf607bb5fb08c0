"""The board's filters in a real browser: by pointer and by keys, kept in the address, and gone without a script."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

import reports
from reports import snapshot
from reports.tests import suites
from reports.tests.pages import browser

pytestmark = browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=snapshot.chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three claims: `held` is MIXED on Cart-Pole, `slipped` INCONCLUSIVE there, `fresh` REPRODUCED."""
    return reports.write(suites.gated(), tmp_path_factory.mktemp("filters") / "report.html")


@pytest.fixture
def page(chromium: Browser, place: Path) -> Iterator[Page]:
    """The page, which must have said nothing when it is left."""
    complaints: list[str] = []
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(10_000)
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(error.message))
    opened.goto(place.as_uri())
    yield opened
    context.close()
    assert not complaints


def left(page: Page) -> list[str]:
    """The claims whose rows are seen; their sections must be those that are."""
    rows = page.locator(".board tbody tr:visible code").all_inner_texts()
    assert page.locator("section.claim:visible .id > code").all_inner_texts() == rows
    count = "1 of 3 claims" if len(rows) == 1 else f"{len(rows)} of 3 claims"
    expect(page.get_by_role("status")).to_have_text(count)
    return rows


def test_verdicts_add_up_and_other_filters_narrow(page: Page) -> None:
    assert left(page) == ["held", "slipped", "fresh"]
    page.get_by_label("inconclusive").check()
    assert left(page) == ["slipped"]
    page.get_by_label("reproduced", exact=True).check()
    assert left(page) == ["slipped", "fresh"]
    page.get_by_label("System", exact=False).first.select_option("acrobot ppo")
    assert left(page) == ["fresh"]


def test_a_task_is_all_of_its_systems_and_a_system_is_one(page: Page) -> None:
    system = page.locator("select[name=system]")
    system.select_option("cart-pole")
    assert left(page) == ["held", "slipped"]
    system.select_option("cart-pole bc")
    assert left(page) == ["held"]


def test_words_are_found_wherever_they_are_in_a_row(page: Page) -> None:
    words = page.get_by_label("Words")
    words.fill("SLIPPED what")
    assert left(page) == ["slipped"]
    words.press("Enter")  # which would send the form, were it one
    assert left(page) == ["slipped"]
    words.fill("SAYS acrobot")  # a system of its findings
    assert left(page) == ["fresh"]
    words.fill("no such word")
    assert left(page) == []
    expect(page.get_by_text("No claim is left by these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("status")).to_have_text("3 of 3 claims")
    assert left(page) == ["held", "slipped", "fresh"] and words.input_value() == ""


def test_only_what_changed_against_the_baseline(page: Page) -> None:
    page.get_by_label("changed against the baseline").check()
    assert left(page) == ["slipped"]


def test_filters_work_by_keys_alone(page: Page) -> None:
    page.get_by_label("reproduced", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert left(page) == ["held"]
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.type("fresh")
    assert left(page) == ["fresh"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("3 of 3 claims")


def test_a_view_stands_in_the_address_and_comes_back_from_it(page: Page, place: Path) -> None:
    page.get_by_label("inconclusive").check()
    page.get_by_label("Words").fill("what")
    address = page.evaluate("location.href")
    assert address.endswith("#board?verdict=INCONCLUSIVE&words=what")
    page.goto("about:blank")
    page.goto(address)
    assert left(page) == ["slipped"]
    assert page.get_by_label("inconclusive").is_checked()
    page.goto("about:blank")
    page.goto(f"{place.as_uri()}#board?verdict=%3Cscript%3E&system=none&changed=2&x=%")
    assert left(page) == ["held", "slipped", "fresh"]  # what no control knows filters nothing


def test_a_link_into_what_is_filtered_out_brings_it_back(page: Page) -> None:
    page.get_by_label("inconclusive").check()
    page.evaluate("location.hash = 'claim-fresh'")
    expect(page.locator("#claim-fresh")).to_be_in_viewport()
    assert left(page) == ["held", "slipped", "fresh"]


def test_without_a_script_all_is_there_and_no_filter(chromium: Browser, place: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(place.as_uri())
    assert not plain.locator("#filters").is_visible()
    assert plain.locator("section.claim:visible").count() == plain.locator(".board tbody tr:visible").count() == 3
    context.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("wide", 1440, "dark"), ("wide", 390, "light"), ("gated", 1440, "light"), ("gated", 390, "dark")],
)
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    name: str, width: int, scheme: Any, chromium: Browser, tmp_path: Path
) -> None:
    place = reports.write(getattr(suites, name)(), tmp_path / "report.html")
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(place.as_uri())
    serious = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in serious] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
