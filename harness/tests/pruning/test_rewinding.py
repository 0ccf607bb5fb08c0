"""Rewinding to a later point of training: what is left to train, what stays as it was, and how it is stored.

What a rewound level starts from is in `test_levels`, and who stops when in `test_checkpoint`.
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.controls import control_of
from harness.evidence.level_file import to_bytes
from harness.experiment import Cell
from harness.learners.protocol import ACTOR
from harness.learners.training import rewind_round
from harness.pruning.conditions import CONDITIONS, DENSE, REDRAWN, TICKET
from harness.pruning.imp import run_level, start_level
from harness.pruning.prunable import initial_networks
from harness.pruning.savings import Savings
from harness.tasks.cart_pole import CartPole
from harness.tests.pruning.cases import (
    LEARNERS,
    POINTS,
    REWIND,
    SEEDS,
    chain,
    experiment_of,
    learners,
    level_0,
    scripted,
    start,
)


class Blind(CartPole):
    zero_inputs: ClassVar[tuple[str, ...]] = ("cart velocity",)


class TestThePoint:
    @learners
    def test_it_is_level_0_after_so_many_rounds(self, learner: str) -> None:
        e = experiment_of(learner, rewind=REWIND)
        networks, masks = start_level(Cell(e, DENSE, SEEDS), 0, None)
        population = LEARNERS[learner].start(e.task, networks, masks, SEEDS, 0)
        assert rewind_round(REWIND, population.rounds) == POINTS[learner]
        population.advance(POINTS[learner])
        for name, mlp in level_0(e).rewound.items():
            np.testing.assert_array_equal(mlp.flat, population.networks[name].flat)
            assert (mlp.flat != networks[name].flat).any(axis=1).all()

    @learners
    def test_what_is_left_out_is_put_back_there_too(self, learner: str) -> None:
        """Inputs that are always zero: their weights count for pruning, and stay those of w0."""
        e = dataclasses.replace(experiment_of(learner, rewind=REWIND), task=Blind(horizon=50))
        place = Blind.observation.inputs.index("cart velocity")
        for name, w0 in initial_networks(e, SEEDS).items():
            mine, first = level_0(e).rewound[name].weights[0], w0.weights[0]
            np.testing.assert_array_equal(mine[:, place], first[:, place])
            assert (np.delete(mine, place, axis=1) != np.delete(first, place, axis=1)).any()

    @learners
    def test_under_the_control_that_permutes_inputs_it_is_kept_in_the_tasks_own_order(self, learner: str) -> None:
        still = dataclasses.replace(LEARNERS[learner], learning_rate=1e-30)  # type: ignore[type-var]
        e = dataclasses.replace(experiment_of(learner, rewind=REWIND), learner=still, control="permuted-inputs")
        dense = run_level(Cell(e, DENSE, SEEDS), 0, None, control=control_of(e))
        for name, w0 in initial_networks(e, SEEDS).items():
            np.testing.assert_array_equal(dense.rewound[name].weights[0], w0.weights[0])


class TestWhatIsLeftToTrain:
    @learners
    def test_a_level_goes_on_from_that_round_with_data_of_its_own(self, learner: str) -> None:
        """Run by hand, with an optimiser that begins anew."""
        e = experiment_of(learner, Savings(leave_out_unreachable=False), rewind=REWIND, checkpoint="last")
        networks, masks = start(e, TICKET, 2)
        population: Any = LEARNERS[learner].start(e.task, networks, masks, SEEDS, 2)
        population.round = POINTS[learner]
        population.advance(population.rounds - population.round)
        np.testing.assert_array_equal(chain(e, TICKET)[2].trained[ACTOR].flat, population.networks[ACTOR].flat)

    def test_schedules_go_on(self) -> None:
        """In the last of 8 rounds a linearly falling rate is an eighth of the first."""
        e = experiment_of("ppo", rewind=7 / 8)
        falling, eighth = (
            dataclasses.replace(e, learner=dataclasses.replace(e.learner, **changes))  # type: ignore[type-var]
            for changes in ({"learning_rate_schedule": "linear"}, {"learning_rate": 0.01 / 8})
        )
        dense = level_0(falling)
        one, other = (run_level(Cell(each, TICKET, SEEDS), 1, dense, None, dense) for each in (falling, eighth))
        np.testing.assert_array_equal(one.trained[ACTOR].flat, other.trained[ACTOR].flat)

    @learners
    @pytest.mark.parametrize(("rewind", "without"), [(REWIND, 1), (0.5, 2)])
    def test_evaluations_up_to_it_are_none_and_the_fraction_is_of_a_whole_training(
        self, learner: str, rewind: float, without: int
    ) -> None:
        """One at the rewind point itself is left out as well: nothing has been learned there yet."""
        e = experiment_of(learner, Savings(stop_at_maximum=False), rewind=rewind)
        for condition in CONDITIONS:
            for number, level in enumerate(chain(e, condition)):
                whole = number == 0 or condition == REDRAWN
                assert np.isnan(level.evaluations).sum(axis=1).tolist() == [0 if whole else without] * len(SEEDS)
                assert np.isfinite(level.evaluations[:, without:]).all()
                assert level.trained_fraction.tolist() == [1.0 if whole else 1 - rewind] * len(SEEDS)

    def test_a_learner_of_ones_own_starts_late_by_setting_its_round(self) -> None:
        e = scripted((0, 1, 2, 3), (3, 4, 1, 2), rewind=0.5, levels=1)
        dense = run_level(Cell(e, DENSE, (0, 1)), 0, None)
        level = run_level(Cell(e, TICKET, (0, 1)), 1, dense, None, dense)
        np.testing.assert_array_equal(level.evaluations, [[np.nan, np.nan, 2, 3], [np.nan, np.nan, 1, 2]])


class TestWhatStaysAsItWas:
    @learners
    def test_level_0_and_a_redrawn_baseline_are_the_same_wherever_the_others_rewind_to(self, learner: str) -> None:
        plain, rewound = experiment_of(learner), experiment_of(learner, rewind=REWIND)
        assert level_0(plain).rewound == {}
        assert to_bytes(level_0(plain)) == to_bytes(dataclasses.replace(level_0(rewound), rewound={}))
        redrawn = [[to_bytes(level) for level in chain(e, REDRAWN)[1:]] for e in (plain, rewound)]
        assert redrawn[0] == redrawn[1]

    @learners
    def test_at_0_a_level_needs_no_level_0(self, learner: str) -> None:
        e = experiment_of(learner)
        for condition in CONDITIONS:
            second = run_level(Cell(e, condition, SEEDS), 2, chain(e, condition)[1])
            assert to_bytes(second) == to_bytes(chain(e, condition)[2])
