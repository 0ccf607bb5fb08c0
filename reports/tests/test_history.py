"""The report draws what became of a claim's findings, and marks where they changed: not where chance moved them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from reports.history import History, Known

import reports
from harness.results import drift as drifts
from harness.results import history as kept
from harness.results.schema import Finding
from reports import history, snapshot
from reports.__main__ import main
from reports.tests.pages import EVIL, Page, browser, section
from reports.tests.runs import finding, run
from reports.tests.test_browser import opened, serious


def past(tmp_path: Path, *runs: dict[str, Any]) -> Known:
    """What the report knows of these runs when it is of the last one."""
    file = tmp_path / kept.NAME
    for each in runs:
        kept.append(file, each)
    return history.known(file, runs[-1])


def drawn(tmp_path: Path, *runs: dict[str, Any]) -> History:
    """The history of the claim `one` in the report of the last run."""
    found = history.of_claim("one", past(tmp_path, *runs), runs[-1])
    assert found
    return found


def one(effect: float, day: int, block: int = 0, **changes: Any) -> dict[str, Any]:
    return run(finding("one", "test_it[bc]", effect, block, **changes), block=block, day=day)


def says(found: History) -> list[tuple[str, str, str]]:
    """Of the marks of the first panel: letter, commit, and what they say."""
    return [(mark.letter, mark.result.commit, " ".join(mark.says)) for mark in found.panels[0].marks]


def test_runs_with_the_same_numbers_are_one_result_with_a_count(tmp_path: Path) -> None:
    found = drawn(tmp_path, one(0.3, 1), one(0.3, 2), one(0.3, 3), one(0.31, 4, block=1), one(0.3, 5))
    assert [len(point.result.runs) for point in found.panels[0].points] == [3, 1, 1]
    assert found.says.startswith(
        "5 complete runs came to 3 results since 1 November 2026, runs in a row with the same numbers"
        " being one. No change of an effect was shown."
    )
    assert [point.result.here for point in found.panels[0].points] == [False, False, True]


def test_with_one_result_a_sentence_stands_for_the_chart(tmp_path: Path) -> None:
    found = drawn(tmp_path, one(0.3, 1), one(0.3, 2))
    assert found.says == "2 complete runs, all with the same numbers, since 1 November 2026: nothing to compare yet."
    assert not found.panels


def test_what_fresh_seeds_do_by_chance_is_not_marked(tmp_path: Path) -> None:
    runs = [one(0.3 + 0.02 * (-1) ** block, 1 + block, block) for block in range(6)]
    assert says(drawn(tmp_path, *runs)) == []


def test_an_effect_that_moves_further_is_marked_at_its_run_and_starts_a_new_stretch(tmp_path: Path) -> None:
    found = drawn(tmp_path, one(0.6, 1), one(0.61, 2, 1), one(0.3, 3, 2), one(0.31, 4, 3), one(0.6, 5, 4))
    (a, b) = says(found)
    assert a[:2] == ("a", "0a1b2c0"[:7]) and b[0] == "b"
    assert a[2].startswith("the effect moved, +0.600 → +0.300: drift −0.300, p <\u202f0.001.")
    assert "+0.300 → +0.600: drift +0.300" in b[2]
    assert [len(line.split()) for line in found.panels[0].stretches] == [2, 2, 1]
    assert found.says.endswith("1 of 1 findings changed.")


def test_a_slow_drift_is_marked_though_no_step_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [one(0.6 - 0.05 * day, 1 + day, day) for day in range(8)]
    marks = drawn(tmp_path, *runs).panels[0].marks
    assert marks, "each is compared with the one before"
    pairs = [[finding("one", "test_it[bc]", 0.6 - 0.05 * (day + k), day + k) for k in (0, 1)] for day in range(7)]
    for before, after in pairs:
        one_, other = (drifts.Sample.from_json(each.to_json()["sample"]) for each in (after, before))
        assert not drifts.drift(one_, other, drifts.ALPHA / 7, 0.5 * 0.05).differs


def test_a_conclusion_that_changed_is_marked_without_a_drift(tmp_path: Path) -> None:
    found = drawn(tmp_path, one(0.050, 1), one(0.040, 2, 1))
    ((letter, _, said),) = says(found)
    assert (letter, said) == ("a", "supported → underpowered.")
    assert len(found.panels[0].stretches) == 1


def test_a_conclusion_that_flips_is_marked_lighter_than_an_effect_that_moves(tmp_path: Path) -> None:
    runs = (one(0.6, 1), one(0.05, 2, 1), one(0.04, 3, 2))
    found = drawn(tmp_path, *runs)
    assert [mark.flip for mark in found.panels[0].marks] == [False, True]
    assert "1 of 1 findings changed, 1 came to another conclusion." in found.says
    part = section(reports.build(runs[-1], past=history.known(tmp_path / kept.NAME, runs[-1])), "one")
    assert re.findall(r'<g class="(changed[^"]*)">', part) == ["changed", "changed flip"]
    assert "A faint one: of the conclusion alone" in part


def test_what_was_asked_otherwise_is_marked_and_not_tested(tmp_path: Path) -> None:
    found = drawn(tmp_path, one(0.6, 1), one(0.2, 2, min_effect=0.1))
    ((_, _, said),) = says(found)
    assert said == "it was asked otherwise: smallest 0.05 → 0.1."


def test_findings_without_seeds_are_drawn_and_not_tested(tmp_path: Path) -> None:
    refused = {"sample": None, "refused": "too few", "conclusion": "underpowered"}
    found = drawn(tmp_path, one(0.6, 1, **refused), one(0.2, 2, **refused))
    assert len(found.panels[0].points) == 2 and says(found) == []


def test_chance_is_shared_among_all_that_a_claim_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    real = history.drift

    def noted(new: Any, old: Any, alpha: float, margin: float) -> Any:
        asked.append(alpha)
        return real(new, old, alpha, margin)

    monkeypatch.setattr(history, "drift", noted)
    runs = [
        run(*(finding("one", f"test_it[{name}]", effect, day) for name in ("bc", "ppo")), block=day, day=day + 1)
        for day, effect in enumerate((0.6, 0.3, 0.6))
    ]
    drawn(tmp_path, *runs)
    assert set(asked) == {drifts.ALPHA / 4}


def test_only_the_newest_results_are_drawn(tmp_path: Path) -> None:
    found = drawn(tmp_path, *(one(0.3 + 0.001 * day, 1 + day) for day in range(25)))
    assert len(found.panels[0].points) == history.SHOWN
    assert "came to 25 results" in found.says and "the last 20 are shown" in found.says
    assert [end for _, end, *_ in found.panels[0].dates] == ["start", "end"]


def test_a_run_that_was_not_kept_is_said_not_to_be_there(tmp_path: Path) -> None:
    known = past(tmp_path, one(0.3, 1), one(0.31, 2))
    found = history.of_claim("one", known, one(0.9, 3))
    assert found and found.says.endswith("This run is not among them: only complete runs are kept.")


def test_every_number_lies_within_its_panel(tmp_path: Path) -> None:
    wide = {"lower": "-Infinity", "upper": "Infinity"}
    infinite = Finding.from_json({**finding("one", "test_it[bc]", -4.2e-3, 1).to_json(), **wide})
    found = drawn(tmp_path, one(3e-3, 1), run(infinite, block=1, day=2))
    (panel,) = found.panels
    places = [y for point in panel.points for y in (point.y, *(point.bar or ()))] + [
        panel.zero,
        *(y for y, _ in panel.ticks),
    ]
    assert all(y is not None and found.top <= y <= found.floor for y in places)
    assert 2 <= len(panel.ticks) <= history.TICKS


@pytest.mark.parametrize("effect", [5e-324, 1e-322, 1.7e308])
def test_effects_at_the_ends_of_what_a_float_holds_are_no_error(effect: float, tmp_path: Path) -> None:
    bounds = {"lower": -effect, "upper": effect, "sample": None}
    found = drawn(tmp_path, one(effect / 2, 1, **bounds), one(effect, 2, **bounds))
    assert len(found.panels) == 1 and all(found.top <= y <= found.floor for y, _ in found.panels[0].ticks)


# In the page


def test_the_page_shows_it_with_a_text_alternative_and_its_numbers(tmp_path: Path) -> None:
    runs = (one(0.6, 1), one(0.3, 2, 1))
    page = reports.build(runs[-1], past=past(tmp_path, *runs))
    part = section(page, "one")
    assert part.count('<svg viewBox="0 0 320') == 1
    (alt,) = [label for label in Page(part).values("aria-label") if label.startswith("bc: effect over 2 results")]
    assert "+0.600 supported on 1 November 2026" in alt and "drift −0.300" in alt
    table = part[part.index("The numbers behind the history") :]
    assert re.findall(r"<td>(0–19|1000–1019)</td>", table) == ["0–19", "1000–1019"]
    assert "1, this one too" in table


@browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_browser_has_no_complaint_and_axe_finds_nothing_serious(scheme: Any, width: int, tmp_path: Path) -> None:
    runs = (one(0.6, 1), one(0.3, 2, 1), one(0.02, 3, 2))
    past(tmp_path, *runs)
    page = reports.write(runs[-1], tmp_path / "report.html", past=tmp_path / kept.NAME)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=snapshot.chromium(), args=["--no-sandbox"])
        with opened(chromium, page, width, color_scheme=scheme) as shown:
            shown.get_by_text("The numbers behind the history").click()
            assert shown.get_by_role("img", name="bc: effect over 3 results").is_visible()
            assert serious(shown) == []
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
        chromium.close()


def test_without_a_history_nothing_is_said_of_one() -> None:
    assert "History" not in reports.build(one(0.3, 1))


def test_no_text_of_an_earlier_run_becomes_markup(tmp_path: Path) -> None:
    evil = run(finding("one", EVIL, 0.6, system=EVIL, hypothesis=EVIL, unit=EVIL), day=1, commit=EVIL, created=EVIL)
    known = past(tmp_path, {**evil, "claims": evil["claims"]}, one(0.3, 2))
    page = reports.build(one(0.3, 2), past=known)
    assert "alert(1)" in page and "<script>alert" not in page and "<img src=x" not in page


def test_a_history_that_can_not_be_read_costs_its_section_alone(tmp_path: Path) -> None:
    (tmp_path / kept.NAME).write_text("no database at all, but some text" * 30)
    page = reports.build(one(0.3, 1), past=history.known(tmp_path / kept.NAME, one(0.3, 1)))
    assert "Not shown: the history" in section(page, "one") and "It is so in test_it." in page


def test_rebuilding_reads_the_history_beside_the_findings_and_adds_nothing(tmp_path: Path) -> None:
    runs = (one(0.6, 1), one(0.3, 2, 1))
    past(tmp_path, *runs)
    before = (tmp_path / kept.NAME).read_bytes()
    (tmp_path / "findings.json").write_text(json.dumps(runs[-1]), "utf-8")
    assert main(["--findings", str(tmp_path / "findings.json")]) == 0
    assert "2 complete runs came to 2 results" in (tmp_path / "report.html").read_text("utf-8")
    assert (tmp_path / kept.NAME).read_bytes() == before


def test_a_history_that_is_named_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "findings.json").write_text(json.dumps(one(0.3, 1)), "utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["--findings", str(tmp_path / "findings.json"), "--history", str(tmp_path / "none.sqlite")])
    assert ended.value.code == 4 and "no history at" in capsys.readouterr().err
