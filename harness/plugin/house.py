"""This suite's own claims, for a project elsewhere: there `--claim ID` finds them without a path."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.claim import claim_of
from harness.files import HOUSE
from harness.plugin.options import Settings

CLAIMS = HOUSE / "claims"
ALL = "all"


def join(session: pytest.Session, items: list[pytest.Item], settings: Settings) -> None:
    """Add the house's claims that are asked for, where the project is another one and has no claim of that id."""
    if CLAIMS.is_relative_to(session.config.rootpath) or not (settings.claims or settings.list_claims):
        return
    own = {claim.id for claim in map(claim_of, items) if claim}
    wanted = None if settings.list_claims or ALL in settings.claims else set(settings.claims) - own
    for path in _modules(wanted):
        module = pytest.Module.from_parent(session, path=path)
        for item in session.genitems(module):
            claim = claim_of(item)
            if claim and claim.id not in own and (wanted is None or claim.id in wanted):
                items.append(item)


def is_from_here(item: pytest.Item) -> bool:
    """Whether `join` added it: then no path names it, as seen from the project."""
    return item.path.is_relative_to(CLAIMS) and not CLAIMS.is_relative_to(item.config.rootpath)


def _modules(wanted: set[str] | None) -> Iterator[Path]:
    """Those that may declare one of these claims; the others need not be imported."""
    for path in sorted(CLAIMS.glob("test_*.py")):
        text = path.read_text("utf-8")
        if wanted is None or any(f'"{name}"' in text for name in wanted):
            yield path
