"""A replay memory: the last transitions of each member, from which updates draw.

An observation is stored once: what a transition led to is what the next one of its environment starts from. Where the
horizon cut an episode off, the last observation still has a value and is stored apart; that of a terminated episode has
none and is not stored.
"""

from typing import NamedTuple

import numpy as np

from harness.arguments import check_array, check_indices
from harness.compiled import njit
from harness.learners.rollouts import Rollout, rows
from harness.learners.sum_tree import SumTree, _draw, _put

GOES_ON, TERMINATED = -1, -2
MOST_ACTIONS = 2**15
"""An action is stored in 16 bits."""


class Memory(NamedTuple):
    """Members first. A place holds one transition: time after time, and within it environment after environment.

    observations: [members, places, inputs], before the action, in the task's own dtype, or their active features,
    int16[members, places, most]; the places of the next time hold the present observations. actions: int16[members,
    places]. rewards: float32[members, places]. ends: int32[members, places], `GOES_ON`, `TERMINATED`, or the index into
    last_observations, [members, cut, as observations], of the one at which the horizon cut the episode off. cut_off:
    int64[members], how many episodes were cut off.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    ends: np.ndarray
    last_observations: np.ndarray
    cut_off: np.ndarray


class Replay:
    """The last `capacity` transitions of each member, rounded down to whole times of `envs` environments.

    tree: it has no leaves without priorities. now: the time, modulo `times + 1`, that is played next. held: the times
    before it that may be drawn. horizon: the task's, which bounds how many episodes it can cut.
    """

    def __init__(
        self,
        observations: np.ndarray,
        capacity: int,
        horizon: int,
        prioritised: bool,
        actions: int,
        features: int | None = None,
    ):
        """observations: of one time, [members, envs, *shape]; only the shape and dtype count. actions: how many the
        task has. features: how many there are, where observations are active features."""
        observations = rows(observations, 2)
        check_array("observations", observations, (-1, -1, -1))
        members, envs, inputs = observations.shape
        if not 1 <= envs <= capacity or horizon < 1:
            raise ValueError(f"capacity {capacity} must hold {envs} transitions, and horizon {horizon} be at least 1")
        if not 1 <= actions <= MOST_ACTIONS:
            raise ValueError(f"a replay memory is for 1 to {MOST_ACTIONS} actions, not {actions}")
        self.envs, self.actions, self.features = int(envs), actions, features
        self.times = capacity // self.envs
        self.now, self.held = 0, 0
        places = (self.times + 1) * envs  # one time more: the present observations
        cut = envs * (self.times // horizon + 1)
        self.memory = Memory(
            np.zeros((members, places, inputs), dtype=observations.dtype),
            np.zeros((members, places), dtype=np.int16),
            np.zeros((members, places), dtype=np.float32),
            np.full((members, places), GOES_ON, dtype=np.int32),
            np.zeros((members, cut, inputs), dtype=observations.dtype),
            np.zeros(members, dtype=np.int64),
        )
        self.tree = SumTree.empty(members if prioritised else 0, places if prioritised else 1)

    @property
    def transitions(self) -> int:
        """How many transitions of a member may be drawn."""
        return self.held * self.envs

    @property
    def first(self) -> int:
        """The place of the oldest transition that may be drawn."""
        return (self.now - self.held) % (self.times + 1) * self.envs

    @property
    def places(self) -> np.ndarray:
        """int64[transitions]: the places that may be drawn, the oldest first."""
        return np.asarray((self.first + np.arange(self.transitions)) % self.memory.actions.shape[1])

    @property
    def bytes_per_transition(self) -> float:
        """Memory per transition, in bytes."""
        taken = sum(array.nbytes for array in (*self.memory, *self.tree))
        return taken / (len(self.memory.actions) * self.times * self.envs)

    def add(self, rollout: Rollout, present: np.ndarray) -> None:
        """Store a rollout's transitions, and the observations after it ([members, envs, *shape]).

        A new transition gets the largest priority so far, so that each is soon learned from. Raises ValueError where
        the shapes are not those of the memory, or an action or feature is none of the task's; TypeError where these
        are no whole numbers, or anything else is no number.
        """
        members, _, inputs = self.memory.observations.shape
        cells = len(rollout.actions), members, self.envs
        present = rows(present, 2)
        rollout = rollout._replace(
            observations=rows(rollout.observations, 3), final_observations=rows(rollout.final_observations, 3)
        )
        for name, numbers in zip(Rollout._fields, rollout, strict=True):
            if name == "actions":
                check_indices(name, numbers, cells, self.actions)
            elif name.endswith("observations"):
                self._check_observations(name, numbers, (*cells, inputs))
            else:
                check_array(name, numbers, cells)
        self._check_observations("present", present, (members, self.envs, inputs))
        _add(self.memory, self.tree, self.now, rollout, present)
        steps = len(rollout.actions)
        self.now = (self.now + steps) % (self.times + 1)
        self.held = min(self.held + steps, self.times)

    def _check_observations(self, name: str, observations: np.ndarray, shape: tuple[int, ...]) -> None:
        if self.features is None:
            check_array(name, observations, shape)
        else:
            check_indices(name, observations, shape, self.features, lowest=-1)

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept])."""
        self.memory = Memory(*(numbers[members] for numbers in self.memory))
        if len(self.tree.leaves):
            self.tree = self.tree.keep(members)


@njit
def _add(memory: Memory, tree: SumTree, now: int, rollout: Rollout, present: np.ndarray) -> None:
    times, members, envs = rollout.actions.shape
    places, inputs = memory.observations.shape[1:]
    prioritised = len(tree.leaves) > 0
    for member in range(members):
        for time in range(times):
            for env in range(envs):
                place = ((now + time) * envs + env) % places
                for i in range(inputs):
                    memory.observations[member, place, i] = rollout.observations[time, member, env, i]
                memory.actions[member, place] = rollout.actions[time, member, env]
                memory.rewards[member, place] = rollout.rewards[time, member, env]
                memory.ends[member, place] = TERMINATED if rollout.terminated[time, member, env] else GOES_ON
                if rollout.truncated[time, member, env]:
                    cut = memory.cut_off[member] % memory.last_observations.shape[1]
                    for i in range(inputs):
                        memory.last_observations[member, cut, i] = rollout.final_observations[time, member, env, i]
                    memory.ends[member, place] = cut
                    memory.cut_off[member] += 1
                if prioritised:
                    _put(tree, member, place, tree.highest[member])
        for env in range(envs):
            place = ((now + times) * envs + env) % places
            for i in range(inputs):
                memory.observations[member, place, i] = present[member, env, i]
            if prioritised:
                _put(tree, member, place, 0)


@njit
def _sample(
    tree: SumTree, member: int, first: int, transitions: int, places: int, uniforms: np.ndarray, drawn: np.ndarray
) -> None:
    """Fill `drawn` (int64[batch]) with the places of transitions, by uniform numbers float64[batch].

    By priority where there is a tree; else uniformly among the `transitions` from place `first` on, in a ring of
    `places`.
    """
    if len(tree.leaves):
        _draw(tree, member, uniforms, drawn)
        return
    for i in range(len(drawn)):
        drawn[i] = (first + np.int64(uniforms[i] * transitions)) % places


@njit
def _recall(memory: Memory, member: int, drawn: np.ndarray, before: np.ndarray, after: np.ndarray, envs: int) -> None:
    """Fill `before` and `after` (float[batch, inputs]) with the observations around the transitions at `drawn`.

    After a terminated episode, `after` holds an observation that must not be used.
    """
    places, inputs = memory.observations.shape[1:]
    for sample in range(len(drawn)):
        place = drawn[sample]
        end = memory.ends[member, place]
        following = (place + envs) % places
        for i in range(inputs):
            before[sample, i] = memory.observations[member, place, i]
            if end >= 0:
                after[sample, i] = memory.last_observations[member, end, i]
            else:
                after[sample, i] = memory.observations[member, following, i]
