"""Runs of pytest over the house's own claims, on the reduced profile: what controls and readings are tried by."""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.files import SUITE_ROOT
from harness.plugin.gate import NO_RESULT
from harness.results.schema import Finding

PROFILE = "reduced"
EVIDENCE = Path(".claims/trust/evidence")
"""Of the unmutated twin, and of other readings: both are real."""
MUTATED_EVIDENCE = Path(".claims/controls/evidence")
_SETTLED = (0, 1, NO_RESULT)
_USAGE = 4


class SessionError(Exception):
    """A run of pytest came to no findings; the message is one line."""


class RefusedError(SessionError):
    """pytest refused the options before anything was trained; the message is its line."""


@dataclass(frozen=True)
class Judged:
    """What one claim came to in a run."""

    verdict: str
    findings: dict[str, Finding]
    """By name."""
    controls: tuple[str, ...]
    """Those it declares."""


def judge(name: str, options: Sequence[str], evidence: Path, claims: Sequence[str] = ()) -> dict[str, Judged]:
    """Judge these claims (default: all) with these options of pytest, in processes of their own; by claim.

    The log and the report are left in .claims/trust/runs/`name`. Raises RefusedError for options that do not go
    together, and SessionError for a run that ended in any other way than with findings.
    """
    folder = _folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    report, log = folder / "report.html", folder / "log.txt"
    findings = folder / "findings.json"
    findings.unlink(missing_ok=True)  # those of an earlier run would be taken for this one's
    # absolute, for pytest runs where the claims are
    places = [f"--claims-evidence={evidence.resolve()}", f"--claims-report={report.resolve()}", "--claims-history=none"]
    chosen = [f"--claim={','.join(claims)}"] if claims else []
    # no baseline, and nothing for GitHub: what is said of a broken experiment is no matter of the job that started it
    places += ["--claims-baseline=none", "-p", "no:claims-ci"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "auto",
        "-p",
        "harness.plugin",
        "--claims-profile",
        PROFILE,
        *places,
        *chosen,
        *options,
    ]
    with log.open("w") as output:
        code = subprocess.run(command, cwd=SUITE_ROOT, stdout=output, stderr=subprocess.STDOUT).returncode
    if code in _SETTLED and findings.exists():
        summary = json.loads(findings.read_text("utf-8"))
        return {
            claim["id"]: Judged(
                claim["verdict"],
                {found["name"]: Finding.model_validate(found) for found in claim["findings"]},
                tuple(claim["controls"]),
            )
            for claim in summary["claims"]
        }
    said = [line for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    last = said[-1].strip() if said else "nothing"
    if code == _USAGE:
        raise RefusedError(last.removeprefix("ERROR: "))
    raise SessionError(f"pytest ended with exit code {code} and {last!r}; see {log}")


def waiting(name: str) -> list[str]:
    """The claims that run `name` left to a larger profile, of those that declare controls."""
    summary = json.loads((_folder(name) / "findings.json").read_text("utf-8"))
    return [entry["id"] for entry in summary["later"] if entry["controls"]]


def numbers(finding: Finding) -> tuple[float, float, float]:
    """Effect and bounds: where they agree to the last bit, nothing has changed."""
    return finding.effect, finding.lower, finding.upper


def cpu_seconds() -> float:
    """Of all processes that this one has waited for, theirs included."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _folder(name: str) -> Path:
    return Path(".claims/trust/runs") / name
