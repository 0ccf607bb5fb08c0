"""`--claims-finished`, looked at from the shell: what is computed is judged, and nothing else happens."""

import shutil
from pathlib import Path

import pytest

from harness.evidence.asked import entries
from harness.evidence.costs import estimated_seconds
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.tests.plugin.projects import BODIES, FAILED, OK, TINY, Project, project, tree


def with_two_claims(folder: Path, body: str = "supported") -> Project:
    """One needs tickets, the other all conditions."""
    made = project(folder, conftest=TINY, ini={"profile": '"tiny"'})
    made.add("tickets", BODIES[body])
    made.add("conditions", BODIES["supported"])
    path = made.folder / "claims" / "test_conditions.py"
    text = path.read_text().replace('[ticket_run("cart-pole", "bc")]', 'imp_runs(["cart-pole"], ["bc"])')
    path.write_text(text.replace("claim, ticket_run", "claim, imp_runs"))
    return made


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Of the two claims, the evidence of one."""
    made = with_two_claims(tmp_path_factory.mktemp("finished") / "project")
    assert made.run("--claim", "tickets", "--claims-report=none").code == OK
    return made


def files(made: Project) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in made.evidence.rglob("*") if path.is_file()}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_is_finished_is_judged_and_the_rest_says_how_far_it_is(half: Project, workers: str) -> None:
    before = files(half)
    ran = half.run("--claims-finished", "-n", workers)
    assert ran.code == OK, ran.text
    assert half.conclusions() == {"tickets": "supported", "conditions": "not run"}
    assert half.verdicts() == {"tickets": "REPRODUCED", "conditions": "NOT RUN"}
    (left,) = (f for f in half.findings().values() if f["claim"] == "conditions")
    assert left["reason"] == "4 of 13 levels are computed"  # level 0, and three of each of four conditions
    assert "1 passed, 1 not run" in ran.text
    smoke, system = PROFILES["smoke"], System("cart-pole", "bc")
    of = {condition: estimated_seconds(smoke.cells(system, condition, 0)[0]) for condition in (DENSE, *CONDITIONS)}
    share = (of[DENSE] + of[TICKET]) / sum(of.values())
    assert f"the finished part alone: {int(100 * share)} % of the work, 2 of 5 cells, 4 of 13 levels" in ran.text
    assert half.summary()["partial"] == {
        "cells": 2,
        "of_cells": 5,
        "levels": 4,
        "of_levels": 13,
        "share": pytest.approx(share),
    }
    assert files(half) == before, "nothing is computed, leased or remembered"
    assert (half.folder / ".claims" / "report.html").exists()


def test_what_was_not_judged_is_not_remembered_as_asked(half: Project) -> None:
    """Else its seeds would count as looked at."""
    half.run("--claims-finished", "--claims-seeds", "2", "--claims-report=none")
    assert {(entry.claim, entry.seeds, entry.judged) for entry in entries(half.evidence)} == {("tickets", (3,), (3,))}


def test_a_finding_that_is_contradicted_fails_here_too(tmp_path: Path, half: Project) -> None:
    made = with_two_claims(tmp_path / "project", "contradicted")
    ran = made.run("--claims-finished", f"--claims-evidence={half.evidence}")
    assert ran.code == FAILED, ran.text
    assert made.conclusions() == {"tickets": "contradicted", "conditions": "not run"}


def test_where_nothing_is_computed_nothing_is_judged_or_made(tmp_path: Path) -> None:
    made = with_two_claims(tmp_path / "project")
    before = tree(made.folder)
    ran = made.run("--claims-finished")
    assert ran.code == OK, ran.text
    assert set(made.verdicts().values()) == {"NOT RUN"}
    assert made.summary()["partial"]["levels"] == 0
    assert tree(made.folder) == before
    assert not made.evidence.exists()


def test_damaged_evidence_is_left_as_it_is_and_not_judged(tmp_path: Path, half: Project) -> None:
    shutil.copytree(half.evidence, tmp_path / "evidence")
    hit = sorted((tmp_path / "evidence").rglob("level_02.npz"))[0]
    hit.write_bytes(b"no longer what was written")
    ran = half.run("--claims-finished", f"--claims-evidence={tmp_path / 'evidence'}")
    assert ran.code == OK, ran.text
    assert half.conclusions() == {"tickets": "not run", "conditions": "not run"}
    assert f"damaged: {hit}" in ran.text
    assert hit.read_bytes() == b"no longer what was written"


def test_of_a_complete_plan_nothing_is_partial(half: Project) -> None:
    ran = half.run("--claims-finished", "--claim", "tickets")
    assert ran.code == OK, ran.text
    assert half.summary()["partial"] is None
    assert half.conclusions() == {"tickets": "supported"}
