"""Findings that no experiment made, to try the page: `python -m reports.tests.synthetic > findings.json`."""

import json
from typing import Any

import numpy as np

CONDITIONS = {"mask/weights": 0.9, "mask/permuted": 1.4, "permuted/permuted": 6.0, "random/re-init": 14.0}
TEST = "exact sign-flip"


def returns_chart(
    key: str,
    title: str,
    levels: int = 12,
    seeds: int = 20,
    expert: float = 500.0,
    random: float = 22.3,
    labels: dict[str, float] | None = None,
) -> dict[str, Any]:
    """A falling curve for each condition; beside a label stands the density, in percent, where it breaks."""
    rng = np.random.default_rng(len(title))
    density = 0.64 ** np.arange(levels)
    series = []
    for label, half in (labels or CONDITIONS).items():
        mean = random + (expert - random) / (1 + (half / 100 / density) ** 2.2)
        spread = 0.16 * abs(expert - random) * (1 - np.abs(2 * (mean - random) / (expert - random) - 1)) + 1e-9
        values = mean[:, None] + spread[:, None] * rng.standard_normal((levels, seeds))
        series.append({"label": label, "density": density.tolist(), "values": values.round(3).tolist()})
    return {
        "kind": "returns",
        "key": key,
        "title": title,
        "unit": "scored return",
        "series": series,
        "references": {"expert": expert, "random": random},
    }


def inputs_chart(
    key: str,
    title: str,
    inputs: list[str],
    kept: int,
    initialisers: tuple[str, ...],
    levels: int = 12,
    seeds: int = 20,
) -> dict[str, Any]:
    """Shares of the input magnitude; the last `kept` inputs win, sooner under each further initialiser."""
    rng = np.random.default_rng(len(key))
    series = []
    for place, label in enumerate(initialisers):
        strength = np.ones((levels, seeds, len(inputs))) + 0.1 * rng.random((levels, seeds, len(inputs)))
        strength[:, :, -kept:] *= np.exp((0.1 + 0.15 * place) * np.arange(levels))[:, None, None]
        shares = strength / strength.sum(axis=2, keepdims=True)
        series.append(
            {
                "label": label,
                "density": (0.64 ** np.arange(levels)).tolist(),
                "values": shares.round(4).tolist(),
            }
        )
    return {"kind": "inputs", "key": key, "title": title, "names": inputs, "series": series}


def layers_chart(key: str, title: str, labels: tuple[str, ...], levels: int = 12, seeds: int = 20) -> dict[str, Any]:
    """Density of three layers; the last is spared, the more so under each further label."""
    chart = inputs_chart(key, title, ["input layer", "hidden layer 2", "output layer"], 1, labels, levels, seeds)
    return {**chart, "kind": "layers"}


def learning_chart(
    key: str, title: str, labels: tuple[str, ...], evaluations: int = 10, seeds: int = 20
) -> dict[str, Any]:
    """Returns that rise to the expert's over 32,000 env_steps, later under each further label."""
    rng = np.random.default_rng(len(key))
    done = (np.arange(evaluations) + 1) / evaluations
    series = []
    for place, label in enumerate(labels):
        mean = 22.3 + (500 - 22.3) * done ** (1 + place)
        values = np.minimum(500, mean[:, None] + 20 * rng.standard_normal((evaluations, seeds)))
        series.append({"label": label, "env_steps": (32_000 * done).tolist(), "values": values.round(2).tolist()})
    return {
        "kind": "learning",
        "key": key,
        "title": title,
        "unit": "return during training",
        "series": series,
        "references": {"expert": 500.0, "random": 22.3},
    }


def finding(
    claim: str,
    system: str,
    conclusion: str,
    effect: Any = 0.182,
    lower: Any = 0.121,
    upper: Any = 0.243,
    **changes: Any,
) -> dict[str, Any]:
    """One finding of the plugin's JSON; `changes` replace any of its fields."""
    task = system.replace(" ", "-")
    nodeid = f"claims/test_{claim.replace('-', '_')}.py::test_it[{task}]"
    measured = conclusion not in ("not run", "error", "smoke")
    return {
        "claim": claim,
        "name": "test_it",
        "nodeid": nodeid,
        "system": system,
        "hypothesis": "The area of the ticket exceeds the area of a random sparse network",
        "kind": "greater",
        "smallest": 0.05,
        "unit": "normalised return",
        "conclusion": conclusion,
        "reason": "lower bound above 0 and the effect at least 0.05" if conclusion == "supported" else "",
        "test": TEST,
        "n": [20],
        "effect": effect if measured else None,
        "lower": lower if measured else None,
        "upper": upper if measured else None,
        "p": 0.0000019 if measured else None,
        "q": 0.0000081 if measured else None,
        "detectable": 0.071 if measured else None,
        "seeds_needed": None,
        "beside": [],
        "chart": None,
        "cells": [f"{task}-{i}" for i in range(4)],
        "cpu_seconds": 37.2,
        "scale": {
            system: {
                "env_steps": {"here": 32000, "paper": 80000},
                "seeds": {"here": 20, "paper": 15},
                "units": {"here": "64-64", "paper": "128-128"},
                "levels": {"here": 12, "paper": 26},
            }
        },
        "rerun": f'pytest -n auto "{nodeid}"',
        "message": "",
    } | changes


def findings() -> dict[str, Any]:
    """A run with every verdict, every conclusion, missing and infinite numbers."""
    cart, acro = (
        returns_chart("cart-pole-ppo", "Cart-Pole PPO"),
        returns_chart("acrobot-ppo", "Acrobot PPO", expert=-82.4, random=-499.1),
    )
    bc = returns_chart("cart-pole-bc", "Cart-Pole BC", labels={k: v / 3 for k, v in CONDITIONS.items()})
    pair = returns_chart("cart-pole-both", "Cart-Pole, BC against PPO", labels={"behavioural cloning": 0.5, "PPO": 2.5})
    shares = inputs_chart(
        "cart-pole-inputs",
        "Cart-Pole PPO",
        ["cart position", "cart velocity", "pole angle", "pole angular velocity"],
        2,
        ("Kaiming", "Kaiming / 10", "Xavier"),
    )
    walker = inputs_chart("walker-inputs", "Walker2D PPO", [f"observation {i}" for i in range(22)], 11, ("Kaiming",))

    def claim(
        name: str,
        says: str,
        verdict: str,
        summary: str,
        found: list[dict[str, Any]],
        source: str,
        quantifier: str,
        systems: str,
    ) -> dict[str, Any]:
        return {
            "id": name,
            "says": says,
            "source": source,
            "quantifier": quantifier,
            "systems": systems,
            "verdict": verdict,
            "summary": summary,
            "cpu_seconds": sum(f["cpu_seconds"] or 0 for f in found),
            "findings": [{**f, "claim": name} for f in found],
        }

    beats = "The mask part of the ticket effect is above zero"
    more = "The mask part is larger than the weights part"
    with_ratio = [
        {
            "name": "layer ratio counted in",
            "effect": 0.341,
            "lower": 0.27,
            "upper": 0.412,
            "p": 0.000002,
            "conclusion": "supported",
        },
        {
            "name": "two levels fewer",
            "effect": 0.09,
            "lower": 0.031,
            "upper": 0.151,
            "p": 0.004,
            "conclusion": "supported",
        },
    ]
    many = {"test": "studentised t, n ≥ 15"}
    claims = [
        claim(
            "ticket-effect",
            "Tickets from iterative magnitude pruning beat random sparse networks, on- and off-policy",
            "REPRODUCED",
            "Supported on all 3 systems; the smallest effect is twice the smallest of interest.",
            [
                finding("ticket-effect", "cart-pole ppo", "supported", 0.412, 0.361, 0.463, chart=cart),
                finding(
                    "ticket-effect",
                    "cart-pole bc",
                    "supported",
                    0.287,
                    0.222,
                    0.352,
                    chart=bc,
                    p=0.0004,
                    q=0.0011,
                ),
                finding(
                    "ticket-effect",
                    "acrobot ppo",
                    "supported",
                    0.107,
                    0.041,
                    0.175,
                    p=0.0031,
                    q=0.0062,
                    chart=acro,
                ),
            ],
            "1 and 3.3; Figures 3, 4, 9 and 10",
            "universal",
            "3 of the paper's 25 systems",
        ),
        claim(
            "mask-explains-most",
            "Most of a ticket's effect comes from its mask",
            "MIXED",
            "The mask part exceeds the weights part on Cart-Pole; Acrobot shows the opposite.",
            [
                finding(
                    "mask-explains-most",
                    "cart-pole ppo",
                    "supported",
                    0.231,
                    0.172,
                    0.291,
                    hypothesis=beats,
                    chart=cart,
                    **many,
                ),
                finding(
                    "mask-explains-most",
                    "acrobot ppo",
                    "supported",
                    0.082,
                    0.021,
                    0.144,
                    hypothesis=beats,
                    p=0.011,
                    q=0.018,
                    chart=acro,
                    **many,
                ),
                finding(
                    "mask-explains-most",
                    "cart-pole ppo",
                    "supported",
                    0.174,
                    0.103,
                    0.246,
                    hypothesis=more,
                    chart=cart,
                    beside=with_ratio,
                    **many,
                ),
                finding(
                    "mask-explains-most",
                    "acrobot ppo",
                    "contradicted",
                    -0.131,
                    -0.204,
                    -0.058,
                    hypothesis=more,
                    p=0.0013,
                    q=0.0031,
                    chart=acro,
                    reason="upper bound below 0 and the effect at most −0.05",
                    beside=[
                        {
                            **with_ratio[0],
                            "effect": -0.02,
                            "lower": -0.11,
                            "upper": 0.07,
                            "p": 0.61,
                            "conclusion": "underpowered",
                        }
                    ],
                    **many,
                ),
            ],
            "3.2 and 3.3; Figure 1 right, Figures 3 and 4",
            "most agents",
            "2 of the paper's 14 systems",
        ),
        claim(
            "bc-prunes-sparser",
            "Behavioural cloning keeps performance to higher sparsity than reinforcement learning",
            "INCONCLUSIVE",
            "Underpowered: 20 seeds can't tell the break densities apart; about 64 fresh seeds would.",
            [
                finding(
                    "bc-prunes-sparser",
                    "cart-pole",
                    "underpowered",
                    0.61,
                    -0.22,
                    "Infinity",
                    p=0.127,
                    q=0.19,
                    n=[20, 20],
                    smallest=0.5,
                    unit="levels of pruning",
                    seeds_needed=64,
                    detectable=1.42,
                    chart=pair,
                    test="log-rank, permuted labels",
                    hypothesis="Behavioural cloning breaks at a lower density than reinforcement learning",
                    reason="the interval is open above; 64 seeds, about 14 core-minutes, would decide",
                )
            ],
            "3.1; Figure 2",
            "all tasks studied",
            "1 of the paper's 6 systems",
        ),
        claim(
            "cart-pole-keeps-pole",
            "On Cart-Pole, pole angle and angular velocity survive pruning; cart position and velocity go",
            "REPRODUCED",
            "Supported in each of the four comparisons.",
            [
                finding(
                    "cart-pole-keeps-pole",
                    "cart-pole ppo",
                    "supported",
                    e,
                    e - 0.06,
                    e + 0.07,
                    unit="share of input magnitude",
                    name=f"{a} > {b}",
                    hypothesis="Each input of the pole keeps more magnitude than each input of the cart",
                    chart=shares,
                )
                for a, b, e in (
                    ("angle", "position", 0.31),
                    ("angle", "velocity", 0.28),
                    ("angular velocity", "position", 0.39),
                    ("angular velocity", "velocity", 0.36),
                )
            ],
            "4.2; Figure 8",
            "the task",
            "1 of the paper's 1 systems",
        ),
        claim(
            "weights-matter-little",
            "Permuting the surviving initial weights costs little while the mask is kept",
            "REPRODUCED",
            "The weights part is equivalent to zero on the one system measured.",
            [
                finding(
                    "weights-matter-little",
                    "cart-pole bc",
                    "supported",
                    0.008,
                    -0.019,
                    0.035,
                    kind="equivalent",
                    p=0.0021,
                    q=0.0044,
                    hypothesis="The weights part is equivalent to zero",
                    reason="both bounds within (−0.05, 0.05)",
                    chart=bc,
                    test="two one-sided t",
                )
            ],
            "3.2; Figure 3",
            "most agents",
            "1 of the paper's 6 systems",
        ),
        claim(
            "layer-ratio-matters",
            "The pruning ratio per layer carries part of the effect",
            "REFUTED",
            "Equivalent where a difference is claimed: the layer ratio carries less than 0.05.",
            [
                finding(
                    "layer-ratio-matters",
                    "cart-pole bc",
                    "equivalent",
                    0.004,
                    -0.021,
                    0.029,
                    p=0.73,
                    q=0.79,
                    chart=bc,
                    hypothesis="The layer-ratio part is above zero",
                    reason="both bounds within (−0.05, 0.05)",
                )
            ],
            "3.2; Figure 3",
            "all BC",
            "1 of the paper's 6 systems",
        ),
        claim(
            "inputs-over-specified",
            "Near 10 % density many inputs are gone while returns match dense ones",
            "ERROR",
            "1 of 1 findings ended in an error.",
            [
                finding(
                    "inputs-over-specified",
                    "walker2d ppo",
                    "error",
                    chart=walker,
                    cells=[],
                    cpu_seconds=None,
                    test=None,
                    n=[],
                    hypothesis="The return near 10 % density is equivalent to the dense one",
                    kind="equivalent",
                    message='Traceback (most recent call last):\n  File "harness/tasks/bullet.py", line 41\n'
                    '    raise ImportError("no pybullet")\nImportError: pybullet is not installed',
                )
            ],
            "4.2; Figure 7",
            "subset of tasks",
            "0 of the paper's 3 systems",
        ),
        claim(
            "agent-channel-kept",
            "The agent's channel is pruned least",
            "NOT RUN",
            "GridMaze is not part of the scaled profile.",
            [
                finding(
                    "agent-channel-kept",
                    "gridmaze dqn",
                    "not run",
                    cpu_seconds=0,
                    reason="not in this profile",
                    test=None,
                    n=[],
                    hypothesis="The agent's channel has the highest density",
                    scale={},
                    smallest=None,
                    unit="density",
                )
            ],
            "4.1; Figure 5",
            "the task",
            "0 of the paper's 1 systems",
        ),
    ]
    return {
        "schema": 1,
        "profile": "scaled",
        "seed_block": 0,
        "seeds": list(range(20)),
        "created": "2025-11-22T07:35:12+00:00",
        "command": "pytest -n auto",
        "commit": "abc1234",
        "machine": {"cpu": "AMD EPYC 9B14 (synthetic)", "cpus": 2},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6", "numba": "0.68.1"},
        "wall_seconds": 312.0,
        "cpu_seconds": 580.0,
        "damaged": ["<b>level_03.npz</b> does not match its checksum; the level is computed again"],
        "dense_returns": {"cart-pole ppo": 499.1, "cart-pole bc <i>equal</i> updates": 498.7},
        "claims": claims,
    }


def smoke() -> dict[str, Any]:
    """A smoke run: two levels, three seeds, nothing judged."""
    chart = returns_chart("cart-pole-ppo", "Cart-Pole PPO", levels=2, seeds=3)
    found = finding("ticket-effect", "cart-pole ppo", "smoke", chart=chart, reason="a smoke run is not judged", n=[3])
    return findings() | {
        "profile": "smoke",
        "seeds": [0, 1, 2],
        "claims": [
            {
                "id": "ticket-effect",
                "says": "Tickets beat random sparse networks",
                "source": "1",
                "quantifier": "universal",
                "systems": "run on 1 of the paper's 25 systems",
                "verdict": "SMOKE",
                "summary": "Ran through.",
                "findings": [found],
            }
        ],
    }


if __name__ == "__main__":
    print(json.dumps(findings(), allow_nan=False))
