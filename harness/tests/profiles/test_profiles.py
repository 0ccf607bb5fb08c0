"""What a claim can change about a system, and what the profiles promise."""

import dataclasses
from typing import Any

import pytest

from harness.overrides import Override
from harness.profiles.profile import PROFILES, TASKS, System, scale
from harness.pruning.prunable import densities
from harness.tasks.cart_pole import CartPole
from harness.tasks.input_subset import InputSubset

OVERRIDES = [
    *("task.horizon=200", "task.inputs=pole angle+cart position", "network.hidden=32-16", "network.dropout=0.1"),
    *("network.initialiser=xavier", "network.input_divisor=10", "learner.weight_decay=0.1"),
    *("learner.equal_updates=true", "pruning.scope=actor+critic", "pruning.lineage=branch", "pruning.checkpoint=last"),
    *("pruning.rewind=0.25", "evaluation.judged=best-evaluation"),
]


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_claim_and_an_option_set_it_alike(override: str) -> None:
    plain, changed = System("cart-pole", "bc"), System("cart-pole", "bc", (override,))
    by_option = dataclasses.replace(PROFILES["scaled"], overrides=(Override.parse(override),))
    by_option.refuse_idle([plain])
    assert str(changed).startswith(f"{plain} ")
    assert by_option.experiment(plain) == PROFILES["scaled"].experiment(changed)
    with pytest.raises(ValueError, match="changes nothing here"):
        by_option.refuse_idle([changed])


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("learner.equal_updates=true", "learning_rate"),  # of cloning alone
        ("task.encoding=rgb", "horizon, inputs"),
        ("network.drop=0.1", "dropout"),
    ],
)
def test_a_field_that_a_claims_system_lacks_is_an_error_that_names_its_fields(override: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"{override}.* cart-pole ppo .*{named}") as caught:
        PROFILES["scaled"].experiment(System("cart-pole", "ppo", (override,)))
    assert "\n" not in str(caught.value)


def test_a_system_that_can_not_be_read_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match=r"PART\.FIELD=VALUE"):
        System("cart-pole", "ppo", ("horizon=200",))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
@pytest.mark.parametrize("task", [task for task, budgets in TASKS.items() if "bc" in budgets.experiments["scaled"]])
def test_equal_updates_are_those_of_ppo(profile: Any, task: str) -> None:
    student = profile.experiment(System(task, "bc", ("learner.equal_updates=true",))).learner
    agent = profile.experiment(System(task, "ppo")).learner
    assert abs(student.updates - agent.updates) <= student.updates_per_pass / 2


@pytest.mark.parametrize(("task", "ratio", "lowest"), [("cart-pole", 8, 0.001), ("acrobot", 2.5, 0.001)])
def test_scaled_keeps_the_papers_ratio_of_env_steps_and_three_of_its_levels_in_one(
    task: str, ratio: float, lowest: float
) -> None:
    shares = {learner: scale(PROFILES["scaled"], System(task, learner))["env_steps"] for learner in ("ppo", "bc")}
    assert shares["ppo"]["here"] == ratio * shares["bc"]["here"]  # type: ignore[operator]
    assert shares["ppo"]["paper"] == ratio * shares["bc"]["paper"]  # type: ignore[operator]
    experiment = PROFILES["scaled"].experiment(System(task, "ppo"))
    assert experiment.pruning.rate == pytest.approx(1 - 0.8**3)
    assert densities(experiment)[-1] <= lowest


@pytest.mark.parametrize("task", ["cart-pole", "acrobot"])
def test_extended_is_the_papers_network_pruned_in_finer_levels_about_as_far_as_scaled(task: str) -> None:
    for learner in TASKS[task].experiments["paper"]:
        scaled, extended, paper = (
            PROFILES[name].experiment(System(task, learner)) for name in ("scaled", "extended", "paper")
        )
        assert extended.network == paper.network
        assert extended.pruning.rate == pytest.approx(1 - 0.8**2)
        assert 0.5 < densities(extended)[-1] / densities(scaled)[-1] < 2
        times = 1 if learner == "dqn" else 2  # as the budgets say, with the reason
        assert extended.learner.env_steps == times * scaled.learner.env_steps


@pytest.mark.parametrize("learner", ["dqn", "ppo"])
def test_extended_is_scaled_at_five_times_the_env_steps_on_gridmaze(learner: str) -> None:
    scaled, extended = (PROFILES[name].experiment(System("gridmaze", learner)) for name in ("scaled", "extended"))
    assert extended.learner.env_steps == 5 * scaled.learner.env_steps
    assert dataclasses.replace(extended, learner=scaled.learner) == scaled
    assert densities(scaled)[2] == pytest.approx(0.2, abs=0.001) and densities(scaled)[-1] < 0.02


@pytest.mark.parametrize("task", TASKS)
def test_reduced_is_scaled_at_about_half_its_levels(task: str) -> None:
    for learner, reduced in TASKS[task].experiments["reduced"].items():
        scaled = TASKS[task].experiments["scaled"][learner]
        assert dataclasses.replace(reduced, pruning=scaled.pruning) == scaled
        levels = {"gridmaze": 3, "gridmaze-2": 3}.get(task, scaled.pruning.levels // 2)
        assert reduced.pruning == dataclasses.replace(scaled.pruning, rate=0.738, levels=levels)


def test_gridmaze_takes_half_of_the_seeds_at_extended_and_all_of_them_elsewhere() -> None:
    system = System("gridmaze", "dqn")
    for profile in PROFILES.values():
        count = profile.seeds // 2 if profile.name == "extended" else profile.seeds
        assert profile.seeds_of(1, profile.times("gridmaze")) == tuple(range(1000, 1000 + count))
        assert [seed for cell in profile.cells(system, "dense", 1) for seed in cell.seeds] == [
            *range(1000, 1000 + count)
        ]
        assert scale(profile, system)["seeds"]["here"] == count
    assert PROFILES["extended"].times("cart-pole", 2) == 2


@pytest.mark.parametrize(("asked", "taken"), [(60, 30), (7, 4), (1, 1)])
def test_a_share_is_one_of_the_seeds_that_are_asked_for_and_never_none(asked: int, taken: int) -> None:
    profile = dataclasses.replace(PROFILES["extended"], seeds=asked)
    cells = profile.cells(System("gridmaze", "dqn"), "mask/weights", 0)
    assert sum(len(cell.seeds) for cell in cells) == taken == len(profile.seeds_of(0, profile.times("gridmaze")))
    twice = profile.cells(System("gridmaze", "dqn"), "mask/weights", 0, times=2)
    assert twice[: len(cells) - (taken % profile.chunk > 0)] == cells[: len(cells) - (taken % profile.chunk > 0)]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
@pytest.mark.parametrize("condition", ["dense", "mask/weights"])
def test_more_seeds_are_more_cells_and_the_first_stay_as_they_are(profile: Any, condition: str) -> None:
    system = System("cart-pole", "bc")
    once, twice = (profile.cells(system, condition, 3, times) for times in (1, 2))
    assert twice[: len(once)] == once == profile.cells(system, condition, 3)
    assert [cell.id for cell in twice[: len(once)]] == [cell.id for cell in once]
    assert [seed for cell in twice for seed in cell.seeds] == list(range(3000, 3000 + 2 * profile.seeds))
    assert all(len(cell.seeds) <= profile.chunk for cell in twice)
    assert profile.seeds_of(3, 2) == tuple(seed for cell in twice for seed in cell.seeds)


def test_no_block_runs_into_the_next() -> None:
    assert PROFILES["extended"].seeds_of(1, times=25)[-1] == 1999
    with pytest.raises(ValueError, match=r"26 .*--claims-seeds 38"):
        PROFILES["extended"].seeds_of(1, times=26)


def test_an_override_of_a_task_reaches_the_task_whose_inputs_a_claim_chose() -> None:
    system = System("cart-pole", "ppo", ("task.inputs=pole angle",))
    changed = dataclasses.replace(PROFILES["scaled"], overrides=(Override.parse("task.horizon=200"),))
    changed.refuse_idle([system])
    assert changed.experiment(system).task == InputSubset(CartPole(200), ("pole angle",))
