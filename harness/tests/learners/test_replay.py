"""The replay memory, held against a list of whole transitions."""

from collections import deque
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.learners.replay import GOES_ON, TERMINATED, Replay, _recall, _sample
from harness.learners.rollouts import Rollout
from harness.learners.sum_tree import _total


class Transition(NamedTuple):
    before: list[float]
    action: int
    reward: float
    after: list[float] | None
    """None: terminated."""


class Playing:
    """Environments of noise that terminate now and then, and are cut off by the horizon."""

    def __init__(self, rng: np.random.Generator, members: int, envs: int, horizon: int, ends: float):
        self.rng, self.shape, self.horizon, self.ends = rng, (members, envs), horizon, ends
        self.elapsed = np.zeros(self.shape, dtype=int)
        self.seen = self.draw()

    def draw(self) -> np.ndarray:
        return self.rng.random((*self.shape, 2), dtype=np.float32)

    def rollout(self, steps: int) -> tuple[Rollout, list[list[Transition]]]:
        """And the transitions of each member, time after time."""
        columns: list[tuple[np.ndarray, ...]] = []
        made: list[list[Transition]] = [[] for _ in range(self.shape[0])]
        for _ in range(steps):
            before, reached = self.seen, self.draw()
            actions, rewards = self.rng.integers(3, size=self.shape), self.rng.integers(9, size=self.shape) / 2
            self.elapsed += 1
            terminated = self.rng.random(self.shape) < self.ends
            truncated = (self.elapsed >= self.horizon) & ~terminated
            self.elapsed[terminated | truncated] = 0
            self.seen = np.where((terminated | truncated)[..., None], self.draw(), reached)
            columns.append((before, actions, np.zeros(self.shape), rewards, terminated, truncated, reached))
            for member, env in np.ndindex(self.shape):
                at = (member, env)
                after = None if terminated[at] else reached[at].tolist()
                made[member].append(Transition(before[at].tolist(), int(actions[at]), float(rewards[at]), after))
        return Rollout(*(np.stack(column) for column in zip(*columns, strict=True))), made


def recalled(replay: Replay, member: int) -> list[Transition]:
    places = replay.places
    before, after = np.empty((2, len(places), 2))
    _recall(replay.memory, member, places, before, after, replay.envs)
    ends = replay.memory.ends[member, places]
    return [
        Transition(b.tolist(), int(action), float(reward), None if end == TERMINATED else a.tolist())
        for b, a, end, action, reward in zip(
            before,
            after,
            ends,
            replay.memory.actions[member, places],
            replay.memory.rewards[member, places],
            strict=True,
        )
    ]


@settings(deadline=None, max_examples=80)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(4, 13),
    st.integers(1, 6),
    st.floats(0, 0.5),
    st.booleans(),
)
def test_it_gives_back_the_last_transitions_as_they_were(
    seed: int, envs: int, times: int, horizon: int, ends: float, prioritised: bool
) -> None:
    rng = np.random.default_rng(seed)
    playing = Playing(rng, 2, envs, horizon, ends)
    replay = Replay(np.zeros((2, envs, 2), dtype=np.float32), times * envs + envs - 1, horizon, prioritised, 3)
    known: list[deque[Transition]] = [deque(maxlen=times * envs) for _ in range(2)]
    for _ in range(8):
        rollout, made = playing.rollout(int(rng.integers(1, 5)))
        replay.add(rollout, playing.seen)
        for member in range(2):
            known[member].extend(made[member])
            assert recalled(replay, member) == list(known[member])
            if prioritised:
                drawable = np.flatnonzero(replay.tree.leaves[member])
                assert sorted(replay.places.tolist()) == drawable.tolist()
                assert _total(replay.tree, member) == len(drawable) * replay.tree.highest[member]


def test_an_observation_is_kept_once_and_a_transition_takes_so_many_bytes() -> None:
    """Cart-Pole's: 4 inputs of 4 bytes, 2 of the action, 4 of the reward, 4 of the end; of a tree 4 and 8 / 7."""
    for prioritised, expected in ((False, 26), (True, 26 + 4 + 8 / 7)):
        replay = Replay(np.zeros((3, 4, 4), dtype=np.float32), 32_768, 500, prioritised, 3)
        assert replay.bytes_per_transition == pytest.approx(expected, rel=0.005)
    twice = 2 * 4 * 4 + 2 + 4 + 4  # what both observations of each would take
    assert Replay(np.zeros((3, 4, 4), dtype=np.float32), 32_768, 500, False, 3).bytes_per_transition < 0.65 * twice


def test_only_observations_that_the_horizon_cut_off_are_kept_beside() -> None:
    playing = Playing(np.random.default_rng(0), 2, 3, horizon=4, ends=0.2)
    replay = Replay(np.zeros((2, 3, 2), dtype=np.float32), 30, 4, False, 3)
    rollout, _ = playing.rollout(10)
    replay.add(rollout, playing.seen)
    assert replay.memory.cut_off.tolist() == rollout.truncated.sum(axis=(0, 2)).tolist()
    ends = replay.memory.ends[:, replay.places]
    assert (ends == TERMINATED).sum() == rollout.terminated.sum() > 0
    assert (ends >= 0).sum() == rollout.truncated.sum() > 0
    assert (ends == GOES_ON).any()
    assert replay.memory.last_observations.shape[1] == 3 * (10 // 4 + 1)


def test_without_priorities_each_transition_is_as_likely() -> None:
    playing = Playing(np.random.default_rng(0), 1, 2, horizon=4, ends=0.2)
    replay = Replay(np.zeros((1, 2, 2), dtype=np.float32), 12, 4, False, 3)
    for _ in range(3):
        replay.add(playing.rollout(5)[0], playing.seen)
    assert len(replay.tree.leaves) == 0
    count = replay.transitions
    assert count == 12
    uniforms, drawn = (np.arange(count) + 0.5) / count, np.empty(count, dtype=np.int64)
    _sample(replay.tree, 0, replay.first, count, replay.memory.actions.shape[1], uniforms, drawn)
    assert drawn.tolist() == replay.places.tolist()


def test_members_that_are_kept_keep_their_transitions() -> None:
    playing = Playing(np.random.default_rng(0), 3, 2, horizon=4, ends=0.2)
    replay = Replay(np.zeros((3, 2, 2), dtype=np.float32), 12, 4, True, 3)
    _, made = (lambda pair: (replay.add(pair[0], playing.seen), pair[1]))(playing.rollout(5))
    replay.keep(np.array([2, 0]))
    assert [recalled(replay, member) for member in range(2)] == [made[2], made[0]]
    assert _total(replay.tree, 1) == 10 * replay.tree.highest[1]
