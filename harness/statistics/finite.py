"""What is not a number can't be judged: one line that says which, and of which seed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NAMED = 3


class NotFiniteError(ValueError):
    """A value is NaN or infinite. Its message is one line, for whoever reads the finding."""


def require_finite(values: npt.ArrayLike, what: str = "a value", seeds: Sequence[int] | None = None) -> None:
    """Raise NotFiniteError, naming `what` and the seeds, where one of values is NaN or infinite. values: float[seeds,
    ...]; seeds: those of the first axis, else they are counted from 1."""
    held = np.asarray(values, dtype=np.float64)
    if np.isfinite(held).all():
        return
    rows = held.reshape(len(held), -1) if held.ndim else held.reshape(1, 1)
    bad = [(i, row[~np.isfinite(row)][0]) for i, row in enumerate(rows) if not np.isfinite(row).all()]
    named = [f"seed {seeds[i]}" if seeds is not None else f"number {i + 1} of {len(rows)}" for i, _ in bad]
    said = ", ".join(f"{name} ({value:g})" for name, (_, value) in list(zip(named, bad, strict=True))[:NAMED])
    more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    raise NotFiniteError(f"{what} is not finite: NaN or infinite for {said}{more}")
