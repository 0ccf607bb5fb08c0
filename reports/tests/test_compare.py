"""Two runs side by side: what changed comes first, and chance is not taken for a change."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from harness.results import findings_file as findings
from reports import compare, snapshot
from reports.__main__ import main
from reports.compare import Claim, Comparison, Pair
from reports.tests import synthetic
from reports.tests.pages import EVIL, Page, browser
from reports.tests.runs import finding, run
from reports.tests.test_browser import opened, serious


def claims(effects: dict[str, float], block: int = 0, **changes: Any) -> dict[str, Any]:
    """A run in which each of these claims has one finding with this effect."""
    return run(
        *(finding(claim, "test_it[bc]", effect, block) for claim, effect in effects.items()), block=block, **changes
    )


A = claims({"same": 0.3, "moved": 0.6, "turned": 0.3, "lost": 0.3})
B = claims({"same": 0.31, "moved": 0.3, "turned": 0.01, "found": 0.3}, block=1, day=2)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare.compare(A, B)


def by_id(found: Comparison) -> dict[str, Claim]:
    return {claim.id: claim for claim in found.claims}


def pair(claim: Claim) -> Pair:
    ((only,),) = (group.pairs for group in claim.groups)
    return only


def placed(tmp_path: Path, name: str, summary: dict[str, Any]) -> Path:
    findings.write(summary, tmp_path / name / findings.NAME)
    return tmp_path / name


def test_what_changed_comes_first(found: Comparison) -> None:
    assert [(claim.id, claim.change) for claim in found.claims] == [
        ("turned", "verdict"),
        ("moved", "effect"),
        ("found", "only one"),
        ("lost", "only one"),
        ("same", "nothing"),
    ]


def test_a_verdict_may_stay_while_a_finding_concludes_otherwise() -> None:
    def of(effect: float, block: int) -> dict[str, Any]:
        low = finding("one", "test_it[ppo]", 0.01, block)
        other = finding("one", "test_it[bc]", effect, block, conclusion="underpowered" if block else "contradicted")
        return run(low, other, block=block)

    before, now = of(0.01, 0), of(0.01, 1)
    before["claims"][0]["verdict"] = now["claims"][0]["verdict"]
    (claim,) = compare.compare(before, now).claims
    assert claim.a == claim.b and claim.change == "conclusion"
    assert [each.change for group in claim.groups for each in group.pairs] == ["conclusion", "nothing"]


def test_a_drift_is_of_b_less_a_and_shares_its_alpha_among_all_that_are_tested(found: Comparison) -> None:
    moved, same = pair(by_id(found)["moved"]).drift, pair(by_id(found)["same"]).drift
    assert moved and same
    assert moved.value == pytest.approx(-0.3) and moved.differs
    assert same.value == pytest.approx(0.01) and not same.differs
    assert found.alpha == pytest.approx(0.05 / 3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sample": None}, "no numbers per seed were kept in A"),
        ({"min_effect": 0.1}, "asked otherwise: smallest 0.1 in A, 0.05 in B"),
        ({"unit": "levels"}, "asked otherwise: unit levels in A, normalised return in B"),
    ],
    ids=["sample", "min_effect", "unit"],
)
def test_effects_that_can_not_be_compared_say_why(change: dict[str, Any], why: str) -> None:
    both = compare.compare(
        run(finding("one", "test_it[bc]", 0.6, **change)), run(finding("one", "test_it[bc]", 0.3, 1))
    )
    (held,) = [each for group in both.claims[0].groups for each in group.pairs]
    assert held.drift is None and why in held.why and held.change == "not compared"
    assert both.claims[0].change == "not compared"
    assert "no effects had seeds to compare" in compare.sentence(both)


@pytest.mark.parametrize("word", ["not run", "error", "smoke"])
def test_what_was_not_judged_has_not_come_to_another_conclusion(word: str) -> None:
    whole = run(finding("one", "test_it[bc]", 0.3), finding("one", "test_it[ppo]", 0.3), finding("two", "test_it", 0.3))
    cut = run(
        finding("one", "test_it[bc]", 0.3, 1),
        finding("one", "test_it[ppo]", 0.3, 1, conclusion=word),
        finding("two", "test_it", 0.3, 1, conclusion=word),
    )
    one, two = (by_id(compare.compare(whole, cut))[id] for id in ("one", "two"))
    assert (two.change, two.changes) == ("not judged", "1 not judged")
    assert "1 not judged" in one.changes
    said = compare.sentence(compare.compare(whole, cut))
    assert "0 of 1 findings conclude otherwise" in said
    assert said.endswith("and 2 findings not judged in A or in B")


def test_a_run_that_is_not_complete_is_said_to_be(tmp_path: Path) -> None:
    part = {"cells": 3, "of_cells": 8, "levels": 31, "of_levels": 88, "share": 0.35}
    found = compare.compare(A, {**B, "partial": part})
    assert found.partial == "B has 31 of 88 levels, 3 of 8 cells"
    assert f"not complete: {found.partial}" in list(compare.table(found))
    assert ("Complete", "yes") in [(row.what, row.a) for row in found.rows]
    assert "3 of 8 cells. What is not finished is not judged." in compare.write(found, tmp_path / "p.html").read_text()
    assert compare.compare(A, B).partial == ""


def test_claims_that_committed_themselves_to_something_else_are_named() -> None:
    def of(digest: str | None) -> dict[str, Any]:
        content = copy.deepcopy(A)
        for claim in content["claims"][:2]:
            claim["preregistration"] = {"hash": digest}
        return content

    assert compare.compare(of("aaa"), of("bbb")).unlike == "preregistered otherwise: same, moved"
    assert compare.compare(of("aaa"), of("aaa")).unlike == compare.compare(of("aaa"), of(None)).unlike == ""


def test_runs_of_different_experiments_are_said_to_be(found: Comparison) -> None:
    assert found.unlike == ""
    other = compare.compare(A, {**B, "profile": "reduced", "changes": ["shuffle=rows"]})
    assert other.unlike == "profile: scaled in A, reduced in B; changes: none in A, shuffle=rows in B"
    assert next(iter(compare.table(other))).startswith("these are not runs of the same experiment: profile")


def test_the_runs_themselves_are_compared(found: Comparison) -> None:
    rows = {row.what: row for row in found.rows}
    assert (rows["Seeds"].a, rows["Seeds"].b, rows["Seeds"].differs) == ("0–19", "1000–1019", True)
    assert not rows["Machine"].differs
    assert rows["Libraries"].a == "python 3.11.7, numpy 2.4.6"
    newer = {row.what: row for row in compare.compare(A, {**B, "versions": {"numpy": "2.5.0"}}).rows}
    assert (newer["numpy"].a, newer["numpy"].b, newer["python"].b) == ("2.4.6", "2.5.0", "–")


def test_both_strips_of_a_finding_are_on_one_axis(found: Comparison) -> None:
    sides = pair(by_id(found)["moved"]).sides
    one, other = (side.strip for side in sides)
    assert one and other and one.zero == other.zero and one.zone == other.zone
    assert one.dot and other.dot and one.dot > other.dot


def test_a_name_that_stands_twice_loses_no_finding() -> None:
    twice = run(finding("one", "test_it[bc]", 0.3), finding("one", "test_it[bc]", 0.6))
    assert compare.compare(twice, twice).counts["findings"] == 2


def test_a_run_beside_itself_changes_nothing() -> None:
    alone = compare.compare(A, A)
    assert {claim.change for claim in alone.claims} == {"nothing"}
    assert list(compare.table(alone)) == [
        "0 of 4 verdicts differ; 0 of 4 findings conclude otherwise; the effects of 0 of 4 have moved"
    ]


# The command


def test_the_command_prints_the_verdicts_that_differ_and_the_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = placed(tmp_path, "a", A), placed(tmp_path, "b", B)
    (other / "report.html").write_text("")
    assert main(["compare", str(one), str(other / "report.html")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "claim   A           B",
        "turned  REPRODUCED  INCONCLUSIVE",
        "1 of 3 verdicts differ; 1 of 3 findings conclude otherwise; the effects of 2 of 3 have moved;"
        " 1 only in A; 1 only in B",
        str(other / "compare.html"),
    ]
    assert (other / "compare.html").is_file()


def test_it_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    file = placed(tmp_path, "a", A) / findings.NAME
    assert main(["compare", str(file), str(file), "--out", str(tmp_path / "new" / "page.html")]) == 0
    assert "Two runs side by side" in (tmp_path / "new" / "page.html").read_text("utf-8")


def without(field: str) -> dict[str, Any]:
    content = copy.deepcopy(A)
    del content["claims"][0][field]
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there are no findings at"),
        (b"{", "can't be read"),
        (b"\xff\xfe\x00", "can't be read"),
        (b"[]", "is no findings.json of schema"),
        (b'{"schema": 99, "claims": []}', "is no findings.json of schema"),
        (b'{"schema": 2}', "no list of claims"),
        (json.dumps(without("id")).encode(), "no id"),
        (json.dumps(without("verdict")).encode(), "no verdict"),
        (b'{"schema": 2, "claims": [{"id": "a", "verdict": "MIXED", "findings": [{"name": "b"}]}]}', "lacks"),
        (b'{"schema": 2, "claims": [{"id": "a", "verdict": "MIXED"}]}', "findings"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_bad_input_is_one_line_and_exit_code_4(
    content: bytes | None, expected: str, first: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = placed(tmp_path, "a", A), tmp_path / "bad.json"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        main(["compare", *map(str, (bad, good) if first else (good, bad))])
    said = capsys.readouterr()
    assert ended.value.code == 4 and said.out == ""
    assert said.err.count("\n") == 1 and expected in said.err and str(bad) in said.err
    assert not list(tmp_path.rglob("compare.html"))


@pytest.mark.parametrize("args", [["compare"], ["compare", "a"], ["compare", "a", "b", "--findings"], ["compose", "a"]])
def test_a_bad_call_is_one_line_and_exit_code_4(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 4 and capsys.readouterr().err.count("\n") == 1


def test_a_place_that_can_not_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = placed(tmp_path, "a", A)
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(good), str(good), "--out", str(good / findings.NAME / "below.html")])
    assert ended.value.code == 4 and "can't be written" in capsys.readouterr().err


# The page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, found: Comparison) -> Path:
    return compare.write(found, tmp_path_factory.mktemp("page") / compare.NAME)


def test_the_page_says_both_verdicts_and_folds_what_did_not_change(page: Path) -> None:
    text = page.read_text("utf-8")
    board = text[text.index('<table class="board">') :].split("</table>")[0]
    row = next(row for row in board.split("<tr>") if ">turned</code>" in row)
    assert re.findall(r"</svg>([A-Z]+)</span>", row) == ["REPRODUCED", "INCONCLUSIVE"] and "verdict differs" in row
    assert board.count("not in this run") == 2
    shown, folded = text.split('<details class="rest">')
    headed = '<p class="id"><code>{}</code>'.format
    assert headed("moved") in shown and headed("same") not in shown
    assert headed("same") in folded and "<b>it has moved</b>" in shown


def test_every_link_of_the_page_has_its_target(page: Path) -> None:
    read = Page(page.read_text("utf-8"))
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in read.values("href") if target.startswith("#")} <= set(ids)


def test_no_text_of_a_run_becomes_markup(tmp_path: Path) -> None:
    hostile = finding(EVIL, EVIL, 0.3, system=EVIL, hypothesis=EVIL, unit=EVIL, note=EVIL)
    evil = run(hostile, profile=EVIL, commit=EVIL, command=EVIL, versions={EVIL: EVIL}, changes=[EVIL])
    text = compare.write(compare.compare(evil, A), tmp_path / "page.html").read_text("utf-8")
    assert "alert(1)" in text and "<script" not in text and "<img" not in text


def test_runs_with_every_verdict_and_missing_numbers_are_shown(tmp_path: Path) -> None:
    every = synthetic.findings()
    text = compare.write(compare.compare(every, synthetic.smoke()), tmp_path / "page.html").read_text("utf-8")
    assert "None" not in text and "nan" not in re.sub(r"\w+nan|nan\w+", "", text)


@browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_browser_has_no_complaint_and_axe_finds_nothing_serious(scheme: Any, width: int, page: Path) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=snapshot.chromium(), args=["--no-sandbox"])
        with opened(chromium, page, width, color_scheme=scheme) as shown:
            shown.locator("details.rest > summary").click()
            assert shown.get_by_text("same is so").last.is_visible()
            assert serious(shown) == []
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
        chromium.close()
