"""Seed blocks laid side by side: what counts as agreement, and which runs can't be compared."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.results.findings_file import SCHEMA

from harness.judging.verdict import claim_verdict
from harness.results import records
from harness.results.schema import Conclusion, Finding
from harness.trust import agreement
from harness.trust.agreement import AgreementError, read_blocks, record


def finding(name: str, conclusion: Conclusion) -> Finding:
    effect = {"supported": 0.3, "contradicted": -0.3}.get(conclusion, 0.01)
    said = {"kind": "greater", "min_effect": 0.05, "unit": "normalised return", "hypothesis": "It is so."}
    return Finding(
        claim="ticket-effect",
        name=name,
        nodeid=f"claims/test_ticket_effect.py::{name}",
        system="cart-pole bc",
        conclusion=conclusion,
        effect=effect,
        lower=effect - 0.1,
        upper=effect + 0.1,
        **said,  # type: ignore[arg-type]
    )


def content(block: int, *conclusions: Conclusion, **changes: Any) -> dict[str, Any]:
    """What the plugin would write of findings that came to this."""
    findings = [finding(f"test_{number}", conclusion) for number, conclusion in enumerate(conclusions)]
    claim = {"id": "ticket-effect", "verdict": claim_verdict(findings)[0], "findings": [f.to_json() for f in findings]}
    return {
        "schema": SCHEMA,
        "profile": "scaled",
        "seed_block": block,
        "seeds": list(range(1000 * block, 1000 * block + 20)),
        "changes": [],
        "commit": "abc",
        "cpu_seconds": 10.0,
        "claims": [claim],
        **changes,
    }


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., list[Path]]:
    def write(*contents: Any) -> list[Path]:
        paths = []
        for number, held in enumerate(contents):
            paths.append(tmp_path / f"{number}.json")
            paths[-1].write_text(held if isinstance(held, str) else json.dumps(held))
        return paths

    return write


def compared(paths: list[Path]) -> records.Record:
    return record(read_blocks(paths), "python -m harness agreement")


def test_ninety_per_cent_are_enough(written: Callable[..., list[Path]]) -> None:
    said: list[Conclusion] = ["supported"] * 10
    made = compared(written(content(0, *said), content(1, *said[1:], "underpowered"), content(2, *said)))
    assert made.ok
    assert made.data["agreeing"] == {"1": 9, "2": 10}
    assert made.data["turned"] == []


def test_one_block_under_ninety_per_cent_is_too_few_whatever_the_others_do(written: Callable[..., list[Path]]) -> None:
    said: list[Conclusion] = ["supported"] * 10
    made = compared(
        written(content(0, *said), content(1, *said), content(2, *said[2:], "underpowered", "underpowered"))
    )
    assert not made.ok
    assert made.data["agreeing"] == {"1": 10, "2": 8}


@pytest.mark.parametrize(
    "last",
    [
        ("supported", "contradicted", "supported"),
        ("contradicted", "supported"),
        ("underpowered", "supported", "contradicted"),
    ],
    ids=" to ".join,
)
def test_a_finding_that_turns_into_its_opposite_is_one_too_many(
    written: Callable[..., list[Path]], last: tuple[Conclusion, ...]
) -> None:
    many: list[Conclusion] = ["supported"] * 99
    made = compared(written(*(content(block, *many, conclusion) for block, conclusion in enumerate(last))))
    assert not made.ok
    assert made.data["turned"] == [["ticket-effect", "test_99"]]


def test_all_is_compared_by_name_not_by_order(written: Callable[..., list[Path]]) -> None:
    one, other = content(0, "supported", "equivalent"), content(1, "supported", "equivalent")
    other["claims"][0]["findings"].reverse()
    assert compared(written(one, other)).data["agreeing"] == {"1": 2}


def test_verdicts_and_bounds_stand_side_by_side(written: Callable[..., list[Path]]) -> None:
    made = compared(written(content(0, "supported"), content(3, "underpowered")))
    verdicts, findings = made.tables
    assert verdicts.columns == ["claim", "block 0", "block 3"]
    assert [getattr(entry, "text", entry) for entry in verdicts.rows[0]] == [
        "ticket-effect",
        "REPRODUCED",
        "INCONCLUSIVE",
    ]
    assert [getattr(entry, "text", entry) for entry in findings.rows[0]] == [
        "ticket-effect",
        "test_0",
        "supported, +0.3 [0.2, 0.4]",
        "underpowered, +0.01 [-0.09, 0.11]",
        "no",
    ]


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([content(0, "supported")], "at least two"),
        ([content(0, "supported"), content(0, "supported")], "the same seeds, block 0"),
        ([content(0, "supported"), content(1, "supported"), content(1, "supported")], "the same seeds, block 1"),
        ([content(0, "supported"), content(1, "supported", profile="extended")], 'profile: "scaled" and "extended"'),
        ([content(0, "supported"), content(1, "supported", changes=["learner.batch=32"])], "differ in changes"),
        ([content(0, "supported"), content(1, "supported", control="random-mask")], "differ in control"),
        ([content(0, "supported"), content(1, "supported", seeds=[1000, 1001])], "differ in seeds: 20 and 2"),
        ([content(0, "supported", "supported"), content(1, "supported")], "1.json lacks 1 of the findings"),
        ([content(0, "supported"), content(1, "supported", "supported")], "0.json lacks 1 of the findings"),
        ([content(0, "supported"), content(1, "not run")], "not judged (not run): test_0"),
        ([content(0, "smoke"), content(1, "smoke")], "not judged (smoke): test_0"),
        ([content(0), content(1)], "no finding"),
        ([content(0, "supported"), "{"], "1.json can't be read"),
        ([content(0, "supported"), "[]"], "1.json is no findings.json of schema 2"),
        ([content(0, "supported"), content(1, "supported", schema=3)], "1.json is no findings.json of schema 2"),
        ([content(0, "supported"), {"schema": 1}], "it has no 'claims'"),
        ([content(0, "supported"), content(1, "supported", seeds=None)], "1.json is no findings.json"),
        ([content(0, "supported"), content(1, "supported", claims=[{"findings": [{}]}])], "a finding lacks claim"),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_what_can_not_be_compared_is_one_line_and_exit_code_4(
    written: Callable[..., list[Path]],
    contents: list[Any],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = written(*contents)
    with pytest.raises(AgreementError):
        read_blocks(paths)
    assert agreement.main(paths) == 4
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert not (tmp_path / ".claims").exists()


def test_a_missing_file_is_one_line(tmp_path: Path, written: Callable[..., list[Path]]) -> None:
    with pytest.raises(AgreementError, match=r"none[.]json can't be read"):
        read_blocks([*written(content(0, "supported")), tmp_path / "none.json"])


@pytest.mark.parametrize(("second", "code"), [("supported", 0), ("contradicted", 1)])
def test_the_record_reaches_the_report(
    written: Callable[..., list[Path]],
    second: Conclusion,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert agreement.main(written(content(0, "supported"), content(1, second))) == code
    held = records.read("agreement", committed=tmp_path / "none")
    assert held is not None
    assert held["ok"] is (code == 0)
    assert held["data"]["blocks"] == [0, 1]
    assert "block 1 in" in capsys.readouterr().out
