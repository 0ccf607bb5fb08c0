"""A task of which some inputs are shown: the same task otherwise, to agents; to experts, all of it."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import harness.learners.bc
from harness.experiment import Cell, Experiment
from harness.learners.bc import BC
from harness.learners.ppo import PPO
from harness.learners.protocol import Learner
from harness.learners.rollouts import Rollout, play
from harness.networks.network import outputs_of
from harness.overrides import Override
from harness.profiles.profile import PROFILES, System
from harness.pruning.conditions import DENSE
from harness.streams import streams
from harness.tasks.cart_pole import CartPole
from harness.tasks.input_subset import InputSubset, full_task, select_inputs
from harness.tests.networks.made import initial_mlp

POLE = ("pole angular velocity", "pole angle")  # not in the task's own order
COLUMNS = [3, 2]
COMPARED = ("pole angle", "cart position")
LEARNERS: list[Learner] = [
    PPO(env_steps=64, envs=4, rollout=16, minibatches=2, epochs=1),
    BC(env_steps=64, envs=4, batch=16, passes=1),
]


class TestValues:
    def test_it_is_the_task_with_these_columns_step_by_step(self) -> None:
        """Restarts and members that are dropped on the way among them."""
        task, rng = CartPole(horizon=12), np.random.default_rng(0)
        narrowed = InputSubset(task, POLE)
        starts = narrowed.draw_starts(np.random.default_rng(1), (3, 4))
        np.testing.assert_array_equal(starts, task.draw_starts(np.random.default_rng(1), (3, 4)))
        whole_batch, batch = task.batch(starts), narrowed.batch(starts)
        ended = 0
        for step in range(40):
            np.testing.assert_array_equal(batch.observations, whole_batch.observations[..., COLUMNS])
            actions = rng.integers(2, size=starts.shape[:2])
            ours, theirs = batch.step(actions, starts), whole_batch.step(actions, starts)
            for name in ("rewards", "terminated", "truncated"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
            np.testing.assert_array_equal(ours.final_observations, theirs.final_observations[..., COLUMNS])
            ended += int((theirs.terminated | theirs.truncated).sum())
            if step == 20:
                starts = starts[[2, 0]]
                batch.keep(np.array([2, 0]))
                whole_batch.keep(np.array([2, 0]))
        assert ended > 10

    def test_one_may_be_narrowed_again(self) -> None:
        task = InputSubset(InputSubset(CartPole(), ("cart velocity", *POLE)), POLE[1:])
        observations = np.random.default_rng(0).normal(size=(2, 5, 4))
        assert full_task(task) == CartPole()
        np.testing.assert_array_equal(select_inputs(task, observations), observations[..., [2]])
        starts = task.draw_starts(np.random.default_rng(0), (1, 3))
        np.testing.assert_array_equal(task.batch(starts).observations[..., 0], starts[..., 2].astype(np.float32))

    @pytest.mark.parametrize("inputs", [("pole angle", "pole"), ()])
    def test_what_can_not_be_shown_names_the_inputs_that_can(self, inputs: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match=r"cart-pole .*cart position, cart velocity, pole angle") as caught:
            InputSubset(CartPole(), inputs)
        assert "\n" not in str(caught.value)

    def test_an_override_gives_it_in_the_place_of_another_subset(self) -> None:
        profile = dataclasses.replace(PROFILES["scaled"], overrides=(Override.parse("task.inputs=cart velocity"),))
        for name, inputs in (("", ("cart velocity",)), ("task.inputs=pole angle+cart position", COMPARED)):
            task = profile.experiment(System("cart-pole", "ppo", (name,) if name else ())).task
            assert task == InputSubset(CartPole(), inputs)


def test_experts_see_all_inputs_and_their_students_some(monkeypatch: pytest.MonkeyPatch) -> None:
    experts = initial_mlp((4, 8, 2), streams(range(3), "experts of the test"))
    rollouts: list[Rollout] = []
    monkeypatch.setattr(harness.learners.bc, "read_experts", lambda *_: experts)
    monkeypatch.setattr(harness.learners.bc, "play", lambda *a: rollouts.append(play(*a)) or rollouts[-1])
    narrowed = InputSubset(CartPole(), POLE)
    lessons = []
    for task in (CartPole(), narrowed):
        networks = {"actor": initial_mlp((task.observation.size, 8, 2), streams(range(3), "w0"))}
        lessons.append(LEARNERS[1].start(task, networks, {}, range(3), level=0))
    all_of_it, some = lessons
    np.testing.assert_array_equal(rollouts[0].observations, rollouts[1].observations)
    assert rollouts[1].observations.shape[-1] == 4
    np.testing.assert_array_equal(some.inputs, all_of_it.inputs[..., COLUMNS])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(some.targets, all_of_it.targets)  # type: ignore[attr-defined]
    logits = outputs_of(experts, all_of_it.inputs)  # type: ignore[attr-defined]
    assert (some.targets.argmax(axis=-1) == logits.argmax(axis=-1)).all()  # type: ignore[attr-defined]


# What it is known by


def cell_of(task: Any, learner: Learner = LEARNERS[0]) -> Cell:
    return Cell(Experiment(task, learner), DENSE, (0, 1))


def test_inputs_their_order_and_the_task_itself_are_in_the_id() -> None:
    tasks = [CartPole(), InputSubset(CartPole(), CartPole.observation.inputs), InputSubset(CartPole(), POLE)]
    tasks += [InputSubset(CartPole(), POLE[::-1]), InputSubset(CartPole(200), POLE), InputSubset(tasks[2], POLE)]
    assert len({cell_of(task).id for task in tasks}) == len(tasks)
