"""What a claim commits itself to: what changes its document and what does not, and what is said of a change.

The sessions at the end are those of a house of their own: a folder with a claim, and a register beside it.
"""

import copy
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness.evidence.inventory import flat
from harness.results.preregistration.document import (
    Document,
    Subject,
    calls_of,
    document_hash,
    document_of,
    is_of,
    settings_of,
)
from harness.results.preregistration.register import differences, registered_anew, sentences
from harness.results.preregistration.seen import fresh_block
from harness.results.preregistration.source import module_in
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.fingerprint import engine_fingerprint
from harness.files import FixtureError
from harness.judging.claim import Claim
from harness.judging.run import dense_run, imp_runs
from harness.plugin import preregistered
from harness.profiles.profile import EXPERT_BLOCK, PROFILES, TUNING_BLOCK
from harness.pruning.conditions import CONDITIONS, DENSE
from harness.results.preregistration import document, register
from harness.tests.evidence.processes import Ran
from harness.tests.plugin.projects import OK, TINY, TREE, USAGE, Project, assert_refused, project

CLAIMED = Claim("a-claim", "0", "all", 1, "returns", says="It is so")
SOURCE = '''
"""It is so (paper 0)."""

from harness import claim, imp_runs

MIN_EFFECT = 0.05  # a twentieth
DENSITY = 0.1
UNUSED = 1


def unit(run, digits=1):
    """A helper."""
    return f"share at {run.density_at(DENSITY):.1%}"


@parametrize("run", imp_runs(["cart-pole"], ["bc"]))
def test_it(run, judge):
    """It is so."""
    area = run.area()
    judge.greater(area.mask_part - area.weights_part, min_effect=MIN_EFFECT, unit=unit(run))
'''
(RUN,) = imp_runs(["cart-pole"], ["bc"])


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Document]:
    """The document of `SOURCE` with some text in place of another, and of items with these parameters."""
    count = iter(range(1000))

    def write(*edits: tuple[str, str], hypothesis: str = "It is so.", **parameters: Any) -> Document:
        text = SOURCE
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / f"test_{next(count)}.py"
        file.write_text(text)
        return document_of(CLAIMED, [Subject("test_it[bc]", "test_it", file, hypothesis, {"run": RUN, **parameters})])

    return write


# What a document holds


def test_a_document_holds_hypothesis_margin_systems_and_budgets(written: Callable[..., Document]) -> None:
    held = written(side="left")
    finding = held["findings"]["test_it[bc]"]
    assert (finding["hypothesis"], finding["kind"], finding["min_effect"]) == ("It is so.", "greater", 0.05)
    assert finding["constants"] == {"DENSITY": 0.1}
    assert set(finding["estimand"]) == {"test_it", "unit"}
    assert set(finding["measures"]) == {"Run.area", "Run.density_at", "Areas.mask_part", "Areas.weights_part"}
    assert finding["parameters"] == {"side": "left"}
    assert finding["runs"]["run"] == {
        "system": "cart-pole bc",
        "conditions": list(CONDITIONS),
        "times": 1,
        "assay": False,
    }
    assert held["alpha"] == 0.05
    assert {"TAIL": 0.025, "FEWEST_STUDENTISED": 15}.items() <= held["rule"]["constants"].items()
    assert {"NEAR": 0.1, "FAR": 0.25, "SURE": 0.975}.items() <= held["rule"]["constants"].items()  # what is refused
    assert set(held["rule"]["code"]) == {"conclude", "contrast_test", "checked", "look", "guarded_bounds"}
    assert {name: budgets["seeds"] for name, budgets in held["profiles"].items()} == {
        "scaled": 20,
        "extended": 40,
        "paper": 15,
    }
    assert held["profiles"]["paper"]["systems"]["cart-pole bc"]["default"]["learner.env_steps"] == 10_000


@pytest.mark.parametrize(
    ("method", "constants"),
    [("equivalent", {"DENSE_BAR": 0.95, "TICKET_EFFECT": 0.05}), ("non_inferior", {"DENSE_BAR": 0.95})],
)
def test_no_difference_commits_itself_to_its_assay(
    written: Callable[..., Document], method: str, constants: dict[str, float]
) -> None:
    held = written(("judge.greater", f"judge.{method}"), ("min_effect=", "margin="))
    assert held["findings"]["test_it[bc]"]["margin"] == 0.05
    assert constants.items() <= held["rule"]["constants"].items()
    assert "insensitive" in held["rule"]["code"]


@pytest.mark.parametrize(
    ("written_as", "held"),
    [("0.05", 0.05), ("-(0.05)", -0.05), ("MIN_EFFECT", 0.05), ("least", 0.2), ("MIN_EFFECT / 2", "MIN_EFFECT / 2")],
)
def test_a_margin_is_a_number_wherever_its_source_says_one(
    written: Callable[..., Document], written_as: str, held: float | str
) -> None:
    found = written(("min_effect=MIN_EFFECT", f"min_effect={written_as}"), least=0.2)
    assert found["findings"]["test_it[bc]"]["min_effect"] == held


def test_a_claims_source_is_parsed_and_never_run(written: Callable[..., Document]) -> None:
    written(("UNUSED = 1", "UNUSED = 1 / 0"), ("DENSITY = 0.1", "DENSITY = open('/nowhere').read()"))


def test_how_it_is_judged_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(SOURCE)
    (read,) = calls_of([Subject("test_it", "test_it", tmp_path / "test_a.py", "", {"run": RUN})]).values()
    assert read == "judge.greater(area.mask_part - area.weights_part, min_effect=MIN_EFFECT, unit=unit(run))"


# What changes it


@pytest.mark.parametrize(
    "edit",
    [
        ("# a twentieth", "# of the distance between a random policy and the expert"),
        ('"""A helper."""', '"""A helper, in other words."""'),
        ("    area = run.area()\n", "    # the parts\n    area = (\n        run.area()\n    )\n"),
        ("def unit(run, digits=1):", "def unit(run: object, digits: int = 1) -> str:"),
        ("UNUSED = 1", "UNUSED = 2"),
        ("min_effect=MIN_EFFECT", "min_effect=0.05"),
        ('@parametrize("run", imp_runs(["cart-pole"], ["bc"]))', '@parametrize("run", RUNS)'),
    ],
    ids=["comment", "docstring of a helper", "layout", "annotations", "what it does not use", "a name", "decorator"],
)
def test_what_says_the_same_is_the_same_document(written: Callable[..., Document], edit: tuple[str, str]) -> None:
    assert document_hash(written(edit)) == document_hash(written())


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01"), "smallest 0.05 -> 0.01 (test_it)"),
        (("DENSITY = 0.1", "DENSITY = 0.2"), "DENSITY 0.1 -> 0.2 (test_it)"),
        (
            ("area.mask_part - area.weights_part", "area.mask_part - area.layer_ratio_part"),
            "estimand test_it rewritten",
        ),
        (("share at", "share of"), "estimand unit rewritten (test_it)"),
        (("judge.greater", "judge.non_inferior"), "kind greater -> non-inferior"),
        (("run.area()", "run.area(drop=2)"), "estimand test_it rewritten (test_it)"),
    ],
    ids=["margin", "constant", "estimand", "helper", "kind", "argument"],
)
def test_what_says_something_else_is_named(written: Callable[..., Document], edit: tuple[str, str], said: str) -> None:
    before, after = written(), written(edit)
    assert document_hash(before) != document_hash(after)
    assert any(change.startswith(said) for change in differences(before, after, "")), differences(before, after, "")


def test_a_margin_alone_is_no_other_estimand(written: Callable[..., Document]) -> None:
    changed = differences(written(), written(("min_effect=MIN_EFFECT", "min_effect=0.01")), "")
    assert changed == ["smallest 0.05 -> 0.01 (test_it)"]


def test_another_hypothesis_system_or_parameter_is_named(written: Callable[..., Document]) -> None:
    before = written(side="left")
    assert differences(before, written(hypothesis="It is not so.", side="left"), "") == [
        "hypothesis reworded (test_it)"
    ]
    assert differences(before, written(side="right"), "") == ["side left -> right (test_it)"]
    (other,) = imp_runs(["cart-pole"], ["bc"], conditions=CONDITIONS[:2], times=2)
    assert differences(before, written(side="left", run=other), "") == [
        "run run cart-pole bc under mask/weights, mask/permuted, permuted/permuted, random/re-init ->"
        " cart-pole bc under mask/weights, mask/permuted, 2 times the seeds (test_it)"
    ]


def test_the_rule_that_judges_is_part_of_it(written: Callable[..., Document], monkeypatch: pytest.MonkeyPatch) -> None:
    before = written()
    monkeypatch.setattr(document, "TAIL", 0.05)
    assert differences(before, written(), "") == ["alpha 0.05 -> 0.1"]
    after = json.loads(json.dumps(before))
    after["rule"]["code"]["guarded_bounds"] = "0"
    after["rule"]["constants"]["FEWEST_STUDENTISED"] = 5
    assert differences(before, after, "") == ["FEWEST_STUDENTISED 15 -> 5", "rule guarded_bounds rewritten"]


def test_a_budget_counts_at_its_own_profile_alone(written: Callable[..., Document]) -> None:
    before = written()
    after = json.loads(json.dumps(before))
    after["profiles"]["paper"]["seeds"] = 5
    after["profiles"]["paper"]["systems"]["cart-pole bc"]["default"]["learner.env_steps"] = 9
    said = ["seeds at paper 15 -> 5", "learner.env_steps 10000 -> 9 at paper (cart-pole bc)"]
    assert differences(before, after, "paper") == said
    assert differences(before, after, "scaled") == differences(before, after, "") == []


def test_a_hypothesis_that_came_or_went_is_named(written: Callable[..., Document]) -> None:
    before = written()
    after = json.loads(json.dumps(before))
    after["findings"]["test_that[a]"] = after["findings"]["test_that[b]"] = after["findings"].pop("test_it[bc]")
    assert differences(before, after, "") == ["removed (test_it)", "added (test_that)"]
    assert differences(before, after, "", partial=True) == ["added (test_that)"]


def test_the_smallest_step_of_a_function_is_seen_whatever_its_layout(tmp_path: Path) -> None:
    def digest(text: str, count: int) -> str:
        file = tmp_path / f"{count}.py"
        file.write_text(textwrap.dedent(text))
        return document.source_hash(module_in(file).definitions["f"])

    texts = [
        "def f(x): return x + 1",
        "def f(x): return x + 1.0",
        "def f(x): return x - 1",
        "def f(x, y): return x + 1",
    ]
    texts += [
        "def f(*x): return x + 1",
        "def f(x=1): return x + 1",
        "def f(x): return 'x + 1'",
        "def f(x): return b'1'",
    ]
    assert len({digest(text, count) for count, text in enumerate(texts)}) == len(texts)


# The register


def test_what_is_registered_as_it_is_stays_as_it_was(written: Callable[..., Document]) -> None:
    first = registered_anew(None, written(), {}, "2026-11-22", {}, "")
    assert registered_anew(first, written(), {}, "2026-11-23", {"scaled": [0]}, "") is first


def test_only_blocks_with_evidence_stay_marked_when_a_change_is_registered(written: Callable[..., Document]) -> None:
    after = written(("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01"))
    first = registered_anew(None, written(), {}, "2026-11-22", {"scaled": [0]}, "after block 0")
    assert sentences(first, written(), "scaled", 0, partial=False) == []
    assert sentences(first, after, "scaled", 7, partial=False) == [
        "changed since it was registered on 2026-11-22: smallest 0.05 -> 0.01 (test_it)"
    ]
    again = registered_anew(first, after, {}, "2026-11-23", {"scaled": [0, 3]}, "")
    marked = ["changed since evidence of block 3: smallest 0.05 -> 0.01 (test_it) (registered on 2026-11-23)"]
    assert sentences(again, after, "scaled", 3, partial=False) == marked
    assert sentences(again, after, "scaled", 1, partial=False) == []
    assert sentences(again, after, "paper", 3, partial=False) == []


def test_a_finding_added_before_anything_was_seen_of_it_marks_no_block(written: Callable[..., Document]) -> None:
    more = copy.deepcopy(written())
    added = more["findings"]["test_it[another]"] = copy.deepcopy(more["findings"]["test_it[bc]"])
    for run in added["runs"].values():
        run["system"] = "acrobot dqn"
    first = registered_anew(None, written(), {}, "2026-11-22", {"scaled": [0]}, "after block 0")
    unseen = registered_anew(first, more, {}, "2026-11-23", {"scaled": [0]}, "", fresh=["test_it[another]"])
    assert sentences(unseen, more, "scaled", 0, partial=False) == []
    assert unseen.history[-1].changed == {"fresh": ["added, with nothing seen of it (test_it[another])"]}
    seen = registered_anew(first, more, {}, "2026-11-23", {"scaled": [0]}, "")
    assert sentences(seen, more, "scaled", 0, partial=False) == [
        "changed since evidence of block 0: added (test_it[another]) (registered on 2026-11-23)"
    ]
    other = written(("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01"))
    both = {**other, "findings": {**other["findings"], "test_it[another]": more["findings"]["test_it[another]"]}}
    changed = registered_anew(first, both, {}, "2026-11-23", {"scaled": [0]}, "", fresh=["test_it[another]"])
    (said,) = sentences(changed, both, "scaled", 0, partial=False)
    assert "smallest 0.05 -> 0.01" in said and "another" not in said


def test_a_finding_added_of_a_system_that_had_evidence_is_marked_though_that_was_removed(
    written: Callable[..., Document],
) -> None:
    more = copy.deepcopy(written())
    more["findings"]["test_it[another]"] = more["findings"]["test_it[bc]"]
    for then, now in (({"scaled": [0]}, {}), ({}, {"scaled": [0]})):
        first = registered_anew(None, written(), {}, "2026-11-22", then, "")
        again = registered_anew(first, more, {}, "2026-11-23", now, "", fresh=["test_it[another]"])
        assert sentences(again, more, "scaled", 0, partial=False) == [
            "changed since evidence of block 0: added (test_it[another]) (registered on 2026-11-23)"
        ]
    never = registered_anew(None, written(), {}, "2026-11-22", {}, "")
    again = registered_anew(never, more, {}, "2026-11-23", {}, "", fresh=["test_it[another]"])
    assert again.history[-1].changed == {"fresh": ["added, with nothing seen of it (test_it[another])"]}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "preregistration.json"
    monkeypatch.setattr(register, "file", lambda: path)
    return path


def test_a_register_is_read_as_it_was_written(written: Callable[..., Document], file: Path) -> None:
    assert register.read() == {}
    held = {
        "a-claim": registered_anew(None, written(), {"test_it": "judge.greater()"}, "2026-11-22", {"paper": [1]}, "n")
    }
    register.write(held)
    assert register.read() == held


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:-9], "can't be read"),
        (lambda text: "[]", "no register"),
        (lambda text: '{"schema": 1}', "lacks 'claims'"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "schema 2"),
        (lambda text: text.replace('"min_effect": 0.05', '"min_effect": 0.01'), "does not have the hash"),
        (lambda text: text.replace('"when"', '"then"'), "no register"),
        (lambda text: '{"schema": 1, "claims": {"a": []}}', "no register"),
    ],
)
def test_a_register_that_was_tampered_with_is_one_line(
    written: Callable[..., Document], file: Path, damage: Callable[[str], str], words: str
) -> None:
    register.write({"a-claim": registered_anew(None, written(), {}, "2026-11-22", {}, "")})
    file.write_text(damage(file.read_text()))
    with pytest.raises(FixtureError, match=words) as caught:
        register.read()
    assert "\n" not in str(caught.value)
    assert "restore it from git" in str(caught.value)


def test_each_claim_of_the_house_is_registered() -> None:
    declared = {
        name
        for path in (TREE / "claims").glob("test_*.py")
        for name in re.findall(r'\bclaim\(\s*"([^"]+)"', path.read_text())
    }
    assert register.read().keys() == declared


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--claim", "nonsense"], "there is no claim 'nonsense' here"),
        (["claims"], "unrecognized arguments: claims"),
        (["--evidence", "nowhere"], "nowhere is no folder of evidence"),
    ],
    ids=["claim", "argument", "evidence"],
)
def test_a_bad_argument_registers_nothing_and_is_one_line(args: list[str], said: str, tmp_path: Path) -> None:
    before = register.file().read_bytes()
    command = [sys.executable, "-m", "harness", "preregister", "--evidence", str(tmp_path), *args]
    ran = subprocess.run(command, cwd=TREE, capture_output=True, text=True)
    assert ran.returncode == USAGE
    assert len(re.findall(r"(?m)^.*error.*$", ran.stdout + ran.stderr, re.IGNORECASE)) == 1
    assert said in ran.stdout + ran.stderr
    assert register.file().read_bytes() == before


def test_a_margin_that_the_source_does_not_say_is_refused(tmp_path: Path) -> None:
    class Vague(dict[str, Any]):
        def document(self, name: str) -> dict[str, Any]:
            return {"findings": {"test_it": {"min_effect": "2 * elsewhere.MARGIN"}}, "profiles": {}}

    told: Any = (Vague(one=None), ["one"], SimpleNamespace(evidence=tmp_path))
    with pytest.raises(pytest.UsageError, match="the smallest effect or margin of test_it is no number in its source"):
        list(preregistered.register_all(*told))


# Seeds that were looked at


@given(st.integers(0, 120), st.sets(st.integers(0, 120)))
def test_a_fresh_block_comes_after_and_was_not_used(after: int, used: set[int]) -> None:
    block = fresh_block(after, used)
    assert block > after
    assert block not in used | {EXPERT_BLOCK, TUNING_BLOCK}
    assert all(between in used | {EXPERT_BLOCK, TUNING_BLOCK} for between in range(after + 1, block))


def test_what_is_stored_is_known_as_a_registered_experiments_by_its_settings() -> None:
    profile = PROFILES["scaled"]
    for run in (RUN, dense_run("cart-pole", "ppo", "task.inputs=pole angle")):
        registered = settings_of(profile.experiment(run.system))
        for condition in (*run.conditions, DENSE):
            (cell,) = profile.cells(run.system, condition, block=3)
            stored = flat(json.loads(json.dumps(cell.identity["experiment"])))
            assert is_of(stored, condition, registered)
            older = {name: value for name, value in stored.items() if name != "network.activation"}
            assert is_of(older, condition, registered)
            assert not is_of(stored | {"learner.env_steps": 1}, condition, registered)
            assert not is_of(stored | {"task.not_known_any_more": 1}, condition, registered)


def test_a_setting_that_did_not_exist_is_a_change_only_where_it_is_set(written: Callable[..., Document]) -> None:
    before, after = written(), written()
    after["profiles"]["scaled"]["systems"]["cart-pole bc"]["default"]["learner.warmth"] = 0
    assert differences(before, after, "scaled") == []
    after["profiles"]["scaled"]["systems"]["cart-pole bc"]["set"]["learner.cold"] = 1
    assert differences(before, after, "scaled") == ["learner.cold none -> 1 at scaled (cart-pole bc)"]
    assert differences(after, before, "scaled") == [
        "learner.cold 1 -> none at scaled (cart-pole bc)",
        "learner.warmth 0 -> none at scaled (cart-pole bc)",
    ]


# Sessions in a house of their own


HOUSE = """
from pathlib import Path

import harness.plugin.preregistered
from harness.plugin import preregistered
from harness.results.preregistration import document, register

harness.plugin.preregistered.CLAIMS = Path(__file__).parent / "claims"
register.file = lambda: Path(__file__).parent / "preregistration.json"
document.PROFILES = options.PROFILES
document.JUDGING = preregistered.JUDGING = ("tiny",)
"""


@dataclass(frozen=True)
class House:
    """A folder whose claims can be registered, judged at the profile tiny."""

    made: Project

    def run(self, *args: str) -> Ran:
        return self.made.run(*args)

    def edit(self, old: str, new: str) -> None:
        file = self.made.folder / "claims" / "test_mine.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def marked(self, *args: str) -> tuple[str, dict[str, Any]]:
        """The verdict's line and those under it, and the claim's entry, of a run."""
        ran = self.run(*args)
        assert ran.code == OK, ran.text
        (claim,) = self.made.summary()["claims"]
        lines = ran.text.partition("REPRODUCED")[2].partition("  supported ")[0]
        return lines, claim


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = project(tmp_path / "house", conftest=TINY + HOUSE, ini={"profile": '"tiny"'})
    made.add("mine", "judge.greater(difference(0.2), min_effect=0.05)")
    return House(made)


def test_a_claim_that_is_not_registered_says_so_and_no_more(house: House) -> None:
    lines, claim = house.marked()
    assert lines.rstrip().endswith(", not registered")
    assert claim["preregistration"]["registered"] is None
    assert claim["preregistration"]["changed"] == []


def test_a_claim_that_is_registered_stands_unmarked_until_it_is_changed(house: House) -> None:
    ran = house.run("--claims-preregister")
    assert ran.code == OK, ran.text
    assert re.search(r"mine: registered, [0-9a-f]{12}\n", ran.text)
    written = (house.made.folder / "preregistration.json").read_bytes()
    house.edit("from harness import claim", "# claims are made of:\nfrom harness import claim")
    house.edit('"""It is so."""', '"""It\n    is so."""')
    assert "mine: as registered on" in house.run("--claims-preregister").text
    assert (house.made.folder / "preregistration.json").read_bytes() == written
    lines, claim = house.marked()
    assert "register" not in lines
    assert "changed" not in lines
    assert claim["preregistration"]["changed"] == []
    assert claim["preregistration"]["hash"] == json.loads(written)["claims"]["mine"]["hash"]


def test_a_changed_claim_is_marked_and_stays_so_on_the_blocks_that_were_judged(house: House) -> None:
    house.run("--claims-preregister")
    house.marked()
    house.edit("min_effect=0.05", "min_effect=0.01")
    lines, claim = house.marked()
    (said,) = claim["preregistration"]["changed"]
    assert re.fullmatch(r"changed since it was registered on 20\d\d-\d\d-\d\d: smallest 0.05 -> 0.01 \(test_it\)", said)
    assert ", changed since\n" in lines
    assert said in lines
    ran = house.run("--claims-preregister")
    assert "smallest 0.05 -> 0.01 (test_it); after evidence of block 0 at tiny existed, which stays marked" in ran.text
    lines, claim = house.marked()
    (said,) = claim["preregistration"]["changed"]
    assert said.startswith("changed since evidence of block 0: smallest 0.05 -> 0.01 (test_it)")
    assert said in lines
    lines, claim = house.marked("--claims-seed-block=1")
    assert claim["preregistration"]["changed"] == []
    assert "changed" not in lines


def test_evidence_counts_when_it_is_stale_or_another_claims(house: House) -> None:
    """The store's own memory of runs is removed: the cells alone tell."""
    house.run("--claims-preregister")
    house.marked()
    shutil.rmtree(house.made.evidence / "asked")
    for path in (house.made.evidence / "cells").iterdir():
        make_stale(path)
    house.edit("min_effect=0.05", "min_effect=0.01")
    assert "after evidence of block 0 at tiny existed" in house.run("--claims-preregister").text


def make_stale(cell: Path) -> None:
    """As if an earlier engine had computed it."""
    content = json.loads((cell / "cell.json").read_text())
    content["engine"]["versions"]["numpy"] = "0.1"
    (cell / "cell.json").write_text(json.dumps(content))
    cell.rename(cell.with_name(f"{cell.name[:20]}-{engine_fingerprint(content['engine'])[:12]}"))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--claims-seeds=2", "--claims-seed-block=1"], "changed by --claims-seeds 2, registered with 3"),
        (["--claims-set=pruning.rate=0.8"], "changed by pruning.rate=0.8"),
    ],
    ids=["seeds", "set"],
)
def test_a_run_with_changes_is_not_the_preregistered_one(house: House, args: list[str], said: str) -> None:
    house.run("--claims-preregister")
    house.edit("min_effect=0.05", "min_effect=0.01")  # of which nothing has to be said then
    lines, claim = house.marked(*args)
    assert claim["preregistration"]["changed"] == [f"not preregistered: {said}"]
    assert ", not preregistered\n" in lines
    assert said in lines


def test_a_claim_from_outside_the_house_is_registered_nowhere(tmp_path: Path) -> None:
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'})
    made.add("mine", "judge.greater(difference(0.2), min_effect=0.05)")
    _, claim = House(made).marked()
    assert claim["preregistration"] == {"hash": None, "registered": None, "changed": []}
    assert "no claim of" in made.run("--claims-preregister").text


def test_a_damaged_register_is_one_line_before_any_training(house: House) -> None:
    (house.made.folder / "preregistration.json").write_text("{")
    assert_refused(house.made, house.run(), "preregistration.json can't be read", "restore it from git")
    ran = house.run("--claims-preregister")
    assert ran.code == USAGE
    assert "Traceback" not in ran.text


def test_a_damaged_table_of_the_calibration_is_one_line_before_any_training(house: House) -> None:
    (house.made.folder / "calibration.json").write_text("{")
    with (house.made.folder / "conftest.py").open("a") as file:
        file.write("from harness.results import records\nrecords.COMMITTED = Path(__file__).parent\n")
    assert_refused(house.made, house.run(), "calibration.json can't be read", "measure anew")


def test_a_changed_hypothesis_under_one_path_is_no_removal_of_the_others(house: House) -> None:
    house.edit("def test_it(run, judge):", '@pytest.mark.parametrize("side", [0, 1])\ndef test_it(run, side, judge):')
    house.run("--claims-preregister")
    _, claim = house.marked("claims/test_mine.py::test_it[0-cart-pole-bc]")
    assert claim["preregistration"]["changed"] == []
    house.edit("[0, 1]", "[0]")
    _, claim = house.marked()
    assert "removed (test_it[1-cart-pole-bc])" in claim["preregistration"]["changed"][0]


def test_a_margin_that_is_not_the_one_of_the_source_is_named(house: House) -> None:
    house.edit("def difference", "THRESHOLD = 0.05\n\n\ndef difference")
    house.edit("min_effect=0.05", "min_effect=THRESHOLD")
    house.run("--claims-preregister")
    with (house.made.folder / "conftest.py").open("a") as file:
        file.write("def pytest_runtest_setup(item):\n    item.module.THRESHOLD = 0.01\n")
    _, claim = house.marked()
    assert claim["preregistration"]["changed"] == ["judged by 0.01 where 0.05 is registered (test_it[cart-pole-bc])"]
