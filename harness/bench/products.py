"""The share of an update's time that its matrix products need: what the rate of the products alone leaves to gain.

The products are those of one round of PPO's updates and of the same shapes: forward, and backward to each layer's
weights and inputs (not to the observations, which need no gradient). Alone, they are done both in the way of the
engine, one member after the other by compiled np.dot, and batched over members by torch.bmm; the faster one counts.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch

from harness.bench.population import TABLE_3, population
from harness.bench.profiling import clocked
from harness.bench.rows import Row, Target
from harness.bench.speed import TARGET_SIZE, TARGETS
from harness.bench.timing import advance, medians, rate
from harness.compiled import njit
from harness.learners.ppo import PPOPopulation
from harness.networks.mlp import Mlp, mlp_shape

RUNS = 7
ROUNDS = 4
SHARE = 0.5
CHUNK = 20
"""Members per torch.bmm: 10 took about as long, 40 fall out of the cache."""


def rows() -> Iterator[Row]:
    """GFLOP/s of the products in whole updates and alone, 40 members."""
    for hidden in TARGETS:
        trained = population(TABLE_3, hidden, TARGET_SIZE)
        assert isinstance(trained, PPOPopulation)
        networks = [mlp.arrays() for mlp in trained.networks.values()]
        batch, updates = TABLE_3.samples_per_update, TABLE_3.epochs * TABLE_3.minibatches
        amount = ROUNDS * updates * sum(flops(mlp, batch) for mlp in networks) / 1e9
        works = {
            "update": _in_updates(amount, trained),
            "np.dot": rate(amount, _repeated([dot_products(mlp, batch, updates) for mlp in networks])),
            "torch.bmm": rate(amount, _repeated([bmm_products(mlp, batch, updates) for mlp in networks])),
        }
        found = medians(works, RUNS)
        ours = found.pop("update")
        fastest = max(found, key=lambda name: found[name])
        name = f"PPO {'-'.join(map(str, hidden))}, {TARGET_SIZE} members, products in updates"
        note = "peer: the products alone, by " + " and ".join(f"{way} at {found[way]:.1f}" for way in found)
        target = Target("share", ours / found[fastest], "at least", SHARE)
        yield Row(name, "GFLOP per CPU second", ours, found[fastest], RUNS, target, f"{note}: {fastest} counts")


def flops(mlp: Mlp, batch: int) -> int:
    """Of the products of one update of all members."""
    sizes = list(pairwise(mlp.sizes))
    forward_and_to_weights = 2 * sum(2 * batch * a * b for a, b in sizes)
    return mlp.members * (forward_and_to_weights + sum(2 * batch * a * b for a, b in sizes[1:]))


def dot_products(mlp: Mlp, batch: int, updates: int) -> Callable[[], object]:
    """The engine's way: all updates of a member, then the next one."""
    sizes, _ = mlp_shape(mlp)
    inputs = np.full((mlp.members, batch, mlp.sizes[0]), 0.1, dtype=mlp.flat.dtype)
    slopes = np.full((batch, mlp.sizes[-1]), 0.1, dtype=mlp.flat.dtype)
    room = np.empty((2, batch * max(mlp.sizes)), dtype=mlp.flat.dtype)
    kept = np.empty((len(mlp.sizes), batch * max(mlp.sizes)), dtype=mlp.flat.dtype)
    to_row = np.empty(mlp.flat.shape[1], dtype=mlp.flat.dtype)
    return lambda: _dot_products(mlp.flat, sizes, inputs, slopes, kept, room, to_row, updates)


def bmm_products(mlp: Mlp, batch: int, updates: int) -> Callable[[], object]:
    """Batched over the members of a chunk."""
    chunks = [np.arange(first, min(first + CHUNK, mlp.members)) for first in range(0, mlp.members, CHUNK)]
    layers = []
    for chunk in chunks:
        for weight in mlp.take(chunk).tensors().weights:
            weight = weight.contiguous()
            members, fan_in, fan_out = weight.shape
            below, to_above = torch.full((members, batch, fan_in), 0.1), torch.full((members, batch, fan_out), 0.1)
            layers.append((below, weight, torch.empty_like(to_above), to_above, torch.empty_like(below)))
    depth = len(mlp.sizes) - 1

    def work() -> None:
        with torch.no_grad():
            for first in range(0, len(layers), depth):
                for _ in range(updates):
                    for below, weight, above, _, _ in layers[first : first + depth]:
                        torch.bmm(below, weight, out=above)
                    for layer in range(first + depth - 1, first - 1, -1):
                        below, weight, _, to_above, to_below = layers[layer]
                        torch.bmm(below.transpose(1, 2), to_above, out=to_weight[layer % depth][: len(weight)])
                        if layer > first:
                            torch.bmm(to_above, weight.transpose(1, 2), out=to_below)

    to_weight = [torch.empty_like(layers[layer][1]) for layer in range(depth)]
    return work


@njit
def _dot_products(
    flat: np.ndarray,
    sizes: np.ndarray,
    inputs: np.ndarray,
    slopes: np.ndarray,
    kept: np.ndarray,
    room: np.ndarray,
    to_row: np.ndarray,
    updates: int,
) -> None:
    batch, layers = len(slopes), len(sizes) - 1
    for member in range(len(flat)):
        row = flat[member]
        for _ in range(updates):
            below = inputs[member]
            start = 0
            for layer in range(layers):
                a, b = sizes[layer], sizes[layer + 1]
                above = kept[layer + 1, : batch * b].reshape(batch, b)
                np.dot(below, row[start : start + a * b].reshape(a, b), above)
                below = above
                start += (a + 1) * b
            to_above = slopes
            for layer in range(layers - 1, -1, -1):
                a, b = sizes[layer], sizes[layer + 1]
                start -= (a + 1) * b
                to_weight = to_row[start : start + a * b].reshape(a, b)
                if layer == 0:
                    np.dot(inputs[member].T, to_above, to_weight)
                    break
                np.dot(kept[layer, : batch * a].reshape(batch, a).T, to_above, to_weight)
                to_below = room[layer % 2, : batch * a].reshape(batch, a)
                np.dot(to_above, row[start : start + a * b].reshape(a, b).T, to_below)
                to_above = to_below


def _repeated(works: list[Callable[[], object]]) -> Callable[[], object]:
    return lambda: [work() for _ in range(ROUNDS) for work in works]


def _in_updates(amount: float, population: PPOPopulation) -> Callable[[], float]:
    """A work whose figure is `amount` per CPU second of `ROUNDS` rounds' updates, their rollouts left out."""

    def work() -> float:
        with clocked() as clock:
            advance(population, ROUNDS)
        return amount / clock.seconds["updates"]

    return work
