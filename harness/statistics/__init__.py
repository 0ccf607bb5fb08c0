"""Estimands, tests, power and intervals: arrays in, numbers out. Imports nothing else of the harness."""

from harness.statistics.choose import contrast_test, unpaired_contrast_test
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
from harness.statistics.improvement import improvement, probability_of_improvement
from harness.statistics.intervals import bca, iqm
from harness.statistics.multiplicity import benjamini_hochberg, holm
from harness.statistics.outcome import Kind, Outcome, Test
from harness.statistics.outlook import detectable, seeds_to_decide
from harness.statistics.paired import sign_flip, studentised_paired
from harness.statistics.power import detectable_effect, seeds_needed
from harness.statistics.ranks import censored_ranks
from harness.statistics.shares import failure_rate, paired_shares, rarer_than, unpaired_shares
from harness.statistics.spreads import swapped_spreads, variance_ratio
from harness.statistics.trends import ordering, rank_correlation
from harness.statistics.unpaired import label_permutation, studentised_unpaired

__all__ = [
    "Censored",
    "Kind",
    "NotFiniteError",
    "Outcome",
    "PerSeed",
    "Reference",
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
    "failure_rate",
    "fan_in_gap",
    "guarded_bounds",
    "guarded_bounds_unpaired",
    "guarded_paired",
    "guarded_unpaired",
    "holm",
    "improvement",
    "input_magnitude",
    "iqm",
    "label_permutation",
    "normalised_return",
    "ordering",
    "overshoot",
    "paired_shares",
    "probability_of_improvement",
    "rank_correlation",
    "rarer_than",
    "require_finite",
    "restricted_level",
    "seeds_needed",
    "seeds_to_decide",
    "separation_level",
    "sign_flip",
    "spread",
    "studentised_paired",
    "studentised_unpaired",
    "swapped_spreads",
    "unpaired_contrast_test",
    "unpaired_shares",
    "variance_ratio",
]
