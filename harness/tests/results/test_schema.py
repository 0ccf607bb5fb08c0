"""What a run found is written as JSON and read again as it was; anything else is refused."""

import json
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.results import schema
from harness.results.more_seeds import advice, in_words
from harness.results.sample import Sample
from harness.results.schema import Finding, FindingsError, MoreSeeds, Reading
from harness.statistics import Censored, censored_ranks, swapped_spreads
from harness.tests.factory import claim_result, drift, finding, run_result

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
RNG = np.random.default_rng(5)
SAMPLES = {
    "mean": Sample.of("mean", RNG.normal(size=7), seeds=range(40, 47)),
    "holds out": Sample.of("holds out", [[-inf, -0.5], [-0.2, inf]], [[-0.1, -0.1]], seeds=(1, 2)),
    "spread": Sample.of("spread", RNG.normal(size=(9, 3)), RNG.normal(size=(9, 3))),
}
MORE = MoreSeeds(
    seeds=40, times=2, count=20, block=3, passed_over=(1, 2), core_minutes=90, minutes=45, cpus=2, command="pytest -x"
)
FULL = finding(
    conclusion="underpowered",
    refusal="few seeds",
    refused="4 seeds are too few",
    sample=SAMPLES["holds out"],
    drift=drift("left", upper=inf, seen=None),
    sensitivity=(Reading(name="drop the last level", effect=nan, lower=-inf, upper=inf, conclusion="underpowered"),),
    more_seeds=MORE,
)


# JSON


@given(NUMBERS, NUMBERS, st.none() | NUMBERS, st.text())
def test_a_finding_comes_back_as_it_was(effect: float, lower: float, p: float | None, text: str) -> None:
    before = FULL.replace(effect=effect, lower=lower, p=p, reason=text, sample=None)
    plain = before.to_json()
    json.loads(plain, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert repr(Finding.from_json(plain)) == repr(before)  # by repr: NaN is unequal to itself


def test_a_run_comes_back_as_it_was_with_its_charts(tmp_path: Path) -> None:
    chart = {"kind": "shares", "title": "a", "series": [{"label": "b", "values": [[0.5, nan]]}]}
    run = run_result(claim_result(FULL, finding(name="other"), charts=(chart,)), lacking="a part")
    schema.write(run, tmp_path / "below" / schema.NAME)
    again = schema.read(tmp_path / "below" / schema.NAME)
    assert repr(again) == repr(run)
    assert again.claims[0].charts[0]["series"][0]["values"] == [[0.5, pytest.approx(nan, nan_ok=True)]]
    assert [one.name for one in again.findings] == [FULL.name, "other"]
    assert (again.complete, run_result().complete) == (False, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"conclusion": "perhaps"},
        {"min_effect": -0.1},
        {"n": (-1,)},
        {"effect": "much"},
        {"smallest": 0.1},
        {"drift": {"standing": "better"}},
    ],
    ids=str,
)
def test_what_is_no_finding_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        finding(**changes)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", ""),
        ("[" * 100_000, ""),
        ('{"schema": 2, "claims": []}', "format 3"),
        ('{"format": 3, "profile": "scaled"}', "created"),
        (run_result().to_json().replace('"supported"', '"perhaps"'), "claims, 0, findings, 0, conclusion"),
    ],
    ids=["empty", "deep", "older", "incomplete", "a conclusion"],
)
def test_a_file_that_is_no_findings_is_one_line_that_names_it(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(FindingsError) as refused:
        schema.read(tmp_path / "f.json")
    assert str(tmp_path / "f.json") in str(refused.value) and named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_claim_is_whole_where_each_of_its_findings_was_judged() -> None:
    judged, error = finding(), finding(name="other", conclusion="error")
    assert claim_result(judged).whole
    assert not claim_result(judged, error).whole
    assert not claim_result(judged, expected=None).whole
    assert claim_result(judged, error, expected=1).whole


# Samples


@given(st.integers(2, 8), st.integers(2, 8), st.randoms(use_true_random=False))
def test_ranks_give_the_effect_of_their_test(one: int, other: int, random: Any) -> None:
    groups = []
    for seeds in (one, other):
        values, side = ([random.choice(of) for _ in range(seeds)] for of in ((0.1, 0.2, 0.5), ("", "left", "right")))
        left, right = (np.array([each == name for each in side]) for name in ("left", "right"))
        groups.append(Censored(np.array(values), left, right, falling=True))
    sample = Sample.of("holds out", *(np.stack([group.earliest, group.latest], axis=1) for group in groups))
    assert sample.n == (one, other)
    assert sample.effect == pytest.approx(censored_ranks(*groups, 99).effect, abs=1e-12)


@pytest.mark.parametrize("statistic", SAMPLES)
def test_an_effect_is_that_of_the_test_and_a_sample_is_read_again_to_the_last_bit(statistic: str) -> None:
    sample = SAMPLES[statistic]
    again = Sample.from_json(sample.to_json())
    assert again == sample and again.effect == sample.effect
    if statistic == "mean":
        assert sample.effect == pytest.approx(sample.arrays[0].mean(), rel=1e-15)
    if statistic == "spread":
        assert sample.effect == pytest.approx(swapped_spreads(*sample.arrays, 99).effect, abs=1e-12)


@pytest.mark.parametrize("group", [[], ["NaN"], ["Infinity"], [0.1, [0.2]]], ids=str)
def test_what_is_no_sample_is_refused(group: list[Any]) -> None:
    with pytest.raises(ValidationError):
        Sample.from_json(json.dumps({"statistic": "mean", "seeds": [0], "groups": [group]}))


# Words


def test_what_would_decide_names_the_seeds_the_block_and_the_command() -> None:
    says, asides, command = advice(FULL)
    assert "40" in says and "90 core-minutes" in says and command == "pytest -x"
    assert any("--claims-seeds 20" in aside for aside in asides) and any("block 3" in aside for aside in asides)
    lines = "\n".join(in_words(FULL))
    assert all(text in lines for text in (FULL.name, says, *asides, command))


def test_seeds_that_must_decide_under_several_readings_are_said_to() -> None:
    decided = FULL.replace(seeds_needed=40)
    counted = decided.sensitivity[0].replace(counts=True)
    assert "under every reading" in advice(decided.replace(sensitivity=(counted,))).says
    assert "under every reading" not in advice(decided.replace(sensitivity=(counted.replace(counts=False),))).says


@pytest.mark.parametrize("refusal", ["", "insensitive", "false alarms"])
def test_where_no_number_of_seeds_would_do_that_is_all_that_is_said(refusal: str) -> None:
    why = "the dense agents fell short" if refusal else ""
    (said,) = in_words(finding(conclusion="underpowered", refusal=refusal, refused=why))
    assert why in said and finding().name in said
