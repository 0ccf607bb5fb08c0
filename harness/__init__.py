"""How the claims are measured. The names below are all that a module in `claims/` needs, or an extension."""

from harness import machine as machine  # first: it caps threads before torch is imported
from harness import register
from harness.claim import claim
from harness.experiment import CONDITIONS, TICKET
from harness.judge import Judge
from harness.profiles import System
from harness.run import Run, dense_run, imp_runs, ticket_run

__all__ = ["CONDITIONS", "TICKET", "Judge", "Run", "System", "claim", "dense_run", "imp_runs", "register", "ticket_run"]
