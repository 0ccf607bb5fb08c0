"""Runs whose effects were made up, seed by seed, to lay beside each other."""

from typing import Any

import numpy as np
from harness.results.findings_file import SCHEMA

from harness.judging.verdict import claim_verdict
from harness.results.sample import Sample
from harness.results.schema import Finding

MIN_EFFECT, SPREAD, SEEDS = 0.05, 0.1, 20


def finding(claim: str, name: str, effect: float, block: int = 0, **changes: Any) -> Finding:
    """One whose effect is the mean of 20 seeds that spread around it, each block's in its own way."""
    rng = np.random.default_rng([block, *name.encode()])
    values = rng.standard_normal(SEEDS)
    values = effect + SPREAD * (values - values.mean())
    half = 2 * SPREAD / SEEDS**0.5
    supported = effect - half > 0
    asked: dict[str, Any] = {
        "claim": claim,
        "name": name,
        "nodeid": f"claims/test_{claim}.py::{name}",
        "system": name.partition("[")[2].removesuffix("]") or "cart-pole bc",
        "hypothesis": f"It is so in {name.partition('[')[0]}.",
        "kind": "greater",
        "min_effect": MIN_EFFECT,
        "unit": "normalised return",
        "conclusion": "supported" if supported else "underpowered",
        "test": "made up",
        "n": [SEEDS],
        "effect": effect,
        "lower": effect - half,
        "upper": effect + half,
        "p": 0.001 if supported else 0.5,
        "sample": Sample("mean", (values,), tuple(range(1000 * block, 1000 * block + SEEDS))).to_json(),
    }
    return Finding(**asked | changes)


def run(*found: Finding, block: int = 0, day: int = 1, **changes: Any) -> dict[str, Any]:
    """A run of the claims that these findings are of, on a day of November 2026."""
    claims = dict.fromkeys(each.claim for each in found)
    return {
        "schema": SCHEMA,
        "profile": "scaled",
        "changes": [],
        "seed_block": block,
        "seeds": list(range(1000 * block, 1000 * block + SEEDS)),
        "command": f"pytest --claims-seed-block {block}",
        "created": f"2026-11-{day:02d}T10:00:00+00:00",
        "commit": f"v0.1-{day}-g0a1b2c{day:02d}",
        "machine": {"cpu": "a CPU", "cpus": 2},
        "versions": {"python": "3.11.7", "numpy": "2.4.6"},
        "wall_seconds": 60.0,
        "cpu_seconds": 120.0,
        "claims": [
            {
                "id": claim,
                "says": f"{claim} is so",
                "verdict": claim_verdict([each for each in found if each.claim == claim])[0],
                "findings": [each.to_json() for each in found if each.claim == claim],
            }
            for claim in claims
        ],
    } | changes
