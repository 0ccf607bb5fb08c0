"""How often the gate alarms on fresh seeds: blocks that differ by chance, and one that does not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness.results.findings_file import SCHEMA

from harness.judging.verdict import claim_verdict
from harness.results import records
from harness.results.schema import Finding
from harness.tests.results.test_baseline import finding
from harness.trust import alarms


def block(number: int, effects: list[float], spread: float = 0.1) -> dict[str, Any]:
    """A run whose findings have these true effects, on fresh seeds."""
    rng = np.random.default_rng(number)
    findings: list[Finding] = []
    for place, effect in enumerate(effects):
        values = rng.normal(effect, spread, 20)
        sample = {"statistic": "mean", "seeds": list(range(20)), "groups": [values.tolist()]}
        sure = values.mean() > 2.1 * spread / 20**0.5
        numbers = {"sample": sample, "effect": float(values.mean())}
        findings.append(finding(f"test_{place}", "supported" if sure else "underpowered", **numbers))
    claim = {"id": "a-claim", "verdict": claim_verdict(findings)[0], "findings": [f.to_json() for f in findings]}
    return {
        "schema": SCHEMA,
        "profile": "reduced",
        "seed_block": number,
        "seeds": [number * 1000 + seed for seed in range(20)],
        "cpu_seconds": 10.0,
        "commit": "abc",
        "claims": [claim],
    }


def written(folder: Path, blocks: list[dict[str, Any]]) -> list[Path]:
    for content in blocks:
        (folder / str(content["seed_block"])).mkdir()
        (folder / str(content["seed_block"]) / "findings.json").write_text(json.dumps(content))
    return [folder / str(content["seed_block"]) / "findings.json" for content in blocks]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_blocks_that_differ_by_chance_leave_supported_and_do_not_alarm(tmp_path: Path) -> None:
    effects = [0.5, 0.045, 0.045, 0.3]  # two at the edge of what 20 seeds can show
    paths = written(tmp_path, [block(number, effects) for number in range(10)])
    assert alarms.main(paths) == 0
    found = records.read("alarms")
    assert found is not None
    assert found["data"]["runs"] == 90
    assert found["data"]["alarms"] <= 4
    assert found["data"]["runs in which a finding left supported"] > 20


def test_a_block_of_other_code_alarms_against_every_baseline(tmp_path: Path) -> None:
    blocks = [block(number, [0.5, 0.3]) for number in range(9)]
    paths = written(tmp_path, [*blocks, block(9, [0.5, 0.0])])
    assert alarms.main(paths) == 1
    found = records.read("alarms")
    assert found is not None and found["ok"] is False
    assert found["data"]["alarms"] == 9
    (row,) = [row for row in found["tables"][0]["rows"] if row[1] == "test_1"]
    assert row[4] == "9"


def test_too_few_blocks_and_runs_without_samples_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = [block(number, [0.5]) for number in range(10)]
    for found in blocks[3]["claims"][0]["findings"]:
        found["sample"] = None
    paths = written(tmp_path, blocks)
    assert alarms.main(paths[:9]) == 4
    assert alarms.main(paths) == 4
    few, bare = capsys.readouterr().out.splitlines()
    assert "at least 10 findings.json" in few
    assert "findings without a sample" in bare
