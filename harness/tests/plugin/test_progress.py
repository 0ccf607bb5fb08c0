"""Progress: what is said of a plan that is being worked off, and how a terminal shows it."""

import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from harness.plugin.block import Block
from harness.plugin.suite import Suite

from harness.evidence import lease
from harness.evidence.costs import estimated_seconds
from harness.evidence.lease import Holder
from harness.evidence.drain import all_cells
from harness.evidence.store import Address, Store, address
from harness.plugin import progress
from harness.plugin.progress import InWork, Meter, Progress, Standing
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.tests.plugin.screen import Screen
from harness.tests.plugin.projects import OK, project

HERE = Holder("token", 4242, "0", socket.gethostname(), "machine")
WORK = InWork("0123456789ab cart-pole ppo mask/weights, seeds 0 to 19", 7, 11, HERE)
STANDING = Standing(0.417, 18, 44, 260, 484, 204.0, 182_345.0, 290.0, (WORK,))


# What is said


def test_a_line_has_all_of_it_and_is_one_line() -> None:
    assert STANDING.line == (
        "claims: 41 % of the work, 18 of 44 cells, 260 of 484 levels, after 3 min 24 s, about 5 min left,"
        " up to 180,000 env_steps/s; in work: 0123456789ab cart-pole ppo mask/weights, seeds 0 to 19, level 7 of 11"
        " (process 4242)"
    )


def test_a_line_names_few_of_many_cells_in_work_and_counts_the_others() -> None:
    line = replace(STANDING, in_work=(WORK,) * 70).line
    assert line.count("level 7 of 11") == 4
    assert line.endswith("; 66 more")


def test_a_block_has_a_bar_the_time_and_a_line_per_cell_in_work() -> None:
    other = replace(WORK, cell="ba9876543210 cart-pole bc dense, seeds 20 to 39", level=1, of_levels=1)
    away = replace(other, holder=replace(HERE, host="elsewhere", pid=7))
    assert replace(STANDING, in_work=(WORK, other, away)).lines(100, 30, blocks=True) == [
        f"claims  {'█' * 12}{'░' * 18} 41 %, 18 of 44 cells, 260 of 484 levels",
        "        after 3 min 24 s, about 5 min left, up to 180,000 env_steps/s",
        "  level  7 of 11  0123456789ab cart-pole ppo mask/weights, seeds 0 to 19  process 4242",
        "  level  1 of  1  ba9876543210 cart-pole bc dense, seeds 20 to 39         process 4242",
        "  level  1 of  1  ba9876543210 cart-pole bc dense, seeds 20 to 39         process 7 on elsewhere",
    ]


def test_a_block_fits_a_terminal_that_is_narrow_low_or_knows_no_blocks() -> None:
    many = replace(STANDING, in_work=(WORK,) * 20)
    assert len(many.lines(100, 10, blocks=True)) == 9
    assert many.lines(100, 10, blocks=True)[-1] == "  … 14 more"
    assert len(many.lines(100, 3, blocks=True)) == 2
    assert many.lines(40, 30, blocks=True)[0] == "claims  41 %, 18 of 44 cells, 260 of 484 levels"
    assert "".join(many.lines(100, 30, blocks=False)[:4]).isascii()


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, "after 3 min 24 s"),
        (20, "under a minute left"),
        (70, "about a minute left"),
        (290, "about 5 min left"),
        (1500, "about 25 min left"),
        (3500, "about 1 h left"),
        (5300, "about 1.5 h left"),
        (100_000, "about 28 h left"),
    ],
)
def test_the_time_left_is_rounded_as_far_as_it_can_be_trusted(left: float | None, words: str) -> None:
    assert replace(STANDING, left=left, rate=None, in_work=()).line.endswith(words)


# What is measured


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """The plan of one chain of tickets, level 0 first, in an empty store."""
    cells = all_cells(PROFILES["smoke"].cells(System("cart-pole", "ppo"), TICKET, 0))
    return cast(Suite, SimpleNamespace(store=Store(tmp_path / "evidence"), addresses=[address(c) for c in cells]))


def finish(suite: Suite, where: Address, level: int) -> None:
    """As the store sees it: progress reads no level."""
    folder = suite.store.folder / "cells" / f"{where.key}.partial"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"level_{level:02}.sha256").write_text("")


def test_levels_count_from_when_they_are_in_the_store_and_cells_when_all_are(suite: Suite) -> None:
    dense, ticket = suite.addresses
    meter = Meter(suite)
    assert (meter.first.levels, meter.first.of_levels, meter.first.of_cells) == (0, 4, 2)
    finish(suite, dense, 0)
    (suite.store.folder / "cells" / f"{dense.key}.partial").rename(suite.store.folder / "cells" / dense.key)
    finish(suite, ticket, 1)
    now = meter.look()
    assert (now.levels, now.cells) == (2, 1)
    cost = {where: estimated_seconds(where.cell) for where in suite.addresses}
    assert now.share == pytest.approx((cost[dense] + cost[ticket] / 3) / (cost[dense] + cost[ticket]))


def test_who_holds_a_lease_is_in_work_unless_it_is_dead(suite: Suite) -> None:
    ticket = suite.addresses[1]
    meter = Meter(suite)
    held = lease.acquire(suite.store.folder / "leases", ticket.key)
    assert held is not None
    finish(suite, ticket, 1)
    (one,) = meter.look().in_work
    assert (one.level, one.of_levels, one.where) == (2, 3, f"process {os.getpid()}")
    assert one.cell == f"{ticket.cell.id[:12]} cart-pole ppo mask/weights, seeds 0 to 2"
    path = suite.store.folder / "leases" / f"{ticket.key}.json"
    path.write_text(path.read_text().replace(f'"pid":{os.getpid()}', '"pid":4194304'))
    assert "4194304" in path.read_text()
    assert meter.look().in_work == ()


def test_the_rate_is_that_of_what_was_finished_lately_and_the_time_left_goes_down_calmly(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LATELY_LEVELS", 1)
    dense, ticket = suite.addresses
    clock = Clock()
    meter = Meter(suite, clock)
    assert (meter.first.rate, meter.first.left) == (None, None)
    steps = 3 * 1024  # of a level: members and env_steps of profile smoke
    clock.seconds += 100
    finish(suite, dense, 0)
    first = meter.look()
    assert first.rate == pytest.approx(steps / 100)
    like_it = estimated_seconds(ticket.cell) / estimated_seconds(dense.cell)  # the one that took 100 seconds
    assert first.left == pytest.approx(100 * like_it)
    clock.seconds += 40
    assert meter.look().left == pytest.approx(100 * like_it - 40)
    clock.seconds += 30
    finish(suite, ticket, 1)
    later = meter.look()
    assert later.rate == pytest.approx(steps / 70)  # since the level before
    assert later.left == pytest.approx(140)  # two, where one took 70: the first took a start as well
    clock.seconds += 1000
    assert meter.look().left == 0
    assert meter.look().elapsed == 1170


def test_no_time_left_is_told_before_enough_is_finished(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "ENOUGH", 0.3)
    clock, (dense, ticket) = Clock(), suite.addresses
    meter = Meter(suite, clock)
    for where, level, known in ((dense, 0, False), (ticket, 1, True)):
        clock.seconds += 100
        finish(suite, where, level)
        assert (meter.look().left is not None) == known


def test_what_was_there_before_counts_for_no_rate(suite: Suite) -> None:
    for where in suite.addresses[:1]:
        finish(suite, where, 0)
    clock = Clock()
    meter = Meter(suite, clock)
    clock.seconds += 50
    assert (meter.look().levels, meter.look().rate, meter.look().left) == (1, None, None)


# On a terminal


class Terminal:
    """A real pty, and the screen that its output makes."""

    def __init__(self, columns: int = 80, rows: int = 24):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.raw = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, rows: int) -> None:
        self.columns = columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def text(self) -> list[str]:
        """What stands on it once nothing more comes."""
        termios.tcdrain(self.slave)
        time.sleep(0.1)
        return Screen(self.columns).feed(self.raw).text

    def close(self) -> None:
        os.close(self.slave)
        self._reader.join(5)
        os.close(self.master)

    def _read(self) -> None:
        while True:
            try:
                found = os.read(self.master, 65536)
            except OSError:
                return
            if not found:
                return
            self.raw += found.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


@pytest.fixture
def reporter(
    terminal: Terminal, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.TerminalReporter]:
    monkeypatch.setattr(pytestconfig.option, "verbose", 0)
    with os.fdopen(os.dup(terminal.slave), "w") as file:
        made = pytest.TerminalReporter(pytestconfig, file)
        made._tw.hasmarkup = False
        yield made


Reporter = pytest.TerminalReporter


def test_a_block_is_redrawn_in_place_and_leaves_nothing(terminal: Terminal, reporter: Reporter) -> None:
    reporter.write_line("before")
    block = Block(reporter)
    block.show(["one", "two", "three"])
    assert terminal.text() == ["before", "one", "two", "three"]
    block.show(["uno", "dos"])
    assert terminal.text() == ["before", "uno", "dos"]
    block.end()
    assert terminal.text() == ["before"]
    reporter.write_line("after")
    assert terminal.text() == ["before", "after"]


def test_what_has_not_changed_is_not_drawn_again_and_a_change_is_one_piece(
    terminal: Terminal, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    block, pieces = Block(reporter), []
    monkeypatch.setattr(block, "_put", pieces.append)
    block.show(["one", "two"])
    block.show(["one", "two"])
    block.show(["one", "three"])
    assert len(pieces) == 2


def test_what_others_write_goes_above_the_block(terminal: Terminal, reporter: Reporter) -> None:
    block = Block(reporter)
    block.show(["one", "two"])
    reporter.write_line("a message")
    assert terminal.text() == ["a message"]
    block.show(["one", "two"])
    assert terminal.text() == ["a message", "one", "two"]


def test_a_line_that_was_only_begun_is_gone_on_with(terminal: Terminal, reporter: Reporter) -> None:
    block = Block(reporter)
    reporter.write("ready: 1/2", flush=True)
    block.show(["one", "two"])
    assert terminal.text() == ["ready: 1/2", "one", "two"]
    reporter.write(" and more", flush=True)
    block.show(["one"])
    assert terminal.text() == ["ready: 1/2 and more", "one"]
    reporter.rewrite("ready: 2/2 and more")
    block.end()
    reporter.write_line("the next")
    assert terminal.text() == ["ready: 2/2 and more", "the next"]


@pytest.mark.parametrize(("columns", "rows"), [(20, 24), (80, 3), (1, 1), (5, 2)])
def test_a_small_terminal_gets_what_fits_and_is_left_clean(
    terminal: Terminal, reporter: Reporter, columns: int, rows: int
) -> None:
    terminal.resize(columns, rows)
    block = Block(reporter)
    for start in ("a", "b"):
        block.show([f"{start} long line of a block that goes on", "another long line of it", "and one more"])
    assert len(terminal.text()) <= max(1, rows - 1)
    assert all(len(line) < columns for line in terminal.text())
    block.end()
    assert terminal.text() == []


def test_a_terminal_made_narrower_is_left_clean(terminal: Terminal, reporter: Reporter) -> None:
    """It breaks the lines that it has, as if they had been written so."""
    block = Block(reporter)
    block.show(["x" * 70, "y" * 70])
    terminal.text()
    terminal.resize(30, 24)
    terminal.raw = f"{'x' * 70}\r\n{'y' * 70}"
    block.show(["z"])
    assert terminal.text() == ["z"]


def test_without_a_size_it_takes_the_usual_one(terminal: Terminal, reporter: Reporter) -> None:
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    assert Block(reporter).size == (80, 24)


# The thread


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVE_SECONDS", "LINE_SECONDS"):
        monkeypatch.setattr(progress, name, 0.05)


@pytest.mark.usefixtures("quick")
def test_on_a_terminal_the_block_comes_and_one_line_stays(suite: Suite, terminal: Terminal, reporter: Reporter) -> None:
    with Progress(suite, reporter):
        time.sleep(0.3)
        bar, times = terminal.text()
        assert bar.startswith("claims  ")
        assert "0 of 4 levels" in bar
        assert times == "        after 0 s"
        finish(suite, suite.addresses[0], 0)
    (line,) = terminal.text()[:1]
    dense, all_of_it = (sum(estimated_seconds(where.cell) for where in suite.addresses[:n]) for n in (1, 2))
    assert line.startswith(f"claims: {int(100 * dense / all_of_it)} % of the work, 1 of 2 cells, 1 of 4 levels")


@pytest.mark.usefixtures("quick")
def test_where_nothing_was_computed_nothing_stays(suite: Suite, terminal: Terminal, reporter: Reporter) -> None:
    with Progress(suite, reporter):
        time.sleep(0.3)
    assert terminal.text() == []
    assert "claims" in terminal.raw


@pytest.mark.usefixtures("quick")
def test_where_nothing_is_to_be_computed_nothing_is_said(suite: Suite, terminal: Terminal, reporter: Reporter) -> None:
    suite.addresses.clear()
    before = threading.active_count()
    with Progress(suite, reporter):
        assert threading.active_count() == before
        time.sleep(0.2)
    assert terminal.raw == ""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("verbosity", "live", "silent"), [(0, True, False), (-1, False, False), (-2, False, True)])
def test_q_has_lines_instead_of_a_block_and_qq_has_none(
    suite: Suite,
    terminal: Terminal,
    reporter: Reporter,
    monkeypatch: pytest.MonkeyPatch,
    verbosity: int,
    live: bool,
    silent: bool,
) -> None:
    monkeypatch.setattr(reporter.config.option, "verbose", verbosity)
    with Progress(suite, reporter) as shown:
        time.sleep(0.3)
        assert shown.is_live == live
    lines = terminal.text()
    assert lines == [] if live or silent else all(line.startswith("claims: 0 % of the work") for line in lines)
    assert (terminal.raw == "") == silent


def test_looking_takes_no_more_than_a_hundredth_of_the_time(
    suite: Suite, terminal: Terminal, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a plan of 10,000 cells, all in work; one of 40 takes a thousandth."""
    for where in suite.addresses[:2]:
        finish(suite, where, 1)
    few, looks, real = (
        Meter(cast(Suite, SimpleNamespace(store=suite.store, addresses=suite.addresses * 20))),
        [],
        Meter.look,
    )
    started = time.thread_time()
    for _ in range(20):
        few.look()
    assert (time.thread_time() - started) / 20 < progress.LIVE_SECONDS / 200
    suite.addresses *= 5000
    monkeypatch.setattr(progress, "LIVE_SECONDS", 0.1)
    monkeypatch.setattr(Meter, "look", lambda meter: (looks.append(time.monotonic()), real(meter))[1])
    with Progress(suite, reporter):
        time.sleep(2)
    assert len(looks) == 3, "when it began, once, and at the end: a look of a tenth of a second is worth a long wait"


# A whole run


def run_on(terminal: Terminal, folder: Path, *args: str, meanwhile: Callable[[int], None] = lambda pid: None) -> int:
    """Run pytest in a folder with a terminal, and return its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *args],
        cwd=folder,
        stdin=terminal.slave,
        stdout=terminal.slave,
        stderr=terminal.slave,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    try:
        meanwhile(process.pid)
        return process.wait(180)
    finally:  # a process left over would be blamed on another test
        process.kill()
        process.wait()


QUICK = "\nimport harness.plugin.progress as progress\n\nprogress.LIVE_SECONDS = 0.2\n"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_on_a_terminal_shows_a_block_and_leaves_a_line(tmp_path: Path, replay: str, workers: str) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py", conftest=QUICK + replay)
    terminal = Terminal(100)
    code = run_on(terminal, made.folder, "--claims-profile=smoke", "-k", "cart-pole-bc", "-n", workers, "-s")
    text = terminal.text()
    terminal.close()
    assert code == OK, text
    assert re.search(r"claims  [█░]{30} \d+ %, \d of 5 cells", terminal.raw)
    assert re.search(r"level +\d of +3  [0-9a-f]{12} cart-pole bc mask/\w+, seeds 0 to 2 +process \d+", terminal.raw)
    assert not [line for line in text if line.startswith("claims  ") or "process" in line]
    (last,) = (line for line in text if line.startswith("claims: 100 % of the work, 5 of 5 cells, 13 of 13 levels"))
    results = next(i for i, line in enumerate(text) if re.fullmatch(r"(claims/test_ticket_effect.py )?~", line))
    assert text.index(last) < results


def _runs(pid: int) -> bool:
    """Whether a child of this process has not ended; it is not waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def test_an_interrupted_run_leaves_the_terminal_clean_and_says_how_far_it_was(tmp_path: Path, replay: str) -> None:
    slow = """
import signal
import time

import harness.evidence.drain as draining

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a script runs in the background has it ignored
real = draining.run_level


def run_level(cell, level, *rest):
    time.sleep(60 if level else 0)
    return real(cell, level, *rest)


draining.run_level = run_level
"""
    made = project(tmp_path / "project", "test_ticket_effect.py", conftest=QUICK + replay + slow)
    terminal = Terminal(100)

    def interrupt(pid: int) -> None:
        end = time.monotonic() + 120
        while not re.search(r"1 of 5 cells.*\n.*\n +level +1 of +3  [0-9a-f]{12} cart-pole bc \w+/\w+", terminal.raw):
            assert time.monotonic() < end, terminal.raw
            time.sleep(0.1)
        while _runs(pid) and time.monotonic() < end + 60:  # what is raised amid a compilation is lost: as a user would
            os.kill(pid, signal.SIGINT)
            time.sleep(10)

    code = run_on(terminal, made.folder, "--claims-profile=smoke", "-k", "cart-pole-bc", "-n", "0", meanwhile=interrupt)
    text = terminal.text()
    terminal.close()
    assert code == pytest.ExitCode.INTERRUPTED, text
    assert not [line for line in text if line.startswith("claims  ") or "process" in line]
    smoke = PROFILES["smoke"]
    of = [estimated_seconds(smoke.cells(System("cart-pole", "bc"), name, 0)[0]) for name in (DENSE, *CONDITIONS)]
    done = int(100 * of[0] / sum(of))
    assert [line for line in text if line.startswith(f"claims: {done} % of the work, 1 of 5 cells, 1 of 13 levels")]
    assert "the same command goes on from the last finished level; --claims-finished judges what is there" in " ".join(
        text
    )


def test_in_a_pipe_there_are_lines_and_one_at_the_end(tmp_path: Path, replay: str) -> None:
    often = QUICK.replace("LIVE_SECONDS", "LINE_SECONDS") + replay
    made = project(tmp_path / "project", "test_ticket_effect.py", conftest=often)
    ran = made.run("--claims-profile=smoke", "-k", "cart-pole-bc", "-n", "0")
    assert ran.code == OK, ran.text
    assert "\x1b" not in ran.text
    lines = [line for line in ran.text.splitlines() if " of the work, " in line]
    assert all(re.match(r"claims: \d+ % of the work, \d of 5 cells, \d+ of 13 levels, ", line) for line in lines)
    assert len(lines) > 2
    assert lines[-1].startswith("claims: 100 % of the work, 5 of 5 cells")
