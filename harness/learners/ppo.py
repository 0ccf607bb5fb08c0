"""Proximal policy optimisation (Schulman et al. 2017) with separate actor and critic, for discrete actions.

Where the networks have dropout, both losses are computed under it, each network with draws of its own. Rollouts are
played, and values for the advantages computed, by whole networks. So the ratio of likelihoods is that of a thinned
policy to the whole one that acted: noisy, and off one before the first update of a round, which clipping then cuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from harness.compiled import njit
from harness.learners.adam import Decay, Trained, adam_step
from harness.learners.protocol import ACTOR
from harness.learners.rollouts import Rollout, play
from harness.learners.settings import refuse
from harness.networks.kernels import Dropout, draw, dropout_keys, member_backward, member_forward
from harness.networks.mlp import Mlp, outputs_of
from harness.networks.sparse_input import Fold, Table, fold, folded, unfold
from harness.streams import streams
from harness.tasks.rollout import network_input, table_of
from harness.tasks.spec import Task

CRITIC = "critic"
Schedule = Literal["constant", "linear"]


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
    clip_schedule: Schedule = "constant"
    """"linear" falls to zero over the training."""
    max_gradient_norm: float = 0.5
    epsilon: float = 1e-5
    """Of Adam."""
    weight_decay: float = 0.0
    """Of all weights and biases."""
    decay: Decay = "coupled"
    """Coupled is Adam's own L2."""

    def __post_init__(self) -> None:
        refuse(
            self,
            shares=("discount", "gae_lambda"),
            above_zero=("learning_rate", "clip", "max_gradient_norm", "epsilon"),
            from_zero=("value_loss", "entropy", "weight_decay"),
            counts=("env_steps", "envs", "epochs", "rollout", "minibatches"),
        )
        if self.samples % self.minibatches:
            raise ValueError(f"{self.minibatches} minibatches do not divide a rollout of {self.samples} samples")
        if self.env_steps < self.samples:
            raise ValueError(f"env_steps {self.env_steps} is less than one rollout of {self.samples}")
        if self.samples_per_update < 2:
            raise ValueError("the advantages of one sample can't be standardised: an update needs at least 2")

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
        self.networks = {name: networks[name].arrays() for name in (ACTOR, CRITIC)}
        self.actor, self.critic = self.networks.values()
        self.trained = [Trained.start(mlp, masks.get(name, [])) for name, mlp in self.networks.items()]
        self.updates = 0
        self.rollout_streams = streams(seeds, "rollout", level)
        self.minibatch_streams = streams(seeds, "minibatch", level)
        rngs = streams(seeds, "dropout", level)
        self.dropout_keys = np.stack([dropout_keys(rngs) for _ in self.networks], axis=1)  # [members, networks]
        self.learned_from: tuple[Samples, Pace] | None = None
        starts = np.stack([task.draw_starts(r, (settings.envs,)) for r in self.rollout_streams])
        self.batch = task.batch(starts, seeds)
        self.table = table_of(task, seeds, self.actor.flat.dtype)

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        self.trained = [trained.keep(members) for trained in self.trained]
        for mlp, trained in zip(self.networks.values(), self.trained, strict=True):
            mlp.flat = trained.flat
        self.batch.keep(members)
        self.table = self.table and self.table.keep(members)
        self.rollout_streams = [self.rollout_streams[member] for member in members]
        self.minibatch_streams = [self.minibatch_streams[member] for member in members]
        self.dropout_keys = self.dropout_keys[members]
        if self.learned_from:
            samples, pace = self.learned_from
            self.learned_from = Samples(*(values[members] for values in samples)), pace

    def advance(self) -> None:
        """Play one rollout and learn from it."""
        s = self.settings
        rollout = play(self.actor, self.batch, self.task, s.rollout, s.envs, self.rollout_streams, None, self.table)
        samples = self._samples(rollout)
        left = 1 - self.round / self.rounds
        orders = [[rng.permutation(s.samples) for _ in range(s.epochs)] for rng in self.minibatch_streams]
        pace = Pace(
            self.updates,
            s.learning_rate * (left if s.learning_rate_schedule == "linear" else 1.0),
            s.clip * (left if s.clip_schedule == "linear" else 1.0),
            s.entropy,
            s.value_loss,
            s.max_gradient_norm,
            s.epsilon,
            s.weight_decay,
            s.decay == "decoupled",
            self.actor.dropout,
        )
        actor, critic = self.trained
        minibatches = np.array(orders).reshape(len(orders), -1, s.samples_per_update)
        keys = self.dropout_keys if self.actor.dropout > 0 else None
        _improve(actor, critic, samples, minibatches, pace, self._room(s.samples_per_update), self.table, keys)
        self.learned_from = samples, pace
        self.updates += s.epochs * s.minibatches
        self.round += 1

    def gradients(self) -> dict[str, Mlp]:
        """See `OffersGradients`: over the last rollout as one minibatch; without dropout: whole networks are pruned."""
        assert self.learned_from, "no rollout was played yet"
        samples, pace = self.learned_from
        found = {name: mlp.each(np.empty_like) for name, mlp in self.networks.items()}
        (actor, critic), room = self.trained, self._room(self.settings.samples)
        for member in range(len(actor.flat)):
            _gradient(actor, critic, samples, member, np.arange(self.settings.samples), pace, room, self.table)
            for mlp, gradient in zip(found.values(), (room.to_actor, room.to_critic), strict=True):
                mlp.flat[member] = gradient
        return found

    def _samples(self, rollout: Rollout) -> "Samples":
        """What a rollout teaches: with advantages and value targets."""
        values = self._values(rollout.observations)
        last_values = self._values(network_input(self.batch, self.table)[None])[0]
        rewards = rollout.rewards.copy()
        cut = np.flatnonzero(rollout.truncated.any(axis=(1, 2)))
        if len(cut):  # an episode that the horizon cut off would have gone on: its last state's value counts
            reached = self._values(rollout.final_observations[cut])
            rewards[cut] += self.settings.discount * reached * rollout.truncated[cut]
        ended = rollout.terminated | rollout.truncated
        advantages = generalised_advantages(
            rewards, values, last_values, ended, self.settings.discount, self.settings.gae_lambda
        )
        numbers = (rollout.log_probabilities, advantages, advantages + values)
        dtype = self.actor.flat.dtype
        observations = _by_member(rollout.observations)
        return Samples(
            observations if self.table else observations.astype(dtype, copy=False),
            _by_member(rollout.actions),
            *(_by_member(each).astype(dtype) for each in numbers),
        )

    def _room(self, batch: int) -> "Room":
        """Memory for `batch` samples."""
        actor, critic = (mlp.sizes for mlp in self.networks.values())
        now = network_input(self.batch, self.table)

        def empty(*shape: int) -> np.ndarray:
            return np.empty(shape, dtype=self.actor.flat.dtype)

        return Room(
            inputs=np.empty((batch, now.shape[-1]), dtype=now.dtype if self.table else self.actor.flat.dtype),
            logits=empty(batch, actor[-1]),
            values=empty(batch, 1),
            to_logits=empty(batch, actor[-1]),
            to_values=empty(batch, 1),
            kept_by_actor=empty(batch * sum(actor[1:-1])),
            kept_by_critic=empty(batch * sum(critic[1:-1])),
            to_actor=empty(self.actor.flat.shape[1]),
            to_critic=empty(self.critic.flat.shape[1]),
            scratch=empty(2, batch * max(*actor[1:], *critic[1:])),
            folds=(Fold.room(self.actor, self.table), Fold.room(self.critic, self.table)),
        )

    def _values(self, observations: np.ndarray) -> np.ndarray:
        """The critic's values float64[time, members, envs] of observations [time, members, envs, inputs]."""
        time, members, envs = observations.shape[:3]
        critic = folded(self.critic, self.table) if self.table else self.critic
        values = outputs_of(critic, _by_member(observations))
        return values.reshape(members, time, envs).transpose(1, 0, 2).astype(np.float64)


class Samples(NamedTuple):
    """What PPO learns from; observations [members, samples, inputs], or their pieces, all else [members, samples].

    log_probabilities: of the actions, when they were taken. targets: of the critic.
    """

    observations: np.ndarray
    actions: np.ndarray
    log_probabilities: np.ndarray
    advantages: np.ndarray
    targets: np.ndarray


class Pace(NamedTuple):
    """The settings of one round's updates, and how many updates there were before."""

    updates: int
    learning_rate: float
    clip: float
    entropy: float
    value_loss: float
    max_gradient_norm: float
    epsilon: float
    weight_decay: float
    decoupled: bool
    dropout: float = 0.0


class Room(NamedTuple):
    """Memory for a minibatch and all that is computed of it for one member, so that none is allocated on the way.

    to_: the gradients of the loss. kept_by_, scratch: see `passes`.
    """

    inputs: np.ndarray
    logits: np.ndarray
    values: np.ndarray
    to_logits: np.ndarray
    to_values: np.ndarray
    kept_by_actor: np.ndarray
    kept_by_critic: np.ndarray
    to_actor: np.ndarray
    to_critic: np.ndarray
    scratch: np.ndarray
    folds: tuple[Fold, Fold]


@njit
def _improve(
    actor: Trained,
    critic: Trained,
    samples: Samples,
    minibatches: np.ndarray,
    pace: Pace,
    room: Room,
    table: Table | None = None,
    keys: np.ndarray | None = None,
) -> None:
    """All updates of a round, in place, one member after the other.

    minibatches: int64[members, updates, samples of an update]. keys: uint64[members, networks], where there is dropout.
    """
    number = actor.flat.dtype.type
    for member in range(len(minibatches)):
        for turn in range(minibatches.shape[1]):
            rows = minibatches[member, turn]
            if keys is None:
                _gradient(actor, critic, samples, member, rows, pace, room, table)
            else:
                update = pace.updates + turn
                thinned = Dropout(pace.dropout, draw(keys[member, 0], update))
                thinned_too = Dropout(pace.dropout, draw(keys[member, 1], update))
                _gradient(actor, critic, samples, member, rows, pace, room, table, (thinned, thinned_too))
            norm = np.sqrt(np.dot(room.to_actor, room.to_actor) + np.dot(room.to_critic, room.to_critic))
            scale = number(min(1.0, pace.max_gradient_norm / (norm + 1e-6)))
            for network, gradient in ((actor, room.to_actor), (critic, room.to_critic)):
                for i in range(len(gradient)):
                    gradient[i] *= scale
                adam_step(
                    network.flat[member],
                    gradient,
                    network.first[member],
                    network.second[member],
                    pace.updates + turn + 1,
                    pace.learning_rate,
                    pace.epsilon,
                    pace.weight_decay,
                    pace.decoupled,
                )


@njit
def _gradient(
    actor: Trained,
    critic: Trained,
    samples: Samples,
    member: int,
    rows: np.ndarray,
    pace: Pace,
    room: Room,
    table: Table | None = None,
    dropouts: tuple[Dropout | None, Dropout | None] = (None, None),
) -> None:
    """Leave the gradient of one member's loss over the samples `rows` in `room`, zero outside the masks.

    dropouts: of the actor and the critic.
    """
    for sample in range(len(rows)):
        for i in range(room.inputs.shape[1]):
            room.inputs[sample, i] = samples.observations[member, rows[sample], i]
    for network, kept, outputs, dropout, fold_ in (
        (actor, room.kept_by_actor, room.logits, dropouts[0], room.folds[0]),
        (critic, room.kept_by_critic, room.values, dropouts[1], room.folds[1]),
    ):
        row, sizes = network.flat[member], network.sizes
        if table is not None:
            fold(table, member, row, sizes[1], fold_.row)
            row, sizes = fold_.row, fold_.sizes
        member_forward(row, sizes, network.tanh, room.inputs, kept, outputs, dropout)
    loss_gradient(samples, member, rows, room.logits, room.values, pace, room.to_logits, room.to_values)
    for network, kept, to_outputs, gradient, dropout, fold_ in (
        (actor, room.kept_by_actor, room.to_logits, room.to_actor, dropouts[0], room.folds[0]),
        (critic, room.kept_by_critic, room.to_values, room.to_critic, dropouts[1], room.folds[1]),
    ):
        row, sizes, tanh, to_row = network.flat[member], network.sizes, network.tanh, gradient
        if table is not None:
            row, sizes, to_row = fold_.row, fold_.sizes, fold_.to_row
        member_backward(row, sizes, tanh, room.inputs, kept, to_outputs, to_row, room.scratch, dropout)
        if table is not None:
            unfold(table, member, to_row, network.sizes[1], gradient)
        for i in range(len(gradient)):
            gradient[i] *= network.mask[member, i]


@njit
def loss_gradient(
    samples: Samples,
    member: int,
    rows: np.ndarray,
    logits: np.ndarray,
    values: np.ndarray,
    pace: Pace,
    to_logits: np.ndarray,
    to_values: np.ndarray,
) -> None:
    """Fill `to_logits` [rows, actions] and `to_values` [rows, 1] with the gradient of Schulman et al. 2017, equation 9,
    of one minibatch: of the clipped surrogate, the critic's squared error and the entropy, averaged over `rows`.

    Advantages are standardised within the minibatch.
    """
    number = logits.dtype.type  # a constant of double precision would lift everything to it
    count = number(len(rows))
    low, high, entropy = number(1 - pace.clip), number(1 + pace.clip), number(pace.entropy)
    slope_of_error = number(2 * pace.value_loss)
    mean = number(0)
    for row in rows:
        mean += samples.advantages[member, row] / count
    variance = number(0)
    for row in rows:
        variance += (samples.advantages[member, row] - mean) ** 2 / (count - number(1))
    deviation = np.sqrt(variance) + number(1e-8)
    for sample, row in enumerate(rows):
        log_policy = logits[sample]  # in place: the logits are not needed any more
        top = log_policy[0]
        for action in range(1, len(log_policy)):
            top = max(top, log_policy[action])
        total = number(0)
        for action in range(len(log_policy)):
            total += np.exp(log_policy[action] - top)
        negative_entropy = number(0)
        for action in range(len(log_policy)):
            log_policy[action] -= top + np.log(total)
            negative_entropy += np.exp(log_policy[action]) * log_policy[action]
        taken = samples.actions[member, row]
        advantage = (samples.advantages[member, row] - mean) / deviation
        ratio = np.exp(log_policy[taken] - samples.log_probabilities[member, row])
        clipped = (advantage > 0 and ratio > high) or (advantage < 0 and ratio < low)
        to_taken = number(0) if clipped else -advantage * ratio
        for action in range(len(log_policy)):
            policy = np.exp(log_policy[action])
            to_entropy = policy * (log_policy[action] - negative_entropy)
            chosen = number(1) if action == taken else number(0)
            to_logits[sample, action] = (to_taken * (chosen - policy) + entropy * to_entropy) / count
        to_values[sample, 0] = slope_of_error * (values[sample, 0] - samples.targets[member, row]) / count


@njit
def generalised_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    ended: np.ndarray,
    discount: float,
    gae_lambda: float,
) -> np.ndarray:
    """Schulman et al. 2016, equation 16, float64[time, members, envs] for rewards, values and ended of that shape.

    `last_values` [members, envs] are those of the observations after the last step; `ended` cuts the sum.
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
