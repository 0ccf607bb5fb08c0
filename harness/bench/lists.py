"""A part of the benchmark: updates of networks whose surviving weights are lists, beside dense ones under masks."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from harness.bench.measure import Row, Target, cpu_seconds, medians
from harness.compiled import njit
from harness.learners.adam import AdamSettings
from harness.learners.trained import TrainedNetwork, _clipped_adam_step, _member_gradient
from harness.networks.cnn import ConvNetwork
from harness.networks.compaction import compact
from harness.networks.features import BinaryInputs
from harness.networks.heads import Values
from harness.networks.listed import listed
from harness.networks.mlp import Mlp, Network
from harness.networks.network import BaseNetwork, NetworkWorkspace, _forward_member, _prepare_member
from harness.networks.params import Params
from harness.networks.sparse_input import on_features
from harness.streams import streams

Array = np.ndarray
MEMBERS, BATCH, UPDATES, RUNS = 10, 32, 20, 5
PICTURE, ACTIVE = (4, 10, 10), 33
"""MinAtar's, and how many cells of it are 1 in these rows."""


def lists() -> Iterator[Row]:
    """At densities at which lists pay, and at a larger one, at which the engine does not make any."""
    for settings, bounds in ((Network((128, 64)), (0.7, None)), (ConvNetwork((128, 64)), (0.8, None))):
        for density, bound in zip((0.02, 0.1), bounds, strict=True):
            dense, masks = _sparse(settings, density)
            few = listed(dense, masks)
            pairs = ((few.network, few.masks), (dense, masks))
            found = medians([partial(cpu_seconds, _updates(*pair)) for pair in pairs], RUNS)
            ours, peer = (seconds / (MEMBERS * UPDATES) * 1e6 for seconds in found)
            target = Target("share of a dense one's", ours / peer, bound, at_most=True) if bound else None
            inputs = "400, " * isinstance(dense, Mlp)
            name = f"{inputs}{settings.title}, an update of {BATCH} as lists at {density:.0%}"
            yield Row(name, "CPU µs per member", ours, peer, RUNS, target, "peer: dense, without unreachable units")


def _sparse(settings: Network, density: float) -> tuple[Any, Params]:
    """Networks under random masks, as a level trains them without lists."""
    network: Any = settings.initial(PICTURE, Values(6), streams(range(MEMBERS), "w0"))
    rng, masks = np.random.default_rng(0), network.params.everywhere()
    for mask in masks.weights:
        mask[:] = rng.random(mask.shape) < density
    network = network.each(lambda flat: flat * masks.flat)
    if not isinstance(network, Mlp):
        return network, masks
    small = compact(network, masks)
    return small.network, small.masks


def _updates(network: BaseNetwork, masks: Params) -> Any:
    """A work: updates of all members, on active inputs and with random gradients of the outputs."""
    rng, count = np.random.default_rng(1), int(np.prod(PICTURE))
    network = on_features(network, BinaryInputs(count))
    trained, space = TrainedNetwork.start(network, masks), NetworkWorkspace.of(network, BATCH)
    inputs = np.argsort(rng.random((MEMBERS, BATCH, count)), axis=2)[..., :ACTIVE].astype(np.int16)
    space.grad_outputs[:] = rng.normal(size=space.grad_outputs.shape) / BATCH
    settings = AdamSettings(1e-4, 1e-5, 0.0, False)
    return partial(_improve, trained, inputs, space, settings, UPDATES)


@njit
def _improve(
    network: TrainedNetwork, inputs: Array, space: NetworkWorkspace, settings: AdamSettings, updates: int
) -> None:
    for member in range(len(inputs)):
        for update in range(1, updates + 1):
            prepared = _prepare_member(network.shape, member, network.params[member], space.memory)
            _forward_member(network.shape, prepared, inputs[member], space.memory, space.outputs, None)
            _member_gradient(network, member, prepared, inputs[member], space, None)
            norm = np.sqrt(np.dot(space.grad_params, space.grad_params))
            _clipped_adam_step(network, member, space.grad_params, norm, 10.0, update, settings)
