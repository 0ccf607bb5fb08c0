"""Dropout, weight decay and sizes of networks as a claim sets them: each acts on every learner, and is told apart."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.evidence.level_file import from_bytes, to_bytes
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.dqn import DQN
from harness.learners.expert_files import read_experts
from harness.learners.ppo import PPO
from harness.learners.protocol import ACTOR, Learner
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.overrides import Override
from harness.profiles.profile import PROFILES, System
from harness.pruning.check import check
from harness.pruning.conditions import DENSE, TICKET
from harness.pruning.imp import run_level
from harness.pruning.layout import initial_networks, layer_sizes
from harness.pruning.savings import Savings
from harness.pruning.settings import Pruning
from harness.tasks.cart_pole import CartPole
from harness.tests.pruning.test_imp import Pay, Scripted

LEARNERS: dict[str, Learner] = {
    "ppo": PPO(learning_rate=0.005, env_steps=2_048, envs=8, rollout=32),
    "bc": BC(learning_rate=0.005, env_steps=512, envs=4, passes=8),
    "dqn": DQN(learning_rate=0.005, env_steps=512, batch=32, learning_starts=64, target_interval=5),
}
SEEDS = (5, 0, 41)
learners = pytest.mark.parametrize("learner", LEARNERS)


def experiment_of(learner: str, dropout: float = 0.0, **settings: Any) -> Experiment:
    return Experiment(
        CartPole(horizon=50),
        dataclasses.replace(LEARNERS[learner], **settings),  # type: ignore[type-var]
        Network(hidden=(16, 16), dropout=dropout),
        Pruning(rate=0.5, levels=1, checkpoint="last"),
        Evaluation(per_training=2, episodes=2, scored_episodes=4),
        Savings(stop_at_maximum=False),
    )


def population_of(learner: str, dropout: float, seeds: Sequence[int]) -> Any:
    """About to train, in double precision."""
    e = experiment_of(learner, dropout)
    networks = {name: mlp.each(np.float64) for name, mlp in initial_networks(e, seeds).items()}
    return e.learner.start(e.task, networks, {}, seeds, 1)


class TestDropout:
    @learners
    def test_it_changes_what_is_learned_but_not_what_is_begun_with(self, learner: str) -> None:
        plain, thinned = (initial_networks(experiment_of(learner, share), SEEDS) for share in (0.0, 0.3))
        levels = [run_level(Cell(experiment_of(learner, share), DENSE, SEEDS), 0, None) for share in (0.0, 0.3)]
        for name in plain:
            np.testing.assert_array_equal(plain[name].flat, thinned[name].flat)
            assert (levels[0].trained[name].flat != levels[1].trained[name].flat).any(axis=1).all()

    @learners
    def test_a_member_draws_the_same_alone_among_others_and_when_others_are_gone(self, learner: str) -> None:
        together = population_of(learner, 0.3, (7, 5, 0, 41))
        alone, kept = population_of(learner, 0.3, (0,)), population_of(learner, 0.3, (7, 5, 0, 41))
        for turn in range(3):
            for population in (together, alone, kept):
                population.advance()
            if turn == 0:
                kept.keep(np.array([3, 2]))
        for name, mlp in together.networks.items():
            expected = mlp.copy().flat[2]
            np.testing.assert_allclose(alone.networks[name].copy().flat[0], expected, rtol=0, atol=1e-10)
            np.testing.assert_allclose(kept.networks[name].copy().flat[1], expected, rtol=0, atol=1e-10)

    def test_whole_networks_play_and_value_and_only_losses_are_thinned(self) -> None:
        """The first rollout, its values included, is the same to the bit; what is learned of it is not."""
        populations = [population_of("ppo", share, SEEDS) for share in (0.0, 0.3)]
        for population in populations:
            population.advance()
        plain, thinned = (population.learned_from[0] for population in populations)
        for name in plain._fields:
            np.testing.assert_array_equal(getattr(plain, name), getattr(thinned, name))
        assert (populations[0].actor.flat != populations[1].actor.flat).any(axis=1).all()

    def test_an_expert_teaches_as_a_whole(self) -> None:
        plain, thinned = (population_of("bc", share, SEEDS) for share in (0.0, 0.3))
        assert (plain.policies == thinned.policies).all()
        assert (plain.observations == thinned.observations).all()
        assert read_experts("cart-pole", [0], 4, 2).dropout == 0

    @learners
    def test_gradients_for_a_criterion_are_of_whole_networks(self, learner: str) -> None:
        population = population_of(learner, 0.3, SEEDS)
        population.advance()
        found = population.gradients()
        for mlp in population.networks.values():
            mlp.dropout = 0.0
        for name, gradient in population.gradients().items():
            np.testing.assert_array_equal(found[name].flat, gradient.flat)

    @learners
    def test_the_same_cell_twice_gives_the_same_bits(self, learner: str) -> None:
        cell = Cell(experiment_of(learner, 0.3), DENSE, SEEDS)
        assert to_bytes(run_level(cell, 0, None)) == to_bytes(run_level(cell, 0, None))

    @learners
    def test_a_level_that_was_stored_trains_on_under_dropout(self, learner: str) -> None:
        """A stored network knows nothing of it: the settings do, also where weights are rewound to stored ones."""
        e = experiment_of(learner, 0.3)
        e = dataclasses.replace(e, pruning=dataclasses.replace(e.pruning, rewind=0.5))
        dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
        stored = from_bytes(to_bytes(dense))
        assert stored.rewound[ACTOR].dropout == 0
        fresh, resumed = (run_level(Cell(e, TICKET, SEEDS), 1, level, None, level) for level in (dense, stored))
        assert to_bytes(fresh) == to_bytes(resumed)

    @pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
    def test_a_share_that_is_none_is_one_line(self, share: float) -> None:
        check(experiment_of("ppo", 0.99))
        with pytest.raises(ValueError, match=r"^dropout is a share from 0 to below 1, not") as told:
            check(experiment_of("ppo", share))
        assert "\n" not in str(told.value)

    def test_a_learner_that_does_not_offer_it_is_refused_before_training(self) -> None:
        e = Experiment(Pay(), Scripted(((0, 0),)), Network(hidden=(4,), dropout=0.1))
        with pytest.raises(ValueError, match=r"^dropout 0\.1 is asked for, which learner scripted does not offer: see"):
            check(e)
        check(dataclasses.replace(e, network=Network(hidden=(4,))))


class TestWeightDecay:
    @learners
    @pytest.mark.parametrize("decay", ["coupled", "decoupled"])
    @pytest.mark.parametrize("condition", [DENSE, TICKET])
    def test_it_acts_on_every_learner(self, learner: str, decay: str, condition: str) -> None:
        """Weights end smaller in norm, of each seed and network; what is pruned stays zero."""
        norms = []
        for strength in (0.0, 0.3):
            e = experiment_of(learner, weight_decay=strength, decay=decay)
            dense = run_level(Cell(e, DENSE, SEEDS), 0, None)
            level = dense if condition == DENSE else run_level(Cell(e, TICKET, SEEDS), 1, dense)
            norms.append(np.stack([np.linalg.norm(mlp.flat, axis=1) for mlp in level.trained.values()]))
            for weight, mask in zip(level.trained[ACTOR].weights, level.masks[ACTOR], strict=True):
                assert (weight[~mask] == 0).all()
        assert (norms[1] < norms[0]).all()

    @learners
    def test_a_claim_and_an_option_set_it_alike(self, learner: str) -> None:
        system = System("cart-pole", learner)
        scaled = PROFILES["scaled"]
        changed = dataclasses.replace(scaled, overrides=(Override.parse("learner.weight_decay=0.1"),))
        changed.refuse_idle([system])
        by_claim = scaled.experiment(dataclasses.replace(system, overrides=("learner.weight_decay=0.1",)))
        assert changed.experiment(system) == by_claim
        assert by_claim.learner.weight_decay == 0.1
        assert Cell(by_claim, DENSE, SEEDS).id != Cell(scaled.experiment(system), DENSE, SEEDS).id


class TestSizes:
    @learners
    def test_a_claim_and_an_option_set_them_alike(self, learner: str) -> None:
        system, scaled = System("cart-pole", learner), PROFILES["scaled"]
        changed = dataclasses.replace(scaled, overrides=(Override.parse("network.hidden=128-32"),))
        changed.refuse_idle([system])
        by_claim = scaled.experiment(dataclasses.replace(system, overrides=("network.hidden=128-32",)))
        assert changed.experiment(system) == by_claim
        assert layer_sizes(by_claim)[ACTOR] == (4, 128, 32, 2)

    @learners
    def test_each_has_a_name_and_cells_of_its_own(self, learner: str) -> None:
        sizes = [(), *((f"network.hidden={size}",) for size in ("32-32", "64-32", "128-128", "64", "6432"))]
        systems = [System("cart-pole", learner, hidden) for hidden in sizes]
        assert len({str(system) for system in systems}) == len(sizes)
        cells = [PROFILES["scaled"].cells(system, TICKET, 0)[0] for system in systems]
        assert len({cell.id for cell in cells}) == len({cell.parents[0].id for cell in cells}) == len(sizes)

    @pytest.mark.parametrize("hidden", [(0,), (64, -1), (8.5,), ("64",), (True,), (float("nan"),)])
    def test_what_is_no_number_of_units_is_one_line(self, hidden: Any) -> None:
        e = dataclasses.replace(experiment_of("bc"), network=Network(hidden=hidden))
        with pytest.raises(ValueError, match=r"^a network has layers of at least one unit, whole ones, not") as told:
            check(e)
        assert "\n" not in str(told.value)

    @pytest.mark.parametrize("text", ["64-", "-64", "64--64", "64-0", "64.5", "64x64", "wide"])
    def test_an_option_that_says_none_is_one_line(self, text: str) -> None:
        changed = dataclasses.replace(PROFILES["scaled"], overrides=(Override.parse(f"network.hidden={text}"),))
        with pytest.raises(
            ValueError, match=r"is not possible: it is a whole number from 1 on, or several of them, as in 64-64$"
        ):
            changed.experiment(System("cart-pole", "ppo"))
