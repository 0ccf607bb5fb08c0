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


def git(folder: Path, *args: str) -> str:
    """What git says there, as somebody who may commit."""
    someone = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    ran = subprocess.run(["git", *someone, *args], cwd=folder, env=PLAIN, capture_output=True, check=True)
    return ran.stdout.decode().strip()


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
    assert set(provenance.provenance()["versions"]) == {"python", "numpy", "OpenBLAS kernels"}


def test_an_environment_that_points_at_another_repository_is_no_matter(
    suite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a hook."""
    other = repository(tmp_path / "elsewhere")
    for name, place in {"DIR": ".git", "COMMON_DIR": ".git", "WORK_TREE": "", "INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(f"GIT_{name}", str(other / place))
    assert commit() == head(suite)


def test_a_tree_that_is_no_checkout_does_not_take_the_commit_of_the_one_around_it(suite: Path) -> None:
    place = suite / ".git"
    (place / "HEAD").unlink()
    assert commit() is None
    shutil.rmtree(place)
    assert commit() is None
    git(suite, "init")  # without a commit
    assert commit() is None


@pytest.mark.parametrize("script", [None, "sleep 60", "exit 3"])
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
