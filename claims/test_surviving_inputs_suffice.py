"""Agents that see only the inputs which pruning keeps do as well as agents that see all (paper 4.2, Figure 8).

The inputs are the paper's, fixed beforehand: the pole's angle and angular velocity, and Acrobot's two angular
velocities. "As well" is within 0.1 of the distance between a random policy and the expert, the drop at which a level
counts as failed (break density). Both of Cart-Pole's horizons count, since the paper does not say which of CartPole-v0
and v1 it used: an unobserved cart has more time to leave the track in 500 steps than in 200. The claim takes twice the
seeds, so that one more failed seed would not change the verdict.
"""

import pytest

from harness import claim, dense_run

pytestmark = claim(
    "surviving-inputs-suffice", source="4.2, Figure 8", quantifier="both tasks", systems=2, figure="learning"
)
POLE = "task.inputs=pole angle+pole angular velocity"
VELOCITIES = "task.inputs=angular velocity 1+angular velocity 2"


def at_horizon(horizon):
    system = ("cart-pole", "ppo", f"task.horizon={horizon}")
    every = dense_run(*system, label=f"all inputs, horizon {horizon}", times=2)
    some = dense_run(*system, POLE, label=f"surviving inputs, horizon {horizon}", times=2)
    return pytest.param(some, every, id=f"horizon-{horizon}")


def in_acrobot():
    every = dense_run("acrobot", "ppo", label="all inputs", times=2)
    some = dense_run("acrobot", "ppo", VELOCITIES, label="angular velocities alone", times=2)
    return pytest.param(some, every, id="acrobot")


@pytest.mark.parametrize(("some", "every"), [at_horizon(500), at_horizon(200), in_acrobot()])
def test_surviving_inputs_do_as_well(some, every, judge):
    """A dense agent on the surviving inputs returns as much as one on all inputs, within 0.1."""
    judge.equivalent(some.dense() - every.dense(), margin=0.1, able=[every])
