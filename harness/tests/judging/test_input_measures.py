"""What a dense agent loses without the inputs that pruning removes, and what a network saves."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.experiment import Cell
from harness.judging.input_measures import at_mean, matched, observed
from harness.learners.expert_files import read_experts
from harness.learners.protocol import ACTOR
from harness.networks.heads import Categorical
from harness.networks.mlp import Mlp
from harness.networks.network import outputs_of
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE, SURVIVING, TICKET
from harness.pruning.level import Level
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.rollout import rollout_returns
from harness.tests.judging.made import MadeStore, level_of, made_run
from harness.tests.judging.test_measures import HALF, QUARTER, TICKETS
from harness.tests.pruning.cases import Pictured

MEMBERS, EPISODES = 4, 8
TASK = CartPole()
EXPERTS = read_experts("cart-pole", range(MEMBERS), TASK.observation.shape, Categorical(2))
PROFILE = dataclasses.replace(PROFILES["scaled"], seeds=MEMBERS)
AT = 0.1


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class TestAtMean:
    def test_an_input_that_is_lost_counts_as_its_mean_whatever_it_shows(self) -> None:
        layers = [rng().standard_normal((3, a, b)) for a, b in ((5, 7), (7, 2))]
        mlp = Mlp.stacked(layers, [rng().standard_normal((3, n)) for n in (7, 2)])
        lost, means = rng().random((3, 5)) < 0.5, rng().standard_normal((3, 5))
        seen = rng().standard_normal((3, 6, 5))
        expected = outputs_of(mlp, np.where(lost[:, None], means[:, None], seen))
        np.testing.assert_allclose(outputs_of(at_mean(mlp, lost, means), seen), expected, atol=1e-12)
        np.testing.assert_array_equal(mlp.weights[0], layers[0])

    def test_means_and_deviations_are_over_the_states_in_which_an_agent_acts(self) -> None:
        starts = np.stack([TASK.draw_starts(each, (EPISODES,)) for each in streams(range(MEMBERS), "score", 0)])
        never, shown = (  # they always go left
            Mlp.stacked([np.zeros((MEMBERS, inputs, 2))], [np.tile([1.0, 0.0], (MEMBERS, 1))]) for inputs in (4, 64)
        )
        lengths = rollout_returns(TASK, never, starts)
        means, _ = observed(TASK, never, starts, tuple(range(MEMBERS)))
        assert (means[:, 1] < 0).all() and (means[:, 3] > 0).all()
        of_cells, _ = observed(Pictured(), shown, starts, tuple(range(MEMBERS)))
        np.testing.assert_array_equal(of_cells, np.repeat(means, 16, axis=1))
        mean, deviation = observed(TASK, never, starts[:, :1], tuple(range(MEMBERS)))
        states, batch = [], TASK.batch(starts[:1, :1])
        for _ in range(int(lengths[0, 0])):
            states.append(batch.observations[0, 0].copy())
            batch.step(np.zeros((1, 1), dtype=np.int64), starts[:1, :1])
        np.testing.assert_allclose(mean[0], np.mean(states, axis=0), atol=1e-6)
        np.testing.assert_allclose(deviation[0], np.std(states, axis=0, dtype=np.float64), atol=1e-6)


class TestMatched:
    def test_each_input_that_is_gone_has_one_that_varies_about_as_much(self) -> None:
        spreads = np.array([[0.1, 0.5, 0.12, 0.9, 0.52, 0.0]])
        gone = np.array([[True, True, False, False, False, False]])
        assert matched(gone, ~gone, spreads).tolist() == [[False, False, True, False, True, False]]

    def test_where_fewer_are_left_all_are_taken_and_where_none_is_gone_none(self) -> None:
        left = np.array([[False, False, True], [True, True, True]])
        gone = np.array([[True, True, False], [False, False, False]])
        assert matched(gone, left, np.ones((2, 3))).tolist() == [[False, False, True], [False, False, False]]


def without(*gone: int, sure: float = 1.0) -> Any:
    """A run of experts, whose tickets have no weight of these inputs left. sure: what their outputs are multiplied by:
    the best action stays, and others are drawn more often."""
    actors = EXPERTS.params.copy()
    last = actors.layout[-1].layer
    for tensor in actors.layout:
        actors[tensor.name][:] *= sure if tensor.layer == last else 1

    def making(cell: Cell, number: int) -> Level:
        level = level_of(cell)
        if number == 0:
            starts = np.stack([TASK.draw_starts(each, (EPISODES,)) for each in streams(cell.seeds, "score", 0)])
            return dataclasses.replace(level, trained={ACTOR: actors}, scores=rollout_returns(TASK, EXPERTS, starts))
        level.masks[ACTOR].weights[0][:, list(gone)] = False
        return level

    return made_run(making, TICKET, profile=PROFILE, system=System("cart-pole", "ppo"))


class TestADenseAgent:
    def test_it_loses_nothing_where_nothing_is_gone(self) -> None:
        run = without()
        for lost in ("nothing", "gone", "others"):
            np.testing.assert_array_equal(run.dense_without(lost, AT).values, run.dense().values)

    def test_its_actions_are_drawn_alike_whatever_is_lost(self) -> None:
        run = without(sure=1e-3)
        assert (run.dense().values > 0.95).all(), "it is scored by its best actions"
        assert (run.dense_without("nothing").values < 0.5).all()
        np.testing.assert_array_equal(run.dense_without("nothing").values, run.dense_without("gone", AT).values)

    def test_it_fails_without_the_poles_angle_and_others_are_taken_of_what_is_left(self) -> None:
        run = without(2)
        assert (run.dense().values > 0.95).all()
        gone, others = run.dense_without("gone", AT), run.dense_without("others", AT)
        assert (gone.values < 0.6).all()
        assert (gone - others).is_pair and gone.seeds == tuple(range(MEMBERS))
        assert others.values.mean() > gone.values.mean()

    def test_inputs_that_the_untrained_network_loses_can_be_taken_instead(self) -> None:
        untrained = without(2).untrained
        assert str(untrained.dense_without("gone", 1.0)).startswith("untrained")
        np.testing.assert_array_equal(untrained.dense_without("gone", 1.0).values, without().dense().values)

    def test_inputs_that_never_change_count_on_neither_side(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(CartPole, "zero_inputs", ("pole angle",), raising=False)
        run = without(2)
        np.testing.assert_array_equal(run.dense_without("gone", AT).values, run.dense().values)


class TestCost:
    @pytest.mark.parametrize(("changing", "every", "left"), [(False, 12, (8, 4)), (True, 8, (7, 2))])
    def test_multiply_adds_are_those_of_a_dense_network_on_the_inputs_left(
        self, changing: bool, every: int, left: Sequence[int]
    ) -> None:
        later = 4 * 4 + 4 * 2
        for density, count in zip((HALF, QUARTER), left, strict=True):
            found = TICKETS.multiply_adds(density, changing)
            share = found["surviving inputs"].values
            np.testing.assert_allclose(share, (4 * count + later) / (4 * every + later))
            np.testing.assert_array_equal(found["all inputs"].values, 1)

    def test_cpu_seconds_are_of_what_was_trained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def making(cell: Cell, number: int) -> Level:
            return dataclasses.replace(level_of(cell), trained_fraction=np.full(len(cell.seeds), 0.5))

        run = made_run(making, TICKET, SURVIVING)
        steps = 20 * 0.5 * run.experiment.learner.env_steps
        assert run.cpu_seconds_per_env_step(DENSE) == pytest.approx(1 / steps)
        assert run.cpu_seconds_per_env_step(SURVIVING, 0.02) == pytest.approx(3 / steps)
        monkeypatch.setattr(MadeStore, "cost", lambda self, where, number: None)
        assert run.cpu_seconds_per_env_step(DENSE) is None
