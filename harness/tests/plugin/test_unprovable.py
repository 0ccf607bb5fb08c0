"""Findings that no sample of their seeds could support are refused before anything is trained, and none of ours is."""

import re
from pathlib import Path

import pytest

from harness.judging.commitments import JUDGING
from harness.tests.evidence.processes import run_pytest
from harness.tests.plugin.projects import EVERYTHING, OK, TINY, TREE, assert_refused, project

ASKS = "area = run.area()\n    judge.greater(area.mask_part - area.weights_part, min_effect={})"


@pytest.mark.parametrize("args", [("--claims-plan",), ("-n", "0"), ("-n", "2")], ids=" ".join)
def test_a_made_up_one_is_refused_with_the_seeds_that_would_do(tmp_path: Path, args: tuple[str, ...]) -> None:
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'}, draws=False)
    made.add("small", ASKS.format(0.05), EVERYTHING)
    ran = made.run(*args, "--claims-seeds=20")
    assert_refused(made, ran, "small", "test_it", "20 seeds", "0.05", "seeds would do", "--claims-seeds")


def test_it_is_shown_at_the_seeds_that_would_do_and_refused_where_the_test_judges_nothing(tmp_path: Path) -> None:
    made = project(tmp_path / "project", conftest=TINY, ini={"profile": '"tiny"'}, draws=False)
    made.add("large", ASKS.format(0.4), EVERYTHING)
    ran = made.run("--claims-plan", "--claims-seeds=20")
    assert ran.code == OK, ran.text
    (shown,) = (line for line in ran.text.splitlines() if "large test_it" in line)
    assert re.match(r"\s+0\.8\s+20: 0\.\d+\s+\d+  large test_it\[.*\] \(greater, guarded t\)", shown)
    assert_refused(made, made.run("--claims-plan"), "large", "3 seeds", "judges nothing")


@pytest.mark.parametrize("profile", JUDGING)
def test_none_of_this_suites_is_unprovable_and_the_plan_shows_all_of_them(tmp_path: Path, profile: str) -> None:
    ran = run_pytest(TREE, "--claims-plan", f"--claims-profile={profile}", f"--claims-evidence={tmp_path}", "-n", "0")
    assert ran.code == OK, ran.text
    items = re.search(r"collected (\d+) items(?: / (\d+) deselected)?", ran.text)
    assert items is not None
    lines = ran.text.splitlines()
    header = next(number for number, line in enumerate(lines) if line.split()[:1] == ["asked"])
    findings = lines[header + 1 : lines.index("", header)]
    assert len(findings) == int(items[1]) - int(items[2] or 0)
    assert not [line for line in findings if line.split()[1] in ("-", "known:")], "each is known before it is trained"
    shown = lines[header].split()[1:-3]
    assert shown == list(JUDGING[JUDGING.index(profile) :])
