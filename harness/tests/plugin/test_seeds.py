"""What would decide the undecided, as a command that can be pasted, and seeds that come on top of judged ones."""

import re
import shlex
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.plugin.options import Settings
from harness.plugin.seeds import compared_blocks, fresh_block, what_would_decide
from harness.results.schema import MoreSeeds
from harness.tests.factory import finding
from harness.tests.plugin.projects import OK, Project, made_of_numbers

FEW = """few = PerSeed.of("a", [0.1, 0.3, 0.2, 0.5], range(4)) - PerSeed.of("b", [0.2, 0.1, 0.3, 0.1], range(4))
    judge.greater(few, min_effect=0.3)"""


def more_seeds(made: Project) -> MoreSeeds:
    (found,) = made.findings().values()
    assert found.more_seeds is not None
    return found.more_seeds


def test_the_command_plans_as_many_fresh_seeds_as_are_said_to_do_on_a_block_not_judged_yet(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project")
    made.add("underpowered")
    assert made.run("--claims-seed-block=1").code == OK
    ran = made.run()
    more = more_seeds(made)
    assert more.seeds == more.count > 20
    assert (more.block, more.passed_over) == (2, (1,))
    assert more.core_minutes is not None and more.core_minutes > 0
    (command,) = re.findall(r"^ +(pytest -n auto .*)$", ran.text, re.MULTILINE)
    assert command == more.command
    plan = made.run(*shlex.split(command)[1:], "--claims-plan")
    assert plan.code == OK, plan.text
    assert f"{more.count} seeds, 2000 to {2000 + more.count - 1}" in plan.text


def settings(count: int, history: Path | None = None, block: int = 0) -> Any:
    profile = SimpleNamespace(name="scaled", seeds=count, altered=[], chunk=20)
    made = SimpleNamespace(profile=profile, block=block, own_seeds=20, history=history, own_arguments="")
    made.command = partial(Settings.command, made)
    return made


def judge(*multiples: float) -> Any:
    runs = [SimpleNamespace(multiple=multiple, assay=False, conditions=["a", "b"]) for multiple in multiples]
    return SimpleNamespace(runs=runs, claim=SimpleNamespace(id="a-claim"), name="test_it")


UNDECIDED = finding(
    conclusion="underpowered", seeds_needed=30, cpu_seconds=600.0, rerun="pytest -n auto --claims-report=none x"
)


@pytest.mark.parametrize(("multiple", "count"), [(1, 30), (2, 15), (0.5, 60)])
def test_a_claim_that_takes_more_or_fewer_seeds_asks_for_as_many_as_make_them(multiple: float, count: int) -> None:
    more = what_would_decide(UNDECIDED, judge(multiple), settings(20))
    assert more is not None
    assert (more.seeds, more.times, more.count) == (30, multiple, count)
    assert more.core_minutes == pytest.approx(10 * count / 20)
    assert f"--claims-seed-block 1 --claims-seeds {count} --claims-report=none x" in more.command


def test_too_few_seeds_to_judge_ask_for_as_many_as_are_judged(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", few=FEW)
    made.run()
    more = more_seeds(made)
    assert more.fewest == 6 <= more.seeds
    unknown = UNDECIDED.replace(seeds_needed=None, refusal="few seeds", n=(4,))
    decided = what_would_decide(unknown, judge(1), settings(4))
    assert decided is not None and decided.seeds == decided.fewest


def test_what_no_number_of_seeds_decides_has_no_advice() -> None:
    assert what_would_decide(UNDECIDED.replace(seeds_needed=None), judge(1), settings(20)) is None
    assert what_would_decide(UNDECIDED.replace(seeds_needed=1001), judge(1), settings(20)) is None


@given(st.integers(0, 200), st.sets(st.integers(0, 210)))
@example(98, set())
@example(89, {91})
def test_a_fresh_block_is_the_first_that_is_free(after: int, used: set[int]) -> None:
    found = fresh_block(after, used)
    taken = {*used, *compared_blocks(), 90, 99}  # trained the experts; is for tuning
    assert found not in taken and found > after
    assert all(block in taken for block in range(after + 1, found))


def test_the_blocks_of_the_committed_record_are_not_fresh() -> None:
    """Whoever reads it has seen what they show, though no history of this machine knows them."""
    compared = compared_blocks()
    first, fresh = min(compared), fresh_block(min(compared))
    assert len(compared) > 1 and fresh not in compared
    more = what_would_decide(UNDECIDED, judge(1), settings(20, block=first))
    assert more is not None and more.block == fresh
    assert set(more.passed_over) == {block for block in compared if first < block < fresh}


# Seeds that come on top of judged ones


def test_seeds_that_are_added_are_said_to_be_whenever_they_are_judged(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")

    def noted(*args: str) -> bool:
        assert made.run(*args).code == OK
        (claim,) = made.summary().claims
        note = claim.findings[0].note
        assert bool(note) == ("added" in claim.summary)
        return bool(note)

    assert not noted()
    assert noted("--claims-seeds=5") and noted("--claims-seeds=5")
    assert not noted(), "as many as were asked for first"
    assert not noted("--claims-seeds=5", "--claims-seed-block=1")
    assert not noted("--claims-seeds=5", "--claims-history=none"), "where nothing is remembered nothing is known"
