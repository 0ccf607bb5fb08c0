"""Student's t test of a mean and Welch's of a difference, for one sample or many at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.statistics.contrast import FloatArray
from harness.statistics.inference import TAIL, Outcome, finite_sample, no_spread, not_tested, pooled_sd

_LOW = 1 - (1 - TAIL)  # the share that scipy's intervals take, to the last digit


@dataclass(frozen=True)
class Studentised:
    """An estimate with its standard error and degrees of freedom, float[...] each."""

    effect: FloatArray
    error: FloatArray
    freedom: FloatArray

    @property
    def lower(self) -> FloatArray:
        """One-sided 97.5 % bound."""
        return np.asarray(special.stdtrit(self.freedom, _LOW) * self.error + self.effect)

    @property
    def upper(self) -> FloatArray:
        """The same on the other side."""
        return np.asarray(special.stdtrit(self.freedom, 1 - TAIL) * self.error + self.effect)

    @property
    def above(self) -> FloatArray:
        """One-sided p of "it is above 0"; NaN where neither effect nor error is."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(special.stdtr(self.freedom, -(self.effect / self.error)))

    @property
    def below(self) -> FloatArray:
        """One-sided p of "it is below 0"."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(special.stdtr(self.freedom, self.effect / self.error))


def t_test(values: FloatArray) -> Studentised:
    """Of the mean. values: float[..., seeds], two seeds at least."""
    n = values.shape[-1]
    return Studentised(values.mean(axis=-1), np.sqrt(_variance(values) / n), np.asarray(n - 1))


def welch_test(a: FloatArray, b: FloatArray) -> Studentised:
    """Of mean(a) - mean(b). a, b: float[..., seeds]. Where neither varies the error is 0, with 1 degree of freedom."""
    n_a, n_b = a.shape[-1], b.shape[-1]
    of_a, of_b = _variance(a) / n_a, _variance(b) / n_b
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (of_a + of_b) ** 2 / (of_a**2 / (n_a - 1) + of_b**2 / (n_b - 1))
    freedom = np.where(np.isnan(freedom), 1.0, freedom)
    return Studentised(a.mean(axis=-1) - b.mean(axis=-1), np.sqrt(of_a + of_b), freedom)


def studentised_unpaired(a: npt.ArrayLike, b: npt.ArrayLike) -> Outcome:
    """Welch's t test of mean(a) - mean(b). a, b: float[seeds]. Refused where a group has one seed or neither varies."""
    x, y = finite_sample(a), finite_sample(b)
    effect, n = float(x.mean() - y.mean()), (x.size, y.size)
    if why := no_spread(x, y):
        return not_tested("Welch", n, effect, why)
    test = welch_test(x, y)
    p = 2 * float(np.minimum(test.above, test.below))
    return Outcome("Welch", n, effect, float(test.lower), float(test.upper), p, pooled_sd(x, y))


def _variance(values: FloatArray) -> FloatArray:
    """As scipy.stats works it out, to the last digit."""
    n = values.shape[-1]
    variance = ((values - values.mean(axis=-1, keepdims=True)) ** 2).mean(axis=-1)
    return np.asarray(variance * (n / (n - 1)))
