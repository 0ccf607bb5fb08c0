"""An effect on its axis, and the seeds behind it as dots."""

from math import inf, nan

import numpy as np
import pytest

from harness.results.schema import Sample
from harness.tests.factory import finding, sample
from reports import numbers
from reports.strips import MARGIN, WIDTH, dots, half_axis, strip

HALF = (WIDTH / 2 - MARGIN, WIDTH / 2)


def test_a_strip_places_effect_bounds_and_zone_on_the_axis() -> None:
    drawn = strip(finding(effect=0.5, lower=0.25, upper=1.0), 1.0, 0.5)
    assert drawn and drawn.zero == HALF[1]
    assert drawn.dot == HALF[1] + HALF[0] / 2 and drawn.bar == (HALF[1] + HALF[0] / 4, HALF[1] + HALF[0])
    assert drawn.zone == (HALF[1] - HALF[0] / 2, HALF[1] + HALF[0] / 2)


def test_bounds_outside_the_axis_are_open_and_an_effect_outside_is_no_dot() -> None:
    drawn = strip(finding(effect=2.0, lower=-inf, upper=3.0), 1.0, 0.0)
    assert drawn and drawn.open_left and drawn.open_right and drawn.dot is None and drawn.zone is None
    assert strip(finding(effect=nan, lower=-inf, upper=inf), 1.0, 0.0) is None


def test_an_axis_holds_all_intervals_and_stretches_for_seeds_and_readings() -> None:
    found = finding(effect=0.2, lower=0.1, upper=0.3, sample=sample(0.2, 0.55))
    assert half_axis([found]) == pytest.approx(0.3) and half_axis([found], whole=True) == pytest.approx(0.6)
    assert half_axis([found.replace(sample=sample(9.0))], whole=True) == pytest.approx(
        0.6
    )  # twice the intervals at most
    reading = {"name": "r", "effect": 1.0, "lower": 0.9, "upper": 1.1, "conclusion": "supported"}
    assert half_axis([found.replace(sensitivity=(reading,))], whole=True) == 1.2


def test_there_is_a_dot_a_seed_where_its_number_is_and_alike_ones_stand_above_each_other() -> None:
    drawn = dots(finding(sample=sample(-1.0, 0.0, 1.0, 1.0, 5.0)), 1.0)
    assert drawn and len(drawn.points) == 5
    xs = [x for x, _, _ in drawn.points]
    assert xs[0] == pytest.approx(MARGIN, abs=1.5) and xs[1] == pytest.approx(HALF[1], abs=1.5)
    assert len({y for x, y, _ in drawn.points if x == xs[-1]}) == 3
    assert [open_ for *_, open_ in drawn.points].count(True) == 1  # beyond the axis
    assert "5 seeds" in drawn.says and "3 above 0, 1 below, 1 at 0" in drawn.says


def test_break_densities_are_two_rows_from_dense_to_sparse_and_bounds_are_open() -> None:
    one, other = [[-0.1, -0.1], [-0.01, inf]], [[-0.5, -0.5], [-0.2, -0.2]]
    drawn = dots(finding(sample=Sample.of("holds out", one, other)), 1.0)
    assert drawn and [label for _, label, _ in drawn.ticks] == ["50\u202f%", "1\u202f%"]
    rows = sorted({y for _, y, _ in drawn.points})
    assert len(rows) == 2 and [open_ for *_, open_ in drawn.points].count(True) == 1
    upper = [x for x, y, _ in drawn.points if y == rows[0]]
    assert min(upper) > MARGIN and max(upper) == pytest.approx(WIDTH - MARGIN, abs=1.5)


def test_spreads_are_each_seeds_distance_from_the_median() -> None:
    wide, narrow = np.array([[0.0], [1.0], [3.0]]), np.array([[0.9], [1.0], [1.1]])
    drawn = dots(finding(sample=Sample.of("spread", wide, narrow)), 1.0)
    assert drawn and len(drawn.points) == 6 and [label for _, label, _ in drawn.ticks] == ["0", numbers.effect(2.0)]


def test_a_finding_without_a_sample_has_no_dots() -> None:
    assert dots(finding(sample=None), 1.0) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.effect(0.12345, [1.2], sign=True), "+0.12"),
        (numbers.effect(-0.0456), "−0.046"),
        (numbers.effect(inf), "∞"),
        (numbers.effect(nan), "–"),
        (numbers.effect(1.2e7), "1.20e+07"),
        (numbers.interval(-0.1, 0.25), "[−0.100, 0.250]"),
        (numbers.plain(32_000), "32,000"),
        (numbers.plain("64-64"), "64-64"),
        (numbers.plain(None), "–"),
        (numbers.probability(0.0004), "<\u202f0.001"),
        (numbers.probability(0.25), "0.25"),
        (numbers.percent(0.00437), "0.44\u202f%"),
        (numbers.minutes(582), "9.7"),
        (numbers.sizes((20, 15)), "20 + 15"),
        (numbers.ranges((0, 1, 2, 7)), "0–2, 7"),
        (numbers.day("2026-11-22T07:35:00+00:00"), "22 November 2026"),
        (numbers.moment("2026-11-22T07:35:00+00:00"), "22 November 2026, 07:35 UTC"),
        (numbers.short_day("some day"), "some day"),
    ],
)
def test_numbers_read_well(shown: str, expected: str) -> None:
    assert shown == expected
