"""Source code counts by what it says: not how it looks, and through all modules that it imports when it runs."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import source_hash
from harness.source_hash import file_hash, module_hash, modules_behind, node_hash

SOURCE = '''"""What it is for."""

def double(number):
    """Twice the number."""
    return 2 * number
'''
SAME = '''
"""Other words
on two lines."""
# a comment
def double(
    number,  # another
):
    return (2
            * number)
'''


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Writes modules that can be imported; forgets what was read of them before."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**modules: str) -> Path:
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
        source_hash.forget()
        return tmp_path

    yield write
    source_hash.forget()


def test_comments_docstrings_and_layout_do_not_count(written: Callable[..., Path]) -> None:
    folder = written(subject_one=SOURCE, subject_other=SAME)
    assert module_hash("subject_one") == module_hash("subject_other") == file_hash(folder / "subject_one.py")
    assert file_hash(folder / "subject_one.py") == node_hash(ast.parse(SAME))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2 * number", "3 * number"),
        ("double(number)", "double(number=1)"),
        ("double(number)", "double(number: int)"),
        ("def double", "def twice"),
        ("    return", "    number += 1\n    return"),
    ],
)
def test_code_counts(before: str, after: str) -> None:
    assert before in SOURCE
    assert node_hash(ast.parse(SOURCE.replace(before, after))) != node_hash(ast.parse(SOURCE))


def test_the_hash_is_the_same_in_every_version_of_python() -> None:
    """It is committed in fixtures; these literals must never change."""
    assert node_hash(ast.parse(SOURCE))[:16] == "1adc38b0f47a179b"


def test_other_files_count_by_their_bytes(tmp_path: Path) -> None:
    for name, text in {"a.txt": "# text", "b.txt": "# text", "c.txt": "#  text"}.items():
        (tmp_path / name).write_text(text)
    assert file_hash(tmp_path / "a.txt") == file_hash(tmp_path / "b.txt") != file_hash(tmp_path / "c.txt")


def test_a_module_without_a_source_file_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="sys"):
        module_hash("sys")


def test_modules_are_followed_wherever_they_are_imported_when_code_runs(written: Callable[..., Path]) -> None:
    folder = written(
        subject_root="import subject_a\nif TYPE_CHECKING:\n    import subject_typed\nelse:\n    import subject_else\n",
        subject_a="def f():\n    from subject_b import g\n    return g\n",
        subject_b="import subject_root\ng = 1\n",
        subject_typed="",
        subject_else="import json\n",
    )
    found = modules_behind(["subject_root"], lambda name, file: name.startswith("subject"))
    assert found == {name: folder / f"{name}.py" for name in ("subject_root", "subject_a", "subject_b", "subject_else")}
    assert modules_behind(["subject_root"]).keys() == {"subject_root"}  # only this package's are followed


def test_this_packages_modules_are_followed_and_its_public_names_are_not(written: Callable[..., Path]) -> None:
    written(subject_root="from harness import register\nfrom harness.pruning import ranking\nimport harness.streams\n")
    found = modules_behind(["subject_root"]).keys()
    assert {"harness.pruning.ranking", "harness.streams"} <= found
    assert not {"harness", "harness.register", "harness.pruning"} & found
