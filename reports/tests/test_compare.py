"""Two runs side by side: what differs is named, with each run's own numbers, and chance is not taken for a change."""

from pathlib import Path
from typing import Any

import pytest

from harness.results import schema
from harness.results.schema import RunResult
from harness.tests.factory import claim_result, finding, run_result, sample
from reports import compare, numbers
from reports.tests import examples
from reports.tests.examples import EVIL, Page, row, section

SEEDS = sample(*[0.1, 0.2, 0.3, 0.15] * 5)


def judged(**changes: Any) -> RunResult:
    return run_result(claim_result(finding(**{"sample": SEEDS, "n": (20,)} | changes)))


def pair(a: RunResult, b: RunResult) -> compare.FindingPair:
    (claim,) = compare.compare(a, b).claims
    return claim.pairs[0]


def test_the_shift_is_that_of_b_less_a_and_chance_alone_is_no_change() -> None:
    near, far = (pair(judged(), examples.moved(judged(), by, "11-02")) for by in (0.01, 0.5))
    assert near.shift and far.shift
    assert near.shift.moved == pytest.approx(0.01) and near.change == "nothing"
    assert far.shift.moved == pytest.approx(0.5) and far.change == "effect"
    back = pair(examples.moved(judged(), 0.5, "11-02"), judged())
    assert back.shift and back.shift.moved == pytest.approx(-0.5)


def test_chance_is_shared_among_all_effects_that_are_compared() -> None:
    many = run_result(claim_result(*(finding(name=f"test_it[{i}]") for i in range(10))))
    assert compare.compare(many, many).alpha == pytest.approx(compare.compare(judged(), judged()).alpha / 10)


@pytest.mark.parametrize(
    ("a", "b", "change"),
    [
        ({}, {"conclusion": "contradicted"}, "conclusion"),
        ({}, {"conclusion": "error"}, "not judged"),
        ({}, {"min_effect": 0.1}, "not compared"),
        ({}, {"unit": "env_steps"}, "not compared"),
        ({"sample": None}, {}, "not compared"),
        ({}, {"name": "test_other"}, "only one"),
    ],
)
def test_what_is_not_alike_is_named_and_not_tested(a: dict[str, Any], b: dict[str, Any], change: str) -> None:
    found = pair(judged(**a), judged(**b))
    assert found.change == change
    assert (found.shift is None) is (change != "conclusion")


def test_what_changed_comes_first_and_is_counted() -> None:
    a = [claim_result(finding(claim=name)) for name in ("same", "verdict", "gone")]
    b = [a[0], a[1].replace(verdict="REFUTED"), claim_result(finding(claim="new"))]
    found = compare.compare(run_result(*a), run_result(*b))
    assert [(claim.id, claim.change) for claim in found.claims] == [
        ("verdict", "verdict"),
        ("new", "only one"),
        ("gone", "only one"),
        ("same", "nothing"),
    ]
    assert "1 of 2 verdicts differ" in found.words and "1 only in A" in found.words and "1 only in B" in found.words
    assert "verdict: REPRODUCED in A, REFUTED in B" in list(compare.lines(found))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"profile": "extended"}, "profile: scaled in A, extended in B"),
        ({"changes": ("a=1",)}, "changes: none in A, a=1 in B"),
    ],
)
def test_runs_of_two_experiments_are_told(changes: dict[str, Any], words: str) -> None:
    found = compare.compare(judged(), judged().replace(**changes))
    assert words in found.unlike and any(words in line for line in compare.lines(found))


def test_claims_that_were_preregistered_otherwise_are_told() -> None:
    one, other = (run_result(claim_result(preregistration={"hash": hash})) for hash in ("a", "b"))
    assert "a-claim" in compare.compare(one, other).unlike and not compare.compare(one, one).unlike


def test_the_page_shows_both_runs_numbers_and_leads_to_each_claim(tmp_path: Path) -> None:
    both = claim_result(
        finding(sample=SEEDS), finding(name="test_it[two]", effect=0.7, lower=0.6, upper=0.8, sample=SEEDS)
    )
    a = run_result(both)
    b = examples.moved(a, 0.5, "11-02", commit="fedcba9")
    page = compare.write(compare.compare(a, b), tmp_path / "compare.html").read_text("utf-8")
    claim = section(page, "claim-0")
    for found, start in zip(a.findings, claim.split('<tr class="finding">')[1:], strict=True):
        lines = [row("<tr>" + start, "<tr>"), row(start, '<tr class="finding second">')]
        assert found.name in lines[0]
        for line, by in zip(lines, (0.0, 0.5), strict=True):
            effect, lower, upper = found.effect + by, found.lower + by, found.upper + by
            shown = numbers.effect(effect, [lower, upper], sign=True)
            assert f"{shown} {numbers.interval(lower, upper, [effect])}" in line
    assert "it has moved" in Page(claim).text and "fedcba9" in Page(page).text
    ids = Page(page).values("id")
    assert len(ids) == len(set(ids)) and {link[1:] for link in Page(page).values("href") if link[0] == "#"} <= set(ids)


def test_no_text_of_a_run_becomes_markup(tmp_path: Path) -> None:
    hostile = RunResult.model_validate(examples.poisoned(judged().plain()))
    page = compare.write(compare.compare(hostile, judged(message=EVIL)), tmp_path / "c.html").read_text("utf-8")
    assert not {"img", "script"} & {tag for tag, _ in Page(page).elements} and EVIL in Page(page).text


def test_a_run_is_named_by_its_findings_their_folder_or_the_report_beside_them(tmp_path: Path) -> None:
    schema.write(judged(), tmp_path / schema.NAME)
    for place in (tmp_path, tmp_path / schema.NAME, tmp_path / "report.html"):
        assert compare.read(place) == judged()
    with pytest.raises(schema.FindingsError, match="nowhere"):
        compare.read(tmp_path / "nowhere.json")
