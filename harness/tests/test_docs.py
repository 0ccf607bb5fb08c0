"""README and docs/: short, linked, and every command in them is one that works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PLAN = ["--claims-plan", "-n", "0", "--claims-report=none", "-p", "no:cacheprovider"]
"""Added to each pytest command: the options are read and the claims are found, and nothing is trained."""


def commands(page: Path) -> list[str]:
    """The lines of the page's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    lines = [re.split(r"\s#", line)[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


WRITTEN = [page for page in PAGES if "```python file=" in page.read_text("utf-8")]
"""Pages that have the reader write files."""
ALL = sorted({line for page in PAGES if page not in WRITTEN for line in commands(page)})


def run(line: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The command as a user would type it, with this interpreter."""
    if line.startswith("cd "):
        below, _, line = line.removeprefix("cd ").partition(" && ")
        folder /= below
    words = shlex.split(line)
    program = [sys.executable, *(["-m", "pytest"] if words[0] == "pytest" else [])]
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run([*program, *words[1:], *more], cwd=folder, env=env, capture_output=True, text=True)


def test_readme_is_read_to_its_end():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_named_targets_exist(page):
    text = page.read_text("utf-8")
    assert not re.search(r"@[A-Z]+@", text), "a number is still to be filled in"
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert link.startswith("http") or (page.parent / link).exists(), link
    assert set(re.findall(r"`make ([a-z]+)", text)) <= TARGETS
    assert {line.split()[1] for line in commands(page) if line.startswith("make ")} <= TARGETS


@pytest.mark.parametrize("line", [line for line in ALL if line.startswith("python -m ") and "evidence" not in line])
def test_other_commands_answer(line, tmp_path):
    if line.startswith("python -m harness"):
        assert line.endswith("--help"), "what takes long is shown by its help"
    if "compare" in line or line == "python -m reports":
        line = "python -m reports --help"
    done = run(line, ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("line", [line for line in ALL if "pytest " in line and "my_package" not in line])
def test_pytest_commands_are_understood(line):
    done = run(re.sub(r"-n auto", "", line), ROOT, *PLAN)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("line", [line for line in ALL if "my_package" in line])
def test_commands_for_a_project_of_ones_own_are_understood(line, tmp_path):
    (tmp_path / "my_package").mkdir()
    rule = '@register.criterion("mine")\ndef mine(weights):\n    return [abs(weight) for weight in weights]\n'
    (tmp_path / "my_package" / "my_rule.py").write_text(f"from harness import register\n\n\n{rule}")
    if "--claims-gate" in line:  # the first command writes a baseline, after training
        baseline = tmp_path / "fixtures" / "baselines" / "scaled.json"
        baseline.parent.mkdir(parents=True)
        baseline.write_bytes((ROOT / "fixtures" / "baselines" / "scaled.json").read_bytes())
    done = run(line.replace("-n auto", ""), tmp_path, *PLAN)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "page", [page for page in PAGES if "file=" in page.read_text("utf-8")], ids=lambda page: page.name
)
def test_what_a_page_has_the_reader_write_works(page, tmp_path):
    """The files of the page are written into a new project, and its commands run there, at the costs of smoke."""
    for name, text in re.findall(r"```python file=(\S+)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    if not (tmp_path / "conftest.py").exists():
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["harness.plugin"]\n')
    for line in commands(page):
        more = PLAN if "--claims-profile smoke" not in line else ["-n", "0"]
        done = run(re.sub(r"-n auto", "", line), tmp_path, *more)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_page_on_evidence_shows_a_store(tmp_path):
    """`python -m harness evidence …`, in the order of the page, on a small store."""
    smoke = run("pytest --claims-profile smoke --claim ticket-effect -k cart-pole-bc", ROOT, "-n", "0",
                f"--claims-evidence={tmp_path / '.claims' / 'evidence'}", "--claims-report=none")  # fmt: skip
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    listed = run("python -m harness evidence ls", tmp_path).stdout
    key = re.search(r"\b[0-9a-f]{8,}", listed)
    assert key, listed
    for line in commands(ROOT / "docs" / "evidence.md"):
        done = run(line.replace("KEY", key.group()), tmp_path)
        assert done.returncode == 0, line + done.stdout + done.stderr


def test_a_plugin_that_owns_the_option_profile_is_installed_and_clashes_with_nothing():
    """All other tests run beside it, too: it is of `dev`."""
    told = run("pytest --help", ROOT)
    assert told.returncode == 0 and {"--profile", "--claims-profile"} <= set(re.findall(r"--[a-z-]+", told.stdout))
