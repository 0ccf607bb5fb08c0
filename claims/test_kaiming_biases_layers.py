"""Under Kaiming initialisation the layers with higher fan-in start smaller and are pruned harder; not under Xavier
(paper 4.2).

Kaiming draws a layer's weights in proportion to one over the root of its fan-in, so a comparison of magnitudes over all
layers favours the layer with few inputs. It is judged at the first level at or below 10 % density, as the other claims
on what the mask keeps.
"""

import pytest

from harness import claim, ticket_run

DENSITY = 0.1
MIN_EFFECT = 0.05  # of a layer's weights: a twentieth, as of the return in the claims on what a ticket is made of
pytestmark = claim(
    "kaiming-biases-layers",
    source="4.2",
    quantifier="general",
    systems=3,
    figure="layers",
    needs_density=DENSITY,
    needs_fan_ins=True,
    controls=["one-initialiser", "random-mask", "largest-pruned"],
)


def on(task, learner):
    kaiming = ticket_run(task, learner, label="Kaiming")
    xavier = ticket_run(task, learner, "network.initialiser=xavier", label="Xavier")
    return pytest.param(kaiming, xavier, id=f"{task}-{learner}")


SYSTEMS = [on("cart-pole", "ppo"), on("acrobot", "ppo"), on("gridmaze", "dqn")]
BOTH = pytest.mark.parametrize(("kaiming", "xavier"), SYSTEMS)


def unit(run):
    return f"density of a layer, at {run.density_at(DENSITY):.1%} of all weights"


@BOTH
def test_low_fan_in_is_spared_under_kaiming(kaiming, xavier, judge):
    """Under Kaiming the layer with the lowest fan-in keeps more of its weights than those with the highest."""
    judge.greater(
        kaiming.fan_in_gap(DENSITY),
        min_effect=MIN_EFFECT,
        unit=unit(kaiming),
        span=kaiming.fan_in_span(DENSITY),
        sensitivity={"mean over levels 1 to K": kaiming.fan_in_gap(), "Xavier instead": xavier.fan_in_gap(DENSITY)},
    )


@BOTH
def test_more_so_than_under_xavier(kaiming, xavier, judge):
    """The layer with the lowest fan-in is spared more under Kaiming than under Xavier."""
    judge.greater(
        kaiming.fan_in_gap(DENSITY) - xavier.fan_in_gap(DENSITY),
        min_effect=MIN_EFFECT,
        unit=unit(kaiming),
        span=kaiming.fan_in_span(DENSITY),
        sensitivity={"mean over levels 1 to K": kaiming.fan_in_gap() - xavier.fan_in_gap()},
    )
