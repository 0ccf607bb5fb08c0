"""Dividing the input layer's Kaiming initialisation by ten finds the task's inputs within few levels; smaller
divisors are slower, larger ones prune the input layer too hard (paper 4.2, Figure 8).

A chain has found them at its first level at which the two inputs that the paper names hold 0.8 of the input magnitude:
the pole's in Cart-Pole, the angular velocities in Acrobot. It has overshot if its first layer is empty at the first
level at or below 10 % density. The divisors 1 to 100 and Xavier are drawn together.

Shares of chains that overshot are compared by the exact paired test. It shows a difference from 5 seeds on that all go
one way, of the 15 seeds at `paper` a third. Twice the smallest effect must be seen, so that is 0.2.
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
    controls=["no-learning"],
)
NAMED = {
    "cart-pole": ("pole angle", "pole angular velocity"),
    "acrobot": ("angular velocity 1", "angular velocity 2"),
}


def divided_by(divisor, task):
    name = f"Kaiming / {divisor}" if divisor > 1 else "Kaiming"
    return ticket_run(task, "ppo", f"network.input_divisor={divisor}", label=name)


def than(name, divisor, task):
    xavier = ticket_run(task, "ppo", "network.initialiser=xavier", label="Xavier")
    return pytest.param(divided_by(10, task), divided_by(divisor, task), xavier, id=name)


def overshooting(name, task):
    return pytest.param(*(divided_by(divisor, task) for divisor in (10, 100, 30)), id=name)


@pytest.mark.parametrize(
    ("tenth", "smaller", "xavier"),
    [
        than("than-kaiming", 1, "cart-pole"),
        than("than-third", 3, "cart-pole"),
        than("acrobot-than-kaiming", 1, "acrobot"),
        than("acrobot-than-third", 3, "acrobot"),
    ],
)
def test_tenth_separates_earlier(tenth, smaller, xavier, judge):
    """Divided by ten, the named inputs stand out at an earlier level than with the smaller divisor."""
    named = NAMED[tenth.system.task]
    level = tenth.separation_level(named)
    judge.greater(
        smaller.separation_level(named) - level,
        min_effect=0.5,
        unit="levels",
        span=(0, tenth.experiment.pruning.levels + 1),
        untrained=smaller.untrained.separation_level(named) - tenth.untrained.separation_level(named),
        sensitivity={"Xavier instead": xavier.separation_level(named) - level},
    )


@pytest.mark.parametrize(
    ("tenth", "hundredth", "thirtieth"),
    [overshooting("than-tenth", "cart-pole"), overshooting("acrobot-than-tenth", "acrobot")],
)
def test_hundredth_overshoots(tenth, hundredth, thirtieth, judge):
    """Divided by a hundred, the input layer is empty at 10 % density more often than divided by ten."""
    overshot = tenth.overshoot()
    judge.greater(
        hundredth.overshoot() - overshot,
        min_effect=0.2,
        shares=True,
        unit=f"share of chains at {tenth.density_at(DENSITY):.1%} density",
        untrained=hundredth.untrained.overshoot() - tenth.untrained.overshoot(),
        sensitivity={"divided by 30": thirtieth.overshoot() - overshot},
    )
