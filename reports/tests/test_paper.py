"""What the paper states, as the fixture has it, and this run's numbers beside it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import reports
from harness.profiles.profile import PROFILES
from reports import paper
from reports.tests import suites, synthetic
from reports.tests.pages import EVIL, Page, section

# The rows of the project's list of claims, those that have no module yet among them.
# fmt: off
CLAIMS = {
    "ticket-effect", "mask-explains-most", "weights-matter-little", "layer-ratio-matters", "bc-prunes-sparser",
    "critic-pruning-flips-order", "cnn-mask-still-matters", "cnn-weights-matter-more", "size-does-not-matter",
    "smaller-nets-go-sparser", "encodings-agree", "weight-decay-spares-ticket", "dropout-lowers-all",
    "late-rewinding-not-needed", "best-checkpoint-less-noise", "games-differ", "pruning-helps-at-first",
    "input-layer-pruned-most", "agent-channel-kept", "enemy-channel-reachable", "input-mask-transfers",
    "freeway-keeps-speed", "space-invaders-keeps-proximity", "breakout-drops-bottom-row", "agent-row-kept",
    "cart-pole-keeps-pole", "acrobot-keeps-velocities", "surviving-inputs-suffice", "kaiming-tenth-finds-inputs",
    "kaiming-biases-layers", "inputs-over-specified", "mnist-rim-pruned",
}
# fmt: on
MODULES = sorted((Path(paper.__file__).parent.parent / "claims").glob("test_*.py"))
VALUE = {"what": "divisor", "value": 10, "unit": "", "where": "Section 4.2", "note": ""}


@pytest.fixture(scope="module")
def stated() -> paper.Paper:
    return paper.read()


# the fixture


def test_every_claim_of_the_list_has_what_the_paper_states_and_no_other_has(stated: paper.Paper) -> None:
    assert set(stated.claims) == CLAIMS


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_every_claim_module_is_in_it_and_what_it_names_of_ours_exists(module: Path, stated: paper.Paper) -> None:
    text = module.read_text("utf-8")
    found = re.search(r'claim\(\s*"([\w-]+)"', text)
    assert found
    for value in stated.claims[found[1]]:
        for name in value.findings:
            assert f"def {name.partition('[')[0]}(" in text


def test_a_value_that_is_drawn_without_a_number_says_so(stated: paper.Paper) -> None:
    without = [value for values in stated.claims.values() for value in values if value.value is None]
    assert len(without) > 20
    assert all(value.note or "Figure" in value.where for value in without)


@pytest.mark.parametrize("system", ["cart-pole bc", "cart-pole ppo", "acrobot bc", "acrobot ppo"])
def test_the_papers_profile_has_the_papers_settings(system: str, stated: paper.Paper) -> None:
    task, learner = system.split()
    experiment = PROFILES["paper"].systems[task, learner]
    values = {value.what: value.value for value in stated.experiments[system]}
    every = {value.what: value.value for value in stated.experiments[paper.EVERY_SYSTEM]}
    fields = {"env_steps of training": "env_steps", "learning rate of Adam": "learning_rate", "workers": "envs"}
    if learner == "ppo":
        fields |= {"epochs": "epochs", "GAE lambda": "gae_lambda", "discount": "discount"}
        fields |= {"value loss coefficient": "value_loss", "entropy coefficient": "entropy"}
        fields |= {"likelihood ratio clip": "clip"}
    assert {what: values[what] for what in fields} == {
        what: getattr(experiment.learner, name) for what, name in fields.items()
    }
    assert values.get("independent runs", PROFILES["paper"].seeds) == PROFILES["paper"].seeds
    assert every["weights pruned per iteration"] == 100 * experiment.pruning.rate
    assert str(every["iterations of a chain"]).endswith(str(experiment.pruning.levels))
    if learner == "bc":
        assert "-".join(map(str, experiment.network.hidden)) in str(values["student network"])


# reading it


def written(tmp_path: Path, content: Any) -> Path:
    place = tmp_path / "paper.json"
    place.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return place


def with_value(**changes: Any) -> dict[str, Any]:
    return {"schema": 1, "claims": {"a": [{**VALUE, **changes}]}, "experiments": {}}


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    read = paper.read(
        written(tmp_path, with_value(ours={"findings": ["test_it[a]"]}, where="Sections 3.3, A.1, Figure 4"))
    )
    assert read.claims["a"][0].findings == ("test_it[a]",) and not read.problem


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "can't be read"),
        ("[]", "schema 1"),
        ('{"schema": 2}', "schema 1"),
        ('{"schema": 1, "claims": {}}', "nothing else"),
        ('{"schema": 1, "claims": {"a": [], "a": []}, "experiments": {}}', "'a' is there twice"),
        ({"schema": 1, "claims": [], "experiments": {}}, "claims is no object"),
        ({"schema": 1, "claims": {"a": []}, "experiments": {}}, "'a' has no list of values"),
        ({"schema": 1, "claims": {"a": [1]}, "experiments": {}}, "'a', value 1 must have"),
        (with_value(extra=1), "nothing else"),
        (with_value(what=""), "what is not empty"),
        (with_value(unit=3), "are text"),
        (with_value(value=True), "a number, words or null"),
        (with_value(value=[1]), "a number, words or null"),
        (with_value(value=float("inf")), "not finite"),
        (with_value(where="Figure 16"), "has no 'Figure 16'"),
        (with_value(where="Section 4.2, Figures 7, 18"), "has no '18'"),
        (with_value(where="Section 6"), "has no 'Section 6'"),
        (with_value(where="somewhere"), "has no 'somewhere'"),
        (with_value(where=""), "has no ''"),
        (with_value(ours={}), "ours names"),
        (with_value(ours={"findings": []}), "ours names"),
        (with_value(ours={"scale": 3}), "ours names"),
        (with_value(ours={"scale": "seeds", "findings": ["a"]}), "ours names"),
    ],
)
def test_a_file_that_is_wrong_is_one_line_that_names_the_place(content: Any, expected: str, tmp_path: Path) -> None:
    place = written(tmp_path, content)
    with pytest.raises(ValueError, match=re.escape(expected)) as raised:
        paper.read(place)
    assert "\n" not in str(raised.value) and str(place) in str(raised.value)


def test_a_wrong_file_is_told_on_the_page_and_costs_nothing_else(tmp_path: Path) -> None:
    known = paper.stated(written(tmp_path, "{"))
    page = reports.build(suites.gated(), stated=known)
    assert "What the paper states could not be read" in page and "can&#39;t be read" in page
    assert "+0.090" in section(page, "slipped")


# ours beside it


def test_an_effect_of_ours_stands_beside_a_figure_without_numbers() -> None:
    name = "test_ticket_beats_random[cart-pole-bc]"
    made = synthetic.finding("ticket-effect", "cart-pole bc", "supported", 0.4567, 0.41, 0.5, name=name)
    part = section(
        reports.build({**synthetic.findings(), "claims": [suites.claim("ticket-effect", "REPRODUCED", [made])]}),
        "ticket-effect",
    )
    row = part[part.index("lead of the ticket") :].split("</tr>")[0]
    assert "no number" in row and "Figures 3, 4, 9, 10" in row
    assert "+0.457 [0.410, 0.500] normalised return" in row
    anchor = re.search(r'href="#(finding-[\w-]+)"', row)
    assert anchor and f'id="{anchor[1]}"' in part


def test_what_a_run_had_of_a_quantity_is_taken_from_its_own_scale() -> None:
    value = paper.Value("env_steps", 80000, "env_steps", "Table 3", "", scale="env_steps", system="cart-pole ppo")
    runs = [
        {"scale": suites.about("cart-pole ppo horizon 500", "cart-pole ppox")},
        {"scale": suites.about("cart-pole bc")},
    ]
    runs[1]["scale"]["cart-pole bc"]["env_steps"]["here"] = 7
    runs[0]["scale"]["cart-pole ppox"]["env_steps"]["here"] = 8
    (line,) = paper.beside([value], runs)
    assert (line.stated, [ours.says for ours in line.ours]) == ("80,000 env_steps", ["32,768 env_steps"])
    (none,) = paper.beside([value], runs[1:])
    assert [ours.says for ours in none.ours] == [paper.UNMEASURED]
    bare = paper.Value("divisor", 10, "", "Section 4.2", "")
    assert paper.beside([bare], runs)[0].ours == ()


def test_the_settings_shown_are_those_of_the_runs_own_systems() -> None:
    page = reports.build(suites.gated())
    titles = re.findall(r"<summary>([^<]+) <span class=\"quiet\">\d+ values", page)
    assert titles == ["Every system", "Cart-Pole BC", "Cart-Pole PPO", "Acrobot PPO"]


def test_no_text_of_the_paper_becomes_markup() -> None:
    hostile = paper.Value(EVIL, EVIL, EVIL, EVIL, EVIL)
    known = paper.Paper({"held": (hostile,)}, {paper.EVERY_SYSTEM: (hostile,)}, EVIL)
    page = Page(reports.build(suites.gated(), stated=known))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in Page(reports.build(suites.gated())).elements}
    assert page.text.count("{{7*7}}") >= 8
