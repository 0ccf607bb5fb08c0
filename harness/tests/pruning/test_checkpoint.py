"""Which checkpoint is pruned, who stops when, and on what it is scored."""

import numpy as np
import pytest

from harness.learners.protocol import ACTOR
from harness.pruning.savings import Savings
from harness.streams import stream
from harness.tests.pruning.cases import Pay, rounds_of, scripted, scripted_level

SCRIPT = ((1, 3, 2, 3, 0), (4, 4, 4, 4, 4), (0, 0, 0, 0, 1), (2, 1, 0, 1, 0))


@pytest.mark.parametrize(
    ("checkpoint", "rounds", "scored"), [("best", [1, 0, 4, 0], [3, 4, 1, 2]), ("last", [4, 4, 4, 4], [0, 4, 1, 0])]
)
def test_the_best_evaluations_is_pruned_the_first_of_equals_or_the_last(
    checkpoint: str, rounds: list[int], scored: list[int]
) -> None:
    level = scripted_level(scripted(*SCRIPT, checkpoint=checkpoint))
    assert rounds_of(level) == rounds
    assert level.scored_returns.tolist() == scored
    assert level.evaluations.tolist() == [list(map(float, row)) for row in SCRIPT]
    assert level.best_evaluations.tolist() == [3, 4, 1, 2]


def test_members_at_the_maximum_stop_and_the_others_go_on_as_they_would_have() -> None:
    e = scripted((1, 3, 4, 0), (4, 0, 0, 0), (0, 1, 2, 1), (3, 4, 0, 0), maximum=4.0)
    level, nan = scripted_level(e), np.nan
    np.testing.assert_array_equal(
        level.evaluations, [[1, 3, 4, nan], [4, nan, nan, nan], [0, 1, 2, 1], [3, 4, nan, nan]]
    )
    assert rounds_of(level) == [2, 0, 2, 1]
    assert level.scored_returns.tolist() == [4, 4, 2, 4]
    assert level.trained_fraction.tolist() == [0.75, 0.25, 1, 0.5]
    assert e.learner.kept == [[0, 2, 3], [0, 1], [1]]  # type: ignore[attr-defined]


def test_all_may_stop() -> None:
    level = scripted_level(scripted((4, 0), (4, 1), maximum=4.0))
    assert rounds_of(level) == [0, 0]
    assert level.trained_fraction.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("changes", [{"checkpoint": "last"}, {"savings": Savings(stop_at_maximum=False)}])
def test_nobody_stops_where_the_last_checkpoint_is_pruned_or_that_saving_is_off(changes: dict[str, object]) -> None:
    e = scripted((4, 0, 2), (0, 4, 1), maximum=4.0, **changes)
    level = scripted_level(e)
    assert level.evaluations.tolist() == [[4, 0, 2], [0, 4, 1]]
    assert level.trained_fraction.tolist() == [1, 1]
    assert e.learner.kept == []  # type: ignore[attr-defined]


def test_a_return_is_scored_on_episodes_of_its_own() -> None:
    """Luck tells the episodes: each evaluation has new ones, and the score others than all of them."""
    level = scripted_level(scripted((1, 3, 2), (2, 0, 1), luck=0.1))
    for member, (seed, best) in enumerate(((10, 3), (11, 2))):
        fresh = Pay(0.1).draw_starts(stream(seed, "score", 0), (6,))[:, 0]
        np.testing.assert_array_equal(level.scores[member], best + fresh)
    luck = level.evaluations - [[1, 3, 2], [2, 0, 1]]
    assert len(set(luck.ravel().tolist())) == 6
    assert not np.isin(level.best_evaluations, level.scored_returns).any()


STOPS = ((4, 0, 0, 0), (0, 4, 0, 1), (0, 0, 0, 4), (0, 0, 4, 0))


@pytest.mark.parametrize(
    ("rewind", "fractions"),
    [
        (0.0, [0.25, 0.5, 1, 0.75]),
        (0.25, [0.25, 0.5, 1, 0.75]),
        (0.5, [0.5, 0.5, 1, 0.75]),
        (0.75, [0.75, 0.75, 1, 0.75]),
    ],
)
def test_at_level_0_nobody_stops_before_the_rewind_point(rewind: float, fractions: list[float]) -> None:
    """A member that reached the maximum before goes there, and no further; what is pruned is what it was."""
    with_it = scripted_level(scripted(*STOPS, maximum=4.0, rewind=rewind))
    without = scripted_level(scripted(*STOPS, maximum=4.0, rewind=rewind, savings=Savings(stop_at_maximum=False)))
    assert with_it.trained_fraction.tolist() == fractions
    assert (without.trained_fraction == 1).all()
    assert rounds_of(with_it) == [0, 1, 3, 2]
    assert (np.isnan(with_it.evaluations).sum(axis=1) == 4 * (1 - with_it.trained_fraction)).all()
    np.testing.assert_array_equal(with_it.trained[ACTOR].flat, without.trained[ACTOR].flat)
    if rewind:  # each round writes its number
        assert (with_it.rewound[ACTOR].weights[0] == 4 * rewind - 1).all()
        np.testing.assert_array_equal(with_it.rewound[ACTOR].flat, without.rewound[ACTOR].flat)
