"""Global magnitude pruning with exact counts."""

from collections.abc import Sequence

import numpy as np


def weight_count(total: int, rate: float, level: int) -> int:
    """Weights left at `level` of `total`: the density (1 - rate)^level, rounded once, and at least one.

    Counted from the total, not from the level before, so that roundings do not add up.
    """
    return max(1, round(total * (1 - rate) ** level))


def keep_largest(weights: Sequence[np.ndarray], masks: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """Masks of the `count` largest |weights| under `masks`, globally over layers, exactly `count` per member.

    weights, masks: float and bool [members, in, out] per layer. Returns bool[members, in, out] per layer, each
    a subset of the mask given. Among equal magnitudes the earlier weight stays: earlier layer first, then
    row-major within the layer. Raises ValueError where a mask holds fewer than `count`, or a
    weight under it that is not finite.
    """
    magnitudes = flatten([np.where(mask, np.abs(weight), -1.0) for weight, mask in zip(weights, masks, strict=True)])
    if not np.isfinite(magnitudes).all():
        raise ValueError("a member diverged: a weight under its mask is not finite, so there is no largest")
    held = (magnitudes >= 0).sum(axis=1)
    if (held < count).any():
        raise ValueError(f"{count} weights are to be kept, but a member has only {held.min()} left")
    order = np.argsort(-magnitudes, axis=1, kind="stable")
    kept = np.zeros(magnitudes.shape, dtype=bool)
    np.put_along_axis(kept, order[:, :count], True, axis=1)
    return unflatten(kept, [weight.shape[1:] for weight in weights])


def flatten(layers: Sequence[np.ndarray]) -> np.ndarray:
    """Layers [members, in, out] as one row per member."""
    return np.concatenate([layer.reshape(len(layer), -1) for layer in layers], axis=1)


def unflatten(rows: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """The inverse of `flatten` for layers of the given [in, out] shapes."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    parts = np.split(rows, ends, axis=1)
    return [part.reshape(len(rows), *shape) for part, shape in zip(parts, shapes, strict=True)]
