"""Early layers are pruned more (paper 1 (4), Figure 5 right).

It is judged at the first level at or below 10 % density, as the other claims on what the mask keeps: density rises from
the first of the actor's layers to the last, along the line of least squares through all of them. The smallest effect is
that of the other claims on layers: 0.05 of a layer's weights.

How much a layer is pruned hangs on how its weights were drawn: Kaiming makes those of a layer with few inputs large
(4.2), which on control tasks is the first layer. The paper prints no initialisation for this statement, so a finding
must hold under Kaiming, which our networks have, and under Xavier. The untrained network stands beside.
"""

import pytest

from harness import claim, ticket_run

DENSITY = 0.1
pytestmark = claim(
    "early-layers-pruned-more",
    source="1, Figure 5",
    quantifier="all",
    systems=23,
    figure="layers",
    needs_density=DENSITY,
)


def on(task, learner):
    kaiming = ticket_run(task, learner, label="Kaiming")
    xavier = ticket_run(task, learner, "network.initialiser=xavier", label="Xavier")
    return pytest.param(kaiming, xavier, id=f"{task}-{learner}")


@pytest.mark.parametrize(("kaiming", "xavier"), [on("cart-pole", "ppo"), on("acrobot", "ppo"), on("gridmaze", "dqn")])
def test_density_rises_over_layers(kaiming, xavier, judge):
    """At 10 % density a layer keeps more of its weights the later it stands."""
    judge.greater(
        kaiming.layer_trend(DENSITY),
        min_effect=0.05,
        unit=f"density of a layer, at {kaiming.density_at(DENSITY):.1%} of all weights",
        span=(0, 1),
        untrained=kaiming.untrained.layer_trend(DENSITY),
        hangs_on={"initialisation": xavier.layer_trend(DENSITY)},
        sensitivity={"mean over levels 1 to K": kaiming.layer_trend()},
    )
