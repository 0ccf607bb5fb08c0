"""Runs whose disk is full or read-only, or that are interrupted: one line, and nothing that was finished is lost."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.evidence.store import Store, is_held
from harness.evidence.stored_cell import inventory
from harness.tests.evidence import processes
from harness.tests.evidence.cells import disk, evidence, remount
from harness.tests.plugin.projects import BODIES, OK, TINY, USAGE, Project, project

INTERRUPTED, UNWRITABLE = 2, 3
SECONDS_TO_STOP = 5.0
SMOKE = ("--claims-profile=smoke", "-k", "cart-pole-bc", "--claims-report=none")


def complaint(text: str) -> str:
    """The line of a run that says that the evidence can't be written."""
    assert "Traceback" not in text and "INTERNALERROR" not in text, text
    return next(line for line in text.splitlines() if "the evidence folder" in line)


def test_a_disk_that_fills_up_ends_the_run_in_every_process(tmp_path: Path) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    with disk(tmp_path / "disk", "88k") as small:
        store, args = Store(small / "evidence"), (*SMOKE, f"--claims-evidence={small}/evidence")
        ran = made.run("-n", "2", *args)
        assert ran.code == UNWRITABLE, ran.text
        assert f"{small}/evidence" in complaint(ran.text) and "no space left on device" in complaint(ran.text)
        before = {name: content for name, content in evidence(store).items() if name.endswith(".npz")}
        assert [line for cell in inventory(store.folder) if cell.description for line in cell.damage()] == []
        remount(small, "size=4m")
        assert made.run("-n", "0", *args).code == OK
        assert before.items() <= evidence(store).items()
        assert len(list(store.folder.rglob("*.npz"))) == 9


def test_a_disk_that_is_full_is_refused_before_any_training(tmp_path: Path) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    with disk(tmp_path / "disk", "100k") as small:
        (small / "fill").write_bytes(bytes(80_000))
        ran = made.run("-n", "0", *SMOKE, f"--claims-evidence={small}/evidence")
        assert ran.code == USAGE
        assert "no space left on device" in complaint(ran.text)


READ_ONLY = """
import errno

import harness.evidence.store as storing


def refuse(*args):
    raise OSError(errno.EROFS, "Read-only file system")


storing.prove_writable = storing.replace_file = storing.lock = refuse
"""


def test_claims_are_judged_from_evidence_that_can_not_be_written_as_long_as_nothing_is_pending(tmp_path: Path) -> None:
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'})
    made.add("supported", BODIES["supported"])
    assert made.run("-n", "0", "--claims-report=none").code == OK
    (made.folder / "conftest.py").write_text((made.folder / "conftest.py").read_text() + READ_ONLY)
    ran = made.run("-n", "0", "--claims-report=none")
    assert (ran.code, "REPRODUCED" in ran.text) == (OK, True), ran.text
    ran = made.run("-n", "0", "--claims-report=none", "--claims-seed-block=1")
    assert ran.code == USAGE
    assert "read-only file system" in complaint(ran.text)


# Ctrl-C


def pytest_in_a_group_of_its_own(folder: str, args: tuple[str, ...], output: str) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    processes._pytest(folder, args, output)


@dataclass(frozen=True)
class Interrupted:
    """What a run left that was interrupted while it trained."""

    code: int | None
    seconds: float
    text: str


def interrupt(made: Project, args: tuple[str, ...], whole_group: bool) -> Interrupted:
    """Interrupt a run as soon as each of its processes trains."""
    output, wanted = made.folder.parent / "output", 2 if "2" in args else 1
    process = processes.start(pytest_in_a_group_of_its_own, str(made.folder), args, str(output))
    assert process.pid is not None
    deadline = time.monotonic() + 60
    while len(list((made.evidence / "locks").glob("*.lock"))) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    started = time.monotonic()
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    process.join(30)
    seconds = time.monotonic() - started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return Interrupted(process.exitcode, seconds, output.read_text())


def at_its_best(attempt: Callable[[], Interrupted], tries: int = 3) -> Interrupted:
    """The limit is that of a machine with nothing else to do; here, other tests run beside."""
    ended = attempt()
    while ended.seconds >= SECONDS_TO_STOP and tries > 1:
        ended, tries = attempt(), tries - 1
    return ended


@pytest.mark.parametrize(
    ("args", "whole_group"),
    [
        (("-n", "0"), True),
        (("-n", "2"), True),
        (("-n", "2"), False),  # as a program sends it, to the controller alone
    ],
)
def test_ctrl_c_is_obeyed_within_seconds(tmp_path: Path, args: tuple[str, ...], whole_group: bool) -> None:
    made = project(tmp_path / "project", "test_ticket_effect.py")
    args = ("--claims-profile=paper", "--claims-report=none", *args)
    ended = at_its_best(lambda: interrupt(made, args, whole_group))
    assert ended.code == INTERRUPTED, ended.text
    assert ended.seconds < SECONDS_TO_STOP, ended.text
    assert "Traceback" not in ended.text, ended.text
    locks = [path.stem for path in (made.evidence / "locks").glob("*.lock")]
    assert not any(is_held(made.evidence, key) for key in locks)  # a worker that had to be killed holds none either
