"""Networks projected on features return, and learn, from active features what they do from the observations."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.networks.mlp import Mlp
from harness.networks.network import Networks, outputs_of
from harness.networks.sparse_input import SPARSE, FeatureTable, _project, _project_gradient, projected
from harness.streams import streams
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.input_subset import InputSubset
from harness.tasks.rollout import feature_table, rollout_returns
from harness.tasks.spec import Batch
from harness.tests.networks.made import initial_mlp

FEATURES, INPUTS, ACTIVE, MEMBERS = 30, 12, 6, 3


class Dense:
    """A sparse task without its table, so that networks take its observations."""

    def __init__(self, task: GridMaze):
        self.task = task

    def __getattr__(self, name: str) -> object:
        if name == "table":
            raise AttributeError(name)
        return getattr(self.task, name)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        return self.task.batch(starts, seeds)


def rows_of(kind: str) -> np.ndarray:
    """One sparse table for all members, one full one for all, or one of each member's own."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(MEMBERS if kind == "own" else 1, FEATURES, INPUTS))
    return np.where(rng.random(rows.shape) < SPARSE / 2, rows, 0) if kind == "sparse" else rows


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


def networks(hidden: tuple[int, ...] = (8, 5)) -> Mlp:
    return initial_mlp((INPUTS, *hidden, 4), streams(range(MEMBERS), "w0")).each(np.float64)


kinds = pytest.mark.parametrize("kind", ["sparse", "full", "own"])


@kinds
@pytest.mark.parametrize("hidden", [(8, 5), (3,), ()])
def test_a_projected_network_returns_the_same(kind: str, hidden: tuple[int, ...]) -> None:
    rows, features, mlp, chosen = rows_of(kind), some_features(), networks(hidden), np.array([2, 0])
    table = FeatureTable.of(rows, MEMBERS)
    found = outputs_of(projected(mlp, table), features)
    np.testing.assert_allclose(found, outputs_of(mlp, summed(rows, features)), rtol=1e-12, atol=1e-12)
    kept = outputs_of(projected(mlp.take(chosen), table.keep(chosen)), features[chosen])
    np.testing.assert_array_equal(kept, found[chosen])
    assert (len(table.rows) == 0) == (kind == "sparse") and (table.features, table.inputs) == (FEATURES, INPUTS)


@kinds
def test_the_gradient_is_that_of_the_projection(kind: str) -> None:
    """Projecting is linear: <g, project(params)> = <project_gradient(g), params> for all params."""
    table, mlp = FeatureTable.of(rows_of(kind), MEMBERS), networks()
    rng = np.random.default_rng(7)
    for member, params in enumerate(mlp.flat):
        forward = np.empty(projected(mlp, table).flat.shape[1])
        _project(table, member, params, mlp.sizes[1], forward)
        gradient, grad_params = rng.normal(size=forward.shape), np.full(params.shape, np.nan)
        _project_gradient(table, member, gradient, mlp.sizes[1], grad_params)
        assert np.dot(gradient, forward) == pytest.approx(np.dot(grad_params, params), rel=1e-12)


SMALL: dict[str, Learner] = {
    "dqn": DQN(env_steps=64, learning_starts=16, batch=32, replay_ratio=2, buffer=64, envs=4, rollout=8),
    "ppo": PPO(env_steps=128, envs=4, rollout=16, epochs=1, minibatches=1),
}


def trained(learner: Learner, task: object, rounds: int) -> Networks:
    """In double precision, under a mask, after so many rounds."""
    seeds, outputs = (3, 4), learner.outputs(task)  # type: ignore[arg-type]
    rngs = streams(seeds, "w0")
    inputs = task.observation.size  # type: ignore[attr-defined]
    start = {name: initial_mlp((inputs, 8, 6, count), rngs).each(np.float64) for name, count in outputs.items()}
    masks = {ACTOR: [np.random.default_rng(1).random(weight.shape) < 0.5 for weight in start[ACTOR].weights]}
    for weight, mask in zip(start[ACTOR].weights, masks[ACTOR], strict=True):
        weight *= mask
    population = learner.start(task, start, masks, seeds, 0)  # type: ignore[arg-type]
    for _ in range(rounds):
        population.advance(1)
    return population.networks


@pytest.mark.parametrize(
    ("learner", "encoding", "exact"),
    # Each learner, and each kind of table: sparse, of many entries, and of each member's own. An entangled observation
    # is a sum of 1,200 numbers in single precision, and so are the features: no more digits agree.
    [("dqn", "object-map", 1e-9), ("ppo", "rgb", 1e-9), ("dqn", "entangled", 1e-4)],
)
def test_updates_from_features_are_those_from_observations(learner: str, encoding: str, exact: float) -> None:
    task, small = GridMaze(encoding=encoding), SMALL[learner]  # type: ignore[arg-type]
    assert feature_table(Dense(task), (3, 4), np.dtype(float)) is None  # type: ignore[arg-type]
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
    rows = subset.table((0,))
    assert rows is not None
    for action in order[:20]:
        taken = np.full((1, 2), action % 4)
        batch.step(taken, starts)
        full.step(taken, starts)
        np.testing.assert_array_equal(batch.observations, full.observations[..., columns])
        np.testing.assert_array_equal(batch.features, full.features)
        sums = [rows[0, numbers[numbers >= 0]].sum(axis=0) for numbers in batch.features[0]]
        np.testing.assert_array_equal(batch.observations[0], sums)


def test_returns_are_those_of_the_unprojected_network() -> None:
    task = GridMaze()
    starts = task.draw_starts(np.random.default_rng(0), (2, 3))
    actor = initial_mlp((1200, 8, 4), streams((0, 1), "w0"))
    found = rollout_returns(task, actor, starts, seeds=(0, 1))
    np.testing.assert_array_equal(found, rollout_returns(Dense(task), actor, starts, seeds=(0, 1)))  # type: ignore[arg-type]
