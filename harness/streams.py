"""Random numbers: every draw comes from a stream named by whose it is and what it is for.

A member therefore draws the same numbers alone or among forty others, and a level needs nothing but its seed
and its number to be drawn again after a crash.
"""

import zlib
from collections.abc import Sequence

import numpy as np


def stream(seed: int, purpose: str, *where: int) -> np.random.Generator:
    """The generator of one `seed` for one `purpose` (a word) at one place (level, number of the evaluation)."""
    return np.random.Generator(
        np.random.PCG64DXSM(np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *where]))
    )


def streams(seeds: Sequence[int], purpose: str, *where: int) -> list[np.random.Generator]:
    """One generator per seed."""
    return [stream(seed, purpose, *where) for seed in seeds]
