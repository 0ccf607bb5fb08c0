"""Evidence is whole or it is not used; what is lost is computed again, to the same bits."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.evidence import drain as draining
from harness.evidence import lease as leases
from harness.evidence import store as storing
from harness.evidence.drain import compute, drain
from harness.evidence.level_file import from_bytes, to_bytes
from harness.evidence.plan import all_cells
from harness.evidence.store import Address, Store, StoreError, address
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.training import Evaluation
from harness.networks.mlp import Mlp, Network
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.level import Level
from harness.pruning.settings import Pruning
from harness.tasks.cart_pole import CartPole
from harness.tests.evidence import processes

SEEDS = (1, 2)
STUDENTS = Experiment(
    CartPole(horizon=50), BC(env_steps=256, passes=1), Network((8, 8)), Pruning(0.5, levels=2), Evaluation(2, 2, 2)
)
AGENTS = dataclasses.replace(STUDENTS, learner=PPO(env_steps=512, envs=4, rollout=32))
DENSE_CELL, CHAIN = Cell(STUDENTS, DENSE, SEEDS), Cell(STUDENTS, TICKET, SEEDS)
CHAIN_PLAN = [DENSE_CELL, CHAIN]
AGENT_PLAN = all_cells(Cell(AGENTS, condition, SEEDS) for condition in CONDITIONS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The evidence of `CHAIN_PLAN`. Not to be changed: `copied` gives a copy."""
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    assert drain(CHAIN_PLAN, store).failed == {}
    return store


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The evidence of `AGENT_PLAN`. Not to be changed."""
    store = Store(tmp_path_factory.mktemp("agents"))
    assert drain(AGENT_PLAN, store).failed == {}
    return store


@pytest.fixture
def copied(undisturbed: Store, tmp_path: Path) -> Store:
    shutil.copytree(undisturbed.folder, tmp_path / "copied")
    return Store(tmp_path / "copied")


def final(store: Store, cell: Cell) -> Path:
    return store.folder / "cells" / address(cell).key


def partial(store: Store, cell: Cell) -> Path:
    return final(store, cell).with_name(f"{address(cell).key}.partial")


def files(store: Store, pattern: str = "*") -> dict[str, bytes]:
    """What lies in the store's cells, by path."""
    cells = store.folder / "cells"
    return {str(path.relative_to(cells)): path.read_bytes() for path in cells.rglob(pattern) if path.is_file()}


def numbers(store: Store) -> dict[str, bytes]:
    return files(store, "*.npz")


def finish(store: Store, plan: list[Cell] = CHAIN_PLAN) -> list[tuple[str, int]]:
    """Drain the plan; which levels of which condition that took."""
    computed: list[tuple[str, int]] = []
    drained = drain(plan, store, lambda cell, level: computed.append((cell.condition, level)))
    assert drained.failed == {}
    return computed


# Levels as bytes


def level(members: int = 2, networks: tuple[str, ...] = ("actor", "critic"), seed: int = 0) -> Level:
    rng = np.random.default_rng(seed)
    sizes = ((4, 8), (8, 8), (8, 2))  # those of `DENSE_CELL`
    mlps = {
        name: Mlp.of(
            [rng.normal(size=(members, *size)).astype(np.float32) for size in sizes],
            [rng.normal(size=(members, 1, size[1])).astype(np.float32) for size in sizes],
            "tanh",
        )
        for name in networks
    }
    masks = {name: [rng.random((members, *size)) < 0.5 for size in sizes] for name in networks}
    evaluations = rng.normal(size=(members, 2))
    evaluations[0, 1:] = np.nan  # a member that had stopped
    return Level(masks, mlps, rng.normal(size=(members, 2)), evaluations, rng.random(members))


def arrays_of(result: Level) -> list[np.ndarray]:
    parts = [result.scores, result.evaluations, result.share]
    for name, mlp in result.trained.items():
        parts += [*mlp.weights, *mlp.biases, *result.masks[name]]
    return parts


@given(st.integers(1, 4), st.sampled_from([("actor",), ("actor", "critic")]), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_level_survives_storage_bit_by_bit(members: int, networks: tuple[str, ...], seed: int) -> None:
    before = level(members, networks, seed)
    after = from_bytes(to_bytes(before))
    assert list(after.trained) == list(before.trained)
    assert [mlp.activation for mlp in after.trained.values()] == ["tanh"] * len(networks)
    for one, other in zip(arrays_of(before), arrays_of(after), strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def test_the_same_level_gives_the_same_bytes_at_any_time() -> None:
    assert to_bytes(level()) == to_bytes(level())
    with zipfile.ZipFile(io.BytesIO(to_bytes(level()))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


class Bomb:
    """Its pickle runs code when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_a_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, scores=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        from_bytes(buffer.getvalue())
    assert not Path("exploded").exists()


def test_objects_are_not_written() -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        to_bytes(dataclasses.replace(level(), scores=np.array([Bomb()], dtype=object)))


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_what_is_no_level_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # numpy words it in several ways
        from_bytes(content)


# What counts as evidence


def test_a_level_counts_from_when_its_checksum_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, where = Store(tmp_path), address(DENSE_CELL)
    write, seen = storing.replace_file, []

    def watched(path: Path, content: bytes) -> None:
        seen.append((path.name, store.read(where, 0) is not None, store.finished_levels(where)))
        write(path, content)

    monkeypatch.setattr(storing, "replace_file", watched)
    store.write(where, 0, level(), 1.5)
    assert seen[-1] == ("level_00.sha256", False, 0)
    assert {name for name, *_ in seen} == {"cell.json", "level_00.npz", "level_00.cost.json", "level_00.sha256"}
    assert not any(counted or finished for _, counted, finished in seen)
    assert store.read(where, 0) is not None
    assert store.finished_levels(where) == 1


def test_a_cell_is_complete_once_it_is_renamed_into_its_place(tmp_path: Path) -> None:
    store, where = Store(tmp_path), address(DENSE_CELL)
    store.write(where, 0, level(), 1.5)
    assert not store.is_complete(where)
    assert (partial(store, DENSE_CELL).is_dir(), final(store, DENSE_CELL).exists()) == (True, False)
    store.complete(where)
    assert store.is_complete(where)
    assert (partial(store, DENSE_CELL).exists(), final(store, DENSE_CELL).is_dir()) == (False, True)
    assert store.cpu_seconds(where) == 1.5
    assert store.damaged == []


def test_a_cell_that_lacks_a_level_can_not_be_completed(tmp_path: Path) -> None:
    store, where = Store(tmp_path), address(CHAIN)
    store.write(where, 1, level(), 0.0)
    with pytest.raises(FileNotFoundError):
        store.complete(where)
    assert not store.is_complete(where)


def test_a_cell_says_what_it_is(undisturbed: Store) -> None:
    description = json.loads((final(undisturbed, CHAIN) / "cell.json").read_text())
    assert description["id"] == CHAIN.id
    assert description["cell"] == CHAIN.identity
    assert description["engine"] == address(CHAIN).parts


def test_the_same_plan_gives_the_same_bits(undisturbed: Store, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert len(finish(store)) == 3
    assert numbers(store) == numbers(undisturbed)
    assert finish(store) == []  # and once only


def test_another_engine_has_another_folder_and_leaves_the_old_one(copied: Store) -> None:
    old, before = address(CHAIN), files(copied)
    parts = {**old.parts, "versions": {**old.parts["versions"], "torch": "0.0"}}
    new = Address(CHAIN, parts)
    assert new.key != old.key
    assert new.key.split("-")[0] == old.key.split("-")[0]
    assert not copied.is_complete(new)
    assert copied.read(new, 1) is None
    for number in CHAIN.levels:
        copied.write(new, number, level(), 0.0)
    copied.complete(new)
    assert copied.is_complete(new)
    assert copied.is_complete(old)
    assert {name: content for name, content in files(copied).items() if name in before} == before


def test_evidence_of_one_cell_is_not_used_under_the_name_of_another(copied: Store) -> None:
    other = Cell(STUDENTS, CONDITIONS[1], SEEDS)
    shutil.copytree(final(copied, CHAIN), final(copied, other))
    assert not copied.is_complete(address(other))


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/evidence can't be written: .*--claims-evidence"):
        Store(tmp_path / "file" / "evidence").prepare()


# Damage


@dataclasses.dataclass(frozen=True)
class Damage:
    """What befalls a file: one byte altered, the rest cut off, or all of it gone."""

    how: str
    place: float
    flip: int

    def to(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        place = int(self.place * len(content))
        if self.how == "removed":
            path.unlink()
            return
        if self.how == "altered":
            content[place] ^= self.flip
        else:
            del content[place:]
        path.write_bytes(content)


DAMAGES = st.builds(
    Damage,
    st.sampled_from(["altered", "truncated", "removed"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 255),
)


def meaning(path: Path) -> Any:
    """What a JSON file says; None where it says nothing."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


@pytest.fixture(scope="module")
def scratch(undisturbed: Store) -> Iterator[Any]:
    """Makes fresh copies of the undisturbed evidence, one at a time."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "evidence"

        def fresh() -> Store:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(undisturbed.folder, place)
            return Store(place)

        yield fresh


@pytest.mark.parametrize("name", ["level_01.npz", "level_01.sha256", "level_02.npz", "level_02.sha256"])
@given(damage=DAMAGES)
@settings(max_examples=15, deadline=None)
def test_a_damaged_level_is_never_used_and_alone_computed_again(
    scratch: Any, undisturbed: Store, name: str, damage: Damage
) -> None:
    store, where, number = scratch(), address(CHAIN), int(name[6:8])
    damage.to(final(store, CHAIN) / name)
    assert not store.is_complete(where)
    assert f"level_{number:02}" in " ".join(store.damaged)
    assert store.read(where, number) is None
    assert finish(store) == [(TICKET, number)]
    assert store.is_complete(where)
    assert numbers(store) == numbers(undisturbed)


@given(damage=DAMAGES)
@settings(max_examples=60, deadline=None)
def test_a_damaged_completion_marker_is_never_trusted(scratch: Any, undisturbed: Store, damage: Damage) -> None:
    store, where = scratch(), address(CHAIN)
    marker = final(store, CHAIN) / "complete.json"
    before = meaning(marker)
    damage.to(marker)
    assume(meaning(marker) != before)
    assert not store.is_complete(where)
    assert where.key in " ".join(store.damaged)
    assert len(finish(store)) <= 1  # the level whose checksum in the marker was hit
    assert store.is_complete(where)
    assert numbers(store) == numbers(undisturbed)


@pytest.mark.parametrize("levels", [None, 3, "level_01 level_02", ["level_01", "level_02"], {}, {"level_01": None}])
def test_a_completion_marker_of_another_make_is_never_trusted(
    copied: Store, undisturbed: Store, levels: object
) -> None:
    marker = final(copied, CHAIN) / "complete.json"
    marker.write_text(json.dumps({**meaning(marker), "levels": levels}))
    assert not copied.is_complete(address(CHAIN))
    assert finish(copied) == []
    assert numbers(copied) == numbers(undisturbed)


@given(damage=DAMAGES)
@settings(max_examples=30, deadline=None)
def test_a_damaged_description_is_noticed_and_put_right(scratch: Any, undisturbed: Store, damage: Damage) -> None:
    store, where = scratch(), address(CHAIN)
    description = final(store, CHAIN) / "cell.json"
    before = meaning(description)
    damage.to(description)
    assume(meaning(description) != before)
    assert not store.is_complete(where)
    assert "cell.json" in " ".join(store.damaged)
    assert finish(store) == []
    assert meaning(description) == before
    assert numbers(store) == numbers(undisturbed)


@given(damage=DAMAGES)
@settings(max_examples=15, deadline=None)
def test_a_damaged_cost_leaves_the_evidence_valid(scratch: Any, damage: Damage) -> None:
    store, where = scratch(), address(CHAIN)
    damage.to(final(store, CHAIN) / "level_01.cost.json")
    assert store.is_complete(where)
    assert store.cpu_seconds(where) >= 0
    assert store.damaged == []


@pytest.mark.parametrize("name", ["level_01.npz", "level_01.sha256"])
@given(damage=DAMAGES)
@settings(max_examples=10, deadline=None)
def test_damage_to_a_cell_in_progress_costs_that_level(
    scratch: Any, undisturbed: Store, name: str, damage: Damage
) -> None:
    store = scratch()
    (final(store, CHAIN) / "complete.json").unlink()
    final(store, CHAIN).rename(partial(store, CHAIN))
    damage.to(partial(store, CHAIN) / name)
    assert finish(store) == [(TICKET, 1)]
    assert numbers(store) == numbers(undisturbed)


def test_a_level_with_the_checksum_of_another_is_not_used(copied: Store, undisturbed: Store) -> None:
    folder = final(copied, CHAIN)
    for suffix in ("npz", "sha256"):
        shutil.copy(folder / f"level_02.{suffix}", folder / f"level_01.{suffix}")
    assert not copied.is_complete(address(CHAIN))
    assert finish(copied) == [(TICKET, 1)]
    assert numbers(copied) == numbers(undisturbed)


def test_damage_to_one_cell_leaves_the_others(copied: Store, undisturbed: Store) -> None:
    (final(copied, DENSE_CELL) / "level_00.npz").write_bytes(b"")
    assert copied.is_complete(address(CHAIN))
    assert finish(copied) == [(DENSE, 0)]
    assert numbers(copied) == numbers(undisturbed)


# Leases


def test_a_lease_is_refused_while_its_holder_lives(tmp_path: Path) -> None:
    with leases.acquire(tmp_path, "cell"):
        assert leases.acquire(tmp_path, "cell") is None
        assert leases.acquire(tmp_path, "another") is not None


@pytest.mark.parametrize("error", [None, ValueError])
def test_a_lease_is_released_on_the_way_out(tmp_path: Path, error: type[Exception] | None) -> None:
    held = leases.acquire(tmp_path, "cell")
    with contextlib.suppress(ValueError), held:
        if error:
            raise error
    assert not (tmp_path / "cell.json").exists()
    assert leases.acquire(tmp_path, "cell") is not None


def hold(folder: Path, ready: Any) -> None:
    with leases.acquire(folder, "cell"):
        ready.put("held")
        time.sleep(60)


def test_a_lease_is_taken_over_once_its_holder_is_killed(tmp_path: Path) -> None:
    ready = processes.queue()
    holder = processes.start(hold, tmp_path, ready)
    assert ready.get() == "held"
    assert leases.acquire(tmp_path, "cell") is None
    holder.kill()
    holder.join()
    assert (tmp_path / "cell.json").exists()
    with leases.acquire(tmp_path, "cell"):
        assert json.loads((tmp_path / "cell.json").read_text())["pid"] == os.getpid()


def written(folder: Path, **holder: object) -> Path:
    """A lease on "cell" as this process would have written it, with changes."""
    held = leases.acquire(folder, "cell")
    assert held is not None
    path = folder / "cell.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | holder))
    return path


def test_a_process_that_got_the_pid_of_a_dead_holder_does_not_hold_its_lease(tmp_path: Path) -> None:
    written(tmp_path, started="1")
    assert leases.acquire(tmp_path, "cell") is not None


def test_a_holder_elsewhere_lives_while_its_heart_beats(tmp_path: Path) -> None:
    path = written(tmp_path, machine="another")
    almost = time.time() - leases.STALE_SECONDS + 5
    os.utime(path, (almost, almost))
    assert leases.acquire(tmp_path, "cell") is None
    stale = time.time() - leases.STALE_SECONDS - 1
    os.utime(path, (stale, stale))
    assert leases.acquire(tmp_path, "cell") is not None


def test_an_open_lease_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    with leases.acquire(tmp_path, "cell"):
        path = tmp_path / "cell.json"
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert time.time() - path.stat().st_mtime < 5


@pytest.mark.parametrize("patience", [0.2, 10.0], ids=["gives-up", "waits"])
def test_a_heart_that_beats_late_brings_no_lease_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """The store's lock is held for longer than the way out lasts, while a beat waits for it too."""
    monkeypatch.setattr(leases, "RELEASE_SECONDS", patience)
    held = leases.acquire(tmp_path, "cell")
    held._stop.set()  # as `__exit__` does first
    late = threading.Thread(target=held._renew)
    with leases._locked(tmp_path):
        late.start()
        time.sleep(0.1)
        if patience < 1:
            with pytest.raises(TimeoutError):
                held._release()
    if patience > 1:
        held._release()
    late.join(10)
    assert not (tmp_path / "cell.json").exists()
    assert leases.acquire(tmp_path, "cell") is not None


def test_a_heart_that_beats_late_leaves_the_lease_of_the_next_holder(tmp_path: Path) -> None:
    held = leases.acquire(tmp_path, "cell")
    with held:
        pass
    with leases.acquire(tmp_path, "cell"):
        assert not held._renew()
        assert (tmp_path / "cell.json").exists()


def test_a_lease_that_was_taken_over_is_left_to_its_new_holder(tmp_path: Path) -> None:
    with leases.acquire(tmp_path, "cell"):
        path = tmp_path / "cell.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"token": "another's"}))
    assert json.loads(path.read_text())["token"] == "another's"


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_lease_that_can_not_be_read_holds_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "cell.json").write_text(content)
    assert leases.acquire(tmp_path, "cell") is not None


# Draining


def test_parents_are_computed_first(tmp_path: Path) -> None:
    branching = dataclasses.replace(STUDENTS, pruning=dataclasses.replace(STUDENTS.pruning, lineage="branch"))
    child = Cell(branching, CONDITIONS[3], SEEDS)
    plan = [child, *child.parents[::-1]]
    assert finish(Store(tmp_path), plan) == [
        (DENSE, 0),
        (TICKET, 1),
        (TICKET, 2),
        (child.condition, 1),
        (child.condition, 2),
    ]


def test_a_plan_lists_parents_before_children_and_each_cell_once() -> None:
    assert [cell.condition for cell in AGENT_PLAN] == [DENSE, *CONDITIONS]
    assert all_cells([CHAIN, DENSE_CELL, CHAIN]) == [DENSE_CELL, CHAIN]


@pytest.mark.parametrize("error", [ValueError, RuntimeError, FloatingPointError, KeyError, AssertionError])
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
    store = Store(tmp_path)
    drained = drain([*CHAIN_PLAN, *others], store)
    assert drained.failed.keys() == {DENSE_CELL.id, CHAIN.id}
    assert all(error.__name__ in line and "diverged" in line for line in drained.failed.values())
    assert sorted(drained.computed) == sorted(address(cell).key for cell in others)
    assert list((store.folder / "leases").glob("*.json")) == []


def drain_and_say(folder: Path, said: Any, go: Any) -> None:
    said.put("ready")
    go.get()
    drained = drain(AGENT_PLAN, Store(folder))
    said.put((drained.computed, drained.failed))


def test_two_processes_compute_each_cell_once_between_them(tmp_path: Path, agents: Store) -> None:
    said, go = processes.queue(), processes.queue()
    both = [processes.start(drain_and_say, tmp_path, said, go) for _ in range(2)]
    assert [said.get(), said.get()] == ["ready", "ready"]
    for _ in both:
        go.put("go")
    (one, _), (other, _) = results = [said.get(), said.get()]
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert [failed for _, failed in results] == [{}, {}]
    assert sorted(one + other) == sorted(address(cell).key for cell in AGENT_PLAN)
    assert numbers(Store(tmp_path)) == numbers(agents)


def test_a_cell_that_another_process_finished_meanwhile_is_taken_as_it_is(tmp_path: Path, undisturbed: Store) -> None:
    """A holder that slept so long that its lease was taken over wakes up to find its cell finished."""
    store, overtaken = Store(tmp_path), []

    def overtake(cell: Cell, number: int) -> None:
        if (cell, number) == (CHAIN, 1) and not overtaken:
            overtaken.append(number)
            compute(address(CHAIN), Store(tmp_path), lambda cell, level: None)

    drained = drain(CHAIN_PLAN, store, overtake)
    assert overtaken == [1]
    assert drained.failed == {}
    assert store.is_complete(address(CHAIN))
    assert numbers(store) == numbers(undisturbed)


# Killed


def drain_alone(folder: Path) -> None:
    drain(AGENT_PLAN, Store(folder))


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path: Path, agents: Store) -> None:
    store, chance = Store(tmp_path), random.Random()
    for _ in range(3):
        process = processes.start(drain_alone, tmp_path)
        time.sleep(chance.uniform(0.1, 0.9))
        process.kill()
        process.join()
    finish(store, AGENT_PLAN)
    assert numbers(store) == numbers(agents)
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


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("survived", range(6))
def test_a_process_killed_while_it_mends_loses_no_sound_level(
    copied: Store, undisturbed: Store, monkeypatch: pytest.MonkeyPatch, survived: int, before: bool
) -> None:
    where, writes = address(CHAIN), []
    (final(copied, CHAIN) / "complete.json").unlink()

    def mortal(path: Path, content: bytes) -> None:
        if before and len(writes) == survived:
            raise Killed
        writes.append(path)
        path.write_bytes(content)
        if len(writes) > survived:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(storing, "replace_file", mortal)
        with pytest.raises(Killed):
            copied.mend(where)
    assert all(copied.read(where, number) is not None for number in CHAIN.levels)
    assert finish(copied) == []
    assert files(copied) == files(undisturbed)


WRITES = 5 + 8  # cell.json and complete.json per cell, three files per level


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    """Evidence of runs killed in the middle of each of their writes, or right after a marker, and resumed."""
    markers = [(4, False), (WRITES - 1, False)]  # complete.json is written, the cell not yet renamed
    stores = []
    for survived, half in [*((survived, True) for survived in range(WRITES)), *markers]:
        store = Store(tmp_path_factory.mktemp("killed"))
        process = processes.start(drain_until_killed, store.folder, survived, half)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        finish(store)
        stores.append(store)
    return stores


def test_a_run_killed_at_any_write_ends_with_the_same_bits(resumed: list[Store], undisturbed: Store) -> None:
    for store in resumed:
        assert numbers(store) == numbers(undisturbed)
        assert all(store.is_complete(address(cell)) for cell in CHAIN_PLAN)
        assert store.damaged == []


def test_a_run_killed_at_any_write_leaves_no_file_out_and_none_behind(resumed: list[Store], undisturbed: Store) -> None:
    for store in resumed:
        assert files(store).keys() == files(undisturbed).keys()
        assert files(store, "c*.json") == files(undisturbed, "c*.json")
        assert list((store.folder / "leases").glob("*.json")) == []


def test_a_whole_run_makes_as_many_writes_as_were_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, count = storing.replace_file, []
    monkeypatch.setattr(storing, "replace_file", lambda path, content: (count.append(path), write(path, content)))
    finish(Store(tmp_path))
    assert len(count) == WRITES


def test_checksums_are_those_of_the_files(undisturbed: Store) -> None:
    for name, content in numbers(undisturbed).items():
        checksum = (undisturbed.folder / "cells" / name).with_suffix(".sha256").read_text()
        assert checksum == f"{hashlib.sha256(content).hexdigest()}  {name}\n"
