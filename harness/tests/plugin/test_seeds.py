"""What would decide the undecided, as a command that can be pasted, and seeds that come on top of judged ones."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence import asked
from harness.evidence.asked import Asked
from harness.plugin.seeds import in_words
from harness.results.schema import Finding
from harness.tests.evidence.processes import Ran
from harness.tests.plugin.projects import OK, TINY, Project, project

UNDECIDED = "judge.greater(difference(0.1, spread=1.0), min_effect=0.3)"
FEW = """few = PerSeed.of("a", [0.1, 0.3, 0.2, 0.5], range(4)) - PerSeed.of("b", [0.2, 0.1, 0.3, 0.1], range(4))
    judge.greater(few, min_effect=0.3)"""
ALL_THE_SAME = """judge.greater(difference(0.0, spread=0.0) * 1.0, min_effect=0.3, span=(0, 0))"""


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Project]:
    def make(body: str, **edits: str) -> Project:
        found = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'})
        found.add("mine", body)
        file = found.folder / "claims" / "test_mine.py"
        for old, new in edits.items():
            file.write_text(file.read_text().replace(old, new))
        return found

    return make


def decide(made: Project) -> dict[str, Any]:
    (claim,) = made.summary()["claims"]
    (found,) = claim["would_decide"].values()
    return dict(found)


def pasted(made: Project, ran: Ran) -> Ran:
    """The command that the run printed, with --claims-plan."""
    (command,) = re.findall(r"^ +(pytest -n auto .*)$", ran.text, re.MULTILINE)
    return made.run(*shlex.split(command)[1:], "--claims-plan")


# What would decide it


def test_the_command_plans_as_many_fresh_seeds_as_are_said_to_do(made: Callable[..., Project]) -> None:
    found = made(UNDECIDED)
    ran = found.run()
    said = re.search(
        r"test_it\S+: (\d+) fresh seeds would decide 0.3 .* where the true effect is 0.6 or 0, in about", ran.text
    )
    assert said
    count = int(said[1])
    assert decide(found)["count"] == decide(found)["seeds"] == count
    plan = pasted(found, ran)
    assert plan.code == OK, plan.text
    assert f"{count} seeds, 1000 to {1000 + count - 1}" in plan.text
    assert "all, each cell once" in plan.text
    assert not re.search(r"about 0 ", ran.text)


def test_a_claim_that_takes_twice_the_seeds_says_why_it_asks_for_half(made: Callable[..., Project]) -> None:
    found = made(
        UNDECIDED,
        **{'ticket_run("cart-pole", "bc")': 'imp_runs(["cart-pole"], ["bc"], times=2)[0]', "ticket_run": "imp_runs"},
    )
    ran = found.run()
    needed, count = decide(found)["seeds"], decide(found)["count"]
    assert count == -(-needed // 2)
    assert f"(--claims-seeds {count} makes {2 * count} here: the claim takes 2 times as many)" in ran.text
    assert f"(to {1000 + 2 * count - 1} where a claim takes more)" in pasted(found, ran).text


def test_a_block_that_has_evidence_already_is_passed_over(made: Callable[..., Project]) -> None:
    found = made(UNDECIDED)
    found.run("--claims-seed-block=1")
    ran = found.run()
    assert decide(found)["block"] == 2
    assert "(on block 2, the next that has no evidence of it here)" in ran.text
    assert "seeds, 2000 to" in pasted(found, ran).text


def test_too_few_seeds_to_judge_says_how_many_would_do(made: Callable[..., Project]) -> None:
    found = made(FEW)
    ran = found.run()
    assert "Not judged: 4 seeds: a sign-flip can't reject with fewer than 6." in ran.text
    assert re.search(r"test_it\S+: judged from 6 seeds on; \d+ fresh seeds would decide 0.3", ran.text)


def test_agents_that_did_not_learn_are_no_matter_of_seeds(made: Callable[..., Project]) -> None:
    ran = made("judge.equivalent(difference(0.0), margin=0.5)").run()
    assert re.search(r"test_it\S+: not judged: cart-pole bc reached .* more seeds would not", ran.text)
    assert "fresh seeds" not in ran.text


def finding(**changes: Any) -> Finding:
    held = {"kind": "greater", "test": "sign-flip", "n": [20], "conclusion": "underpowered", **changes}
    return Finding("c", "test_it", "f::test_it", "s", "it is so", min_effect=0.1, unit="returns", **held)


DECIDE = {
    "seeds": 30,
    "times": 1,
    "count": 30,
    "block": 1,
    "passed_over": [],
    "core_minutes": 8.2,
    "minutes": 4.1,
    "cpus": 2,
    "fewest": None,
    "command": "pytest",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "in about 8 core-minutes, about 4 minutes on the 2 CPUs here"),
        ({"core_minutes": 1.2, "minutes": 0.6}, "in about 1 core-minute, about 1 minute on the 2 CPUs here"),
        ({"core_minutes": 0.2, "minutes": 0.1}, "in about 12 core-seconds, about 6 seconds on the 2 CPUs here"),
        ({"core_minutes": 0.001, "minutes": 0.0005}, "in about 1 core-second, about 1 second on the 2 CPUs here"),
        ({"core_minutes": 8.2, "minutes": 8.2, "cpus": 1}, "in about 8 core-minutes, on the one CPU here"),
        ({"core_minutes": None, "minutes": None}, "at a cost that is not known"),
    ],
)
def test_a_cost_is_said_in_a_unit_that_fits(changes: dict[str, Any], said: str) -> None:
    assert next(iter(in_words(finding(), DECIDE | changes))).endswith(said)


def test_a_task_that_takes_a_share_of_the_seeds_says_how_many_that_makes() -> None:
    lines = list(in_words(finding(), DECIDE | {"seeds": 30, "times": 0.5, "count": 60}))
    assert lines[0].startswith("test_it: from 30 seeds on it is judged")
    assert lines[1] == "  (--claims-seeds 60 makes 30 here: the task takes 0.5 times as many)"


def test_what_no_number_of_seeds_decides_says_so() -> None:
    assert list(in_words(finding(), {})) == ["test_it: not even --claims-seeds 1000 would decide 0.1 returns"]
    (line,) = in_words(finding(refused="nothing varies"), {})
    assert line == "test_it: not judged: nothing varies; no number of seeds is known to lift this"


# Seeds that come on top of judged ones


@given(st.lists(st.integers(1, 100), unique=True, max_size=5), st.sets(st.integers(1, 100)), st.integers(1, 100))
def test_seeds_were_added_where_fewer_were_judged_before(counts: list[int], judged: set[int], now: int) -> None:
    fewer = [count for count in counts[: counts.index(now) if now in counts else None] if count < now]
    entry = Asked("c", "f", "scaled", 0, tuple(counts), tuple(judged))
    assert entry.added_to(now) == max(set(fewer) & judged, default=None)


def test_a_store_remembers_by_hypothesis_profile_and_block(tmp_path: Path) -> None:
    entry = Asked("c", "f", "scaled", 0, (20, 40), (20,))
    asked.remember(tmp_path, entry)
    assert asked.recall(tmp_path, Asked("c", "f", "scaled", 0)) == entry
    assert list(asked.entries(tmp_path)) == [entry]
    for other in (Asked("c", "f", "scaled", 1), Asked("c", "f", "paper", 0), Asked("c", "g", "scaled", 0)):
        assert asked.recall(tmp_path, other) is None
    (file,) = (tmp_path / "asked").iterdir()
    file.write_text("{}")
    assert asked.recall(tmp_path, entry) is None
    assert list(asked.entries(tmp_path)) == []


NOTE = "seeds were added to a block already judged"


def note(made: Project) -> str:
    (claim,) = made.summary()["claims"]
    (found,) = claim["findings"]
    assert (NOTE in claim["summary"].lower()) == bool(found["note"])
    return str(found["note"])


def test_seeds_that_are_added_to_judged_ones_are_said_to_be_whenever_they_are_judged(
    made: Callable[..., Project],
) -> None:
    found = made("judge.greater(difference(0.2), min_effect=0.05)")
    assert found.run().code == OK
    assert note(found) == ""
    for _ in range(2):
        ran = found.run("--claims-seeds=5")
        assert f"{NOTE}: 5 after 3 on block 0" in ran.text
        assert note(found).startswith(NOTE)
    found.run()
    assert note(found) == ""
    found.run("--claims-seeds=5", "--claims-seed-block=1")
    assert note(found) == ""


def test_evidence_of_a_time_before_the_store_remembered_counts_too(made: Callable[..., Project]) -> None:
    found = made("judge.greater(difference(0.2), min_effect=0.05)")
    found.run()
    shutil.rmtree(found.evidence / "asked")
    found.run("--claims-seeds=5")
    assert f"{NOTE}: 5 after 3" in note(found)


def test_a_run_that_goes_on_after_it_was_interrupted_adds_no_seeds(made: Callable[..., Project]) -> None:
    found = made("judge.greater(difference(0.2), min_effect=0.05)")
    found.run("--claims-seeds=25")
    for cell in (found.evidence / "cells").iterdir():
        if json.loads((cell / "cell.json").read_text())["cell"]["seeds"][0] == 20:
            shutil.rmtree(cell)
    found.run("--claims-seeds=25")
    assert note(found) == ""
