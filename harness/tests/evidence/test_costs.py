"""What cells are estimated to cost."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.evidence.costs import LEAST_STEPS, Costs, env_steps
from harness.evidence.store import Store, address
from harness.experiment import Cell
from harness.networks.mlp import Network
from harness.profiles.profile import PROFILES
from harness.pruning.conditions import DENSE, TICKET
from harness.tests.evidence import cells
from harness.tests.evidence.test_level_file import a_level

RATE = 3e-5
"""CPU seconds per member and env_step."""
MEASURED = {
    ("cart-pole", "ppo"): 1.94e-6,
    ("cart-pole", "bc"): 5.01e-6,
    ("cart-pole", "dqn"): 5.02e-6,
    ("acrobot", "ppo"): 1.42e-6,
    ("acrobot", "bc"): 2.29e-6,
    ("gridmaze", "dqn"): 5.49e-6,
}
"""The rates of `scaled` on seed block 6, on a 2-core AMD EPYC."""


def stored(folder: Path, *changed: Cell) -> Iterator[Cell]:
    """Put cells into a store whose levels cost `RATE`."""
    for cell in changed:
        for level in cell.levels:
            cost = RATE * len(cell.seeds) * cell.experiment.learner.env_steps
            Store(folder).write(address(cell), level, a_level(), cost)
        yield cell


def long(cell: Cell) -> Cell:
    learner = dataclasses.replace(cell.experiment.learner, env_steps=LEAST_STEPS)
    return dataclasses.replace(cell, experiment=dataclasses.replace(cell.experiment, learner=learner))


def test_a_cell_costs_what_levels_like_its_own_took(tmp_path: Path) -> None:
    (chain,) = stored(tmp_path, long(cells.CHAIN))
    costs = Costs.of(tmp_path)
    assert costs.seconds(chain) == pytest.approx(RATE * env_steps(chain))
    wider = dataclasses.replace(chain, experiment=dataclasses.replace(chain.experiment, network=Network((9, 9))))
    assert costs.seconds(wider) == pytest.approx(RATE * env_steps(wider))  # of the same learner
    agents = dataclasses.replace(chain, experiment=cells.AGENTS)
    assert costs.seconds(agents) == Costs().seconds(agents)


@pytest.mark.parametrize("spoil", ["short", "cost", "description", "none"])
def test_what_tells_nothing_is_left_out(tmp_path: Path, spoil: str) -> None:
    cell = cells.CHAIN if spoil == "short" else long(cells.CHAIN)
    for one in stored(tmp_path, *([] if spoil == "none" else [cell])):
        folder = Store(tmp_path).stored(address(one)).folder
        for path in folder.glob({"cost": "*.cost.json", "description": "cell.json"}.get(spoil, "no such file")):
            path.write_text(json.dumps({"cpu_seconds": "long"}))
    assert Costs.of(tmp_path).seconds(cell) == Costs().seconds(cell)


@pytest.mark.parametrize("profile", list(PROFILES))
def test_every_system_has_a_cost_and_longer_trainings_a_larger_one(profile: str) -> None:
    for experiment in PROFILES[profile].systems.values():
        dense, chain = (Cell(experiment, condition, (0, 1)) for condition in (DENSE, TICKET))
        assert 0 < Costs().seconds(dense) < Costs().seconds(chain)
        alone = Cell(experiment, TICKET, (0,))
        assert Costs().seconds(chain) == pytest.approx(2 * Costs().seconds(alone))


@pytest.mark.parametrize(("task", "learner"), list(MEASURED))
def test_without_a_store_an_estimate_is_wrong_by_half_at_most(task: str, learner: str) -> None:
    cell = Cell(PROFILES["scaled"].systems[task, learner], TICKET, (0, 1))
    assert 0.5 < Costs().seconds(cell) / env_steps(cell) / MEASURED[task, learner] < 1.5
