"""Pruning from the best checkpoint is less noisy than pruning from the last one (paper, footnote 1: a reason it gives,
not a result it shows).

Noise is how far the seeds' scored returns lie from their median at the same density, the mean over levels 1 to K: a
variance would be decided by a single seed that failed. Whatever is pruned is scored: the best checkpoint of one chain,
the last of the other. Both see the same first weights, and are evaluated on the same starts.
"""

import pytest

from harness import claim, ticket_run

pytestmark = claim("best-checkpoint-less-noise", source="footnote 1", quantifier="a rationale", systems=2)


@pytest.mark.parametrize(
    ("best", "last"),
    [
        pytest.param(
            ticket_run("cart-pole", "ppo", "best checkpoint"),
            ticket_run("cart-pole", "ppo", "last checkpoint", checkpoint="last"),
            id="cart-pole-ppo",
        )
    ],
)
def test_last_checkpoint_spreads_wider(best, last, judge):
    """Scored returns of chains pruned from the last checkpoint lie farther from their median."""
    judge.greater(
        last.spread() - best.spread(),
        smallest=0.02,
        unit="distance from the median, in normalised return",
        span=(0, 1),
    )
