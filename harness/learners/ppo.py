"""Proximal policy optimisation (Schulman et al. 2017) with separate actor and critic, for discrete actions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch.nn.functional import mse_loss

from harness.learners import ACTOR
from harness.learners.optimiser import MaskedAdam
from harness.learners.rollouts import Rollout, play
from harness.networks import Mlp, forward
from harness.streams import streams
from harness.tasks import Task

CRITIC = "critic"
Schedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class PPO:
    """Settings of PPO. The first nine are the rows of the paper's Tables 3, 5, 7 and 9."""

    name: ClassVar[str] = "ppo"
    offers_gradients: ClassVar[bool] = True

    learning_rate: float = 0.0005
    """Of Adam."""
    discount: float = 0.99
    """gamma: what a reward one env_step later is worth."""
    env_steps: int = 80_000
    """Of one training, over all environments."""
    gae_lambda: float = 0.8
    """Generalised advantage estimation (Schulman et al. 2016)."""
    value_loss: float = 0.5
    """Coefficient of the critic's squared error."""
    entropy: float = 0.001
    """Coefficient of the entropy bonus."""
    clip: float = 0.2
    """Of the likelihood ratio, to both sides of one."""
    envs: int = 4
    """Environments played side by side; the paper's "workers"."""
    epochs: int = 4
    rollout: int = 128
    """env_steps per environment between updates."""
    minibatches: int = 4
    """Per epoch; must divide `envs * rollout`."""
    learning_rate_schedule: Schedule = "constant"
    clip_schedule: Schedule = "constant"
    """"linear" falls to zero over the training."""
    max_gradient_norm: float = 0.5
    epsilon: float = 1e-5
    """Of Adam."""
    weight_decay: float = 0.0
    """Coupled L2, Adam's own."""

    def __post_init__(self) -> None:
        if self.samples % self.minibatches:
            raise ValueError(f"{self.minibatches} minibatches do not divide a rollout of {self.samples} samples")
        if self.env_steps < self.samples:
            raise ValueError(f"env_steps {self.env_steps} is less than one rollout of {self.samples}")

    @property
    def samples(self) -> int:
        """env_steps of one rollout over all environments."""
        return self.envs * self.rollout

    @property
    def rounds(self) -> int:
        """Rollouts of a training; a last incomplete one is not played."""
        return self.env_steps // self.samples

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.rounds * self.epochs * self.minibatches

    @property
    def samples_per_update(self) -> int:
        """See `Learner.samples_per_update`."""
        return self.samples // self.minibatches

    def outputs(self, task: Task) -> dict[str, int]:
        """See `Learner.outputs`."""
        return {ACTOR: task.actions, CRITIC: 1}

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """None."""
        return []

    def start(
        self,
        task: Task,
        networks: dict[str, Mlp],
        masks: dict[str, list[np.ndarray]],
        seeds: Sequence[int],
        level: int,
    ) -> "PPOPopulation":
        """See `Learner.start`."""
        return PPOPopulation(self, task, networks, masks, seeds, level)


class PPOPopulation:
    """PPO agents in training; a `Population` whose round is one rollout and its updates."""

    def __init__(
        self,
        settings: PPO,
        task: Task,
        networks: dict[str, Mlp],
        masks: dict[str, list[np.ndarray]],
        seeds: Sequence[int],
        level: int,
    ):
        self.settings = settings
        self.task = task
        self.rounds = settings.rounds
        self.round = 0
        self.networks = {name: networks[name].tensors() for name in (ACTOR, CRITIC)}
        self.actor, self.critic = self.networks.values()
        self.optimiser = MaskedAdam(
            [self.actor, self.critic],
            [masks.get(ACTOR, []), masks.get(CRITIC, [])],
            settings.learning_rate,
            settings.epsilon,
            settings.weight_decay,
            settings.max_gradient_norm,
        )
        self.rollout_streams = streams(seeds, "rollout", level)
        self.minibatch_streams = streams(seeds, "minibatch", level)
        self.learned_from: tuple[Samples, float] | None = None
        self.batch = task.batch(np.stack([task.draw_starts(r, (settings.envs,)) for r in self.rollout_streams]))

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        self.optimiser.keep(members)
        self.batch.keep(members)
        self.rollout_streams = [self.rollout_streams[member] for member in members]
        self.minibatch_streams = [self.minibatch_streams[member] for member in members]
        if self.learned_from:
            samples, clip = self.learned_from
            self.learned_from = Samples(*(values[members] for values in vars(samples).values())), clip

    def advance(self) -> None:
        """Play one rollout and learn from it."""
        s = self.settings
        rollout = play(self.actor, self.batch, self.task, s.rollout, s.envs, self.rollout_streams)
        left = 1 - self.round / self.rounds
        self.optimiser.learning_rate = s.learning_rate * (left if s.learning_rate_schedule == "linear" else 1.0)
        clip = s.clip * (left if s.clip_schedule == "linear" else 1.0)
        samples = self._samples(rollout)
        self.learned_from = samples, clip
        for _ in range(s.epochs):
            order = np.stack([rng.permutation(s.samples) for rng in self.minibatch_streams])
            for minibatch in samples.shuffled(torch.from_numpy(order)).minibatches(s.minibatches):
                self.optimiser.step(self._loss(minibatch, clip))
        self.round += 1

    def gradients(self) -> dict[str, Mlp]:
        """See `OffersGradients`: over the last rollout, as its first epoch saw it."""
        assert self.learned_from, "no rollout was played yet"
        samples, clip = self.learned_from
        (whole,) = samples.minibatches(1)
        return dict(zip(self.networks, self.optimiser.gradients(self._loss(whole, clip)), strict=True))

    def _samples(self, rollout: Rollout) -> "Samples":
        """Old log-probabilities, advantages and value targets of a rollout."""
        observations = _by_member(rollout.observations, self.critic)
        actions = torch.from_numpy(np.ascontiguousarray(rollout.actions.transpose(1, 0, 2))).flatten(1)
        with torch.no_grad():
            log_probabilities = torch.log_softmax(forward(self.actor, observations), dim=-1)
            chosen = log_probabilities.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
            values = self._values(rollout.observations)
            last_values = self._values(self.batch.observations[None])[0]
            rewards = rollout.rewards.copy()
            cut = np.flatnonzero(rollout.truncated.any(axis=(1, 2)))
            if len(cut):  # an episode that the horizon cut off would have gone on: its last state's value counts
                reached = self._values(rollout.final_observations[cut])
                rewards[cut] += self.settings.discount * reached * rollout.truncated[cut]
        ended = rollout.terminated | rollout.truncated
        advantages = generalised_advantages(
            rewards, values, last_values, ended, self.settings.discount, self.settings.gae_lambda
        )
        dtype = self.actor.flat.dtype
        stacked = np.stack([advantages, advantages + values])
        members = values.shape[1]
        flat = torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 2, 1, 3)).reshape(2, members, -1)).to(dtype)
        return Samples(observations, actions, chosen, flat[0], flat[1])

    def _values(self, observations: np.ndarray) -> np.ndarray:
        """The critic's values float64[time, members, envs] of observations [time, members, envs, inputs]."""
        time, members, envs = observations.shape[:3]
        values = forward(self.critic, _by_member(observations, self.critic))
        return values.reshape(members, time, envs).transpose(0, 1).double().numpy()

    def _loss(self, batch: "Samples", clip: float) -> torch.Tensor:
        """Schulman et al. 2017, equation 9, summed over members."""
        s = self.settings
        log_probabilities = torch.log_softmax(forward(self.actor, batch.observations), dim=-1)
        chosen = log_probabilities.gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
        ratio = torch.exp(chosen - batch.log_probabilities)
        surrogate = torch.minimum(batch.advantages * ratio, batch.advantages * ratio.clamp(1 - clip, 1 + clip))
        negative_entropy = (log_probabilities.exp() * log_probabilities).sum()
        values = forward(self.critic, batch.observations).squeeze(-1)
        errors = mse_loss(values, batch.targets, reduction="sum")
        return (s.value_loss * errors - surrogate.sum() + s.entropy * negative_entropy) / values.shape[1]


@dataclass(frozen=True)
class Samples:
    """What PPO learns from; tensors [members, samples], and observations [members, samples, inputs]."""

    observations: torch.Tensor
    actions: torch.Tensor
    log_probabilities: torch.Tensor
    advantages: torch.Tensor
    targets: torch.Tensor

    def shuffled(self, order: torch.Tensor) -> "Samples":
        """Each member's samples in its own `order` (int64[members, samples])."""
        rows = order.unsqueeze(-1).expand(-1, -1, self.observations.shape[-1])
        flat = (self.actions, self.log_probabilities, self.advantages, self.targets)
        return Samples(self.observations.gather(1, rows), *(values.gather(1, order) for values in flat))

    def minibatches(self, count: int) -> "list[Samples]":
        """`count` parts of equal size, with the advantages standardised within each (member and part by itself)."""
        advantages = self.advantages.reshape(len(self.advantages), count, -1)
        deviation, mean = torch.std_mean(advantages, dim=2, keepdim=True)
        standardised = ((advantages - mean) / (deviation + 1e-8)).flatten(1)
        parts = [values.chunk(count, dim=1) for values in vars(replace(self, advantages=standardised)).values()]
        return [Samples(*part) for part in zip(*parts, strict=True)]


def generalised_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    ended: np.ndarray,
    discount: float,
    gae_lambda: float,
) -> np.ndarray:
    """Schulman et al. 2016, equation 16, float64[time, ...] for rewards, values and ended [time, ...].

    `last_values` [...] are those of the observations after the last step; `ended` cuts the sum.
    """
    advantages = np.empty_like(rewards)
    advantage, next_values = np.zeros_like(last_values), last_values
    for time in reversed(range(len(rewards))):
        goes_on = ~ended[time]
        error = rewards[time] + discount * next_values * goes_on - values[time]
        advantage = error + discount * gae_lambda * goes_on * advantage
        advantages[time] = advantage
        next_values = values[time]
    return advantages


def _by_member(observations: np.ndarray, like: Mlp) -> torch.Tensor:
    """[time, members, envs, inputs] as [members, time * envs, inputs], in the networks' precision."""
    by_member = np.ascontiguousarray(observations.transpose(1, 0, 2, 3))
    flat = by_member.reshape(len(by_member), -1, by_member.shape[-1])
    return torch.from_numpy(flat).to(like.flat.dtype)
