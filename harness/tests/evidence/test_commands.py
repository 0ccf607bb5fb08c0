"""What `python -m harness evidence` says of a store, takes out of it and lets into it."""

import csv
import io
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import __main__ as cli
from harness import openblas
from harness.evidence.garbage import OLD_SECONDS
from harness.evidence.store import Store, address, lock
from harness.evidence.stored_cell import StoredCell, checksum_line, key_of
from harness.experiment import Cell
from harness.pruning.conditions import DENSE, TICKET
from harness.tests.evidence.cells import CHAIN, DENSE_CELL, SEEDS, finish, folder_of

OK, FOUND, UNWRITABLE, USAGE = 0, 1, 3, 4
Command = Callable[..., tuple[int, str, str]]
KEY, DENSE_KEY = address(CHAIN).key, address(DENSE_CELL).key


@pytest.fixture
def folder(copied: Store) -> Path:
    """A store with a dense cell and a chain."""
    return copied.folder


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Command:
    """Calls a command of the shell, by default on `folder`: exit code, stdout and stderr."""

    def call(*args: object, store: Path = folder) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", "evidence", *map(str, args), "--evidence", str(store)])
        code = cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return call


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cell_folder(folder: Path, cell: Cell) -> Path:
    return folder_of(Store(folder), cell)


def make_stale(folder: Path, cell: Cell) -> str:
    """Give a cell the key and description of another engine; its new key."""
    there, parts = cell_folder(folder, cell), json.loads(json.dumps(address(cell).parts))
    parts["versions"]["torch"] = "1.0"
    parts["modules"] |= {"harness.learners.bc": "0" * 64, "harness.gone": "0" * 64}
    parts["files"]["fixtures/experts/cart-pole/none.safetensors"] = "0" * 64
    key = key_of(cell.id, parts)
    description = json.loads((there / "cell.json").read_text()) | {"engine": parts}
    (there / "cell.json").write_text(json.dumps(description))
    for path in there.glob("*.npz"):
        path.with_suffix(".sha256").write_text(checksum_line(path.read_bytes(), key, int(path.stem[6:])))
    there.rename(there.with_name(key))
    return key


def rewrite(npz: Path, **changes: np.ndarray) -> None:
    """Put other arrays into a level, with a checksum that matches."""
    with np.load(npz) as archive:
        arrays = dict(archive) | changes
    np.savez_compressed(npz, **arrays)
    line = checksum_line(npz.read_bytes(), npz.parent.name, int(npz.stem[6:]))
    npz.with_suffix(".sha256").write_text(line)


# ls, show, why


def test_a_store_is_listed_cell_by_cell(command: Command) -> None:
    code, out, _ = command("ls")
    assert code == OK
    (chain,) = [line for line in out.splitlines() if TICKET in line]
    for word in (KEY[:12], "CartPole", "BC", "8-8", "1-2", "2/2", "complete"):
        assert word in chain
    assert out.splitlines()[-1].startswith("2 cells (2 complete), ")


def test_the_states_of_cells_are_told_apart(folder: Path, command: Command) -> None:
    (cell_folder(folder, CHAIN) / "level_02.sha256").unlink()
    assert "1/2     unfinished" in command("ls")[1]
    with lock(folder, KEY):
        assert "1/2     in progress" in command("ls")[1]
    key = make_stale(folder, DENSE_CELL)
    stale = command("ls", "--stale")[1]
    assert key[:12] in stale and "1 cells (1 stale)" in stale
    assert "1 cells (1 unfinished)" in command("ls", "--partial")[1]
    (folder / "cells" / key / "cell.json").write_text("{")
    assert "1 damaged, 1 unfinished" in command("ls")[1]


def test_a_cell_is_shown_level_by_level(copied: Store, command: Command) -> None:
    (copied.stored(address(CHAIN)).file(1, "cost.json")).unlink()
    code, out, _ = command("show", CHAIN.id[:6])
    assert code == OK
    assert ["network.hidden", "8-8"] in [line.split() for line in out.splitlines()]
    level = copied.read(address(CHAIN), 2)
    assert level is not None
    returns, (first, last) = level.scored_returns, (line.split() for line in out.splitlines()[-2:])
    assert (first[-2:], last[0], last[-1]) == (["?", "unknown"], "2", openblas.core())
    assert float(last[1]) == pytest.approx(25, abs=1)
    assert last[3:6] == [f"{returns.mean():.1f}", "±", f"{returns.std(ddof=1):.1f}"]
    assert last[6:8] == [f"{returns.min():.1f}", f"{returns.max():.1f}"]


def test_what_made_a_cell_stale_is_named(folder: Path, command: Command) -> None:
    key = make_stale(folder, DENSE_CELL)
    code, out, _ = command("why")
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert (code, lines[KEY]) == (OK, "valid")
    said = lines[key].split("; ")
    names = ["harness.gone", "harness/learners/bc.py", "fixtures/experts/cart-pole/none.safetensors", "torch 1.0 -> "]
    assert all(name in one for name, one in zip(names, said, strict=True))


def test_what_a_user_registered_is_named_and_not_guessed_at(folder: Path) -> None:
    cell = StoredCell(cell_folder(folder, CHAIN))
    cell.description["engine"]["registered"] = {"criterion conftest.mine: conftest": "0"}
    assert cell.rests_on == ["criterion conftest.mine"]
    assert cell.staleness() == []


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["show", "zz"], "'zz'"),
        (["why", "zz"], "'zz'"),
        (["verify", ""], "2 cells"),
        (["export", "a.tar", "zz"], "'zz'"),
        (["export"], "--csv"),
        (["export", "."], ". is a folder"),
        (["import", "none.tar"], "none.tar"),
    ],
)
def test_bad_arguments_are_one_line(command: Command, args: list[str], names: str) -> None:
    code, _, err = command(*args)
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert names in err


@pytest.mark.parametrize("name", ["ls", "why", "verify", "gc"])
def test_a_folder_without_evidence_is_one_line(tmp_path: Path, command: Command, name: str) -> None:
    code, _, err = command(name, store=tmp_path / "none")
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert f"{tmp_path}/none" in err and "--evidence" in err
    assert not (tmp_path / "none").exists()


# verify, gc


def test_a_sound_store_verifies_and_has_no_garbage(folder: Path, command: Command) -> None:
    before = tree(folder)
    code, out, _ = command("verify")
    assert (code, len(out.splitlines())) == (OK, 1)
    assert "2 cells, 3 levels" in out
    assert command("gc", "--delete")[:2] == (OK, "0.0 kB in 0 entries removed\n")
    assert tree(folder) == before


def test_each_damage_is_a_line(folder: Path, command: Command) -> None:
    chain, dense = cell_folder(folder, CHAIN), cell_folder(folder, DENSE_CELL)
    (chain / "level_01.npz").unlink()
    (chain / "level_02.npz").write_bytes(b"")
    (chain / "level_02.cost.json").write_text("{")  # a cost is no evidence
    (dense / "cell.json").write_text("{}")
    before = tree(folder)
    code, out, _ = command("verify")
    assert code == FOUND
    names = sorted([f"{dense}/cell.json", f"{chain}/level_01.npz", f"{chain}/level_02.npz"])
    assert [line.split()[0] for line in sorted(out.splitlines()[:-1])] == names
    assert tree(folder) == before
    assert command("verify", CHAIN.id[:8])[1].splitlines()[-1].startswith("1 cells, ")


def test_what_resumes_is_kept_and_what_nothing_can_use_is_removed(folder: Path, command: Command) -> None:
    key, chain = make_stale(folder, DENSE_CELL), cell_folder(folder, CHAIN)
    (chain / "level_02.sha256").unlink()
    left = [chain / ".level_02.npz.1.tmp", folder / "locks" / "gone.lock", folder / "cells" / ".probe.1.tmp"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (time.time() - 2 * OLD_SECONDS,) * 2)
    before = tree(folder)
    code, out, _ = command("gc")
    assert (code, tree(folder)) == (OK, before)
    assert f"cells/{key}  stale: " in out
    assert all(path.name in out for path in left)
    with lock(folder, KEY), lock(folder, key):
        for args in ([], ["--delete"]):
            assert "2 entries" in command("gc", *args)[1], "what somebody computes is left alone"
    assert "2 entries" in command("gc", "--delete")[1]
    gone = {name for name in before if key in name} | {str(path.relative_to(folder)) for path in left}
    assert tree(folder).keys() == before.keys() - gone
    assert finish(Store(folder)) == [(DENSE, 0), (TICKET, 2)]


# export, import


def test_evidence_survives_an_archive_byte_by_byte(folder: Path, tmp_path: Path, command: Command) -> None:
    (cell_folder(folder, CHAIN) / "level_01.cost.json").unlink()  # it is no evidence
    code, out, _ = command("export", tmp_path / "a.tar")
    assert (code, out.startswith("2 cells")) == (OK, True)
    other = tmp_path / "other"
    assert command("import", tmp_path / "a.tar", store=other)[:2] == (OK, "2 imported\n")
    assert tree(other) == tree(folder)
    assert finish(Store(other)) == []
    assert command("import", tmp_path / "a.tar", store=other)[:2] == (OK, "2 is there already\n")
    command("export", tmp_path / "b.tar", store=other)
    assert (tmp_path / "b.tar").read_bytes() == (tmp_path / "a.tar").read_bytes()


def test_only_finished_sound_and_valid_cells_are_exported(folder: Path, tmp_path: Path, command: Command) -> None:
    key = make_stale(folder, DENSE_CELL)
    assert command("export", tmp_path / "a.tar")[1].startswith("1 cells")
    assert command("export", tmp_path / "b.tar", "--stale")[1].startswith("2 cells")
    assert command("export", tmp_path / "c.tar", key[:22])[1].startswith("1 cells")
    (cell_folder(folder, CHAIN) / "level_01.npz").write_bytes(b"")
    assert command("export", tmp_path / "d.tar")[0] == FOUND
    (cell_folder(folder, CHAIN) / "level_01.sha256").unlink()
    assert command("export", tmp_path / "e.tar")[1].startswith("0 cells")
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == ["a.tar", "b.tar", "c.tar", "e.tar"]


@pytest.fixture
def entries(undisturbed: Store) -> dict[str, bytes]:
    """What an archive of the store holds."""
    return tree(undisturbed.folder / "cells")


def pack(path: Path, entries: dict[str, bytes], **of_last: object) -> Path:
    """A tar archive of these files. of_last: fields of the last entry."""
    with tarfile.open(path, "w") as archive:
        for number, (name, content) in enumerate(entries.items(), 1):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            for field, value in of_last.items() if number == len(entries) else ():
                setattr(entry, field, value)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name", ["../outside", "/outside", "{key}/../../outside", "{key}/level_01.pkl", "{key}", "x/cell.json", "{key}/a/b"]
)
def test_an_archive_with_any_other_file_is_refused_whole(
    entries: dict[str, bytes], tmp_path: Path, command: Command, name: str
) -> None:
    path = pack(tmp_path / "a.tar", entries | {name.format(key=KEY): b"x"})
    code, _, err = command("import", path, store=tmp_path / "into" / "store")
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert name.format(key=KEY) in err
    assert list((tmp_path / "into" / "store" / "cells").iterdir()) == []
    assert not list(tmp_path.rglob("outside*"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all" * 100, bytes(10240)])
def test_what_is_no_archive_is_one_line(tmp_path: Path, command: Command, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    code, _, err = command("import", tmp_path / "a.tar", store=tmp_path / "store")
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert str(tmp_path / "a.tar") in err


@pytest.mark.parametrize("file", ["cell.json", "level_01.npz", "level_02.sha256", "surplus"])
@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_damaged_cell_of_an_archive_is_refused_and_the_others_are_taken(
    entries: dict[str, bytes], tmp_path: Path, command: Command, file: str, how: str
) -> None:
    if file == "surplus":
        entries[f"{KEY}/level_07.npz"] = b""
        entries = {k: v for k, v in entries.items() if k != f"{KEY}/level_02.npz"}
    else:
        content = entries.pop(f"{KEY}/{file}")
        entries |= {f"{KEY}/{file}": content[:-3] + b"000"} if how == "altered" else {}
    code, out, _ = command("import", pack(tmp_path / "a.tar", entries), store=tmp_path / "store")
    assert code == FOUND
    assert f"{KEY}  refused: " in out
    assert out.splitlines()[-1] == "1 imported, 1 refused"
    assert [path.name for path in (tmp_path / "store" / "cells").iterdir()] == [DENSE_KEY]


@pytest.mark.parametrize("damage", ["", "cell.json", "level_02.npz"])
def test_evidence_that_is_there_is_never_replaced(folder: Path, tmp_path: Path, command: Command, damage: str) -> None:
    command("export", tmp_path / "a.tar")
    rewrite(cell_folder(folder, CHAIN) / "level_01.npz", scores=np.ones((2, 2)))
    if damage:
        (cell_folder(folder, CHAIN) / damage).unlink()
    before = tree(folder)
    code, out, _ = command("import", tmp_path / "a.tar")
    assert (code, f"{KEY}  refused: " in out) == (FOUND, True)
    assert tree(folder) == before


@pytest.mark.parametrize("file", ["cell.json", "level_01.npz", "level_02.sha256"])
@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_damaged_cell_is_mended_from_an_archive(
    folder: Path, tmp_path: Path, command: Command, file: str, how: str
) -> None:
    command("export", tmp_path / "a.tar")
    before, path = tree(folder), cell_folder(folder, CHAIN) / file
    content = path.read_bytes()
    path.unlink()
    if how == "altered":
        path.write_bytes(content[:-3] + b"000")
    assert command("import", tmp_path / "a.tar")[:2] == (OK, "1 imported, 1 is there already\n")
    assert tree(folder) == before


def test_a_cell_that_is_being_computed_is_not_imported(tmp_path: Path, command: Command) -> None:
    command("export", tmp_path / "a.tar")
    with lock(tmp_path / "store", KEY):
        code, out, _ = command("import", tmp_path / "a.tar", store=tmp_path / "store")
    assert (code, f"{KEY}  refused: " in out) == (FOUND, True)


# Tables


def test_the_table_has_a_row_per_cell_level_and_seed(copied: Store, tmp_path: Path, command: Command) -> None:
    shutil.rmtree(cell_folder(copied.folder, CHAIN) / "none", ignore_errors=True)
    (cell_folder(copied.folder, CHAIN) / "level_02.sha256").unlink()
    assert command("export", "--csv", tmp_path / "t.csv")[:2] == (OK, f"4 rows in {tmp_path}/t.csv\n")
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    told = {(row["condition"], row["seed"], row["level"]) for row in rows}
    assert told == {(c, str(seed), level) for c, level in ((DENSE, "0"), (TICKET, "1")) for seed in SEEDS}
    level = copied.read(address(DENSE_CELL), 0)
    assert level is not None
    dense = [row for row in rows if row["condition"] == DENSE]
    assert [float(row["scored_return"]) for row in dense] == level.scored_returns.tolist()
    assert {float(row["density"]) for row in dense} == {1.0}
    ticket = next(row for row in rows if row["condition"] == TICKET)
    assert (ticket["network.hidden"], ticket["pruning.scope"], ticket["learner.env_steps"]) == ("8-8", "actor", "256")
    assert float(ticket["density"]) == pytest.approx(0.5, abs=0.01)
    assert command("export", "--csv", "-")[1] == (tmp_path / "t.csv").read_text()


@pytest.mark.parametrize("place", ["file", "terminal"])
def test_a_table_says_which_levels_it_lacks(folder: Path, tmp_path: Path, command: Command, place: str) -> None:
    (cell_folder(folder, CHAIN) / "level_01.npz").write_bytes(b"")
    (cell_folder(folder, DENSE_CELL) / "cell.json").write_text("{")
    table = tmp_path / "t.csv"
    code, out, err = command("export", "--csv", table if place == "file" else "-")
    assert code == FOUND
    assert f"{KEY}/level_01.npz" in err and f"{DENSE_KEY}/cell.json" in err
    rows = list(csv.DictReader(io.StringIO(table.read_text() if place == "file" else out)))
    assert [(row["condition"], row["level"]) for row in rows] == [(TICKET, "2")] * len(SEEDS)


@pytest.mark.parametrize("args", [["export", "a.tar"], ["export", "--csv", "t.csv"]])
def test_a_place_that_can_not_be_written_is_one_line_and_keeps_what_is_there(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    there = tmp_path / args[-1]
    there.write_text("the old one")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        patched.setattr(tarfile.TarFile, "addfile", fail)
        code, _, err = command(*args[:-1], there)
    assert (code, len(err.splitlines())) == (UNWRITABLE, 1)
    assert there.read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [there.name]
    assert command(*args[:-1], there / "inside")[0] == UNWRITABLE
