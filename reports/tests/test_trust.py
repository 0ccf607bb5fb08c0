"""The report shows how far its verdicts can be trusted: what was measured, what was not, and nothing that was not."""

import copy
import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

import reports
from harness.results import records
from reports import trust
from reports.__main__ import main
from reports.pytest_report import pytest_claims_report
from reports.tests import synthetic
from reports.tests.pages import EVIL, SCRIPTS, Page, poisoned, section

SECRET = "no page shows this"
BARE = {"schema": 1, "claims": []}


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    """Without charts, which are slow to draw and not meant here."""
    found = synthetic.findings()
    for claim in found["claims"]:
        claim["findings"] = [{**finding, "chart": None} for finding in claim["findings"]]
    return found


@pytest.fixture(scope="module")
def page(findings: dict[str, Any]) -> str:
    return reports.build(findings, synthetic.parts())


def part_of(page: str, name: str) -> str:
    """What the page shows of one record."""
    ends = r'</article>|</p>\s*<p class="up">|<(?:p|article)[^>]* id="trust-[a-z]+"'
    return re.split(ends, page.split(f'id="trust-{name}"')[1])[0]


def board(page: str, claim: str) -> str:
    """The row of one claim on the board."""
    return page.split(f'<a href="#claim-{claim}">')[1].split("</tr>")[0]


def words(part: str) -> str:
    """The text of a piece of the page, in single spaces."""
    return " ".join(Page(part).text.split())


def put(folder: Path, **made: Any) -> Path:
    """Records as files: text as it is, the rest as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, "utf-8")
    return folder


# what it shows


def test_trust_stands_after_the_claims_and_before_provenance(page: str) -> None:
    last_claim, here = page.rindex('class="claim"'), page.index("How far these verdicts can be trusted")
    assert last_claim < here < page.index('id="provenance-title"')
    assert re.findall(r'<article class="record" id="trust-(\w+)"', page) == list(records.NAMES)
    assert set(trust.UNMEASURED) == set(records.NAMES) == set(synthetic.RECORDS)


def test_a_record_says_what_came_out_and_when_where_and_by_what_it_was_measured(page: str) -> None:
    shown = words(part_of(page, "controls"))
    for text in (
        "Negative controls",
        "not as it must be 59 of 60 declared controls kill; largest-pruned survives",
        "Each control breaks one ingredient",
        "The committed record, 20 November 2025, 19:02 UTC, on AMD EPYC 9B14 (synthetic), 2 CPUs, in 26.7 core-min",
        "commit abc1234; by make controls",
    ):
        assert text in shown
    assert "as it must be 3.5 %" in words(part_of(page, "aa")) and "not as it must be" not in part_of(page, "aa")


def test_a_record_measured_on_this_machine_says_so() -> None:
    (shown,) = (part for part in synthetic.parts(aa={"origin": "here"}) if part.name == "aa")
    assert shown.here
    assert "Measured here, 20 November" in words(part_of(reports.build(BARE, [shown]), "aa"))


@pytest.mark.parametrize("name", records.NAMES)
def test_what_was_not_measured_is_one_line_with_the_command_that_would(name: str, findings: dict[str, Any]) -> None:
    page = reports.build(findings, [part for part in synthetic.parts() if part.name != name])
    title, command = trust.UNMEASURED[name]
    assert words(f'<p id="trust-{name}"{part_of(page, name)}') == f"{title}: not measured; {command} does it."
    assert page.count('<article class="record"') == len(records.NAMES) - 1


def test_a_table_has_every_entry_with_its_tone_as_an_icon_with_a_name(page: str) -> None:
    part = part_of(page, "controls")
    assert part.count("<tr>") == 11 and part.count('<th scope="col">') == 11
    assert '<th scope="col">largest-pruned</th>' in part
    survived = part.split('<td class="bad" data-label="largest-pruned">')[1].split("</td>")[0]
    assert 'role="img" aria-label="bad"><use href="#icon-cross"/>' in survived and ">survived</summary>" in survived
    plain = part_of(page, "aa")
    assert '<td class="none" data-label="judgements">400</td>' in plain.replace("\n", "")


def test_what_lies_behind_an_entry_needs_neither_a_mouse_nor_a_script(page: str) -> None:
    why = "still REPRODUCED: both conditions lost their largest weights alike"
    assert f'<summary title="{why}">survived</summary><p>{why}</p></details>' in part_of(page, "controls")


def test_large_tables_are_folded_and_say_what_is_in_them(page: str) -> None:
    part = part_of(page, "calibration")
    assert part.count('<details class="folded"') == part.count("<table") == 12
    assert words(part.split('<details class="folded"')[1].split("</summary>")[0].split(">", 1)[1]) == (
        "Exact sign-flip, false alarms 46 good8 bad"
    )
    assert "folded" in part_of(page, "agreement")
    assert all("folded" not in part_of(page, name) for name in ("aa", "controls", "multiverse"))


def test_the_legend_says_how_often_the_suite_is_wrong(page: str, findings: dict[str, Any]) -> None:
    legend = page.split('<div class="reading">')[1].split("What a single finding may conclude")[0]
    assert "How often the suite is wrong: 3.5 % of 3,200 judgements of no effect said supported" in words(legend)
    assert 'href="#trust-aa"' in legend
    assert "How often the suite is wrong" not in reports.build(findings)


# beside each claim


def test_controls_stand_beside_the_verdict_and_in_the_claims_section(page: str) -> None:
    assert "6 of 6 controls kill" in board(page, "ticket-effect") and "icon-check" in board(page, "ticket-effect")
    assert '<a class="sign bad" href="#trust-controls">' in board(page, "mask-explains-most")
    said = words(section(page, "mask-explains-most"))
    assert (
        "5 of 6 controls kill; largest-pruned survives (still REPRODUCED: both conditions lost their largest weights "
        "alike); 4 not applicable; the table"
    ) in said
    assert "controls" not in board(page, "agent-channel-kept")


def test_controls_of_a_claim_whose_twin_did_not_hold_say_nothing(page: str) -> None:
    assert '<a class="sign weak"' in board(page, "layer-ratio-matters")
    assert "controls can&#39;t tell" in board(page, "layer-ratio-matters")
    assert "with nothing broken the claim came out INCONCLUSIVE" in words(section(page, "layer-ratio-matters"))


def test_a_twin_that_supports_a_part_of_a_claim_lets_its_controls_tell() -> None:
    killed = {"no-learning": {"outcome": "killed", "why": ""}}
    data = {"claims": {"a": killed, "b": killed}, "twin": dict.fromkeys("ab", "INCONCLUSIVE, 6 of 8 supported")}
    came = trust.part("controls", synthetic.record("controls", data={**data, "nothing to lose": ["b"]})).controls
    assert (came["a"].word, came["a"].tone) == ("1 of 1 controls kill", "good")
    assert (came["b"].word, came["b"].tone) == ("controls can't tell", "weak")
    older = trust.part("controls", synthetic.record("controls", data=data)).controls
    assert {one.word for one in older.values()} == {"controls can't tell"}


@pytest.mark.parametrize(
    ("outcomes", "word", "tone"),
    [
        ([], "no control applies", "weak"),
        (["not applicable"], "no control applies", "weak"),
        (["killed", "not applicable"], "1 of 1 controls kill", "good"),
        (["killed", "survived"], "1 of 2 controls kill", "bad"),
        (["killed", "abducted"], "1 of 1 controls kill", "good"),
    ],
)
def test_only_controls_that_could_kill_are_counted(outcomes: list[str], word: str, tone: str) -> None:
    data = {"claims": {"a": {f"control-{i}": {"outcome": o, "why": ""} for i, o in enumerate(outcomes)}}}
    came = trust.part("controls", synthetic.record("controls", data=data)).controls["a"]
    assert (came.word, came.tone) == (word, tone)


def test_the_readings_that_change_a_verdict_are_named_in_one_line(page: str) -> None:
    assert (
        "2 of 11 other readings of the paper change its verdict (REPRODUCED in that run): "
        "MIXED under lineage=branch, INCONCLUSIVE under prune=both; the table"
    ) in words(section(page, "mask-explains-most"))
    assert (
        "None of 11 other readings of the paper changes its verdict (REPRODUCED in that run); "
        "judged=best changes findings, not the verdict; the table"
    ) in words(section(page, "ticket-effect"))
    assert 'href="#trust-multiverse"' in section(page, "ticket-effect")
    assert "other readings" not in words(section(page, "agent-channel-kept"))


def test_a_claim_that_changed_since_evidence_existed_says_so_and_how(page: str) -> None:
    assert "changed since" in board(page, "mask-explains-most")
    part = words(section(page, "mask-explains-most"))
    assert "Changed since evidence existed: smallest of mask part > weights part was 0.02, and is 0.05" in part
    assert f"Registered 12 November 2025, {synthetic.HASH[::-1][:12]} " in part
    assert "changed since" not in board(page, "ticket-effect")
    assert "Registered 12 November 2025" in words(section(page, "ticket-effect"))
    assert "Not registered" in words(section(page, "bc-prunes-sparser"))
    assert "egistered" not in words(section(page, "cart-pole-keeps-pole"))


def test_a_note_stands_beneath_the_reason_of_its_finding(page: str) -> None:
    part = section(page, "bc-prunes-sparser")
    assert (
        part.index("would decide</p>")
        < part.index('<p class="note">13 of 20 chains are censored')
        < part.index("rerun")
    )
    assert page.count('<p class="note">') == 1


# whatever the files hold


@functools.cache
def damaged() -> dict[str, Any]:
    """Contents of controls.json that can't be shown, by what is wrong with them."""
    whole = synthetic.record("controls")
    table = whole["tables"][0]

    def with_entry(entry: Any) -> dict[str, Any]:
        return {**whole, "tables": [{**table, "columns": ["a"], "rows": [[entry]]}]}

    return {
        "cut short": json.dumps(whole)[:-100],
        "nested": "[" * 200_000,
        "a list": [],
        "of another schema": {**whole, "schema": 99},
        "of another name": {**whole, "name": "aa"},
        "ten megabytes": with_entry("x" * 10_000_000),
        "ten megabytes of detail": with_entry({"text": "a", "detail": "x" * 10_000_000}),
        "too many entries": {**whole, "tables": [{**table, "columns": ["a"], "rows": [["x"]] * 60_000}]},
        "too much in all": {**whole, "tables": [{**table, "columns": ["a"], "rows": [["x" * 3_000]] * 400}]},
        "too much data": {**whole, "data": {"claims": {"a": {"x" * 3_000 + str(i): {} for i in range(400)}}}},
        "a number for an entry": with_entry(3.5),
        "an entry without a text": with_entry({"tone": "good"}),
        "no known tone": with_entry({"text": "a", "tone": '"><script>'}),
        "a list for a tone": with_entry({"text": "a", "tone": ["good"]}),
        "a row too long": {**whole, "tables": [{**table, "columns": ["a"], "rows": [["x", "y"]]}]},
        "a row of text": {**whole, "tables": [{**table, "columns": ["a"], "rows": ["x"]}]},
        "no columns": {**whole, "tables": [{**table, "columns": [], "rows": [[]]}]},
        "tables as an object": {**whole, "tables": {"a": 1}},
        "no tables": {**whole, "tables": None},
        "a title of another type": {**whole, "title": ["Negative controls"]},
        "no verdict": {key: value for key, value in whole.items() if key != "verdict"},
        "ok as text": {**whole, "ok": "true"},
        "a machine of another type": {**whole, "machine": "fast"},
        "data as a list": {**whole, "data": [1]},
        "claims as a list": {**whole, "data": {"claims": [1]}},
        "controls as a list": {**whole, "data": {"claims": {"ticket-effect": [1]}}},
        "an outcome of another type": {**whole, "data": {"claims": {"ticket-effect": {"c": {"outcome": 1}}}}},
    }


@pytest.mark.parametrize("what", damaged())
def test_a_damaged_record_is_one_line_and_the_page_is_still_written(what: str, tmp_path: Path) -> None:
    whole = synthetic.record("aa")
    place = reports.write(BARE, tmp_path / "r.html", put(tmp_path / "trust", controls=damaged()[what], aa=whole))
    page = place.read_text("utf-8")
    lines = re.findall(r'<p class="unmeasured problem" id="trust-controls">(.*?)</p>', page)
    assert len(lines) == 1 and len(lines[0]) < 500
    assert words(lines[0]).startswith("Negative controls: ") and "controls.json" in lines[0]
    assert '<article class="record" id="trust-aa"' in page
    sound = reports.write(BARE, tmp_path / "s.html", put(tmp_path / "sound", aa=whole)).read_text("utf-8")
    assert len(page) < len(sound) + 1000


@pytest.mark.parametrize("claim", ["ticket-effect", EVIL])
@pytest.mark.parametrize(
    "readings", [1, [1], {"s": 1}, {"s": {"verdict": 1}}, {"s": {"verdict": "a", "changed_findings": 1}}]
)
def test_readings_of_another_type_are_a_damaged_record(readings: Any, claim: str) -> None:
    with pytest.raises(ValueError, match=r"is no|are no"):
        trust.part("multiverse", synthetic.record("multiverse", data={"claims": {claim: readings}}))


def test_what_a_record_need_not_say_may_be_missing_or_odd(tmp_path: Path) -> None:
    bare = synthetic.record(
        "aa", tables=[], created="yesterday", commit=None, machine={"cpus": 10**400}, cpu_seconds="x"
    )
    page = reports.write(BARE, tmp_path / "r.html", put(tmp_path / "trust", aa=bare)).read_text("utf-8")
    assert "Measured here, yesterday; not committed; by make aa" in words(part_of(page, "aa"))


def test_no_text_of_a_record_becomes_markup(findings: dict[str, Any], page: str) -> None:
    hostile = []
    for name in records.NAMES:
        record = copy.deepcopy(synthetic.record(name))
        record["title"] = record["says"] = record["verdict"] = record["command"] = record["created"] = EVIL
        record["commit"] = record["machine"]["cpu"] = EVIL
        for table in record["tables"]:
            tones = [[entry if isinstance(entry, str) else entry["tone"] for entry in row] for row in table["rows"]]
            table.update(poisoned(table))
            for row, kept in zip(table["rows"], tones, strict=True):
                for entry, tone in zip(row, kept, strict=True):
                    if not isinstance(entry, str):
                        entry["tone"] = tone
        hostile.append(record)
    evil = {"outcome": "survived", "why": EVIL}
    hostile[records.NAMES.index("controls")]["data"] = {
        "claims": {"ticket-effect": {EVIL: evil, "b": {**evil, "outcome": EVIL}}},
        "twin": {"ticket-effect": EVIL},
    }
    hostile[records.NAMES.index("multiverse")]["data"] = {
        "claims": {
            "ticket-effect": {
                EVIL: {"verdict": EVIL, "changed_findings": [EVIL]},
                "b": {"verdict": "REPRODUCED", "changed_findings": []},
                EVIL + "c": {"verdict": "REPRODUCED", "changed_findings": [EVIL]},
            }
        }
    }
    registered = {"hash": EVIL, "registered": EVIL, "changed": [EVIL, {EVIL: EVIL}]}
    first = findings["claims"][0]
    noted = [{**finding, "note": EVIL} for finding in first["findings"]]
    claims = [{**first, "preregistration": registered, "findings": noted}, *findings["claims"][1:]]
    made = [trust.part(record["name"], record) for record in hostile]
    poor = Page(reports.build({**findings, "claims": claims}, made))
    assert {tag for tag, _ in poor.elements} <= {tag for tag, _ in Page(page).elements}
    assert [attributes for tag, attributes in poor.elements if tag == "script"] == SCRIPTS[:-1]  # no chart, no Vega
    names = {name for _, attributes in poor.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert poor.text.count("{{7*7}}") > 2_000


def test_half_a_character_does_not_keep_the_page_from_being_written(tmp_path: Path) -> None:
    whole = synthetic.record("aa", verdict="half \ud83d of it")
    page = reports.write(BARE, tmp_path / "r.html", put(tmp_path / "trust", aa=whole)).read_text("utf-8")
    assert "half ? of it" in page


@pytest.mark.parametrize("measured", [True, False], ids=["measured", "not measured"])
def test_every_link_has_its_target_every_id_is_unique_and_every_table_has_a_caption(
    measured: bool, page: str, findings: dict[str, Any]
) -> None:
    parsed = Page(page if measured else reports.build(findings))
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in parsed.values("href") if link.startswith("#")} <= set(ids)
    assert {name for names in parsed.values("aria-labelledby") for name in names.split()} <= set(ids)
    assert [tag for tag, _ in parsed.elements].count("table") == [tag for tag, _ in parsed.elements].count("caption")


def test_a_calibration_of_fifteen_hundred_entries_stays_under_five_megabytes(findings: dict[str, Any]) -> None:
    table = synthetic.record("calibration")["tables"][0]
    tables = [table] * 24
    assert sum(len(table["rows"]) * len(table["columns"]) for table in tables) > 1_500
    page = reports.build(findings, synthetic.parts(calibration={"tables": tables}))
    assert part_of(page, "calibration").count("<table") == 24
    assert len(page.encode()) < 2_000_000  # the charts of a full run take up to three more


# where the records come from


def test_records_beside_the_findings_come_before_the_committed_ones(tmp_path: Path) -> None:
    here = put(tmp_path / "here", aa=synthetic.record("aa", verdict="as here"))
    committed = put(tmp_path / "committed", **{name: synthetic.record(name) for name in ("aa", "controls")})
    made = {part.name: part for part in trust.parts(here, committed)}
    assert list(made) == list(records.NAMES)
    assert (made["aa"].verdict, made["aa"].here, made["controls"].here) == ("as here", True, False)
    assert not made["calibration"].measured and not made["calibration"].problem


def test_the_plugin_and_the_command_find_the_records_beside_the_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "trust", aa=synthetic.record("aa", verdict=SECRET))
    put(tmp_path, findings=BARE)
    pytest_claims_report(BARE, tmp_path / "report.html", None)
    assert SECRET in (tmp_path / "report.html").read_text("utf-8")
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "elsewhere" / "r.html"
    assert main(["--findings", str(tmp_path / "findings.json"), "--out", str(out)]) == 0
    assert SECRET in out.read_text("utf-8")


def test_a_record_as_it_is_written_is_shown(tmp_path: Path) -> None:
    for make in synthetic.RECORDS.values():
        records.write(make(), tmp_path)
    made = trust.parts(tmp_path, tmp_path / "none")
    assert all(part.measured and part.here and not part.problem and part.cpus for part in made)
    assert [len(part.tables) for part in made] == [12, 1, 1, 1, 1, 1]
