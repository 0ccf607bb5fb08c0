"""The mask carries more of the ticket's effect than the initial weights under other encodings of the same task as well,
and under colours even more (paper A.3 and B, Figure 13).

The encodings are the paper's: a binary map per object, colours, and the maps times a random matrix, one per seed and
the same at all levels. Both parts and the smallest effect, 0.2 of the distance between a random policy and the expert,
are those of mask-explains-most. Between two encodings it is 0.1: twice as much must be seen, and the guard lets 20
seeds show 0.20. `paper` takes twice its 15 seeds. The other claim's second reading, which counts in the ratio of
weights per layer, would need a fourth condition for each encoding, which the paper does not have here.
"""

import pytest

from harness import at_least, claim, imp_runs

pytestmark = [
    claim("encodings-agree", source="A.3, B, Figure 13", quantifier="both encodings", systems=1),
    at_least("extended"),
]
CONDITIONS = ["mask/weights", "mask/permuted", "permuted/permuted"]
MAPS, COLOURS, ENTANGLED = (
    imp_runs(["gridmaze"], ["dqn"], *encoding, conditions=CONDITIONS, paper_times=2)[0]
    for encoding in ([], ["task.encoding=rgb"], ["task.encoding=entangled"])
)


@pytest.mark.parametrize(
    "run",
    [pytest.param(MAPS, id="object-map"), pytest.param(COLOURS, id="rgb"), pytest.param(ENTANGLED, id="entangled")],
)
def test_mask_part_exceeds_weights_part(run, judge):
    """The mask part is larger than the weights part."""
    area = run.area()
    sensitivity = {name: other.mask_part - other.weights_part for name, other in run.other_areas().items()}
    judge.greater(area.mask_part - area.weights_part, min_effect=0.2, sensitivity=sensitivity)


@pytest.mark.parametrize(("colours", "maps"), [pytest.param(COLOURS, MAPS, id="rgb-object-map")])
def test_mask_part_is_larger_under_colours(colours, maps, judge):
    """The mask part is larger under colours than under object maps."""

    def difference(of_colours, of_maps):
        return of_colours.mask_part.prefixed("colours ") - of_maps.mask_part.prefixed("maps ")

    others = maps.other_areas()
    judge.greater(
        difference(colours.area(), maps.area()),
        min_effect=0.1,
        sensitivity={name: difference(area, others[name]) for name, area in colours.other_areas().items()},
    )
