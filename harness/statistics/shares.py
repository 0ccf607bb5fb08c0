"""Shares of seeds that have a property (a failure, an empty layer), compared over the same seeds by an exact test.

No spread has to be estimated, so seeds that are all alike are evidence here, and no guard is needed. A sign-flip of the
0/1 values is McNemar's exact test, but its bounds assume a shift, which shares near 0 or 1 do not follow.

The test lists every table that could have come out: of n pairs x have the property in the first alone and y in the
second alone. Its one-sided p against a difference is the chance of a score (Tango 1998) as large or larger. It is taken
at its worst over what the difference leaves open, the share of pairs that differ (Barnard 1945; bounds by inversion:
Chan and Zhang 1999). So the level holds whatever the shares are, failures too rare to be seen included.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.statistics.contrast import FloatArray
from harness.statistics.inference import TAIL, Outcome, finite_sample, not_tested, sd_of

LARGEST = 150  # seeds: beyond it the tables take gigabytes, and a studentised test does
_OPEN = 101  # values of what is left open that are tried
_HALVINGS = 20  # of the interval of a bound: to 1e-6
_ALIKE = 1e-7  # scores this close are tied


def paired_shares(a: npt.ArrayLike, b: npt.ArrayLike) -> Outcome:
    """Share of a less share of b, over the same seeds. a, b: 0/1 or bool, [seeds].

    The unconditional form of McNemar's test (Suissa and Shuster 1991). Refused for one seed. Raises ValueError for
    other values, different lengths, or over 150 seeds.
    """
    x, y = _binary(a), _binary(b)
    if x.size != y.size:
        raise ValueError(f"paired shares need the same seeds, got {x.size} and {y.size}")
    effect, n = float((x - y).mean()), (x.size,)
    if x.size < 2:
        why = "one seed has a share of 0 or 1, whatever the truth"
        return not_tested("paired shares", n, effect, ("few seeds", why))
    pairs, only_a, only_b = Pairs(x.size), int((x > y).sum()), int((y > x).sum())
    here, mirrored = pairs.index(only_a, only_b), pairs.index(only_b, only_a)
    lower, upper = pairs.lower_bound(here), -pairs.lower_bound(mirrored)
    p = min(1.0, 2 * float(min(pairs.tails(0.0)[[here, mirrored]])))
    return Outcome("paired shares", n, effect, lower, upper, p, sd_of(x - y))


@dataclass(frozen=True)
class Pairs:
    """All tables of n pairs. Differences are of the first share less the second."""

    n: int

    @cached_property
    def tables(self) -> tuple[FloatArray, FloatArray]:
        """(x, y), each float[tables]."""
        x, y = np.divmod(np.arange((self.n + 1) ** 2), self.n + 1)
        possible = x + y <= self.n
        return x[possible].astype(float), y[possible].astype(float)

    def index(self, x: int, y: int) -> int:
        """The position of a table."""
        return int(np.flatnonzero((self.tables[0] == x) & (self.tables[1] == y))[0])

    def chances(self, difference: float, differ: FloatArray) -> FloatArray:
        """float[open, tables]: the probability of each table, where a share `differ` of the pairs differs."""
        (x, y), n, either = self.tables, self.n, differ[:, None]
        first, second = np.maximum(0, (either + difference) / 2), np.maximum(0, (either - difference) / 2)
        log = _log_choices(n, x + y) + _log_choices(x + y, x) + special.xlogy(x, first) + special.xlogy(y, second)
        return np.asarray(np.exp(log + special.xlogy(n - x - y, np.maximum(0, 1 - either))))

    def tails(self, difference: float) -> FloatArray:
        """float[tables]: the one-sided p of each against "the difference is `difference` or smaller"."""
        scores = self._scores(difference)
        order = np.argsort(-scores)
        worst = self.chances(difference, np.linspace(abs(difference), 1.0, _OPEN))
        summed = np.minimum(1.0, worst[:, order].cumsum(axis=1).max(axis=0))
        last = np.searchsorted(-scores[order], -scores + _ALIKE, side="right") - 1  # of those tied with each
        return np.asarray(summed[last])

    def rejected(self, difference: float, side: int = 1) -> npt.NDArray[np.bool_]:
        """bool[tables]: which show a difference above (side 1) or below (side -1) `difference`."""
        x, y = self.tables
        mirror = np.argsort(np.lexsort((x, y)))
        return self.tails(difference) <= TAIL if side == 1 else (self.tails(-difference) <= TAIL)[mirror]

    def lower_bound(self, table: int) -> float:
        """The smallest difference that is not rejected at 2.5 %, above 0 exactly where 0 is rejected."""
        low, high = (0.0, 1.0) if self.tails(0.0)[table] <= TAIL else (-1.0, 0.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.tails(middle)[table] <= TAIL else (low, middle)
        return low if low == -1.0 else high

    def _scores(self, difference: float) -> FloatArray:
        """float[tables]: how far each speaks for a larger difference; 0 for one without variance or distance."""
        (x, y), n, d = self.tables, self.n, difference
        b = (2 * n - x + y) * d - x - y
        root = np.sqrt(np.maximum(0, b**2 + 8 * n * y * d * (1 - d)))
        rarer = (root - b) / (4 * n)  # the share of the second alone, at its likeliest
        part, error = x - y - n * d, np.sqrt(n * np.maximum(0, 2 * rarer + d * (1 - d)))
        part = np.where(np.abs(part) < _ALIKE, 0.0, part)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(part == 0, 0.0, part / error))


def _log_choices(n: float | FloatArray, k: FloatArray) -> FloatArray:
    return np.asarray(special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0))


def _binary(values: npt.ArrayLike) -> FloatArray:
    sample = finite_sample(values)
    if not np.isin(sample, (0.0, 1.0)).all():
        raise ValueError(f"a share is of values 0 and 1, got {sample[~np.isin(sample, (0.0, 1.0))][0]:g}")
    if sample.size > LARGEST:
        raise ValueError(f"{sample.size} seeds, where differences of shares are exact up to {LARGEST}")
    return sample
