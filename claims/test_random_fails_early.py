"""Random sparse networks return less already at moderate sparsity (paper 3.2, Figure 3).

random/re-init is compared with permuted/permuted, the gap of which the paper speaks. "Moderate" is the first level at
or below 20 % density: the paper calls 10 % moderate as well (Figure 7), which is a second reading, and so is the mean
over all levels, which layer-ratio-matters judges. The smallest effect is that of all parts of the ticket effect: 0.05
of the distance between a random policy and the expert. On Acrobot both return as much as experts at 20 % density, where
20 seeds can't exclude an effect under 0.15. Block 4 left it undecided, at 0.00, so it takes four times as many since.
"""

import pytest

from harness import claim, imp_runs

DENSITY = 0.2
pytestmark = claim(
    "random-fails-early",
    source="3.2, Figure 3",
    quantifier="all BC agents",
    systems=6,
    needs_density=0.1,
    controls=["unmasked", "random-expert", "no-learning", "exchanged-returns"],
)
SHUFFLED, RANDOM = CONDITIONS = ["permuted/permuted", "random/re-init"]
RUNS = [
    *imp_runs(["cart-pole"], ["bc"], conditions=CONDITIONS),
    *imp_runs(["acrobot"], ["bc"], conditions=CONDITIONS, times=4),
]


@pytest.mark.parametrize("run", RUNS)
def test_random_network_returns_less(run, judge):
    """At 20 % density random/re-init returns less than permuted/permuted."""
    judge.greater(
        run.return_at(DENSITY, SHUFFLED) - run.return_at(DENSITY, RANDOM),
        min_effect=0.05,
        sensitivity={
            f"at {run.density_at(0.1):.1%} density": run.return_at(0.1, SHUFFLED) - run.return_at(0.1, RANDOM),
            "mean over levels 1 to K": run.area().layer_ratio_part,
        },
    )
