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
