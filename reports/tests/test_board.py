"""The board, how a verdict came about, what a baseline says, and a run that is still going."""

import copy
import html
import re
from typing import Any

import pytest
from reports.rule import rule

import reports
from harness.results import standing
from reports.board import Board, board, system_title, systems_of
from reports.build import TEMPLATES
from reports.tests import suites, synthetic
from reports.tests.pages import EVIL, Page, section


def found(system: str, conclusion: str = "supported", *about: str, **changes: Any) -> dict[str, Any]:
    scale = suites.about(*about) if about else {}
    made = synthetic.finding("c", system, conclusion, scale=scale, anchor=f"finding-{system}-{conclusion}")
    return {**dict.fromkeys(("baseline", "refused", "sample")), **made, **changes}


def shown(made: Board, line: int = 0) -> list[tuple[int, str, list[tuple[str, int]]]]:
    return [(c.span, c.title, [(t.mark.word, t.mark.count) for t in c.tallies]) for c in made.lines[line].cells]


# claims by systems


def test_columns_are_tasks_with_their_learners_side_by_side() -> None:
    made = board(
        [
            [found("pendulum ppo"), found("acrobot ppo"), found("cart-pole dqn")],
            [found("cart-pole bc"), found("cart-pole ppo")],
        ]
    )
    assert [(task, [s.key for s in systems]) for task, systems in made.tasks] == [
        ("Cart-Pole", ["cart-pole bc", "cart-pole ppo", "cart-pole dqn"]),
        ("Acrobot", ["acrobot ppo"]),
        ("Pendulum", ["pendulum ppo"]),  # not one of the suite's
    ]


def test_a_cell_counts_what_the_findings_on_its_system_concluded() -> None:
    several = [found("cart-pole ppo"), found("cart-pole ppo"), found("cart-pole ppo", "contradicted"), found("ant bc")]
    made = board([several])
    assert shown(made) == [
        (1, "Cart-Pole PPO", [("supported", 2), ("contradicted", 1)]),
        (1, "Ant BC", [("supported", 1)]),
    ]
    assert made.lines[0].cells[0].tallies[1].anchor == "finding-cart-pole ppo-contradicted"


def test_what_a_claim_changes_about_a_system_makes_no_column_of_its_own() -> None:
    changed = found("cart-pole ppo", "supported", "cart-pole ppo horizon 500 input layer / 10", "cart-pole ppo xavier")
    assert [system.key for system in systems_of(changed)] == ["cart-pole ppo"]


def test_a_finding_about_two_learners_lies_across_their_columns() -> None:
    pair = found("cart-pole", "contradicted", "cart-pole bc equal updates", "cart-pole ppo")
    made = board([[pair], [found("cart-pole dqn")]])
    assert shown(made) == [
        (2, "Cart-Pole, BC and PPO", [("contradicted", 1)]),
        (1, "Cart-Pole DQN", []),
    ]
    assert made.lines[0].systems == ("cart-pole bc", "cart-pole ppo")


@pytest.mark.parametrize(
    ("about", "beside"),
    [
        (("cart-pole bc", "cart-pole dqn"), "cart-pole ppo"),  # its columns do not touch
        (("cart-pole bc", "acrobot bc"), "cart-pole bc"),  # nor are they of one task
        (("cart-pole bc", "cart-pole ppo"), "cart-pole ppo"),  # one of them holds another finding
    ],
)
def test_where_it_can_not_lie_across_it_is_in_each_of_its_columns(about: tuple[str, ...], beside: str) -> None:
    made = board([[found("both", "equivalent", *about), found(beside)]])
    holding = [title for span, title, tallies in shown(made) if ("equivalent", 1) in tallies and span == 1]
    assert len(holding) == 2 and len(shown(made)) == made.columns


def test_every_row_has_as_many_columns_as_the_head(findings: dict[str, Any]) -> None:
    for run in (findings, suites.wide()):
        made = board([[{**found("x"), **f} for f in claim["findings"]] for claim in run["claims"]])
        assert {sum(cell.span for cell in line.cells) for line in made.lines} == {made.columns}


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    return synthetic.findings()


@pytest.fixture(scope="module")
def wide() -> str:
    return reports.build(suites.wide())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cart-pole dqn", "Cart-Pole DQN"),
        ("acrobot ppo input layer / 10", "Acrobot PPO input layer / 10"),
        ("cart-pole bc 128-128 equal updates", "Cart-Pole BC 128-128 equal updates"),
        ("acrobot", "Acrobot"),
        ("", ""),
        ("cart-pole my-learner", "cart-pole my-learner"),
        (EVIL, EVIL),
    ],
)
def test_systems_are_named_for_people(name: str, shown: str) -> None:
    assert system_title(name) == shown


@pytest.fixture(scope="module")
def discrete() -> str:
    return reports.build(suites.discrete())


def test_five_systems_have_their_words_and_one_heading_a_task(discrete: str) -> None:
    table = discrete[discrete.index('<table class="board') :].split("</table>")[0]
    assert '<table class="board">' in table
    assert re.findall(r'class="task" colspan="(\d)">([\w-]+)<', table) == [("3", "Cart-Pole"), ("2", "Acrobot")]
    assert re.findall(r'class="system[^>]*>(\w+)<', table) == ["BC", "PPO", "DQN", "BC", "PPO"]
    assert table.count('data-label="Cart-Pole, BC and PPO"') == table.count('data-label="Acrobot, BC and PPO"') == 1
    part = section(discrete, "best-checkpoint-less-noise")
    assert ">Cart-Pole DQN" in part and "cart-pole dqn" not in part.replace("cart-pole-dqn", "")


def test_a_claim_that_a_larger_profile_judges_says_so_on_the_board_and_in_its_section(discrete: str) -> None:
    rows = discrete[discrete.index('<table class="board') :].split("</table>")[0].split("<tr data-claim=")[1:]
    waiting = [row for row in rows if ">judged at extended<" in row]
    assert [re.findall(r'href="#claim-([\w-]+)"', row)[0] for row in waiting] == list(suites.ONLY_EXTENDED)
    assert all("NOT RUN" in row for row in waiting) and len(rows) == 10
    for name in suites.ONLY_EXTENDED:
        part = section(discrete, name)
        assert "Judged from the profile extended on, or where --claim names it." in part and "<figure" not in part
    judged = reports.build(suites.discrete("extended"))
    assert ">judged at extended<" not in judged
    assert [section(judged, name).count("<figure") for name in suites.ONLY_EXTENDED] == [5, 5, 2]


def test_a_claim_of_which_a_larger_profile_judges_more_says_so_beside_its_verdict(discrete: str) -> None:
    row = discrete[discrete.index('<tr data-claim="claim-best-checkpoint-less-noise"') :].split("</tr>")[0]
    assert "REFUTED" in row and ">in part judged at paper<" in row
    assert "More of it is judged from the profile paper on" in section(discrete, "best-checkpoint-less-noise")


def test_findings_that_wait_for_different_reasons_give_none_as_the_claims(discrete: str) -> None:
    one, other = found("cart-pole ppo", "not run", reason="a"), found("cart-pole ppo", "not run", reason="b")
    judged = found("cart-pole ppo", "supported", reason="a")
    assert [line.waits for line in board([[one], [one, other], [one, judged], []]).lines] == ["a", "", "", ""]


def test_twenty_two_systems_fit_and_say_their_words_to_those_who_do_not_see_the_icons(wide: str) -> None:
    table = wide[wide.index('<table class="board') :].split("</table>")[0]
    assert 'class="board many"' in table
    assert table.count('class="system') == 22 and table.count('class="task"') == 11
    cells = re.findall(r'<td class="cell[^>]*>(.*?)</td>', table, re.DOTALL)
    held = [cell for cell in cells if "<a" in cell]
    assert len(held) == 22 + 9 and all('<span class="word">' in cell for cell in held)
    assert table.count('data-label="Cart-Pole, BC and PPO"') == 1


def test_every_cell_leads_to_the_row_of_a_finding_that_concluded_so(wide: str) -> None:
    targets = re.findall(r'class="tally-link (\w+)" href="#([^"]+)"', wide)
    assert len(targets) == 31
    for tone, target in targets:
        row = wide[wide.index(f'<tr class="finding" id="{target}">') :].split("</tr>")[0]
        assert f'class="chip {tone} ' in row


def test_findings_of_one_name_have_ids_of_their_own() -> None:
    twice = [synthetic.finding("ticket-effect", "cart-pole ppo", "supported", name=EVIL) for _ in range(3)]
    page = reports.build({**synthetic.findings(), "claims": [suites.claim("ticket-effect", "REPRODUCED", twice)]})
    ids = [i for i in Page(page).values("id") if i.startswith("finding-")]
    assert len(set(ids)) == len(ids) == 3 and all(re.fullmatch(r"[\w-]+", i) for i in ids)


# filters


def test_every_filter_is_a_native_control_with_a_label(wide: str) -> None:
    form = wide[wide.index('<form class="filters"') :].split("</form>")[0]
    controls = re.findall(r"<(?:input|select)[^>]*>", form)
    labels = re.findall(r"<label[^>]*>.*?</label>", form, re.DOTALL)
    assert len(controls) == len(labels) == 2 + 1 + 1
    assert all(re.search(r"<(input|select)", label) for label in labels)
    assert '<button type="reset">' in form and 'role="status">2 of 2 claims<' in form
    assert html.unescape(form).count("<option") == 1 + 22 + 10  # all, each system, each task with several


def test_without_a_script_there_are_no_filters_and_everything_is_there(wide: str) -> None:
    assert re.search(r'<form class="filters"[^>]* hidden>', wide)
    assert not re.search(r"<(?:tr|section)[^>]* hidden", wide)


def test_the_filter_for_changes_is_there_where_a_baseline_is() -> None:
    assert 'name="changed"' in reports.build(suites.gated())
    assert 'name="changed"' not in reports.build(synthetic.smoke())


def test_the_script_evaluates_and_fetches_nothing() -> None:
    script = (TEMPLATES / "js" / "board.js").read_text("utf-8")
    assert not re.search(r"\beval\b|Function\(|innerHTML|insertAdjacent|fetch\(|XMLHttp|\.style\b|import\(", script)


# how a verdict came about


@pytest.mark.parametrize(
    ("verdict", "conclusions", "counts", "why"),
    [
        ("REPRODUCED", ["supported"], "Supported in its one finding.", "REPRODUCED asks for all"),
        ("REPRODUCED", ["supported"] * 3, "Supported in all 3 findings.", "REPRODUCED asks for all"),
        (
            "MIXED",
            ["supported"] * 3 + ["equivalent"],
            "Supported in 3 of 4 findings, equivalent in 1.",
            "counts against",
        ),
        ("REFUTED", ["contradicted", "underpowered"], "Contradicted in 1 of 2 findings, underpowered in 1.", "against"),
        ("INCONCLUSIVE", ["underpowered"] * 2, "Underpowered in all 2 findings.", "Nothing speaks against"),
        ("NOT RUN", [], "No finding was made.", ""),
    ],
)
def test_the_rule_is_told_on_these_findings(verdict: str, conclusions: list[str], counts: str, why: str) -> None:
    told = rule(verdict, [found("cart-pole ppo", conclusion) for conclusion in conclusions])
    assert told.counts == counts and why in told.why


def test_what_stands_between_a_claim_and_reproduced_is_named_and_linked() -> None:
    short = [found("cart-pole ppo", "underpowered", name=f"test_it[seed-{i}]", anchor=f"a{i}") for i in range(6)]
    told = rule("INCONCLUSIVE", [found("cart-pole bc"), *short])
    assert [(b.label, b.anchor, b.mark.word) for b in told.between] == [
        (f"seed-{i}", f"a{i}", "underpowered") for i in range(4)
    ]
    assert told.more == 2
    assert rule("REPRODUCED", [found("cart-pole bc")]).between == ()


def test_no_difference_is_said_to_mean_something_only_where_it_was_judged() -> None:
    judged = found("cart-pole ppo", "supported", kind="equivalent")
    blind = found("cart-pole ppo", "underpowered", kind="equivalent", refused="dense agents reached 0.5")
    told = rule("INCONCLUSIVE", [judged, blind, found("cart-pole ppo")])
    assert told.assay == 1 and told.refused == (("dense agents reached 0.5", 1),)
    assert rule("REPRODUCED", [found("cart-pole ppo")]).assay == 0


# what would decide


def test_an_underpowered_finding_says_what_would_decide_it_and_the_command() -> None:
    open_ = synthetic.finding("ticket-effect", "cart-pole ppo", "underpowered", 0.04, -0.03, 0.1, seeds_needed=44)
    entry = {"seeds": 44, "times": 2, "count": 22, "block": 3, "passed_over": [1], "core_minutes": 2.4, "minutes": 1.2}
    entry |= {"cpus": 2, "fewest": None, "command": "pytest -n auto --claims-seeds 22 --claims-seed-block 3"}
    claim = suites.claim("ticket-effect", "INCONCLUSIVE", [open_], would_decide={open_["nodeid"]: entry})
    part = section(reports.build({**synthetic.findings(), "claims": [claim]}), "ticket-effect")
    assert "44 fresh seeds would decide 0.05 normalised return 9 times in 10" in part
    assert 'class="decide"' in part and "in about 2 core-minutes" in part and "--claims-seeds 22 makes 44 here" in part
    assert "<code>pytest -n auto --claims-seeds 22 --claims-seed-block 3</code>" in part


@pytest.mark.parametrize("entry", [None, {"seeds": 44}, "text", {}])
def test_an_unknown_advice_costs_itself_and_not_the_report(entry: Any) -> None:
    open_ = synthetic.finding("ticket-effect", "cart-pole ppo", "underpowered", refused="too few seeds")
    claim = suites.claim("ticket-effect", "INCONCLUSIVE", [open_], would_decide={open_["nodeid"]: entry})
    part = section(reports.build({**synthetic.findings(), "claims": [claim]}), "ticket-effect")
    assert 'class="decide"' not in part and "underpowered" in part


def test_a_finding_has_the_keys_of_its_evidence() -> None:
    part = section(reports.build(suites.partial()), "ticket-effect")
    assert "Evidence: 4 cells" in part and "<code>cart-pole-ppo-0</code> <code>cart-pole-ppo-1</code>" in part


# the baseline


@pytest.fixture(scope="module")
def gated() -> str:
    return reports.build(suites.gated())


def test_the_head_names_the_baseline_its_standings_and_what_nothing_uses(gated: str) -> None:
    head = gated[: gated.index('id="board"')]
    assert "<code>fixtures/baselines/scaled.json</code>" in head and "1 finding regressed." in head
    for text in ("1 holds", "1 as recorded", "1 regressed", "1 new", "<code>gone test_it[x]</code>"):
        assert text in head
    assert 'class="banner baseline bad"' in head
    kept = copy.deepcopy(suites.gated())
    kept["baseline"]["failed"] = False
    assert 'class="banner baseline level"' in reports.build(kept)
    assert 'class="banner baseline' not in reports.build(suites.partial())


def test_the_head_says_its_tally_once_and_no_path_of_the_machine() -> None:
    run = suites.gated()
    run["baseline"] |= {
        "standings": {"regressed": 1, "holds": 3},
        "says": "against scaled.json of 2026-11-01, seed block 0: 1 regressed, 3 holds",
        "file": "/home/me/suite/fixtures/baselines/scaled.json",
    }
    head = reports.build(run).partition('id="board"')[0]
    assert head.count("1 regressed") == 1 and "<p>Against scaled.json of 2026-11-01, seed block 0</p>" in head
    assert "<code>fixtures/baselines/scaled.json</code>" in head and "/home/me" not in head
    elsewhere = reports.build({**run, "baseline": run["baseline"] | {"file": "/home/me/mine/held.json"}})
    assert "<code>mine/held.json</code>" in elsewhere.partition('id="board"')[0]


def test_what_the_standings_mean_is_told_where_there_is_a_baseline(gated: str) -> None:
    legend = html.unescape(gated[gated.index('id="standings"') :].split("</dl>")[0])
    for word, meaning in standing.STANDINGS.items():
        assert f"{word}</span></dt><dd>{meaning}</dd>" in legend
    assert "p of the drift" in legend
    assert 'id="standings"' not in reports.build(suites.partial())


def test_a_finding_tells_its_standing_its_drift_and_the_smallest_that_would_be_seen(gated: str) -> None:
    part = section(gated, "slipped")
    assert "regressed</span> <span" in part and "It says" not in part
    for name, value in (("then", "supported +0.400 [0.300, 0.500]"), ("drift since", "−0.310"), ("margin", "0.1")):
        assert f"{name} <b>{value}</b>" in part
    assert "smallest drift seen 9 times in 10 <b>0.120</b>" in part
    fresh = section(gated, "fresh")
    assert "new</span> <span>It says new.</span>" in fresh and "drift since" not in fresh


def test_where_no_drift_could_be_seen_that_is_said() -> None:
    blind = found("cart-pole ppo", "underpowered", baseline=suites.standing("left", seen=None))
    part = section(reports.build({**suites.gated(), "claims": [suites.claim("c", "INCONCLUSIVE", [blind])]}), "c")
    assert "smallest drift seen 9 times in 10 <b>none</b>" in part and "None" not in part


def test_only_what_is_not_as_in_the_baseline_counts_as_changed(gated: str) -> None:
    rows = re.findall(r'<tr data-claim="claim-(\w+)"[^>]*?(data-changed="\d+")?>', gated)
    assert rows == [("held", ""), ("slipped", 'data-changed="1"'), ("fresh", "")]


def test_what_could_not_be_held_against_the_baseline_has_not_changed() -> None:
    run = suites.gated()
    unknown = [found("cart-pole ppo", baseline=suites.standing(word), name=word) for word in ("new", "not comparable")]
    made = board([unknown])
    assert (made.lines[0].changed, made.lines[0].compared, made.compared) == (0, False, False)
    part = section(reports.build({**run, "claims": [suites.claim("c", "REPRODUCED", unknown)]}), "c")
    assert '<li class="none" id="claim-c-baseline">' in part


@pytest.mark.parametrize(
    ("standings", "tone", "words"),
    [
        (["recovered", "regressed", "left", "regressed"], "bad", ["2 regressed", "1 left", "1 recovered"]),
        (["left", "holds"], "mixed", ["1 left"]),
        (["changed", "recovered"], "mixed", ["1 changed", "1 recovered"]),
        (["recovered", "new"], "good", ["1 recovered"]),
        (["holds", "as recorded"], "good", []),
    ],
)
def test_the_worst_standing_gives_a_claim_its_tone(standings: list[str], tone: str, words: list[str]) -> None:
    several = [found("cart-pole ppo", baseline=suites.standing(word), name=f"{i}") for i, word in enumerate(standings)]
    (line,) = board([several]).lines
    assert [f"{mark.count} {mark.word}" for mark in line.changes] == words
    page = reports.build({**suites.gated(), "claims": [suites.claim("c", "REPRODUCED", several)]})
    assert f'<li class="{tone}" id="claim-c-baseline">' in section(page, "c")
    board_cell = page[page.index('<td class="verdict">') :].split("</td>")[0]
    assert re.findall(r"</svg>(\d \w+)</a>", board_cell) == words


# a run that is going


def test_a_run_that_is_going_says_how_far_it_is_and_its_claims_what_they_wait_for() -> None:
    page = reports.build(suites.partial())
    assert "31 of 88 levels and 3 of 8 cells are done (35\u202f%)" in page[: page.index('id="board"')]
    assert "7 of 11 levels of 2 cells are there" in section(page, "ticket-effect")
    assert "still going" not in reports.build(suites.gated())


@pytest.mark.parametrize("name", ["baseline", "partial"])
@pytest.mark.parametrize(
    "value", [EVIL, [EVIL], {EVIL: EVIL}, {"standings": {EVIL: EVIL}, "unused": [EVIL], "file": EVIL}]
)
def test_whatever_a_run_says_of_itself_becomes_no_markup(name: str, value: Any, gated: str) -> None:
    page = Page(reports.build({**suites.gated(), name: value}))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in Page(gated).elements} | {"code"}


def test_ids_are_unique_and_links_have_targets_on_all_of_these_pages(wide: str, gated: str) -> None:
    for page in (wide, gated, reports.build(suites.partial())):
        parsed = Page(page)
        ids = parsed.values("id")
        assert len(ids) == len(set(ids))
        assert {link[1:] for link in parsed.values("href") if link.startswith("#")} <= set(ids)
        assert page.count("<table") == page.count("<caption")
