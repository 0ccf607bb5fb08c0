"""Early layers are pruned more (paper 1 (4), Figure 5 right).

It is judged at the first level at or below 10 % density, as the other claims on what the mask keeps: each of the
actor's layers keeps more of its weights than the one before it. The smallest effect is that of the other claims on
layers: 0.05 of a layer's weights.

How much a layer is pruned hangs on how its weights were drawn: Kaiming makes those of a layer with few inputs large
(4.2), which on control tasks is the first layer. The paper prints no initialisation for this statement, so a finding
must hold under Kaiming, which our networks have, and under Xavier. The untrained network stands beside.

Some of these numbers stand in other claims, too. GridMaze's step from the input layer to the next, under Kaiming, is
one of input-layer-pruned-most. kaiming-biases-layers orders layers by their fan-in: on Cart-Pole and Acrobot the layer
with the lowest is the input layer, so what is supported there speaks against this claim, and the paper says both.
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
    controls=["no-learning"],
)


def on(task, learner):
    kaiming = ticket_run(task, learner, label="Kaiming")
    xavier = ticket_run(task, learner, "network.initialiser=xavier", label="Xavier")
    return pytest.param(kaiming, xavier, id=f"{task}-{learner}")


def step(run, later, earlier, density=DENSITY):
    densities = run.layer_density_at(density)
    return densities[later] - densities[earlier]


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        pytest.param("hidden layer 2", "input layer", id="hidden-input"),
        pytest.param("output layer", "hidden layer 2", id="output-hidden"),
    ],
)
@pytest.mark.parametrize(("kaiming", "xavier"), [on("cart-pole", "ppo"), on("acrobot", "ppo"), on("gridmaze", "dqn")])
def test_later_layer_keeps_more(kaiming, xavier, later, earlier, judge):
    """At 10 % density a layer keeps more of its weights than the one before it."""
    judge.greater(
        step(kaiming, later, earlier),
        min_effect=0.05,
        unit=f"density of a layer, at {kaiming.density_at(DENSITY):.1%} of all weights",
        span=(0, 1),
        untrained=step(kaiming.untrained, later, earlier),
        hangs_on={"initialisation": step(xavier, later, earlier)},
        sensitivity={"mean over levels 1 to K": step(kaiming, later, earlier, None)},
    )
