"""The kinds of networks, by the name of their settings; the built-in ones and those that users register."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from harness.networks.cnn import ConvNetwork, Convolution
from harness.networks.heads import Head
from harness.networks.mlp import Network
from harness.networks.network import BaseNetwork
from harness.networks.params import Layout, Params
from harness.registry import Registry, origin_of


class NetworkSettings(Protocol):
    """The settings of a kind of network, as a frozen dataclass of plain values."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the dense hidden layers."""

    @property
    def initialiser(self) -> str:
        """A name in `initialisers.INITIALISERS`."""

    @property
    def input_divisor(self) -> float:
        """See `mlp.Network.input_divisor`."""

    @property
    def dropout(self) -> float:
        """See `mlp.Network.dropout`."""

    def check(self) -> None:
        """Raise ValueError, in one line, for settings that cannot work."""

    @property
    def title(self) -> str:
        """How reports name such networks: "64-64"."""

    def layout(self, observation: tuple[int, ...], head: Head) -> Layout:
        """The tensors of one network for observations of this shape, those of the head last. Raises ValueError where
        it can't see these."""

    def build(self, observation: tuple[int, ...], head: Head, params: Params) -> BaseNetwork:
        """Networks with these parameters."""

    def initial(self, observation: tuple[int, ...], head: Head, streams: Sequence[np.random.Generator]) -> BaseNetwork:
        """Draw networks, one per stream."""


NETWORKS: Registry[type[Any]] = Registry("network")
"""By the name of the class, as it stands in plain settings and on an expert's card."""
for kind in (Network, ConvNetwork):
    NETWORKS.add(kind.__name__, kind, origin_of(kind), origin_of(kind))


def network_from_plain(plain: Mapping[str, Any]) -> NetworkSettings:
    """The inverse of `canonical.to_plain` for the settings of a network. Raises KeyError, TypeError or ValueError."""
    kind = NETWORKS[plain["type"]]
    fields = {field.name: _from_plain(plain[field.name]) for field in dataclasses.fields(kind)}
    settings: NetworkSettings = kind(**fields)
    return settings


def _from_plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # no other settings lie within a network's
        return Convolution(**{name: number for name, number in value.items() if name != "type"})
    return tuple(map(_from_plain, value)) if isinstance(value, list) else value
