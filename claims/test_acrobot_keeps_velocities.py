"""In Acrobot the inputs that pruning keeps are the two angular velocities; the sines and cosines of the angles go
(paper 4.2, Figure 8 middle).

It is judged as cart-pole-keeps-pole: at the first level at or below 10 % density, with the input layer's Kaiming
initialisation divided by ten; plain Kaiming is a second reading. A velocity reaches 28 and a cosine 1, but weights are
not multiplied by what their inputs reach: the paper's figure shows weights.
"""

import pytest

from harness import claim, ticket_run

DENSITY = 0.1
pytestmark = claim(
    "acrobot-keeps-velocities",
    source="4.2, Figure 8",
    quantifier="the task",
    systems=1,
    figure="inputs",
    needs_density=DENSITY,
    controls=["permuted-inputs", "no-learning"],
)
TENTH = ticket_run("acrobot", "ppo", "network.input_divisor=10", label="Kaiming / 10")
PLAIN = ticket_run("acrobot", "ppo", label="Kaiming")


@pytest.mark.parametrize("other", ["cosine of angle 1", "sine of angle 1", "cosine of angle 2", "sine of angle 2"])
@pytest.mark.parametrize("velocity", ["angular velocity 1", "angular velocity 2"])
@pytest.mark.parametrize(("tenth", "plain"), [pytest.param(TENTH, PLAIN, id="acrobot-ppo")])
def test_velocity_outweighs(tenth, plain, velocity, other, judge):
    """With the input layer / 10, at 10 % density an angular velocity holds more of the input magnitude than a sine or
    cosine."""
    shares, plain_shares = tenth.input_magnitude_at(DENSITY), plain.input_magnitude_at(DENSITY)
    untrained = tenth.untrained.input_magnitude_at(DENSITY)
    judge.greater(
        shares[velocity] - shares[other],
        min_effect=0.05,
        unit=f"share of input magnitude at {tenth.density_at(DENSITY):.1%} density",
        untrained=untrained[velocity] - untrained[other],
        sensitivity={"plain Kaiming": plain_shares[velocity] - plain_shares[other]},
    )
