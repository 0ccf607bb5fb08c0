"""A plan is worked off by any number of processes, killed or not: each cell once, always to the same bits."""

import contextlib
import dataclasses
import errno
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from harness.evidence import drain as draining
from harness.evidence import store as storing
from harness.evidence.drain import all_cells, drain
from harness.evidence.store import Store, StoreError, address, is_held, lock
from harness.experiment import Cell
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.level import Level
from harness.tests.evidence import processes
from harness.tests.evidence.cells import (
    AGENT_PLAN,
    CHAIN,
    CHAIN_PLAN,
    DENSE_CELL,
    STUDENTS,
    evidence,
    finish,
    finished_levels,
)

KILLS = 10


def test_a_plan_lists_parents_before_children_and_each_cell_once() -> None:
    assert [cell.condition for cell in AGENT_PLAN] == [DENSE, *CONDITIONS]
    assert all_cells([CHAIN, DENSE_CELL, CHAIN]) == [DENSE_CELL, CHAIN]


def test_parents_are_computed_first(tmp_path: Path) -> None:
    branching = dataclasses.replace(STUDENTS, pruning=dataclasses.replace(STUDENTS.pruning, lineage="branch"))
    child = Cell(branching, CONDITIONS[3], (1, 2))
    levels = [(DENSE, 0), (TICKET, 1), (TICKET, 2), (child.condition, 1), (child.condition, 2)]
    assert finish(Store(tmp_path), [child, *child.parents[::-1]]) == levels


def test_the_same_plan_gives_the_same_bits(undisturbed: Store, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert finish(store) == [(DENSE, 0), (TICKET, 1), (TICKET, 2)]
    assert evidence(store) == evidence(undisturbed)
    assert finish(store) == []


@pytest.mark.parametrize("error", [ValueError, AssertionError])
def test_a_failing_cell_fails_its_children_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    others = [Cell(STUDENTS, condition, (3, 4)) for condition in (DENSE, TICKET)]
    real = draining.run_level

    def run_level(cell: Cell, *rest: Any) -> Level:
        if cell == DENSE_CELL:
            raise error("diverged")
        return real(cell, *rest)

    monkeypatch.setattr(draining, "run_level", run_level)
    failed = drain([*CHAIN_PLAN, *others], Store(tmp_path))
    assert failed.keys() == {DENSE_CELL.id, CHAIN.id}
    assert all(error.__name__ in line and "diverged" in line for line in failed.values())
    assert all(Store(tmp_path).is_complete(address(cell)) for cell in others)
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_cell_that_somebody_computes_is_waited_for(
    tmp_path: Path, undisturbed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And taken as it is once the other has finished it."""
    with contextlib.ExitStack() as other:
        assert other.enter_context(lock(tmp_path, address(DENSE_CELL).key))

        def wait(seconds: float) -> None:
            level = undisturbed.read(address(DENSE_CELL), 0)
            assert level is not None
            Store(tmp_path).write(address(DENSE_CELL), 0, level, 0.0)
            other.close()

        monkeypatch.setattr(time, "sleep", wait)
        assert finish(Store(tmp_path)) == [(TICKET, 1), (TICKET, 2)]
    assert evidence(Store(tmp_path)) == evidence(undisturbed)


def drain_together(folder: Path, said: Any, go: Any) -> None:
    said.put("ready")
    go.get()
    said.put(finish(Store(folder), AGENT_PLAN))


def test_processes_that_start_together_compute_each_cell_once_between_them(tmp_path: Path, agents: Store) -> None:
    said, go = processes.queue(), processes.queue()
    both = [processes.start(drain_together, tmp_path, said, go) for _ in range(2)]
    assert [said.get(), said.get()] == ["ready", "ready"]
    for _ in both:
        go.put("go")
    computed = [*said.get(), *said.get()]
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(computed) == sorted((cell.condition, level) for cell in AGENT_PLAN for level in cell.levels)
    assert evidence(Store(tmp_path)) == evidence(agents)


# Killed


def drain_alone(folder: Path) -> None:
    drain(CHAIN_PLAN, Store(folder))


def test_runs_killed_at_random_lose_nothing_that_was_finished(tmp_path: Path, undisturbed: Store) -> None:
    chance, store, before = random.Random(7), Store(tmp_path), {}
    for _ in range(KILLS):
        process = processes.start(drain_alone, store.folder)
        process.join(chance.uniform(0.0, 0.2))
        process.kill()
        process.join()
        after = finished_levels(store)
        assert before.items() <= after.items()
        assert not any(is_held(store.folder, address(cell).key) for cell in CHAIN_PLAN)
        before = after
    finish(store)
    assert before.items() <= finished_levels(store).items()
    assert evidence(store) == evidence(undisturbed)
    assert store.damaged == []


def drain_until_killed(folder: Path, survived: int, half: bool) -> None:
    """Die in the middle of, or right after, the write that follows `survived` others."""
    write, count = storing.replace_file, 0

    def mortal(path: Path, content: bytes) -> None:
        nonlocal count
        if count == survived and half:
            path.with_name(f".{path.name}.{os.getpid()}.tmp").write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, content)
        if count == survived:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    storing.replace_file = mortal
    drain(CHAIN_PLAN, Store(folder))


WRITES = 2 + 3 * 3  # cell.json per cell, three files per level


@pytest.mark.parametrize(
    ("survived", "half"), [*((write, True) for write in range(WRITES)), (3, False), (WRITES - 1, False)]
)
def test_a_run_killed_at_any_write_is_resumed_to_the_same_bits_and_leaves_nothing_behind(
    tmp_path: Path, undisturbed: Store, survived: int, half: bool
) -> None:
    store = Store(tmp_path)
    process = processes.start(drain_until_killed, store.folder, survived, half)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    before = finished_levels(store)
    assert len(finish(store)) == 3 - len(before)
    assert evidence(store) == evidence(undisturbed)
    assert store.damaged == []
    assert not any(is_held(store.folder, address(cell).key) for cell in CHAIN_PLAN)


# Disks that take no more


@pytest.mark.parametrize(("number", "after"), [("EROFS", 0), ("ENOSPC", 3), ("EDQUOT", WRITES - 1)])
def test_a_disk_that_fails_ends_the_drain_in_one_line_and_costs_nothing(
    tmp_path: Path, undisturbed: Store, monkeypatch: pytest.MonkeyPatch, number: str, after: int
) -> None:
    store, write, count = Store(tmp_path), storing.replace_file, 0

    def failing_write(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)), str(path))
        write(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(storing, "replace_file", failing_write)
        with pytest.raises(StoreError) as refused:
            drain(CHAIN_PLAN, store)
    assert "\n" not in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert os.strerror(getattr(errno, number)).lower() in str(refused.value)
    assert list((tmp_path / "locks").iterdir()) == []
    before = finished_levels(store)
    assert len(finish(store)) == 3 - len(before)
    assert evidence(store) == evidence(undisturbed)
