"""The tables of verdict.py, row by row."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.verdict import claim_verdict, conclude, conclude_under_all, left_open, with_q_values
from harness.results.schema import Conclusion, Verdict
from harness.statistics import Kind, Outcome
from harness.tests.factory import finding


def outcome(effect: float, lower: float, upper: float, **more: Any) -> Outcome:
    return Outcome("t", (20,), effect, lower, upper, p=0.5, sd=1.0, **more)


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
    for kind, d in (("equivalent", 0.0), ("non-inferior", 0.0), ("greater", -0.1), ("greater", nan)):
        with pytest.raises(ValueError, match="min_effect"):
            conclude(kind, d, outcome(0.1, 0.01, 0.2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="less"):
        conclude("less", 0.1, outcome(0.1, 0.01, 0.2))  # type: ignore[arg-type]


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_mirrored_data_swap_the_conclusion(e: float, below: float, above: float, d: float) -> None:
    mirror = {"supported": "contradicted", "contradicted": "supported"}
    conclusion, _ = conclude("greater", d, outcome(e, e - below, e + above))
    mirrored, _ = conclude("greater", d, outcome(-e, -e - above, -e + below))
    assert mirrored == mirror.get(conclusion, conclusion)


READINGS: list[tuple[str, Conclusion, str, tuple[str, ...]]] = [
    # by reading, the one taken first; the conclusion, how its reason begins, and what it hangs on
    ("supported supported", "supported", "As taken", ()),
    ("supported contradicted", "underpowered", "Hangs on: b. As it is taken it is supported", ("b",)),
    ("equivalent supported equivalent", "underpowered", "Hangs on: b. As it is taken it is equivalent", ("b",)),
    ("supported contradicted underpowered", "underpowered", "Hangs on: b. ", ("b",)),
    ("supported underpowered supported", "underpowered", "Underpowered under: b. As it is taken it is supported", ()),
    ("contradicted underpowered underpowered", "underpowered", "Underpowered under: b, c. ", ()),
    ("underpowered supported supported", "underpowered", "As taken", ()),
    ("underpowered supported contradicted", "underpowered", "Hangs on: b, c. ", ("b", "c")),
]


@pytest.mark.parametrize(("conclusions", "conclusion", "begins", "hangs"), READINGS)
def test_table_of_readings_that_count(
    conclusions: str, conclusion: Conclusion, begins: str, hangs: tuple[str, ...]
) -> None:
    found: Any = {name: (each, f"As {name}.") for name, each in zip("abc", conclusions.split(), strict=False)}
    found["a"] = (found["a"][0], "As taken.")
    concluded, reason, hanging = conclude_under_all(found)
    assert (concluded, hanging) == (conclusion, hangs)
    assert reason.startswith(begins)
    assert all(f"With {name} it is {found[name][0]}: As {name}." in reason for name in hangs)


def test_what_is_left_open_hangs_on_readings_is_not_judged_or_wants_seeds() -> None:
    found = [
        finding(conclusion="underpowered", hangs_on=("5 % density", "updates")),
        finding(conclusion="underpowered", hangs_on=("updates",)),
        finding(conclusion="underpowered", refusal="insensitive"),
        finding(conclusion="underpowered", refusal="few seeds"),
        finding(conclusion="underpowered"),
        finding(conclusion="not run"),
        finding(conclusion="contradicted"),
    ]
    expected = (
        "Hangs on: 5 % density, updates. Not judged, see why: 1 finding. Wants seeds: 2 findings. Not run: 1 finding."
    )
    assert left_open(found) == expected
    assert left_open(found[-1:]) == ""


@given(st.lists(st.sampled_from(["supported", "underpowered", "not run"]), min_size=1))
def test_an_inconclusive_claim_says_on_what_it_hangs(conclusions: list[Conclusion]) -> None:
    found = [finding(conclusion=each) for each in conclusions]
    assert bool(left_open(found)) == (claim_verdict(found)[0] in ("INCONCLUSIVE", "NOT RUN"))


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
    findings = [finding(conclusion=c) for c in conclusions.split(", ") if c]  # type: ignore[arg-type]
    assert claim_verdict(findings)[0] == expected
    assert claim_verdict(findings[::-1]) == claim_verdict(findings)


MOST: list[tuple[str, Verdict]] = [
    ("supported", "REPRODUCED"),
    ("supported, supported, equivalent", "REPRODUCED"),
    ("supported, supported, underpowered", "REPRODUCED"),
    ("supported, supported, not run", "REPRODUCED"),
    # 0.02 of one finding in 4 is what chance explains, and 0.01 is not
    ("supported, supported, supported, contradicted p=0.02", "REPRODUCED"),
    ("supported, supported, supported, contradicted p=0.01", "MIXED"),
    ("supported, supported, supported, contradicted p=0.02, contradicted p=0.02", "REPRODUCED"),
    ("supported, supported, supported, supported, contradicted p=1e-6", "MIXED"),
    ("supported, contradicted p=0.02, underpowered, underpowered", "INCONCLUSIVE"),
    ("supported, contradicted p=0.02, not run, not run", "MIXED"),  # only two are judged
    ("underpowered, underpowered, contradicted p=1e-6", "REFUTED"),
    ("supported, contradicted", "MIXED"),
    ("supported, equivalent", "MIXED"),
    ("supported, underpowered", "INCONCLUSIVE"),
    ("supported, underpowered, underpowered, equivalent", "INCONCLUSIVE"),
    ("equivalent, underpowered", "REFUTED"),
    ("contradicted", "REFUTED"),
    ("supported, error", "ERROR"),
    ("not run", "NOT RUN"),
]
"""With the p of a contradiction; 0.01 where none is given."""


@pytest.mark.parametrize(("conclusions", "expected"), MOST)
def test_table_of_verdicts_on_most_systems(conclusions: str, expected: Verdict) -> None:
    found: Any = enumerate(said.partition(" p=") for said in conclusions.split(", "))
    findings = [
        finding(conclusion=conclusion, p=float(p or 0.01), system=f"task {place}")
        for place, (conclusion, _, p) in found
    ]
    assert claim_verdict(findings, "most")[0] == expected
    assert claim_verdict(findings[::-1], "most") == claim_verdict(findings, "most")


def test_a_system_counts_once_and_only_if_all_its_findings_are_supported() -> None:
    systems: dict[str, Any] = {
        "a": ("supported", "supported"),
        "b": ("supported", "underpowered"),
        "c": ("supported", "supported"),
    }
    findings = [finding(system=system, conclusion=each) for system, held in systems.items() for each in held]
    verdict, said = claim_verdict(findings, "most")
    assert verdict == "REPRODUCED"
    assert "2 of 3 systems" in said
    assert claim_verdict(findings[:4], "most")[0] == "INCONCLUSIVE"  # one of two is not most


@pytest.mark.parametrize(
    ("mean", "expected"), [("supported", "REPRODUCED"), ("underpowered", "INCONCLUSIVE"), ("equivalent", "MIXED")]
)
def test_a_mean_over_tasks_is_no_system_and_must_hold_itself(mean: Conclusion, expected: Verdict) -> None:
    systems = [finding(system="a", conclusion="supported"), finding(system="b", conclusion="supported")]
    over = finding(system="a and b", conclusion=mean)
    verdict, said = claim_verdict([*systems, over], "most")
    assert verdict == expected
    assert "2 of 2 systems" in said
    assert claim_verdict([over], "most")[0] == claim_verdict([over])[0]


def test_summary_counts_every_finding() -> None:
    findings = [finding(conclusion=c) for c in ("supported", "supported", "underpowered")]
    assert claim_verdict(findings) == ("INCONCLUSIVE", "Of 3 findings: 2 supported, 1 underpowered.")
    assert claim_verdict([])[0] == "NOT RUN"


def test_q_values_are_benjamini_hochberg_over_the_differences_claimed() -> None:
    ps = [0.01, None, 0.04, nan, 0.03]
    findings = [*(finding(p=p) for p in ps), finding(kind="equivalent", p=0.001)]
    q = [f.q for f in with_q_values(findings)]
    assert q == [pytest.approx(0.03), None, pytest.approx(0.04), None, pytest.approx(0.04), None]
    assert with_q_values([]) == []
    assert with_q_values([finding(p=None)])[0].q is None
