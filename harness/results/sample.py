"""The numbers per seed that a finding's effect is computed from, and how: what lets two runs be compared.

As plain JSON, in findings and baselines: {"statistic", "seeds", "groups"}.

    statistic  "mean"         one group of float[seeds]: the effect is their mean
               "holds out"    two groups of float[seeds, 2], earliest and latest event (`Censored`), along the levels:
                              P(first group later) + P(tie)/2 - 1/2
               "spread"       two groups of float[seeds, levels]: mean `spread` of the first less that of the second
    seeds      those of the groups, in order, shared by all; null where they are not known
"""

from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any, Literal, get_args

import numpy as np

from harness.statistics import Censored, PerSeed, spread
from harness.statistics.contrast import FloatArray

Statistic = Literal["mean", "holds out", "spread"]
_AXES = {"mean": (1, 1), "holds out": (2, 2), "spread": (2, 2)}
"""Statistic -> how many groups, and how many axes each has."""


@dataclass(frozen=True, eq=False)
class Sample:
    """See the module. groups: one group or two, the first axis over seeds."""

    statistic: Statistic
    groups: tuple[FloatArray, ...]
    seeds: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.statistic not in get_args(Statistic):
            raise ValueError(f"a statistic is one of {', '.join(get_args(Statistic))}, not {self.statistic!r}")
        count, axes = _AXES[self.statistic]
        if len(self.groups) != count or any(group.ndim != axes or not group.size for group in self.groups):
            raise ValueError(f"{self.statistic!r} takes {count} group{'s' * (count > 1)} with {axes} axes")
        if any(np.isnan(group).any() for group in self.groups):
            raise ValueError("a value of a seed is no number")
        if self.statistic != "holds out" and not all(np.isfinite(group).all() for group in self.groups):
            raise ValueError("a value of a seed is infinite")

    @classmethod
    def of(cls, effect: PerSeed) -> "Sample":
        """What a contrast of the same seeds is the mean of."""
        return cls("mean", (effect.values,), effect.seeds)

    @classmethod
    def of_censored(cls, one: Censored, other: Censored, seeds: tuple[int, ...] | None) -> "Sample":
        """Two groups of break densities or levels."""
        return cls("holds out", tuple(np.stack([g.earliest, g.latest], axis=1) for g in (one, other)), seeds)

    @classmethod
    def of_spreads(cls, one: FloatArray, other: FloatArray, seeds: tuple[int, ...] | None) -> "Sample":
        """Two conditions, float[seeds, levels] each."""
        return cls("spread", (np.asarray(one, np.float64), np.asarray(other, np.float64)), seeds)

    @property
    def n(self) -> tuple[int, ...]:
        """Seeds per group."""
        return tuple(len(group) for group in self.groups)

    @property
    def effect(self) -> float:
        """The estimate, as the finding has it."""
        if self.statistic == "mean":
            return float(self.groups[0].mean())
        if self.statistic == "spread":
            one, other = (float(spread(group).mean()) for group in self.groups)
            return one - other
        return float(held_out(*self.groups).mean())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; infinities as text, as in a finding."""
        return {
            "statistic": self.statistic,
            "seeds": None if self.seeds is None else list(self.seeds),
            "groups": [_plain(group.tolist()) for group in self.groups],
        }

    @classmethod
    def from_json(cls, data: Any) -> "Sample":
        """The inverse. Raises ValueError, in one line, for anything else."""
        if not isinstance(data, dict) or set(data) != {"statistic", "seeds", "groups"}:
            raise ValueError("a sample has statistic, seeds and groups, and nothing else")
        seeds, groups = data["seeds"], data["groups"]
        if seeds is not None and not (isinstance(seeds, list) and all(type(seed) is int for seed in seeds)):
            raise ValueError("the seeds of a sample are a list of whole numbers, or null")
        if not isinstance(groups, list):
            raise ValueError("the groups of a sample are lists of numbers")
        try:
            held = tuple(np.array(_parsed(group), dtype=np.float64) for group in groups)
        except (ValueError, TypeError, OverflowError):
            raise ValueError("the groups of a sample are lists of numbers, all of one length") from None
        return cls(data["statistic"], held, None if seeds is None else tuple(seeds))


def held_out(one: FloatArray, other: FloatArray) -> FloatArray:
    """Gehan's scores of all pairs, in [-1/2, 1/2]: float[..., n_one, n_other]. one, other: float[..., n, 2], earliest
    and latest."""
    later = one[..., :, None, 0] > other[..., None, :, 1]
    before = other[..., None, :, 0] > one[..., :, None, 1]
    return np.asarray((later.astype(np.float64) - before) / 2)


_TEXT = {"Infinity": float("inf"), "-Infinity": float("-inf")}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(held) for held in value]
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _parsed(value: Any) -> Any:
    if isinstance(value, list):
        return [_parsed(held) for held in value]
    if isinstance(value, str):
        return _TEXT[value] if value in _TEXT else float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value
