"""Stores with evidence that tests look at, or spoil a copy of."""

import shutil
from pathlib import Path

import pytest

from harness.evidence.store import Store
from harness.tests.evidence.cells import AGENT_PLAN, finish


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The evidence of `CHAIN_PLAN`. Not to be changed: `copied` gives a copy."""
    store = Store(tmp_path_factory.mktemp("undisturbed") / "evidence")
    finish(store)
    return store


@pytest.fixture(scope="session")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The evidence of `AGENT_PLAN`. Not to be changed."""
    store = Store(tmp_path_factory.mktemp("agents") / "evidence")
    finish(store, AGENT_PLAN)
    return store


@pytest.fixture
def copied(undisturbed: Store, tmp_path: Path) -> Store:
    """A copy of `undisturbed`."""
    return Store(Path(shutil.copytree(undisturbed.folder, tmp_path / "copied")))
