"""Updates of convolutional networks: ours, torch with members as groups, and stable-baselines3 member after member.

An update is a forward and a backward pass, gradients zero outside a mask, and Adam; the loss is the Huber loss of
action values. Ours is the engine's own for learning from a data set; the peers' Adam is torch's fused one.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.dqn.policies import DQNPolicy
from torch.nn import functional

from harness.bench.measure import Row, Target, medians, rate
from harness.learners import supervised
from harness.learners.adam import AdamSettings
from harness.learners.trained import TrainedNetwork
from harness.networks.cnn import Cnn, ConvNetwork
from harness.networks.features import BinaryInputs
from harness.networks.heads import Values
from harness.networks.network import NetworkWorkspace
from harness.networks.sparse_input import on_features
from harness.streams import streams

NETWORK = ConvNetwork()
"""The paper's in MinAtar (C.6)."""
PICTURE, ACTIVE, ACTIONS = (4, 10, 10), 33, 6
"""Of MinAtar's Breakout: channels, rows, columns; cells that are 1 on average; actions."""
UPDATES, RUNS = 4, 5
"""Of each member in a turn; turns of which the median counts."""
LEARNING_RATE = 1e-3


def cnn() -> Iterator[Row]:
    """Updates of members on pictures of few lit cells, which they take as numbers of cells, or whole."""
    for members in (10, 20):
        for batch in (32, 128):
            yield from rows(members, batch)


def rows(members: int, batch: int) -> Iterator[Row]:
    """Of so many members, whose updates are of so many samples."""
    rng = np.random.default_rng(0)
    pictures = (rng.random((members, batch, *PICTURE)) < ACTIVE / prod(PICTURE)).astype(np.float32)
    targets = rng.normal(size=(members, batch, ACTIONS)).astype(np.float32)
    network = NETWORK.initial(PICTURE, Values(ACTIONS), streams(range(members), "w0"))
    assert isinstance(network, Cnn)
    works = [
        ours(on_features(network, BinaryInputs(prod(PICTURE))), cells_of(pictures), targets),
        ours(network.copy(), pictures.reshape(members, batch, -1), targets),
        Grouped(network, pictures, targets).advance,
        Loop(members, pictures, targets).advance,
    ]
    cells, whole, grouped, loop = medians([rate(members * batch * UPDATES, work) for work in works], RUNS)
    name = f"CNN {NETWORK.title}, {members} members, updates of {batch} samples"
    once = 2.7 if batch == 32 else 2.0  # at 128 the products of the dense layers alone take a third of this peer's time
    for peer, figure, bound in (("torch, members as groups", grouped, 1.5), ("stable-baselines3", loop, once)):
        note, target = f"peer: {peer}. Ours on whole pictures: {whole:,.0f}", Target("ratio", cells / figure, bound)
        yield Row(name, "samples per CPU second", cells, figure, RUNS, target, note)


def cells_of(pictures: np.ndarray) -> np.ndarray:
    """int16[members, batch, most]: the numbers of the cells that are 1."""
    flat = pictures.reshape(*pictures.shape[:2], -1)
    found = np.full((*flat.shape[:2], int(flat.sum(axis=2).max())), -1, dtype=np.int16)
    for place in np.ndindex(flat.shape[:2]):
        active = np.flatnonzero(flat[place])
        found[place][: len(active)] = active
    return found


def ours(network: Any, inputs: np.ndarray, targets: np.ndarray) -> Callable[[], None]:
    """A work: `UPDATES` updates of each member."""
    members, batch = inputs.shape[:2]
    room = np.empty((batch, inputs.shape[2]), inputs.dtype)
    workspace = supervised.SupervisedWorkspace(room, NetworkWorkspace.of(network, batch))
    trained = TrainedNetwork.start(network, network.params.everywhere())
    order = np.tile(np.arange(batch), (members, UPDATES))
    adam = AdamSettings(LEARNING_RATE, 1e-8, 0.0, False)
    return lambda: supervised._improve(trained, inputs, targets, order, 0, 1, adam, workspace, 0.0, None)


class Grouped:
    """All members at once: convolutions of as many groups, and batched products."""

    def __init__(self, network: Cnn, pictures: np.ndarray, targets: np.ndarray):
        members, batch, channels, *sides = pictures.shape
        self.pictures = torch.from_numpy(pictures).transpose(0, 1).reshape(batch, members * channels, *sides)
        self.targets = torch.from_numpy(targets)
        self.params: list[torch.Tensor] = []
        self.masks: list[torch.Tensor] = []
        for name in network.params:
            tensor = torch.tensor(network.params[name])
            tensor = tensor.permute(0, 4, 3, 1, 2).contiguous() if tensor.ndim == 5 else tensor
            self.params.append(tensor.requires_grad_())
            self.masks.append(torch.ones_like(tensor))
        self.optimizer = torch.optim.Adam(self.params, lr=LEARNING_RATE, fused=True)

    def advance(self) -> None:
        """Make the updates."""
        for _ in range(UPDATES):
            loss = functional.smooth_l1_loss(self.outputs(), self.targets, reduction="none").mean(1).sum()
            torch.autograd.backward(loss)
            _mask_gradients(self.params, self.masks)
            self.optimizer.step()
            self.optimizer.zero_grad()

    def outputs(self) -> torch.Tensor:
        """[members, batch, actions]."""
        weight, bias, *dense = self.params
        members, batch = self.targets.shape[:2]
        made = functional.conv2d(self.pictures, weight.flatten(0, 1), bias.flatten(), groups=members).relu()
        hidden = made.view(batch, members, -1).transpose(0, 1)
        for layer in range(0, len(dense), 2):
            hidden = torch.baddbmm(dense[layer + 1][:, None], hidden if layer == 0 else hidden.relu(), dense[layer])
        return hidden


class Extractor(BaseFeaturesExtractor):
    """The convolutions, as a user of stable-baselines3 writes them."""

    def __init__(self, observation_space: gymnasium.spaces.Box):
        convolutions: list[torch.nn.Module] = []
        channels = observation_space.shape[0]
        for each in NETWORK.convolutions:
            convolutions += [torch.nn.Conv2d(channels, each.filters, each.kernel, each.stride), torch.nn.ReLU()]
            channels = each.filters
        made = torch.nn.Sequential(*convolutions, torch.nn.Flatten())
        super().__init__(observation_space, made(torch.zeros(1, *observation_space.shape)).shape[1])
        self.made = made

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """[batch, features]."""
        found: torch.Tensor = self.made(observations)
        return found


class Loop:
    """One policy of stable-baselines3 per member, with its own optimiser."""

    def __init__(self, members: int, pictures: np.ndarray, targets: np.ndarray):
        self.pictures, self.targets = torch.from_numpy(pictures), torch.from_numpy(targets)
        self.policies = [
            DQNPolicy(
                gymnasium.spaces.Box(0, 1, PICTURE),
                gymnasium.spaces.Discrete(ACTIONS),
                lambda _: LEARNING_RATE,
                net_arch=list(NETWORK.hidden),
                features_extractor_class=Extractor,
                normalize_images=False,
                optimizer_kwargs={"fused": True},
            )
            for _ in range(members)
        ]
        self.masks = [torch.ones_like(parameter) for parameter in self.policies[0].q_net.parameters()]

    def advance(self) -> None:
        """Make the updates of one member, and then of the next."""
        for policy, pictures, targets in zip(self.policies, self.pictures, self.targets, strict=True):
            parameters = list(policy.q_net.parameters())
            for _ in range(UPDATES):
                policy.optimizer.zero_grad()
                loss = functional.smooth_l1_loss(policy.q_net(pictures), targets, reduction="none").sum(1).mean()
                torch.autograd.backward(loss)
                _mask_gradients(parameters, self.masks)
                policy.optimizer.step()


def _mask_gradients(parameters: Sequence[torch.Tensor], masks: Sequence[torch.Tensor]) -> None:
    for parameter, mask in zip(parameters, masks, strict=True):
        assert parameter.grad is not None
        parameter.grad.mul_(mask)
