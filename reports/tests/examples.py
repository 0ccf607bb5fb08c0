"""A run that no experiment made, with each kind of chart, finding and verdict; and pages as tests read them."""

import json
import re
from html.parser import HTMLParser
from math import inf, nan
from typing import Any

import numpy as np

from harness.results import records
from harness.results.history import PastClaim
from harness.results.schema import ClaimResult, Finding, RunResult
from harness.tests.factory import claim_result, drift, finding, run_result, sample
from reports.build import Context
from reports.other_scales import Elsewhere
from reports.paper import Paper
from reports.past_runs import PastRuns
from reports.trust_records import part

EVIL = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}<!--"
CONDITIONS = ("mask/weights", "mask/permuted", "permuted/permuted", "random/re-init")
DENSITY = [round(0.5**level, 6) for level in range(7)]
SYSTEMS = [
    {"key": f"{task} {learner}", "task": title, "learner": learner.upper()}
    for task, title, learners in (("cart-pole", "Cart-Pole", ("bc", "ppo", "dqn")), ("gridmaze", "GridMaze", ("dqn",)))
    for learner in learners
]
LAYOUT = ["o.#A", ".1.x", "o..o"]
SYMBOLS = {"empty": ".", "agent": "A", "enemy 1": "1", "coin": "o", "poison": "x", "wall": "#"}
CHANNELS = ("agent", "enemy 1", "coin")


def values(*ends: float, seeds: int = 5, levels: int = 7) -> list[list[float]]:
    """float[levels][seeds] that fall from the first end to the second."""
    noise = np.random.default_rng(int(10 * sum(ends))).random((levels, seeds))
    falling = np.linspace(*(ends if len(ends) == 2 else (ends[0], ends[0])), levels)[:, None]
    return np.asarray(falling + noise).round(3).tolist()  # type: ignore[no-any-return]


def returns_chart(title: str = "Cart-Pole PPO", labels: Any = CONDITIONS, **changes: Any) -> dict[str, Any]:
    """A line a condition over densities."""
    series = [
        {"label": label, "density": DENSITY, "values": values(480.0, 100.0 * i)} for i, label in enumerate(labels)
    ]
    held = {"kind": "returns", "key": title, "title": title, "unit": "scored return", "series": series}
    return {**held, "references": {"expert": 500.0, "random": 22.0}, **changes}


def shares_chart(names: Any = ("position", "angle"), labels: Any = ("Kaiming", "Kaiming / 10")) -> dict[str, Any]:
    """A panel a run, a line a name."""
    shares = np.random.default_rng(1).dirichlet(np.arange(1, len(names) + 1), size=(7, 5))
    series = [{"label": label, "density": DENSITY, "values": shares.round(4).tolist()} for label in labels]
    return {"kind": "shares", "of": "input magnitude", "key": "s", "title": "Shares", "names": names, "series": series}


def sizes_chart() -> dict[str, Any]:
    """Two sizes of networks, two conditions each."""
    series = [
        {"label": f"{size}, {condition}", "size": size, "condition": condition, "weights": weights}
        | {"density": DENSITY, "values": values(450.0, 200.0)}
        for size, weights in (("64-64", [2**k for k in range(12, 5, -1)]), ("32-32", [2**k for k in range(11, 4, -1)]))
        for condition in CONDITIONS[:2]
    ]
    return returns_chart("Two sizes", kind="sizes", series=series)


def learning_chart() -> dict[str, Any]:
    """A line a run over env_steps."""
    steps = [1000.0 * (i + 1) for i in range(7)]
    series = [{"label": label, "env_steps": steps, "values": values(20.0, 480.0)} for label in ("all", "some")]
    return returns_chart("Training", kind="learning", series=series)


def inputs_map(**changes: Any) -> dict[str, Any]:
    """What the mask keeps of two inputs that are single numbers: all is left on the second in the end."""
    series = {
        "label": "Kaiming",
        "density": DENSITY,
        "seeds": 5,
        "channels": ["position", "angle"],
        "values": [[[1.0], [1.0]] for _ in DENSITY[:-1]] + [[[0.0], [2.0]]],
        "left": [[1.0, 1.0]] * 7,
        "unlit": [[], []],
        "games": [],
    }
    return {"kind": "map", "key": "i", "title": "Inputs", "grid": [1, 1], "board": None, "series": [series], **changes}


def board_map(**changes: Any) -> dict[str, Any]:
    """What the mask keeps of three channels of a board of 3 by 4 cells, and two games on it."""
    rng, cells = np.random.default_rng(2), 12
    kept = np.stack([rng.random((3, cells)) * (rng.random((3, cells)) < density) for density in DENSITY])
    kept = kept * 3 * cells / np.maximum(kept.sum(axis=(1, 2), keepdims=True), 1e-9)
    series = {
        "label": "gridmaze dqn",
        "density": DENSITY,
        "seeds": 5,
        "channels": list(CHANNELS),
        "values": kept.round(3).tolist(),
        "left": (kept > 0).sum(axis=2).astype(float).tolist(),
        "unlit": [[2], [0, 1], [2]],
        "games": [game(0), game(6, steps=2)],
    }
    board = {"layout": LAYOUT, "symbols": SYMBOLS, "reachable": {"enemy 1": [4, 5, 6]}}
    return {
        "kind": "map",
        "key": "b",
        "title": "GridMaze",
        "grid": [3, 4],
        "board": board,
        "series": [series],
        **changes,
    }


def game(level: int, steps: int = 3, **changes: Any) -> dict[str, Any]:
    """The agent goes down from its corner over a poison to a coin, and the enemy to and fro."""
    places = {"agent": [3, 7, 11, 11][: steps + 1], "enemy 1": [5, 6, 5, 4][: steps + 1]}
    held = {"level": level, "density": DENSITY[level], "seed": 3, "scored": 1.5, "rewards": [-1, 1, 0][:steps]}
    return {**held, "places": places, **changes}


def readings() -> tuple[dict[str, Any], ...]:
    """The same effect under two other readings, of numbers that no finding has."""
    return (
        {
            "name": "plain means",
            "effect": 0.711,
            "lower": 0.622,
            "upper": 0.833,
            "p": 0.0212,
            "conclusion": "supported",
        },
        {"name": "last level", "effect": -0.144, "lower": -0.155, "upper": -0.133, "conclusion": "contradicted"},
    )


def more_seeds() -> dict[str, Any]:
    """What would decide a finding."""
    return {"seeds": 96, "times": 1, "count": 96, "block": 2, "passed_over": [1], "command": "pytest --claims-seeds 96"}


def findings(claim: str = "mask-first") -> tuple[Finding, ...]:
    """One of each conclusion, on three systems."""

    def of(name: str, learner: str, **changes: Any) -> Finding:
        system = f"cart-pole {learner}"
        held = {"name": f"{name}[{learner}]", "system": system, "scale": {system: budget()}, "drift": drift()}
        return finding(claim=claim, **held | changes)

    nothing: dict[str, Any] = {"test": "", "sample": None, "p": None, "effect": nan, "lower": -inf, "upper": inf}
    against: dict[str, Any] = {"conclusion": "contradicted", "scale": {"cart-pole ppo": budget(40_960)}}
    against["drift"] = drift("regressed", moved=-0.49, p=0.002)
    open_ = {"conclusion": "underpowered", "drift": drift("left"), "seeds_needed": 96, "more_seeds": more_seeds()}
    few = {"conclusion": "underpowered", "refusal": "few seeds", "refused": "five seeds are too few"}
    same = {"kind": "equivalent", "hypothesis": "Nothing differs.", "effect": 0.01, "lower": -0.03, "upper": 0.04}
    seeds = sample(*[0.1, 0.2, 0.3, 0.25, 0.15] * 4)
    return (
        of("test_it", "bc", sensitivity=readings(), note="seeds were added", q=0.0312, sample=seeds, n=(20,)),
        of("test_it", "ppo", effect=-0.31, lower=-0.44, upper=-0.18, **against),
        of("test_it", "dqn", effect=0.07, lower=-0.02, upper=0.16, p=0.21, **open_),
        of("test_same", "bc", **same),
        of("test_few", "bc", **nothing, **few),
        of("test_broken", "bc", conclusion="error", message="ZeroDivisionError: by zero", **nothing | {"n": ()}),
    )


def budget(here: float = 20_480) -> dict[str, Any]:
    """Of one system."""
    return {"env_steps": {"here": here, "paper": 80_000}, "units": {"here": "64-64", "paper": "128-128"}}


def run(*claims: ClaimResult, **changes: Any) -> RunResult:
    """Three claims with all charts, held against a baseline; or these claims."""
    mixed = claim_result(*findings(), id="mask-first", verdict="MIXED", says="The mask is what counts")
    mixed = mixed.replace(charts=(returns_chart(), shares_chart(), sizes_chart(), learning_chart(), inputs_map()))
    mixed = mixed.replace(preregistration={"hash": "0123456789abcdef", "registered": "2026-11-22", "changed": ("d",)})
    maze = claim_result(finding(claim="maze", system="gridmaze dqn", scale={"gridmaze dqn": budget()}))
    maze = maze.replace(charts=(board_map(), returns_chart()))
    pair = finding(claim="pair", system="cart-pole", scale={"cart-pole bc": budget(), "cart-pole ppo": budget()})
    baseline = {"file": "fixtures/baselines/scaled.json", "gate": True, "created": "2026-11-23", "commit": "0123abc"}
    baseline |= {"seed_block": 0, "standings": {"holds": 1, "regressed": 1, "left": 1}, "unused": ["gone test_it[x]"]}
    held = {"systems": SYSTEMS, "baseline": {**baseline, "says": "1 finding regressed", "failed": True}}
    held |= {"later": ({"id": "waits", "says": "It waits", "source": "A.2", "profile": "extended"},)}
    return run_result(*(claims or (mixed, maze, claim_result(pair))), **held | changes)


def moved(whole: RunResult, by: float, day: str, **changes: Any) -> RunResult:
    """The same run on another day, each effect and each seed of it shifted."""

    def of(one: Finding) -> Finding:
        numbers = {name: getattr(one, name) + by for name in ("effect", "lower", "upper")}
        seeds = sample(*np.add(one.sample.arrays[0], by)) if one.sample else None
        return one.replace(**numbers, sample=seeds)

    claims = tuple(claim.replace(findings=tuple(map(of, claim.findings))) for claim in whole.claims)
    return whole.replace(claims=claims, created=f"2026-{day}T10:00:00+00:00", command=f"pytest {day}", **changes)


def record(name: str, **changes: Any) -> records.Record:
    """A record of trust."""
    data: dict[str, Any] = {}
    if name == "controls":
        outcomes = {"random-mask": {"outcome": "killed"}, "unmasked": {"outcome": "survived", "why": "it still holds"}}
        data = {"claims": {"mask-first": outcomes}, "twin": {"mask-first": "REPRODUCED"}, "nothing to lose": []}
    if name == "multiverse":
        came = {
            "lineage=branch": {"verdict": "MIXED", "changed_findings": []},
            "checkpoint=last": {"verdict": "REFUTED", "changed_findings": ["a"]},
        }
        data = {"claims": {"mask-first": came}}
    entry = records.entry("1 %", "good", "of 2,000 runs")
    rows = [["sign-flip", entry], ["permutation", records.entry("9 %", "bad")]]
    held = {"title": f"Title of {name}", "of": "scaled", "says": "How.", "verdict": f"Verdict of {name}.", "ok": True}
    held |= {"command": f"make {name}", "tables": (records.table("Errors", ["test", "n=5"], rows),), "data": data}
    return records.Record(name=name, **held | {"created": "2026-11-28T10:00:00+00:00"} | changes)


def context(whole: RunResult, **changes: Any) -> Context:
    """Trust, the paper, earlier runs and another profile, of `run()`."""
    past = (moved(whole, 0.0, "11-01"), moved(whole, -0.6, "11-02"), whole)
    extended = moved(whole, 0.1, "10-15", profile="extended")
    there = {claim.id: PastClaim(extended, claim.replace(expected=9)) for claim in extended.claims[:1]}
    value = {"what": "divisor", "value": 10, "unit": "", "where": "Section 4.2", "note": "by hand"}
    ours = {**value, "what": "effect", "value": None, "ours": {"findings": ["test_it[bc]"]}}
    scale = {**value, "what": "steps", "value": 80_000, "unit": "steps", "ours": {"scale": "env_steps"}}
    held: dict[str, Any] = {
        "trust": [part(record(name)) for name in ("aa", "controls", "multiverse")],
        "stated": Paper.model_validate(
            {"schema": 1, "claims": {"mask-first": [ours, scale]}, "experiments": {"every system": [value]}}
        ),
        "past": PastRuns(past),
        "elsewhere": Elsewhere({"extended": there}),
    }
    return Context(**held | changes)


def poisoned(value: Any) -> Any:
    """The same, with every free text made hostile."""
    if isinstance(value, dict):
        kept = {
            "format",
            "tone",
            "kind",
            "rule",
            "conclusion",
            "verdict",
            "refusal",
            "standing",
            "statistic",
            "standings",
        }
        return {key: item if key in kept else poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return EVIL if isinstance(value, str) and value not in ("NaN", "Infinity", "-Infinity") else value


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text outside of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text += data

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


def row(html: str, start: str) -> str:
    """The text of the table's row that begins with this markup."""
    return " ".join(Page(html[html.index(start) :].split("</tr>")[0]).text.split())


def section(html: str, id: str) -> str:
    """The section of the page with this id."""
    return html[html.index(f'id="{id}"') :].split("</section>")[0]


def embedded(html: str, id: str) -> Any:
    """The JSON in a script."""
    found = re.search(rf'<script type="application/json" id="{id}">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])
