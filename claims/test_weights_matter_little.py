"""Permuting the surviving initial weights costs little as long as the mask is kept (paper 3.2, Figure 3).

"Little" is 0.1 of the distance between a random policy and the expert: the drop at which a level counts as failed
(break density). "No difference" means something only where a difference could be seen, so the ticket effect must be
supported on the same system. The claim takes twice the seeds, so that one more failed seed would not change the
verdict: 40 seeds can show 0.08. Of `paper`'s 15 it takes three times as many.
"""

import pytest

from harness import claim, imp_runs

pytestmark = claim("weights-matter-little", source="3.2, Figure 3", quantifier="most agents", rule="most", systems=6)
BC = {"tasks": ["cart-pole", "acrobot"], "learners": ["bc"]}
MASK_KEPT = imp_runs(**BC, conditions=["mask/weights", "mask/permuted"], times=2, paper_times=3)


@pytest.mark.parametrize(("run", "assay"), list(zip(MASK_KEPT, imp_runs(**BC, assay=True), strict=True)))
def test_weights_part_is_nothing(run, assay, judge):
    """The weights part is within 0.1 of 0."""
    sensitivity = {name: area.weights_part for name, area in run.other_areas().items()}
    judge.equivalent(run.area().weights_part, margin=0.1, sensitivity=sensitivity)
