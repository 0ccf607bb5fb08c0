"""`python -m harness preregister`: pytest collects this suite's claims, and the plugin registers them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.files import SUITE_ROOT

OK, USAGE = 0, 4


def main(evidence: str, claims: Sequence[str]) -> int:
    """Register the claims of the house, or these of them; the exit code, 4 for whatever was wrong with them.

    evidence: the folder in which to look for what has been judged already. Trains nothing.
    """
    arguments = [
        "--claims-preregister",
        f"--claims-evidence={Path(evidence).resolve()}",
        *(f"--claim={claim}" for claim in claims),
    ]
    quiet = ["-qq", "--no-header", "--no-summary"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *arguments,
        *quiet,
        f"--rootdir={SUITE_ROOT}",
        str(SUITE_ROOT / "claims"),
    ]
    return OK if subprocess.run(command).returncode == OK else USAGE
