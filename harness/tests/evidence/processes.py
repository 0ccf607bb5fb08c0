"""Other processes for the tests: forked from a server that has already done what takes a new process seconds.

Not forked from the tests' own process: torch refuses to differentiate in the child of a process that did.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["harness.tests.plugin.warm"])


def start(function: Callable[..., Any], *args: Any) -> BaseProcess:
    """A new process that calls a function of a module."""
    process = _CONTEXT.Process(target=function, args=args)
    process.start()
    return process


def queue() -> Any:
    """What a process can put results into."""
    return _CONTEXT.SimpleQueue()


@dataclass(frozen=True)
class Ran:
    """What a run of pytest left: its exit code, and all that it printed."""

    code: int
    text: str


def run_pytest(folder: Path, *args: str, seconds: float = 120, env: Mapping[str, str] | None = None) -> Ran:
    """Run pytest in a folder as from a shell, with stdout and stderr in one.

    env: more variables of its environment; those of GitHub Actions are there only by this.
    """
    output = folder.parent / f"{folder.name}.output"
    process = start(_pytest, str(folder), args, str(output), dict(env or {}))
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    assert process.exitcode is not None
    return Ran(process.exitcode, output.read_text())


def _pytest(folder: str, args: tuple[str, ...], output: str, env: Mapping[str, str] = MappingProxyType({})) -> None:
    os.chdir(folder)
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["pytest", *args]
    for name in ("PYTEST_ADDOPTS", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        os.environ.pop(name, None)
    os.environ |= env
    imported_before = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # by the server: no matter here
    sys.exit(pytest.main([*imported_before, *args]))
