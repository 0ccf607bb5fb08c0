"""Pruning by |gradient x weight|, after Molchanov et al. 2017: what a weight's loss would cost, to first order.

pytest -n auto --claim ticket-effect --set pruning.criterion=gradient-times-weight
"""

from harness import register


@register.criterion("gradient-times-weight")
def gradient_times_weight(weights, gradients):
    """Float[members, in, out] per layer; the largest stay."""
    return [abs(gradient * weight) for gradient, weight in zip(gradients, weights, strict=True)]
