"""Estimands, tests, power and intervals: arrays in, numbers out. Imports nothing else of the harness."""

from harness.statistics.choose import contrast_test, unpaired_contrast_test
from harness.statistics.contrast import PerSeed
from harness.statistics.estimands import (
    Censored,
    Reference,
    area,
    break_density,
    fan_in_gap,
    input_magnitude,
    normalised_return,
    overshoot,
    restricted_level,
    separation_level,
    spread,
)
from harness.statistics.guard import guarded_bounds, guarded_bounds_unpaired, guarded_paired, guarded_unpaired
from harness.statistics.intervals import bca, iqm
from harness.statistics.outcome import Kind, Outcome, Test
from harness.statistics.paired import sign_flip, studentised_paired
from harness.statistics.power import detectable_effect, seeds_needed
from harness.statistics.ranks import censored_ranks
from harness.statistics.spreads import swapped_spreads
from harness.statistics.unpaired import label_permutation, studentised_unpaired

__all__ = [
    "Censored",
    "Kind",
    "Outcome",
    "PerSeed",
    "Reference",
    "Test",
    "area",
    "bca",
    "break_density",
    "censored_ranks",
    "contrast_test",
    "detectable_effect",
    "fan_in_gap",
    "guarded_bounds",
    "guarded_bounds_unpaired",
    "guarded_paired",
    "guarded_unpaired",
    "input_magnitude",
    "iqm",
    "label_permutation",
    "normalised_return",
    "overshoot",
    "restricted_level",
    "seeds_needed",
    "separation_level",
    "sign_flip",
    "spread",
    "studentised_paired",
    "studentised_unpaired",
    "swapped_spreads",
    "unpaired_contrast_test",
]
