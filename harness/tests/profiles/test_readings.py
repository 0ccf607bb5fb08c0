"""The readings that the paper leaves open: each of them reaches what it names, and nothing that a claim sets itself."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import CRITIC, PPO
from harness.learners.protocol import ACTOR
from harness.learners.training import Evaluation
from harness.networks.mlp import Mlp, Network
from harness.profiles.profile import PROFILES, Profile, System
from harness.profiles.readings import READINGS, OtherReading
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.prunable import densities, prunable_weights
from harness.pruning.pruning_settings import Pruning
from harness.streams import stream, streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import Acting, rollout_returns

SEEDS = (3, 8, 11)
SAMPLED = Acting(softmax=True)
SYSTEMS = [System("cart-pole", learner) for learner in ("bc", "ppo")]


def profile_with(*readings: str, name: str = "smoke") -> Profile:
    return dataclasses.replace(PROFILES[name], overrides=tuple(READINGS[reading].override for reading in readings))


def moved_by(reading: OtherReading) -> set[tuple[str, str]]:
    """The learners and conditions whose cells the reading makes others."""
    plain, read = PROFILES["smoke"], profile_with(reading.name)
    return {
        (system.learner, condition)
        for system in SYSTEMS
        for condition in (DENSE, *CONDITIONS)
        if plain.cells(system, condition, 0)[0].id != read.cells(system, condition, 0)[0].id
    }


ALL = {(learner, condition) for learner in ("bc", "ppo") for condition in (DENSE, *CONDITIONS)}
PRUNED = {(learner, condition) for learner, condition in ALL if condition != DENSE}
OF_BC = {(learner, condition) for learner, condition in ALL if learner == "bc"}
MOVES = {
    "lineage": {(learner, condition) for learner, condition in PRUNED if condition != TICKET},
    "shuffle": {(learner, "permuted/permuted") for learner in ("bc", "ppo")},
    "checkpoint": ALL,
    "judged": set(),
    "outputs": PRUNED,
    "scope": PRUNED,
    "horizon": ALL,
    "budgets": OF_BC,
    "activation": ALL,
    "evaluation": ALL,
    "decay": ALL,
    "experts": OF_BC,
}


class TestReadings:
    @pytest.mark.parametrize("reading", READINGS.values(), ids=str)
    def test_it_makes_other_cells_of_just_what_it_is_about(self, reading: OtherReading) -> None:
        assert moved_by(reading) == MOVES[reading.name]


SMALL = Experiment(
    CartPole(horizon=40),
    PPO(learning_rate=0.01, env_steps=192, envs=4, rollout=16, minibatches=2, epochs=2),
    Network(hidden=(6, 5)),
    Pruning(rate=0.5, levels=2),
    Evaluation(per_training=2, episodes=2, scored_episodes=3),
)


def small(learner: str = "ppo", **pruning: object) -> Experiment:
    changed = dataclasses.replace(SMALL, pruning=dataclasses.replace(SMALL.pruning, **pruning))
    if learner == "bc":
        changed = dataclasses.replace(changed, learner=BC(env_steps=64, envs=4, batch=16, passes=2))
    return changed


def starts(e: Experiment, condition: str) -> Iterator[tuple[dict[str, Mlp], dict[str, list[np.ndarray]]]]:
    """What levels 1 and 2 of a condition start from."""
    previous = run_level(Cell(e, DENSE, SEEDS), 0, None)
    for level in (1, 2):
        cell = Cell(e, condition, SEEDS)
        yield start_level(cell, level, previous, None)
        previous = run_level(cell, level, previous)


class TestKeptOutputLayers:
    @pytest.mark.parametrize("scope", ["actor", "actor+critic"])
    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_all_their_weights_stay_and_the_others_are_counted_exactly(self, condition: str, scope: str) -> None:
        e = small(outputs=False, scope=scope)
        names = (ACTOR, CRITIC) if scope == "actor+critic" else (ACTOR,)
        total = len(names) * (4 * 6 + 6 * 5)
        assert prunable_weights(e) == total
        assert densities(e).tolist() == [1.0, 0.5, round(total * 0.25) / total]
        for level, (networks, masks) in enumerate(starts(e, condition), start=1):
            assert set(masks) == set(names)
            assert all(masks[name][-1].all() for name in names)
            inner = np.sum([mask.sum(axis=(1, 2)) for name in names for mask in masks[name][:-1]], axis=0)
            assert inner.tolist() == [round(total * 0.5**level)] * len(SEEDS)
            for name in names:
                for weight, mask in zip(networks[name].weights, masks[name], strict=True):
                    assert (weight[~mask] == 0).all()

    def test_their_weights_are_what_the_condition_says_of_weights(self) -> None:
        e = small(outputs=False)
        w0 = next(starts(e, TICKET))[0][ACTOR].weights[-1]
        dealt = next(starts(e, "mask/permuted"))[0][ACTOR].weights[-1]
        redrawn = next(starts(e, "random/re-init"))[0][ACTOR].weights[-1]
        for member in range(len(SEEDS)):
            assert sorted(dealt[member].ravel()) == sorted(w0[member].ravel())
        assert not np.array_equal(dealt, w0)
        assert not np.isin(redrawn, w0).any()


class TestSampledEvaluation:
    TASK = CartPole(horizon=60)

    def untrained(self, members: int) -> Mlp:
        """Networks that hold every action as probable."""
        rng = np.random.default_rng(0)
        weights = [rng.normal(size=(members, 4, 3)), np.zeros((members, 3, 2))]
        return Mlp.of(weights, [np.zeros((members, 1, 3)), np.zeros((members, 1, 2))], "relu")

    def test_a_policy_without_preference_acts_by_chance_and_greedily_does_not(self) -> None:
        episodes = stream(0, "starts")
        begins = self.TASK.draw_starts(episodes, (1, 400))
        greedy = rollout_returns(self.TASK, self.untrained(1), begins)
        sampled = rollout_returns(self.TASK, self.untrained(1), begins, SAMPLED, [stream(0, "actions")])
        assert greedy.mean() < 11  # one action for ever: the pole falls in about nine steps
        assert 18 < sampled.mean() < 27  # the random policy's 22, by gymnasium's documentation and our references

    def test_a_member_draws_the_same_alone_as_in_company(self) -> None:
        begins = np.stack([self.TASK.draw_starts(rng, (5,)) for rng in streams(SEEDS, "starts")])
        whole = rollout_returns(self.TASK, self.untrained(3), begins, SAMPLED, streams(SEEDS, "actions"))
        last = self.untrained(3).take(np.array([2]))
        alone = rollout_returns(self.TASK, last, begins[2:], SAMPLED, streams(SEEDS[2:], "actions"))
        np.testing.assert_array_equal(whole[2:], alone)

    @pytest.mark.parametrize("learner", ["bc", "ppo"])
    def test_a_chain_under_it_starts_and_trains_as_a_greedy_one(self, learner: str) -> None:
        """Only what is measured differs, on the same starts: a last checkpoint is the same networks."""
        greedy = small(learner, checkpoint="last")
        sampled = dataclasses.replace(greedy, evaluation=dataclasses.replace(greedy.evaluation, actions="sampled"))
        levels = [run_level(Cell(e, DENSE, SEEDS), 0, None) for e in (greedy, sampled)]
        np.testing.assert_array_equal(levels[0].trained[ACTOR].flat, levels[1].trained[ACTOR].flat)
        assert not np.array_equal(levels[0].scores, levels[1].scores)
