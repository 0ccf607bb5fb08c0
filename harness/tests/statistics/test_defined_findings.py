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
from math import inf, nan
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
    paired_shares,
    swapped_spreads,
)
from harness.statistics.guard import guarded_paired
from harness.statistics.paired import sign_flip

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


EVERY: dict[str, Run] = {
    "sign-flip": lambda a, b: sign_flip(a - b),
    "guarded t": lambda a, b: guarded_paired(a - b, 1.0, 1.0),
    "guarded t, nothing could fail": lambda a, b: guarded_paired(a - b),
    "swapped spreads": lambda a, b: swapped_spreads(np.stack([a, a], axis=1), np.stack([b, b], axis=1), 200),
    "censored ranks": lambda a, b: censored_ranks(seen(a), seen(b), 199),
    "paired shares": paired_shares,
    **{f"contrast, {kind}": contrasted(kind) for kind in ALL_KINDS},
}
every = pytest.mark.parametrize("name", EVERY)

ties = st.integers(-2, 2).map(lambda k: k / 2)
wide = st.floats(-1e6, 1e6)
tiny = st.sampled_from([0.1, 0.1 + 1e-17, 0.3 - 0.2, 0.1 + 2e-16])
binary = st.sampled_from([0.0, 1.0])


def two(values: st.SearchStrategy[float], most: int = 17) -> st.SearchStrategy[tuple[Array, Array]]:
    """Two conditions of the same seeds."""
    return st.integers(1, most).flatmap(
        lambda n: st.tuples(*(st.lists(values, min_size=n, max_size=n).map(np.array) for _ in "ab"))
    )


def conclusions(outcome: Outcome, min_effect: float = 0.1) -> dict[Kind, str]:
    found = {kind: conclude(kind, min_effect, outcome) for kind in ALL_KINDS}
    assert all("\n" not in reason for _, reason in found.values())
    return {kind: conclusion for kind, (conclusion, _) in found.items()}


@every
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_finite_values_a_test_is_given_it_comes_to_an_outcome(name: str, data: st.DataObject) -> None:
    outcome = EVERY[name](*data.draw(two(binary) if name == "paired shares" else two(ties) | two(wide) | two(tiny)))
    assert bool(outcome.refused) == bool(outcome.refusal)
    if outcome.refused:
        assert set(conclusions(outcome).values()) == {"underpowered"}
        return
    error = 1e-9 * max(1, abs(outcome.effect))
    assert outcome.lower - error <= outcome.effect <= outcome.upper + error
    assert 0 < outcome.p <= 1
    if abs(outcome.p - 0.05) > 1e-9:
        assert (outcome.p < 0.05) == (outcome.lower > 0 or outcome.upper < 0)
    conclusions(outcome)


@every
def test_one_seed_is_underpowered(name: str) -> None:
    for a, b in ((1.0, 0.0), (0.0, 0.0), (0.0, 1.0)):
        outcome = EVERY[name](np.array([a]), np.array([b]))
        assert set(conclusions(outcome, 2.0).values()) == {"underpowered"}
        assert outcome.refusal == "few seeds"


@every
@pytest.mark.parametrize("n", [2, 6, 15, 18])
def test_no_equivalence_rests_on_seeds_that_are_all_equal(name: str, n: int) -> None:
    """With a margin of 0.05, which no guard keeps at 18 seeds, nor an exact test of shares."""
    pairs = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]
    for a, b in pairs if name == "paired shares" else [*pairs, (0.1, 0.1 + 0.2)]:
        found = conclusions(EVERY[name](np.full(n, a), np.full(n, b)), 0.05)
        assert found["equivalent"] != "supported" and found["greater"] != "equivalent"
        if a <= b:
            assert found["greater"] != "supported" and found["non-inferior"] != "supported"


def test_enough_equal_seeds_show_a_direction_exactly_and_an_equivalence_by_the_guard_alone() -> None:
    assert sign_flip(np.full(20, 0.3)).p == 2 / 2**20
    assert conclude("greater", 0.1, sign_flip(np.full(20, 0.3)))[0] == "supported"
    assert conclude("greater", 0.1, sign_flip(np.full(5, 0.3)))[0] == "underpowered"
    assert conclude("equivalent", 0.1, guarded_paired(np.zeros(60), 1.0, 1.0))[0] == "supported"
    assert conclude("equivalent", 0.1, guarded_paired(np.zeros(60)))[0] == "underpowered"


BAD = pytest.mark.parametrize("bad", [nan, inf, -inf])


@every
@BAD
@pytest.mark.filterwarnings("ignore:invalid value")  # inf - inf, in the test's own subtraction
def test_what_is_no_number_is_one_line_that_says_where_and_so_are_no_seeds(name: str, bad: float) -> None:
    with pytest.raises(NotFiniteError, match=r"number 3 of 8|seed 42") as raised:
        EVERY[name](np.array([1.0, 0, bad, 0, 1, 0, 1, 0]), np.zeros(8))
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"seed|shape"):
        EVERY[name](np.array([]), np.array([]))


# The judge


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
@settings(max_examples=20, deadline=None)
def test_a_judge_comes_to_a_finding_whatever_the_numbers(method: str, sample: tuple[Array, Array]) -> None:
    finding = judged(METHODS[method](difference(*sample)))
    assert finding.judged and finding.reason
    if finding.n == (1,) or (method != "greater" and finding.n[0] < 15):
        assert finding.conclusion == "underpowered"
    assert Finding.from_json(finding.to_json()).conclusion == finding.conclusion


def test_a_judge_judges_zeros_and_ones_exactly_and_a_ceiling_not_at_all() -> None:
    """overshoot: in 12 of 20 seeds the one is empty and the other is not, never the other way round."""
    finding = judged(METHODS["greater"](difference(np.repeat([1.0, 0.0], [12, 8]), np.zeros(20))))
    assert finding.conclusion == "supported"
    assert finding.p == pytest.approx(2 / 2**12)  # McNemar's exact test
    for ask in METHODS.values():  # one seed more may fall to 0, which the margin of 0.1 does not survive
        assert judged(ask(difference(np.ones(20), np.ones(20)))).conclusion == "underpowered"


@pytest.mark.parametrize("n", [1, 4, 20])
def test_where_all_chains_are_censored_or_nothing_varies_nothing_is_decided(n: int) -> None:
    every, none = np.ones(n, bool), np.zeros(n, bool)
    for left, right in ((every, none), (none, every)):
        group = Censored(np.full(n, 0.1), left, right, True)
        finding = judged(lambda judge, group=group: judge.holds_out_longer(group, group, min_effect=0.1))
        assert (finding.conclusion, finding.refusal) == ("underpowered", "few seeds" if n == 1 else "censored")
    for still in (np.ones((n, 3)), np.random.default_rng(0).random((n, 3))):
        finding = judged(lambda judge, v=still: judge.spreads_wider(v, v, min_effect=0.1, unit="return"))
        assert (finding.conclusion, finding.refusal) == ("underpowered", "no spread" if n >= 6 else "few seeds")
