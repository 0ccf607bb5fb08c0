"""The seeds behind an effect, drawn and told."""

from typing import Any

import numpy as np
import pytest

import reports
from harness.results.sample import Sample
from reports import seeds, strips
from reports.tests import suites, synthetic
from reports.tests.pages import section


def found(sample: Any, **changes: Any) -> dict[str, Any]:
    made = synthetic.finding("c", "cart-pole ppo", "supported", 0.2, 0.1, 0.3, sample=sample, **changes)
    return {**made, "sensitivity": []}


def mean(values: list[float]) -> dict[str, Any]:
    return {"statistic": "mean", "seeds": list(range(len(values))), "groups": [values]}


def test_there_is_a_dot_a_seed_on_the_axis_of_the_interval() -> None:
    made = seeds.dots(found(mean([-0.3, 0.0, 0.3])), 0.3)
    assert made is not None
    assert [x for x, _, _ in made.points] == pytest.approx(
        [strips.MARGIN, strips.WIDTH / 2, strips.WIDTH - strips.MARGIN], abs=seeds.STEP / 2
    )
    assert made.says == "3 seeds: 1 above 0, 1 below, 1 at 0; from −0.300 to 0.300, median 0.000."


def test_seeds_of_one_value_stand_above_each_other_inside_the_strip() -> None:
    made = seeds.dots(found(mean([0.1] * 12)), 0.3)
    assert made is not None
    assert len(made.points) == 12 and len({x for x, _, _ in made.points}) == 1
    assert len({y for _, y, _ in made.points}) == seeds.MOST
    assert all(0 < y < made.height for _, y, _ in made.points)


def test_the_axis_stretches_for_the_seeds_and_beyond_twice_the_intervals_they_are_open_at_its_end() -> None:
    near, far = found(mean([0.1, 0.5])), found(mean([0.1, 9.0]))
    plain = strips.scale([found(None)])
    assert seeds.stretch([found(None)]) == plain < seeds.stretch([near]) == 0.5
    half = seeds.stretch([far])
    made = seeds.dots(far, half)
    assert half == seeds.BEYOND * plain and made is not None
    assert [open_ for _, _, open_ in made.points] == [False, True]
    assert max(x for x, _, _ in made.points) <= strips.WIDTH


def test_break_densities_are_two_rows_from_dense_to_sparse_and_bounds_are_open() -> None:
    one = [[-0.5, -0.5], [-0.5, "Infinity"]]
    other = [[-0.05, -0.05], ["-Infinity", -0.5]]
    made = seeds.dots(found(suites.held_out(one, other)), 0.5)
    assert made is not None
    assert [(label, anchor) for _, label, anchor in made.ticks] == [("50\u202f%", "start"), ("5.0\u202f%", "end")] or [
        (label, anchor) for _, label, anchor in made.ticks
    ] == [("50\u202f%", "start"), ("5\u202f%", "end")]
    assert sum(open_ for _, _, open_ in made.points) == 2
    assert "upper row the group claimed to hold out longer, median 50" in made.says
    assert "Of 2 no more is known than a bound" in made.says
    upper, lower = made.points[:2], made.points[2:]
    assert max(y for _, y, _ in upper) < min(y for _, y, _ in lower)
    assert max(x for x, _, _ in lower) > max(x for x, _, _ in upper)  # broke at a smaller density


def test_spreads_are_each_seeds_distance_from_the_median() -> None:
    sample = Sample.of_spreads(np.array([[0.0], [1.0], [4.0]]), np.array([[1.0], [1.0], [1.0]]), (0, 1, 2))
    made = seeds.dots(found(sample.to_json()), 0.5)
    assert made is not None
    assert (
        "from 0 to 3.00: upper row the group claimed to spread wider, median 1.00; lower row the other, median 0"
        in (made.says)
    )


@pytest.mark.parametrize("sample", [None, "text", {"statistic": "mean"}, {**mean([1.0]), "groups": [["a"]]}])
def test_a_sample_that_is_none_draws_nothing_and_costs_nothing(sample: Any) -> None:
    assert seeds.dots(found(sample), 0.3) is None
    claim = suites.claim("c", "REPRODUCED", [found(sample)])
    assert "+0.200" in section(reports.build({**synthetic.findings(), "claims": [claim]}), "c")


def test_the_page_draws_a_dot_a_seed_and_tells_them() -> None:
    claim = suites.claim("c", "REPRODUCED", [found(suites.sample(20))])
    part = section(reports.build({**synthetic.findings(), "claims": [claim]}), "c")
    assert part.count('<circle class="seed"') == 20 and "20 seeds: " in part
