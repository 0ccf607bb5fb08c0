"""A dense network on the inputs that a ticket's mask keeps learns as quickly as one on all inputs (paper 4.1, Figure 5
right).

The paper takes the mask "at moderate sparsity", which it elsewhere calls about 10 % of the weights (Figure 7): the
first level at or below 10 % density, as in the other claims on what the mask keeps. The dense network starts from the
ticket's own initial weights, and lacks only the inputs that the mask of its seed left without a connection. Its speed
of learning is the area under its learning curve, the mean over a training's evaluations. "As quickly" allows 0.15 of
the distance between a random policy and the expert, for the guard lets the 15 seeds of `paper` show 0.11. "No
difference" means something only where a difference could be seen, so the ticket effect must be supported on the same
system.

A mask that keeps nearly all inputs would make this trivially true. So the mask must also have removed some, as the
paper says ("entire dimensions"): the smallest effect is a fifth of the inputs, where the paper's own figures for such
losses begin (4.2). Each removed input saves its weights to the first hidden layer. On this task that layer has 95 % of
the weights of a dense network of 64-64 units, so the arithmetic of an update falls by about the same share as the
inputs. (Inputs that are zero in every state cost nothing either way, so the second reading leaves them out.)
"""

import pytest

from harness import claim, imp_runs, surviving_run

DENSITY = 0.1
pytestmark = claim(
    "input-mask-transfers",
    source="4.1, Figure 5",
    quantifier="the task",
    systems=1,
    figure="learning",
    needs_density=0.05,
)
RUN = surviving_run("gridmaze", "dqn")
ASSAY = imp_runs(["gridmaze"], ["dqn"], conditions=["mask/weights", "random/re-init"], assay=True)


@pytest.mark.parametrize(("run", "assay"), [pytest.param(RUN, *ASSAY, id="gridmaze-dqn")])
def test_learning_is_as_quick(run, assay, judge):
    """Dense networks on the surviving inputs learn as quickly as on all inputs, within 0.15."""
    every, levels = run.learning_area(), {density: run.level_at(density) for density in (0.2, DENSITY, 0.05)}
    judge.non_inferior(
        run.learning_area(levels[DENSITY]) - every,
        margin=0.15,
        sensitivity={
            "scored return": run.surviving_return(levels[DENSITY]) - run.dense().prefixed("all inputs, "),
            "inputs at 20 % density": run.learning_area(levels[0.2]) - every,
            "inputs at 5 % density": run.learning_area(levels[0.05]) - every,
        },
    )


@pytest.mark.parametrize("run", [RUN])
def test_inputs_are_left_out(run, judge):
    """At 10 % density the mask leaves inputs without any connection."""
    judge.greater(
        run.inputs_gone_at(DENSITY),
        min_effect=0.2,
        unit=f"share of the inputs, at {run.density_at(DENSITY):.1%} of all weights",
        span=(0, 1),
        sensitivity={
            "inputs that ever change only": run.inputs_gone_at(DENSITY, changing=True),
            "at 20 % density": run.inputs_gone_at(0.2),
            "at 5 % density": run.inputs_gone_at(0.05),
        },
    )
