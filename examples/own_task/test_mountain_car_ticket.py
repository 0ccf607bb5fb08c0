"""Tickets beat random sparse networks on Mountain Car with continuous actions, too."""

import pytest

from harness import claim, imp_runs

pytestmark = claim("mountain-car-ticket", source="of our own", quantifier="two systems", systems=2)


@pytest.mark.parametrize("run", imp_runs(["mountain-car"], ["ppo", "bc"]))
def test_ticket_beats_random(run, judge):
    """Over all levels the ticket returns more than random/re-init."""
    judge.greater(run.area().ticket_effect, min_effect=0.05)
