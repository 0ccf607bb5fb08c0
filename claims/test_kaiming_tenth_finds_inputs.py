"""Dividing the input layer's Kaiming initialisation by ten finds the task's inputs within few levels; smaller
divisors are slower, larger ones prune the input layer too hard (paper 4.2, Figure 8).

A chain has found them at its first level at which the two pole inputs hold 0.8 of the input magnitude; it has
overshot if its first layer is empty at the first level at or below 10 % density. The divisors 1 to 100 and Xavier are
drawn together.
"""

import pytest

from harness import claim, ticket_run

DENSITY = 0.1
pytestmark = claim(
    "kaiming-tenth-finds-inputs",
    source="4.2, Figure 8",
    quantifier="both tasks",
    systems=2,
    figure="inputs",
    needs_density=DENSITY,
)
POLE = ("pole angle", "pole angular velocity")


def divided_by(divisor):
    name = f"Kaiming / {divisor}" if divisor > 1 else "Kaiming"
    return ticket_run("cart-pole", "ppo", name, input_divisor=divisor)


TENTH = divided_by(10)
XAVIER = ticket_run("cart-pole", "ppo", "Xavier", initialiser="xavier")


@pytest.mark.parametrize(
    ("tenth", "smaller", "xavier"),
    [
        pytest.param(TENTH, divided_by(1), XAVIER, id="than-kaiming"),
        pytest.param(TENTH, divided_by(3), XAVIER, id="than-third"),
    ],
)
def test_tenth_separates_earlier(tenth, smaller, xavier, judge):
    """Divided by ten, the pole inputs stand out at an earlier level than with the smaller divisor."""
    level = tenth.separation_level(POLE)
    judge.greater(
        smaller.separation_level(POLE) - level,
        smallest=0.5,
        unit="levels",
        span=(0, tenth.experiment.pruning.levels + 1),
        beside={"Xavier instead": xavier.separation_level(POLE) - level},
    )


@pytest.mark.parametrize(
    ("tenth", "hundredth", "thirtieth"), [pytest.param(TENTH, divided_by(100), divided_by(30), id="than-tenth")]
)
def test_hundredth_overshoots(tenth, hundredth, thirtieth, judge):
    """Divided by a hundred, the input layer is empty at 10 % density more often than divided by ten."""
    overshot = tenth.overshoot()
    judge.greater(
        hundredth.overshoot() - overshot,
        smallest=0.1,
        unit=f"share of chains at {tenth.density_at(DENSITY):.1%} density",
        beside={"divided by 30": thirtieth.overshoot() - overshot},
    )
