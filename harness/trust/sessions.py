"""Runs of pytest over the suite's own claims, on the reduced profile, as controls and other readings need them."""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.errors import OneLineError
from harness.files import SUITE_ROOT
from harness.results import records
from harness.results.exit_codes import FAILED, NO_RESULT, OK, USAGE
from harness.results.schema import ClaimResult, Finding, FindingsError, RunResult, read

PROFILE = "reduced"
EVIDENCE = Path(".claims/trust/evidence")
"""Of runs with nothing broken."""
BROKEN_EVIDENCE = Path(".claims/controls/evidence")
RUNS = Path(".claims/trust/runs")


class SessionError(OneLineError):
    """A run of pytest came to no findings; the message is one line."""

    exit_code = 1


class RefusedError(SessionError):
    """pytest refused the options before anything was trained; the message is its line."""


def judge(name: str, options: Sequence[str], evidence: Path, claims: Sequence[str] = ()) -> RunResult:
    """Judge these claims (default: all) with these options of pytest, in processes of their own.

    The log and the report are left in .claims/trust/runs/`name`. Raises RefusedError for options that do not go
    together, and SessionError for a run that ended in any other way than with findings.
    """
    folder = (RUNS / name).resolve()  # absolute, for pytest runs where the claims are
    folder.mkdir(parents=True, exist_ok=True)
    findings, log = folder / "findings.json", folder / "log.txt"
    findings.unlink(missing_ok=True)  # those of an earlier run would be taken for this one's
    command = [sys.executable, "-m", "pytest", "-n", "auto", "-p", "harness.plugin", f"--claims-profile={PROFILE}"]
    command += [f"--claims-evidence={evidence.resolve()}", f"--claims-report={folder / 'report.html'}"]
    command += ["--claims-history=none", "--claims-baseline=none"]
    command += [f"--claim={','.join(claims)}"] if claims else []
    # what is said of a broken experiment is no matter of the job on GitHub that started it
    outside = {name: held for name, held in os.environ.items() if not name.startswith("GITHUB_")}
    with log.open("w", encoding="utf-8") as output:
        ended = subprocess.run([*command, *options], cwd=SUITE_ROOT, env=outside, stdout=output, stderr=output)
    if ended.returncode in (OK, FAILED, NO_RESULT) and findings.exists():
        try:
            return read(findings)
        except FindingsError as error:
            raise SessionError(str(error)) from None
    said = [line for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    last = said[-1].strip() if said else "nothing"
    if ended.returncode == USAGE:
        raise RefusedError(last.removeprefix("ERROR: "))
    raise SessionError(f"pytest ended with exit code {ended.returncode} and {last!r}; see {log}")


def by_name(claim: ClaimResult) -> dict[str, Finding]:
    """Its findings."""
    return {finding.name: finding for finding in claim.findings}


def numbers(finding: Finding) -> tuple[float, float, float]:
    """Effect and bounds: where they agree to the last bit, nothing has changed."""
    return finding.effect, finding.lower, finding.upper


def in_words(finding: Finding) -> str:
    """Effect and bounds, for people."""
    return f"{finding.effect:+.3g} [{finding.lower:.3g}, {finding.upper:.3g}]"


def cpu_seconds() -> float:
    """Of all processes that this one has waited for, theirs included."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def publish(record: records.Record, fixture: bool) -> int:
    """Print the result and the record's path; returns the exit code: OK where the result is as it must be."""
    print(record.verdict)
    for folder in (records.HERE, records.COMMITTED) if fixture else (records.HERE,):
        print(f"record: {records.write(record, folder)}")
    return OK if record.ok else FAILED
