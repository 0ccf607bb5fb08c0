"""On which seeds there is evidence already: what has been looked at can't be predicted any more."""

from collections.abc import Iterable
from pathlib import Path

from harness.evidence import asked
from harness.evidence.inventory import StoredCell, flat, inventory
from harness.experiment import Cell, to_plain
from harness.preregistration.document import Document, key_of
from harness.profiles import EXPERT_BLOCK, SEEDS_PER_BLOCK, TUNING_BLOCK

Blocks = dict[str, list[int]]
"""Profile -> the seed blocks with evidence at it."""


def stored(store: Path) -> list[StoredCell]:
    """All cells of a store with a finished level, valid or not; none where there is no store."""
    try:
        return [cell for cell in inventory(store) if cell.identity and cell.finished]
    except OSError:
        return []


def blocks_of(claim: str, documents: Iterable[Document], store: Path, cells: Iterable[StoredCell]) -> Blocks:
    """The seed blocks on which the store has a level of a claim's conditions, under any of these documents.

    Stale evidence counts, and so does what was removed if the store remembers that the claim was judged on it.
    """
    profiles: dict[str, str] = {}
    for document in documents:
        for profile, budgets in document["profiles"].items():
            for finding in document["findings"].values():
                for run in finding["runs"].values():
                    settings = budgets["systems"].get(run["system"])
                    if settings is not None:
                        profiles |= {key_of(settings, condition): profile for condition in run["conditions"]}
    found = {
        (profiles[key], block)
        for cell in cells
        if (key := key_of(cell.settings, cell.identity["condition"])) in profiles
        for block in blocks_in(cell)
    }
    found |= {(entry.profile, entry.block) for entry in asked.entries(store) if entry.claim == claim and entry.judged}
    known = sorted((profile, block) for profile, block in found if profile in set(profiles.values()))
    return {profile: [block for name, block in known if name == profile] for profile, _ in known}


def blocks_in(cell: StoredCell) -> set[int]:
    """The seed blocks that a cell's seeds are of."""
    return {seed // SEEDS_PER_BLOCK for seed in cell.identity["seeds"]}


def alike(cells: Iterable[Cell], among: Iterable[StoredCell]) -> list[StoredCell]:
    """Those stored cells that are of the experiment and condition of one of `cells`, on whatever seeds."""
    keys = {key_of(flat(to_plain(cell.experiment)), cell.condition) for cell in cells}
    return [one for one in among if key_of(one.settings, one.identity["condition"]) in keys]


def fresh_block(after: int, used: Iterable[int]) -> int:
    """The first seed block past `after` that is not used, and that claims may be judged on."""
    taken = {*used, EXPERT_BLOCK, TUNING_BLOCK}
    return next(block for block in range(after + 1, after + len(taken) + 2) if block not in taken)
