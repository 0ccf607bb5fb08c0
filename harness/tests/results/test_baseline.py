"""A baseline file: what is written is read again, and nothing else is."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from harness.results.standing import against

from harness.results import baseline as baselines
from harness.results.baseline import BaselineError, of_run, read, write
from harness.results.schema import Finding, Sample


def finding(name: str = "test_it", conclusion: Any = "supported", shift: float = 0.0, **more: Any) -> Finding:
    values = [0.3 + shift + 0.01 * (seed % 5) for seed in range(20)]
    sample = {"statistic": "mean", "seeds": list(range(20)), "groups": [values]}
    return Finding(
        **{
            "claim": "a-claim",
            "name": name,
            "nodeid": f"claims/test_a.py::{name}",
            "system": "cart-pole bc",
            "hypothesis": "It is so.",
            "kind": "greater",
            "min_effect": 0.05,
            "unit": "normalised return",
            "conclusion": conclusion,
            "test": "sign-flip",
            "n": [20],
            "effect": Sample.from_json(sample).effect,
            "lower": 0.1,
            "p": 0.001,
            "sample": sample,
            "cells": ["0123-4567"],
            **more,
        }
    )


def summary() -> dict[str, Any]:
    return {
        "profile": "scaled",
        "changes": [],
        "seed_block": 0,
        "seeds": list(range(20)),
        "created": "2026-11-22T12:00:00+00:00",
        "commit": "abc1234",
        "machine": {"cpu": "a processor", "cpus": 2},
        "versions": {"python": "3.11.7"},
        "claims": [{"id": "a-claim", "verdict": "REPRODUCED", "preregistration": {"hash": "0" * 64}}],
    }


def commitments(*names: str) -> dict[str, Any]:
    """What findings of a-claim commit themselves to."""
    one = {
        "hypothesis": "It is so.",
        "kind": "greater",
        "min_effect": 0.05,
        "rule": "greater",
        "parameters": {"side": "left"},
        "runs": {"run": {"system": "cart-pole bc", "conditions": ["mask/weights"], "times": 1, "assay": False}},
        "constants": {"MIN_EFFECT": 0.05},
        "estimand": {"test_it": "0" * 16},
        "measures": {"Run.area": "1" * 16},
    }
    return {
        "alpha": 0.05,
        "seeds_per_block": 1000,
        "seeds": 20,
        "rules": {"greater": {"constants": {"TAIL": 0.025}, "code": {"conclude": "2" * 16}}},
        "systems": {"cart-pole bc": {"set": {"task.name": "cart-pole"}, "default": {"network.hidden": [32, 32]}}},
        "findings": {"a-claim": dict.fromkeys(names, one)},
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "baselines" / "scaled.json"
    found = [finding(), finding("test_other", "underpowered", p=None)]
    write(of_run(summary(), found, commitments("test_it", "test_other")), path)
    return path


def test_what_is_written_is_read_again(file: Path) -> None:
    held = read(file)
    entry = held.entry("a-claim", "test_it")
    assert entry is not None and entry.sample is not None
    assert (entry.conclusion, entry.effect, entry.upper, entry.p) == (
        "supported",
        finding().effect,
        float("inf"),
        0.001,
    )
    assert entry.sample.n == (20,)
    assert (held.profile, held.seed_block, len(held.entries)) == ("scaled", 0, 2)
    assert held.commitments == commitments("test_it", "test_other")
    again = file.with_name("again.json")
    write(held, again)
    assert again.read_bytes() == file.read_bytes()


def test_entries_that_no_claim_uses_are_found(file: Path) -> None:
    assert read(file).without({"a-claim": ["test_it"]}) == ["a-claim test_other"]
    assert read(file).without({"a-claim": ["test_it", "test_other", "test_new"]}) == []


def test_what_was_not_judged_is_no_baseline() -> None:
    with pytest.raises(ValueError, match="was not judged"):
        of_run(summary(), [finding(conclusion="error")])


def test_an_older_format_is_upgraded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up format of the future, in which a profile is called a scale."""

    def renamed(content: dict[str, Any]) -> dict[str, Any]:
        scale = content.pop("scale")
        return {**content, "format": 3, "profile": scale}

    old = json.loads(file.read_text())
    old["scale"] = old.pop("profile")
    file.write_text(json.dumps(old))
    monkeypatch.setattr(baselines, "FORMAT", 3)
    monkeypatch.setattr(baselines, "UPGRADES", {2: renamed})
    assert read(file).profile == "scaled"


def test_format_1_knows_no_commitments(file: Path) -> None:
    content = json.loads(file.read_text()) | {"format": 1}
    file.write_text(json.dumps(content))
    refused(file, "the file has 'commitments', which no baseline of format 1 has")
    del content["commitments"]
    file.write_text(json.dumps(content))
    held = read(file)
    assert held.commitments is None
    assert held.claims["a-claim"].preregistration == "0" * 64
    assert len(held.entries) == 2


def changed(path: Path, at: str, value: Any) -> None:
    """Set what stands at a path of keys, or remove it."""
    content = json.loads(path.read_text())
    *way, last = at.split("/")
    place = content
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    path.write_text(json.dumps(content))


A = "claims/a-claim/findings/test_it"
C = "commitments/findings/a-claim/test_it"


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        ("format", 7, "it is of format 7, and this version reads up to 2"),
        ("format", "1", "its format is '1'"),
        ("format", True, "its format is True"),
        ("profile", None, "the file lacks 'profile'"),
        ("profile", 3, "'profile' can't be 3"),
        ("profile", "scaled\x1b[2J", r"'profile' can't be 'scaled\x1b[2J'"),
        ("more", 1, "the file has 'more'"),
        ("claims", [], "'claims' can't be []"),
        ("claims/<script>", {}, "has a name that can't be '<script>'"),
        ("claims/..", {}, "has a name that can't be '..'"),
        ("claims/" + "a" * 200, {}, "has a name that can't be"),
        ("claims/a-claim/verdict", "ERROR", "'verdict' can't be 'ERROR'"),
        ("claims/a-claim/preregistration", "0" * 63, "'preregistration' can't be"),
        ("claims/a-claim/findings", {}, "'findings' can't be {}"),
        ("claims/a-claim/findings/line\nbreak", {}, "has a name that can't be"),
        (f"{A}/conclusion", "error", "'conclusion' can't be 'error'"),
        (f"{A}/effect", "much", "'effect' can't be 'much'"),
        (f"{A}/effect", 0.9, "its effect 0.9 is not that of its seeds, 0.32"),
        (f"{A}/n", [-1], "can't be -1"),
        (f"{A}/sample", {"statistic": "mean"}, "a sample has statistic, seeds and groups"),
        (f"{A}/cells", None, "lacks 'cells'"),
        (f"{A}/n", [3], "n is [3], and its sample has [20] seeds"),
        (f"{A}/lower", -(10**400), "which is too large"),
        ("claims", {}, "'claims' can't be {}"),
        ("profile", "scaled\n", "'profile' can't be 'scaled\\n'"),
        ("machine/cpu", "x\n::error::pwned", "'cpu' can't be 'x\\n::error::pwned'"),
        ("machine/\x1b[31m", "x", "has a name that can't be"),
        ("versions/torch", "\ud800", "can't be"),
        ("commitments", None, "the file lacks 'commitments'"),
        ("commitments", [], "'commitments' can't be []"),
        ("commitments/alpha", "small", "'alpha' can't be 'small'"),
        ("commitments/seeds", True, "'seeds' can't be True"),
        ("commitments/rules", {}, "a-claim, test_it: its rule greater is not among the rules"),
        ("commitments/rules/greater", {"constants": {}}, "'greater' lacks 'code'"),
        ("commitments/systems", {}, "a-claim, test_it: its system cart-pole bc is not among the systems"),
        ("commitments/systems/cart-pole bc/set", [], "'set' can't be []"),
        (C, None, "claim a-claim, test_it: what it commits itself to is not among the commitments"),
        (f"{C}/rule", None, "lacks 'rule'"),
        (f"{C}/rule", ["greater"], "'rule' can't be ['greater']"),
        (f"{C}/more", 1, "has 'more'"),
        (f"{C}/runs/run/system", {}, "'system' can't be {}"),
        (f"{C}/runs/run/conditions", [1], "can't be 1"),
        (f"{C}/estimand/test_it", "<script>", "'test_it' can't be '<script>'"),
    ],
)
def test_anything_else_is_refused_in_one_line(file: Path, at: str, value: Any, words: str) -> None:
    changed(file, at, value)
    refused(file, words)


def refused(file: Path, words: str) -> None:
    with pytest.raises(BaselineError) as problem:
        read(file)
    text = str(problem.value)
    assert words in text and str(file) in text
    assert text.isprintable() and len(text) < 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is no JSON"),
        (b'{"format": 1, "claims": {', "it is no JSON"),
        (b"\xff\xfe", "it is no UTF-8 text"),
        (b"[]", "it is no JSON object"),
        (b'{"format": 1, "format": 1}', "it has 'format' twice in one place"),
        (b'{"format": NaN}', "it holds NaN"),
        (b'{"format": 1e999}', "it holds the number '1e999'"),
        (b'{"format": ' + b"[" * 100_000, "it is nested too deep"),
        (b" " * 10_000_000, "it has 10.0 MB"),
    ],
    ids=["empty", "truncated", "no text", "a list", "twice", "NaN", "too large", "too deep", "10 MB"],
)
def test_what_is_no_baseline_at_all_is_refused_in_one_line(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    refused(file, words)


def test_the_order_of_execution_leaves_no_trace(file: Path) -> None:
    again = file.with_name("again.json")
    found = [finding("test_other", "underpowered", p=None), finding()]
    write(of_run(summary(), found, commitments("test_it", "test_other")), again)
    assert again.read_bytes() == file.read_bytes()


def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "it is no file")
    refused(Path("/dev/zero"), "it is no file")


def test_a_folder_or_nothing_is_refused_in_one_line(tmp_path: Path) -> None:
    refused(tmp_path, "is a directory")
    refused(tmp_path / "none.json", "no such file")


# How a finding stands


@pytest.mark.parametrize(
    ("before", "now", "standing"),
    [
        (finding(), finding(), "holds"),
        (finding(), finding(shift=0.2), "holds"),  # supported stays supported, wherever it moves
        (finding(), finding(conclusion="underpowered", shift=-0.02), "left"),
        (finding(), finding(conclusion="underpowered", shift=-0.3), "regressed"),
        (finding(), finding(conclusion="contradicted", shift=-0.6), "regressed"),
        (finding(), finding(conclusion="equivalent", shift=-0.3), "regressed"),
        (finding(conclusion="underpowered"), finding(), "recovered"),
        (finding(conclusion="contradicted"), finding(conclusion="contradicted"), "as recorded"),
        (finding(conclusion="underpowered"), finding(conclusion="contradicted", shift=-0.6), "regressed"),
        (finding(conclusion="underpowered"), finding(conclusion="contradicted", shift=-0.001), "changed"),
        (finding(), finding("test_new"), "new"),
        (finding(), finding(min_effect=0.01), "not comparable"),
        (finding(), finding(unit="levels"), "not comparable"),
        (finding(), finding(conclusion="underpowered", sample=None), "not comparable"),
    ],
)
def test_a_finding_stands_by_its_conclusion_and_its_drift(before: Finding, now: Finding, standing: str) -> None:
    held = against(now, of_run(summary(), [before]), "")
    assert held is not None
    assert held.standing == standing
    assert "\n" not in held.says


def test_a_finding_without_a_result_stands_nowhere() -> None:
    for conclusion in ("error", "not run"):
        assert against(finding(conclusion=conclusion), of_run(summary(), [finding()]), "") is None


def test_what_is_unlike_is_not_compared() -> None:
    held = against(finding(shift=-0.3, conclusion="underpowered"), of_run(summary(), [finding()]), "profile a -> b")
    assert held is not None
    assert (held.standing, held.drift) == ("not comparable", None)
    assert "profile a -> b" in held.says


def test_a_margin_that_the_drift_does_not_exceed_keeps_it_from_regressing() -> None:
    now = finding(conclusion="underpowered", shift=-0.1)
    held = of_run(summary(), [finding()])
    assert [against(now, held, "", share).standing for share in (0, 1, 3)] == ["regressed", "regressed", "left"]  # type: ignore[union-attr]


def test_the_more_a_gate_watches_the_more_it_asks_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    one = of_run(summary(), [finding()])
    many = of_run(summary(), [finding(f"test_{i}") for i in range(20)])
    single, crowded = (against(finding(name), held, "") for held, name in ((one, "test_it"), (many, "test_1")))
    assert single is not None and crowded is not None and single.seen is not None and crowded.seen is not None
    assert crowded.seen > single.seen
