"""What a failing finding says: short, complete, and with a command that can be pasted."""

from math import inf, nan
from typing import Any

import pytest

from harness.plugin.failure import MOST_LINES, WIDTH, text
from harness.results.schema import Drift, Finding, Sample
from harness.tests.factory import finding

RERUN = 'pytest -n auto --claims-profile scaled --claims-report=none "claims/test_it.py::test_it[cart-pole-ppo]"'
FRESH = RERUN.replace("scaled", "scaled --claims-seed-block 1")
CONTRADICTED = finding(
    conclusion="contradicted",
    n=(20,),
    effect=-0.3,
    lower=-0.4,
    upper=-0.2,
    p=0.0001,
    detectable=0.15,
    rerun=RERUN,
    sample=Sample.of("mean", [-0.2, -0.4]),
)
UNDERPOWERED = CONTRADICTED.replace(conclusion="underpowered", effect=0.04, lower=-0.06, upper=0.14, p=0.4, sample=None)
ERROR = UNDERPOWERED.replace(conclusion="error", n=(), effect=nan, lower=-inf, upper=inf, p=None, message="diverged")
KINDS: dict[str, Finding] = {
    "contradicted": CONTRADICTED,
    "regressed": UNDERPOWERED.replace(drift=Drift(standing="regressed", says="It was supported, at 0.2.")),
    "underpowered": UNDERPOWERED,
    "equivalent": UNDERPOWERED.replace(conclusion="equivalent", effect=0.0, lower=-0.04, upper=0.04),
    "refused": UNDERPOWERED.replace(refusal="no spread", refused="there is no spread to judge by"),
    "no number": UNDERPOWERED.replace(effect=nan, lower=nan, upper=nan, p=nan, detectable=None),
    "error": ERROR,
    "missing": ERROR.replace(conclusion="not run", message="", reason="No result came back for this item."),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_was_claimed_what_came_out_and_how_to_look_closer(kind: str) -> None:
    found = KINDS[kind]
    said = " ".join(text(found, FRESH).split())
    assert found.claim in said and found.name in said and found.system in said
    assert found.hypothesis in said
    assert found.rerun in said
    for word in (found.refused, found.message, found.drift.says if found.drift else ""):
        assert word in said
    assert (FRESH in said) == (found.conclusion not in ("error", "not run")), "another block can't mend an error"


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_said_in_few_lines_however_much_there_is_to_say(kind: str) -> None:
    words = "word " * 200
    changes: dict[str, Any] = dict.fromkeys(("hypothesis", "unit", "test", "reason", "message"), f"{words}\n{words}")
    much = KINDS[kind].replace(claim="c" * 300, drift=Drift(standing="regressed", says=words), **changes)
    for found in (KINDS[kind], much):
        lines = text(found, FRESH).splitlines()
        assert len(lines) <= MOST_LINES
        assert all(len(line) <= WIDTH for line in lines if " pytest " not in line)
    commands = [line for line in text(much, FRESH).splitlines() if " pytest " in line]
    assert all(line.endswith('[cart-pole-ppo]"') for line in commands), "a command that is cut can't be pasted"


def test_a_contradiction_says_its_numbers_and_how_noisy_they_are() -> None:
    said = " ".join(text(CONTRADICTED).split())
    for number in ("0.05", "-0.3", "-0.4 to -0.2", "< 0.001", "20 seeds", "0.15"):
        assert number in said
    assert "-0.44 to -0.16" in said, "where 19 of 20 fresh estimates lie"
    assert "deviation of 0.14" in said


def test_what_is_expected_follows_the_kind_of_hypothesis() -> None:
    kinds: tuple[Any, ...] = ("greater", "equivalent", "non-inferior")
    assert len({text(CONTRADICTED.replace(kind=kind)).split("measured")[0] for kind in kinds}) == 3
