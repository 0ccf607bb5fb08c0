"""The commit beside a result is that of the suite's own tree, or unknown. Nothing that is unknown ends a run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.results import provenance
from harness.results.schema import RunResult

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
PLAIN |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder: Path, *args: str | bytes) -> str:
    """What git says there, as somebody who may commit."""
    someone = ("-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "protocol.file.allow=always")
    ran = subprocess.run(["git", *someone, *args], cwd=folder, env=PLAIN, capture_output=True, check=True)
    return ran.stdout.decode("latin-1").strip()


def repository(folder: Path) -> Path:
    """A new one, of one commit with one file."""
    folder.mkdir(parents=True)
    git(folder, "init")
    (folder / "file").write_text(f"of {folder.name}")
    git(folder, "add", "file")
    git(folder, "commit", "-m", f"the first of {folder.name}")
    return folder


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "--short", "HEAD")


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that stands for the suite's own, inside another one."""
    own = repository(repository(tmp_path / "the:other") / "suite")
    monkeypatch.setattr(provenance, "SUITE_ROOT", own)
    return own


def commit() -> str | None:
    return RunResult(profile="scaled", **provenance.provenance()).commit


def test_the_commit_is_named_by_its_tag_and_told_apart_from_a_tree_that_was_changed(suite: Path) -> None:
    assert commit() == head(suite)
    git(suite, "tag", "-a", "v1", "-m", "one")
    assert commit() == "v1"
    (suite / "file").write_text("changed")
    assert commit() == "v1-dirty"


def test_a_library_that_is_missing_has_no_version(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "LIBRARIES", ("numpy", "no-such-library"))
    assert set(provenance.provenance()["versions"]) == {"python", "numpy"}


@pytest.mark.parametrize(
    "set_there",
    ["GIT_", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_"],
)
def test_an_environment_that_points_at_another_repository_is_no_matter(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_there: str
) -> None:
    """As in a hook, where several variables are set."""
    other = repository(tmp_path / "elsewhere")
    places = {"DIR": ".git", "COMMON_DIR": ".git", "WORK_TREE": "", "INDEX_FILE": ".git/index"}
    places |= {"OBJECT_DIRECTORY": ".git/objects", "CONFIG_VALUE_0": ""}
    hook = {f"GIT_{name}": str(other / place) for name, place in places.items()}
    hook |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.worktree"}
    for name, value in hook.items():
        if name.startswith(set_there):
            monkeypatch.setenv(name, value)
    assert commit() == head(suite)


def test_a_tree_that_is_no_checkout_does_not_take_the_commit_of_the_one_around_it(suite: Path) -> None:
    place = suite / ".git"
    (place / "HEAD").unlink()
    assert commit() is None
    shutil.rmtree(place)
    assert commit() is None
    place.mkdir()
    assert commit() is None
    place.rmdir()
    place.write_text("gitdir: /no/such/place\n")
    assert commit() is None
    place.unlink()
    git(suite, "init")  # without a commit
    assert commit() is None


def test_worktrees_and_submodules_have_their_own(suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(suite, "worktree", "add", "-b", "later", str(tmp_path / "worktree"))
    git(tmp_path / "worktree", "commit", "--allow-empty", "-m", "the second")
    above = repository(tmp_path / "above")
    git(above, "submodule", "add", str(suite), "module")
    git(above / "module", "commit", "--allow-empty", "-m", "another second")
    commits = set()
    for place in (tmp_path / "worktree", above / "module"):
        assert (place / ".git").is_file()
        monkeypatch.setattr(provenance, "SUITE_ROOT", place)
        assert commit() == head(place)
        commits.add(commit())
    assert len(commits | {head(suite), head(above)}) == 4


@pytest.mark.parametrize(("tag", "said"), [(b"caf\xe9", r"caf\xe9"), ("café".encode(), "café")])
def test_the_name_of_a_tag_may_be_any_bytes(suite: Path, tag: bytes, said: str) -> None:
    git(suite, "config", "i18n.commitEncoding", "ISO-8859-1")
    git(suite, "checkout", "-b", tag)
    git(suite, "tag", "-a", tag, "-m", tag)
    assert commit() == said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_tree_of_another_user_that_git_refuses_has_an_unknown_commit(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SUDO_UID", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # where no configuration says that it is safe
    for path in (suite, suite / ".git"):
        os.chown(path, 12345, 12345)
    assert commit() is None


@pytest.mark.parametrize("script", [None, "sleep 60", "exit 3", "kill -9 $$", r"printf '\n'", "sleep 60 & echo"])
def test_a_git_that_is_missing_or_fails_or_hangs_leaves_the_commit_unknown(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    if script is not None:
        (folder / "git").write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}\n")
        (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(provenance, "GIT_SECONDS", 0.3)
    assert commit() is None
