"""The drift of an effect between two runs: exact where nothing changed, and as sharp as it says."""

from collections.abc import Callable

import numpy as np
import pytest

from harness.results import drift as drifting
from harness.results.drift import shift
from harness.results.sample import Sample

RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def _the_same_numbers_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    RNG.bit_generator.state = np.random.default_rng(11).bit_generator.state
    monkeypatch.setattr(drifting, "RELABELLINGS", 1000)


def mean(values: np.ndarray) -> Sample:
    return Sample.of("mean", values)


def holds_out(one: np.ndarray, other: np.ndarray) -> Sample:
    return Sample.of("holds out", *(np.stack([group, group], axis=1) for group in (one, other)))


def at_a_ceiling(n: int) -> np.ndarray:
    """Differences of two conditions of which one fails now and then."""
    return np.where(RNG.random(n) < 0.1, RNG.uniform(0.3, 1, n), RNG.normal(0, 0.005, n))


SHAPES: dict[str, Callable[[], Sample]] = {
    "normal": lambda: mean(RNG.normal(0.4, 0.2, 20)),
    "at a ceiling": lambda: mean(at_a_ceiling(20)),
    "fifteen seeds": lambda: mean(RNG.lognormal(size=15)),
    "ranks": lambda: holds_out(RNG.integers(0, 5, 20).astype(float), RNG.integers(1, 6, 20).astype(float)),
    "spreads": lambda: Sample.of("spread", RNG.normal(0, 2, (12, 4)), RNG.normal(size=(12, 4))),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_of_fresh_seeds_alone_it_errs_at_most_as_often_as_it_says(shape: str) -> None:
    """With 120 runs a test that errs in 5 % is found in over 14 of them once in 1,000 times."""
    found = sum(shift(SHAPES[shape](), SHAPES[shape]()).differs for _ in range(120))
    assert found <= 14
    if shape in ("normal", "fifteen seeds"):
        assert found >= 1  # it is no test that never finds anything: none comes twice in 1,000 times
    sample = SHAPES[shape]()
    same = shift(sample, sample)
    assert (same.moved, same.p, same.differs) == (0.0, 1.0, False), "the same seeds have not moved"
    other = SHAPES[shape]()
    assert shift(sample, other) == shift(sample, other)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 16])
def test_a_drift_of_the_size_it_names_is_found_nine_times_in_ten(alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 runs 90 are expected; outside 79 to 98 lies less than 2 in 1,000."""
    monkeypatch.setattr(drifting, "RELABELLINGS", 5000)
    margin, seen = 0.05, []
    for _ in range(20):
        seen.append(shift(mean(RNG.normal(0.4, 0.2, 20)), mean(RNG.normal(0.4, 0.2, 20)), alpha, margin).seen)
    size = float(np.mean(seen))
    runs = [
        shift(mean(RNG.normal(0.4 - size, 0.2, 20)), mean(RNG.normal(0.4, 0.2, 20)), alpha, margin) for _ in range(100)
    ]
    assert 79 <= sum(run.differs for run in runs) <= 98


def test_a_drift_within_the_margin_is_none() -> None:
    old = mean(np.full(20, 0.4) + RNG.normal(0, 1e-4, 20))
    new = mean(old.arrays[0] - 0.04)
    assert shift(new, old).differs
    within = shift(new, old, margin=0.05)
    assert (within.differs, within.p) == (False, 1.0) and within.seen > 0.05
    assert within.moved == pytest.approx(-0.04)


def test_a_seed_keeps_both_its_conditions() -> None:
    """Two conditions that move together spread alike in every deal, however the runs differ."""
    wide, narrow = RNG.normal(0, 5, (10, 3)), RNG.normal(size=(10, 3))
    assert not drifting._deals("spread", (wide, wide), (narrow, narrow), 1000).any()


def test_extremes_come_out_as_they_must() -> None:
    low, high = np.arange(10.0), np.arange(10.0) + 100
    turned = shift(holds_out(low, high), holds_out(high, low))
    assert turned.moved == -1.0 and turned.differs
    still = shift(mean(np.full(20, 0.3)), mean(np.full(20, 0.5)))
    assert (still.differs, still.seen) == (True, None), "without any spread, how far it would have to be is not known"
    assert shift(mean(5 + RNG.normal(size=20)), mean(RNG.normal(size=20)), 0.05 / 1000).differs, "of many comparisons"


@pytest.mark.parametrize(("n", "alpha"), [(1, 0.05), (3, 0.05), (5, 0.05 / 20)])
def test_too_few_seeds_show_nothing_however_far_apart_and_say_so(n: int, alpha: float) -> None:
    """Of 5 and 5 seeds one deal in 126 parts them: no p is below 0.008."""
    far = shift(mean(50 + RNG.normal(size=n)), mean(RNG.normal(size=n)), alpha)
    assert (far.differs, far.seen) == (False, None)


def test_what_can_not_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"holds out.*mean"):
        shift(SHAPES["ranks"](), SHAPES["normal"]())
    with pytest.raises(ValueError, match="levels"):
        shift(*(Sample.of("spread", *[np.ones((5, levels))] * 2) for levels in (2, 3)))
