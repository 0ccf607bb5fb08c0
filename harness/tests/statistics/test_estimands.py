"""Estimands on arrays small enough to work out by hand."""

import re
from collections.abc import Callable
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.statistics import (
    Censored,
    PerSeed,
    Reference,
    area,
    area_over_weights,
    break_density,
    densities_by_fan_in,
    input_magnitude,
    normalised_return,
    overshoot,
    restricted_level,
    separation_level,
    spread,
)

DENSITIES = [1.0, 0.8, 0.64, 0.512]
SEEDS = (3, 4, 5)
values = st.lists(st.floats(-10, 10), min_size=3, max_size=3)


def per_seed(condition: str, *held: float) -> PerSeed:
    return PerSeed.of(condition, held, range(len(held)))


class TestPerSeed:
    def test_parts_of_the_ticket_effect_carry_their_coefficients(self) -> None:
        ticket, permuted = per_seed("mask/weights", 0.9, 0.8), per_seed("mask/permuted", 0.8, 0.8)
        random = per_seed("permuted/permuted", 0.2, 0.3)
        mask, weights = permuted - random, ticket - permuted
        contrast = mask - weights
        assert mask.is_pair
        assert weights.is_pair
        assert not contrast.is_pair
        assert str(contrast) == "2·mask/permuted − permuted/permuted − mask/weights"
        assert contrast.weights == {"mask/permuted": 2, "permuted/permuted": -1, "mask/weights": -1}
        np.testing.assert_allclose(contrast.values, [0.5, 0.5])
        assert (3 * mask).is_pair and not (2 * permuted - random).is_pair and not (permuted + random).is_pair
        assert ((ticket - random) + random).conditions == ("mask/weights",) and str(ticket - ticket) == "0"
        assert (0.1 * ticket + 0.2 * ticket - 0.3 * ticket).conditions == (), "but for rounding"

    def test_one_label_for_two_quantities_is_refused_and_a_prefix_tells_them_apart(self) -> None:
        ours, theirs = per_seed("ticket", 1.0, 2.0), per_seed("ticket", 3.0, 5.0)
        with pytest.raises(ValueError, match="'ticket' names two different quantities"):
            ours - theirs
        contrast = ours.prefixed("AP ") - theirs.prefixed("ACP ")
        assert str(contrast) == "AP ticket − ACP ticket"
        assert contrast.is_pair

    def test_different_seeds_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"a and − b .*seeds: \(0, 1\) and \(1, 2\)"):
            PerSeed.of("a", [1, 2], (0, 1)) - PerSeed.of("b", [1, 2], (1, 2))

    @pytest.mark.parametrize(("held", "seeds"), [([1.0], (0, 1)), ([1.0, 2.0], (0, 0)), ([[1.0]], (0,))])
    def test_values_and_seeds_must_match(self, held: list[float], seeds: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"values of shape|appears twice"):
            PerSeed.of("a", held, seeds)

    @given(values, values, values, st.floats(-4, 4))
    def test_values_are_always_the_weighted_sum_of_the_conditions(
        self, a: list[float], b: list[float], c: list[float], factor: float
    ) -> None:
        parts = {"a": np.array(a), "b": np.array(b), "c": np.array(c)}
        one, two, three = (PerSeed.of(label, held, SEEDS) for label, held in parts.items())
        contrast = factor * (one - two) - (-three + two)
        expected = sum((w * parts[label] for label, w in contrast.weights.items()), np.zeros(3))
        np.testing.assert_allclose(contrast.values, expected, atol=1e-9)


class TestReturns:
    def test_random_is_0_and_expert_is_1(self) -> None:
        reference = Reference(random=20.0, random_se=1.0, expert=500.0, expert_se=0.0, best=500.0)
        normalised = normalised_return([[20, 260], [500, 740]], reference)
        np.testing.assert_allclose(normalised, [[0, 0.5], [1, 1.5]])

    @pytest.mark.parametrize("expert", [29.9, 20.0, -500.0, float("nan")])
    def test_a_scale_within_three_standard_errors_is_refused(self, expert: float) -> None:
        with pytest.raises(ValueError, match="standard errors"):
            normalised_return([1.0], Reference(20.0, 2.0, expert, 2.65, expert))

    def test_area_is_the_mean_over_levels_past_the_first(self) -> None:
        curves = [[9.0, 1.0, 0.5, 0.0], [9.0, 0.6, 0.6, 0.3]]
        np.testing.assert_allclose(area(curves), [0.5, 0.5])
        np.testing.assert_allclose(area(curves, last_level=2), [0.75, 0.6])


class TestBreakDensity:
    def test_last_density_before_the_first_failure(self) -> None:
        curves = [
            [1.0, 0.95, 0.7, 0.95],  # fails at level 2, its recovery does not count
            [1.0, 1.0, 1.0, 0.95],  # never fails
            [1.0, 0.2, 1.0, 1.0],  # fails at once
        ]
        broke = break_density(curves, DENSITIES)
        np.testing.assert_allclose(broke.values, [0.8, 0.512, 1.0])
        assert broke.right.tolist() == [False, True, False]
        assert broke.left.tolist() == [False, False, True]
        assert broke.falling
        broke = break_density([[0.8, 0.75, 0.75, 0.75], [1.0, 0.85, 0.85, 0.85]], DENSITIES)
        assert broke.left.tolist() == [True, False], "the bar is 0.9 - 0.1 = 0.8, also of the seed that started at 0.8"

    def test_exactly_the_drop_still_holds(self) -> None:
        assert break_density([[0.9, 0.8, 0.8, 0.8]], DENSITIES).right.all()
        assert break_density([[1.1, 1.0, 1.0, 0.999]], DENSITIES).values == [0.64]

    def test_holding_out_longer_is_a_smaller_density_and_later(self) -> None:
        broke = break_density([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], DENSITIES)
        np.testing.assert_allclose(broke.earliest, [-0.8, -0.512, -np.inf])
        np.testing.assert_allclose(broke.latest, [-0.8, np.inf, -1.0])


class TestInputs:
    def test_magnitude_is_the_share_of_absolute_weights_and_none_of_an_empty_layer(self) -> None:
        np.testing.assert_allclose(input_magnitude([[1.0, -2.0], [0.0, 0.0], [0.5, 0.5]]), [0.75, 0.0, 0.25])
        np.testing.assert_allclose(input_magnitude(np.zeros((3, 2))), [0, 0, 0])

    @given(arrays(float, (2, 4, 3), elements=st.floats(-100, 100)))
    def test_shares_sum_to_1_or_0_and_are_never_negative(self, layers: np.ndarray) -> None:
        shares = input_magnitude(layers)
        assert (shares >= 0).all()
        holds_any = np.abs(layers).sum(axis=(1, 2)) > 0
        np.testing.assert_allclose(shares.sum(axis=-1), holds_any.astype(float))

    def test_separation_is_the_first_level_at_the_share_level_0_counting(self) -> None:
        def two(*share: float) -> list[list[float]]:
            return [[s / 2, s / 2, 1 - s] for s in share]

        magnitude = np.array([two(0.9, 0.5, 0.5), two(0.5, 0.8, 0.7), two(0.1, 0.2, 0.79)])
        separated = separation_level(magnitude, named=[0, 1])
        assert separated.values.tolist() == [0, 1, 2]
        assert separated.right.tolist() == [False, False, True]
        assert not separated.left.any()
        assert restricted_level(separated).tolist() == [0, 1, 3]

    def test_overshoot_looks_at_the_first_level_at_or_below_the_density(self) -> None:
        counts = [[9, 5, 0, 0], [9, 5, 1, 0], [9, 0, 0, 0]]
        assert overshoot(counts, [1.0, 0.3, 0.1, 0.03]).tolist() == [1, 0, 1]
        assert overshoot(counts, [1.0, 0.3, 0.1, 0.03], at=0.05).tolist() == [1, 1, 1]


def test_spread_by_hand() -> None:
    """Medians 1 and 0; distances (1, 0, 3) and (0, 2, 1), a mean per seed."""
    np.testing.assert_allclose(spread([[0, 0], [1, 2], [4, -1]]), [0.5, 1, 2])


class TestFanInGap:
    def test_by_hand(self) -> None:
        """4-8-8-2: the first layer has a fan-in of 4, the others of 8, with 64 and 16 weights: 0.5 - (32 + 12) / 80."""
        found = densities_by_fan_in([0.5, 0.5, 0.75], (4, 8, 8, 2))
        np.testing.assert_allclose(found, (0.5, 0.55))
        np.testing.assert_allclose(densities_by_fan_in([[[1, 0, 0], [0, 1, 1]]], (4, 8, 8, 2)), ([[1, 0]], [[0, 1]]))


class TestAreaOverWeights:
    def test_hand_made(self) -> None:
        """From 1,000 weights to 10: a chain that falls from 1 to 0 at the middle level, halfway in the logarithm."""
        curves, weights = [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [1000, 100, 10]
        np.testing.assert_allclose(area_over_weights(curves, weights, 10, 1000), [0.25, 1.0])
        np.testing.assert_allclose(area_over_weights(curves, weights, 100, 1000), [0.5, 1.0])
        np.testing.assert_allclose(area_over_weights(curves, weights, 10, 100), [0.0, 1.0])
        between = 100 * 10**0.5  # halfway down the first stretch
        np.testing.assert_allclose(area_over_weights(curves, weights, between, 1000), [0.75, 1.0])

    def test_levels_are_no_part_of_it(self) -> None:
        """The same curve through more levels."""
        fine, coarse = [4096, 1024, 256, 64, 16], [4096, 256, 16]
        curve = np.log([fine]) / np.log(4096)
        np.testing.assert_allclose(
            area_over_weights(curve, fine, 16, 1024), area_over_weights(curve[:, ::2], coarse, 16, 1024)
        )


@pytest.mark.parametrize(
    ("estimate", "named"),
    [
        *((lambda last=last: area([[1.0, 1.0, 1.0, 1.0]], last), str(last)) for last in (0, 4, -1)),
        (lambda: area([[1.0, 1.0, nan]]), "NaN"),
        (lambda: break_density([[1, 1, 1]], [1.0, 0.8, 0.8]), "0.8"),
        (lambda: break_density([[1, nan]], [1.0, 0.8]), "NaN"),
        (lambda: Censored(np.array([1.0]), np.array([True]), np.array([True])), "both sides"),
        (lambda: overshoot([[9, 5]], [1.0, 0.2]), "0.2"),
        (lambda: spread([[1.0, nan]]), "NaN"),
        (lambda: spread([[1.0, np.inf]]), "infinite"),
        (lambda: spread([1.0, 2.0]), "shape"),
        (lambda: spread([[]]), "shape"),
        *(
            (lambda sizes=sizes: densities_by_fan_in(np.ones(len(sizes) - 1), sizes), "fan-in")
            for sizes in ((4, 2), (8, 8, 2))
        ),
        *(
            (lambda ends=ends: area_over_weights([[1.0, 0.5, 0.0]], [1000, 100, 10], *ends), f"{ends[0]}")
            for ends in ((5, 100), (10, 2000), (100, 100), (100, 10))
        ),
        (lambda: area_over_weights([[1.0, 0.5]], [10, 10], 10, 10), "falling"),
    ],
)
def test_what_an_estimand_can_not_be_of_is_refused_in_a_line_that_names_it(
    estimate: Callable[[], object], named: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(named)) as raised:
        estimate()
    assert "\n" not in str(raised.value)
