"""A user's own rule, initialiser, learner or control: what makes its evidence stale, and runs from a folder elsewhere.

The runs at the end are those of a user with a folder of their own: the tree is installed, and is not where they stand.
"""

import importlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import register, source_hash
from harness.evidence.fingerprint import engine_parts
from harness.experiment import Cell, Experiment
from harness.files import SUITE_ROOT
from harness.learners.bc import BC
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.pruning_settings import Pruning
from harness.tasks.cart_pole import CartPole
from harness.tasks.input_subset import InputSubset
from harness.tests.evidence.processes import Ran, run_pytest

TREE = Path(__file__).resolve().parents[2]
EXAMPLES = TREE / "examples"
OK = 0


def one(weights: Any) -> Any:
    return weights


def cell_of(condition: str = TICKET, criterion: str = "magnitude", initialiser: str = "kaiming") -> Cell:
    e = Experiment(
        CartPole(horizon=50),
        BC(env_steps=128, passes=1),
        Network((8, 8), initialiser=initialiser),
        Pruning(0.5, levels=2, criterion=criterion),
        Evaluation(2, 2, 2),
    )
    return Cell(e, condition, (1, 2))


def test_a_rule_is_in_the_id_and_level_0_is_shared_by_all_that_leave_it_as_it_is(registered: None) -> None:
    @register.criterion("by-gradient")
    def rule(weights: Any, gradients: Any) -> Any:
        return gradients

    register.criterion("mine")(one)
    names = ("magnitude", "random", "mine", "by-gradient")
    for condition in CONDITIONS:
        cells = [cell_of(condition, name) for name in names]
        assert len({cell.id for cell in cells}) == 4
        assert all(name in json.dumps(cell.identity) for name, cell in zip(names, cells, strict=True))
    dense = [cell_of(DENSE, name).id for name in names]
    assert dense[0] == dense[1] == dense[2] != dense[3]  # the last keeps gradients


# The fingerprint

RULE = '''
from . import maths
from {package}.more import twice
import numpy
from harness import register
from harness.learners.adam import adam_settings


@register.criterion("mine")
def rule(weights):
    """Twice."""
    return [twice(maths.absolute(weight)) for weight in weights]


@register.initialiser("unused")
def unused(rng, fan_in, fan_out):
    return rng.normal(size=(fan_in, fan_out))
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None) -> Callable[..., Path]:
    """Writes and imports a package that registers the criterion "mine"; returns its folder."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "maths.py").write_text("def absolute(values):\n    return abs(values)\n")
        (folder / "more.py").write_text("def twice(values):\n    return 2 * values\n")
        (folder / "aside.py").write_text("x = 1\n")
        (folder / "rule.py").write_text(RULE.format(package=name))
        importlib.import_module(f"{name}.rule")
        return folder

    yield make
    for name in [name for name in sys.modules if name.startswith("own_package")]:
        del sys.modules[name]


class TestFingerprint:
    @staticmethod
    def parts(criterion: str = "mine", condition: str = TICKET) -> dict[str, dict[str, str]]:
        source_hash.forget()
        return engine_parts(cell_of(condition, criterion))

    def test_it_holds_the_rules_module_and_what_that_imports_for_the_cells_that_use_it(self, package: Any) -> None:
        before = self.parts("magnitude")
        package("own_package_a")
        origin, mine = "criterion own_package_a.rule.rule", self.parts()
        assert list(mine["registered"]) == [f"{origin}: own_package_a.{name}" for name in ("maths", "more", "rule")]
        assert self.parts("magnitude") == before
        assert "registered" not in before
        assert "registered" not in self.parts("mine", DENSE)  # level 0 is not pruned yet
        assert mine["modules"] == before["modules"]  # of what it imports from here, a student has all
        assert "harness.register" not in mine["modules"]

    @pytest.mark.parametrize(
        ("file", "before", "after", "stale"),
        [
            ("rule.py", '"""Twice."""', '"""Other words."""  # and a comment', False),
            ("rule.py", "twice(maths", "twice(2 * maths", True),
            ("maths.py", "abs(values)", "abs(values) ** 2", True),
            ("more.py", "2 *", "3 *", True),
            ("aside.py", "1", "2", False),
        ],
    )
    def test_only_an_edit_of_code_behind_it_makes_its_cells_stale(
        self, file: str, before: str, after: str, stale: bool, package: Any
    ) -> None:
        path = package("own_package_a") / file
        then = self.parts()
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
        assert (self.parts() != then) == stale

    def test_of_lone_modules_the_one_that_registers_and_those_beside_count_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "own_defining.py").write_text(
            "from own_maths import same\n\nEXPONENT = 1\n\n\ndef rule(weights):\n    return same(weights)\n"
        )
        (tmp_path / "own_maths.py").write_text("def same(values):\n    return values\n")
        registrar = tmp_path / "own_registering.py"
        registrar.write_text(
            "import own_defining\nfrom harness import register\n\nown_defining.EXPONENT = 0.5\n"
            'register.criterion("apart")(own_defining.rule)\n'
        )
        importlib.import_module("own_registering")
        then = self.parts("apart")
        origin = "criterion own_defining.rule"
        assert list(then["registered"]) == [f"{origin}: own_{name}" for name in ("defining", "maths", "registering")]
        registrar.write_text(registrar.read_text().replace("0.5", "2"))
        assert self.parts("apart") != then

    def test_all_that_a_task_and_a_learner_hold_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        head = "from dataclasses import dataclass\nfrom typing import Any\n"
        frozen = "\n\n@dataclass(frozen=True, slots=True)\n"
        sources = {
            "own_wind": f"{head}{frozen}class Part:\n    size: int = 1\n",
            "own_task": f"from harness.tasks.cart_pole import CartPole\n{head}{frozen}"
            "class Windy(CartPole):\n    winds: Any = ()\n",
            "own_learner": f"from harness.learners.bc import BC\n{head}{frozen}"
            "class Scheduled(BC):\n    more: Any = ()\n",
        }
        for name, text in sources.items():
            (tmp_path / f"{name}.py").write_text(text)
        wind, task, learner = map(importlib.import_module, sources)
        windy = InputSubset(task.Windy(winds=[wind.Part()]), ("pole angle",))
        e = Experiment(windy, learner.Scheduled(more=((wind.Part(),),)))
        source_hash.forget()
        assert sorted(engine_parts(Cell(e, TICKET, (1,)))["registered"]) == [
            "learner own_learner.Scheduled: own_learner",
            "learner own_wind.Part: own_wind",
            "task own_task.Windy: own_task",
            "task own_wind.Part: own_wind",
        ]


# From a folder of one's own

SMOKE = (
    *("--claims-profile=smoke", "--claims-seeds=2", "--claims-set=pruning.levels=1"),
    *("-k", "cart-pole-bc", "--claim=ticket-effect"),
)
RULE_ARG = "--claims-set=pruning.criterion=gradient-times-weight"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the example's conftest.py in it, and nothing else."""
    folder = tmp_path_factory.mktemp("user") / "project"
    shutil.copytree(EXAMPLES / "gradient_times_weight", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def ran(own: Path) -> Ran:
    """With workers, who find the rule as well."""
    return run_pytest(own, "-n", "2", "-p", "pytester", *SMOKE, RULE_ARG, "--claims-report=r/report.html")


def waiting(text: str) -> int:
    """How many cells a plan says are not computed."""
    line = next(line for line in text.splitlines() if line.startswith("not computed yet"))
    return int(line.split()[3])


def test_the_suites_claim_is_judged_with_the_users_rule(own: Path, ran: Ran) -> None:
    assert ran.code == OK, ran.text
    changes = ["pruning.levels=1", "pruning.criterion=gradient-times-weight"]
    assert f"smoke with {', '.join(changes)}" in ran.text
    assert "pruning.criterion=gradient-times-weight" in (own / "r" / "report.html").read_text()
    summary = json.loads((own / "r" / "findings.json").read_text())
    assert summary["changes"] == changes
    (finding,) = summary["claims"][0]["findings"]
    command = finding["rerun"].split()
    for words in (["-p", "pytester"], *(["--claims-set", change] for change in changes), ["--claim", "ticket-effect"]):
        assert words in [command[place : place + 2] for place in range(len(command))]
    cells = [json.loads(path.read_text()) for path in own.rglob("cell.json")]
    registered = sorted(list(cell["engine"].get("registered", ())) for cell in cells)
    rule = "criterion conftest.gradient_times_weight: conftest"
    assert registered == [[], *4 * [[rule]]]  # level 0 is not pruned yet


def test_a_claim_of_ones_own_with_the_name_of_one_of_the_suites_is_the_one_meant(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(own / "conftest.py", folder)
    shutil.copy(SUITE_ROOT / "claims" / "test_ticket_effect.py", folder / "tests" / "test_my_ticket_effect.py")
    said = run_pytest(folder, "--collect-only", "-q", *SMOKE).text
    assert [line for line in said.splitlines() if "::" in line] == [
        "tests/test_my_ticket_effect.py::test_ticket_beats_random[cart-pole-bc]"
    ]


def test_the_examples_learner_and_initialiser_are_judged(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(EXAMPLES / "own_learner", folder, ignore=shutil.ignore_patterns("__pycache__"))
    smallest = ("--claims-profile=smoke", "--claims-seeds=1", "--claims-set=pruning.levels=1")
    ran = run_pytest(folder, "-n", "0", *smallest)
    assert ran.code == OK, ran.text
    cells = [json.loads(path.read_text()) for path in folder.rglob("cell.json")]
    assert {cell["cell"]["experiment"]["learner"]["type"] for cell in cells} == {"conftest.AnnealedPPO"}
    assert {place for cell in cells for place in cell["engine"]["registered"]} == {
        "initialiser conftest.orthogonal: conftest",
        "learner conftest.AnnealedPPO: conftest",
    }
    by_options = ("--claims-set=learner.ppo=annealed-ppo", "--claims-set=network.initialiser=orthogonal")
    again = run_pytest(folder, *smallest, *by_options, "--claims-plan", "--claim=ticket-effect", "-k", "cart-pole-ppo")
    assert waiting(again.text) == 0  # the same experiment


def test_a_control_of_ones_own_breaks_the_suites_claim(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "conftest.py").write_text(
        "from harness import register\nfrom harness.controls import Control\n\n"
        'pytest_plugins = ["harness.plugin"]\n\n\n'
        '@register.control("mute")\n'
        "class Mute(Control):\n"
        '    """Every return is lost."""\n\n'
        "    def returns(self, returns, seeds):\n"
        "        return {name: 0 * held for name, held in returns.items()}\n"
    )
    ran = run_pytest(folder, "-n", "0", *SMOKE, "--claims-control=mute")
    assert ran.code == OK, ran.text
    assert "control mute" in ran.text
    assert not (folder / ".claims" / "evidence").exists()
