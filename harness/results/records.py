"""Records of how far verdicts can be trusted: what a command measured, as the report shows it.

A record is written to .claims/trust/, by what its command measured here and now; with `--fixture` to fixtures/trust/,
where it is committed and stands for those who have not measured themselves. A reader gets the former where it exists.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.files import FIXTURES, replace_file
from harness.results.provenance import provenance

SCHEMA = 1
NAMES = ("calibration", "aa", "controls", "agreement", "multiverse", "alarms")
"""In the order in which the report shows them."""
COMMITTED = FIXTURES / "trust"
HERE = Path(".claims/trust")

Tone = Literal["good", "bad", "mixed", "weak", "none"]


@dataclass(frozen=True)
class Entry:
    """One entry of a table: what it says, how that is to be taken, and, where one asks for it, more."""

    text: str
    tone: Tone = "none"
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a record: `columns` names them, the first is the rows' own; every row has one entry per column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Entry | str]]
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r} has {len(self.columns)} columns, and a row of {len(row)}")


@dataclass(frozen=True)
class Record:
    """What one command found.

    name: one of `NAMES`. title: a heading. says: in a sentence or two, what was measured and how. verdict: in one
    sentence, what came out. ok: whether that is as it must be. data: the numbers behind it, plain JSON, for code.
    """

    name: str
    title: str
    says: str
    verdict: str
    ok: bool
    command: str
    tables: Sequence[Table] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0


class RecordError(Exception):
    """A record can't be read; the message is one line."""


def write(record: Record, folder: Path = HERE) -> Path:
    """Put the record into `folder`, with when, where and by what it was measured; returns its path."""
    if record.name not in NAMES:
        raise ValueError(f"a record is one of {', '.join(NAMES)}, not {record.name!r}")
    path = folder / f"{record.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(
        path,
        (json.dumps({"schema": SCHEMA, **provenance(), **asdict(record)}, indent=1, allow_nan=False) + "\n").encode(),
    )
    return path


def leave(record: Record, fixture: bool) -> list[Path]:
    """Write the record to .claims/trust, and for a `fixture` to fixtures/trust as well; returns the paths."""
    return [write(record, folder) for folder in ((HERE, COMMITTED) if fixture else (HERE,))]


def read(name: str, here: Path = HERE, committed: Path = COMMITTED) -> dict[str, Any] | None:
    """The record as JSON, that of `here` before the committed one; None where neither exists.

    Its key "origin" says which: "here" or "committed". Raises RecordError for one that is damaged or of another schema.
    """
    for origin, folder in (("here", here), ("committed", committed)):
        path = folder / f"{name}.json"
        try:
            content = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise RecordError(
                f"{path} can't be read: {' '.join(str(error).split())}; remove it, or measure anew"
            ) from None
        if not isinstance(content, dict) or content.get("schema") != SCHEMA or content.get("name") != name:
            raise RecordError(f"{path} is no record {name!r} of schema {SCHEMA}; remove it, or measure anew")
        return {**content, "origin": origin}
    return None
