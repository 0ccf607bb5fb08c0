"""For how many seeds each hypothesis was asked on a block: a note in the store, made before anything is trained.

Seeds that are added to those already judged make a test that stops when it likes. So a store remembers the numbers of
seeds in the order in which they were asked for; it is not evidence, and nothing is computed from it.

    <evidence>/asked/<hash>.json   one claim's finding, profile (with what was changed about it) and seed block
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.canonical import canonical_json
from harness.evidence.folder import read_json
from harness.files import replace_file


@dataclass(frozen=True)
class Asked:
    """One hypothesis on one block. profile: as `str` of it. seeds: its numbers of seeds, the first asked first.

    judged: those of them at which a finding came out.
    """

    claim: str
    finding: str
    profile: str
    block: int
    seeds: tuple[int, ...] = ()
    judged: tuple[int, ...] = ()

    def added_to(self, seeds: int) -> int | None:
        """The largest number of seeds that was judged, is under `seeds`, and was asked for before; None where none."""
        before = self.seeds[: self.seeds.index(seeds)] if seeds in self.seeds else self.seeds
        return max((count for count in before if count < seeds and count in self.judged), default=None)


def recall(store: Path, entry: Asked) -> Asked | None:
    """What the store remembers of the entry's hypothesis on its block; None where nothing."""
    return _read(_file(store, entry))


def remember(store: Path, entry: Asked) -> None:
    """Put the entry in the place of the one before; left undone where the store can't be written."""
    path = _file(store, entry)
    if _read(path) != entry:
        with contextlib.suppress(OSError):  # complete evidence may lie on a read-only disk
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, (json.dumps(asdict(entry), indent=1) + "\n").encode())


def entries(store: Path) -> Iterator[Asked]:
    """All that the store remembers."""
    for path in sorted((store / "asked").glob("*.json")):
        found = _read(path)
        if found is not None:
            yield found


def _file(store: Path, entry: Asked) -> Path:
    which = canonical_json([entry.claim, entry.finding, entry.profile, entry.block])
    return store / "asked" / f"{hashlib.sha256(which.encode()).hexdigest()[:20]}.json"


def _read(path: Path) -> Asked | None:
    content = read_json(path)
    try:
        claim, finding, profile = (str(content[name]) for name in ("claim", "finding", "profile"))
        seeds, judged = (tuple(int(count) for count in content[name]) for name in ("seeds", "judged"))
        return Asked(claim, finding, profile, int(content["block"]), seeds, judged)
    except (TypeError, KeyError, ValueError):
        return None
