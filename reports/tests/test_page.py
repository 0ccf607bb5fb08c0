"""What the page says of a run, as text: every number is where it belongs, and no text becomes markup."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from harness.results.records import Record
from harness.results.schema import RunResult
from harness.tests.factory import claim_result, finding, run_result
from reports import numbers
from reports.build import Context, build, write
from reports.marks import CONCLUSIONS, STANDINGS, VERDICTS
from reports.other_scales import Elsewhere
from reports.paper import Paper
from reports.past_runs import PastRuns
from reports.tests import examples
from reports.tests.examples import EVIL, Page, embedded, poisoned, row, section
from reports.trust_records import part as part_of


def shown(value: float, *like: float) -> str:
    return numbers.effect(value, like, sign=True)


# the head and the board


def test_the_head_says_what_the_run_was(page: Page, run: RunResult) -> None:
    for text in (run.profile, "0–4", run.machine.cpu, "30 November 2026", str(run.commit)):
        assert text in page.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"changes": ("pruning.criterion=random",)}, ["pruning.criterion=random"]),
        (
            {"partial": {"cells": 3, "of_cells": 8, "levels": 31, "of_levels": 88, "share": 0.35}},
            ["31 of 88", "3 of 8"],
        ),
        ({"profile": "smoke"}, ["smoke run"]),
        ({"damaged": ("cells/ab/level-3.npz was cut short",)}, ["cells/ab/level-3.npz"]),
    ],
)
def test_what_the_verdicts_are_not_about_is_said_before_them(changes: dict[str, object], words: list[str]) -> None:
    text = Page(build(examples.run(claim_result(), **changes), Context())).text
    assert all(word in text for word in words)


def test_a_gate_names_its_baseline_and_counts_its_standings(page: Page) -> None:
    for text in ("fixtures/baselines/scaled.json", "1 regressed", "1 left", "gone test_it[x]"):
        assert text in page.text


def test_the_board_has_a_row_a_claim_and_a_column_a_system(html: str, page: Page) -> None:
    board = section(html, "board")
    assert re.findall(r'data-verdict="([A-Z ]+)"', board) == ["MIXED", "REPRODUCED", "REPRODUCED", "NOT RUN"]
    assert re.findall(r'scope="col" class="system[^"]*">(\w+)<', board) == ["BC", "PPO", "DQN", "DQN"]
    assert re.findall(r'class="task" colspan="(\d)">([\w-]+)<', board) == [("3", "Cart-Pole"), ("1", "GridMaze")]
    first = board[board.index("<tbody>") :].split("</tr>")[0]
    counts = re.findall(r'data-label="([\w -]+)">(.*?)</td>', first, re.DOTALL)
    assert {label: re.findall(r"\d+</span> <span class=\"word\">([a-z ]+)", cell) for label, cell in counts[:3]} == {
        "Cart-Pole BC": ["supported", "underpowered", "error"],
        "Cart-Pole PPO": ["contradicted"],
        "Cart-Pole DQN": ["underpowered"],
    }


def test_a_finding_that_compares_learners_is_counted_on_each_of_them(html: str) -> None:
    line = section(html, "board").split('data-claim="claim-pair"')[1].split("</tr>")[0]
    assert re.findall(r'data-label="(Cart-Pole \w+)"', line) == ["Cart-Pole BC", "Cart-Pole PPO"]


def test_verdict_cells_lead_to_controls_registration_baseline_and_other_scales(html: str, page: Page) -> None:
    line = section(html, "board").split('data-claim="claim-mask-first"')[1].split("</tr>")[0]
    text = Page(line).text
    for word in ("1 of 2 controls kill", "changed since", "1 regressed", "1 left", "extended, in part: MIXED"):
        assert word in text
    assert "judged at extended" in section(html, "board").split('data-claim="claim-waits"')[1]


def test_every_word_has_a_tone_and_an_icon(html: str) -> None:
    icons = set(re.findall(r'<symbol id="icon-([\w-]+)"', html))
    for words in (VERDICTS, CONCLUSIONS, STANDINGS):
        assert {icon for _, icon, _ in words.values()} <= icons
        assert all(f".{tone} {{ --tone" in html for tone, _, _ in words.values())


# a claim


def test_a_claim_says_what_the_paper_says_and_how_its_verdict_came_about(html: str, run: RunResult) -> None:
    claim, text = run.claims[0], Page(section(html, "claim-mask-first")).text
    for word in (
        claim.says,
        claim.source,
        claim.quantifier,
        claim.summary,
        "MIXED",
        "22 November 2026",
        "0123456789ab",
    ):
        assert word in text
    assert "five seeds are too few" in text  # why a finding was not judged
    assert "unmasked" in text and "it still holds" in text  # a control that survived
    assert "REFUTED under checkpoint=last" in text  # a reading that changes the verdict


def test_what_the_paper_states_stands_beside_ours(html: str, run: RunResult) -> None:
    text = Page(section(html, "claim-mask-first")).text
    first = run.claims[0].findings[0]
    assert "80,000 steps" in text and "20,480 or 40,960 steps" in text
    assert f"{shown(first.effect)} {numbers.interval(first.lower, first.upper)}" in text


def test_what_the_scaling_cost_is_told_once_for_systems_that_share_it(html: str) -> None:
    table = section(html, "claim-mask-first").split('class="scaling')[1].split("</table>")[0]
    text = " ".join(Page("<table" + table).text.split())
    assert (
        "Cart-Pole BC, Cart-Pole DQN" in text and "20,480 of 80,000 · 26 %" in text and "64-64 (paper 128-128)" in text
    )


# a finding


@pytest.mark.parametrize("place", range(6))
def test_a_finding_shows_its_own_numbers(place: int, html: str, run: RunResult) -> None:
    found = run.claims[0].findings[place]
    text = row(html, f'id="finding-mask-first-{re.sub(r"[^a-z_]+", "-", found.name).strip("-")}"')
    parts = [found.conclusion, shown(found.effect, found.lower, found.upper), numbers.plain(found.min_effect)]
    parts += [numbers.interval(found.lower, found.upper, [found.effect]), numbers.probability(found.p)]
    parts += [numbers.probability(found.q), numbers.sizes(found.n), numbers.plain(found.seeds_needed)]
    assert all(part in text for part in parts)


def test_a_finding_shows_reason_seeds_note_baseline_rerun_and_evidence(html: str, run: RunResult) -> None:
    first, broken = run.claims[0].findings[0], run.claims[0].findings[5]
    detail = row(html.split('id="finding-mask-first-test_it-bc"')[1], '<tr class="detail">')
    assert first.drift
    seeds = "20 seeds: 20 above 0; from 0.100 to 0.300, median 0.200."
    for text in (first.reason, first.note, seeds, "holds", shown(first.drift.moved or 0), first.rerun, first.cells[0]):
        assert text in detail
    assert broken.message in row(html.split('id="finding-mask-first-test_broken-bc"')[1], '<tr class="detail">')


def test_what_would_decide_an_undecided_finding_is_said_with_its_command(html: str) -> None:
    detail = row(html.split('id="finding-mask-first-test_it-dqn"')[1], '<tr class="detail">')
    assert "96 fresh seeds" in detail and "pytest --claims-seeds 96" in detail


def test_rows_of_other_readings_have_their_own_numbers_and_are_not_counted(html: str) -> None:
    lines = html.split('<tr class="reading-row">')[1:]
    assert len(lines) == 2
    for line, reading in zip(lines, examples.readings(), strict=True):
        text = " ".join(Page("<tr>" + line.split("</tr>")[0]).text.split())
        bounds = numbers.interval(reading["lower"], reading["upper"], [reading["effect"]])
        effect = shown(reading["effect"], reading["lower"], reading["upper"])
        for part in (reading["name"], "not counted", reading["conclusion"], effect, bounds):
            assert part in text
        assert numbers.probability(reading.get("p")) in text
        assert f"effect {effect.removeprefix('+')}, interval" in line  # and its strip is its own


# other scales and earlier runs


def test_other_scales_stand_beside_this_one_and_count_for_nothing(html: str, run: RunResult) -> None:
    part = section(html, "claim-mask-first").split('class="scales"')[1].split('class="past"')[0]
    text = " ".join(Page("<div" + part).text.split())
    judged = [found for found in run.claims[0].findings if found.judged]
    for found in judged:
        other = shown(found.effect + 0.1, found.lower + 0.1, found.upper + 0.1)
        assert shown(found.effect, found.lower, found.upper) in text and other in text
    assert "5 of 9 findings" in text and "15 October 2026" in text and "pytest 10-15" in text
    assert "not at extended" in text or "only at scaled" in text  # the finding that broke here was not judged there
    alone = build(run, examples.context(run, elsewhere=Elsewhere({})))
    start, end = '<table class="findings">', "</table>"
    assert html.split(start)[1].split(end)[0] == alone.split(start)[1].split(end)[0]


def test_a_finding_asked_otherwise_elsewhere_says_so(run: RunResult) -> None:
    there = examples.context(run).elsewhere.scales["extended"]["mask-first"]
    asked = there.claim.replace(findings=tuple(one.replace(min_effect=0.08) for one in there.claim.findings))
    other = Elsewhere({"extended": {"mask-first": type(there)(there.run, asked)}})
    assert "min_effect 0.05 scaled, 0.08 extended" in Page(build(run, Context(elsewhere=other))).text


def history(run: RunResult, *runs: RunResult) -> str:
    text = build(run, Context(past=PastRuns(runs)))
    return " ".join(Page(section(text, f"claim-{run.claims[0].id}").split('class="past"')[1]).text.split())


def test_the_history_shows_each_result_with_its_own_numbers_and_what_changed(html: str, run: RunResult) -> None:
    part = html.split('id="claim-mask-first-history"')[1].split('class="scroll"')[0]
    text = " ".join(Page("<div" + part).text.split())
    rows = text.split("Cart-Pole ")[1:]
    for found in run.claims[0].findings[:4]:
        (line,) = [line for line in rows if f" {found.name} " in line]
        for by in (0.0, -0.6):
            numbers_of = [found.effect + by, found.lower + by, found.upper + by]
            assert f"{shown(*numbers_of)} {numbers.interval(numbers_of[1], numbers_of[2], numbers_of[:1])}" in line
    assert "drift −0.600" in text and "this run" in text


def test_runs_with_the_same_numbers_are_one_result() -> None:
    whole = run_result()
    runs = [examples.moved(whole, 0.0, day) for day in ("11-01", "11-02", "11-03")]
    assert "3 complete runs, all with the same numbers" in history(whole, *runs)


@pytest.mark.parametrize(("by", "changed"), [(0.01, False), (1.0, True)])
def test_an_effect_that_moves_further_than_chance_is_a_change(by: float, changed: bool) -> None:
    whole = run_result(claim_result(finding(min_effect=0.05, sample=examples.sample(*[0.1, 0.2, 0.3, 0.15] * 5))))
    text = history(whole, whole, examples.moved(whole, by, "11-02"))
    assert ("the effect moved" in text) is changed and ("changed 2" not in text)


@pytest.mark.parametrize(("findings", "changed"), [(1, True), (10, False)])
def test_chance_is_shared_among_all_effects_that_a_claims_history_compares(findings: int, changed: bool) -> None:
    whole = run_result(claim_result(*(finding(name=f"test_it[{i}]") for i in range(findings))))
    assert ("the effect moved" in history(whole, whole, examples.moved(whole, 0.5, "11-02"))) is changed


def test_a_slow_drift_is_seen_though_no_step_is_large() -> None:
    whole = run_result(claim_result(finding(sample=examples.sample(*[0.1, 0.2, 0.3, 0.15] * 5))))
    steps = [examples.moved(whole, 0.05 * i, f"11-{i + 1:02d}") for i in range(8)]
    assert "the effect moved" not in history(whole, *steps[:2]) and "the effect moved" in history(whole, *steps)


def test_a_conclusion_that_flips_alone_is_told_apart() -> None:
    whole = run_result()
    other = run_result(claim_result(finding(conclusion="underpowered")), created="2026-11-02T10:00:00+00:00")
    text = history(whole, whole, other)
    assert "supported → underpowered" in text and "none changed, and 1 differs in its conclusion alone" in text


def test_a_history_that_can_not_be_read_costs_its_section_alone(run: RunResult) -> None:
    text = build(run, Context(past=PastRuns(problem="the history x can't be read: it is odd")))
    assert "it is odd" in text and "The numbers behind this chart" in text


# trust and provenance


def test_trust_has_each_record_and_the_command_of_those_that_are_missing(html: str) -> None:
    text = Page(section(html, "trust")).text
    assert "Verdict of aa." in text and "9 %" in text and "28 November 2026" in text
    assert "make alarms" in text and "make calibrate" in text
    assert "of 2,000 runs" in text  # what lies behind an entry


def test_provenance_has_commands_versions_and_dense_returns(html: str, run: RunResult) -> None:
    text = Page(section(html, "provenance")).text
    for part in (run.command, "numpy", run.versions["numpy"], "Cart-Pole PPO", "480"):
        assert part in text


# the page as such


def test_the_page_asks_for_nothing_and_runs_nothing_but_what_its_policy_names(html: str, page: Page) -> None:
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    texts = [*scripts, re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]]
    for text in texts:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert len(scripts) == 2 and len(re.findall("'sha256-", policy)) == 3
    assert all(not value.startswith(("http", "//")) for name in ("src", "href") for value in page.values(name))


def test_every_link_has_its_target_and_every_id_is_there_once(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("href") if link.startswith("#")} <= set(ids)


def test_pictures_have_a_text_and_tables_a_caption(page: Page) -> None:
    pictures = [a for _, a in page.elements if a.get("role") == "img"]
    assert pictures and all(a["aria-label"] for a in pictures)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption")


@pytest.mark.parametrize("part", ["run", "trust", "stated", "past"])
def test_no_text_becomes_markup(part: str, run: RunResult) -> None:
    whole = RunResult.model_validate(poisoned(run.plain())) if part == "run" else run
    trust = poisoned(examples.record("aa").plain()) | {"name": "aa", "origin": "here"}
    value = {"what": EVIL, "value": EVIL, "unit": EVIL, "where": "Table 1", "note": EVIL}
    stated = {"schema": 1, "claims": {"mask-first": [value]}, "experiments": {}}
    hostile = {
        "run": Context(),
        "trust": Context(trust=[part_of(Record.model_validate(trust))]),
        "stated": Context(stated=Paper.model_validate(stated)),
        "past": Context(past=PastRuns(problem=EVIL), elsewhere=Elsewhere({}, EVIL)),
    }[part]
    html = build(whole, hostile)
    tags = {tag for tag, _ in Page(html).elements}
    assert "img" not in tags and {"html", "script", "style"} <= tags
    assert Page(html).elements.count(("script", {})) == 2 and EVIL in Page(html).text
    assert all(name in ("id", "type") for tag, a in Page(html).elements for name in a if tag == "script")


def test_the_page_holds_the_run_as_json(html: str, run: RunResult) -> None:
    held = embedded(html, "findings")
    assert held["claims"][0]["findings"][0]["effect"] == run.claims[0].findings[0].effect
    assert held["claims"][0]["findings"][4]["effect"] is None  # NaN is no JSON


def test_the_same_run_makes_the_same_page(html: str, run: RunResult) -> None:
    assert build(run, examples.context(run)) == html


def test_a_chart_that_can_not_be_drawn_costs_itself_alone(run: RunResult) -> None:
    broken = claim_result(charts=({"kind": "none"}, {"kind": "map"}, examples.returns_chart()))
    html = build(examples.run(broken), Context())
    assert html.count("A chart could not be drawn") == 2 and html.count("data-chart=") == 1


def test_a_rehearsal_draws_no_charts_and_holds_neither_library_nor_trust(run: RunResult, tmp_path: Path) -> None:
    html = write(run.replace(profile="smoke"), tmp_path / "report.html").read_text("utf-8")
    assert "data-chart=" not in html and "vegaEmbed =" not in html and len(html) < 200_000
    links = {link[1:] for link in Page(html).values("href") if link.startswith("#")}
    assert links <= set(Page(html).values("id"))


def test_a_drawing_that_several_claims_have_is_in_the_page_once(html: str) -> None:
    assert html.count('data-chart="chart-1"') == 2 and html.count('id="chart-1-1"') == 1
    assert html.count('<use href="#chart-1-1"/>') == 1


@pytest.mark.parametrize("claims", [(), (claim_result(findings=(), verdict="NOT RUN"),)])
def test_a_run_without_findings_is_a_page(claims: tuple[examples.ClaimResult, ...]) -> None:
    assert "The board" in build(run_result().replace(claims=claims), Context())


def test_a_page_is_written_whole_with_what_lies_beside_it(tmp_path: examples.Any, run: RunResult) -> None:
    place = tmp_path / ".claims" / "report.html"
    examples.records.write(examples.record("controls"), tmp_path / ".claims" / "trust")
    assert write(run, place) == place
    assert "Measured here" in place.read_text("utf-8")
    kept = sorted(path.name for path in place.parent.iterdir())
    assert kept[0] == "report.html" and kept[1] == "trust" and kept[2].startswith("vega-") and len(kept) == 3
    before = place.read_text("utf-8")
    assert write(run, place).read_text("utf-8") == before
