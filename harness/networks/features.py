"""Features: where observations are sums of a few of them out of many, networks take the numbers of the active ones.

These are int16[members, batch, most], -1 after the last one. Either a feature is an input that is one, all others being
zero (`BinaryInputs`), or there is a table of what each adds to an observation (`FeatureTable`).
"""

from typing import NamedTuple

import numpy as np

from harness.arguments import check_array, check_indices
from harness.compiled import njit

Array = np.ndarray
SPARSE = 0.1
"""A table of which a smaller part is not zero is stored as its entries alone."""


class BinaryInputs(NamedTuple):
    """Observations of `inputs` numbers that are 0 or 1; a feature is an input that is 1."""

    inputs: int

    @property
    def features(self) -> int:
        """As many as there are inputs."""
        return self.inputs

    def keep(self, members: Array) -> "BinaryInputs":
        """The same for all members."""
        return self

    def only(self, columns: Array, members: int) -> "FeatureTable":
        """What the same features are where these inputs alone are observed (int64[kept])."""
        return FeatureTable.of(np.eye(self.inputs, dtype=np.float32)[None][..., columns], members)


class FeatureTable(NamedTuple):
    """What each feature adds to an observation, in one of two forms; the other form's arrays are empty.

    starts, columns, values: the entries of one table for all members, feature by feature, those of feature f from
    starts[f] up to starts[f + 1]; int64[features + 1], int64[entries], float[entries]. rows: float[members, features,
    inputs]. inputs: of an observation.
    """

    starts: Array
    columns: Array
    values: Array
    rows: Array
    inputs: int

    @classmethod
    def of(cls, rows: Array, members: int) -> "FeatureTable":
        """From float[1 or members, features, inputs]: one for all members, or each one's own."""
        check_array("rows", rows, (-1, -1, -1))
        _, features, inputs = rows.shape
        if len(rows) == 1 and np.count_nonzero(rows) < SPARSE * rows.size:
            feature, columns = np.nonzero(rows[0])
            starts = np.searchsorted(feature, np.arange(features + 1))
            none = np.empty((0, features, inputs), dtype=rows.dtype)
            return cls(starts, np.ascontiguousarray(columns), rows[0, feature, columns], none, inputs)
        own = np.array(np.broadcast_to(rows, (members, features, inputs)), order="C")  # writable, as all: one type
        return cls(np.zeros(features + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), own[0, 0, :0], own, inputs)

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self.starts) - 1

    def check(self) -> None:
        """Raise ValueError where its arrays do not fit each other, TypeError where one holds no numbers."""
        check_array("starts", self.starts, (-1,), whole=True)
        check_indices("columns", self.columns, (-1,), self.inputs)
        check_array("values", self.values, self.columns.shape)
        rise = (self.starts[:-1] <= self.starts[1:]).all()
        if self.features < 1 or not rise or self.starts[0] < 0 or self.starts[-1] > len(self.columns):
            raise ValueError(f"starts must be of one feature or more, and rise from 0 to at most {len(self.columns)}")
        check_array("rows", self.rows, (-1, self.features, self.inputs))

    def keep(self, members: Array) -> "FeatureTable":
        """That of these members alone (int64[kept])."""
        return self._replace(rows=self.rows[members]) if len(self.rows) else self

    def only(self, columns: Array, members: int) -> "FeatureTable":
        """What the same features add where these inputs alone are observed (int64[kept])."""
        rows = self.rows
        if not len(rows):
            rows = np.zeros((1, self.features, self.inputs), dtype=self.values.dtype)
            rows[0, np.repeat(np.arange(self.features), np.diff(self.starts)), self.columns] = self.values
        return FeatureTable.of(rows[..., columns], members)

    def astype(self, dtype: np.dtype) -> "FeatureTable":
        """In the precision of a network."""
        return self._replace(values=self.values.astype(dtype), rows=self.rows.astype(dtype, copy=False))


Features = BinaryInputs | FeatureTable


def active_inputs(observations: Array, cells: tuple[int, int], features: int) -> Array:
    """Active features [members, batch, most] as compiled passes take them. cells: members and batch, or -1.

    Raises as `check_array`, and ValueError for a feature that is none of so many.
    """
    most = observations.shape[-1] if isinstance(observations, Array) and observations.ndim else -1
    check_array("observations", observations, (*cells, most), whole=True)
    found = np.ascontiguousarray(observations, dtype=np.int16)
    if _largest(found) >= features:
        raise ValueError(f"feature {found.max()} is none of the {features} that these networks take")
    return found


@njit
def _largest(features: Array) -> int:
    """Of int16[members, batch, most]; -1 where there are none. It takes a third of the time that numpy's does."""
    largest = np.int16(-1)
    for feature in features.ravel():
        largest = max(largest, feature)
    return int(largest)
