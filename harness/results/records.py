"""Records of how far verdicts can be trusted: what a command measured, as the report shows it.

A record is written to .claims/trust/, by what its command measured here and now; with `--fixture` also to
fixtures/trust/, where it is committed and stands for those who have not measured themselves. A reader gets the former
where it exists.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from harness.errors import OneLineError
from harness.files import FIXTURES, replace_file
from harness.results.model import Model, in_a_line
from harness.results.provenance import provenance
from harness.results.schema import Machine

FORMAT: Literal[2] = 2
COMMITTED = FIXTURES / "trust"
HERE = Path(".claims/trust")

RecordName = Literal["calibration", "aa", "controls", "agreement", "multiverse", "alarms"]
NAMES = get_args(RecordName)
"""In the order in which the report shows them."""
Tone = Literal["good", "bad", "mixed", "weak", "none"]


class RecordEntry(Model):
    """One entry of a table: what it says, how that is to be taken, and, where one asks for it, more."""

    text: str
    tone: Tone = "none"
    detail: str = ""


class RecordTable(Model):
    """A table of a record: `columns` names them, the first is the rows' own; every row has one entry per column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[RecordEntry | str, ...], ...]
    caption: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.title!r} has {len(self.columns)} columns, and a row of {len(row)}")
        return self


def entry(text: str, tone: Tone = "none", detail: str = "") -> RecordEntry:
    """The entry of these."""
    return RecordEntry(text=text, tone=tone, detail=detail)


def table(
    title: str, columns: Iterable[str], rows: Iterable[Iterable[RecordEntry | str]], caption: str = ""
) -> RecordTable:
    """The table of these."""
    return RecordTable(title=title, columns=tuple(columns), rows=tuple(map(tuple, rows)), caption=caption)


class Record(Model):
    """What one command found.

    title                               a heading
    of                                  what was measured: the profile and its seeds, or the code
    says                                in a sentence or two, how it was measured
    verdict                             the result in one sentence; ok: whether the result is as it must be
    data                                the numbers behind it, plain JSON, for code
    created, commit, machine, versions  when, of what, where and by what: filled in where it is written
    origin                              where it was read from
    """

    format: Literal[2] = FORMAT
    name: RecordName
    title: str
    of: str
    says: str
    verdict: str
    ok: bool
    command: str
    tables: tuple[RecordTable, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict)
    cpu_seconds: float = 0.0
    created: str = ""
    commit: str | None = None
    machine: Machine = Machine()
    versions: dict[str, str] = Field(default_factory=dict)
    origin: Literal["here", "committed"] = "here"


class RecordError(OneLineError):
    """A record can't be read; the message is one line."""


def write(record: Record, folder: Path | None = None) -> Path:
    """Put the record into `folder` (default: .claims/trust), with when, where and by what it was measured; returns its
    path."""
    path = (HERE if folder is None else folder) / f"{record.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    dated: dict[str, Any] = {name: held for name, held in provenance().items() if name in Record.model_fields}
    replace_file(path, (record.replace(**dated).model_dump_json(indent=1, exclude={"origin"}) + "\n").encode())
    return path


def read(name: str, here: Path | None = None, committed: Path | None = None) -> Record | None:
    """The record of `here` (default: .claims/trust) before the committed one; None where neither exists.

    Raises RecordError for one that is damaged, or of another format.
    """
    places = (("here", HERE if here is None else here), ("committed", COMMITTED if committed is None else committed))
    for origin, folder in places:
        path = folder / f"{name}.json"
        try:
            record = Record.from_json(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValidationError) as error:
            raise RecordError(f"{path} can't be read ({in_a_line(error)}): remove it, or measure again") from None
        if record.name != name:
            raise RecordError(f"{path} is a record of {record.name!r}: remove it, or measure again")
        return record.replace(origin=origin)
    return None
