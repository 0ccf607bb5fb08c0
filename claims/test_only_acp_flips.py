"""permuted/permuted falls below random/re-init only where the critic is pruned with the actor (paper 3.3, Figures 4 and
15).

The paper saw it fall below on PyBullet under ACP (actor and critic pruned), which is not run here. It names Cart-Pole,
Acrobot and Atari, where only the actor is pruned, as those on which it does not. So what is judged is the half of the
sentence that these tasks can show: every agent that learns by reinforcement prunes its actor alone, also where a
reading asks for another scope, and permuted/permuted does not fall below random/re-init. Cloned students are judged in
layer-ratio-matters.

"Does not fall below" allows 0.2 of the distance between a random policy and the expert, which is what the guard lets 20
seeds show on GridMaze; of `paper`'s 15 it takes twice as many. It means something only where the ticket effect is
supported on the same system. That permuted/permuted is above random/re-init is more than the sentence says: it stands
beside as a reading, with the smallest effect of all parts of the ticket effect, 0.05. "Only" has one exception at most,
so every system must show it. On some of these systems the difference had been seen before this claim was written, as a
part of other claims.
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
# mask/weights shows that a difference could be seen
CONDITIONS = ["mask/weights", "permuted/permuted", "random/re-init"]
RUNS = [
    pytest.param(run, marks=marks, id=f"{run.system.task}-{run.system.learner}")
    for tasks, learners, marks in (
        (["cart-pole"], ["ppo", "dqn"], []),
        (["acrobot"], ["ppo"], []),
        (["gridmaze"], ["dqn"], []),
        (["gridmaze"], ["ppo"], [at_least("extended")]),
        (["gridmaze-2"], ["dqn"], [at_least("extended")]),
    )
    for run in imp_runs(tasks, learners, ACTOR_ONLY, conditions=CONDITIONS, paper_times=2)
]


@pytest.mark.parametrize("run", RUNS)
def test_shuffled_mask_does_not_fall_below_a_random_one(run, judge):
    """With the actor pruned alone, over all levels permuted/permuted returns as much as random/re-init, within 0.2."""
    judge.non_inferior(
        run.area().layer_ratio_part,
        margin=0.2,
        greater_by=0.05,
        sensitivity={name: area.layer_ratio_part for name, area in run.other_areas().items()},
    )
