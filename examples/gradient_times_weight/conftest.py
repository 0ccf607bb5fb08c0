"""Pruning by |gradient x weight|: to first order, how much the loss would change without the weight.

pytest -n auto --claim ticket-effect --claims-set pruning.criterion=gradient-times-weight
"""

from harness import register

pytest_plugins = ["harness.plugin"]


@register.criterion("gradient-times-weight")
def gradient_times_weight(weights, gradients):
    """Molchanov et al. 2017: float[members, *shape] per layer; the largest stay."""
    return [abs(gradient * weight) for gradient, weight in zip(gradients, weights, strict=True)]
