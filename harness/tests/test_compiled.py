"""Compiled code on disk: never stale, compiled once by many processes, and no condition of working."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import harness.compiled
from harness.compiled import FOLDER

CALLEE = """
from harness.compiled import njit

@njit
def callee(x):
    return x + 1
"""
CALLER = """
from harness.compiled import njit
from harness.networks.callee import callee

@njit
def caller(x):
    return 10 * callee(x)

def report():
    result = caller(1)
    stats = [each.stats for each in (caller, callee)]
    hits, misses = (sum(sum(getattr(one, f"cache_{kind}").values()) for one in stats) for kind in ("hits", "misses"))
    print(result, "compiled" if misses else "read" if hits else "neither")
"""
RUN = "from harness.learners.caller import report; report()"


class Engine:
    """A small engine: a caller and a callee in another file, with the real `compiled` module."""

    def __init__(self, root: Path):
        self.root, self.folder = root, root / "cache"
        self.callee = root / "harness" / "networks" / "callee.py"
        for room in ("networks", "learners"):
            (root / "harness" / room).mkdir(parents=True)
        (root / "harness" / "__init__.py").write_text("")
        for name in ("compiled.py", "machine.py"):
            shutil.copy(Path(harness.compiled.__file__).with_name(name), root / "harness")
        self.callee.write_text(CALLEE)
        (root / "harness" / "learners" / "caller.py").write_text(CALLER)

    def start(self, code: str = RUN, **options: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, FOLDER: str(self.folder), "PYTHONPATH": str(self.root)}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # bytecode does not notice an edit within one second
        command = [sys.executable, "-c", code]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, cwd=self.root, **options)

    def run(self, code: str = RUN, **options: Any) -> str:
        process = self.start(code, **options)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def test_an_edited_callee_in_another_file_takes_effect_and_so_does_its_undoing(engine: Engine) -> None:
    assert [engine.run(), engine.run()] == ["20 compiled", "20 read"]
    engine.callee.write_text(CALLEE.replace("x + 1", "x + 2"))
    assert [engine.run(), engine.run()] == ["30 compiled", "30 read"]
    engine.callee.write_text(CALLEE)
    assert engine.run() == "20 read"


def test_code_from_outside_the_engine_is_never_stale_as_it_is_not_cached(engine: Engine) -> None:
    callee, caller = engine.root / "own_callee.py", engine.root / "own_caller.py"
    callee.write_text("from harness.compiled import njit\n\n@njit" + CALLEE.partition("@njit")[2])
    caller.write_text(CALLER.replace("harness.networks.callee", "own_callee"))
    own = RUN.replace("harness.learners.caller", "own_caller")
    assert engine.run(own).startswith("20")
    callee.write_text(callee.read_text().replace("x + 1", "x + 2"))
    assert engine.run(own).startswith("30")


def test_a_forked_process_compiles_what_its_parent_imported(engine: Engine) -> None:
    assert engine.run(f"import os, harness.learners.caller\nif not os.fork(): {RUN}") == "20 compiled"


def test_processes_that_start_together_compile_once(engine: Engine) -> None:
    started = [engine.start() for _ in range(4)]
    found = sorted(process.communicate(timeout=120)[0].strip() for process in started)
    assert found == ["20 compiled", "20 read", "20 read", "20 read"]


@pytest.mark.parametrize("trouble", ["no folder", "full", "read-only", "damaged"])
def test_trouble_costs_only_the_cache(engine: Engine, trouble: str) -> None:
    if trouble == "no folder":
        engine.folder.write_text("a file stands in its place")
        assert [engine.run(), engine.run()] == ["20 compiled"] * 2
    elif trouble == "full":
        nothing_fits = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))}
        assert [engine.run(**nothing_fits), engine.run(**nothing_fits)] == ["20 compiled"] * 2
        assert engine.run() == "20 compiled" and engine.run() == "20 read"
    elif trouble == "damaged":
        assert engine.run() == "20 compiled"
        for file in engine.folder.rglob("*.nb?"):
            file.write_bytes(file.read_bytes()[:-20])
        assert [engine.run(), engine.run()] == ["20 compiled", "20 read"]
    else:  # no process may make a lock there, but what is there is read
        assert engine.run() == "20 compiled"
        for lock in engine.folder.rglob("*.lock"):
            lock.unlink()
            lock.mkdir()
        assert engine.run() == "20 read"


def test_nothing_is_written_before_something_is_compiled_nor_where_nothing_is_to_be_cached(engine: Engine) -> None:
    engine.run("import harness.learners.caller")
    assert not engine.folder.exists()
    engine.folder = Path("none")
    assert engine.run() == "20 compiled"
    assert not (engine.root / "none").exists() and not (engine.root / ".claims").exists()


def test_without_a_compiler_there_is_one_clear_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    process = engine.start()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and len(err.splitlines()) == 1 and "NUMBA_DISABLE_JIT" in err
