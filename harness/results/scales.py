"""scales/<profile>.json beside the report: of each claim what the latest run of that profile found.

Runs of two profiles overwrite each other's report; what is kept here lets each show the other's findings beside its
own. A run of some claims replaces these alone, so that every claim carries the run that it is of. Only runs of a
profile as it is are kept, on the block of seeds that is judged by default. Charts and numbers per seed are left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.files import replace_file
from harness.profiles.profile import PROFILES
from harness.results.schema import JUDGED, Finding

SCHEMA = 1
FOLDER = "scales"
"""Beside the report."""
APART = ("smoke", "reduced")
"""Profiles that are no scale of the claims: the one judges nothing, the other is for controls and readings."""
LOCK_SECONDS = 10.0
_LOCK = ".lock"
_RUN = {"created": str, "command": str, "seed_block": int, "seeds": list, "own_seeds": bool, "judged": int}
"""What an entry says of its run, beside its commit and `of`, which may be null."""


class ScaleError(Exception):
    """A file of a scale can't be used; the message is one line."""


@dataclass(frozen=True)
class Kept:
    """One claim as one run judged it.

    created: UTC, ISO 8601. commit: None where there is none. seeds: those of the run; own_seeds: whether their number
    is the profile's own. judged, of: how many of the claim's findings at this profile came to a conclusion, and of how
    many; None where only some were collected. changed: what was not as registered, a sentence each.
    """

    id: str
    verdict: str
    created: str
    commit: str | None
    command: str
    seed_block: int
    seeds: tuple[int, ...]
    own_seeds: bool
    judged: int
    of: int | None
    changed: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether each of the claim's findings came to a conclusion."""
        return self.judged == self.of

    def yields_to(self, other: "Kept") -> bool:
        """Whether a newer one takes its place: not a part that of a whole, nor other seeds that of the profile's."""
        return (other.whole, other.own_seeds) >= (self.whole, self.own_seeds)


@dataclass(frozen=True)
class Scale:
    """What is kept of one profile, by claim."""

    profile: str
    claims: Mapping[str, Kept]


def path_of(report: Path, profile: str) -> Path:
    """Where the findings of a profile are kept, beside this report."""
    return report.with_name(FOLDER) / f"{profile}.json"


def kept_of(summary: Mapping[str, Any], counts: Mapping[str, int | None], own_seeds: bool) -> list[Kept]:
    """What there is to keep of a run: its claims of which anything was judged.

    counts: claim -> how many findings it has at this profile; None where only some were collected.
    """
    found = []
    for claim in summary["claims"]:
        every = map(Finding.model_validate, claim["findings"])
        judged = tuple(f.replace(sample=None, drift=None, sensitivity=()) for f in every if f.conclusion in JUDGED)
        if judged:
            found.append(
                Kept(
                    claim["id"],
                    claim["verdict"],
                    summary["created"],
                    summary["commit"],
                    summary["command"],
                    summary["seed_block"],
                    tuple(summary["seeds"]),
                    own_seeds,
                    len(judged),
                    counts.get(claim["id"]),
                    tuple((claim.get("preregistration") or {}).get("changed") or ()),
                    judged,
                )
            )
    return found


def keep(path: Path, profile: str, found: Sequence[Kept]) -> None:
    """Add these claims to the profile's file, each in the place of the one that yields to it; the others stay.

    Whole or not at all, and one after the other where several runs end at once. Raises ScaleError, and leaves the file
    as it was, where it can't be written or is something else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / _LOCK, timeout=LOCK_SECONDS):
            held = dict(read(path).claims) if path.exists() else {}
            held |= {new.id: new for new in found if new.id not in held or held[new.id].yields_to(new)}
            content = {"schema": SCHEMA, "profile": profile, "claims": [_to_json(held[name]) for name in sorted(held)]}
            replace_file(path, json.dumps(content, allow_nan=False).encode())
    except Timeout:
        raise ScaleError(f"{path} can't be written: another process holds its lock") from None
    except (OSError, ValueError) as error:
        raise ScaleError(f"{path} can't be written: {_line(error)}") from None


def read(path: Path) -> Scale:
    """What a file keeps. Raises ScaleError."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict) or content.get("schema") != SCHEMA or not isinstance(content["claims"], list):
            raise ValueError(f"it is no record of a profile's findings of schema {SCHEMA}")
        if content["profile"] != path.stem:
            raise ValueError(f"it is of profile {content['profile']!r}, and not of {path.stem!r} as its name says")
        claims = [_from_json(entry) for entry in content["claims"]]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ScaleError(f"{path} can't be read: {_line(error)}; move it away") from None
    except KeyError as error:
        raise ScaleError(f"{path} can't be read: it has no {error}; move it away") from None
    return Scale(path.stem, {claim.id: claim for claim in claims})


def read_all(folder: Path) -> tuple[list[Scale], list[str]]:
    """The scales in a folder, in the order of the profiles, and why each other file there can't be used, in a line."""
    found, problems = [], []
    for path in sorted(folder.glob("*.json")):
        if path.stem in APART:
            continue
        try:
            found.append(read(path))
        except ScaleError as error:
            problems.append(str(error))
    order = list(PROFILES)
    found.sort(key=lambda scale: order.index(scale.profile) if scale.profile in order else len(order))
    return found, problems


def _to_json(kept: Kept) -> dict[str, Any]:
    told = {name: value for name, value in vars(kept).items() if name != "findings"}
    return {**told, "findings": [finding.plain() for finding in kept.findings]}


def _from_json(entry: Mapping[str, Any]) -> Kept:
    for name, kind in {"id": str, "verdict": str, **_RUN}.items():
        if not isinstance(entry[name], kind):
            raise ValueError(f"{name} of a claim is {entry[name]!r}")
    for name, kinds in (("commit", str | None), ("of", int | None)):
        if not isinstance(entry[name], kinds):
            raise ValueError(f"{name} of claim {entry['id']!r} is {entry[name]!r}")
    return Kept(
        **{
            **entry,
            "seeds": tuple(entry["seeds"]),
            "changed": tuple(map(str, entry["changed"])),
            "findings": tuple(Finding.model_validate(found) for found in entry["findings"]),
        }
    )


def _line(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()).removesuffix(".")
