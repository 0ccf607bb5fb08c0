"""permuted/permuted falls below random/re-init only where the critic is pruned with the actor (paper 3.3, Figures 4 and
15).

The paper saw this on PyBullet under ACP (actor and critic pruned), and names the agents with only the actor pruned as
those on which it does not occur. So here every agent that learns by reinforcement prunes its actor alone, also where a
reading asks for another scope, and permuted/permuted must lie above random/re-init. Cloned students are judged in
layer-ratio-matters. The smallest effect is that of all parts of the ticket effect: 0.05 of the distance between a
random policy and the expert. "Only" has one exception at most, so every system must show it. On some of these systems
the layer-ratio part had been seen before this claim was written, as a part of other claims.
"""

import pytest

from harness import at_least, claim, imp_runs

pytestmark = claim(
    "only-acp-flips",
    source="3.3, Figures 4 and 15",
    quantifier="only agents whose critic is pruned too",
    systems=10,
    controls=["unmasked", "no-learning", "exchanged-returns"],
)
ACTOR_ONLY = "pruning.scope=actor"
CONDITIONS = ["permuted/permuted", "random/re-init"]
RUNS = [
    pytest.param(run, marks=marks, id=f"{run.system.task}-{run.system.learner}")
    for tasks, learners, marks in (
        (["cart-pole"], ["ppo", "dqn"], []),
        (["acrobot"], ["ppo"], []),
        (["gridmaze"], ["dqn"], []),
        (["gridmaze"], ["ppo"], [at_least("extended")]),
        (["gridmaze-2"], ["dqn"], [at_least("extended")]),
    )
    for run in imp_runs(tasks, learners, ACTOR_ONLY, conditions=CONDITIONS)
]


@pytest.mark.parametrize("run", RUNS)
def test_shuffled_mask_stays_above_a_random_one(run, judge):
    """With the actor pruned alone, over all levels permuted/permuted returns more than random/re-init."""
    sensitivity = {name: area.layer_ratio_part for name, area in run.other_areas().items()}
    judge.greater(run.area().layer_ratio_part, min_effect=0.05, sensitivity=sensitivity)
