"""Of a visual agent's input channels pruning keeps that of the agent itself most (paper 4.1, Figure 5 right).

It is judged at the first level at or below 10 % density, as the other claims on what the mask keeps. All channels have
the same number of inputs, so the weights that two of them have left are compared: (agent - other) / (agent + other).
This is above 0 exactly where the agent's channel is the denser one. The plain difference of densities is a second
reading: at a few per cent all densities lie at the end of their span, where the judge allows for unseen failures and
could show no difference under 0.15. The smallest effect is 0.1, which means that the agent's channel keeps about a
fifth more: less would not be seen in the paper's curves.

Some inputs never change: walls are never entered, so no channel shows anything there, and the weights of such inputs
stay as they were drawn. So a second finding takes only the inputs that ever change. Before this was written, a trial of
5 seeds had shown the agent's channel to be the densest. The untrained network draws all channels alike, and stands
beside each finding.

The paper prints no layout, so a second one of our own, drawn by a rule, is judged beside the first: from the profile
extended on, since agents learn too little of it before (docs/profiles.md).
"""

import pytest

from harness import at_least, claim, relative_lead, ticket_run

DENSITY = 0.1
pytestmark = claim(
    "agent-channel-kept",
    source="4.1, Figure 5",
    quantifier="the task",
    systems=1,
    figure="maps",
    needs_density=DENSITY,
    controls=["random-mask", "no-learning"],
)
RUNS = pytest.mark.parametrize(
    "run",
    [
        ticket_run("gridmaze", "dqn"),
        pytest.param(ticket_run("gridmaze-2", "dqn"), marks=at_least("extended")),
    ],
)
OTHERS = pytest.mark.parametrize("other", ["empty", "enemy 1", "enemy 2", "coin", "poison"])


def lead(run, other, density=DENSITY, changing=False):
    densities = run.channel_density_at(density, changing=changing)
    return relative_lead(densities["agent"], densities[other])


def unit(run):
    return f"of the two channels' weights, at {run.density_at(DENSITY):.1%} of all weights"


@OTHERS
@RUNS
def test_agent_channel_keeps_more(run, other, judge):
    """At 10 % density the agent's channel keeps more of its weights than another channel."""
    densities = run.channel_density_at(DENSITY)
    judge.greater(
        lead(run, other),
        min_effect=0.1,
        unit=unit(run),
        span=(0, 1),
        untrained=lead(run.untrained, other),
        sensitivity={
            "plain difference of densities": densities["agent"] - densities[other],
            "mean over levels 1 to K": lead(run, other, None),
        },
    )


@OTHERS
@RUNS
def test_agent_channel_keeps_more_of_what_changes(run, other, judge):
    """Of the inputs that ever change, at 10 % density the agent's keep more of their weights than another channel's."""
    judge.greater(
        lead(run, other, changing=True),
        min_effect=0.1,
        unit=unit(run),
        span=(0, 1),
        untrained=lead(run.untrained, other, changing=True),
        sensitivity={"mean over levels 1 to K": lead(run, other, None, changing=True)},
    )
