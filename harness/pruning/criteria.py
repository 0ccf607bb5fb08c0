"""Pruning criteria: which number a weight is ranked by. The largest stay.

A criterion gives saliencies in the shapes of the weights, finite under the masks. It names what it wants as
its parameters, of

    weights     float[members, *shape] per layer of the prunable networks: trained, at the pruned checkpoint
    gradients   the same shapes: of the learner's loss there (`Population.gradients`), zero outside the masks
    masks       bool, the same shapes: under which they were trained
    rngs        a random stream per member, new at every level
"""

import inspect
from collections.abc import Callable, Sequence

import numpy as np

from harness.registry import RegistrationError, Registry, caller, origin_of

Layers = list[np.ndarray]
Criterion = Callable[..., Layers]

CRITERIA: Registry[Criterion] = Registry("criterion")
PARAMETERS = ("weights", "gradients", "masks", "rngs")


def criterion(name: str) -> Callable[[Criterion], Criterion]:
    """Register the function below it as the criterion `name`. Raises RegistrationError."""

    registrar = caller()

    def register(function: Criterion) -> Criterion:
        origin = origin_of(function)
        strangers = [parameter for parameter in inspect.signature(function).parameters if parameter not in PARAMETERS]
        if strangers:
            known = ", ".join(PARAMETERS)
            raise RegistrationError(
                f"criterion {name!r} ({origin}) has unknown parameters: {', '.join(strangers)}; it may have {known}"
            )
        CRITERIA.add(name, function, origin, registrar)
        return function

    return register


@criterion("magnitude")
def magnitude(weights: Layers) -> Layers:
    """The paper's criterion: |weight|."""
    return [np.abs(weight) for weight in weights]


@criterion("random")
def random(weights: Layers, rngs: Sequence[np.random.Generator]) -> Layers:
    """A control: weights are ranked at random."""
    return [np.stack([rng.random(weight.shape[1:]) for rng in rngs]) for weight in weights]


@criterion("smallest-stay")
def smallest_stay(weights: Layers) -> Layers:
    """A control: the reverse of the paper's, so that the largest weights are pruned."""
    return [-np.abs(weight) for weight in weights]


def asks_for(name: str, parameter: str) -> bool:
    """Whether the criterion `name` wants `parameter`. Raises UnknownNameError."""
    return parameter in inspect.signature(CRITERIA[name]).parameters


def saliencies(
    name: str, weights: Layers, gradients: Layers, masks: Layers, rngs: Sequence[np.random.Generator]
) -> Layers:
    """The saliencies by the criterion `name`. Raises ValueError where their shapes are not those of the weights."""
    offered = dict(zip(PARAMETERS, (weights, gradients, masks, rngs), strict=True))
    wanted = inspect.signature(CRITERIA[name]).parameters
    result = [np.asarray(layer) for layer in CRITERIA[name](**{parameter: offered[parameter] for parameter in wanted})]
    found, expected = [layer.shape for layer in result], [weight.shape for weight in weights]
    if found != expected:
        raise ValueError(
            f"criterion {name!r} returned layers of shapes {found}, but the weights have shapes {expected}"
        )
    return result
