"""What cells are estimated to cost, where a task's observations are sums of pieces."""

import dataclasses
from itertools import pairwise

import pytest

from harness.evidence.costs import SEEN, _beside_samples, _weights, estimated_seconds
from harness.experiment import Cell, Experiment
from harness.learners.protocol import ACTOR
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE
from harness.pruning.layout import layer_sizes
from harness.tasks.spec import zero_inputs


def experiment(task: str = "gridmaze") -> Experiment:
    return PROFILES["scaled"].experiment(System(task, "dqn"))


def test_gridmazes_inputs_cost_no_more_than_so_many_pieces() -> None:
    e = experiment()
    assert layer_sizes(e)[ACTOR] == (1200, 64, 64, 4)
    assert _weights(e, ACTOR, (1200, 64, 64, 4), 1) == SEEN * 64 + 64 * 64 + 64 * 4
    plain = experiment("cart-pole")
    sizes = layer_sizes(plain)[ACTOR]
    assert _weights(plain, ACTOR, sizes, 1) == sum(a * b for a, b in pairwise(sizes))


def test_under_weight_decay_an_update_moves_the_weights_of_all_inputs() -> None:
    e = experiment()
    decayed = dataclasses.replace(e, learner=dataclasses.replace(e.learner, weight_decay=0.1))
    moved, folds = _beside_samples(e, {})
    moved_decayed, folds_decayed = _beside_samples(decayed, {})
    assert moved_decayed == 1200 * 64 + 64 * 64 + 64 * 4
    assert moved_decayed - moved == len(zero_inputs(e.task)) * 64
    assert folds_decayed == folds > 0
    assert _beside_samples(experiment("cart-pole"), {ACTOR: 7.0}) == (7.0, 0.0)


@pytest.mark.parametrize("learner", ["dqn", "ppo"])
def test_a_cell_with_weight_decay_costs_more(learner: str) -> None:
    e = PROFILES["scaled"].experiment(System("gridmaze", learner))
    decayed = dataclasses.replace(e, learner=dataclasses.replace(e.learner, weight_decay=0.1))
    plain, more = (estimated_seconds(Cell(one, DENSE, (0,))) for one in (e, decayed))
    assert 0 < plain < more
