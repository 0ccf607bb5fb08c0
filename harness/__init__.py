"""How the claims are measured. The names below are all that a module in `claims/` needs, or an extension.

Each is imported when it is first used: so `import harness.plugin` loads neither the engine nor the judge.
"""

import importlib
from typing import TYPE_CHECKING, Any

from harness import machine as machine  # first: it caps threads before numpy and torch are imported

if TYPE_CHECKING:
    from harness import register
    from harness.judging.claim import at_least, claim
    from harness.judging.judge import Judge
    from harness.judging.mask_measures import relative_lead
    from harness.judging.return_measures import mean_over_systems
    from harness.judging.run import Run, dense_run, imp_runs, size_runs, surviving_run, ticket_run
    from harness.judging.untrained import excess
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
    "excess",
    "imp_runs",
    "mean_over_systems",
    "register",
    "relative_lead",
    "size_runs",
    "surviving_run",
    "ticket_run",
]

_MODULES = {
    "judging.claim": ("at_least", "claim"),
    "judging.judge": ("Judge",),
    "judging.mask_measures": ("relative_lead",),
    "judging.return_measures": ("mean_over_systems",),
    "judging.run": ("Run", "dense_run", "imp_runs", "size_runs", "surviving_run", "ticket_run"),
    "judging.untrained": ("excess",),
    "profiles.profile": ("System",),
    "pruning.conditions": ("CONDITIONS", "SURVIVING", "TICKET"),
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that defines it (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"harness.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
