"""Estimands, tests, power and intervals: arrays in, numbers out. Imports nothing else of the harness."""

from harness.statistics.contrast import PerSeed
from harness.statistics.estimands import (
    Censored,
    Reference,
    area,
    area_over_weights,
    break_density,
    densities_by_fan_in,
    input_magnitude,
    normalisation_error,
    normalised_return,
    overshoot,
    reachable_span,
    restricted_level,
    separation_level,
    spread,
)
from harness.statistics.finite import NotFiniteError, require_finite
from harness.statistics.guard import contrast_test
from harness.statistics.inference import Kind, Outcome
from harness.statistics.multiplicity import benjamini_hochberg
from harness.statistics.power import asked, detectable, floor, guard_floor, seeds_for, seeds_to_decide
from harness.statistics.ranks import censored_ranks
from harness.statistics.shares import paired_shares
from harness.statistics.spreads import swapped_spreads

__all__ = [
    "Censored",
    "Kind",
    "NotFiniteError",
    "Outcome",
    "PerSeed",
    "Reference",
    "area",
    "area_over_weights",
    "asked",
    "benjamini_hochberg",
    "break_density",
    "censored_ranks",
    "contrast_test",
    "densities_by_fan_in",
    "detectable",
    "floor",
    "guard_floor",
    "input_magnitude",
    "normalisation_error",
    "normalised_return",
    "overshoot",
    "paired_shares",
    "reachable_span",
    "require_finite",
    "restricted_level",
    "seeds_for",
    "seeds_to_decide",
    "separation_level",
    "spread",
    "swapped_spreads",
]
