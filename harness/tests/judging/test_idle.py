"""What a network without weights returns, and how far a failing chain therefore reaches."""

from typing import Any

import numpy as np
import pytest

from harness.judging.chains import Scene
from harness.judging.idle import EPISODES, idle_return
from harness.judging.run import imp_runs
from harness.profiles.profile import PROFILES
from harness.statistics import Reference, reachable_span
from harness.statistics.guard import reaches
from harness.streams import stream
from harness.tasks.cart_pole import CartPole
from harness.tasks.gridmaze.maze import GridMaze
from harness.tasks.rollout import rollout_returns
from harness.tests.networks.made import initial_mlp


@pytest.mark.parametrize(
    "task", [CartPole(horizon=30), GridMaze(horizon=30), GridMaze(horizon=30, encoding="entangled")]
)
def test_it_is_that_of_a_network_whose_weights_are_all_pruned(task: Any) -> None:
    network = initial_mlp((task.observation.size, 4, task.action.count), [stream(0, "init")])
    network.flat[:] = 0
    episodes = EPISODES if isinstance(task, CartPole) else 1
    starts = task.draw_starts(stream(0, "idle"), (1, episodes))
    assert idle_return(task) == rollout_returns(task, network, starts, seeds=(0,)).mean()


def test_the_span_goes_from_the_lower_of_it_and_the_random_policy_to_the_best_expert() -> None:
    reference = Reference(random=20, random_se=1, expert=120, expert_se=1, best=130)
    assert reachable_span(reference, 10) == pytest.approx((-0.1, 1.1))
    assert reachable_span(reference, 30) == pytest.approx((0, 1.1))


def test_what_one_condition_shows_beyond_the_span_any_other_can_reach() -> None:
    calm, wild = np.ones(20), np.append(np.ones(19), -0.5)
    weights = np.array([2.0, -1.0])
    assert reaches(np.stack([calm, calm]), weights, (0.0, 1.0)) == pytest.approx((2, 1))
    assert reaches(np.stack([calm, wild]), weights, (0.0, 1.0)) == pytest.approx((3, 1.5))


@pytest.mark.parametrize(("name", "seeds"), [("scaled", 20), ("extended", 40), ("paper", 45)])
def test_at_paper_a_run_may_take_more_of_its_seeds(name: str, seeds: int) -> None:
    (run,) = imp_runs(["cart-pole"], ["bc"], paper_times=3)
    scene: Any = Scene(PROFILES[name], 0, None)  # type: ignore[arg-type]
    bound = run.bind(scene)
    assert len(bound.seeds) == seeds == sum(len(cell.seeds) for cell in bound.cells_of("mask/weights"))
