"""What is said of a finding that fails."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from harness.judging.verdict import conclude
from harness.plugin.failure import WIDTH, again, on_fresh_seeds, text
from harness.results.schema import Finding
from harness.statistics import Outcome

RERUN = 'pytest -n auto --claims-profile scaled --claims-report=none "claims/test_it.py::test_it[cart-pole-ppo]"'
CONTRADICTED = Finding(
    claim="it-is-so",
    name="test_it[cart-pole-ppo]",
    nodeid="claims/test_it.py::test_it[cart-pole-ppo]",
    system="cart-pole ppo",
    hypothesis="It is so.",
    kind="greater",
    min_effect=0.05,
    unit="normalised return",
    conclusion="contradicted",
    test="sign-flip",
    n=[20],
    effect=-0.3,
    lower=-0.4,
    upper=-0.2,
    p=0.0001,
    detectable=0.15,
    rerun=RERUN,
    sample={"statistic": "mean", "seeds": None, "groups": [[-0.2, -0.4]]},
)
REGRESSED = {"standing": "regressed", "says": "It was supported, at 0.2 of 20 seeds."}
UNDERPOWERED = replace(CONTRADICTED, conclusion="underpowered", effect=0.04, lower=-0.06, upper=0.14, p=0.4)
ERROR = replace(CONTRADICTED, conclusion="error", n=[], effect=nan, lower=-inf, upper=inf, p=None, sample=None)
MISSING = replace(ERROR, conclusion="not run", reason="No result came back for this item.")
KINDS: dict[str, Finding] = {
    "contradicted": CONTRADICTED,
    "regressed": replace(UNDERPOWERED, baseline=REGRESSED),
    "underpowered": UNDERPOWERED,
    "equivalent": replace(UNDERPOWERED, conclusion="equivalent", effect=0.0, lower=-0.04, upper=0.04),
    "refused": replace(UNDERPOWERED, refused="there is no spread to judge by"),
    "not one number": replace(UNDERPOWERED, effect=nan, lower=nan, upper=nan, p=nan, detectable=None),
    "two groups": replace(CONTRADICTED, n=[20, 20], sample={"statistic": "holds out", "groups": [[[1, 1]], [[2, 2]]]}),
    "error": replace(ERROR, message="ValueError: diverged"),
    "missing": MISSING,
}


def row(said: str, label: str) -> str:
    """A labelled paragraph as one line."""
    lines = said.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"  {label}"))
    rest = lines[start + 1 :]
    more = next((i for i, line in enumerate(rest) if line[2] != " "), len(rest))
    return " ".join([lines[start].removeprefix(f"  {label}").strip(), *(line.strip() for line in rest[:more])])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_was_claimed_and_how_to_look_closer(kind: str) -> None:
    said = text(KINDS[kind])
    assert row(said, "claimed") == "It is so."
    assert row(said, "look closer") == RERUN


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_said_in_under_15_lines_however_much_there_is_to_say(kind: str) -> None:
    words = "word " * 200
    much = replace(
        KINDS[kind],
        claim="c" * 300,
        hypothesis=words,
        unit=words,
        test=words,
        reason=words,
        message=f"{words}\n{words}",
        refused=words if KINDS[kind].refused else "",
        baseline={"standing": "regressed", "says": words},
    )
    for finding in (KINDS[kind], much):
        lines = text(finding).splitlines()
        assert len(lines) < 15
        assert all(len(line) <= WIDTH for line in lines if " pytest " not in line)
    commands = [line for line in text(much).splitlines() if " pytest " in line]
    assert all(line.endswith('[cart-pole-ppo]"') for line in commands), "a command that is cut can't be pasted"


def test_a_contradiction_says_what_was_expected_measured_and_would_be_seen_again() -> None:
    said = text(CONTRADICTED)
    assert said.splitlines()[0] == "it-is-so contradicted: test_it[cart-pole-ppo] on cart-pole ppo"
    assert row(said, "expected") == "an effect above 0, and of at least 0.05 normalised return"
    assert row(said, "measured") == (
        "-0.3, bounds -0.4 to -0.2 normalised return; sign-flip test, p < 0.001, 20 seeds: contradicted"
    )
    assert row(said, "noise") == (
        "as many fresh seeds would give -0.44 to -0.16 in 19 of 20 runs; one seed's value has a standard deviation of"
        " 0.14; an effect of 0.15 is seen 9 times in 10; a fresh block would say contradicted again almost always"
    )
    assert row(said, "fresh seeds") == RERUN.replace("scaled", "scaled --claims-seed-block 1")
    assert "baseline" not in said


def test_what_regressed_says_so_and_what_the_baseline_had() -> None:
    said = text(KINDS["regressed"])
    assert said.startswith("it-is-so regressed (now underpowered): ")
    assert row(said, "baseline") == REGRESSED["says"]


def test_what_was_not_judged_says_why_and_promises_nothing() -> None:
    said = text(KINDS["refused"])
    assert row(said, "not judged") == "there is no spread to judge by"
    assert "noise" not in said


@pytest.mark.parametrize(
    ("kind", "word", "happened"),
    [("error", "error", "ValueError: diverged"), ("missing", "missing", "No result came back for this item.")],
)
def test_without_a_result_nothing_is_said_about_the_claim(kind: str, word: str, happened: str) -> None:
    said = text(KINDS[kind])
    assert said.startswith(f"it-is-so {word}: ")
    assert row(said, "happened") == happened
    assert "measured" not in said
    assert "fresh seeds" not in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("equivalent", "an effect within 0.05 normalised return of 0, either way, with both its bounds"),
        ("non-inferior", "an effect that is not worse than 0 by 0.05 normalised return, with its lower bound"),
    ],
)
def test_what_is_expected_follows_the_kind_of_hypothesis(kind: Any, words: str) -> None:
    assert row(text(replace(CONTRADICTED, kind=kind)), "expected") == words


@pytest.mark.parametrize(
    ("block", "fresh"),
    [("", 1), ("--claims-seed-block 3 ", 4), ("--claims-seed-block 98 ", 100), ("--claims-seed-block=0 ", 1)],
)
def test_fresh_seeds_are_those_of_the_next_block_that_may_be_judged(block: str, fresh: int) -> None:
    """Block 99 is for tuning."""
    command = on_fresh_seeds(f"pytest --claims-profile tiny {block}--claims-report=none x")
    assert command == f"pytest --claims-profile tiny --claims-seed-block {fresh} --claims-report=none x"


@pytest.mark.parametrize("kind", ["greater", "equivalent", "non-inferior"])
@pytest.mark.parametrize("effect", [-0.35, -0.12, 0.0, 0.15, 0.4])
@pytest.mark.parametrize("half", [0.05, 0.19])
def test_what_a_fresh_block_would_say_is_what_comes_out_of_fresh_draws(kind: Any, effect: float, half: float) -> None:
    """A fresh effect differs by this one's error and its own; each is judged as any finding is."""
    smallest, seen = 0.2, dict.fromkeys(("supported", "contradicted", "equivalent", "underpowered"), 0)
    draws = np.random.default_rng(5).normal(effect, 2**0.5 * half / 1.96, 2000)
    for fresh in draws.tolist():
        bounds = {"lower": fresh - half, "upper": fresh + half}
        seen[conclude(kind, smallest, Outcome("sign-flip", (20,), fresh, p=0.5, sd=1.0, **bounds))[0]] += 1
    here = {"lower": effect - half, "upper": effect + half}
    finding = replace(CONTRADICTED, kind=kind, min_effect=smallest, effect=effect, **here)
    for name, count in seen.items():
        assert count / len(draws) == pytest.approx(again(finding, name) or 0.0, abs=0.04), name  # type: ignore[arg-type]


def test_without_spread_or_bounds_nothing_is_foretold() -> None:
    assert again(replace(CONTRADICTED, lower=-inf), "contradicted") is None
    assert again(replace(CONTRADICTED, lower=-0.3, upper=-0.3), "contradicted") is None
    assert "a fresh block" not in text(replace(CONTRADICTED, lower=-0.3, upper=-0.3))
