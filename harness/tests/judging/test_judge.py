"""What the judge makes of numbers: findings that say what they could have seen, and why nothing is said."""

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.assay import DENSE_BAR, insensitive
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.judging.run import Areas, Run
from harness.profiles.profile import System
from harness.pruning.conditions import CONDITIONS, DENSE
from harness.results.schema import Finding
from harness.statistics import Censored, PerSeed, Reference

NOISE = np.random.default_rng(5).normal(size=40)


def judge() -> Judge:
    return Judge(Claim("a-claim", "0", "none", 1, "returns"), "test_it", "test_a.py::test_it", "it is so", [], "", True)


def difference(mean: float, spread: float, seeds: int, third: bool = False) -> PerSeed:
    """One condition less another, by seed, far from either end of the span; with a third one if asked for, which a
    sign-flip does not allow."""
    names = range(seeds)
    one = PerSeed.of("one", 0.5 + mean + spread * NOISE[:seeds], names)
    other = one - PerSeed.of("other", np.full(seeds, 0.5), names)
    return other + PerSeed.of("third", np.zeros(seeds), names) if third else other


def found(method: str, *args: Any, **kwargs: Any) -> Finding:
    held = judge()
    getattr(held, method)(*args, **kwargs)
    assert held.finding is not None
    return held.finding


def broken(at: float, seeds: int) -> Censored:
    """Break densities around `at`, the first few censored."""
    densities, last = at * np.exp(0.1 * NOISE[:seeds]), np.zeros(seeds, dtype=bool)
    last[:3] = True
    return Censored(densities, left=np.zeros(seeds, dtype=bool), right=last, falling=True)


def levels(values: np.ndarray) -> np.ndarray:
    """float[seeds, 2]"""
    return np.stack([values, values[::-1]], axis=1)


# What it could have seen


@pytest.mark.parametrize(
    ("test", "judged"),
    [
        ("sign-flip", lambda n: found("greater", difference(0.1, 0.1, n), min_effect=0.05)),
        ("guarded t", lambda n: found("greater", difference(0.1, 0.1, n, third=True), min_effect=0.05)),
        ("guarded t", lambda n: found("equivalent", difference(0.0, 0.1, n), margin=0.2)),
        ("guarded t", lambda n: found("non_inferior", difference(0.0, 0.1, n), margin=0.2)),
        ("censored ranks", lambda n: found("holds_out_longer", broken(0.1, n), broken(0.1, n), min_effect=0.1)),
        (
            "swapped spreads",
            lambda n: found(
                "spreads_wider", levels(2 * NOISE[:n]), levels(np.roll(NOISE, 7)[:n]), min_effect=0.1, unit="returns"
            ),
        ),
    ],
    ids=["sign-flip", "contrast of three", "equivalent", "non-inferior", "censored ranks", "spreads"],
)
def test_every_test_says_what_it_could_have_seen_and_sees_more_with_more_seeds(test: str, judged: Any) -> None:
    few, many = judged(16), judged(40)
    assert few.test == many.test == test
    assert few.detectable is not None
    assert 0 < many.detectable < few.detectable


@given(st.integers(6, 12), st.floats(-1, 1))
def test_seeds_that_all_agree_do_not_see_everything(seeds: int, mean: float) -> None:
    finding = found("greater", difference(mean, 0.0, seeds), min_effect=0.05)
    assert finding.detectable is None or finding.detectable > 0


def test_what_was_refused_for_too_few_seeds_sees_nothing_and_says_how_many_would_do() -> None:
    finding = found("equivalent", difference(0.0, 0.1, 8), margin=0.2)
    assert finding.conclusion == "underpowered"
    assert finding.detectable is None
    assert "calibrated from 15 on" in finding.refused
    assert finding.seeds_needed is not None
    assert finding.seeds_needed >= 15


@given(st.floats(0.05, 1), st.floats(0.01, 1), st.integers(6, 12))
def test_the_seeds_that_are_needed_see_twice_the_smallest_effect(smallest: float, spread: float, seeds: int) -> None:
    finding = found("greater", difference(0.0, spread, seeds), min_effect=smallest)
    if finding.conclusion == "underpowered" and finding.seeds_needed:
        assert finding.seeds_needed > 5
        if finding.detectable is not None and finding.detectable > 2 * smallest:
            assert finding.seeds_needed > seeds


# Assay sensitivity


@dataclass
class Measured:
    """As much of a run as the question asks whether a difference could be seen."""

    system: System = field(default_factory=lambda: System("cart-pole", "bc"))
    conditions: tuple[str, ...] = CONDITIONS
    dense: float = 1.0
    effect: float = 0.3
    reference: Reference = field(default_factory=lambda: Reference(20.0, 0.5, 500.0, 0.5))
    normalised_span: tuple[float, float] = (0.0, 1.0)

    def dense_returns(self) -> np.ndarray:
        return np.full(20, 20 + 480 * self.dense)

    def area(self) -> Areas:
        values = {condition: 0.5 + 0.02 * np.roll(NOISE, i)[:20] for i, condition in enumerate(CONDITIONS)}
        values["mask/weights"] = values["mask/weights"] + self.effect
        return Areas({condition: PerSeed.of(condition, values[condition], range(20)) for condition in self.conditions})


def why(*runs: Measured) -> str:
    return insensitive(cast("list[Run]", list(runs)))


def test_a_difference_could_be_seen_where_dense_agents_learn_and_tickets_win() -> None:
    assert why(Measured()) == ""
    assert why(Measured(conditions=("mask/weights", "mask/permuted")), Measured()) == ""
    assert why(Measured(conditions=(DENSE,))) == ""


def test_dense_agents_must_have_reached_their_bar() -> None:
    assert why(Measured(dense=DENSE_BAR + 0.01)) == ""
    assert "when dense, under 0.95; agents that learn would lift this" in why(Measured(dense=DENSE_BAR - 0.01))
    assert "when dense" in why(Measured(), Measured(dense=0.1, conditions=(DENSE,)))


@pytest.mark.parametrize("effect", [0.0, 0.03, -0.3])
def test_the_ticket_effect_must_be_supported(effect: float) -> None:
    assert "the ticket effect is not supported on cart-pole bc" in why(Measured(effect=effect))


def test_what_is_pruned_needs_a_run_that_shows_the_ticket_effect_on_the_same_system() -> None:
    kept = ("mask/weights", "mask/permuted")
    assert "no run shows the ticket effect on cart-pole bc" in why(Measured(conditions=kept))
    other = Measured(System("cart-pole", "ppo"))
    assert "no run shows the ticket effect on cart-pole bc" in why(Measured(conditions=kept), other)
    assert why(Measured(conditions=kept), other, Measured()) == ""


def test_a_refusal_that_no_seeds_would_lift_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.judging.judge.insensitive", lambda runs: "nothing could be seen")
    finding = found("equivalent", difference(0.0, 0.1, 20), margin=0.2)
    assert (finding.conclusion, finding.refused, finding.seeds_needed) == (
        "underpowered",
        "nothing could be seen",
        None,
    )
    assert finding.reason == "Not judged: nothing could be seen."
