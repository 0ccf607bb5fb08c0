"""Networks for tests."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.learners.initial import initial_networks
from harness.learners.protocol import Learner
from harness.networks.heads import Categorical, Head
from harness.networks.mlp import Mlp, Network
from harness.networks.network import Networks
from harness.streams import streams


def initial_mlp(
    sizes: Sequence[int], rngs: Sequence[np.random.Generator], head: Head | None = None, **settings: Any
) -> Mlp:
    """Draw networks with layers of `sizes` (inputs, hidden ..., outputs), one per stream; settings: of `Network`."""
    made = Network(hidden=tuple(sizes[1:-1]), **settings)
    return made.initial((sizes[0],), head or Categorical(sizes[-1]), rngs)


def networks_of(learner: Learner, task: Any, seeds: Sequence[int], network: Any) -> Networks:
    """What a level 0 of this learner starts from. network: settings."""
    return initial_networks(learner, task, network, streams(seeds, "w0"))
