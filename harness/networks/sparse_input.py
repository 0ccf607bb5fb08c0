"""Sparse observations: sums of a few active features out of many, and networks whose input layer is projected on them.

A maze shows its layout, and what the agent, the enemies and each thing that was taken change about that. So an
observation of 1,200 numbers is the sum of some 25 features out of 250, and its product with the input layer's weights
is the sum of as many rows of table @ weights. A *projected* network has these rows, one per feature, in place of its
input layer's weights. It is projected anew where the weights have changed, and its inputs are only the numbers of the
active features. The sums are the same up to the order of their terms.
"""

from typing import NamedTuple

import numpy as np

from harness.arguments import check_array, check_indices
from harness.compiled import njit
from harness.networks.mlp import Mlp

SPARSE = 0.1
"""A table of which a smaller part is not zero is stored as its entries alone."""


class FeatureTable(NamedTuple):
    """What each feature adds to an observation, in one of two forms; the other form's arrays are empty.

    starts, columns, values: the entries of one table for all members, feature by feature, those of feature f from
    starts[f] up to starts[f + 1]; int64[features + 1], int64[entries], float[entries]. rows: float[members, features,
    inputs]. inputs: of an observation.
    """

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    inputs: int

    @classmethod
    def of(cls, rows: np.ndarray, members: int) -> "FeatureTable":
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

    def keep(self, members: np.ndarray) -> "FeatureTable":
        """That of these members alone (int64[kept])."""
        return self._replace(rows=self.rows[members]) if len(self.rows) else self

    def astype(self, dtype: np.dtype) -> "FeatureTable":
        """In the precision of a network."""
        return self._replace(values=self.values.astype(dtype), rows=self.rows.astype(dtype, copy=False))


def projected(mlp: Mlp, table: FeatureTable) -> Mlp:
    """Networks that take active features, int16[members, batch, most], -1 after the last one, for observations.

    Raises ValueError where the table does not fit them, and as `FeatureTable.check`.
    """
    if table.inputs != mlp.sizes[0] or len(table.rows) not in (0, mlp.members):
        raise ValueError(
            f"a table of {table.inputs} inputs and {len(table.rows) or 'any'} members does not fit {mlp.members}"
            f" networks of {mlp.sizes[0]} inputs"
        )
    table.check()
    flat = np.empty((mlp.members, projected_length(mlp, table)), dtype=mlp.flat.dtype)
    _project_all(table.astype(flat.dtype), mlp.flat, mlp.sizes[1], flat)
    return Mlp(flat, (table.features, *mlp.sizes[1:]), mlp.activation, mlp.dropout)


def projected_length(mlp: Mlp, table: FeatureTable) -> int:
    """How many parameters a member of `projected` has."""
    return int(mlp.flat.shape[1]) + (table.features - table.inputs) * mlp.sizes[1]


@njit
def _project_all(table: FeatureTable, flat: np.ndarray, units: int, projected: np.ndarray) -> None:
    for member in range(len(flat)):
        _project(table, member, flat[member], units, projected[member])


@njit
def _project(table: FeatureTable, member: int, params: np.ndarray, units: int, projected: np.ndarray) -> None:
    """Fill `projected` from a member's parameters, whose input layer has `units`: table @ weights, the rest as is."""
    features = len(table.starts) - 1
    weight = params[: table.inputs * units].reshape(table.inputs, units)
    sums = projected[: features * units].reshape(features, units)
    projected[features * units :] = params[table.inputs * units :]
    if len(table.rows):
        np.dot(table.rows[member], weight, sums)
        return
    for feature in range(features):
        for unit in range(units):
            sums[feature, unit] = 0
        for entry in range(table.starts[feature], table.starts[feature + 1]):
            column, value = table.columns[entry], table.values[entry]
            for unit in range(units):
                sums[feature, unit] += value * weight[column, unit]


@njit
def _project_gradient(
    table: FeatureTable, member: int, grad_projected: np.ndarray, units: int, grad_params: np.ndarray
) -> None:
    """Fill `grad_params`, the gradient of a member's parameters, from that of its projected ones."""
    features = len(table.starts) - 1
    grad_weight = grad_params[: table.inputs * units].reshape(table.inputs, units)
    grad_sums = grad_projected[: features * units].reshape(features, units)
    grad_params[table.inputs * units :] = grad_projected[features * units :]
    if len(table.rows):
        np.dot(table.rows[member].T, grad_sums, grad_weight)
        return
    grad_weight[:] = 0
    for feature in range(features):
        for entry in range(table.starts[feature], table.starts[feature + 1]):
            column, value = table.columns[entry], table.values[entry]
            for unit in range(units):
                grad_weight[column, unit] += value * grad_sums[feature, unit]
