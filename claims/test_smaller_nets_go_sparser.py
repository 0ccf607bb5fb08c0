"""At equal numbers of remaining weights the tickets of larger networks are no better, and those of smaller ones hold
out longer (paper A.2, Figure 11).

Returns are compared over the numbers of weights that both networks pass through, from the smaller one's dense network
down to the last level of the larger one, equally spaced in their logarithm. "No better" allows 0.15 of the distance
between a random policy and the expert. The guard lets 20 seeds show more than that on GridMaze, 0.20, and 40 show 0.10:
so GridMaze takes twice its seeds, and `paper` twice its 15. "Better" begins at 0.05, the smallest effect of all parts
of the ticket effect. Networks of one seed share its expert and its starts of episodes, so they are compared seed by
seed.
"""

from itertools import combinations

import pytest

from harness import at_least, claim, size_runs

pytestmark = [
    claim("smaller-nets-go-sparser", source="A.2, Figure 11", quantifier="all shown", systems=7, figure="sizes"),
    at_least("extended"),
]
SYSTEMS = [
    *(("cart-pole", "bc"), ("cart-pole", "ppo"), ("cart-pole", "dqn")),
    *(("acrobot", "bc"), ("acrobot", "ppo")),
    *(("gridmaze", "dqn"), ("gridmaze", "ppo")),
]
# those of size-does-not-matter: random/re-init shows that a difference could be seen on each size
CONDITIONS = ["mask/weights", "permuted/permuted", "random/re-init"]


def sizes(task, learner):
    return size_runs(task, learner, CONDITIONS, times=2 if task == "gridmaze" else 1, paper_times=2)


PAIRS = [pair for system in SYSTEMS for pair in combinations(sizes(*system), 2)]


def lead_of_smaller(smaller, larger):
    fewest, most = larger.weights_left[-1], smaller.weights_left[0]
    return smaller.area_over_weights(fewest, most) - larger.area_over_weights(fewest, most)


@pytest.mark.parametrize(("smaller", "larger"), PAIRS)
def test_larger_is_no_better(smaller, larger, judge):
    """At equal remaining weights the smaller network's ticket returns no less than the larger one's, within 0.15."""
    judge.non_inferior(lead_of_smaller(smaller, larger), margin=0.15)


@pytest.mark.parametrize(("smaller", "larger"), PAIRS)
def test_smaller_is_better(smaller, larger, judge):
    """At equal remaining weights the smaller network's ticket returns more than the larger one's."""
    judge.greater(lead_of_smaller(smaller, larger), min_effect=0.05)
