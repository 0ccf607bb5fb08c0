"""Iterative magnitude pruning: what a level starts from, what it leaves, and what its savings must not change."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.learners.ppo
from harness import register
from harness.experiment import Cell, Experiment
from harness.learners.adam import AdamSettings
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.ppo import CRITIC, PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.replay import TERMINATED, recall
from harness.learners.rollouts import Rollout, play
from harness.learners.trained import TrainedNetwork, adam_steps
from harness.learners.training import Evaluation
from harness.networks.compaction import compact
from harness.networks.mlp import Mlp, Network, backward, forward, initial_mlp, outputs_of
from harness.pruning.check import check
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import prune, run_level, start_level
from harness.pruning.layout import densities, initial_networks, layer_sizes, prunable_networks
from harness.pruning.level import Level
from harness.pruning.savings import Savings
from harness.pruning.settings import Pruning
from harness.streams import stream, streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import rollout_returns
from harness.tests.learners.equations import equation_9

LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.01, env_steps=192, envs=4, rollout=16, minibatches=2, epochs=2),
    "bc": BC(learning_rate=0.01, env_steps=64, envs=4, batch=16, passes=2),
    "dqn": DQN(learning_rate=0.01, env_steps=192, envs=4, rollout=16, batch=32, learning_starts=0, target_interval=5),
}
SEEDS = (5, 0, 41)
LEVELS = 3


def experiment_of(learner: str, **pruning: Any) -> Experiment:
    return Experiment(
        CartPole(horizon=50),
        LEARNERS[learner],
        Network(hidden=(8, 8)),
        Pruning(rate=0.5, levels=LEVELS, **pruning),
        Evaluation(per_training=2, episodes=2, scored_episodes=4),
    )


@dataclass(frozen=True)
class System:
    """A combination of switches, and the chains trained under it."""

    learner: str
    scope: str
    lineage: str

    @property
    def experiment(self) -> Experiment:
        return experiment_of(self.learner, scope=self.scope, lineage=self.lineage)

    def cell(self, condition: str) -> Cell:
        return Cell(self.experiment, condition, SEEDS)

    def chain(self, condition: str) -> list[Level]:
        """Levels 0 to K."""
        return _chain(self, condition)

    def before(self, condition: str, level: int) -> tuple[Level, Level | None]:
        """The levels that a level starts from: the one before in the chain, and the ticket's own."""
        branches = self.lineage == "branch" and condition != TICKET
        return self.chain(condition)[level - 1], self.chain(TICKET)[level] if branches else None

    def start(self, condition: str, level: int) -> tuple[dict[str, Mlp], dict[str, list[np.ndarray]]]:
        return start_level(self.cell(condition), level, *self.before(condition, level))


@functools.cache
def _dense(learner: str, scope: str) -> Level:
    return run_level(Cell(experiment_of(learner, scope=scope), DENSE, SEEDS), 0, None)


@functools.cache
def _chain(system: System, condition: str) -> list[Level]:
    chain = [_dense(system.learner, system.scope)]
    tickets = _chain(system, TICKET) if system.lineage == "branch" and condition != TICKET else None
    for level in range(1, LEVELS + 1):
        ticket = tickets[level] if tickets else None
        chain.append(run_level(system.cell(condition), level, chain[-1], ticket))
    return chain


SYSTEMS = [
    System("ppo", "actor", "own"),
    System("ppo", "actor", "branch"),
    System("ppo", "actor+critic", "own"),
    System("ppo", "actor+critic", "branch"),
    System("bc", "actor", "own"),
    System("bc", "actor", "branch"),
    System("dqn", "actor", "own"),
]
systems = pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.learner}-{s.scope}-{s.lineage}")
conditions = pytest.mark.parametrize("condition", CONDITIONS)


def weights_of(networks: dict[str, Mlp], names: Sequence[str]) -> list[np.ndarray]:
    """The layers of these networks, one after the other."""
    return [weight for name in names for weight in networks[name].weights]


def masks_of(masks: dict[str, list[np.ndarray]], names: Sequence[str] | None = None) -> list[np.ndarray]:
    return [mask for name in (masks if names is None else names) for mask in masks[name]]


def ones_in(masks: Sequence[np.ndarray], member: int) -> int:
    return int(sum(mask[member].sum() for mask in masks))


def largest(previous: Level, names: Sequence[str], count: int) -> list[np.ndarray]:
    """CLAIMS.md's n, written as plainly as it can be: by the threshold that `count` weights reach."""
    layers, masks = weights_of(previous.trained, names), masks_of(previous.masks, names)
    kept = []
    for member in range(len(SEEDS)):
        magnitudes = [np.abs(weight[member])[mask[member]].tolist() for weight, mask in zip(layers, masks, strict=True)]
        threshold = sorted((value for layer in magnitudes for value in layer), reverse=True)[count - 1]
        kept.append([mask[member] & (np.abs(w[member]) >= threshold) for w, mask in zip(layers, masks, strict=True)])
    return [np.stack([member[layer] for member in kept]) for layer in range(len(layers))]


def assert_networks_equal(one: Mlp, other: Mlp, tolerance: float = 0.0) -> None:
    for a, b in zip((*one.weights, *one.biases), (*other.weights, *other.biases), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


class TestStartOfALevel:
    """CLAIMS.md, "condition", line by line."""

    @systems
    @conditions
    @pytest.mark.parametrize("level", range(1, LEVELS + 1))
    def test_it_is_what_claims_md_spells(self, system: System, condition: str, level: int) -> None:
        e, names = system.experiment, prunable_networks(system.experiment)
        networks, masks = system.start(condition, level)
        previous, ticket = system.before(condition, level)
        total = sum(weight[0].size for weight in weights_of(networks, names))
        count = round(total * 0.5**level)
        n = masks_of(ticket.masks) if ticket else largest(previous, names, count)
        w0 = weights_of(initial_networks(e, SEEDS), names)
        fresh = weights_of(initial_networks(e, SEEDS, redrawn_at=level), names)
        got = list(zip(masks_of(masks), weights_of(networks, names), n, w0, fresh, strict=True))
        assert list(masks) == names
        for member in range(len(SEEDS)):
            assert ones_in(masks_of(masks), member) == count
            for mask, weight, kept, initial, redrawn in [[array[member] for array in layer] for layer in got]:
                assert (weight[~mask] == 0).all()
                if condition in ("mask/weights", "mask/permuted"):
                    np.testing.assert_array_equal(mask, kept)
                if condition == "mask/weights":
                    np.testing.assert_array_equal(weight, np.where(kept, initial, 0))
                if condition in ("mask/permuted", "permuted/permuted"):
                    assert mask.sum() == kept.sum()
                    assert sorted(weight[mask].tolist()) == sorted(initial[kept].tolist())
                if condition == "random/re-init":
                    np.testing.assert_array_equal(weight, np.where(mask, redrawn, 0))

    @systems
    @conditions
    def test_all_that_is_not_pruned_is_reset(self, system: System, condition: str) -> None:
        """Biases always, and the critic where only the actor is pruned: to w0, or with all else to the fresh draw."""
        networks, masks = system.start(condition, 2)
        redrawn_at = 2 if condition == "random/re-init" else None
        expected = initial_networks(system.experiment, SEEDS, redrawn_at)
        assert list(networks) == list(expected)
        for name, network in networks.items():
            for mine, theirs in zip(network.biases, expected[name].biases, strict=True):
                np.testing.assert_array_equal(mine, theirs)
            if name not in masks:
                assert name == CRITIC and system.scope == "actor"
                assert_networks_equal(network, expected[name])

    @conditions
    def test_what_is_drawn_is_drawn_anew_at_every_level(self, condition: str) -> None:
        system = SYSTEMS[0]
        previous = system.chain(condition)[1]
        e = dataclasses.replace(system.experiment, pruning=Pruning(rate=1e-9, levels=3))  # n stays as it is
        cell = Cell(e, condition, SEEDS)
        n = Level({ACTOR: [np.ones_like(mask) for mask in previous.masks[ACTOR]]}, *list(vars(previous).values())[1:])
        second, third = (start_level(cell, level, n, None)[0][ACTOR].weights[1] for level in (2, 3))
        assert np.array_equal(second, third) == (condition == "mask/weights")

    def test_a_fresh_draw_is_not_w0(self) -> None:
        e = SYSTEMS[0].experiment
        draws = [initial_networks(e, SEEDS, level)[ACTOR].weights[0] for level in (None, 1, 2)]
        for i in range(3):
            assert not np.isin(draws[i], draws[i - 1]).any()

    def test_actor_and_critic_are_pruned_by_one_threshold(self) -> None:
        system = System("ppo", "actor+critic", "own")
        previous, after = system.chain(TICKET)[:2]
        kept_of_actor = [ones_in(after.masks[ACTOR], member) for member in range(len(SEEDS))]
        assert len(set(kept_of_actor)) > 1  # a network is not pruned to the density by itself
        for member in range(len(SEEDS)):
            magnitudes = [np.abs(w[member]) for name in after.masks for w in previous.trained[name].weights]
            kept = [mask[member] for mask in masks_of(after.masks)]
            smallest_kept = min(w[m].min() for w, m in zip(magnitudes, kept, strict=True) if m.any())
            largest_pruned = max(w[~m].max() for w, m in zip(magnitudes, kept, strict=True) if not m.all())
            assert smallest_kept >= largest_pruned

    def test_branches_share_the_tickets_mask_and_own_chains_leave_it(self) -> None:
        for lineage in ("own", "branch"):
            system = System("ppo", "actor", lineage)
            tickets, others = system.chain(TICKET), system.chain("mask/permuted")
            same = [
                all(map(np.array_equal, masks_of(ticket.masks), masks_of(other.masks)))
                for ticket, other in zip(tickets, others, strict=True)
            ]
            assert same[:2] == [True, True]  # both prune the same dense network
            assert all(same) == (lineage == "branch")


class TestWhatALevelLeaves:
    @systems
    @conditions
    def test_pruned_entries_are_exactly_zero_and_the_rest_has_moved(self, system: System, condition: str) -> None:
        for level, result in enumerate(system.chain(condition)):
            initial = system.start(condition, level)[0] if level else initial_networks(system.experiment, SEEDS)
            for name, masks in result.masks.items():
                for weight, mask in zip(result.trained[name].weights, masks, strict=True):
                    assert (weight[~mask] == 0).all()
                assert any(
                    (after != before).any()
                    for after, before in zip(
                        (*result.trained[name].weights, *result.trained[name].biases),
                        (*initial[name].weights, *initial[name].biases),
                        strict=True,
                    )
                )

    @systems
    @conditions
    def test_densities_are_exact(self, system: System, condition: str) -> None:
        stated = densities(system.experiment)
        names = prunable_networks(system.experiment)
        total = sum(mask[0].size for mask in masks_of(system.chain(condition)[0].masks, names))
        assert len(stated) == LEVELS + 1
        for density, level in zip(stated, system.chain(condition), strict=True):
            for member in range(len(SEEDS)):
                assert ones_in(masks_of(level.masks, names), member) / total == density

    def test_densities_of_a_small_network_by_hand(self) -> None:
        """4-8-8-2 has 32 + 64 + 16 = 112 weights, and its critic 8 fewer."""
        assert densities(experiment_of("ppo")).tolist() == [1, 56 / 112, 28 / 112, 14 / 112]
        both = densities(experiment_of("ppo", scope="actor+critic"))
        assert both.tolist() == [1, 108 / 216, 54 / 216, 27 / 216]
        assert layer_sizes(experiment_of("ppo")) == {ACTOR: (4, 8, 8, 2), CRITIC: (4, 8, 8, 1)}

    @systems
    def test_level_0_is_dense_and_shared(self, system: System) -> None:
        networks, masks = start_level(system.cell(DENSE), 0, None, None)
        assert all(mask.all() for mask in masks_of(masks))
        for name, network in initial_networks(system.experiment, SEEDS).items():
            assert_networks_equal(networks[name], network)
        assert {system.cell(condition).parents[0] for condition in CONDITIONS} == {system.cell(DENSE)}

    def test_level_0_is_the_same_whatever_is_pruned_afterwards(self) -> None:
        one, other = _dense("ppo", "actor"), _dense("ppo", "actor+critic")
        assert_networks_equal(one.trained[ACTOR], other.trained[ACTOR])
        np.testing.assert_array_equal(one.scores, other.scores)

    def test_level_0_serves_every_experiment_that_shares_its_cell(self) -> None:
        shared = System("ppo", "actor", "own").cell(DENSE)
        child = System("ppo", "actor+critic", "own").cell(TICKET)
        assert child.parents[0].id == shared.id
        start_level(child, 1, _dense("ppo", "actor"), None)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_the_same_cell_twice_gives_the_same_bits(self, learner: str) -> None:
        system = System(learner, "actor", "own")
        condition = "permuted/permuted"
        again = run_level(system.cell(condition), 2, *system.before(condition, 2))
        once = system.chain(condition)[2]
        assert_networks_equal(once.trained[ACTOR], again.trained[ACTOR])
        for name in ("scores", "evaluations", "trained_fraction"):
            np.testing.assert_array_equal(getattr(once, name), getattr(again, name))

    @systems
    def test_shapes(self, system: System) -> None:
        for number, level in enumerate(system.chain(TICKET)):
            kept = prunable_networks(system.experiment) if number else list(layer_sizes(system.experiment))
            assert list(level.masks) == list(level.trained) == kept
            assert level.scores.shape == (3, 4)
            assert level.evaluations.shape == (3, 2)
            assert level.trained_fraction.shape == (3,)


# --- the pruned checkpoint


@dataclass(frozen=True)
class Pay:
    """One env_step that pays the action's number, and a little luck with the start."""

    name: ClassVar[str] = "pay"
    inputs: ClassVar[tuple[str, ...]] = ("luck",)
    actions: ClassVar[int] = 5

    luck: float = 0.1
    maximum_return: float = np.inf
    horizon: int = 1

    def draw_starts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.luck * rng.random((*shape, 1))

    def batch(self, starts: np.ndarray, seeds: Sequence[int] = ()) -> "Paying":
        return Paying(starts)


class Paying:
    def __init__(self, starts: np.ndarray):
        self.luck = starts[..., 0]
        self.observations = starts.astype(np.float32)
        self.terminated = np.ones(self.luck.shape, dtype=bool)
        self.truncated = ~self.terminated

    def step(self, actions: np.ndarray, restarts: np.ndarray) -> "Paying":
        self.rewards = actions + self.luck
        return self


@dataclass(frozen=True)
class Scripted:
    """A learner whose members take, after each round, the action that the script names."""

    name: ClassVar[str] = "scripted"
    script: tuple[tuple[int, ...], ...]
    """Per member, the action after each round."""
    env_steps: int = 1000
    envs: int = 1
    updates: int = 1
    samples_per_update: int = 1
    weight_decay: float = 0.0
    kept: list[list[int]] = field(default_factory=list, compare=False)
    """What `keep` was asked for."""

    def outputs(self, task: Any) -> dict[str, int]:
        return {ACTOR: task.actions}

    def files(self, task: Any, seeds: Sequence[int]) -> list[Path]:
        return []

    def start(self, task: Any, networks: dict[str, Mlp], masks: Any, seeds: Sequence[int], level: int) -> "Actors":
        return Actors(self, networks[ACTOR].copy())


class Actors:
    """Weights and biases all say which round it is; the bias of the scripted action is the largest."""

    def __init__(self, learner: Scripted, actor: Mlp):
        self.learner, self.actor, self.networks = learner, actor, {ACTOR: actor}
        self.script = np.array(learner.script)
        self.rounds, self.round = self.script.shape[1], 0

    def advance(self) -> None:
        for weight in self.actor.weights:
            weight[:] = self.round
        for member, action in enumerate(self.script[:, self.round]):
            self.actor.biases[-1][member] = 0
            self.actor.biases[-1][member, 0, action] = 1
        self.round += 1

    def keep(self, members: np.ndarray) -> None:
        self.learner.kept.append(members.tolist())
        self.script = self.script[members]
        kept = self.actor.take(members)
        self.actor.flat = kept.flat


def scripted_level(
    *script: tuple[int, ...], checkpoint: Any = "best", maximum: float = np.inf, luck: float = 0.0
) -> tuple[Level, Scripted]:
    """Train one evaluation a round under `script`, one row per member."""
    learner = Scripted(script)
    e = Experiment(
        Pay(luck, maximum),
        learner,
        Network(hidden=()),
        Pruning(checkpoint=checkpoint),
        Evaluation(per_training=len(script[0]), episodes=3, scored_episodes=6),
    )
    return run_level(Cell(e, DENSE, tuple(range(10, 10 + len(script)))), 0, None), learner


def rounds_of(level: Level) -> list[float]:
    """From which round each member's pruned checkpoint is."""
    return [float(weight.flat[0]) for weight in level.trained[ACTOR].weights[0]]


class TestCheckpoint:
    SCRIPT = ((1, 3, 2, 3, 0), (4, 4, 4, 4, 4), (0, 0, 0, 0, 1), (2, 1, 0, 1, 0))

    def test_the_best_evaluations_is_pruned_the_first_of_equals(self) -> None:
        level, _ = scripted_level(*self.SCRIPT)
        assert rounds_of(level) == [1, 0, 4, 0]
        assert level.evaluations.tolist() == [list(map(float, row)) for row in self.SCRIPT]
        assert level.best_evaluations.tolist() == [3, 4, 1, 2]
        assert level.scored_returns.tolist() == [3, 4, 1, 2]

    def test_the_last_is_pruned_where_that_is_asked_for(self) -> None:
        level, _ = scripted_level(*self.SCRIPT, checkpoint="last")
        assert rounds_of(level) == [4, 4, 4, 4]
        assert level.scored_returns.tolist() == [0, 4, 1, 0]
        assert level.best_evaluations.tolist() == [3, 4, 1, 2]

    def test_members_at_the_maximum_stop_and_the_others_go_on_as_they_would_have(self) -> None:
        level, learner = scripted_level((1, 3, 4, 0), (4, 0, 0, 0), (0, 1, 2, 1), (3, 4, 0, 0), maximum=4.0)
        nan = np.nan
        np.testing.assert_array_equal(
            level.evaluations, [[1, 3, 4, nan], [4, nan, nan, nan], [0, 1, 2, 1], [3, 4, nan, nan]]
        )
        assert rounds_of(level) == [2, 0, 2, 1]
        assert level.scored_returns.tolist() == [4, 4, 2, 4]
        assert level.trained_fraction.tolist() == [0.75, 0.25, 1, 0.5]
        assert learner.kept == [[0, 2, 3], [0, 1], [1]]

    def test_all_may_stop(self) -> None:
        level, _ = scripted_level((4, 0), (4, 1), maximum=4.0)
        assert rounds_of(level) == [0, 0]
        assert level.trained_fraction.tolist() == [0.5, 0.5]

    def test_nobody_stops_where_the_last_checkpoint_is_pruned(self) -> None:
        level, learner = scripted_level((4, 0, 2), (0, 4, 1), checkpoint="last", maximum=4.0)
        assert level.evaluations.tolist() == [[4, 0, 2], [0, 4, 1]]
        assert learner.kept == []

    def test_nobody_stops_where_that_saving_is_off(self) -> None:
        learner = Scripted(((4, 0, 2),))
        e = Experiment(
            Pay(0.0, 4.0), learner, Network(hidden=()), evaluation=Evaluation(3, 2, 2), savings=Savings(False, False)
        )
        level = run_level(Cell(e, DENSE, (1,)), 0, None)
        assert level.evaluations.tolist() == [[4, 0, 2]]
        assert level.trained_fraction.tolist() == [1]

    def test_a_return_is_scored_on_episodes_of_its_own(self) -> None:
        """Luck tells the episodes: each evaluation has new ones, and the score others than all of them."""
        level, _ = scripted_level((1, 3, 2), (2, 0, 1), luck=0.1)
        task = Pay(0.1)
        for member, (seed, best) in enumerate(((10, 3), (11, 2))):
            fresh = task.draw_starts(stream(seed, "score", 0), (6,))[:, 0]
            np.testing.assert_array_equal(level.scores[member], best + fresh)
        luck = level.evaluations - [[1, 3, 2], [2, 0, 1]]
        assert len(set(luck.ravel().tolist())) == 6
        assert not np.isin(level.best_evaluations, level.scored_returns).any()


# --- a member alone and among others


def among(seeds: Sequence[int]) -> tuple[int, ...]:
    """40 seeds, these among them."""
    return tuple(sorted({*seeds, *range(100, 140 - len(seeds))}, key=lambda seed: (seed * 7919) % 101))


def exact_networks(experiment: Experiment, seeds: Sequence[int]) -> dict[str, Mlp]:
    """w0 in double precision."""
    networks = initial_networks(experiment, seeds)
    return {name: mlp.each(lambda array: array.astype(np.float64)) for name, mlp in networks.items()}


def random_masks(networks: dict[str, Mlp], seeds: Sequence[int], density: float) -> dict[str, list[np.ndarray]]:
    """Of the actor's weights, each seed's own; the weights are set to zero outside them."""
    actor, rngs = networks[ACTOR], streams(seeds, "masks of the test")
    masks = [np.stack([rng.random(weight.shape[1:]) < density for rng in rngs]) for weight in actor.weights]
    for weight, mask in zip(actor.weights, masks, strict=True):
        weight *= mask  # a view: the networks change
    return {ACTOR: masks}


def one_update(learner: str) -> Learner:
    """The learner, with a single gradient step a round."""
    changes = {"ppo": {"minibatches": 1, "epochs": 1}, "bc": {"batch": 64}, "dqn": {"replay_ratio": 0.5}}
    return dataclasses.replace(LEARNERS[learner], **changes[learner])


class TestMembersAloneAndAmongOthers:
    SEEDS = (5, 12, 77)

    @conditions
    def test_the_same_start(self, condition: str) -> None:
        """Given the same level before, seed by seed."""
        e, seeds = experiment_of("ppo"), among(self.SEEDS)
        rng = np.random.default_rng(0)
        trained = {ACTOR: initial_networks(e, seeds)[ACTOR].each(lambda w: w + rng.normal(size=w.shape))}
        masks = {ACTOR: [np.ones(weight.shape, dtype=bool) for weight in trained[ACTOR].weights]}
        nothing = np.empty(0)
        together = start_level(Cell(e, condition, seeds), 1, Level(masks, trained, nothing, nothing, nothing), None)
        for seed in self.SEEDS:
            row = np.array([seeds.index(seed)])
            before = Level(
                {ACTOR: [mask[row] for mask in masks[ACTOR]]},
                {ACTOR: trained[ACTOR].take(row)},
                nothing,
                nothing,
                nothing,
            )
            networks, own_masks = start_level(Cell(e, condition, (seed,)), 1, before, None)
            for name, network in networks.items():
                assert_networks_equal(network, together[0][name].take(row))
            for mine, theirs in zip(own_masks[ACTOR], together[1][ACTOR], strict=True):
                np.testing.assert_array_equal(mine, theirs[row])

    def test_the_same_first_rollout_and_order_of_minibatches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rollouts: list[Rollout] = []

        def watched(*arguments: Any) -> Rollout:
            rollouts.append(play(*arguments))
            return rollouts[-1]

        monkeypatch.setattr(harness.learners.ppo, "play", watched)
        e, seeds = experiment_of("ppo"), among(self.SEEDS)
        for members in (seeds, *((seed,) for seed in self.SEEDS)):
            population = LEARNERS["ppo"].start(e.task, exact_networks(e, members), {}, members, level=3)
            population.advance()
            # two epochs were shuffled by now: the next order is the third
            orders = [rng.permutation(64) for rng in population.minibatch_streams]  # type: ignore[attr-defined]
            if members is seeds:
                all_orders = orders
                continue
            row = seeds.index(members[0])
            np.testing.assert_array_equal(orders[0], all_orders[row])
            for name in vars(rollouts[0]):
                together, alone = getattr(rollouts[0], name), getattr(rollouts[-1], name)
                np.testing.assert_array_equal(alone[:, 0], together[:, row], err_msg=name)

    def test_the_same_lessons(self) -> None:
        e, seeds = experiment_of("bc"), among(self.SEEDS)
        together = LEARNERS["bc"].start(e.task, exact_networks(e, seeds), {}, seeds, level=3)
        for seed in self.SEEDS:
            alone = LEARNERS["bc"].start(e.task, exact_networks(e, (seed,)), {}, (seed,), level=3)
            row = seeds.index(seed)
            np.testing.assert_array_equal(alone.observations[0], together.observations[row])  # type: ignore[attr-defined]

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_one_update_is_the_same_to_1e_10(self, learner: str) -> None:
        e, seeds, one = experiment_of(learner), among(self.SEEDS), one_update(learner)

        def updated(members: Sequence[int]) -> dict[str, Mlp]:
            networks = exact_networks(e, members)
            masks = random_masks(networks, members, 0.4)
            population = one.start(e.task, networks, masks, members, level=1)
            population.advance()
            return {name: mlp.copy() for name, mlp in population.networks.items()}

        together = updated(seeds)
        for seed in self.SEEDS:
            for name, network in updated((seed,)).items():
                row = np.array([seeds.index(seed)])
                assert network.weights[0].dtype == np.float64
                assert_networks_equal(network, together[name].take(row), 1e-10)
                moved = network.weights[-1] != exact_networks(e, (seed,))[name].weights[-1]
                assert moved.any()

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_members_that_are_kept_go_on_as_they_would_have(self, learner: str) -> None:
        """With their draws, lessons, environments and masks; in another order, too."""
        e, seeds, kept = experiment_of(learner), (3, 1, 4, 15), np.array([3, 0])
        one = dataclasses.replace(LEARNERS[learner], **({"batch": 32} if learner == "bc" else {}))
        populations = []
        for keeps in (True, False):
            networks = exact_networks(e, seeds)
            population = one.start(e.task, networks, random_masks(networks, seeds, 0.4), seeds, level=1)
            for turn in range(3):
                population.advance()
                if keeps and turn == 0:
                    population.keep(kept)
            populations.append(population)
        for name, network in populations[0].networks.items():
            assert_networks_equal(network.copy(), populations[1].networks[name].copy().take(kept), 1e-10)

    def test_seeds_purposes_and_places_have_streams_of_their_own(self) -> None:
        names: list[tuple[Any, ...]] = [
            (0, "w0"),
            (1, "w0"),
            (0, "rollout", 1),
            (0, "rollout", 2),
            (0, "minibatch", 1),
            (0, "score", 1),
            (0, "evaluation", 1, 1),
            (0, "evaluation", 1, 2),
            (0, "evaluation", 2, 1),
            (0, "re-init", 1),
            *((0, f"start of {condition}", 1) for condition in CONDITIONS),
        ]
        draws = [tuple(stream(*name).integers(2**62, size=4).tolist()) for name in names]
        assert len(set(draws)) == len(draws)
        assert draws == [tuple(stream(*name).integers(2**62, size=4).tolist()) for name in names]

    def test_streams_never_change(self) -> None:
        """Golden: all evidence rests on them."""
        assert stream(7, "rollout", 3).integers(1000, size=5).tolist() == [257, 51, 748, 34, 860]


# --- leaving out what reaches no output


def random_population(
    sizes: Sequence[int], members: int, density: float, seed: int
) -> tuple[Mlp, list[np.ndarray], np.random.Generator]:
    """Double-precision networks at rest under random masks, member by member of another density."""
    rng = np.random.default_rng(seed)
    mlp = initial_mlp(sizes, [rng] * members).each(lambda array: array.astype(np.float64))
    shares = density * rng.random((members, 1, 1))
    masks = [rng.random(weight.shape) < shares for weight in mlp.weights]
    return Mlp.of([w * mask for w, mask in zip(mlp.weights, masks, strict=True)], mlp.biases), masks, rng


def paths_to_an_output(masks: Sequence[np.ndarray], layer: int) -> np.ndarray:
    """How many paths lead from each unit after `layer` to an output, [members, units], by matrix products."""
    counts = np.ones((masks[0].shape[0], masks[-1].shape[2], 1))
    for mask in reversed(masks[layer + 1 :]):
        counts = mask.astype(float) @ counts
    return counts[:, :, 0]


POPULATIONS = (
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 0.3, 0.6, 2.0]),
    st.integers(0, 2**32 - 1),
)


class TestCompaction:
    @settings(deadline=None)
    @given(*POPULATIONS)
    def test_outputs_are_the_same(self, sizes: list[int], members: int, density: float, seed: int) -> None:
        mlp, masks, rng = random_population(sizes, members, density, seed)
        small = compact(mlp, masks)
        x = rng.normal(size=(members, 5, sizes[0]))
        np.testing.assert_allclose(outputs_of(small.mlp, x), outputs_of(mlp, x), rtol=0, atol=1e-12)

    @settings(deadline=None)
    @given(*POPULATIONS)
    def test_exactly_what_reaches_no_output_may_be_left_out(
        self, sizes: list[int], members: int, density: float, seed: int
    ) -> None:
        mlp, masks, _ = random_population(sizes, members, density, seed)
        small = compact(mlp, masks)
        assert [units.shape[1] for units in small.units[:: len(sizes) - 1]] == [sizes[0], sizes[-1]]
        for layer in range(len(masks) - 1):
            reaching = paths_to_an_output(masks, layer) > 0
            units = small.units[layer + 1]
            assert units.shape[1] == max(1, reaching.sum(axis=1).max())
            for member in range(members):
                assert set(np.flatnonzero(reaching[member])) <= set(units[member].tolist())
                assert len(set(units[member].tolist())) == units.shape[1]

    @settings(deadline=None)
    @given(*POPULATIONS)
    def test_going_there_and_back_changes_nothing(
        self, sizes: list[int], members: int, density: float, seed: int
    ) -> None:
        mlp, masks, _ = random_population(sizes, members, density, seed)
        small = compact(mlp, masks)
        assert_networks_equal(small.restored(mlp, small.mlp), mlp)

    @settings(deadline=None, max_examples=40)
    @given(*POPULATIONS)
    def test_one_update_is_the_same_to_1e_10(self, sizes: list[int], members: int, density: float, seed: int) -> None:
        mlp, masks, rng = random_population(sizes, members, density, seed)
        small = compact(mlp, masks)
        x = rng.normal(size=(members, 5, sizes[0]))
        trained = []
        for start, own_masks in ((mlp, masks), (small.mlp, small.masks)):
            network = start.copy()
            state = TrainedNetwork.start(network, own_masks)
            outputs, activations = forward(network, x)
            gradient = backward(network, x, activations, outputs - 1) * state.mask
            adam_steps(state, gradient, 1, AdamSettings(0.01, 1e-5, 0.0, False))
            trained.append(network)
        assert_networks_equal(small.restored(mlp, trained[1]), trained[0], 1e-10)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_one_update_of_a_learner_is_the_same_to_1e_10_and_the_rest_stays(self, learner: str) -> None:
        e, one = experiment_of(learner), one_update(learner)
        networks = exact_networks(e, SEEDS)
        masks = random_masks(networks, SEEDS, 0.12)
        masks[ACTOR][2][0, :4] = True  # a member with more reachable units than the others have
        small = compact(networks[ACTOR], masks[ACTOR])
        assert small.mlp.weights[1].size < networks[ACTOR].weights[1].size
        trained = []
        for actor, own_masks in ((networks[ACTOR], masks[ACTOR]), (small.mlp, small.masks)):
            population = one.start(e.task, networks | {ACTOR: actor}, {ACTOR: own_masks}, SEEDS, level=1)
            population.advance()
            trained.append({name: mlp.copy() for name, mlp in population.networks.items()})
        full, compacted = trained
        restored = small.restored(networks[ACTOR], compacted[ACTOR])
        assert [w.shape for w in restored.weights] == [w.shape for w in networks[ACTOR].weights]
        assert [b.shape for b in restored.biases] == [b.shape for b in networks[ACTOR].biases]
        assert_networks_equal(restored, full[ACTOR], 1e-10)
        if learner == "ppo":
            assert_networks_equal(compacted[CRITIC], full[CRITIC], 1e-10)
        for layer in (0, 1):
            unreachable = paths_to_an_output(masks[ACTOR], layer) == 0
            assert unreachable.any()
            rows, units = np.nonzero(unreachable)
            for before, after in ((networks[ACTOR], restored), (networks[ACTOR], full[ACTOR])):
                np.testing.assert_array_equal(
                    after.weights[layer][rows, :, units], before.weights[layer][rows, :, units]
                )
                np.testing.assert_array_equal(after.biases[layer][rows, 0, units], before.biases[layer][rows, 0, units])

    @pytest.mark.parametrize(("weight_decay", "leaves_out"), [(0.0, True), (0.01, False)])
    def test_nothing_is_left_out_under_weight_decay(
        self, weight_decay: float, leaves_out: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        learner = dataclasses.replace(LEARNERS["ppo"], weight_decay=weight_decay)
        e = dataclasses.replace(experiment_of("ppo"), learner=learner)
        assert self.leaves_out(e, monkeypatch) == leaves_out

    @pytest.mark.parametrize("on", [True, False])
    def test_nothing_is_left_out_where_that_saving_is_off(self, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        e = dataclasses.replace(experiment_of("ppo"), savings=Savings(leave_out_unreachable=on))
        assert self.leaves_out(e, monkeypatch) == on

    @staticmethod
    def leaves_out(e: Experiment, monkeypatch: pytest.MonkeyPatch) -> bool:
        """Whether a level of almost no weights is trained with fewer units than it has."""
        e = dataclasses.replace(e, pruning=Pruning(rate=0.95, levels=1))
        widths: list[int] = []
        start: Callable[..., Any] = PPO.start

        def watched(self: PPO, task: Any, networks: dict[str, Mlp], *rest: Any) -> Any:
            widths.append(networks[ACTOR].weights[0].shape[2])
            return start(self, task, networks, *rest)

        monkeypatch.setattr(PPO, "start", watched)
        level = run_level(Cell(e, TICKET, SEEDS), 1, _dense("ppo", "actor"))
        assert level.trained[ACTOR].weights[0].shape == (3, 4, 8)
        return widths[-1] < 8

    def test_evaluations_of_what_was_restored_are_those_of_what_was_trained(self) -> None:
        """The scored returns are the stored network's own."""
        for learner in LEARNERS:
            system = System(learner, "actor", "own")
            level, task = system.chain(TICKET)[LEVELS], system.experiment.task
            starts = np.stack([task.draw_starts(rng, (4,)) for rng in streams(SEEDS, "score", LEVELS)])
            np.testing.assert_array_equal(rollout_returns(task, level.trained[ACTOR], starts), level.scores)


# --- gradients at the pruned checkpoint


@pytest.fixture
def by_gradient(registered: None) -> str:
    """A criterion that asks for gradients."""

    @register.criterion("by-gradient")
    def by_gradient(weights: Any, gradients: Any) -> Any:
        return [abs(weight * gradient) for weight, gradient in zip(weights, gradients, strict=True)]

    return "by-gradient"


class ScriptedWithGradients(Scripted):
    offers_gradients: ClassVar[bool] = True

    def start(self, task: Any, networks: dict[str, Mlp], masks: Any, seeds: Sequence[int], level: int) -> "Actors":
        return ActorsWithGradients(self, networks[ACTOR].copy())


class ActorsWithGradients(Actors):
    """Their gradients are a tenth of their weights: they say which round it is."""

    def gradients(self) -> dict[str, Mlp]:
        return {ACTOR: self.actor.copy().each(lambda array: array / 10)}


def q_losses(population: Any) -> list[float]:
    """The mean Huber loss over each member's replay memory, by the equation."""
    s, replay, losses = population.settings, population.replay, []
    before, after = np.empty((2, replay.transitions, 4))
    for member in range(len(population.actor.flat)):
        recall(replay.memory, member, replay.places, before, after, s.envs)
        actions, rewards, ends = (each[member, replay.places] for each in replay.memory[1:4])
        online, others, target = (
            outputs_of(mlp.take(np.array([member])), seen[None])[0]
            for mlp, seen in (
                (population.actor, before),
                (population.actor, after),
                (population.actor.each(lambda _: population.target), after),
            )
        )
        rows = np.arange(len(actions))
        wanted = rewards + s.discount * (ends != TERMINATED) * target[rows, others.argmax(axis=1)]
        errors = torch.tensor(wanted - online[rows, actions])
        losses.append(float(torch.nn.functional.huber_loss(errors, torch.zeros_like(errors), delta=s.huber_delta)))
    return losses


class TestGradients:
    @pytest.mark.parametrize("learner", LEARNERS)
    def test_they_are_those_of_the_loss_under_the_masks(self, learner: str) -> None:
        """Against central differences, in double precision."""
        e, small_step = experiment_of(learner), 1e-6
        networks = exact_networks(e, SEEDS)
        masks = random_masks(networks, SEEDS, 0.6)
        population: Any = one_update(learner).start(e.task, networks, masks, SEEDS, level=1)
        population.advance()
        found = population.gradients()
        assert list(found) == list(networks)

        def loss() -> float:
            if learner == "bc":
                logits = torch.from_numpy(outputs_of(population.actor, population.observations))
                cross_entropy = -(torch.from_numpy(population.policies) * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
                return float(cross_entropy.mean(dim=1).sum())
            if learner == "dqn":
                return float(sum(q_losses(population)))
            lessons = {name: torch.tensor(n) for name, n in population.learned_from[0]._asdict().items()}
            outputs = [
                torch.from_numpy(outputs_of(mlp, lessons["observations"].numpy()))
                for mlp in population.networks.values()
            ]
            members = [{name: numbers[member] for name, numbers in lessons.items()} for member in range(len(SEEDS))]
            policies, values = torch.log_softmax(outputs[0], dim=-1), outputs[1].squeeze(-1)
            return float(sum(map(equation_9, policies, values, members, [population.settings] * len(members))))

        for name, gradients in found.items():
            for layer, gradient in enumerate(gradients.weights):
                mask = masks[name][layer] if name in masks else np.ones(gradient.shape, dtype=bool)
                assert (gradient[~mask] == 0).all()
                place = tuple(np.argwhere(mask & (gradient != 0))[0])
                weight = population.networks[name].weights[layer]
                losses = []
                with torch.no_grad():
                    for step in (small_step, -2 * small_step):
                        weight[place] += step
                        losses.append(loss())
                    weight[place] += small_step
                assert gradient[place] == pytest.approx((losses[0] - losses[1]) / (2 * small_step), rel=1e-4, abs=1e-9)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_leaving_units_out_changes_none(self, learner: str, by_gradient: str) -> None:
        """At a learning rate of nothing, so that both trainings end in the same weights."""
        still = dataclasses.replace(LEARNERS[learner], learning_rate=1e-30)  # type: ignore[type-var]
        levels = []
        for saves in (True, False):
            e = dataclasses.replace(
                experiment_of(learner, scope="actor+critic", criterion=by_gradient),
                learner=still,
                pruning=Pruning(rate=0.9, levels=1, scope="actor+critic", criterion=by_gradient),
                savings=Savings(leave_out_unreachable=saves),
            )
            levels.append(run_level(Cell(e, TICKET, SEEDS), 1, run_level(Cell(e, DENSE, SEEDS), 0, None)))
        compacted, full = levels
        assert list(compacted.gradients) == list(full.gradients) == prunable_networks(e)
        for name, layers in full.gradients.items():
            for layer, gradient in enumerate(layers):
                assert gradient.shape == full.trained[name].weights[layer].shape
                assert (gradient[~full.masks[name][layer]] == 0).all()
                np.testing.assert_allclose(compacted.gradients[name][layer], gradient, rtol=0, atol=1e-6)
        assert any(gradient.any() for gradient in full.gradients[ACTOR])

    @pytest.mark.parametrize(("maximum", "rounds"), [(np.inf, [2, 0, 2, 1]), (4.0, [2, 0, 2, 1])])
    def test_they_are_of_the_pruned_checkpoint_also_of_members_that_stopped(
        self, maximum: float, rounds: list[float], by_gradient: str
    ) -> None:
        script = ((1, 3, 4, 0), (4, 0, 0, 0), (0, 1, 2, 1), (3, 4, 0, 0))
        e = Experiment(
            Pay(0.0, maximum),
            ScriptedWithGradients(script),
            Network(hidden=()),
            Pruning(criterion=by_gradient),
            Evaluation(per_training=4, episodes=3, scored_episodes=6),
        )
        level = run_level(Cell(e, DENSE, (10, 11, 12, 13)), 0, None)
        assert rounds_of(level) == rounds
        assert [float(gradient.flat[0]) for gradient in level.gradients[ACTOR][0]] == pytest.approx(
            [number / 10 for number in rounds]
        )

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_without_a_criterion_that_asks_none_are_kept_and_asking_changes_no_training(
        self, learner: str, by_gradient: str
    ) -> None:
        plain = _dense(learner, "actor")
        asked = run_level(Cell(experiment_of(learner, criterion=by_gradient), DENSE, SEEDS), 0, None)
        assert plain.gradients == {}
        assert set(asked.gradients) == set(plain.trained)
        for name in plain.trained:
            assert_networks_equal(asked.trained[name], plain.trained[name])
        np.testing.assert_array_equal(asked.scores, plain.scores)

    def test_what_stays_is_what_the_criterion_ranks_highest(self, by_gradient: str) -> None:
        cell = Cell(experiment_of("bc", criterion=by_gradient), TICKET, SEEDS)
        dense = run_level(dataclasses.replace(cell, condition=DENSE), 0, None)
        rows = zip(dense.trained[ACTOR].weights, dense.gradients[ACTOR], prune(cell, 1, dense)[ACTOR], strict=True)
        layers = [(abs(weight * gradient), mask) for weight, gradient, mask in rows]
        for member in range(len(SEEDS)):
            kept = np.concatenate([rank[member][mask[member]] for rank, mask in layers])
            gone = np.concatenate([rank[member][~mask[member]] for rank, mask in layers])
            assert kept.min() >= gone.max()

    def test_a_learner_without_gradients_is_refused_before_training(self, by_gradient: str) -> None:
        e = Experiment(Pay(), Scripted(((0, 0),)), Network(hidden=()), Pruning(criterion=by_gradient))
        with pytest.raises(ValueError, match="asks for gradients, which learner scripted does not offer"):
            check(e)
        check(dataclasses.replace(e, learner=ScriptedWithGradients(((0, 0),))))
        check(dataclasses.replace(e, pruning=Pruning(criterion="random")))


class TestCheck:
    @pytest.mark.parametrize(
        ("part", "changes", "words"),
        [
            ("network", {"hidden": (8, 0)}, "at least one unit"),
            ("network", {"activation": "gelu"}, "relu, tanh"),
            ("network", {"initialiser": "nothing"}, "unknown initialiser 'nothing': it is one of kaiming, he, xavier"),
            ("network", {"input_divisor": 0.0}, "above 0"),
            ("pruning", {"rate": 1.0}, "between 0 and 1"),
            ("pruning", {"levels": 0}, "at least one level"),
            (
                "pruning",
                {"criterion": "nothing"},
                "unknown criterion 'nothing': it is one of magnitude, random, small",
            ),
            ("evaluation", {"episodes": 0}, "at least one evaluation"),
        ],
    )
    def test_what_can_not_work_is_one_line(self, part: str, changes: dict[str, Any], words: str) -> None:
        e = experiment_of("bc")
        check(e)
        with pytest.raises(ValueError, match=words) as caught:
            check(dataclasses.replace(e, **{part: dataclasses.replace(getattr(e, part), **changes)}))
        assert "\n" not in str(caught.value)
