"""What crosses the seams of the engine: who may name a task or a kind of network (DESIGN, "The engine")."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import harness
import reports

ROOTS = [Path(str(package.__file__)).parent for package in (harness, reports)]
MODULES = [path for root in ROOTS for path in sorted(root.rglob("*.py")) if "tests" not in path.parts]
TASKS = re.compile(r"cart.?pole|acrobot|grid.?maze|mountain", re.IGNORECASE)
NETWORKS = re.compile(r"mlp|perceptron|cnn|convol|listed", re.IGNORECASE)
MAY_NAME_TASKS = {"tasks", "profiles"}


def words_of(path: Path) -> Iterator[str]:
    """The names and texts in a module's code, docstrings left out."""
    tree = ast.parse(path.read_text("utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
        yield from (str(getattr(node, field)) for field in ("id", "attr", "name", "module") if hasattr(node, field))


def naming(pattern: re.Pattern[str], modules: Iterable[Path]) -> dict[str, list[str]]:
    found = {str(path): [word for word in words_of(path) if pattern.search(word)] for path in modules}
    return {path: words for path, words in found.items() if words}


def test_only_tasks_and_profiles_name_a_task() -> None:
    assert naming(TASKS, [path for path in MODULES if not set(path.parts) & MAY_NAME_TASKS]) == {}


def test_no_learner_names_a_kind_of_network_or_a_task() -> None:
    learners = [path for path in MODULES if path.parent.name == "learners"]
    assert len(learners) > 5 and naming(NETWORKS, learners) == naming(TASKS, learners) == {}


def test_the_check_sees_a_name_in_code_and_not_in_a_docstring(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('"""Cart-Pole."""\nfrom harness.networks.mlp import Mlp\nTASK = "cart-pole"\n')
    words = list(words_of(tmp_path / "module.py"))
    assert [word for word in words if TASKS.search(word)] == ["cart-pole"]
    assert [word for word in words if NETWORKS.search(word)] == ["harness.networks.mlp", "Mlp"]
