"""How the claims are measured. The names below are all that a module in `claims/` needs, or an extension."""

from harness import machine as machine  # first: it caps threads before torch is imported
from harness import register
from harness.judging.claim import at_least, claim
from harness.judging.judge import Judge
from harness.judging.run import Run, dense_run, imp_runs, relative_lead, size_runs, surviving_run, ticket_run
from harness.profiles.profile import System
from harness.pruning.conditions import CONDITIONS, SURVIVING, TICKET

__all__ = [
    "CONDITIONS",
    "SURVIVING",
    "TICKET",
    "Judge",
    "Run",
    "System",
    "at_least",
    "claim",
    "dense_run",
    "imp_runs",
    "register",
    "relative_lead",
    "size_runs",
    "surviving_run",
    "ticket_run",
]
