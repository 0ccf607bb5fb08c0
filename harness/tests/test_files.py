"""A file that others may read at the same time is replaced whole."""

import os
from pathlib import Path

import pytest

from harness.files import replace_file


def test_the_content_is_there_and_nothing_beside_it(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        replace_file(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("module", "name"), [(os, "fsync"), (Path, "replace")])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module, name, fail)
    with pytest.raises(OSError, match="no space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_new_content_is_whole_on_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    happened: list[tuple[str, bytes]] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(number: int) -> None:
        fsync(number)
        happened.append(("on disk", path.read_bytes()))

    def watched_replace(beside: Path, target: Path) -> Path:
        happened.append(("renamed", beside.read_bytes()))
        return replace(beside, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    replace_file(path, b"new")
    assert happened == [("on disk", b"old"), ("renamed", b"new")]
