"""What makes evidence stale: a changed module, file or version that its numbers passed through, and nothing else."""

import dataclasses
from pathlib import Path

import pytest

from harness import source_hash
from harness.evidence.fingerprint import ENGINE, Parts, engine_fingerprint, engine_parts
from harness.evidence.stored_cell import differences
from harness.experiment import Cell
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE, TICKET

SYSTEMS = [("cart-pole", "ppo"), ("cart-pole", "bc"), ("cart-pole", "dqn"), ("gridmaze", "dqn")]


def parts_of(task: str, learner: str) -> Parts:
    return engine_parts(Cell(PROFILES["scaled"].experiment(System(task, learner)), TICKET, (0, 1)))


@pytest.mark.parametrize(("task", "learner"), SYSTEMS)
def test_all_that_the_numbers_pass_through_is_in_it_and_nothing_beside(task: str, learner: str) -> None:
    parts = parts_of(task, learner)
    cell = Cell(PROFILES["scaled"].experiment(System(task, learner)), TICKET, (0, 1))
    own = {type(part).__module__ for part in (cell.experiment.task, cell.experiment.learner)}
    assert own | set(ENGINE) <= parts["modules"].keys()
    assert {"networks", "learners", "pruning", "tasks"} <= {name.split(".")[1] for name in parts["modules"]}
    others = {type(e.learner).__module__ for e in PROFILES["scaled"].systems.values()} - own
    beside = ("harness.evidence", "harness.judging", "harness.statistics", "harness.plugin", "harness.profiles")
    assert not [name for name in parts["modules"] if name in others or name.startswith(beside)]
    assert set(parts["versions"]) == {"torch", "numpy", "numba", "scipy", "python", "evidence"}
    assert "registered" not in parts
    assert differences(parts) == []


@pytest.mark.parametrize(
    ("task", "learner", "files"),
    [
        ("gridmaze", "dqn", ["harness/tasks/gridmaze/layout.txt"]),
        ("cart-pole", "bc", [f"fixtures/experts/cart-pole/{n}.safetensors" for n in ("00", "01")]),
        ("cart-pole", "ppo", []),
    ],
)
def test_files_are_named_by_where_they_lie(task: str, learner: str, files: list[str]) -> None:
    assert sorted(parts_of(task, learner)["files"]) == files


@pytest.mark.parametrize(("task", "learner"), SYSTEMS)
@pytest.mark.parametrize("how", ["changed", "gone", "added"])
def test_whatever_changes_makes_another_fingerprint_and_is_named(task: str, learner: str, how: str) -> None:
    parts, prints = parts_of(task, learner), set()
    for kind, entries in parts.items():
        for name in [*entries][:3]:
            added = {"modules": "harness.gone", "files": "fixtures/gone.txt", "versions": "no-such-library"}[kind]
            changed = {
                "changed": entries | {name: "0"},
                "gone": {k: v for k, v in entries.items() if k != name},
                "added": entries | {added: "0"},
            }[how]
            prints.add(engine_fingerprint(parts | {kind: changed}))
            said = differences(parts | {kind: changed})
            named = {"changed": name, "added": added, "gone": name if kind == "versions" else None}[how]
            assert len(said) == (named is not None)
            assert all((named or "").replace(".", "/") in line.replace(".", "/") for line in said)
        prints.add(engine_fingerprint(parts | {kind: dict(entries)}))
    assert engine_fingerprint(parts) in prints
    assert len(prints) > 2


def test_a_file_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, file = parts_of("gridmaze", "dqn"), tmp_path / "layout.txt"
    experiment = PROFILES["scaled"].experiment(System("gridmaze", "dqn"))
    file.write_text("other")
    monkeypatch.setattr(type(experiment.task), "files", (file,))
    changed = engine_parts(Cell(experiment, TICKET, (0, 1)))
    assert changed["modules"] == parts["modules"]
    assert changed["files"] != parts["files"]
    assert differences(changed) == []  # where a user's file lies only a run can tell
    file.write_text("another")
    source_hash.forget()
    assert engine_parts(Cell(experiment, TICKET, (0, 1)))["files"] != changed["files"]


def test_level_0_does_not_depend_on_the_criterion() -> None:
    experiment = PROFILES["scaled"].experiment(System("cart-pole", "ppo"))
    random = dataclasses.replace(experiment, pruning=dataclasses.replace(experiment.pruning, criterion="random"))
    assert engine_parts(Cell(random, DENSE, (0,))) == engine_parts(Cell(experiment, DENSE, (0,)))
