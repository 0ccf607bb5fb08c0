"""The condition "surviving inputs": dense networks on the inputs that the ticket's mask keeps (paper 4.1)."""

import dataclasses

import numpy as np
import pytest

from harness.evidence.costs import estimated_seconds
from harness.experiment import Cell, Experiment
from harness.learners.dqn import DQN
from harness.learners.protocol import ACTOR
from harness.networks.mlp import Network
from harness.profiles.profile import PROFILES, System
from harness.pruning.check import check
from harness.pruning.conditions import DENSE, SURVIVING, TICKET
from harness.pruning.imp import run_level, surviving_inputs
from harness.pruning.layout import initial_networks
from harness.pruning.level import Level
from harness.pruning.savings import Savings
from harness.tasks.gridmaze.maze import GridMaze

SEEDS = (0, 1)
SMOKE = PROFILES["smoke"].experiment(System("gridmaze", "dqn"))


def cell(condition: str, experiment: Experiment = SMOKE) -> Cell:
    return Cell(experiment, condition, SEEDS)


def with_pruning(**changes: object) -> Experiment:
    return dataclasses.replace(SMOKE, pruning=dataclasses.replace(SMOKE.pruning, **changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def levels() -> dict[str, Level]:
    """Level 0, and the ticket and the surviving inputs at level 1."""
    dense = run_level(cell(DENSE), 0, None)
    ticket = run_level(cell(TICKET), 1, dense)
    return {DENSE: dense, TICKET: ticket, SURVIVING: run_level(cell(SURVIVING), 1, dense, ticket)}


def test_it_starts_from_level_0_and_the_ticket_and_from_the_ticket_alone_where_that_has_its_own_level_0() -> None:
    assert [parent.condition for parent in cell(SURVIVING).parents] == [DENSE, TICKET]
    own = dataclasses.replace(SMOKE, savings=Savings(share_level_0=False))
    assert [parent.condition for parent in cell(SURVIVING, own).parents] == [TICKET]
    assert 0 in cell(SURVIVING, own).levels and 0 not in cell(SURVIVING).levels


def test_it_is_the_same_cell_whatever_baselines_follow() -> None:
    branch = with_pruning(lineage="branch", shuffle="rows")
    assert cell(SURVIVING, branch).id == cell(SURVIVING).id != cell(TICKET).id
    assert cell(SURVIVING, with_pruning(rate=0.5)).id != cell(SURVIVING).id


def test_masks_are_whole_rows_where_the_ticket_has_a_connection_and_all_of_the_other_layers() -> None:
    rng = np.random.default_rng(0)
    ticket = {ACTOR: [rng.random(shape) < 0.1 for shape in ((3, 6, 8), (3, 8, 2))]}
    first, second = surviving_inputs(ticket)[ACTOR]
    connected = ticket[ACTOR][0].any(axis=2)
    assert 0 < connected.sum() < connected.size
    for member, row in np.ndindex(connected.shape):
        assert (first[member, row] == connected[member, row]).all()
    assert second.all()


def test_networks_start_from_w0_and_lack_those_inputs_alone(levels: dict[str, Level]) -> None:
    found, ticket = levels[SURVIVING], levels[TICKET]
    gone = ~ticket.masks[ACTOR][0].any(axis=2)
    assert gone.any()
    assert (found.trained[ACTOR].weights[0][gone] == 0).all()
    np.testing.assert_array_equal(found.masks[ACTOR][0].any(axis=2), ~gone)
    zeros = set(GridMaze().zero_inputs)
    idle = np.array([name in zeros for name in GridMaze().inputs])
    w0 = initial_networks(SMOKE, SEEDS)[ACTOR].weights[0]
    untouched = ~gone & idle
    np.testing.assert_array_equal(found.trained[ACTOR].weights[0][untouched], w0[untouched])
    assert not np.array_equal(found.trained[ACTOR].weights[1], levels[DENSE].trained[ACTOR].weights[1])


def test_it_costs_what_dense_networks_cost_whatever_the_ticket_has_left() -> None:
    scaled = PROFILES["scaled"].experiment(System("gridmaze", "dqn"))
    levels, dense = scaled.pruning.levels, estimated_seconds(cell(DENSE, scaled))
    assert estimated_seconds(cell(SURVIVING, scaled)) == pytest.approx(levels * dense)
    assert estimated_seconds(cell(TICKET, scaled)) < 0.95 * levels * dense


@pytest.mark.parametrize(
    ("learning_starts", "rewind", "refused"), [(256, 0.8, True), (256, 0.7, False), (64, 0.9, False)]
)
def test_to_rewind_to_where_nothing_would_be_learned_is_refused(
    learning_starts: int, rewind: float, refused: bool
) -> None:
    """Of 16 rounds of 64 env_steps; a DQN agent begins a rewound training with an empty memory."""
    learner = DQN(env_steps=1_024, learning_starts=learning_starts, epsilon_env_steps=256)
    e = Experiment(GridMaze(), learner, Network(hidden=(8,)), dataclasses.replace(SMOKE.pruning, rewind=rewind))
    if not refused:
        check(e)
        return
    with pytest.raises(ValueError, match=r"^rewind 0\.8 leaves fewer than 4 of its 16 rounds.*at most 0\.75$"):
        check(e)
