"""Estimands, tests, power and intervals: arrays in, numbers out. Imports nothing else of the harness."""

from harness.statistics.choose import contrast_test
from harness.statistics.contrast import PerSeed
from harness.statistics.estimands import (
    Censored,
    Reference,
    area,
    area_over_weights,
    break_density,
    fan_in_gap,
    input_magnitude,
    normalised_return,
    overshoot,
    restricted_level,
    separation_level,
    spread,
)
from harness.statistics.finite import NotFiniteError, require_finite
from harness.statistics.guard import guarded_bounds, guarded_bounds_unpaired, guarded_paired, guarded_unpaired
from harness.statistics.inference import Kind, Outcome, Refusal, Test
from harness.statistics.intervals import bca
from harness.statistics.multiplicity import benjamini_hochberg
from harness.statistics.paired import sign_flip
from harness.statistics.power import detectable, detectable_effect, seeds_needed, seeds_to_decide
from harness.statistics.ranks import censored_ranks
from harness.statistics.shares import paired_shares
from harness.statistics.spreads import swapped_spreads
from harness.statistics.studentised import studentised_unpaired

__all__ = [
    "Censored",
    "Kind",
    "NotFiniteError",
    "Outcome",
    "PerSeed",
    "Reference",
    "Refusal",
    "Test",
    "area",
    "area_over_weights",
    "bca",
    "benjamini_hochberg",
    "break_density",
    "censored_ranks",
    "contrast_test",
    "detectable",
    "detectable_effect",
    "fan_in_gap",
    "guarded_bounds",
    "guarded_bounds_unpaired",
    "guarded_paired",
    "guarded_unpaired",
    "input_magnitude",
    "normalised_return",
    "overshoot",
    "paired_shares",
    "require_finite",
    "restricted_level",
    "seeds_needed",
    "seeds_to_decide",
    "separation_level",
    "sign_flip",
    "spread",
    "studentised_unpaired",
    "swapped_spreads",
]
