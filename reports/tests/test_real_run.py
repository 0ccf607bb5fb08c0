"""The report of a full Cart-Pole run in a real browser.

cart_pole.json.gz beside this file is the findings.json of `make claims`, as it was written (seed block 0, scaled).
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

import reports
from reports.tests.pages import browser
from reports.tests.test_browser import LARGEST, chart_of, chromium, expected, hover, opened, said, serious

pytestmark = browser
__all__ = ["chromium"]  # a fixture


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(Path(__file__).with_name("cart_pole.json.gz").read_bytes()))
    return content


@pytest.fixture(scope="module")
def place(findings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reports.write(findings, tmp_path_factory.mktemp("real") / "report.html")


def test_every_claim_is_there_with_its_verdict_and_the_page_is_small(findings: dict[str, Any], place: Path) -> None:
    page = place.read_text("utf-8")
    assert len(findings["claims"]) == 10
    assert sum(len(claim["findings"]) for claim in findings["claims"]) == 26
    for claim in findings["claims"]:
        assert f"<code>{claim['id']}</code>" in page and claim["summary"] in page.replace("&#39;", "'")
    assert place.stat().st_size < LARGEST


def test_filters_leave_what_they_say(findings: dict[str, Any], chromium: Browser, place: Path) -> None:
    refuted = [claim["id"] for claim in findings["claims"] if claim["verdict"] == "REFUTED"]
    assert refuted
    with opened(chromium, place) as page:
        page.locator('input[name="verdict"][value="REFUTED"]').check()
        shown = page.locator("section.claim:visible .id > code")
        expect(shown).to_have_count(len(refuted))
        assert shown.all_inner_texts() == refuted
        expect(page.locator('output[name="count"]')).to_have_text(f"{len(refuted)} of 10 claims")


def test_a_chart_says_the_numbers_of_its_seeds(findings: dict[str, Any], chromium: Browser, place: Path) -> None:
    with opened(chromium, place) as page:
        found = page.locator("figure[data-chart]", has=page.get_by_text("Cart-Pole PPO", exact=True)).first
        found.scroll_into_view_if_needed()
        expect(found.locator(".drawn")).to_have_count(found.locator(".panel").count())
        title = found.locator("figcaption strong").inner_text()
        hover(found, 3)
        told = {row[0]: row[1:] for row in said(found)}
        chart = chart_of(findings, title)
        for name, *numbers in expected(chart, 3):
            assert told[name] == numbers
        lines = found.locator("button.swatch")
        lines.first.click()
        expect(lines.first).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_keeps_people_out(width: int, scheme: Any, chromium: Browser, place: Path) -> None:
    with opened(chromium, place, width, color_scheme=scheme) as page:
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
