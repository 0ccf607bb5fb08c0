"""history.sqlite: what every earlier run found, the one place where it is kept beside the baseline.

Every run that judged anything is added, complete or not. A run is one transaction: it is there whole or not at all,
whoever else writes and whenever a process is killed. Runs are in the order in which they were added. What can be asked
for is in columns; the rest is JSON of `results.schema`. Charts are left out.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.errors import OneLineError
from harness.files import prove_writable
from harness.results.model import in_a_line
from harness.results.schema import ClaimResult, RunResult

NAME = "history.sqlite"
FORMAT = 2
"""In the file's header, `user_version`. A file of another format is refused: it lies under .claims/."""
BUSY_SECONDS = 30.0
"""For so long a run waits for another that is writing, which takes milliseconds."""

_APPLICATION = 0x4D54_4849
"""In the file's header, `application_id`: it is one of ours."""
_TABLES = (
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        created TEXT NOT NULL,
        profile TEXT NOT NULL,
        changes TEXT NOT NULL,
        seed_block INTEGER NOT NULL,
        seeds INTEGER NOT NULL,
        own_seeds INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        result TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX runs_alike ON runs (profile, changes, id)",
    """CREATE TABLE claims (
        run INTEGER NOT NULL REFERENCES runs (id),
        position INTEGER NOT NULL,
        claim TEXT NOT NULL,
        whole INTEGER NOT NULL,
        judged INTEGER NOT NULL,
        result TEXT NOT NULL,
        PRIMARY KEY (run, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE judged (
        claim TEXT NOT NULL,
        finding TEXT NOT NULL,
        run INTEGER NOT NULL REFERENCES runs (id),
        PRIMARY KEY (claim, finding, run)
    ) STRICT, WITHOUT ROWID""",
)


class HistoryError(OneLineError):
    """The history can't be read or written; the message is one line."""


@dataclass(frozen=True)
class PastClaim:
    """One claim as one earlier run judged it. run: without its claims."""

    run: RunResult
    claim: ClaimResult


def append(path: Path, run: RunResult) -> None:
    """Add a run, whole or not at all; makes file and folder. Adds nothing where nothing was judged.

    Raises HistoryError.
    """
    if not any(finding.judged for finding in run.findings):
        return
    with _open(path, "written") as base:
        number = base.execute(
            "INSERT INTO runs (created, profile, changes, seed_block, seeds, own_seeds, complete, result)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(run.created, run.profile, _changes(run.changes), run.seed_block, len(run.seeds), run.own_seeds),
                *(run.complete, run.replace(claims=()).to_json()),
            ),
        ).lastrowid
        for position, claim in enumerate(run.claims):
            judged = [(claim.id, finding.name, number) for finding in claim.findings if finding.judged]
            base.executemany("INSERT OR IGNORE INTO judged VALUES (?, ?, ?)", judged)
            held = claim.replace(charts=()).to_json()
            values = (number, position, claim.id, claim.whole, len(judged), held)
            base.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?)", values)


def read(path: Path, profile: str, changes: Sequence[str] = (), last: int | None = None) -> list[RunResult]:
    """The complete runs of a profile with exactly these changes, oldest first; none where there is no file.

    last: only so many, the newest. Writes nothing. Raises HistoryError.
    """
    chosen = "SELECT id FROM runs WHERE profile = ? AND changes = ? AND complete ORDER BY id DESC LIMIT ?"
    with _open(path, "read") as base:
        asked = (profile, _changes(changes), -1 if last is None else last)
        return [_run(base, number) for (number,) in reversed(base.execute(chosen, asked).fetchall())]


def elsewhere(path: Path, profile: str, seed_block: int = 0) -> dict[str, dict[str, PastClaim]]:
    """What other profiles found of each claim: other profile -> claim -> the run that says most of it.

    Only runs on this seed block with nothing changed count. A run that judged the whole claim comes before one that
    judged a part of it, then the profile's own number of seeds before another, then the latest. Raises HistoryError.
    """
    query = """
        SELECT profile, claim, run, result FROM (
            SELECT runs.profile AS profile, claims.claim AS claim, runs.result AS run, claims.result AS result,
            row_number() OVER (
                PARTITION BY runs.profile, claims.claim ORDER BY claims.whole DESC, runs.own_seeds DESC, runs.id DESC
            ) AS place
            FROM claims JOIN runs ON runs.id = claims.run
            WHERE runs.profile != ? AND runs.changes = ? AND runs.seed_block = ? AND claims.judged > 0
        ) WHERE place = 1 ORDER BY profile, claim
    """
    found: dict[str, dict[str, PastClaim]] = {}
    with _open(path, "read") as base:
        for other, claim, run, result in base.execute(query, (profile, _changes(()), seed_block)):
            past = PastClaim(RunResult.from_json(run), ClaimResult.from_json(result))
            found.setdefault(other, {})[claim] = past
    return found


def judged_seeds(
    path: Path, claim: str, name: str, profile: str, changes: Sequence[str], seed_block: int
) -> tuple[int, ...]:
    """At which numbers of seeds a finding was judged on a block, the first one first. Raises HistoryError."""
    query = """
        SELECT runs.seeds FROM judged JOIN runs ON runs.id = judged.run WHERE judged.claim = ? AND judged.finding = ?
        AND runs.profile = ? AND runs.changes = ? AND runs.seed_block = ? ORDER BY runs.id
    """
    with _open(path, "read") as base:
        found = base.execute(query, (claim, name, profile, _changes(changes), seed_block)).fetchall()
    return tuple(dict.fromkeys(seeds for (seeds,) in found))


def judged_blocks(path: Path, claim: str, name: str = "") -> dict[str, tuple[int, ...]]:
    """Profile -> the seed blocks on which a claim was judged, or one of its findings, whatever was changed.

    Raises HistoryError.
    """
    query = """
        SELECT DISTINCT runs.profile, runs.seed_block FROM judged JOIN runs ON runs.id = judged.run
        WHERE judged.claim = ? AND (judged.finding = ? OR ? = '') ORDER BY runs.profile, runs.seed_block
    """
    with _open(path, "read") as base:
        found = base.execute(query, (claim, name, name)).fetchall()
    return {profile: tuple(block for other, block in found if other == profile) for profile, _ in found}


def prove_usable(path: Path) -> None:
    """Raise HistoryError where a run could not be added to this file, as far as that can be known before."""
    try:
        prove_writable(path)
    except OSError as error:
        raise _problem(path, "written", error) from None
    if path.exists():
        with _open(path, "written"):
            pass  # opened, of this format, and free to be written


def _run(base: sqlite3.Connection, number: int) -> RunResult:
    (held,) = base.execute("SELECT result FROM runs WHERE id = ?", (number,)).fetchone()
    claims = base.execute("SELECT result FROM claims WHERE run = ? ORDER BY position", (number,))
    return RunResult.from_json(held).model_copy(
        update={"claims": tuple(ClaimResult.from_json(text) for (text,) in claims)}
    )


def _changes(changes: Sequence[str]) -> str:
    return json.dumps(sorted(changes))


@contextlib.contextmanager
def _open(path: Path, done: str) -> Iterator[sqlite3.Connection]:
    """One transaction on the file, an empty one in memory where it is only read and is not there. Raises HistoryError.

    done: "written" or "read".
    """
    try:
        if done == "written":
            path.parent.mkdir(parents=True, exist_ok=True)
        # to be read it is opened for writing too: what a killed process left half done is undone first
        place = f"file:{quote(bytes(path))}?mode={'rwc' if done == 'written' else 'rw'}"
        place = place if done == "written" or path.exists() else ":memory:"
        with contextlib.closing(
            sqlite3.connect(place, uri=place != ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
        ) as base:
            base.execute("BEGIN IMMEDIATE" if done == "written" else "BEGIN")
            with base:
                _prepare(base)
                yield base
    except (sqlite3.Error, OSError, ValueError) as error:
        raise _problem(path, done, error) from None


def _prepare(base: sqlite3.Connection) -> None:
    """Make the tables of an empty file. Raises ValueError for a file of another format, or of somebody else."""
    (application,), (number,), (tables,) = (
        base.execute(query).fetchone()
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if not (application or number or tables):
        for statement in (*_TABLES, f"PRAGMA application_id = {_APPLICATION}", f"PRAGMA user_version = {FORMAT}"):
            base.execute(statement)
    elif (application, number) != (_APPLICATION, FORMAT):
        raise ValueError(f"it is no history of format {FORMAT}")


def _problem(path: Path, done: str, error: Exception) -> HistoryError:
    said = in_a_line(error).removesuffix(".")
    return HistoryError(
        f"the history {path} can't be {done}: {said}; move it away, or name another file with --claims-history"
    )
