"""Projects for tests: a folder with the tree's conftest.py and pyproject.toml, and a claim or two."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.files import SUITE_ROOT as TREE
from harness.results import schema
from harness.results.schema import Finding, RunResult
from harness.tests.evidence.processes import Ran, run_pytest

OK, FAILED, INTERRUPTED, USAGE, NO_RESULT, BASELINE, NOT_WRITTEN = 0, 1, 2, 4, 6, 7, 8

TINY = """
from types import MappingProxyType

from harness.profiles import profile

tiny = profile.Profile("tiny", "for tests", 3, profile.PROFILES["smoke"].systems)
profile.PROFILES = MappingProxyType({**profile.PROFILES, "tiny": tiny})
"""
"""Lines of a conftest.py with a profile that judges, at the costs of smoke: made-up claims judge their own numbers."""

_CLAIM = '''
"""This is {id} (paper 0)."""

import os

import numpy as np
import pytest

from harness import claim, imp_runs, ticket_run
from harness.statistics import PerSeed

pytestmark = claim("{id}", source="0", quantifier="none", systems=1)


def difference(mean, spread=0.01):
    values = mean + spread * np.cos(np.pi * np.arange(20))
    return PerSeed.of("one", values, range(20)) - PerSeed.of("other", np.zeros(20), range(20))


{decorator}def test_it({arguments}):
    """It is so."""
    {body}
'''
TICKETS = 'ticket_run("cart-pole", "bc")'
EVERYTHING = 'imp_runs(["cart-pole"], ["bc"])[0]'

BODIES = {
    "supported": "judge.greater(difference(0.2), min_effect=0.05)",
    "contradicted": "judge.greater(difference(-0.2), min_effect=0.05)",
    "equivalent": "judge.greater(difference(0.0), min_effect=0.5)",
    "underpowered": "judge.greater(difference(0.1, spread=1.0), min_effect=0.3)",
    "silent": "pass",
    "twice": "judge.greater(difference(0.2), min_effect=0.05)\n    judge.greater(difference(0.2), min_effect=0.05)",
    "raising": 'raise LookupError("no such thing")',
    "not-finite": "judge.greater(difference(np.nan), min_effect=0.05)",
    "skipping": 'pytest.skip("not today")',
}


@dataclass(frozen=True)
class Project:
    """A folder with claims, and how to run them."""

    folder: Path

    def run(self, *args: str, **env: str) -> Ran:
        """Run pytest there, in a process of its own."""
        return run_pytest(self.folder, *args, env=env)

    def add(self, id: str, body: str = "", runs: str = TICKETS) -> Path:
        """Add a claim with one test. runs: the run that its evidence is of; "" for none."""
        decorator = f'@pytest.mark.parametrize("run", [{runs}])\n' if runs else ""
        text = _CLAIM.format(
            id=id, body=body or BODIES[id], decorator=decorator, arguments="run, judge" if runs else "judge"
        )
        path = self.folder / "claims" / f"test_{id.replace('-', '_')}.py"
        path.write_text(text)
        return path

    @property
    def evidence(self) -> Path:
        return self.folder / ".claims" / "evidence"

    @property
    def npz(self) -> dict[str, bytes]:
        """The levels in the evidence."""
        return {str(path.relative_to(self.evidence)): path.read_bytes() for path in self.evidence.rglob("*.npz")}

    def summary(self) -> RunResult:
        """What the only findings.json here holds."""
        (path,) = (self.folder / ".claims").rglob("findings.json")
        return schema.read(path)

    def findings(self) -> dict[str, Finding]:
        """By claim and name of the test."""
        return {f"{finding.claim}::{finding.name}": finding for finding in self.summary().findings}

    def conclusions(self) -> dict[str, str]:
        """By claim: of made-up claims, each has one finding."""
        return {finding.claim: finding.conclusion for finding in self.summary().findings}

    def verdicts(self) -> dict[str, str]:
        return {claim.id: claim.verdict for claim in self.summary().claims}


def project(
    folder: Path, *claims: str, conftest: str = "", ini: dict[str, str] | None = None, draws: bool = True
) -> Project:
    """A project with copies of these modules of claims/.

    ini: keys of pyproject.toml, without the prefix. draws: whether its runs draw the report, which takes a second.
    """
    (folder / "claims").mkdir(parents=True)
    (folder / "conftest.py").write_text((TREE / "conftest.py").read_text() + conftest)
    settings = (TREE / "pyproject.toml").read_text()
    for key, value in {"seed-block": '"0"', **(ini or {})}.items():
        name = f"claims_{key.replace('-', '_')}"
        settings, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", settings)
        assert count == 1
    if not draws:
        settings = settings.replace('addopts = "', 'addopts = "-p no:reports.pytest_report ')
    (folder / "pyproject.toml").write_text(settings)
    for name in claims:
        shutil.copy(TREE / "claims" / name, folder / "claims")
    return Project(folder)


def made_of_numbers(folder: Path, *names: str, **bodies: str) -> Project:
    """A project of claims that need no evidence, judged at the profile tiny. names: of `BODIES`."""
    made = project(folder, conftest=TINY, ini={"profile": '"tiny"'}, draws=False)
    for name in names:
        made.add(name, runs="")
    for name, body in bodies.items():
        made.add(name, body, runs="")
    return made


def assert_refused(made: Project, ran: Ran, *words: str) -> None:
    """The run ended with exit code 4 and one line that has the words; nothing was trained or written."""
    complaints = [line for line in ran.text.splitlines() if "error" in line.lower()]
    assert "Traceback" not in ran.text, ran.text
    assert "INTERNALERROR" not in ran.text, ran.text
    assert ran.code == USAGE, ran.text
    assert len(complaints) == 1, ran.text
    for word in words:
        assert word in complaints[0]
    assert not list(made.folder.rglob("*.npz"))
    assert not list((made.folder / ".claims").glob("*.html")), "an earlier report would be lost"
    assert not list((made.folder / ".claims").glob("findings.json"))


def header(ran: Ran) -> str:
    """The line with the settings in effect."""
    return next(line for line in ran.text.splitlines() if line.startswith("claims: "))


def tree(folder: Path) -> dict[Path, bytes]:
    """All files but .claims and compiled modules."""
    found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not {".claims", "__pycache__"} & set(name.parts)}


def timeless(run: RunResult) -> list[str]:
    """Findings without what differs from run to run, in an order that pytest-randomly does not change."""
    return sorted(json.dumps({**json.loads(finding.to_json()), "cpu_seconds": 0}) for finding in run.findings)
