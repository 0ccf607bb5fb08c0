"""An installation without the tree has all that a run needs, wherever pip puts it. Other projects don't notice it."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.files import SUITE_ROOT as TREE

PLACES = {"harness": "harness", "reports": "reports", "claims": "harness/suite/claims"}
PLACES |= {"fixtures": "harness/suite/fixtures"}
"""The folders of the tree that the wheel holds, and where it has them."""

OBSERVER = """
import json
import os
import sys
from pathlib import Path

collected = []


def pytest_collection_finish(session):
    collected.append(session)


def pytest_unconfigure(config):
    ours = [name for name in sys.modules if name.partition(".")[0] in ("harness", "reports")]
    seen = {"modules": ours, "collections": len(collected), "environment": dict(os.environ)}
    Path(f"seen-by-{os.getpid()}.json").write_text(json.dumps(seen))
"""
NOBODY = """
import pwd


def getpwuid(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")


pwd.getpwuid = getpwuid
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves folders behind."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in PLACES:
        shutil.copytree(TREE / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TREE / name, source)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(built), str(source))
    (made,) = built.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--target", str(folder), str(wheel))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of somebody's, with one test."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_one.py").write_text("def test_one(): pass\n")
    return folder


def pip(command: str, *args: str) -> None:
    """Without the network."""
    options = ("--isolated", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    ran = subprocess.run([sys.executable, "-m", "pip", command, *options, *args], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def environment(path: Path) -> dict[str, str]:
    """As a shell has it, with one entry of PYTHONPATH, and nothing of the tests' own run but where compiled code is."""
    own = ("PYTEST_", "GITHUB_", "CLAIMS_", "OMP_", "MKL_", "OPENBLAS_NUM", "NUMBA_")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return shell | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}


def run(folder: Path, env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_the_wheel_holds_the_claims_and_what_they_read_but_no_tests_of_the_harness(wheel: Path) -> None:
    expected = set()
    for name, place in PLACES.items():
        files = [path.relative_to(TREE / name) for path in (TREE / name).rglob("*") if path.is_file()]
        expected |= {f"{place}/{path}" for path in files if not {"tests", "__pycache__"} & set(path.parts)}
    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == expected


def test_claims_and_fixtures_are_found_where_pip_installs_them(installed: Path, project: Path) -> None:
    env = environment(installed)
    code = "import harness.files; print(harness.files.SUITE_ROOT)"
    found = subprocess.run([sys.executable, "-c", code], cwd=project, env=env, capture_output=True, text=True)
    assert Path(found.stdout.strip()) == installed / "harness" / "suite"
    listed = run(project, env, "-p", "harness.plugin", "--claims-list")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    for path in (TREE / "claims").glob("test_*.py"):
        assert path.stem.removeprefix("test_").replace("_", "-") in listed.stdout
    one = ("-p", "harness.plugin", "--claim=mask-explains-most", "-k", "cart-pole-bc", "--claims-profile=smoke")
    planned = run(project, env, *one, "--claims-plan")  # reads the experts
    assert planned.returncode == 0 and "mask/permuted" in planned.stdout, planned.stdout + planned.stderr
    collected = run(project, env, *one, "--import-mode=importlib", "--collect-only")
    assert "minimal-tickets/claims/test_mask_explains_most.py::" in collected.stdout, collected.stdout


@pytest.mark.parametrize("workers", [0, 2])
def test_a_project_that_does_not_load_the_plugin_pays_nothing(installed: Path, project: Path, workers: int) -> None:
    (project / "conftest.py").write_text(OBSERVER)
    env = environment(installed)
    ran = run(project, env, "-n", str(workers))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    seen = [json.loads(path.read_text()) for path in project.glob("seen-by-*.json")]
    assert sorted(process["collections"] for process in seen) == ([0, 1, 1] if workers else [1])
    for process in seen:
        assert process["modules"] == []
        added = {name for name, value in process["environment"].items() if env.get(name) != value}
        assert not {
            name for name in added - {"COLUMNS", "LINES"} if not name.startswith("PYTEST_")
        }  # which are xdist's
    assert not [path for path in project.iterdir() if path.is_dir()]


def test_neither_a_home_nor_an_entry_in_passwd_is_needed(installed: Path, project: Path) -> None:
    (project / "nobody.py").write_text(NOBODY)
    env = environment(installed) | {"CLAIMS_COMPILED": os.environ["CLAIMS_COMPILED"]}
    for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"):
        env.pop(name, None)
    claim = ("--claim=ticket-effect", "-k", "cart-pole-bc", "--claims-profile=smoke", "-n", "0")
    ran = run(project, env, "-p", "nobody", "-p", "harness.plugin", *claim)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert list(project.rglob("findings.json"))
