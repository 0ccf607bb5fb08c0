"""Progress: what is said of a plan that is being worked off, on a terminal and elsewhere."""

import io
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.evidence.costs import Costs
from harness.evidence.drain import all_cells
from harness.evidence.store import Address, Store, address
from harness.plugin import progress
from harness.plugin.progress import Meter, Progress
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import TICKET
from harness.tests.plugin.projects import OK, made_of_numbers

SYSTEM = System("cart-pole", "ppo", ("pruning.levels=3",))
PLAN = [address(cell) for cell in all_cells(PROFILES["smoke"].cells(SYSTEM, TICKET, 0))]
"""A chain of tickets, level 0 first."""


class Counts:
    """A store as progress sees it."""

    folder = Path("nowhere")

    def __init__(self) -> None:
        self.levels = dict.fromkeys((where.key for where in PLAN), 0)

    def finished_levels(self, where: Address) -> int:
        return self.levels[where.key]

    def finish(self, where: Address) -> None:
        self.levels[where.key] += 1


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> Any:
    return Counts()


def test_a_meter_counts_what_is_in_the_store_by_its_cost(store: Any) -> None:
    dense, ticket = PLAN
    meter = Meter(store, PLAN)
    assert (meter.first.levels, meter.first.of_levels, meter.first.share) == (0, 4, 0.0)
    store.finish(dense)
    store.finish(ticket)
    now = meter.look()
    cost = {where: Costs().seconds(where.cell) for where in PLAN}
    assert now.levels == 2
    assert now.share == pytest.approx((cost[dense] + cost[ticket] / 3) / sum(cost.values()))
    assert Meter(cast(Store, store), []).first.share == 1.0


def test_the_time_left_is_told_by_what_this_run_finished(store: Any) -> None:
    dense, ticket = PLAN
    store.finish(dense)
    clock = Clock()
    meter = Meter(store, PLAN, clock)
    clock.seconds += 50
    assert meter.look().left is None, "what was there before tells nothing"
    store.finish(ticket)
    clock.seconds += 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "ENOUGH", 0.9)
        assert meter.look().left is None, "too little is finished to tell by"
    now = meter.look()
    assert now.left == pytest.approx(2 * 70)
    assert now.elapsed == 70
    store.finish(ticket)
    store.finish(ticket)
    assert meter.look().left is None


# On a terminal, and elsewhere


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def reporter(pytestconfig: pytest.Config, file: io.StringIO, verbosity: int = 0) -> pytest.TerminalReporter:
    made = pytest.TerminalReporter(pytestconfig, file)
    writer = made._tw
    config: Any = SimpleNamespace(
        get_terminal_writer=lambda: writer, option=SimpleNamespace(verbose=verbosity), get_verbosity=lambda: verbosity
    )
    made.config = config
    writer.fullwidth = 80
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LIVE_SECONDS", 0.02)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.02)
    monkeypatch.setenv("TERM", "xterm")


def watched(store: Any, shown: pytest.TerminalReporter) -> None:
    """A run that finishes two levels."""
    running = Progress(store, PLAN, shown)
    for where in PLAN:
        time.sleep(0.1)
        store.finish(where)
    time.sleep(0.1)
    running.stop()
    running.stop()  # as at a result, and again at the end
    shown.write_line("after")


@pytest.mark.usefixtures("quick")
def test_on_a_terminal_one_line_is_rewritten_and_never_longer_than_the_screen(
    store: Any, pytestconfig: pytest.Config
) -> None:
    file = Terminal()
    watched(store, reporter(pytestconfig, file))
    first, _, after = file.getvalue().rpartition("\n")[0].rpartition("\n")
    assert after == "after"
    shown = first.split("\r")
    assert len(shown) > 3 and "\n" not in first.rstrip("\n")
    assert all(len(line.rstrip("\n")) < 80 for line in shown)
    assert "2 of 4 levels" in shown[-1]


@pytest.mark.usefixtures("quick")
def test_elsewhere_there_are_lines(store: Any, pytestconfig: pytest.Config) -> None:
    file = io.StringIO()
    watched(store, reporter(pytestconfig, file))
    lines = file.getvalue().splitlines()
    assert "\r" not in file.getvalue()
    assert all(line.startswith("claims: ") for line in lines[:-1])
    assert "2 of 4 levels" in lines[-2]
    assert lines[-1] == "after"


@pytest.mark.usefixtures("quick")
def test_nothing_is_said_where_nothing_is_computed_or_at_qq(store: Any, pytestconfig: pytest.Config) -> None:
    quiet = io.StringIO()
    watched(store, reporter(pytestconfig, quiet, verbosity=-2))
    assert quiet.getvalue() == "after\n"
    for where in PLAN:
        store.levels[where.key] = len(where.cell.levels)
    done = io.StringIO()
    running = Progress(store, PLAN, reporter(pytestconfig, done))
    running.stop()
    assert done.getvalue() == ""


def test_a_run_with_workers_says_how_far_it_was(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project")
    made.add("tickets", "judge.greater(difference(0.2), min_effect=0.05)")
    ran = made.run("-n", "2")
    assert ran.code == OK, ran.text
    assert re.search(r"^claims: 100 % of the work, \d of \d levels", ran.text, re.MULTILINE)
    assert "levels" not in made.run().text
