"""The readings that the paper leaves open: each of them reaches what it names, and nothing that a claim sets itself."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from harness.networks.mlp import Mlp
from harness.profiles.profile import PROFILES, Profile, System
from harness.profiles.readings import READINGS, OtherReading
from harness.pruning.conditions import CONDITIONS, DENSE, TICKET
from harness.streams import stream, streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import Acting, rollout_returns

SEEDS = (3, 8, 11)
SAMPLED = Acting(sampled=True)
SYSTEMS = [System("cart-pole", learner) for learner in ("bc", "ppo")]


def profile_with(*readings: str, name: str = "smoke") -> Profile:
    return dataclasses.replace(
        PROFILES[name], overrides=tuple(o for reading in readings for o in READINGS[reading].overrides)
    )


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
    "last-step": set(),
    "budgets": OF_BC,
    "activation": ALL,
    "evaluation": ALL,
    "decay": ALL,
    "experts": OF_BC,
    "ppo": ALL - OF_BC,
}


class TestReadings:
    @pytest.mark.parametrize("reading", READINGS.values(), ids=str)
    def test_it_makes_other_cells_of_just_what_it_is_about(self, reading: OtherReading) -> None:
        assert moved_by(reading) == MOVES[reading.name]

    @pytest.mark.parametrize("task", ["gridmaze", "gridmaze-2"])
    def test_the_last_env_step_terminates_on_every_layout(self, task: str) -> None:
        read, system = profile_with("last-step"), System(task, "dqn")
        expected = dataclasses.replace(PROFILES["smoke"].experiment(system).task, at_horizon="termination")  # type: ignore[type-var]
        assert read.experiment(system).task == expected

    def test_rlpyts_ppo_is_all_that_rlpyt_does_otherwise_and_leaves_other_learners_alone(self) -> None:
        """Its numbers are rlpyt's own: `clip_grad_norm=1.`, torch's Adam, `0.5 * (value - return_) ** 2`, no
        `normalize_advantage`, `linear_lr_schedule=True`, which lowers the clipping as well."""
        read, plain = profile_with("ppo", name="scaled"), PROFILES["scaled"]
        for system in (System(task, learner) for task, learner in plain.systems):
            before, after = plain.experiment(system), read.experiment(system)
            rlpyt = {
                "learning_rate_schedule": "linear",
                "clip_schedule": "linear",
                "max_gradient_norm": 1.0,
                "epsilon": 1e-8,
                "value_error": "half-squared",
                "standardise_advantages": False,
            }
            changes = rlpyt if system.learner == "ppo" else {}
            learner: Any = before.learner
            assert after == dataclasses.replace(before, learner=dataclasses.replace(learner, **changes))


class TestSampledEvaluation:
    TASK = CartPole(horizon=60)

    def untrained(self, members: int) -> Mlp:
        """Networks that hold every action as probable."""
        rng = np.random.default_rng(0)
        weights = [rng.normal(size=(members, 4, 3)), np.zeros((members, 3, 2))]
        return Mlp.stacked(weights, [np.zeros((members, 3)), np.zeros((members, 2))], "relu")

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
