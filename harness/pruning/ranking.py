"""Global pruning with exact counts: the weights that are ranked highest stay."""

from collections.abc import Sequence

import numpy as np


def weight_count(total: int, rate: float, level: int) -> int:
    """Weights left at `level` of `total`: the density (1 - rate)^level, rounded once, and at least one.

    Counted from the total, not from the level before, so that roundings do not add up.
    """
    return max(1, round(total * (1 - rate) ** level))


def keep_largest(saliencies: Sequence[np.ndarray], masks: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Masks of the `count` largest saliencies under `masks`, globally over layers, exactly `count` per member.

    saliencies, masks: float and bool [members, *shape] per layer. Returns bool[members, *shape] per layer, each
    a subset of the mask given. Among equal saliencies the earlier weight stays: earlier layer first, then
    row-major within the layer. Raises ValueError where a mask holds fewer than `count`, or a
    saliency under it is not finite.
    """
    under = flatten(masks)
    ranked = np.where(under, flatten(saliencies), -np.inf)
    if not np.isfinite(ranked[under]).all():
        raise ValueError(
            "a member diverged: the saliency of a remaining weight is not finite, so its weights can't be ranked"
        )
    held = under.sum(axis=1)
    if (held < count).any():
        raise ValueError(f"{count} weights are to be kept, but a member has only {held.min()} left")
    lowest = np.partition(ranked, -count, axis=1)[:, -count, None] if count else np.inf  # of those that stay
    kept, equal = ranked > lowest, ranked == lowest
    kept |= equal & (equal.cumsum(axis=1) <= count - kept.sum(axis=1, keepdims=True))
    return unflatten(kept, [mask.shape[1:] for mask in masks])


def flatten(layers: Sequence[np.ndarray]) -> np.ndarray:
    """Layers [members, *shape] as one row per member."""
    return np.concatenate([layer.reshape(len(layer), -1) for layer in layers], axis=1)


def unflatten(rows: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """The inverse of `flatten` for layers of the given shapes."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    parts = np.split(rows, ends, axis=1)
    return [part.reshape(len(rows), *shape) for part, shape in zip(parts, shapes, strict=True)]
