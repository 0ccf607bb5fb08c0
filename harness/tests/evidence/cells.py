"""The small cells that the tests of evidence compute, and what they leave in a store."""

import contextlib
import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.evidence.drain import all_cells, drain
from harness.evidence.store import Address, Store, address
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.pruning_settings import Pruning
from harness.tasks.cart_pole import CartPole

SEEDS = (1, 2)
STUDENTS = Experiment(
    CartPole(horizon=50), BC(env_steps=256, passes=1), Network((8, 8)), Pruning(0.5, levels=2), Evaluation(2, 2, 2)
)
AGENTS = dataclasses.replace(STUDENTS, learner=PPO(env_steps=512, envs=4, rollout=32))
DENSE_CELL, CHAIN = Cell(STUDENTS, DENSE, SEEDS), Cell(STUDENTS, TICKET, SEEDS)
CHAIN_PLAN = [DENSE_CELL, CHAIN]
AGENT_PLAN = all_cells(Cell(AGENTS, condition, SEEDS) for condition in CONDITIONS)


def folder_of(store: Store, cell: Cell) -> Path:
    """Where the evidence of a cell lies."""
    return store.stored(address(cell)).folder


def evidence(store: Store) -> dict[str, bytes]:
    """All that is evidence in a store, by path; costs differ from run to run."""
    cells = store.folder / "cells"
    kept = (path for path in cells.rglob("*") if path.is_file() and not path.name.endswith(".cost.json"))
    return {str(path.relative_to(cells)): path.read_bytes() for path in kept}


def finish(store: Store, plan: list[Cell] = CHAIN_PLAN) -> list[tuple[str, int]]:
    """Drain the plan; which levels of which condition that took."""
    computed: list[tuple[str, int]] = []
    write = store.write

    def noted(where: Address, level: int, *rest: Any) -> None:
        write(where, level, *rest)
        computed.append((where.cell.condition, level))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "write", noted)
        assert drain(plan, store) == {}
    return computed


def finished_levels(store: Store, plan: list[Cell] = CHAIN_PLAN) -> dict[tuple[str, int], int]:
    """When each finished level was written, in nanoseconds, by condition and number."""
    cells = {cell: store.stored(address(cell)) for cell in plan}
    return {
        (cell.condition, level): stored.file(level).stat().st_mtime_ns
        for cell, stored in cells.items()
        for level in stored.with_checksum(cell.levels)
    }


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of its own; skips where none may be mounted."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """Mount the disk again with other options."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
