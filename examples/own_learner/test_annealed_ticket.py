"""Tickets beat random sparse networks under an annealed entropy bonus, too."""

import pytest

from harness import claim, imp_runs

pytestmark = claim("annealed-ticket", source="of our own", quantifier="one system", systems=1)


@pytest.mark.parametrize("run", imp_runs(["cart-pole"], ["annealed-ppo"], "network.initialiser=orthogonal"))
def test_ticket_beats_random(run, judge):
    """Over all levels the ticket returns more than random/re-init."""
    judge.greater(run.area().ticket_effect, min_effect=0.05)
