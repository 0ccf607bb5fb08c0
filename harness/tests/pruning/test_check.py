"""What can be told of an experiment before any training: one line that names the setting and the way out."""

import dataclasses
from typing import Any

import pytest

from harness import register
from harness.experiment import Experiment
from harness.learners.dqn import DQN
from harness.learners.training import rewind_round
from harness.networks.mlp import Network
from harness.pruning.check import check
from harness.pruning.pruning_settings import Pruning
from harness.tests.pruning.cases import Able, Scripted, experiment_of, learners, scripted


def refused(e: Experiment) -> str:
    with pytest.raises(ValueError, match=r"\w") as told:
        check(e)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("part", "changes", "way_out"),
    [
        ("network", {"hidden": (8, 0)}, "at least one"),
        ("network", {"activation": "gelu"}, "relu, tanh"),
        ("network", {"initialiser": "nothing"}, "kaiming, he, xavier"),
        ("network", {"input_divisor": 0.0}, "above 0"),
        ("network", {"dropout": 1.0}, "below 1"),
        ("pruning", {"rate": 1.0}, "between 0 and 1"),
        ("pruning", {"levels": 0}, "at least one"),
        ("pruning", {"criterion": "nothing"}, "magnitude, random"),
        ("evaluation", {"episodes": 0}, "at least 1"),
        *(("pruning", {"rewind": share}, "from 0 to below 1") for share in (-0.1, 1.0, 1.5, float("nan"))),
    ],
)
def test_a_value_that_cannot_work_is_told_with_what_can(part: str, changes: dict[str, Any], way_out: str) -> None:
    e = experiment_of("bc")
    check(e)
    (name, value), *_ = changes.items()
    said = refused(dataclasses.replace(e, **{part: dataclasses.replace(getattr(e, part), **changes)}))
    assert way_out in said
    assert str(value) in said or (part == "evaluation" and name in said)


@pytest.mark.parametrize(
    "changes", [{"pruning": Pruning(criterion="asks")}, {"network": Network((), dropout=0.5)}, {"rewind": 0.5}]
)
def test_what_a_learner_does_not_offer_is_refused_by_its_name(changes: dict[str, Any], registered: None) -> None:
    register.criterion("asks")(asks)
    assert "scripted" in refused(scripted((0, 0), learner=Scripted, **changes))
    check(scripted((0, 0), learner=Able, **changes))
    check(scripted((0, 0), learner=Scripted))


def asks(gradients: Any) -> Any:
    return gradients


@pytest.mark.parametrize(("learner", "last"), [("ppo", 7), ("bc", 15)])
def test_a_point_that_leaves_nothing_to_evaluate_is_told_with_the_latest_that_does(learner: str, last: int) -> None:
    latest = last / (last + 1)
    check(experiment_of(learner, rewind=latest))
    assert f"{latest:.3g}" in refused(experiment_of(learner, rewind=0.999))


@pytest.mark.parametrize(
    ("learning_starts", "rewind", "latest"), [(256, 0.8, "0.75"), (256, 0.7, None), (64, 0.9, None)]
)
def test_a_point_that_leaves_nothing_to_learn_is_refused(learning_starts: int, rewind: float, latest: Any) -> None:
    """Of 16 rounds of 64 env_steps; a DQN agent begins a rewound training with an empty memory."""
    learner = DQN(env_steps=1_024, learning_starts=learning_starts, epsilon_env_steps=256)
    e = dataclasses.replace(experiment_of("dqn", rewind=rewind), learner=learner)
    if latest is None:
        check(e)
    else:
        assert latest in refused(e)


@learners
def test_the_first_point_later_than_w0_is_after_a_round(learner: str) -> None:
    """So that a claim's early point is one at the smallest scale, too."""
    assert [rewind_round(share, 8) for share in (0.0, 0.001, 1 / 8)] == [0, 1, 1]
    check(experiment_of(learner, rewind=0.001))
