"""Double deep Q-learning (Mnih et al. 2015; van Hasselt et al. 2016) with prioritised replay (Schaul et al. 2016).

One network gives the values of all actions. A second one, the target network, is a copy of it from some updates ago;
so it is pruned as the first one is, and is no network of the learner's own.

Where the network has dropout, the values whose errors are learned from are computed under it. Targets are computed, and
agents act, without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from harness.arguments import check_ranges
from harness.compiled import njit
from harness.learners.adam import AdamSettings, Decay, adam_settings
from harness.learners.protocol import ACTOR
from harness.learners.replay import TERMINATED, Memory, Replay, _recall, _sample
from harness.learners.rollouts import play
from harness.learners.sum_tree import SumTree, _bring_near, _prioritise
from harness.learners.trained import (
    PlayingPopulation,
    TrainedNetwork,
    _clipped_adam_step,
    _member_gradient,
)
from harness.networks.dropout import Dropout, _member_dropout
from harness.networks.heads import Head, Values
from harness.networks.network import Networks, NetworkWorkspace, _forward_member, _prepare_member
from harness.networks.params import Masks, Params
from harness.tasks.rollout import Acting
from harness.tasks.spec import Discrete, Task, refuse_normalised

SAMPLES_AT_ONCE = 1_024
"""Samples of the replay memory whose gradient is computed in one go."""


@dataclass(frozen=True)
class DQN:
    """Settings of DQN. The first fifteen are the rows of the paper's Tables 8 and 11.

    The tables' words ("data replay ratio", "clip grad. norm", "eps eval") are those of rlpyt (Stooke & Abbeel 2019),
    so numbers that they leave open are read as they stand there. Priorities are Schaul's: of the whole error, and a new
    transition has the largest so far, where rlpyt cuts errors off at huber_delta and gives a new one that.
    """

    name: ClassVar[str] = "dqn"
    offers_gradients: ClassVar[bool] = True
    offers_rewinding: ClassVar[bool] = True
    offers_dropout: ClassVar[bool] = True

    learning_rate: float = 0.0005
    """Of Adam."""
    discount: float = 0.99
    """gamma: what a reward one env_step later is worth."""
    batch: int = 256
    """Samples per update."""
    huber_delta: float = 1.0
    """Errors beyond it count linearly; the gradient of one sample is no larger."""
    max_gradient_norm: float = 10.0
    epsilon_start: float = 1.0
    """The probability of drawing an action uniformly, at the first env_step."""
    epsilon_final: float = 0.01
    epsilon_env_steps: int = 1_000_000
    """env_steps over which epsilon falls linearly from start to final; the tables' "annealing frames"."""
    evaluation_epsilon: float = 0.001
    """Epsilon while agents are evaluated and scored."""
    buffer: int = 100_000
    """Transitions of a member that are kept, at most."""
    alpha: float = 0.6
    """Priorities are (|error| + priority_epsilon) ^ alpha; 0 is uniform replay."""
    beta_start: float = 0.4
    """Exponent of the importance weights in the beginning."""
    beta_final: float = 1.0
    """Beta in the last round; it changes linearly over the training."""
    replay_ratio: float = 4.0
    """Samples that updates consume, for each env_step that is played."""
    env_steps: int = 5_000_000
    """Of one training, over all environments."""
    double: bool = True
    """The online network says which action the target network is to value; else the target network says both."""
    envs: int = 4
    """Environments played side by side. Not in the tables: as many as the paper's other learners have workers."""
    rollout: int = 16
    """env_steps per environment between updates. Not in the tables: with 4 envs it makes one update of Table 8 due."""
    learning_starts: int = 50_000
    """env_steps played before the first update. Not in the tables: rlpyt's, a hundredth of Table 8's training."""
    target_interval: int = 312
    """Updates from one copy of the online network to the next. Not in the tables: rlpyt's."""
    priority_epsilon: float = 1e-6
    """Keeps a transition without error drawable. Not in the tables: small beside any error."""
    epsilon: float = 0.01 / 256
    """Of Adam. Not in the tables: rlpyt's, a hundredth by the batch."""
    weight_decay: float = 0.0
    """Of all weights and biases."""
    decay: Decay = "coupled"
    """Coupled is Adam's own L2."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            unit_interval=("discount", "alpha", "beta_start", "beta_final"),
            positive=(
                "learning_rate",
                "huber_delta",
                "max_gradient_norm",
                "replay_ratio",
                "priority_epsilon",
                "epsilon",
            ),
            non_negative=("learning_starts", "weight_decay"),
            counts=("batch", "epsilon_env_steps", "buffer", "env_steps", "envs", "rollout", "target_interval"),
        )
        check_ranges(self, unit_interval=("epsilon_start", "epsilon_final", "evaluation_epsilon"))
        if self.env_steps < self.samples:
            raise ValueError(f"env_steps {self.env_steps} must not be less than one rollout of {self.samples}")
        if self.buffer < self.samples:
            raise ValueError(f"buffer {self.buffer} must hold at least one rollout of {self.samples}")
        if self.learning_starts > self.capacity:
            raise ValueError(
                f"learning_starts {self.learning_starts} must not be more than the {self.capacity} transitions that the"
                " buffer holds, or nothing is learned"
            )
        if self.updates < 1:
            raise ValueError(
                f"env_steps {self.env_steps}, learning_starts {self.learning_starts} and replay_ratio"
                f" {self.replay_ratio:g} give less than one batch of {self.batch}: no update is ever made"
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
    def rounds_to_learn(self) -> int:
        """Rounds until the first update, from an empty memory on: see `OffersRewinding`."""
        return max(1, ceil(self.learning_starts / self.samples))

    @property
    def capacity(self) -> int:
        """Transitions of a member that are kept: in whole steps of all environments."""
        return min(self.buffer, self.rounds * self.samples) // self.envs * self.envs

    def updates_until(self, rounds: int) -> int:
        """Updates due in the first `rounds` rounds, counted from the round in which learning starts; a fraction of an
        update is made up for later."""
        learning = rounds - (self.rounds_to_learn - 1)
        return int(self.replay_ratio * self.samples * max(0, learning) / self.batch)

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.updates_until(self.rounds)

    @property
    def samples_per_update(self) -> int:
        """See `Learner.samples_per_update`."""
        return self.batch

    def exploration(self, env_steps: int) -> float:
        """Epsilon when `env_steps` were played."""
        done = min(1.0, env_steps / self.epsilon_env_steps)
        return self.epsilon_start + (self.epsilon_final - self.epsilon_start) * done

    def beta(self, done: int) -> float:
        """Of the round after `done` rounds."""
        return self.beta_start + (self.beta_final - self.beta_start) * (done + 1) / self.rounds

    def acting(self, actions: Literal["greedy", "sampled"]) -> Acting:
        """Nearly greedy, with the paper's "eps eval"; "sampled": as in the end of training."""
        return Acting(epsilon=self.evaluation_epsilon if actions == "greedy" else self.epsilon_final)

    def heads(self, task: Task) -> dict[str, Head]:
        """See `Learner.heads`."""
        if not isinstance(task.action, Discrete):
            raise ValueError(f"DQN values each of a few actions, but an action of {task.name} is any numbers in a box")
        refuse_normalised(task, "DQN")
        return {ACTOR: Values(task.action.count)}

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """None."""
        return []

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> "DQNPopulation":
        """See `Learner.start`."""
        return DQNPopulation(self, task, networks, masks, seeds, level)


class DQNPopulation(PlayingPopulation):
    """DQN agents in training; a `Population` whose round is one rollout and the updates that fall due."""

    settings: DQN

    def __init__(self, settings: DQN, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        super().__init__(settings, task, networks, masks, seeds, level)
        self.target = self.seen[ACTOR].prepared().copy()
        """float[members, numbers]: the target network, as `BaseNetwork.prepared` has it."""
        prioritised, actions = settings.alpha > 0, self.actor.head.outputs
        features = self.seen[ACTOR].features
        count = features.features if features else None
        self.replay = Replay(self.present, settings.capacity, task.horizon, prioritised, actions, count)

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        super().keep(members)
        self.target = self.target[members]
        self.replay.keep(members)

    def advance_round(self) -> None:
        """Play one rollout, and make the updates that fall due."""
        s = self.settings
        played = self.round * s.samples
        epsilons = [s.exploration(played + step * s.envs) for step in range(s.rollout)]
        rollout = play(self.seen[ACTOR], self.batch, self.task, s.rollout, s.envs, self.rollout_streams, epsilons)
        self.replay.add(rollout, self.present)
        due = s.updates_until(self.round + 1) - s.updates_until(self.round)
        if due and self.replay.transitions >= s.learning_starts:  # it may have begun in a later round
            uniforms = np.stack([rng.random((due, s.batch)) for rng in self.minibatch_streams])
            self._learn(uniforms, self._workspace(s.batch))
            self.updates += due
        self.round += 1

    def _learn(self, uniforms: np.ndarray, workspace: "DQNWorkspace") -> None:
        """Make updates on transitions drawn by uniform numbers, float64[members, updates, batch]."""
        network, memory, tree = self.trained[ACTOR], self.replay.memory, self.replay.tree
        keys = self.update_dropout_keys(ACTOR)
        _improve(network, self.target, memory, tree, uniforms, self._parameters(), workspace, keys)

    def gradients(self) -> dict[str, Params]:
        """See `OffersGradients`: over all transitions of the replay memory, each counted once."""
        found = self.actor.params.each(np.zeros_like)
        places, parameters = self.replay.places, self._parameters()
        network, memory = self.trained[ACTOR], self.replay.memory
        assert len(places), "no rollout was played yet"
        for first in range(0, len(places), SAMPLES_AT_ONCE):
            drawn = places[first : first + SAMPLES_AT_ONCE]
            workspace = self._workspace(len(drawn))
            workspace.drawn[:] = drawn
            workspace.weights[:] = 1
            for member, total in enumerate(found.flat):
                _gradient(network, self.target, memory, member, parameters, workspace, None)
                part = workspace.network.grad_params
                total[: len(part)] += part * total.dtype.type(len(drawn) / len(places))
        return {ACTOR: found}

    def _parameters(self) -> "DQNUpdateParameters":
        """Of the updates of this round."""
        s, replay = self.settings, self.replay
        return DQNUpdateParameters(
            self.updates,
            s.target_interval,
            float(s.discount),
            s.double,
            float(s.huber_delta),
            float(s.max_gradient_norm),
            float(s.alpha),
            s.beta(self.round),
            float(s.priority_epsilon),
            adam_settings(s),
            float(self.actor.dropout),
            s.envs,
            replay.first,
            replay.transitions,
        )

    def _workspace(self, batch: int) -> "DQNWorkspace":
        """Memory for `batch` samples."""
        dtype = self.actor.flat.dtype
        actor, stored = self.seen[ACTOR], self.replay.memory.observations
        outputs = (batch, actor.head.outputs), dtype
        return DQNWorkspace(
            drawn=np.empty(batch, dtype=np.int64),
            weights=np.empty(batch, dtype),
            before=actor.input_room(batch, like=stored),
            after=actor.input_room(batch, like=stored),
            next_values=np.empty(*outputs),
            target_values=np.empty(*outputs),
            errors=np.empty(batch, dtype),
            network=self.room(ACTOR, batch),
        )


class DQNUpdateParameters(NamedTuple):
    """The settings of one round's updates, how many updates there were before, and which transitions may be drawn:
    `transitions` of them from place `first` on, of `envs` environments. dropout: its rate."""

    updates: int
    target_interval: int
    discount: float
    double: bool
    huber_delta: float
    max_gradient_norm: float
    alpha: float
    beta: float
    priority_epsilon: float
    adam: AdamSettings
    dropout: float
    envs: int
    first: int
    transitions: int


class DQNWorkspace(NamedTuple):
    """Memory for a minibatch of one member.

    drawn: the places of its transitions. weights: of their losses. before, after: the network's inputs around them.
    next_values: of the online network after, target_values: of the target network after. errors: of the values of the
    actions taken. network: of the online network; its outputs are the values before.
    """

    drawn: np.ndarray
    weights: np.ndarray
    before: np.ndarray
    after: np.ndarray
    next_values: np.ndarray
    target_values: np.ndarray
    errors: np.ndarray
    network: NetworkWorkspace


@njit
def _improve(
    online: TrainedNetwork,
    target: np.ndarray,
    memory: Memory,
    tree: SumTree,
    uniforms: np.ndarray,
    parameters: DQNUpdateParameters,
    workspace: DQNWorkspace,
    keys: np.ndarray | None,
) -> None:
    """Make all updates of a round, in place, one member after the other.

    target: see `DQNPopulation.target`. uniforms: float64[members, updates, batch]. keys: uint64[members], of dropout.
    """
    places = memory.actions.shape[1]
    p, gradient, drawn = parameters, workspace.network.grad_params, workspace.drawn
    for member in range(len(uniforms)):
        if len(tree.leaves):
            _bring_near(tree, member, min(p.transitions + p.envs, places), uniforms[member].size)
        for turn in range(uniforms.shape[1]):
            _sample(tree, member, p.first, p.transitions, places, uniforms[member, turn], drawn)
            _importance(tree, member, drawn, p.beta, workspace.weights)
            dropout = _member_dropout(p.dropout, keys, member, p.updates + turn)
            _gradient(online, target, memory, member, p, workspace, dropout)
            norm = np.sqrt(np.dot(gradient, gradient))
            update = p.updates + turn + 1
            _clipped_adam_step(online, member, gradient, norm, p.max_gradient_norm, update, p.adam)
            if len(tree.leaves):
                _prioritise(tree, member, drawn, workspace.errors, p.alpha, p.priority_epsilon)
            if update % p.target_interval == 0:
                network = workspace.network.memory
                target[member] = _prepare_member(online.shape, member, online.params[member], network)


@njit
def _importance(tree: SumTree, member: int, drawn: np.ndarray, beta: float, weights: np.ndarray) -> None:
    """Fill `weights` with (N P)^-beta, divided by the largest of the batch (Schaul et al. 2016, section 3.4): with
    priorities p that is (smallest p of the batch / p)^beta, whatever N and the sum are. Ones where there is no tree."""
    number = weights.dtype.type  # a constant of double precision would lift the power to it
    if len(tree.leaves) == 0:
        weights[:] = number(1)
        return
    least = tree.leaves[member, drawn[0]]
    for place in drawn:
        least = min(least, tree.leaves[member, place])
    for i in range(len(drawn)):
        weights[i] = (number(least) / number(tree.leaves[member, drawn[i]])) ** number(beta)


@njit
def _gradient(
    online: TrainedNetwork,
    target: np.ndarray,
    memory: Memory,
    member: int,
    parameters: DQNUpdateParameters,
    workspace: DQNWorkspace,
    dropout: Dropout | None,
) -> None:
    """Leave the gradient of one member's loss over the transitions at `workspace.drawn`, weighted by
    `workspace.weights`, in `workspace.network.grad_params`, zero outside the mask; and their errors in
    `workspace.errors`."""
    w, network, shape = workspace, workspace.network, online.shape
    params = _prepare_member(shape, member, online.params[member], network.memory)
    _recall(memory, member, w.drawn, w.before, w.after, parameters.envs)
    if parameters.double:
        _forward_member(shape, params, w.after, network.memory, w.next_values, None)
    _forward_member(shape, target[member], w.after, network.memory, w.target_values, None)
    _forward_member(shape, params, w.before, network.memory, network.outputs, dropout)
    _loss_gradient(memory, member, parameters, workspace)  # `memory` now has the activations of the values to learn
    _member_gradient(online, member, params, w.before, network, dropout)


@njit
def _loss_gradient(memory: Memory, member: int, parameters: DQNUpdateParameters, workspace: DQNWorkspace) -> None:
    """Fill `workspace.errors`, and `grad_outputs` with the gradient of the mean over the batch of weight x Huber loss.

    The error is reward + discount * value of the next action - value of the action taken. The next action is the one
    that the online network values most (van Hasselt et al. 2016, equation 4), or the target network where not double.
    After a terminated episode there is no next action; after one that the horizon cut off there is.
    """
    values, grad_values = workspace.network.outputs, workspace.network.grad_outputs
    number = values.dtype.type  # a constant of double precision would lift everything to it
    count, discount, delta = number(len(workspace.drawn)), number(parameters.discount), number(parameters.huber_delta)
    deciding = workspace.next_values if parameters.double else workspace.target_values
    for i in range(len(workspace.drawn)):
        place = workspace.drawn[i]
        wanted = number(memory.rewards[member, place])
        if memory.ends[member, place] != TERMINATED:
            best = 0
            for action in range(1, deciding.shape[1]):
                if deciding[i, action] > deciding[i, best]:
                    best = action
            wanted += discount * workspace.target_values[i, best]
        taken = memory.actions[member, place]
        error = wanted - values[i, taken]
        workspace.errors[i] = error
        for action in range(grad_values.shape[1]):
            grad_values[i, action] = number(0)
        slope = min(max(error, -delta), delta)
        grad_values[i, taken] = -workspace.weights[i] * slope / count
