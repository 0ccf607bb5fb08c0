"""The workflows of GitHub name nothing that is not there. No library here reads YAML: lines of text are enough."""

import re
import shlex
from pathlib import Path

import pytest

from harness.profiles.profile import PROFILES
from harness.tests.evidence.processes import run_pytest
from harness.tests.plugin.projects import OK, TREE

WORKFLOWS = sorted((TREE / ".github" / "workflows").glob("*.yml"))
RUN = re.compile(r"^( *)(?:- )?run: *(\|?)(.*)$")


def commands(workflow: Path) -> list[str]:
    """The lines of all steps that run something."""
    found, inside = [], None
    for line in workflow.read_text(encoding="utf-8").splitlines():
        indent = len(line) - len(line.lstrip())
        if inside is not None and line.strip() and indent <= inside:
            inside = None
        if inside is not None:
            found.append(line.strip())
        elif match := RUN.match(line):
            if match[2]:
                inside = line.index("run:")
            else:
                found.append(match[3].strip())
    return [line for line in found if line]


def words_of(program: str) -> list[list[str]]:
    """Of each command of this program in any workflow, what follows its name."""
    found = []
    for line in (line for workflow in WORKFLOWS for line in commands(workflow)):
        words = shlex.split(line.partition("||")[0].rstrip("; "))
        if words[0].rpartition("/")[2] == program:
            found.append(words[1:])
            for word in words[1:]:  # make ARGS="..."
                if word.startswith("ARGS="):
                    found.append(shlex.split(word.removeprefix("ARGS=")))
    return found


def test_make_targets_exist() -> None:
    text = (TREE / "Makefile").read_text()
    targets = {*re.findall(r"(?m)^([a-z]+):", text), ".venv/.ready"}
    named = [word for words in words_of("make") for word in words if "=" not in word and not word.startswith("-")]
    assert named
    assert set(named) <= targets
    assert "TORCH_FROM ?=" in text  # or the environment's would count for nothing


def test_options_of_pytest_exist(tmp_path: Path) -> None:
    given = words_of("pytest") + [words for words in words_of("make") if words and words[0].startswith("--")]
    assert any("--claims-gate" in words for words in given)
    for name in ("conftest.py", "pyproject.toml"):
        (tmp_path / name).write_text((TREE / name).read_text())
    ran = run_pytest(tmp_path, "--claims-list", *(word for words in given for word in words))
    assert ran.code == OK, ran.text


def test_profiles_exist() -> None:
    given = [words for words in words_of("pytest") if "--claims-profile" in words]
    assert {words[words.index("--claims-profile") + 1] for words in given} == {"scaled", "extended"} <= set(PROFILES)


def test_the_oldest_versions_tried_at_night_are_the_oldest_allowed() -> None:
    project, nightly = (TREE / "pyproject.toml").read_text(), WORKFLOWS[-1].read_text()
    allowed = set(re.findall(r'"(pytest(?:-xdist)?)>=([\d.]+)"', project))
    assert len(allowed) == 2
    tried = re.findall(r"(pytest\S*)==([\d.]+)", nightly)
    assert {(name, version.removesuffix(".0")) for name, version in tried} == allowed
    assert f'minversion = "{dict(allowed)["pytest"]}"' in project


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_a_limit_and_no_more_permission_than_to_read(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    assert re.search(r"(?m)^permissions:\n  contents: read\n(?! )", text)
    assert len(re.findall(r"(?m)^    runs-on:", text)) == len(re.findall(r"(?m)^    timeout-minutes: \d+$", text)) > 0


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_expression_stands_in_a_command(workflow: Path) -> None:
    """A title or a branch of somebody else's would be run."""
    assert not [line for line in commands(workflow) if "${{" in line]
