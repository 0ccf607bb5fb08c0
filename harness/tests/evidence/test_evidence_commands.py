"""What `python -m harness evidence` says of a store, takes out of it and lets into it."""

import csv
import dataclasses
import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import __main__ as cli
from harness.evidence import inventory as inventories
from harness.evidence import lease as leases
from harness.evidence.drain import drain
from harness.evidence.folder import checksum_line
from harness.evidence.garbage import garbage, remove
from harness.evidence.inventory import StoredCell, inventory
from harness.evidence.level_file import from_bytes
from harness.evidence.store import Store, address
from harness.experiment import Cell
from harness.pruning.conditions import DENSE, TICKET
from harness.tests.evidence.test_evidence import CHAIN, CHAIN_PLAN, DENSE_CELL, SEEDS, STUDENTS

OK, FOUND, UNWRITABLE, USAGE = 0, 1, 3, 4
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a dense cell and a chain. Not to be changed."""
    folder = tmp_path_factory.mktemp("source") / "evidence"
    assert drain(CHAIN_PLAN, Store(folder)).failed == {}
    return folder


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "evidence"))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Calls a command of the shell: exit code, stdout and stderr."""

    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", "evidence", *map(str, args)])
        code = cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, said.out, said.err

    return call


def final(folder: Path, cell: Cell) -> Path:
    return folder / "cells" / address(cell).key


def tree(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def make_partial(folder: Path, *lost: int) -> Path:
    """The chain as a killed run leaves it, without these levels."""
    partial = final(folder, CHAIN).with_name(f"{address(CHAIN).key}.partial")
    final(folder, CHAIN).rename(partial)
    (partial / "complete.json").unlink()
    for level in lost:
        (partial / f"level_{level:02}.sha256").unlink()
    return partial


def make_stale(folder: Path, cell: Cell) -> str:
    """Give a cell the key and description of another engine; its new key."""
    there, parts = final(folder, cell), json.loads(json.dumps(address(cell).parts))
    parts["versions"]["torch"] = "1.0"
    parts["modules"]["harness.learners.bc"] = "0" * 64
    parts["modules"]["harness.gone"] = "0" * 64
    parts["files"]["experts/cart-pole/none.safetensors"] = "0" * 64
    key = f"{cell.id[:20]}-{inventories.engine_fingerprint(parts)[:12]}"
    description = json.loads((there / "cell.json").read_text()) | {"engine": parts}
    (there / "cell.json").write_text(json.dumps(description))
    for level in cell.levels:
        content = (there / f"level_{level:02}.npz").read_bytes()
        (there / f"level_{level:02}.sha256").write_text(checksum_line(content, key, level))
    there.rename(there.with_name(key))
    return key


def be_held(folder: Path, cell: Cell) -> leases.Lease:
    held = leases.acquire(folder / "leases", address(cell).key)
    assert held is not None
    return held


# ls, show


def test_a_store_is_listed_cell_by_cell(folder: Path, command: Command) -> None:
    code, out, _ = command("ls", "--evidence", folder)
    assert code == OK
    lines = out.splitlines()
    assert len(lines) == 4
    (chain,) = [line for line in lines if TICKET in line]
    assert address(CHAIN).key[:12] in chain
    for word in ("CartPole", "BC", "8-8", "1-2", "2/2", "complete"):
        assert word in chain
    assert lines[-1].startswith("2 cells (2 complete), ")


def test_what_sets_cells_of_one_system_apart_is_listed(tmp_path: Path, command: Command) -> None:
    other = dataclasses.replace(STUDENTS, network=dataclasses.replace(STUDENTS.network, input_divisor=10.0))
    drain([DENSE_CELL, Cell(other, DENSE, SEEDS)], Store(tmp_path))
    _, out, _ = command("ls", "--evidence", tmp_path)
    assert "BC 8-8 input_divisor=1.0 " in out
    assert "BC 8-8 input_divisor=10.0 " in out


def test_a_dense_cell_with_a_rewind_point_is_told_from_one_without(tmp_path: Path, command: Command) -> None:
    rewound = dataclasses.replace(STUDENTS, pruning=dataclasses.replace(STUDENTS.pruning, rewind=0.25))
    thinned = dataclasses.replace(STUDENTS, network=dataclasses.replace(STUDENTS.network, dropout=0.1))
    drain([DENSE_CELL, *(Cell(e, DENSE, SEEDS) for e in (rewound, thinned))], Store(tmp_path))
    _, out, _ = command("ls", "--evidence", tmp_path)
    lines = out.splitlines()
    assert sum("BC 8-8 dropout=0.0  " in line for line in lines) == 1
    assert sum("BC 8-8 dropout=0.0 rewind=0.25  " in line for line in lines) == 1
    assert sum("BC 8-8 dropout=0.1  " in line for line in lines) == 1
    _, out, _ = command("verify", "--evidence", tmp_path)
    assert "3 cells, 3 levels: all are what was written" in out
    key = address(Cell(rewound, DENSE, SEEDS)).key
    _, out, _ = command("show", key, "--evidence", tmp_path)
    assert "pruning.rewind" in out
    assert command("why", key, "--evidence", tmp_path)[1] == f"{key}  valid\n"
    _, table, _ = command("export", "--csv", "-", "--evidence", tmp_path)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {(row["pruning.rewind"], row["network.dropout"]) for row in rows} == {
        ("", "0.0"),
        ("0.25", "0.0"),
        ("", "0.1"),
    }


def test_the_states_of_cells_are_told_apart(folder: Path, command: Command) -> None:
    make_partial(folder, 2)
    assert "1/2     abandoned" in command("ls", "--evidence", folder)[1]
    with be_held(folder, CHAIN):
        assert f"in progress by {os.getpid()}@" in command("ls", "--evidence", folder)[1]
    key = make_stale(folder, DENSE_CELL)
    stale = command("ls", "--stale", "--evidence", folder)[1]
    assert key[:12] in stale and "1 cells (1 stale)" in stale
    partial = command("ls", "--partial", "--evidence", folder)[1]
    assert "1 cells (1 abandoned)" in partial
    (folder / "cells" / key / "cell.json").write_text("{")
    assert "1 abandoned, 1 damaged" in command("ls", "--evidence", folder)[1]


def test_a_cell_is_shown_level_by_level(folder: Path, command: Command) -> None:
    code, out, _ = command("show", CHAIN.id[:6], "--evidence", folder)
    assert code == OK
    assert f"network.hidden  {'':13}8-8".split() == next(x for x in out.splitlines() if "network.hidden" in x).split()
    returns = from_bytes((final(folder, CHAIN) / "level_02.npz").read_bytes()).scored_returns
    row = out.splitlines()[-1].split()
    assert row[0] == "2"
    assert float(row[1]) == pytest.approx(25, abs=1)
    assert row[3:6] == [f"{returns.mean():.1f}", "±", f"{returns.std(ddof=1):.1f}"]
    assert row[6:8] == [f"{returns.min():.1f}", f"{returns.max():.1f}"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["show", "zz"], "no cell"),
        (["why", "zz"], "no cell"),
        (["verify", ""], "2 cells"),
        (["export", "a.zip", "zz"], "no cell"),
        (["export"], "name the archive"),
        (["export", "."], "is a folder"),
        (["import", "none.zip"], "there is no archive none.zip"),
    ],
)
def test_bad_arguments_are_one_line(source: Path, command: Command, args: list[str], words: str) -> None:
    code, _, err = command(*args, "--evidence", source)
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert words in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "required: command"),
        (["foo"], "'foo'"),
        (["evidence"], "required: COMMAND"),
        (["evidence", "foo"], "'foo'"),
        (["evidence", "show"], "required: KEY"),
        (["evidence", "ls", "--stale", "--partial"], "not allowed with"),
        (["evidence", "ls", "a\nb"], "unrecognized arguments: a b"),
        (["bench", "--only"], "expected one argument"),
    ],
)
def test_what_can_not_be_parsed_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["harness", *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (USAGE, "", 1)
    assert words in err


@pytest.mark.parametrize("name", ["ls", "why", "verify", "gc"])
def test_a_folder_without_evidence_is_one_line(tmp_path: Path, command: Command, name: str) -> None:
    code, _, err = command(name, "--evidence", tmp_path / "none")
    assert code == USAGE
    assert err == f"error: there is no evidence in {tmp_path}/none; name another folder with --evidence\n"
    assert not (tmp_path / "none").exists()


# why


def test_what_made_a_cell_stale_is_named(folder: Path, command: Command) -> None:
    key = make_stale(folder, DENSE_CELL)
    code, out, _ = command("why", "--evidence", folder)
    assert code == OK
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    assert lines[address(CHAIN).key] == "valid"
    torch = address(CHAIN).parts["versions"]["torch"]
    assert lines[key].split("; ") == [
        "module harness.gone can't be found any more",
        "harness/learners/bc.py changed",
        "fixtures/experts/cart-pole/none.safetensors is missing",
        f"torch 1.0 -> {torch}",
    ]


def test_a_package_is_named_by_its_file(folder: Path, command: Command) -> None:
    changed = inventories.differences({"modules": {"harness.learners.protocol": "0", "harness.pruning.imp": "0"}})
    assert changed == ["harness/imp.py changed", "harness/learners/__init__.py changed"]


def test_what_a_user_registered_is_named_and_not_guessed_at(folder: Path, command: Command) -> None:
    (cell, _) = inventories.inventory(folder)
    cell.description["engine"]["registered"] = {"criterion conftest.mine: conftest": "0"}
    assert cell.rests_on == ["criterion conftest.mine"]
    assert cell.staleness() == []


# verify


def test_a_sound_store_verifies_and_is_left_alone(folder: Path, command: Command) -> None:
    before = tree(folder)
    code, out, _ = command("verify", "--evidence", folder)
    assert (code, out) == (OK, "2 cells, 3 levels: all are what was written\n")
    assert tree(folder) == before


def rewrite(npz: Path, key: str, level: int, **changes: np.ndarray | None) -> None:
    """Put other arrays into a level, with checksums that match."""
    with np.load(npz) as archive:
        arrays = {name: array for name, array in (dict(archive) | changes).items() if array is not None}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    npz.write_bytes(buffer.getvalue())
    npz.with_suffix(".sha256").write_text(checksum_line(buffer.getvalue(), key, level))
    marker = npz.with_name("complete.json")
    content = json.loads(marker.read_text())
    content["levels"][npz.stem] = checksum_line(buffer.getvalue(), key, level)[:64]
    marker.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scores": np.zeros((3, 2))}, "scores is float64 (3, 2), not f (2, 2)"),
        ({"share": np.zeros(2, dtype=int)}, "share is int64 (2,)"),
        ({"actor.mask.0": np.zeros((2, 4, 8))}, "actor.mask.0 is float64"),
        ({"actor.weight.1": None}, "actor.weight.1 is missing"),
        ({"actor.weight.0": None}, "actor has no weights of 3 layers"),
        ({"extra": np.zeros(1)}, "extra does not belong there"),
        ({"actor.activation": None}, "no network is in it"),
    ],
)
def test_arrays_of_other_shapes_are_damage_whatever_their_checksums(
    folder: Path, command: Command, changes: dict[str, np.ndarray | None], words: str
) -> None:
    rewrite(final(folder, CHAIN) / "level_01.npz", address(CHAIN).key, 1, **changes)
    code, out, _ = command("verify", "--evidence", folder)
    assert code == FOUND
    assert "level_01.npz does not fit its cell" in out
    assert words in out
    assert Store(folder).read(address(CHAIN), 1) is None


def test_each_damage_is_a_line(folder: Path, command: Command) -> None:
    chain, dense = final(folder, CHAIN), final(folder, DENSE_CELL)
    (chain / "level_01.npz").write_bytes(b"")
    (chain / "level_02.sha256").unlink()
    (chain / "level_02.cost.json").write_text("{")
    (dense / "complete.json").write_text("{}")
    before = tree(folder)
    code, out, _ = command("verify", "--evidence", folder)
    assert code == FOUND
    assert sorted(out.splitlines()[:-1]) == sorted(
        [
            f"{chain}/level_01.npz does not match its checksum",
            f"{chain}/level_02.sha256 is missing",
            f"{dense}/complete.json is not this cell's completion marker",
        ]
    )
    assert tree(folder) == before
    assert command("verify", CHAIN.id[:8], "--evidence", folder)[1].splitlines()[-1].startswith("1 cells, ")


# gc


def test_nothing_is_garbage_in_a_sound_store(folder: Path, command: Command) -> None:
    before = tree(folder)
    make = command("gc", "--delete", "--evidence", folder)
    assert make[:2] == (OK, "0.0 kB in 0 entries removed\n")
    assert tree(folder) == before


def test_what_resumes_is_kept_and_what_nothing_can_use_is_removed(folder: Path, command: Command) -> None:
    partial = make_partial(folder, 2)
    key = make_stale(folder, DENSE_CELL)
    leftover = partial / ".level_02.npz.1.tmp"
    leftover.write_bytes(b"half")
    dead = folder / "leases" / f"{key}.json"
    dead.write_text("{}")
    before = tree(folder)
    code, out, _ = command("gc", "--evidence", folder)
    assert code == OK
    assert tree(folder) == before
    for line in (f"cells/{key}  stale: ", f"{leftover.name}  left by a killed process", f"{dead.name}  the lease of"):
        assert line in out
    assert "in 3 entries could be removed" in out
    assert "in 3 entries removed" in command("gc", "--delete", "--evidence", folder)[1]
    assert not (folder / "cells" / key).exists()
    assert {name for name in before if name not in tree(folder)} == {
        name for name in before if key in name or name.endswith(".tmp")
    }
    assert drain(CHAIN_PLAN, Store(folder)).computed == [address(DENSE_CELL).key, address(CHAIN).key]


def test_what_a_live_process_holds_is_never_garbage(folder: Path, command: Command) -> None:
    partial = make_partial(folder, 2)
    shutil.copytree(partial, final(folder, CHAIN))
    (partial / ".level_02.npz.1.tmp").write_bytes(b"half")
    with be_held(folder, CHAIN):
        assert "0 entries" in command("gc", "--delete", "--evidence", folder)[1]
    assert (partial / ".level_02.npz.1.tmp").exists()


def test_a_cell_in_progress_beside_the_finished_one_is_garbage(folder: Path, command: Command) -> None:
    shutil.copytree(final(folder, CHAIN), partial := final(folder, CHAIN).with_name(f"{address(CHAIN).key}.partial"))
    assert "in progress beside the finished cell" in command("gc", "--delete", "--evidence", folder)[1]
    assert not partial.exists()
    assert Store(folder).is_complete(address(CHAIN))


def test_what_has_changed_since_it_was_judged_is_kept(folder: Path) -> None:
    shutil.copytree(final(folder, CHAIN), partial := final(folder, CHAIN).with_name(f"{address(CHAIN).key}.partial"))
    (beside,) = garbage(folder)
    (final(folder, CHAIN) / "level_01.npz").unlink()  # what is in progress is needed again
    assert not remove(folder, beside)
    assert partial.is_dir()


def test_a_stale_cell_that_became_valid_since_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(inventories, "_version", lambda library: "0.0")
        found = garbage(folder)
    assert len(found) == len(CHAIN_PLAN)
    assert not any(remove(folder, entry) for entry in found)
    assert len(inventory(folder)) == len(CHAIN_PLAN)


# export, import


def test_evidence_survives_an_archive_byte_by_byte(folder: Path, tmp_path: Path, command: Command) -> None:
    code, out, _ = command("export", tmp_path / "a.zip", "--evidence", folder)
    assert (code, out.startswith("2 cells")) == (OK, True)
    assert command("import", tmp_path / "a.zip", "--evidence", tmp_path / "other")[:2] == (OK, "2 imported\n")
    assert tree(tmp_path / "other") == tree(folder)
    assert drain(CHAIN_PLAN, Store(tmp_path / "other")).computed == []
    assert command("import", tmp_path / "a.zip", "--evidence", tmp_path / "other")[:2] == (OK, "2 is there already\n")
    command("export", tmp_path / "b.zip", "--evidence", tmp_path / "other")
    assert (tmp_path / "b.zip").read_bytes() == (tmp_path / "a.zip").read_bytes()


def test_only_finished_and_valid_cells_are_exported_unless_asked_for(
    folder: Path, tmp_path: Path, command: Command
) -> None:
    key = make_stale(folder, DENSE_CELL)
    assert command("export", tmp_path / "a.zip", "--evidence", folder)[1].startswith("1 cells")
    assert command("export", tmp_path / "b.zip", "--stale", "--evidence", folder)[1].startswith("2 cells")
    assert command("export", tmp_path / "c.zip", key[:8], "--evidence", folder)[1].startswith("1 cells")
    make_partial(folder)
    assert command("export", tmp_path / "d.zip", "--evidence", folder)[1].startswith("0 cells")


def test_damaged_cells_are_not_exported(folder: Path, tmp_path: Path, command: Command) -> None:
    (final(folder, CHAIN) / "level_01.npz").write_bytes(b"")
    assert command("export", tmp_path / "a.zip", "--evidence", folder)[0] == FOUND
    assert list(tmp_path.glob("*.zip")) == []


@pytest.fixture
def entries(source: Path) -> dict[str, bytes]:
    """What an archive of the store holds."""
    return {name.removeprefix("cells/"): content for name, content in tree(source).items() if name.startswith("cells/")}


def pack(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name", ["../outside", "/outside", "{key}/../../outside", "{key}/level_01.pkl", "{key}", "x/cell.json", "{key}/a/b"]
)
def test_an_archive_with_any_other_file_is_refused_whole(
    entries: dict[str, bytes], tmp_path: Path, command: Command, name: str
) -> None:
    path = pack(tmp_path / "a.zip", entries | {name.format(key=address(CHAIN).key): b"x"})
    code, _, err = command("import", path, "--evidence", tmp_path / "into" / "store")
    assert (code, len(err.splitlines())) == (USAGE, 1)
    assert "is not an archive of evidence: it holds" in err
    assert inventory(tmp_path / "into" / "store") == []
    assert not list(tmp_path.rglob("outside*"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all"])
def test_what_is_no_archive_is_one_line(tmp_path: Path, command: Command, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    code, _, err = command("import", tmp_path / "a.zip", "--evidence", tmp_path / "store")
    assert (code, len(err.splitlines())) == (USAGE, 1)


@pytest.mark.parametrize("cut", ["cell.json", "complete.json", "level_01.npz", "level_02.sha256"])
@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_damaged_cell_of_an_archive_is_refused_and_the_others_are_taken(
    entries: dict[str, bytes], tmp_path: Path, command: Command, cut: str, how: str
) -> None:
    name = f"{address(CHAIN).key}/{cut}"
    content = entries.pop(name)
    if how == "altered":
        entries[name] = content[:-3] + b"000"
    code, out, _ = command("import", pack(tmp_path / "a.zip", entries), "--evidence", tmp_path / "store")
    assert code == FOUND
    assert out.splitlines()[0].startswith(f"{address(CHAIN).key}  refused: ")
    assert out.splitlines()[1:] == ["1 imported, 1 refused"]
    assert [cell.key for cell in inventory(tmp_path / "store")] == [address(DENSE_CELL).key]
    assert [path.name for path in (tmp_path / "store" / "cells").iterdir()] == [address(DENSE_CELL).key]


@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_cost_that_is_not_known_is_no_damage(folder: Path, tmp_path: Path, command: Command, how: str) -> None:
    path = final(folder, CHAIN) / "level_01.cost.json"
    path.unlink()
    if how == "altered":
        path.write_text("{")
    assert Store(folder).is_complete(address(CHAIN))
    assert command("verify", "--evidence", folder)[0] == OK
    assert command("export", tmp_path / "a.zip", "--evidence", folder)[0] == OK
    assert command("import", tmp_path / "a.zip", "--evidence", tmp_path / "store")[:2] == (OK, "2 imported\n")
    assert tree(tmp_path / "store") == tree(folder)
    assert command("show", CHAIN.id[:6], "--evidence", tmp_path / "store")[1].splitlines()[-2].endswith("?")


def test_a_cell_under_the_name_of_another_is_refused(
    entries: dict[str, bytes], tmp_path: Path, command: Command
) -> None:
    other = address(CHAIN).key[:-1] + ("0" if address(CHAIN).key[-1] != "0" else "1")
    renamed = {name.replace(address(CHAIN).key, other): content for name, content in entries.items()}
    code, out, _ = command("import", pack(tmp_path / "a.zip", renamed), "--evidence", tmp_path / "store")
    assert code == FOUND
    assert f"{other}  refused: " in out


def test_evidence_that_is_there_is_never_replaced(folder: Path, tmp_path: Path, command: Command) -> None:
    command("export", tmp_path / "a.zip", "--evidence", folder)
    level = from_bytes((final(folder, CHAIN) / "level_01.npz").read_bytes())
    rewrite(final(folder, CHAIN) / "level_01.npz", address(CHAIN).key, 1, scores=level.scores + 1)
    before = tree(folder)
    code, out, _ = command("import", tmp_path / "a.zip", "--evidence", folder)
    assert code == FOUND
    assert f"{address(CHAIN).key}  refused: the store has it with other numbers" in out
    assert "1 is there already, 1 refused" in out
    assert tree(folder) == before


@pytest.mark.parametrize("file", ["cell.json", "complete.json", "level_01.npz", "level_02.sha256"])
@pytest.mark.parametrize("how", ["missing", "altered"])
def test_a_damaged_cell_is_mended_from_an_archive(
    folder: Path, tmp_path: Path, command: Command, file: str, how: str
) -> None:
    command("export", tmp_path / "a.zip", "--evidence", folder)
    before, path = tree(folder), final(folder, CHAIN) / file
    content = path.read_bytes()
    path.unlink()
    if how == "altered":
        path.write_bytes(content[:-3] + b"000")
    code, out, _ = command("import", tmp_path / "a.zip", "--evidence", folder)
    assert (code, out) == (OK, "1 is there already, 1 mended\n")
    assert tree(folder) == before


@pytest.mark.parametrize("file", ["cell.json", "complete.json", "level_02.npz"])
def test_a_damaged_cell_with_other_numbers_is_refused_as_it_is(
    folder: Path, tmp_path: Path, command: Command, file: str
) -> None:
    command("export", tmp_path / "a.zip", "--evidence", folder)
    level = from_bytes((final(folder, CHAIN) / "level_01.npz").read_bytes())
    rewrite(final(folder, CHAIN) / "level_01.npz", address(CHAIN).key, 1, scores=level.scores + 1)
    (final(folder, CHAIN) / file).unlink()
    before = tree(folder)
    code, out, _ = command("import", tmp_path / "a.zip", "--evidence", folder)
    assert (code, "refused: the store has it with other numbers" in out) == (FOUND, True)
    assert tree(folder) == before


def test_a_cell_that_is_being_computed_is_not_imported(folder: Path, tmp_path: Path, command: Command) -> None:
    command("export", tmp_path / "a.zip", "--evidence", folder)
    store = tmp_path / "store"
    with be_held(store, CHAIN):
        code, out, _ = command("import", tmp_path / "a.zip", "--evidence", store)
    assert code == FOUND
    assert "refused: another process is computing it" in out


# Tables


def test_the_table_has_a_row_per_cell_level_and_seed(folder: Path, tmp_path: Path, command: Command) -> None:
    make_partial(folder, 2)
    assert command("export", "--csv", tmp_path / "t.csv", "--evidence", folder)[:2] == (
        OK,
        f"4 rows in {tmp_path}/t.csv\n",
    )
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["condition"], row["seed"], row["level"]) for row in rows] == sorted(
        ((c, str(seed), level) for c, level in ((DENSE, "0"), (TICKET, "1")) for seed in SEEDS),
        key=lambda row: [cell.identity["condition"] for cell in inventory(folder)].index(row[0]),
    )
    level = StoredCell(folder, final(folder, DENSE_CELL)).arrays(0)
    assert level is not None
    dense = [row for row in rows if row["condition"] == DENSE]
    assert [float(row["scored_return"]) for row in dense] == level["scores"].mean(axis=1).tolist()
    assert {float(row["density"]) for row in dense} == {1.0}
    ticket = next(row for row in rows if row["condition"] == TICKET)
    assert ticket["hidden"] == "8-8"
    assert ticket["scope"] == "actor"
    assert ticket["learner.env_steps"] == "256"
    assert float(ticket["density"]) == pytest.approx(0.5, abs=0.01)
    assert command("export", "--csv", "-", "--evidence", folder)[1] == (tmp_path / "t.csv").read_text()


@pytest.mark.parametrize("place", ["file", "terminal"])
def test_a_table_says_which_levels_it_lacks(folder: Path, tmp_path: Path, command: Command, place: str) -> None:
    (final(folder, CHAIN) / "level_01.npz").write_bytes(b"")
    (final(folder, DENSE_CELL) / "cell.json").write_text("{")
    table = tmp_path / "t.csv"
    code, out, err = command("export", "--csv", table if place == "file" else "-", "--evidence", folder)
    assert code == FOUND
    assert sorted(err.splitlines()) == sorted(
        [
            f"{final(folder, CHAIN)}/level_01.npz does not match its checksum",
            f"{final(folder, DENSE_CELL)}/cell.json does not describe the cell that the folder is named after",
        ]
    )
    rows = list(csv.DictReader(io.StringIO(table.read_text() if place == "file" else out)))
    assert [(row["condition"], row["level"]) for row in rows] == [(TICKET, "2")] * len(SEEDS)


def test_a_table_is_replaced_as_a_whole_or_not_at_all(
    folder: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text("the old one")

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        assert command("export", "--csv", tmp_path / "t.csv", "--evidence", folder)[0] == UNWRITABLE
    assert (tmp_path / "t.csv").read_text() == "the old one"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["t.csv"]


def test_a_place_that_can_not_be_written_is_one_line(source: Path, tmp_path: Path, command: Command) -> None:
    (tmp_path / "file").write_text("")
    for args in (["export", tmp_path / "file" / "a.zip"], ["export", "--csv", tmp_path / "file" / "t.csv"]):
        code, _, err = command(*args, "--evidence", source)
        assert (code, len(err.splitlines())) == (UNWRITABLE, 1)
