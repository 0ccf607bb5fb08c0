"""Negative controls: each breaks its ingredient and nothing else. What they come to is in test_sessions."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.controls import CONTROLS, broken_by, control_of, says
from harness.evidence.fingerprint import engine_fingerprint, engine_parts
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.overrides import Override, apply
from harness.profiles.profile import PROFILES, System
from harness.pruning.check import check
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET, rule_of
from harness.pruning.imp import run_level, start_level
from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks
from harness.pruning.pruning_settings import Pruning
from harness.registry import UnknownNameError
from harness.tasks.cart_pole import CartPole
from harness.trust.negative_controls import IDLE

SEEDS = (2, 5, 9, 14)
LEARNERS = {
    "ppo": PPO(learning_rate=0.01, env_steps=192, envs=4, rollout=16, minibatches=2, epochs=2),
    "bc": BC(learning_rate=0.01, env_steps=64, envs=4, batch=16, passes=2),
}
REAL = [name for name in CONTROLS if name != IDLE]


def broken(control: str, real: Experiment) -> Experiment:
    overrides = map(Override.parse, CONTROLS[control].overrides)
    return dataclasses.replace(apply(overrides, real), control=control)


def experiment(learner: str = "bc", control: str = "") -> Experiment:
    real = Experiment(
        CartPole(horizon=50),
        LEARNERS[learner],
        Network(hidden=(8, 6)),
        Pruning(rate=0.5, levels=2),
        Evaluation(per_training=2, episodes=2, scored_episodes=3),
    )
    return broken(control, real) if control else real


def chain(condition: str, learner: str = "bc", control: str = "") -> list[Level]:
    e = experiment(learner, control)
    levels = [run_level(Cell(e, DENSE, SEEDS), 0, None, control=control_of(e))]
    for level in (1, 2):
        levels.append(run_level(Cell(e, condition, SEEDS), level, levels[-1], control=control_of(e)))
    return levels


def first_start(condition: str, control: str = "", learner: str = "bc") -> Any:
    """Networks and masks of level 1, from the level 0 of the real experiment."""
    dense = run_level(Cell(experiment(learner), DENSE, SEEDS), 0, None)
    e = experiment(learner, control)
    return start_level(Cell(e, condition, SEEDS), 1, dense, control=control_of(e))


def same(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class TestWhatEachBreaks:
    @pytest.mark.parametrize(("control", "shuffled"), [("larger-shuffled", 128), ("smallest-shuffled", 64)])
    def test_tickets_of_one_size_are_shuffled_and_those_of_the_other_are_not(self, control: str, shuffled: int) -> None:
        profile = broken_by(control, PROFILES["reduced"])
        for units in (64, 128):
            system = System("cart-pole", "ppo", (f"network.hidden={units}-{units}",))
            rules = {c: control_of(e).rule(Cell(e, c, SEEDS)) for e in [profile.experiment(system)] for c in CONDITIONS}
            as_ever = {condition: rule_of(condition) for condition in CONDITIONS}
            assert rules == as_ever | ({TICKET: rule_of("permuted/permuted")} if units == shuffled else {})

    def test_a_ticket_rewound_to_the_start_is_shuffled_and_one_rewound_later_is_not(self) -> None:
        profile = broken_by("start-shuffled", PROFILES["reduced"])
        for share in (0.0, 0.08):
            e = profile.experiment(System("cart-pole", "ppo", (f"pruning.rewind={share}",)))
            rules = {c: control_of(e).rule(Cell(e, c, SEEDS)) for c in CONDITIONS}
            as_ever = {condition: rule_of(condition) for condition in CONDITIONS}
            assert rules == as_ever | ({} if share else {TICKET: rule_of("permuted/permuted")})

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_the_idle_one_breaks_nothing(self, learner: str) -> None:
        for real, idle in zip(chain(TICKET, learner), chain(TICKET, learner, IDLE), strict=True):
            np.testing.assert_array_equal(real.scores, idle.scores)
            np.testing.assert_array_equal(real.trained[ACTOR].flat, idle.trained[ACTOR].flat)

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_unmasked_trains_all_weights_from_w0_and_prunes_as_ever(self, condition: str) -> None:
        cell = Cell(experiment(control="unmasked"), condition, SEEDS)
        networks, masks = first_start(condition, "unmasked")
        whole, everywhere = control_of(cell.experiment).before_training(cell, networks, masks)
        w0 = initial_networks(cell.experiment, SEEDS)[ACTOR].weights
        for trained, start, mask, ones, first in zip(
            whole[ACTOR].weights, networks[ACTOR].weights, masks[ACTOR], everywhere[ACTOR], w0, strict=True
        ):
            assert ones.all()
            np.testing.assert_array_equal(trained[mask], start[mask])
            np.testing.assert_array_equal(trained[~mask], first[~mask])
        levels = chain(condition, control="unmasked")
        assert [sum(m.sum() for m in level.masks[ACTOR]) for level in levels] == [
            sum(m.sum() for m in level.masks[ACTOR]) for level in chain(condition)
        ]
        assert all(
            (w[~m] == 0).all() for w, m in zip(levels[2].trained[ACTOR].weights, levels[2].masks[ACTOR], strict=True)
        )

    def test_a_random_mask_has_as_many_weights_with_their_initial_values(self) -> None:
        networks, masks = first_start(TICKET, "random-mask")
        kept = first_start(TICKET)[1][ACTOR]
        count = [sum(mask[member].sum() for mask in kept) for member in range(len(SEEDS))]
        assert [sum(mask[member].sum() for mask in masks[ACTOR]) for member in range(len(SEEDS))] == count
        assert not same(masks[ACTOR], kept)
        w0 = initial_networks(experiment(), SEEDS)[ACTOR].weights
        for weight, mask, first in zip(networks[ACTOR].weights, masks[ACTOR], w0, strict=True):
            np.testing.assert_array_equal(weight, np.where(mask, first, 0))

    def test_redrawn_weights_stand_under_the_same_mask(self) -> None:
        networks, masks = first_start(TICKET, "redrawn-weights")
        real, kept = first_start(TICKET)
        assert same(masks[ACTOR], kept[ACTOR])
        for weight, mask, first in zip(networks[ACTOR].weights, masks[ACTOR], real[ACTOR].weights, strict=True):
            assert (weight[~mask] == 0).all()
            assert not np.isin(weight[mask], first[mask]).any()

    def test_the_largest_go(self) -> None:
        dense = run_level(Cell(experiment(), DENSE, SEEDS), 0, None)
        e = experiment(control="largest-pruned")
        _, masks = start_level(Cell(e, TICKET, SEEDS), 1, dense, control=control_of(e))
        flat = [np.abs(np.concatenate([w[m].ravel() for w in dense.trained[ACTOR].weights])) for m in range(len(SEEDS))]
        kept = [np.concatenate([mask[m].ravel() for mask in masks[ACTOR]]) for m in range(len(SEEDS))]
        for values, stays in zip(flat, kept, strict=True):
            assert values[stays].max() <= values[~stays].min()

    def test_shuffled_layers_keep_the_count_and_the_values_but_no_layers(self) -> None:
        networks, masks = first_start("permuted/permuted", "shuffled-layers")
        real, kept = first_start("permuted/permuted")
        moved = False
        for member in range(len(SEEDS)):
            held = [int(mask[member].sum()) for mask in masks[ACTOR]]
            was = [int(mask[member].sum()) for mask in kept[ACTOR]]
            assert sum(held) == sum(was)
            moved |= held != was
            pairs = [(networks, masks), (real, kept)]
            values = [
                np.sort(np.concatenate([w[member][m[member]] for w, m in zip(n[ACTOR].weights, k[ACTOR], strict=True)]))
                for n, k in pairs
            ]
            np.testing.assert_array_equal(*values)
        assert moved

    def test_a_random_expert_teaches_chance(self) -> None:
        population = experiment(control="random-expert").learner.start(
            CartPole(), initial_networks(experiment(), SEEDS), {}, SEEDS, 0
        )
        assert (population.policies == 0.5).all()  # type: ignore[attr-defined]
        real = experiment().learner.start(CartPole(), initial_networks(experiment(), SEEDS), {}, SEEDS, 0)
        assert not (real.policies == 0.5).all()  # type: ignore[attr-defined]
        assert experiment("ppo", "random-expert").learner == experiment("ppo").learner  # it has no expert

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_without_learning_no_weight_moves(self, learner: str) -> None:
        dense = chain(TICKET, learner, "no-learning")[0]
        w0 = initial_networks(experiment(learner), SEEDS)
        for name, mlp in dense.trained.items():
            np.testing.assert_array_equal(mlp.flat, w0[name].flat)

    def test_exchanged_returns_are_a_seeds_own_in_another_order(self) -> None:
        rng = np.random.default_rng(0)
        seeds = tuple(range(50))
        real = {condition: rng.normal(size=(50, 4)) for condition in CONDITIONS}
        dealt = CONTROLS["exchanged-returns"].returns(real, seeds)
        assert list(dealt) == list(real)
        for seed in seeds:
            rows = [sorted(map(tuple, [held[name][seed] for name in CONDITIONS])) for held in (real, dealt)]
            assert rows[0] == rows[1]
        homes = [np.mean([np.array_equal(dealt[name][s], real[name][s]) for s in seeds]) for name in CONDITIONS]
        assert max(homes) < 0.5  # a quarter stays by chance
        again = CONTROLS["exchanged-returns"].returns(real, seeds)
        assert all(np.array_equal(dealt[name], again[name]) for name in CONDITIONS)

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_permuted_inputs_are_the_same_training_under_other_names(self, learner: str) -> None:
        """Of networks whose first rows were dealt beforehand the other way round: to the last bit."""
        cell = Cell(experiment(learner, "permuted-inputs"), DENSE, SEEDS)
        control = control_of(cell.experiment)
        networks, masks = start_level(cell, 0, None, None)
        seen, _ = control.before_training(cell, networks, masks)
        assert not np.array_equal(seen[ACTOR].weights[0], networks[ACTOR].weights[0])
        for name in networks:
            assert same(seen[name].weights[1:], networks[name].weights[1:])
            back = control.after_training(cell, {name: seen[name]}, masks)[name]
            np.testing.assert_array_equal(back.flat, networks[name].flat)
        levels = chain(TICKET, learner, "permuted-inputs")
        for level in levels:
            held = zip(level.trained[ACTOR].weights, level.masks[ACTOR], strict=True)
            assert all((weight[~mask] == 0).all() for weight, mask in held)

    def test_one_initialiser_stands_under_every_name(self) -> None:
        broken = broken_by("one-initialiser", PROFILES["smoke"])
        named = [(), ("network.initialiser=xavier",), ("network.input_divisor=10",), ("network.input_divisor=100",)]
        cells = [broken.cells(System("cart-pole", "ppo", fields), TICKET, 0)[0] for fields in named]
        assert len({cell.id for cell in cells}) == 1


class TestKeptApart:
    @pytest.mark.parametrize("name", list(CONTROLS))
    def test_a_broken_cell_has_an_id_of_its_own(self, name: str) -> None:
        broken = broken_by(name, PROFILES["smoke"])
        for learner in ("bc", "ppo"):
            for condition in (DENSE, *CONDITIONS):
                system = System("cart-pole", learner)
                real = PROFILES["smoke"].cells(system, condition, 0)[0]
                assert broken.cells(system, condition, 0)[0].id != real.id
                check(broken.experiment(system))

    def test_real_evidence_knows_no_control_and_a_broken_cells_fingerprint_has_its_own(self) -> None:
        real, broken = (Cell(experiment(control=name), TICKET, SEEDS) for name in ("", "unmasked"))
        assert "harness.controls.broken" not in engine_parts(real)["modules"]
        assert "harness.controls.broken" in engine_parts(broken)["modules"]
        assert engine_fingerprint(engine_parts(real)) != engine_fingerprint(engine_parts(broken))

    def test_each_says_in_a_line_what_it_breaks(self) -> None:
        assert len({says(name) for name in CONTROLS}) == len(list(CONTROLS))
        assert all(10 < len(says(name)) < 120 and says(name).endswith(".") for name in CONTROLS)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(UnknownNameError, match=r"mine.*unmasked"):
            control_of(dataclasses.replace(experiment(), control="mine"))
