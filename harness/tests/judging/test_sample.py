"""A sample is what its finding's effect was computed from, and survives being written down."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.results.schema import Sample
from harness.statistics import Censored, PerSeed, censored_ranks, swapped_spreads

NUMBERS = st.floats(-1e6, 1e6)
RNG = np.random.default_rng(5)


@given(arrays(np.float64, st.integers(1, 9), elements=NUMBERS))
def test_a_contrast_is_the_mean_of_its_seeds(values: np.ndarray) -> None:
    effect = PerSeed.of("one", values, range(len(values)))
    assert Sample.of(effect).effect == values.mean()


@given(st.integers(2, 8), st.integers(2, 8), st.randoms(use_true_random=False))
def test_ranks_give_the_effect_of_their_test(one: int, other: int, random) -> None:
    groups = []
    for seeds in (one, other):
        values, side = ([random.choice(of) for _ in range(seeds)] for of in ((0.1, 0.2, 0.5), ("", "left", "right")))
        left, right = (np.array([each == name for each in side]) for name in ("left", "right"))
        groups.append(Censored(np.array(values), left, right, falling=True))
    assert Sample.of_censored(*groups, None).effect == pytest.approx(censored_ranks(*groups, 99).effect, abs=1e-12)


def test_spreads_give_the_effect_of_their_test() -> None:
    one, other = RNG.normal(0, 2, (12, 5)), RNG.normal(size=(12, 5))
    assert Sample.of_spreads(one, other, None).effect == pytest.approx(
        swapped_spreads(one, other, 99).effect, abs=1e-12
    )


@pytest.mark.parametrize(
    "sample",
    [
        Sample.of(PerSeed.of("one", RNG.normal(size=7), range(40, 47))),
        Sample("holds out", (np.array([[-np.inf, -0.5], [-0.2, np.inf]]), np.array([[-0.1, -0.1]])), (1, 2)),
        Sample("spread", (RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)))),
    ],
)
def test_what_is_written_is_read_again_to_the_last_bit(sample: Sample) -> None:
    again = Sample.from_json(json.loads(json.dumps(sample.to_json(), allow_nan=False)))
    assert (again.statistic, again.seeds) == (sample.statistic, sample.seeds)
    assert all(np.array_equal(a, b) for a, b in zip(again.groups, sample.groups, strict=True))
    assert again.effect == sample.effect


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"statistic": "median"}, "a statistic is one of"),
        ({"seeds": "0-19"}, "whole numbers"),
        ({"seeds": [0.5]}, "whole numbers"),
        ({"groups": {}}, "lists of numbers"),
        ({"groups": [[0.1, [0.2]]]}, "of one length"),
        ({"groups": [[]]}, "takes 1 group"),
        ({"groups": [[1.0], [2.0]]}, "takes 1 group"),
        ({"groups": [["NaN"]]}, "no number"),
        ({"groups": [["Infinity"]]}, "infinite"),
        ({"groups": [[10**400]]}, "lists of numbers"),
        ({"groups": [[True]]}, "lists of numbers"),
        ({"more": 1}, "nothing else"),
    ],
)
def test_anything_else_is_refused_in_one_line(change: dict, words: str) -> None:
    sound = {"statistic": "mean", "seeds": [0], "groups": [[0.5]]}
    with pytest.raises(ValueError, match=words) as refused:
        Sample.from_json({**sound, **change})
    assert "\n" not in str(refused.value)
