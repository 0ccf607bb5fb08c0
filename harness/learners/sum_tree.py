"""A sum tree: it draws places in proportion to their priorities, in O(log n).

Priorities are whole numbers of `UNIT`, so that every sum is exact: whatever the order of changes, a node holds the sum
of the leaves below it, no place of priority 0 is ever drawn, and nothing drifts. Nodes have `WIDTH` children: a change
adds its difference once per level, and a draw reads a few cache lines where a binary tree would read a dozen (with 8
children a draw of 16,384 took 39 ns, with 4 as long, with 16 longer).
"""

from typing import NamedTuple

import numpy as np

from harness.compiled import njit

UNIT = 2.0**-20
"""The resolution: errors of 1e-6 are told apart, and the largest priority is 2,048."""
LARGEST = 2**31 - 1
"""The largest priority, in units."""
SHIFT = 3
WIDTH = 1 << SHIFT
LINE = 16
"""Leaves in a cache line."""


class SumTree(NamedTuple):
    """The trees of a population.

    leaves: int32[members, places, rounded up], the priorities in units. nodes: int64[members, nodes], the sums, level
    by level from the one above the leaves to the root. starts: int64[levels], where each level starts among the nodes.
    highest: int64[members], the largest priority so far.
    """

    leaves: np.ndarray
    nodes: np.ndarray
    starts: np.ndarray
    highest: np.ndarray

    @classmethod
    def empty(cls, members: int, places: int) -> "SumTree":
        """Where every priority is 0, and the largest so far counts as 1 (Schaul et al. 2016, Algorithm 1)."""
        starts: list[int] = []
        end, width = 0, _up(places)
        while not starts or width > 1:
            width = width >> SHIFT
            starts.append(end)
            width = width if width == 1 else _up(width)
            end += width
        return cls(
            np.zeros((members, _up(places)), dtype=np.int32),
            np.zeros((members, end), dtype=np.int64),
            np.array(starts),
            np.full(members, round(1 / UNIT)),
        )

    def keep(self, members: np.ndarray) -> "SumTree":
        """Those of these members alone (int64[kept]), as copies."""
        return SumTree(self.leaves[members], self.nodes[members], self.starts, self.highest[members])


def _up(count: int) -> int:
    """To a multiple of `WIDTH`."""
    return -(-count // WIDTH) * WIDTH


@njit
def _total(tree: SumTree, member: int) -> int:
    """The sum of a member's priorities, in units."""
    return int(tree.nodes[member, -1])


@njit
def _bring_near(tree: SumTree, member: int, held: int, draws: int) -> None:
    """Fetch the first `held` leaves into the cache before so many draws, where that pays.

    Read in order they are fetched ahead, while each draw would wait for its own.
    """
    leaves, highest = tree.leaves[member], tree.highest[member]
    if 4 * LINE * draws < held:
        return
    for place in range(0, held, LINE):
        highest = max(highest, np.int64(leaves[place]))
    tree.highest[member] = highest  # unchanged: no leaf is above it, but the compiler must keep the loop


@njit
def _put(tree: SumTree, member: int, place: int, units: int) -> None:
    """Give a place this priority, in units."""
    _put_leaf(tree.leaves[member], tree.nodes[member], tree.starts, place, units)


@njit
def _find(tree: SumTree, member: int, target: int) -> int:
    """The place at which the cumulative sum of priorities first exceeds `target` (units, 0 to below the total)."""
    return int(_find_leaf(tree.leaves[member], tree.nodes[member], tree.starts, target))


@njit
def _draw(tree: SumTree, member: int, uniforms: np.ndarray, places: np.ndarray) -> None:
    """Fill `places` (int64[batch]), each drawn from its own of as many equal ranges of the sum (Schaul et al. 2016,
    appendix B.2.1), by uniform numbers float64[batch] from 0 to below 1."""
    leaves, nodes, starts = tree.leaves[member], tree.nodes[member], tree.starts
    everything = _total(tree, member)
    width = everything / len(uniforms)
    for i in range(len(uniforms)):
        target = int((i + uniforms[i]) * width)
        places[i] = _find_leaf(leaves, nodes, starts, target if target < everything else everything - 1)


@njit
def _prioritise(
    tree: SumTree, member: int, places: np.ndarray, errors: np.ndarray, alpha: float, priority_epsilon: float
) -> None:
    """Give places (int64[batch]) the priorities (|error| + priority_epsilon) ^ alpha: Schaul et al. 2016, section 3.3.

    A priority is at least a unit, so that every transition can be drawn again; NaN gets the largest priority.
    """
    leaves, nodes, starts = tree.leaves[member], tree.nodes[member], tree.starts
    number = errors.dtype.type  # a constant of double precision would lift the power to it
    power, offset, scale, limit = number(alpha), number(priority_epsilon), number(1 / UNIT), number(LARGEST)
    highest = tree.highest[member]
    for i in range(len(places)):
        priority = (np.abs(errors[i]) + offset) ** power * scale
        units = max(int(priority + number(0.5)), 1) if priority < limit else LARGEST
        _put_leaf(leaves, nodes, starts, places[i], units)
        highest = max(highest, units)
    tree.highest[member] = highest


@njit
def _put_leaf(leaves: np.ndarray, nodes: np.ndarray, starts: np.ndarray, place: int, units: int) -> None:
    difference = np.int64(units) - np.int64(leaves[place])
    leaves[place] = units
    for start in starts:
        place >>= SHIFT
        nodes[start + place] += difference


@njit
def _find_leaf(leaves: np.ndarray, nodes: np.ndarray, starts: np.ndarray, target: int) -> int:
    place = 0
    for level in range(len(starts) - 2, -1, -1):
        first = place << SHIFT
        child, before = _child(nodes[starts[level] + first : starts[level] + first + WIDTH], target)
        place, target = first + child, target - before
    first = place << SHIFT
    child, _ = _child(leaves[first : first + WIDTH], target)
    return first + child


@njit
def _child(sums: np.ndarray, target: int) -> tuple[int, int]:
    """The first of `WIDTH` children whose cumulative sum exceeds `target`, and the sum of those before it.

    The loop does not stop early: a branch that the processor cannot predict took twice as long.
    """
    child, before, cumulative = 0, np.int64(0), np.int64(0)
    for k in range(WIDTH - 1):
        cumulative += sums[k]
        below = cumulative <= target
        child = k + 1 if below else child
        before = cumulative if below else before
    return child, int(before)
