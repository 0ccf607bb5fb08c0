"""Double deep Q-learning (Mnih et al. 2015; van Hasselt et al. 2016) with prioritised replay (Schaul et al. 2016).

One network gives the values of all actions. A second one, from which the targets are taken, is a copy of it from some
updates ago; so it is pruned as it is, and is no network of the learner's own.

Where the network has dropout, the values whose errors are learned from are computed under it; the targets are whole
networks', as are those that act.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from harness.compiled import njit
from harness.learners.adam import Decay, Trained, adam_step
from harness.learners.protocol import ACTOR
from harness.learners.replay import TERMINATED, Memory, Replay, recall, sample
from harness.learners.rollouts import play
from harness.learners.settings import refuse
from harness.learners.sum_tree import SumTree, bring_near, prioritise
from harness.networks.kernels import Dropout, draw, dropout_keys, member_backward, member_forward
from harness.networks.mlp import Mlp
from harness.networks.sparse_input import Fold, Table, fold, folded, unfold
from harness.streams import streams
from harness.tasks.rollout import Acting, network_input, table_of
from harness.tasks.spec import Task

SAMPLES_AT_ONCE = 1_024
"""Of the whole replay memory, when its gradient is asked for."""


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
    """The share of actions that are drawn uniformly, at the first env_step."""
    epsilon_final: float = 0.01
    epsilon_env_steps: int = 1_000_000
    """Over so many, the share falls linearly from the first to the second; the tables' "annealing frames"."""
    evaluation_epsilon: float = 0.001
    """The share while evaluated and scored."""
    buffer: int = 100_000
    """Transitions of a member that are kept; no more than it plays."""
    alpha: float = 0.6
    """Priorities are (|error| + priority_epsilon) ^ alpha; 0 is uniform replay, and has no tree."""
    beta_start: float = 0.4
    """How far weights make up for what priorities prefer, in the beginning."""
    beta_final: float = 1.0
    """In the last round; it changes linearly over the training."""
    replay_ratio: float = 4.0
    """Samples that updates consume, for each that is played."""
    env_steps: int = 5_000_000
    """Of one training, over all environments."""
    double: bool = True
    """The online network says which action the target network is to value; else the target network says both."""
    envs: int = 4
    """Environments played side by side. Not in the tables: as many as the paper's other learners have workers."""
    rollout: int = 16
    """env_steps per environment between updates. Not in the tables: with 4 envs an update of Table 8 falls due."""
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
        refuse(
            self,
            shares=(
                "discount",
                "epsilon_start",
                "epsilon_final",
                "evaluation_epsilon",
                "alpha",
                "beta_start",
                "beta_final",
            ),
            above_zero=(
                "learning_rate",
                "huber_delta",
                "max_gradient_norm",
                "replay_ratio",
                "priority_epsilon",
                "epsilon",
            ),
            from_zero=("learning_starts", "weight_decay"),
            counts=("batch", "epsilon_env_steps", "buffer", "env_steps", "envs", "rollout", "target_interval"),
        )
        if self.env_steps < self.samples:
            raise ValueError(f"env_steps {self.env_steps} is less than one rollout of {self.samples}")
        if self.buffer < self.samples:
            raise ValueError(f"a buffer of {self.buffer} does not hold one rollout of {self.samples}")
        if self.updates < 1:
            raise ValueError(
                f"no update falls due: {self.env_steps} env_steps, {self.learning_starts} of them before learning"
                f" starts, at a replay ratio of {self.replay_ratio:g} are less than one batch of {self.batch}"
            )
        if self.learning_starts > self.capacity:
            raise ValueError(
                f"learning never starts: the buffer holds {self.capacity}, learning_starts is {self.learning_starts}"
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
        """How many rounds it takes until an update is made, from an empty memory on: see `OffersRewinding`."""
        return max(1, ceil(self.learning_starts / self.samples))

    @property
    def capacity(self) -> int:
        """Transitions of a member that are kept: in whole steps of all environments."""
        return min(self.buffer, self.rounds * self.samples) // self.envs * self.envs

    def updates_until(self, rounds: int) -> int:
        """Updates of the first `rounds` rounds: what falls due is counted from the round on in which learning starts,
        and a part of an update is made later."""
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
        """The share of actions drawn uniformly when `env_steps` were played."""
        done = min(1.0, env_steps / self.epsilon_env_steps)
        return self.epsilon_start + (self.epsilon_final - self.epsilon_start) * done

    def beta(self, done: int) -> float:
        """Of the round after `done` rounds."""
        return self.beta_start + (self.beta_final - self.beta_start) * (done + 1) / self.rounds

    def acting(self, actions: Literal["greedy", "sampled"]) -> Acting:
        """Nearly greedy, with the paper's "eps eval"; "sampled": as in the end of training."""
        return Acting(epsilon=self.evaluation_epsilon if actions == "greedy" else self.epsilon_final)

    def outputs(self, task: Task) -> dict[str, int]:
        """See `Learner.outputs`."""
        return {ACTOR: task.actions}

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
    ) -> "DQNPopulation":
        """See `Learner.start`."""
        return DQNPopulation(self, task, networks, masks, seeds, level)


class DQNPopulation:
    """DQN agents in training; a `Population` whose round is one rollout and the updates that fall due."""

    def __init__(
        self,
        settings: DQN,
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
        self.networks = {ACTOR: networks[ACTOR].arrays()}
        self.actor = self.networks[ACTOR]
        self.trained = Trained.start(self.actor, masks.get(ACTOR, []))
        self.table = table_of(task, seeds, self.actor.flat.dtype)
        self.target = (folded(self.actor, self.table) if self.table else self.actor.arrays()).flat
        self.updates = 0
        self.rollout_streams = streams(seeds, "rollout", level)
        self.minibatch_streams = streams(seeds, "minibatch", level)
        self.dropout_keys = dropout_keys(streams(seeds, "dropout", level))
        starts = np.stack([task.draw_starts(r, (settings.envs,)) for r in self.rollout_streams])
        self.batch = task.batch(starts, seeds)
        shown, prioritised = network_input(self.batch, self.table), settings.alpha > 0
        self.replay = Replay(shown, settings.capacity, task.horizon, prioritised)

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        self.trained = self.trained.keep(members)
        self.actor.flat = self.trained.flat
        self.target = self.target[members]
        self.table = self.table and self.table.keep(members)
        self.replay.keep(members)
        self.batch.keep(members)
        self.dropout_keys = self.dropout_keys[members]
        self.rollout_streams = [self.rollout_streams[member] for member in members]
        self.minibatch_streams = [self.minibatch_streams[member] for member in members]

    def advance(self) -> None:
        """Play one rollout, and make the updates that fall due."""
        s = self.settings
        played = self.round * s.samples
        epsilons = [s.exploration(played + step * s.envs) for step in range(s.rollout)]
        streams = self.rollout_streams
        rollout = play(self.actor, self.batch, self.task, s.rollout, s.envs, streams, epsilons, self.table)
        self.replay.add(rollout, network_input(self.batch, self.table))
        due = s.updates_until(self.round + 1) - s.updates_until(self.round)
        if due and self.replay.transitions >= s.learning_starts:  # it may have begun in a later round
            uniforms = np.stack([rng.random((due, s.batch)) for rng in self.minibatch_streams])
            dropout = (self.actor.dropout, self.dropout_keys) if self.actor.dropout > 0 else ()
            _improve(
                self.trained,
                self.target,
                self.replay.memory,
                self.replay.tree,
                uniforms,
                self._pace(),
                self._room(s.batch),
                self.table,
                *dropout,
            )
            self.updates += due
        self.round += 1

    def gradients(self) -> dict[str, Mlp]:
        """See `OffersGradients`: over all transitions of the replay memory, each counted once; without dropout: whole
        networks are pruned."""
        found = self.actor.each(np.zeros_like)
        places, pace = self.replay.places, self._pace()
        assert len(places), "no rollout was played yet"
        for first in range(0, len(places), SAMPLES_AT_ONCE):
            drawn = places[first : first + SAMPLES_AT_ONCE]
            room = self._room(len(drawn))
            room.drawn[:] = drawn
            room.weights[:] = 1
            for member, row in enumerate(found.flat):
                _gradient(self.trained, self.target, self.replay.memory, member, pace, room, self.table)
                row += room.to_row * row.dtype.type(len(drawn) / len(places))
        return {ACTOR: found}

    def _pace(self) -> "Pace":
        s, replay = self.settings, self.replay
        return Pace(
            self.updates,
            s.target_interval,
            s.learning_rate,
            s.discount,
            s.double,
            s.huber_delta,
            s.max_gradient_norm,
            s.alpha,
            s.beta(self.round),
            s.priority_epsilon,
            s.epsilon,
            s.weight_decay,
            s.decay == "decoupled",
            s.envs,
            replay.first,
            replay.transitions,
        )

    def _room(self, batch: int) -> "Room":
        """Memory for `batch` samples."""
        sizes = self.actor.sizes
        width = self.replay.memory.observations.shape[-1]
        shown = np.dtype(np.int16) if self.table else self.actor.flat.dtype

        def empty(*shape: int) -> np.ndarray:
            return np.empty(shape, dtype=self.actor.flat.dtype)

        return Room(
            drawn=np.empty(batch, dtype=np.int64),
            weights=empty(batch),
            before=np.empty((batch, width), dtype=shown),
            after=np.empty((batch, width), dtype=shown),
            values=empty(batch, sizes[-1]),
            next_values=empty(batch, sizes[-1]),
            target_values=empty(batch, sizes[-1]),
            errors=empty(batch),
            to_values=empty(batch, sizes[-1]),
            kept=empty(batch * sum(sizes[1:-1])),
            to_row=empty(self.actor.flat.shape[1]),
            scratch=empty(2, batch * max(sizes[1:])),
            fold=Fold.room(self.actor, self.table),
        )


class Pace(NamedTuple):
    """The settings of one round's updates, how many updates there were before, and which transitions may be drawn:
    `transitions` of them from place `first` on, of `envs` environments."""

    updates: int
    target_interval: int
    learning_rate: float
    discount: float
    double: bool
    huber_delta: float
    max_gradient_norm: float
    alpha: float
    beta: float
    priority_epsilon: float
    epsilon: float
    weight_decay: float
    decoupled: bool
    envs: int
    first: int
    transitions: int


class Room(NamedTuple):
    """Memory for a minibatch and all that is computed of it for one member, so that none is allocated on the way.

    drawn: the places of its transitions. weights: of their losses. before, after: observations around them, or the
    pieces of these. values: of the online network before, next_values: after, target_values: of the target network
    after. errors: of the values of the actions taken. to_: the gradients of the loss. kept, scratch: see `passes`.
    """

    drawn: np.ndarray
    weights: np.ndarray
    before: np.ndarray
    after: np.ndarray
    values: np.ndarray
    next_values: np.ndarray
    target_values: np.ndarray
    errors: np.ndarray
    to_values: np.ndarray
    kept: np.ndarray
    to_row: np.ndarray
    scratch: np.ndarray
    fold: Fold


@njit
def _improve(
    online: Trained,
    target: np.ndarray,
    memory: Memory,
    tree: SumTree,
    uniforms: np.ndarray,
    pace: Pace,
    room: Room,
    table: Table | None = None,
    share: float = 0.0,
    keys: np.ndarray | None = None,
) -> None:
    """All updates of a round, in place, one member after the other.

    target: the target network's parameters, as `online.flat`; folded where there is a table. uniforms:
    float64[members, updates, batch]. share, keys: of dropout, uint64[members], where there is some.
    """
    number = online.flat.dtype.type
    places = memory.actions.shape[1]
    for member in range(len(uniforms)):
        if len(tree.leaves):
            bring_near(tree, member, min(pace.transitions + pace.envs, places), uniforms[member].size)
        for turn in range(uniforms.shape[1]):
            sample(tree, member, pace.first, pace.transitions, places, uniforms[member, turn], room.drawn)
            importance(tree, member, room.drawn, pace.beta, room.weights)
            if keys is None:
                _gradient(online, target, memory, member, pace, room, table)
            else:
                thinned = Dropout(share, draw(keys[member], pace.updates + turn))
                _gradient(online, target, memory, member, pace, room, table, thinned)
            norm = np.sqrt(np.dot(room.to_row, room.to_row))
            scale = number(min(1.0, pace.max_gradient_norm / (norm + 1e-6)))
            for i in range(len(room.to_row)):
                room.to_row[i] *= scale
            update = pace.updates + turn + 1
            adam_step(
                online.flat[member],
                room.to_row,
                online.first[member],
                online.second[member],
                update,
                pace.learning_rate,
                pace.epsilon,
                pace.weight_decay,
                pace.decoupled,
            )
            if len(tree.leaves):
                prioritise(tree, member, room.drawn, room.errors, pace.alpha, pace.priority_epsilon)
            if update % pace.target_interval == 0:
                if table is not None:
                    fold(table, member, online.flat[member], online.sizes[1], target[member])
                else:
                    target[member] = online.flat[member]


@njit
def importance(tree: SumTree, member: int, drawn: np.ndarray, beta: float, weights: np.ndarray) -> None:
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
    online: Trained,
    target: np.ndarray,
    memory: Memory,
    member: int,
    pace: Pace,
    room: Room,
    table: Table | None = None,
    dropout: Dropout | None = None,
) -> None:
    """Leave the gradient of one member's loss over the transitions at `room.drawn`, weighted by `room.weights`, in
    `room.to_row`, zero outside the mask; and their errors in `room.errors`."""
    tanh, units = online.tanh, online.sizes[1]
    if table is not None:
        fold(table, member, online.flat[member], units, room.fold.row)
        row, to_row, sizes = room.fold.row, room.fold.to_row, room.fold.sizes
    else:
        row, to_row, sizes = online.flat[member], room.to_row, online.sizes
    recall(memory, member, room.drawn, room.before, room.after, pace.envs)
    if pace.double:
        member_forward(row, sizes, tanh, room.after, room.kept, room.next_values)
    member_forward(target[member], sizes, tanh, room.after, room.kept, room.target_values)
    member_forward(row, sizes, tanh, room.before, room.kept, room.values, dropout)  # last: `kept` is its own
    loss_gradient(memory, member, pace, room)
    member_backward(row, sizes, tanh, room.before, room.kept, room.to_values, to_row, room.scratch, dropout)
    if table is not None:
        unfold(table, member, to_row, units, room.to_row)
    for i in range(len(room.to_row)):
        room.to_row[i] *= online.mask[member, i]


@njit
def loss_gradient(memory: Memory, member: int, pace: Pace, room: Room) -> None:
    """Fill `room.errors`, and `room.to_values` with the gradient of the mean over the batch of weight x Huber loss.

    The error is reward + discount * value of the next action - value of the action taken. The next action is the one
    that the online network values most (van Hasselt et al. 2016, equation 4), or the target network where not double.
    There is none after a terminated episode; after one that the horizon cut off there is.
    """
    number = room.values.dtype.type  # a constant of double precision would lift everything to it
    count, discount, delta = number(len(room.drawn)), number(pace.discount), number(pace.huber_delta)
    deciding = room.next_values if pace.double else room.target_values
    for i in range(len(room.drawn)):
        place = room.drawn[i]
        wanted = number(memory.rewards[member, place])
        if memory.ends[member, place] != TERMINATED:
            best = 0
            for action in range(1, deciding.shape[1]):
                if deciding[i, action] > deciding[i, best]:
                    best = action
            wanted += discount * room.target_values[i, best]
        taken = memory.actions[member, place]
        error = wanted - room.values[i, taken]
        room.errors[i] = error
        for action in range(room.to_values.shape[1]):
            room.to_values[i, action] = number(0)
        slope = min(max(error, -delta), delta)
        room.to_values[i, taken] = -room.weights[i] * slope / count
