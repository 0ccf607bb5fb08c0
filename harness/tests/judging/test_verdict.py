"""The tables of verdict.py, row by row."""

import json
from dataclasses import fields, replace
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.verdict import claim_verdict, conclude, with_q_values
from harness.results.schema import Conclusion, Finding, Verdict
from harness.statistics import Kind, Outcome


def outcome(effect: float, lower: float, upper: float, **more: Any) -> Outcome:
    return Outcome("t", (20,), effect, lower, upper, p=0.5, sd=1.0, **more)


def finding(conclusion: Conclusion = "supported", **more: Any) -> Finding:
    plain = Finding(
        claim="ticket-effect",
        name="ticket-beats-random",
        nodeid="claims/test_ticket_effect.py::test_it[cart-pole-bc]",
        system="Cart-Pole BC",
        hypothesis="the ticket's area exceeds the random network's",
        kind="greater",
        min_effect=0.05,
        unit="normalised return",
        conclusion=conclusion,
    )
    return replace(plain, **more)


GREATER: list[tuple[float, float, float, Conclusion]] = [
    (0.10, 0.01, 0.20, "supported"),
    (0.05, 0.01, 0.20, "supported"),  # at least d
    (0.04, 0.01, 0.20, "underpowered"),  # above 0, yet of no interest
    (0.10, 0.00, 0.20, "underpowered"),  # 0 is not outside
    (0.03, 0.01, 0.049, "equivalent"),  # above 0, and surely of no interest
    (0.00, -0.04, 0.04, "equivalent"),
    (0.00, -0.05, 0.04, "underpowered"),  # the margin itself is not within
    (-0.10, -0.20, -0.01, "contradicted"),
    (-0.05, -0.20, -0.01, "contradicted"),
    (-0.04, -0.20, -0.01, "underpowered"),
    (0.90, -inf, inf, "underpowered"),
]
EQUIVALENT: list[tuple[float, float, float, Conclusion]] = [
    (0.00, -0.04, 0.04, "supported"),
    (0.03, 0.01, 0.04, "supported"),
    (0.00, -0.04, 0.05, "underpowered"),
    (0.10, 0.06, 0.14, "contradicted"),
    (-0.10, -0.14, -0.06, "contradicted"),
    (0.10, 0.05, 0.14, "underpowered"),
    (0.00, -inf, inf, "underpowered"),
]
NON_INFERIOR: list[tuple[float, float, float, Conclusion]] = [
    (0.00, -0.04, 0.50, "supported"),
    (0.00, -0.05, 0.50, "underpowered"),
    (-0.10, -0.14, -0.06, "contradicted"),
    (-0.10, -0.14, -0.05, "underpowered"),
]


@pytest.mark.parametrize(
    ("kind", "row"),
    [("greater", r) for r in GREATER]
    + [("equivalent", r) for r in EQUIVALENT]
    + [("non-inferior", r) for r in NON_INFERIOR],
)
def test_table_of_conclusions(kind: Kind, row: tuple[float, float, float, Conclusion]) -> None:
    effect, lower, upper, expected = row
    conclusion, reason = conclude(kind, 0.05, outcome(effect, lower, upper))
    assert conclusion == expected
    assert f"{effect:.3g}" in reason
    assert "0.05" in reason
    assert reason.endswith(".")


def test_equivalence_rests_on_guarded_bounds_where_there_are_some() -> None:
    certain = outcome(0.0, -0.01, 0.01, guarded=(-0.15, 0.15))
    for kind in ("greater", "equivalent", "non-inferior"):
        assert conclude(kind, 0.05, certain)[0] == "underpowered"
        assert conclude(kind, 0.2, certain)[0] == ("equivalent" if kind == "greater" else "supported")


def test_a_difference_does_not_need_the_guarded_bounds() -> None:
    assert conclude("greater", 0.05, outcome(0.1, 0.01, 0.2, guarded=(-0.15, 0.35)))[0] == "supported"


@pytest.mark.parametrize("kind", ["greater", "equivalent", "non-inferior"])
def test_a_refused_outcome_is_underpowered_and_says_why(kind: Kind) -> None:
    refused = outcome(0.9, 0.8, 1.0, refused="10 seeds, where a studentised test is calibrated from 15 on")
    conclusion, reason = conclude(kind, 0.05, refused)
    assert conclusion == "underpowered"
    assert "10 seeds" in reason


def test_margins_must_be_positive() -> None:
    assert conclude("greater", 0.0, outcome(0.1, 0.01, 0.2))[0] == "supported"
    for kind, smallest in (("equivalent", 0.0), ("non-inferior", 0.0), ("greater", -0.1), ("greater", nan)):
        with pytest.raises(ValueError, match="must be positive"):
            conclude(kind, smallest, outcome(0.1, 0.01, 0.2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind must be one of"):
        conclude("less", 0.1, outcome(0.1, 0.01, 0.2))  # type: ignore[arg-type]


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_mirrored_data_swap_the_conclusion(e: float, below: float, above: float, d: float) -> None:
    mirror = {"supported": "contradicted", "contradicted": "supported"}
    conclusion, _ = conclude("greater", d, outcome(e, e - below, e + above))
    mirrored, _ = conclude("greater", d, outcome(-e, -e - above, -e + below))
    assert mirrored == mirror.get(conclusion, conclusion)


VERDICTS: list[tuple[str, Verdict]] = [
    ("", "NOT RUN"),
    ("not run, not run", "NOT RUN"),
    ("supported", "REPRODUCED"),
    ("supported, supported", "REPRODUCED"),
    ("supported, not run", "INCONCLUSIVE"),
    ("supported, underpowered", "INCONCLUSIVE"),
    ("underpowered", "INCONCLUSIVE"),
    ("underpowered, not run", "INCONCLUSIVE"),
    ("contradicted", "REFUTED"),
    ("equivalent, underpowered", "REFUTED"),
    ("contradicted, not run", "REFUTED"),
    ("supported, contradicted", "MIXED"),
    ("supported, equivalent", "MIXED"),
    ("supported, contradicted, underpowered, not run", "MIXED"),
    ("supported, error", "ERROR"),
    ("error, not run", "ERROR"),
    ("smoke, error", "ERROR"),
    ("smoke", "SMOKE"),
    ("smoke, not run", "SMOKE"),
]


@pytest.mark.parametrize(("conclusions", "expected"), VERDICTS)
def test_table_of_verdicts(conclusions: str, expected: Verdict) -> None:
    findings = [finding(c) for c in conclusions.split(", ") if c]  # type: ignore[arg-type]
    assert claim_verdict(findings)[0] == expected
    assert claim_verdict(findings[::-1]) == claim_verdict(findings)


def test_summary_counts_every_finding() -> None:
    findings = [finding("supported"), finding("supported"), finding("underpowered")]
    assert claim_verdict(findings) == ("INCONCLUSIVE", "Of 3 findings: 2 supported, 1 underpowered.")
    assert claim_verdict([])[1] == "No findings."


@given(st.lists(st.sampled_from(["supported", "contradicted", "equivalent", "underpowered"]), min_size=1))
def test_more_doubt_never_reproduces(conclusions: list[Conclusion]) -> None:
    findings = [finding(c) for c in conclusions]
    for doubt in ("underpowered", "not run"):
        assert claim_verdict([*findings, finding(doubt)])[0] != "REPRODUCED"


# In opaque parts the word "NaN" stands for the number: as a text of its own it is taken.
texts = st.text(max_size=3).filter(lambda text: text != "NaN")
numbers = st.none() | st.floats() | st.integers(-5, 5) | texts
opaque = st.dictionaries(st.text(max_size=3), numbers | st.lists(numbers, max_size=3), max_size=3)


@given(st.floats(), st.none() | st.floats(), opaque, st.lists(opaque, max_size=2), st.none() | opaque)
def test_findings_survive_strict_json(
    number: float, maybe: float | None, scale: dict[str, Any], beside: list[dict[str, Any]], chart: Any
) -> None:
    before = finding(effect=number, lower=number, p=maybe, scale=scale, sensitivity=beside, chart=chart, n=[7, 8])
    text = json.dumps(before.to_json(), allow_nan=False)
    after = Finding.from_json(json.loads(text))
    assert repr(after) == repr(before)  # by repr, since NaN differs from itself


def test_non_finite_numbers_become_words_and_text_stays_text() -> None:
    data = finding(effect=nan, lower=-inf, upper=inf, name="NaN").to_json()
    assert (data["effect"], data["lower"], data["upper"]) == ("NaN", "-Infinity", "Infinity")
    back = Finding.from_json(data)
    assert isnan(back.effect)
    assert back.lower == -inf
    assert back.upper == inf
    assert back.name == "NaN"


def test_numpy_values_become_plain_ones() -> None:
    data = finding(effect=np.float64(0.5), n=[np.int64(7)], chart={"x": np.array([1.0, nan])}).to_json()
    assert json.loads(json.dumps(data, allow_nan=False))["chart"] == {"x": [1.0, "NaN"]}


def test_malformed_findings_are_refused() -> None:
    data = finding().to_json()
    assert set(data) == {f.name for f in fields(Finding)}
    for wrong, message in (
        ({**data, "colour": 1}, "no field colour"),
        ({k: v for k, v in data.items() if k != "claim"}, "lacks claim"),
        ({**data, "conclusion": "fine"}, "conclusion must be one of"),
        ({**data, "kind": "less"}, "kind must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            Finding.from_json(wrong)


def test_q_values_are_benjamini_hochberg_over_the_differences_claimed() -> None:
    ps = [0.01, None, 0.04, nan, 0.03]
    findings = [*(finding(p=p) for p in ps), finding(kind="equivalent", p=0.001)]
    q = [f.q for f in with_q_values(findings)]
    assert q == [pytest.approx(0.03), None, pytest.approx(0.04), None, pytest.approx(0.04), None]
    assert with_q_values([]) == []
    assert with_q_values([finding()])[0].q is None
