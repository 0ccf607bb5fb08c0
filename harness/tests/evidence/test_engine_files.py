"""The files, other than code, that evidence rests on: experts, and what a task reads."""

import pytest

from harness.evidence import inventory
from harness.evidence.fingerprint import engine_parts
from harness.experiment import Cell
from harness.profiles.profile import PROFILES, TASKS
from harness.pruning.conditions import DENSE


@pytest.mark.parametrize(
    ("task", "learner", "files"),
    [
        ("gridmaze", "dqn", ["harness/tasks/gridmaze/layout.txt"]),
        ("cart-pole", "bc", ["fixtures/experts/cart-pole/00.safetensors", "fixtures/experts/cart-pole/01.safetensors"]),
        ("cart-pole", "ppo", []),
    ],
)
def test_they_are_found_where_they_lie_and_told_when_they_change(task: str, learner: str, files: list[str]) -> None:
    parts = engine_parts(Cell(TASKS[task].experiments["scaled"][learner], DENSE, (0, 1)))
    assert sorted(parts["files"]) == files
    assert inventory.differences(parts) == []
    assert inventory.differences(parts | {"files": dict.fromkeys(files, "0" * 64)}) == [
        f"{name} changed" for name in files
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("harness/tasks/none.txt", "harness/tasks/none.txt"),
        ("fixtures/experts/none/00.json", "fixtures/experts/none/00.json"),
    ],
)
def test_one_that_is_gone_is_told(name: str, said: str) -> None:
    assert inventory.differences({"files": {name: "0" * 64}}) == [f"{said} is missing"]


def test_all_profiles_have_tasks_whose_files_are_there() -> None:
    for profile in PROFILES.values():
        for experiment in profile.systems.values():
            assert all(path.is_file() for path in getattr(experiment.task, "files", ()))
