"""What is judged from a larger profile on: at smaller ones it is left out, and named, unless --claim asks for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from harness.judging.claim import Claim, at_least_of, claim_of

ORDER = ("reduced", "scaled", "extended", "paper")
"""Profiles that judge, the smallest first. A smoke run is of everything."""
LEFT = pytest.StashKey[bool]()
"""Of an item that was left out for that reason."""


@dataclass(frozen=True)
class Later:
    """A claim of which something is judged from the profile `least` on; partly: and something at this one."""

    claim: Claim
    least: str
    partly: bool = False


def part(
    items: Sequence[pytest.Item], profile: str, named: Iterable[str]
) -> tuple[list[pytest.Item], dict[str, Later]]:
    """The items that are of this profile; and, by id, the claims of which some are not.

    named: claims that were asked for by name: one of which nothing is judged at this profile unasked is then judged as
    a whole. Raises pytest.UsageError for a marker that names no profile.
    """
    for item in items:
        least = at_least_of(item)
        if least is not None and least not in ORDER:
            raise pytest.UsageError(f"{item.nodeid}: at_least({least!r}) names none of {', '.join(ORDER)}")
    judged = {claim.id for claim in (claim_of(item) for item in items if not _waits(item, profile)) if claim}
    asked = set(named) - judged
    kept: list[pytest.Item] = []
    later: dict[str, Later] = {}
    for item in items:
        claim, least = claim_of(item), at_least_of(item)
        if claim and least and _waits(item, profile) and claim.id not in asked:
            item.stash[LEFT] = True
            later.setdefault(claim.id, Later(claim, least, partly=claim.id in judged))
        else:
            kept.append(item)
    return kept, later


def sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    """A line per profile that claims of a run's summary wait for, for the terminal."""
    waiting, judged = summary["later"], {claim["id"] for claim in summary["claims"]}
    for profile in dict.fromkeys(entry["profile"] for entry in waiting):
        of_profile = [entry["id"] for entry in waiting if entry["profile"] == profile]
        if whole := [name for name in of_profile if name not in judged]:
            yield f"judged from the profile {profile} on, or where --claim names it: {', '.join(whole)}"
        if more := [name for name in of_profile if name in judged]:
            yield f"more of it is judged from the profile {profile} on: {', '.join(more)}"


def plain(later: Mapping[str, Later]) -> list[dict[str, Any]]:
    """For findings.json."""
    return [
        {
            "id": name,
            "says": one.claim.says,
            "source": one.claim.source,
            "profile": one.least,
            "controls": list(one.claim.controls),
        }
        for name, one in later.items()
    ]


def _waits(item: pytest.Item, profile: str) -> bool:
    least = at_least_of(item)
    return least is not None and profile in ORDER and ORDER.index(profile) < ORDER.index(least)
