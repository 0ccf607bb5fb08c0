"""surviving-inputs-suffice: what the inputs allow is told from what an agent found without a reward."""

import runpy
from typing import Any

import numpy as np
import pytest

from harness.experiment import Cell
from harness.files import SUITE_ROOT
from harness.judging.chains import Scene
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.judging.run import dense_run
from harness.pruning.level import Level
from harness.results.schema import Finding
from harness.tests.judging.made import PROFILE, MadeStore, level_of

CLAIM = runpy.run_path(str(SUITE_ROOT / "claims" / "test_surviving_inputs_suffice.py"))
VELOCITIES, LOWEST, DONE = CLAIM["VELOCITIES"], -500.0, -80.0


def finding(test: str, learner: str, failing: int, met: bool) -> Finding:
    """Of Acrobot, where so many seeds fail on the velocities alone, and have met a reward or not."""

    def making(cell: Cell, level: int) -> Level:
        fails = np.array(cell.seeds) < (failing if cell.experiment.task.observation.size == 2 else 0)
        curves = np.where(fails[:, None], [LOWEST, -499.0 if met else LOWEST], [LOWEST, DONE])
        return level_of(cell, np.where(fails, LOWEST, DONE), curves)

    store: Any = MadeStore(making)
    runs = [
        dense_run("acrobot", learner, *inputs, times=3).bind(Scene(PROFILE, 0, store)) for inputs in ([VELOCITIES], [])
    ]
    judge = Judge(Claim("c", "0", "both tasks", 2, "learning"), test, test, "It is so.", runs, "", gives_findings=True)
    CLAIM[test](*runs, judge)
    assert judge.finding is not None
    return judge.finding


class TestAgents:
    @pytest.mark.parametrize("met", [True, False])
    def test_as_many_fail_on_either_inputs_where_none_does(self, met: bool) -> None:
        assert finding("test_agents_fail_no_more_often", "ppo", 0, met).conclusion == "supported"

    def test_failing_after_a_reward_speaks_against_the_inputs(self) -> None:
        found = finding("test_agents_fail_no_more_often", "ppo", 54, met=True)
        assert (found.conclusion, found.effect, found.test) == ("contradicted", pytest.approx(-0.9), "paired shares")

    def test_agents_that_never_met_a_reward_leave_it_open_and_the_share_of_failures_is_told(self) -> None:
        found = finding("test_agents_fail_no_more_often", "ppo", 54, met=False)
        assert (found.conclusion, found.effect) == ("underpowered", pytest.approx(-0.9))
        assert [name for name in found.hangs_on if "without a reward" in name]
        (met,) = (reading for reading in found.sensitivity if "met a reward" in reading.name)
        assert met.effect == pytest.approx(-0.9)


class TestStudents:
    def test_a_student_need_not_explore_so_that_its_failure_counts_without_a_reward(self) -> None:
        assert finding("test_inputs_suffice", "bc", 0, met=False).conclusion == "supported"
        assert finding("test_inputs_suffice", "bc", 54, met=False).conclusion == "contradicted"
