"""How the scaled profile's hyperparameters were chosen: dense agents alone, on the tuning block of seeds.

Run by `python -m harness tune`. It prints, for each candidate, the scored return of 20 dense agents and the share of
the training that they took before an evaluation reached the maximum. No pruning happens here, so no claim's effect
can be seen, and no claim is judged on these seeds.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from harness.experiment import DENSE, Cell
from harness.imp import run_level
from harness.profiles import PROFILES, TUNING_BLOCK

PPO_CANDIDATES: tuple[dict[str, Any], ...] = (
    {},
    {"learning_rate": 0.001},
    {"learning_rate": 0.002, "learning_rate_schedule": "linear"},
    {"minibatches": 2},
    {"rollout": 64},
    {"envs": 16},
    {"envs": 16, "learning_rate": 0.003},
    {"envs": 4, "rollout": 128},
    {"envs": 4, "rollout": 128, "learning_rate": 0.0005},
)
BC_CANDIDATES: tuple[dict[str, Any], ...] = (
    {},
    {"passes": 4},
    {"passes": 4, "batch": 32},
    {"passes": 4, "batch": 128},
    {"passes": 4, "learning_rate": 0.002},
)


def tune() -> Iterator[str]:
    """A line per candidate: what differs from the scaled profile, and what dense agents then reach."""
    profile = PROFILES["scaled"]
    seeds = profile.seeds_of(TUNING_BLOCK)
    for name, candidates in (("ppo", PPO_CANDIDATES), ("bc", BC_CANDIDATES)):
        chosen = profile.systems["cart-pole", name]
        for changes in candidates:
            learner = dataclasses.replace(chosen.learner, **changes)  # type: ignore[type-var]
            level = run_level(Cell(dataclasses.replace(chosen, learner=learner), DENSE, seeds), 0, None)
            returns = level.scored_returns
            share = level.share.mean()
            what = ", ".join(f"{key} {value}" for key, value in changes.items()) or "as chosen"
            yield (
                f"{name:4} {what:52} {learner.updates:5} updates  scored return {returns.mean():5.1f},"
                f" lowest {returns.min():5.1f}, {100 * share:3.0f} % of the training taken"
            )
