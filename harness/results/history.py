"""history.sqlite: the findings of every complete run, so that one can see when something changed.

An SQLite file, with text and numbers as columns and what has parts as JSON text. A run is one transaction: it is there
whole or not at all, whoever else writes and whenever a process is killed. Runs are in the order in which they were
written. `user_version` is the format; an older file is brought up to it by the next run that is added.
"""

import contextlib
import functools
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.files import prove_writable
from harness.results.finding import Finding
from harness.results.findings_file import FindingsError, findings_of
from harness.results.sample import Sample

NAME = "history.sqlite"
BUSY_SECONDS = 30.0
"""For so long a run waits for another that is writing, which takes milliseconds."""

_APPLICATION = 0x4D54_4849
"""In the file's header, `application_id`: it is one of ours."""
_STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            created TEXT NOT NULL,
            "commit" TEXT,
            profile TEXT NOT NULL,
            changes TEXT NOT NULL,
            seed_block INTEGER NOT NULL,
            seeds TEXT NOT NULL,
            command TEXT NOT NULL,
            machine TEXT NOT NULL,
            versions TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX runs_alike ON runs (profile, changes, id)",
        """CREATE TABLE verdicts (
            run INTEGER NOT NULL REFERENCES runs (id),
            position INTEGER NOT NULL,
            claim TEXT NOT NULL,
            verdict TEXT NOT NULL,
            PRIMARY KEY (run, position)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE findings (
            run INTEGER NOT NULL REFERENCES runs (id),
            position INTEGER NOT NULL,
            claim TEXT NOT NULL,
            name TEXT NOT NULL,
            nodeid TEXT NOT NULL,
            system TEXT NOT NULL,
            hypothesis TEXT NOT NULL,
            kind TEXT NOT NULL,
            smallest REAL NOT NULL,
            unit TEXT NOT NULL,
            conclusion TEXT NOT NULL,
            test TEXT NOT NULL,
            n TEXT NOT NULL,
            effect REAL,
            lower REAL,
            upper REAL,
            p REAL,
            sample TEXT,
            PRIMARY KEY (run, position)
        ) STRICT""",
    ),
)
"""What makes a file of format k+1 out of one of format k, an empty one being of format 0. A step is never edited."""
FORMAT = len(_STEPS)

_RUN = ("created", "commit", "profile", "changes", "seed_block", "seeds", "command", "machine", "versions")
_TEXTS = ("claim", "name", "nodeid", "system", "hypothesis", "kind", "smallest", "unit", "conclusion", "test")
_NUMBERS = ("effect", "lower", "upper", "p")
_FINDING = (*_TEXTS, "n", *_NUMBERS, "sample")


class HistoryError(Exception):
    """The history can't be read or written; the message is one line."""


@dataclass(frozen=True)
class PastFinding:
    """A finding of an earlier run: the fields of `Finding` that it was kept with.

    sample_json: the numbers per seed as text, for few readers need those of every run.
    """

    claim: str
    name: str
    nodeid: str
    system: str
    hypothesis: str
    kind: str
    smallest: float
    unit: str
    conclusion: str
    test: str
    n: tuple[int, ...]
    effect: float
    lower: float
    upper: float
    p: float | None
    sample_json: str | None

    def sample(self) -> Sample | None:
        """The numbers per seed behind the effect; None where there are none. Raises HistoryError."""
        try:
            return None if self.sample_json is None else Sample.from_json(json.loads(self.sample_json))
        except ValueError as error:
            raise HistoryError(f"the sample of {self.claim} {self.name} can't be read: {error}") from None


@dataclass(frozen=True)
class PastRun:
    """A complete run.

    created      when it ended, UTC, ISO 8601
    changes      what was asked for on top of the profile, in words, in the order of the alphabet
    seeds        those that were judged, of block `seed_block`
    machine      {"cpu", "cpus"}
    versions     library -> version
    verdicts     claim -> verdict
    findings     in the order of that run
    """

    created: str
    commit: str | None
    profile: str
    changes: tuple[str, ...]
    seed_block: int
    seeds: tuple[int, ...]
    command: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    verdicts: Mapping[str, str]
    findings: tuple[PastFinding, ...]


def append(path: Path, summary: Mapping[str, Any]) -> None:
    """Add a run, whole or not at all; makes file and folder. summary: as `harness.results.findings_file` has it.

    Raises HistoryError.
    """
    try:
        found = findings_of(summary)
    except FindingsError as error:
        raise _problem(path, "written", str(error)) from None
    run = {name: summary[name] for name in _RUN} | {"changes": sorted(summary["changes"])}
    with _writing(path) as base:
        cursor = base.execute(_insert("runs", _RUN), [_cell(run[name]) for name in _RUN])
        number = cursor.lastrowid
        base.executemany(
            _insert("verdicts", ("run", "position", "claim", "verdict")),
            [(number, position, claim["id"], claim["verdict"]) for position, claim in enumerate(summary["claims"])],
        )
        base.executemany(
            _insert("findings", ("run", "position", *_FINDING)),
            [(number, position, *_row_of(finding)) for position, finding in enumerate(found)],
        )


def read(path: Path, profile: str, changes: Sequence[str] = (), last: int | None = None) -> list[PastRun]:
    """The runs of a profile with exactly these changes, oldest first; none where there is no file.

    last: only so many, the newest. Writes nothing. Raises HistoryError.
    """
    if not path.exists():
        return []
    chosen = "SELECT id FROM runs WHERE profile = ? AND changes = ? ORDER BY id DESC LIMIT ?"
    asked = (profile, _cell(sorted(changes)), -1 if last is None else last)
    with _reading(path) as base:
        runs = base.execute(f"SELECT id, {_names(_RUN)} FROM runs WHERE id IN ({chosen}) ORDER BY id", asked).fetchall()
        verdicts = base.execute(
            f"SELECT run, claim, verdict FROM verdicts WHERE run IN ({chosen}) ORDER BY run, position", asked
        ).fetchall()
        findings = base.execute(
            f"SELECT run, {_names(_FINDING)} FROM findings WHERE run IN ({chosen}) ORDER BY run, position", asked
        ).fetchall()
    verdicts_of: dict[int, dict[str, str]] = {run[0]: {} for run in runs}
    findings_of: dict[int, list[PastFinding]] = {run[0]: [] for run in runs}
    for run, claim, verdict in verdicts:
        verdicts_of[run][claim] = verdict
    try:
        for run, *values in findings:
            findings_of[run].append(_finding(values))
        return [_run(values, verdicts_of[number], findings_of[number]) for number, *values in runs]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _problem(path, "read", str(error)) from None


def prove_usable(path: Path) -> None:
    """Raise HistoryError where a run could not be added to this file, as far as that can be known before."""
    try:
        prove_writable(path)
    except OSError as error:
        raise _problem(path, "written", error.strerror or str(error)) from None
    if path.exists():
        with _writing(path):
            pass  # opened, of a known format, and free to be written: that is all that can be known


def _insert(table: str, names: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({_names(names)}) VALUES ({', '.join('?' * len(names))})"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)  # "commit" is a word of SQL


def _cell(value: Any) -> Any:
    """What has parts as JSON text; a number that is none becomes NULL by itself."""
    plain = value is None or isinstance(value, str | int | float)
    return value if plain else json.dumps(value, allow_nan=False, separators=(",", ":"))


def _row_of(finding: Finding) -> list[Any]:
    """Numbers as they are, which SQLite holds infinite as well; a sample as in findings.json, where they are words."""
    plain = finding.to_json()
    values = [(getattr(finding, name), plain[name]) for name in _FINDING]
    return [held if isinstance(held, float) else _cell(written) for held, written in values]


def _finding(values: Sequence[Any]) -> PastFinding:
    named = dict(zip(_FINDING, values, strict=True))
    for name, missing in (("effect", nan), ("lower", -inf), ("upper", inf)):
        if named[name] is None:
            named[name] = missing
    return PastFinding(**named | {"n": _sizes(named.pop("n")), "sample_json": named.pop("sample")})


@functools.cache
def _sizes(text: str) -> tuple[int, ...]:
    """A thousand runs have few different ones."""
    return tuple(json.loads(text))


def _run(values: Sequence[Any], verdicts: Mapping[str, str], findings: Sequence[PastFinding]) -> PastRun:
    created, commit, profile, changes, block, seeds, command, machine, versions = values
    return PastRun(
        *(created, commit, profile, tuple(json.loads(changes)), block, tuple(json.loads(seeds)), command),
        *(json.loads(machine), json.loads(versions), verdicts, tuple(findings)),
    )


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, on a file of the present format. Raises HistoryError, and leaves the file as it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(_connect(path, "rwc")) as base:
            base.execute("BEGIN IMMEDIATE")  # waits here for others, not with a lock that it can't raise
            with base:
                _upgrade(base, path)
                yield base
    except (sqlite3.Error, OSError) as error:
        raise _problem(path, "written", str(error)) from None


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """One state of the file, in the present format; an older one is brought up to it in memory alone."""
    try:
        # open for writing, where that is allowed: what a killed process left half done is undone first
        with contextlib.closing(_connect(path, "rw")) as base, contextlib.closing(_connect(None)) as memory:
            base.execute("BEGIN")
            if _format(base, path) == FORMAT:
                yield base
                return
            base.execute("COMMIT")
            base.backup(memory)
            _upgrade(memory, path)
            yield memory
    except (sqlite3.Error, OSError) as error:
        raise _problem(path, "read", str(error)) from None


def _connect(path: Path | None, mode: str = "memory") -> sqlite3.Connection:
    place = ":memory:" if path is None else f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(place, uri=path is not None, timeout=BUSY_SECONDS, isolation_level=None)


def _format(base: sqlite3.Connection, path: Path) -> int:
    """The format of a history; 0 of an empty file. Raises HistoryError for one of the future, or of somebody else."""
    (application,), (number,) = (
        base.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    (tables,) = base.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not (application or number or tables):
        return 0
    if application != _APPLICATION or not number > 0:
        raise HistoryError(
            f"{path} is no history, but a database of something else: name another with --claims-history"
        )
    if number > FORMAT:
        raise HistoryError(
            f"the history {path} has format {number}, and this version knows formats up to {FORMAT}: update, or name"
            " another with --claims-history"
        )
    return int(number)


def _upgrade(base: sqlite3.Connection, path: Path) -> None:
    """Bring a file to the present format, within the transaction that is open."""
    old = _format(base, path)
    for step in _STEPS[old:]:
        for statement in step:
            base.execute(statement)
    if old < FORMAT:
        base.execute(f"PRAGMA application_id = {_APPLICATION}")
        base.execute(f"PRAGMA user_version = {FORMAT}")


def _problem(path: Path, done: str, why: str) -> HistoryError:
    said = " ".join(why.split()).removesuffix(".")
    return HistoryError(
        f"the history {path} can't be {done}: {said}; move it away, or name another with --claims-history"
    )
