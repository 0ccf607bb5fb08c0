"""The records of trust as the page shows them: each checked before a word of it is, for a file may hold anything."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.results import records

# name -> (title where there is no record, the command that would measure it)
UNMEASURED = {
    "calibration": ("Calibration by simulation", "make calibrate"),
    "aa": ("A/A runs: the same against the same", "make aa"),
    "controls": ("Negative controls", "make controls"),
    "agreement": ("Agreement of fresh seed blocks", "python -m harness agreement A B"),
    "multiverse": ("Other readings of the paper", "make multiverse"),
    "alarms": ("False alarms of the gate", "make alarms"),
}
TONES = ("good", "bad", "mixed", "weak", "none")
LINE = 4_000  # characters of one text; what is longer was not written to be read
TEXT = 800_000  # characters of a record, as JSON, of which the page shows anything
ENTRIES = 5_000  # of all tables of a record; with TEXT, what five records may add to a page
OPEN_ROWS, OPEN_TABLES = 12, 2  # what is larger is folded
FAR = 1e12  # seconds, CPUs: beyond it lies no measurement


@dataclass(frozen=True)
class Entry:
    """One entry of a table."""

    text: str
    tone: str
    detail: str


@dataclass(frozen=True)
class Table:
    """A table; `tones` counts its entries by tone, those without one left out; `folded` where it is large."""

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    tones: tuple[tuple[str, int], ...]
    folded: bool


@dataclass(frozen=True)
class Controls:
    """How the controls of one claim came out. `killed` of `applied`; twin: what it comes to with nothing broken;
    twin_holds: whether there was anything that a control could take away."""

    killed: int
    survivors: tuple[tuple[str, str], ...]  # control, why
    others: tuple[tuple[str, int], ...]  # outcome, how often: not applicable, or a word unknown here
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
class Readings:
    """What other readings of the paper make of one claim.

    usual: its verdict under the readings that change no finding, None where every one does. changing: each other
    verdict, with the switches that lead to it. kept: switches that change findings, yet not the verdict.
    """

    count: int
    usual: str | None
    changing: tuple[tuple[str, tuple[str, ...]], ...]
    kept: tuple[tuple[str, tuple[str, ...]], ...]  # switch, the findings it changes


@dataclass(frozen=True)
class Part:
    """One record on the page; `measured` is False where there is none, `problem` says in a line why it isn't shown."""

    name: str
    title: str
    command: str
    measured: bool = False
    problem: str = ""
    says: str = ""
    verdict: str = ""
    ok: bool = False
    here: bool = False
    created: str | None = None
    commit: str | None = None
    cpu: str | None = None
    cpus: int | None = None
    cpu_seconds: float | None = None
    tables: tuple[Table, ...] = ()
    controls: Mapping[str, Controls] = field(default_factory=dict)
    readings: Mapping[str, Readings] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """The id of its place on the page."""
        return f"trust-{self.name}"


def unmeasured(name: str) -> Part:
    """The part of a record that does not exist."""
    title, command = UNMEASURED[name]
    return Part(name, title, command)


def parts(here: Path, committed: Path = records.COMMITTED) -> tuple[Part, ...]:
    """Every record in the report's order, that of `here` before the committed one; none raises."""
    return tuple(_read(name, here, committed) for name in records.NAMES)


def part(name: str, content: Mapping[str, Any]) -> Part:
    """The record `content`, as `records.read` gives it; ValueError, in one line, where it is not what it must be."""
    machine = _mapping(content.get("machine") or {}, "its machine")
    data = _mapping(content.get("data") or {}, "its data")
    ok = content.get("ok")
    if not isinstance(ok, bool):
        raise ValueError("its ok is neither true nor false")
    if len(json.dumps([content.get("tables"), data if name in ("controls", "multiverse") else None])) > TEXT:
        raise ValueError(f"it holds more than {TEXT:,} characters")
    return Part(
        name=name,
        title=_text(content.get("title"), "its title"),
        command=_text(content.get("command"), "its command"),
        measured=True,
        says=_text(content.get("says"), "its says"),
        verdict=_text(content.get("verdict"), "its verdict"),
        ok=ok,
        here=content.get("origin") == "here",
        created=_optional(content.get("created"), "its created"),
        commit=_optional(content.get("commit"), "its commit"),
        cpu=_optional(machine.get("cpu"), "its machine's cpu"),
        cpus=None if (cpus := _number(machine.get("cpus"))) is None else int(cpus),
        cpu_seconds=_number(content.get("cpu_seconds")),
        tables=_tables(content.get("tables")),
        controls=_controls(data) if name == "controls" else {},
        readings=_readings(data) if name == "multiverse" else {},
    )


def _read(name: str, here: Path, committed: Path) -> Part:
    try:
        content = records.read(name, here, committed)
        return unmeasured(name) if content is None else part(name, content.model_dump(mode="json"))
    except records.RecordError as error:
        problem = str(error)
    except ValueError as error:
        problem = f"{name}.json can't be shown: {error}"
    except RecursionError:
        problem = f"{name}.json can't be read: it is nested too deeply"
    title, command = UNMEASURED[name]
    return Part(name, title, command, problem=_sound(problem))


def _tables(tables: Any) -> tuple[Table, ...]:
    entries = 0
    read = []
    listed = _list(tables, "its tables")
    for place, table in enumerate(listed, start=1):
        what = f"its table {place}"
        table = _mapping(table, what)
        columns = tuple(_text(column, f"a column of {what}") for column in _list(table.get("columns"), what))
        rows = [_list(row, f"a row of {what}") for row in _list(table.get("rows"), f"the rows of {what}")]
        if not columns or any(len(row) != len(columns) for row in rows):
            raise ValueError(f"{what} has rows of another length than its columns")
        entries += len(rows) * len(columns)
        if entries > ENTRIES:
            raise ValueError(f"its tables have more than {ENTRIES:,} entries")
        filled = tuple(tuple(_entry(item, f"an entry of {what}") for item in row) for row in rows)
        counts = Counter(entry.tone for row in filled for entry in row)
        read.append(
            Table(
                title=_text(table.get("title"), f"the title of {what}"),
                caption=_text(table.get("caption", ""), f"the caption of {what}"),
                columns=columns,
                rows=filled,
                tones=tuple((tone, counts[tone]) for tone in TONES[:-1] if counts[tone]),
                folded=len(rows) > OPEN_ROWS or len(listed) > OPEN_TABLES,
            )
        )
    return tuple(read)


def _entry(item: Any, what: str) -> Entry:
    if isinstance(item, str):
        return Entry(_text(item, what), "none", "")
    item = _mapping(item, what)
    tone = item.get("tone", "none")
    if tone not in TONES:
        raise ValueError(f"{what} has a tone that is none of {', '.join(TONES)}")
    return Entry(_text(item.get("text"), what), tone, _text(item.get("detail", ""), f"the detail of {what}"))


def _controls(data: Mapping[str, Any]) -> dict[str, Controls]:
    twin = _mapping(data.get("twin") or {}, "its twin")
    lame = data.get("nothing to lose")  # older records: of all claims that the twin does not reproduce
    lame = None if lame is None else _list(lame, "its claims with nothing to lose")
    found = {}
    for claim, outcomes in _mapping(data.get("claims") or {}, "its claims").items():
        survivors, others, killed = [], Counter[str](), 0
        for control, came in _mapping(outcomes, "the controls of a claim").items():
            came = _mapping(came, "what a control came to")
            outcome = _text(came.get("outcome"), "the outcome of a control")
            if outcome == "killed":
                killed += 1
            elif outcome == "survived":
                survivors.append((_text(control, "a control"), _text(came.get("why", ""), "the why of a control")))
            else:
                others[outcome] += 1
        verdict = _optional(twin.get(claim), "the verdict of a twin")
        holds = verdict in (None, "REPRODUCED") if lame is None else claim not in lame
        found[claim] = Controls(killed, tuple(survivors), tuple(others.items()), verdict, holds)
    return found


def _readings(data: Mapping[str, Any]) -> dict[str, Readings]:
    found = {}
    for claim, switches in _mapping(data.get("claims") or {}, "its claims").items():
        verdicts, changed = {}, {}
        for switch, came in _mapping(switches, "the readings of a claim").items():
            came = _mapping(came, "what a reading came to")
            name = _text(switch, "a switch")
            verdicts[name] = _text(came.get("verdict"), "the verdict of a reading")
            changed[name] = tuple(
                _text(finding, "a finding") for finding in _list(came.get("changed_findings", []), "changed_findings")
            )
        # a verdict is read off its findings: where none changed, it is that of the usual reading
        usual = next((verdicts[name] for name in verdicts if not changed[name]), None)
        together: dict[str, list[str]] = {}
        for name, verdict in verdicts.items():
            if verdict != usual:
                together.setdefault(verdict, []).append(name)
        kept = tuple((name, changed[name]) for name in verdicts if changed[name] and verdicts[name] == usual)
        changing = tuple((verdict, tuple(names)) for verdict, names in together.items())
        found[claim] = Readings(len(verdicts), usual, changing, kept)
    return found


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is no object")
    return value


def _list(value: Any, what: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{what} is no list")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} is no text")
    if len(value) > LINE:
        raise ValueError(f"{what} has {len(value):,} characters; {LINE:,} are the most")
    return _sound(value)


def _optional(value: Any, what: str) -> str | None:
    return None if value is None else _text(value, what)


def _number(value: Any) -> float | None:
    """A number of a machine or a cost; what can't be one is left out."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < FAR else None


def _sound(text: str) -> str:
    """Half of a surrogate pair is no character, and would keep the page from being written."""
    return text.encode("utf-8", "replace").decode("utf-8")
