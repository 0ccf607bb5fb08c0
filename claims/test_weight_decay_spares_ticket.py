"""Weight decay does not impair the ticket's effect (paper A.4, Figure 14 left).

The decay is the paper's, L2 of 0.1, and coupled: Adam's own `weight_decay`, which the paper's library offers. So strong
a decay may keep an agent from learning at all, which would leave no effect to impair. So a finding of its own judges
whether the effect exists under decay, with the smallest effect of ticket-effect. "Does not impair" allows 0.15 of the
distance between a random policy and the expert: the guard lets 20 seeds show more than that, 0.20, and 40 show 0.10.
So the claim takes twice the seeds. Without
decay the effect must be supported, so that there is something to lose. The figure shows a DQN agent; that it was
trained on this task is our inference.
"""

import pytest

from harness import at_least, claim, imp_runs

pytestmark = [
    claim("weight-decay-spares-ticket", source="A.4, Figure 14", quantifier="the DQN agent", systems=1),
    at_least("extended"),
]
CONDITIONS = ["mask/weights", "random/re-init"]
(PLAIN,) = imp_runs(["gridmaze"], ["dqn"], conditions=CONDITIONS, times=2)
(DECAYED,) = imp_runs(["gridmaze"], ["dqn"], "learner.weight_decay=0.1", conditions=CONDITIONS, times=2)


@pytest.mark.parametrize("run", [DECAYED])
def test_ticket_beats_random_under_decay(run, judge):
    """With L2 of 0.1, over all levels the ticket returns more than random/re-init."""
    sensitivity = {name: area.ticket_effect for name, area in run.other_areas().items()}
    judge.greater(run.area().ticket_effect, min_effect=0.05, sensitivity=sensitivity)


@pytest.mark.parametrize(("plain", "decayed"), [pytest.param(PLAIN, DECAYED, id="gridmaze-dqn")])
def test_effect_is_no_smaller(plain, decayed, judge):
    """The ticket's effect with L2 of 0.1 is no smaller than without, within 0.15."""

    def difference(with_decay, without):
        return with_decay.ticket_effect.prefixed("decayed ") - without.ticket_effect

    others, area, plain_area = plain.other_areas(), decayed.area(), plain.area()
    sensitivity = {name: difference(other, others[name]) for name, other in decayed.other_areas().items()}
    sensitivity["the ticket's area alone"] = area["mask/weights"].prefixed("decayed ") - plain_area["mask/weights"]
    judge.non_inferior(difference(area, plain_area), margin=0.15, able=[plain], sensitivity=sensitivity)
