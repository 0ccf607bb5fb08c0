"""Fixtures that more than one file of tests needs."""

from collections.abc import Iterator

import pytest

from harness import files
from harness.networks.initialisers import INITIALISERS
from harness.networks.kinds import NETWORKS
from harness.profiles import profile
from harness.pruning.criteria import CRITERIA


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the test registers is forgotten after it."""
    for registry in (CRITERIA, INITIALISERS, NETWORKS, profile.LEARNERS, profile.TASKS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        monkeypatch.setattr(registry, "_origins", dict(registry._origins))
    held = (*profile._SYSTEMS.values(), *profile._FRACTIONS.values(), files.OWN_FIXTURES)
    before = [dict(each) for each in held]
    yield
    for each, kept in zip(held, before, strict=True):
        each.clear()
        each.update(kept)
