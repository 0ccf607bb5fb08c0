"""Evidence is whole or it is not used; what is lost is computed again, to the same bits."""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.evidence import store as storing
from harness.evidence.store import Address, Store, StoreError, address, is_held, lock
from harness.experiment import Cell
from harness.pruning.conditions import CONDITIONS, TICKET
from harness.tests.evidence.cells import CHAIN, CHAIN_PLAN, DENSE_CELL, SEEDS, STUDENTS, evidence, finish, folder_of
from harness.tests.evidence.test_level_file import a_level

# What counts as evidence


def test_a_level_counts_from_when_its_checksum_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, where = Store(tmp_path), address(DENSE_CELL)
    write, seen = storing.replace_file, []

    def watched(path: Path, content: bytes) -> None:
        seen.append((path.name, store.stored(where).is_sound(0) or store.finished_levels(where) > 0))
        write(path, content)

    monkeypatch.setattr(storing, "replace_file", watched)
    store.write(where, 0, a_level(), 1.5)
    assert seen == [(name, False) for name in ("cell.json", "level_00.npz", "level_00.cost.json", "level_00.sha256")]
    assert store.is_complete(where)
    assert store.cpu_seconds(where) == 1.5
    assert store.damaged == []


def test_a_cell_is_complete_when_all_its_levels_are_there(tmp_path: Path) -> None:
    store, where = Store(tmp_path), address(CHAIN)
    assert not store.is_complete(where)
    for level in CHAIN.levels:
        assert (store.is_complete(where), store.finished_levels(where)) == (False, level - 1)
        store.write(where, level, a_level(), 0.0)
    assert store.is_complete(where)


def test_a_cell_says_what_it_is(undisturbed: Store) -> None:
    description = json.loads((folder_of(undisturbed, CHAIN) / "cell.json").read_text())
    assert description["id"] == CHAIN.id
    assert description["cell"] == CHAIN.identity
    assert description["engine"] == address(CHAIN).parts


def test_another_engine_has_another_folder_and_leaves_the_old_one(copied: Store) -> None:
    old, before = address(CHAIN), evidence(copied)
    new = Address(CHAIN, old.parts | {"versions": old.parts["versions"] | {"torch": "0.0"}})
    assert new.key != old.key
    assert new.key.split("-")[0] == old.key.split("-")[0]
    assert copied.read(new, 1) is None
    for number in CHAIN.levels:
        copied.write(new, number, a_level(), 0.0)
    assert copied.is_complete(new) and copied.is_complete(old)
    assert before.items() <= evidence(copied).items()


def test_evidence_of_one_cell_is_not_used_under_the_name_of_another(copied: Store) -> None:
    other = Cell(STUDENTS, CONDITIONS[1], SEEDS)
    shutil.copytree(folder_of(copied, CHAIN), folder_of(copied, other))
    assert not copied.is_complete(address(other))
    assert copied.read(address(other), 1) is None


def test_checksums_are_those_that_sha256sum_reads(undisturbed: Store) -> None:
    cells = undisturbed.folder / "cells"
    names = sorted(str(path.relative_to(cells)) for path in cells.rglob("*.sha256"))
    assert len(names) == 3
    assert subprocess.run(["sha256sum", "--check", "--quiet", *names], cwd=cells).returncode == 0


def test_a_checksum_is_checked_once_in_a_process(copied: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    where = address(CHAIN)
    assert copied.is_complete(where)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read again"))
    assert copied.is_complete(where)
    assert Store(copied.folder).stored(where).is_sound(1)


@pytest.mark.parametrize("folder", ["file/evidence", "file"])
def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as refused:
        Store(tmp_path / folder).prepare()
    assert folder in str(refused.value) and "--claims-evidence" in str(refused.value)
    assert "\n" not in str(refused.value)


# Damage

Harm = Callable[[Path, random.Random], None]


def alter(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= chance.randint(1, 255)
    path.write_bytes(content)


def truncate(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


def append(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randint(1, 20)))


def empty(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def remove(path: Path, chance: random.Random) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [alter, truncate, append, empty, remove])
@pytest.mark.parametrize("name", ["level_01.npz", "level_02.sha256", "cell.json", "level_01.cost.json"])
def test_a_damaged_file_is_never_used_and_its_level_alone_computed_again(
    copied: Store, undisturbed: Store, name: str, harm: Harm
) -> None:
    before, chance, where = evidence(undisturbed), random.Random(f"{name} {harm.__name__}"), address(CHAIN)
    path = folder_of(copied, CHAIN) / name
    for _ in range(4):
        copied.damaged.clear()
        harm(path, chance)
        is_evidence, is_level = "cost" not in name, name[6:8] if name.startswith("level") else ""
        meant = path.is_file() and name == "cell.json" and json_or_none(path) == where.description  # in other words
        assert copied.is_complete(where) == (not is_evidence or meant)
        assert 0 <= copied.cpu_seconds(where) < 1e12
        if is_evidence and is_level:
            assert copied.read(where, int(is_level)) is None
        else:
            assert copied.stored(where).is_sound(1) and copied.stored(where).is_sound(2)
        assert finish(copied) == ([(TICKET, int(is_level))] if is_evidence and is_level else [])
        if is_evidence and not meant and harm is not remove:
            assert str(path.with_suffix(".npz") if is_level else path) in " ".join(copied.damaged)
        assert evidence(copied) == before or meant
        path.write_bytes(before.get(f"{where.key}/{name}", b"{}"))


def json_or_none(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def test_levels_that_changed_places_are_not_used(copied: Store, undisturbed: Store) -> None:
    folder = folder_of(copied, CHAIN)
    for suffix in ("npz", "sha256"):
        (folder / f"level_01.{suffix}").rename(folder / "aside")
        (folder / f"level_02.{suffix}").rename(folder / f"level_01.{suffix}")
        (folder / "aside").rename(folder / f"level_02.{suffix}")
    assert copied.read(address(CHAIN), 1) is None
    assert finish(copied) == [(TICKET, 1), (TICKET, 2)]
    assert evidence(copied) == evidence(undisturbed)


def test_looking_at_a_damaged_store_changes_nothing(copied: Store) -> None:
    """Whoever looks has no lock: another process may be mending what it sees."""
    (folder_of(copied, CHAIN) / "level_01.npz").write_bytes(b"")
    (folder_of(copied, DENSE_CELL) / "cell.json").write_bytes(b"")
    before = evidence(copied)
    assert not any(copied.is_complete(address(cell)) for cell in CHAIN_PLAN)
    assert copied.read(address(CHAIN), 1) is None
    assert len(copied.damaged) == 2
    assert evidence(copied) == before


# Locks


def test_a_lock_is_refused_while_it_is_held_and_free_after(tmp_path: Path) -> None:
    with lock(tmp_path, "cell") as held, lock(tmp_path, "cell") as again, lock(tmp_path, "another") as other:
        assert (held, again, other) == (True, False, True)
        assert is_held(tmp_path, "cell")
    assert not is_held(tmp_path, "cell")
    assert list((tmp_path / "locks").iterdir()) == []
    with pytest.raises(ValueError, match="this"), lock(tmp_path, "cell"):
        raise ValueError("this")
    with lock(tmp_path, "cell") as held:
        assert held


def test_a_lock_on_a_disk_that_can_not_be_written_is_an_error_that_names_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        os, "open", lambda *args, **options: (_ for _ in ()).throw(OSError(30, "Read-only file system"))
    )
    with pytest.raises(StoreError, match=str(tmp_path)), Store(tmp_path).lock(address(CHAIN)):
        pytest.fail("it is not held")
