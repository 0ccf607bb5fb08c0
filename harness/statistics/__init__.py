"""Estimands, tests, power and intervals: arrays in, numbers out. Imports nothing else of the harness."""

from harness.statistics.contrast import PerSeed
from harness.statistics.estimands import (
    Censored,
    Reference,
    area,
    break_density,
    input_magnitude,
    normalised_return,
    overshoot,
    restricted_level,
    separation_level,
)
from harness.statistics.hypothesis_tests import (
    Kind,
    Outcome,
    Test,
    censored_ranks,
    contrast_test,
    guarded_bounds,
    guarded_bounds_unpaired,
    guarded_paired,
    guarded_unpaired,
    label_permutation,
    sign_flip,
    studentised_paired,
    studentised_unpaired,
    unpaired_contrast_test,
)
from harness.statistics.intervals import bca, iqm
from harness.statistics.power import detectable_effect, seeds_needed

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
    "studentised_paired",
    "studentised_unpaired",
    "unpaired_contrast_test",
]
