"""Exact counts, and what each condition of Table 1 starts from. CLAIMS.md spells both."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from harness.pruning.conditions import CONDITIONS, RULES, SURVIVING, Layers, Start
from harness.pruning.criteria import magnitude
from harness.pruning.ranking import flatten, keep_largest, unflatten, weight_count

SHAPES = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)
FALSE_ALARM = 1e-4
"""Chance that a chi-square test below would reject a perfect shuffle; their seeds are fixed."""


def layer(*values: float) -> np.ndarray:
    """One layer [1, 1, n] of one member."""
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def kept_of(layers: Sequence[np.ndarray]) -> list[list[bool]]:
    return [kept.ravel().tolist() for kept in layers]


def all_of(layers: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.ones(values.shape, dtype=bool) for values in layers]


def ones_in(mask: Layers) -> int:
    return int(sum(entries.sum() for entries in mask))


def values_at(mask: np.ndarray, weights: np.ndarray) -> list[float]:
    return sorted(weights[mask].tolist())


def random_start(shapes: list[tuple[int, int]], seed: int, density: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """One member's mask and distinct non-zero initial weights."""
    rng = np.random.default_rng(seed)
    masks = [rng.random(shape) < density for shape in shapes]
    count = sum(a * b for a, b in shapes)
    values = rng.permutation(np.arange(1, count + 1)).astype(np.float32) * rng.choice([-1, 1], count)
    return masks, [part[0] for part in unflatten(values.astype(np.float32)[None], shapes)]


class TestCounts:
    def test_the_counts_of_a_64_64_cart_pole_agent_are_these(self) -> None:
        total = 4 * 64 + 64 * 64 + 64 * 2
        assert [weight_count(total, 0.2, level) for level in (0, 1, 2, 3, 10, 20, 30)] == [
            4480,
            3584,  # 3584.0
            2867,  # 2867.2
            2294,  # 2293.76
            481,  # 481.04
            52,  # 51.65
            6,  # 5.55
        ]

    def test_at_least_one_weight_is_left(self) -> None:
        assert weight_count(10, 0.9, 50) == 1

    @settings(deadline=None)
    @given(st.integers(1, 10**6), st.floats(0.01, 0.99), st.integers(0, 40))
    def test_a_count_is_within_half_a_weight_of_the_density(self, total: int, rate: float, level: int) -> None:
        count = weight_count(total, rate, level)
        assert count == 1 or abs(count - total * (1 - rate) ** level) <= 0.5

    @settings(deadline=None)
    @given(st.integers(1, 10**6), st.floats(0.01, 0.99))
    def test_counts_start_at_all_and_never_rise(self, total: int, rate: float) -> None:
        counts = [weight_count(total, rate, level) for level in range(40)]
        assert counts[0] == total
        assert counts == sorted(counts, reverse=True)


class TestKeepLargest:
    def test_the_largest_magnitudes_stay_whatever_their_sign(self) -> None:
        weights = magnitude([layer(0.1, -0.4, 0.3, -0.2)])
        assert kept_of(keep_largest(weights, all_of(weights), 2)) == [[False, True, True, False]]

    def test_layers_compete_with_each_other(self) -> None:
        weights = [layer(0.1, 0.2), layer(0.3, 0.4)]
        assert kept_of(keep_largest(weights, all_of(weights), 2)) == [[False, False], [True, True]]

    def test_what_is_masked_out_does_not_come_back_however_large(self) -> None:
        weights, masks = [layer(9, 0.1, 0.2, 0.3)], [layer(0, 1, 1, 1).astype(bool)]
        assert kept_of(keep_largest(weights, masks, 2)) == [[False, False, True, True]]

    def test_among_equals_the_earlier_weight_of_a_layer_stays(self) -> None:
        weights = magnitude([layer(0.5, -0.5, 0.5, -0.5)])
        assert kept_of(keep_largest(weights, all_of(weights), 3)) == [[True, True, True, False]]

    def test_among_equals_rows_come_before_columns(self) -> None:
        weights = [np.full((1, 2, 2), 0.5)]
        assert keep_largest(weights, all_of(weights), 2)[0].tolist() == [[[True, True], [False, False]]]

    def test_among_equals_the_earlier_layer_stays(self) -> None:
        weights = [layer(0.1, 0.5), layer(0.5, 0.7)]
        assert kept_of(keep_largest(weights, all_of(weights), 2)) == [[False, True], [False, True]]

    def test_the_tie_break_holds_for_many_equals_too(self) -> None:
        values = np.random.default_rng(0).integers(-3, 4, 1000).astype(np.float32)
        weights = [values[:400].reshape(1, 20, 20), values[400:].reshape(1, 20, 30)]
        expected = sorted(range(1000), key=lambda place: (-abs(values[place]), place))[:500]
        assert np.flatnonzero(flatten(keep_largest(magnitude(weights), all_of(weights), 500))).tolist() == sorted(
            expected
        )

    def test_a_kept_weight_may_be_exactly_zero_but_a_pruned_one_may_not_be_kept(self) -> None:
        weights, masks = [layer(0, 0, 0, 0)], [layer(0, 1, 0, 1).astype(bool)]
        assert kept_of(keep_largest(weights, masks, 2)) == [[False, True, False, True]]

    def test_members_are_pruned_each_by_itself(self) -> None:
        weights = [np.array([[[1.0, 2.0, 3.0, 4.0]], [[40.0, 30.0, 20.0, 10.0]]])]
        assert kept_of(keep_largest(weights, all_of(weights), 2)[0]) == [
            [False, False, True, True],
            [True, True, False, False],
        ]

    def test_a_mask_with_fewer_weights_than_asked_for_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="3 weights are to be kept"):
            keep_largest([layer(1, 2, 3, 4)], [layer(1, 0, 0, 1).astype(bool)], 3)

    def test_a_member_of_nothing_but_nan_is_an_error(self) -> None:
        weights = [np.array([[[1.0, 2.0]], [[np.nan, np.nan]]])]
        with pytest.raises(ValueError, match="finite"):
            keep_largest(weights, all_of(weights), 1)

    def test_nan_where_nothing_is_kept_anyway_is_no_error(self) -> None:
        weights, masks = [layer(np.nan, 1, 2, 3)], [layer(0, 1, 1, 1).astype(bool)]
        assert kept_of(keep_largest(weights, masks, 1)) == [[False, False, False, True]]

    def test_a_single_nan_under_the_mask_is_an_error(self) -> None:
        weights = [layer(np.nan, 1, 2, 3)]
        with pytest.raises(ValueError, match="finite"):
            keep_largest(weights, all_of(weights), 2)

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.data())
    def test_exactly_the_count_is_kept_under_the_mask_and_nothing_dropped_is_larger(
        self, shapes: list[tuple[int, int]], seed: int, data: st.DataObject
    ) -> None:
        members = 3
        rng = np.random.default_rng(seed)
        # few distinct values: ties are the rule
        weights = [rng.integers(-3, 4, (members, *shape)).astype(np.float32) for shape in shapes]
        masks = [rng.random((members, *shape)) < 0.8 for shape in shapes]
        held = flatten(masks).sum(axis=1).min()
        count = data.draw(st.integers(0, int(held)))
        kept = keep_largest(magnitude(weights), masks, count)
        assert [layer.shape for layer in kept] == [weight.shape for weight in weights]
        kept_rows, mask_rows, magnitudes = flatten(kept), flatten(masks), np.abs(flatten(weights))
        assert (kept_rows.sum(axis=1) == count).all()
        assert not (kept_rows & ~mask_rows).any()
        for kept_row, mask_row, row in zip(kept_rows, mask_rows, magnitudes, strict=True):
            dropped = row[mask_row & ~kept_row]
            assert count == 0 or len(dropped) == 0 or row[kept_row].min() >= dropped.max()

    @settings(deadline=None)
    @given(SHAPES, SEEDS)
    def test_flatten_and_unflatten_undo_each_other(self, shapes: list[tuple[int, int]], seed: int) -> None:
        rng = np.random.default_rng(seed)
        layers = [rng.random((2, *shape)) for shape in shapes]
        for there_and_back, original in zip(unflatten(flatten(layers), shapes), layers, strict=True):
            np.testing.assert_array_equal(there_and_back, original)


class TestConditions:
    def test_the_rules_are_the_four_conditions_of_table_1_and_surviving_inputs(self) -> None:
        assert tuple(RULES) == (*CONDITIONS, SURVIVING)

    def test_only_random_reinit_draws_its_weights_anew(self) -> None:
        assert [name for name, rule in RULES.items() if rule.redraws] == ["random/re-init"]

    @pytest.mark.parametrize("condition", CONDITIONS)
    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.floats(0, 1))
    def test_weights_are_zero_outside_the_mask_and_the_initial_weights_stay_as_they_were(
        self, condition: str, shapes: list[tuple[int, int]], seed: int, density: float
    ) -> None:
        kept, initial = random_start(shapes, seed, density)
        before = [array.copy() for array in (*kept, *initial)]
        masks, weights = RULES[condition].start(kept, initial, np.random.default_rng(seed))
        for mask, weight, w0 in zip(masks, weights, initial, strict=True):
            assert mask.shape == weight.shape == w0.shape
            assert mask.dtype == bool and weight.dtype == w0.dtype
            assert (weight[~mask] == 0).all()
            assert (weight[mask] != 0).all()  # every value of these w0 is
        for array, copy in zip((*kept, *initial), before, strict=True):
            np.testing.assert_array_equal(array, copy)

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.floats(0, 1))
    def test_the_ticket_is_the_initial_weights_at_the_mask(
        self, shapes: list[tuple[int, int]], seed: int, density: float
    ) -> None:
        kept, initial = random_start(shapes, seed, density)
        masks, weights = RULES["mask/weights"].start(kept, initial, np.random.default_rng(seed))
        for n, w0, mask, weight in zip(kept, initial, masks, weights, strict=True):
            np.testing.assert_array_equal(mask, n)
            np.testing.assert_array_equal(weight, w0 * n)

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.floats(0, 1))
    def test_mask_permuted_keeps_the_mask_and_each_layers_values(
        self, shapes: list[tuple[int, int]], seed: int, density: float
    ) -> None:
        kept, initial = random_start(shapes, seed, density)
        masks, weights = RULES["mask/permuted"].start(kept, initial, np.random.default_rng(seed))
        for n, w0, mask, weight in zip(kept, initial, masks, weights, strict=True):
            np.testing.assert_array_equal(mask, n)
            assert values_at(mask, weight) == values_at(n, w0)

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.floats(0, 1))
    def test_permuted_permuted_keeps_each_layers_count_and_values(
        self, shapes: list[tuple[int, int]], seed: int, density: float
    ) -> None:
        kept, initial = random_start(shapes, seed, density)
        masks, weights = RULES["permuted/permuted"].start(kept, initial, np.random.default_rng(seed))
        for n, w0, mask, weight in zip(kept, initial, masks, weights, strict=True):
            assert mask.sum() == n.sum()
            assert values_at(mask, weight) == values_at(n, w0)

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.floats(0, 1))
    def test_random_reinit_keeps_the_total_and_takes_the_fresh_draw_where_its_mask_fell(
        self, shapes: list[tuple[int, int]], seed: int, density: float
    ) -> None:
        kept, fresh = random_start(shapes, seed, density)
        masks, weights = RULES["random/re-init"].start(kept, fresh, np.random.default_rng(seed))
        assert ones_in(masks) == ones_in(kept)
        for draw, mask, weight in zip(fresh, masks, weights, strict=True):
            np.testing.assert_array_equal(weight, draw * mask)

    def test_random_reinit_does_not_keep_the_counts_of_the_layers(self) -> None:
        kept = [np.ones((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)]
        masks, _ = RULES["random/re-init"].start(kept, [np.ones((4, 4))] * 2, np.random.default_rng(0))
        assert 0 < ones_in(masks[1:]) < 16

    @pytest.mark.parametrize("condition", CONDITIONS[1:])
    def test_what_is_drawn_differs_from_what_was_found(self, condition: str) -> None:
        kept, initial = random_start([(8, 8), (8, 8)], 3, 0.5)
        masks, weights = RULES[condition].start(kept, initial, np.random.default_rng(4))
        assert any((weight != w0 * n).any() for weight, w0, n in zip(weights, initial, kept, strict=True))
        same_mask = all((mask == n).all() for mask, n in zip(masks, kept, strict=True))
        assert same_mask == (condition == "mask/permuted")


def chain_of(condition: str, shapes: list[tuple[int, int]], seed: int, levels: int) -> list[list[np.ndarray]]:
    """Masks of a chain whose training moves every weight at random."""
    rng = np.random.default_rng(seed)
    _, initial = random_start(shapes, seed, 1.0)
    total = sum(a * b for a, b in shapes)
    masks, weights = [np.ones(shape, dtype=bool) for shape in shapes], list(initial)
    chain = [masks]
    for level in range(1, levels + 1):
        trained = [(weight + rng.normal(size=weight.shape)) * mask for weight, mask in zip(weights, masks, strict=True)]
        kept = keep_largest([abs(w[None]) for w in trained], [m[None] for m in masks], weight_count(total, 0.3, level))
        masks, weights = RULES[condition].start([n[0] for n in kept], initial, rng)
        chain.append(masks)
    return chain


def nests(chain: list[list[np.ndarray]]) -> bool:
    return not any((q & ~m).any() for i in range(len(chain) - 1) for m, q in zip(chain[i], chain[i + 1], strict=True))


class TestChains:
    @pytest.mark.parametrize("condition", ["mask/weights", "mask/permuted"])
    @settings(deadline=None)
    @given(SHAPES, SEEDS)
    def test_masks_nest_while_the_mask_is_kept(self, condition: str, shapes: list[tuple[int, int]], seed: int) -> None:
        assert nests(chain_of(condition, shapes, seed, levels=5))

    @pytest.mark.parametrize("condition", ["permuted/permuted", "random/re-init"])
    def test_masks_dealt_anew_do_not_nest(self, condition: str) -> None:
        assert not nests(chain_of(condition, [(6, 6), (6, 6)], 0, levels=3))

    @pytest.mark.parametrize("condition", CONDITIONS)
    @settings(deadline=None)
    @given(SHAPES, SEEDS)
    def test_every_level_has_its_exact_count(self, condition: str, shapes: list[tuple[int, int]], seed: int) -> None:
        total = sum(a * b for a, b in shapes)
        counts = [ones_in(masks) for masks in chain_of(condition, shapes, seed, levels=5)]
        assert counts == [weight_count(total, 0.3, level) for level in range(6)]


def mask_of(start: Start) -> Hashable:
    return tuple(np.concatenate([mask.ravel() for mask in start[0]]).tolist())


def weights_of(start: Start) -> Hashable:
    return tuple(np.concatenate([weight.ravel() for weight in start[1]]).tolist())


class TestUniformity:
    """A shuffle that prefers some outcome would make one condition easier than another."""

    @pytest.mark.parametrize(
        ("condition", "kept", "outcome", "outcomes"),
        [
            ("mask/permuted", [[True] * 4], weights_of, 24),  # 4! orders of the values
            ("mask/permuted", [[True, False, True, True]], weights_of, 6),
            ("permuted/permuted", [[True, True, False, False]], mask_of, 6),  # 4 over 2 masks
            ("permuted/permuted", [[True, True, False, False]], weights_of, 12),  # and both orders of the values
            ("random/re-init", [[True, True], [False, False, False]], mask_of, 10),  # 5 over 2, across the layers
        ],
    )
    def test_every_outcome_is_equally_likely(
        self, condition: str, kept: list[list[bool]], outcome: Callable[[Start], Hashable], outcomes: int
    ) -> None:
        masks = [np.array([entries]) for entries in kept]
        initial = [np.arange(1.0, mask.size + 1).reshape(mask.shape) for mask in masks]
        rng = np.random.default_rng(20220331)
        draws = 200 * outcomes
        seen = Counter(outcome(RULES[condition].start(masks, initial, rng)) for _ in range(draws))
        assert len(seen) == outcomes
        statistic = sum((count - 200) ** 2 / 200 for count in seen.values())
        assert statistic < chi2.isf(FALSE_ALARM, outcomes - 1)
