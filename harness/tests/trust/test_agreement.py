"""Seed blocks laid side by side: what counts as agreement, how often the gate alarms, which runs can't be compared."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import OneLineError
from harness.results import records, schema
from harness.results.schema import Conclusion, RunResult, Sample
from harness.tests.factory import claim_result, finding, run_result
from harness.trust import agreement, alarms
from harness.trust.agreement import AgreementError, read_blocks, record


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
    claims = [claim_result(*found)] if found else []
    held = {"seed_block": number, "seeds": tuple(range(1000 * number, 1000 * number + 20)), "cpu_seconds": 10.0}
    return run_result(*claims, **held | changes) if claims else run_result(**held | changes).replace(claims=())


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
    "last",
    [
        ("supported", "contradicted", "supported"),
        ("contradicted", "supported"),
        ("underpowered", "supported", "contradicted"),
    ],
    ids=" to ".join,
)
def test_a_finding_that_turns_into_its_opposite_is_one_too_many(last: tuple[Conclusion, ...]) -> None:
    made = compared(*(block(number, *TEN * 5, conclusion) for number, conclusion in enumerate(last)))
    assert (made.ok, made.data["turned"]) == (False, [["a-claim", "test_50"]])


def test_all_is_compared_by_name_not_by_order() -> None:
    one, other = block(0, "supported", "equivalent"), block(1, "supported", "equivalent")
    claim = other.claims[0]
    other = other.replace(claims=(claim.replace(findings=claim.findings[::-1]),))
    assert compared(one, other).data["agreeing"] == {"1": 2}


def test_verdicts_and_bounds_stand_side_by_side() -> None:
    verdicts, findings = compared(block(0, "supported"), block(3, "underpowered")).tables
    texts = [[getattr(entry, "text", entry) for entry in table.rows[0]] for table in (verdicts, findings)]
    assert verdicts.columns == ("claim", "block 0", "block 3")
    assert texts[0] == ["a-claim", "REPRODUCED", "INCONCLUSIVE"]
    bounds = ["supported, +0.3 [0.2, 0.4]", "underpowered, +0.01 [-0.09, 0.11]"]
    assert texts[1] == ["a-claim", "test_0", *bounds, "no"]


@pytest.mark.parametrize(
    ("blocks", "named"),
    [
        ([block(0, "supported")], "2 findings.json"),
        ([block(0, "supported"), block(1, "supported"), block(1, "supported")], "block 1"),
        ([block(0, "supported"), block(1, "supported", profile="extended")], "profile"),
        ([block(0, "supported"), block(1, "supported", changes=("learner.batch=32",))], "changes"),
        ([block(0, "supported"), block(1, "supported", control="random-mask")], "control"),
        ([block(0, "supported"), block(1, "supported", seeds=(1000, 1001))], "seeds"),
        ([block(0, "supported", "supported"), block(1, "supported")], "test_1"),
        ([block(0, "supported"), block(1, "supported", "supported")], "test_1"),
        ([block(0, "supported"), block(1, "not run")], "not run"),
        ([block(0, "smoke"), block(1, "smoke")], "smoke"),
        ([block(0), block(1)], "no finding"),
        ([block(0, "supported"), "{"], "1.json"),
    ],
)
def test_what_can_not_be_compared_is_one_line_that_names_it(blocks: list[Any], named: str) -> None:
    paths = written(*blocks)
    with pytest.raises(OneLineError, match=named) as raised:
        agreement.main(paths)
    assert "\n" not in str(raised.value)
    assert not Path(".claims").exists()


@pytest.mark.parametrize(("second", "code"), [("supported", 0), ("contradicted", 1)])
def test_the_record_is_left_and_its_code_returned(second: Conclusion, code: int, capsys: Any) -> None:
    assert agreement.main(written(block(0, "supported"), block(1, second))) == code
    held = records.read("agreement", committed=Path("none"))
    assert held is not None
    assert (held.ok, held.data["blocks"]) == (code == 0, [0, 1])
    assert "block 1" in capsys.readouterr().out


def sampled(number: int, effects: list[float], spread: float = 0.1) -> RunResult:
    """A run whose findings have these true effects, on fresh seeds."""
    rng = np.random.default_rng(number)
    found = []
    for place, effect in enumerate(effects):
        values = rng.normal(effect, spread, 20)
        sure = values.mean() > 2.1 * spread / 20**0.5
        held = {"sample": Sample.of("mean", values, seeds=range(20)), "effect": float(values.mean())}
        said = "supported" if sure else "underpowered"
        found.append(finding(name=f"test_{place}", conclusion=said, lower=-9.0, upper=9.0, **held))
    seeds = tuple(range(1000 * number, 1000 * number + 20))
    return run_result(claim_result(*found), seed_block=number, seeds=seeds)


class TestAlarms:
    def test_blocks_that_differ_by_chance_leave_supported_and_do_not_alarm(self) -> None:
        effects = [0.5, 0.045, 0.045, 0.3]  # two at the edge of what 20 seeds can show
        assert alarms.main(written(*(sampled(number, effects) for number in range(10)))) == 0
        found = records.read("alarms", committed=Path("none"))
        assert found is not None
        assert found.data["runs"] == 90
        assert found.data["alarms"] <= 4
        assert found.data["runs in which a finding left supported"] > 20

    def test_a_block_of_other_code_alarms_against_every_baseline(self) -> None:
        blocks = [*(sampled(number, [0.5, 0.3]) for number in range(9)), sampled(9, [0.5, 0.0])]
        made = alarms.record(blocks, "it")
        assert (made.ok, made.data["alarms"]) == (False, 9)
        (row,) = [row for row in made.tables[0].rows if row[1] == "test_1"]
        assert row[4] == "9"

    def test_too_few_blocks_and_runs_without_samples_are_refused(self) -> None:
        blocks = [sampled(number, [0.5]) for number in range(10)]
        with pytest.raises(AgreementError, match="10"):
            alarms.main(written(*blocks[:9]))
        claim = blocks[3].claims[0]
        bare = claim.replace(findings=tuple(found.replace(sample=None) for found in claim.findings))
        blocks[3] = blocks[3].replace(claims=(bare,))
        with pytest.raises(AgreementError, match="sample"):
            alarms.main(written(*blocks))
