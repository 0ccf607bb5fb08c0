"""Tickets found by iterative magnitude pruning beat random sparse networks (paper 1 and 3.3, Figures 3 and 4).

The paper's random/re-init condition draws a new mask over all layers and new weights at every level.

Returns are averaged over levels 1 to K. On Acrobot the last levels at `scaled` (11 levels, down to two weights) leave
fewer weights than any policy needs, under every condition: they make the areas' differences smaller, here and in all
claims on areas, and K is what bc-prunes-sparser needs. Levels 1 to K - 2 stand beside.
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
