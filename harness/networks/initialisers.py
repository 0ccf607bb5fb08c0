"""Initialisers: how the weights of one layer are drawn, by name; the built-in ones and those that users register."""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from harness.registry import Registry, caller, origin_of


class Initialiser(Protocol):
    """Draws the weights of one layer."""

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """float[fan_in, fan_out], of one member, from its own stream."""


INITIALISERS: Registry[Initialiser] = Registry("initialiser")


def initialiser(name: str) -> Callable[[Initialiser], Initialiser]:
    """Register the function below it as the initialiser `name`. Raises harness.registry.RegistrationError."""
    registrar = caller()

    def register(function: Initialiser) -> Initialiser:
        INITIALISERS.add(name, function, origin_of(function), registrar)
        return function

    return register


@initialiser("kaiming")
def kaiming(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Draw as torch.nn.Linear does: Kaiming uniform with a = sqrt(5)."""
    return 1 / math.sqrt(fan_in) * rng.uniform(-1, 1, (fan_in, fan_out))


@initialiser("he")
def he(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Draw by He et al. 2015, equation 10, from a uniform distribution."""
    return math.sqrt(6 / fan_in) * rng.uniform(-1, 1, (fan_in, fan_out))


@initialiser("xavier")
def xavier(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Draw by Glorot & Bengio 2010, equation 16."""
    return math.sqrt(6 / (fan_in + fan_out)) * rng.uniform(-1, 1, (fan_in, fan_out))
