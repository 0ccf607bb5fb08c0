"""Reference returns are what a random policy and the experts return, and a run has those of its own task."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import harness.files
from harness.files import FixtureError
from harness.judging.chains import Scene
from harness.judging.run import Run
from harness.learners.expert_files import read_experts
from harness.networks.heads import Categorical
from harness.networks.network import BaseNetwork
from harness.profiles.experts import _random_returns
from harness.profiles.profile import PROFILES, TASKS, System
from harness.pruning.conditions import TICKET
from harness.streams import stream
from harness.tasks.references import KEYS, read_reference, reference_file
from harness.tasks.rollout import rollout_returns
from harness.tasks.spec import Task

VARIANTS = [(name, variant) for name, budgets in TASKS.items() for variant in budgets.references]
every_variant = pytest.mark.parametrize(("name", "task"), VARIANTS, ids=[f"{n}-{t.horizon}" for n, t in VARIANTS])


def experts_of(name: str, task: Any) -> BaseNetwork:
    """All that are shipped."""
    return read_experts(name, range(TASKS[name].experts.count), task.observation.shape, Categorical(task.action.count))


@every_variant
def test_a_run_is_normalised_by_the_reference_of_its_own_task_and_horizon(name: str, task: Task) -> None:
    written = json.loads((harness.files.FIXTURES / "references" / f"{name}-{task.horizon}.json").read_text())
    for learner in TASKS[name].experiments["scaled"]:
        for inputs in ([], [f"task.inputs={task.observation.inputs[-1]}"]):
            system = System(name, learner, (f"task.horizon={task.horizon}", *inputs))
            run = Run(system, (TICKET,)).bind(Scene(PROFILES["scaled"], 0, cast(Any, None)))
            assert vars(run.reference) == {key: written[key] for key in KEYS}


@every_variant
def test_the_shipped_reference_is_found_again_on_fresh_episodes(name: str, task: Task) -> None:
    """Within five standard errors, to which an expert's own spread adds."""
    reference, count, rng = read_reference(name, task.horizon), TASKS[name].experts.count, stream(4711, "test")
    experts = experts_of(name, task)
    found = rollout_returns(task, experts, task.draw_starts(rng, (count, 6))).mean(axis=1)
    error = np.hypot(found.std(ddof=1) / np.sqrt(count), reference["expert_se"])
    assert abs(found.mean() - reference["expert"]) <= 5 * error + 1e-9
    by_chance = _random_returns(task, rng)
    error = np.hypot(by_chance.std(ddof=1) / np.sqrt(len(by_chance)), reference["random_se"])
    assert abs(by_chance.mean() - reference["random"]) <= 5 * error


@every_variant
def test_the_expert_is_far_above_chance_and_within_the_bounds_of_a_return(name: str, task: Task) -> None:
    reference = read_reference(name, task.horizon)
    errors = np.hypot(reference["random_se"], reference["expert_se"])
    unsure = (
        10 if TASKS[name].variant_of else 20
    )  # the second layout's experts differ widely, and nothing was tuned on it
    assert reference["expert"] - reference["random"] > unsure * errors
    assert task.minimum_return <= reference["random"] < reference["expert"] <= reference["best"] <= task.maximum_return


@pytest.mark.parametrize(
    ("name", "at_least"), [("cart-pole", 490), ("acrobot", -90), ("gridmaze", 20), ("gridmaze-2", 8)]
)
def test_every_shipped_expert_masters_its_task(name: str, at_least: float) -> None:
    count, task = TASKS[name].experts.count, TASKS[name].task
    experts = experts_of(name, task)
    starts = task.draw_starts(stream(4711, "test of the experts"), (count, 20))
    assert rollout_returns(task, experts, starts).mean(axis=1).min() >= at_least


@pytest.mark.parametrize("text", [None, "", "{", "[1]", '{"random": 1}', '{"random": "x"}', "null"])
def test_a_reference_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.setattr(harness.files, "FIXTURES", tmp_path)
    path = reference_file("a-task", 10)
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
    with pytest.raises(FixtureError) as caught:
        read_reference("a-task", 10)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
