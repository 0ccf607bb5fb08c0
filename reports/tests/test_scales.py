"""The report shows what other profiles found of its claims: beside its own, named, and never merged with it."""

import copy
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

import reports
from reports import scales, snapshot
from reports.__main__ import main
from reports.tests import suites, synthetic
from reports.tests.pages import EVIL, Page, browser, section
from reports.tests.test_browser import opened, serious


def plain(run: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Without charts, which are slow to draw and not meant here."""
    found = copy.deepcopy(run) | changes
    for claim in found["claims"]:
        claim["findings"] = [{**finding, "chart": None} for finding in claim["findings"]]
    return found


def at(profile: str, *found: dict[str, Any], verdict: str = "REPRODUCED", **changes: Any) -> dict[str, Any]:
    """A run of one claim at a profile."""
    made = suites.claim("ticket-effect", verdict, list(found))
    return {**synthetic.findings(), "profile": profile, "claims": [made], **changes}


def found(system: str = "cart-pole ppo", conclusion: str = "supported", **changes: Any) -> dict[str, Any]:
    return synthetic.finding("ticket-effect", system, conclusion, **changes)


EXTENDED = {"created": "2026-11-20T03:12:00+00:00", "commit": "v0.3-7-gabc9876", "seeds": list(range(40))}


def drawn(folder: Path, run: dict[str, Any]) -> str:
    return reports.write(run, folder / "report.html").read_text("utf-8")


def words(part: str) -> str:
    return " ".join(Page(part).text.split())


def rows(page: str) -> list[str]:
    """The rows of the section's table, as words."""
    part = page.split('id="claim-ticket-effect-scales"')[1].split("</table>")[0]
    return [words(row.split("</tr>")[0]) for row in part.split('<tr class="finding')[1:]]


@pytest.fixture
def both(tmp_path: Path) -> str:
    """Scaled, with extended beside it: one finding of both, and one of each alone."""
    budget = {"cart-pole ppo": {"env_steps": {"here": 163840, "paper": 1}, "levels": {"here": 16, "paper": 30}}}
    there = [
        found(effect=0.3, lower=0.2, upper=0.4, n=[40], scale=budget),
        found("acrobot bc", "contradicted", effect=-0.3),
    ]
    suites.kept(tmp_path / "scales", at("extended", *there, verdict="MIXED", **EXTENDED))
    return drawn(tmp_path, at("scaled", found(), found("cart-pole bc")))


def test_the_board_names_the_other_scales_verdict_and_leads_to_its_findings(both: str) -> None:
    row = both.split('<tr data-claim="claim-ticket-effect"')[1].split("</tr>")[0]
    assert 'data-verdict="REPRODUCED"' in both and "extended: MIXED" in words(row)
    assert 'class="sign mixed" href="#claim-ticket-effect-at-extended"' in row
    assert both.count('id="claim-ticket-effect-at-extended"') == 1
    assert "another scale: extended (1 claim, judged 20 November 2026)." in words(both)


def test_findings_of_one_test_stand_side_by_side_and_others_say_where_they_are(both: str) -> None:
    one, same, alone, there = rows(both)
    assert "scaled supported +0.182 [0.121, 0.243] 0.05 20 32,000 env-steps, 12 levels, units 64-64" in one
    assert "extended supported +0.300 [0.200, 0.400] 0.05 40 163,840 env-steps, 16 levels" in same
    assert "only" not in one + same
    assert "only at scaled" in alone and "Cart-Pole BC" in alone
    assert "only at extended" in there and "extended contradicted −0.300" in there


def test_each_scale_says_which_run_it_is_of(both: str) -> None:
    part = words(section(both, "ticket-effect"))
    assert "scaled, this run REPRODUCED extended MIXED judged 20 November 2026, 03:12 UTC" in part
    assert "commit v0.3-7-gabc9876, seeds 0–39 of block 0" in part
    assert "that runpytest -n auto" in part


def test_this_runs_own_verdict_tally_and_findings_are_as_without_it(both: str, tmp_path: Path) -> None:
    alone = drawn(tmp_path / "alone", at("scaled", found(), found("cart-pole bc")))
    for part in (r'<p class="tally">.*?</p>', r'<table class="findings">.*?</table>', r'<p class="summary">.*?</p>'):
        assert re.findall(part, both, re.DOTALL) == re.findall(part, alone, re.DOTALL) != []
    assert "At other scales" not in alone


def test_a_claim_that_waits_for_a_larger_profile_shows_what_that_found(tmp_path: Path) -> None:
    suites.kept(tmp_path / "scales", plain(suites.discrete("extended"), **EXTENDED))
    page = drawn(tmp_path, plain(suites.discrete()))
    part = words(section(page, "size-does-not-matter"))
    assert "scaled, this run NOT RUN extended REPRODUCED" in part and "only at extended" in part


def test_what_is_not_whole_asked_otherwise_refused_or_changed_is_said(tmp_path: Path) -> None:
    there = at("extended", found(min_effect=0.1, conclusion="underpowered", refused="dense agents reached 0.6"))
    there["claims"][0]["preregistration"] = {"changed": ["smallest 0.05 -> 0.1"]}
    suites.kept(tmp_path / "scales", there, **{"ticket-effect": 3})
    page = drawn(tmp_path, at("scaled", found()))
    part = words(section(page, "ticket-effect"))
    assert "extended, in part: REPRODUCED" in words(page) and "extended, 1 of 3 findings REPRODUCED" in part
    assert "Asked otherwise: smallest 0.05 at scaled, 0.1 at extended." in part
    assert "extended: dense agents reached 0.6" in part
    assert "Changed since evidence existed: smallest 0.05 -> 0.1" in part


def test_effects_in_another_unit_are_not_drawn_on_this_axis(tmp_path: Path) -> None:
    suites.kept(tmp_path / "scales", at("extended", found(unit="levels")))
    page = drawn(tmp_path, at("scaled", found()))
    strips = [row.count('<svg class="strip') for row in page.split("-scales")[1].split('<tr class="finding')[1:]]
    assert strips == [1, 0]
    assert "unit normalised return at scaled, levels at extended" in words(section(page, "ticket-effect"))


@pytest.mark.parametrize(
    "run",
    [
        at("smoke", found(conclusion="smoke")),
        at("reduced", found()),
        at("extended", found()),
        at("scaled", found(), changes=["pruning.criterion=random"]),
        {**synthetic.findings(), "profile": "scaled", "claims": [suites.claim("another", "REPRODUCED", [])]},
    ],
)
def test_no_other_scale_is_shown_of_what_is_no_scale_was_changed_or_is_the_same(
    run: dict[str, Any], tmp_path: Path
) -> None:
    suites.kept(tmp_path / "scales", at("extended", found()))
    assert 'class="scales"' not in drawn(tmp_path, run)


def test_rebuilt_from_findings_elsewhere_it_is_there_and_a_foreign_file_costs_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suites.kept(tmp_path / "scales", at("extended", found()))
    (tmp_path / "scales" / "paper.json").write_text("[]")
    (tmp_path / "findings.json").write_text(json.dumps(at("scaled", found())))
    assert main(["--findings", str(tmp_path / "findings.json"), "--out", str(tmp_path / "out" / "r.html")]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "scales/paper.json can't be read: " in told
    page = (tmp_path / "out" / "r.html").read_text("utf-8")
    assert "extended: REPRODUCED" in page and page.count("Not shown beside this run: scales/paper.json") == 1


def test_text_that_was_kept_becomes_no_markup_and_ids_stay_unique(tmp_path: Path) -> None:
    evil = at("extended", found(hypothesis=EVIL, unit=EVIL, name=EVIL, system=EVIL, note=EVIL), verdict=EVIL)
    suites.kept(tmp_path / "scales", evil | {"commit": EVIL, "command": EVIL, "created": EVIL})
    page = drawn(tmp_path, at("scaled", found(), found("cart-pole bc")))
    assert page.count(html.escape("<img src=x onerror=alert(1)>", quote=False)) >= 6
    parsed = Page(page)
    assert not any(tag == "img" for tag, _ in parsed.elements)
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in parsed.values("href") if link.startswith("#")} <= set(ids)
    assert page.count("<table") == page.count("<caption")


def test_only_the_profile_that_a_page_shows_is_named_below_the_board() -> None:
    assert scales.told(scales.NONE, []) == ()


@browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_keeps_people_out(width: int, scheme: Any, both: str, tmp_path: Path) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=snapshot.chromium(), args=list(snapshot.FLAGS))
        with opened(chromium, tmp_path / "report.html", width, color_scheme=scheme) as page:
            assert serious(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
