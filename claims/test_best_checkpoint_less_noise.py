"""Pruning from the best checkpoint is less noisy than pruning from the last one (paper, footnote 1: a reason it gives,
not a result it shows).

Noise is how far the seeds' scored returns lie from their median at the same density, the mean over levels 1 to K: a
variance would be decided by a single seed that failed. Whatever is pruned is scored: the best checkpoint of one chain,
the last of the other. Both see the same first weights, and are evaluated on the same starts.

A return that is near the task's maximum has little room to be noisy. So what the best checkpoint gains by standing
higher is shown beside the finding, and the spread over those levels alone at which both medians stay below 0.9.
"""

import numpy as np
import pytest

from harness import TICKET, claim, ticket_run

SMALLEST = 0.02  # ten of Cart-Pole's 500 env_steps: less would not be noticed in any of the paper's curves

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
    beside = {"mean return, best less last": best.area()[TICKET].prefixed("best ") - last.area()[TICKET]}
    medians = [np.median(run.normalised_returns(), axis=0) for run in (best, last)]
    roomy = [level for level in range(1, len(medians[0])) if max(median[level] for median in medians) < 0.9]
    if roomy:
        beside[f"levels {', '.join(map(str, roomy))} only"] = last.spread(levels=roomy) - best.spread(levels=roomy)
    judge.greater(
        last.spread() - best.spread(),
        smallest=SMALLEST,
        unit="distance from the median, in normalised return",
        span=(0, 1),
        beside=beside,
    )
