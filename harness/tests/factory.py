"""Findings, claims' results and runs for tests: valid by default, each field can be changed."""

from typing import Any

from harness.results.sample import Sample
from harness.results.schema import ClaimResult, Drift, Finding, RunResult

NOW = "2026-11-30T12:00:00+00:00"
SEEDS = tuple(range(5))


def sample(*values: float, shift: float = 0.0) -> Sample:
    """A mean over seeds 0, 1, ...; of five different values by default."""
    held = values or (0.1, 0.2, 0.3, 0.25, 0.15)
    return Sample.of("mean", [value + shift for value in held], seeds=range(len(held)))


def finding(**changes: Any) -> Finding:
    """A supported finding of claim "a-claim" on cart-pole ppo, with an effect of 0.2 over five seeds."""
    name = changes.get("name", "test_it[cart-pole-ppo]")
    claim = changes.get("claim", "a-claim")
    held = {
        "claim": claim,
        "name": name,
        "nodeid": f"claims/test_{claim.replace('-', '_')}.py::{name}",
        "system": "cart-pole ppo",
        "hypothesis": "The effect is above 0.",
        "kind": "greater",
        "min_effect": 0.05,
        "unit": "normalised return",
        "conclusion": "supported",
        "reason": "Above 0 and at least 0.05: effect 0.2, bounds 0.1 to 0.3.",
        "test": "sign-flip",
        "n": (5,),
        "effect": 0.2,
        "lower": 0.1,
        "upper": 0.3,
        "p": 0.01,
        "detectable": 0.08,
        "sample": sample(),
        "cells": ("abc123-0-4-def456",),
        "cpu_seconds": 60.0,
        "scale": {"cart-pole ppo": {"env_steps": {"here": 20_480, "paper": 200_000}}},
        "rerun": f'pytest -n auto --claim {claim} -k "{name}"',
    }
    return Finding(**held | changes)


def drift(standing: str = "holds", **changes: Any) -> Drift:
    """What a baseline says of `finding()`: it was supported there, and has drifted by 0.02."""
    held = {
        "standing": standing,
        "says": f"supported (+0.18) in the baseline, and {standing} now",
        "conclusion": "supported",
        "effect": 0.18,
        "lower": 0.1,
        "upper": 0.26,
        "n": (5,),
        "moved": 0.02,
        "p": 0.4,
        "seen": 0.1,
        "margin": 0.025,
    }
    return Drift(**held | changes)


def claim_result(*findings: Finding, **changes: Any) -> ClaimResult:
    """The result of the claim that these findings are of; of `finding()` where none is given."""
    held = findings or (finding(),)
    whole = {
        "id": held[0].claim,
        "says": "The ticket is better.",
        "source": "3.2, Figure 3",
        "quantifier": "all",
        "systems": "judged on 1 of the paper's 4 systems",
        "verdict": "REPRODUCED" if all(one.conclusion == "supported" for one in held) else "INCONCLUSIVE",
        "summary": "At scaled.",
        "expected": len(held),
        "cpu_seconds": 60.0,
        "findings": held,
    }
    return ClaimResult(**whole | changes)


def run_result(*claims: ClaimResult, **changes: Any) -> RunResult:
    """A complete run at the profile "scaled" on seed block 0; of `claim_result()` where no claim is given."""
    held = {
        "profile": "scaled",
        "seed_block": 0,
        "seeds": SEEDS,
        "command": "pytest -n auto",
        "created": NOW,
        "commit": "0123abc",
        "machine": {"cpu": "A CPU", "cpus": 2},
        "versions": {"python": "3.11.1", "numpy": "2.4.6"},
        "wall_seconds": 10.0,
        "cpu_seconds": 60.0,
        "dense_returns": {"cart-pole ppo": 480.0},
        "systems": ({"key": "cart-pole ppo", "task": "Cart-Pole", "learner": "PPO"},),
        "claims": claims or (claim_result(),),
    }
    return RunResult(**held | changes)
