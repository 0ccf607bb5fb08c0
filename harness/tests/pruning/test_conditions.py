"""Exact counts, what is kept of a ranking, and what each condition of Table 1 starts from. CLAIMS.md spells them."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaincinv

from harness.pruning.conditions import CONDITIONS, RULES, SURVIVING, Start, rule_of
from harness.pruning.criteria import magnitude
from harness.pruning.ranking import flatten, keep_largest, unflatten, weight_count

SHAPES = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)
FALSE_ALARM = 1e-4
"""Chance that a chi-square test below would reject a perfect shuffle; their seeds are fixed."""


def layer(*values: float) -> np.ndarray:
    """One layer [1, 1, n] of one member."""
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def random_start(shapes: Sequence[tuple[int, int]], seed: int, density: float) -> Start:
    """One member's mask and distinct non-zero initial weights."""
    rng = np.random.default_rng(seed)
    masks = [rng.random(shape) < density for shape in shapes]
    count = sum(a * b for a, b in shapes)
    values = rng.permutation(np.arange(1, count + 1)) * rng.choice([-1, 1], count)
    return masks, [part[0] for part in unflatten(values.astype(np.float32)[None], list(shapes))]


class TestCounts:
    def test_the_counts_of_a_64_64_cart_pole_agent_are_these(self) -> None:
        """Of 4480: 3584.0, 2867.2, 2293.76, 481.04, 51.65 and 5.55."""
        counts = [weight_count(4 * 64 + 64 * 64 + 64 * 2, 0.2, level) for level in (0, 1, 2, 3, 10, 20, 30)]
        assert counts == [4480, 3584, 2867, 2294, 481, 52, 6]

    def test_at_least_one_weight_is_left(self) -> None:
        assert weight_count(10, 0.9, 50) == 1

    @settings(deadline=None)
    @given(st.integers(1, 10**6), st.floats(0.01, 0.99))
    def test_counts_start_at_all_never_rise_and_are_within_half_a_weight_of_the_density(
        self, total: int, rate: float
    ) -> None:
        counts = [weight_count(total, rate, level) for level in range(40)]
        assert counts[0] == total
        assert counts == sorted(counts, reverse=True)
        assert all(n == 1 or abs(n - total * (1 - rate) ** level) <= 0.5 for level, n in enumerate(counts))


class TestKeepLargest:
    @pytest.mark.parametrize(
        ("weights", "masks", "count", "kept"),
        [
            ([(0.1, -0.4, 0.3, -0.2)], None, 2, [[False, True, True, False]]),  # whatever their sign
            ([(0.1, 0.2), (0.3, 0.4)], None, 2, [[False, False], [True, True]]),  # layers compete
            ([(9, 0.1, 0.2, 0.3)], [(0, 1, 1, 1)], 2, [[False, False, True, True]]),  # the masked do not come back
            ([(0.5, -0.5, 0.5, -0.5)], None, 3, [[True, True, True, False]]),  # of equals the earlier of a layer
            ([(0.1, 0.5), (0.5, 0.7)], None, 2, [[False, True], [False, True]]),  # and the earlier layer
            ([(0, 0, 0, 0)], [(0, 1, 0, 1)], 2, [[False, True, False, True]]),  # a kept weight may be exactly zero
            ([(np.nan, 1, 2, 3)], [(0, 1, 1, 1)], 1, [[False, False, False, True]]),  # NaN outside does not matter
        ],
    )
    def test_by_hand(self, weights: list, masks: list | None, count: int, kept: list[list[bool]]) -> None:
        layers = [layer(*values) for values in weights]
        under = [layer(*entries).astype(bool) for entries in masks or [[1] * len(values) for values in weights]]
        found = keep_largest(magnitude(layers), under, count)
        assert [mask.ravel().tolist() for mask in found] == kept

    def test_among_equals_rows_come_before_columns_and_members_are_pruned_each_by_itself(self) -> None:
        equal = np.full((1, 2, 2), 0.5)
        assert keep_largest([equal], [equal > 0], 2)[0].tolist() == [[[True, True], [False, False]]]
        two = np.array([[[1.0, 2.0, 3.0, 4.0]], [[40.0, 30.0, 20.0, 10.0]]])
        found = keep_largest([two], [two > 0], 2)[0][:, 0].tolist()
        assert found == [[False, False, True, True], [True, True, False, False]]

    def test_the_tie_break_holds_for_many_equals_too(self) -> None:
        values = np.random.default_rng(0).integers(-3, 4, 1000).astype(np.float32)
        weights = magnitude([values[:400].reshape(1, 20, 20), values[400:].reshape(1, 20, 30)])
        expected = sorted(sorted(range(1000), key=lambda place: (-abs(values[place]), place))[:500])
        found = keep_largest(weights, [np.ones_like(weight, dtype=bool) for weight in weights], 500)
        assert np.flatnonzero(flatten(found)).tolist() == expected

    @pytest.mark.parametrize(
        ("weights", "mask", "count", "named"),
        [((1, 2, 3, 4), (1, 0, 0, 1), 3, "3 weights"), ((np.nan, 1, 2, 3), (1, 1, 1, 1), 2, "finite")],
    )
    def test_too_few_weights_and_nan_under_the_mask_are_errors(
        self, weights: Sequence[float], mask: Sequence[int], count: int, named: str
    ) -> None:
        with pytest.raises(ValueError, match=named):
            keep_largest([layer(*weights)], [layer(*mask).astype(bool)], count)

    @settings(deadline=None)
    @given(SHAPES, SEEDS, st.data())
    def test_exactly_the_count_is_kept_under_the_mask_and_nothing_dropped_is_larger(
        self, shapes: list[tuple[int, int]], seed: int, data: st.DataObject
    ) -> None:
        rng = np.random.default_rng(seed)
        # few distinct values: ties are the rule
        weights = [rng.integers(-3, 4, (3, *shape)).astype(np.float32) for shape in shapes]
        masks = [rng.random((3, *shape)) < 0.8 for shape in shapes]
        count = data.draw(st.integers(0, int(flatten(masks).sum(axis=1).min())))
        kept = keep_largest(magnitude(weights), masks, count)
        for there_and_back, original in zip(unflatten(flatten(kept), shapes), kept, strict=True):
            np.testing.assert_array_equal(there_and_back, original)
        assert (flatten(kept).sum(axis=1) == count).all()
        for kept_row, mask_row, row in zip(flatten(kept), flatten(masks), np.abs(flatten(weights)), strict=True):
            assert not (kept_row & ~mask_row).any()
            dropped = row[mask_row & ~kept_row]
            assert count == 0 or len(dropped) == 0 or row[kept_row].min() >= dropped.max()


class TestConditions:
    def test_there_are_the_four_of_table_1_and_surviving_inputs_and_one_draws_its_weights_anew(self) -> None:
        assert tuple(RULES) == (*CONDITIONS, SURVIVING)
        assert [name for name, rule in RULES.items() if rule.redraws] == ["random/re-init"]

    def test_whole_rows_may_be_shuffled(self) -> None:
        kept, initial = random_start([(8, 5), (5, 4)], 0, 0.5)
        masks, weights = rule_of("permuted/permuted", "rows").start(kept, initial, np.random.default_rng(1))
        for n, w0, mask, weight in zip(kept, initial, masks, weights, strict=True):
            assert sorted(map(tuple, mask.tolist())) == sorted(map(tuple, n.tolist()))
            assert sorted(weight[mask].tolist()) == sorted(w0[n].tolist())
        assert any((mask != n).any() for mask, n in zip(masks, kept, strict=True))
        assert rule_of("mask/permuted", "rows") is RULES["mask/permuted"]


def mask_of(start: Start) -> Hashable:
    return tuple(np.concatenate([mask.ravel() for mask in start[0]]).tolist())


def weights_of(start: Start) -> Hashable:
    return tuple(np.concatenate([weight.ravel() for weight in start[1]]).tolist())


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
    condition: str, kept: list[list[bool]], outcome: Callable[[Start], Hashable], outcomes: int
) -> None:
    """A shuffle that prefers some outcome would make one condition easier than another."""
    masks = [np.array([entries]) for entries in kept]
    initial = [np.arange(1.0, mask.size + 1).reshape(mask.shape) for mask in masks]
    rng = np.random.default_rng(20220331)
    seen = Counter(outcome(RULES[condition].start(masks, initial, rng)) for _ in range(200 * outcomes))
    assert len(seen) == outcomes
    statistic = sum((count - 200) ** 2 / 200 for count in seen.values())
    assert statistic < 2 * gammaincinv((outcomes - 1) / 2, 1 - FALSE_ALARM)  # of chi-square
