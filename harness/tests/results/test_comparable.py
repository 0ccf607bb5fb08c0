"""What makes a finding comparable with a baseline: what it commits itself to, and nothing that is judged beside it."""

import copy
import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.results.preregistration.commitments import Commitments, commitment_in, commitments_of, refuse_loose
from harness.results.preregistration.document import Subject, settings_of
from harness.results.preregistration.register import differences_of_finding

from harness.judging.run import imp_runs
from harness.profiles.profile import PROFILES
from harness.tests.evidence.processes import Ran
from harness.tests.plugin.test_gate import BASELINE, OK, standings
from harness.tests.plugin.test_plugin import TINY, Project, project
from harness.tests.results.test_preregistration import HOUSE, SOURCE

CART_POLE, CART_POLE_PPO = imp_runs(["cart-pole"], ["bc", "ppo"])
(ACROBOT,) = imp_runs(["acrobot"], ["bc"])
PROFILE = PROFILES["scaled"]
ITEMS = {"test_it[bc]": CART_POLE, "test_it[ppo]": CART_POLE_PPO}
Write = Callable[..., Commitments]


@pytest.fixture
def kept(tmp_path: Path) -> Write:
    """What items of `SOURCE` commit themselves to at a profile, with some text in place of another."""
    count = iter(range(1000))

    def write(*edits: tuple[str, str], items: Any = ITEMS, profile: Any = PROFILE, **parameters: Any) -> Commitments:
        text = SOURCE
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / f"test_{next(count)}.py"
        file.write_text(text)
        subjects = [
            Subject(name, name.partition("[")[0], file, "It is so.", {"run": run, **parameters})
            for name, run in items.items()
        ]
        return commitments_of({"a-claim": subjects}, profile)

    return write


def differing(before: Commitments, after: Commitments, names: Iterable[str] = ITEMS) -> dict[str, list[str]]:
    """What differs, by the finding, as far as anything does."""
    found = {}
    for name in names:
        pair = commitment_in(before, "a-claim", name), commitment_in(after, "a-claim", name)
        assert pair[0] is not None and pair[1] is not None
        found[name] = differences_of_finding(*pair, "scaled")
    return {name: said for name, said in found.items() if said}


def test_a_finding_holds_its_own_part_its_rule_and_its_own_systems(kept: Write) -> None:
    held = commitment_in(kept(), "a-claim", "test_it[bc]")
    assert held is not None
    assert (held["alpha"], held["seeds"], held["finding"]["min_effect"]) == (0.05, 20, 0.05)
    assert held["systems"] == {"cart-pole bc": settings_of(PROFILE.experiment(CART_POLE.system))}
    assert set(held["rule"]["code"]) == {"conclude", "contrast_test", "checked", "look", "guarded_bounds"}
    assert commitment_in(kept(), "a-claim", "test_that") is commitment_in(kept(), "b-claim", "test_it[bc]") is None


def test_what_several_findings_share_is_kept_once(kept: Write) -> None:
    held = kept(items={**ITEMS, "test_it[again]": CART_POLE})
    assert set(held["rules"]) == {"greater"}
    assert set(held["systems"]) == {"cart-pole bc", "cart-pole ppo"}


def test_the_order_of_collection_leaves_no_trace(kept: Write) -> None:
    assert json.dumps(kept()) == json.dumps(kept(items=dict(reversed(ITEMS.items()))))


# What is no change of it


def test_a_finding_added_on_another_system_changes_none_of_the_others(kept: Write) -> None:
    assert differing(kept(), kept(items={**ITEMS, "test_it[acrobot]": ACROBOT})) == {}


def test_a_finding_added_under_another_rule_changes_none_of_the_others(kept: Write) -> None:
    body = SOURCE[SOURCE.index("def test_it") :]
    other = body.replace("def test_it", "def test_that").replace("judge.greater", "judge.equivalent")
    more = (body, f"{body}\n\n{other.replace('min_effect=', 'margin=')}")
    after = kept(more, items={**ITEMS, "test_that[bc]": CART_POLE})
    assert set(after["rules"]) == {"greater", "equivalent"}
    assert differing(kept(), after) == {}


def with_field(value: float, default: float = 0.0) -> Any:
    """The profile as a later version has it, in which behavioural cloning knows a field more."""

    def later(experiment: Any) -> Any:
        learner = experiment.learner
        field = ("warmth", float, dataclasses.field(default=default))
        named = {"__module__": type(learner).__module__}
        kind = dataclasses.make_dataclass(
            type(learner).__name__, [field], bases=(type(learner),), namespace=named, frozen=True
        )
        given = {one.name: getattr(learner, one.name) for one in dataclasses.fields(learner)}
        return dataclasses.replace(experiment, learner=kind(**given, warmth=value))

    systems = {key: later(one) if key == ("cart-pole", "bc") else one for key, one in PROFILE.systems.items()}
    return dataclasses.replace(PROFILE, systems=systems)


def test_a_setting_that_did_not_exist_is_no_change_at_its_default(kept: Write) -> None:
    after = kept(profile=with_field(0.0))
    assert after["systems"]["cart-pole bc"]["default"]["learner.warmth"] == 0.0
    assert differing(kept(), after) == {}


def test_another_system_of_the_same_claim_is_none_of_its_business(kept: Write) -> None:
    after = kept()
    after["systems"]["cart-pole ppo"]["set"]["learner.env_steps"] = 7
    assert set(differing(kept(), after)) == {"test_it[ppo]"}


# What is


def test_a_setting_that_did_not_exist_is_a_change_where_it_is_set(kept: Write) -> None:
    said = {"test_it[bc]": ["learner.warmth none -> 1 at scaled (cart-pole bc)"]}
    assert differing(kept(), kept(profile=with_field(1.0))) == said


def test_a_default_that_is_changed_is_a_change(kept: Write) -> None:
    """A hash over what is set would not see it."""
    said = {"test_it[bc]": ["learner.warmth 0 -> 0.5 at scaled (cart-pole bc)"]}
    assert differing(kept(profile=with_field(0.0)), kept(profile=with_field(0.5, default=0.5))) == said


def test_another_number_of_seeds_is_a_change(kept: Write) -> None:
    after = kept(profile=dataclasses.replace(PROFILE, seeds=5))
    assert differing(kept(), after) == {name: ["seeds at scaled 20 -> 5"] for name in ITEMS}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("MIN_EFFECT = 0.05", "MIN_EFFECT = 0.01"), "smallest 0.05 -> 0.01"),
        (("DENSITY = 0.1", "DENSITY = 0.2"), "DENSITY 0.1 -> 0.2"),
        (("share at", "share of"), "estimand unit rewritten"),
    ],
    ids=["margin", "constant", "estimand"],
)
def test_its_own_part_is_named_by_what_differs(kept: Write, edit: tuple[str, str], said: str) -> None:
    assert differing(kept(), kept(edit)) == {name: [said] for name in ITEMS}


def test_the_rule_that_judges_it_is_named_and_no_other(kept: Write) -> None:
    before, after = kept(), kept()
    before["rules"]["equivalent"] = copy.deepcopy(before["rules"]["greater"])
    before["findings"]["a-claim"]["test_it[ppo]"]["rule"] = "equivalent"
    after["rules"]["greater"]["constants"]["FEWEST_STUDENTISED"] = 5
    after["rules"]["greater"]["code"]["look"] = "0"
    after["rules"]["equivalent"] = copy.deepcopy(before["rules"]["equivalent"])
    after["findings"]["a-claim"]["test_it[ppo]"]["rule"] = "equivalent"
    assert differing(before, after) == {"test_it[bc]": ["FEWEST_STUDENTISED 15 -> 5", "rule look rewritten"]}
    assert differing(kept(), {**kept(), "alpha": 0.1}) == {name: ["alpha 0.05 -> 0.1"] for name in ITEMS}


@pytest.mark.parametrize(("kind", "name"), [("rules", "greater"), ("systems", "cart-pole bc")])
def test_what_does_not_stand_beside_its_finding_is_refused(kept: Write, kind: str, name: str) -> None:
    held = kept()
    refuse_loose(held)
    del held[kind][name]
    with pytest.raises(ValueError, match=rf"a-claim, test_it\[bc\]: its {kind[:-1]} {name} is not among the {kind}"):
        refuse_loose(held)


# Sessions in a house of their own


@dataclass(frozen=True)
class Kept:
    """A house with one claim, and a baseline of it."""

    made: Project

    def gate(self, *args: str) -> Ran:
        return self.made.run("--claims-gate", "--claims-report=none", *args)

    @property
    def file(self) -> Path:
        return self.made.folder / "fixtures" / "baselines" / "tiny.json"

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.file.read_text())
        return content

    def rewrite(self, content: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(content))

    def edit(self, old: str, new: str) -> None:
        file = self.made.folder / "claims" / "test_mine.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


FIRST, SECOND = "test_it[cart-pole-bc]", "test_that[cart-pole-bc]"
THAT = '''

THAT = 0.05


@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])
def test_that(run, judge):
    """That is so."""
    judge.greater(difference(0.2), min_effect=THAT)
'''
RUNS, TWO_RUNS = (
    f'[ticket_run("cart-pole", "bc"){more}])\ndef test_it' for more in ("", ', ticket_run("acrobot", "bc")')
)


@pytest.fixture
def house(tmp_path: Path) -> Kept:
    made = project(tmp_path / "house", conftest=TINY + HOUSE, ini={"profile": '"tiny"'})
    made.add("mine", f"judge.greater(difference(0.2), min_effect=0.05)\n{THAT}")
    held = Kept(made)
    ran = made.run("--claims-update-baseline", "--claims-report=none")
    assert ran.code == BASELINE, ran.text
    return held


def of_format_1(content: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version would have written it."""
    return {name: value for name, value in content.items() if name != "commitments"} | {"format": 1}


def test_a_claim_that_gains_a_finding_stays_comparable_in_what_it_had(house: Kept) -> None:
    house.edit(RUNS, TWO_RUNS)
    ran = house.gate()
    assert ran.code == OK, ran.text
    assert "1 new, 2 holds" in standings(ran)
    house.rewrite(of_format_1(house.content))
    before = house.gate()
    assert before.code == BASELINE, "a hash of the whole claim can't tell"
    assert "claim mine is not comparable with" in before.text
    assert "preregistration " in before.text and " -> " in before.text


def test_a_baseline_from_before_a_setting_existed_stays_comparable(house: Kept) -> None:
    content = house.content
    settings = content["commitments"]["systems"]["cart-pole bc"]
    assert settings["default"].pop("network.activation") == "relu"
    house.rewrite(content)
    assert house.gate().code == OK
    settings["default"]["network.activation"] = "tanh"
    house.rewrite(content)
    ran = house.gate()
    assert ran.code == BASELINE
    assert "network.activation tanh -> relu at tiny (cart-pole bc); --claims-not-comparable" in ran.text


def test_a_margin_that_changes_makes_exactly_its_finding_incomparable(house: Kept) -> None:
    house.edit("THAT = 0.05", "THAT = 0.01")
    ran = house.gate()
    assert ran.code == BASELINE, ran.text
    assert f"{house.file} in 1 of 2 findings: smallest 0.05 -> 0.01 ({SECOND})" in ran.text
    assert house.gate("-k", "test_it").code == OK, "the other is compared"
    skipping = house.gate("--claims-not-comparable=skip")
    assert skipping.code == OK
    assert "1 not comparable, 1 holds" in standings(skipping)
    assert f"not comparable mine {SECOND}: not comparable with the baseline: smallest 0.05 -> 0.01" in skipping.text
    updated = house.made.run("--claims-update-baseline", "--claims-report=none")
    assert updated.code == OK, updated.text
    assert "2 holds" in standings(house.gate())


def test_a_single_finding_named_by_its_path_is_compared_for_itself(house: Kept) -> None:
    house.edit("THAT = 0.05", "THAT = 0.01")
    assert house.gate(f"claims/test_mine.py::{FIRST}").code == OK
    assert house.gate(f"claims/test_mine.py::{SECOND}").code == BASELINE


def test_a_baseline_of_format_1_is_held_against_the_whole_claim(house: Kept) -> None:
    house.rewrite(of_format_1(house.content))
    assert "2 holds" in standings(house.gate())
    house.edit("THAT = 0.05", "THAT = 0.01")
    ran = house.gate("--claims-not-comparable=skip")
    assert "2 not comparable" in standings(ran)


def test_what_a_terminal_would_obey_is_not_repeated_from_a_file(house: Kept) -> None:
    content = house.content
    content["commitments"]["systems"]["cart-pole bc"]["default"]["network.activation"] = "\x1b[2Jred\n::error::pwned"
    house.rewrite(content)
    ran = house.gate()
    assert ran.code == BASELINE
    assert "network.activation ?[2Jred ::error::pwned -> relu" in ran.text
