"""The history holds every run that judged, whole or not at all, whoever writes and whatever becomes of the file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.results import history
from harness.results.history import HistoryError
from harness.results.schema import RunResult
from harness.tests.evidence.processes import start
from harness.tests.factory import claim_result, finding, run_result, sample
from harness.tests.plugin.projects import OK, made_of_numbers


def run(effect: float = 0.2, claim: str = "one", **changes: Any) -> RunResult:
    """A run of one claim with two findings, the second of which was refused."""
    judged = finding(claim=claim, name="a", effect=effect, lower=effect - 0.1)
    refused = finding(claim=claim, name="b", conclusion="underpowered", refused="too few", sample=None)
    return run_result(claim_result(judged, refused), **changes)


def effects(runs: list[RunResult]) -> list[float]:
    return [one.findings[0].effect for one in runs]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "below" / history.NAME


# What is kept, and what can be asked


def test_each_finding_of_each_run_comes_back_with_its_own_numbers_but_no_charts(file: Path) -> None:
    """Findings of one name in several claims and runs that all differ: none borrows another's."""
    runs = []
    for number in range(3):
        claims = []
        for claim, offset in (("one", number), ("two", number + 10)):
            findings = [
                finding(
                    claim=claim,
                    name=name,
                    effect=at + offset,
                    lower=at + offset - 0.3,
                    p=0.01 * at,
                    sample=sample(at, at + 1, shift=offset),
                )
                for at, name in enumerate(("a", "b"), 1)
            ]
            claims.append(claim_result(*findings, cpu_seconds=offset))
        runs.append(run_result(*claims, created=f"2026-11-0{number + 1}", versions={"numpy": "2.4.6"}))
        drawn = tuple(claim.replace(charts=({"kind": "returns"},)) for claim in claims)
        history.append(file, runs[-1].replace(claims=drawn))
    assert history.read(file, "scaled") == runs
    past = history.elsewhere(file, "paper")["scaled"]
    assert {name: one.claim for name, one in past.items()} == {claim.id: claim for claim in runs[-1].claims}


def test_runs_are_told_apart_by_profile_and_changes_and_come_oldest_first(file: Path) -> None:
    for effect in (0.3, 0.1, 0.25):
        history.append(file, run(effect))
    history.append(file, run(profile="reduced"))
    history.append(file, run(changes=("pruning.lineage=branch", "control unmasked"), control="unmasked"))
    assert effects(history.read(file, "scaled")) == [0.3, 0.1, 0.25]
    assert effects(history.read(file, "scaled", last=2)) == [0.1, 0.25]
    assert len(history.read(file, "reduced")) == 1
    assert len(history.read(file, "scaled", ("control unmasked", "pruning.lineage=branch"))) == 1
    assert history.read(file, "scaled", ("pruning.lineage=branch",)) == []


def test_a_partial_run_is_kept_and_not_drawn_and_one_that_judged_nothing_is_not_kept(file: Path) -> None:
    history.append(file, run_result(claim_result(finding(conclusion="smoke"), verdict="SMOKE")))
    assert history.read(file, "scaled") == []
    assert history.elsewhere(file, "scaled") == history.judged_blocks(file, "one") == {}
    assert not file.parent.exists(), "reading makes no file"
    history.append(file, run(lacking="a path named some of the claims"))
    assert history.read(file, "scaled") == []
    assert history.judged_seeds(file, "one", "a", "scaled", (), 0) == (5,)


def test_of_each_other_profile_the_latest_run_of_each_claim_is_shown(file: Path) -> None:
    history.append(file, run(0.1, profile="extended"))
    history.append(file, run(0.2, profile="extended"))
    history.append(file, run(0.3, claim="two", profile="extended"))
    history.append(file, run(0.4, profile="paper"))
    found = history.elsewhere(file, "paper")
    assert found.keys() == {"extended"}
    assert {name: past.claim.findings[0].effect for name, past in found["extended"].items()} == {"one": 0.2, "two": 0.3}
    assert history.elsewhere(file, "scaled").keys() == {"extended", "paper"}


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        ({}, True),
        ({"seed_block": 1}, False),
        ({"changes": ("pruning.rate=0.3",)}, False),
        ({"own_seeds": False}, False),
        ({"expected": 3}, False),  # it judged a part of the claim
        ({"expected": None}, False),
        ({"lacking": "a path named some of the claims"}, True),  # of this claim it judged all
    ],
    ids=str,
)
def test_only_a_run_of_the_profile_as_it_is_and_of_the_whole_claim_takes_anothers_place(
    changes: dict[str, Any], replaces: bool, file: Path
) -> None:
    history.append(file, run(profile="paper", created="older"))
    changes = dict(changes)
    newer = run(profile="paper", created="newer")
    if "expected" in changes:
        newer = newer.replace(claims=(newer.claims[0].replace(expected=changes.pop("expected")),))
    history.append(file, newer.replace(**changes))
    past = history.elsewhere(file, "scaled")["paper"]["one"]
    assert past.run.created == ("newer" if replaces else "older")


def test_the_seeds_and_the_blocks_at_which_a_finding_was_judged_are_known_in_their_order(file: Path) -> None:
    for count in (20, 5, 20, 8):
        history.append(file, run(seeds=tuple(range(count))))
    history.append(file, run(seeds=tuple(range(3)), seed_block=1))
    history.append(file, run(seeds=tuple(range(4)), changes=("pruning.rate=0.3",)))
    history.append(file, run(seeds=tuple(range(6)), claim="two", seed_block=7, profile="paper"))
    other = claim_result(finding(claim="one", name="c"), finding(claim="one", name="a", conclusion="error"))
    history.append(file, run_result(other, seed_block=9))
    assert history.judged_seeds(file, "one", "a", "scaled", (), 0) == (20, 5, 8)
    assert history.judged_seeds(file, "one", "a", "scaled", (), 1) == (3,)
    assert history.judged_seeds(file, "one", "c", "scaled", (), 0) == ()
    assert history.judged_blocks(file, "one") == {"scaled": (0, 1, 9)}
    assert history.judged_blocks(file, "one", "a") == {"scaled": (0, 1)}
    assert history.judged_blocks(file, "two") == {"paper": (7,)}


# Several processes


def append_many(path: str, count: int) -> None:
    for place in range(count):
        history.append(Path(path), run(effect=place / 1000))


def test_processes_that_write_at_once_lose_nothing(file: Path) -> None:
    writers = [start(append_many, str(file), 12) for _ in range(3)]
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert sorted(effects(history.read(file, "scaled"))) == sorted(
        place / 1000 for place in range(12) for _ in range(3)
    )


# Files that are something else


def refusal(use: Callable[[], object]) -> str:
    """The one line with which this is refused."""
    with pytest.raises(HistoryError) as refused:
        use()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def no_database(file: Path) -> None:
    file.write_text("not a database, but a text that is long enough to be taken for one" * 20, encoding="utf-8")


def sql(statement: str, anew: bool = False) -> Callable[[Path], None]:
    def execute(file: Path) -> None:
        if anew:
            file.unlink()
        with closing(sqlite3.connect(file, isolation_level=None)) as base:
            base.execute(statement)

    return execute


@pytest.mark.parametrize(
    "damage", [cut, no_database, sql("CREATE TABLE bookmarks (url TEXT)", anew=True), sql("PRAGMA user_version = 1")]
)
def test_a_damaged_or_foreign_file_is_one_line_and_is_left_alone(file: Path, damage: Callable[[Path], None]) -> None:
    history.append(file, run())
    damage(file)
    before = file.read_bytes()
    for use in (lambda: history.read(file, "scaled"), lambda: history.append(file, run())):
        said = refusal(use)
        assert str(file) in said and "--claims-history" in said
    assert file.read_bytes() == before


def test_a_row_that_is_no_claim_and_a_place_that_can_not_be_written_are_one_line(file: Path) -> None:
    history.append(file, run())
    sql("UPDATE claims SET result = '{}'")(file)
    assert str(file) in refusal(lambda: history.read(file, "scaled"))
    below = file / "below" / history.NAME  # where a file stands
    assert str(below) in refusal(lambda: history.prove_usable(below))
    history.prove_usable(file.with_name("free"))
    assert not file.with_name("free").exists()


def test_a_session_adds_what_it_judged_however_many_workers_did_and_notes_seeds_added_to_others(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported", "underpowered")
    file = made.folder / ".claims" / history.NAME
    for args in (["-n", "2"], ["--claim=supported"]):
        ran = made.run("--claims-report=none", *args)
        assert ran.code == OK, ran.text
    (whole,) = history.read(file, "tiny")
    assert {claim.id for claim in whole.claims} == {"supported", "underpowered"}
    commands = {name: past.run.command for name, past in history.elsewhere(file, "scaled")["tiny"].items()}
    assert "--claim=supported" in commands["supported"] and "-n 2" in commands["underpowered"]
    assert history.judged_blocks(file, "supported") == {"tiny": (0,)}
    ran = made.run("--claims-report=none", "--claims-seeds=5")
    assert "5 after 3 on block 0" in ran.text
