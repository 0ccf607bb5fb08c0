"""What a claim measures on a run: on levels and channels made by hand."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.controls import broken_by
from harness.experiment import Cell
from harness.judging.chains import EvidenceMissingError, cpu_seconds
from harness.judging.chart_data import charts_of, check_figure
from harness.judging.mask_measures import relative_lead
from harness.judging.return_measures import learning_area, mean_over_systems
from harness.learners.protocol import ACTOR
from harness.profiles.budgets import NEVER_STOPPED
from harness.profiles.profile import System
from harness.profiles.readings import READINGS
from harness.pruning.conditions import CONDITIONS, DENSE, SURVIVING, TICKET
from harness.pruning.level import Level
from harness.statistics import PerSeed
from harness.tasks.cart_pole import CartPole
from harness.tasks.spec import Observation
from harness.tests.judging.made import EXPERT, PROFILE, RANDOM, SMOKE, WHOLE, level_of, made_run, returns_of, weighing
from harness.tests.pruning.cases import Pictured, experiment_of

NAN = np.nan
SEEDS = np.arange(20)


class TestReturns:
    def test_dense_is_the_normalised_return_of_level_0_alone(self) -> None:
        dense = made_run(returns_of(0.9, 0.1, 0.1, 0.1)).dense()
        np.testing.assert_allclose(dense.values, 0.9)
        assert (str(dense), dense.seeds) == ("cart-pole bc", tuple(range(20)))
        np.testing.assert_allclose(made_run(returns_of(0.9), DENSE).dense().values, 0.9)

    def test_twice_the_seeds_are_measured_in_the_order_of_the_seeds(self) -> None:
        run = made_run(lambda cell, level: level_of(cell, cell.seeds), DENSE, times=2)
        assert run.dense_returns().tolist() == list(range(40))
        assert run.dense().seeds == run.seeds == tuple(range(40))

    def test_normalised_returns_are_0_for_random_and_1_for_the_expert(self) -> None:
        run = made_run(lambda cell, level: level_of(cell, np.where(SEEDS % 2, EXPERT, RANDOM)))
        np.testing.assert_allclose(run.normalised_returns()[:4], [[0, 0, 0, 0], [1, 1, 1, 1]] * 2)

    def test_an_area_is_the_mean_over_pruned_levels_and_its_other_readings_are_named(self) -> None:
        run = made_run(lambda cell, level: level_of(cell, RANDOM + level * (EXPERT - RANDOM), [(RANDOM, EXPERT)]))
        np.testing.assert_allclose(run.area()[TICKET].values, 2)
        assert {name: area[TICKET].values[0] for name, area in run.other_areas().items()} == {
            "best evaluation instead of scored return": pytest.approx(1)
        }

    def test_which_return_is_judged_is_a_reading(self) -> None:
        reading = dataclasses.replace(PROFILE, overrides=READINGS["judged"].overrides)
        run = made_run(lambda cell, level: level_of(cell, RANDOM, [(EXPERT, RANDOM)]), profile=reading)
        np.testing.assert_allclose(run.area()[TICKET].values, 1)
        np.testing.assert_allclose(run.dense().values, 1)

    def test_the_end_is_the_last_evaluation(self) -> None:
        curves = np.stack([np.full(20, 300), SEEDS], axis=1)
        run = made_run(lambda cell, level: level_of(cell, 0, curves), system=WHOLE)
        np.testing.assert_array_equal(run.evaluations(), curves)
        np.testing.assert_allclose(run.area_at_end().values, (SEEDS - RANDOM) / (EXPERT - RANDOM))

    @pytest.mark.parametrize("measure", ["evaluations", "learning_area", "area_at_end"])
    def test_curves_and_ends_of_agents_that_may_stop_early_are_refused_before_they_are_read(self, measure: str) -> None:
        """Whether or not one has stopped. Where the last checkpoint is pruned, nobody stops."""
        run = made_run(lambda cell, level: level_of(cell, 0, [(100, 200)]))
        with pytest.raises(ValueError, match=r"cart-pole bc stops.*savings\.stop_at_maximum=false") as caught:
            getattr(run, measure)()
        assert "\n" not in str(caught.value) and run.bound.store.reads == 0  # type: ignore[attr-defined]
        last = System("cart-pole", "bc", ("pruning.checkpoint=last",))
        getattr(made_run(lambda cell, level: level_of(cell, 0, [(100, 200)]), system=last), measure)()

    def test_returns_by_level_leave_level_0_out(self) -> None:
        assert list(made_run(returns_of(1, 1, 1, 1)).normalised_levels()) == [
            *("at 9.9 % density", "at 1.1 % density", "at 0.28 % density")
        ]

    def test_a_return_at_a_density_is_that_of_the_first_level_at_or_below_it(self) -> None:
        run = made_run(returns_of(1, 0.8, 0.6, 0.4))
        np.testing.assert_allclose(run.return_at(0.05).values, 0.6)

    def test_an_agent_met_a_reward_where_any_evaluation_is_not_the_tasks_lowest_return(self) -> None:
        never, once, stopped = [-500, -500], [-500, -499], [-500, NAN]
        curves = np.array([never, once, stopped] + [never] * 17)
        run = made_run(lambda cell, level: level_of(cell, 0, curves), DENSE, system=System("acrobot", "bc"))
        assert run.met_reward().values.tolist() == [0, 1, 1] + [0] * 17

    def test_a_mean_over_systems_is_of_the_seeds_that_all_have_and_keeps_their_conditions_apart(self) -> None:
        def lead(values: list[float], seeds: list[int]) -> PerSeed:
            return PerSeed.of("a", values, seeds) - PerSeed.of("b", [0.0] * len(seeds), seeds)

        mean = mean_over_systems({"one": lead([1, 2, 3], [0, 1, 2]), "two": lead([6, 9], [1, 2])})
        assert (mean.values.tolist(), mean.seeds) == ([4, 6], (1, 2))
        assert mean.weights == {"one a": 0.5, "one b": -0.5, "two a": 0.5, "two b": -0.5}
        with pytest.raises(ValueError, match="seeds"):
            mean_over_systems({"one": lead([1], [0]), "two": lead([1], [5])})

    def test_a_control_may_exchange_what_is_judged(self) -> None:
        broken = broken_by("exchanged-returns", PROFILE)
        returns = {DENSE: 9.0, **{c: float(place) for place, c in enumerate(CONDITIONS)}}
        run = made_run(lambda cell, level: level_of(cell, returns[cell.condition]), *CONDITIONS, profile=broken)
        found = np.stack([run.returns(c)[:, 1] for c in CONDITIONS])
        assert (np.sort(found, axis=0) == np.arange(4)[:, None]).all()
        assert (found != np.arange(4)[:, None]).any()

    @pytest.mark.parametrize("curve", [[NAN, 1, 2], [1, NAN, 2], [1, 2, NAN], [NAN, NAN, NAN]])
    def test_a_learning_curve_that_is_not_whole_has_no_area(self, curve: list[float]) -> None:
        np.testing.assert_array_equal(learning_area([[1, 2, 3, 6], [2, 10, 9, 7]]), [3, 7])
        with pytest.raises(ValueError, match="not whole"):
            learning_area([curve])


class TestEvidence:
    def test_each_level_is_measured_once_however_many_runs_ask(self) -> None:
        run = made_run(returns_of(1, 1, 1, 1), *CONDITIONS)
        other = dataclasses.replace(run, label="other", conditions=(TICKET,))
        run.area(), run.area(), other.area(), run.dense()
        assert run.bound.store.reads == 1 + 4 * 3  # type: ignore[attr-defined]

    def test_each_cell_costs_once_however_many_runs_rest_on_it(self) -> None:
        run = made_run(returns_of(1, 1, 1, 1), *CONDITIONS)
        assert cpu_seconds([run, dataclasses.replace(run, label="other", conditions=(TICKET, DENSE))]) == 1 + 4

    def test_a_seed_is_found_in_the_chunk_that_has_it(self) -> None:
        run = made_run(lambda cell, level: level_of(cell, np.array(cell.seeds) + 100.0 * level), times=2)
        for place in (0, 19, 20, 33):
            level, member = run.level_of_seed(TICKET, 2, place)
            assert level.scored_returns[member] == 200 + place
        with pytest.raises(ValueError, match="40"):
            run.level_of_seed(TICKET, 2, 40 + 40)

    def test_what_was_not_computed_is_told_by_its_level_and_condition(self) -> None:
        run = made_run(returns_of(1))
        run.bound.store.read = lambda where, level: None  # type: ignore[method-assign]
        with pytest.raises(EvidenceMissingError, match="level 0 of dense"):
            run.area()


class TestLayers:
    def test_densities_are_counted_and_their_gap_is_at_the_density_asked_for(self) -> None:
        """4-16-16-2: a fan-in of 4 against 16. Levels at densities of 1, 0.1, 0.01 and 0.001."""
        kept = [(64, 256, 32), (32, 64, 8), (16, 0, 0), (0, 0, 8)]
        run = made_run(lambda cell, level: level_of(cell, kept=kept[level]))
        np.testing.assert_allclose(
            run.layer_densities()[7], [[1, 1, 1], [1 / 2, 1 / 4, 1 / 4], [1 / 4, 0, 0], [0, 0, 1 / 4]]
        )
        gaps = [0, 1 / 2 - 72 / 288, 1 / 4, -8 / 288]
        np.testing.assert_allclose(run.fan_in_gap(0.1).values, gaps[1])
        np.testing.assert_allclose(run.fan_in_gap(0.05).values, gaps[2])
        by_fan_in = run.density_by_fan_in(0.1)
        assert (by_fan_in["lowest"] - by_fan_in["highest"]).is_pair
        np.testing.assert_allclose((by_fan_in["lowest"] - by_fan_in["highest"]).values, gaps[1])
        np.testing.assert_allclose(run.fan_in_gap().values, np.mean(gaps[1:]))
        assert run.layer_density_at(0.1)["input layer"].values.tolist() == [0.5] * 20
        assert run.overshoot().values.tolist() == [0] * 20

    @pytest.mark.parametrize(("density", "fan_ins"), [(1e-4, False), (None, True)])
    def test_what_a_claim_needs_is_checked_before_anything_is_trained(self, density: float, fan_ins: bool) -> None:
        square = System("cart-pole", "bc", ("network.hidden=4",))
        run = made_run(returns_of(1), system=square if fan_ins else None)
        run.check(0.1, False)
        with pytest.raises(ValueError, match="density" if density else "fan-in"):
            run.check(density, fan_ins)


# Inputs and channels, as a claim sees them: a grid of 2 x 2 cells with three channels, 4 units


@dataclass(frozen=True)
class Maze(CartPole):
    """Has the references of Cart-Pole, and maps to look at."""

    channels: ClassVar[tuple[str, ...]] = ("agent", "enemy 1", "coin")
    observation: ClassVar[Observation] = Observation((3, 2, 2), channels)
    reachable: ClassVar[Mapping[str, np.ndarray]] = {"enemy 1": np.array([[True, False], [False, False]])}
    zero_inputs: ClassVar[tuple[str, ...]] = ("agent at 0,1", "enemy 1 at 0,1", "enemy 1 at 1,0", "enemy 1 at 1,1")


BASE = SMOKE.systems["cart-pole", "ppo"]
MAZE = dataclasses.replace(
    BASE,
    task=Maze(),
    network=dataclasses.replace(BASE.network, hidden=(4, 4)),
    pruning=dataclasses.replace(BASE.pruning, rate=0.5, levels=2),
    savings=NEVER_STOPPED,
)
MAZES = dataclasses.replace(SMOKE, seeds=6, systems={("cart-pole", "ppo"): BASE, ("maze", "ppo"): MAZE})
LEFT = {
    0: [4] * 12,
    1: [2, 2, 0, 2, 3, 0, 0, 0, 1, 1, 1, 1],
    2: [1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0],
}
"""Weights that each input has left, of 4, by level."""
LATE = {DENSE: [300.0] * 3, SURVIVING: [0.0, 300.0, 400.0], TICKET: [0.0] * 3}


def of_maze(cell: Cell, number: int) -> Level:
    """Keeps what `LEFT` says; the input "enemy 1 at 0,0" is three times as strong."""
    late = LATE[cell.condition][number]
    level = level_of(cell, late, [(100.0, late)])
    first, _, last = level.masks[ACTOR].weights
    first[:] = np.arange(first.shape[2]) < np.array(LEFT[number][: first.shape[1]])[:, None]
    last[:] = False
    trained = weighing(level.masks[ACTOR], 2.0)
    trained.weights[0][:, 4:5] *= 3
    return dataclasses.replace(level, trained={ACTOR: trained})


def maze_run(*conditions: str, task: str = "maze") -> Any:
    return made_run(of_maze, *conditions, profile=MAZES, system=System(task, "ppo"))


TICKETS, SURVIVORS = maze_run(TICKET), maze_run(TICKET, SURVIVING)
HALF, QUARTER = 0.5, 0.3
"""Densities at whose levels something is looked at: 1 and 2."""


def of(measured: Mapping[str, PerSeed]) -> dict[str, float]:
    """The value that all seeds have."""
    for each in measured.values():
        assert len(set(each.values)) == 1 and each.seeds == tuple(range(6))
    return {name: each.values[0] for name, each in measured.items()}


class TestChannels:
    def test_densities_are_of_the_first_layers_weights(self) -> None:
        found = TICKETS.channel_densities()
        assert list(found) == ["agent", "enemy 1", "coin"]
        np.testing.assert_allclose(found["agent"], [[1, 6 / 16, 1 / 16]] * 6)
        assert of(TICKETS.channel_density_at(HALF)) == {"agent": 6 / 16, "enemy 1": 3 / 16, "coin": 4 / 16}
        assert of(TICKETS.channel_density_at()) == {"agent": 7 / 32, "enemy 1": 5 / 32, "coin": 6 / 32}
        changing = of(TICKETS.channel_density_at(HALF, changing=True))
        assert changing == {"agent": 4 / 12, "enemy 1": 3 / 4, "coin": 4 / 16}

    def test_enemies_are_looked_at_where_they_can_come_to_and_where_not(self) -> None:
        assert of(TICKETS.enemies_at(HALF)) == {"reachable": 3 / 4, "unreachable": 0}
        assert of(TICKETS.enemies_at(QUARTER)) == {"reachable": 0, "unreachable": pytest.approx(2 / 12)}
        assert of(TICKETS.enemies_at()) == {"reachable": 3 / 8, "unreachable": pytest.approx(1 / 12)}
        assert of(TICKETS.enemies_at(HALF, "emptied")) == {"reachable": 0, "unreachable": 1}
        # at level 1 the reachable input holds 3 x 3 of 10 + 9
        assert of(TICKETS.enemies_at(HALF, "magnitude")) == {"reachable": pytest.approx(9 / 19), "unreachable": 0}
        found = [TICKETS.unreachable_of_emptied(density) for density in (1.0, HALF, QUARTER)]
        np.testing.assert_allclose([each.values[0] for each in found], [0, 1 - 0.75, 1 / 2 - 0.75])
        assert all(each.is_pair for each in found)

    def test_inputs_without_a_connection_are_gone(self) -> None:
        np.testing.assert_array_equal(TICKETS.inputs_left()[0], [12, 8, 4])
        np.testing.assert_array_equal(TICKETS.inputs_left(changing=True)[5], [8, 7, 2])
        np.testing.assert_allclose(TICKETS.inputs_gone_at(HALF).values, 4 / 12)
        np.testing.assert_allclose(TICKETS.inputs_gone_at(QUARTER, changing=True).values, 6 / 8)

    def test_the_area_under_a_learning_curve_is_of_level_0_or_of_surviving_inputs(self) -> None:
        every, some = SURVIVORS.learning_area(), SURVIVORS.learning_area(2)
        assert (some - every).is_pair
        for found, late in ((every, 300), (some, 400)):
            np.testing.assert_allclose(found.values, ((100 + late) / 2 - RANDOM) / (EXPERT - RANDOM))
        np.testing.assert_allclose(SURVIVORS.surviving_return(2).values, (400 - RANDOM) / (EXPERT - RANDOM))

    def test_a_relative_lead_is_a_pair_of_shares(self) -> None:
        densities = TICKETS.channel_density_at(HALF)
        lead = relative_lead(densities["agent"], densities["coin"])
        assert lead.is_pair
        np.testing.assert_allclose(lead.values, (6 - 4) / (6 + 4))
        np.testing.assert_allclose([part[0] for part in lead.parts.values()], [0.6, 0.4])
        gone = {name: PerSeed.of(name, [0.0], [7]) for name in densities}
        assert relative_lead(gone["agent"], gone["coin"]).values.tolist() == [0]

    def test_a_task_without_maps_or_without_enemies_is_refused_by_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = maze_run(task="cart-pole")
        for measure in (plain.channel_densities, lambda: plain.enemies_at(HALF)):
            with pytest.raises(ValueError, match="cart-pole ppo"):
                measure()
        monkeypatch.setattr(Maze, "channels", ("red", "green", "blue"))
        with pytest.raises(ValueError, match="maze ppo"):
            TICKETS.enemies_at(HALF)


class TestConvolutions:
    """Pictures seen by 48 weights (2 x 2 x 4 channels x 3 filters) and 24 of convolutions, then by 64 and 16."""

    SYSTEMS: ClassVar[Any] = {("pictures", "ppo"): dataclasses.replace(experiment_of("ppo", cnn=True), task=Pictured())}

    def run_of(self, *kept: int) -> Any:
        profile = dataclasses.replace(SMOKE, seeds=6, systems=self.SYSTEMS)
        return made_run(lambda c, k: level_of(c, kept=kept), profile=profile, system=System("pictures", "ppo"))

    def test_layers_have_densities_and_their_fan_ins_are_not_compared(self) -> None:
        run = self.run_of(12, 12, 32, 4)
        shares = dict(zip(run.layer_names, (12 / 48, 12 / 24, 32 / 64, 4 / 16), strict=True))
        assert of(run.layer_density_at(0.5)) == shares
        with pytest.raises(ValueError, match="not all dense"):
            run.density_by_fan_in(0.5)

    def test_inputs_are_channels(self) -> None:
        """All filters see three of them, at one place."""
        run, (*seen, last) = self.run_of(9, 24, 64, 16), CartPole.observation.names
        assert run.inputs == (*seen, last)
        np.testing.assert_array_equal(run.input_densities()[0, 1], [3 / 12, 3 / 12, 3 / 12, 0])
        assert of(run.input_magnitude_at(0.5)) == {**dict.fromkeys(seen, pytest.approx(1 / 3)), last: 0}
        assert of({"gone": run.inputs_gone_at(0.5, changing=True)}) == {"gone": 1 / 4}
        shares, heat_map = charts_of("inputs", [[run]])
        assert shares["names"] == list(run.inputs)
        assert heat_map["series"][0]["left"][0] == [1, 1, 1, 0]

    @pytest.mark.parametrize(
        "measure",
        [
            lambda run: run.dense_without("gone", 0.5),
            lambda run: run.multiply_adds(0.5),
            lambda run: check_figure("maps", [run]),
        ],
    )
    def test_what_is_of_single_cells_is_refused(self, measure: Callable[[Any], object]) -> None:
        with pytest.raises(ValueError, match=r"pictures ppo is a convolution.*cells$"):
            measure(self.run_of(48, 24, 64, 16))
