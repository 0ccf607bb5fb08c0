"""The sum tree, held against cumulative sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.learners.sum_tree import LARGEST, UNIT, WIDTH, SumTree, _draw, _find, _prioritise, _put, _total

PLACES = st.integers(1, 600)
"""Up to three levels of nodes."""


def filled(priorities: np.ndarray, member: int = 0, members: int = 1) -> SumTree:
    tree = SumTree.empty(members, len(priorities))
    for place, units in enumerate(priorities.tolist()):
        _put(tree, member, place, units)
    return tree


def naive_find(priorities: np.ndarray, target: int) -> int:
    return int(np.searchsorted(np.cumsum(priorities.astype(np.int64)), target, side="right"))


@settings(deadline=None, max_examples=60)
@given(PLACES, st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from([1, 40, LARGEST]))
def test_whatever_is_changed_the_sum_and_every_draw_are_those_of_a_cumulative_sum(
    places: int, seed: int, zeros: float, largest: int
) -> None:
    rng = np.random.default_rng(seed)
    tree, priorities = SumTree.empty(2, places), np.zeros(places, dtype=np.int64)
    for _ in range(200):
        place = int(rng.integers(places))
        priorities[place] = 0 if rng.random() < zeros else rng.integers(1, largest + 1)
        _put(tree, 1, place, int(priorities[place]))
        everything = _total(tree, 1)
        assert everything == priorities.sum()
        if everything:
            ends = np.cumsum(priorities)[priorities > 0]
            for target in (0, everything - 1, int(rng.choice(ends)) - 1, int(rng.integers(everything))):
                assert _find(tree, 1, target) == naive_find(priorities, target)
    assert _total(tree, 0) == 0 and not tree.leaves[0].any() and not tree.nodes[0].any()


@pytest.mark.parametrize("places", [1, WIDTH - 1, WIDTH, WIDTH + 1, WIDTH**2, WIDTH**2 + 1, 100_000])
def test_every_place_of_every_size_can_be_drawn(places: int) -> None:
    tree = filled(np.ones(places, dtype=np.int64))
    some = np.unique(np.linspace(0, places - 1, 300).astype(int))
    assert [_find(tree, 0, int(target)) for target in some] == some.tolist()
    assert len(tree.starts) == max(1, int(np.ceil(np.round(np.log(places) / np.log(WIDTH), 9))))


def test_places_are_drawn_in_proportion_to_their_priorities_and_never_without_one() -> None:
    rng = np.random.default_rng(1)
    priorities = rng.integers(0, 50, 300) * (rng.random(300) < 0.7)
    tree, batch, batches = filled(priorities), 32, 3_000
    places, counts = np.empty(batch, dtype=np.int64), np.zeros(300)
    for _ in range(batches):
        _draw(tree, 0, rng.random(batch), places)
        np.add.at(counts, places, 1)
    shares = priorities / priorities.sum()
    expected = batch * batches * shares
    assert (counts[priorities == 0] == 0).all()
    assert (np.abs(counts - expected) <= 5 * np.sqrt(expected) + 1e-9).all()
    often = np.argsort(expected)[-100:]  # where a share that is off by a third would be seen
    assert (np.abs(counts - 4 / 3 * expected)[often] > 5 * np.sqrt(expected)[often]).all()


def test_each_of_a_batch_comes_from_its_own_part_of_the_sum() -> None:
    """Schaul et al. 2016, appendix B.2.1: priorities 1, 2, 3, 4 in two halves of 5."""
    tree = filled(np.array([1, 2, 3, 4]))
    places = np.empty(2, dtype=np.int64)
    for uniforms, expected in (((0.0, 0.0), [0, 2]), ((0.3, 0.3), [1, 3]), ((0.7, 1 - 1e-16), [2, 3])):
        _draw(tree, 0, np.array(uniforms), places)
        assert places.tolist() == expected


def test_priorities_are_powers_of_errors() -> None:
    tree = SumTree.empty(1, 5)
    _prioritise(tree, 0, np.arange(3), np.array([-4.0, 0.0, 0.25]), 0.5, 1e-4)
    np.testing.assert_allclose(tree.leaves[0, :3] * UNIT, [2.000025, 0.01, 0.5001], rtol=0, atol=1e-6)
    assert tree.highest[0] == tree.leaves[0, 0]
    _prioritise(tree, 0, np.arange(1), np.array([0.0]), 0.5, 1e-4)
    assert tree.highest[0] > tree.leaves[0, 0]  # so far
