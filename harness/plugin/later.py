"""What is judged from a larger profile on: at smaller ones it is left out, and named, unless --claim asks for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.claim import Claim, at_least_of, claim_of

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

    named: claims that were asked for by name, which are of any profile. Raises pytest.UsageError for a marker that
    names no profile.
    """
    kept: list[pytest.Item] = []
    later: dict[str, Later] = {}
    for item in items:
        claim, least = claim_of(item), at_least_of(item)
        if least is not None and least not in ORDER:
            raise pytest.UsageError(f"{item.nodeid}: at_least({least!r}) names none of {', '.join(ORDER)}")
        if claim and least and profile in ORDER and claim.id not in named and _waits(profile, least):
            item.stash[LEFT] = True
            later.setdefault(claim.id, Later(claim, least))
        else:
            kept.append(item)
    judged = {claim.id for claim in map(claim_of, kept) if claim}
    return kept, {name: replace(one, partly=name in judged) for name, one in later.items()}


def sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    """A line per profile that claims of a run's summary wait for, for the terminal."""
    waiting, judged = summary["later"], {claim["id"] for claim in summary["claims"]}
    for profile in dict.fromkeys(entry["profile"] for entry in waiting):
        of_profile = (entry["id"] for entry in waiting if entry["profile"] == profile)
        names = ", ".join(f"{name} (more of it)" if name in judged else name for name in of_profile)
        yield f"judged from the profile {profile} on, or where --claim names it: {names}"


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


def _waits(profile: str, least: str) -> bool:
    return ORDER.index(profile) < ORDER.index(least)
