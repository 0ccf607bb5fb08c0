"""Negative controls: each breaks its ingredient and nothing else."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from harness.controls import CONTROLS, broken_by, control_of
from harness.evidence.fingerprint import engine_fingerprint, engine_parts
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.profiles.profile import PROFILES, Profile, System
from harness.pruning.check import check
from harness.pruning.conditions import CONDITIONS, DENSE, SHUFFLED, TICKET, rule_of
from harness.pruning.imp import run_level, start_level
from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks
from harness.pruning.pruning_settings import Pruning
from harness.registry import UnknownNameError
from harness.tasks.cart_pole import CartPole

SEEDS = (2, 5, 9, 14)
LEARNERS = {
    "ppo": PPO(learning_rate=0.01, env_steps=192, envs=4, rollout=16, minibatches=2, epochs=2),
    "bc": BC(learning_rate=0.01, env_steps=64, envs=4, batch=16, passes=2),
}
TINY = Profile(
    "tiny",
    "for tests",
    len(SEEDS),
    {
        ("cart-pole", name): Experiment(
            CartPole(horizon=50),
            learner,
            Network(hidden=(8, 6)),
            Pruning(rate=0.5, levels=2),
            Evaluation(per_training=2, episodes=2, scored_episodes=3),
        )
        for name, learner in LEARNERS.items()
    },
)
NONE = "nothing"
"""The control that breaks nothing."""


def experiment(learner: str = "bc", control: str = "") -> Experiment:
    profile = broken_by(control, TINY) if control else TINY
    return profile.experiment(System("cart-pole", learner))


def chain(condition: str, learner: str = "bc", control: str = "") -> list[Level]:
    e = experiment(learner, control)
    levels = [run_level(Cell(e, DENSE, SEEDS), 0, None, control=control_of(e))]
    for level in (1, 2):
        levels.append(run_level(Cell(e, condition, SEEDS), level, levels[-1], control=control_of(e)))
    return levels


def first_start(condition: str, control: str = "", learner: str = "bc") -> Any:
    """The actor's weights and masks at level 1, from the level 0 of the real experiment."""
    dense = run_level(Cell(experiment(learner), DENSE, SEEDS), 0, None)
    e = experiment(learner, control)
    networks, masks = start_level(Cell(e, condition, SEEDS), 1, dense, control=control_of(e))
    return networks[ACTOR].weights, masks[ACTOR].weights


def first_weights() -> Any:
    return initial_networks(experiment(), SEEDS)[ACTOR].weights


def flat(layers: list[np.ndarray]) -> np.ndarray:
    """[members, weights]"""
    return np.concatenate([layer.reshape(len(layer), -1) for layer in layers], axis=1)


class TestWhatEachBreaks:
    @pytest.mark.parametrize(
        ("control", "field", "values", "hits"),
        [
            ("larger-shuffled", "network.hidden", ("64-64", "128-128"), "128-128"),
            ("smallest-shuffled", "network.hidden", ("64-64", "128-128"), "64-64"),
            ("start-shuffled", "pruning.rewind", ("0", "0.08"), "0"),
        ],
    )
    def test_some_tickets_are_shuffled_and_nothing_else(
        self, control: str, field: str, values: tuple[str, ...], hits: str
    ) -> None:
        profile = broken_by(control, PROFILES["reduced"])
        for value in values:
            e = profile.experiment(System("cart-pole", "ppo", (f"{field}={value}",)))
            for condition in CONDITIONS:
                expected = SHUFFLED if condition == TICKET and value == hits else condition
                assert control_of(e).rule(Cell(e, condition, SEEDS)) == rule_of(expected)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_the_idle_one_breaks_nothing(self, learner: str) -> None:
        for real, idle in zip(chain(TICKET, learner), chain(TICKET, learner, NONE), strict=True):
            np.testing.assert_array_equal(real.scores, idle.scores)
            np.testing.assert_array_equal(real.trained[ACTOR].flat, idle.trained[ACTOR].flat)

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_unmasked_trains_all_weights_from_w0_and_prunes_as_ever(self, condition: str) -> None:
        e = experiment(control="unmasked")
        cell, dense = Cell(e, condition, SEEDS), run_level(Cell(experiment(), DENSE, SEEDS), 0, None)
        networks, masks = start_level(cell, 1, dense, control=control_of(e))
        begun, everywhere = control_of(e).before_training(cell, networks, masks)
        assert flat(everywhere[ACTOR].weights).all()
        mask, w0 = flat(masks[ACTOR].weights), flat(first_weights())
        expected = np.where(mask, flat(networks[ACTOR].weights), w0)
        np.testing.assert_array_equal(flat(begun[ACTOR].weights), expected)
        levels = chain(condition, control="unmasked")
        for level, real in zip(levels, chain(condition), strict=True):
            assert flat(level.masks[ACTOR].weights).sum() == flat(real.masks[ACTOR].weights).sum()
            assert not flat(level.trained[ACTOR].weights)[~flat(level.masks[ACTOR].weights)].any()

    def test_a_random_mask_has_as_many_weights_with_their_initial_values(self) -> None:
        weights, masks = map(flat, first_start(TICKET, "random-mask"))
        kept = flat(first_start(TICKET)[1])
        np.testing.assert_array_equal(masks.sum(axis=1), kept.sum(axis=1))
        assert (masks != kept).any(axis=1).all()
        np.testing.assert_array_equal(weights, np.where(masks, flat(first_weights()), 0))

    def test_redrawn_weights_stand_under_the_same_mask(self) -> None:
        (weights, masks), (real, kept) = (map(flat, first_start(TICKET, name)) for name in ("redrawn-weights", ""))
        np.testing.assert_array_equal(masks, kept)
        assert not weights[~masks].any()
        assert not np.isin(weights[masks], real[masks]).any()

    def test_the_largest_go(self) -> None:
        dense = run_level(Cell(experiment(), DENSE, SEEDS), 0, None)
        trained, kept = np.abs(flat(dense.trained[ACTOR].weights)), flat(first_start(TICKET, "largest-pruned")[1])
        for values, stays in zip(trained, kept, strict=True):
            assert values[stays].max() <= values[~stays].min()

    def test_shuffled_layers_keep_the_count_and_the_values_but_no_layers(self) -> None:
        (weights, masks), (real, kept) = (first_start(SHUFFLED, name) for name in ("shuffled-layers", ""))
        counts = [np.stack([mask.sum(axis=(1, 2)) for mask in each]) for each in (masks, kept)]
        np.testing.assert_array_equal(counts[0].sum(axis=0), counts[1].sum(axis=0))
        assert (counts[0] != counts[1]).any()
        np.testing.assert_array_equal(np.sort(flat(weights)), np.sort(flat(real)))

    def test_a_random_expert_teaches_chance(self) -> None:
        networks = initial_networks(experiment(), SEEDS)
        students: list[Any] = [
            experiment(control=name).learner.start(CartPole(), networks, {}, SEEDS, 0) for name in ("random-expert", "")
        ]
        assert [(each.targets == 0.5).all() for each in students] == [True, False]
        assert experiment("ppo", "random-expert").learner == experiment("ppo").learner  # it has no expert

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_without_learning_no_weight_moves(self, learner: str) -> None:
        w0 = initial_networks(experiment(learner), SEEDS)
        for name, mlp in chain(TICKET, learner, "no-learning")[0].trained.items():
            np.testing.assert_array_equal(mlp.flat, w0[name].flat)

    def test_exchanged_returns_are_a_seeds_own_in_another_order(self) -> None:
        seeds, rng = tuple(range(50)), np.random.default_rng(0)
        real = {condition: rng.normal(size=(50, 4)) for condition in CONDITIONS}
        dealt, again = (CONTROLS["exchanged-returns"].returns(real, seeds) for _ in range(2))
        assert list(dealt) == list(real)
        before, after = (np.stack(list(each.values()), axis=1) for each in (real, dealt))  # [seeds, conditions, levels]
        for seed in seeds:
            assert sorted(map(tuple, before[seed])) == sorted(map(tuple, after[seed]))
        assert (before == after).all(axis=2).mean(axis=0).max() < 0.5  # a quarter stays by chance
        assert all(np.array_equal(dealt[name], again[name]) for name in CONDITIONS)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_permuted_inputs_are_the_same_training_under_other_names(self, learner: str) -> None:
        cell = Cell(experiment(learner, "permuted-inputs"), DENSE, SEEDS)
        control = control_of(cell.experiment)
        networks, masks = start_level(cell, 0, None, None)
        dealt, _ = control.before_training(cell, networks, masks)
        assert not np.array_equal(dealt[ACTOR].weights[0], networks[ACTOR].weights[0])
        for name in networks:
            np.testing.assert_array_equal(flat(dealt[name].weights[1:]), flat(networks[name].weights[1:]))
            back = control.after_training(cell, {name: dealt[name].params}, masks)[name]
            np.testing.assert_array_equal(back.flat, networks[name].flat)
        for level in chain(TICKET, learner, "permuted-inputs"):
            assert not flat(level.trained[ACTOR].weights)[~flat(level.masks[ACTOR].weights)].any()

    def test_one_initialiser_stands_under_every_name(self) -> None:
        broken = broken_by("one-initialiser", PROFILES["smoke"])
        named = [(), ("network.initialiser=xavier",), ("network.input_divisor=10",), ("network.input_divisor=100",)]
        assert len({broken.cells(System("cart-pole", "ppo", fields), TICKET, 0)[0].id for fields in named}) == 1

    def test_one_that_changes_no_run_is_refused(self) -> None:
        broken_by("random-expert", TINY).refuse_idle([System("cart-pole", "bc"), System("cart-pole", "ppo")])
        with pytest.raises(ValueError, match=r"random-expert.*learner\.taught_by"):
            broken_by("random-expert", TINY).refuse_idle([System("cart-pole", "ppo")])


class TestKeptApart:
    @pytest.mark.parametrize("name", list(CONTROLS))
    def test_a_broken_cell_has_an_id_of_its_own(self, name: str) -> None:
        real, broken = PROFILES["smoke"], broken_by(name, PROFILES["smoke"])
        for system in (System("cart-pole", learner) for learner in ("bc", "ppo")):
            check(broken.experiment(system))
            for condition in (DENSE, *CONDITIONS):
                ids = {profile.cells(system, condition, 0)[0].id for profile in (real, broken)}
                assert len(ids) == 2

    def test_real_evidence_knows_no_control_and_a_broken_cells_fingerprint_has_its_own(self) -> None:
        real, broken = (engine_parts(Cell(experiment(control=name), TICKET, SEEDS)) for name in ("", "unmasked"))
        assert "harness.controls.broken" in set(broken["modules"]) - set(real["modules"])
        assert engine_fingerprint(real) != engine_fingerprint(broken)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(UnknownNameError, match=r"mine.*unmasked"):
            control_of(dataclasses.replace(experiment(), control="mine"))
