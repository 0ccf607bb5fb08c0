"""What holds of the whole tree: one name for one thing. (import-linter holds the order of imports: `make lint`.)"""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [p for room in ("harness", "reports") for p in (ROOT / room).rglob("*.py") if "tests" not in p.parts]


def test_no_two_modules_have_one_name():
    names = Counter(path.stem for path in MODULES if not path.stem.startswith("__"))
    folders = Counter(path.parent.name for path in MODULES if path.stem == "__init__")
    assert [name for name, count in (names + folders).items() if count > 1] == []


def test_no_two_public_classes_have_one_name():
    classes = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in classes.items() if count > 1] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea(path):
    assert len(path.read_text("utf-8").splitlines()) <= 500
