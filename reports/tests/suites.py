"""Runs that no experiment made: of the whole suite's systems, held against a baseline, and cut short."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.results import scales
from harness.results.baseline import JUDGED
from reports.tests.synthetic import finding, findings, inputs_chart, returns_chart, sizes_chart

TASKS = {
    "cart-pole": ("bc", "ppo", "dqn"),
    "acrobot": ("bc", "ppo"),
    "hopper": ("bc", "ppo"),
    "walker2d": ("bc", "ppo"),
    "half-cheetah": ("bc", "ppo"),
    "ant": ("bc", "ppo"),
    "gridmaze": ("dqn", "ppo"),
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


ACROBOT = ["cosine of angle 1", "sine of angle 1", "cosine of angle 2", "sine of angle 2"]
ACROBOT += ["angular velocity 1", "angular velocity 2"]
DISCRETE = ("cart-pole bc", "cart-pole ppo", "cart-pole dqn", "acrobot bc", "acrobot ppo")
DIVISORS = ("Kaiming", "Kaiming / 3", "Kaiming / 10", "Kaiming / 30", "Kaiming / 100", "Xavier")
ONLY_EXTENDED = ("size-does-not-matter", "smaller-nets-go-sparser", "late-rewinding-not-needed")


def discrete(profile: str = "scaled") -> dict[str, Any]:
    """The low-dimensional tasks with all their learners; what only the extended profile judges waits at scaled."""
    extended = profile == "extended"

    def each(name: str, systems: Sequence[str], *conclusions: str, **changes: Any) -> list[dict[str, Any]]:
        words = conclusions or ("supported",)
        return [
            finding(
                name,
                system,
                words[i % len(words)],
                name=f"test_it[{system.replace(' ', '-')}]",
                scale=about(system),
                **{"chart": returns(system)} | changes,
            )
            for i, system in enumerate(systems)
        ]

    def returns(system: str) -> dict[str, Any]:
        return returns_chart(system, title(system), **ends(system))

    sizes = {system: sizes_chart(system, title(system), **outline(system), **ends(system)) for system in DISCRETE}
    points = {"rewound to 0": 2.0, "random/re-init": 9.0, "rewound to 2 %": 1.8, "rewound to 8 %": 1.9}
    points |= {"rewound to 80 %": 3.1}
    rewound = {s: returns_chart(s, title(s), labels=points) for s in ("cart-pole ppo", "cart-pole dqn")}
    inputs = inputs_chart("acrobot", title("acrobot ppo"), ACROBOT, 2, DIVISORS)
    pairs = [
        finding("bc-prunes-sparser", task, word, name=f"test_pair[{task}]", scale=about(f"{task} bc", f"{task} ppo"))
        for task, word in (("cart-pole", "contradicted"), ("acrobot", "supported"))
    ]
    both = ("cart-pole ppo", "acrobot ppo")
    on = {"hypothesis": "Each angular velocity keeps more than each other input", "chart": inputs}
    made = {
        "ticket-effect": ("REPRODUCED", each("ticket-effect", DISCRETE)),
        "mask-explains-most": ("MIXED", each("mask-explains-most", DISCRETE * 2, "supported", "equivalent")),
        "weights-matter-little": ("INCONCLUSIVE", each("weights-matter-little", DISCRETE[::3], "underpowered")),
        "bc-prunes-sparser": ("MIXED", pairs),
        "acrobot-keeps-velocities": ("REPRODUCED", each("acrobot-keeps-velocities", ["acrobot ppo"] * 8, **on)),
        "kaiming-tenth-finds-inputs": ("REFUTED", each("kaiming-tenth-finds-inputs", both, "contradicted", **on)),
        "best-checkpoint-less-noise": ("REFUTED", each("best-checkpoint-less-noise", DISCRETE[1:3], "equivalent")),
    }
    larger = {
        name: ("REPRODUCED", [each(name, [system], chart=drawn)[0] for system, drawn in charts.items()])
        for name, charts in zip(ONLY_EXTENDED, (sizes, sizes, rewound), strict=True)
    }
    waits = [{"id": name, "says": f"What {name} says", "source": "A.2", "profile": "extended"} for name in larger]
    waits.append({"id": "best-checkpoint-less-noise", "says": "it", "source": "1", "profile": "paper"})
    return {
        **findings(),
        "profile": profile,
        "claims": [claim(name, *verdict) for name, verdict in (made | (larger if extended else {})).items()],
        "later": waits[-1:] if extended else waits,
    }


def kept(folder: Path, run: dict[str, Any], **counts: int | None) -> Path:
    """A run as it is kept beside a report, with all of each claim judged unless `counts` says of how many."""
    judged = {claim["id"]: sum(f["conclusion"] in JUDGED for f in claim["findings"]) for claim in run["claims"]}
    found = scales.kept_of(run, {**judged, **counts}, own_seeds=True)
    file = folder / f"{run['profile']}.json"
    scales.keep(file, run["profile"], found)
    return file


def title(system: str) -> str:
    """`Cart-Pole DQN`."""
    task, learner = system.split(" ")
    return f"{task.title()} {learner.upper()}"


def ends(system: str) -> dict[str, float]:
    """The expert's return and the random policy's."""
    return {"expert": -74.0, "random": -499.1} if system.startswith("acrobot") else {"expert": 500.0, "random": 22.3}


def outline(system: str) -> dict[str, int]:
    """Inputs and outputs of its networks."""
    return {"inputs": 6, "outputs": 3} if system.startswith("acrobot") else {"inputs": 4, "outputs": 2}


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
