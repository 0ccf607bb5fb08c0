"""Findings and records of trust that no experiment made, to try the page.

`python -m reports.tests.synthetic FOLDER` writes FOLDER/findings.json and FOLDER/trust/; then `python -m reports`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.results.records import FORMAT, Record, RecordEntry, entry, table
from reports import trust

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
        gain = (0.1 + 0.15 * place) * np.linspace(0.8, 1.0, kept)
        strength[:, :, -kept:] *= np.exp(gain * np.arange(levels)[:, None])[:, None, :]
        loss = 0.12 * np.linspace(0.0, 1.0, len(inputs) - kept)
        strength[:, :, :-kept] *= np.exp(-loss * np.arange(levels)[:, None])[:, None, :]
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


def sizes_chart(
    key: str,
    title: str,
    sizes: tuple[int, ...] = (32, 64, 128),
    conditions: tuple[str, ...] = ("mask/weights", "permuted/permuted"),
    levels: int = 12,
    seeds: int = 20,
    inputs: int = 4,
    outputs: int = 2,
    expert: float = 500.0,
    random: float = 22.3,
) -> dict[str, Any]:
    """Networks of two equal layers; a ticket breaks at a number of weights of its own, the others sooner."""
    series = []
    for units in sizes:
        total = inputs * units + units * units + units * outputs
        halves = {condition: 100 * (40 + units / 4) * (1 + 5 * i) / total for i, condition in enumerate(conditions)}
        drawn = returns_chart(key, f"{title} {units}", levels, seeds, expert, random, halves)["series"]
        for one in drawn:
            size, condition = f"{units}-{units}", one["label"]
            weights = [max(1, round(total * density)) for density in one["density"]]
            density = [count / total for count in weights]
            more = {"size": size, "condition": condition, "weights": weights, "density": density}
            series.append({**one, "label": f"{size}, {condition}", **more})
    whole = returns_chart(key, title, expert=expert, random=random)
    return {**whole, "kind": "sizes", "series": series}


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
        "min_effect": 0.05,
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
        "sensitivity": [],
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
                    sensitivity=with_ratio,
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
                    sensitivity=[
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
                    min_effect=0.5,
                    unit="levels of pruning",
                    seeds_needed=64,
                    detectable=1.42,
                    chart=pair,
                    test="log-rank, permuted labels",
                    hypothesis="Behavioural cloning breaks at a lower density than reinforcement learning",
                    reason="the interval is open above; 64 seeds, about 14 core-minutes, would decide",
                    note="13 of 20 chains are censored at the last level.",
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
                    min_effect=None,
                    unit="density",
                )
            ],
            "4.1; Figure 5",
            "the task",
            "0 of the paper's 1 systems",
        ),
    ]
    claims[0]["preregistration"] = {"hash": HASH, "registered": "2025-11-12", "changed": []}
    claims[1]["preregistration"] = {
        "hash": HASH[::-1],
        "registered": "2025-11-12",
        "changed": [
            "smallest of mask part > weights part was 0.02, and is 0.05",
            "the estimand was the mean of levels",
        ],
    }
    claims[2]["preregistration"] = {"hash": HASH, "registered": None, "changed": []}
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


def suite() -> dict[str, Any]:
    """A run with as many panels and findings as that of all claims on Cart-Pole, and every kind of chart."""
    run = findings()
    inputs = ["cart position", "cart velocity", "pole angle", "pole angular velocity"]
    scales = ("Kaiming", "Kaiming / 3", "Kaiming / 10", "Kaiming / 30", "Kaiming / 100")
    drawn = [
        inputs_chart("five", "Five initialisers", inputs, 2, scales),
        layers_chart("layers", "Layers", ("Kaiming", "Xavier")),
        learning_chart("training", "Training", ("surviving inputs", "all inputs")),
        sizes_chart("sizes", "Three sizes"),
        learning_chart("longer", "Training, horizon 500", ("surviving inputs", "all inputs"), seeds=40),
        *[returns_chart(f"more-{i}", f"Cart-Pole, variant {i}") for i in range(4)],
    ]
    systems = ("cart-pole ppo", "cart-pole bc", "cart-pole", "acrobot ppo")
    made = [finding("all-charts", systems[i % 4], "supported", chart=drawn[i % len(drawn)]) for i in range(40)]
    last = {**run["claims"][0], "id": "all-charts", "says": "Every kind of chart can be drawn", "findings": made}
    return {**run, "claims": [*run["claims"], last]}


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


def record(name: str, **changes: Any) -> dict[str, Any]:
    """The record `name` as `records.read` gives it; `changes` replace any of its fields."""
    found = {
        "format": FORMAT,
        "created": "2025-11-20T19:02:44+00:00",
        "commit": "abc1234",
        "machine": {"cpu": "AMD EPYC 9B14 (synthetic)", "cpus": 2},
        **RECORDS[name]().model_dump(mode="json", exclude={"created", "commit", "machine", "origin"}),
        "origin": "committed",
    }
    return json.loads(json.dumps(found | changes))  # type: ignore[no-any-return]  # tuples become lists, as in a file


def parts(**changes: Mapping[str, Any]) -> tuple[trust.Part, ...]:
    """All records as the page shows them; `changes` are fields of a record, by its name."""
    return tuple(trust.part(name, record(name, **changes.get(name, {}))) for name in RECORDS)


def calibration(tests: int = 12, sizes: tuple[int, ...] = (5, 6, 8, 10, 15, 20)) -> Record:
    """A table a test, a row a distribution, a column an n: rates of false alarms."""
    rng = np.random.default_rng(7)

    def rate(n: int, rare: float) -> RecordEntry:
        share = 0.05 + rare * 8 / n + 0.002 * rng.standard_normal()
        bounds = f"{share * 20_000:,.0f} of 20,000; simultaneous bounds {share - 0.006:.3f} to {share + 0.007:.3f}"
        if share > 0.058:
            return entry(f"{share:.3f} refused", "bad", f"{bounds}: above alpha")
        return entry(f"{share:.3f}", "good", bounds)

    rows = ["normal", "lognormal", "capped", "unequal variances"]
    rows += [f"capped, rare failures of {percent} %" for percent in (2, 5, 10, 15, 20)]
    return Record(
        of="a run",
        name="calibration",
        title="Calibration by simulation",
        says="20,000 replicates each of data in which the hypothesis is false, by test, distribution and n; "
        "bounds are Clopper-Pearson, simultaneous over all tables.",
        verdict="No combination that a verdict may rest on exceeds alpha 0.05; 141 of 648 are refused.",
        ok=True,
        command="make calibrate",
        tables=[
            table(
                f"{FAMILIES[place % len(FAMILIES)]}, {('false alarms', 'power at d = 0.8 sd')[place // len(FAMILIES)]}",
                ("distribution", *(f"n = {n}" for n in sizes)),
                [(row, *(rate(n, 0.003 * max(0, at - 4)) for n in sizes)) for at, row in enumerate(rows)],
                "share of replicates called supported or contradicted",
            )
            for place in range(tests)
        ],
        cpu_seconds=1_804.0,
    )


def aa() -> Record:
    """Rates of verdicts between conditions that are the same."""
    kinds = ["greater, paired", "greater, unpaired", "equivalent, paired", "non-inferior", "contrast of three"]
    kinds += ["contrast of four", "break densities", "trend"]
    return Record(
        of="a run",
        name="aa",
        title="A/A runs: the same against the same",
        says="Trained pairs of one start and different training streams, BC on Cart-Pole, 400 judgements of 20 seeds.",
        verdict="3.5 % of 3,200 judgements of no effect said supported or contradicted; at most 5 % may.",
        ok=True,
        command="make aa",
        tables=[
            table(
                "What was concluded where nothing differs",
                ("hypothesis", "supported", "contradicted", "underpowered", "judgements"),
                [
                    (
                        kind,
                        entry(f"{2 + place % 2}.{place} %", "good", f"bounds 1.1 to {4 + place / 10:.1f} %"),
                        entry("0.8 %", "good"),
                        "96 %",
                        "400",
                    )
                    for place, kind in enumerate(kinds)
                ],
            )
        ],
        cpu_seconds=1_210.0,
    )


def controls() -> Record:
    """Claims against controls; one survivor, so that the page shows one."""
    outcomes: dict[str, dict[str, dict[str, str]]] = {}
    for row, claim in enumerate(CLAIMS):
        for column, control in enumerate(CONTROLS):
            outcome, why = "killed", f"REPRODUCED became {('REFUTED', 'INCONCLUSIVE', 'MIXED')[(row + column) % 3]}"
            if (row * 3 + column) % 5 in (0, 2):
                outcome, why = "not applicable", "the claim does not rest on it"
            if (row, column) == (1, 3):
                outcome, why = "survived", "still REPRODUCED: both conditions lost their largest weights alike"
            outcomes.setdefault(claim, {})[control] = {"outcome": outcome, "why": why}
    tones = {"killed": "good", "survived": "bad", "not applicable": "none"}
    return Record(
        of="a run",
        name="controls",
        title="Negative controls",
        says="Each control breaks one ingredient of the experiment; a claim that declares it must no longer be "
        "REPRODUCED. The twin is the same reduced profile with nothing broken.",
        verdict="59 of 60 declared controls kill; largest-pruned survives on mask-explains-most.",
        ok=False,
        command="make controls",
        tables=[
            table(
                "Claim by control",
                ("claim", *CONTROLS),
                [
                    (claim, *(entry(o["outcome"], tones[o["outcome"]], o["why"]) for o in row.values()))  # type: ignore[arg-type]
                    for claim, row in outcomes.items()
                ],
            )
        ],
        data={
            "claims": outcomes,
            "twin": {claim: "INCONCLUSIVE" if claim == "layer-ratio-matters" else "REPRODUCED" for claim in CLAIMS},
        },
        cpu_seconds=1_602.0,
    )


def agreement() -> Record:
    """Findings of fresh seed blocks against those of block 0."""
    supported, agree = entry("supported", "good"), entry("agree", "good")
    underpowered = entry("underpowered", "weak", "the bounds leave it open")
    disagree = entry("disagree", "mixed", "supported there, underpowered here")
    rows = []
    for place in range(25):
        name = f"{CLAIMS[place % 10]}[cart-pole-{('bc', 'ppo', 'dqn')[place % 3]}]"
        first, word = (underpowered, disagree) if place % 7 == 6 else (supported, agree)
        rows.append((name, first, supported, supported, word))
    return Record(
        of="a run",
        name="agreement",
        title="Agreement of fresh seed blocks",
        says="The same claims judged on seeds that had not been seen, blocks 1 and 2, against block 0.",
        verdict="22 of 25 findings agree (88 %); none turns from supported to contradicted.",
        ok=False,
        command="python -m harness agreement 1 2",
        tables=[table("Finding by block", ("finding", "block 0", "block 1", "block 2", "agreement"), rows)],
        cpu_seconds=5_120.0,
    )


def multiverse() -> Record:
    """Claims under other readings of the paper."""
    readings: dict[str, dict[str, dict[str, Any]]] = {}
    for row, claim in enumerate(CLAIMS):
        for column, switch in enumerate(SWITCHES):
            turned = (row, column) in ((1, 0), (1, 5), (4, 8), (7, 2))
            changed = ["test_it[cart-pole-ppo]"] if turned or (row, column) == (0, 3) else []
            readings.setdefault(claim, {})[switch] = {
                "verdict": ("MIXED", "INCONCLUSIVE")[column % 2] if turned else "REPRODUCED",
                "same_numbers": not changed and column % 3 == 0,
                "changed_findings": changed,
            }

    def reading_entry(reading: dict[str, Any]) -> RecordEntry:
        if reading["same_numbers"]:
            return entry("same")
        tone = {"REPRODUCED": "good", "MIXED": "mixed", "INCONCLUSIVE": "weak"}[reading["verdict"]]
        changed = f"{len(reading['changed_findings'])} finding changes" if reading["changed_findings"] else ""
        return entry(reading["verdict"], tone, changed)  # type: ignore[arg-type]

    return Record(
        of="a run",
        name="multiverse",
        title="Other readings of the paper",
        says="The Cart-Pole claims under each other reading of what the paper leaves open, one at a time.",
        verdict="4 of 110 verdicts depend on the reading.",
        ok=True,
        command="make multiverse",
        tables=[
            table(
                "Claim by reading",
                ("claim", *SWITCHES),
                [(claim, *map(entry, row.values())) for claim, row in readings.items()],
                "the verdict under the reading, all else by default",
            )
        ],
        data={"claims": readings},
        cpu_seconds=2_220.0,
    )


def alarms() -> Record:
    """The gate on ten fresh blocks."""
    rows = [(claim, "test_it[cart-pole-ppo]", "10 of 10", "3", "0", "0.21 normalised return") for claim in CLAIMS]
    columns = ("claim", "finding", "supported on", "left 'supported'", "false alarms", "smallest drift seen")
    return Record(
        of="a run",
        name="alarms",
        title="False alarms of the gate",
        says="The same code on 10 seed blocks, each held against each other.",
        verdict="1 of 90 gated runs failed (1.1%).",
        ok=True,
        command="make alarms",
        tables=[table("By finding", columns, rows)],
        data={"alarms": 1, "runs": 90},
        cpu_seconds=2_100.0,
    )


HASH = "9f2c61e07ab4d58810c3"
FAMILIES = ("Exact sign-flip", "Label permutation", "Studentised t", "Two one-sided t", "Log-rank", "Page's L")
CLAIMS = ("ticket-effect", "mask-explains-most", "bc-prunes-sparser", "cart-pole-keeps-pole", "weights-matter-little")
CLAIMS += ("layer-ratio-matters", "surviving-inputs-suffice", "kaiming-tenth-finds-inputs")
CLAIMS += ("kaiming-biases-layers", "best-checkpoint-less-noise")
CONTROLS = ("no-mask-in-training", "random-mask", "redrawn-weights", "largest-pruned", "shuffled-layer-counts")
CONTROLS += ("random-expert", "no-learning", "exchanged-returns", "permuted-inputs", "same-initialisers")
SWITCHES = ("lineage=branch", "shuffle=rows", "checkpoint=last", "judged=best", "output-layers=kept", "prune=both")
SWITCHES += ("horizon=200", "budgets=equal-updates", "activation=tanh", "evaluation=sampled", "weight-decay=decoupled")
RECORDS = {
    "calibration": calibration,
    "aa": aa,
    "controls": controls,
    "agreement": agreement,
    "multiverse": multiverse,
    "alarms": alarms,
}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "trust").mkdir(parents=True, exist_ok=True)
    (place / "findings.json").write_text(json.dumps(findings(), allow_nan=False), "utf-8")
    for made in RECORDS:
        (place / "trust" / f"{made}.json").write_text(json.dumps(record(made), allow_nan=False), "utf-8")
