"""How the scaled profile's hyperparameters were chosen: dense agents alone, on the tuning block of seeds.

Run by `python -m harness tune`. It prints, for each candidate, the scored return of 100 dense agents with its standard
error, and the share of the training that they took before an evaluation reached the maximum. No pruning happens here,
so no claim's effect can be seen, and no claim is judged on these seeds.
"""

import time
from collections.abc import Iterator, Sequence

from harness.experiment import Cell
from harness.overrides import Override, apply
from harness.profiles.profile import PROFILES, TASKS, TUNING_BLOCK
from harness.pruning.conditions import DENSE
from harness.pruning.imp import run_level
from harness.registry import UnknownNameError

TIMES = 5
"""The scaled profile's seeds: of GridMaze's 20 the mean is unsure by as much as candidates differ."""


def tune(systems: Sequence[str] = ()) -> Iterator[str]:
    """A line per candidate: its differences from the scaled profile, and the returns of dense agents.

    systems: these alone, as in "cart-pole ppo". Raises harness.registry.UnknownNameError for one that the scaled
    profile does not have.
    """
    profile = PROFILES["scaled"]
    seeds = profile.seeds_of(TUNING_BLOCK, TIMES)
    known = {" ".join(system): system for system in profile.systems}
    if unknown := [name for name in systems if name not in known]:
        raise UnknownNameError(f"the scaled profile has no system {unknown[0]!r}; it has {', '.join(known)}")
    for name in systems or known:
        chosen = profile.systems[known[name]]
        task, learner = known[name]
        for changes in ({}, *TASKS[task].tried.get(learner, ())):
            fields = {key if "." in key else f"learner.{key}": value for key, value in changes.items()}
            tried = apply((Override.parse(f"{field}={value}".lower()) for field, value in fields.items()), chosen)
            started = time.process_time()
            level = run_level(Cell(tried, DENSE, seeds), 0, None)
            seconds = time.process_time() - started
            returns = level.scored_returns
            error = returns.std(ddof=1) / len(returns) ** 0.5
            what = ", ".join(f"{key} {value}" for key, value in changes.items()) or "as chosen"
            yield (
                f"{name:14} {what:62} {tried.learner.updates:6} updates  scored return {returns.mean():6.2f} +-"
                f" {error:.2f}, lowest {returns.min():6.1f}, {100 * level.trained_fraction.mean():3.0f} % of the"
                f" training taken, {seconds:5.1f} CPU seconds"
            )
