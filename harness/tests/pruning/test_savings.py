"""Savings lose nothing (DESIGN, "The engine"): with one switched off, the same seeds give the same draws, the same
single update to 1e-10 in double precision, and returns equal in distribution.

Often they give more: members are computed one by one, so those that stop, or a level 0 that is shared, change no bit of
what is left. Where that is so it is asserted.
"""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import harness.learners.bc
import harness.networks.listed
import harness.pruning.imp
from harness.evidence.drain import all_cells, drain
from harness.evidence.level_file import to_bytes
from harness.evidence.store import Store, address
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.expert_files import read_experts
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.training import Evaluation
from harness.networks.cnn import ConvNetwork, Convolution
from harness.networks.features import FeatureTable
from harness.networks.heads import Head
from harness.networks.listed import LISTED_WEIGHTS, ListedMlp
from harness.networks.mlp import Mlp, Network
from harness.networks.network import BaseNetwork, Networks
from harness.networks.params import Masks, prunable
from harness.profiles.profile import PROFILES
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks, layouts
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings, reduced
from harness.statistics.guard import guarded_paired
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.rollout import rollout_returns
from harness.tasks.spec import Observation, task_features
from harness.tests.networks.test_compaction import reaches_an_output
from harness.tests.pruning.cases import Pictured

# --- a task with inputs that are always zero, and levels of sparse networks


SEEN = CartPole.observation.names


@dataclass(frozen=True)
class Idle(CartPole):
    """Cart-Pole with two inputs more, always zero, one before and one between the others."""

    observation: ClassVar[Observation] = Observation((6,), ("idle", *SEEN[:3], "idle as well", SEEN[3]))
    zero_inputs: ClassVar[tuple[str, ...]] = ("idle", "idle as well")

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Any:
        return Idling(super().batch(starts))


SHOWN, ZERO = [1, 2, 3, 5], [0, 4]


def widened(columns: np.ndarray, fill: float = 0.0, axis: int = -1) -> np.ndarray:
    """Cart-Pole's four columns among two that hold `fill`."""
    shape = list(columns.shape)
    shape[axis] = Idle.observation.size
    wide = np.full(shape, fill, dtype=columns.dtype)
    np.moveaxis(wide, axis, -1)[..., SHOWN] = np.moveaxis(columns, axis, -1)
    return wide


class Idling:
    def __init__(self, batch: Any):
        self._batch = batch
        self.observations = widened(batch.observations)

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Idling":
        moved = self._batch.step(actions, restarts)
        self.rewards, self.terminated, self.truncated = moved.rewards, moved.terminated, moved.truncated
        self.final_observations = widened(moved.final_observations)
        self.observations = widened(moved.observations)
        return self

    def keep(self, members: np.ndarray) -> None:
        self._batch.keep(members)
        self.observations = widened(self._batch.observations)


@pytest.fixture(autouse=True)
def wide_experts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The experts of Cart-Pole, which see the idle inputs too, with weights that would matter if they moved."""

    def read(folder: str, indices: Any, observation: tuple[int, ...], head: Head, *_: Any) -> BaseNetwork:
        experts = read_experts(folder, indices, CartPole.observation.shape, head)
        if observation == CartPole.observation.shape:
            return experts
        assert isinstance(experts, Mlp)
        first = widened(experts.weights[0], fill=3.0, axis=1)
        return Mlp.stacked([first, *experts.weights[1:]], experts.biases, experts.activation)

    monkeypatch.setattr(harness.learners.bc, "read_experts", read)


LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.005, env_steps=8_192, envs=8, rollout=32, minibatches=4, epochs=4),
    "bc": BC(learning_rate=0.005, env_steps=1_024, envs=4, batch=64, passes=12),
    "dqn": DQN(
        learning_rate=0.004,
        discount=0.95,
        batch=32,
        epsilon_final=0.04,
        epsilon_env_steps=2_000,
        evaluation_epsilon=0.0,
        replay_ratio=16,
        env_steps=8_192,
        learning_starts=0,
        target_interval=20,
        epsilon=1e-8,
    ),
}
ONE_UPDATE: dict[str, Learner] = {
    "ppo": dataclasses.replace(LEARNERS["ppo"], env_steps=256, minibatches=1, epochs=1),  # type: ignore[type-var]
    "bc": dataclasses.replace(LEARNERS["bc"], env_steps=64, passes=1),  # type: ignore[type-var]
    "dqn": dataclasses.replace(LEARNERS["dqn"], env_steps=64, replay_ratio=0.5),  # type: ignore[type-var]
}
LEAVING_OUT = ("leave_out_unreachable", "leave_out_zero_inputs")
CALCULATING = (*LEAVING_OUT, "list_survivors")
SYSTEMS = [("ppo", "actor"), ("ppo", "actor+critic"), ("bc", "actor"), ("dqn", "actor")]
SEEDS = tuple(range(5))
learners = pytest.mark.parametrize("learner", LEARNERS)
scopes = pytest.mark.parametrize(("learner", "scope"), SYSTEMS)
leaving_out = pytest.mark.parametrize("switch", LEAVING_OUT)


def experiment_of(learner: Any, scope: Any = "actor", task: Any = None, **savings: bool) -> Experiment:
    return Experiment(
        task or Idle(horizon=100),
        learner,
        Network(hidden=(16, 16)),
        Pruning(rate=0.8, levels=1, scope=scope),
        Evaluation(per_training=1, episodes=4, scored_episodes=16),
        Savings(**savings),
    )


def untrained(e: Experiment, seeds: tuple[int, ...]) -> Level:
    """Level 0 as if nothing had been learned: the ticket keeps the largest initial weights."""
    w0, nothing = initial_networks(e, seeds), np.zeros((len(seeds), 1))
    masks = {name: network.params.everywhere() for name, network in w0.items()}
    return Level(masks, {name: network.params for name, network in w0.items()}, nothing, nothing, nothing[:, 0])


def sparse_level(e: Experiment, seeds: tuple[int, ...] = SEEDS) -> Level:
    return run_level(Cell(e, TICKET, seeds), 1, untrained(e, seeds))


class Watched:
    """A learner that keeps what it was given (`networks`) and the population that it made of that."""

    def __init__(self, learner: Learner):
        self.learner = learner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.learner, name)

    def start(self, task: Any, networks: Networks, masks: Masks, *rest: Any) -> Any:
        self.networks = {name: mlp.copy() for name, mlp in networks.items()}
        self.population = self.learner.start(task, networks, masks, *rest)
        return self.population

    @property
    def generators(self) -> dict[str, list[Any]]:
        """The state of each member's streams, when the training was over: of all that was drawn."""
        held = {name: rngs for name, rngs in vars(self.population).items() if name.endswith("_streams")}
        assert held
        return {name: [rng.bit_generator.state for rng in rngs] for name, rngs in held.items()}


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels are computed in double precision."""

    def exact(*arguments: Any, **more: Any) -> Networks:
        return {name: mlp.each(np.float64) for name, mlp in initial_networks(*arguments, **more).items()}

    monkeypatch.setattr(harness.pruning.imp, "initial_networks", exact)


def both(learner: str, scope: str, *switches: str, hidden: tuple[int, ...] = (16, 16)) -> list[tuple[Level, Watched]]:
    """One update of sparse networks with these savings in calculation alone, and without any."""
    found = []
    for on in (True, False):
        watched, chosen = Watched(ONE_UPDATE[learner]), {name: on and name in switches for name in CALCULATING}
        e = dataclasses.replace(experiment_of(watched, scope, **chosen), network=Network(hidden))
        found.append((sparse_level(e), watched))
    return found


def assert_same_to_1e_10(with_it: Level, without: Level, watched: Watched) -> None:
    """And all members have learned something."""
    for name, mlp in without.trained.items():
        assert mlp.flat.dtype == with_it.trained[name].flat.dtype == np.float64
        np.testing.assert_allclose(with_it.trained[name].flat, mlp.flat, rtol=0, atol=1e-10)
        assert (watched.population.networks[name].flat != watched.networks[name].flat).any(axis=1).all()


@scopes
@leaving_out
def test_one_update_without_what_is_left_out_is_the_same(learner: str, scope: str, switch: str, double: None) -> None:
    """The same draws, so the same actions and batches; the same update to 1e-10, and returns; the rest stays."""
    (with_it, on_), (without, off) = both(learner, scope, switch)
    assert [mlp.sizes for mlp in on_.networks.values()] != [mlp.sizes for mlp in off.networks.values()]
    assert on_.generators == off.generators
    assert_same_to_1e_10(with_it, without, off)
    np.testing.assert_array_equal(with_it.scores, without.scores)
    np.testing.assert_array_equal(with_it.evaluations, without.evaluations)
    for level in (with_it, without):  # where it is not left out it has no gradient
        for name, after in level.trained.items():
            before = off.networks[name]
            if switch == "leave_out_zero_inputs":
                np.testing.assert_array_equal(after.weights[0][:, ZERO], before.weights[0][:, ZERO])
                assert before.weights[0][:, ZERO].any()
                continue
            for layer, reaches in enumerate(reaches_an_output(level.masks[name].weights)):
                for mine, theirs in ((after[k], before.params[k]) for k in (f"weight.{layer}", f"bias.{layer}")):
                    np.testing.assert_array_equal(*(np.moveaxis(each, -1, 1)[~reaches] for each in (mine, theirs)))


# --- lists


@pytest.fixture
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are made of networks of any size at any density."""
    monkeypatch.setattr(harness.networks.listed, "LISTED_WEIGHTS", 0)
    monkeypatch.setattr(harness.networks.listed, "LISTED_DENSITY", 1.0)


@scopes
@pytest.mark.parametrize("switches", [("list_survivors",), CALCULATING])
def test_one_update_of_lists_is_the_same(
    learner: str, scope: str, switches: tuple[str, ...], double: None, small_lists: None
) -> None:
    """As above, of lists alone and of those of what is left; what is pruned stays zero."""
    (with_it, on_), (without, off) = both(learner, scope, *switches)
    assert {name for name, each in on_.networks.items() if isinstance(each, ListedMlp)} == set(without.masks)
    assert all(isinstance(each, Mlp) for each in off.networks.values())
    assert on_.generators == off.generators
    assert_same_to_1e_10(with_it, without, off)
    np.testing.assert_array_equal(with_it.scores, without.scores)
    np.testing.assert_array_equal(with_it.evaluations, without.evaluations)
    for level in (with_it, without):
        for name, masks in level.masks.items():
            np.testing.assert_array_equal(level.trained[name].flat[~masks.flat], 0)


@pytest.mark.parametrize("learner", ["ppo", "dqn"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_one_update_of_a_convolutional_network_with_lists_is_the_same(
    learner: str, decay: float, double: None, small_lists: None
) -> None:
    """With weight decay as well, under which nothing else is saved."""
    levels, watched = [], []
    for on in (True, False):
        settings: Any = dataclasses.replace(ONE_UPDATE[learner], weight_decay=decay)  # type: ignore[type-var]
        watched.append(Watched(settings))
        e = experiment_of(watched[-1], task=Pictured(horizon=100), list_survivors=on)
        levels.append(
            sparse_level(dataclasses.replace(e, network=ConvNetwork((8,), convolutions=(Convolution(3, 2),))))
        )
    assert [each.networks[ACTOR].listed is not None for each in watched] == [True, False]
    assert_same_to_1e_10(*levels, watched[1])
    np.testing.assert_array_equal(levels[0].scores, levels[1].scores)
    for level in levels:
        np.testing.assert_array_equal(level.trained[ACTOR].flat[~level.masks[ACTOR].flat], 0)


def test_what_is_projected_on_a_table_stays_dense(small_lists: None) -> None:
    """A maze's features have one."""
    for task, made in ((GridMaze(), set()), (CartPole(), {ACTOR})):
        e = Experiment(task, DQN(), Network((8, 8)))
        actor = initial_networks(e, SEEDS)[ACTOR].each(np.zeros_like)
        nothing = actor.params.each(lambda flat: np.zeros(flat.shape, dtype=bool))
        assert set(reduced(e, {ACTOR: actor}, {ACTOR: nothing}).lists) == made


def test_built_in_systems_keep_their_bits() -> None:
    """Their networks have too few weights for lists, or are projected."""
    systems = {system for profile in PROFILES.values() for system in profile.systems.values()}
    for e in systems:
        weights = sum(tensor.size for tensor in prunable(layouts(e)[ACTOR]))
        assert weights < LISTED_WEIGHTS or isinstance(task_features(e.task, (0,)), FeatureTable)


# --- returns

MEMBERS = tuple(range(72))
RANGE = 99.0  # returns are 1 to the horizon of 100
MARGIN = 0.05 * RANGE
"""Stated before any return was seen. With so many members the guard, which reckons with one more whose returns differ
by all of the range, still fits in it: 3 * 99 / 73 = 4.1."""


@dataclass(frozen=True)
class Mistaken(Idle):
    """It says of an input that moves that it is always zero."""

    zero_inputs: ClassVar[tuple[str, ...]] = ("idle", "idle as well", "pole angular velocity")


def real_training(learner: str, task: Any = None, **savings: bool) -> Experiment:
    """Of sparse networks. So few weights of random masks teach DQN little: it has more, and its best checkpoint."""
    e = experiment_of(LEARNERS[learner], task=task, **savings)
    if learner != "dqn":
        return e
    more: dict[str, Any] = {"pruning": Pruning(rate=0.5, levels=1), "evaluation": Evaluation(10, 4, 16)}
    return dataclasses.replace(e, network=Network((32, 32)), **more)


@functools.cache
def returns(learner: str, off: str = "", task: Any = None) -> np.ndarray:
    """Scored returns of a real training, float64[members]."""
    e = real_training(learner, task, **({off: False} if off else {}))
    return sparse_level(e, MEMBERS).scored_returns


def shown_equivalent(one: np.ndarray, other: np.ndarray) -> bool:
    outcome = guarded_paired(one - other, RANGE, RANGE)
    return not outcome.refused and outcome.lower > -MARGIN and outcome.upper < MARGIN


@learners
class TestReturns:
    @leaving_out
    def test_leaving_out_leaves_returns_equal_in_distribution(self, learner: str, switch: str) -> None:
        assert shown_equivalent(returns(learner), returns(learner, switch))

    def test_lists_leave_returns_equal_in_distribution(self, learner: str, small_lists: None) -> None:
        assert shown_equivalent(returns.__wrapped__(learner), returns(learner, "list_survivors"))

    def test_what_should_not_be_left_out_would_be_noticed_since_something_was_learned(self, learner: str) -> None:
        assert not shown_equivalent(returns(learner), returns(learner, task=Mistaken(horizon=100)))
        e = real_training(learner)
        before, _ = start_level(Cell(e, TICKET, MEMBERS), 1, untrained(e, MEMBERS))
        starts = np.stack([e.task.draw_starts(rng, (16,)) for rng in streams(MEMBERS, "score", 1)])
        assert returns(learner).mean() > 2 * rollout_returns(e.task, before[ACTOR], starts).mean()


# --- stopping at the maximum

WIDTHS = ((16, 10), (9, 7))
"""Whether or not a member's parameters fill whole vector registers."""


def stopping(learner: str, on: bool, hidden: tuple[int, ...], **pruning: Any) -> Level:
    """A level 0 with some members that reach the maximum early, and some that never do."""
    less = {"ppo": {"env_steps": 4_096}, "bc": {"env_steps": 512, "passes": 12}, "dqn": {}}[learner]
    some: Any = dataclasses.replace(LEARNERS[learner], **less)  # type: ignore[type-var]
    e = experiment_of(some, task=CartPole(horizon=100), stop_at_maximum=on)
    e = dataclasses.replace(e, network=Network(hidden), pruning=Pruning(**pruning), evaluation=Evaluation(8, 2, 8))
    return run_level(Cell(e, DENSE, tuple(range(33))), 0, None)


def assert_some_stopped_and_were_the_same_until_then(with_it: Level, without: Level) -> None:
    assert 5 <= (with_it.trained_fraction < 1).sum() < len(with_it.trained_fraction)
    assert len(np.unique(with_it.trained_fraction)) > 2
    assert (without.trained_fraction == 1).all()
    stopped = np.isnan(with_it.evaluations)
    np.testing.assert_array_equal(with_it.evaluations[~stopped], without.evaluations[~stopped])
    assert stopped.any(axis=1).tolist() == (with_it.trained_fraction < 1).tolist()
    assert not np.isnan(without.evaluations).any()


class TestStoppingAtTheMaximum:
    @learners
    @pytest.mark.parametrize("hidden", WIDTHS)
    def test_it_changes_no_bit_of_what_is_pruned_and_scored(self, learner: str, hidden: tuple[int, ...]) -> None:
        with_it, without = stopping(learner, True, hidden), stopping(learner, False, hidden)
        assert_some_stopped_and_were_the_same_until_then(with_it, without)
        for name, mlp in without.trained.items():
            np.testing.assert_array_equal(with_it.trained[name].flat, mlp.flat)
        np.testing.assert_array_equal(with_it.scores, without.scores)

    @learners
    def test_nor_of_lists(self, learner: str, small_lists: None) -> None:
        self.test_it_changes_no_bit_of_what_is_pruned_and_scored(learner, WIDTHS[1])


# --- a shared level 0


def levels_on_disk(store: Store, cell: Cell) -> dict[int, bytes]:
    """The finished levels of a cell, level 0 of its dense parent among them."""
    cells = [*(parent for parent in cell.parents if parent.condition == DENSE), cell]
    places = [(address(one), level) for one in cells for level in one.levels]
    return {level: to_bytes(found) for where, level in places if (found := store.read(where, level))}


@scopes
@pytest.mark.parametrize("lineage", ["own", "branch"])
def test_sharing_level_0_changes_no_byte_of_any_level(learner: str, scope: Any, lineage: Any, tmp_path: Path) -> None:
    """Nor can it change any draw, update or return, then."""
    stored: list[dict[str, dict[int, bytes]]] = []
    for shared in (True, False):
        few = {"env_steps": 2 * ONE_UPDATE[learner].env_steps}
        e = Experiment(
            CartPole(horizon=50),
            dataclasses.replace(ONE_UPDATE[learner], **few),  # type: ignore[type-var]
            Network((8, 8)),
            Pruning(0.5, levels=2, scope=scope, lineage=lineage),
            Evaluation(2, 2, 4),
            Savings(share_level_0=shared),
        )
        chains = [Cell(e, condition, tuple(range(30))) for condition in CONDITIONS]
        plan = all_cells(chains)
        assert [cell.condition for cell in plan] == [DENSE, *CONDITIONS][0 if shared else 1 :]
        assert {tuple(chain.levels) for chain in chains} == {(1, 2) if shared else (0, 1, 2)}
        store = Store(tmp_path / str(shared))
        assert drain(plan, store) == {}
        stored.append({chain.condition: levels_on_disk(store, chain) for chain in chains})
    assert stored[0] == stored[1]
    assert len({levels[0] for levels in stored[1].values()}) == 1
    assert len({levels[2] for levels in stored[1].values()}) == len(CONDITIONS)


# --- preconditions, and ends of the scale


class TestPreconditions:
    @scopes
    def test_under_weight_decay_nothing_is_left_out(self, learner: str, scope: Any) -> None:
        """So neither switch changes a bit; the weights out of idle inputs shrink."""
        decaying: Any = dataclasses.replace(ONE_UPDATE[learner], weight_decay=0.1)  # type: ignore[type-var]
        e = experiment_of(decaying, scope)
        levels = [sparse_level(experiment_of(decaying, scope, **{s: False})) for s in LEAVING_OUT]
        levels.append(sparse_level(e))
        assert len(set(map(to_bytes, levels))) == 1
        before = start_level(Cell(e, TICKET, SEEDS), 1, untrained(e, SEEDS))[0][ACTOR].weights[0][:, ZERO]
        after = levels[0].trained[ACTOR].weights[0][:, ZERO]
        assert (np.abs(after[before != 0]) < np.abs(before[before != 0])).all()

    @scopes
    def test_under_dropout_no_unit_is_left_out_but_idle_inputs_are(
        self, learner: str, scope: Any, double: None
    ) -> None:
        """So the one switch changes no bit; and the other an update by 1e-10 at most."""
        levels, watched = [], []
        for switch in ("", *LEAVING_OUT):
            watched.append(Watched(ONE_UPDATE[learner]))
            e = experiment_of(watched[-1], scope, **({switch: False} if switch else {}))
            levels.append(sparse_level(dataclasses.replace(e, network=Network((16, 16), dropout=0.3))))
        sizes = [each.networks[ACTOR].sizes for each in watched]
        assert sizes == [(4, 16, 16, 2), (4, 16, 16, 2), (6, 16, 16, 2)]
        assert to_bytes(levels[0]) == to_bytes(levels[1])
        assert_same_to_1e_10(levels[0], levels[2], watched[2])

    def test_a_network_that_is_not_pruned_keeps_its_units(self) -> None:
        e = experiment_of(ONE_UPDATE["ppo"], "actor", CartPole(horizon=100))
        networks, masks = start_level(Cell(e, TICKET, SEEDS), 1, untrained(e, SEEDS))
        assert list(reduced(e, networks, masks).compacts) == [ACTOR]

    def test_a_picture_stays_whole_whatever_network_sees_it(self) -> None:
        class Dark(Pictured):
            zero_inputs: ClassVar[tuple[str, ...]] = Pictured.observation.inputs[:3]

        for network in (Network((16, 16)), ConvNetwork((8,))):
            e = experiment_of(ONE_UPDATE["ppo"], "actor", Dark(horizon=100))
            e = dataclasses.replace(e, network=network)
            networks, masks = start_level(Cell(e, TICKET, SEEDS), 1, untrained(e, SEEDS))
            assert reduced(e, networks, masks).task == e.task


class TestEndsOfTheScale:
    @learners
    def test_networks_without_hidden_layers_leave_out_their_idle_inputs(self, learner: str, double: None) -> None:
        (with_it, on_), (without, off) = both(learner, "actor", "leave_out_zero_inputs", hidden=())
        assert (on_.networks[ACTOR].sizes, off.networks[ACTOR].sizes) == ((4, 2), (6, 2))
        assert_same_to_1e_10(with_it, without, off)

    def test_a_task_of_idle_inputs_alone_is_refused_by_name(self) -> None:
        """With the saving switched off it works."""

        class Blind(Idle):
            zero_inputs: ClassVar[tuple[str, ...]] = Idle.observation.names

        with pytest.raises(ValueError, match="cart-pole"):
            sparse_level(experiment_of(ONE_UPDATE["ppo"], task=Blind(horizon=100)))
        sparse_level(experiment_of(ONE_UPDATE["ppo"], task=Blind(horizon=100), leave_out_zero_inputs=False))
