"""For MLP agents the mask carries more of the ticket's effect than the initial weights do (paper 3.2-3.3,
Figures 1 right, 3 and 4).

The weights part is what permuting the initial weights costs while the mask stays; the mask part is what permuting
the mask costs on top. Section 3.2 counts the ratio of weights per layer as part of the mask's effect: that second
reading is reported beside the first. "Most agents" are more than half of the systems judged.

That a part exists begins at 0.05 of the distance between a random policy and the expert. That one exceeds the other
begins at 0.2: twice as much must be seen, and where all three conditions return as much as experts, the guard lets 20
seeds show no less than 0.30 on Cart-Pole and Acrobot, and 0.40 on GridMaze. `paper` takes twice its 15 seeds, and three
times for Acrobot's PPO: on block 4 it was undecided at +0.23, 51 seeds would have decided it, and it has taken three
times as many since. Two more systems were undecided there, at +0.14 (Cart-Pole DQN, 27 seeds) and -0.04 (GridMaze DQN,
38): more seeds for them would cost more than twice as much and could not have lifted an effect under 0.2. So the seeds
went to the system that was nearest to support. A verdict that rests on it alone should be read with that in mind.

Figure 1 shows normalised returns as a mean over tasks, of cloned students and of agents that learn by reinforcement.
That mean is judged as well, each task counting once: of a seed number the contrast is averaged over the tasks. On
GridMaze the agent is DQN, the paper's own learner for this task. A second layout of GridMaze is no other task. For
a mean over two tasks the guard lets 20 seeds show 0.15, so the smallest effect of either mean is 0.1.
"""

import pytest

from harness import at_least, claim, imp_runs, mean_over_systems

pytestmark = claim(
    "mask-explains-most",
    source="3.2-3.3, Figures 1, 3 and 4",
    quantifier="most agents",
    rule="most",
    systems=23,
    controls=["unmasked", "largest-pruned", "random-expert", "no-learning", "exchanged-returns"],
)
RUNS = [
    *imp_runs(tasks=["cart-pole"], learners=["bc", "ppo", "dqn"], paper_times=2),
    *imp_runs(tasks=["acrobot"], learners=["bc"], paper_times=2),
    *imp_runs(tasks=["acrobot"], learners=["ppo"], times=3),
    *imp_runs(tasks=["gridmaze"], learners=["dqn"], paper_times=2),
    *(pytest.param(run, marks=at_least("extended")) for run in imp_runs(["gridmaze"], ["ppo"], paper_times=2)),
    *(pytest.param(run, marks=at_least("extended")) for run in imp_runs(["gridmaze-2"], ["dqn"], paper_times=2)),
]


@pytest.mark.parametrize("run", RUNS)
def test_mask_has_a_part(run, judge):
    """Permuting the mask costs returns: the mask part is above 0."""
    area = run.area()
    sensitivity = {name: other.mask_part for name, other in run.other_areas().items()}
    sensitivity["layer ratio counted in"] = area.mask_part + area.layer_ratio_part
    judge.greater(area.mask_part, min_effect=0.05, sensitivity=sensitivity)


@pytest.mark.parametrize("run", RUNS)
def test_mask_part_exceeds_weights_part(run, judge):
    """The mask part is larger than the weights part."""
    area = run.area()
    sensitivity = {name: other.mask_part - other.weights_part for name, other in run.other_areas().items()}
    sensitivity["layer ratio counted in"] = area.mask_part + area.layer_ratio_part - area.weights_part
    judge.greater(area.mask_part - area.weights_part, min_effect=0.2, sensitivity=sensitivity)


def mean_over_tasks(*runs):
    """Of the mask part less the weights part; and the same with the layer ratio counted in."""
    areas = {str(run.system): run.area() for run in runs}
    lead = {name: area.mask_part - area.weights_part for name, area in areas.items()}
    counted_in = {name: lead[name] + area.layer_ratio_part for name, area in areas.items()}
    return mean_over_systems(lead), mean_over_systems(counted_in)


@pytest.mark.parametrize(
    ("cart_pole", "acrobot"),
    [pytest.param(*imp_runs(["cart-pole", "acrobot"], ["bc"], paper_times=2), id="cart-pole-acrobot-bc")],
)
def test_mask_part_exceeds_weights_part_over_tasks(cart_pole, acrobot, judge):
    """As a mean over tasks the mask part of cloned students is larger than the weights part."""
    lead, counted_in = mean_over_tasks(cart_pole, acrobot)
    judge.greater(lead, min_effect=0.1, sensitivity={"layer ratio counted in": counted_in})


@pytest.mark.parametrize(
    ("cart_pole", "acrobot", "gridmaze"),
    [
        pytest.param(
            *imp_runs(tasks=["cart-pole", "acrobot"], learners=["ppo"], paper_times=2),
            *imp_runs(tasks=["gridmaze"], learners=["dqn"], paper_times=2),
            id="cart-pole-ppo-acrobot-ppo-gridmaze-dqn",
        )
    ],
)
def test_mask_part_exceeds_weights_part_over_tasks_of_agents(cart_pole, acrobot, gridmaze, judge):
    """As a mean over tasks the mask part of agents that learn by reinforcement is larger than the weights part."""
    lead, counted_in = mean_over_tasks(cart_pole, acrobot, gridmaze)
    judge.greater(lead, min_effect=0.1, sensitivity={"layer ratio counted in": counted_in})
