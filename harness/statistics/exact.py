"""Exact unconditional tests of a difference of two shares: every table that could have come out, and its chance.

A design lists its tables and says, for a difference of the shares and the one thing the difference leaves open, how
probable each is. A table's one-sided p against a difference is the chance of a score as large or larger, at its worst
over what is left open (Barnard 1945; the score statistic and its inversion to bounds: Chan and Zhang 1999). So the
level holds whatever the shares are, failures too rare to be seen included. Up to 101 values of what is left open are
tried: `scipy.stats.barnard_exact` agrees to 0.001 where it applies, to a difference of 0.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import special, stats

from harness.statistics.contrast import FloatArray
from harness.statistics.outcome import TAIL

TRIED = 101
HALVINGS = 20  # of the interval of a bound: to 1e-6
HALVINGS_OF_A_SHARE = 40  # far finer than scores that tie
ALIKE = 1e-7  # scores this close are tied


class Design(Protocol):
    """What a test of shares is made on. Differences are of the first share less the second."""

    def scores(self, difference: float) -> FloatArray:
        """float[tables]: how far each speaks for a larger difference than `difference`."""

    def chances(self, difference: float, left_open: FloatArray) -> FloatArray:
        """float[open, tables]: the probability of each table."""

    def range(self, difference: float) -> tuple[float, float]:
        """Between which what is left open lies."""

    def swapped(self) -> "Design":
        """The same with the two shares in each other's place; table i of it is `mirror`[i] of this."""

    @property
    def mirror(self) -> np.ndarray:
        """int[tables]: the position that each table has in `swapped`."""


@dataclass(frozen=True)
class Pairs:
    """n pairs of which x have the property in the first alone and y in the second alone. Left open: the share of
    pairs that differ. The score is Tango's (1998)."""

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

    def scores(self, difference: float) -> FloatArray:
        """See `Design`."""
        (x, y), n, d = self.tables, self.n, difference
        b = (2 * n - x + y) * d - x - y
        root = np.sqrt(np.maximum(0, b**2 + 8 * n * y * d * (1 - d)))
        rarer = (root - b) / (4 * n)  # the share of the second alone, at its likeliest
        return _ratio(x - y - n * d, np.sqrt(n * np.maximum(0, 2 * rarer + d * (1 - d))))

    def chances(self, difference: float, left_open: FloatArray) -> FloatArray:
        """See `Design`."""
        (x, y), n, differ = self.tables, self.n, left_open[:, None]
        first, second = np.maximum(0, (differ + difference) / 2), np.maximum(0, (differ - difference) / 2)
        log = _log_choices(n, x + y) + _log_choices(x + y, x) + special.xlogy(x, first) + special.xlogy(y, second)
        return np.asarray(np.exp(log + special.xlogy(n - x - y, np.maximum(0, 1 - differ))))

    def range(self, difference: float) -> tuple[float, float]:
        """See `Design`."""
        return abs(difference), 1.0

    def swapped(self) -> "Pairs":
        """See `Design`."""
        return self

    @cached_property
    def mirror(self) -> np.ndarray:
        """See `Design`."""
        x, y = self.tables
        return np.argsort(np.lexsort((x, y)))


@dataclass(frozen=True)
class Groups:
    """Groups of n_a and n_b of which x and y have the property. Left open: the share of the second group. The score
    is Miettinen and Nurminen's (1985): the variance at its likeliest under the difference."""

    n_a: int
    n_b: int

    @cached_property
    def tables(self) -> tuple[FloatArray, FloatArray]:
        """(x, y), each float[tables]."""
        x, y = np.divmod(np.arange((self.n_a + 1) * (self.n_b + 1)), self.n_b + 1)
        return x.astype(float), y.astype(float)

    def index(self, x: int, y: int) -> int:
        """The position of a table."""
        return x * (self.n_b + 1) + y

    def scores(self, difference: float) -> FloatArray:
        """See `Design`."""
        (x, y), n_a, n_b, d = self.tables, self.n_a, self.n_b, difference
        low, high = (np.full(x.size, edge) for edge in self.range(d))
        for _ in range(HALVINGS_OF_A_SHARE):  # the likelihood's slope falls: where it is 0, it is largest
            second = (low + high) / 2
            first = second + d
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = x / first - (n_a - x) / (1 - first) + y / second - (n_b - y) / (1 - second)
            low, high = np.where(slope > 0, second, low), np.where(slope > 0, high, second)
        first, second = np.clip(low + d, 0, 1), np.clip(low, 0, 1)
        variance = first * (1 - first) / n_a + second * (1 - second) / n_b
        return _ratio(x / n_a - y / n_b - d, np.sqrt(variance))

    def chances(self, difference: float, left_open: FloatArray) -> FloatArray:
        """See `Design`."""
        second = left_open[:, None]
        first = np.clip(second + difference, 0, 1)
        of_a = stats.binom.pmf(np.arange(self.n_a + 1), self.n_a, first)
        of_b = stats.binom.pmf(np.arange(self.n_b + 1), self.n_b, second)
        return np.asarray((of_a[:, :, None] * of_b[:, None, :]).reshape(left_open.size, -1))

    def range(self, difference: float) -> tuple[float, float]:
        """See `Design`."""
        return max(0.0, -difference), min(1.0, 1.0 - difference)

    def swapped(self) -> "Groups":
        """See `Design`."""
        return Groups(self.n_b, self.n_a)

    @cached_property
    def mirror(self) -> np.ndarray:
        """See `Design`."""
        x, y = self.tables
        return (y * (self.n_a + 1) + x).astype(int)


def tail(design: Design, table: int, difference: float) -> float:
    """One-sided p of a table against "the difference is `difference` or smaller"."""
    scores = design.scores(difference)
    beyond = scores >= scores[table] - ALIKE
    return min(1.0, float(_worst(design, difference)[:, beyond].sum(axis=1).max()))


def tails(design: Design, difference: float) -> FloatArray:
    """float[tables]: `tail` of every table."""
    scores = design.scores(difference)
    order = np.argsort(-scores)
    summed = _worst(design, difference)[:, order].cumsum(axis=1).max(axis=0)
    last = np.searchsorted(-scores[order], -scores + ALIKE, side="right") - 1  # of those tied with each
    return np.asarray(summed[last])


def lower_bound(design: Design, table: int) -> float:
    """The smallest difference that is not rejected at 2.5 %, above 0 exactly where a difference of 0 is rejected."""
    low, high = (0.0, 1.0) if tail(design, table, 0.0) <= TAIL else (-1.0, 0.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(design, table, middle) <= TAIL else (low, middle)
    return low if low == -1.0 else high


def rejected(design: Design, difference: float, alpha: float, side: int = 1) -> np.ndarray:
    """bool[tables]: which show a difference above (side 1) or below (side -1) `difference`, at alpha / 2."""
    if side == 1:
        return tails(design, difference) <= alpha / 2
    return np.asarray((tails(design.swapped(), -difference) <= alpha / 2)[design.mirror])


def _worst(design: Design, difference: float) -> FloatArray:
    return design.chances(difference, np.linspace(*design.range(difference), TRIED))


def _ratio(part: FloatArray, error: FloatArray) -> FloatArray:
    """part / error, 0 where both are 0: what has no variance and no distance says nothing."""
    part = np.where(np.abs(part) < ALIKE, 0.0, part)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(part == 0, 0.0, part / error))


def _log_choices(n: float | FloatArray, k: FloatArray) -> FloatArray:
    return np.asarray(special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0))
