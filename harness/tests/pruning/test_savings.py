"""Savings lose nothing (DESIGN, "The engine"): with one switched off, the same seeds give the same draws, the same
single update to 1e-10 in double precision, and returns equal in distribution.

Often they give more: members are computed one by one, so those that stop, or a level 0 that is shared, change no bit of
what is left. Where that is so it is asserted.
"""

import ctypes
import dataclasses
import functools
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import harness.learners.bc
import harness.learners.dqn
import harness.learners.ppo
import harness.pruning.imp
from harness import register
from harness.evidence.drain import all_cells, drain
from harness.evidence.level_file import to_bytes
from harness.evidence.store import Store, address
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.expert_files import read_experts
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.rollouts import Rollout, play
from harness.learners.training import Evaluation
from harness.machine import _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD, keep_memory
from harness.networks.mlp import Mlp, Network
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.layout import initial_networks
from harness.pruning.level import Level
from harness.pruning.savings import Savings
from harness.pruning.settings import Pruning
from harness.statistics import guarded_paired
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import rollout_returns
from harness.tests.plugin.projects import Project, project

# --- a task with inputs that are always zero, and levels of sparse networks


@dataclass(frozen=True)
class Idle(CartPole):
    """Cart-Pole with two inputs more, always zero, one before and one between the others."""

    inputs: ClassVar[tuple[str, ...]] = ("idle", *CartPole.inputs[:3], "idle as well", CartPole.inputs[3])
    zero_inputs: ClassVar[tuple[str, ...]] = ("idle", "idle as well")

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> Any:
        return Idling(super().batch(starts))


SHOWN, ZERO = [1, 2, 3, 5], [0, 4]


def widened(columns: np.ndarray, fill: float = 0.0, axis: int = -1) -> np.ndarray:
    """Cart-Pole's four columns among two that hold `fill`."""
    shape = list(columns.shape)
    shape[axis] = len(Idle.inputs)
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

    def read(folder: str, indices: Any, inputs: int, actions: int) -> Mlp:
        experts = read_experts(folder, indices, len(CartPole.inputs), actions)
        if inputs == len(CartPole.inputs):
            return experts
        first = widened(experts.weights[0], fill=3.0, axis=1)
        return Mlp.of([first, *experts.weights[1:]], experts.biases, experts.activation)

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
learners = pytest.mark.parametrize("learner", LEARNERS)
leaving_out = pytest.mark.parametrize("switch", LEAVING_OUT)


def experiment_of(learner: Learner, scope: Any = "actor", task: Any = None, **savings: bool) -> Experiment:
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
    masks = {name: [np.ones(weight.shape, dtype=bool) for weight in mlp.weights] for name, mlp in w0.items()}
    return Level(masks, w0, nothing, nothing, nothing[:, 0])


def sparse_level(e: Experiment, seeds: tuple[int, ...], previous: Level | None = None) -> Level:
    return run_level(Cell(e, TICKET, seeds), 1, previous or untrained(e, seeds))


def reaches_an_output(masks: list[np.ndarray]) -> list[np.ndarray]:
    """bool[members, units] per layer: whether a path leads from there to an output, by matrix products."""
    reached = [np.ones((len(masks[0]), masks[-1].shape[2]), dtype=bool)]
    for mask in reversed(masks[1:]):
        reached.insert(0, (mask.astype(int) @ reached[0][:, :, None].astype(int))[:, :, 0] > 0)
    return reached


def assert_levels_equal(one: Level, other: Level) -> None:
    """To the bit."""
    assert to_bytes(one) == to_bytes(other)


# --- one update


@dataclass
class Seen:
    """What went through one level while it was computed. networks: as the learner was given them."""

    starts: list[np.ndarray] = field(default_factory=list)
    rollouts: list[Rollout] = field(default_factory=list)
    minibatches: list[np.ndarray] = field(default_factory=list)
    networks: dict[str, Mlp] = field(default_factory=dict)
    population: Any = None

    @property
    def generators(self) -> dict[str, list[Any]]:
        """The state of each member's streams, when the training was over."""
        held = {name: rngs for name, rngs in vars(self.population).items() if name.endswith("_streams")}
        return {name: [rng.bit_generator.state for rng in rngs] for name, rngs in held.items()}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """Watches each level from when an entry is appended, and has it computed in double precision."""
    levels: list[Seen] = []
    draw, improve, shuffled = CartPole.draw_starts, harness.learners.ppo._improve, harness.learners.bc.Students.advance
    improve_values = harness.learners.dqn._improve

    def drawing(self: CartPole, rng: Any, shape: Any) -> np.ndarray:
        levels[-1].starts.append(draw(self, rng, shape))
        return levels[-1].starts[-1]

    def playing(*arguments: Any) -> Rollout:
        levels[-1].rollouts.append(play(*arguments))
        return levels[-1].rollouts[-1]

    def improving(actor: Any, critic: Any, samples: Any, minibatches: np.ndarray, *rest: Any) -> None:
        levels[-1].minibatches.append(minibatches)
        improve(actor, critic, samples, minibatches, *rest)

    def improving_values(*given: Any) -> None:
        levels[-1].minibatches.append(given[4])  # the uniform numbers by which transitions are drawn
        improve_values(*given)

    def advancing(self: Any) -> None:
        shuffled(self)
        levels[-1].minibatches.append(self.shuffled[1].numpy())  # the experts' policies, in the order of the lessons

    def in_double_precision(*arguments: Any, **more: Any) -> dict[str, Mlp]:
        return {name: mlp.each(np.float64) for name, mlp in initial_networks(*arguments, **more).items()}

    for kind in (PPO, BC, DQN):
        start = kind.start

        def starting(self: Any, task: Any, networks: Any, *rest: Any, start: Any = start) -> Any:
            levels[-1].networks = {name: mlp.each(np.copy) for name, mlp in networks.items()}
            levels[-1].population = start(self, task, networks, *rest)
            return levels[-1].population

        monkeypatch.setattr(kind, "start", starting)
    monkeypatch.setattr(CartPole, "draw_starts", drawing)
    monkeypatch.setattr(harness.learners.ppo, "play", playing)
    monkeypatch.setattr(harness.learners.bc, "play", playing)
    monkeypatch.setattr(harness.learners.dqn, "play", playing)
    monkeypatch.setattr(harness.learners.ppo, "_improve", improving)
    monkeypatch.setattr(harness.learners.dqn, "_improve", improving_values)
    monkeypatch.setattr(harness.learners.bc.Students, "advance", advancing)
    monkeypatch.setattr(harness.pruning.imp, "initial_networks", in_double_precision)
    return levels


SYSTEMS = [("ppo", "actor"), ("ppo", "actor+critic"), ("bc", "actor"), ("dqn", "actor")]
SEEDS = tuple(range(5))


@pytest.mark.parametrize(("learner", "scope"), SYSTEMS)
@leaving_out
class TestOneUpdateWithoutWhatIsLeftOut:
    @staticmethod
    def both(learner: str, scope: str, switch: str, seen: list[Seen]) -> list[tuple[Level, Seen]]:
        """With the saving, and without."""
        found = []
        for on in (True, False):
            seen.append(Seen())
            others = dict.fromkeys(LEAVING_OUT, False)
            level = sparse_level(experiment_of(ONE_UPDATE[learner], scope, **{**others, switch: on}), SEEDS)
            found.append((level, seen[-1]))
        return found

    def test_the_draws_are_the_same(self, learner: str, scope: str, switch: str, seen: list[Seen]) -> None:
        (_, on), (_, off) = self.both(learner, scope, switch, seen)
        for mine, theirs in zip(on.starts, off.starts, strict=True):  # of rollouts, evaluations and the score
            np.testing.assert_array_equal(mine, theirs)
        assert on.generators == off.generators  # so all uniform numbers were, that actions are made of
        (played,), (played_too,) = on.rollouts, off.rollouts
        for name in ("actions", "rewards", "terminated", "truncated"):
            np.testing.assert_array_equal(getattr(played, name), getattr(played_too, name))
        assert len({tuple(actions) for actions in played.actions[:, :, 0].T.tolist()}) == len(SEEDS)
        (order,), (order_too,) = on.minibatches, off.minibatches
        np.testing.assert_array_equal(order, order_too)

    def test_the_update_is_the_same_to_1e_10(self, learner: str, scope: str, switch: str, seen: list[Seen]) -> None:
        (with_it, on), (without, off) = self.both(learner, scope, switch, seen)
        assert [mlp.flat.shape for mlp in on.networks.values()] != [mlp.flat.shape for mlp in off.networks.values()]
        for name, mlp in without.trained.items():
            assert mlp.flat.dtype == with_it.trained[name].flat.dtype == np.float64
            np.testing.assert_allclose(with_it.trained[name].flat, mlp.flat, rtol=0, atol=1e-10)
            assert (mlp.flat != off.networks[name].flat).any(axis=1).all()
        np.testing.assert_array_equal(with_it.scores, without.scores)
        np.testing.assert_array_equal(with_it.evaluations, without.evaluations)

    def test_what_is_left_out_stays_as_it_was(self, learner: str, scope: str, switch: str, seen: list[Seen]) -> None:
        """Also where it is not left out: there it has no gradient."""
        for level, watched in self.both(learner, scope, switch, seen):
            e = experiment_of(ONE_UPDATE[learner], scope)
            initial, _ = start_level(Cell(e, TICKET, SEEDS), 1, untrained(e, SEEDS), None)
            assert watched.population is not None
            for name, after in level.trained.items():
                before, reached = initial[name], reaches_an_output(level.masks[name])
                if switch == "leave_out_zero_inputs":
                    np.testing.assert_array_equal(after.weights[0][:, ZERO], before.weights[0][:, ZERO])
                    assert before.weights[0][:, ZERO].any()
                    continue
                for layer, reaches in enumerate(reached):
                    rows, units = np.nonzero(~reaches)
                    assert len(rows) or layer == len(reached) - 1
                    for kind in ("weights", "biases"):
                        mine, theirs = (getattr(mlp, kind)[layer][rows, :, units] for mlp in (after, before))
                        np.testing.assert_array_equal(mine, theirs)


# --- returns

MEMBERS = tuple(range(72))
RANGE = 99.0  # returns are 1 to the horizon of 100
MARGIN = 0.05 * RANGE
"""Stated before any return was seen. With so many members the guard, which reckons with one more whose returns differ
by all of the range, still fits in it: 3 * 99 / 73 = 4.1."""


def real_training(learner: str, task: Any = None, **savings: bool) -> Experiment:
    """Of sparse networks. So few weights of random masks teach DQN little: it has more, and its best checkpoint."""
    e = experiment_of(LEARNERS[learner], task=task, **savings)
    if learner != "dqn":
        return e
    return dataclasses.replace(
        e, network=Network((32, 32)), pruning=Pruning(rate=0.5, levels=1), evaluation=Evaluation(10, 4, 16)
    )


@functools.cache
def returns(learner: str, off: str = "", task: Any = None) -> np.ndarray:
    """Scored returns of a real training, float64[members]."""
    return sparse_level(real_training(learner, task, **({off: False} if off else {})), MEMBERS).scores.mean(axis=1)


def shown_equivalent(one: np.ndarray, other: np.ndarray) -> bool:
    outcome = guarded_paired(one - other, RANGE, RANGE)
    return not outcome.refused and outcome.lower > -MARGIN and outcome.upper < MARGIN


@dataclass(frozen=True)
class Mistaken(Idle):
    """It says of an input that moves that it is always zero."""

    zero_inputs: ClassVar[tuple[str, ...]] = ("idle", "idle as well", "pole angular velocity")


@learners
class TestReturns:
    def test_something_was_learned(self, learner: str) -> None:
        e = real_training(learner)
        before, _ = start_level(Cell(e, TICKET, MEMBERS), 1, untrained(e, MEMBERS), None)
        starts = np.stack([e.task.draw_starts(rng, (16,)) for rng in streams(MEMBERS, "score", 1)])
        assert returns(learner).mean() > 2 * rollout_returns(e.task, before[ACTOR], starts).mean()

    @leaving_out
    def test_leaving_out_leaves_returns_equal_in_distribution(self, learner: str, switch: str) -> None:
        assert shown_equivalent(returns(learner), returns(learner, switch))

    def test_what_should_not_be_left_out_would_be_noticed(self, learner: str) -> None:
        assert not shown_equivalent(returns(learner), returns(learner, task=Mistaken(horizon=100)))


# --- stopping at the maximum


def stopping(learner: str, on: bool, hidden: tuple[int, ...], **pruning: Any) -> Level:
    """A level 0 with some members that reach the maximum early, and some that never do."""
    less = {"ppo": {"env_steps": 4_096}, "bc": {"env_steps": 512, "passes": 12}, "dqn": {}}[learner]
    some: Any = dataclasses.replace(LEARNERS[learner], **less)  # type: ignore[type-var]
    e = experiment_of(some, task=CartPole(horizon=100), stop_at_maximum=on)
    e = dataclasses.replace(e, network=Network(hidden), pruning=Pruning(**pruning), evaluation=Evaluation(8, 2, 8))
    return run_level(Cell(e, DENSE, tuple(range(33))), 0, None)


WIDTHS = ((16, 10), (9, 7), (11, 5), (5, 6))
"""Whether or not a member's parameters fill whole vector registers."""


class TestStoppingAtTheMaximum:
    @pytest.mark.parametrize(
        ("learner", "hidden"),
        [
            ("ppo", WIDTHS[0]),
            ("ppo", WIDTHS[1]),
            *(("bc", hidden) for hidden in WIDTHS),
            *(("dqn", hidden) for hidden in WIDTHS[:2]),
        ],
    )
    def test_it_changes_no_bit_of_what_is_pruned_and_scored(self, learner: str, hidden: tuple[int, ...]) -> None:
        with_it, without = stopping(learner, True, hidden), stopping(learner, False, hidden)
        self.assert_some_stopped(with_it, without)
        for name, mlp in without.trained.items():
            np.testing.assert_array_equal(with_it.trained[name].flat, mlp.flat)
        np.testing.assert_array_equal(with_it.scores, without.scores)
        self.assert_same_until_they_stopped(with_it, without)

    @pytest.mark.parametrize(("learner", "scope"), SYSTEMS)
    def test_those_who_go_on_draw_and_learn_the_same(self, learner: str, scope: str, seen: list[Seen]) -> None:
        """A start next to the maximum, so that members stop from the first round on; in double precision."""
        levels = []
        for on in (True, False):
            seen.append(Seen())
            rounds = {"env_steps": 4 * ONE_UPDATE[learner].env_steps}
            four = dataclasses.replace(ONE_UPDATE[learner], **rounds)  # type: ignore[type-var]
            e = experiment_of(four, scope, CartPole(horizon=10), stop_at_maximum=on)
            e = dataclasses.replace(e, evaluation=Evaluation(per_training=4, episodes=2, scored_episodes=4))
            levels.append(sparse_level(e, MEMBERS))
        with_it, without = levels
        self.assert_some_stopped(with_it, without)
        going = np.flatnonzero(with_it.trained_fraction == 1)
        for name, states in seen[1].generators.items():
            assert seen[0].generators[name] == [states[member] for member in going]
        still = [np.flatnonzero(with_it.trained_fraction > turn / 4) for turn in range(4)]  # in training in that round
        for turn, played in enumerate(seen[0].rollouts):
            np.testing.assert_array_equal(played.actions, seen[1].rollouts[turn].actions[:, still[turn]])
        for turn, order in enumerate(seen[0].minibatches):
            np.testing.assert_array_equal(order, seen[1].minibatches[turn][still[turn]])
        for name, mlp in without.trained.items():
            np.testing.assert_allclose(with_it.trained[name].flat, mlp.flat, rtol=0, atol=1e-10)
        self.assert_same_until_they_stopped(with_it, without)

    @staticmethod
    def assert_some_stopped(with_it: Level, without: Level) -> None:
        assert 5 <= (with_it.trained_fraction < 1).sum() < len(with_it.trained_fraction)
        assert len(np.unique(with_it.trained_fraction)) > 2
        assert (without.trained_fraction == 1).all()

    @staticmethod
    def assert_same_until_they_stopped(with_it: Level, without: Level) -> None:
        stopped = np.isnan(with_it.evaluations)
        np.testing.assert_array_equal(with_it.evaluations[~stopped], without.evaluations[~stopped])
        assert (np.isnan(with_it.evaluations).sum(axis=1) > 0).tolist() == (with_it.trained_fraction < 1).tolist()
        assert not np.isnan(without.evaluations).any()


# --- a shared level 0


def levels_on_disk(store: Store, cell: Cell) -> dict[int, bytes]:
    """The finished levels of a cell, level 0 of its dense parent among them."""
    cells = [*(parent for parent in cell.parents if parent.condition == DENSE), cell]
    folders = [(store.folder / "cells" / address(one).key, one.levels) for one in cells]
    return {level: (folder / f"level_{level:02}.npz").read_bytes() for folder, levels in folders for level in levels}


@pytest.mark.parametrize(("learner", "scope"), SYSTEMS)
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
        assert drain(plan, store).failed == {}
        stored.append({chain.condition: levels_on_disk(store, chain) for chain in chains})
    assert stored[0] == stored[1]
    assert len({levels[0] for levels in stored[1].values()}) == 1
    assert len({levels[2] for levels in stored[1].values()}) == len(CONDITIONS)


def test_it_can_be_switched_off_from_the_shell(tmp_path: Path) -> None:
    """The same findings and levels, at the price of a dense training per condition."""
    runs = [
        evidence_of(project(tmp_path / name, "test_ticket_effect.py"), *options)
        for name, options in (("shared", ()), ("apart", ("--claims-set", "savings.share_level_0=false")))
    ]
    (shared, findings), (apart, findings_too) = runs
    assert {condition: list(levels) for condition, levels in shared.items()} == {
        DENSE: [0],
        **{condition: [1, 2, 3] for condition in CONDITIONS},
    }
    assert apart == {condition: {**shared[DENSE], **shared[condition]} for condition in CONDITIONS}
    assert findings == findings_too
    assert findings[0]["chart"]["series"]


def evidence_of(made: Project, *options: str) -> tuple[dict[str, dict[int, bytes]], list[dict[str, Any]]]:
    """A smoke run's levels, by condition, and its findings but for what names or prices its cells."""
    ran = made.run("--claims-profile=smoke", "-n", "0", "-k", "cart-pole-bc", *options)
    assert ran.code == 0, ran.text
    levels = {}
    for folder in (made.evidence / "cells").iterdir():
        condition = json.loads((folder / "cell.json").read_text())["cell"]["condition"]
        levels[condition] = {int(path.stem[-2:]): path.read_bytes() for path in sorted(folder.glob("level_*.npz"))}
    apart = ("cells", "cpu_seconds", "rerun")
    return levels, [{k: v for k, v in finding.items() if k not in apart} for finding in made.findings().values()]


# --- memory that is kept

KEPT = """
import sys
from pathlib import Path

from harness.evidence.level_file import to_bytes
from harness.tests.pruning.test_savings import WIDTHS, faults, stopping

Path(sys.argv[1]).write_bytes(to_bytes(stopping("bc", True, WIDTHS[0])))
print(faults())
"""


def faults() -> int:
    """Page faults of twenty buffers of 40 MiB, each freed before the next; a page may be of 2 MiB."""
    np.ones(5 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(5 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


MAPPED_ANEW = 20 * 20
"""Faults, at least, where each of these buffers is mapped anew."""


@pytest.fixture
def libc() -> Iterator[Any]:
    """The C library, whose thresholds a test may lower."""
    if not keep_memory():
        pytest.skip("the allocator is not glibc's: nothing is switched")
    yield ctypes.CDLL("libc.so.6")
    assert keep_memory()


@learners
def test_giving_memory_back_changes_no_byte(learner: str, libc: Any) -> None:
    kept = to_bytes(stopping(learner, True, WIDTHS[0]))
    assert faults() < MAPPED_ANEW / 4
    assert libc.mallopt(_M_MMAP_THRESHOLD, 128 << 10) and libc.mallopt(_M_TRIM_THRESHOLD, 128 << 10)  # glibc's own
    assert faults() >= MAPPED_ANEW
    assert to_bytes(stopping(learner, True, WIDTHS[0])) == kept


def test_the_environment_switches_it_off_in_a_process_of_its_own(libc: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEPT, str(tmp_path / "bc")]
    environment = {**os.environ, "CLAIMS_KEEP_MEMORY": "0"}
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    assert int(ran.stdout) >= MAPPED_ANEW
    assert (tmp_path / "bc").read_bytes() == to_bytes(stopping("bc", True, WIDTHS[0]))


# --- preconditions, and ends of the scale


class TestPreconditions:
    @learners
    @pytest.mark.parametrize("scope", ["actor", "actor+critic"])
    def test_under_weight_decay_nothing_is_left_out(self, learner: str, scope: Any) -> None:
        """So neither switch changes a bit; without decay the weights out of idle inputs stay, with it they shrink."""
        decaying: Any = dataclasses.replace(ONE_UPDATE[learner], weight_decay=0.1)  # type: ignore[type-var]
        e = experiment_of(decaying, scope)
        levels = [sparse_level(e, SEEDS)]
        levels += [sparse_level(experiment_of(decaying, scope, **{switch: False}), SEEDS) for switch in LEAVING_OUT]
        for level in levels[1:]:
            assert_levels_equal(level, levels[0])
        before = start_level(Cell(e, TICKET, SEEDS), 1, untrained(e, SEEDS), None)[0][ACTOR].weights[0][:, ZERO]
        after = levels[0].trained[ACTOR].weights[0][:, ZERO]
        assert (np.abs(after[before != 0]) < np.abs(before[before != 0])).all()

    @learners
    @pytest.mark.parametrize("scope", ["actor", "actor+critic"])
    def test_under_dropout_no_unit_is_left_out_but_idle_inputs_are(
        self, learner: str, scope: Any, seen: list[Seen]
    ) -> None:
        """So the one switch changes no bit; and the other no draw, and an update by 1e-10 at most."""
        levels = []
        for switch in ("", *LEAVING_OUT):
            seen.append(Seen())
            e = experiment_of(ONE_UPDATE[learner], scope, **({switch: False} if switch else {}))
            e = dataclasses.replace(e, network=dataclasses.replace(e.network, dropout=0.3))
            levels.append(sparse_level(e, SEEDS))
        assert [watched.networks[ACTOR].sizes for watched in seen] == [(4, 16, 16, 2), (4, 16, 16, 2), (6, 16, 16, 2)]
        assert all(mlp.dropout == 0.3 for watched in seen for mlp in watched.networks.values())
        assert_levels_equal(levels[0], levels[1])
        for name, mlp in levels[2].trained.items():
            np.testing.assert_allclose(levels[0].trained[name].flat, mlp.flat, rtol=0, atol=1e-10)
            assert (mlp.flat != seen[2].networks[name].flat).any(axis=1).all()

    @learners
    def test_nobody_stops_where_the_last_checkpoint_is_pruned(self, learner: str) -> None:
        with_it, without = (stopping(learner, on, WIDTHS[0], checkpoint="last") for on in (True, False))
        assert (with_it.trained_fraction == 1).all()
        assert_levels_equal(with_it, without)
        assert with_it.best_evaluations.max() == 100

    def test_a_network_that_is_not_pruned_keeps_its_units(self) -> None:
        e = experiment_of(ONE_UPDATE["ppo"], "actor", CartPole(horizon=100))
        networks, masks = start_level(Cell(e, TICKET, SEEDS), 1, untrained(e, SEEDS), None)
        assert list(harness.pruning.imp._left_out(e, networks, masks)[1]) == [ACTOR]

    @learners
    def test_a_criterion_is_told_the_gradients_of_the_whole_network(self, learner: str, registered: None) -> None:
        """Those of idle inputs are zero, whether they are left out or not."""
        register.criterion("asking")(asking)
        found = []
        for on in (True, False):
            e = experiment_of(ONE_UPDATE[learner], leave_out_zero_inputs=on)
            e = dataclasses.replace(e, pruning=dataclasses.replace(e.pruning, criterion="asking"))
            found.append(run_level(Cell(e, DENSE, SEEDS), 0, None).gradients[ACTOR])
        for mine, theirs in zip(*found, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-5)
        for first, *_ in found:
            assert not first[:, ZERO].any()
            assert first[:, SHOWN].any(axis=(1, 2)).all()


def asking(weights: Any, gradients: Any) -> Any:
    return [abs(weight * gradient) for weight, gradient in zip(weights, gradients, strict=True)]


def only(*kept: tuple[int, int, int]) -> list[np.ndarray]:
    """Masks of the actor with these weights alone: (layer, from, to); each member has the same."""
    masks = [np.zeros((len(SEEDS), *shape), dtype=bool) for shape in ((6, 16), (16, 16), (16, 2))]
    for layer, before, after in kept:
        masks[layer][:, before, after] = True
    return masks


ENDS = {
    "no first layer": [np.zeros_like(only()[0]), np.ones_like(only()[1]), np.ones_like(only()[2])],
    "no last layer": [np.ones_like(only()[0]), np.ones_like(only()[1]), np.zeros_like(only()[2])],
    "one unit a layer": only((0, 1, 7), (1, 7, 3), (2, 3, 0)),
    "a path from an idle input alone": only((0, 0, 7), (1, 7, 3), (2, 3, 0)),
    "nothing": only(),
}


class TestEndsOfTheScale:
    @learners
    @pytest.mark.parametrize("masks", ENDS.values(), ids=ENDS)
    def test_networks_of_next_to_nothing_are_trained_alike(
        self, learner: str, masks: list[np.ndarray], seen: list[Seen], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def start(cell: Cell, *_: Any) -> Any:
            networks = initial_networks(cell.experiment, cell.seeds)
            for weight, mask in zip(networks[ACTOR].weights, masks, strict=True):
                weight *= mask  # a view: the networks change
            return networks, {ACTOR: masks}

        monkeypatch.setattr(harness.pruning.imp, "start_level", start)
        levels = []
        for on in (True, False):
            seen.append(Seen())
            savings = dict.fromkeys(LEAVING_OUT, on)
            levels.append(sparse_level(experiment_of(ONE_UPDATE[learner], **savings), SEEDS))
        with_it, without = levels
        widths = [min(16, max(1, int(reaches.sum(axis=1).max()))) for reaches in reaches_an_output(masks)[:-1]]
        assert seen[0].networks[ACTOR].sizes == (4, *widths, 2)
        np.testing.assert_allclose(with_it.trained[ACTOR].flat, without.trained[ACTOR].flat, rtol=0, atol=1e-10)
        np.testing.assert_array_equal(with_it.scores, without.scores)
        assert (with_it.trained[ACTOR].flat != seen[1].networks[ACTOR].flat).any(axis=1).all()  # output biases learn

    @learners
    def test_networks_without_hidden_layers_leave_out_their_idle_inputs(self, learner: str, seen: list[Seen]) -> None:
        levels = []
        for on in (True, False):
            seen.append(Seen())
            e = experiment_of(ONE_UPDATE[learner], leave_out_zero_inputs=on)
            levels.append(sparse_level(dataclasses.replace(e, network=Network(hidden=())), SEEDS))
        assert [watched.networks[ACTOR].sizes for watched in seen] == [(4, 2), (6, 2)]
        np.testing.assert_allclose(levels[0].trained[ACTOR].flat, levels[1].trained[ACTOR].flat, rtol=0, atol=1e-10)

    def test_a_task_of_idle_inputs_alone_is_refused_in_one_line(self) -> None:
        """By the cell, when it is computed; with the saving switched off it works."""

        class Blind(Idle):
            zero_inputs: ClassVar[tuple[str, ...]] = Idle.inputs

        with pytest.raises(ValueError, match=r"^cart-pole needs at least one of its inputs: idle, cart position"):
            sparse_level(experiment_of(ONE_UPDATE["ppo"], task=Blind(horizon=100)), SEEDS)
        sparse_level(experiment_of(ONE_UPDATE["ppo"], task=Blind(horizon=100), leave_out_zero_inputs=False), SEEDS)
