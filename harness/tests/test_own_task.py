"""A user's own task, network and head. The example's task runs from a folder elsewhere like one of ours."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness import __main__ as cli
from harness import register
from harness.canonical import to_plain
from harness.compiled import compiled_for, njit
from harness.files import SUITE_ROOT
from harness.networks.heads import HeadBatch, _imitation_slopes
from harness.networks.kinds import network_from_plain
from harness.networks.mlp import Network
from harness.profiles.profile import PROFILES, TASKS, System
from harness.registry import RegistrationError
from harness.tests.evidence.processes import Ran, run_pytest
from harness.tests.plugin.projects import BASELINE, OK, TINY, USAGE

EXAMPLE = SUITE_ROOT / "examples" / "own_task"
MINE, OURS = ("--claims-profile=tiny",), ("--claims-profile=tiny", "--claim=ticket-effect", "-k", "cart-pole-bc")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the example in it, and a profile that judges at the costs of smoke."""
    folder = tmp_path_factory.mktemp("user") / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "conftest.py").open("a") as file:
        file.write(TINY.replace('"for tests", 3', '"for tests", 6'))  # the fewest that a sign-flip test can judge
    return folder


@pytest.fixture(scope="module")
def ran(own: Path) -> Ran:
    assert run_pytest(own, "-n", "0", *OURS).code == OK
    return run_pytest(own, "-n", "0", *MINE, "--claims-update-baseline", "--claims-report=r/report.html")


def waiting(folder: Path, *args: str) -> tuple[int, int]:
    """How many cells there are, and how many are not computed."""
    text = run_pytest(folder, "--claims-plan", *args).text
    found = [
        re.search(rf"^{row} +(\d+)", text, re.MULTILINE) for row in (r"all \(each cell once\)", "not computed yet")
    ]
    return tuple(int(row[1]) for row in found if row)  # type: ignore[return-value]


def test_its_claim_is_judged_reported_and_recorded(own: Path, ran: Ran) -> None:
    assert ran.code == BASELINE, ran.text  # the first one fails the run, so that somebody reads it
    page = (own / "r" / "report.html").read_text()
    assert "Mountain Car" in page and "How far this run is scaled down" not in page  # the paper does not have it
    summary = json.loads((own / "r" / "findings.json").read_text())
    found = {finding["system"]: finding["conclusion"] for finding in summary["claims"][0]["findings"]}
    assert set(found) == {"mountain-car ppo", "mountain-car bc"}
    assert "error" not in found.values()
    gated = run_pytest(own, "-n", "0", *MINE, "--claims-gate")
    assert gated.code == OK, gated.text
    assert "compared with tiny.json" in gated.text


def test_its_source_and_its_package_are_in_the_fingerprint(own: Path, ran: Ran) -> None:
    cells = {path.parent.name: json.loads(path.read_text()) for path in own.rglob("cell.json")}
    mine = [cell for cell in cells.values() if cell["cell"]["experiment"]["task"]["type"] == "conftest.MountainCar"]
    assert 0 < len(mine) < len(cells)
    for cell in mine:
        assert set(cell["engine"]["registered"]) == {"package gymnasium", "task conftest.MountainCar: conftest"}
        assert "harness.tasks.packaged" in cell["engine"]["modules"]
        assert "harness.profiles.budgets" not in cell["engine"]["modules"]  # settings are in the id
        folders = {name.rpartition("/")[0] for name in cell["engine"]["files"]}
        assert folders == (
            {"elsewhere/mountain-car"} if cell["cell"]["experiment"]["learner"]["type"] == "BC" else set()
        )


def test_why_says_what_only_a_run_can_tell(
    own: Path, ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (key, *_) = (path.parent.name for path in own.rglob("cell.json") if '"PPO"' in path.read_text())
    store = own / ".claims" / "evidence"
    monkeypatch.setattr(sys, "argv", ["harness", "evidence", "why", key, "--evidence", str(store)])
    assert cli.main() == OK
    assert "package gymnasium, task conftest.MountainCar" in capsys.readouterr().out


def test_a_profile_that_lacks_it_is_named_in_one_line(own: Path) -> None:
    ran = run_pytest(own, "--claims-plan", "--claims-profile=extended")
    assert ran.code == USAGE
    assert len([line for line in ran.text.splitlines() if "profile extended has no system mountain-car" in line]) == 1


def test_an_edit_makes_its_cells_stale_and_no_others(own: Path, ran: Ran) -> None:
    conftest, (cells, left), ours = own / "conftest.py", waiting(own, *MINE), waiting(own, *OURS)
    assert cells > left == 0 == ours[1] < ours[0]
    text = conftest.read_text()
    try:
        conftest.write_text(text.replace("rewards += reward", "rewards += 2 * reward"))
        assert waiting(own, *MINE) == (cells, cells)
        assert waiting(own, *OURS) == ours
    finally:
        conftest.write_text(text)


def test_its_experts_and_reference_returns_are_written_beside_it(tmp_path: Path) -> None:
    text = (EXAMPLE / "conftest.py").read_text()
    for before, after in (("24_576", "256"), ("Evaluation(20, 32)", "Evaluation(1, 2)"), ("count=10", "count=2")):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "mine.py").write_text(text)
    command = [sys.executable, "-m", "harness", "experts", "-p"]
    subprocess.run([*command, "mine", "--only", "mountain-car"], cwd=tmp_path, check=True)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*") if path.parent != tmp_path}
    experts = {f"fixtures/experts/mountain-car/0{i}.{kind}" for i in range(2) for kind in ("json", "safetensors")}
    assert written - {"fixtures/references"} >= {*experts, "fixtures/references/mountain-car-50.json"}
    refused = subprocess.run([*command, "other"], cwd=tmp_path, capture_output=True, text=True)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (USAGE, 1)


# Registered in this process


def budgets() -> Any:
    task = dataclasses.replace(TASKS["cart-pole"].task, horizon=60)
    scaled = {"ppo": dataclasses.replace(PROFILES["scaled"].systems["cart-pole", "ppo"], task=Other(60))}
    return dataclasses.replace(
        TASKS["cart-pole"], task=Other(60), experiments={"scaled": scaled}, references=(task,), seed_fraction={}
    )


class Other(type(TASKS["cart-pole"].task)):  # type: ignore[misc]
    name = "other"


def nowhere() -> Any:
    return dataclasses.replace(budgets(), experiments={"huge": {}})


def test_the_profiles_have_a_registered_task_where_its_budgets_say_so(registered: None) -> None:
    tiny = dataclasses.replace(PROFILES["scaled"], seeds=3)  # made before the task is known
    register.task(budgets)
    assert tiny.experiment(System("other", "ppo")).task == Other(60)
    with pytest.raises(ValueError, match="profile smoke has no system other ppo"):
        PROFILES["smoke"].experiment(System("other", "ppo"))
    with pytest.raises(RegistrationError, match="huge"):
        register.task(nowhere)


class Wider(Network):
    """A network of one's own."""


def test_experts_may_be_networks_of_a_registered_kind(registered: None) -> None:
    plain = to_plain(Wider((4, 4)))
    with pytest.raises(ValueError, match="unknown network"):
        network_from_plain(plain)
    register.network(Wider)
    assert network_from_plain(plain) == Wider((4, 4))


class Halved(NamedTuple):
    size: int


@compiled_for(_imitation_slopes, Halved)
def halved(head: Any, batch: HeadBatch, targets: np.ndarray) -> None:
    batch.grad_outputs[:] = batch.outputs / 2


@njit
def _slopes(head: Any, batch: HeadBatch, targets: np.ndarray) -> None:
    _imitation_slopes(head, batch, targets)


def test_compiled_code_takes_the_functions_of_a_head_of_ones_own() -> None:
    batch = HeadBatch(np.zeros(0), np.full((2, 3), 4.0), np.zeros((2, 3)), np.zeros(0), np.arange(2))
    _slopes(Halved(3), batch, np.zeros((2, 3)))
    np.testing.assert_array_equal(batch.grad_outputs, 2.0)
