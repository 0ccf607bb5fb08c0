"""SplitMix64 (Steele, Lea & Flood 2014): random numbers that are a function of a key and a count.

Compiled code uses it where a generator would have to be kept or shared: a draw can be repeated at any time, and does
not depend on what was drawn before.
"""

import numpy as np

from harness.compiled import njit

STEP = np.uint64(0x9E3779B97F4A7C15)
"""What the state grows by from one number to the next."""
_MULTIPLIER_1, _MULTIPLIER_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@njit
def _splitmix64(key: np.uint64, number: int) -> np.uint64:
    """The uint64 `number` (from 0) of the sequence that starts at `key`."""
    return _mixed(np.uint64(key) + np.uint64(number + 1) * STEP)  # numba adds mixed signs as floats


@njit
def _mixed(state: np.uint64) -> np.uint64:
    """The uint64 that SplitMix64 gives for a state."""
    bits = (state ^ (state >> np.uint64(30))) * _MULTIPLIER_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIER_2
    return np.uint64(bits ^ (bits >> np.uint64(31)))
