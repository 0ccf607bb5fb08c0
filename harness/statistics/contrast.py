"""One number per seed, and which conditions went into it.

A sign-flip test is valid for a difference of two conditions, not for a contrast of three: a value that
carries its own coefficients leaves no room to choose the wrong test by mistake
(`guard.contrast_test` reads them).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CANCELLED = 1e-12  # a coefficient this small is the rounding of one that cancelled


@dataclass(frozen=True, eq=False)
class PerSeed:
    """A linear combination of conditions, one value per seed. Build one with `PerSeed.of`, combine with `+`,
    `-` and scalar `*`.

    values   float[seeds], the combination itself, in the unit of the conditions
    weights  label of a condition -> its coefficient; a coefficient that cancels to 0 vanishes
    seeds    the seed of each value, in the same order; combining different seeds is refused
    parts    label -> float[seeds], what each condition held: one label for two different quantities is
             refused, since their coefficients would cancel silently
    span     the lowest and the highest value that one chain can have, where these values are of another range than
             others in their unit; arithmetic drops it
    """

    values: FloatArray
    weights: dict[str, float]
    seeds: tuple[int, ...]
    parts: dict[str, FloatArray] = field(default_factory=dict, repr=False)
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        weights = {label: float(w) for label, w in self.weights.items() if abs(w) > CANCELLED}
        object.__setattr__(self, "weights", weights)
        if values.shape != (len(self.seeds),):
            raise ValueError(f"{self}: {len(self.seeds)} seeds, but values of shape {values.shape}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"{self}: a seed appears twice in {self.seeds}")

    @classmethod
    def of(cls, condition: str, values: npt.ArrayLike, seeds: Sequence[int]) -> "PerSeed":
        """One condition. values: float[seeds]. Raises ValueError when the lengths differ or a seed appears
        twice."""
        held = np.array(values, dtype=np.float64)
        return cls(held, {condition: 1.0}, tuple(seeds), {condition: held})

    @property
    def conditions(self) -> tuple[str, ...]:
        """Labels with a nonzero coefficient."""
        return tuple(self.weights)

    @property
    def is_pair(self) -> bool:
        """Exactly two conditions, with coefficients +c and -c."""
        return len(self.weights) == 2 and abs(sum(self.weights.values())) <= CANCELLED

    def prefixed(self, prefix: str) -> "PerSeed":
        """The same with `prefix` before every label: for combining two systems whose conditions carry the
        same labels."""
        weights = {prefix + label: w for label, w in self.weights.items()}
        parts = {prefix + label: part for label, part in self.parts.items()}
        return PerSeed(self.values, weights, self.seeds, parts)

    def among(self, seeds: Collection[int]) -> "PerSeed":
        """The same on those of its seeds that are among these. Raises ValueError where none is."""
        kept = np.flatnonzero(np.isin(self.seeds, list(seeds)))
        if not len(kept):
            raise ValueError(f"{self}: none of its seeds is among those that are asked for")
        parts = {label: part[kept] for label, part in self.parts.items()}
        return PerSeed(self.values[kept], self.weights, tuple(self.seeds[place] for place in kept), parts, self.span)

    def __add__(self, other: "PerSeed") -> "PerSeed":
        if self.seeds != other.seeds:
            raise ValueError(f"{self} and {other} hold different seeds: {self.seeds} and {other.seeds}")
        for label in self.parts.keys() & other.parts.keys():
            if not np.array_equal(self.parts[label], other.parts[label], equal_nan=True):
                raise ValueError(f"{label!r} names two different quantities: tell them apart with prefixed()")
        labels = dict.fromkeys([*self.weights, *other.weights])
        weights = {label: self.weights.get(label, 0.0) + other.weights.get(label, 0.0) for label in labels}
        return PerSeed(self.values + other.values, weights, self.seeds, {**self.parts, **other.parts})

    def __sub__(self, other: "PerSeed") -> "PerSeed":
        return self + -other

    def __mul__(self, factor: float) -> "PerSeed":
        weights = {label: w * factor for label, w in self.weights.items()}
        return PerSeed(self.values * factor, weights, self.seeds, self.parts)

    __rmul__ = __mul__

    def __neg__(self) -> "PerSeed":
        return self * -1.0

    def __str__(self) -> str:
        terms = sorted(self.weights.items(), key=lambda term: term[1] < 0)  # stable: first what is added
        text = " ".join(f"{'−' if w < 0 else '+'} {_coefficient(w)}{label}" for label, w in terms)
        return text.removeprefix("+ ") or "0"


def _coefficient(weight: float) -> str:
    return "" if abs(weight) == 1 else f"{abs(weight):g}·"
