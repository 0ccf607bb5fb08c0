"""Networks on features return, and learn, from active features what they do from the observations."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.networks.features import SPARSE, BinaryInputs, Features, FeatureTable
from harness.networks.mlp import Mlp, Network
from harness.networks.network import Networks, gradient_of, outputs_of
from harness.networks.params import Params
from harness.networks.sparse_input import on_features
from harness.streams import streams
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.input_subset import InputSubset
from harness.tasks.rollout import rollout_returns
from harness.tasks.spec import Batch, task_features
from harness.tests.networks.made import initial_mlp, networks_of

FEATURES, INPUTS, ACTIVE, MEMBERS = 30, 12, 6, 3


class Dense:
    """A sparse task without its features, so that networks take its observations."""

    def __init__(self, task: GridMaze):
        self.task = task

    def __getattr__(self, name: str) -> object:
        if name == "features":
            raise AttributeError(name)
        return getattr(self.task, name)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        return self.task.batch(starts, seeds)


def of_kind(kind: str) -> tuple[Features, np.ndarray]:
    """The inputs that are one; or one sparse table for all members, one full one for all, or each member's own. And
    what each feature adds, float64[1 or members, features, inputs]."""
    rng = np.random.default_rng(5)
    if kind == "binary":
        return BinaryInputs(FEATURES), np.eye(FEATURES)[None]
    rows = rng.normal(size=(MEMBERS if kind == "own" else 1, FEATURES, INPUTS))
    rows = np.where(rng.random(rows.shape) < SPARSE / 2, rows, 0) if kind == "sparse" else rows
    return FeatureTable.of(rows, MEMBERS), rows


def some_features(batch: int = 7) -> np.ndarray:
    """int16[members, batch, active]: from none to as many as there is room for."""
    rng = np.random.default_rng(6)
    features = rng.integers(FEATURES, size=(MEMBERS, batch, ACTIVE)).astype(np.int16)
    for sample in range(batch - 1):
        features[:, sample, sample:] = -1
    return features


def summed(rows: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The observations, float64[members, batch, inputs]."""
    padded = np.concatenate([rows, np.zeros_like(rows[:, :1])], axis=1)  # -1 is the last row
    every = np.broadcast_to(padded, (MEMBERS, *padded.shape[1:]))
    return np.stack([own[numbers].sum(axis=1) for own, numbers in zip(every, features, strict=True)])


kinds = pytest.mark.parametrize("kind", ["binary", "sparse", "full", "own"])


@kinds
@pytest.mark.parametrize("hidden", [(8, 5), (3,), ()])
def test_outputs_and_gradients_are_those_of_the_sums_also_of_some_inputs(kind: str, hidden: tuple[int, ...]) -> None:
    (features, rows), active, chosen = of_kind(kind), some_features(), np.array([2, 0])
    if isinstance(features, FeatureTable):
        assert (len(features.rows) == 0) == (kind == "sparse")
    columns = np.array([7, 2, 11])
    for shown, sums in ((features, rows), (features.only(columns, MEMBERS), rows[..., columns])):
        assert (shown.features, shown.inputs) == sums.shape[1:]
        mlp = initial_mlp((shown.inputs, *hidden, 4), streams(range(MEMBERS), "w0")).each(np.float64)
        seeing, observations = on_features(mlp, shown), summed(sums, active)
        found = outputs_of(seeing, active)
        np.testing.assert_allclose(found, outputs_of(mlp, observations), rtol=1e-12, atol=1e-12)
        mine, theirs = gradient_of(seeing, active, found), gradient_of(mlp, observations, found)
        np.testing.assert_allclose(mine.flat, theirs.flat, rtol=1e-12, atol=1e-12)
        for kept in (seeing.take(chosen), on_features(mlp.take(chosen), shown.keep(chosen))):
            np.testing.assert_array_equal(outputs_of(kept, active[chosen]), found[chosen])


SMALL: dict[str, Learner] = {
    "dqn": DQN(env_steps=64, learning_starts=16, batch=32, replay_ratio=2, buffer=64, envs=4, rollout=8),
    "ppo": PPO(env_steps=128, envs=4, rollout=16, epochs=1, minibatches=1),
}


def trained(learner: Learner, task: object, rounds: int) -> Networks:
    """In double precision, under a mask, after so many rounds."""
    seeds = 3, 4
    given = networks_of(learner, task, seeds, Network((8, 6)))
    start = {name: network.each(np.float64) for name, network in given.items()}
    actor = start[ACTOR].params
    masks = Params.masks(actor.layout, [np.random.default_rng(1).random(w.shape) < 0.5 for w in actor.weights])
    actor.flat[:] *= masks.flat
    population = learner.start(task, start, {ACTOR: masks}, seeds, 0)  # type: ignore[arg-type]
    population.advance(rounds)
    return population.networks


@pytest.mark.parametrize(
    ("learner", "encoding", "exact"),
    # Each learner, and each kind of table: sparse, of many entries, and of each member's own. An entangled observation
    # is a sum of 1,200 numbers in single precision, and so are the features: no more digits agree.
    [("dqn", "object-map", 1e-9), ("ppo", "rgb", 1e-9), ("dqn", "entangled", 1e-4)],
)
def test_updates_from_features_are_those_from_observations(learner: str, encoding: str, exact: float) -> None:
    task, small = GridMaze(encoding=encoding), SMALL[learner]  # type: ignore[arg-type]
    assert task_features(Dense(task), (3, 4)) is None  # type: ignore[arg-type]
    dense, sparse, before = trained(small, Dense(task), 2), trained(small, task, 2), trained(small, task, 0)
    for name, mlp in dense.items():
        np.testing.assert_allclose(sparse[name].flat, mlp.flat, rtol=exact, atol=exact)
        assert np.abs(mlp.flat - before[name].flat).max() > 10 * exact, "nothing was learned"


@settings(deadline=None)
@given(st.permutations(range(200)))
def test_a_subset_of_inputs_has_fewer_columns_of_the_same_features(order: list[int]) -> None:
    task, columns = GridMaze(), sorted(order[:50])
    subset = InputSubset(task, tuple(task.observation.inputs[column] for column in columns))
    starts = np.tile(task.draw_starts(np.random.default_rng(0), (1, 1)), (1, 2, 1))
    batch, full = subset.batch(starts), task.batch(starts)
    echo = Mlp.stacked([np.eye(50, dtype=np.float32)[None]], [np.zeros((1, 50), dtype=np.float32)])
    echo = on_features(echo, subset.features((0,)))
    for action in order[:20]:
        taken = np.full((1, 2), action % 4)
        batch.step(taken, starts)
        full.step(taken, starts)
        np.testing.assert_array_equal(batch.observations, full.observations[..., columns])
        np.testing.assert_array_equal(batch.features, full.features)
        np.testing.assert_array_equal(batch.observations, outputs_of(echo, batch.features))


def test_returns_are_those_from_observations() -> None:
    task = GridMaze()
    starts = task.draw_starts(np.random.default_rng(0), (2, 3))
    actor = initial_mlp((1200, 8, 4), streams((0, 1), "w0"))
    found = rollout_returns(task, actor, starts, seeds=(0, 1))
    np.testing.assert_array_equal(found, rollout_returns(Dense(task), actor, starts, seeds=(0, 1)))  # type: ignore[arg-type]
