"""Tickets found by iterative magnitude pruning beat random sparse networks (paper 1 and 3.3, Figures 3 and 4).

The paper's random/re-init condition draws a new mask over all layers and new weights at every level.
"""

import pytest

from harness import at_least, claim, imp_runs

pytestmark = claim(
    "ticket-effect",
    source="1, 3.3, Figures 3, 4, 9 and 10",
    quantifier="universal",
    systems=32,
    controls=["unmasked", "random-mask", "largest-pruned", "random-expert", "no-learning", "exchanged-returns"],
)
RUNS = [
    *imp_runs(tasks=["cart-pole"], learners=["bc", "ppo", "dqn"]),
    *imp_runs(tasks=["acrobot"], learners=["bc", "ppo"]),
    *imp_runs(tasks=["gridmaze"], learners=["dqn"]),
    *(pytest.param(run, marks=at_least("extended")) for run in imp_runs(tasks=["gridmaze"], learners=["ppo"])),
    *(pytest.param(run, marks=at_least("extended")) for run in imp_runs(tasks=["gridmaze-2"], learners=["dqn"])),
]


@pytest.mark.parametrize("run", RUNS)
def test_ticket_beats_random(run, judge):
    """Over all levels the ticket returns more than random/re-init."""
    sensitivity = {name: area.ticket_effect for name, area in run.other_areas().items()}
    judge.greater(run.area().ticket_effect, min_effect=0.05, sensitivity=sensitivity)
