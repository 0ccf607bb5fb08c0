"""What a mask keeps of inputs that are maps of objects: arrays in, numbers out (CLAIMS.md, part B).

A channel's inputs lie side by side, one for each pixel. `left` is float[..., inputs], the share of each input's weights
that are left; `among` and `inside` are bool[inputs], of which each part has an input.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def by_channel(left: FloatArray, channels: int, counted: BoolArray | None = None) -> FloatArray:
    """float[..., channels]: density of each channel. counted: bool[inputs], the inputs that count; default all.

    Raises ValueError where the inputs are not so many channels of one size.
    """
    counts = np.ones(left.shape[-1], dtype=bool) if counted is None else counted
    parts = zip(np.split(left, channels, axis=-1), np.split(counts, channels), strict=True)
    return np.stack([part[..., chosen].mean(axis=-1) for part, chosen in parts], axis=-1)


def relative(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What each of two densities is of their sum: float[...] twice, in [0, 1], adding up to 1; a half each where both
    are 0.

    Of channels of one size: who holds how much of the weights that the two have left. At a few per cent density the
    densities themselves lie at the end of their span, where the judge allows for failures that nobody has seen; these
    do not, and are larger than a half exactly where the density is the larger one.
    """
    total = one + other
    share = np.divide(one, total, out=np.full(total.shape, 0.5), where=total > 0)
    return share, 1 - share


def split_means(values: FloatArray, among: BoolArray, inside: BoolArray) -> tuple[FloatArray, FloatArray]:
    """float[...] twice: the mean of float[..., inputs] over the inputs `among` that are `inside`, and over the others
    of them."""
    within, outside = (values[..., among & part].mean(axis=-1) for part in (inside, ~inside))
    return np.asarray(within), np.asarray(outside)


def share_of_emptied(left: FloatArray, among: BoolArray, inside: BoolArray) -> tuple[FloatArray, float]:
    """float[...]: of the inputs `among` that have no weight left, the share that is `inside`; and that share of all of
    `among`, which is chance. Where no input is empty the share is chance: nothing speaks for or against."""
    chance = float(inside[among].mean())
    empty = (left == 0) & among
    count, found = empty.sum(axis=-1), (empty & inside).sum(axis=-1)
    return np.divide(found, count, out=np.full(count.shape, chance), where=count > 0), chance
