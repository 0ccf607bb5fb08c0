"""Probability of improvement: that a seed of one group does better than a seed of another (Agarwal et al. 2021)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from harness.statistics.estimands import Censored
from harness.statistics.outcome import Outcome, finite_sample
from harness.statistics.permutation import RELABELLINGS
from harness.statistics.ranks import censored_ranks


def improvement(a: npt.ArrayLike, b: npt.ArrayLike, relabellings: int = RELABELLINGS) -> Outcome:
    """Is a seed of a more often better than one of b? a, b: float[seeds], different seeds. Effect: P(a > b) +
    P(tie)/2 - 1/2. The test of `censored_ranks`, with nothing censored: Brunner and Munzel's, permuted."""
    return censored_ranks(_seen(a), _seen(b), relabellings)


def probability_of_improvement(
    a: npt.ArrayLike | Sequence[npt.ArrayLike], b: npt.ArrayLike | Sequence[npt.ArrayLike], confidence: float = 0.95
) -> tuple[float, float, float]:
    """P(a > b) + P(tie)/2, averaged over tasks, and its interval for display. a, b: float[seeds], or of each task a
    float[seeds]: rliable's definition.

    The standard error is DeLong's (1988), from each seed's mean score against the other group, with the floor of
    `censored_ranks`; the interval is made on the logit scale, so that it stays within 0 and 1 (Brunner, Bathke and
    Konietschke 2018), where rliable's bootstrap has no width if one group is always ahead. Raises ValueError for
    different numbers of tasks, under two seeds in a group, NaN or infinite values.
    """
    first, second = _by_task(a), _by_task(b)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} tasks of one group and {len(second)} of the other")
    means, variances, edge = [], [], 0.0
    for x, y in zip(first, second, strict=True):
        if min(x.size, y.size) < 2:
            raise ValueError("a group of one seed has no spread to make an interval of")
        score = (np.sign(x[:, None] - y[None, :]) + 1) / 2
        rows, columns = score.mean(axis=1), score.mean(axis=0)
        variance = rows.var(ddof=1) / x.size + columns.var(ddof=1) / y.size
        means.append(float(score.mean()))
        variances.append(max(variance, 1 / (2 * (x.size * y.size) ** 2)))
        edge = max(edge, 1 / (2 * x.size * y.size))
    mean, error = float(np.mean(means)), float(np.sqrt(np.sum(variances))) / len(means)
    inside = float(np.clip(mean, edge, 1 - edge))
    reach = stats.norm.ppf((1 + confidence) / 2) * error / (inside * (1 - inside))
    low, high = (float(special.expit(special.logit(inside) + side * reach)) for side in (-1, 1))
    return mean, min(low, mean), max(high, mean)


def _seen(values: npt.ArrayLike) -> Censored:
    sample = finite_sample(values)
    return Censored(sample, np.zeros(sample.size, bool), np.zeros(sample.size, bool))


def _by_task(values: npt.ArrayLike | Sequence[npt.ArrayLike]) -> list[np.ndarray]:
    tasks = list(values)  # type: ignore[arg-type]
    if tasks and all(np.ndim(task) == 0 for task in tasks):
        return [finite_sample(values)]  # type: ignore[arg-type]
    return [finite_sample(task) for task in tasks]
