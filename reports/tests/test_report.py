"""The report shows what the findings say, whatever their texts hold, and needs nothing but itself."""

import copy
import html
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reports
from harness.statistics.intervals import bca
from reports import charts, numbers, palette, strips
from reports.__main__ import main
from reports.marks import CONCLUSIONS, VERDICTS
from reports.tests import synthetic
from reports.tests.pages import EVIL, SCRIPTS, Page, embedded, poisoned, section, without_scripts


@pytest.fixture(scope="module")
def findings() -> dict[str, Any]:
    return synthetic.findings()


@pytest.fixture(scope="module")
def page(findings: dict[str, Any]) -> str:
    return reports.build(findings)


# what it shows


def test_every_verdict_and_conclusion_is_a_word_with_an_icon(page: str) -> None:
    for known, word in [(VERDICTS, word) for word in VERDICTS if word != "SMOKE"] + [
        (CONCLUSIONS, word) for word in CONCLUSIONS if word != "smoke"
    ]:
        tone, icon, _ = known[word]
        assert re.search(
            rf'<span class="chip {tone} (big)?"><svg[^>]*><use href="#icon-{icon}"/></svg>{word}</span>', page
        )


def test_the_board_has_a_row_a_claim_that_links_to_its_section(page: str, findings: dict[str, Any]) -> None:
    board = page[page.index('<table class="board') :].split("</table>")[0]
    assert board.count("<tr data-claim=") == len(findings["claims"])
    for claim in findings["claims"]:
        assert f'href="#claim-{claim["id"]}"' in board
        assert html.escape(claim["says"], quote=False).replace("'", "&#39;") in board


def test_a_section_holds_what_the_paper_says_where_and_how_widely(page: str) -> None:
    part = section(page, "mask-explains-most")
    for text in (
        "3.2 and 3.3; Figure 1 right",
        "most agents",
        "2 of the paper&#39;s 14 systems",
        "Acrobot shows the opposite",
    ):
        assert text in part
    assert "3&nbsp;supported" in part and "1&nbsp;contradicted" in part


def test_a_finding_shows_its_numbers_its_test_and_the_line_that_reruns_it(page: str) -> None:
    part = section(page, "bc-prunes-sparser")
    for text in ("+0.610", "[−0.220, ∞]", "0.13", "20 + 20", "log-rank, permuted labels", ">64<", ">1.42<"):
        assert text in part
    assert "<code>pytest -n auto &#34;claims/test_bc_prunes_sparser.py::test_it[cart-pole]&#34;</code>" in part


def test_readings_beside_a_finding_are_marked_as_not_counted(page: str) -> None:
    assert section(page, "mask-explains-most").count("not counted") == 3
    assert "not counted" not in section(page, "ticket-effect")


def test_scaling_is_shown_against_the_paper_once_for_systems_that_share_it(page: str) -> None:
    part = section(page, "ticket-effect")
    assert part.count("of 80,000") == 1
    assert "Cart-Pole PPO, Cart-Pole BC, Acrobot PPO" in part and "40\u202f%" in part


def test_a_percentage_is_no_share_of_the_papers(findings: dict[str, Any]) -> None:
    scale = {"cart-pole ppo": {"pruned per level": {"here": "48.8 %", "paper": "20 %"}}}
    found = synthetic.finding("ticket-effect", "cart-pole ppo", "supported", scale=scale)
    part = section(
        reports.build({**findings, "claims": [{**findings["claims"][0], "findings": [found]}]}), "ticket-effect"
    )
    assert '48.8 % <span class="quiet">(paper 20 %)</span>' in part


def test_errors_show_their_message_and_missing_numbers_a_dash(page: str) -> None:
    part = section(page, "inputs-over-specified")
    assert "ImportError: pybullet is not installed" in part
    assert '<td class="n" data-label="p">–</td>' in part and "None" not in part


def test_a_smoke_run_says_that_nothing_is_judged() -> None:
    page = reports.build(synthetic.smoke())
    assert "too few to judge anything" in page and "SMOKE" in page
    assert page.count("<figure") == 1


def test_a_changed_experiment_is_said_before_any_verdict(page: str, findings: dict[str, Any]) -> None:
    changed = reports.build({**findings, "changes": ["pruning.criterion=<mine>", "pruning.levels=3"]})
    banner = "<code>pruning.criterion=&lt;mine&gt;</code>, <code>pruning.levels=3</code>"
    assert changed.index("A changed experiment") < changed.index(banner) < changed.index("The board")
    assert "with pruning.criterion=&lt;mine&gt;, pruning.levels=3</title>" in changed
    assert "A changed experiment" not in page


def test_no_claims_and_claims_without_findings_are_said_plainly(findings: dict[str, Any]) -> None:
    assert "No claim was selected" in reports.build({**findings, "claims": []})
    bare = reports.build({"schema": 1, "claims": [{"id": "bare"}, {"id": "empty", "findings": [{}]}]})
    assert "No finding was made" in section(bare, "bare")
    assert '<p class="summary">Unknown.</p>' in section(bare, "bare")
    assert "unknown" in section(bare, "empty")


def test_it_is_reproducible(page: str, findings: dict[str, Any]) -> None:
    assert reports.build(findings) == page


# charts


def test_a_chart_is_drawn_once_a_claim_and_by_reference_in_later_ones(page: str) -> None:
    assert section(page, "mask-explains-most").count("<figure") == 2  # four findings, two charts
    assert '<g id="chart-1-1">' in section(page, "ticket-effect")
    assert '<use href="#chart-1-1"/>' in section(page, "mask-explains-most")


def test_every_colour_of_a_chart_has_a_dark_partner(findings: dict[str, Any]) -> None:
    found = [finding["chart"] for claim in findings["claims"] for finding in claim["findings"] if finding["chart"]]
    found += [
        synthetic.layers_chart("layers", "t", ("Kaiming",)),
        synthetic.learning_chart("learning", "t", ("a", "b")),
        synthetic.sizes_chart("sizes", "t"),
    ]
    for chart in {chart["key"]: chart for chart in found}.values():
        for panel in charts.draw(chart).panels:
            used = set(re.findall(r'(?:fill|stroke)="(#?\w+)"', panel.body))
            assert used - {"none", "transparent"} <= set(palette.DARK)
            assert "style=" not in panel.body


def test_a_chart_shows_mean_and_bca_interval_at_each_density() -> None:
    chart = synthetic.returns_chart("key", "title")
    drawing = charts.draw(chart)
    assert [swatch.label for swatch in drawing.legend] == list(synthetic.CONDITIONS)
    values = np.array(chart["series"][1]["values"])
    low, high = bca(values)
    label, density, mean, interval, n = drawing.rows[len(values) + 3]
    assert (label, density) == ("mask/permuted", "26\u202f%")
    assert mean == numbers.effect(values[3].mean())
    assert (interval, n) == (f"[{numbers.effect(low[3])}, {numbers.effect(high[3])}]", "20")
    assert drawing.panels[0].alt.startswith("title: scored return against remaining weights. mask/weights: 500 at 100")


def test_seeds_without_a_number_are_left_out_of_a_chart() -> None:
    chart = synthetic.returns_chart("key", "title", levels=3, seeds=5)
    chart["series"][0]["values"][1] = [None, 1.0, "Infinity", 3.0, None]
    chart["series"][0]["values"][2] = [None] * 5
    rows = [row for row in charts.draw(chart).rows if row[0] == "mask/weights"]
    assert [(*row[1:3], row[-1]) for row in rows][1:] == [("64\u202f%", "2.00", "2")]


def test_inputs_are_drawn_a_panel_an_initialiser_and_the_weakest_of_many_share_a_grey() -> None:
    few = charts.draw(synthetic.inputs_chart("k", "t", ["a", "b", "c"], 1, ("Kaiming", "Kaiming / 10")))
    assert [panel.heading for panel in few.panels] == ["Kaiming", "Kaiming / 10"]
    assert [swatch.label for swatch in few.legend] == ["a", "b", "c"]
    many = charts.draw(synthetic.inputs_chart("k", "t", [f"i{n}" for n in range(22)], 3, ("Kaiming",)))
    assert len(many.legend) == charts.NAMED_INPUTS + 1 and many.legend[-1].label == "other inputs"
    assert {"i19", "i20", "i21"} <= {swatch.label for swatch in many.legend}


def test_layers_are_drawn_a_panel_an_initialiser_a_line_a_layer() -> None:
    chart = synthetic.layers_chart("k", "t", ("Kaiming", "Xavier"), levels=3)
    drawing = charts.draw(chart)
    assert [panel.heading for panel in drawing.panels] == ["Kaiming", "Xavier"]
    assert [swatch.label for swatch in drawing.legend] == ["input layer", "hidden layer 2", "output layer"]
    assert drawing.columns == ("initialiser", "layer", "weights", "mean", "95 % interval", "n")
    assert drawing.caption.startswith("share of a layer's weights left, mean and 95")
    assert drawing.panels[1].alt.startswith("t, Xavier: share of a layer's weights left against remaining weights.")
    values = np.array(chart["series"][1]["values"])
    assert drawing.rows[-1][:4] == ("Xavier", "output layer", "41\u202f%", numbers.percent(values[2, :, 2].mean()))
    assert "remaining weights" in drawing.panels[0].body and "%" in drawing.panels[0].body


def test_learning_is_drawn_over_env_steps_a_line_a_run() -> None:
    chart = synthetic.learning_chart("k", "t", ("surviving inputs", "all inputs"), evaluations=4)
    drawing = charts.draw(chart)
    (panel,) = drawing.panels
    assert [swatch.label for swatch in drawing.legend] == ["surviving inputs", "all inputs"]
    assert len({swatch.colour for swatch in drawing.legend}) == 2
    assert drawing.columns == ("condition", "env_steps", "mean", "95 % interval", "n")
    assert [row[1] for row in drawing.rows] == 2 * ["8,000", "16,000", "24,000", "32,000"]
    values = np.array(chart["series"][0]["values"])
    low, high = bca(values)
    assert drawing.rows[0][2:] == (
        numbers.effect(values[0].mean()),
        f"[{numbers.effect(low[0])}, {numbers.effect(high[0])}]",
        "20",
    )
    assert panel.alt.startswith("t: return during training against env_steps. surviving inputs: ")
    for text in ("env_steps of training", ">expert<", ">random<", ">30,000<"):
        assert text in panel.body
    assert "remaining weights" not in panel.body and "%" not in panel.body


def test_sizes_are_drawn_over_numbers_of_weights_a_colour_a_size_and_a_dash_a_condition() -> None:
    chart = synthetic.sizes_chart("k", "Cart-Pole BC", levels=4)
    shuffled = charts.draw({**chart, "series": chart["series"][::-1]})
    drawing = charts.draw(chart)
    assert [swatch.label for swatch in drawing.legend] == [
        *("32-32, mask/weights", "32-32, permuted/permuted", "64-64, mask/weights", "64-64, permuted/permuted"),
        *("128-128, mask/weights", "128-128, permuted/permuted"),
    ]
    assert {swatch.label.partition(",")[0] for swatch in shuffled.legend[:2]} == {"32-32"}
    styles = {swatch.label: swatch for swatch in drawing.legend} | {swatch.label: swatch for swatch in shuffled.legend}
    for size in ("32-32", "64-64", "128-128"):
        ticket, other = styles[f"{size}, mask/weights"], styles[f"{size}, permuted/permuted"]
        assert (ticket.colour, ticket.shape) == (other.colour, other.shape)
        assert (ticket.dash, bool(other.dash)) == ("", True)
    assert len({swatch.colour for swatch in drawing.legend}) == len({swatch.shape for swatch in drawing.legend}) == 3
    assert drawing.columns == ("network and condition", "weights", "mean", "95 % interval", "n")
    assert [row[1] for row in drawing.rows][-4:] == ["17,152", "10,977", "7,025", "4,496"]
    values = np.array(chart["series"][0]["values"])
    low, high = bca(values)
    bounds = f"[{numbers.effect(low[2])}, {numbers.effect(high[2])}]"
    assert drawing.rows[2] == ("32-32, mask/weights", "498", numbers.effect(values[2].mean()), bounds, "20")
    (panel,) = drawing.panels
    says = "Cart-Pole BC: scored return against number of remaining weights. 32-32, mask/weights: 500 at 1,216, "
    assert panel.alt.startswith(says)
    for text in ("number of remaining weights", ">expert<", ">random<", ">10,000<"):
        assert text in panel.body
    assert "%" not in panel.body


def test_sizes_that_findings_compare_in_pairs_stand_on_one_axis() -> None:
    whole = synthetic.sizes_chart("k", "Acrobot BC", levels=4)
    pairs = [
        {**whole, "key": str(pair), "series": [line for line in whole["series"] if line["size"] in pair]}
        for pair in (("32-32", "64-64"), ("32-32", "128-128"), ("64-64", "128-128"))
    ]
    other = synthetic.sizes_chart("k", "Acrobot PPO", sizes=(32, 64), levels=4)
    returns = synthetic.returns_chart("k", "Acrobot BC")
    one, two, three = charts.joined([pairs[0], returns, *pairs[1:], other, returns])
    assert [line["label"] for line in one["series"]] == [line["label"] for line in whole["series"]]
    assert (two, three) == (returns, other)
    assert charts.draw(one).legend == charts.draw(whole).legend


def test_a_baseline_beside_several_runs_comes_last_in_its_own_colour() -> None:
    labels = {"rewound to 0": 2.0, "random/re-init": 9.0, "rewound to 2 %": 1.8}
    labels |= {"rewound to 8 %": 1.9, "rewound to 80 %": 3.0}
    drawing = charts.draw(synthetic.returns_chart("k", "t", levels=3, labels=labels))
    assert [swatch.label for swatch in drawing.legend] == [
        *("rewound to 0", "rewound to 2 %", "rewound to 8 %", "rewound to 80 %"),
        "random/re-init",
    ]
    assert drawing.legend[-1].colour == palette.CONDITIONS["random/re-init"]
    for look in ("colour", "shape", "dash"):
        assert len({getattr(swatch, look) for swatch in drawing.legend}) == 5


def test_no_line_that_is_named_looks_like_those_that_are_not() -> None:
    """Grey is for the rest: of six inputs the last one may be the one that matters."""
    for colour in (*palette.NEUTRAL, *palette.CONDITIONS.values()):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        assert max(red, green, blue) - min(red, green, blue) > 30 or max(red, green, blue) < 90


def points(body: str) -> list[float]:
    """How far to the right each drawn mark stands."""
    return [float(x) for x in re.findall(r'<path transform="translate\(([\d.]+),', body)]


def test_training_runs_to_the_right() -> None:
    """As pruning does: what came first is left."""
    for chart in (
        synthetic.learning_chart("k", "t", ("one",), evaluations=4),
        synthetic.returns_chart("k", "t", levels=4, labels={"one": 1.0}),
    ):
        (panel,) = charts.draw(chart).panels
        places = points(panel.body)
        assert len(places) == 4
        assert places == sorted(places)


@pytest.mark.filterwarnings("error")
def test_a_first_layer_that_was_pruned_away_ends_its_lines() -> None:
    chart = synthetic.inputs_chart("k", "t", ["a", "b"], 1, ("Kaiming", "Kaiming / 100"), levels=3, seeds=4)
    chart["series"][1]["values"][2] = [[None, None]] * 4
    assert [len(charts.draw(chart).rows), charts.draw(chart).panels[1].heading] == [10, "Kaiming / 100"]


@pytest.mark.parametrize(
    "chart",
    [
        {"kind": "pie"},
        {"kind": "returns", "key": "k", "series": []},
        {"kind": "returns", "key": "k", "series": [{"label": "a", "density": [1.0], "values": [[None]]}]},
        {"kind": "returns", "key": "k", "series": [{"label": "a", "density": [1.0, 0.5], "values": [[1.0]]}]},
        {
            "kind": "inputs",
            "key": "k",
            "names": ["a"],
            "series": [{"label": "a", "density": [1.0], "values": [[1.0]]}],
        },
        {"kind": "layers", "key": "k", "series": [{"label": "a", "density": [1.0], "values": [[[1.0]]]}]},
        {"kind": "sizes", "key": "k", "series": [{"label": "a", "density": [1.0], "values": [[1.0]]}]},
        {
            "kind": "sizes",
            "key": "k",
            "series": [{"label": "a", "size": "8", "condition": "b", "weights": [9, 5], "values": [[1.0]]}],
        },
        {
            "kind": "sizes",
            "key": "k",
            "series": [{"label": "a", "size": "8", "condition": "b", "weights": ["many"], "values": [[1.0]]}],
        },
        {"kind": "learning", "key": "k", "series": [{"label": "a", "density": [1.0], "values": [[1.0]]}]},
        {"kind": "learning", "key": "k", "series": [{"label": "a", "env_steps": [1.0, 2.0], "values": [[1.0]]}]},
        "text",
    ],
)
def test_a_malformed_chart_costs_itself_and_not_the_report(chart: Any, findings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="chart"):
        charts.draw(chart)
    claim = {**findings["claims"][0], "findings": [{**findings["claims"][0]["findings"][0], "chart": chart}]}
    part = section(reports.build({**findings, "claims": [claim]}), "ticket-effect")
    assert "A chart could not be drawn" in part and "+0.412" in part


def test_a_chart_whose_numbers_are_not_finite_costs_itself_and_not_the_others(findings: dict[str, Any]) -> None:
    chart = synthetic.returns_chart("far", "far", levels=2, seeds=5)
    chart["series"][0]["values"][0] = [1.7e308] * 5
    with pytest.raises(ValueError, match="beyond 1e\\+30"):
        charts.draw(chart)
    sound = synthetic.returns_chart("sound", "sound", levels=2, seeds=5)
    found = [synthetic.finding("ticket-effect", "cart-pole ppo", "supported", chart=c) for c in (chart, sound)]
    claim = {**findings["claims"][0], "findings": found}
    part = section(reports.build({**findings, "claims": [claim]}), "ticket-effect")
    assert "A chart could not be drawn" in part and part.count("<figure") == 1


def test_what_a_page_holds_as_json_is_read_by_any_browser(findings: dict[str, Any]) -> None:
    odd = {"effect": float("nan"), "lower": -float("inf"), "sample": {"groups": [[float("inf"), 1.0]]}}
    found = synthetic.finding("ticket-effect", "cart-pole ppo", "supported", **odd)
    page = reports.build({**findings, "claims": [{**findings["claims"][0], "findings": [found]}]})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for held in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        json.loads(held, parse_constant=refuse)
    kept = embedded(page)["claims"][0]["findings"][0]
    assert (kept["effect"], kept["lower"], kept["sample"]["groups"]) == (None, None, [[None, 1.0]])


@pytest.mark.parametrize("value", [10**400, 5e-324, 1.7e308, -1.7e308])
def test_numbers_at_the_ends_of_what_a_float_holds_cost_no_report(value: Any, findings: dict[str, Any]) -> None:
    numbers_ = dict.fromkeys(("effect", "lower", "upper", "min_effect", "p", "detectable", "cpu_seconds"), value)
    sample = {"statistic": "mean", "seeds": [0, 1], "groups": [[value, 0.5 if value == 10**400 else value]]}
    odd = synthetic.finding("ticket-effect", "cart-pole ppo", "supported", **numbers_, sample=sample)
    page = reports.build({**findings, "claims": [{**findings["claims"][0], "findings": [odd]}]})
    assert "nan" not in section(page, "ticket-effect") and "supported" in section(page, "ticket-effect")


def test_a_strip_places_effects_on_the_axis_and_marks_open_ends() -> None:
    found = {
        "effect": 0.2,
        "lower": 0.1,
        "upper": float("inf"),
        "min_effect": 0.05,
        "sensitivity": [{"effect": -0.45}],
    }
    assert strips.scale([found]) == 0.5
    strip = strips.strip(found, 0.5, 0.05)
    assert strip and strip.zone and strip.bar and strip.dot
    assert strip.zone[0] + strip.zone[1] == pytest.approx(2 * strip.zero)
    assert strip.zone[1] < strip.bar[0] < strip.dot < strip.bar[1] <= strips.WIDTH
    assert (strip.open_left, strip.open_right) == (False, True)
    assert strips.strip({"effect": None}, 1.0) is None


# numbers


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.effect(0.1824, [0.1, 0.25]), "0.182"),
        (numbers.effect(-0.004, [-0.021, 0.029]), "−0.004"),
        (numbers.effect(12345.6), "12,346"),
        (numbers.effect(-12_345_678.0), "−1.23e+07"),
        (numbers.effect(9_999_999.0, sign=True), "+9,999,999"),
        (numbers.effect(0.0, sign=True), "0"),
        (numbers.effect(0.00001, [0.5], sign=True), "0.000"),
        (numbers.effect("-Infinity"), "−∞"),
        (numbers.effect(None), "–"),
        (numbers.interval(None, None), ""),
        (numbers.interval(-0.2, None), "[−0.200, –]"),
        (numbers.probability(1e-9), "<\u202f0.001"),
        (numbers.probability(0.0321), "0.032"),
        (numbers.probability(1.0), "1.00"),
        (numbers.percent(1.0), "100\u202f%"),
        (numbers.percent(0.0044), "0.44\u202f%"),
        (numbers.percent(0.0521), "5.2\u202f%"),
        (numbers.plain(32000), "32,000"),
        (numbers.plain(1234.5), "1,234.5"),
        (numbers.plain(-999.96), "−1,000.0"),
        (numbers.plain(0.05), "0.05"),
        (numbers.plain(1.7e308), "1.70e+308"),
        (numbers.plain("3.10"), "3.10"),
        (numbers.plain("Infinity"), "∞"),
        (numbers.minutes(580.0), "9.7"),
        (numbers.minutes(3), "<\u202f0.1"),
        (numbers.sizes([20, 15]), "20 + 15"),
        (numbers.ranges([0, 1, 2, 5]), "0–2, 5"),
        (numbers.moment("2025-11-22T07:35:12+00:00"), "22 November 2025, 07:35 UTC"),
        (numbers.moment("yesterday"), "yesterday"),
    ],
)
def test_numbers_read_well(shown: str, expected: str) -> None:
    assert shown == expected


# safety


def test_no_text_of_a_finding_becomes_markup(page: str, findings: dict[str, Any]) -> None:
    hostile = poisoned(copy.deepcopy(findings))
    hostile["versions"] = {EVIL: EVIL}
    for claim in hostile["claims"]:
        for place, finding in enumerate(claim["findings"]):
            finding["scale"] = {EVIL: {"here": EVIL, "paper": EVIL}}
            series = {"label": EVIL, "density": [1.0, 0.5], "values": [[1.0], [2.0]]}
            texts = {"key": EVIL, "title": EVIL, "unit": EVIL, "references": {EVIL: 3.0}, "names": [EVIL]}
            finding["chart"] = {"kind": "returns", "series": [series], **texts}
            if place == 1:
                series["values"] = [[[1.0]], [[0.5]]]
                finding["chart"]["kind"] = "inputs"
    poor = Page(reports.build(hostile))
    assert {tag for tag, _ in poor.elements} <= {tag for tag, _ in Page(page).elements}
    scripts = [attributes for tag, attributes in poor.elements if tag == "script"]
    assert scripts == SCRIPTS
    assert not [
        name for _, attributes in poor.elements for name in attributes if name.startswith("on") or name == "style"
    ]
    assert poor.text.count("{{7*7}}") > 50  # shown as it is
    assert embedded(reports.build(hostile))["claims"][0]["says"] == EVIL


def test_the_page_asks_for_nothing_outside_itself(page: str) -> None:
    parsed = Page(page)
    assert not parsed.values("src")
    assert all(link.startswith("#") or link == "data:," for link in parsed.values("href"))
    assert "url(" not in without_scripts(page) and "@import" not in page
    policy = next(a["content"] for _, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy")
    digest = r"'sha256-[\w+/]{43}='"
    assert re.fullmatch(
        f"default-src 'none'; script-src {digest} {digest}; style-src {digest}; img-src data:; base-uri 'none'; "
        "form-action 'none'",
        policy,
    )


def test_every_link_has_its_target_and_every_id_is_unique(page: str) -> None:
    parsed = Page(page)
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in parsed.values("href") if link.startswith("#")} <= set(ids)
    assert {name for names in parsed.values("aria-labelledby") for name in names.split()} <= set(ids)


def test_claims_whose_names_are_alike_have_places_of_their_own(findings: dict[str, Any]) -> None:
    alike = [{**findings["claims"][0], "id": name} for name in ("a b", "a/b", "a-b", "a b-baseline")]
    parsed = Page(reports.build({**findings, "claims": alike}))
    places = [attributes["id"] for _, attributes in parsed.elements if attributes.get("class") == "claim"]
    assert len(set(places)) == len(places) == 4
    rows = [attributes["data-claim"] for _, attributes in parsed.elements if "data-claim" in attributes]
    assert rows == places and len(set(parsed.values("id"))) == len(parsed.values("id"))


def test_charts_and_strips_have_a_text_alternative_and_tables_a_caption(page: str) -> None:
    for _, attributes in (element for element in Page(page).elements if element[1].get("role") == "img"):
        assert attributes["aria-label"]
    assert without_scripts(page).count("<table") == without_scripts(page).count("<caption")


def test_the_page_holds_the_findings_as_json_each_chart_once(page: str, findings: dict[str, Any]) -> None:
    inside = embedded(page)
    kept = inside.pop("charts")
    for claim in inside["claims"]:
        for finding in claim["findings"]:
            finding["chart"] = None if finding["chart"] is None else kept[finding["chart"]]
    assert inside == findings
    assert len({json.dumps(chart) for chart in kept}) == len(kept)


# files and commands


def test_write_is_whole_or_not_at_all(tmp_path: Path, findings: dict[str, Any]) -> None:
    place = tmp_path / "new" / "report.html"
    assert reports.write({**findings, "claims": []}, place) == place
    before = place.read_text("utf-8")
    with pytest.raises(ValueError, match="schema"):
        reports.write({**findings, "schema": 3}, place)
    place.with_name("taken").mkdir()
    with pytest.raises(IsADirectoryError):
        reports.write({**findings, "claims": []}, place.with_name("taken"))  # a folder can't be replaced
    assert place.read_text("utf-8") == before
    assert {path.name for path in place.parent.iterdir()} == {"report.html", "taken"}


def test_the_command_rebuilds_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "findings.json", tmp_path / "report.html"
    source.write_text(json.dumps(synthetic.smoke()), "utf-8")
    assert main(["--findings", str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert "ticket-effect" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there are no findings"),
        ("{", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"schema": 7, "claims": []}', "schema 7"),
        ('{"schema": 1}', "no list of claims"),
        ('{"schema": 1, "claims": [{}]}', "no id"),
        ('{"schema": 1, "claims": [{"id": "a", "findings": [1]}]}', "'a'"),
        ('{"schema": 1, "claims": [], "machine": "a CPU"}', "machine of the findings is no object"),
        ('{"schema": 1, "claims": [], "versions": ["numpy 2"]}', "versions of the findings is no object"),
        ('{"schema": 1, "claims": [], "damaged": 5}', "damaged of the findings is no list of texts"),
        ('{"schema": 1, "claims": [], "changes": 3}', "changes of the findings is no list of texts"),
        ('{"schema": 1, "claims": [], "later": [{"says": "a"}]}', "later of the findings is no list of claims"),
        (
            '{"schema": 1, "claims": [{"id": "a", "findings": [{"sensitivity": 3}]}]}',
            "beside of a finding of claim 'a'",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_4(
    content: str | None, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "findings.json"
    if content is not None:
        source.write_text(content, "utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["--findings", str(source), "--out", str(tmp_path / "out.html")])
    said = capsys.readouterr().err
    assert ended.value.code == 4 and said.count("\n") == 1 and expected in said
    assert not (tmp_path / "out.html").exists()


def test_a_bad_option_is_one_line_and_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--no-such-option"])
    assert ended.value.code == 4 and capsys.readouterr().err.count("\n") == 1


def test_eight_full_charts_cost_seconds_and_stay_under_three_megabytes(findings: dict[str, Any]) -> None:
    drawn = [synthetic.returns_chart(f"{i}", "x" * i) for i in range(1, 9)]
    found = [synthetic.finding("big", chart["title"], "supported", chart=chart) for chart in drawn]
    start = time.process_time()
    page = reports.build({**findings, "claims": [{"id": "big", "verdict": "REPRODUCED", "findings": found}]})
    assert time.process_time() - start < 15
    assert page.count("<figure") == 8 and len(page.encode()) < 3_000_000
