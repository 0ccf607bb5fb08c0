"""The numbers per seed behind an effect, and how the effect is computed from them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import model_validator

from harness.results.model import Model

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.statistics.contrast import FloatArray

Statistic = Literal["mean", "holds out", "spread"]
Row = tuple[float, ...]
_ROUNDING = 1e-9


class Sample(Model):
    """The numbers per seed that an effect is computed from: they let two runs be compared.

    statistic  "mean"       one group, float[seeds]; the effect is their mean
               "holds out"  two groups, float[seeds, 2]: the earliest and the latest level (or density) at which a chain
                            broke; the effect is P(first group later) + P(tie) / 2 - 1/2
               "spread"     two groups, float[seeds, levels]; the effect is the first group's mean distance from its
                            median, less the second's
    groups     the first axis is over seeds
    seeds      of the groups, in order and shared by all; None where they are not known

    Raises ValueError for another shape, NaN, or an infinity outside "holds out".
    """

    statistic: Statistic
    groups: tuple[Row | tuple[Row, ...], ...]
    seeds: tuple[int, ...] | None = None

    @classmethod
    def of(cls, statistic: Statistic, *groups: "npt.ArrayLike", seeds: Sequence[int] | None = None) -> Self:
        """The sample of these arrays."""
        held = tuple(_rows(np.asarray(group, np.float64).tolist()) for group in groups)
        return cls(statistic=statistic, groups=held, seeds=None if seeds is None else tuple(map(int, seeds)))

    @model_validator(mode="after")
    def _check(self) -> Self:
        count, axes = (1, 1) if self.statistic == "mean" else (2, 2)
        try:
            arrays = self.arrays
        except ValueError:
            raise ValueError("the rows of a group must have the same length") from None
        if len(arrays) != count or any(array.ndim != axes or not array.size for array in arrays):
            raise ValueError(f"{self.statistic!r} takes {count} group{'s' * (count > 1)} with {axes} axes")
        if any(np.isnan(array).any() for array in arrays):
            raise ValueError("a value of a seed is NaN")
        if self.statistic != "holds out" and not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("a value of a seed is infinite")
        return self

    @property
    def arrays(self) -> "tuple[npt.NDArray[np.float64], ...]":
        """The groups as arrays."""
        return tuple(np.array(group, np.float64) for group in self.groups)

    @property
    def n(self) -> tuple[int, ...]:
        """Seeds per group."""
        return tuple(len(group) for group in self.groups)

    @property
    def effect(self) -> float:
        """The estimate, as the finding has it."""
        return float(estimate(self.statistic, *(array[None] for array in self.arrays))[0][0])


def estimate(statistic: Statistic, *groups: "FloatArray") -> "tuple[FloatArray, FloatArray]":
    """Effect and standard error of many samples at once, float[deals] each. groups: the first axis is over deals."""
    if statistic == "mean":
        return groups[0].mean(axis=1), _error(groups[0])
    if statistic == "spread":
        one, other = (np.abs(g - np.median(g, axis=1, keepdims=True)).mean(axis=2) for g in groups)
        return (one - other).mean(axis=1), _error(one - other)
    one, other = groups  # Gehan's scores of all pairs, in [-1/2, 1/2]; a seed's placement is its mean score
    later = one[:, :, None, 0] > other[:, None, :, 1]
    earlier = other[:, None, :, 0] > one[:, :, None, 1]
    score = (later.astype(np.float64) - earlier) / 2
    rows, columns = score.mean(axis=2), score.mean(axis=1)
    return rows.mean(axis=1), np.hypot(_error(rows), _error(columns))


def _rows(values: list[Any]) -> Any:
    return tuple(_rows(value) if isinstance(value, list) else value for value in values)


def _error(values: "FloatArray") -> "FloatArray":
    """Of a mean over seeds, float[deals, seeds] -> float[deals]; 0 for one seed, which says nothing of the spread."""
    n = values.shape[1]
    if n == 1:
        return np.zeros(len(values))
    deviation = values.std(axis=1, ddof=1)
    alike = deviation <= _ROUNDING * np.abs(values).max(axis=1)  # but for rounding
    return np.asarray(np.where(alike, 0.0, deviation / np.sqrt(n)))
