"""The records of trust as the page shows them; each is checked as a whole first, for a file may hold anything."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.results import records
from harness.results.model import in_a_line
from harness.results.records import Record, RecordEntry, RecordTable
from reports.marks import TONES, Mark, tally

# name -> (title where there is no record, the command that would measure it)
UNMEASURED = {
    "calibration": ("Calibration by simulation", "make calibrate"),
    "aa": ("A/A runs: the same against the same", "make aa"),
    "controls": ("Negative controls", "make controls"),
    "agreement": ("Agreement of fresh seed blocks", "python -m harness agreement A B"),
    "multiverse": ("Other readings of the paper", "make multiverse"),
    "alarms": ("False alarms of the gate", "make alarms"),
}
OPEN_ROWS, OPEN_TABLES = 12, 2  # what is larger is folded


@dataclass(frozen=True)
class ShownTable:
    """A table; `tones` counts its entries by tone, those without one left out; `folded` where it is large."""

    table: RecordTable
    rows: tuple[tuple[RecordEntry, ...], ...]
    tones: tuple[Mark, ...]
    folded: bool


@dataclass(frozen=True)
class ClaimControls:
    """The outcomes of one claim's controls. `killed` of `applied`; others: outcomes that are neither, and how often;
    twin: what the claim comes to with nothing broken; twin_holds: whether there was anything to take away."""

    killed: int
    survivors: tuple[tuple[str, str], ...]  # control, why
    others: tuple[tuple[str, int], ...]
    twin: str | None
    twin_holds: bool

    @property
    def applied(self) -> int:
        """How many controls could kill or survive."""
        return self.killed + len(self.survivors)

    @property
    def word(self) -> str:
        """The outcome, in a few words."""
        if not self.applied:
            return "no control applies"
        return f"{self.killed} of {self.applied} controls kill" if self.twin_holds else "controls can't tell"

    @property
    def tone(self) -> str:
        """good: every one kills; bad: one survived; weak: nothing can be said."""
        if not self.applied or not self.twin_holds:
            return "weak"
        return "bad" if self.survivors else "good"


@dataclass(frozen=True)
class ClaimReadings:
    """What other readings of the paper make of one claim.

    usual: its verdict under the readings that change no finding, None where every one does. changing: each other
    verdict, with the readings that lead to it. kept: readings that change findings, yet not the verdict.
    """

    count: int
    usual: str | None
    changing: tuple[tuple[str, tuple[str, ...]], ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class TrustPart:
    """One record on the page; `record` is None where there is none, `problem` says in a line why it isn't shown."""

    name: str
    title: str
    command: str
    problem: str = ""
    record: Record | None = None
    tables: tuple[ShownTable, ...] = ()
    controls: Mapping[str, ClaimControls] = field(default_factory=dict)
    readings: Mapping[str, ClaimReadings] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """The id of its place on the page."""
        return f"trust-{self.name}"


def parts(here: Path, committed: Path = records.COMMITTED) -> tuple[TrustPart, ...]:
    """Read every record in the report's order, that of `here` before the committed one; a damaged one is a problem."""
    return tuple(_read(name, here, committed) for name in records.NAMES)


def unmeasured() -> tuple[TrustPart, ...]:
    """Return a part for every record, as if none existed."""
    return tuple(TrustPart(name, *UNMEASURED[name]) for name in records.NAMES)


def part(record: Record) -> TrustPart:
    """Prepare a record for the page."""
    return TrustPart(
        record.name,
        record.title,
        record.command,
        record=record,
        tables=tuple(_table(table, len(record.tables)) for table in record.tables),
        controls=_controls(record.data) if record.name == "controls" else {},
        readings=_readings(record.data) if record.name == "multiverse" else {},
    )


def _read(name: str, here: Path, committed: Path) -> TrustPart:
    title, command = UNMEASURED[name]
    try:
        record = records.read(name, here, committed)
        return TrustPart(name, title, command) if record is None else part(record)
    except records.RecordError as error:
        problem = str(error)
    except Exception as error:  # its data is not what the command writes
        problem = f"{name}.json can't be shown: {type(error).__name__}: {in_a_line(error)}"
    return TrustPart(name, title, command, problem=problem)


def _table(table: RecordTable, of: int) -> ShownTable:
    rows = tuple(tuple(e if isinstance(e, RecordEntry) else records.entry(e) for e in row) for row in table.rows)
    tones = tally((entry.tone for row in rows for entry in row if entry.tone in TONES), TONES)
    return ShownTable(table, rows, tones, len(rows) > OPEN_ROWS or of > OPEN_TABLES)


def _controls(data: Mapping[str, Any]) -> dict[str, ClaimControls]:
    found = {}
    for claim, outcomes in data["claims"].items():
        counts = Counter(came["outcome"] for came in outcomes.values())
        found[claim] = ClaimControls(
            counts.pop("killed", 0),
            tuple((name, came["why"]) for name, came in outcomes.items() if came["outcome"] == "survived"),
            tuple((outcome, count) for outcome, count in counts.items() if outcome != "survived"),
            data["twin"].get(claim),
            claim not in data["nothing to lose"],
        )
    return found


def _readings(data: Mapping[str, Any]) -> dict[str, ClaimReadings]:
    found = {}
    for claim, came in data["claims"].items():
        # a verdict is read off its findings: where none changed, it is that of the usual reading
        usual = next((reading["verdict"] for reading in came.values() if not reading["changed_findings"]), None)
        changing: dict[str, list[str]] = {}
        for name, reading in came.items():
            if reading["verdict"] != usual:
                changing.setdefault(reading["verdict"], []).append(name)
        kept = tuple(name for name, r in came.items() if r["changed_findings"] and r["verdict"] == usual)
        found[claim] = ClaimReadings(len(came), usual, tuple((v, tuple(names)) for v, names in changing.items()), kept)
    return found
