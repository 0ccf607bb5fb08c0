"""On which seeds there is evidence already: what has been looked at can't be predicted any more."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.canonical import canonical_json
from harness.evidence import asked
from harness.evidence.inventory import StoredCell, inventory
from harness.experiment import Cell
from harness.profiles.profile import EXPERT_BLOCK, SEEDS_PER_BLOCK, TUNING_BLOCK
from harness.results.preregistration.document import Document, is_of, settings_of

Blocks = dict[str, list[int]]
"""Profile -> the seed blocks with evidence at it."""


def stored(store: Path) -> list[StoredCell]:
    """All cells of a store with a finished level, valid or not; none where there is no store."""
    try:
        return [cell for cell in inventory(store) if cell.identity and cell.finished]
    except OSError:
        return []


def blocks_of(claim: str, documents: Sequence[Document], store: Path, cells: Iterable[StoredCell]) -> Blocks:
    """The seed blocks on which the store has a level of a claim's conditions, under any of these documents.

    Stale evidence counts, and so does what was removed if the store remembers that the claim was judged on it.
    """
    registered: dict[str, tuple[str, str, Any]] = {}
    for document in documents:
        for profile, budgets in document["profiles"].items():
            for run in (run for finding in document["findings"].values() for run in finding["runs"].values()):
                settings = budgets["systems"].get(run["system"])
                for condition in run["conditions"] if settings else ():
                    registered[canonical_json([profile, condition, settings])] = profile, condition, settings
    known = list(registered.values())
    profiles = {profile for document in documents for profile in document["profiles"]}
    found = {(entry.profile, entry.block) for entry in asked.entries(store) if entry.claim == claim and entry.judged}
    for cell in cells:
        for profile, condition, settings in known:
            if cell.identity["condition"] == condition and is_of(cell.settings, condition, settings):
                found |= {(profile, block) for block in blocks_in(cell)}
    by_profile: Blocks = {}
    for profile, block in sorted(found):
        if profile in profiles:
            by_profile.setdefault(profile, []).append(block)
    return by_profile


def unseen(document: Document, cells: Sequence[StoredCell]) -> list[str]:
    """The document's findings of which none of these cells holds a level of a run's conditions, on whatever seeds."""
    found = []
    for name, finding in document["findings"].items():
        wanted = [
            (condition, budgets["systems"][run["system"]])
            for budgets in document["profiles"].values()
            for run in finding["runs"].values()
            for condition in (run["conditions"] if run["system"] in budgets["systems"] else ())
        ]
        held = (
            cell.identity["condition"] == condition and is_of(cell.settings, condition, settings)
            for cell in cells
            for condition, settings in wanted
        )
        if wanted and not any(held):
            found.append(name)
    return found


def blocks_in(cell: StoredCell) -> set[int]:
    """The seed blocks that a cell's seeds are of."""
    return {seed // SEEDS_PER_BLOCK for seed in cell.identity["seeds"]}


def alike(cells: Iterable[Cell], among: Iterable[StoredCell]) -> list[StoredCell]:
    """Those stored cells that are of the experiment and condition of one of `cells`, on whatever seeds."""
    wanted = list(dict.fromkeys((cell.condition, cell.experiment) for cell in cells))
    known = [(condition, settings_of(experiment)) for condition, experiment in wanted]
    return [
        one
        for one in among
        if any(one.identity["condition"] == name and is_of(one.settings, name, settings) for name, settings in known)
    ]


def fresh_block(after: int, used: Iterable[int]) -> int:
    """The first seed block past `after` that is not used, and that claims may be judged on."""
    taken = {*used, EXPERT_BLOCK, TUNING_BLOCK}
    return next(block for block in range(after + 1, after + len(taken) + 2) if block not in taken)
