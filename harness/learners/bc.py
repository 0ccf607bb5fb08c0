"""Behavioural cloning: a student learns an expert's policy from the expert's own stochastic rollouts.

The paper's supervised setting (3.1): the states come from the expert, so the data are stationary and nothing
has to be explored. Each level of a chain gets rollouts of its own, as a new run of the paper's training would. The
loss is the cross-entropy between the expert's and the student's policies (Table 2; the text of section 2 names the KL
divergence, which differs by a constant and has the same gradient).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch

from harness.learners.adam import Decay, MaskedAdam
from harness.learners.expert_files import expert_file, read_experts
from harness.learners.protocol import ACTOR
from harness.learners.rollouts import play
from harness.learners.settings import refuse
from harness.networks.kernels import drawn, dropout_keys
from harness.networks.mlp import Mlp, forward
from harness.streams import streams
from harness.tasks.input_subset import full_task, select_inputs
from harness.tasks.spec import Task


@dataclass(frozen=True)
class BC:
    """Settings of behavioural cloning. The first three are the rows of the paper's Tables 2, 4 and 6."""

    name: ClassVar[str] = "bc"
    offers_gradients: ClassVar[bool] = True
    offers_rewinding: ClassVar[bool] = True
    offers_dropout: ClassVar[bool] = True

    learning_rate: float = 0.001
    """Of Adam."""
    env_steps: int = 10_000
    """The expert's, over all environments: the size of the data set."""
    envs: int = 4
    """Environments the expert plays side by side; the paper's "workers"."""
    batch: int = 64
    """Samples per update."""
    passes: int = 4
    """Times that the data set is gone through, each in a new order."""
    equal_updates: bool = False
    """Whether a profile replaces `passes`, so that there are as many updates as of the same task's PPO, on the same
    data; else the paper's ratio of env_steps between the two stands."""
    experts: int = 40
    """Experts in the task's folder; seed s learns from expert s modulo this. Blocks of seeds share them, so what is
    found on any block holds for these experts."""
    taught_by: Literal["experts", "random policy"] = "experts"
    """A random policy, in the experts' place, acts and teaches by chance: a negative control."""
    epsilon: float = 1e-8
    """Of Adam."""
    weight_decay: float = 0.0
    """Of all weights and biases."""
    decay: Decay = "coupled"
    """Coupled is Adam's own L2."""

    def __post_init__(self) -> None:
        refuse(
            self,
            above_zero=("learning_rate", "epsilon"),
            from_zero=("weight_decay",),
            counts=("env_steps", "envs", "batch", "passes", "experts"),
        )
        if self.env_steps % self.envs:
            raise ValueError(f"{self.envs} envs do not divide {self.env_steps} env_steps")
        if self.env_steps < self.batch:
            raise ValueError(f"env_steps {self.env_steps} is less than one batch of {self.batch}")

    @property
    def updates_per_pass(self) -> int:
        """Gradient steps of one pass; a last incomplete batch is left out, another one in each pass."""
        return self.env_steps // self.batch

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.passes * self.updates_per_pass

    @property
    def rounds(self) -> int:
        """As `updates`."""
        return self.updates

    @property
    def samples_per_update(self) -> int:
        """See `Learner.samples_per_update`."""
        return self.batch

    def outputs(self, task: Task) -> dict[str, int]:
        """See `Learner.outputs`."""
        return {ACTOR: task.actions}

    def expert_indices(self, seeds: Sequence[int]) -> list[int]:
        """Which expert each seed learns from."""
        return [seed % self.experts for seed in seeds]

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """The experts of these seeds, read and found sound; raises FixtureError."""
        indices = sorted(set(self.expert_indices(seeds)))
        read_experts(task.name, indices, len(full_task(task).inputs), task.actions)
        return [expert_file(task.name, index) for index in indices]

    def start(
        self,
        task: Task,
        networks: dict[str, Mlp],
        masks: dict[str, list[np.ndarray]],
        seeds: Sequence[int],
        level: int,
    ) -> "Students":
        """See `Learner.start`."""
        return Students(self, task, networks, masks, seeds, level)


class Students:
    """Students in training; a `Population` whose round is one update."""

    def __init__(
        self,
        settings: BC,
        task: Task,
        networks: dict[str, Mlp],
        masks: dict[str, list[np.ndarray]],
        seeds: Sequence[int],
        level: int,
    ):
        self.settings = settings
        self.rounds = settings.updates
        self.round = 0
        self.networks = {ACTOR: networks[ACTOR].tensors()}
        self.actor = self.networks[ACTOR]
        self.optimiser = MaskedAdam(
            [self.actor],
            [masks.get(ACTOR, [])],
            settings.learning_rate,
            settings.epsilon,
            settings.weight_decay,
            decay=settings.decay,
        )
        self.order_streams = streams(seeds, "minibatch", level)
        self.observations, self.policies = self._lessons(task, seeds, level)
        self.shuffled: tuple[torch.Tensor, torch.Tensor] | None = None
        self.dropout_keys = dropout_keys(streams(seeds, "dropout", level))

    def _lessons(self, task: Task, seeds: Sequence[int], level: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What the experts saw, [members, env_steps, inputs], and their policies there, [.., actions]."""
        s = self.settings
        indices = s.expert_indices(seeds)
        full = full_task(task)  # the expert sees all of it
        experts = read_experts(task.name, indices, len(full.inputs), task.actions).tensors()
        if s.taught_by == "random policy":  # whatever is seen, all actions are as probable
            for last in (experts.weights[-1], experts.biases[-1]):
                last.zero_()
        rngs = streams(seeds, "rollout", level)
        batch = full.batch(np.stack([task.draw_starts(rng, (s.envs,)) for rng in rngs]), seeds)
        rollout = play(experts, batch, full, s.env_steps // s.envs, s.envs, rngs)
        by_member = np.ascontiguousarray(rollout.observations.transpose(1, 0, 2, 3))
        observations = torch.from_numpy(by_member).flatten(1, 2)
        with torch.no_grad():
            policies = torch.softmax(forward(experts, observations), dim=-1)
        dtype = self.actor.flat.dtype
        seen = torch.from_numpy(select_inputs(task, observations.numpy()))
        return seen.to(dtype), policies.to(dtype)

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        self.optimiser.keep(members)
        self.observations, self.policies = self.observations[members], self.policies[members]
        self.shuffled = self.shuffled and (self.shuffled[0][members], self.shuffled[1][members])
        self.dropout_keys = self.dropout_keys[members]
        self.order_streams = [self.order_streams[member] for member in members]

    def advance(self) -> None:
        """One update on the next batch; a new pass starts in a new order, and so does one that starts in its midst."""
        turn = self.round % self.settings.updates_per_pass
        if turn == 0 or self.shuffled is None:
            order = np.stack([rng.permutation(self.settings.env_steps) for rng in self.order_streams])
            rows = torch.from_numpy(order).unsqueeze(-1)
            self.shuffled = (
                self.observations.gather(1, rows.expand(-1, -1, self.observations.shape[-1])),
                self.policies.gather(1, rows.expand(-1, -1, self.policies.shape[-1])),
            )
        batch = slice(turn * self.settings.batch, (turn + 1) * self.settings.batch)
        observations, policies = (lessons[:, batch] for lessons in self.shuffled)
        dropped = drawn(self.dropout_keys, self.round) if self.actor.dropout > 0 else None
        self.optimiser.step(self._loss(observations, policies, dropped))
        self.round += 1

    def gradients(self) -> dict[str, Mlp]:
        """See `OffersGradients`: over the whole data set; without dropout: whole networks are pruned."""
        (actor,) = self.optimiser.gradients(self._loss(self.observations, self.policies))
        return {ACTOR: actor}

    def _loss(
        self, observations: torch.Tensor, policies: torch.Tensor, dropped: np.ndarray | None = None
    ) -> torch.Tensor:
        """The cross-entropy, summed over members. dropped: the keys of `networks.forward`."""
        log_probabilities = torch.log_softmax(forward(self.actor, observations, dropped), dim=-1)
        cross_entropy = -(policies * log_probabilities).sum(dim=-1)
        return cross_entropy.mean(dim=1).sum()
