"""What a mask keeps of inputs that are maps of objects: arrays in, numbers out (CLAIMS.md, part B). numpy only.

A channel's inputs lie side by side, one for each pixel. `left` is the share of each input's weights that are left.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def by_channel(left: npt.ArrayLike, channels: int, counted: npt.ArrayLike | None = None) -> FloatArray:
    """Density of each channel. left: float[..., inputs] -> float[..., channels].

    counted: bool[inputs], the inputs that count; default all. Raises ValueError where the inputs are not so many
    channels of one size, or where none of a channel's inputs counts.
    """
    shares = np.asarray(left, dtype=np.float64)
    inputs = shares.shape[-1]
    if channels < 1 or inputs % channels:
        raise ValueError(f"{inputs} inputs are not {channels} channels of one size")
    counts = np.ones(inputs, dtype=bool) if counted is None else np.asarray(counted, dtype=bool)
    parts = zip(np.split(shares, channels, axis=-1), np.split(counts, channels), strict=True)
    return np.stack([_mean_over(part, chosen, "channel") for part, chosen in parts], axis=-1)


def relative(one: npt.ArrayLike, other: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """What each of two densities is of their sum: float[...] twice, in [0, 1], adding up to 1; a half each where both
    are 0.

    Of channels of one size: who holds how much of the weights that the two have left. At a few per cent density the
    densities themselves lie at the end of their span, where the judge allows for failures that nobody has seen; these
    do not, and are larger than a half exactly where the density is the larger one.
    """
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if (first < 0).any() or (second < 0).any():
        raise ValueError("densities can't be negative")
    total = first + second
    share = np.divide(first, total, out=np.full(total.shape, 0.5), where=total > 0)
    return share, 1 - share


def split_means(values: npt.ArrayLike, among: npt.ArrayLike, inside: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Mean over those of the inputs `among` that are `inside`, and over those that are not. values: float[..., inputs];
    among, inside: bool[inputs] -> float[...] twice.

    Raises ValueError where either has no input.
    """
    numbers, group, within = np.asarray(values, np.float64), np.asarray(among, bool), np.asarray(inside, bool)
    return _mean_over(numbers, group & within, "part"), _mean_over(numbers, group & ~within, "part")


def share_of_emptied(left: npt.ArrayLike, among: npt.ArrayLike, inside: npt.ArrayLike) -> tuple[FloatArray, float]:
    """Of the inputs `among` that have no weight left, the share that is `inside`; and that share of all of `among`,
    which is chance. left: float[..., inputs]; among, inside: bool[inputs] -> float[...], float.

    Where no input is empty the share is chance: nothing speaks for or against. Raises ValueError where `among` is
    empty.
    """
    group, within = np.asarray(among, bool), np.asarray(inside, bool)
    if not group.any():
        raise ValueError("there is no input to look among")
    chance = float(within[group].mean())
    empty = (np.asarray(left, dtype=np.float64) == 0) & group
    count = empty.sum(axis=-1)
    found = (empty & within).sum(axis=-1)
    return np.divide(found, count, out=np.full(count.shape, chance), where=count > 0), chance


def _mean_over(values: FloatArray, chosen: BoolArray, what: str) -> FloatArray:
    if not chosen.any():
        raise ValueError(f"a {what} has no input that counts")
    return np.asarray(values[..., chosen].mean(axis=-1))
