"""The report of a whole run in a real browser: quiet, fast, for pointer and for keys, on screen and on paper."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, Request, expect, sync_playwright

import reports
from harness.statistics.intervals import bca
from reports import charts, numbers, palette, snapshot, trust
from reports.__main__ import main
from reports.tests import suites, synthetic
from reports.tests.pages import EVIL, browser, without_scripts

pytestmark = browser

LARGEST = 5_000_000  # bytes of a full suite's report
LONGEST = 2.0  # seconds until it is open, and its first chart answers
# A policy's refusals are complaints like any other.
REFUSALS = (
    """addEventListener("securitypolicyviolation", e => console.error("refused", e.violatedDirective, e.blockedURI))"""
)


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    return synthetic.suite()


@pytest.fixture(scope="module")
def suite(findings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a whole run."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "trust").mkdir()
    for name in synthetic.RECORDS:
        (folder / "trust" / f"{name}.json").write_text(json.dumps(synthetic.record(name)), "utf-8")
    return reports.write(findings, folder / "report.html")


@pytest.fixture(scope="module")
def place(findings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An excerpt, for a browser takes its time: each kind of chart and of element, fewer of each."""
    claims = {claim["id"]: claim for claim in findings["claims"]}
    every = claims["all-charts"]
    few = [claims["mask-explains-most"], claims["inputs-over-specified"], {**every, "findings": every["findings"][:4]}]
    parts = [trust.part(name, synthetic.record(name)) for name in ("aa", "controls")]
    place = tmp_path_factory.mktemp("excerpt") / "report.html"
    place.write_text(reports.build({**findings, "claims": few}, parts), "utf-8")
    return place


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=snapshot.chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened(chromium: Browser, place: Path, width: int = 1440, height: int = 900, **options: Any) -> Iterator[Page]:
    """The page, which must have said nothing and asked for nothing when it is left."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        complaints.append(f"{message.type}: {message.text}")

    def failed(error: Error) -> None:
        complaints.append(f"thrown: {error.message}")

    def asked(request: Request) -> None:
        if request.url.split("#")[0] != place.as_uri() and not request.url.startswith("data:"):
            complaints.append(f"asked for {request.url}")

    context = chromium.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", failed)
    page.on("request", asked)
    page.add_init_script(REFUSALS)
    page.goto(place.as_uri())
    try:
        yield page
    finally:
        context.close()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def page(chromium: Browser, place: Path) -> Iterator[Page]:
    with opened(chromium, place) as page:
        yield page


def figure(page: Page, kind: str) -> Locator:
    """The first figure of this kind of chart, drawn and in view."""
    titles = {"returns": "Cart-Pole PPO", "inputs": "Five initialisers", "layers": "Layers", "learning": "Training"}
    titles["sizes"] = "Three sizes"
    found = page.locator("figure[data-chart]", has=page.get_by_text(titles[kind], exact=True)).first
    found.scroll_into_view_if_needed()
    expect(found.locator(".drawn")).to_have_count(found.locator(".panel").count())
    return found


def drawn(found: Locator, mark: str = "path") -> Locator:
    """The marks of the points in the figure's first panel, line after line."""
    return found.locator(".panel").first.locator(f".live .mark-symbol {mark}")


def hover(found: Locator, point: int) -> None:
    """Put the pointer level with a point, but not upon it."""
    box = drawn(found).nth(point).bounding_box()
    frame = found.locator(".slider").first.bounding_box()
    assert box and frame
    x = box["x"] + box["width"] / 2 - frame["x"] + 3
    found.locator(".slider").first.hover(position={"x": x, "y": frame["height"] / 2})


def said(found: Locator) -> list[list[str]]:
    """The rows of the box beside the first panel, cell by cell, without its head."""
    box = found.locator(".values").first
    expect(box).to_be_visible()
    rows = box.locator("tr").all()
    return [row.locator("td").all_inner_texts() for row in rows[1:]]


def expected(chart: dict[str, Any], level: int) -> list[list[str]]:
    """What a box must say at a level, from the numbers of each seed."""
    if "names" in chart:
        values = np.array(chart["series"][0]["values"])
        lines = [(name, values[:, :, i]) for i, name in enumerate(chart["names"])]
        show: Any = numbers.percent
    else:
        lines = [(series["label"], np.array(series["values"])) for series in chart["series"]]
        show = numbers.effect
    rows = []
    for name, values in lines:
        (low,), (high,) = bca(values[level : level + 1])
        mean = show(float(values[level].mean()))
        rows.append([name, mean, f"[{show(float(low))}, {show(float(high))}]", str(values.shape[1])])
    return rows


def chart_of(findings: dict[str, Any], title: str) -> dict[str, Any]:
    found = [finding["chart"] for claim in findings["claims"] for finding in claim["findings"] if finding["chart"]]
    return next(chart for chart in found if chart["title"] == title)  # type: ignore[no-any-return]


# quiet and fast


def test_a_whole_run_opens_in_two_seconds_and_is_under_five_megabytes(chromium: Browser, suite: Path) -> None:
    assert 2_000_000 < suite.stat().st_size < LARGEST  # with Vega, 900 kB
    elapsed, worked = [], []
    for _ in range(3):
        with opened(chromium, suite) as page:
            measure = page.context.new_cdp_session(page)
            measure.send("Performance.enable")
            page.locator("figure[data-chart]").first.scroll_into_view_if_needed()
            page.locator(".drawn").first.wait_for()
            elapsed.append(page.evaluate("performance.now()") / 1000)  # since it was asked for
            loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
            assert 0 < loaded < elapsed[-1]
            metrics = {item["name"]: item["value"] for item in measure.send("Performance.getMetrics")["metrics"]}
            worked.append(metrics["ProcessTime"])
    assert 0 < min(worked) < LONGEST  # seconds of a processor: they are the page's own
    if os.getloadavg()[0] <= (os.cpu_count() or 1):  # else the clock tells of others' work
        assert min(elapsed) < LONGEST


def test_every_chart_is_drawn_without_a_complaint_but_not_before_it_comes_near(chromium: Browser, suite: Path) -> None:
    with opened(chromium, suite, 390) as page:
        figures = page.locator("figure[data-chart]")
        assert figures.count() > 10
        figure(page, "returns")
        assert page.locator("figure[data-chart]:has(.drawn)").count() < 5
        for found in figures.all():
            found.scroll_into_view_if_needed()
            expect(found.locator(".drawn")).to_have_count(found.locator(".panel").count())


def test_complaints_refusals_and_requests_would_be_noticed(chromium: Browser, tmp_path: Path) -> None:
    control = tmp_path / "control.html"
    policy = '<meta http-equiv="Content-Security-Policy" content="style-src \'none\'">'
    control.write_text(
        f'{policy}<style>p {{}}</style><img src="data:,"><script>console.warn("heard")</script>'
        '<script>throw new Error("seen")</script><img src="http://report.invalid/x.png">',
        "utf-8",
    )
    with pytest.raises(AssertionError) as noticed, opened(chromium, control) as page:
        page.wait_for_load_state()
    for word in ("heard", "seen", "refused style-src", "asked for http://report.invalid/x.png"):
        assert word in str(noticed.value)


# by pointer


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("returns", "Cart-Pole PPO"),
        ("inputs", "Five initialisers"),
        ("layers", "Layers"),
        ("learning", "Training"),
    ],
)
def test_hovering_says_the_numbers_of_all_lines_at_the_nearest_level(
    kind: str, title: str, page: Page, findings: dict[str, Any]
) -> None:
    found, chart = figure(page, kind), chart_of(findings, title)
    for level in (0, 3, 7):
        hover(found, level)
        expect(found.locator(".slider").first).to_have_attribute("aria-valuenow", str(level))
        assert said(found) == expected(chart, level)
        head = found.locator(".values th").first.inner_text()
        if kind == "learning":
            assert head == f"{chart['series'][0]['env_steps'][level]:,.0f} env_steps"
        else:
            assert head == f"{numbers.percent(chart['series'][0]['density'][level])} of the weights"
    assert found.locator(".values:visible").count() == 1
    page.mouse.move(5, 5)
    expect(found.locator(".values:visible")).to_have_count(0)


def test_the_level_pointed_at_is_marked_in_the_picture(page: Page) -> None:
    found = figure(page, "returns")
    rule = found.locator(".live .mark-rule line")
    before, references = drawn(found).nth(4).bounding_box(), rule.count()
    hover(found, 4)
    expect(rule).not_to_have_count(references)
    after, beside, line = (at.bounding_box() for at in (drawn(found).nth(4), drawn(found).nth(5), rule.nth(references)))
    assert before and after and beside and line
    assert after["width"] > 1.4 * before["width"] > 1.4 * beside["width"] * 0.9
    assert line["x"] + line["width"] / 2 == pytest.approx(after["x"] + after["width"] / 2, abs=1)
    page.mouse.move(5, 5)
    expect(rule).to_have_count(references)


def test_lines_that_share_an_entry_of_the_legend_are_told_by_their_range(page: Page) -> None:
    found = page.locator("figure[data-chart]", has=page.get_by_text("Walker2D PPO", exact=True)).first
    found.scroll_into_view_if_needed()
    expect(found.locator(".drawn")).to_have_count(1)
    hover(found, 0)
    rows = said(found)
    assert len(rows) == charts.NAMED_INPUTS + 1
    assert rows[-1][0] == f"other inputs ({22 - charts.NAMED_INPUTS})"
    assert re.fullmatch(r"[\d.]+\u202f% to [\d.]+\u202f%", rows[-1][1])


def at_weights(chart: dict[str, Any], *levels: tuple[str, int]) -> list[list[str]]:
    """What a box must say of these sizes at these levels of theirs, from the numbers of each seed."""
    rows = []
    for size, level in levels:
        for series in (series for series in chart["series"] if series["size"] == size):
            values = np.array(series["values"][level : level + 1])
            (low,), (high,) = bca(values)
            mean = numbers.effect(float(values.mean()))
            bounds = f"[{numbers.effect(float(low))}, {numbers.effect(float(high))}]"
            rows.append([f"{series['label']} at {series['weights'][level]:,}", mean, bounds, str(values.shape[1])])
    return rows


def test_sizes_are_compared_at_numbers_of_weights_that_are_as_good_as_equal(
    page: Page, findings: dict[str, Any]
) -> None:
    """Of 1,216, 4,480 and 17,152 weights, three levels of 64 % lie between one size and the next."""
    found, chart = figure(page, "sizes"), chart_of(findings, "Three sizes")
    weights = {series["size"]: series["weights"] for series in chart["series"]}
    buttons = found.locator("button.swatch")
    assert buttons.all_inner_texts() == [series["label"] for series in chart["series"]]
    near = [("32-32", 1), ("64-64", 4), ("128-128", 7)]
    hover(found, 1)
    assert said(found) == at_weights(chart, *near)
    at = sorted(weights[size][level] for size, level in near)
    assert found.locator(".values th").first.inner_text() == f"{at[0]:,} to {at[-1]:,} weights"
    for smallest in (0, 1):
        buttons.nth(smallest).click()
    hover(found, 1)  # of the first line that is left
    expect(found.locator(".values tr")).to_have_count(5)
    assert said(found) == at_weights(chart, ("64-64", 1), ("128-128", 4))


def test_sizes_are_walked_by_keys_from_the_largest_network_to_the_fewest_weights(
    page: Page, findings: dict[str, Any]
) -> None:
    found, chart = figure(page, "sizes"), chart_of(findings, "Three sizes")
    slider = found.get_by_role("slider", name="Level of Three sizes")
    slider.focus()
    page.keyboard.press("Home")
    largest, smallest = (at_weights(chart, at) for at in (("128-128", 0), ("32-32", 11)))
    alone = [[name.partition(" at ")[0], *rest] for name, *rest in largest]
    assert said(found) == alone
    assert found.locator(".values th").first.inner_text() == "17,152 weights"
    page.keyboard.press("End")
    assert said(found) == [[name.partition(" at ")[0], *rest] for name, *rest in smallest]
    text = slider.get_attribute("aria-valuetext") or ""
    assert text.startswith("9 weights; 32-32, mask/weights ")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuenow", str(int(slider.get_attribute("aria-valuemax") or 0) - 1))
    colours = {mark.get_attribute("fill") for mark in drawn(found).all()}
    assert colours == set(palette.NEUTRAL[:3])


# conditions on and off


def test_entries_of_the_legend_hide_and_show_their_lines_and_keep_so_at_another_width(
    page: Page, findings: dict[str, Any]
) -> None:
    found, chart = figure(page, "returns"), chart_of(findings, "Cart-Pole PPO")
    buttons, levels = found.locator("button.swatch"), len(chart["series"][0]["density"])
    assert buttons.all_inner_texts() == list(synthetic.CONDITIONS)
    assert drawn(found).count() == 4 * levels
    buttons.nth(1).click()
    buttons.nth(2).click()
    expect(drawn(found)).to_have_count(2 * levels)
    colours = {mark.get_attribute("fill") for mark in drawn(found).all()}
    assert colours == {palette.CONDITIONS["mask/weights"], palette.CONDITIONS["random/re-init"]}
    page.set_viewport_size({"width": 390, "height": 800})
    pressed = [button.get_attribute("aria-pressed") for button in buttons.all()]
    assert pressed == ["true", "false", "false", "true"] and drawn(found).count() == 2 * levels
    found.scroll_into_view_if_needed()
    hover(found, 2)
    everything = expected(chart, 2)
    assert said(found) == [everything[0], everything[3]]
    buttons.nth(1).click()
    expect(drawn(found)).to_have_count(3 * levels)


def test_the_last_line_stays(page: Page) -> None:
    found = figure(page, "learning")
    first, second = found.locator("button.swatch").all()
    first.click()
    expect(second).to_have_attribute("aria-disabled", "true")
    second.click(force=True)
    expect(second).to_have_attribute("aria-pressed", "true")
    assert drawn(found).count() == 10
    first.click()
    expect(second).to_have_attribute("aria-disabled", "false")
    expect(drawn(found)).to_have_count(20)


def test_the_panels_of_a_chart_keep_one_axis_that_fits_what_is_shown(page: Page) -> None:
    found = figure(page, "inputs")
    labels = (
        "panels => panels.map(p => [...p.querySelectorAll('.role-axis-label text')].map(t => t.textContent).join())"
    )
    before = found.locator(".live").evaluate_all(labels)
    for button in found.locator("button.swatch").all()[2:]:
        button.click()
    expect(drawn(found)).to_have_count(2 * 12)
    after = found.locator(".live").evaluate_all(labels)
    assert len(before) == 5 and len(set(before)) == len(set(after)) == 1
    assert "80 %" in before[0] and "80 %" not in after[0]


# by keys


def test_charts_work_by_keys_alone(page: Page, findings: dict[str, Any]) -> None:
    found, chart = figure(page, "returns"), chart_of(findings, "Cart-Pole PPO")
    found.locator("button.swatch").first.focus()
    page.keyboard.press("Space")
    expect(found.locator("button.swatch").first).to_have_attribute("aria-pressed", "false")
    for _ in range(4):
        page.keyboard.press("Tab")
    slider = found.get_by_role("slider", name="Level of Cart-Pole PPO")
    expect(slider).to_be_focused()
    expect(found.locator(".values")).to_be_visible()
    for keys, level in ((("Home", "ArrowRight", "ArrowRight", "ArrowLeft"), 1), (("End",), 11), (("ArrowUp",), 11)):
        for key in keys:
            page.keyboard.press(key)
        expect(slider).to_have_attribute("aria-valuenow", str(level))
        rows = expected(chart, level)[1:]
        assert said(found) == rows
        text = slider.get_attribute("aria-valuetext") or ""
        assert all(f"{name} {mean} {interval}, n {n}" in text for name, mean, interval, n in rows)
        assert "mask/weights" not in text
    page.keyboard.press("Escape")
    expect(found.locator(".values")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(found.locator(".values")).to_be_visible()
    page.keyboard.press("Tab")
    expect(found.locator(".values")).to_be_hidden()


# for everyone


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the elements it is about.

    It takes its time, so that of a thousand rows of numbers that are all alike it gets two a table.
    """
    page.locator(".numbers tr:nth-child(n+3)").evaluate_all("all => all.map(row => row.remove())")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {[node['target'] for node in rule['nodes'][:3]]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("scheme", "width", "medium"), [("light", 1440, "screen"), ("dark", 390, "screen"), ("light", 1440, "print")]
)
def test_axe_finds_nothing_serious(scheme: Any, width: int, medium: Any, chromium: Browser, place: Path) -> None:
    with opened(chromium, place, width, color_scheme=scheme) as page:
        found = figure(page, "returns")
        found.locator("button.swatch").first.click()
        hover(found, 3)
        said(found)
        page.emulate_media(media=medium)
        assert serious(page) == []


def test_axe_finds_nothing_serious_without_scripts(chromium: Browser, place: Path) -> None:
    bare = place.with_name("bare.html")  # axe-core is a script itself: those of the page are taken out
    bare.write_text(without_scripts(place.read_text("utf-8")), "utf-8")
    with opened(chromium, bare, 390, color_scheme="dark") as page:
        assert page.locator("button:visible").count() == 0
        assert serious(page) == []


def test_axe_would_notice_a_control_without_a_name(chromium: Browser, tmp_path: Path) -> None:
    control = tmp_path / "control.html"
    control.write_text('<!doctype html><html lang="en"><title>t</title><button></button>', "utf-8")
    with opened(chromium, control) as page:
        assert [problem.split(":")[0] for problem in serious(page)] == ["button-name"]


def test_nothing_scrolls_sideways_even_with_everything_unfolded(chromium: Browser, suite: Path) -> None:
    with opened(chromium, suite, 1440) as page:
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = !e.closest('td, th'))")
        found = figure(page, "inputs")
        for width in (390, 1200, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            for panel in (0, 4):
                found.locator(".slider").nth(panel).hover()
                expect(found.locator(".values").nth(panel)).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth") == width
            wider = "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.ariaLabel)"
            others = ".scroll:not(:has(> .board.many))"  # of some forty systems the board is wider than any screen
            assert page.locator(others).evaluate_all(wider) == []


@pytest.fixture(scope="module")
def discrete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks with five learners between them, and six initialisers of six inputs."""
    run = suites.discrete()
    kept = [claim for claim in run["claims"] if claim["id"] != "mask-explains-most"]
    return reports.write({**run, "claims": kept}, tmp_path_factory.mktemp("discrete") / "report.html")


@pytest.mark.parametrize("width", [1440, 1100, 1024, 900, 390])
def test_five_systems_need_no_scrolling(width: int, chromium: Browser, discrete: Path) -> None:
    with opened(chromium, discrete, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        board = page.locator(".scroll:has(> .board)")
        assert board.evaluate("e => e.scrollWidth - e.clientWidth") == 0
        expect(page.locator(".board .word", has_text="underpowered").first).to_be_visible()
        expect(page.locator(".board .waits", has_text=re.compile("^judged at extended$"))).to_have_count(3)
        page.locator('select[name="system"]').select_option(label="Acrobot PPO")
        expect(page.locator('output[name="count"]')).to_have_text("4 of 9 claims")


def test_six_panels_of_six_inputs_stand_in_threes_and_on_a_phone_keep_their_legend_in_view(
    chromium: Browser, discrete: Path
) -> None:
    with opened(chromium, discrete) as page:
        found = page.locator("figure[data-chart]:has(.panel:nth-child(6))").first
        found.scroll_into_view_if_needed()
        expect(found.locator(".drawn")).to_have_count(6)
        assert found.locator("button.swatch").all_inner_texts() == suites.ACROBOT
        assert [panel.inner_text() for panel in found.locator(".panel > p").all()] == list(suites.DIVISORS)
        tops = [
            panel.evaluate("e => Math.round(e.getBoundingClientRect().top)") for panel in found.locator(".panel").all()
        ]
        assert len(set(tops[:3])) == len(set(tops[3:])) == 1 and tops[0] < tops[3]
        strongest = [
            found.locator(".panel").nth(panel).locator(".live .mark-symbol path").last.get_attribute("fill")
            for panel in range(6)
        ]
        assert set(strongest) == {palette.NEUTRAL[5]}  # an input has one colour in all panels
        page.set_viewport_size({"width": 390, "height": 844})
        found.locator(".panel").last.evaluate("e => e.scrollIntoView({ block: 'end' })")
        expect(found.locator("button.swatch").last).to_be_in_viewport()
        expect(found.locator(".panel").last).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_painted_in_the_colours_of_the_scheme(scheme: Any, chromium: Browser, place: Path) -> None:
    with opened(chromium, place, color_scheme=scheme) as page:
        marks = drawn(figure(page, "returns"))
        painted = set(marks.evaluate_all("all => all.map(e => getComputedStyle(e).fill)"))
        light = palette.CONDITIONS.values()
        assert painted == {rgb(palette.DARK[colour] if scheme == "dark" else colour) for colour in light}


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.mark.parametrize("medium", ["no script", "print"])
def test_without_script_and_on_paper_charts_are_static_and_whole(medium: str, chromium: Browser, place: Path) -> None:
    options = {"java_script_enabled": False} if medium == "no script" else {}
    with opened(chromium, place, **options) as page:
        if medium == "print":
            found = figure(page, "returns")
            found.locator("button.swatch").first.click()
            hover(found, 3)
            page.emulate_media(media="print")
        found = page.locator("figure[data-chart]").first
        expect(found.locator(".static")).to_be_visible()
        for gone in (".live", ".slider", ".values"):
            expect(page.locator(gone).locator("visible=true")).to_have_count(0)
        if medium == "no script":
            assert page.locator("button:visible").count() == 0
        assert page.locator(".static:visible").count() == page.locator("figure[data-chart] .panel").count() == 12
        for words in ("Findings", "What the scaling cost", "Provenance"):
            expect(page.get_by_text(words, exact=True).first).to_be_visible()
        assert found.locator(".swatch").first.inner_text() == "mask/weights"


def test_paper_has_tables_that_fit_with_their_axes_and_folded_ones_as_a_summary(
    chromium: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "calibration.json").write_text(json.dumps(synthetic.record("calibration")), "utf-8")
    claims = [*synthetic.findings()["claims"][:2], *suites.wide()["claims"]]
    run = {**synthetic.findings(), "claims": [{**claim, "id": f"{i}"} for i, claim in enumerate(claims)]}
    with opened(chromium, reports.write(run, tmp_path / "report.html"), width=718) as page:  # A4 within its margins
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 718
        expect(page.locator(".findings .ticks svg.axis").first).to_be_visible()
        assert page.locator(".findings thead").first.is_visible() and page.locator(".board thead").is_visible()
        folded = page.locator("details.folded:has(.entries)")
        assert folded.count() > 2 and folded.locator("table:visible").count() == 0
        expect(folded.locator("summary").first).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_long_unbroken_text_is_broken_and_scrolls_nothing(width: int, chromium: Browser, tmp_path: Path) -> None:
    long = "x" * 300
    texts = dict.fromkeys(("name", "hypothesis", "unit", "reason", "note", "test", "message", "rerun"), long)
    stand = suites.standing(long, says=long, drift=None)
    found = [synthetic.finding(long, long, "supported", 1.2e300, **texts, scale={}, baseline=stand)]
    found += [{**found[0], "conclusion": "contradicted"}]
    claim = suites.claim(long, "MIXED", found, says=long, source=long, systems=long, quantifier=long, summary=long)
    baseline = {**suites.gated()["baseline"], "file": long, "standings": {long: 3}, "unused": [long], "says": long}
    run = {**synthetic.findings(), "claims": [claim], "baseline": baseline, "commit": long, "versions": {long: long}}
    with opened(chromium, reports.write(run, tmp_path / "report.html"), width) as page:
        wide = """[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth)
            .map(e => `${e.tagName}.${e.className.baseVal ?? e.className}`).slice(0, 9)"""
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.evaluate(wide)


# safety


def test_hostile_texts_stay_texts_when_charts_come_alive(chromium: Browser, tmp_path: Path) -> None:
    chart = synthetic.returns_chart(EVIL, EVIL, labels={EVIL: 1.0, "datum.mean = alert(2)": 2.0})
    chart = chart | {"unit": EVIL, "references": {"alert(3)": 500.0, EVIL: 22.0}}
    found = [synthetic.finding("evil", EVIL, "supported", chart=chart)]
    run = {**synthetic.findings(), "claims": [{"id": "evil", "verdict": "REPRODUCED", "findings": found}]}
    with opened(chromium, reports.write(run, tmp_path / "evil.html")) as page:
        drawing = page.locator("figure[data-chart]").first
        drawing.scroll_into_view_if_needed()
        expect(drawing.locator(".drawn")).to_have_count(1)
        assert EVIL in drawing.locator(".live text").all_text_contents()
        hover(drawing, 2)
        assert [row[0] for row in said(drawing)] == [EVIL, "datum.mean = alert(2)"]
        assert drawing.locator("img, script").count() == 0


# pictures


def test_the_command_takes_a_picture_of_the_first_screen(tmp_path: Path) -> None:
    source = tmp_path / "findings.json"
    source.write_text(json.dumps(synthetic.smoke()), "utf-8")
    png = tmp_path / "docs.png"
    assert main(["--findings", str(source), "--out", str(tmp_path / "r.html"), "--picture", str(png)]) == 0
    assert png.read_bytes().startswith(b"\x89PNG") and png.stat().st_size > 20_000
