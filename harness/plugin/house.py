"""This suite's own claims, for a project elsewhere: there `--claim ID` finds them without a path."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.files import SUITE_ROOT
from harness.judging.claim import claim_of
from harness.plugin.options import Settings

CLAIMS = SUITE_ROOT / "claims"
ALL = "all"
JOINED = pytest.StashKey[bool]()
"""Of an item that `join` added: no path names it, as seen from the project."""


def join(session: pytest.Session, items: list[pytest.Item], settings: Settings) -> None:
    """Add the house's claims that are asked for, where none of the house's was collected and no other has that id."""
    if not (settings.claims or settings.list_claims) or any(item.path.is_relative_to(CLAIMS) for item in items):
        return
    own = {claim.id for claim in map(claim_of, items) if claim}
    wanted = None if settings.list_claims or ALL in settings.claims else set(settings.claims) - own
    for path in _modules(wanted):
        module = pytest.Module.from_parent(session, path=path, nodeid=f"minimal-tickets/claims/{path.name}")
        for item in session.genitems(module):
            claim = claim_of(item)
            if claim and claim.id not in own and (wanted is None or claim.id in wanted):
                item.stash[JOINED] = True
                items.append(item)


def _modules(wanted: set[str] | None) -> Iterator[Path]:
    """Those that may declare one of these claims; the others need not be imported."""
    for path in sorted(CLAIMS.glob("test_*.py")):
        text = path.read_text("utf-8")
        if wanted is None or any(f'"{name}"' in text for name in wanted):
            yield path
