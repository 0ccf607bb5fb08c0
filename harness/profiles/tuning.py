"""How the scaled profile's hyperparameters were chosen: dense agents alone, on the tuning block of seeds.

Run by `python -m harness tune`. It prints, for each candidate, the scored return of 20 dense agents and the share of
the training that they took before an evaluation reached the maximum. No pruning happens here, so no claim's effect
can be seen, and no claim is judged on these seeds.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence

from harness.experiment import Cell
from harness.profiles.profile import PROFILES, TASKS, TUNING_BLOCK
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.registry import UnknownNameError


def tune(systems: Sequence[str] = ()) -> Iterator[str]:
    """A line per candidate: its differences from the scaled profile, and the returns of dense agents.

    systems: these alone, as in "cart-pole ppo". Raises harness.registry.UnknownNameError for one that the scaled
    profile does not have.
    """
    profile = PROFILES["scaled"]
    seeds = profile.seeds_of(TUNING_BLOCK)
    known = {" ".join(system): system for system in profile.systems}
    if unknown := [name for name in systems if name not in known]:
        raise UnknownNameError(f"the scaled profile has no system {unknown[0]!r}; it has {', '.join(known)}")
    for name in systems or known:
        chosen = profile.systems[known[name]]
        task, learner = known[name]
        for changes in ({}, *TASKS[task].tried.get(learner, ())):
            settings = dataclasses.replace(chosen.learner, **changes)  # type: ignore[type-var]
            started = time.process_time()
            level = run_level(Cell(dataclasses.replace(chosen, learner=settings), DENSE, seeds), 0, None)
            seconds = time.process_time() - started
            returns = level.scored_returns
            what = ", ".join(f"{key} {value}" for key, value in changes.items()) or "as chosen"
            yield (
                f"{name:14} {what:62} {settings.updates:6} updates  scored return {returns.mean():6.1f},"
                f" lowest {returns.min():6.1f}, {100 * level.trained_fraction.mean():3.0f} % of the training taken,"
                f" {seconds:5.1f} CPU seconds"
            )
