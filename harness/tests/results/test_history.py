"""The history holds every complete run, whole or not at all, whoever writes and whatever becomes of the file."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness.results.findings_file import SCHEMA

from harness.results import history
from harness.results.history import HistoryError
from harness.results.schema import Finding, Sample
from harness.tests.evidence.cells import disk, remount
from harness.tests.evidence.processes import queue, start
from harness.tests.plugin.projects import BODIES, OK, TINY, Project, assert_refused, project

SEEDS = tuple(range(20))


def summary(
    effect: float = 0.2,
    profile: str = "scaled",
    changes: tuple[str, ...] = (),
    created: str = "2026-11-22T10:00:00+00:00",
) -> dict[str, Any]:
    """A run of one claim with two findings, the second of which was refused."""
    sample = Sample("mean", (effect + 0.01 * np.cos(np.pi * np.arange(20)),), SEEDS)
    asked = {"nodeid": "n", "system": "cart-pole bc", "hypothesis": "It is so.", "kind": "greater", "unit": "return"}
    judged = Finding(
        **{**asked, "claim": "one", "name": "a", "min_effect": 0.05, "conclusion": "supported", "n": [20]},
        effect=effect,
        lower=effect - 0.1,
        p=0.001,
        sample=sample.to_json(),
    )
    refused = Finding(**asked, claim="one", name="b", min_effect=0.05, conclusion="underpowered", refused="too few")
    return {
        "schema": SCHEMA,
        "created": created,
        "commit": "0a1b2c3",
        "profile": profile,
        "changes": list(changes),
        "seed_block": 0,
        "seeds": list(SEEDS),
        "command": "pytest",
        "machine": {"cpu": "a CPU", "cpus": 2},
        "versions": {"numpy": "2.4.6"},
        "claims": [{"id": "one", "verdict": "INCONCLUSIVE", "findings": [judged.to_json(), refused.to_json()]}],
    }


def test_what_was_censored_comes_back_as_it_was(file: Path) -> None:
    """Earliest and latest are infinite there."""
    held = summary()
    sample = Sample("holds out", (np.array([[-np.inf, -0.5], [-0.2, np.inf]]), np.array([[-0.3, -0.3]])), None)
    held["claims"][0]["findings"][0] |= {"sample": sample.to_json(), "effect": sample.effect}
    history.append(file, held)
    again = history.read(file, "scaled")[0].findings[0].sample()
    assert again is not None
    assert all(np.array_equal(a, b) for a, b in zip(again.groups, sample.groups, strict=True))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "below" / history.NAME


# What is kept


def test_a_run_comes_back_as_it_was_with_its_samples(file: Path) -> None:
    history.append(file, summary())
    (run,) = history.read(file, "scaled")
    assert (run.commit, run.seeds, run.machine["cpus"], run.versions) == ("0a1b2c3", SEEDS, 2, {"numpy": "2.4.6"})
    assert run.verdicts == {"one": "INCONCLUSIVE"}
    judged, refused = run.findings
    assert (judged.conclusion, judged.effect, judged.lower, judged.upper, judged.n) == (
        *("supported", 0.2, 0.1, float("inf")),
        (20,),
    )
    sample = judged.sample()
    assert sample is not None and sample.seeds == SEEDS
    assert sample.effect == pytest.approx(0.2)
    assert np.isnan(refused.effect) and refused.lower == -float("inf") and refused.sample() is None


def test_runs_are_told_apart_by_profile_and_changes_and_come_oldest_first(file: Path) -> None:
    for effect in (0.3, 0.1, 0.2):
        history.append(file, summary(effect))
    history.append(file, summary(profile="reduced"))
    history.append(file, summary(changes=("lineage=branch", "control unmasked")))
    assert [run.findings[0].effect for run in history.read(file, "scaled")] == [0.3, 0.1, 0.2]
    assert [run.findings[0].effect for run in history.read(file, "scaled", last=2)] == [0.1, 0.2]
    assert len(history.read(file, "reduced")) == 1
    (changed,) = history.read(file, "scaled", ("control unmasked", "lineage=branch"))
    assert changed.changes == ("control unmasked", "lineage=branch")
    assert history.read(file, "scaled", ("lineage=branch",)) == []


def test_where_there_is_no_file_there_are_no_runs_and_reading_makes_none(file: Path) -> None:
    assert history.read(file, "scaled") == []
    assert not file.parent.exists()


def test_a_thousand_runs_are_read_in_less_than_a_second(file: Path) -> None:
    history.append(file, summary())
    others = range(2, 1001)
    with sqlite3.connect(file) as base:
        for table, rows in (("runs", 0), ("verdicts", 10), ("findings", 26)):
            (_, *held), *_ = base.execute(f"SELECT * FROM {table}").fetchall()
            copies = [(run, place, *held[1:]) for run in others for place in range(rows)] or [
                (run, *held) for run in others
            ]
            base.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(copies[0]))})", copies)
    base.close()
    began = time.process_time()
    runs = history.read(file, "scaled")
    spent = time.process_time() - began
    assert len(runs) == 1000
    assert [len(run.findings) for run in runs[1:]] == [26] * 999
    assert spent < 1


# Several processes


def append_many(path: str, count: int, done: Any = None) -> None:
    for place in range(count):
        history.append(Path(path), summary(effect=place / 1000))
        if done is not None:
            done.put(place)


def test_processes_that_write_at_once_lose_nothing(file: Path) -> None:
    writers = [start(append_many, str(file), 12) for _ in range(4)]
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    runs = history.read(file, "scaled")
    assert sorted(run.findings[0].effect for run in runs) == sorted(place / 1000 for place in range(12) for _ in "four")
    assert all(len(run.findings) == 2 and run.verdicts for run in runs)


def write_half_a_run_and_die(path: str) -> None:
    with history._writing(Path(path)) as base:
        base.execute("PRAGMA cache_size = 1")  # so that the file itself is changed before anything is committed
        for place in range(500):
            base.execute("INSERT INTO verdicts VALUES (2, ?, ?, 'REPRODUCED')", (place, "claim" * 200))
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_run_whose_process_was_killed_while_it_wrote_is_not_there(file: Path) -> None:
    history.append(file, summary())
    size = file.stat().st_size
    writer = start(write_half_a_run_and_die, str(file))
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    assert file.stat().st_size > size, "nothing of it had reached the file, so that nothing was tried"
    assert len(history.read(file, "scaled")) == 1
    history.append(file, summary(0.3))
    assert [run.findings[0].effect for run in history.read(file, "scaled")] == [0.2, 0.3]
    with sqlite3.connect(file) as base:
        assert base.execute("SELECT count(*) FROM verdicts").fetchone() == (2,)
    base.close()


def test_kills_at_any_moment_leave_whole_runs_and_all_that_were_finished(file: Path) -> None:
    finished = 0
    for place in range(8):
        done = queue()
        writer = start(append_many, str(file), 1000, done)
        done.get()
        time.sleep(0.01 + 0.013 * place)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(60)
        finished += 1
        while not done.empty():
            done.get()
            finished += 1
        runs = history.read(file, "scaled")
        assert finished <= len(runs) <= finished + place + 1  # one that was written may not have been told
        assert all(len(run.findings) == 2 and run.verdicts for run in runs)
    with sqlite3.connect(file) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()


# Formats


def test_an_older_file_is_read_as_it_is_and_brought_up_to_date_by_the_next_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.append(file, summary())
    before = file.read_bytes()
    steps = (*history._STEPS, ("ALTER TABLE runs ADD COLUMN mood TEXT DEFAULT 'fine'",))
    monkeypatch.setattr(history, "_STEPS", steps)
    monkeypatch.setattr(history, "FORMAT", len(steps))
    assert len(history.read(file, "scaled")) == 1
    assert file.read_bytes() == before
    history.append(file, summary(0.3))
    assert len(history.read(file, "scaled")) == 2
    with sqlite3.connect(file) as base:
        assert base.execute("SELECT mood FROM runs").fetchall() == [("fine",), ("fine",)]
        assert base.execute("PRAGMA user_version").fetchone() == (len(steps),)
    base.close()
    monkeypatch.undo()
    for use in (lambda: history.read(file, "scaled"), lambda: history.append(file, summary())):
        assert "has format 2, and this version knows formats up to 1: update" in refusal(use)


def refusal(use: Callable[[], object]) -> str:
    """The one line with which this is refused."""
    with pytest.raises(HistoryError) as refused:
        use()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def of_something_else(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as base:
        base.execute("CREATE TABLE bookmarks (url TEXT)")
    base.close()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    file.write_bytes(content)


def no_database(file: Path) -> None:
    file.write_text("not a database, but a text that is long enough to be taken for one" * 20)


@pytest.mark.parametrize("damage", [of_something_else, cut, overwritten, no_database])
def test_a_damaged_or_foreign_file_is_one_line_and_is_left_alone(file: Path, damage: Callable[[Path], None]) -> None:
    history.append(file, summary())
    damage(file)
    before = file.read_bytes()
    for use in (lambda: history.read(file, "scaled"), lambda: history.append(file, summary())):
        said = refusal(use)
        assert str(file) in said and "--claims-history" in said
    assert file.read_bytes() == before


@pytest.mark.parametrize("column", ["machine", "seeds"])
def test_text_that_is_no_json_is_one_line(file: Path, column: str) -> None:
    history.append(file, summary())
    with sqlite3.connect(file) as base:
        base.execute(f"UPDATE runs SET {column} = '{{'")
    base.close()
    assert "can't be read" in refusal(lambda: history.read(file, "scaled"))


def test_a_sample_that_is_none_is_one_line_where_it_is_asked_for(file: Path) -> None:
    history.append(file, summary())
    with sqlite3.connect(file) as base:
        base.execute("UPDATE findings SET sample = '{\"statistic\": \"mean\"}' WHERE name = 'a'")
    base.close()
    (run,) = history.read(file, "scaled")
    assert "one a" in refusal(run.findings[0].sample)


# Disks


def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path) -> None:
    with disk(tmp_path / "small", "200k") as small:
        file = small / history.NAME
        history.append(file, summary())
        (small / "filler").write_bytes(bytes(200 * 1024 - file.stat().st_size - 8 * 1024))
        assert "full" in refusal(lambda: [history.append(file, summary()) for _ in range(50)])
        (small / "filler").unlink()
        kept = len(history.read(file, "scaled"))
        assert kept >= 1
        history.append(file, summary())
        assert len(history.read(file, "scaled")) == kept + 1


def test_a_read_only_disk_is_one_line_to_a_run_and_nothing_to_a_reader(tmp_path: Path) -> None:
    with disk(tmp_path / "small", "1m") as small:
        file = small / history.NAME
        history.append(file, summary())
        remount(small, "ro")
        assert "can't be written" in refusal(lambda: history.append(file, summary()))
        assert "can't be written" in refusal(lambda: history.append(small / "new" / history.NAME, summary()))
        assert len(history.read(file, "scaled")) == 1


# What a session adds


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An option that names the evidence which all these sessions share."""
    return f"--claims-evidence={tmp_path_factory.mktemp('tiny') / 'evidence'}"


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with two claims, judged at the profile tiny."""
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'})
    for name in ("supported", "underpowered"):
        made.add(name, BODIES[name])
    return made


def kept(made: Project) -> list[history.PastRun]:
    return history.read(made.folder / ".claims" / history.NAME, "tiny")


def test_a_complete_run_is_added_once_however_many_workers_judged(made: Project, evidence: str) -> None:
    beside, alone = made.run(evidence, "-n", "2", "--claims-report=none"), made.run(evidence, "--claims-seed-block=1")
    assert alone.code == beside.code == OK, alone.text + beside.text
    first, second = kept(made)
    assert (first.seed_block, second.seed_block) == (0, 1)
    assert first.verdicts == second.verdicts == {"supported": "REPRODUCED", "underpowered": "INCONCLUSIVE"}
    assert first.findings[0].sample() is not None
    assert str(made.folder / ".claims" / history.NAME) in alone.text
    assert "--claims-seed-block=1" in second.command
    page = (made.folder / ".claims" / "report.html").read_text()
    assert "2 complete runs, all with the same numbers" in page


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["-k", "supported"], "a path or option named some"),
        (["--claim", "supported"], "a path or option named some"),
        (["--deselect", "claims/test_supported.py::test_it"], "named some"),
        (["claims/test_supported.py"], "named some"),
        (["--ignore=claims/test_supported.py"], "named some"),
    ],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_a_run_of_some_claims_is_not_added_and_says_why(
    made: Project, evidence: str, args: list[str], why: str
) -> None:
    ran = made.run(evidence, *args)
    (said,) = [line for line in ran.text.splitlines() if line.startswith("history: ")]
    assert "not complete" in said and why in said
    assert kept(made) == []


def test_a_run_with_an_error_is_not_added(made: Project, evidence: str) -> None:
    made.add("raising", BODIES["raising"])
    assert "1 finding ended in an error" in made.run(evidence).text
    assert kept(made) == []


def test_a_smoke_run_keeps_none_and_a_control_its_own(made: Project, evidence: str) -> None:
    assert "history" not in made.run(evidence, "--claims-profile=smoke").text
    assert not list((made.folder / ".claims").rglob(history.NAME))
    ran = made.run(evidence, "--claims-control=exchanged-returns")
    (file,) = (made.folder / ".claims").rglob(history.NAME)
    assert file.parent.name == "controls", ran.text
    (run,) = history.read(file, "tiny", ("control exchanged-returns",))
    assert run.changes == ("control exchanged-returns",)


def test_the_history_may_lie_elsewhere_or_nowhere(made: Project, evidence: str) -> None:
    made.run(evidence, "--claims-history=none")
    assert not list(made.folder.rglob(history.NAME))
    made.run(evidence, "--claims-history", "kept/past.sqlite")
    assert len(history.read(made.folder / "kept" / "past.sqlite", "tiny")) == 1


def test_a_damaged_history_costs_a_line_and_neither_verdicts_nor_exit_code(made: Project, evidence: str) -> None:
    file = made.folder / ".claims" / history.NAME
    file.parent.mkdir()
    no_database(file)
    ran = made.run(evidence)
    assert ran.code == OK
    (said,) = [line for line in ran.text.splitlines() if line.startswith("claims: the history")]
    assert "move it away" in said and said.endswith("this run is not in it")
    assert made.verdicts() == {"supported": "REPRODUCED", "underpowered": "INCONCLUSIVE"}
    assert "Not shown: the history" in (file.parent / "report.html").read_text()
    file.unlink()
    made.run(evidence)
    assert len(kept(made)) == 1


@pytest.mark.parametrize("damage", [no_database, of_something_else])
def test_a_history_that_was_asked_for_and_can_not_be_used_is_refused_before_any_training(
    made: Project, damage: Callable[[Path], None]
) -> None:
    file = made.folder / "past.sqlite"
    file.touch()
    damage(file)
    assert_refused(made, made.run("--claims-history=past.sqlite"), "past.sqlite", "--claims-history")
    assert_refused(made, made.run("-n", "2", "--claims-history=past.sqlite/below"), "past.sqlite", "can't be written")


def test_a_bad_history_is_no_matter_to_what_judges_nothing(made: Project) -> None:
    no_database(made.folder / "past.sqlite")
    assert made.run("--claims-history=past.sqlite", "--claims-plan").code == OK
