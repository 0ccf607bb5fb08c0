"""What a mask keeps of channels, and how fast dense networks learn on what it keeps: on numbers made by hand."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from harness.evidence.store import Address, Store
from harness.judging.channels import by_channel, learning_area, relative, share_of_emptied, split_means
from harness.judging.run import Run, Scene, relative_lead, surviving_run, ticket_run
from harness.learners.protocol import ACTOR
from harness.networks.mlp import Mlp
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE, SURVIVING, TICKET
from harness.pruning.level import Level
from harness.statistics import PerSeed
from harness.tasks.cart_pole import CartPole

NAN = np.nan
EXPERT, RANDOM = 499.96975, 25.34  # fixtures/references/cart-pole-500.json


def test_a_channels_density_is_the_mean_over_its_inputs() -> None:
    left = [[1, 0, 0.5, 0.5, 0, 0], [0, 0, 0, 1, 1, 1]]
    np.testing.assert_array_equal(by_channel(left, 3), [[0.5, 0.5, 0], [0, 0.5, 1]])
    np.testing.assert_array_equal(by_channel(left, 2), [[0.5, 0.5 / 3], [0, 1]])


def test_inputs_that_do_not_count_are_left_aside() -> None:
    found = by_channel([1, 0, 0.5, 0.25], 2, [True, False, True, True])
    np.testing.assert_array_equal(found, [1, 0.375])


@pytest.mark.parametrize(("channels", "counted"), [(4, None), (0, None), (3, [True, True, False, False, True, True])])
def test_channels_that_cannot_be_are_refused(channels: int, counted: list[bool] | None) -> None:
    with pytest.raises(ValueError, match="channel"):
        by_channel(np.ones(6), channels, counted)


def test_relative_densities_share_what_both_have_left() -> None:
    one, other = relative([0.3, 0, 0, 0.2], [0.1, 0, 0.5, 0.2])
    np.testing.assert_allclose(one, [0.75, 0.5, 0, 0.5])
    np.testing.assert_allclose(one + other, 1)
    with pytest.raises(ValueError, match="negative"):
        relative([-0.1], [0.1])


def test_means_are_split_by_where_an_input_lies() -> None:
    among, inside = np.array([1, 1, 1, 1, 0], bool), np.array([1, 0, 0, 0, 1], bool)
    found = split_means([[4, 1, 2, 3, 100], [0, 0, 0, 6, 100]], among, inside)
    np.testing.assert_array_equal(found[0], [4, 0])
    np.testing.assert_array_equal(found[1], [2, 2])
    with pytest.raises(ValueError, match="no input"):
        split_means([1, 2], [True, True], [True, True])


def test_the_share_of_emptied_inputs_is_held_against_that_of_all() -> None:
    among, inside = np.array([1, 1, 1, 1, 0], bool), np.array([1, 1, 1, 0, 0], bool)
    left = [[0, 0, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 1, 1, 1, 0]]
    share, chance = share_of_emptied(left, among, inside)
    assert chance == 0.75
    np.testing.assert_allclose(share, [2 / 3, 0, 1, chance])  # of the last, nothing is empty: chance
    with pytest.raises(ValueError, match="no input"):
        share_of_emptied(left, np.zeros(5, bool), inside)


def test_more_is_empty_inside_exactly_where_the_share_is_above_chance() -> None:
    """The two ways in which enemy-channel-reachable asks the same."""
    rng = np.random.default_rng(0)
    left = rng.integers(0, 2, (300, 12))
    among, inside = np.arange(12) < 10, np.arange(12) < 4
    share, chance = share_of_emptied(left, among, inside)
    rates = split_means(left == 0, among, inside)
    sign = np.where(np.abs(share - chance) < 1e-12, 0, np.sign(share - chance))
    np.testing.assert_array_equal(sign, np.sign(np.round(rates[0] - rates[1], 12)))
    assert set(sign) == {-1, 0, 1}


def test_a_member_that_stopped_learns_at_the_maximum_from_there_on() -> None:
    np.testing.assert_array_equal(learning_area([[1, 2, 3, 6], [2, 10, NAN, NAN]], 10), [3, 8])


@pytest.mark.parametrize("curve", [[NAN, 1, 2], [1, NAN, 2], [NAN, NAN, NAN]])
def test_a_curve_without_its_beginning_has_no_area(curve: list[float]) -> None:
    with pytest.raises(ValueError, match="without its beginning"):
        learning_area([curve], 10)


# As a claim sees them: a grid of 2 x 2 cells with three channels, 4 units


@dataclass(frozen=True)
class Maze(CartPole):
    """Has the references of Cart-Pole, and maps to look at."""

    inputs: ClassVar[tuple[str, ...]] = tuple(
        f"{channel} at {cell}" for channel in ("agent", "enemy 1", "coin") for cell in ("0,0", "0,1", "1,0", "1,1")
    )
    channels: ClassVar[tuple[str, ...]] = ("agent", "enemy 1", "coin")
    reachable: ClassVar[Mapping[str, np.ndarray]] = {"enemy 1": np.array([[True, False], [False, False]])}
    zero_inputs: ClassVar[tuple[str, ...]] = ("agent at 0,1", "enemy 1 at 0,1", "enemy 1 at 1,0", "enemy 1 at 1,1")

    encoding: str = "maps"


SMOKE = PROFILES["smoke"]
BASE = SMOKE.systems["cart-pole", "ppo"]
MAZE = dataclasses.replace(
    BASE,
    task=Maze(),
    network=dataclasses.replace(BASE.network, hidden=(4, 4)),
    pruning=dataclasses.replace(BASE.pruning, rate=0.5, levels=2),
)
PROFILE = dataclasses.replace(SMOKE, seeds=6, systems={("cart-pole", "ppo"): BASE, ("maze", "ppo"): MAZE})
LEFT = {
    0: [4] * 12,
    1: [2, 2, 0, 2, 3, 0, 0, 0, 1, 1, 1, 1],
    2: [1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0],
}
"""Weights that each input has left, of 4, by level."""


class Made:
    """A store whose levels keep what `LEFT` says."""

    def read(self, where: Address, number: int) -> Level:
        members, inputs = len(where.cell.seeds), len(where.cell.experiment.task.inputs)
        first = np.zeros((members, inputs, 4), dtype=bool)
        for i, count in enumerate(LEFT[number][:inputs]):
            first[:, i, :count] = True
        masks = [first, np.ones((members, 4, 4), bool), np.zeros((members, 4, 2), bool)]
        weights = [2.0 * mask for mask in masks]
        weights[0][:, 4] *= 3  # enemy 1 at 0,0
        mlp = Mlp.of(weights, [np.zeros((members, 1, mask.shape[2])) for mask in masks])
        late = {DENSE: 300.0, SURVIVING: 200.0 + 100 * number}.get(where.cell.condition, 0.0)
        evaluations = np.tile([100.0, late], (members, 1))
        evaluations[0, 1] = NAN
        return Level({ACTOR: masks}, {ACTOR: mlp}, np.full((members, 4), late), evaluations, np.ones(members))


def bound(run: Run) -> Run:
    return run.bind(Scene(PROFILE, 0, cast(Store, Made())))


TICKETS, SURVIVORS = bound(ticket_run("maze", "ppo")), bound(surviving_run("maze", "ppo"))
HALF, QUARTER = 0.5, 0.3
"""Densities at whose levels something is looked at: 1 and 2."""


def of(measured: Mapping[str, PerSeed]) -> dict[str, float]:
    """The value that all seeds have."""
    for each in measured.values():
        assert len(set(each.values)) == 1 and each.seeds == tuple(range(6))
    return {name: each.values[0] for name, each in measured.items()}


def test_densities_of_channels_are_of_their_first_layers_weights() -> None:
    found = TICKETS.channel_densities()
    assert list(found) == ["agent", "enemy 1", "coin"]
    assert found["agent"].shape == (6, 3)
    np.testing.assert_allclose(found["agent"][2], [1, 6 / 16, 1 / 16])
    assert of(TICKETS.channel_density_at(HALF)) == {"agent": 6 / 16, "enemy 1": 3 / 16, "coin": 4 / 16}
    assert of(TICKETS.channel_density_at()) == {"agent": 7 / 32, "enemy 1": 5 / 32, "coin": 6 / 32}


def test_densities_of_channels_can_be_of_inputs_that_change_alone() -> None:
    assert of(TICKETS.channel_density_at(HALF, changing=True)) == {"agent": 4 / 12, "enemy 1": 3 / 4, "coin": 4 / 16}


def test_densities_of_layers_go_by_name() -> None:
    found = of(TICKETS.layer_density_at(HALF))
    assert found == {"input layer": pytest.approx(13 / 48), "hidden layer 2": 1, "output layer": 0}
    assert of(TICKETS.layer_density_at())["input layer"] == pytest.approx((13 + 5) / 96)


def test_enemies_are_looked_at_where_they_can_come_to_and_where_not() -> None:
    assert of(TICKETS.enemies_at(HALF)) == {"reachable": 3 / 4, "unreachable": 0}
    assert of(TICKETS.enemies_at(QUARTER)) == {"reachable": 0, "unreachable": pytest.approx(2 / 12)}
    assert of(TICKETS.enemies_at()) == {"reachable": 3 / 8, "unreachable": pytest.approx(1 / 12)}
    assert of(TICKETS.enemies_at(HALF, "emptied")) == {"reachable": 0, "unreachable": 1}
    assert of(TICKETS.enemies_at(QUARTER, "emptied")) == {"reachable": 1, "unreachable": pytest.approx(1 / 3)}


def test_magnitudes_of_enemies_are_shares_of_the_first_layers() -> None:
    """At level 1 the reachable input holds 3 x 3 of 10 + 9."""
    assert of(TICKETS.enemies_at(HALF, "magnitude")) == {"reachable": pytest.approx(9 / 19), "unreachable": 0}


def test_the_share_of_emptied_inputs_that_no_enemy_reaches_is_less_chance() -> None:
    found = [TICKETS.unreachable_of_emptied(density) for density in (1.0, HALF, QUARTER)]
    np.testing.assert_allclose([each.values[0] for each in found], [0, 1 - 0.75, 1 / 2 - 0.75])
    assert found[1].is_pair and str(found[1]) == "of those emptied − of all"


def test_inputs_without_a_connection_are_gone() -> None:
    np.testing.assert_array_equal(TICKETS.inputs_left()[0], [12, 8, 4])
    np.testing.assert_array_equal(TICKETS.inputs_left(changing=True)[5], [8, 7, 2])
    np.testing.assert_allclose(TICKETS.inputs_gone_at(HALF).values, 4 / 12)
    np.testing.assert_allclose(TICKETS.inputs_gone_at(QUARTER, changing=True).values, 6 / 8)


def test_a_relative_lead_is_a_pair_of_shares() -> None:
    densities = TICKETS.channel_density_at(HALF)
    lead = relative_lead(densities["agent"], densities["coin"])
    assert lead.is_pair and str(lead) == "agent − coin"
    np.testing.assert_allclose(lead.values, (6 - 4) / (6 + 4))
    np.testing.assert_allclose([part[0] for part in lead.parts.values()], [0.6, 0.4])
    with pytest.raises(ValueError, match="different seeds"):
        relative_lead(densities["agent"], PerSeed.of("other", [1.0], [7]))


def test_the_area_under_a_learning_curve_is_of_level_0_or_of_surviving_inputs() -> None:
    assert SURVIVORS.conditions == (TICKET, SURVIVING)
    every, some = SURVIVORS.learning_area(), SURVIVORS.learning_area(2)
    assert str(some - every) == "surviving inputs − all inputs"
    for found, late in ((every, 300), (some, 400)):
        expected = (np.array([(100 + 500) / 2, *5 * [(100 + late) / 2]]) - RANDOM) / (EXPERT - RANDOM)
        np.testing.assert_allclose(found.values, expected)
    np.testing.assert_allclose(SURVIVORS.surviving_return(2).values, (400 - RANDOM) / (EXPERT - RANDOM))
    assert (SURVIVORS.surviving_return(2) - SURVIVORS.dense().prefixed("all inputs, ")).is_pair


def test_returns_by_level_leave_level_0_out() -> None:
    assert list(TICKETS.normalised_levels()) == ["at 50 % density", "at 25 % density"]


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda run: run.channel_densities(), "no channels to look at"),
        (lambda run: run.enemies_at(HALF), "no channels to look at"),
    ],
)
def test_a_task_without_maps_is_refused_in_one_line(measure: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        measure(bound(ticket_run("cart-pole", "ppo")))
    assert "\n" not in str(caught.value) and "cart-pole ppo" in str(caught.value)


def test_maps_without_enemies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Maze, "channels", ("red", "green", "blue"))
    with pytest.raises(ValueError, match="maze ppo show no enemies"):
        TICKETS.enemies_at(HALF)


# An encoding is a field of the task


def test_an_encoding_changes_the_experiment_and_its_name() -> None:
    plain, coloured = System("maze", "ppo"), System("maze", "ppo", ("task.encoding=colours",))
    assert PROFILE.experiment(coloured).task == Maze(encoding="colours") != PROFILE.experiment(plain).task
    assert (str(plain), str(coloured)) == ("maze ppo", "maze ppo encoding colours")


def test_a_task_without_encodings_says_so() -> None:
    with pytest.raises(ValueError, match="the fields of the task of cart-pole ppo are horizon, inputs"):
        PROFILE.experiment(System("cart-pole", "ppo", ("task.encoding=rgb",)))
