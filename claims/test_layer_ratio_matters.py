"""The ratio at which the layers are pruned carries part of the ticket's effect (paper 3.2, Figure 3).

permuted/permuted keeps no more of the ticket than how many weights each layer has left; random/re-init draws these
numbers at random as well, and fresh weights. The smallest effect is that of all parts of the ticket effect: 0.05 of
the distance between a random policy and the expert. On Acrobot both conditions return nearly as much as experts at
most levels, where 20 seeds can't exclude an effect under 0.15. Block 4 left it undecided, at +0.04, so it takes four
times as many since.
"""

import pytest

from harness import claim, imp_runs

pytestmark = claim(
    "layer-ratio-matters",
    source="3.2, Figure 3",
    quantifier="all BC agents",
    systems=6,
    controls=["unmasked", "shuffled-layers", "random-expert", "no-learning", "exchanged-returns"],
)


CONDITIONS = ["permuted/permuted", "random/re-init"]
RUNS = [
    *imp_runs(["cart-pole"], ["bc"], conditions=CONDITIONS),
    *imp_runs(["acrobot"], ["bc"], conditions=CONDITIONS, times=4),
]


@pytest.mark.parametrize("run", RUNS)
def test_layer_ratio_has_a_part(run, judge):
    """The layer-ratio part is above 0."""
    sensitivity = {name: area.layer_ratio_part for name, area in run.other_areas().items()}
    judge.greater(run.area().layer_ratio_part, min_effect=0.05, sensitivity=sensitivity)
