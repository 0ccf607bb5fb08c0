"""The language of overrides: what is read, what changes, and what is wrong in one line."""

import dataclasses
from typing import Any

import pytest

from harness.networks.cnn import ConvNetwork, Convolution
from harness.overrides import Override, apply
from harness.profiles.profile import PROFILES, Profile, System

PPO, BC = System("cart-pole", "ppo"), System("cart-pole", "bc")
SMOKE = PROFILES["smoke"]


def with_overrides(*texts: str) -> Profile:
    return dataclasses.replace(SMOKE, overrides=tuple(map(Override.parse, texts)))


@pytest.mark.parametrize(
    "text",
    ["pruning.criterion=random", "cart-pole:task.horizon=200", "ppo:learner.clip=0.1", "task.inputs=a 1,2+b: c=d"],
)
def test_an_override_is_printed_as_it_is_read(text: str) -> None:
    assert str(Override.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "part", "field", "value"),
    [
        ("pruning.criterion=random", "pruning", "criterion", "random"),
        ("pruning.rate=0.25", "pruning", "rate", 0.25),
        ("network.hidden=8,4", "network", "hidden", (8, 4)),
        ("network.hidden=8-4", "network", "hidden", (8, 4)),
        ("evaluation.episodes=3", "evaluation", "episodes", 3),
        ("savings.stop_at_maximum=false", "savings", "stop_at_maximum", False),
        ("learner.clip = 0.1", "learner", "clip", 0.1),
        ("learner.clip_schedule=linear", "learner", "clip_schedule", "linear"),
        ("cart-pole:task.horizon=200", "task", "horizon", 200),
        ("ppo:learner.epsilon=0.001", "learner", "epsilon", 0.001),
    ],
)
def test_one_field_takes_the_value_and_no_other_changes(text: str, part: str, field: str, value: Any) -> None:
    before, after = SMOKE.experiment(PPO), with_overrides(text).experiment(PPO)
    assert getattr(getattr(after, part), field) == value
    back = dataclasses.replace(getattr(after, part), **{field: getattr(getattr(before, part), field)})
    assert dataclasses.replace(after, **{part: back}) == before


def test_convolutions_have_a_short_form() -> None:
    override, other = Override.parse("network.convolutions=32x8/4-16x3"), SMOKE.experiment(PPO)
    assert apply([override], other) == other, "it has none"
    pictured = dataclasses.replace(other, network=ConvNetwork())
    network = ConvNetwork(convolutions=(Convolution(32, 8, 4), Convolution(16, 3)))
    assert apply([override], pictured) == dataclasses.replace(pictured, network=network)
    with pytest.raises(ValueError, match="like 16x3 or 32x8/4, or several"):
        apply([Override.parse("network.convolutions=32")], pictured)


@pytest.mark.parametrize(
    "text", ["learner.clip=0.1", "acrobot:task.horizon=200", "acrobot:learner.passes=3", "ppo:learner.epsilon=0.001"]
)
def test_an_experiment_that_lacks_the_field_or_is_of_another_task_or_learner_stays(text: str) -> None:
    assert with_overrides(text).experiment(BC) == SMOKE.experiment(BC)


def test_what_a_claim_sets_itself_wins() -> None:
    changed = with_overrides("network.input_divisor=7", "network.initialiser=he")
    divided = changed.experiment(System("cart-pole", "ppo", ("network.input_divisor=10",))).network
    assert (divided.input_divisor, divided.initialiser) == (10, "he")


@pytest.mark.parametrize("texts", [("learner.rollout=30", "learner.minibatches=5")])
def test_settings_that_only_go_together_may_come_in_any_order(texts: tuple[str, ...]) -> None:
    changed = with_overrides(*texts)
    assert changed.experiment(PPO) == with_overrides(*texts[::-1]).experiment(PPO)
    changed.refuse_idle([PPO])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *((text, "PART.FIELD=VALUE") for text in ("", "pruning", "pruning.criterion", "pruning.criterion=", "=random")),
        *((text, "PART.FIELD=VALUE") for text in ("criterion=random", ":pruning.rate=0.5")),
        ("prunning.rate=1", "'prunning'.*task, learner, network, pruning, evaluation, savings"),
        ("control.name=unmasked", "'control'"),
        ("pruning.rates=0.1", "rate, levels"),
        ("learner.passes=2", "learning_rate, discount"),
        *((f"pruning.rate={number}", f"pruning.rate={number}.*number") for number in ("much", "-0.1", "nan")),
        *((f"pruning.levels={number}", "whole number") for number in ("2.5", "0", "²")),
        ("pruning.scope=critic", r"actor, actor\+critic"),
        ("savings.stop_at_maximum=no", "true or false"),
        ("network.hidden=8,x", "64-64"),
        ("learner.minibatches=7", "learner.minibatches=7.*128"),
        ("learner.ppo=mine", "cart-pole mine"),
        ("task.inputs=pole", "'pole'.*pole angle"),
        ("pruning.rate=0.9", "changes nothing here"),  # the profile has that value
        ("acrobot:task.horizon=200", "acrobot"),
        ("dqn:learner.epsilon=0.001", "dqn"),
    ],
)
def test_what_can_not_be_meant_is_one_line_that_names_it(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        with_overrides(text).refuse_idle([PPO])
    assert "\n" not in str(caught.value)


def test_a_field_that_all_runs_set_themselves_is_refused() -> None:
    short, long = (System("cart-pole", "ppo", (f"task.horizon={horizon}",)) for horizon in (200, 500))
    with pytest.raises(ValueError, match=r"task\.horizon=300 changes nothing here"):
        with_overrides("task.horizon=300").refuse_idle([short, long])
    with_overrides("task.horizon=300").refuse_idle([short, PPO])


def test_an_override_of_the_layout_gives_the_other_task_and_those_of_the_same_task_go_with_it() -> None:
    one, two = System("gridmaze", "dqn"), System("gridmaze-2", "dqn")
    changed = with_overrides("gridmaze:task.layout=2", "gridmaze:learner.discount=0.9")
    experiment = SMOKE.experiment(two)
    learner = dataclasses.replace(experiment.learner, discount=0.9)  # type: ignore[call-arg]
    assert changed.experiment(one) == dataclasses.replace(experiment, learner=learner)
    assert changed.experiment(two) == experiment
