"""Ties, seeds that are all equal, NaN, infinite values, one seed, censoring everywhere: each comes to a defined
finding. Nothing ends in a bare traceback, and nothing that shows nothing is "supported".

  value that is NaN or infinite       NotFiniteError: one line that names it and its seed; the finding is an error
  no seed, or the wrong shape         ValueError, one line
  one seed                            underpowered
  all seeds equal                     a difference: judged by the sign-flip and by exact tests of shares alone, for
                                      that all went one way is evidence; else, and any equivalence, underpowered,
                                      unless the guard, told how far one seed can fall, still keeps the margin
  all chains censored                 underpowered, for no pair can be ordered
"""

from collections.abc import Callable
from math import inf, isnan, nan
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.judging.verdict import conclude
from harness.results.schema import Finding
from harness.statistics import (
    Censored,
    Kind,
    NotFiniteError,
    Outcome,
    PerSeed,
    censored_ranks,
    contrast_test,
    guarded_paired,
    guarded_unpaired,
    paired_shares,
    sign_flip,
    studentised_unpaired,
    swapped_spreads,
)

Array = npt.NDArray[np.float64]
Run = Callable[[Array, Array], Outcome]
ALL_KINDS = get_args(Kind)


def seen(values: Array) -> Censored:
    return Censored(values, np.zeros(len(values), bool), np.zeros(len(values), bool))


def difference(a: Array, b: Array) -> PerSeed:
    seeds = range(40, 40 + len(a))
    return PerSeed.of("ticket", a, seeds) - PerSeed.of("random", b, seeds)


def contrasted(kind: Kind) -> Run:
    return lambda a, b: contrast_test(difference(a, b), kind, (0.0, 1.0))


TESTS: dict[str, Run] = {
    "sign-flip": lambda a, b: sign_flip(a - b),
    "guarded t": lambda a, b: guarded_paired(a - b, 1.0, 1.0),
    "guarded t, nothing could fail": lambda a, b: guarded_paired(a - b),
    "swapped spreads": lambda a, b: swapped_spreads(np.stack([a, a], axis=1), np.stack([b, b], axis=1), 1000),
    "Welch": studentised_unpaired,
    "guarded Welch": lambda a, b: guarded_unpaired(a, b, (1.0, 1.0), (1.0, 1.0)),
    "censored ranks": lambda a, b: censored_ranks(seen(a), seen(b), 199),
    **{f"contrast, {kind}": contrasted(kind) for kind in ALL_KINDS},
}
EVERY = TESTS | {"paired shares": paired_shares}

ties = st.integers(-2, 2).map(lambda k: k / 2)
wide = st.floats(-1e6, 1e6)
tiny = st.sampled_from([0.1, 0.1 + 1e-17, 0.3 - 0.2, 0.1 + 2e-16])
binary = st.sampled_from([0.0, 1.0])


def two(values: st.SearchStrategy[float], most: int = 18) -> st.SearchStrategy[tuple[Array, Array]]:
    """Two conditions of the same seeds."""
    return st.integers(1, most).flatmap(
        lambda n: st.tuples(*(st.lists(values, min_size=n, max_size=n).map(np.array) for _ in "ab"))
    )


def conclusions(outcome: Outcome, min_effect: float = 0.1) -> dict[Kind, str]:
    found = {kind: conclude(kind, min_effect, outcome) for kind in ALL_KINDS}
    assert all("\n" not in reason and reason.endswith(".") for _, reason in found.values())
    return {kind: conclusion for kind, (conclusion, _) in found.items()}


def check(outcome: Outcome) -> None:
    """What holds of every outcome, refused or not."""
    assert bool(outcome.refused) == bool(outcome.refusal)
    if outcome.refused:
        assert set(conclusions(outcome).values()) == {"underpowered"}
        return
    assert outcome.lower <= outcome.effect + 1e-9 * max(1, abs(outcome.effect))
    assert outcome.effect <= outcome.upper + 1e-9 * max(1, abs(outcome.effect))
    assert 0 < outcome.p <= 1
    if abs(outcome.p - 0.05) > 1e-9:
        assert (outcome.p < 0.05) == (outcome.lower > 0 or outcome.upper < 0)
    conclusions(outcome)


@pytest.mark.parametrize("name", TESTS)
@given(two(ties) | two(wide) | two(tiny) | two(binary))
@settings(max_examples=30, deadline=None)
def test_whatever_finite_values_a_test_is_given_it_comes_to_an_outcome(name: str, sample: tuple[Array, Array]) -> None:
    check(TESTS[name](*sample))


@given(two(binary, most=16))
@settings(max_examples=15, deadline=None)
def test_so_do_shares(sample: tuple[Array, Array]) -> None:
    check(paired_shares(*sample))


@pytest.mark.parametrize("name", EVERY)
def test_one_seed_is_underpowered(name: str) -> None:
    for a, b in ((1.0, 0.0), (0.0, 0.0), (0.0, 1.0)):
        outcome = EVERY[name](np.array([a]), np.array([b]))
        assert set(conclusions(outcome, 2.0).values()) == {"underpowered"}
        assert outcome.refusal == "few seeds"


@pytest.mark.parametrize("name", EVERY)
@given(st.integers(1, 18), st.sampled_from([0.0, 0.1, 1.0, 0.1 + 0.2]), st.sampled_from([0.0, 0.1, 1.0]))
@settings(max_examples=30, deadline=None)
def test_no_equivalence_rests_on_seeds_that_are_all_equal(name: str, n: int, a: float, b: float) -> None:
    """With a margin of 0.05, which no guard keeps at 18 seeds, nor an exact test of shares."""
    if name == "paired shares" and not {a, b} <= {0.0, 1.0}:
        return
    found = conclusions(EVERY[name](np.full(n, a), np.full(n, b)), 0.05)
    assert found["equivalent"] != "supported"
    assert found["greater"] != "equivalent"
    if a <= b:
        assert found["greater"] != "supported"
        assert found["non-inferior"] != "supported"


def test_the_guard_may_allow_it_where_enough_equal_seeds_leave_too_little_room() -> None:
    same = np.full(60, 0.4)
    assert conclude("equivalent", 0.1, guarded_paired(same - same, 1.0, 1.0))[0] == "supported"
    assert conclude("equivalent", 0.1, guarded_paired(same - same))[0] == "underpowered"


def test_that_equal_differences_all_go_one_way_is_evidence_of_a_direction() -> None:
    """Exactly: 2 of 2^20 sign vectors are as far. Of 5 seeds it is not."""
    assert sign_flip(np.full(20, 0.3)).p == 2 / 2**20
    assert conclude("greater", 0.1, sign_flip(np.full(20, 0.3)))[0] == "supported"
    assert conclude("greater", 0.1, sign_flip(np.full(5, 0.3)))[0] == "underpowered"


BAD = [nan, inf, -inf]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.filterwarnings("ignore:invalid value")  # inf - inf, in the test's own subtraction
def test_what_is_no_number_is_one_line_that_says_where(name: str, bad: float) -> None:
    with pytest.raises(NotFiniteError, match=r"number 3 of 8|seed 42") as raised:
        EVERY[name](np.array([1.0, 0, bad, 0, 1, 0, 1, 0]), np.zeros(8))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", EVERY)
def test_no_seeds_at_all_are_an_error_in_one_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"seed|shape") as raised:
        EVERY[name](np.array([]), np.array([]))
    assert "\n" not in str(raised.value)


def test_long_lists_of_bad_values_are_cut() -> None:
    with pytest.raises(NotFiniteError, match=r"number 1 of 20 \(nan\), number 2 of 20 \(nan\), .*17 more$"):
        sign_flip(np.full(20, nan))


# ------------------------------------------------------------------ conclusions

anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.sampled_from(ALL_KINDS), anything, anything, anything, st.none() | st.tuples(anything, anything))
def test_an_outcome_that_is_no_number_supports_nothing(
    kind: Kind, effect: float, lower: float, upper: float, guarded: tuple[float, float] | None
) -> None:
    conclusion, reason = conclude(kind, 0.1, Outcome("Welch", (20,), effect, lower, upper, nan, nan, guarded))
    assert "\n" not in reason
    if not np.isfinite(effect) or any(map(isnan, (lower, upper, *(guarded or ())))):
        assert conclusion == "underpowered"


@given(st.sampled_from(ALL_KINDS), st.floats(-10, 10))
def test_bounds_that_exclude_nothing_decide_nothing(kind: Kind, effect: float) -> None:
    assert conclude(kind, 0.1, Outcome("Welch", (20,), effect, -inf, inf, 1.0, 1.0))[0] == "underpowered"


# ------------------------------------------------------------------ the judge


def judged(ask: Callable[[Judge], None]) -> Finding:
    judge = Judge(Claim("made", "0", "none", 1, "returns"), "it", "made::it", "It is so.", [], "pytest", True)
    ask(judge)
    assert judge.finding is not None
    return judge.finding


METHODS: dict[str, Callable[[PerSeed], Callable[[Judge], None]]] = {
    "greater": lambda effect: lambda judge: judge.greater(effect, min_effect=0.1, unit="share"),
    "equivalent": lambda effect: lambda judge: judge.equivalent(effect, margin=0.1, unit="share"),
    "non-inferior": lambda effect: lambda judge: judge.non_inferior(effect, margin=0.1, unit="share"),
}


@pytest.mark.parametrize("method", METHODS)
@given(two(ties) | two(binary) | two(tiny))
@settings(max_examples=30, deadline=None)
def test_a_judge_comes_to_a_finding_whatever_the_numbers(method: str, sample: tuple[Array, Array]) -> None:
    finding = judged(METHODS[method](difference(*sample)))
    assert finding.judged
    if finding.n == (1,) or (finding.conclusion == "supported" and method != "greater" and finding.n[0] < 15):
        assert finding.conclusion == "underpowered"
    if finding.conclusion == "underpowered":
        assert finding.reason
    assert Finding.from_json(finding.to_json()).conclusion == finding.conclusion


@pytest.mark.parametrize("method", METHODS)
def test_a_judge_finds_seeds_that_are_all_equal_underpowered(method: str) -> None:
    """At a ceiling of 1: one seed more may fall to 0, which the margin of 0.1 does not survive."""
    assert judged(METHODS[method](difference(np.ones(20), np.ones(20)))).conclusion == "underpowered"


def test_a_judge_judges_zeros_and_ones_exactly() -> None:
    """overshoot: in 12 of 20 seeds the one is empty and the other is not, never the other way round."""
    finding = judged(METHODS["greater"](difference(np.repeat([1.0, 0.0], [12, 8]), np.zeros(20))))
    assert finding.conclusion == "supported"
    assert finding.p == pytest.approx(2 / 2**12)  # McNemar's exact test


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", BAD)
def test_a_judge_names_the_contrast_and_the_seeds_that_are_no_number(method: str, bad: float) -> None:
    values = np.linspace(0, 1, 20)
    values[[3, 7]] = bad
    with pytest.raises(NotFiniteError, match=rf"^ticket − random .*seed 43 \({bad:g}\), seed 47 \({bad:g}\)$"):
        judged(METHODS[method](difference(values, np.zeros(20))))


def test_a_judge_names_the_reading_that_is_no_number() -> None:
    sound, bad = difference(np.ones(8), np.zeros(8)), difference(np.array([nan, *np.ones(7)]), np.zeros(8))
    with pytest.raises(NotFiniteError, match=r"'other'.*seed 40"):
        judged(lambda judge: judge.greater(sound, min_effect=0.1, unit="share", sensitivity={"other": bad}))


def censored(n: int, side: str) -> Censored:
    every, none = np.ones(n, bool), np.zeros(n, bool)
    return Censored(np.full(n, 0.1), every if side == "left" else none, every if side == "right" else none, True)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(["left", "right"]))
@settings(max_examples=40, deadline=None)
def test_where_all_chains_are_censored_nothing_is_decided(n: int, m: int, side: str) -> None:
    finding = judged(lambda judge: judge.holds_out_longer(censored(n, side), censored(m, side), min_effect=0.1))
    assert finding.conclusion == "underpowered"
    assert finding.refusal == ("few seeds" if min(n, m) == 1 else "censored")
    assert finding.seeds_needed is None or finding.seeds_needed > 1


@given(two(ties, most=16), st.lists(st.sampled_from(["", "left", "right"]), min_size=32, max_size=32))
@settings(max_examples=15, deadline=None)
def test_any_censoring_comes_to_a_finding(sample: tuple[Array, Array], sides: list[str]) -> None:
    flags = np.array(sides).reshape(2, 16)[:, : len(sample[0])]
    one, other = (Censored(v, side == "left", side == "right") for v, side in zip(sample, flags, strict=True))
    finding = judged(lambda judge: judge.holds_out_longer(one, other, min_effect=0.1))
    assert finding.judged
    if len(sample[0]) < 4:
        assert finding.conclusion == "underpowered"


@given(st.integers(1, 20), st.sampled_from([0.0, 0.1, 1.0]))
@settings(max_examples=20, deadline=None)
def test_spreads_of_seeds_that_are_all_equal_decide_nothing(n: int, value: float) -> None:
    still = np.full((n, 3), value)
    finding = judged(lambda judge: judge.spreads_wider(still, still + 0.5, min_effect=0.1, unit="return"))
    assert (finding.conclusion, finding.refusal) == ("underpowered", "no spread" if n >= 6 else "few seeds")


def test_conditions_that_spread_alike_seed_by_seed_decide_nothing() -> None:
    values = np.random.default_rng(0).random((20, 3))
    finding = judged(lambda judge: judge.spreads_wider(values, values, min_effect=0.1, unit="return"))
    assert (finding.conclusion, finding.refusal) == ("underpowered", "no spread")


def test_a_spread_of_what_is_no_number_names_the_condition() -> None:
    sound, bad = np.zeros((20, 3)), np.zeros((20, 3))
    bad[4, 1] = nan
    for one, other, which in ((bad, sound, "wider"), (sound, bad, "narrower")):
        with pytest.raises(NotFiniteError, match=f"{which}.* number 5 of 20"):
            judged(lambda judge, a=one, b=other: judge.spreads_wider(a, b, min_effect=0.1, unit="return"))
