"""What a claim commits itself to: what changes it and what does not, and what is said of a change.

The sessions at the end are of a suite of their own: a folder with a claim, and a register beside it.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.files import FixtureError
from harness.judging import commitments as committing
from harness.judging.claim import Claim
from harness.judging.commitments import JUDGING, Item, commitments_of
from harness.judging.run import imp_runs
from harness.profiles.profile import PROFILES
from harness.results import preregistration
from harness.results.preregistration import (
    EMPTY,
    Commitments,
    Register,
    SystemSettings,
    differences,
    finding_differs,
    mark,
    registered_anew,
    settings_differ,
)
from harness.results.schema import ClaimResult
from harness.tests.plugin.projects import BASELINE, OK, TINY, TREE, USAGE, Project, project

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
BC, PPO = imp_runs(["cart-pole"], ["bc", "ppo"])
(TENTH,) = imp_runs(["cart-pole"], ["bc"], "network.input_divisor=10")
ONE, OTHER = "test_it[bc]", "test_it[ppo]"
ITEMS = {ONE: BC, OTHER: PPO}
SCALED = PROFILES["scaled"]
Write = Callable[..., Commitments]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """What items of `SOURCE` commit themselves to, with some text in place of another."""
    count = itertools.count()

    def write(
        *edits: tuple[str, str],
        items: Any = ITEMS,
        says: str = "It is so.",
        profiles: Any = (SCALED,),
        **parameters: Any,
    ) -> Commitments:
        text = SOURCE
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / f"test_{next(count)}.py"
        file.write_text(text)
        return commitments_of(
            [
                Item(CLAIMED, name, name.partition("[")[0], file, says, {"run": run, **parameters})
                for name, run in items.items()
            ],
            profiles,
        )

    return write


def changed(before: Commitments, after: Commitments) -> list[str]:
    """What differs in all of the claim, at whatever profile."""
    systems = before.systems("a-claim")
    return [*differences(before, after, "a-claim"), *settings_differ(before, after, "scaled", systems)]


# What a claim commits itself to


def test_it_holds_hypothesis_margin_runs_and_settings(written: Write) -> None:
    held = written(side="left", items={ONE: BC, "test_it[tenth]": TENTH}, profiles=[PROFILES[name] for name in JUDGING])
    claim = held.claims["a-claim"]
    hypothesis = claim.hypotheses["test_it"]
    assert (hypothesis.says, hypothesis.min_effect) == ("It is so.", 0.05)
    assert hypothesis.judged_by == "judge.greater(area.mask_part - area.weights_part, unit=unit(run))"
    assert hypothesis.constants == {"DENSITY": 0.1}
    subject = claim.findings[ONE]
    assert subject.parameters == {"side": "left"}
    assert (subject.runs["run"].system, subject.runs["run"].conditions) == ("cart-pole bc", BC.conditions)
    seeds = {profile: held.effective(profile, "cart-pole bc")["seeds"] for profile in JUDGING}
    assert seeds == {"scaled": 20, "extended": 40, "paper": 15}
    assert held.effective("paper", "cart-pole bc")["learner.env_steps"] == 10_000
    tenth = held.effective("scaled", held.systems("a-claim", "test_it[tenth]")[0])
    assert tenth == held.effective("scaled", "cart-pole bc") | {"network.input_divisor": 10.0}
    assert not any(name.startswith("savings.") for name in held.effective("scaled", "cart-pole bc"))
    named, computed = (written(("min_effect=MIN_EFFECT", f"min_effect={said}")) for said in ("-0.5", "MIN_EFFECT / 2"))
    margins = [each.claims["a-claim"].hypotheses["test_it"].min_effect for each in (named, computed)]
    assert margins == [-0.5, None], "a number where the source says one; it is parsed, and never run"


# What changes it


@pytest.mark.parametrize(
    "edit",
    [
        ("# a twentieth", "# of the distance between a random policy and the expert"),
        ('"""A helper."""', '"""A helper, in other words."""'),
        ("    area = run.area()\n", "    # the parts\n    area = (\n        run.area()\n    )\n"),
        ("UNUSED = 1", "UNUSED = 2"),
        ("min_effect=MIN_EFFECT", "min_effect=0.05"),
        ('@parametrize("run", imp_runs(["cart-pole"], ["bc"]))', '@parametrize("run", RUNS)'),
    ],
    ids=["comment", "docstring of a helper", "layout", "what it does not use", "a name", "decorator"],
)
def test_what_says_the_same_commits_to_the_same(written: Write, edit: tuple[str, str]) -> None:
    assert changed(written(), written(edit)) == []
    assert written(edit).digest("a-claim") == written().digest("a-claim")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01"), "min_effect 0.05 -> 0.01 (test_it)"),
        (("DENSITY = 0.1", "DENSITY = 0.2"), "DENSITY 0.1 -> 0.2 (test_it)"),
        (("area.mask_part - area.weights_part", "area.mask_part"), "judged by"),
        (("share at", "share of"), "test_it rewritten (test_it)"),
        (("judge.greater(", "judge.spreads_wider("), "judged by"),
        (("run.area()", "run.area(drop=2)"), "test_it rewritten (test_it)"),
    ],
    ids=["margin", "constant", "estimand", "helper", "kind", "argument"],
)
def test_what_says_something_else_is_named_alone(written: Write, edit: tuple[str, str], named: str) -> None:
    (said,) = changed(written(), written(edit))
    assert said.startswith(named)
    assert written(edit).digest("a-claim") != written().digest("a-claim")


def test_another_hypothesis_system_parameter_or_finding_is_named(written: Write) -> None:
    before = written(side="left")
    assert changed(before, written(says="It is not so.", side="left")) == ["hypothesis reworded (test_it)"]
    assert changed(before, written(side="right")) == ["side left -> right (test_it)"]
    (twice,) = imp_runs(["cart-pole"], ["bc"], times=2)
    (said,) = changed(before, written(side="left", items={**ITEMS, ONE: twice}))
    assert said.startswith("run run cart-pole bc under") and said.endswith(f"2 times the seeds ({ONE})")
    assert changed(written(), written(items={ONE: BC})) == [f"removed ({OTHER})"]
    assert changed(written(items={ONE: BC}), written()) == [f"added ({OTHER})"]
    assert differences(written(), written(items={ONE: BC}), "a-claim", partial=True) == []


def test_the_rule_that_judges_is_part_of_it(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written()
    monkeypatch.setattr(committing, "RULE", committing.RULE + 1)
    (said,) = changed(before, written())
    assert "rule" in said and "version" in said


SEEDS = {"chosen": {"seeds": 20}}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (SEEDS, {**SEEDS, "default": {"warmth": 0}}, ""),  # new, and at its default
        (SEEDS, {"chosen": {"seeds": 20, "warmth": 1}}, "warmth none -> 1"),
        ({**SEEDS, "default": {"warmth": 0}}, {**SEEDS, "default": {"warmth": 0.5}}, "warmth 0 -> 0.5"),
        ({**SEEDS, "default": {"warmth": 0}}, SEEDS, "warmth 0 -> none"),
        (SEEDS, {"chosen": {"seeds": 5}}, "seeds 20 -> 5"),
        (SEEDS, {"like": "scaled/cart-pole ppo", "chosen": {}}, ""),  # told by another's, which are the same
        (SEEDS, {"like": "scaled/cart-pole ppo", "chosen": {"seeds": 5}}, "seeds 20 -> 5"),
    ],
)
def test_a_setting_is_a_change_unless_it_is_new_and_at_its_default(
    written: Write, before: Any, after: Any, said: str
) -> None:
    held = written()
    old, new = (
        held.replace(settings={"scaled": {"cart-pole ppo": SystemSettings(**SEEDS), "cart-pole bc": each}})
        for each in (before, after)
    )
    assert changed(old, new) == ([f"{said} at scaled (cart-pole bc)"] if said else [])
    assert finding_differs(old, new, "a-claim", OTHER, "scaled") == [], "it rests on PPO alone"


def test_a_finding_is_compared_for_what_it_is_itself(written: Write) -> None:
    """Whatever else its claim has come to be judged on."""
    more = {**ITEMS, "test_it[tenth]": TENTH}
    assert finding_differs(written(), written(items=more), "a-claim", ONE, "scaled") == []
    assert finding_differs(written(), written(items=more), "a-claim", "test_it[tenth]", "scaled") == [], "it is new"
    assert finding_differs(written(), written(), "b-claim", ONE, "scaled") == []
    said = finding_differs(written(), written(("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01")), "a-claim", ONE, "scaled")
    assert said == ["min_effect 0.05 -> 0.01"]


# The register

SMALLER = ("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01")


def registered(
    known: Register, now: Commitments, day: str, *blocks: int, fresh: str = "", reason: str = ""
) -> Register:
    """Registered on a day on which these blocks had been judged at scaled; of the finding `fresh` nothing had."""
    return registered_anew(
        known,
        now,
        day,
        "abc",
        lambda claim, name: {"scaled": blocks} if blocks and name != (fresh or None) else {},
        reason,
        "after it was judged",
    )


def marked(known: Register, now: Commitments, block: int = 0, profile: str = "scaled") -> tuple[str, ...]:
    return mark(known, now, "a-claim", profile, block).changed


def test_only_blocks_that_were_judged_stay_marked_when_a_change_is_registered(written: Write) -> None:
    after = written(SMALLER)
    first = registered(EMPTY, written(), "2026-11-22", 0)
    assert registered(first, written(), "2026-11-23", 0) == first, "what is registered as it is stays as it was"
    kept = [mark(first, written(), "a-claim", "scaled", block) for block in (0, 1)]
    assert [(held.registered, held.changed) for held in kept] == [("2026-11-22", ())] * 2
    assert [held.note for held in kept] == ["after it was judged", ""], "on the blocks on which it was"
    (said,) = marked(first, after, 7)
    assert "2026-11-22" in said and "min_effect 0.05 -> 0.01 (test_it)" in said
    again = registered(first, after, "2026-11-23", 3)
    for block in (0, 3):
        (said,) = marked(again, after, block)
        assert f"block {block}" in said and "min_effect 0.05 -> 0.01 (test_it)" in said and "2026-11-23" in said
    assert marked(again, after, 1) == marked(again, after, 3, "paper") == ()


def test_a_finding_added_before_anything_of_it_was_judged_marks_no_block(written: Write) -> None:
    first = registered(EMPTY, written(items={ONE: BC}), "2026-11-22", 0)
    assert marked(registered(first, written(), "2026-11-23", 0, fresh=OTHER), written()) == ()
    (said,) = marked(registered(first, written(), "2026-11-23", 0), written())
    assert f"added ({OTHER})" in said
    both = written(SMALLER)
    (said,) = marked(registered(first, both, "2026-11-23", 0, fresh=OTHER), both)
    assert "min_effect" in said and "added" not in said


def test_a_refactoring_keeps_the_day_and_marks_nothing(written: Write) -> None:
    first = registered(EMPTY, written(), "2026-11-22", 0)
    after = written(("share at", "share of"))
    again = registered(first, after, "2026-11-23", 0, reason="refactoring")
    assert again.claims["a-claim"].history[-1].changed  # to be reviewed
    found = mark(again, after, "a-claim", "scaled", 0)
    assert (found.registered, found.changed) == ("2026-11-22", ())


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "preregistration.json"
    monkeypatch.setattr(preregistration, "file", lambda: path)
    return path


def test_a_register_is_read_as_it_was_written(written: Write, file: Path) -> None:
    assert preregistration.read() == EMPTY
    held = registered(registered(EMPTY, written(side=["a", 1]), "2026-11-22", 0), written(SMALLER), "2026-11-23", 3)
    preregistration.write(held)
    assert preregistration.read() == held


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: '{"format": 2}',
        lambda text: text.replace('"format": 2', '"format": 1'),
        lambda text: text.replace('"when"', '"then"'),
    ],
)
def test_a_register_that_is_damaged_is_one_line(written: Write, file: Path, damage: Callable[[str], str]) -> None:
    preregistration.write(registered(EMPTY, written(), "2026-11-22"))
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(FixtureError) as caught:
        preregistration.read()
    said = str(caught.value)
    assert str(file) in said and "git" in said and "\n" not in said


def test_what_is_registered_is_what_the_claims_say() -> None:
    """If a claim was changed on purpose: python -m harness preregister."""
    standing = json.loads(preregistration.file().read_text(encoding="utf-8"))
    histories = [claim.pop("history") for claim in standing["claims"].values()]
    assert len(json.dumps(standing)) < 5_000 * len(histories), "a person reviews it"
    before = preregistration.file().read_bytes()
    command = [sys.executable, "-m", "harness", "preregister", "--history", "none"]
    try:
        ran = subprocess.run(command, cwd=TREE, capture_output=True, text=True)
        assert ran.returncode == OK, ran.stdout + ran.stderr
        assert preregistration.file().read_bytes() == before, ran.stdout
    finally:
        preregistration.file().write_bytes(before)


# Sessions in a suite of their own

SUITE = """
from pathlib import Path

from harness.plugin import preregistered
from harness.results import preregistration

preregistered.CLAIMS = Path(__file__).parent / "claims"
preregistration.file = lambda: Path(__file__).parent / "preregistration.json"
preregistered.PROFILES = profile.PROFILES
preregistered.JUDGING = ("tiny",)
"""


@dataclass(frozen=True)
class Suite:
    """A folder whose claim can be registered, judged at the profile tiny."""

    made: Project

    def edit(self, old: str, new: str) -> None:
        file = self.made.folder / "claims" / "test_mine.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def register(self) -> str:
        ran = self.made.run("--claims-preregister")
        assert ran.code == OK, ran.text
        return ran.text

    def judged(self, *args: str) -> tuple[str, ClaimResult]:
        """The verdict's line and those under it, and the claim's result."""
        ran = self.made.run(*args)
        assert ran.code == OK, ran.text
        (claim,) = self.made.summary().claims
        return ran.text.partition("REPRODUCED")[2].partition("  supported ")[0], claim


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    made = project(tmp_path / "suite", conftest=TINY + SUITE, ini={"profile": '"tiny"'})
    made.add("mine", "judge.greater(difference(0.2), min_effect=0.05)", runs="")
    return Suite(made)


def test_a_claim_is_marked_from_its_change_on_and_stays_so_on_blocks_that_were_judged(suite: Suite) -> None:
    suite.register()
    lines, claim = suite.judged()
    assert claim.preregistration.changed == () and "regist" not in lines and "changed" not in lines
    suite.edit("min_effect=0.05", "min_effect=0.01")
    lines, claim = suite.judged()
    (said,) = claim.preregistration.changed
    assert "min_effect 0.05 -> 0.01 (test_it)" in said and said in lines
    assert "block" in suite.register()
    lines, claim = suite.judged()
    (said,) = claim.preregistration.changed
    assert "block 0" in said and said in lines
    (suite.made.folder / "preregistration.json").write_text("{")
    ran = suite.made.run()
    assert ran.code == USAGE and "preregistration.json" in ran.text and "git" in ran.text


def test_a_run_with_changes_is_not_the_preregistered_one(suite: Suite) -> None:
    suite.made.add("mine", "judge.greater(difference(0.2), min_effect=0.05)")
    suite.register()
    lines, claim = suite.judged("--claims-seeds=2", "--claims-set=pruning.rate=0.8", "--claims-seed-block=1")
    said = claim.preregistration.otherwise
    assert said in lines and "pruning.rate=0.8" in said and "--claims-seeds 2" in said
    assert claim.preregistration.changed == ()


def test_a_claim_from_outside_and_a_margin_that_the_source_does_not_say_are_not_registered(
    suite: Suite, tmp_path: Path
) -> None:
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'})
    made.add("mine", "judge.greater(difference(0.2), min_effect=0.05)", runs="")
    _, claim = Suite(made).judged()
    assert claim.preregistration.hash is claim.preregistration.registered is None
    assert made.run("--claims-preregister").code == USAGE
    suite.edit("min_effect=0.05", "min_effect=0.1 / 2")
    ran = suite.made.run("--claims-preregister")
    assert ran.code == USAGE and "mine" in ran.text and "test_it" in ran.text


def test_in_a_gated_session_a_changed_margin_makes_exactly_its_finding_incomparable(suite: Suite) -> None:
    that = "\n\ndef test_that(judge):\n    judge.greater(difference(0.2), min_effect=0.04)\n"
    module = suite.made.folder / "claims" / "test_mine.py"
    module.write_text(module.read_text() + that)
    ran = suite.made.run("--claims-update-baseline", "--claims-report=none")
    assert ran.code == BASELINE, ran.text
    suite.edit("min_effect=0.04", "min_effect=0.01")
    module.write_text(module.read_text() + that.replace("test_that", "test_new"))
    ran = suite.made.run("--claims-gate", "--claims-report=none")
    assert ran.code == BASELINE, ran.text
    assert "min_effect 0.04 -> 0.01" in ran.text and "test_that" in ran.text
    assert suite.made.run("--claims-gate", "--claims-report=none", "-k", "test_it").code == OK
    skipping = suite.made.run("--claims-gate", "--claims-not-comparable=skip")
    assert skipping.code == OK, skipping.text
    standings = {one.name: one.standing for one in suite.made.summary().findings}
    assert standings == {"test_it": "holds", "test_that": "not comparable", "test_new": "new"}
