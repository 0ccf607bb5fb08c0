"""Dropout lowers returns at all levels of sparsity, and the ticket's effect stays (paper A.4, Figure 14 middle).

Dropout takes a share of 0.1, as in the paper, of the hidden units, which is our reading of its "all layers". "All
levels" means the dense network, and the mean over all levels of the ticket's chain; each level alone is a second
reading. The smallest effect is that of all claims on what a ticket is made of: 0.05 of the distance between a random
policy and the expert. The figure shows a DQN agent; that it was trained on this task is our inference.
"""

import pytest

from harness import at_least, claim, imp_runs

pytestmark = [
    claim("dropout-lowers-all", source="A.4, Figure 14", quantifier="the DQN agent", systems=1),
    at_least("extended"),
]
CONDITIONS = ["mask/weights", "random/re-init"]
(PLAIN,) = imp_runs(["gridmaze"], ["dqn"], conditions=CONDITIONS)
(DROPPED,) = imp_runs(["gridmaze"], ["dqn"], "network.dropout=0.1", conditions=CONDITIONS)
BOTH = pytest.mark.parametrize(("plain", "dropped"), [pytest.param(PLAIN, DROPPED, id="gridmaze-dqn")])


@BOTH
def test_dense_agent_returns_less(plain, dropped, judge):
    """A dense agent returns less with dropout of 0.1 than without."""
    judge.greater(plain.dense() - dropped.dense(), min_effect=0.05)


@BOTH
def test_ticket_returns_less(plain, dropped, judge):
    """Over all levels the ticket returns less with dropout of 0.1 than without."""

    def loss(without, with_dropout):
        return without - with_dropout.prefixed("dropout ")

    by_level = dropped.normalised_levels()
    judge.greater(
        loss(plain.area()["mask/weights"], dropped.area()["mask/weights"]),
        min_effect=0.05,
        sensitivity={name: loss(value, by_level[name]) for name, value in plain.normalised_levels().items()},
    )


@pytest.mark.parametrize("run", [DROPPED])
def test_ticket_beats_random_under_dropout(run, judge):
    """With dropout of 0.1, over all levels the ticket returns more than random/re-init."""
    sensitivity = {name: area.ticket_effect for name, area in run.other_areas().items()}
    judge.greater(run.area().ticket_effect, min_effect=0.05, sensitivity=sensitivity)
