"""Fixtures that more than one file of tests needs."""

import pytest

from harness.networks.initialisers import INITIALISERS
from harness.profiles.profile import LEARNERS
from harness.pruning.criteria import CRITERIA


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test registers is forgotten after it."""
    for registry in (CRITERIA, INITIALISERS, LEARNERS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        monkeypatch.setattr(registry, "_origins", dict(registry._origins))


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Lines of a conftest.py that have the cells of Cart-Pole BC at the costs of smoke taken from a store, slowly.

    A new process then need not compile the engine, which takes it longer than to train.
    """
    from harness.tests.plugin.projects import project

    made = project(tmp_path_factory.mktemp("replay") / "project", "test_ticket_effect.py")
    ran = made.run("--claims-profile=smoke", "-k", "cart-pole-bc", "-n", "0", "--claims-report=none")
    assert ran.code == 0, ran.text
    return _REPLAY.replace("EVIDENCE", repr(str(made.evidence)))


_REPLAY = """
import pathlib
import time

import harness.evidence.drain
import harness.evidence.store


def replayed(cell, level, *rest):
    time.sleep(0.3)
    return harness.evidence.store.Store(pathlib.Path(EVIDENCE)).read(harness.evidence.store.address(cell), level)


harness.evidence.drain.run_level = replayed
"""
