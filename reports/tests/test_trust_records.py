"""Records of trust: what is read off them, and a damaged one that costs its own line alone."""

from pathlib import Path

import pytest

from harness.results import records
from reports import trust_records
from reports.build import Context, build
from reports.tests import examples
from reports.tests.examples import record


def test_controls_count_those_that_kill_and_name_those_that_do_not() -> None:
    found = trust_records.part(record("controls")).controls["mask-first"]
    assert (found.killed, found.applied, found.tone) == (1, 2, "bad")
    assert found.survivors == (("unmasked", "it still holds"),)


@pytest.mark.parametrize(
    ("outcomes", "lame", "tone"),
    [
        ({"a": "killed"}, [], "good"),
        ({"a": "killed", "b": "survived"}, [], "bad"),
        ({"a": "not applicable"}, [], "weak"),
        ({"a": "killed"}, ["c"], "weak"),
    ],
)
def test_only_controls_that_could_kill_speak(outcomes: dict[str, str], lame: list[str], tone: str) -> None:
    claims = {"c": {name: {"outcome": outcome, "why": ""} for name, outcome in outcomes.items()}}
    data = {"claims": claims, "twin": {}, "nothing to lose": lame}
    assert trust_records.part(record("controls", data=data)).controls["c"].tone == tone


def test_the_usual_verdict_is_that_of_readings_that_change_no_finding() -> None:
    found = trust_records.part(record("multiverse")).readings["mask-first"]
    assert (found.count, found.usual) == (2, "MIXED") and found.changing == (("REFUTED", ("checkpoint=last",)),)


def test_large_tables_are_folded_and_tones_are_counted() -> None:
    entry = records.entry("9 %", "bad")
    large = records.table("Large", ["a"], [[entry]] * 13)
    (shown,) = trust_records.part(record("aa", tables=(large,))).tables
    assert shown.folded and [(mark.word, mark.count) for mark in shown.tones] == [("bad", 13)]
    assert not trust_records.part(record("aa")).tables[0].folded


def test_what_was_measured_here_comes_before_what_is_committed(tmp_path: Path) -> None:
    here, committed = tmp_path / "here", tmp_path / "committed"
    for folder in (here, committed):
        records.write(record("aa", verdict=folder.name), folder)
    records.write(record("alarms"), committed)
    found = {part.name: part for part in trust_records.parts(here, committed)}
    assert found["aa"].record and found["aa"].record.verdict == "here" and found["aa"].record.origin == "here"
    assert found["alarms"].record and found["alarms"].record.origin == "committed"
    assert found["calibration"].record is None and found["calibration"].command == "make calibrate"


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', '{"format": 2, "name": "aa"}'])
def test_a_damaged_record_is_one_line_on_the_page(text: str, tmp_path: Path) -> None:
    (tmp_path / "aa.json").write_text(text, "utf-8")
    parts = {part.name: part for part in trust_records.parts(tmp_path, tmp_path)}
    assert parts["aa"].problem and "\n" not in parts["aa"].problem and "aa.json" in parts["aa"].problem
    html = build(examples.run(examples.claim_result()), Context(trust=tuple(parts.values())))
    assert "aa.json" in examples.Page(html).text


def test_data_of_another_shape_is_a_problem_too(tmp_path: Path) -> None:
    records.write(record("controls", data={"claims": {"c": {"a": "killed"}}}), tmp_path)
    parts = {part.name: part for part in trust_records.parts(tmp_path, tmp_path)}
    assert "controls.json" in parts["controls"].problem
