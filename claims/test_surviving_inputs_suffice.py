"""Agents that see only the inputs which pruning keeps do as well as agents that see all (paper 4.2, Figure 8 bottom).

The inputs are the paper's, fixed beforehand: the pole's angle and angular velocity, and Acrobot's two angular
velocities. The claim has two halves, which are judged apart:

1. The inputs suffice. A student that sees them alone learns from experts that see all inputs. It need not explore, so
   nothing but the inputs can hold it back. "As well" is within 0.1 of the distance between a random policy and the
   expert, the drop at which a level counts as failed (break density). A student costs a fiftieth of an agent, so there
   are five times the profile's seeds: one failure that none of them shows could then take 0.03, a third of the margin.
2. PPO learns on them. The share of its seeds that fail, by that same drop below the mean of agents on all inputs, is
   no larger than on all inputs, within 0.1: a seed in ten. Of twice the profile's seeds none could fail; of three
   times as many one can.

An agent that never met a reward says nothing of the inputs that it sees: it was not trained for long enough to find
one. So each finding on failures must hold under two counts, the same for agents on some inputs and on all of them: a
failed agent that never met a reward has failed, or it has not.

Seen before, on block 99: on Acrobot at `scaled`, with a tenth of the paper's env_steps, PPO on the velocities found the
goal in 1 of 20 seeds, and students on them return 0.987 (on all inputs 0.997). On Cart-Pole students on angle and
angular velocity returned 0.958 at a horizon of 500 and 0.997 at 200 (10 seeds).

Both of Cart-Pole's horizons count, since the paper does not say which of CartPole-v0 and v1 it used: an unobserved cart
has more time to leave the track in 500 steps than in 200. Trainings run to their ends, which the charts show.
"""

import numpy as np
import pytest

from harness import claim, dense_run

MARGIN = 0.1
pytestmark = claim(
    "surviving-inputs-suffice", source="4.2, Figure 8", quantifier="both tasks", systems=2, figure="learning"
)
WHOLE = "savings.stop_at_maximum=false"
POLE = "task.inputs=pole angle+pole angular velocity"
VELOCITIES = "task.inputs=angular velocity 1+angular velocity 2"
SYSTEMS = {
    "horizon-500": ("cart-pole", "task.horizon=500", POLE),
    "horizon-200": ("cart-pole", "task.horizon=200", POLE),
    "acrobot": ("acrobot", "task.horizon=500", VELOCITIES),
}


def some_and_every(learner, times):
    """A pair of runs per system: on some inputs, and on all of them."""
    pairs = []
    for name, (task, horizon, inputs) in SYSTEMS.items():
        of = f"{horizon.removeprefix('task.').replace('=', ' ')}, {learner.upper()}"
        some = dense_run(task, learner, horizon, WHOLE, inputs, label=f"surviving inputs, {of}", times=times)
        every = dense_run(task, learner, horizon, WHOLE, label=f"all inputs, {of}", times=times)
        pairs.append(pytest.param(some, every, id=name))
    return pairs


@pytest.mark.parametrize(("some", "every"), some_and_every("bc", times=5))
def test_inputs_suffice(some, every, judge):
    """A student that sees the surviving inputs alone returns as much as one that sees all, within 0.1."""
    experts = every.per_seed("the experts", np.ones(len(every.seeds)))
    judge.non_inferior(
        some.dense() - every.dense(),
        margin=MARGIN,
        able=[every],
        sensitivity={"against the experts themselves": some.dense() - experts},
    )


@pytest.mark.parametrize(("some", "every"), some_and_every("ppo", times=3))
def test_agents_fail_no_more_often(some, every, judge):
    """Agents that learn on the surviving inputs fail no more often than on all inputs, within a seed in ten."""
    bar = every.dense().values.mean() - MARGIN

    def succeeding(run, or_without_reward=False):
        met = run.met_reward().values > 0
        return run.per_seed(str(run.system), (run.dense().values >= bar) | (or_without_reward & ~met))

    judge.non_inferior(
        succeeding(some) - succeeding(every),
        margin=MARGIN,
        shares=True,
        unit="share of seeds that do not fail",
        able=[every],
        hangs_on={"agents without a reward counted as not failed": succeeding(some, True) - succeeding(every, True)},
        sensitivity={"share of seeds that met a reward": some.met_reward() - every.met_reward()},
    )
