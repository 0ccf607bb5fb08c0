"""Proximal policy optimisation (Schulman et al. 2017) with separate actor and critic.

Where the networks have dropout, both losses are computed under it, each network with draws of its own. Rollouts and the
values behind the advantages are computed without. So the ratio of likelihoods compares a policy under dropout with the
one that acted: it is noisy, and not one before the first update of a round, and clipping then cuts it.

The paper trained with rlpyt (Stooke & Abbeel 2019), and does not print what that sets by itself. The defaults of `PPO`
are those of stable-baselines3, which ours is held against; each stands with its reason, and rlpyt's beside it (as of
its commit 046bca7). The reading `rlpyt` (`harness.profiles.readings`) takes all of rlpyt's. Two things stay ours under
it: an episode that the horizon cut off keeps the value of its last state (rlpyt takes the horizon for an end), and
clipping falls in step with the learning rate (in rlpyt a round later).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from harness.arguments import check_ranges
from harness.compiled import njit
from harness.learners.adam import AdamSettings, Decay, adam_settings
from harness.learners.protocol import ACTOR
from harness.learners.rollouts import Rollout, play, rows
from harness.learners.trained import (
    PlayingPopulation,
    TrainedNetwork,
    _clipped_adam_step,
    _head_batch,
    _member_gradient,
)
from harness.networks.dropout import Dropout, _member_dropout
from harness.networks.heads import Categorical, Gaussian, Head, Values, _log_probabilities, _policy_slopes
from harness.networks.network import (
    BaseNetwork,
    Networks,
    NetworkWorkspace,
    _forward_member,
    _prepare_member,
    outputs_of,
)
from harness.networks.normalisation import LEAST_VARIANCE, LIMIT, OBSERVATIONS, RETURNS, normaliser, take_in
from harness.networks.params import Masks, Params
from harness.tasks.spec import Discrete, Task, normalisation_of

CRITIC = "critic"
Schedule = Literal["constant", "linear"]
"""Whether a number stays, or falls in equal steps a round, so that it would be zero after the last one."""


@dataclass(frozen=True)
class PPO:
    """Settings of PPO. The first nine are the rows of the paper's Tables 3, 5, 7 and 9."""

    name: ClassVar[str] = "ppo"
    offers_gradients: ClassVar[bool] = True
    offers_rewinding: ClassVar[bool] = True
    offers_dropout: ClassVar[bool] = True

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
    """Not in the tables: constant, so that a sparse network which learns late can still learn. rlpyt: linear."""
    clip_schedule: Schedule = "constant"
    """Not in the tables: constant, since they print one number. rlpyt: linear."""
    max_gradient_norm: float = 0.5
    """Of actor and critic together. Not in the tables: that of PPO's first code (openai/baselines). rlpyt: 1."""
    epsilon: float = 1e-5
    """Of Adam. Not in the tables: that of PPO's first code, too. rlpyt: torch's, 1e-8."""
    value_error: Literal["squared", "half-squared"] = "squared"
    """What `value_loss` multiplies. Not in the tables: the squared error of Schulman et al. 2017, equation 9. rlpyt:
    half of it, so that a coefficient of 0.5 counts as 0.25 here."""
    standardise_advantages: bool = True
    """To mean 0 and deviation 1 within each minibatch. Not in the tables: on, so that one learning rate fits rewards of
    any size, as in PPO's first code. rlpyt: off."""
    weight_decay: float = 0.0
    """Of all weights and biases."""
    decay: Decay = "coupled"
    """Coupled is Adam's own L2."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            unit_interval=("discount", "gae_lambda"),
            positive=("learning_rate", "clip", "max_gradient_norm", "epsilon"),
            non_negative=("value_loss", "entropy", "weight_decay"),
            counts=("env_steps", "envs", "epochs", "rollout", "minibatches"),
        )
        if self.samples % self.minibatches:
            raise ValueError(f"minibatches {self.minibatches} must divide a rollout of {self.samples} samples")
        if self.env_steps < self.samples:
            raise ValueError(f"env_steps {self.env_steps} must not be less than one rollout of {self.samples}")
        if self.standardise_advantages and self.samples_per_update < 2:
            raise ValueError(
                f"minibatches {self.minibatches} leaves one sample per update: standardising advantages needs two"
            )

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

    def heads(self, task: Task) -> dict[str, Head]:
        """See `Learner.heads`."""
        kind = Categorical if isinstance(task.action, Discrete) else Gaussian
        return {ACTOR: kind(task.action.count), CRITIC: Values(1)}

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """None."""
        return []

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> "PPOPopulation":
        """See `Learner.start`."""
        return PPOPopulation(self, task, networks, masks, seeds, level)


class PPOPopulation(PlayingPopulation):
    """PPO agents in training; a `Population` whose round is one rollout and its updates."""

    settings: PPO
    learned_from: "tuple[Samples, PPOUpdateParameters] | None" = None
    """The last round's samples and update parameters."""
    returns: np.ndarray | None = None
    """float64[members, envs]: discounted sums of the rewards so far of each episode, where rewards are normalised."""

    @property
    def critic(self) -> BaseNetwork:
        """The network that values states."""
        return self.networks[CRITIC]

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        super().keep(members)
        if self.learned_from:
            samples, parameters = self.learned_from
            self.learned_from = Samples(*(values[members] for values in samples)), parameters
        if self.returns is not None:
            self.returns = self.returns[members]

    def advance_round(self) -> None:
        """Play one rollout and learn from it."""
        s = self.settings
        raw = play(self.seen[ACTOR], self.batch, self.task, s.rollout, s.envs, self.rollout_streams)
        samples = self._samples(self._normalised(raw))
        parameters = update_parameters(s, self.updates, 1 - self.round / self.rounds, self.actor.dropout)
        orders = [[rng.permutation(s.samples) for _ in range(s.epochs)] for rng in self.minibatch_streams]
        minibatches = np.array(orders).reshape(len(orders), -1, s.samples_per_update)
        keys = self.update_dropout_keys(ACTOR), self.update_dropout_keys(CRITIC)
        actor, critic = self.trained.values()
        workspace = self._workspace(s.samples_per_update)
        _improve(actor, critic, samples, minibatches, parameters, workspace, *keys)
        self.learned_from = samples, parameters
        if normalisation_of(self.task).observations:
            take_in(self.actor.params, OBSERVATIONS, rows(_by_member(raw.observations), 2))
        self.updates += s.epochs * s.minibatches
        self.round += 1

    def gradients(self) -> dict[str, Params]:
        """See `OffersGradients`: over the last rollout as one minibatch."""
        assert self.learned_from, "no rollout was played yet"
        samples, parameters = self.learned_from
        found = {name: network.params.each(np.zeros_like) for name, network in self.networks.items()}
        (actor, critic), workspace = self.trained.values(), self._workspace(self.settings.samples)
        rows = np.arange(self.settings.samples)
        for member in range(self.actor.members):
            _gradient(actor, critic, samples, member, rows, parameters, workspace, None, None)
            for params, part in zip(found.values(), (workspace.actor, workspace.critic), strict=True):
                params.flat[member, : len(part.grad_params)] = part.grad_params
        return found

    def _normalised(self, raw: Rollout) -> Rollout:
        """The rollout as it is learned from: observations as the actor saw them, and rewards divided by the running
        deviation of their discounted sums, those of this rollout included."""
        wanted, seen, rewards = normalisation_of(self.task), [raw.observations, raw.final_observations], raw.rewards
        if wanted.observations:
            normalised = normaliser(self.actor.params)
            seen = [normalised(each.swapaxes(0, 1)).swapaxes(0, 1) for each in seen]
        if wanted.rewards:
            sums, running = np.empty_like(rewards), np.zeros_like(rewards[0]) if self.returns is None else self.returns
            for time, ended in enumerate(raw.terminated | raw.truncated):
                sums[time] = running * self.settings.discount + rewards[time]
                running = np.where(ended, 0.0, sums[time])
            self.returns = running
            take_in(self.critic.params, RETURNS, _by_member(sums)[:, :, None])
            deviation = np.sqrt(self.critic.params[RETURNS][:, 2] + LEAST_VARIANCE)
            rewards = np.clip(rewards / deviation, -LIMIT, LIMIT)
        return raw._replace(observations=seen[0], final_observations=seen[1], rewards=rewards)

    def _samples(self, rollout: Rollout) -> "Samples":
        """A rollout's samples, with advantages and value targets."""
        s = self.settings
        values = self._values(rollout.observations)
        last_values = self._values(self.present[None])[0]
        rewards = rollout.rewards.copy()
        for member in np.flatnonzero(rollout.truncated.any(axis=(0, 2))):
            # an episode that the horizon cut off would have gone on: its last state's value counts. Each member by
            # itself, since the length of a batch changes the last bits of its values
            cut = np.flatnonzero(rollout.truncated[:, member].any(axis=1))
            reached = self._values(rollout.final_observations[cut, member][:, None], np.array([member]))[:, 0]
            rewards[cut, member] += s.discount * reached * rollout.truncated[cut, member]
        ended = rollout.terminated | rollout.truncated
        advantages = _generalised_advantages(rewards, values, last_values, ended, s.discount, s.gae_lambda)
        numbers = (rollout.log_probabilities, advantages, advantages + values)
        dtype = self.actor.flat.dtype
        return Samples(
            rows(_by_member(rollout.observations), 2),
            _by_member(rollout.actions),
            *(_by_member(each).astype(dtype) for each in numbers),
        )

    def _workspace(self, batch: int) -> "PPOWorkspace":
        """Memory for `batch` samples."""
        inputs = self.seen[ACTOR].input_room(batch, like=rows(self.present, 2))
        slopes = np.empty(batch, self.actor.flat.dtype)
        return PPOWorkspace(inputs, slopes, self.room(ACTOR, batch), self.room(CRITIC, batch))

    def _values(self, observations: np.ndarray, only: np.ndarray | None = None) -> np.ndarray:
        """The critic's values float64[time, members, envs] of observations [time, members, envs, *shape]. only: the
        members that they are of, int64[members]; by default all."""
        time, members, envs = observations.shape[:3]
        critic = self.seen[CRITIC] if only is None else self.seen[CRITIC].take(only)
        values = outputs_of(critic, _by_member(observations))
        return values.reshape(members, time, envs).transpose(1, 0, 2).astype(np.float64)


class Samples(NamedTuple):
    """What PPO learns from; observations [members, samples, inputs or active features], all else [members, samples]
    (actions: or [members, samples, numbers]).

    log_probabilities: of the actions, when they were taken. targets: of the critic.
    """

    observations: np.ndarray
    actions: np.ndarray
    log_probabilities: np.ndarray
    advantages: np.ndarray
    targets: np.ndarray


class PPOUpdateParameters(NamedTuple):
    """The settings of one round's updates. updates: made before it. value_loss: the coefficient of the squared error.
    dropout: its rate."""

    updates: int
    clip: float
    entropy: float
    value_loss: float
    standardise_advantages: bool
    max_gradient_norm: float
    adam: AdamSettings
    dropout: float = 0.0


def update_parameters(s: PPO, updates: int = 0, left: float = 1.0, dropout: float = 0.0) -> PPOUpdateParameters:
    """Of a round before which `updates` were made. left: the part of the training that is left before it."""
    return PPOUpdateParameters(
        updates,
        s.clip * (left if s.clip_schedule == "linear" else 1.0),
        float(s.entropy),
        s.value_loss * (0.5 if s.value_error == "half-squared" else 1.0),
        s.standardise_advantages,
        float(s.max_gradient_norm),
        adam_settings(s, left if s.learning_rate_schedule == "linear" else 1.0),
        float(dropout),
    )


class PPOWorkspace(NamedTuple):
    """Memory for a minibatch of one member. inputs: [batch, inputs or active features]. slopes: float[batch], of the
    samples' log-probabilities, and before these themselves."""

    inputs: np.ndarray
    slopes: np.ndarray
    actor: NetworkWorkspace
    critic: NetworkWorkspace


@njit
def _improve(
    actor: TrainedNetwork,
    critic: TrainedNetwork,
    samples: Samples,
    minibatches: np.ndarray,
    parameters: PPOUpdateParameters,
    workspace: PPOWorkspace,
    actor_keys: np.ndarray | None,
    critic_keys: np.ndarray | None,
) -> None:
    """Make all updates of a round, in place, one member after the other.

    minibatches: int64[members, updates, samples of an update]. actor_keys, critic_keys: uint64[members], of dropout.
    """
    grad_actor, grad_critic = workspace.actor.grad_params, workspace.critic.grad_params
    limit, rate = parameters.max_gradient_norm, parameters.dropout
    for member in range(len(minibatches)):
        for turn in range(minibatches.shape[1]):
            update = parameters.updates + turn
            actor_dropout = _member_dropout(rate, actor_keys, member, update)
            critic_dropout = _member_dropout(rate, critic_keys, member, update)
            rows = minibatches[member, turn]
            _gradient(actor, critic, samples, member, rows, parameters, workspace, actor_dropout, critic_dropout)
            norm = np.sqrt(np.dot(grad_actor, grad_actor) + np.dot(grad_critic, grad_critic))
            _clipped_adam_step(actor, member, grad_actor, norm, limit, update + 1, parameters.adam)
            _clipped_adam_step(critic, member, grad_critic, norm, limit, update + 1, parameters.adam)


@njit
def _gradient(
    actor: TrainedNetwork,
    critic: TrainedNetwork,
    samples: Samples,
    member: int,
    rows: np.ndarray,
    parameters: PPOUpdateParameters,
    workspace: PPOWorkspace,
    actor_dropout: Dropout | None,
    critic_dropout: Dropout | None,
) -> None:
    """Leave the gradients of one member's loss over the samples `rows` in `workspace`, zero outside the masks."""
    inputs, a, c = workspace.inputs, workspace.actor, workspace.critic
    for sample in range(len(rows)):
        for i in range(inputs.shape[1]):
            inputs[sample, i] = samples.observations[member, rows[sample], i]
    actor_params = _prepare_member(actor.shape, member, actor.params[member], a.memory)
    _forward_member(actor.shape, actor_params, inputs, a.memory, a.outputs, actor_dropout)
    critic_params = _prepare_member(critic.shape, member, critic.params[member], c.memory)
    _forward_member(critic.shape, critic_params, inputs, c.memory, c.outputs, critic_dropout)
    _loss_gradient(actor, samples, member, rows, parameters, workspace)
    _member_gradient(actor, member, actor_params, inputs, a, actor_dropout)
    _member_gradient(critic, member, critic_params, inputs, c, critic_dropout)


@njit
def _loss_gradient(
    actor: TrainedNetwork,
    samples: Samples,
    member: int,
    rows: np.ndarray,
    parameters: PPOUpdateParameters,
    workspace: PPOWorkspace,
) -> None:
    """Fill `grad_outputs` of the actor and of the critic with the gradient of Schulman et al. 2017, equation 9, of one
    minibatch: of the clipped surrogate, the critic's squared error and the entropy, averaged over `rows`. Advantages
    may be standardised within the minibatch. The actor's outputs are overwritten.
    """
    slopes, a, c = workspace.slopes, workspace.actor, workspace.critic
    number = a.outputs.dtype.type  # a constant of double precision would lift everything to it
    count = number(len(rows))
    low, high = number(1 - parameters.clip), number(1 + parameters.clip)
    slope_of_error = number(2 * parameters.value_loss)
    mean, deviation = number(0), number(1)
    if parameters.standardise_advantages:
        for row in rows:
            mean += samples.advantages[member, row] / count
        variance = number(0)
        for row in rows:
            variance += (samples.advantages[member, row] - mean) ** 2 / (count - number(1))
        deviation = np.sqrt(variance) + number(1e-8)
    batch, actions = _head_batch(actor, member, a, rows), samples.actions[member]
    _log_probabilities(actor.head, batch, actions, slopes)
    for sample, row in enumerate(rows):
        advantage = (samples.advantages[member, row] - mean) / deviation
        ratio = np.exp(slopes[sample] - samples.log_probabilities[member, row])
        clipped = (advantage > 0 and ratio > high) or (advantage < 0 and ratio < low)
        slopes[sample] = number(0) if clipped else -advantage * ratio
        c.grad_outputs[sample, 0] = slope_of_error * (c.outputs[sample, 0] - samples.targets[member, row]) / count
    _policy_slopes(actor.head, batch, actions, slopes, parameters.entropy)


@njit
def _generalised_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    ended: np.ndarray,
    discount: float,
    gae_lambda: float,
) -> np.ndarray:
    """Schulman et al. 2016, equation 16; all arrays but last_values are [time, members, envs].

    last_values: float64[members, envs], of the observations after the last step. ended: where an episode ended, which
    cuts the sum. Returns float64.
    """
    advantages = np.empty_like(rewards)
    times, members, envs = rewards.shape
    for member in range(members):
        for env in range(envs):
            advantage, next_value = 0.0, last_values[member, env]
            for time in range(times - 1, -1, -1):
                goes_on = 0.0 if ended[time, member, env] else 1.0
                value = values[time, member, env]
                error = rewards[time, member, env] + discount * next_value * goes_on - value
                advantage = error + discount * gae_lambda * goes_on * advantage
                advantages[time, member, env] = advantage
                next_value = value
    return advantages


def _by_member(values: np.ndarray) -> np.ndarray:
    """[time, members, envs, ...] as [members, time * envs, ...]."""
    by_member = np.ascontiguousarray(np.swapaxes(values, 0, 1))
    return by_member.reshape(len(by_member), -1, *by_member.shape[3:])
