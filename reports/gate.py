"""What a run says of its baseline, and of how far it is: its summary's entries, for the page's head."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from harness.files import FIXTURES
from reports import numbers
from reports.marks import STANDINGS, Mark, mark


@dataclass(frozen=True)
class Baseline:
    """What the run was held against; standings: how many findings came out how. unused: entries no claim uses."""

    says: str
    file: str
    standings: tuple[Mark, ...]
    unused: tuple[str, ...]
    gate: bool
    failed: bool


@dataclass(frozen=True)
class Partial:
    """How far a run is that is going, or was cut short; numbers as text, None where the run does not say."""

    levels: str
    of_levels: str
    cells: str
    of_cells: str
    share: str


def baseline(entry: Any) -> Baseline | None:
    """The run's own entry; None without a baseline."""
    if not isinstance(entry, Mapping):
        return None
    given, unused, says = entry.get("standings"), entry.get("unused"), str(entry.get("says") or "")
    counts = {str(word): count for word, count in given.items() if count} if isinstance(given, Mapping) else {}
    order = [word for word in STANDINGS if word in counts] + sorted(word for word in counts if word not in STANDINGS)
    says = says.removesuffix(
        ": " + ", ".join(f"{count} {word}" for word, count in counts.items())
    )  # its tally is shown
    return Baseline(
        says[:1].upper() + says[1:],
        _short(entry.get("file")),
        tuple(mark(word, STANDINGS, counts[word]) for word in order),
        tuple(map(str, unused)) if isinstance(unused, list) else (),
        bool(entry.get("gate")),
        bool(entry.get("failed")),
    )


def _short(file: Any) -> str:
    """A baseline's file as one knows it: from fixtures/ on, or with the folder that holds it."""
    place = PurePath(str(file or "a baseline"))
    if not place.is_absolute():
        return str(place)
    first = place.parts.index(FIXTURES.name) if FIXTURES.name in place.parts else -2
    return "/".join(place.parts[first:])


def partial(entry: Any) -> Partial | None:
    """The run's own entry; None of a complete run."""
    if not isinstance(entry, Mapping):
        return None
    shown = {name: numbers.plain(entry.get(name)) for name in ("levels", "of_levels", "cells", "of_cells")}
    return Partial(**shown, share=numbers.percent(entry.get("share")))
