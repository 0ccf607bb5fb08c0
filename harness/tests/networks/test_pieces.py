"""Networks projected over the features of observations say, and learn, what they do of the observations themselves."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment import Experiment
from harness.learners.dqn import DQN
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.networks.mlp import Mlp, Network, initial_mlp, outputs_of
from harness.networks.sparse_input import SPARSE, FeatureTable, fold, projected, unfold
from harness.pruning.layout import initial_networks
from harness.pruning.settings import Pruning
from harness.streams import streams
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.input_subset import InputSubset
from harness.tasks.rollout import feature_table, rollout_returns
from harness.tasks.spec import Batch

FEATURES, INPUTS, MAX_ACTIVE, MEMBERS = 30, 12, 6, 3


class Hidden:
    """A task that keeps its features to itself, so that its observations are learned from as they are."""

    def __init__(self, task: GridMaze):
        self.task = task

    def __getattr__(self, name: str) -> object:
        if name == "table":
            raise AttributeError(name)
        return getattr(self.task, name)

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Batch:
        return self.task.batch(starts, seeds)


def rows_of(kind: str) -> np.ndarray:
    """One sparse table for all, one full one for all, or one of each member's own."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(MEMBERS if kind == "own" else 1, FEATURES, INPUTS))
    return np.where(rng.random(rows.shape) < SPARSE / 2, rows, 0) if kind == "sparse" else rows


def some_features(batch: int = 7) -> np.ndarray:
    """int16[members, batch, most]: some have all places taken, one has none."""
    rng = np.random.default_rng(6)
    features = rng.integers(FEATURES, size=(MEMBERS, batch, MAX_ACTIVE)).astype(np.int16)
    for sample in range(batch):
        features[:, sample, sample:] = -1
    features[:, -1] = rng.integers(FEATURES, size=(MEMBERS, MAX_ACTIVE))
    return features


def summed(rows: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The observations, float64[members, batch, inputs]."""
    with_nothing = np.concatenate([rows, np.zeros_like(rows[:, :1])], axis=1)  # -1 is the last one
    every = np.broadcast_to(with_nothing, (MEMBERS, *with_nothing.shape[1:]))
    return np.stack([own[numbers].sum(axis=1) for own, numbers in zip(every, features, strict=True)])


def networks(hidden: tuple[int, ...] = (8, 5)) -> Mlp:
    return initial_mlp((INPUTS, *hidden, 4), streams(range(MEMBERS), "w0")).each(lambda flat: flat.astype(np.float64))


kinds = pytest.mark.parametrize("kind", ["sparse", "full", "own"])


@kinds
@pytest.mark.parametrize("hidden", [(8, 5), (3,), ()])
def test_a_folded_network_says_of_pieces_what_it_says_of_their_sum(kind: str, hidden: tuple[int, ...]) -> None:
    rows, features, mlp = rows_of(kind), some_features(), networks(hidden)
    found = outputs_of(projected(mlp, FeatureTable.of(rows, MEMBERS)), features)
    np.testing.assert_allclose(found, outputs_of(mlp, summed(rows, features)), rtol=1e-12, atol=1e-12)


@kinds
def test_a_table_is_kept_by_its_entries_where_it_is_sparse_and_for_all(kind: str) -> None:
    table = FeatureTable.of(rows_of(kind), MEMBERS)
    assert (len(table.rows) == 0) == (kind == "sparse")
    assert table.features == FEATURES and table.inputs == INPUTS


@kinds
def test_members_that_go_on_keep_their_tables(kind: str) -> None:
    rows, features, mlp = rows_of(kind), some_features(), networks()
    chosen = np.array([2, 0])
    found = outputs_of(projected(mlp.take(chosen), FeatureTable.of(rows, MEMBERS).keep(chosen)), features[chosen])
    np.testing.assert_array_equal(found, outputs_of(projected(mlp, FeatureTable.of(rows, MEMBERS)), features)[chosen])


@kinds
def test_unfolding_is_the_gradient_of_folding(kind: str) -> None:
    """Folding is linear: <to_folded, fold(row)> = <unfold(to_folded), row> for all rows."""
    table, mlp = FeatureTable.of(rows_of(kind), MEMBERS), networks()
    rng = np.random.default_rng(7)
    for member, row in enumerate(mlp.flat):
        forward = np.empty(projected(mlp, table).flat.shape[1])
        fold(table, member, row, mlp.sizes[1], forward)
        to_folded, to_row = rng.normal(size=forward.shape), np.full(row.shape, np.nan)
        unfold(table, member, to_folded, mlp.sizes[1], to_row)
        assert np.dot(to_folded, forward) == pytest.approx(np.dot(to_row, row), rel=1e-12)


SMALL: dict[str, Learner] = {
    "dqn": DQN(env_steps=64, learning_starts=16, batch=32, replay_ratio=2, buffer=64, envs=4, rollout=8),
    "ppo": PPO(env_steps=128, envs=4, rollout=16, epochs=1, minibatches=1),
}


def trained(learner: Learner, task: object, rounds: int) -> dict[str, Mlp]:
    """In double precision, after so many rounds."""
    seeds = (3, 4)
    e = Experiment(task, learner, Network(hidden=(8, 6)), Pruning(levels=1))  # type: ignore[arg-type]
    start = {name: mlp.each(lambda flat: flat.astype(np.float64)) for name, mlp in initial_networks(e, seeds).items()}
    masks = {ACTOR: [np.random.default_rng(1).random(weight.shape) < 0.5 for weight in start[ACTOR].weights]}
    for weight, mask in zip(start[ACTOR].weights, masks[ACTOR], strict=True):
        weight *= mask
    population = learner.start(task, start, masks, seeds, 0)  # type: ignore[arg-type]
    for _ in range(rounds):
        population.advance()
    return population.networks


@pytest.mark.parametrize(
    ("learner", "encoding", "exact"),
    # Each learner, and each kind of table: sparse, of many entries, and of each member's own. An entangled observation
    # is kept in single precision, a sum of 1,200 numbers, and so are what features add to it: no more digits than that.
    [("dqn", "object-map", 1e-9), ("ppo", "rgb", 1e-9), ("dqn", "entangled", 1e-4)],
)
def test_updates_from_pieces_are_those_from_observations(learner: str, encoding: str, exact: float) -> None:
    """The same draws, and updates that are equal but for the order of sums."""
    task, small = GridMaze(encoding=encoding), SMALL[learner]  # type: ignore[arg-type]
    assert feature_table(Hidden(task), (3, 4), np.dtype(float)) is None  # type: ignore[arg-type]
    whole, by_features, before = trained(small, Hidden(task), 2), trained(small, task, 2), trained(small, task, 0)
    for name, mlp in whole.items():
        np.testing.assert_allclose(by_features[name].flat, mlp.flat, rtol=exact, atol=exact)
        assert np.abs(mlp.flat - before[name].flat).max() > 10 * exact, "nothing was learned"


@given(st.permutations(range(200)))
def test_a_narrowed_task_has_fewer_columns_of_the_same_features(order: list[int]) -> None:
    task = GridMaze()
    columns = sorted(order[:50])
    narrowed = InputSubset(task, tuple(task.inputs[column] for column in columns))
    starts = np.tile(task.draw_starts(np.random.default_rng(0), (1, 1)), (1, 2, 1))
    batch, whole = narrowed.batch(starts), task.batch(starts)
    rows = narrowed.table((0,))
    assert rows is not None
    for action in order[:20]:
        taken = np.full((1, 2), action % 4)
        batch.step(taken, starts)
        whole.step(taken, starts)
        np.testing.assert_array_equal(batch.observations, whole.observations[..., columns])
        np.testing.assert_array_equal(batch.features, whole.features)
        shown = [rows[0, numbers[numbers >= 0]].sum(axis=0) for numbers in batch.features[0]]
        np.testing.assert_array_equal(batch.observations[0], shown)


def test_returns_are_those_of_the_whole_network() -> None:
    task = GridMaze()
    starts = task.draw_starts(np.random.default_rng(0), (2, 3))
    actor = initial_mlp((1200, 8, 4), streams((0, 1), "w0"))
    found = rollout_returns(task, actor, starts, seeds=(0, 1))
    np.testing.assert_array_equal(found, rollout_returns(Hidden(task), actor, starts, seeds=(0, 1)))  # type: ignore[arg-type]
