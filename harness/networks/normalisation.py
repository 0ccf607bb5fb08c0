"""Running statistics, by which observations and rewards are normalised as stable-baselines3's VecNormalize does.

They are a tensor of a member's own parameters that no gradient trains. So they go wherever these go: into checkpoints,
rewind points, level files and experts. A tensor float[3, size] holds, for each number, how often it was seen, its mean
and its variance.
"""

from collections.abc import Callable

import numpy as np

from harness.networks.params import Layout, Params, Tensor

Array = np.ndarray
OBSERVATIONS, RETURNS = "observations", "returns"
"""The names of these tensors."""
LIMIT = 10.0
"""What is normalised is cut off at this, to both sides."""
LEAST_VARIANCE = 1e-8
"""Added to a variance."""


def statistics(name: str, size: int) -> Layout:
    """Those of so many numbers. They are 0 before anything was seen."""
    return (Tensor(name, (3, size), trained=False),)


def take_in(params: Params, name: str, values: Array) -> None:
    """Let the statistics go on with values [members, samples, size] (Chan et al. 1983)."""
    held = params[name]
    count, mean, variance = (held[:, i].astype(np.float64) for i in range(3))
    values, new = values.astype(np.float64), values.shape[1]
    distance, share = values.mean(axis=1) - mean, new / (count + new)
    spread = variance * (1 - share) + values.var(axis=1) * share + distance**2 * share * (1 - share)
    held[:] = np.stack([count + new, mean + distance * share, spread], axis=1)


def normaliser(params: Params) -> Callable[[Array], Array]:
    """What makes of raw observations [members, ..., *shape] what the passes take: less their mean, by their deviation,
    cut off. They stay as they are where there are no statistics, or none yet."""
    if OBSERVATIONS not in set(params):
        return lambda observations: observations
    count, mean, variance = (params[OBSERVATIONS][:, [i]] for i in range(3))
    scale = np.where(count > 0, 1 / np.sqrt(variance + LEAST_VARIANCE), 1).astype(mean.dtype)
    limit = np.where(count > 0, LIMIT, np.inf).astype(mean.dtype)

    def normalised(observations: Array) -> Array:
        rows = observations.reshape(len(mean), -1, mean.shape[2])
        return np.asarray(np.clip((rows - mean) * scale, -limit, limit).reshape(observations.shape))

    return normalised
