"""Runs that no experiment made: of the whole suite's systems, held against a baseline, and cut short."""

from typing import Any

import numpy as np

from reports.tests.synthetic import finding, findings

TASKS = {
    "cart-pole": ("bc", "ppo", "dqn"),
    "acrobot": ("bc", "ppo"),
    "hopper": ("bc", "ppo"),
    "walker2d": ("bc", "ppo"),
    "half-cheetah": ("bc", "ppo"),
    "ant": ("bc", "ppo"),
    "grid-maze": ("dqn", "ppo"),
    "asterix": ("bc", "dqn"),
    "breakout": ("bc", "dqn"),
    "space-invaders": ("bc", "dqn"),
    "atari": ("ppo",),
}
CONCLUSIONS = ("supported", "supported", "contradicted", "underpowered", "equivalent", "not run")


def sample(seeds: int = 20, mean: float = 0.18) -> dict[str, Any]:
    """One number a seed, of that mean about."""
    values = mean + 0.1 * np.random.default_rng(seeds).standard_normal(seeds)
    return {"statistic": "mean", "seeds": list(range(seeds)), "groups": [values.round(4).tolist()]}


def held_out(one: list[list[Any]], other: list[list[Any]]) -> dict[str, Any]:
    """Two groups of break densities, as [earliest, latest] a seed."""
    return {"statistic": "holds out", "seeds": None, "groups": [one, other]}


def about(*systems: str) -> dict[str, Any]:
    """The scale of a finding that is about these systems."""
    return {system: {"env_steps": {"here": 32768, "paper": 80000}} for system in systems}


def wide() -> dict[str, Any]:
    """Three claims on the 22 systems of the whole suite, one of which compares a task's learners."""
    systems = [f"{task} {learner}" for task, learners in TASKS.items() for learner in learners]
    each = [
        finding("ticket-effect", system, CONCLUSIONS[i % len(CONCLUSIONS)], name=f"test_it[{i}]", scale=about(system))
        for i, system in enumerate(systems)
    ]
    pairs = [
        finding("bc-prunes-sparser", task, "supported", name=f"test_pair[{task}]", scale=about(f"{task} bc", other))
        for task, learners in TASKS.items()
        if learners[0] == "bc"
        for other in [f"{task} {learners[1]}"]
    ]
    return {
        **findings(),
        "claims": [claim("ticket-effect", "MIXED", each), claim("bc-prunes-sparser", "REPRODUCED", pairs)],
    }


def claim(name: str, verdict: str, found: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """One claim of the plugin's JSON."""
    return {
        "id": name,
        "says": f"What {name} says",
        "source": "3.1, Figure 2",
        "quantifier": "all",
        "systems": f"judged on {len(found)} of the paper's systems",
        "verdict": verdict,
        "summary": f"{verdict} at scaled.",
        "cpu_seconds": 60.0,
        "findings": found,
        **changes,
    }


def standing(word: str, **changes: Any) -> dict[str, Any]:
    """What the gate says of a finding."""
    return {
        "standing": word,
        "conclusion": "supported",
        "effect": 0.4,
        "lower": 0.3,
        "upper": 0.5,
        "n": [20],
        "drift": -0.31,
        "p": 0.002,
        "seen": 0.12,
        "margin": 0.1,
        "says": f"It says {word}.",
        **changes,
    }


def gated() -> dict[str, Any]:
    """Three claims against a baseline: one as it was, one that regressed, one that is new."""
    regressed = finding("slipped", "cart-pole ppo", "underpowered", 0.09, -0.05, 0.23, baseline=standing("regressed"))
    held = [
        finding("held", "cart-pole bc", "supported", baseline=standing("holds", drift=0.01, p=0.8)),
        finding("held", "cart-pole ppo", "contradicted", -0.2, baseline=standing("as recorded")),
    ]
    new = standing(
        "new", conclusion=None, effect=None, lower=None, upper=None, drift=None, p=None, seen=None, margin=None
    )
    fresh = finding("fresh", "acrobot ppo", "supported", baseline=new)
    return {
        **findings(),
        "claims": [
            claim("held", "MIXED", held),
            claim("slipped", "INCONCLUSIVE", [regressed]),
            claim("fresh", "REPRODUCED", [fresh]),
        ],
        "baseline": {
            "file": "fixtures/baselines/scaled.json",
            "gate": True,
            "standings": {"holds": 1, "as recorded": 1, "regressed": 1, "new": 1},
            "unused": ["gone test_it[x]"],
            "says": "1 finding regressed.",
            "failed": True,
        },
    }


def partial() -> dict[str, Any]:
    """A run that is still going."""
    waiting = finding("ticket-effect", "cart-pole ppo", "not run", reason="7 of 11 levels of 2 cells are there")
    return {
        **findings(),
        "claims": [claim("ticket-effect", "NOT RUN", [waiting])],
        "partial": {"cells": 3, "of_cells": 8, "levels": 31, "of_levels": 88, "share": 0.3523},
    }
