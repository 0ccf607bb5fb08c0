"""Observations that are sums of a few pieces out of many, and networks folded over these.

What a maze shows is what its layout shows, and what the agent, the enemies and each thing that was taken change about
that. So an observation of 1,200 numbers is the sum of some 25 pieces out of 250, and a layer's product with it the sum
of as many rows of table @ weights. That has one row per piece: the network is *folded*. It is folded anew where its
weights have changed, while its inputs are only the numbers of the pieces that are seen. The sums are the same up to the
order of their terms.
"""

from typing import NamedTuple

import numpy as np

from harness.compiled import njit
from harness.networks.mlp import Mlp

SPARSE = 0.1
"""A table with a smaller share of entries is kept by these alone."""


class Table(NamedTuple):
    """What each piece adds to an observation: in one of two forms, the other one's arrays are empty.

    starts, columns, values: the entries of one table for all members, piece by piece, those of piece p from starts[p]
    up to starts[p + 1]; int64[pieces + 1], int64[entries], float[entries]. rows: float[members, pieces, inputs].
    inputs: of an observation.
    """

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    inputs: int

    @classmethod
    def of(cls, rows: np.ndarray, members: int) -> "Table":
        """From float[1 or members, pieces, inputs]: one for all members, or each one's own."""
        _, pieces, inputs = rows.shape
        if len(rows) == 1 and np.count_nonzero(rows) < SPARSE * rows.size:
            piece, columns = np.nonzero(rows[0])
            starts = np.searchsorted(piece, np.arange(pieces + 1))
            return cls(starts, columns, rows[0, piece, columns], rows[:0], inputs)
        own = np.ascontiguousarray(np.broadcast_to(rows, (members, pieces, inputs)))
        return cls(np.zeros(pieces + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), own[0, 0, :0], own, inputs)

    @property
    def pieces(self) -> int:
        """How many there are."""
        return len(self.starts) - 1

    def keep(self, members: np.ndarray) -> "Table":
        """That of these members alone (int64[kept])."""
        return self._replace(rows=self.rows[members]) if len(self.rows) else self

    def astype(self, dtype: np.dtype) -> "Table":
        """In the precision of a network."""
        return self._replace(values=self.values.astype(dtype), rows=self.rows.astype(dtype, copy=False))


def folded(mlp: Mlp, table: Table) -> Mlp:
    """Networks (at rest) over the numbers of pieces in place of inputs; int16[members, batch, most] instead of
    observations is what they are asked of, -1 after the last piece."""
    mlp = mlp.arrays()
    sizes = (table.pieces, *mlp.sizes[1:])
    more = (table.pieces - table.inputs) * mlp.sizes[1]
    flat = np.empty((mlp.members, mlp.flat.shape[1] + more), dtype=mlp.flat.dtype)
    _fold_all(table.astype(flat.dtype), mlp.flat, mlp.sizes[1], flat)
    return Mlp(flat, sizes, mlp.activation, mlp.dropout)


class Fold(NamedTuple):
    """Memory for one member's folded network: its row, the gradient of that, and its sizes (see `passes`)."""

    row: np.ndarray
    to_row: np.ndarray
    sizes: np.ndarray

    @classmethod
    def room(cls, mlp: Mlp, table: Table | None) -> "Fold":
        """For a network like those of `mlp`; empty where there is no table."""
        dtype = mlp.flat.dtype
        if table is None:
            return cls(np.empty(0, dtype), np.empty(0, dtype), np.array(mlp.sizes))
        count = mlp.flat.shape[1] + (table.pieces - table.inputs) * mlp.sizes[1]
        return cls(np.empty(count, dtype), np.empty(count, dtype), np.array((table.pieces, *mlp.sizes[1:])))


@njit
def _fold_all(table: Table, flat: np.ndarray, units: int, folds: np.ndarray) -> None:
    for member in range(len(flat)):
        fold(table, member, flat[member], units, folds[member])


@njit
def fold(table: Table, member: int, row: np.ndarray, units: int, folded: np.ndarray) -> None:
    """Fill `folded` from a member's row, whose first layer has `units`: table @ weights, and all else as it is."""
    pieces = len(table.starts) - 1
    weight = row[: table.inputs * units].reshape(table.inputs, units)
    sums = folded[: pieces * units].reshape(pieces, units)
    folded[pieces * units :] = row[table.inputs * units :]
    if len(table.rows):
        np.dot(table.rows[member], weight, sums)
        return
    for piece in range(pieces):
        for unit in range(units):
            sums[piece, unit] = 0
        for entry in range(table.starts[piece], table.starts[piece + 1]):
            column, value = table.columns[entry], table.values[entry]
            for unit in range(units):
                sums[piece, unit] += value * weight[column, unit]


@njit
def unfold(table: Table, member: int, to_folded: np.ndarray, units: int, to_row: np.ndarray) -> None:
    """Fill `to_row` with the gradient of a member's row, from that of its folded one."""
    pieces = len(table.starts) - 1
    to_weight = to_row[: table.inputs * units].reshape(table.inputs, units)
    to_sums = to_folded[: pieces * units].reshape(pieces, units)
    to_row[table.inputs * units :] = to_folded[pieces * units :]
    if len(table.rows):
        np.dot(table.rows[member].T, to_sums, to_weight)
        return
    to_weight[:] = 0
    for piece in range(pieces):
        for entry in range(table.starts[piece], table.starts[piece + 1]):
            column, value = table.columns[entry], table.values[entry]
            for unit in range(units):
                to_weight[column, unit] += value * to_sums[piece, unit]
