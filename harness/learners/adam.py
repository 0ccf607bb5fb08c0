"""Adam (Kingma & Ba 2015), compiled for one member at a time."""

from typing import Any, Literal, NamedTuple

import numpy as np

from harness.compiled import njit

BETA1, BETA2 = 0.9, 0.999

LEAST_MEAN = 1e-30
"""A running mean that has fallen to this is taken for 0, as it is beside any weight. The mean of a unit that has died
would fall on to numbers so small that the processor takes several times as long for them, and stay there."""

Decay = Literal["coupled", "decoupled"]
"""Whether weight decay is a part of the gradient (L2, torch's Adam) or apart from it (Loshchilov & Hutter 2019)."""


class AdamSettings(NamedTuple):
    """Settings of one update, as compiled code takes them. decoupled: see `Decay`."""

    learning_rate: float
    epsilon: float
    weight_decay: float
    decoupled: bool


def adam_settings(learner: Any, rate_factor: float = 1.0) -> AdamSettings:
    """Of a learner with settings of these names and `decay`, its learning rate multiplied by `rate_factor`."""
    rate, decoupled = learner.learning_rate * rate_factor, learner.decay == "decoupled"
    return AdamSettings(float(rate), float(learner.epsilon), float(learner.weight_decay), decoupled)


@njit
def _adam_step(
    params: np.ndarray,
    gradient: np.ndarray,
    exp_avg: np.ndarray,
    exp_avg_sq: np.ndarray,
    update: int,
    settings: AdamSettings,
) -> None:
    """Make Adam's update number `update` (from 1) of one member: arrays are float[trained parameters], and `params` may
    go on with others.

    exp_avg, exp_avg_sq: the running means of the gradient and its square, changed as well.
    """
    number = params.dtype.type  # a constant of double precision would lift the whole loop to it
    keep1, keep2, one = number(BETA1), number(BETA2), number(1)
    rate = number(settings.learning_rate / (1 - BETA1**update))
    correction, epsilon = number(np.sqrt(1 - BETA2**update)), number(settings.epsilon)
    decay = number(0) if settings.decoupled else number(settings.weight_decay)
    shrink = number(1 - settings.learning_rate * settings.weight_decay) if settings.decoupled else one
    least = number(LEAST_MEAN)
    for i in range(len(gradient)):
        slope = gradient[i] + decay * params[i]
        mean = keep1 * exp_avg[i] + (one - keep1) * slope
        exp_avg[i] = mean if abs(mean) > least else number(0)
        exp_avg_sq[i] = keep2 * exp_avg_sq[i] + (one - keep2) * slope * slope
        params[i] = shrink * params[i] - rate * exp_avg[i] / (np.sqrt(exp_avg_sq[i]) / correction + epsilon)
