"""Seed blocks laid side by side: what counts as agreement, how often the gate alarms, which runs can't be compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import OneLineError
from harness.results import drift, records, schema
from harness.results.sample import Sample
from harness.results.schema import Conclusion, RunResult
from harness.tests.factory import claim_result, finding, run_result
from harness.trust import agreement, alarms
from harness.trust.agreement import read_blocks, record


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def block(number: int, *conclusions: Conclusion, **changes: Any) -> RunResult:
    """A run whose findings came to this."""
    effects = {"supported": 0.3, "contradicted": -0.3}
    found = [
        finding(name=f"test_{i}", conclusion=said, effect=(e := effects.get(said, 0.01)), lower=e - 0.1, upper=e + 0.1)
        for i, said in enumerate(conclusions)
    ]
    held = {"seed_block": number, "seeds": tuple(range(1000 * number, 1000 * number + 20)), "cpu_seconds": 10.0}
    run = run_result(claim_result(*found), **held | changes)
    return run if found else run.replace(claims=())


def written(*blocks: RunResult | str) -> list[Path]:
    paths = [Path(f"{number}.json") for number in range(len(blocks))]
    for path, held in zip(paths, blocks, strict=True):
        path.write_text(held) if isinstance(held, str) else schema.write(held, path)
    return paths


def compared(*blocks: RunResult) -> records.Record:
    return record(read_blocks(written(*blocks)), "python -m harness agreement")


TEN: list[Conclusion] = ["supported"] * 10


def test_ninety_per_cent_of_each_block_are_enough_and_less_are_not() -> None:
    made = compared(block(0, *TEN), block(1, *TEN[1:], "underpowered"), block(2, *TEN))
    assert (made.ok, made.data["agreeing"], made.data["turned"]) == (True, {"1": 9, "2": 10}, [])
    made = compared(block(0, *TEN), block(1, *TEN), block(2, *TEN[2:], "underpowered", "underpowered"))
    assert (made.ok, made.data["agreeing"]) == (False, {"1": 10, "2": 8})


@pytest.mark.parametrize(
    "last", [("supported", "contradicted", "supported"), ("underpowered", "supported", "contradicted")], ids=" to ".join
)
def test_a_finding_that_turns_into_its_opposite_is_one_too_many(last: tuple[Conclusion, ...]) -> None:
    made = compared(*(block(number, *TEN * 5, conclusion) for number, conclusion in enumerate(last)))
    assert (made.ok, made.data["turned"]) == (False, [["a-claim", "test_50"]])


def test_verdicts_and_bounds_stand_side_by_side_by_name() -> None:
    one, other = block(0, "supported", "equivalent"), block(3, "underpowered", "equivalent")
    other = other.replace(claims=(other.claims[0].replace(findings=other.claims[0].findings[::-1]),))
    made = compared(one, other)
    assert made.data["agreeing"] == {"3": 1}
    texts = [[getattr(entry, "text", entry) for entry in table.rows[0]] for table in made.tables]
    assert made.tables[0].columns == ("claim", "block 0", "block 3")
    assert texts[0] == ["a-claim", "INCONCLUSIVE", "INCONCLUSIVE"]
    bounds = ["supported, +0.3 [0.2, 0.4]", "underpowered, +0.01 [-0.09, 0.11]"]
    assert texts[1] == ["a-claim", "test_0", *bounds, "no"]


@pytest.mark.parametrize(
    ("blocks", "named"),
    [
        ([block(0, "supported")], "2 findings.json"),
        ([block(0, "supported"), block(1, "supported"), block(1, "supported")], "block 1"),
        ([block(0, "supported"), block(1, "supported", profile="extended")], "profile"),
        ([block(0, "supported"), block(1, "supported", changes=("learner.batch=32",))], "changes"),
        ([block(0, "supported"), block(1, "supported", seeds=(1000, 1001))], "seeds"),
        ([block(0, "supported", "supported"), block(1, "supported")], "test_1"),
        ([block(0, "supported"), block(1, "not run")], "not run"),
        ([block(0), block(1)], "no finding"),
        ([block(0, "supported"), "{"], "1.json"),
    ],
)
def test_what_can_not_be_compared_is_one_line_that_names_it(blocks: list[Any], named: str) -> None:
    paths = written(*blocks)
    with pytest.raises(OneLineError, match=named):
        agreement.main(paths)
    assert not Path(".claims").exists()


@pytest.mark.parametrize(("second", "code"), [("supported", 0), ("contradicted", 1)])
def test_the_record_is_left_and_its_code_returned(second: Conclusion, code: int, capsys: Any) -> None:
    assert agreement.main(written(block(0, "supported"), block(1, second))) == code
    held = records.read("agreement", committed=Path("none"))
    assert held is not None and (held.ok, held.data["blocks"]) == (code == 0, [0, 1])
    assert "block 1" in capsys.readouterr().out


def sampled(number: int, effects: list[float], spread: float = 0.1) -> RunResult:
    """A run whose findings have these true effects, on fresh seeds."""
    rng = np.random.default_rng(number)
    found = []
    for place, effect in enumerate(effects):
        values = rng.normal(effect, spread, 20)
        said = "supported" if values.mean() > 2.1 * spread / 20**0.5 else "underpowered"
        held = {"sample": Sample.of("mean", values, seeds=range(20)), "effect": float(values.mean())}
        found.append(finding(name=f"test_{place}", conclusion=said, lower=-9.0, upper=9.0, **held))
    seeds = tuple(range(1000 * number, 1000 * number + 20))
    return run_result(claim_result(*found), seed_block=number, seeds=seeds)


def test_blocks_that_differ_by_chance_do_not_alarm_and_one_of_other_code_does_against_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drift, "RELABELLINGS", 2000)
    effects = [0.5, 0.045, 0.045]  # two at the edge of what 20 seeds can show
    blocks = [sampled(number, effects) for number in range(10)]
    assert alarms.main(written(*blocks)) == 0
    found = records.read("alarms", committed=Path("none"))
    assert found is not None
    assert found.data["runs"] == 90 and found.data["alarms"] <= 4
    assert found.data["runs in which a finding left supported"] > 20
    made = alarms.record([*blocks[:9], sampled(9, [0.0, *effects[1:]])], "it")
    (row,) = [row for row in made.tables[0].rows if row[1] == "test_0"]
    assert (made.ok, row[4]) == (False, "9")


def test_too_few_blocks_and_runs_without_samples_are_refused() -> None:
    blocks = [sampled(number, [0.5]) for number in range(9)]
    with pytest.raises(OneLineError, match="10"):
        alarms.main(written(*blocks))
    bare = finding(name="test_0", sample=None)
    with pytest.raises(OneLineError, match="sample"):
        alarms.main(written(*blocks, run_result(claim_result(bare), seed_block=9, seeds=tuple(range(9000, 9020)))))
